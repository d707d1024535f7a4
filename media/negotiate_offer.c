/* What is offered to leg B on behalf of leg A. */
#include "media/negotiate.h"
#include "media/negotiate_private.h"

#include <glib.h>

#include <string.h>

static void default_video(struct desc *d)
{
    static const char *const feedback[] = {"ccm fir", "nack", "nack pli", "goog-remb"};
    struct desc_stream *s = desc_add_stream(d, DESC_VIDEO);

    (void)desc_add_codec(s, 96, "VP8", 90000, 1, NULL);
    (void)desc_add_codec(s, 102, "H264", 90000, 1,
                         "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
    for (unsigned i = 0; i < s->ncodecs; i++)
        for (unsigned k = 0; k < G_N_ELEMENTS(feedback); k++)
            (void)g_strlcpy(s->codec[i].feedback[s->codec[i].nfeedback++], feedback[k],
                            sizeof(s->codec[i].feedback[0]));
}

struct desc *negotiate_default_offer(bool video)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    (void)desc_add_codec(s, 111, "opus", 48000, 2, "minptime=10;useinbandfec=1");
    (void)desc_add_codec(s, 9, "G722", 8000, 1, NULL);
    (void)desc_add_codec(s, 0, "PCMU", 8000, 1, NULL);
    (void)desc_add_codec(s, 8, "PCMA", 8000, 1, NULL);
    (void)desc_add_codec(s, 110, "telephone-event", 48000, 1, "0-15");
    (void)desc_add_codec(s, 101, "telephone-event", 8000, 1, "0-15");
    if (video)
        default_video(d);
    return d;
}

/* ---- the offer to leg B ---- */

struct numbers { /* payload types and extension ids already given out where they must be unique */
    bool pt[128];
    const char *uri[15]; /* by id, 1-14: one-byte headers (RFC 8285 4.2) */
};

static bool offers_format(const struct desc_stream *s, const struct desc_codec *c,
                          const struct desc_profile *profile)
{
    if (negotiate_is_dtmf(c))
        return negotiate_uses_clock(s, c->clock_hz) || c->clock_hz == 8000;
    if (negotiate_is_rtx(c)) {
        const struct desc_codec *target = negotiate_repaired(s, c);
        return profile->feedback && target && negotiate_is_primary(target);
    }
    if (negotiate_is_red(c)) /* of audio; that of video wraps ulpfec */
        return profile->feedback && s->kind == DESC_AUDIO && c->fmtp;
    /* Comfort noise is optional and mistaken for a codec by some; FEC packets name sequence numbers
     * and time stamps, which change on the way (RFC 5109 7.3, RFC 8627 4.2). */
    return negotiate_is_primary(c) && !desc_codec_is(c, "ulpfec") &&
           !desc_codec_is(c, "flexfec-03") && !desc_codec_is(c, "flexfec");
}

/* RFC 3551 6 leaves 96-127 to us; 35-63 follow, as browsers do; 64-95 look like RTCP when both
 * share a port (RFC 5761 4). 128 when all are taken. */
static uint8_t free_pt(const struct numbers *used)
{
    for (unsigned pt = 96; pt < 128; pt++)
        if (!used->pt[pt])
            return (uint8_t)pt;
    for (unsigned pt = 35; pt < 64; pt++)
        if (!used->pt[pt])
            return (uint8_t)pt;
    return 128;
}

static uint8_t choose_pt(const struct desc_codec *c, const struct numbers *used, bool mux)
{
    uint8_t pt;

    if (desc_static_pt(c, &pt) && !used->pt[pt])
        return pt;
    if (!used->pt[c->pt] && c->pt >= 35 && !(mux && c->pt >= 64 && c->pt < 96))
        return c->pt;
    return free_pt(used);
}

/* Payload types inside red's payload mean the same to both sides (RFC 2198 3)? */
static bool red_survives(const struct desc_stream *a, const struct desc_codec *red,
                         const struct desc_stream *b)
{
    struct span rest = span_of(red->fmtp);
    uint64_t pt;

    while (!span_empty(rest)) {
        const struct desc_codec *inner =
            span_u64(span_cut(&rest, '/'), 127, &pt) ? desc_codec_by_pt(a, (uint8_t)pt) : NULL;
        const struct desc_codec *there = inner ? desc_codec_by_pt(b, (uint8_t)pt) : NULL;
        if (!there || !desc_codec_same(inner, there))
            return false;
    }
    return true;
}

static void offer_feedback(const struct desc_codec *from, struct desc_codec *to)
{
    if (negotiate_has_feedback(from, "nack"))
        negotiate_add_feedback(to, "nack");
    /* A sender that takes no feedback can be asked for key frames by other means. */
    negotiate_add_feedback(to, "nack pli");
    negotiate_add_feedback(to, "ccm fir");
}

/* One codec of A as one of the stream to B; false when there is no room. */
static bool offer_codec(const struct desc_stream *a, const struct desc_codec *c,
                        const struct desc_profile *profile, struct numbers *used,
                        struct desc_stream *b)
{
    struct desc_codec *added;
    uint8_t pt = choose_pt(c, used, profile->rtcp_mux);
    char apt[32];
    const char *fmtp = c->fmtp;

    if (negotiate_is_red(c) && !red_survives(a, c, b))
        return true;
    if (negotiate_is_rtx(c)) {
        const struct desc_codec *target = negotiate_repaired(a, c);
        const struct desc_codec *there = target ? negotiate_find(a, target, b) : NULL;
        if (!there)
            return true;
        (void)g_snprintf(apt, sizeof(apt), "apt=%u", there->pt);
        fmtp = apt;
    }
    added = desc_add_codec(b, pt, c->name, c->clock_hz, c->channels, fmtp); /* refuses 128 */
    if (!added)
        return false;
    used->pt[pt] = true;
    if (profile->feedback && a->kind == DESC_VIDEO && negotiate_is_primary(c))
        offer_feedback(c, added);
    return true;
}

static void offer_dtmf(struct desc_stream *b, uint32_t clock_hz, uint8_t pt, struct numbers *used)
{
    for (unsigned i = 0; i < b->ncodecs; i++)
        if (negotiate_is_dtmf(&b->codec[i]) && b->codec[i].clock_hz == clock_hz)
            return;
    if (used->pt[pt])
        pt = free_pt(used);
    if (desc_add_codec(b, pt, "telephone-event", clock_hz, 1, "0-15"))
        used->pt[pt] = true;
}

static void offer_codecs(const struct desc_stream *a, const struct desc_profile *profile,
                         struct numbers *used, struct desc_stream *b)
{
    enum { ROOM_FOR_DTMF = 4 };
    bool audio = a->kind == DESC_AUDIO;
    unsigned most = audio ? PLAN_CODECS_MAX - ROOM_FOR_DTMF : PLAN_CODECS_MAX;

    for (unsigned i = 0; i < a->ncodecs && b->ncodecs < most; i++) {
        const struct desc_codec *c = &a->codec[i];
        if (!negotiate_is_dtmf(c) && offers_format(a, c, profile) &&
            !offer_codec(a, c, profile, used, b))
            break;
    }
    if (!audio || !negotiate_has_primary(b))
        return;
    for (unsigned i = 0; i < a->ncodecs && b->ncodecs < PLAN_CODECS_MAX - 2; i++)
        if (negotiate_is_dtmf(&a->codec[i]) && offers_format(a, &a->codec[i], profile) &&
            (negotiate_uses_clock(b, a->codec[i].clock_hz) || a->codec[i].clock_hz == 8000))
            (void)offer_codec(a, &a->codec[i], profile, used, b);
    if (negotiate_uses_clock(b, 48000))
        offer_dtmf(b, 48000, 110, used);
    offer_dtmf(b, 8000, 101, used); /* what every telephone and PBX takes, beside any codec */
}

static uint8_t choose_extension_id(const struct desc_extension *e, struct numbers *used)
{
    unsigned id = e->id;

    for (unsigned i = 1; i < G_N_ELEMENTS(used->uri); i++)
        if (used->uri[i] && strcmp(used->uri[i], e->uri) == 0)
            return (uint8_t)i; /* one meaning in all streams of a BUNDLE (RFC 8843 15) */
    if (id >= G_N_ELEMENTS(used->uri) || used->uri[id])
        for (id = 1; id < G_N_ELEMENTS(used->uri) && used->uri[id];)
            id++;
    if (id == G_N_ELEMENTS(used->uri))
        return 0;
    used->uri[id] = e->uri;
    return (uint8_t)id;
}

static void offer_extensions(const struct desc_stream *a, const struct desc_profile *profile,
                             struct numbers *used, struct desc_stream *b)
{
    for (unsigned i = 0; i < a->nextensions; i++) {
        const struct desc_extension *e = &a->extension[i];
        /* Of all of them, telephones know only the orientation of video (3GPP TS 26.114). */
        if (!negotiate_extension_crosses(e->uri) ||
            (!profile->feedback && strcmp(e->uri, "urn:3gpp:video-orientation") != 0))
            continue;
        struct desc_extension *added = desc_add_extension(b, choose_extension_id(e, used), e->uri);
        if (added)
            added->direction = e->direction;
    }
}

struct desc *negotiate_offer(const struct desc *a, const struct desc_profile *profile,
                             struct stream_map *map)
{
    struct desc *d = desc_new();
    struct numbers used = {0};

    d->bundled = profile->bundle;
    memset(map->b_of_a, -1, sizeof(map->b_of_a));
    for (unsigned i = 0; i < a->nstreams; i++) {
        const struct desc_stream *s = &a->stream[i];
        struct desc_stream *b = negotiate_carries_over(s) ? desc_add_stream(d, s->kind) : NULL;
        if (!b)
            continue;
        if (!profile->bundle)
            used = (struct numbers){0}; /* each stream has numbers of its own */
        map->b_of_a[i] = (int8_t)(d->nstreams - 1);
        b->direction = s->direction;
        b->ptime_ms = s->ptime_ms;
        b->maxptime_ms = s->maxptime_ms;
        b->bandwidth_bps = s->bandwidth_bps;
        b->rtcp_reduced_size = profile->feedback;
        if (profile->bundle)
            (void)g_snprintf(b->mid, sizeof(b->mid), "%u", d->nstreams - 1);
        offer_codecs(s, profile, &used, b);
        offer_extensions(s, profile, &used, b);
        if (!negotiate_has_primary(b)) { /* only formats that cannot cross */
            desc_drop_last_stream(d);
            map->b_of_a[i] = -1;
        }
    }
    return d;
}
