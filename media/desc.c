#include "media/desc.h"

#include <glib.h>

#include <string.h>

const struct desc_profile desc_profile_plain = {.security = DESC_PLAIN};
const struct desc_profile desc_profile_sdes = {.security = DESC_SDES};
const struct desc_profile desc_profile_dtls = {.security = DESC_DTLS};
const struct desc_profile desc_profile_webrtc = {
    .ice = true, .bundle = true, .rtcp_mux = true, .feedback = true, .security = DESC_DTLS};

const struct desc_profile desc_profile_jingle = {.ice = true,
                                                 .bundle = true,
                                                 .rtcp_mux = true,
                                                 .feedback = true,
                                                 .balanced = true,
                                                 .security = DESC_DTLS};

struct desc *desc_new(void)
{
    return g_new0(struct desc, 1);
}

static void stream_clear(struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        g_free(s->codec[i].fmtp);
    for (unsigned i = 0; i < s->nextensions; i++)
        g_free(s->extension[i].uri);
    for (unsigned i = 0; i < s->nsources; i++)
        g_free(s->source[i].cname);
    g_free(s->codec);
    g_free(s->extension);
    g_free(s->source);
    g_free(s->formats);
    g_free(s->msid);
}

void desc_free(struct desc *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < d->nstreams; i++)
        stream_clear(&d->stream[i]);
    for (unsigned i = 0; i < d->ntransports; i++)
        g_free(d->transport[i].candidate);
    g_free(d);
}

static void stream_copy_arrays(struct desc_stream *s)
{
    s->codec = g_memdup2(s->codec, s->ncodecs * sizeof(s->codec[0]));
    for (unsigned i = 0; i < s->ncodecs; i++)
        s->codec[i].fmtp = g_strdup(s->codec[i].fmtp);
    s->extension = g_memdup2(s->extension, s->nextensions * sizeof(s->extension[0]));
    for (unsigned i = 0; i < s->nextensions; i++)
        s->extension[i].uri = g_strdup(s->extension[i].uri);
    s->source = g_memdup2(s->source, s->nsources * sizeof(s->source[0]));
    for (unsigned i = 0; i < s->nsources; i++)
        s->source[i].cname = g_strdup(s->source[i].cname);
    s->formats = g_strdup(s->formats);
    s->msid = g_strdup(s->msid);
}

struct desc *desc_copy(const struct desc *d)
{
    struct desc *copy = g_memdup2(d, sizeof(*d));

    for (unsigned i = 0; i < copy->nstreams; i++)
        stream_copy_arrays(&copy->stream[i]);
    for (unsigned i = 0; i < copy->ntransports; i++) {
        struct desc_transport *t = &copy->transport[i];
        t->candidate = g_memdup2(t->candidate, t->ncandidates * sizeof(t->candidate[0]));
    }
    return copy;
}

struct desc_stream *desc_add_stream(struct desc *d, enum desc_kind kind)
{
    static const char *const media[] = {[DESC_AUDIO] = "audio",
                                        [DESC_VIDEO] = "video",
                                        [DESC_APPLICATION] = "application",
                                        [DESC_OTHER] = ""};
    struct desc_stream *s;

    if (d->nstreams == DESC_STREAMS_MAX)
        return NULL;
    s = &d->stream[d->nstreams++];
    *s = (struct desc_stream){.kind = kind, .direction = DESC_SENDRECV, .transport = -1};
    g_strlcpy(s->media, media[kind], sizeof(s->media));
    return s;
}

void desc_drop_last_stream(struct desc *d)
{
    if (d->nstreams)
        stream_clear(&d->stream[--d->nstreams]);
}

struct desc_transport *desc_add_transport(struct desc *d)
{
    struct desc_transport *t;

    if (d->ntransports == DESC_STREAMS_MAX)
        return NULL;
    t = &d->transport[d->ntransports++];
    *t = (struct desc_transport){0};
    return t;
}

struct desc_codec *desc_add_codec(struct desc_stream *s, uint8_t pt, const char *name,
                                  uint32_t clock_hz, uint8_t channels, const char *fmtp)
{
    struct desc_codec *c;

    if (s->ncodecs == DESC_CODECS_MAX || pt > 127 || strlen(name) >= sizeof(c->name) ||
        (fmtp && strlen(fmtp) >= DESC_TEXT_MAX))
        return NULL;
    s->codec = g_renew(struct desc_codec, s->codec, s->ncodecs + 1);
    c = &s->codec[s->ncodecs++];
    *c = (struct desc_codec){.pt = pt, .clock_hz = clock_hz, .channels = channels ? channels : 1};
    g_strlcpy(c->name, name, sizeof(c->name));
    c->fmtp = g_strdup(fmtp);
    return c;
}

struct desc_extension *desc_add_extension(struct desc_stream *s, uint8_t id, const char *uri)
{
    struct desc_extension *e;

    if (s->nextensions == DESC_EXTENSIONS_MAX || id == 0 || strlen(uri) >= DESC_TEXT_MAX)
        return NULL;
    s->extension = g_renew(struct desc_extension, s->extension, s->nextensions + 1);
    e = &s->extension[s->nextensions++];
    *e = (struct desc_extension){.id = id, .direction = DESC_SENDRECV, .uri = g_strdup(uri)};
    return e;
}

struct desc_source *desc_add_source(struct desc_stream *s, uint32_t ssrc, const char *cname)
{
    struct desc_source *src;

    if (s->nsources == DESC_SOURCES_MAX || (cname && strlen(cname) >= DESC_TEXT_MAX))
        return NULL;
    s->source = g_renew(struct desc_source, s->source, s->nsources + 1);
    src = &s->source[s->nsources++];
    *src = (struct desc_source){.ssrc = ssrc, .cname = g_strdup(cname)};
    return src;
}

struct desc_candidate *desc_add_candidate(struct desc_transport *t)
{
    struct desc_candidate *c;

    if (t->ncandidates == DESC_CANDIDATES_MAX)
        return NULL;
    t->candidate = g_renew(struct desc_candidate, t->candidate, t->ncandidates + 1);
    c = &t->candidate[t->ncandidates++];
    *c = (struct desc_candidate){0};
    return c;
}

void desc_clear_transports(struct desc *d)
{
    for (unsigned i = 0; i < d->ntransports; i++)
        g_free(d->transport[i].candidate);
    d->ntransports = 0;
    for (unsigned i = 0; i < d->nstreams; i++)
        d->stream[i].transport = -1;
}

const struct desc_codec *desc_codec_by_pt(const struct desc_stream *s, uint8_t pt)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (s->codec[i].pt == pt)
            return &s->codec[i];
    return NULL;
}

bool desc_codec_is(const struct desc_codec *c, const char *name)
{
    return g_ascii_strcasecmp(c->name, name) == 0;
}

bool desc_codec_param(const struct desc_codec *c, const char *name, struct span *value)
{
    struct span rest = span_of(c->fmtp);
    struct span wanted = span_of(name);

    while (!span_empty(rest)) {
        struct span param = span_trim(span_cut(&rest, ';'));
        struct span key = span_trim(span_cut(&param, '='));
        if (span_equal_nocase(key, wanted)) {
            *value = span_trim(param);
            return true;
        }
    }
    return false;
}

// clang-format off
static const struct static_codec { uint8_t pt, channels; uint32_t clock_hz; const char *name; } static_codecs[] = {
    {0, 1, 8000, "PCMU"},   {3, 1, 8000, "GSM"},     {4, 1, 8000, "G723"},    {5, 1, 8000, "DVI4"},
    {6, 1, 16000, "DVI4"},  {7, 1, 8000, "LPC"},     {8, 1, 8000, "PCMA"},    {9, 1, 8000, "G722"},
    {10, 2, 44100, "L16"},  {11, 1, 44100, "L16"},   {12, 1, 8000, "QCELP"},  {13, 1, 8000, "CN"},
    {14, 1, 90000, "MPA"},  {15, 1, 8000, "G728"},   {16, 1, 11025, "DVI4"},  {17, 1, 22050, "DVI4"},
    {18, 1, 8000, "G729"},  {25, 1, 90000, "CelB"},  {26, 1, 90000, "JPEG"},  {28, 1, 90000, "nv"},
    {31, 1, 90000, "H261"}, {32, 1, 90000, "MPV"},   {33, 1, 90000, "MP2T"},  {34, 1, 90000, "H263"},
};
// clang-format on

bool desc_static_codec(struct desc_codec *c)
{
    for (size_t i = 0; i < G_N_ELEMENTS(static_codecs); i++) {
        const struct static_codec *s = &static_codecs[i];
        if (s->pt != c->pt)
            continue;
        g_strlcpy(c->name, s->name, sizeof(c->name));
        c->clock_hz = s->clock_hz;
        c->channels = s->channels;
        return true;
    }
    return false;
}

bool desc_static_pt(const struct desc_codec *c, uint8_t *pt)
{
    for (size_t i = 0; i < G_N_ELEMENTS(static_codecs); i++) {
        const struct static_codec *s = &static_codecs[i];
        if (!desc_codec_is(c, s->name) || c->clock_hz != s->clock_hz || c->channels != s->channels)
            continue;
        *pt = s->pt;
        return true;
    }
    return false;
}

/* Parameters that make two formats of one name different things, and what their absence means. */
// clang-format off
static const struct format_param {
    const char *codec, *param, *absent;
} format_params[] = {
    {"H264", "packetization-mode", "0"}, /* RFC 6184 8.1 */
    {"VP9", "profile-id", "0"},          /* RFC 9628 6 */
    {"AV1", "profile", "0"},             /* AV1 RTP payload 7.2 */
    {"H265", "profile-id", "1"},         /* RFC 7798 7.1 */
    {"AMR", "octet-align", "0"},         /* RFC 4867 8.1: changes the payload's layout */
    {"AMR-WB", "octet-align", "0"},
    {"G7221", "bitrate", "24000"},       /* RFC 5577 3: fixed for a session */
};
// clang-format on

/* profile_idc and constraint flags of profile-level-id (RFC 6184 8.1), told apart as far as a
 * decoder would care: Baseline and Constrained Baseline are one, because the phones that say the
 * one and the browsers that say the other encode the other in practice. */
static unsigned h264_profile(const struct desc_codec *c)
{
    struct span text = {NULL, 0};
    char buf[8];
    guint64 id = 0x42000a; /* absent: Baseline, level 1 */

    if (desc_codec_param(c, "profile-level-id", &text) && span_copy(text, buf, sizeof(buf)) &&
        !g_ascii_string_to_unsigned(buf, 16, 0, 0xffffff, &id, NULL))
        return 0;
    unsigned idc = (unsigned)(id >> 16);
    unsigned flags = (unsigned)(id >> 8) & 0xff;
    if (idc == 0x42 || ((idc == 0x4d || idc == 0x58) && (flags & 0x80)))
        return 0x42; /* constraint_set0: decodable as Baseline */
    if (idc == 0x64 && (flags & 0x0c) == 0x0c)
        return 0x640c; /* Constrained High: what Chrome calls it */
    return idc;
}

bool desc_codec_same(const struct desc_codec *a, const struct desc_codec *b)
{
    if (g_ascii_strcasecmp(a->name, b->name) != 0 || a->clock_hz != b->clock_hz)
        return false;
    if (a->channels != b->channels && !desc_codec_is(a, "opus")) /* RFC 7587 7: always 2 */
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(format_params); i++) {
        const struct format_param *p = &format_params[i];
        struct span va = span_of(p->absent);
        struct span vb = va;
        if (!desc_codec_is(a, p->codec))
            continue;
        (void)desc_codec_param(a, p->param, &va);
        (void)desc_codec_param(b, p->param, &vb);
        if (!span_equal_nocase(va, vb))
            return false;
    }
    return !desc_codec_is(a, "H264") || h264_profile(a) == h264_profile(b);
}

enum desc_direction desc_direction_reverse(enum desc_direction d)
{
    switch (d) {
    case DESC_SENDONLY: return DESC_RECVONLY;
    case DESC_RECVONLY: return DESC_SENDONLY;
    case DESC_INACTIVE:
    case DESC_SENDRECV: break;
    }
    return d;
}

struct desc_profile desc_profile_of(const struct desc *d)
{
    const struct desc_transport *t = &d->transport[0];

    if (!d->ntransports)
        return desc_profile_plain;
    return (struct desc_profile){.ice = t->ice,
                                 .bundle = d->bundled,
                                 .rtcp_mux = t->rtcp_mux,
                                 .feedback = t->feedback,
                                 .security = t->security};
}

unsigned desc_suite_key_len(enum desc_suite suite)
{
    return suite == DESC_AEAD_AES_256_GCM ? 32 : 16;
}

unsigned desc_suite_salt_len(enum desc_suite suite)
{
    switch (suite) {
    case DESC_AES_CM_128_SHA1_80:
    case DESC_AES_CM_128_SHA1_32: return 14;
    case DESC_AEAD_AES_128_GCM:
    case DESC_AEAD_AES_256_GCM: break;
    }
    return 12;
}
