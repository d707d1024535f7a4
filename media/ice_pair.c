#include "media/ice_private.h"

enum {
    LOCAL_PREFERENCE = 65535,
    TYPE_PRFLX = 110, /* RFC 8445 5.1.2.2 */
    TYPE_HOST = 126
};

static uint32_t local_priority(unsigned type, unsigned local)
{
    return (uint32_t)type << 24 | (uint32_t)(LOCAL_PREFERENCE - local) << 8 | 255;
}

uint32_t pair_local_priority(const struct ice_pair *p)
{
    return local_priority(TYPE_PRFLX, p->local);
}

uint64_t pair_priority(const struct ice *ice, const struct ice_pair *p)
{
    uint64_t ours = local_priority(TYPE_HOST, p->local);
    uint64_t theirs = p->priority;
    uint64_t g = ice->params.controlling ? ours : theirs;
    uint64_t d = ice->params.controlling ? theirs : ours;

    return (MIN(g, d) << 32) + 2 * MAX(g, d) + (g > d);
}

struct ice_pair *pair_find(struct ice *ice, unsigned gen, unsigned local,
                           const struct net_addr *remote)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (p->used && p->gen == gen && p->local == local && net_addr_equal(&p->remote, remote))
            return p;
    }
    return NULL;
}

static const struct ice_pair *twin(const struct ice *ice, const struct ice_pair *p, bool valid)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *q = &ice->pair[i];

        if (q != p && q->used && (valid ? q->told_valid : q->told_checked || q->told_valid) &&
            q->local == p->local && net_addr_equal(&q->remote, &p->remote))
            return q;
    }
    return NULL;
}

/* Generations share 5-tuples; the worker hears of each tuple once. */
void pair_tell(struct ice *ice, struct ice_pair *p, enum ice_path_event what)
{
    bool known = false;

    switch (what) {
    case ICE_PATH_CHECKED:
        known = p->told_checked || p->told_valid || twin(ice, p, false);
        p->told_checked = true;
        break;
    case ICE_PATH_VALID:
        known = p->told_valid || twin(ice, p, true);
        p->told_valid = true;
        break;
    case ICE_PATH_SELECTED: break;
    case ICE_PATH_GONE: known = !(p->told_checked || p->told_valid) || twin(ice, p, false); break;
    }
    if (!known)
        ice->params.ops->path(ice->params.arg, what, pair_base(ice, p), &p->remote);
}

void pair_drop(struct ice *ice, struct ice_pair *p)
{
    p->used = false;
    pair_tell(ice, p, ICE_PATH_GONE);
    if (ice->selected == p)
        ice->selected = NULL;
    if (ice->rival == p)
        ice->rival = NULL;
    *p = (struct ice_pair){0};
}

void pair_drop_gen(struct ice *ice, unsigned gen)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        if (ice->pair[i].used && ice->pair[i].gen == gen)
            pair_drop(ice, &ice->pair[i]);
    }
}

/* Failed ones go first, then the lowest priority. Proven ones never. */
static bool worth_less(const struct ice *ice, const struct ice_pair *a, const struct ice_pair *b)
{
    if ((a->state == PAIR_FAILED) != (b->state == PAIR_FAILED))
        return a->state == PAIR_FAILED;
    return pair_priority(ice, a) < pair_priority(ice, b);
}

static struct ice_pair *room_for(struct ice *ice, const struct ice_pair *like)
{
    struct ice_pair *least = NULL;

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (!p->used)
            return p;
        if (p->state != PAIR_VALID && p != ice->selected && (!least || worth_less(ice, p, least)))
            least = p;
    }
    /* A peer-reflexive one comes from where the peer is now; signalled ones must be worth it. */
    if (!least || (like->signalled && !worth_less(ice, least, like)))
        return NULL;
    pair_drop(ice, least);
    return least;
}

struct ice_pair *pair_add(struct ice *ice, const struct ice_pair *like)
{
    struct ice_pair *p = room_for(ice, like);

    if (!p)
        return NULL;
    *p = *like;
    p->used = true;
    return p;
}

void pair_trigger(struct ice *ice, struct ice_pair *p)
{
    if (p->triggered)
        return;
    p->triggered = true;
    p->turn = ice->turns++;
}
