/* Connectivity checks (RFC 8445 7): ours out, their answers in, theirs in, our answers out. */
#include "base/clock.h"
#include "base/ids.h"
#include "media/ice_private.h"
#include "media/octets.h"

enum {
    SENDS_MAX = 8, /* of one check, the first included: over after 14 s or so */
    RTT_GAIN = 8   /* RFC 6298 2.3 */
};
#define RTO_MAX_US (2 * US_PER_S)
#define RETRIGGER_US (100 * US_PER_MS)

static bool id_set(const uint8_t id[8])
{
    static const uint8_t none[8];

    return memcmp(id, none, sizeof(none)) != 0;
}

/* Consent checks repeat the nomination: should a NAT have moved us, the peer may follow. */
static bool uses_candidate(const struct ice_tx *tx)
{
    return tx->controlling && tx->kind != CHECK_ORDINARY;
}

static void transmit(struct ice *ice, struct ice_pair *p)
{
    const struct ice_gen *g = &ice->gen[p->gen];
    uint8_t buf[ICE_DATAGRAM_MAX];
    uint8_t id[WIRE_ID_LEN];
    size_t n;

    octets_put32(id, ice->params.tag);
    memcpy(id + 4, p->tx.id, sizeof(p->tx.id));
    n = wire_write_check(ice->wire,
                         &(struct wire_check){
                             .id = id,
                             .remote_ufrag = g->remote_ufrag,
                             .local_ufrag = g->local.ufrag,
                             .pwd = g->remote_pwd,
                             .priority = pair_local_priority(p),
                             .tie_breaker = ice->tie_breaker,
                             .controlling = p->tx.controlling,
                             .use_candidate = uses_candidate(&p->tx),
                         },
                         buf);
    if (n)
        ice->params.ops->send(ice->params.arg, (struct span){(const char *)buf, n},
                              pair_base(ice, p), &p->remote);
}

/* RFC 8445 14.3: long enough that all pairs in their turn stay within the pace. */
static uint32_t first_rto_us(const struct ice *ice)
{
    uint64_t busy = 0;

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *p = &ice->pair[i];

        busy += p->used && (p->state == PAIR_WAITING || p->state == PAIR_CHECKING);
    }
    return (uint32_t)MIN(MAX(ice->options->rto_us, ice->options->pace_us * busy), RTO_MAX_US);
}

void check_send(struct ice *ice, struct ice_pair *p, enum check_kind kind, uint64_t now_us)
{
    struct ice_tx *tx = &p->tx;

    memcpy(tx->before, tx->id, sizeof(tx->id));
    do
        random_bytes(tx->id, sizeof(tx->id));
    while (!id_set(tx->id));
    tx->open = kind != CHECK_CONSENT; /* RFC 7675 5.1: consent checks are not retransmitted */
    tx->kind = kind;
    tx->controlling = ice->params.controlling;
    tx->sends = 1;
    tx->rto_us = first_rto_us(ice);
    tx->sent_us = now_us;
    tx->due_us = now_us + tx->rto_us;
    p->triggered = false;
    if (p->state != PAIR_VALID)
        p->state = PAIR_CHECKING;
    transmit(ice, p);
}

void check_expire(struct ice *ice, struct ice_pair *p, uint64_t now_us)
{
    struct ice_tx *tx = &p->tx;

    if (tx->sends < SENDS_MAX) {
        tx->sends++;
        tx->rto_us = (uint32_t)MIN(tx->rto_us * UINT64_C(2), RTO_MAX_US);
        tx->due_us = now_us + tx->rto_us;
        transmit(ice, p);
        return;
    }
    tx->open = false;
    p->nominate = false;
    if (p != ice->selected) /* that one lives as long as its consent */
        p->state = PAIR_FAILED;
}

/* ---- theirs ---- */

static void answer(struct ice *ice, const struct ice_gen *g, struct span request, int error,
                   const struct ice_pair *to)
{
    uint8_t buf[ICE_DATAGRAM_MAX];
    size_t n = error ? wire_write_error(ice->wire, request, g->local.pwd, error, buf)
                     : wire_write_success(ice->wire, request, g->local.pwd, &to->remote, buf);

    if (n)
        ice->params.ops->send(ice->params.arg, (struct span){(const char *)buf, n},
                              pair_base(ice, to), &to->remote);
}

/* RFC 8445 7.3.1.1; true: we keep our role and the peer shall change its own. */
static bool role_conflict(struct ice *ice, const struct wire_request *r)
{
    bool bigger = ice->tie_breaker >= r->tie_breaker;

    if (ice->params.controlling && r->role == WIRE_CONTROLLING) {
        if (bigger)
            return true;
        ice->params.controlling = false;
        ice_log(ice, "role conflict: now controlled", NULL);
    } else if (!ice->params.controlling && r->role == WIRE_CONTROLLED) {
        if (!bigger)
            return true;
        ice->params.controlling = true;
        ice_log(ice, "role conflict: now controlling", NULL);
    }
    return false;
}

/* Whose credentials a check was made with: @p local by our half of USERNAME, @p gen by both. Forks
 * share our half; one that is not described yet is for later. */
static bool whose(const struct ice *ice, const struct ice_route *route, unsigned *local,
                  unsigned *gen)
{
    bool found = false;

    for (unsigned i = 0; i < GENS; i++) {
        const struct ice_gen *g = &ice->gen[i];

        if (g->use == GEN_FREE || !g->has_local ||
            !span_equal(route->ufrag, span_of(g->local.ufrag)))
            continue;
        *local = i;
        if (g->has_remote && span_equal(route->theirs, span_of(g->remote_ufrag))) {
            *gen = i;
            return true;
        }
        if (!found || !g->has_remote)
            *gen = g->has_remote ? (unsigned)GEN_LATER : i;
        found = true;
    }
    return found;
}

static bool wants_check(const struct ice *ice, const struct ice_pair *p, uint64_t now_us)
{
    if (p->gen == GEN_LATER || ice->gen[p->gen].use == GEN_LINGERING)
        return false;
    switch (p->state) {
    case PAIR_WAITING:
    case PAIR_FAILED: return true;
    case PAIR_CHECKING: return now_us - p->tx.sent_us >= RETRIGGER_US;
    case PAIR_VALID: break; /* path_asked() knows */
    }
    return false;
}

static struct ice_pair *pair_asked(struct ice *ice, struct ice_pair *from,
                                   const struct wire_request *r, const struct ice_route *route)
{
    struct ice_pair *p = pair_find(ice, from->gen, from->local, &from->remote);

    if (p)
        return p;
    from->priority = r->priority; /* peer-reflexive (RFC 8445 7.3.1.3) */
    if (from->gen == GEN_LATER)
        from->ufrag_hash = gen_hash(route->theirs);
    return pair_add(ice, from);
}

void check_input_request(struct ice *ice, struct span datagram, unsigned local,
                         const struct net_addr *remote, uint64_t now_us)
{
    struct ice_pair from = {.local = (uint8_t)local, .remote = *remote, .made_us = now_us};
    unsigned ours = 0;
    unsigned gen = 0;
    struct wire_request r;
    struct ice_route route;
    struct ice_pair *p;

    if (!ice_route(datagram, &route) || !whose(ice, &route, &ours, &gen) ||
        !wire_read_request(ice->wire, datagram, ice->gen[ours].local.pwd, &r)) {
        ice->dropped++;
        return;
    }
    if (r.unknown_attribute || role_conflict(ice, &r)) {
        answer(ice, &ice->gen[ours], datagram, r.unknown_attribute ? 420 : 487, &from);
        return;
    }
    answer(ice, &ice->gen[ours], datagram, 0, &from);
    from.gen = (uint8_t)gen;
    p = pair_asked(ice, &from, &r, &route);
    if (!p)
        return;
    pair_tell(ice, p, ICE_PATH_CHECKED);
    if (wants_check(ice, p, now_us))
        pair_trigger(ice, p);
    path_asked(ice, p, r.use_candidate && !ice->params.controlling, now_us);
}

/* ---- answers to ours ---- */

static struct ice_pair *pair_by_id(struct ice *ice, struct span datagram)
{
    const char *id = datagram.p + WIRE_HEADER_LEN - 8;

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (p->used && ((id_set(p->tx.id) && !memcmp(id, p->tx.id, 8)) ||
                        (id_set(p->tx.before) && !memcmp(id, p->tx.before, 8))))
            return p;
    }
    return NULL;
}

static void answered_with_error(struct ice *ice, struct ice_pair *p, const struct ice_tx *tx,
                                int error)
{
    if (error == 487) { /* RFC 8445 7.2.5.1 */
        if (tx->controlling == ice->params.controlling) {
            ice->params.controlling = !tx->controlling;
            ice_log(ice, ice->params.controlling ? "told to control" : "told to be controlled",
                    NULL);
        }
        if (p->state == PAIR_CHECKING)
            p->state = PAIR_WAITING;
        pair_trigger(ice, p);
        return;
    }
    if (p != ice->selected)
        p->state = PAIR_FAILED;
}

static void measure(struct ice *ice, const struct ice_tx *tx, uint64_t now_us)
{
    uint32_t rtt = (uint32_t)MIN(now_us - tx->sent_us, RTO_MAX_US);

    if (tx->sends != 1) /* Karn: which transmission was answered? */
        return;
    ice->srtt_us = ice->srtt_us ? (ice->srtt_us * (RTT_GAIN - 1) + rtt) / RTT_GAIN : MAX(rtt, 1);
}

/* What was asked and is hereby settled; a replay finds nothing. */
static struct ice_tx settle(struct ice_pair *p, struct span datagram)
{
    struct ice_tx tx = p->tx;

    if (!memcmp(datagram.p + WIRE_HEADER_LEN - 8, tx.id, sizeof(tx.id))) {
        p->tx = (struct ice_tx){.open = false};
        return tx;
    }
    memset(p->tx.before, 0, sizeof(p->tx.before));
    if (tx.kind == CHECK_ORDINARY) /* the pair is proven, no need to ask again */
        p->tx.open = false;
    tx.kind = CHECK_ORDINARY;
    tx.sends = 0; /* no measure of the round trip */
    return tx;
}

void check_input_response(struct ice *ice, struct span datagram, unsigned local,
                          const struct net_addr *remote, uint64_t now_us)
{
    struct ice_pair *p = datagram.n >= WIRE_HEADER_LEN ? pair_by_id(ice, datagram) : NULL;
    struct wire_response r;
    struct ice_tx tx;

    /* RFC 8445 7.2.5.2.1: the answer comes from where the check went, to where it came from. */
    if (!p || p->local != local || !net_addr_equal(&p->remote, remote) ||
        !wire_read_response(ice->wire, datagram, ice->gen[p->gen].remote_pwd, &r)) {
        ice->dropped++;
        return;
    }
    tx = settle(p, datagram);
    if (r.error) {
        if (tx.sends)
            answered_with_error(ice, p, &tx, r.error);
        return;
    }
    measure(ice, &tx, now_us);
    p->heard_us = now_us;
    p->state = PAIR_VALID;
    pair_tell(ice, p, ICE_PATH_VALID);
    path_answered(ice, p, &tx, now_us);
}
