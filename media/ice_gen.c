/* Credentials, and the generations they make (RFC 8445 9, RFC 8839 4.4). */
#include "media/ice_private.h"

enum { UFRAG_MIN = 4, PWD_MIN = 22 }; /* RFC 8839 5.4 */

static bool ice_text(const char *text, size_t min, size_t max)
{
    size_t n = strnlen(text, max + 1);

    if (n < min || n > max)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    }
    return true;
}

bool gen_credentials_ok(const struct ice_credentials *c)
{
    return ice_text(c->ufrag, UFRAG_MIN, sizeof(c->ufrag) - 1) &&
           ice_text(c->pwd, PWD_MIN, sizeof(c->pwd) - 1);
}

bool gen_checks(const struct ice *ice, unsigned gen)
{
    const struct ice_gen *g = gen < GENS ? &ice->gen[gen] : NULL;

    return g && (g->use == GEN_CURRENT || g->use == GEN_PENDING) && g->has_local && g->has_remote;
}

void gen_clear(struct ice *ice, unsigned gen)
{
    pair_drop_gen(ice, gen);
    ice->gen[gen] = (struct ice_gen){.due_us = ICE_NEVER};
}

static bool lacks(const struct ice_gen *g, bool local)
{
    return local ? !g->has_local || g->borrowed : !g->has_remote;
}

static bool complete(const struct ice_gen *g)
{
    return !lacks(g, true) && !lacks(g, false);
}

/* The generation that new credentials of one side belong to: the one that waits for them, or a
 * fresh one. */
static struct ice_gen *gen_for(struct ice *ice, bool local)
{
    struct ice_gen *current = &ice->gen[ice->current];
    struct ice_gen *other = &ice->gen[1 - ice->current];

    if (ice->why) { /* after a failure everything is new */
        gen_clear(ice, ice->current);
        ice->why = ICE_WHY_NONE;
        current->use = GEN_CURRENT;
        return current;
    }
    if (!complete(current)) {
        if (!lacks(current, local))
            pair_drop_gen(ice, ice->current); /* replaced before it was ever used */
        return current;
    }
    if (other->use == GEN_PENDING && !complete(other)) {
        if (!lacks(other, local))
            pair_drop_gen(ice, 1 - ice->current);
        return other;
    }
    gen_clear(ice, 1 - ice->current); /* lingering, or a restart overtaken by the next one */
    other->use = GEN_PENDING;
    return other;
}

uint32_t gen_hash(struct span remote_ufrag)
{
    uint32_t h = 2166136261; /* FNV-1a */

    for (size_t i = 0; i < remote_ufrag.n; i++)
        h = (h ^ (uint8_t)remote_ufrag.p[i]) * 16777619;
    return h;
}

/* Pairs that named a generation before it was described. */
static void adopt_pairs(struct ice *ice, unsigned gen)
{
    uint32_t h = gen_hash(span_of(ice->gen[gen].remote_ufrag));

    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (!p->used || p->gen != GEN_LATER || p->ufrag_hash != h)
            continue;
        if (pair_find(ice, gen, p->local, &p->remote))
            pair_drop(ice, p);
        else
            p->gen = (uint8_t)gen;
    }
}

static void gen_changed(struct ice *ice, struct ice_gen *g, uint64_t now_us)
{
    if (!g->has_local || !g->has_remote)
        return;
    g->due_us = now_us + ice->options->timeout_us;
    g->first_valid_us = 0;
    g->cut_short = false;
    for (unsigned i = 0; i < ICE_PAIRS_MAX; i++) {
        struct ice_pair *p = &ice->pair[i];

        if (!p->used || p->gen != g - ice->gen)
            continue;
        p->state = PAIR_WAITING; /* whatever was tried with other credentials */
        p->tx = (struct ice_tx){.open = false};
        if (p->asked_us) /* the peer came first: ask back at once (RFC 8445 7.3.1.4) */
            pair_trigger(ice, p);
    }
}

static struct ice_gen *gen_known(struct ice *ice, bool local, const char *ufrag, const char *pwd)
{
    for (unsigned i = 0; i < GENS && !ice->why; i++) {
        struct ice_gen *g = &ice->gen[i];

        if (g->use == GEN_FREE || g->use == GEN_LINGERING)
            continue;
        if (local ? g->has_local && !strcmp(g->local.ufrag, ufrag) && !strcmp(g->local.pwd, pwd)
                  : g->has_remote && !strcmp(g->remote_ufrag, ufrag) && !strcmp(g->remote_pwd, pwd))
            return g;
    }
    return NULL;
}

enum gw_err ice_set_local(struct ice *ice, const struct ice_credentials *local, uint64_t now_us)
{
    struct ice_gen *g;

    if (!gen_credentials_ok(local))
        return GW_EINVAL;
    if (gen_known(ice, true, local->ufrag, local->pwd))
        return GW_OK;
    g = gen_for(ice, true);
    g->has_local = true;
    g->borrowed = false;
    g->local = *local;
    gen_changed(ice, g, now_us);
    ice_timer(ice, now_us);
    return GW_OK;
}

enum gw_err ice_set_remote(struct ice *ice, const char *ufrag, const char *pwd, bool lite,
                           uint64_t now_us)
{
    struct ice_gen *g;

    if (!ice_text(ufrag, UFRAG_MIN, DESC_ICE_MAX - 1) || !ice_text(pwd, PWD_MIN, DESC_ICE_MAX - 1))
        return GW_EINVAL;
    ice->remote_lite = lite;
    if (lite)
        ice->params.controlling = true; /* RFC 8445 6.1.1 */
    if (gen_known(ice, false, ufrag, pwd))
        return GW_OK;
    g = gen_for(ice, false);
    g->has_remote = true;
    (void)g_strlcpy(g->remote_ufrag, ufrag, sizeof(g->remote_ufrag));
    (void)g_strlcpy(g->remote_pwd, pwd, sizeof(g->remote_pwd));
    if (!g->has_local && g->use == GEN_PENDING) {
        g->has_local = g->borrowed = true;
        g->local = ice->gen[ice->current].local;
    }
    adopt_pairs(ice, (unsigned)(g - ice->gen));
    gen_changed(ice, g, now_us);
    ice_timer(ice, now_us);
    return GW_OK;
}
