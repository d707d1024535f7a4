/* Sections -> transports: what a section left open comes from the session part, a BUNDLE group has
 * one transport (RFC 8843), and every value ends in the one form that writing and reading again
 * gives back unchanged. */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <string.h>

bool sdp_is_rtp(struct span protocol)
{
    static const char *const ends[] = {"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"};

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        struct span end = span_of(ends[i]);
        if (protocol.n >= end.n &&
            span_equal_nocase((struct span){protocol.p + protocol.n - end.n, end.n}, end) &&
            (protocol.n == end.n || protocol.p[protocol.n - end.n - 1] == '/'))
            return true;
    }
    return false;
}

static bool has_part(struct span protocol, struct span part)
{
    while (!span_empty(protocol))
        if (span_equal_nocase(span_cut(&protocol, '/'), part))
            return true;
    return false;
}

enum desc_security sdp_security(struct span protocol, const struct desc_transport *t)
{
    if (has_part(protocol, SPAN("TLS")) || has_part(protocol, SPAN("DTLS")))
        return DESC_DTLS;
    if (has_part(protocol, SPAN("SAVP")) || has_part(protocol, SPAN("SAVPF")))
        return t->nfingerprints ? DESC_DTLS : DESC_SDES;
    return DESC_PLAIN;
}

static bool wants_feedback(const struct desc_stream *s)
{
    struct span protocol = span_of(s->protocol);

    return has_part(protocol, SPAN("AVPF")) || has_part(protocol, SPAN("SAVPF"));
}

/* ---- session-level values ---- */

static void inherit_transport(struct desc_transport *t, const struct desc_transport *session)
{
    if (!t->ufrag[0] && !t->pwd[0]) {
        memcpy(t->ufrag, session->ufrag, sizeof(t->ufrag));
        memcpy(t->pwd, session->pwd, sizeof(t->pwd));
    }
    if (!t->nfingerprints) {
        t->nfingerprints = session->nfingerprints;
        memcpy(t->fingerprint, session->fingerprint, sizeof(t->fingerprint));
    }
    if (t->setup == DESC_SETUP_NONE)
        t->setup = session->setup;
    if (!t->tls_id[0])
        memcpy(t->tls_id, session->tls_id, sizeof(t->tls_id));
    t->ice_lite |= session->ice_lite;
    t->ice_trickle |= session->ice_trickle;
    t->ice_renomination |= session->ice_renomination;
    t->end_of_candidates |= session->end_of_candidates;
    t->rtcp_mux |= session->rtcp_mux;
    t->rtcp_mux_only |= session->rtcp_mux_only;
}

static void inherit(struct sdp_reader *r, unsigned index)
{
    struct sdp_section *sec = &r->media[index];
    struct desc_stream *s = &r->desc->stream[index];

    inherit_transport(&sec->transport, &r->session.transport);
    if (!sec->has_connection) {
        sec->has_connection = r->session.has_connection;
        sec->connection_any = r->session.connection_any;
        sec->connection = r->session.connection;
    }
    if (sec->has_direction)
        s->direction = sec->direction;
    else if (r->session.has_direction)
        s->direction = r->session.direction;
    for (unsigned i = 0; i < r->session_stream.nextensions; i++) {
        const struct desc_extension *e = &r->session_stream.extension[i];
        bool taken = false;
        for (unsigned k = 0; k < s->nextensions && !taken; k++)
            taken = s->extension[k].id == e->id;
        struct desc_extension *own = taken ? NULL : desc_add_extension(s, e->id, e->uri);
        if (own)
            own->direction = e->direction;
    }
}

/* ---- transports ---- */

static bool by_mid(const struct desc *d, struct span mid, unsigned *out)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        if (span_equal(mid, span_of(d->stream[i].mid))) {
            *out = i;
            return true;
        }
    return false;
}

static enum gw_err check_mids(struct sdp_reader *r)
{
    const struct desc *d = r->desc;
    unsigned first;

    for (unsigned i = 0; i < d->nstreams; i++)
        if (d->stream[i].mid[0] && by_mid(d, span_of(d->stream[i].mid), &first) && first != i)
            return sdp_refuse(r, GW_EPARSE, "two streams have the same a=mid"); /* RFC 5888 4 */
    return GW_OK;
}

/* The stream whose section describes the transport of a group (RFC 8843 7.2, "tagged"): the first
 * one that has a port of its own. -1 when all are refused. */
static int group_leader(const struct sdp_reader *r, struct span mids)
{
    unsigned i;

    while (!span_empty(span_trim(mids)))
        if (by_mid(r->desc, sdp_word(&mids), &i) && r->media[i].port != 0)
            return (int)i;
    return -1;
}

/* @p leader[i]: the stream whose transport stream i uses, itself when it is in no group. */
static void resolve_groups(struct sdp_reader *r, int leader[DESC_STREAMS_MAX])
{
    struct desc *d = r->desc;
    bool grouped[DESC_STREAMS_MAX] = {false};
    unsigned i;

    for (unsigned g = 0; g < r->ngroups; g++) {
        struct span mids = r->group[g];
        int first = group_leader(r, mids);
        d->bundled = true;
        if (first < 0 || grouped[first])
            continue;
        const struct desc_transport *t = &r->media[first].transport;
        enum desc_security security = sdp_security(span_of(d->stream[first].protocol), t);
        while (!span_empty(span_trim(mids))) {
            if (!by_mid(d, sdp_word(&mids), &i) || grouped[i] || d->stream[i].refused ||
                sdp_security(span_of(d->stream[i].protocol), t) != security)
                continue;
            grouped[i] = true;
            leader[i] = first;
        }
    }
}

/* Port 0 means refused, unless the stream lives on a group's transport (RFC 8843 6). */
static void judge_ports(struct sdp_reader *r, int leader[DESC_STREAMS_MAX])
{
    for (unsigned i = 0; i < r->desc->nstreams; i++) {
        r->desc->stream[i].refused = r->media[i].port == 0 && !r->media[i].bundle_only;
        leader[i] = (int)i;
    }
    resolve_groups(r, leader);
    for (unsigned i = 0; i < r->desc->nstreams; i++) {
        if (r->media[i].port != 0)
            continue;
        if (leader[i] == (int)i)
            r->desc->stream[i].refused = true;
        r->desc->stream[i].bundle_only = !r->desc->stream[i].refused;
    }
}

static void finish_ice(struct desc_transport *t)
{
    t->ice = t->ufrag[0] && t->pwd[0];
    if (t->ice)
        return;
    memset(t->ufrag, 0, sizeof(t->ufrag));
    memset(t->pwd, 0, sizeof(t->pwd));
    g_clear_pointer(&t->candidate, g_free);
    t->ncandidates = 0;
    t->ice_lite = t->ice_trickle = t->ice_renomination = t->end_of_candidates = false;
}

static void finish_addrs(const struct sdp_section *sec, struct desc_transport *t)
{
    struct net_addr rtp = sec->connection;
    struct net_addr rtcp = sec->rtcp.set ? sec->rtcp : sec->connection;

    rtp.port = sec->port;
    rtcp.port = sec->rtcp_port;
    t->rtp = rtp.set ? rtp : (struct net_addr){0};
    t->rtcp = rtcp.set && sec->has_rtcp ? rtcp : (struct net_addr){0};
    sdp_default_addrs(t, &t->rtp, &t->rtcp);
    if (t->rtcp_mux && net_addr_equal(&t->rtp, &t->rtcp))
        t->rtcp = (struct net_addr){0};
}

static enum gw_err make_transport(struct sdp_reader *r, unsigned index)
{
    struct sdp_section *sec = &r->media[index];
    struct desc_stream *s = &r->desc->stream[index];
    struct desc_transport *t = desc_add_transport(r->desc); /* at most one a stream: never NULL */

    *t = sec->transport;
    sec->transport.candidate = NULL; /* now the description's */
    finish_ice(t);
    finish_addrs(sec, t);
    t->security = sdp_security(span_of(s->protocol), t);
    if (t->security == DESC_DTLS)
        t->ncrypto = 0; /* early Chrome offered both; DTLS is what we take */
    if (t->security == DESC_DTLS && !t->nfingerprints && sdp_is_rtp(span_of(s->protocol)))
        return sdp_refuse(r, GW_EPARSE, "DTLS without a usable a=fingerprint"); /* RFC 8122 5 */
    s->transport = (int8_t)(r->desc->ntransports - 1);
    if (!t->ice && !sec->has_connection)
        return sdp_refuse(r, GW_EPARSE, "no c= line");
    return GW_OK;
}

enum gw_err sdp_make_transports(struct sdp_reader *r)
{
    struct desc *d = r->desc;
    int leader[DESC_STREAMS_MAX] = {0};
    enum gw_err err = check_mids(r);

    if (err)
        return err;
    for (unsigned i = 0; i < d->nstreams; i++)
        inherit(r, i);
    judge_ports(r, leader);
    for (unsigned i = 0; i < d->nstreams; i++) {
        struct desc_stream *s = &d->stream[i];
        unsigned lead = (unsigned)leader[i];
        if (s->refused)
            continue;
        if (d->stream[lead].transport < 0) {
            err = make_transport(r, lead);
            if (err)
                return err;
        }
        s->transport = d->stream[lead].transport;
        d->transport[s->transport].feedback |= wants_feedback(s);
        if (r->media[lead].connection_any && !d->transport[s->transport].ice)
            s->direction &= DESC_SENDONLY; /* hold as in RFC 2543: c=0.0.0.0 receives nothing */
    }
    return GW_OK;
}
