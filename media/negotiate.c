/* What formats have in common, the answer, and the mid-call firewall. */
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

bool negotiate_is_red(const struct desc_codec *c)
{
    return desc_codec_is(c, "red");
}

bool negotiate_is_primary(const struct desc_codec *c)
{
    return !negotiate_is_dtmf(c) && !negotiate_is_rtx(c) && !negotiate_is_red(c) &&
           !desc_codec_is(c, "CN");
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

void negotiate_add_feedback(struct desc_codec *c, const char *what)
{
    if (c->nfeedback < DESC_FEEDBACK_MAX && !negotiate_has_feedback(c, what))
        g_strlcpy(c->feedback[c->nfeedback++], what, sizeof(c->feedback[0]));
}

const struct desc_codec *negotiate_repaired(const struct desc_stream *s, const struct desc_codec *c)
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
        const struct desc_codec *mine = negotiate_repaired(near, c);
        const struct desc_codec *theirs = negotiate_repaired(far, o);
        return mine && theirs && desc_codec_same(mine, theirs);
    }
    /* The payload names payload types (RFC 2198 3), and payloads are not touched. */
    return !negotiate_is_red(c) || g_strcmp0(c->fmtp, o->fmtp) == 0;
}

const struct desc_codec *negotiate_find(const struct desc_stream *near, const struct desc_codec *c,
                                        const struct desc_stream *far)
{
    unsigned at = far->ncodecs;

    for (unsigned i = 0; i < far->ncodecs; i++) {
        const struct desc_codec *o = &far->codec[i];
        if ((at == far->ncodecs || o->pt == c->pt) && same_format(near, c, far, o))
            at = i;
    }
    return at < far->ncodecs ? &far->codec[at] : NULL;
}

bool negotiate_uses_clock(const struct desc_stream *s, uint32_t clock_hz)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (s->codec[i].clock_hz == clock_hz && negotiate_is_primary(&s->codec[i]))
            return true;
    return false;
}

bool negotiate_has_primary(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (negotiate_is_primary(&s->codec[i]))
            return true;
    return false;
}

bool negotiate_carries_over(const struct desc_stream *a)
{
    return !a->refused && (a->kind == DESC_AUDIO || a->kind == DESC_VIDEO) &&
           negotiate_has_primary(a);
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
            negotiate_add_feedback(out, f);
    }
}

static bool answer_has(const struct desc_stream *out, const struct desc_codec *c)
{
    return desc_codec_by_pt(out, c->pt) != NULL;
}

/* B's parameters with the profile A offered: the two may spell one profile differently, and an
 * answer must repeat the offer's (RFC 6184 8.2.2); the level is B's. */
static char *h264_fmtp(const struct desc_codec *offered, const struct desc_codec *accepted)
{
    struct span theirs;
    struct span ours;
    struct span rest = span_of(accepted->fmtp);
    GString *s;

    if (!desc_codec_param(accepted, "profile-level-id", &theirs) || theirs.n != 6 ||
        !desc_codec_param(offered, "profile-level-id", &ours) || ours.n != 6)
        return g_strdup(accepted->fmtp);
    s = g_string_new(NULL);
    while (!span_empty(rest)) {
        struct span param = span_trim(span_cut(&rest, ';'));
        struct span key = param;
        if (s->len)
            g_string_append_c(s, ';');
        if (span_equal_nocase(span_trim(span_cut(&key, '=')), SPAN("profile-level-id")))
            g_string_append_printf(s, "profile-level-id=%.4s%.2s", ours.p, theirs.p + 4);
        else
            g_string_append_len(s, param.p, (gssize)param.n);
    }
    return g_string_free(s, FALSE);
}

/* What to say of @p offered when B said @p accepted; g_free. rtx and red name payload types, so
 * theirs are A's own words. */
static char *answer_fmtp(const struct desc_codec *offered, const struct desc_codec *accepted)
{
    if (negotiate_is_rtx(offered) || negotiate_is_red(offered))
        return g_strdup(offered->fmtp);
    if (desc_codec_is(offered, "H264"))
        return h264_fmtp(offered, accepted);
    return g_strdup(accepted->fmtp);
}

/* What B accepted, in B's order, with A's numbers. */
static void answer_codecs(const struct desc_stream *a, const struct desc_stream *b,
                          struct desc_stream *out)
{
    for (unsigned i = 0; i < b->ncodecs; i++) {
        const struct desc_codec *accepted = &b->codec[i];
        const struct desc_codec *offered =
            negotiate_is_dtmf(accepted) ? NULL : negotiate_find(b, accepted, a);
        struct desc_codec *added;
        char *fmtp;
        if (!offered || answer_has(out, offered) ||
            (negotiate_is_rtx(offered) && !answer_has(out, negotiate_repaired(a, offered))))
            continue;
        fmtp = answer_fmtp(offered, accepted);
        added = desc_add_codec(out, offered->pt, offered->name, offered->clock_hz,
                               offered->channels, fmtp);
        g_free(fmtp);
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
                (fitting && c->clock_hz != 8000 && !negotiate_uses_clock(out, c->clock_hz)))
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
        for (unsigned k = 0; k < b->nextensions; k++) {
            enum desc_direction d =
                b->extension[k].direction & desc_direction_reverse(e->direction);
            if (strcmp(b->extension[k].uri, e->uri) != 0 || d == DESC_INACTIVE ||
                !negotiate_extension_crosses(e->uri))
                continue;
            struct desc_extension *added = desc_add_extension(out, e->id, e->uri);
            if (added)
                added->direction = d;
            break;
        }
    }
}

/* Port 0 and some format of the offer (RFC 3264 6). */
static void refuse_stream(const struct desc_stream *a, struct desc_stream *out)
{
    out->refused = true;
    out->direction = DESC_INACTIVE;
    out->formats = g_strdup(a->formats);
    if (!out->formats && !out->ncodecs && a->ncodecs)
        (void)desc_add_codec(out, a->codec[0].pt, a->codec[0].name, a->codec[0].clock_hz,
                             a->codec[0].channels, NULL);
}

static void answer_stream(const struct desc_stream *a, const struct desc_stream *b,
                          struct desc_stream *out)
{
    bool common = b && !b->refused && negotiate_carries_over(a) && a->kind == b->kind;

    memcpy(out->mid, a->mid, sizeof(out->mid));
    memcpy(out->media, a->media, sizeof(out->media));
    memcpy(out->protocol, a->protocol, sizeof(out->protocol));
    if (common)
        answer_codecs(a, b, out);
    if (!common || !negotiate_has_primary(out)) {
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

static void forget_formats(struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        g_free(s->codec[i].fmtp);
    s->ncodecs = 0;
    g_free(s->formats);
    s->formats = NULL;
}

void negotiate_sink(const struct desc *offer, struct desc *answer)
{
    for (unsigned i = 0; i < answer->nstreams && i < offer->nstreams; i++) {
        const struct desc_stream *theirs = &offer->stream[i];
        struct desc_stream *s = &answer->stream[i];
        if (!s->refused || !negotiate_carries_over(theirs))
            continue;
        for (unsigned k = 0; k < theirs->ncodecs; k++) {
            const struct desc_codec *c = &theirs->codec[k];
            if (!negotiate_is_primary(c))
                continue;
            s->refused = false;
            s->direction = desc_direction_reverse(theirs->direction) & DESC_RECVONLY;
            forget_formats(s); /* a refusal repeats some */
            (void)desc_add_codec(s, c->pt, c->name, c->clock_hz, c->channels, c->fmtp);
            break;
        }
    }
}

struct stream_map negotiate_pair(const struct desc *a, const struct desc *b)
{
    struct stream_map map;
    bool taken[DESC_STREAMS_MAX] = {false};

    memset(map.b_of_a, -1, sizeof(map.b_of_a));
    for (unsigned i = 0; i < a->nstreams; i++)
        for (unsigned k = 0; k < b->nstreams && map.b_of_a[i] < 0; k++)
            if (!taken[k] && a->stream[i].kind == b->stream[k].kind) {
                map.b_of_a[i] = (int8_t)k;
                taken[k] = true;
            }
    return map;
}

/* ---- the mid-call firewall ---- */

static unsigned count_primary(const struct desc_stream *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->ncodecs; i++)
        n += negotiate_is_primary(&s->codec[i]);
    return n;
}

/* Leave in @p ours only what @p theirs has too, in the order of whichever was the answer: one of
 * them was, and an answer is no longer than its offer. Its first codec is the one in use. */
static void keep_agreed(struct desc_stream *ours, const struct desc_stream *theirs)
{
    bool they_answered = count_primary(theirs) < count_primary(ours);
    const struct desc_stream *order = they_answered ? theirs : ours;
    struct desc_codec *kept = g_new0(struct desc_codec, DESC_CODECS_MAX);
    unsigned n = 0;

    for (unsigned i = 0; i < order->ncodecs; i++) {
        const struct desc_codec *c = &order->codec[i];
        if (they_answered) {
            c = negotiate_find(theirs, c, ours);
            if (!c)
                continue;
        }
        if (!negotiate_find(ours, c, theirs))
            continue;
        kept[n] = *c;
        kept[n++].fmtp = g_strdup(c->fmtp);
    }
    for (unsigned i = 0; i < ours->ncodecs; i++)
        g_free(ours->codec[i].fmtp);
    g_free(ours->codec);
    ours->codec = kept;
    ours->ncodecs = n;
}

static const struct desc_codec *first_primary(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (negotiate_is_primary(&s->codec[i]))
            return &s->codec[i];
    return NULL;
}

/* The same end to end: nothing the far leg would have to know. */
static bool same_stream(const struct desc_stream *before, const struct desc_stream *offer,
                        const struct desc_stream *agreed)
{
    const struct desc_codec *used = first_primary(agreed);

    if (before->kind != offer->kind || offer->kind != agreed->kind ||
        before->refused != offer->refused)
        return false;
    if (offer->refused || agreed->refused)
        return true;
    return before->direction == offer->direction && used && negotiate_find(agreed, used, offer);
}

enum gw_err negotiate_refresh(const struct desc *last_remote, const struct desc *offer,
                              const struct desc *current, struct desc **out)
{
    struct stream_map same;
    struct desc *agreed;
    bool unchanged = true;

    *out = NULL;
    if (last_remote->nstreams != offer->nstreams || current->nstreams != offer->nstreams)
        return GW_ESTATE;
    agreed = desc_copy(current);
    for (unsigned i = 0; i < offer->nstreams; i++) {
        keep_agreed(&agreed->stream[i], &last_remote->stream[i]);
        same.b_of_a[i] = (int8_t)i;
        unchanged &= same_stream(&last_remote->stream[i], &offer->stream[i], &agreed->stream[i]);
    }
    /* What was agreed stands for what the far leg would say again. */
    if (unchanged)
        unchanged = negotiate_answer(offer, agreed, &same, out) == GW_OK;
    desc_free(agreed);
    return unchanged ? GW_OK : GW_ESTATE;
}
