#include "media/ice.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "media/ice_private.h"

static const struct ice_options defaults = {
    .pace_us = 20 * US_PER_MS,
    .rto_us = 500 * US_PER_MS,
    .settle_us = 50 * US_PER_MS,
    .consent_us = 30 * US_PER_S,
    .consent_every = 5 * US_PER_S,
    .timeout_us = 30 * US_PER_S,
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

struct ice_shared *ice_shared_new(const struct ice_options *options)
{
    struct ice_shared *s = g_new0(struct ice_shared, 1);
    const struct ice_options *o = options ? options : &defaults;

    s->wire = wire_new();
    s->options = (struct ice_options){
        .pace_us = or_default(o->pace_us, defaults.pace_us),
        .rto_us = or_default(o->rto_us, defaults.rto_us),
        .settle_us = or_default(o->settle_us, defaults.settle_us),
        .consent_us = or_default(o->consent_us, defaults.consent_us),
        .consent_every = or_default(o->consent_every, defaults.consent_every),
        .timeout_us = or_default(o->timeout_us, defaults.timeout_us),
        .allow_loopback = o->allow_loopback,
    };
    return s;
}

void ice_shared_free(struct ice_shared *s)
{
    if (!s)
        return;
    wire_free(s->wire);
    g_free(s);
}

struct ice *ice_new(const struct ice_params *params)
{
    struct ice *ice;

    if (!gen_credentials_ok(&params->local) || !params->nlocals || params->nlocals > ICE_LOCALS_MAX)
        return NULL;
    ice = g_new0(struct ice, 1);
    ice->params = *params;
    ice->wire = params->shared->wire;
    ice->options = &params->shared->options;
    ice->tie_breaker = random_u64();
    ice->gen[0] = (struct ice_gen){
        .use = GEN_CURRENT, .has_local = true, .local = params->local, .due_us = ICE_NEVER};
    ice->gen[1].due_us = ICE_NEVER;
    return ice;
}

void ice_free(struct ice *ice)
{
    if (!ice)
        return;
    explicit_bzero(ice, sizeof(*ice)); /* passwords */
    g_free(ice);
}

void ice_log(const struct ice *ice, const char *what, const struct ice_pair *p)
{
    LOG_CALL(ice->params.call_id);

    if (p) {
        char local[NET_ADDR_TEXT];
        char remote[NET_ADDR_TEXT];

        LOG_D("ice", "%s local=%s remote=%s", what, net_addr_text(pair_base(ice, p), local),
              net_addr_text(&p->remote, remote));
    } else {
        LOG_D("ice", "%s", what);
    }
}

/* ---- candidates ---- */

static bool is_multicast(const struct net_addr *a)
{
    return a->is_v6 ? a->ip[0] == 0xff : a->ip[0] >= 224; /* 240/4 and broadcast as well */
}

static bool is_v6_link_local(const struct net_addr *a) /* of no use without a scope */
{
    return a->is_v6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

static bool acceptable(const struct ice *ice, const struct desc_candidate *c)
{
    return c->component == 1 && c->protocol == DESC_UDP && c->addr.set && c->addr.port &&
           !net_addr_is_any(&c->addr) && !is_multicast(&c->addr) && !is_v6_link_local(&c->addr) &&
           !(c->addr.is_v6 == 0 && c->addr.ip[0] == 0) &&
           (ice->options->allow_loopback || !net_addr_is_loopback(&c->addr));
}

/* Which generation a candidate is for: the one it names, else the newest (RFC 8838 9). */
static unsigned gen_of_candidate(const struct ice *ice, const struct desc_candidate *c)
{
    unsigned newest = 1 - ice->current;

    if (ice->gen[newest].use != GEN_PENDING || !ice->gen[newest].has_remote)
        newest = ice->current;
    if (!c->ufrag[0])
        return newest;
    for (unsigned i = 0; i < GENS; i++) {
        const struct ice_gen *g = &ice->gen[i];

        if (g->use != GEN_FREE && g->has_remote && !strcmp(g->remote_ufrag, c->ufrag))
            return i;
    }
    return GEN_LATER;
}

static unsigned signalled_pairs(struct ice *ice, unsigned gen, struct ice_pair **least)
{
    unsigned n = 0;

    *least = NULL;
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (!p->used || p->gen != gen || !p->signalled)
            continue;
        n++;
        if (p->state != PAIR_VALID && p != ice->selected &&
            (!*least || pair_priority(ice, p) < pair_priority(ice, *least)))
            *least = p;
    }
    return n;
}

static enum gw_err add_pair(struct ice *ice, const struct ice_pair *like)
{
    struct ice_pair *p = pair_find(ice, like->gen, like->local, &like->remote);
    struct ice_pair *least;

    if (p) { /* we met it first (RFC 8445 7.3.1.3) */
        p->priority = like->priority;
        p->signalled = true;
        return GW_OK;
    }
    if (signalled_pairs(ice, like->gen, &least) >= ICE_CHECKED_MAX) {
        if (!least || pair_priority(ice, least) >= pair_priority(ice, like))
            return GW_EFULL;
        pair_drop(ice, least);
    }
    return pair_add(ice, like) ? GW_OK : GW_EFULL;
}

enum gw_err ice_add_candidate(struct ice *ice, const struct desc_candidate *c, uint64_t now_us)
{
    struct ice_pair like = {.signalled = true, .priority = c->priority, .remote = c->addr};
    enum gw_err err = GW_EUNSUPPORTED;

    if (ice->why || !acceptable(ice, c))
        return GW_EUNSUPPORTED;
    like.gen = (uint8_t)gen_of_candidate(ice, c);
    like.made_us = now_us;
    if (like.gen == GEN_LATER)
        like.ufrag_hash = gen_hash(span_of(c->ufrag));
    for (unsigned i = 0; i < ice->params.nlocals; i++) {
        const struct net_addr *base = &ice->params.locals[i];

        if (base->is_v6 != c->addr.is_v6 ||
            (net_addr_is_loopback(base) && !net_addr_is_loopback(&c->addr)))
            continue;
        like.local = (uint8_t)i;
        err = add_pair(ice, &like);
    }
    ice_timer(ice, now_us);
    return err;
}

/* ---- datagrams and time ---- */

void ice_input(struct ice *ice, struct span datagram, const struct net_addr *local,
               const struct net_addr *remote, uint64_t now_us)
{
    struct ice_route route;
    unsigned at = 0;

    while (at < ice->params.nlocals && !net_addr_equal(&ice->params.locals[at], local))
        at++;
    if (ice->why || at == ice->params.nlocals || !remote->port || !ice_route(datagram, &route)) {
        ice->dropped++;
        return;
    }
    switch (route.kind) {
    case ICE_REQUEST: check_input_request(ice, datagram, at, remote, now_us); break;
    case ICE_RESPONSE: check_input_response(ice, datagram, at, remote, now_us); break;
    case ICE_INDICATION: return; /* keepalives (RFC 8445 11): nothing to do */
    case ICE_NOT_STUN: ice->dropped++; return;
    }
    ice_timer(ice, now_us);
}

/* The next pair to be checked: triggered ones in their order, then by priority (RFC 8445 6.1.4.2).
 */
static const struct ice_pair *next_pair(const struct ice *ice)
{
    const struct ice_pair *best = NULL;

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *p = &ice->pair[i];

        if (!p->used || !gen_checks(ice, p->gen) ||
            !(p->triggered || (p->state == PAIR_WAITING && !gen_selected(ice, p->gen))))
            continue;
        if (!best || (p->triggered && !best->triggered) ||
            (p->triggered == best->triggered &&
             (p->triggered ? p->turn < best->turn
                           : pair_priority(ice, p) > pair_priority(ice, best))))
            best = p;
    }
    return best;
}

void ice_timer(struct ice *ice, uint64_t now_us)
{
    const struct ice_pair *p;

    if (ice->why)
        return;
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        if (ice->pair[i].used && ice->pair[i].tx.open && ice->pair[i].tx.due_us <= now_us)
            check_expire(ice, &ice->pair[i], now_us);
    }
    path_run(ice, now_us);
    if (ice->why || now_us < ice->pace_due_us || !(p = next_pair(ice)))
        return;
    ice->pace_due_us = now_us + ice->options->pace_us;
    check_send(ice, &ice->pair[p - ice->pair],
               p->moved && ice->params.controlling ? CHECK_NOMINATE : CHECK_ORDINARY, now_us);
}

uint64_t ice_next_due_us(const struct ice *ice)
{
    uint64_t due;

    if (ice->why)
        return ICE_NEVER;
    due = path_due_us(ice);
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        if (ice->pair[i].used && ice->pair[i].tx.open)
            due = MIN(due, ice->pair[i].tx.due_us);
    }
    return next_pair(ice) ? MIN(due, ice->pace_due_us) : due;
}

/* ---- questions ---- */

enum ice_state ice_state(const struct ice *ice)
{
    const struct ice_gen *current = &ice->gen[ice->current];

    if (ice->why)
        return ICE_FAILED;
    if (ice->selected)
        return ice->gen[1 - ice->current].use == GEN_PENDING ? ICE_RESTARTING : ICE_READY;
    return current->has_local && current->has_remote ? ICE_CHECKING : ICE_WAITING;
}

enum ice_why ice_why(const struct ice *ice)
{
    return ice->why;
}

bool ice_controlling(const struct ice *ice)
{
    return ice->params.controlling;
}

bool ice_send_path(const struct ice *ice, struct net_addr *local, struct net_addr *remote)
{
    const struct ice_pair *p = ice->selected ? ice->selected : path_best(ice);

    if (!p)
        return false;
    *local = *pair_base(ice, p);
    *remote = p->remote;
    return true;
}

uint32_t ice_rtt_us(const struct ice *ice)
{
    return ice->srtt_us;
}

uint32_t ice_dropped(const struct ice *ice)
{
    return ice->dropped;
}

size_t ice_size(void)
{
    return sizeof(struct ice);
}
