/* struct jingle -> <jingle/>. */
#include "xmpp/jingle_private.h"
#include "xmpp/xml.h"

/* The stream's mid; its place where SDP gave it none. */
static void write_name(GString *s, const struct desc *d, unsigned i)
{
    if (d->stream[i].mid[0])
        xml_attr(s, "name", d->stream[i].mid);
    else
        xml_attr_number(s, "name", i);
}

static void write_content(GString *s, const struct jingle *j, unsigned i, bool by_initiator)
{
    const struct desc_stream *stream = &j->desc->stream[i];
    enum desc_direction d = stream->direction;

    /* Monal cannot read "none". What counts is that the author does not send: the other side may,
     * and what it sends is not used. */
    if (d == DESC_INACTIVE)
        d = DESC_RECVONLY;
    g_string_append(s, "<content creator='initiator'");
    write_name(s, j->desc, i);
    xml_attr(s, "senders", jingle_senders(d, by_initiator));
    g_string_append_c(s, '>');
    if (j->content[i].description)
        jingle_write_description(s, j->desc, i, by_initiator);
    if (j->content[i].transport)
        jingle_write_transport(s, stream->transport >= 0 ? &j->desc->transport[stream->transport]
                                                         : NULL);
    g_string_append(s, "</content>");
}

/* The names of those on transport @p t; how many there are. */
static unsigned append_group(GString *s, const struct desc *d, unsigned t)
{
    unsigned n = 0;

    g_string_append(s, "<group xmlns='" JINGLE_GROUP_NS "' semantics='BUNDLE'>");
    for (unsigned i = 0; i < d->nstreams; i++) {
        if (d->stream[i].transport != (int)t)
            continue;
        g_string_append(s, "<content");
        write_name(s, d, i);
        g_string_append(s, "/>");
        n++;
    }
    g_string_append(s, "</group>");
    return n;
}

/* One for each transport that is shared; when none is, one that says we may. */
static void write_groups(GString *s, const struct desc *d)
{
    unsigned written = 0;

    for (unsigned t = 0; t < d->ntransports; t++) {
        gsize from = s->len;
        if (append_group(s, d, t) > 1)
            written++;
        else
            g_string_truncate(s, from);
    }
    if (!written && d->ntransports)
        (void)append_group(s, d, 0);
}

static void write_info(GString *s, const struct jingle *j)
{
    static const char *const names[] = {
        [JINGLE_INFO_PING] = NULL,         [JINGLE_INFO_ACTIVE] = "active",
        [JINGLE_INFO_HOLD] = "hold",       [JINGLE_INFO_MUTE] = "mute",
        [JINGLE_INFO_RINGING] = "ringing", [JINGLE_INFO_UNHOLD] = "unhold",
        [JINGLE_INFO_UNMUTE] = "unmute",   [JINGLE_INFO_UNKNOWN] = NULL};
    bool named = (j->info == JINGLE_INFO_MUTE || j->info == JINGLE_INFO_UNMUTE) && j->info_name[0];

    if (!names[j->info])
        return;
    g_string_append_printf(s, "<%s xmlns='" JINGLE_INFO_NS "'", names[j->info]);
    if (named) {
        g_string_append(s, " creator='initiator'");
        xml_attr(s, "name", j->info_name);
    }
    g_string_append(s, "/>");
}

void jingle_write(GString *s, const struct jingle *j, bool by_initiator, const char *initiator,
                  const char *responder)
{
    by_initiator |= j->action == JINGLE_SESSION_INITIATE;
    g_string_append(s, "<jingle xmlns='" JINGLE_NS "'");
    xml_attr(s, "action", jingle_action_word(j->action));
    xml_attr(s, "sid", j->sid);
    xml_attr(s, "initiator", initiator);
    xml_attr(s, "responder", responder);
    g_string_append_c(s, '>');
    for (unsigned i = 0; j->desc && i < j->desc->nstreams; i++)
        if (!j->content[i].group_only)
            write_content(s, j, i, by_initiator);
    if (j->desc && j->desc->bundled)
        write_groups(s, j->desc);
    if (j->action == JINGLE_SESSION_INFO)
        write_info(s, j);
    jingle_reason_write(s, j->reason, j->reason_text);
    g_string_append(s, "</jingle>");
}
