/* Mid-call offers. What changes only this hop is answered here and the far leg never hears of it
 * (the mid-call firewall, DESIGN 3.2); what changes streams, codecs or directions crosses to the
 * far leg and back. */
#include "base/log.h"
#include "gateway/call.h"
#include "gateway/reoffer.h"

static void reoffer_clear(struct call *c)
{
    desc_free(c->reoffer.offer);
    desc_free(c->reoffer.sent);
    memset(&c->reoffer, 0, sizeof(c->reoffer));
}

/* Answer (or, with NULL, refuse) the offer that @p p made. Takes @p answer. */
static void offer_reply(struct party *p, struct desc *answer, bool glare)
{
    struct offer_step step = offer_fsm(p->pen, OFFER_EV_REPLIED);

    if (step.known)
        p->pen = step.next;
    p->leg->ops->respond(p->leg, answer, glare);
    if (answer) {
        desc_free(p->local);
        p->local = answer;
        call_join_media(p->call);
    }
}

/* Our transports go into @p answer, the offer becomes what the peer last said; or, where media
 * cannot follow, the offer is refused and all stays as it was. Takes both. */
static void offer_accept(struct party *p, struct desc *offer, struct desc *answer)
{
    struct media *m = gateway_media(p->call->gw);

    if (!p->local && p->leg->ops->takes_all)
        negotiate_sink(offer, answer);
    answer->session_id = p->local ? p->local->session_id : 0;
    answer->session_version = p->local ? p->local->session_version + 1 : 1;
    if (media_id_set(p->media)) {
        media_leg_remote(m, p->media, offer, true);
        if (media_leg_describe(m, p->media, offer, false, answer) != GW_OK) {
            desc_free(offer);
            desc_free(answer);
            offer_reply(p, NULL, false);
            return;
        }
    }
    desc_free(p->remote);
    p->remote = offer;
    offer_reply(p, answer, false);
}

static struct stream_map map_from(const struct call *c, const struct party *p)
{
    return p == &c->a ? c->b->map : stream_map_invert(&c->b->map);
}

/* Ask the far leg. Takes @p offer. */
static void offer_cross(struct call *c, struct party *p, struct desc *offer)
{
    struct party *far = party_far(p);
    struct stream_map before;
    struct stream_map fresh_map;
    struct desc *fresh;
    struct offer_step step;

    if (!far || !far->leg || !far->leg->ops->offer || !media_id_set(far->media)) {
        desc_free(offer);
        offer_reply(p, NULL, false);
        return;
    }
    step = offer_fsm(far->pen, OFFER_EV_WANT);
    if (c->reoffer.from || !far->local ||
        !(step.actions & OFFER_DO_SEND)) { /* the far side is offering too, or about to: let this
                                              side try again */
        desc_free(offer);
        offer_reply(p, NULL, true);
        return;
    }
    before = map_from(c, p);
    fresh = negotiate_offer(offer, &far->profile, &fresh_map);
    c->reoffer.from = p;
    c->reoffer.offer = offer;
    c->reoffer.sent = reoffer_align(far->local, fresh, &before, &fresh_map, &c->reoffer.map);
    c->reoffer.sent->session_version = far->local->session_version + 1;
    desc_free(fresh);
    if (media_leg_describe(gateway_media(c->gw), far->media, NULL, false, c->reoffer.sent) !=
        GW_OK) {
        reoffer_clear(c);
        offer_reply(p, NULL, false);
        return;
    }
    far->pen = step.next;
    far->leg->ops->offer(far->leg, c->reoffer.sent);
}

/* A side that talks to itself (echo) has no far side to ask: what it offers comes back the other
 * way round. */
static enum gw_err offer_echo(const struct call *c, const struct desc *offer, struct desc **answer)
{
    static const struct stream_map same = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    struct desc *mirror;
    enum gw_err err;

    if (c->state != CALL_TALKING || media_id_set(c->b->party.media))
        return GW_ESTATE;
    mirror = echo_mirror(offer);
    err = negotiate_answer(offer, mirror, &same, answer);
    desc_free(mirror);
    return err;
}

static bool carries_voice(const struct desc *answer)
{
    for (unsigned i = 0; i < answer->nstreams; i++)
        if (answer->stream[i].kind == DESC_AUDIO && !answer->stream[i].refused)
            return true;
    return false;
}

/* The caller's first offer, which comes after the answer (XEP-0353): the callee has long said what
 * it can. Where that does not fit, it is asked again with the caller's own words. */
static enum gw_err offer_late(struct call *c, const struct party *p, const struct desc *offer,
                              struct desc **answer)
{
    enum gw_err err;

    if (p != &c->a || p->local || !c->a_offer_follows || c->state != CALL_TALKING)
        return GW_ESTATE;
    if (!media_id_set(c->b->party.media))
        return offer_echo(c, offer, answer);
    c->b->map = negotiate_pair(offer, c->b->party.local);
    err = negotiate_answer(offer, c->b->party.remote, &c->b->map, answer);
    if (!err && !carries_voice(*answer)) { /* video alone is no call */
        desc_free(*answer);
        *answer = NULL;
        return GW_ENOCODEC;
    }
    return err;
}

static void offer_take(struct call *c, struct party *p, struct desc *offer)
{
    struct offer_step step = offer_fsm(p->pen, OFFER_EV_PEER);
    struct desc *answer = NULL;

    if (!(step.actions & OFFER_DO_TAKE)) {
        desc_free(offer);
        p->leg->ops->respond(p->leg, NULL, true);
        return;
    }
    p->pen = step.next;
    if (p->local && p->remote && negotiate_refresh(p->remote, offer, p->local, &answer) == GW_OK) {
        LOG_D("call", "offer answered here: nothing changes for the far side");
        offer_accept(p, offer, answer);
    } else if (offer_late(c, p, offer, &answer) == GW_OK ||
               offer_echo(c, offer, &answer) == GW_OK) {
        offer_accept(p, offer, answer);
    } else if (c->state == CALL_TALKING) {
        offer_cross(c, p, offer);
    } else {
        desc_free(offer);
        offer_reply(p, NULL, false);
    }
}

/* The far side has answered what crossed: now the side that began can be answered. Takes @p answer.
 */
static void offer_return(struct call *c, struct party *p, struct desc *answer)
{
    struct party *from = c->reoffer.from;
    struct desc *offer = c->reoffer.offer;
    struct desc *reply = NULL;
    struct stream_map map = c->reoffer.map;

    desc_free(p->local);
    p->local = c->reoffer.sent;
    c->reoffer.sent = NULL;
    c->reoffer.offer = NULL;
    reoffer_clear(c);
    party_set_remote(p, answer, false);
    c->b->map = from == &c->a ? map : stream_map_invert(&map);
    if (negotiate_answer(offer, answer, &map, &reply) != GW_OK) {
        desc_free(offer);
        offer_reply(from, NULL, false);
        return;
    }
    offer_accept(from, offer, reply);
}

static void offer_refused(struct call *c, const struct leg_event *ev)
{
    struct party *from = c->reoffer.from;

    if (!from) {
        LOG_W("call", "our offer was refused: %s", end_word(ev->why.cause));
        return;
    }
    reoffer_clear(c);
    offer_reply(from, NULL, ev->glare);
}

static void offer_answered(struct call *c, struct party *p, const struct leg_event *ev)
{
    struct offer_step step =
        offer_fsm(p->pen, ev->type == LEG_ANSWER ? OFFER_EV_ANSWER : OFFER_EV_REFUSED);

    if (!step.known) {
        LOG_W("call", "an answer to nothing we asked: ignored");
        desc_free(ev->desc);
        return;
    }
    p->pen = step.next;
    if (ev->type == LEG_REFUSED) {
        offer_refused(c, ev);
    } else if (c->reoffer.from && c->reoffer.from != p) {
        offer_return(c, p, ev->desc);
    } else {
        call_caller_answer(c, ev->desc); /* to the offer that went out with our answer */
    }
}

void call_offer_event(struct call *c, struct party *p, const struct leg_event *ev)
{
    if (c->state == CALL_ENDING || p->ended || (p != &c->a && (!c->b || p != &c->b->party))) {
        desc_free(ev->desc);
        if (ev->type == LEG_OFFER)
            p->leg->ops->respond(p->leg, NULL, false);
        return;
    }
    if (ev->type == LEG_OFFER)
        offer_take(c, p, ev->desc);
    else
        offer_answered(c, p, ev);
}
