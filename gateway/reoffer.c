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

static bool pt_taken(const struct desc_stream *s, unsigned n, uint8_t pt)
{
    for (unsigned i = 0; i < n; i++)
        if (s->codec[i].pt == pt)
            return true;
    return false;
}

/* Payload types already in use for a format keep it; formats that are new must not take one of
 * those. */
static void keep_payload_types(struct desc_stream *now, const struct desc_stream *before)
{
    for (unsigned i = 0; i < now->ncodecs; i++) {
        bool known = false;
        for (unsigned j = 0; j < before->ncodecs && !known; j++) {
            known = desc_codec_same(&now->codec[i], &before->codec[j]);
            if (known)
                now->codec[i].pt = before->codec[j].pt;
        }
        if (known ||
            (!desc_codec_by_pt(before, now->codec[i].pt) && !pt_taken(now, i, now->codec[i].pt)))
            continue;
        for (uint8_t pt = 96; pt < 128; pt++)
            if (!desc_codec_by_pt(before, pt) && !desc_codec_by_pt(now, pt)) {
                now->codec[i].pt = pt;
                break;
            }
    }
}

/* Copies the end-to-end part of one stream of another description. */
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
    for (unsigned i = 0; i < from->nextensions; i++) {
        struct desc_extension *e =
            desc_add_extension(s, from->extension[i].id, from->extension[i].uri);
        if (e)
            e->direction = from->extension[i].direction;
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
        map->b_of_a[x] = (int8_t)(d->nstreams - 1);
    }
    return d;
}
