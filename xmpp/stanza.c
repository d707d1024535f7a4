#include "base/log.h"
#include "xmpp/component.h"
#include "xmpp/xml.h"

#include <inttypes.h>
#include <string.h>

GString *stanza_begin(const char *name, const char *type, const char *from, const char *to,
                      const char *id)
{
    GString *s = g_string_new(NULL);

    g_string_append_printf(s, "<%s", name);
    xml_attr(s, "type", type);
    xml_attr(s, "from", from);
    xml_attr(s, "to", to);
    xml_attr(s, "id", id);
    g_string_append_c(s, '>');
    return s;
}

/* What it is and to whom: never what is in it, which may be a password of ICE or what people write.
 */
static void log_head(const char *xml)
{
    const char *end = strchr(xml, '>');

    if (end && end[1] == '<') /* the payload's own tag too */
        end = strchr(end + 1, '>');
    if (end)
        LOG_D(XMPP_MOD, "send %.*s", (int)MIN(end - xml + 1, 400), xml);
}

void stanza_send(struct component *x, GString *s, const char *name)
{
    g_string_append_printf(s, "</%s>", name);
    log_head(s->str);
    (void)conn_send(x->conn, s);
}

/* The answer comes from the JID that was asked, or its asker does not know it for an answer. */
GString *stanza_result_begin(const struct stanza *iq)
{
    return stanza_begin("iq", "result", iq->to.full, iq->from.full, iq->id);
}

void stanza_result(struct component *x, const struct stanza *iq)
{
    stanza_send(x, stanza_result_begin(iq), "iq");
}

void stanza_refuse(struct component *x, const struct stanza *st, const char *name,
                   const struct stanza_error *e)
{
    GString *s;

    if (st->type && (g_str_equal(st->type, "error") || g_str_equal(st->type, "result")))
        return;
    s = stanza_begin(name, "error", st->to.full, st->from.full, st->id);
    g_string_append_printf(s,
                           "<error type='%s'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>%s",
                           e->type, e->condition, e->extra ? e->extra : "");
    if (e->text) {
        g_string_append(s, "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>");
        xml_text(s, e->text);
        g_string_append(s, "</text>");
    }
    g_string_append(s, "</error>");
    stanza_send(x, s, name);
}

void stanza_id(struct component *x, char out[32])
{
    (void)g_snprintf(out, 32, "%s-%" PRIu64, x->id_prefix, ++x->next_id);
}
