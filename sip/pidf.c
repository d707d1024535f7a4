#include "sip/pidf.h"

#include <glib.h>

#include <string.h>

/* Old watchers know only open and closed; newer ones find in the person what keeps it from
 * answering. */
static const char *activity(enum presence_show show)
{
    switch (show) {
    case PRESENCE_AWAY: return "away";
    case PRESENCE_BUSY: return "busy";
    case PRESENCE_OFFLINE:
    case PRESENCE_AVAILABLE:
    case PRESENCE_SHOWS: break;
    }
    return NULL;
}

char *pidf_write(const char *uri, const struct presence *p)
{
    GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"");
    g_autofree char *entity = g_markup_escape_text(uri, -1);
    g_autofree char *note = g_markup_escape_text(p->note, -1);
    const char *what = activity(p->show);

    if (what)
        g_string_append(out, " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\""
                             " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"");
    g_string_append_printf(out,
                           " entity=\"%s\">\n<tuple id=\"tandem\"><status><basic>%s</basic>"
                           "</status>",
                           entity, p->show == PRESENCE_OFFLINE ? "closed" : "open");
    if (note[0])
        g_string_append_printf(out, "<note>%s</note>", note);
    g_string_append(out, "</tuple>\n");
    if (what)
        g_string_append_printf(out,
                               "<dm:person id=\"person\"><rpid:activities><rpid:%s/>"
                               "</rpid:activities></dm:person>\n",
                               what);
    g_string_append(out, "</presence>\n");
    return g_string_free(out, FALSE);
}

/* ---- reading ---- */

enum { VALUE_MAX = 512 };

struct reader {
    unsigned depth;
    bool open, closed, away, busy, in_activities;
    bool noted;
    GString *value; /* text of the innermost element, as far as it matters */
    struct presence *out;
};

static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

/* RFC 4480 3.2: most of its words mean one of two things to who wants to call. */
static void read_activity(struct reader *r, const char *name)
{
    static const char *const away[] = {"away",   "breakfast", "dinner",   "holiday",
                                       "lunch",  "meal",      "shopping", "sleeping",
                                       "travel", "vacation",  "worship",  "permanent-absence",
                                       NULL};
    static const char *const busy[] = {"busy",         "appointment", "meeting", "on-the-phone",
                                       "presentation", "performance", NULL};

    r->away = r->away || g_strv_contains(away, name);
    r->busy = r->busy || g_strv_contains(busy, name);
}

static void on_start(GMarkupParseContext *c, const char *element, const char **names,
                     const char **values, gpointer arg, GError **error)
{
    const char *name = local_name(element);
    struct reader *r = arg;

    (void)c;
    (void)names;
    (void)values;
    if (r->depth++ == 0 && !g_str_equal(name, "presence"))
        g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_UNKNOWN_ELEMENT, "no presence");
    if (r->in_activities)
        read_activity(r, name);
    if (g_str_equal(name, "activities"))
        r->in_activities = true;
    g_string_truncate(r->value, 0);
}

static void on_text(GMarkupParseContext *c, const char *text, gsize n, gpointer arg, GError **error)
{
    struct reader *r = arg;

    (void)c;
    (void)error;
    g_string_append_len(r->value, text, (gssize)MIN(n, VALUE_MAX - MIN(r->value->len, VALUE_MAX)));
}

static void on_end(GMarkupParseContext *c, const char *element, gpointer arg, GError **error)
{
    const char *name = local_name(element);
    struct reader *r = arg;
    char *value = g_strstrip(r->value->str);

    (void)c;
    (void)error;
    r->depth--;
    if (g_str_equal(name, "activities"))
        r->in_activities = false;
    if (g_str_equal(name, "basic")) {
        r->open = r->open || g_str_equal(value, "open");
        r->closed = r->closed || g_str_equal(value, "closed");
    } else if (g_str_equal(name, "note") && !r->in_activities && !r->noted) {
        r->noted = true;
        presence_set_note(r->out, value);
    }
    g_string_truncate(r->value, 0);
}

bool pidf_read(struct span xml, struct presence *out)
{
    static const GMarkupParser parser = {
        .start_element = on_start, .end_element = on_end, .text = on_text};
    struct reader r = {.out = out};
    GMarkupParseContext *c;
    bool ok;

    presence_set_note(out, NULL);
    if (!g_utf8_validate(xml.p, (gssize)xml.n, NULL))
        return false;
    r.value = g_string_new(NULL);
    c = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &r, NULL);
    ok = g_markup_parse_context_parse(c, xml.p, (gssize)xml.n, NULL) &&
         g_markup_parse_context_end_parse(c, NULL);
    g_markup_parse_context_free(c);
    (void)g_string_free(r.value, TRUE);
    if (r.closed && !r.open)
        out->show = PRESENCE_OFFLINE;
    else if (r.busy)
        out->show = PRESENCE_BUSY;
    else
        out->show = r.away ? PRESENCE_AWAY : PRESENCE_AVAILABLE;
    return ok;
}
