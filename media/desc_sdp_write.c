/* struct desc -> SDP text. */
#include "base/attr.h"
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <stdarg.h>

/* One line. Texts come from peers by way of other dialects: a line end inside one must not become
 * a line of ours. */
ATTR_PRINTF(2, 3) static void line(GString *s, const char *fmt, ...)
{
    gsize from = s->len;
    va_list args;

    va_start(args, fmt);
    g_string_append_vprintf(s, fmt, args);
    va_end(args);
    for (gsize i = from; i < s->len; i++)
        if (s->str[i] == '\r' || s->str[i] == '\n')
            s->str[i] = ' ';
    g_string_append(s, "\r\n");
}

/* "IN IP4 192.0.2.1" as in o=, c= and a=rtcp; @p unset when there is no address. */
enum { ADDRESS_TEXT = NET_ADDR_TEXT + sizeof("IN IP4 ") };
static const char *address(const struct net_addr *a, const char *unset, char buf[ADDRESS_TEXT])
{
    char ip[NET_ADDR_TEXT];

    if (!a->set)
        return unset;
    (void)g_snprintf(buf, ADDRESS_TEXT, "IN %s %s", a->is_v6 ? "IP6" : "IP4", net_addr_ip(a, ip));
    return buf;
}

/* Where nothing is known to send to, a name that never resolves (RFC 6761 6.4); 0.0.0.0 would mean
 * hold to a peer without ICE. */
static void write_connection(GString *s, const struct net_addr *a, bool nowhere)
{
    char buf[ADDRESS_TEXT];

    line(s, "c=%s", address(a, nowhere ? "IN IP4 unknown.invalid" : "IN IP4 0.0.0.0", buf));
}

static const char *protocol_of(const struct desc_stream *s, const struct desc_transport *t)
{
    struct span said = span_of(s->protocol);

    /* An answer repeats the offer's spelling (RFC 3264 6), "RTP/SAVPF" of early WebRTC and
     * opportunistic RTP/AVP included, as long as it means what the transport does. */
    if (!span_empty(said) &&
        (s->refused || !sdp_is_rtp(said) || sdp_security(said, t) == t->security ||
         sdp_security(said, t) == DESC_PLAIN))
        return s->protocol;
    switch (t->security) {
    case DESC_PLAIN: return t->feedback ? "RTP/AVPF" : "RTP/AVP";
    case DESC_SDES: return t->feedback ? "RTP/SAVPF" : "RTP/SAVP";
    case DESC_DTLS: break;
    }
    return t->feedback ? "UDP/TLS/RTP/SAVPF" : "UDP/TLS/RTP/SAVP";
}

static void write_media_line(GString *out, const struct desc_stream *s,
                             const struct desc_transport *t, unsigned port)
{
    GString *formats = g_string_new(NULL);

    for (unsigned i = 0; i < s->ncodecs; i++)
        g_string_append_printf(formats, " %u", s->codec[i].pt);
    if (!s->ncodecs && s->formats)
        g_string_append_printf(formats, "%s%s", s->formats[0] ? " " : "", s->formats);
    else if (!s->ncodecs)
        g_string_append(formats, " 0"); /* RFC 8866 9: at least one */
    line(out, "m=%s %u %s%s", s->media[0] ? s->media : "audio", port, protocol_of(s, t),
         formats->str);
    g_string_free(formats, TRUE);
}

static void write_codec(GString *s, const struct desc_codec *c)
{
    if (c->channels > 1)
        line(s, "a=rtpmap:%u %s/%" G_GUINT32_FORMAT "/%u", c->pt, c->name, c->clock_hz,
             c->channels);
    else
        line(s, "a=rtpmap:%u %s/%" G_GUINT32_FORMAT, c->pt, c->name, c->clock_hz);
    if (c->fmtp)
        line(s, "a=fmtp:%u %s", c->pt, c->fmtp);
    for (unsigned i = 0; i < c->nfeedback; i++)
        line(s, "a=rtcp-fb:%u %s", c->pt, c->feedback[i]);
}

static const char *direction_name(enum desc_direction d)
{
    switch (d) {
    case DESC_INACTIVE: return "inactive";
    case DESC_SENDONLY: return "sendonly";
    case DESC_RECVONLY: return "recvonly";
    case DESC_SENDRECV: break;
    }
    return "sendrecv";
}

static void write_source(GString *s, uint32_t ssrc, const char *cname)
{
    /* a=ssrc needs some attribute (RFC 5576 4.1); Chrome refuses the description without. */
    if (cname)
        line(s, "a=ssrc:%" G_GUINT32_FORMAT " cname:%s", ssrc, cname);
    else
        line(s, "a=ssrc:%" G_GUINT32_FORMAT " label:0", ssrc);
}

static void write_sources(GString *s, const struct desc_stream *stream)
{
    for (unsigned i = 0; i < stream->nsources; i++) {
        const struct desc_source *src = &stream->source[i];
        if (src->rtx_ssrc)
            line(s, "a=ssrc-group:FID %" G_GUINT32_FORMAT " %" G_GUINT32_FORMAT, src->ssrc,
                 src->rtx_ssrc);
        write_source(s, src->ssrc, src->cname);
        if (src->rtx_ssrc)
            write_source(s, src->rtx_ssrc, src->cname);
    }
}

static void write_stream(GString *s, const struct desc_stream *stream)
{
    if (stream->mid[0])
        line(s, "a=mid:%s", stream->mid);
    if (stream->bundle_only)
        line(s, "a=bundle-only");
    line(s, "a=%s", direction_name(stream->direction));
    for (unsigned i = 0; i < stream->nextensions; i++) {
        const struct desc_extension *e = &stream->extension[i];
        if (e->direction == DESC_SENDRECV)
            line(s, "a=extmap:%u %s", e->id, e->uri);
        else
            line(s, "a=extmap:%u/%s %s", e->id, direction_name(e->direction), e->uri);
    }
    for (unsigned i = 0; i < stream->ncodecs; i++)
        write_codec(s, &stream->codec[i]);
    if (stream->ptime_ms)
        line(s, "a=ptime:%u", stream->ptime_ms);
    if (stream->maxptime_ms)
        line(s, "a=maxptime:%u", stream->maxptime_ms);
    if (stream->rtcp_reduced_size)
        line(s, "a=rtcp-rsize");
    if (stream->msid)
        line(s, "a=msid:%s", stream->msid);
    write_sources(s, stream);
}

static void write_ice(GString *s, const struct desc_transport *t)
{
    line(s, "a=ice-ufrag:%s", t->ufrag);
    line(s, "a=ice-pwd:%s", t->pwd);
    if (t->ice_trickle || t->ice_renomination)
        line(s, "a=ice-options:%s%s%s", t->ice_trickle ? "trickle" : "",
             t->ice_trickle && t->ice_renomination ? " " : "",
             t->ice_renomination ? "renomination" : "");
    for (unsigned i = 0; i < t->ncandidates; i++) {
        char *text = desc_sdp_write_candidate(&t->candidate[i]);
        line(s, "a=%s", text);
        g_free(text);
    }
    if (t->end_of_candidates)
        line(s, "a=end-of-candidates");
}

static void write_keys(GString *s, const struct desc_transport *t)
{
    static const char *const suites[] = {[DESC_AES_CM_128_SHA1_80] = "AES_CM_128_HMAC_SHA1_80",
                                         [DESC_AES_CM_128_SHA1_32] = "AES_CM_128_HMAC_SHA1_32",
                                         [DESC_AEAD_AES_128_GCM] = "AEAD_AES_128_GCM",
                                         [DESC_AEAD_AES_256_GCM] = "AEAD_AES_256_GCM"};

    for (unsigned i = 0; i < t->nfingerprints; i++) {
        char hex[DESC_FINGERPRINT_TEXT];
        line(s, "a=fingerprint:%s %s", t->fingerprint[i].hash,
             desc_sdp_fingerprint_text(&t->fingerprint[i], hex));
    }
    if (t->setup != DESC_SETUP_NONE)
        line(s, "a=setup:%s", desc_sdp_setup_word(t->setup));
    if (t->tls_id[0])
        line(s, "a=tls-id:%s", t->tls_id);
    for (unsigned i = 0; i < t->ncrypto; i++) {
        const struct desc_crypto *c = &t->crypto[i];
        unsigned n = desc_suite_key_len(c->suite) + desc_suite_salt_len(c->suite);
        char *key = g_base64_encode(c->key, n);
        line(s, "a=crypto:%" G_GUINT32_FORMAT " %s inline:%s", c->tag, suites[c->suite], key);
        g_free(key);
    }
}

static void write_transport(GString *s, const struct desc_transport *t, const struct net_addr *rtcp)
{
    char buf[ADDRESS_TEXT];

    if (rtcp->set)
        line(s, "a=rtcp:%u %s", rtcp->port, address(rtcp, NULL, buf));
    if (t->rtcp_mux)
        line(s, "a=rtcp-mux");
    if (t->rtcp_mux_only)
        line(s, "a=rtcp-mux-only");
    if (t->ice)
        write_ice(s, t);
    write_keys(s, t);
}

static bool someone_receives(const struct desc *d, int transport)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        if (d->stream[i].transport == transport && (d->stream[i].direction & DESC_RECVONLY))
            return true;
    return false;
}

static void write_section(GString *s, const struct desc *d, const struct desc_stream *stream)
{
    static const struct desc_transport none;
    const struct desc_transport *t =
        stream->transport >= 0 ? &d->transport[stream->transport] : &none;
    struct net_addr rtp;
    struct net_addr rtcp;

    sdp_default_addrs(t, &rtp, &rtcp);
    write_media_line(s, stream, t,
                     stream->refused || stream->bundle_only ? 0
                     : rtp.set                              ? rtp.port
                                                            : 9);
    if (!stream->refused)
        write_connection(s, &rtp, !t->ice && someone_receives(d, stream->transport));
    if (stream->bandwidth_bps) {
        line(s, "b=AS:%" G_GUINT32_FORMAT,
             stream->bandwidth_bps / 1000 + (stream->bandwidth_bps % 1000 != 0));
        line(s, "b=TIAS:%" G_GUINT32_FORMAT, stream->bandwidth_bps);
    }
    if (!stream->refused && stream->transport >= 0)
        write_transport(s, t, &rtcp);
    write_stream(s, stream);
}

/* The mids that share transport @p t, those with a port of their own first: the first one's section
 * speaks for all (RFC 8843 7.2). */
static unsigned group_mids(const struct desc *d, unsigned t, GString *mids)
{
    unsigned n = 0;

    for (int bundle_only = 0; bundle_only <= 1; bundle_only++)
        for (unsigned i = 0; i < d->nstreams; i++) {
            const struct desc_stream *s = &d->stream[i];
            if (s->refused || s->transport != (int)t || !s->mid[0] ||
                s->bundle_only != (bundle_only == 1))
                continue;
            g_string_append_printf(mids, " %s", s->mid);
            n++;
        }
    return n;
}

/* A line for each transport that is shared; when none is, one that says the peer may bundle. */
static void write_groups(GString *s, const struct desc *d)
{
    unsigned written = 0;
    GString *first = g_string_new(NULL);

    for (unsigned t = 0; t < d->ntransports; t++) {
        GString *mids = g_string_new(NULL);
        unsigned n = group_mids(d, t, mids);
        if (n && !first->len)
            g_string_assign(first, mids->str);
        if (n > 1) {
            line(s, "a=group:BUNDLE%s", mids->str);
            written++;
        }
        g_string_free(mids, TRUE);
    }
    if (!written)
        line(s, "a=group:BUNDLE%s", first->str);
    g_string_free(first, TRUE);
}

static void write_session(GString *s, const struct desc *d)
{
    struct net_addr rtp = {0};
    struct net_addr rtcp;
    bool lite = false;
    bool msid = false;
    char buf[ADDRESS_TEXT];

    if (d->ntransports)
        sdp_default_addrs(&d->transport[0], &rtp, &rtcp);
    line(s, "v=0");
    line(s, "o=- %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %s", d->session_id, d->session_version,
         address(&rtp, "IN IP4 127.0.0.1", buf));
    line(s, "s=-");
    /* Some telephones read no other; and refused streams need one (RFC 8866 5.7). */
    write_connection(s, &rtp, false);
    line(s, "t=0 0");
    if (d->bundled)
        write_groups(s, d);
    for (unsigned i = 0; i < d->ntransports; i++)
        lite |= d->transport[i].ice && d->transport[i].ice_lite;
    if (lite)
        line(s, "a=ice-lite");
    for (unsigned i = 0; i < d->nstreams; i++)
        msid |= d->stream[i].msid != NULL;
    if (msid)
        line(s, "a=msid-semantic: WMS *");
}

char *desc_sdp_write(const struct desc *d)
{
    GString *s = g_string_sized_new(2048);

    write_session(s, d);
    for (unsigned i = 0; i < d->nstreams; i++)
        write_section(s, d, &d->stream[i]);
    return g_string_free(s, FALSE);
}
