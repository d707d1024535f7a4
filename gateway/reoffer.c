#include "gateway/reoffer.h"

#include <glib.h>

struct stream_map stream_map_none(void)
{
    struct stream_map map;

    memset(map.b_of_a, -1, sizeof(map.b_of_a));
    return map;
}

struct stream_map stream_map_invert(const struct stream_map *map)
{
    struct stream_map back = stream_map_none();

    for (int i = 0; i < DESC_STREAMS_MAX; i++)
        if (map->b_of_a[i] >= 0 && map->b_of_a[i] < DESC_STREAMS_MAX)
            back.b_of_a[map->b_of_a[i]] = (int8_t)i;
    return back;
}

/* ---- numbers: what one has meant in this session it goes on meaning ---- */

enum { PT_NONE = 128 };

struct numbering { /* of one stream's formats */
    const struct desc_stream *now, *before;
    uint8_t pt[DESC_CODECS_MAX]; /* by place in now; PT_NONE: not decided */
};

static bool pt_given(const struct numbering *n, uint8_t pt)
{
    for (unsigned i = 0; i < n->now->ncodecs; i++)
        if (n->pt[i] == pt)
            return true;
    return false;
}

/* A number for a format that is new: not one that meant another. */
static uint8_t pt_fresh(const struct numbering *n, uint8_t wish)
{
    if (!desc_codec_by_pt(n->before, wish) && !pt_given(n, wish))
        return wish;
    for (uint8_t pt = 127; pt >= 35; pt--) /* 64-95 look like RTCP (RFC 5761 4) */
        if ((pt >= 96 || pt < 64) && !desc_codec_by_pt(n->before, pt) &&
            !desc_codec_by_pt(n->now, pt) && !pt_given(n, pt))
            return pt;
    return wish;
}

static int apt_of(const struct desc_codec *c)
{
    struct span apt;
    uint64_t pt;

    return desc_codec_is(c, "rtx") && desc_codec_param(c, "apt", &apt) && span_u64(apt, 127, &pt)
               ? (int)pt
               : -1;
}

/* Formats that repair no other: first those that keep their very number, so that of two alike (two
 * profiles of H.264) neither takes the other's. */
static void number_formats(struct numbering *n)
{
    const struct desc_stream *now = n->now;
    const struct desc_stream *before = n->before;

    for (unsigned i = 0; i < now->ncodecs; i++) {
        const struct desc_codec *c = &now->codec[i];
        const struct desc_codec *was = desc_codec_by_pt(before, c->pt);
        if (apt_of(c) < 0 && was && desc_codec_same(c, was))
            n->pt[i] = c->pt;
    }
    for (unsigned i = 0; i < now->ncodecs; i++) {
        const struct desc_codec *c = &now->codec[i];
        for (unsigned k = 0; apt_of(c) < 0 && n->pt[i] == PT_NONE && k < before->ncodecs; k++)
            if (desc_codec_same(c, &before->codec[k]) && !pt_given(n, before->codec[k].pt))
                n->pt[i] = before->codec[k].pt;
    }
    for (unsigned i = 0; i < now->ncodecs; i++)
        if (apt_of(&now->codec[i]) < 0 && n->pt[i] == PT_NONE)
            n->pt[i] = pt_fresh(n, now->codec[i].pt);
}

/* RFC 4588: one format of retransmission for each format repaired, which it names by number. */
static void number_repairs(struct numbering *n, struct desc_stream *now)
{
    for (unsigned i = 0; i < now->ncodecs; i++) {
        int apt = apt_of(&now->codec[i]);
        for (unsigned k = 0; apt >= 0 && k < now->ncodecs; k++) {
            if (now->codec[k].pt != apt || apt_of(&now->codec[k]) >= 0)
                continue;
            for (unsigned j = 0; j < n->before->ncodecs; j++)
                if (apt_of(&n->before->codec[j]) == n->pt[k] &&
                    !pt_given(n, n->before->codec[j].pt))
                    n->pt[i] = n->before->codec[j].pt;
            g_free(now->codec[i].fmtp);
            now->codec[i].fmtp = g_strdup_printf("apt=%u", n->pt[k]);
            break;
        }
        if (apt >= 0 && n->pt[i] == PT_NONE)
            n->pt[i] = pt_fresh(n, now->codec[i].pt);
    }
}

static void keep_payload_types(struct desc_stream *now, const struct desc_stream *before)
{
    struct numbering n = {.now = now, .before = before};

    memset(n.pt, PT_NONE, sizeof(n.pt));
    number_formats(&n);
    number_repairs(&n, now);
    for (unsigned i = 0; i < now->ncodecs; i++)
        now->codec[i].pt = n.pt[i];
}

/* The number that an extension has in this bundle (RFC 8843 15: one meaning in all its streams). */
static uint8_t extension_id(const struct desc *d, const char *uri)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        for (unsigned k = 0; k < d->stream[i].nextensions; k++)
            if (strcmp(d->stream[i].extension[k].uri, uri) == 0)
                return d->stream[i].extension[k].id;
    return 0;
}

static bool extension_id_taken(const struct desc *d, uint8_t id)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        for (unsigned k = 0; k < d->stream[i].nextensions; k++)
            if (d->stream[i].extension[k].id == id)
                return true;
    return false;
}

/* RFC 8285 6 forbids to change what a number means within a session, and browsers take it badly.
 * @p s is the newest stream of @p d, still without extensions; those of @p fresh go into it. */
static void keep_extension_ids(const struct desc *said, const struct desc_stream *fresh,
                               struct desc *d, struct desc_stream *s)
{
    static const char mid[] = "urn:ietf:params:rtp-hdrext:sdes:mid"; /* of each hop its own */
    uint8_t mid_id = extension_id(said, mid);

    if (mid_id)
        (void)desc_add_extension(s, mid_id, mid);
    for (unsigned i = 0; i < fresh->nextensions; i++) {
        const struct desc_extension *e = &fresh->extension[i];
        struct desc_extension *added;
        uint8_t id = extension_id(said, e->uri);
        if (!id)
            id = extension_id(d, e->uri);
        if (!id && !extension_id_taken(said, e->id) && !extension_id_taken(d, e->id))
            id = e->id;
        for (uint8_t k = 14; !id && k > 0; k--)
            if (!extension_id_taken(said, k) && !extension_id_taken(d, k))
                id = k;
        added = id ? desc_add_extension(s, id, e->uri) : NULL; /* none left: it does not cross */
        if (added)
            added->direction = e->direction;
    }
}

/* Copies the end-to-end part of one stream of another description, but for its extensions. */
static struct desc_stream *stream_append(struct desc *to, const struct desc_stream *from)
{
    struct desc_stream *s = desc_add_stream(to, from->kind);

    if (!s)
        return NULL;
    g_strlcpy(s->media, from->media, sizeof(s->media));
    g_strlcpy(s->protocol, from->protocol, sizeof(s->protocol));
    g_strlcpy(s->mid, from->mid, sizeof(s->mid));
    s->formats = g_strdup(from->formats);
    s->refused = from->refused;
    s->direction = from->direction;
    s->ptime_ms = from->ptime_ms;
    s->maxptime_ms = from->maxptime_ms;
    s->bandwidth_bps = from->bandwidth_bps;
    s->rtcp_reduced_size = from->rtcp_reduced_size;
    s->transport = -1;
    for (unsigned i = 0; i < from->ncodecs; i++) {
        const struct desc_codec *c = &from->codec[i];
        struct desc_codec *copy =
            desc_add_codec(s, c->pt, c->name, c->clock_hz, c->channels, c->fmtp);
        if (!copy)
            break;
        copy->nfeedback = c->nfeedback;
        memcpy(copy->feedback, c->feedback, sizeof(c->feedback));
    }
    return s;
}

static bool mid_taken(const struct desc *d, const char *mid)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        if (g_str_equal(d->stream[i].mid, mid))
            return true;
    return false;
}

static void mid_make(const struct desc *d, struct desc_stream *s)
{
    char mid[DESC_MID_MAX] = "";

    for (unsigned n = d->nstreams; mid[0] == '\0' || mid_taken(d, mid); n++)
        g_snprintf(mid, sizeof(mid), "%u", n);
    g_strlcpy(s->mid, mid, sizeof(s->mid));
}

struct desc *reoffer_align(const struct desc *said, const struct desc *fresh,
                           const struct stream_map *x_to_y, const struct stream_map *x_to_fresh,
                           struct stream_map *map)
{
    struct desc *d = desc_new();
    struct stream_map y_to_x = stream_map_invert(x_to_y);

    *map = stream_map_none();
    d->session_id = said->session_id;
    d->session_version = said->session_version;
    d->bundled = said->bundled;
    for (unsigned y = 0; y < said->nstreams; y++) {
        int x = y_to_x.b_of_a[y];
        int f = x >= 0 ? x_to_fresh->b_of_a[x] : -1;
        bool live =
            f >= 0 && f < (int)fresh->nstreams && fresh->stream[f].kind == said->stream[y].kind;
        struct desc_stream *s = stream_append(d, live ? &fresh->stream[f] : &said->stream[y]);
        if (!s)
            break;
        g_strlcpy(s->mid, said->stream[y].mid, sizeof(s->mid));
        if (live) {
            keep_payload_types(s, &said->stream[y]);
            keep_extension_ids(said, &fresh->stream[f], d, s);
            map->b_of_a[x] = (int8_t)y;
        } else {
            s->refused = true;
            s->direction = DESC_INACTIVE;
        }
    }
    for (int x = 0; x < DESC_STREAMS_MAX; x++) { /* streams X added */
        int f = x_to_fresh->b_of_a[x];
        struct desc_stream *s;
        if (f < 0 || f >= (int)fresh->nstreams || map->b_of_a[x] >= 0)
            continue;
        s = stream_append(d, &fresh->stream[f]);
        if (!s)
            break;
        s->mid[0] = '\0';
        mid_make(d, s);
        keep_extension_ids(said, &fresh->stream[f], d, s);
        map->b_of_a[x] = (int8_t)(d->nstreams - 1);
    }
    return d;
}
