/* How packets cross once a negotiation is done. Each way is read off four descriptions: a payload
 * type is what we declared to the sender on the way in, what the receiver declared on the way out.
 */
#include "media/negotiate.h"
#include "media/negotiate_private.h"

#include <string.h>

struct side { /* one leg's stream as both ends described it */
    const struct desc_stream *local, *remote;
};

static const struct desc_codec *dtmf_towards(const struct desc_stream *remote, uint32_t clock_hz)
{
    const struct desc_codec *best = NULL;

    for (unsigned i = 0; i < remote->ncodecs; i++) {
        const struct desc_codec *c = &remote->codec[i];
        if (!negotiate_is_dtmf(c))
            continue;
        if (c->clock_hz == clock_hz)
            return c;
        if (!best || c->clock_hz == 8000)
            best = c;
    }
    return best;
}

static void plan_codec(const struct side *from, const struct desc_codec *in, const struct side *to,
                       struct plan_way *w)
{
    struct plan_codec *p = &w->codec[w->ncodecs];
    const struct desc_codec *out;

    if (w->ncodecs == PLAN_CODECS_MAX || !negotiate_find(from->local, in, from->remote))
        return; /* the sender does not have it */
    *p = (struct plan_codec){.pt_in = in->pt,
                             .pt_out = PLAN_PT_CONSUME,
                             .clock_in = in->clock_hz,
                             .clock_out = in->clock_hz,
                             .dtmf = negotiate_is_dtmf(in),
                             .rtx = negotiate_is_rtx(in),
                             .video = from->local->kind == DESC_VIDEO};
    out = p->dtmf ? dtmf_towards(to->remote, in->clock_hz)
                  : negotiate_find(from->local, in, to->remote);
    if (out) {
        p->pt_out = out->pt;
        p->clock_out = out->clock_hz;
    }
    if (out || p->dtmf)
        w->ncodecs++;
}

static void plan_extensions(const struct side *from, const struct side *to, struct plan_way *w)
{
    for (unsigned i = 0; i < from->local->nextensions; i++) {
        const struct desc_extension *in = &from->local->extension[i];
        if (!negotiate_extension_crosses(in->uri))
            continue;
        for (unsigned k = 0; k < to->remote->nextensions; k++) {
            const struct desc_extension *out = &to->remote->extension[k];
            if (strcmp(in->uri, out->uri) != 0 || w->nextensions == PLAN_EXTENSIONS_MAX)
                continue;
            w->extension[w->nextensions++] = (struct plan_extension){in->id, out->id};
            break;
        }
    }
}

static bool both_have(const struct side *s, const char *feedback)
{
    bool local = false, remote = false;

    for (unsigned i = 0; i < s->local->ncodecs; i++)
        local |= negotiate_has_feedback(&s->local->codec[i], feedback);
    for (unsigned i = 0; i < s->remote->ncodecs; i++)
        remote |= negotiate_has_feedback(&s->remote->codec[i], feedback);
    return local && remote;
}

static bool sends(const struct side *s)
{
    return (s->remote->direction & DESC_SENDONLY) && (s->local->direction & DESC_RECVONLY);
}

static bool receives(const struct side *s)
{
    return (s->remote->direction & DESC_RECVONLY) && (s->local->direction & DESC_SENDONLY);
}

static void plan_way(const struct side *from, const struct side *to, struct plan_way *w)
{
    w->open = sends(from) && receives(to);
    for (unsigned i = 0; i < from->local->ncodecs; i++)
        plan_codec(from, &from->local->codec[i], to, w);
    plan_extensions(from, to, w);
    w->far_pli = both_have(from, "nack pli");
    w->far_fir = both_have(from, "ccm fir");
    w->far_nack = both_have(from, "nack");
}

static bool side_of(const struct desc *local, const struct desc *remote, unsigned i,
                    struct side *out)
{
    if (i >= local->nstreams || i >= remote->nstreams || local->stream[i].refused ||
        remote->stream[i].refused)
        return false;
    *out = (struct side){&local->stream[i], &remote->stream[i]};
    return true;
}

static struct plan_way *add_way(struct media_plan *p, unsigned from, unsigned to)
{
    struct plan_way *w = &p->way[p->nways++];

    w->from_stream = (int8_t)from;
    w->to_stream = (int8_t)to;
    return w;
}

void negotiate_plan(const struct desc *a_local, const struct desc *a_remote,
                    const struct desc *b_local, const struct desc *b_remote,
                    const struct stream_map *map, struct media_plan *out)
{
    struct side a;
    struct side b;

    *out = (struct media_plan){0};
    for (int back = 0; back <= 1; back++) {
        for (unsigned i = 0; i < DESC_STREAMS_MAX; i++) {
            unsigned k = (unsigned)map->b_of_a[i];
            if (map->b_of_a[i] < 0 || !side_of(a_local, a_remote, i, &a) ||
                !side_of(b_local, b_remote, k, &b))
                continue;
            if (back)
                plan_way(&b, &a, add_way(out, k, i));
            else
                plan_way(&a, &b, add_way(out, i, k));
        }
        if (!back)
            out->na_to_b = out->nways;
    }
}

void negotiate_plan_echo(const struct desc *local, const struct desc *remote,
                         struct media_plan *out)
{
    struct side s;

    *out = (struct media_plan){0};
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        if (side_of(local, remote, i, &s))
            plan_way(&s, &s, add_way(out, i, i));
    out->na_to_b = out->nways;
}
