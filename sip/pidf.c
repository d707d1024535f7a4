#include "sip/pidf.h"

#include <glib.h>

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
