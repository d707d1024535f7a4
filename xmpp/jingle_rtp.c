/* <description/> of XEP-0167: formats, feedback (XEP-0293), header extensions (XEP-0294), sources
 * (XEP-0339). As with SDP, what cannot be used is left out, what would be dangerous to guess at is
 * refused. */
#include "xmpp/jingle_private.h"
#include "xmpp/xml.h"

#include <string.h>

/* ---- formats ---- */

/* id, name, clockrate, channels; those of a static payload type may be left out. */
static bool read_format(xmpp_stanza_t *element, struct desc_codec *c)
{
    struct span name = jingle_attr(element, "name");
    struct span clock = jingle_attr(element, "clockrate");
    struct span channels = jingle_attr(element, "channels");
    uint64_t n;

    if (!span_u64(jingle_attr(element, "id"), 127, &n))
        return false;
    *c = (struct desc_codec){.pt = (uint8_t)n, .channels = 1};
    if (desc_static_codec(c) && name.n && !span_equal_nocase(name, span_of(c->name)))
        *c = (struct desc_codec){.pt = (uint8_t)n, .channels = 1};
    if (name.n && (!jingle_is_token(name) || memchr(name.p, '/', name.n) ||
                   !span_copy(name, c->name, sizeof(c->name))))
        return false;
    if (clock.n && (!span_u64(clock, UINT32_MAX, &n) || (c->clock_hz = (uint32_t)n) == 0))
        return false;
    if (channels.n && (!span_u64(channels, UINT8_MAX, &n) || (c->channels = (uint8_t)n) == 0))
        return false;
    if (desc_codec_is(c, "G722"))
        c->clock_hz = 8000; /* some say the 16000 it sounds like (RFC 3551 4.5.2) */
    if (desc_codec_is(c, "opus"))
        c->channels = 2; /* RFC 7587 7: always; some leave it out */
    return c->name[0] && c->clock_hz;
}

/* <parameter/> elements as "a=1;b=2"; NULL when there is none. */
static enum gw_err read_parameters(struct jingle_reader *r, xmpp_stanza_t *element, char **out)
{
    GString *fmtp = g_string_new(NULL);

    *out = NULL;
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && fmtp->len < DESC_TEXT_MAX;
         c = xmpp_stanza_get_next(c)) {
        struct span name = jingle_attr(c, "name");
        struct span value = jingle_attr(c, "value");
        if (!jingle_is(c, "parameter", JINGLE_RTP_NS) || (span_empty(name) && span_empty(value)))
            continue;
        if (name.n >= DESC_TEXT_MAX || value.n >= DESC_TEXT_MAX) {
            g_string_free(fmtp, TRUE);
            return jingle_refuse(r, GW_ETOOBIG, "a parameter is too long");
        }
        if (fmtp->len)
            g_string_append_c(fmtp, ';');
        g_string_append_len(fmtp, name.p, (gssize)name.n);
        if (name.n && value.n) /* else the format has a bare value: "0-15", "111/111" */
            g_string_append_c(fmtp, '=');
        g_string_append_len(fmtp, value.p, (gssize)value.n);
    }
    if (fmtp->len >= DESC_TEXT_MAX) {
        g_string_free(fmtp, TRUE);
        return jingle_refuse(r, GW_ETOOBIG, "the parameters of a payload type are too long");
    }
    *out = g_string_free(fmtp, fmtp->len == 0);
    return GW_OK;
}

/* "nack pli" (XEP-0293 3.1); <rtcp-fb-trr-int/> is nothing we act upon. */
static void read_feedback(xmpp_stanza_t *element, struct desc_codec *codec)
{
    struct span type = jingle_attr(element, "type");
    struct span subtype = jingle_attr(element, "subtype");
    char text[sizeof(codec->feedback[0])];

    if (!jingle_is(element, "rtcp-fb", JINGLE_FB_NS) || !jingle_is_token(type) ||
        (subtype.n && !jingle_is_token(subtype)) || codec->nfeedback == DESC_FEEDBACK_MAX ||
        type.n + subtype.n + 1 >= sizeof(text))
        return;
    (void)g_snprintf(text, sizeof(text), "%s%s%s", type.p, subtype.n ? " " : "",
                     subtype.n ? subtype.p : "");
    for (unsigned i = 0; i < codec->nfeedback; i++)
        if (strcmp(codec->feedback[i], text) == 0)
            return;
    memcpy(codec->feedback[codec->nfeedback++], text, sizeof(text));
}

static void read_ms(xmpp_stanza_t *element, const char *name, uint16_t *out)
{
    uint64_t n;

    if (!*out && span_u64(jingle_attr(element, name), UINT16_MAX, &n))
        *out = (uint16_t)n;
}

static enum gw_err read_payload_type(struct jingle_reader *r, xmpp_stanza_t *element,
                                     struct desc_stream *s)
{
    struct desc_codec format;
    struct desc_codec *c;
    char *fmtp;
    enum gw_err err;

    if (!read_format(element, &format) || desc_codec_by_pt(s, format.pt))
        return GW_OK;
    err = read_parameters(r, element, &fmtp);
    if (err)
        return err;
    c = desc_add_codec(s, format.pt, format.name, format.clock_hz, format.channels, fmtp);
    g_free(fmtp);
    if (!c)
        return GW_OK; /* plenty to choose from already */
    read_ms(element, "ptime", &s->ptime_ms);
    read_ms(element, "maxptime", &s->maxptime_ms);
    for (xmpp_stanza_t *fb = xmpp_stanza_get_children(element); fb; fb = xmpp_stanza_get_next(fb))
        read_feedback(fb, c);
    return GW_OK;
}

/* ---- header extensions and sources ---- */

static void read_extension(struct jingle_reader *r, xmpp_stanza_t *element, struct desc_stream *s)
{
    struct span uri = jingle_attr(element, "uri");
    enum desc_direction direction;
    struct desc_extension *e;
    uint64_t id;

    if (!span_u64(jingle_attr(element, "id"), UINT8_MAX, &id) || !jingle_is_token(uri) ||
        !jingle_read_senders(jingle_attr(element, "senders"), r->by_initiator, &direction) ||
        span_equal(uri, SPAN("urn:ietf:params:rtp-hdrext:encrypt"))) /* RFC 6904: not done here */
        return;
    for (unsigned i = 0; i < s->nextensions; i++)
        if (s->extension[i].id == id)
            return;
    e = desc_add_extension(s, (uint8_t)id, uri.p);
    if (e)
        e->direction = direction;
}

static enum gw_err take_text(struct jingle_reader *r, struct span value, char **out)
{
    value = span_trim(value);
    if (value.n >= DESC_TEXT_MAX)
        return jingle_refuse(r, GW_ETOOBIG, "cname or msid is too long");
    if (!*out && value.n)
        *out = span_dup(value);
    return GW_OK;
}

struct fid { /* <ssrc-group semantics='FID'/>: a source and the one that repairs it (RFC 4588) */
    unsigned n;
    uint32_t ssrc[DESC_SOURCES_MAX], rtx[DESC_SOURCES_MAX];
};

static void read_fid(xmpp_stanza_t *element, struct fid *fid)
{
    uint64_t ssrc[2] = {0};
    unsigned n = 0;

    if (fid->n == DESC_SOURCES_MAX || !span_equal(jingle_attr(element, "semantics"), SPAN("FID")))
        return;
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && n < 2;
         c = xmpp_stanza_get_next(c))
        if (jingle_is(c, "source", JINGLE_SSMA_NS) &&
            span_u64(jingle_attr(c, "ssrc"), UINT32_MAX, &ssrc[n]))
            n++;
    if (n < 2 || ssrc[1] == 0 || ssrc[0] == ssrc[1])
        return;
    fid->ssrc[fid->n] = (uint32_t)ssrc[0];
    fid->rtx[fid->n++] = (uint32_t)ssrc[1];
}

static struct desc_source *source_of(struct desc_stream *s, uint32_t ssrc)
{
    for (unsigned i = 0; i < s->nsources; i++)
        if (s->source[i].ssrc == ssrc)
            return &s->source[i];
    return desc_add_source(s, ssrc, NULL);
}

static enum gw_err read_source(struct jingle_reader *r, xmpp_stanza_t *element,
                               struct desc_stream *s, const struct fid *fid)
{
    struct desc_source *src;
    enum gw_err err = GW_OK;
    uint64_t ssrc;

    if (!span_u64(jingle_attr(element, "ssrc"), UINT32_MAX, &ssrc))
        return GW_OK;
    for (unsigned i = 0; i < fid->n; i++)
        if (fid->rtx[i] == ssrc)
            return GW_OK; /* described with the source it repairs */
    src = source_of(s, (uint32_t)ssrc);
    if (!src)
        return GW_OK;
    for (unsigned i = 0; i < fid->n && !src->rtx_ssrc; i++)
        if (fid->ssrc[i] == ssrc)
            src->rtx_ssrc = fid->rtx[i];
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && !err;
         c = xmpp_stanza_get_next(c)) {
        struct span name = jingle_attr(c, "name");
        if (g_strcmp0(xmpp_stanza_get_name(c), "parameter") != 0)
            continue;
        if (span_equal_nocase(name, SPAN("cname")))
            err = take_text(r, jingle_attr(c, "value"), &src->cname);
        else if (span_equal_nocase(name, SPAN("msid")))
            err = take_text(r, jingle_attr(c, "value"), &s->msid);
    }
    return err;
}

/* ---- the description ---- */

static enum gw_err read_media(struct jingle_reader *r, struct span media, struct desc_stream *s)
{
    if (!jingle_is_token(media) || !span_copy(media, s->media, sizeof(s->media)))
        return jingle_refuse(r, GW_EPARSE, "a description without media, or of an odd one");
    if (span_equal_nocase(media, SPAN("audio")))
        s->kind = DESC_AUDIO;
    else if (span_equal_nocase(media, SPAN("video")))
        s->kind = DESC_VIDEO;
    return GW_OK;
}

static void spread_feedback(xmpp_stanza_t *element, struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        read_feedback(element, &s->codec[i]);
}

enum gw_err jingle_read_description(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i)
{
    struct desc_stream *s = &r->out->desc->stream[i];
    xmpp_stanza_t *first = xmpp_stanza_get_children(element);
    struct fid fid = {0};
    enum gw_err err = read_media(r, jingle_attr(element, "media"), s);

    for (xmpp_stanza_t *c = first; c && !err; c = xmpp_stanza_get_next(c)) {
        if (jingle_is(c, "payload-type", JINGLE_RTP_NS))
            err = read_payload_type(r, c, s);
        else if (jingle_is(c, "rtp-hdrext", JINGLE_HDREXT_NS))
            read_extension(r, c, s);
        else if (jingle_is(c, "ssrc-group", JINGLE_SSMA_NS))
            read_fid(c, &fid);
        else if (jingle_is(c, "rtcp-mux", JINGLE_RTP_NS))
            r->rtcp_mux[i] = true;
    }
    /* What is about the elements above, wherever it stands. */
    for (xmpp_stanza_t *c = first; c && !err; c = xmpp_stanza_get_next(c)) {
        if (jingle_is(c, "source", JINGLE_SSMA_NS))
            err = read_source(r, c, s, &fid);
        else
            spread_feedback(c, s);
    }
    return err;
}

/* ---- writing ---- */

/* A parameter needs both its parts: Conversations drops values alone, Monal cannot read them. The
 * events of telephone-event are 0-15 for whoever says nothing (RFC 4733 2.4.1). */
static void write_parameters(GString *s, const struct desc_codec *c)
{
    struct span rest = desc_codec_is(c, "telephone-event") ? SPAN("") : span_of(c->fmtp);

    while (!span_empty(rest)) {
        struct span param = span_cut(&rest, ';');
        g_autofree char *name = span_dup(span_trim(span_cut(&param, '=')));
        g_autofree char *value = span_dup(span_trim(param));
        if (!name[0] || !value[0])
            continue;
        g_string_append(s, "<parameter");
        xml_attr(s, "name", name);
        xml_attr(s, "value", value);
        g_string_append(s, "/>");
    }
}

static void write_feedback(GString *s, const char *text)
{
    struct span subtype = span_of(text);
    g_autofree char *type = span_dup(span_cut(&subtype, ' '));

    subtype = span_trim(subtype);
    /* "trr-int 100" is another element, and one that would bind us. */
    if (!type[0] || strcmp(type, "trr-int") == 0 || (subtype.n && !jingle_is_token(subtype)))
        return;
    g_string_append(s, "<rtcp-fb xmlns='" JINGLE_FB_NS "'");
    xml_attr(s, "type", type);
    xml_attr(s, "subtype", subtype.n ? subtype.p : NULL);
    g_string_append(s, "/>");
}

static void write_payload_type(GString *s, const struct desc_stream *stream,
                               const struct desc_codec *c)
{
    g_string_append(s, "<payload-type");
    xml_attr_number(s, "id", c->pt);
    xml_attr(s, "name", c->name);
    xml_attr_number(s, "clockrate", c->clock_hz);
    if (c->channels > 1)
        xml_attr_number(s, "channels", c->channels);
    if (stream->ptime_ms)
        xml_attr_number(s, "ptime", stream->ptime_ms);
    if (stream->maxptime_ms)
        xml_attr_number(s, "maxptime", stream->maxptime_ms);
    g_string_append_c(s, '>');
    write_parameters(s, c);
    for (unsigned i = 0; i < c->nfeedback; i++)
        write_feedback(s, c->feedback[i]);
    g_string_append(s, "</payload-type>");
}

static void write_extension(GString *s, const struct desc_extension *e, bool by_initiator)
{
    if (e->direction == DESC_INACTIVE)
        return; /* "none" again, and of no use */
    g_string_append(s, "<rtp-hdrext xmlns='" JINGLE_HDREXT_NS "'");
    xml_attr_number(s, "id", e->id);
    xml_attr(s, "uri", e->uri);
    xml_attr(s, "senders", jingle_senders(e->direction, by_initiator));
    g_string_append(s, "/>");
}

static void write_source_parameter(GString *s, const char *name, const char *value)
{
    g_string_append(s, "<parameter");
    xml_attr(s, "name", name);
    xml_attr(s, "value", value);
    g_string_append(s, "/>");
}

static void write_source(GString *s, const struct desc_stream *stream, uint32_t ssrc,
                         const char *cname)
{
    g_string_append(s, "<source xmlns='" JINGLE_SSMA_NS "'");
    xml_attr_number(s, "ssrc", ssrc);
    g_string_append_c(s, '>');
    if (cname && cname[0])
        write_source_parameter(s, "cname", cname);
    if (stream->msid && stream->msid[0])
        write_source_parameter(s, "msid", stream->msid);
    if (!cname && !stream->msid) /* a=ssrc needs some attribute (RFC 5576 4.1) */
        write_source_parameter(s, "label", "0");
    g_string_append(s, "</source>");
}

static void write_sources(GString *s, const struct desc_stream *stream)
{
    for (unsigned i = 0; i < stream->nsources; i++) {
        const struct desc_source *src = &stream->source[i];
        write_source(s, stream, src->ssrc, src->cname);
        if (!src->rtx_ssrc)
            continue;
        write_source(s, stream, src->rtx_ssrc, src->cname);
        g_string_append_printf(s,
                               "<ssrc-group xmlns='" JINGLE_SSMA_NS "' semantics='FID'>"
                               "<source ssrc='%" G_GUINT32_FORMAT "'/>"
                               "<source ssrc='%" G_GUINT32_FORMAT "'/></ssrc-group>",
                               src->ssrc, src->rtx_ssrc);
    }
}

void jingle_write_description(GString *s, const struct desc *d, unsigned i, bool by_initiator)
{
    const struct desc_stream *stream = &d->stream[i];

    g_string_append(s, "<description xmlns='" JINGLE_RTP_NS "'");
    xml_attr(s, "media", stream->media);
    g_string_append_c(s, '>');
    for (unsigned k = 0; k < stream->ncodecs; k++)
        write_payload_type(s, stream, &stream->codec[k]);
    for (unsigned k = 0; k < stream->nextensions; k++)
        write_extension(s, &stream->extension[k], by_initiator);
    write_sources(s, stream);
    if (stream->transport >= 0 && d->transport[stream->transport].rtcp_mux)
        g_string_append(s, "<rtcp-mux/>");
    g_string_append(s, "</description>");
}
