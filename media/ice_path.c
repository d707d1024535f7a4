/* Which path carries media: nomination, selection, consent, roaming (RFC 8445 8, RFC 7675). */
#include "base/clock.h"
#include "base/ids.h"
#include "media/ice_private.h"

#define FRESH_US (5 * US_PER_S)      /* an answer this old still proves a path */
#define OPENING_US (1 * US_PER_S)    /* late first checks are no roaming yet */
#define QUIET_US (1500 * US_PER_MS)  /* longer than a browser pauses on its selected pair */
#define UNANSWERED_US (8 * US_PER_S) /* at least one consent check was lost */
#define PROBE_EVERY_US (1 * US_PER_S)
#define PROBE_WAIT_US (200 * US_PER_MS)

const struct ice_pair *path_best(const struct ice *ice)
{
    const struct ice_pair *best = NULL;

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *p = &ice->pair[i];

        if (p->used && p->state == PAIR_VALID && gen_checks(ice, p->gen) &&
            (!best || pair_priority(ice, p) > pair_priority(ice, best)))
            best = p;
    }
    return best;
}

static uint64_t consent_pause_us(const struct ice *ice)
{
    uint64_t mean = ice->options->consent_every; /* +-20 %: RFC 7675 5.1 */

    return mean * 4 / 5 + random_u32() % (mean * 2 / 5 + 1);
}

/* RFC 8445 8.1.2: nothing more needs to be checked, save what the peer has nominated besides. */
static void stop_checks(struct ice *ice, const struct ice_pair *selected)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (!p->used || p->gen != selected->gen || p->nominate)
            continue;
        p->tx.open = false;
        if (p->state == PAIR_CHECKING)
            p->state = PAIR_WAITING; /* should the peer ask there, it is checked again */
    }
}

static void select_path(struct ice *ice, struct ice_pair *p, uint64_t now_us)
{
    struct ice_gen *g = &ice->gen[p->gen];

    if (g->use == GEN_PENDING) { /* the restart is done (RFC 8445 9) */
        struct ice_gen *old = &ice->gen[ice->current];

        old->use = GEN_LINGERING;
        old->due_us = now_us + ICE_LINGER_US;
        g->use = GEN_CURRENT;
        g->borrowed = false;
        ice->current = p->gen;
    }
    g->due_us = ICE_NEVER;
    p->nominate = p->moved = false;
    ice->selected = p;
    ice->selected_us = now_us;
    ice->rival = NULL;
    ice->consent_due_us = now_us + consent_pause_us(ice);
    stop_checks(ice, p);
    pair_tell(ice, p, ICE_PATH_SELECTED);
    ice_log(ice, "path selected", p);
}

/* ---- controlled: the peer nominates ---- */

/* Does a nomination of @p p move media away from @p s? Regular nominators mean what they say;
 * aggressive ones (RFC 5245 8.1.1.2) nominate everything and mean the highest priority; roaming
 * peers are at an address not seen before. */
static bool supersedes(struct ice *ice, const struct ice_pair *p, const struct ice_pair *s,
                       uint64_t now_us)
{
    uint64_t rank = pair_priority(ice, p);
    uint64_t selected = pair_priority(ice, s);

    if (rank > selected)
        return true;
    if (p->made_us > ice->selected_us &&
        (rank == selected || p->made_us - ice->selected_us > OPENING_US))
        return true;
    if (s->asked_us > ice->selected_us && !s->asked_use)
        return true;
    if (ice->rival != p)
        ice->rival_uses = 0;
    return ++ice->rival_uses >= 2 && now_us - s->asked_us > QUIET_US;
}

static void nominated(struct ice *ice, struct ice_pair *p, uint64_t now_us)
{
    struct ice_pair *s = gen_selected(ice, p->gen);

    if (s == p) {
        ice->rival = NULL;
        ice->rival_uses = 0;
        return;
    }
    if (s && !supersedes(ice, p, s, now_us)) {
        ice->rival = p;
        return;
    }
    if (p->state == PAIR_VALID && now_us - p->heard_us <= FRESH_US) {
        select_path(ice, p, now_us);
        return;
    }
    p->nominate = true;
    if (p->state == PAIR_VALID && !p->tx.open)
        pair_trigger(ice, p);
}

/* ---- controlling: we nominate ---- */

/* A better pair whose first check may still be answered soon. */
static bool better_coming(const struct ice *ice, const struct ice_pair *best)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *p = &ice->pair[i];

        if (p->used && p->gen == best->gen &&
            (p->state == PAIR_WAITING || (p->state == PAIR_CHECKING && p->tx.sends == 1)) &&
            pair_priority(ice, p) > pair_priority(ice, best))
            return true;
    }
    return false;
}

/* The pair to nominate in this generation, or NULL: none valid, or one is being nominated. */
static const struct ice_pair *nominee(const struct ice *ice, unsigned gen)
{
    const struct ice_pair *best = NULL;

    if (!ice->params.controlling || !gen_checks(ice, gen) || gen_selected(ice, gen))
        return NULL;
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        const struct ice_pair *p = &ice->pair[i];

        if (!p->used || p->gen != gen)
            continue;
        if (p->tx.open && p->tx.kind == CHECK_NOMINATE)
            return NULL;
        if (p->state == PAIR_VALID && (!best || pair_priority(ice, p) > pair_priority(ice, best)))
            best = p;
    }
    return best;
}

static void nominate(struct ice *ice, unsigned gen, uint64_t now_us)
{
    struct ice_gen *g = &ice->gen[gen];
    const struct ice_pair *best = nominee(ice, gen);

    if (!best)
        return;
    if (!g->first_valid_us)
        g->first_valid_us = now_us;
    if (now_us - g->first_valid_us >= ice->options->settle_us || !better_coming(ice, best))
        check_send(ice, &ice->pair[best - ice->pair], CHECK_NOMINATE, now_us);
}

/* The peer asks on another path than the selected one. From an address that is new it has moved:
 * follow. From a known one it may only be keeping it alive: see whether the selected path is dead.
 */
static void consider(struct ice *ice, struct ice_pair *p, struct ice_pair *s, uint64_t now_us)
{
    bool moved = p->made_us > ice->selected_us && (p->made_us - ice->selected_us > OPENING_US ||
                                                   pair_priority(ice, p) >= pair_priority(ice, s));

    if (moved) {
        p->moved = true;
        if (!p->tx.open || p->tx.kind != CHECK_NOMINATE)
            pair_trigger(ice, p); /* in its turn: whoever claims many addresses must wait */
        return;
    }
    if (ice->rival || (ice->rival_us && now_us - ice->rival_us < PROBE_EVERY_US))
        return;
    ice->rival = p;
    ice->rival_us = now_us;
    check_send(ice, s, CHECK_CONSENT, now_us);
}

static uint64_t rival_due_us(const struct ice *ice)
{
    return ice->rival_us + MAX(PROBE_WAIT_US, UINT64_C(2) * ice->srtt_us);
}

static void judge_rival(struct ice *ice, uint64_t now_us)
{
    struct ice_pair *p = ice->rival;

    if (!p || !ice->params.controlling || !ice->selected || now_us < rival_due_us(ice))
        return;
    ice->rival = NULL;
    if (ice->selected->heard_us < ice->rival_us && p->state == PAIR_VALID && !p->tx.open)
        check_send(ice, p, CHECK_NOMINATE, now_us);
}

/* ---- what ice_check.c reports ---- */

void path_asked(struct ice *ice, struct ice_pair *p, bool use_candidate, uint64_t now_us)
{
    struct ice_pair *s = gen_selected(ice, p->gen);

    p->asked_us = now_us;
    p->asked_use = use_candidate;
    if (!gen_checks(ice, p->gen)) {
        p->nominate = use_candidate; /* before the peer's description */
        return;
    }
    if (s == p && now_us - p->heard_us > UNANSWERED_US && now_us >= ice->consent_probe_us) {
        /* Loss: the peer is plainly there, ask again rather than wait for the next turn. */
        ice->consent_probe_us = now_us + PROBE_EVERY_US;
        check_send(ice, p, CHECK_CONSENT, now_us);
    }
    if (use_candidate)
        nominated(ice, p, now_us);
    else if (ice->params.controlling && s && s != p)
        consider(ice, p, s, now_us);
}

void path_answered(struct ice *ice, struct ice_pair *p, const struct ice_tx *tx, uint64_t now_us)
{
    struct ice_pair *s = gen_selected(ice, p->gen);

    if (s == p || !gen_checks(ice, p->gen))
        return;
    if (ice->params.controlling) {
        if (tx->kind == CHECK_NOMINATE && tx->open) /* not one given up for another */
            select_path(ice, p, now_us);
        return;
    }
    if (!p->nominate)
        return;
    p->nominate = false;
    if (!s || supersedes(ice, p, s, now_us))
        select_path(ice, p, now_us);
}

/* ---- time ---- */

static void fail_agent(struct ice *ice, enum ice_why why)
{
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        if (ice->pair[i].used)
            pair_drop(ice, &ice->pair[i]);
    }
    gen_clear(ice, 1 - ice->current);
    ice->why = why;
    ice_log(ice, why == ICE_WHY_CONSENT ? "consent lost" : "no pair worked", NULL);
    ice->params.ops->failed(ice->params.arg, why);
}

void path_lost(struct ice *ice, enum ice_why why, uint64_t now_us)
{
    unsigned next = 1 - ice->current;
    struct ice_gen *g = &ice->gen[next];

    if (g->use != GEN_PENDING || g->cut_short) {
        fail_agent(ice, why);
        return;
    }
    ice_log(ice, "old path lost during the restart", ice->selected);
    gen_clear(ice, ice->current);
    ice->current = (uint8_t)next;
    g->use = GEN_CURRENT;
    if (g->due_us == ICE_NEVER) /* the peer's half is still to come */
        g->due_us = now_us + ice->options->timeout_us;
}

static void gen_expire(struct ice *ice, unsigned gen, uint64_t now_us)
{
    struct ice_gen *g = &ice->gen[gen];

    if (g->due_us > now_us)
        return;
    switch (g->use) {
    case GEN_FREE: break;
    case GEN_LINGERING: gen_clear(ice, gen); break;
    case GEN_CURRENT: path_lost(ice, ICE_WHY_NO_PAIR, now_us); break;
    case GEN_PENDING:
        g->due_us = ICE_NEVER;
        g->cut_short = true;
        ice_log(ice, "restart found no path, the old one stays", ice->selected);
        break;
    }
}

static void keep_consent(struct ice *ice, uint64_t now_us)
{
    struct ice_pair *s = ice->selected;

    if (!s)
        return;
    if (now_us - s->heard_us >= ice->options->consent_us) {
        path_lost(ice, ICE_WHY_CONSENT, now_us);
        return;
    }
    if (now_us >= ice->consent_due_us) {
        ice->consent_due_us = now_us + consent_pause_us(ice);
        check_send(ice, s, CHECK_CONSENT, now_us);
    }
}

void path_run(struct ice *ice, uint64_t now_us)
{
    for (unsigned i = 0; i < GENS; i++)
        nominate(ice, i, now_us);
    judge_rival(ice, now_us);
    keep_consent(ice, now_us);
    for (unsigned i = 0; i < GENS && !ice->why; i++)
        gen_expire(ice, i, now_us);
}

static uint64_t gen_due_us(const struct ice *ice, unsigned gen)
{
    const struct ice_gen *g = &ice->gen[gen];

    if (g->use == GEN_FREE)
        return ICE_NEVER;
    if (g->first_valid_us && nominee(ice, gen))
        return MIN(g->due_us, g->first_valid_us + ice->options->settle_us);
    return g->due_us;
}

uint64_t path_due_us(const struct ice *ice)
{
    uint64_t due = MIN(gen_due_us(ice, 0), gen_due_us(ice, 1));

    if (ice->selected) {
        due = MIN(due, ice->consent_due_us);
        due = MIN(due, ice->selected->heard_us + ice->options->consent_us);
        if (ice->rival && ice->params.controlling)
            due = MIN(due, rival_due_us(ice));
    }
    return due;
}
