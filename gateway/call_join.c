/* The first offer/answer of a call: what leg A is told, and which packets cross. */
#include "base/log.h"
#include "gateway/call.h"
#include "gateway/reoffer.h"

void call_join_media(struct call *c)
{
    struct branch *b = c->b ? c->b : c->early;
    struct media_plan plan;

    if (!b || !c->a.local || !c->a.remote || !media_id_set(c->a.media))
        return;
    if (!media_id_set(b->party.media)) { /* it has no media of its own: the caller hears himself */
        negotiate_plan_echo(c->a.local, c->a.remote, &plan);
        media_join(gateway_media(c->gw), c->a.media, c->a.media, &plan);
        return;
    }
    negotiate_plan(c->a.local, c->a.remote, b->party.local, b->party.remote, &b->map, &plan);
    media_join(gateway_media(c->gw), c->a.media, b->party.media, &plan);
}

/* What leg A hears of branch @p b's description: an answer to its offer. NULL when nothing is in
 * common. */
static struct desc *caller_answer(struct call *c, const struct branch *b)
{
    struct desc *d = NULL;

    if (negotiate_answer(c->a.remote, b->party.remote, &b->map, &d) != GW_OK)
        return NULL;
    if (c->a.leg->ops->takes_all)
        negotiate_sink(c->a.remote, d);
    if (c->a.local) { /* early media: one session, a new version */
        d->session_id = c->a.local->session_id;
        d->session_version = c->a.local->session_version + 1;
    }
    if (media_leg_describe(gateway_media(c->gw), c->a.media, c->a.remote, false, d) != GW_OK) {
        desc_free(d);
        return NULL;
    }
    return d;
}

void call_early(struct call *c, struct branch *b)
{
    struct desc *d;

    if (!c->a_offered || (c->early && c->early != b)) /* one early voice at a time: the first */
        return;
    d = caller_answer(c, b);
    if (!d)
        return; /* the final answer decides */
    desc_free(c->a.local);
    c->a.local = d;
    c->early = b;
    c->a.leg->ops->progress(c->a.leg, false, d);
    call_join_media(c);
}

/* The caller made no offer: ours goes out with the answer, made of what the callee accepted (RFC
 * 3261 13.2.1). */
static bool connect_offerless(struct call *c)
{
    struct stream_map b_to_a;
    struct desc *d = negotiate_offer(c->b->party.remote, &c->a.profile, &b_to_a);

    if (!d || d->nstreams == 0 ||
        media_leg_describe(gateway_media(c->gw), c->a.media, NULL, false, d) != GW_OK) {
        desc_free(d);
        return false;
    }
    c->b->map = stream_map_invert(&b_to_a);
    c->a.local = d;
    c->a.pen = OFFER_OURS;
    c->a.leg->ops->answer(c->a.leg, d);
    return true;
}

bool call_connect(struct call *c)
{
    struct end_reason why = end_because(END_NO_CODEC);
    struct desc *d;

    c->early = NULL;
    if (c->a_offer_follows) { /* call_offer.c answers it from what the callee has said */
        c->a.leg->ops->answer(c->a.leg, NULL);
        return true;
    }
    if (!c->a_offered) {
        if (connect_offerless(c))
            return true;
        call_set_end(c, &why, END_SIDE_SELF);
        return false;
    }
    d = caller_answer(c, c->b);
    if (!d) {
        call_set_end(c, &why, END_SIDE_SELF);
        return false;
    }
    desc_free(c->a.local);
    c->a.local = d;
    c->a.pen = OFFER_STABLE;
    c->a.leg->ops->answer(c->a.leg, d);
    call_join_media(c);
    return true;
}

void call_caller_answer(struct call *c, struct desc *answer)
{
    party_set_remote(&c->a, answer, false);
    call_join_media(c);
}
