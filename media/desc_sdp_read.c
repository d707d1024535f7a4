/* SDP text -> struct desc: lines into sections, sections into streams and transports.
 *
 *  Every line is looked at once; what it says is kept in its section. When all sections are there,
 * session-level values fill what a section left open, BUNDLE groups decide which streams share a
 * transport (RFC 8843), and what remains is put into the one form that writing and reading again
 * gives back unchanged. */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <string.h>

bool sdp_connection(struct span text, struct net_addr *out, bool *any)
{
    struct span net = sdp_word(&text);
    struct span type = sdp_word(&text);
    struct span host = sdp_word(&text);
    struct span ip = span_cut(&host, '/'); /* "/127/3": multicast TTL and count */
    struct net_addr a;

    *out = (struct net_addr){0};
    *any = false;
    if (!span_equal_nocase(net, SPAN("IN")) || !sdp_is_token(ip) ||
        (!span_equal_nocase(type, SPAN("IP4")) && !span_equal_nocase(type, SPAN("IP6"))))
        return false;
    if (!net_addr_parse_ip(ip, &a))
        return true; /* a name: nobody resolves it, the peer's packets will tell */
    *any = net_addr_is_any(&a);
    if (!*any && (a.is_v6 ? a.ip[0] != 0xff : a.ip[0] < 224))
        *out = a;
    return true;
}

/* ---- lines ---- */

static enum gw_err on_origin(struct sdp_reader *r, struct span v)
{
    (void)sdp_word(&v); /* user */
    /* Not numeric, or above 64 bits: not ours to judge, we only compare */
    (void)span_u64(sdp_word(&v), UINT64_MAX, &r->desc->session_id);
    (void)span_u64(sdp_word(&v), UINT64_MAX, &r->desc->session_version);
    return GW_OK;
}

static enum gw_err on_connection(struct sdp_reader *r, struct span v)
{
    struct sdp_section *sec = r->section;
    struct net_addr addr;
    bool any;

    if (!sdp_connection(v, &addr, &any))
        return sdp_refuse(r, GW_EPARSE, "malformed c= line");
    if (sec->has_connection)
        return GW_OK; /* further ones: layered multicast */
    sec->has_connection = true;
    sec->connection_any = any;
    sec->connection = addr;
    return GW_OK;
}

static enum gw_err on_bandwidth(struct sdp_reader *r, struct span v)
{
    struct span type = span_trim(span_cut(&v, ':'));
    uint64_t n;

    if (!span_u64(span_trim(v), UINT32_MAX, &n))
        return GW_OK;
    if (span_equal_nocase(type, SPAN("TIAS"))) /* RFC 3890: more exact than AS */
        r->stream->bandwidth_bps = (uint32_t)n;
    else if (span_equal_nocase(type, SPAN("AS")) && !r->stream->bandwidth_bps &&
             n <= UINT32_MAX / 1000)
        r->stream->bandwidth_bps = (uint32_t)n * 1000;
    return GW_OK;
}

static enum desc_kind kind_of(struct span media)
{
    if (span_equal_nocase(media, SPAN("audio")))
        return DESC_AUDIO;
    if (span_equal_nocase(media, SPAN("video")))
        return DESC_VIDEO;
    if (span_equal_nocase(media, SPAN("application")))
        return DESC_APPLICATION;
    return DESC_OTHER;
}

static enum gw_err read_formats(struct sdp_reader *r, struct span list)
{
    struct desc_codec *c;
    uint64_t pt;

    while (!span_empty(span_trim(list))) {
        if (!span_u64(sdp_word(&list), 127, &pt))
            return sdp_refuse(r, GW_EPARSE, "m= line has a payload type that is none");
        if (r->slot[pt])
            continue; /* said twice */
        c = desc_add_codec(r->stream, (uint8_t)pt, "", 0, 1, NULL);
        if (!c)
            break; /* plenty to choose from already */
        (void)desc_static_codec(c);
        r->slot[pt] = (uint8_t)r->stream->ncodecs;
    }
    return GW_OK;
}

/* "audio 49170/2 RTP/AVP 0 8" */
static enum gw_err on_media(struct sdp_reader *r, struct span v)
{
    struct span media = sdp_word(&v);
    struct span ports = sdp_word(&v);
    struct span protocol = sdp_word(&v);
    struct span formats = span_trim(v);
    struct desc_stream *s;
    uint64_t port;

    s = desc_add_stream(r->desc, kind_of(media));
    if (!s)
        return sdp_refuse(r, GW_ETOOBIG, "too many m= lines");
    r->stream = s;
    r->section = &r->media[r->desc->nstreams - 1];
    memset(r->slot, 0, sizeof(r->slot));
    if (!sdp_is_token(media) || !span_copy(media, s->media, sizeof(s->media)) ||
        !sdp_is_token(protocol) || !span_copy(protocol, s->protocol, sizeof(s->protocol)) ||
        !span_u64(span_cut(&ports, '/'), UINT16_MAX, &port))
        return sdp_refuse(r, GW_EPARSE, "malformed m= line");
    if (formats.n >= DESC_TEXT_MAX)
        return sdp_refuse(r, GW_ETOOBIG, "m= line is too long");
    if (span_empty(formats) && port != 0)
        return sdp_refuse(r, GW_EPARSE, "m= line without formats");
    r->section->port = (uint16_t)port;
    s->formats = span_dup(formats);
    return sdp_is_rtp(protocol) ? read_formats(r, formats) : GW_OK;
}

static void apply_wildcards(const struct sdp_section *sec, struct desc_codec *c)
{
    for (unsigned w = 0; w < sec->nwildcards; w++) {
        bool known = false;
        for (unsigned i = 0; i < c->nfeedback && !known; i++)
            known = strcmp(c->feedback[i], sec->wildcard[w]) == 0;
        if (!known && c->nfeedback < DESC_FEEDBACK_MAX)
            memcpy(c->feedback[c->nfeedback++], sec->wildcard[w], sizeof(c->feedback[0]));
    }
}

/* Payload types nobody named go; so does the raw list when one is left. */
static void finish_codecs(const struct sdp_section *sec, struct desc_stream *s)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->ncodecs; i++) {
        if (!s->codec[i].name[0]) {
            g_free(s->codec[i].fmtp);
            continue;
        }
        apply_wildcards(sec, &s->codec[i]);
        if (kept != i)
            s->codec[kept] = s->codec[i];
        kept++;
    }
    s->ncodecs = kept;
    if (kept)
        g_clear_pointer(&s->formats, g_free);
}

/* a=ssrc-group:FID may stand before or behind the a=ssrc lines it is about. */
static void finish_sources(const struct sdp_section *sec, struct desc_stream *s)
{
    for (unsigned f = 0; f < sec->nfid; f++) {
        unsigned i = 0;
        while (i < s->nsources) {
            struct desc_source *source = &s->source[i];
            if (source->ssrc == sec->fid[f].rtx) {
                g_free(source->cname);
                s->nsources--;
                memmove(source, source + 1, (s->nsources - i) * sizeof(*source));
                continue;
            }
            if (source->ssrc == sec->fid[f].ssrc && !source->rtx_ssrc)
                source->rtx_ssrc = sec->fid[f].rtx;
            i++;
        }
    }
}

static void finish_section(struct sdp_reader *r)
{
    if (r->stream == &r->session_stream)
        return;
    finish_codecs(r->section, r->stream);
    finish_sources(r->section, r->stream);
}

static enum gw_err read_line(struct sdp_reader *r, struct span line)
{
    char type = line.p[0];
    struct span value = {line.p + 2, line.n - 2};

    switch (type) {
    case 'm': finish_section(r); return on_media(r, value);
    case 'a': return sdp_attribute(r, value);
    case 'c': return on_connection(r, value);
    case 'b': return on_bandwidth(r, value);
    case 'o': return on_origin(r, value);
    case 's':
    case 'i':
    case 'u':
    case 'e':
    case 'p':
    case 't':
    case 'r':
    case 'z':
    case 'k': return GW_OK;
    default: return sdp_refuse(r, GW_EPARSE, "unknown type of line"); /* RFC 8866 5: reject */
    }
}

static enum gw_err read_lines(struct sdp_reader *r, struct span sdp)
{
    bool versioned = false;

    while (!span_empty(sdp)) {
        struct span line = span_line(&sdp);
        enum gw_err err;
        while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\r'))
            line.n--;
        if (!line.n)
            continue;
        if (line.n < 2 || line.p[1] != '=' || memchr(line.p, '\r', line.n))
            return sdp_refuse(r, GW_EPARSE, "a line is not of the form x=...");
        if (!versioned) {
            if (!span_equal(line, SPAN("v=0")))
                return sdp_refuse(r, GW_EPARSE, "v=0 is not the first line");
            versioned = true;
            continue;
        }
        err = read_line(r, line);
        if (err)
            return err;
    }
    if (!versioned)
        return sdp_refuse(r, GW_EPARSE, "an empty description");
    finish_section(r); /* none at all: nothing to send yet (RFC 3264 5, RFC 4317 5.1) */
    return GW_OK;
}

static void reader_free(struct sdp_reader *r)
{
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        g_free(r->media[i].transport.candidate);
    g_free(r->session.transport.candidate);
    for (unsigned i = 0; i < r->session_stream.nextensions; i++)
        g_free(r->session_stream.extension[i].uri);
    for (unsigned i = 0; i < r->session_stream.nsources; i++)
        g_free(r->session_stream.source[i].cname);
    g_free(r->session_stream.extension);
    g_free(r->session_stream.source);
    g_free(r->session_stream.msid);
    g_free(r);
}

enum gw_err desc_sdp_read(struct span sdp, struct desc **out, const char **why)
{
    struct sdp_reader *r = g_new0(struct sdp_reader, 1);
    enum gw_err err;

    r->desc = desc_new();
    r->section = &r->session;
    r->stream = &r->session_stream;
    if (sdp.n > DESC_SDP_MAX)
        err = sdp_refuse(r, GW_ETOOBIG, "the description is too long");
    else if (sdp.n && memchr(sdp.p, '\0', sdp.n))
        err = sdp_refuse(r, GW_EPARSE, "a NUL byte");
    else
        err = read_lines(r, sdp);
    if (!err)
        err = sdp_make_transports(r);
    if (why)
        *why = r->why;
    *out = err ? NULL : r->desc;
    if (err)
        desc_free(r->desc);
    reader_free(r);
    return err;
}
