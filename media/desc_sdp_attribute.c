/* The a= lines of SDP: one handler each. A handler that meets something it cannot use leaves it
 * out; one that meets something dangerous to guess at refuses the description. */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <string.h>

/* ---- formats ---- */

/* The codec a line begins with, or NULL when the m= line does not list it. */
static struct desc_codec *codec_of(struct sdp_reader *r, struct span pt)
{
    uint64_t n;

    if (!span_u64(pt, 127, &n) || !r->slot[n])
        return NULL;
    return &r->stream->codec[r->slot[n] - 1];
}

static enum gw_err on_rtpmap(struct sdp_reader *r, struct span v)
{
    struct desc_codec *c = codec_of(r, sdp_word(&v));
    char name[sizeof(c->name)];
    uint64_t clock;
    uint64_t channels = 1;

    v = sdp_word(&v);
    struct span encoding = span_cut(&v, '/');
    struct span rate = span_cut(&v, '/');
    if (!c || !sdp_is_token(encoding) || !span_copy(encoding, name, sizeof(name)) ||
        !span_u64(rate, UINT32_MAX, &clock) || clock == 0)
        return GW_OK; /* a format we could not name is one we do not take */
    if (!span_empty(v) && (!span_u64(v, UINT8_MAX, &channels) || channels == 0))
        return GW_OK;
    memcpy(c->name, name, sizeof(name));
    c->clock_hz = (uint32_t)clock;
    c->channels = (uint8_t)channels;
    if (desc_codec_is(c, "G722"))
        c->clock_hz = 8000; /* some say the 16000 it sounds like (RFC 3551 4.5.2) */
    return GW_OK;
}

static enum gw_err on_fmtp(struct sdp_reader *r, struct span v)
{
    struct desc_codec *c = codec_of(r, sdp_word(&v));

    v = span_trim(v);
    if (v.n >= DESC_TEXT_MAX)
        return sdp_refuse(r, GW_ETOOBIG, "a=fmtp is too long");
    if (c && !c->fmtp && !span_empty(v))
        c->fmtp = span_dup(v);
    return GW_OK;
}

static enum gw_err on_rtcp_fb(struct sdp_reader *r, struct span v)
{
    struct sdp_section *sec = r->section;
    struct span pt = sdp_word(&v);
    struct desc_codec *c = codec_of(r, pt);
    bool all = span_equal(pt, SPAN("*"));
    char(*list)[32] = all ? sec->wildcard : c ? c->feedback : NULL;
    unsigned *n = all ? &sec->nwildcards : c ? &c->nfeedback : NULL;

    v = span_trim(v);
    if (!list || span_empty(v) || *n == DESC_FEEDBACK_MAX)
        return GW_OK;
    for (unsigned i = 0; i < *n; i++)
        if (span_equal(v, span_of(list[i])))
            return GW_OK;
    if (span_copy(v, list[*n], sizeof(list[0])))
        (*n)++;
    return GW_OK;
}

/* ---- the stream ---- */

static enum gw_err on_mid(struct sdp_reader *r, struct span v)
{
    v = span_trim(v);
    if (span_empty(v))
        return GW_OK;
    if (!sdp_is_token(v) || !span_copy(v, r->stream->mid, sizeof(r->stream->mid)))
        return sdp_refuse(r, GW_EPARSE, "a=mid is no token or too long");
    return GW_OK;
}

static enum gw_err on_ptime(struct sdp_reader *r, struct span v)
{
    uint64_t n;

    if (!r->stream->ptime_ms && span_u64(span_trim(v), UINT16_MAX, &n))
        r->stream->ptime_ms = (uint16_t)n;
    return GW_OK;
}

static enum gw_err on_maxptime(struct sdp_reader *r, struct span v)
{
    uint64_t n;

    if (!r->stream->maxptime_ms && span_u64(span_trim(v), UINT16_MAX, &n))
        r->stream->maxptime_ms = (uint16_t)n;
    return GW_OK;
}

static enum gw_err set_direction(struct sdp_reader *r, enum desc_direction d)
{
    r->section->has_direction = true;
    r->section->direction = d;
    return GW_OK;
}

static enum gw_err on_sendrecv(struct sdp_reader *r, struct span v)
{
    (void)v;
    return set_direction(r, DESC_SENDRECV);
}

static enum gw_err on_sendonly(struct sdp_reader *r, struct span v)
{
    (void)v;
    return set_direction(r, DESC_SENDONLY);
}

static enum gw_err on_recvonly(struct sdp_reader *r, struct span v)
{
    (void)v;
    return set_direction(r, DESC_RECVONLY);
}

static enum gw_err on_inactive(struct sdp_reader *r, struct span v)
{
    (void)v;
    return set_direction(r, DESC_INACTIVE);
}

static bool read_direction(struct span v, enum desc_direction *out)
{
    static const char *const names[] = {[DESC_INACTIVE] = "inactive",
                                        [DESC_SENDONLY] = "sendonly",
                                        [DESC_RECVONLY] = "recvonly",
                                        [DESC_SENDRECV] = "sendrecv"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (span_equal_nocase(v, span_of(names[i]))) {
            *out = (enum desc_direction)i;
            return true;
        }
    return false;
}

static enum gw_err on_extmap(struct sdp_reader *r, struct span v)
{
    struct span direction = sdp_word(&v);
    struct span id_text = span_cut(&direction, '/');
    struct span uri = sdp_word(&v);
    enum desc_direction dir = DESC_SENDRECV;
    struct desc_extension *e;
    char text[DESC_TEXT_MAX];
    uint64_t id;

    if (!span_u64(id_text, UINT8_MAX, &id) || id == 0 || !sdp_is_token(uri) ||
        !span_copy(uri, text, sizeof(text)) ||
        (!span_empty(direction) && !read_direction(direction, &dir)) ||
        span_equal(uri, SPAN("urn:ietf:params:rtp-hdrext:encrypt"))) /* RFC 6904: not done here */
        return GW_OK;
    for (unsigned i = 0; i < r->stream->nextensions; i++)
        if (r->stream->extension[i].id == id)
            return GW_OK;
    e = desc_add_extension(r->stream, (uint8_t)id, text);
    if (e)
        e->direction = dir;
    return GW_OK;
}

static enum gw_err on_msid(struct sdp_reader *r, struct span v)
{
    v = span_trim(v);
    if (v.n >= DESC_TEXT_MAX)
        return sdp_refuse(r, GW_ETOOBIG, "a=msid is too long");
    if (!r->stream->msid && !span_empty(v))
        r->stream->msid = span_dup(v);
    return GW_OK;
}

static struct desc_source *source_of(struct desc_stream *s, uint32_t ssrc)
{
    for (unsigned i = 0; i < s->nsources; i++)
        if (s->source[i].ssrc == ssrc)
            return &s->source[i];
    return desc_add_source(s, ssrc, NULL);
}

/* "1399694169 cname:w7Ak" (RFC 5576 4.1) */
static enum gw_err on_ssrc(struct sdp_reader *r, struct span v)
{
    struct span id = sdp_word(&v);
    struct span name = span_cut(&v, ':');
    struct desc_source *src;
    uint64_t ssrc;

    if (!span_u64(id, UINT32_MAX, &ssrc))
        return GW_OK;
    for (unsigned i = 0; i < r->section->nfid; i++)
        if (r->section->fid[i].rtx == ssrc)
            return GW_OK; /* described with the source it repairs */
    v = span_trim(v);
    if (v.n >= DESC_TEXT_MAX)
        return sdp_refuse(r, GW_ETOOBIG, "a=ssrc is too long");
    src = source_of(r->stream, (uint32_t)ssrc);
    if (src && !src->cname && !span_empty(v) && span_equal_nocase(name, SPAN("cname")))
        src->cname = span_dup(v);
    if (span_equal_nocase(name, SPAN("msid")))
        return on_msid(r, v); /* where a=msid is not known (before RFC 8830) */
    return GW_OK;
}

static enum gw_err on_ssrc_group(struct sdp_reader *r, struct span v)
{
    struct sdp_section *sec = r->section;
    struct span semantics = sdp_word(&v);
    uint64_t ssrc;
    uint64_t rtx;

    if (!span_equal_nocase(semantics, SPAN("FID")) || sec->nfid == DESC_SOURCES_MAX ||
        !span_u64(sdp_word(&v), UINT32_MAX, &ssrc) || !span_u64(sdp_word(&v), UINT32_MAX, &rtx) ||
        rtx == 0 || rtx == ssrc)
        return GW_OK;
    sec->fid[sec->nfid].ssrc = (uint32_t)ssrc;
    sec->fid[sec->nfid++].rtx = (uint32_t)rtx;
    return GW_OK;
}

static enum gw_err on_rtcp_rsize(struct sdp_reader *r, struct span v)
{
    (void)v;
    r->stream->rtcp_reduced_size = true;
    return GW_OK;
}

static enum gw_err on_bundle_only(struct sdp_reader *r, struct span v)
{
    (void)v;
    r->section->bundle_only = true;
    return GW_OK;
}

static enum gw_err on_group(struct sdp_reader *r, struct span v)
{
    if (r->section == &r->session && r->ngroups < G_N_ELEMENTS(r->group) &&
        span_equal_nocase(sdp_word(&v), SPAN("BUNDLE")))
        r->group[r->ngroups++] = v;
    return GW_OK;
}

/* ---- the transport ---- */

static enum gw_err on_rtcp(struct sdp_reader *r, struct span v)
{
    struct sdp_section *sec = r->section;
    struct span port_text = sdp_word(&v);
    uint64_t port;
    bool any = false;

    if (!span_u64(port_text, UINT16_MAX, &port))
        return sdp_refuse(r, GW_EPARSE, "a=rtcp has no port");
    v = span_trim(v);
    if (!span_empty(v)) {
        if (!sdp_connection(v, &sec->rtcp, &any))
            return sdp_refuse(r, GW_EPARSE, "a=rtcp has a malformed address");
        if (!sec->rtcp.set)
            return GW_OK;
    }
    sec->has_rtcp = port != 0;
    sec->rtcp_port = (uint16_t)port;
    return GW_OK;
}

static enum gw_err on_rtcp_mux(struct sdp_reader *r, struct span v)
{
    (void)v;
    r->section->transport.rtcp_mux = true;
    return GW_OK;
}

static enum gw_err on_rtcp_mux_only(struct sdp_reader *r, struct span v)
{
    r->section->transport.rtcp_mux_only = true;
    return on_rtcp_mux(r, v);
}

static enum gw_err on_ice_ufrag(struct sdp_reader *r, struct span v)
{
    struct desc_transport *t = &r->section->transport;

    v = span_trim(v);
    if (!sdp_is_token(v) || !span_copy(v, t->ufrag, sizeof(t->ufrag)))
        return sdp_refuse(r, GW_EPARSE, "a=ice-ufrag is malformed or too long");
    return GW_OK;
}

static enum gw_err on_ice_pwd(struct sdp_reader *r, struct span v)
{
    struct desc_transport *t = &r->section->transport;

    v = span_trim(v);
    if (!sdp_is_token(v) || !span_copy(v, t->pwd, sizeof(t->pwd)))
        return sdp_refuse(r, GW_EPARSE, "a=ice-pwd is malformed or too long");
    return GW_OK;
}

static enum gw_err on_ice_options(struct sdp_reader *r, struct span v)
{
    struct desc_transport *t = &r->section->transport;

    while (!span_empty(v)) {
        struct span words = span_cut(&v, ','); /* libdatachannel separates by commas */
        while (!span_empty(span_trim(words))) {
            struct span word = sdp_word(&words);
            if (span_equal_nocase(word, SPAN("trickle")))
                t->ice_trickle = true;
            else if (span_equal_nocase(word, SPAN("renomination")))
                t->ice_renomination = true;
        }
    }
    return GW_OK;
}

static enum gw_err on_ice_lite(struct sdp_reader *r, struct span v)
{
    (void)v;
    r->session.transport.ice_lite = true; /* the agent's, wherever it stands (RFC 8839 5.3) */
    return GW_OK;
}

static enum gw_err on_end_of_candidates(struct sdp_reader *r, struct span v)
{
    (void)v;
    r->section->transport.end_of_candidates = true;
    return GW_OK;
}

/* A candidate that cannot be used costs one path; it is no reason to refuse a call. @p v is the
 * whole "candidate:..." text. */
static void read_candidate(struct sdp_reader *r, struct span v)
{
    struct desc_candidate c;
    struct desc_candidate *slot;

    if (r->section->transport.ncandidates == DESC_CANDIDATES_MAX ||
        desc_sdp_read_candidate(v, &c) != GW_OK)
        return;
    slot = desc_add_candidate(&r->section->transport);
    if (slot)
        *slot = c;
}

/* ---- dispatch ---- */

static const struct handler {
    const char *name;
    enum gw_err (*fn)(struct sdp_reader *r, struct span value);
} handlers[] = {
    {"rtpmap", on_rtpmap},
    {"fmtp", on_fmtp},
    {"rtcp-fb", on_rtcp_fb},
    {"extmap", on_extmap},
    {"ssrc", on_ssrc},
    {"ssrc-group", on_ssrc_group},
    {"msid", on_msid},
    {"mid", on_mid},
    {"group", on_group},
    {"bundle-only", on_bundle_only},
    {"sendrecv", on_sendrecv},
    {"sendonly", on_sendonly},
    {"recvonly", on_recvonly},
    {"inactive", on_inactive},
    {"ptime", on_ptime},
    {"maxptime", on_maxptime},
    {"rtcp", on_rtcp},
    {"rtcp-mux", on_rtcp_mux},
    {"rtcp-mux-only", on_rtcp_mux_only},
    {"rtcp-rsize", on_rtcp_rsize},
    {"ice-ufrag", on_ice_ufrag},
    {"ice-pwd", on_ice_pwd},
    {"ice-options", on_ice_options},
    {"ice-lite", on_ice_lite},
    {"end-of-candidates", on_end_of_candidates},
    {"fingerprint", sdp_on_fingerprint},
    {"setup", sdp_on_setup},
    {"tls-id", sdp_on_tls_id},
    {"crypto", sdp_on_crypto},
};

enum gw_err sdp_attribute(struct sdp_reader *r, struct span line)
{
    struct span value = line;
    struct span name = span_trim(span_cut(&value, ':'));

    if (span_equal_nocase(name, SPAN("candidate"))) {
        read_candidate(r, line);
        return GW_OK;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(handlers); i++)
        if (span_equal_nocase(name, span_of(handlers[i].name)))
            return handlers[i].fn(r, value);
    return GW_OK;
}
