/* <jingle/> -> struct jingle: the element itself, its contents, groups and session-info. What a
 * content holds is read by jingle_rtp.c and jingle_ice.c. */
#include "xmpp/jingle_private.h"

#include <string.h>

/* ---- content ---- */

static int stream_by_name(const struct desc *d, struct span name)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        if (span_equal(name, span_of(d->stream[i].mid)))
            return (int)i;
    return -1;
}

static enum gw_err read_parts(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i)
{
    struct jingle_content *content = &r->out->content[i];
    enum gw_err err = GW_OK;

    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && !err;
         c = xmpp_stanza_get_next(c)) {
        if (!content->description && jingle_is(c, "description", JINGLE_RTP_NS)) {
            content->description = true;
            err = jingle_read_description(r, c, i);
        } else if (!content->transport && jingle_is(c, "transport", JINGLE_ICE_NS)) {
            content->transport = true;
            err = jingle_read_transport(r, c, i);
        }
    }
    return err;
}

static enum gw_err read_content(struct jingle_reader *r, xmpp_stanza_t *element)
{
    struct desc *d = r->out->desc;
    struct span name = jingle_attr(element, "name");
    struct span senders = jingle_attr(element, "senders");
    struct desc_stream *s;

    /* The name becomes a mid, which is a word of SDP. */
    if (!jingle_is_token(name) || name.n >= DESC_MID_MAX)
        return jingle_refuse(r, GW_EPARSE, "a content has no name, or one too long or with spaces");
    if (stream_by_name(d, name) >= 0)
        return jingle_refuse(r, GW_EPARSE, "two contents have the same name");
    s = desc_add_stream(d, DESC_OTHER);
    if (!s)
        return jingle_refuse(r, GW_ETOOBIG, "too many contents");
    (void)span_copy(name, s->mid, sizeof(s->mid));
    if (!jingle_read_senders(senders, r->by_initiator, &s->direction))
        return jingle_refuse(r, GW_EPARSE,
                             "senders is none of both, initiator, responder and none");
    r->out->content[d->nstreams - 1] = (struct jingle_content){
        .by_responder = span_equal(jingle_attr(element, "creator"), SPAN("responder")),
        .senders_set = senders.p != NULL,
    };
    return read_parts(r, element, d->nstreams - 1);
}

/* ---- what else there may be ---- */

/* XEP-0338. Names of contents that are not in this stanza belong to the session and say nothing
 * about it. */
static void read_group(struct jingle_reader *r, xmpp_stanza_t *element, unsigned index)
{
    r->out->desc->bundled = true;
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c; c = xmpp_stanza_get_next(c)) {
        int i = jingle_is(c, "content", JINGLE_GROUP_NS)
                    ? stream_by_name(r->out->desc, jingle_attr(c, "name"))
                    : -1;
        if (i >= 0)
            r->groups[i] |= (uint32_t)1 << index;
    }
}

static void read_groups(struct jingle_reader *r, xmpp_stanza_t *element)
{
    unsigned n = 0;

    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && n < 32;
         c = xmpp_stanza_get_next(c))
        if (jingle_is(c, "group", JINGLE_GROUP_NS) &&
            span_equal(jingle_attr(c, "semantics"), SPAN("BUNDLE")))
            read_group(r, c, n++);
}

static const struct {
    enum jingle_info info;
    const char *name;
} infos[] = {{JINGLE_INFO_ACTIVE, "active"}, {JINGLE_INFO_HOLD, "hold"},
             {JINGLE_INFO_MUTE, "mute"},     {JINGLE_INFO_RINGING, "ringing"},
             {JINGLE_INFO_UNHOLD, "unhold"}, {JINGLE_INFO_UNMUTE, "unmute"}};

/* The first payload counts (XEP-0167 8); none is a ping (XEP-0166 6.8). */
static enum gw_err read_info(struct jingle_reader *r, xmpp_stanza_t *element)
{
    struct jingle *j = r->out;
    xmpp_stanza_t *c = xmpp_stanza_get_children(element);

    while (c && xmpp_stanza_is_text(c))
        c = xmpp_stanza_get_next(c);
    if (!c)
        return GW_OK;
    j->info = JINGLE_INFO_UNKNOWN;
    for (size_t i = 0; i < G_N_ELEMENTS(infos); i++)
        if (jingle_is(c, infos[i].name, JINGLE_INFO_NS))
            j->info = infos[i].info;
    if (j->info != JINGLE_INFO_MUTE && j->info != JINGLE_INFO_UNMUTE)
        return GW_OK;
    struct span name = jingle_attr(c, "name");
    if (name.n && (!jingle_is_token(name) || name.n >= sizeof(j->info_name)))
        return jingle_refuse(r, GW_EPARSE, "mute of a content that cannot be");
    (void)span_copy(name, j->info_name, sizeof(j->info_name));
    return GW_OK;
}

/* ---- the element ---- */

static enum gw_err read_head(struct jingle_reader *r, xmpp_stanza_t *element)
{
    struct span action = jingle_attr(element, "action");
    struct span sid = jingle_attr(element, "sid");
    unsigned i = 0;

    if (!jingle_is(element, "jingle", JINGLE_NS))
        return jingle_refuse(r, GW_EPARSE, "this is no jingle element");
    if (span_empty(action) || span_empty(sid))
        return jingle_refuse(r, GW_EPARSE, "action or sid is missing");
    if (!span_copy(sid, r->out->sid, sizeof(r->out->sid)))
        return jingle_refuse(r, GW_EPARSE, "the sid is too long");
    while (i < JINGLE_ACTIONS && !span_equal(action, span_of(jingle_action_word(i))))
        i++;
    if (i == JINGLE_ACTIONS)
        return jingle_refuse(r, GW_EUNSUPPORTED, "an action XEP-0166 does not know");
    r->out->action = (enum jingle_action)i;
    if (r->out->action == JINGLE_SESSION_INITIATE)
        r->by_initiator = true;
    return GW_OK;
}

static enum gw_err read_children(struct jingle_reader *r, xmpp_stanza_t *element)
{
    struct jingle *j = r->out;
    enum gw_err err = GW_OK;

    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && !err;
         c = xmpp_stanza_get_next(c)) {
        if (jingle_is(c, "content", JINGLE_NS))
            err = read_content(r, c);
        else if (jingle_is(c, "reason", JINGLE_NS))
            j->reason = jingle_reason_read(c, j->reason_text, sizeof(j->reason_text));
    }
    if (!err && j->action == JINGLE_SESSION_INFO)
        err = read_info(r, element);
    return err;
}

enum gw_err jingle_read(xmpp_stanza_t *element, bool by_initiator, struct jingle *out,
                        const char **why)
{
    struct jingle_reader *r = g_new0(struct jingle_reader, 1);
    enum gw_err err;

    *out = (struct jingle){.desc = desc_new()};
    r->out = out;
    r->by_initiator = by_initiator;
    err = read_head(r, element);
    if (!err)
        err = read_children(r, element);
    if (!err) {
        read_groups(r, element); /* may stand before the contents it names */
        jingle_share_transports(r);
    } else {
        jingle_clear(out);
    }
    if (why)
        *why = r->why;
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        g_free(r->transport[i].candidate);
    g_free(r);
    return err;
}
