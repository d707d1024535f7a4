#include "media/negotiate.h"

#include "media/negotiate_private.h"

#include <glib.h>

#include <string.h>

bool negotiate_is_dtmf(const struct desc_codec *c)
{
    return desc_codec_is(c, "telephone-event");
}

bool negotiate_is_rtx(const struct desc_codec *c)
{
    return desc_codec_is(c, "rtx");
}

static bool is_red(const struct desc_codec *c)
{
    return desc_codec_is(c, "red");
}

/* A format that carries a stream by itself. */
static bool is_primary(const struct desc_codec *c)
{
    return !negotiate_is_dtmf(c) && !negotiate_is_rtx(c) && !is_red(c) && !desc_codec_is(c, "CN");
}

bool negotiate_extension_crosses(const char *uri)
{
    /* MID, transport-cc, abs-send-time and the like are about one hop and end there. */
    static const char *const uris[] = {
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level", /* RFC 6464 */
        "urn:ietf:params:rtp-hdrext:csrc-audio-level", /* RFC 6465 */
        "urn:ietf:params:rtp-hdrext:toffset",          /* RFC 5450 */
        "urn:3gpp:video-orientation",
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++)
        if (strcmp(uri, uris[i]) == 0)
            return true;
    return false;
}

bool negotiate_has_feedback(const struct desc_codec *c, const char *what)
{
    for (unsigned i = 0; i < c->nfeedback; i++)
        if (g_ascii_strcasecmp(c->feedback[i], what) == 0)
            return true;
    return false;
}

static void add_feedback(struct desc_codec *c, const char *what)
{
    if (c->nfeedback < DESC_FEEDBACK_MAX && !negotiate_has_feedback(c, what))
        g_strlcpy(c->feedback[c->nfeedback++], what, sizeof(c->feedback[0]));
}

/* The codec an rtx format repairs (RFC 4588 8.1), NULL for others and dangling ones. */
static const struct desc_codec *repaired(const struct desc_stream *s, const struct desc_codec *c)
{
    struct span apt;
    uint64_t pt;

    if (!negotiate_is_rtx(c) || !desc_codec_param(c, "apt", &apt) || !span_u64(apt, 127, &pt))
        return NULL;
    return desc_codec_by_pt(s, (uint8_t)pt);
}

static bool same_format(const struct desc_stream *near, const struct desc_codec *c,
                        const struct desc_stream *far, const struct desc_codec *o)
{
    if (!desc_codec_same(c, o))
        return false;
    if (negotiate_is_rtx(c)) {
        const struct desc_codec *mine = repaired(near, c), *theirs = repaired(far, o);
        return mine && theirs && desc_codec_same(mine, theirs);
    }
    /* The payload names payload types (RFC 2198 3), and payloads are not touched. */
    return !is_red(c) || g_strcmp0(c->fmtp, o->fmtp) == 0;
}

const struct desc_codec *negotiate_find(const struct desc_stream *near, const struct desc_codec *c,
                                        const struct desc_stream *far)
{
    const struct desc_codec *found = NULL;

    for (unsigned i = 0; i < far->ncodecs; i++) {
        const struct desc_codec *o = &far->codec[i];
        if ((!found || o->pt == c->pt) && same_format(near, c, far, o))
            found = o;
    }
    return found;
}

static bool uses_clock(const struct desc_stream *s, uint32_t clock_hz)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (s->codec[i].clock_hz == clock_hz && is_primary(&s->codec[i]))
            return true;
    return false;
}

static bool has_primary(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (is_primary(&s->codec[i]))
            return true;
    return false;
}

struct desc *negotiate_default_offer(void)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    (void)desc_add_codec(s, 111, "opus", 48000, 2, "minptime=10;useinbandfec=1");
    (void)desc_add_codec(s, 9, "G722", 8000, 1, NULL);
    (void)desc_add_codec(s, 0, "PCMU", 8000, 1, NULL);
    (void)desc_add_codec(s, 8, "PCMA", 8000, 1, NULL);
    (void)desc_add_codec(s, 110, "telephone-event", 48000, 1, "0-15");
    (void)desc_add_codec(s, 101, "telephone-event", 8000, 1, "0-15");
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
        return uses_clock(s, c->clock_hz) || c->clock_hz == 8000;
    if (negotiate_is_rtx(c)) {
        const struct desc_codec *target = repaired(s, c);
        return profile->feedback && target && is_primary(target);
    }
    if (is_red(c)) /* of audio; that of video wraps ulpfec */
        return profile->feedback && s->kind == DESC_AUDIO && c->fmtp;
    /* Comfort noise is optional and mistaken for a codec by some; FEC packets name sequence numbers
     * and time stamps, which change on the way (RFC 5109 7.3, RFC 8627 4.2). */
    return is_primary(c) && !desc_codec_is(c, "ulpfec") && !desc_codec_is(c, "flexfec-03") &&
           !desc_codec_is(c, "flexfec");
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
        add_feedback(to, "nack");
    /* A sender that takes no feedback can be asked for key frames by other means. */
    add_feedback(to, "nack pli");
    add_feedback(to, "ccm fir");
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

    if (is_red(c) && !red_survives(a, c, b))
        return true;
    if (negotiate_is_rtx(c)) {
        const struct desc_codec *target = repaired(a, c);
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
    if (profile->feedback && a->kind == DESC_VIDEO && is_primary(c))
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
    if (!audio || !has_primary(b))
        return;
    for (unsigned i = 0; i < a->ncodecs && b->ncodecs < PLAN_CODECS_MAX - 2; i++)
        if (negotiate_is_dtmf(&a->codec[i]) && offers_format(a, &a->codec[i], profile) &&
            (uses_clock(b, a->codec[i].clock_hz) || a->codec[i].clock_hz == 8000))
            (void)offer_codec(a, &a->codec[i], profile, used, b);
    if (uses_clock(b, 48000))
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

static bool carries_over(const struct desc_stream *a)
{
    return !a->refused && (a->kind == DESC_AUDIO || a->kind == DESC_VIDEO) && has_primary(a);
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
        struct desc_stream *b = carries_over(s) ? desc_add_stream(d, s->kind) : NULL;
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
        if (!has_primary(b)) { /* only formats that cannot cross */
            desc_drop_last_stream(d);
            map->b_of_a[i] = -1;
        }
    }
    return d;
}

/* ---- the answer to leg A ---- */

static void answer_feedback(const struct desc_codec *offered, const struct desc_codec *accepted,
                            struct desc_codec *out)
{
    for (unsigned i = 0; i < offered->nfeedback; i++) {
        const char *f = offered->feedback[i];
        bool keyframe = g_ascii_strcasecmp(f, "nack pli") == 0 ||
                        g_ascii_strcasecmp(f, "ccm fir") == 0; /* mapped to what B has */
        bool resend = g_ascii_strcasecmp(f, "nack") == 0 && negotiate_has_feedback(accepted, f);
        if (keyframe || resend)
            add_feedback(out, f);
    }
}

static bool answer_has(const struct desc_stream *out, const struct desc_codec *c)
{
    return desc_codec_by_pt(out, c->pt) != NULL;
}

/* What B accepted, in B's order, with A's numbers. */
static void answer_codecs(const struct desc_stream *a, const struct desc_stream *b,
                          struct desc_stream *out)
{
    for (unsigned i = 0; i < b->ncodecs; i++) {
        const struct desc_codec *accepted = &b->codec[i];
        const struct desc_codec *offered =
            negotiate_is_dtmf(accepted) ? NULL : negotiate_find(b, accepted, a);
        const char *fmtp = accepted->fmtp;
        struct desc_codec *added;
        if (!offered || answer_has(out, offered))
            continue;
        if (negotiate_is_rtx(offered)) {
            fmtp = offered->fmtp; /* apt in A's numbers */
            if (!answer_has(out, repaired(a, offered)))
                continue;
        }
        added = desc_add_codec(out, offered->pt, offered->name, offered->clock_hz,
                               offered->channels, fmtp);
        if (added && a->kind == DESC_VIDEO)
            answer_feedback(offered, accepted, added);
    }
}

static const struct desc_codec *dtmf_of(const struct desc_stream *s, uint32_t clock_hz)
{
    const struct desc_codec *any = NULL;

    for (unsigned i = 0; i < s->ncodecs; i++) {
        const struct desc_codec *c = &s->codec[i];
        if (!negotiate_is_dtmf(c))
            continue;
        if (c->clock_hz == clock_hz)
            return c;
        if (!any)
            any = c;
    }
    return any;
}

/* Every clock in use that A offered, whatever B took: without it a browser has no keypad, and what
 * B cannot hear media detects. */
static void answer_dtmf(const struct desc_stream *a, const struct desc_stream *b,
                        struct desc_stream *out)
{
    bool kept = false;

    for (int fitting = 1; fitting >= 0 && !kept; fitting--)
        for (unsigned i = 0; i < a->ncodecs; i++) {
            const struct desc_codec *c = &a->codec[i];
            const struct desc_codec *theirs = dtmf_of(b, c->clock_hz);
            if (!negotiate_is_dtmf(c) ||
                (fitting && c->clock_hz != 8000 && !uses_clock(out, c->clock_hz)))
                continue;
            kept |= desc_add_codec(out, c->pt, c->name, c->clock_hz, c->channels,
                                   theirs ? theirs->fmtp : c->fmtp) != NULL;
        }
}

static void answer_extensions(const struct desc_stream *a, const struct desc_stream *b,
                              struct desc_stream *out)
{
    for (unsigned i = 0; i < a->nextensions; i++) {
        const struct desc_extension *e = &a->extension[i];
        bool both = false;
        for (unsigned k = 0; k < b->nextensions && !both; k++)
            both = strcmp(b->extension[k].uri, e->uri) == 0;
        if (both && negotiate_extension_crosses(e->uri))
            (void)desc_add_extension(out, e->id, e->uri);
    }
}

/* Port 0 with the offer's format list (RFC 3264 6). */
static void refuse_stream(const struct desc_stream *a, struct desc_stream *out)
{
    out->refused = true;
    out->direction = DESC_INACTIVE;
    out->formats = g_strdup(a->formats);
    for (unsigned i = 0; i < a->ncodecs && !out->formats && i < 1; i++)
        (void)desc_add_codec(out, a->codec[i].pt, a->codec[i].name, a->codec[i].clock_hz,
                             a->codec[i].channels, NULL);
}

static void answer_stream(const struct desc_stream *a, const struct desc_stream *b,
                          struct desc_stream *out)
{
    memcpy(out->mid, a->mid, sizeof(out->mid));
    memcpy(out->media, a->media, sizeof(out->media));
    memcpy(out->protocol, a->protocol, sizeof(out->protocol));
    if (b && !b->refused && carries_over(a) && a->kind == b->kind)
        answer_codecs(a, b, out);
    if (!has_primary(out)) {
        refuse_stream(a, out);
        return;
    }
    if (a->kind == DESC_AUDIO)
        answer_dtmf(a, b, out);
    answer_extensions(a, b, out);
    out->direction = b->direction & desc_direction_reverse(a->direction);
    out->ptime_ms = b->ptime_ms;
    out->maxptime_ms = b->maxptime_ms;
    out->bandwidth_bps = b->bandwidth_bps;
    out->rtcp_reduced_size = a->rtcp_reduced_size;
}

enum gw_err negotiate_answer(const struct desc *a, const struct desc *b,
                             const struct stream_map *map, struct desc **out)
{
    struct desc *d = desc_new();
    bool any = false;

    d->bundled = a->bundled;
    for (unsigned i = 0; i < a->nstreams; i++) {
        int k = map->b_of_a[i];
        struct desc_stream *s = desc_add_stream(d, a->stream[i].kind);
        answer_stream(&a->stream[i], k >= 0 && (unsigned)k < b->nstreams ? &b->stream[k] : NULL, s);
        any |= !s->refused;
    }
    *out = any ? d : NULL;
    if (!any)
        desc_free(d);
    return any ? GW_OK : GW_ENOCODEC;
}

/* ---- the mid-call firewall ---- */

static const struct desc_codec *first_primary(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (is_primary(&s->codec[i]))
            return &s->codec[i];
    return NULL;
}

/* The same end to end: nothing the far leg would have to know. */
static bool same_stream(const struct desc_stream *before, const struct desc_stream *offer,
                        const struct desc_stream *current)
{
    const struct desc_codec *used = first_primary(current);

    if (before->kind != offer->kind || offer->kind != current->kind ||
        before->refused != offer->refused)
        return false;
    if (offer->refused || current->refused)
        return true;
    return before->direction == offer->direction && used && negotiate_find(current, used, offer);
}

enum gw_err negotiate_refresh(const struct desc *last_remote, const struct desc *offer,
                              const struct desc *current, struct desc **out)
{
    struct stream_map same;

    *out = NULL;
    if (last_remote->nstreams != offer->nstreams || current->nstreams != offer->nstreams)
        return GW_ESTATE;
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        same.b_of_a[i] = (int8_t)i;
    for (unsigned i = 0; i < offer->nstreams; i++)
        if (!same_stream(&last_remote->stream[i], &offer->stream[i], &current->stream[i]))
            return GW_ESTATE;
    /* What we said last stands for what the far leg would say again. */
    return negotiate_answer(offer, current, &same, out) == GW_OK ? GW_OK : GW_ESTATE;
}
