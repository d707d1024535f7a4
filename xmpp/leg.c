#include "xmpp/leg.h"

#include "base/ids.h"
#include "base/log.h"
#include "xmpp/reasons.h"

#include <string.h>

#define PROCEED_PATIENCE_US (15 * US_PER_S) /* from our proceed to their session-initiate */
#define ACCEPT_PATIENCE_US (30 * US_PER_S)  /* from our session-initiate to their session-accept */
#define OFFER_PATIENCE_US (20 * US_PER_S)   /* then a content-add without answer is refused */
#define RING_LATEST_US (10 * US_PER_S)      /* Conversations gives up after 12 s without ringing */
#define RING_AGAIN_US (30 * US_PER_S)       /* Monal starts its 45 s anew at each */
#define RING_SUPPOSED_US (1500 * US_PER_MS) /* a client that takes the proposal may say nothing */

static const struct leg_ops ops;

static struct jleg *jleg_of(struct leg *leg)
{
    return (struct jleg *)leg;
}

/* ---- the table of sessions ---- */

char *jleg_key(const char *sid, const char *peer_bare, const char *our_bare)
{
    return g_strconcat(peer_bare, "\n", our_bare, "\n", sid, NULL);
}

struct jleg *jleg_find(const struct component *x, const char *sid, const struct jid *peer,
                       const char *our_bare)
{
    g_autofree char *key = jleg_key(sid, peer->bare, our_bare);

    return g_hash_table_lookup(x->legs, key);
}

struct jleg *jleg_new(struct component *x, const char *sid, const struct jid *peer,
                      const char *our_bare, enum jleg_state state)
{
    struct jleg *l = g_new0(struct jleg, 1);

    l->base.ops = &ops;
    l->x = x;
    l->state = state;
    l->owed = JLEG_ENDED;
    l->begun_us = clock_now_us();
    g_queue_init(&l->heard);
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        l->allows[i] = DESC_SENDRECV;
    (void)g_strlcpy(l->sid, sid, sizeof(l->sid));
    (void)g_strlcpy(l->bare, peer->bare, sizeof(l->bare));
    (void)g_snprintf(l->ours, sizeof(l->ours), "%s/" XMPP_RESOURCE, our_bare);
    l->key = jleg_key(sid, peer->bare, our_bare);
    (void)g_hash_table_insert(x->legs, l->key, l);
    return l;
}

static void jleg_free(struct leg *leg)
{
    struct jleg *l = jleg_of(leg);

    if (g_hash_table_lookup(l->x->legs, l->key) == l)
        (void)g_hash_table_remove(l->x->legs, l->key);
    request_forget(l->x, l);
    timer_stop(&l->soon);
    timer_stop(&l->guard);
    timer_stop(&l->ring);
    desc_free(l->remote);
    desc_free(l->local);
    desc_free(l->offering);
    desc_free(l->before);
    desc_free(l->soon_answer);
    g_queue_clear_full(&l->heard, jses_heard_free);
    g_free(l->key);
    g_free(l);
}

/* ---- towards the call ---- */

void jleg_enter(struct jleg *l, enum jleg_state state)
{
    static const char *const names[] = {
        [JLEG_PROPOSED] = "proposed",     [JLEG_PROCEEDING] = "proceeding",
        [JLEG_OFFERED] = "offered",       [JLEG_PROPOSING] = "proposing",
        [JLEG_INITIATING] = "initiating", [JLEG_ACTIVE] = "active",
        [JLEG_ENDED] = "ended",           [JLEG_HUNG] = "hung up"};

    LOG_D(XMPP_MOD, "session %s: %s, was %s", l->sid, names[state], names[l->state]);
    l->state = state;
    if (state != JLEG_PROPOSED && state != JLEG_OFFERED)
        timer_stop(&l->ring);
    timer_stop(&l->guard);
}

static void end(struct jleg *l, enum end_cause cause, const char *text, bool peer_knows)
{
    struct leg_event ev = {.type = LEG_ENDED, .why = end_because(cause)};

    if (l->state >= JLEG_ENDED)
        return;
    if (text)
        (void)g_strlcpy(ev.why.text, text, sizeof(ev.why.text));
    if (!peer_knows)
        l->owed = l->state;
    jleg_enter(l, JLEG_ENDED);
    leg_report(&l->base, &ev);
}

void jleg_end(struct jleg *l, enum end_cause cause, const char *text)
{
    end(l, cause, text, false);
}

void jleg_ended_by_peer(struct jleg *l, enum end_cause cause, const char *text)
{
    end(l, cause, text, true);
}

void jleg_request_failed(struct jleg *l, const char *condition)
{
    enum end_cause cause = reason_from_condition(condition);
    LOG_CALL(l->base.call_id);

    if (l->state >= JLEG_ENDED)
        return;
    LOG_W(XMPP_MOD, "%s does not take our request: %s", l->peer,
          condition ? condition : "no reason given");
    jleg_end(l, l->state == JLEG_ACTIVE ? END_MEDIA_FAILED : cause, condition);
}

static void report_refused(struct jleg *l, enum end_cause cause, bool glare)
{
    struct leg_event ev = {.type = LEG_REFUSED, .why = end_because(cause), .glare = glare};

    timer_stop(&l->guard);
    g_clear_pointer(&l->offering, desc_free);
    l->pen = PEN_FREE;
    leg_report(&l->base, &ev);
    jleg_offer_soon(l);
}

void jleg_offer_failed(struct jleg *l, const char *condition)
{
    LOG_CALL(l->base.call_id);

    if (l->state == JLEG_ACTIVE && l->pen == PEN_OURS && !l->soon_answer)
        report_refused(l, reason_from_condition(condition), g_strcmp0(condition, "conflict") == 0);
}

static void guard_ran_out(void *arg)
{
    struct jleg *l = arg;
    LOG_CALL(l->base.call_id);

    switch (l->state) {
    case JLEG_PROCEEDING:
        jleg_end(l, END_UNREACHABLE, "it was told to proceed and did not begin the session");
        return;
    case JLEG_INITIATING: jleg_end(l, END_UNREACHABLE, "no session-accept came"); return;
    case JLEG_ACTIVE:
        if (l->pen == PEN_OURS)
            report_refused(l, END_UNREACHABLE, false);
        return;
    case JLEG_PROPOSED:
    case JLEG_OFFERED:
    case JLEG_PROPOSING:
    case JLEG_ENDED:
    case JLEG_HUNG: return;
    }
}

void jleg_vanished(struct component *x, const struct jid *peer, const char *our_bare)
{
    g_autoptr(GList) all = g_hash_table_get_values(x->legs); /* ending one may end others */

    for (GList *i = all; i && peer->resource; i = i->next) {
        struct jleg *l = i->data;
        bool waits = l->state == JLEG_PROPOSED || l->state == JLEG_PROCEEDING ||
                     (l->state == JLEG_OFFERED && !l->dialled);
        LOG_CALL(l->base.call_id);

        if (waits && g_str_equal(l->peer, peer->full) && g_str_has_prefix(l->ours, our_bare) &&
            l->ours[strlen(our_bare)] == '/')
            jleg_ended_by_peer(l, END_CANCELLED, "the caller's device has gone");
    }
}

void jleg_guard(struct jleg *l, uint64_t after_us)
{
    timer_stop(&l->guard);
    timer_start(&l->guard, after_us, guard_ran_out, l);
}

/* What must not be reported from within leg_ops. */
static void soon(void *arg)
{
    struct jleg *l = arg;
    struct leg_event ev = {.type = LEG_GONE};
    LOG_CALL(l->base.call_id);

    if (l->state == JLEG_HUNG) {
        leg_report(&l->base, &ev);
        return;
    }
    if (l->state == JLEG_OFFERED && l->unanswerable)
        jleg_end(l, END_NO_CODEC, "nothing in common in its session-initiate");
    if (l->state != JLEG_ACTIVE)
        return;
    if (l->soon_answer) {
        ev = (struct leg_event){.type = LEG_ANSWER, .desc = g_steal_pointer(&l->soon_answer)};
        l->pen = PEN_FREE;
        jleg_agreed(l);
        leg_report(&l->base, &ev);
    }
    if (l->state == JLEG_ACTIVE && l->pen == PEN_FREE && jses_change(l)) {
        ev = (struct leg_event){.type = LEG_OFFER, .desc = jses_remote(l)};
        l->pen = PEN_THEIRS;
        leg_report(&l->base, &ev);
    }
}

static void later(struct jleg *l)
{
    if (!l->soon)
        timer_start(&l->soon, 0, soon, l);
}

void jleg_offer_soon(struct jleg *l)
{
    if (!g_queue_is_empty(&l->heard))
        later(l);
}

/* ---- from the call (leg_ops) ---- */

static void ring_again(void *arg)
{
    struct jleg *l = arg;
    LOG_CALL(l->base.call_id);

    invite_ringing(l);
    timer_start(&l->ring, RING_AGAIN_US, ring_again, l);
}

/* A client that takes proposals need not say so; one that does not would have bounced by now. */
static void ring_supposed(void *arg)
{
    struct jleg *l = arg;
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = true};
    LOG_CALL(l->base.call_id);

    if (l->state == JLEG_PROPOSING && !l->rang) {
        l->rang = true;
        leg_report(&l->base, &ev);
    }
}

static void on_progress(struct leg *leg, bool ringing, const struct desc *early)
{
    struct jleg *l = jleg_of(leg);

    (void)early; /* Jingle has no early media but by answering */
    if (!ringing || l->rang)
        return;
    l->rang = true;
    if (l->state == JLEG_PROPOSED) {
        timer_stop(&l->ring);
        ring_again(l);
    } else if (l->state == JLEG_OFFERED) {
        jses_ringing(l);
    }
}

static void keep_local(struct jleg *l, const struct desc *d)
{
    desc_free(l->local);
    l->local = desc_copy(d);
}

void jleg_agreed(struct jleg *l)
{
    desc_free(l->local);
    l->local = g_steal_pointer(&l->offering);
    for (unsigned i = 0; i < l->local->nstreams; i++)
        l->allows[i] = desc_direction_reverse(l->local->stream[i].direction);
}

static void on_answer(struct leg *leg, const struct desc *desc)
{
    struct jleg *l = jleg_of(leg);

    if (l->state == JLEG_PROPOSED) {
        invite_proceed(l);
        jleg_enter(l, JLEG_PROCEEDING);
        jleg_guard(l, PROCEED_PATIENCE_US);
    } else if (l->state == JLEG_OFFERED && desc) {
        keep_local(l, desc);
        jleg_enter(l, JLEG_ACTIVE);
        l->pen = PEN_FREE;
        jses_accept(l, desc);
        jleg_offer_soon(l);
    }
}

/* No client of today hears of a hold, and some end the call when they are asked to change: what
 * only turns directions stays between us and the gateway (facts of XEP-0166 7.2.5 in practice). */
static struct desc *answer_without_words(const struct jleg *l, const struct desc *offer)
{
    struct desc *d = desc_copy(l->remote);

    for (unsigned i = 0; i < d->nstreams && i < offer->nstreams; i++) {
        struct desc_stream *s = &d->stream[i];

        if (offer->stream[i].refused) {
            s->refused = true;
            s->direction = DESC_INACTIVE;
        } else {
            s->direction &= desc_direction_reverse(offer->stream[i].direction);
        }
    }
    return d;
}

static void on_offer(struct leg *leg, const struct desc *offer)
{
    struct jleg *l = jleg_of(leg);

    if (l->state != JLEG_ACTIVE || l->pen != PEN_FREE)
        return;
    l->pen = PEN_OURS;
    l->offering = desc_copy(offer);
    if (jses_add(l, offer)) {
        jleg_guard(l, OFFER_PATIENCE_US);
    } else {
        desc_free(l->soon_answer);
        l->soon_answer = answer_without_words(l, offer);
        later(l);
    }
}

static void on_respond(struct leg *leg, const struct desc *answer, bool glare)
{
    struct jleg *l = jleg_of(leg);

    (void)glare;
    if (l->state == JLEG_OFFERED) { /* to the session-initiate that followed our proceed */
        if (answer) {
            on_answer(leg, answer);
            return;
        }
        l->unanswerable = true;
        later(l);
        return;
    }
    if (l->state != JLEG_ACTIVE || l->pen != PEN_THEIRS)
        return;
    l->pen = PEN_FREE;
    jses_answer(l, answer);
    if (answer) {
        keep_local(l, answer);
    } else { /* all is as it was */
        desc_free(l->remote);
        l->remote = g_steal_pointer(&l->before);
    }
    g_clear_pointer(&l->before, desc_free);
    jleg_offer_soon(l);
}

static void on_candidate(struct leg *leg, unsigned stream, const struct desc_candidate *c)
{
    struct jleg *l = jleg_of(leg);
    const struct desc *d = l->offering ? l->offering : l->local;

    if (c && l->peer[0] && d && stream < d->nstreams && l->state < JLEG_ENDED)
        jses_candidate(l, stream, c);
}

static void on_hangup(struct leg *leg, const struct end_reason *why)
{
    struct jleg *l = jleg_of(leg);
    enum jingle_reason reason = reason_to_jingle(why->cause);
    enum jleg_state was = l->state == JLEG_ENDED ? l->owed : l->state;

    if (l->state == JLEG_HUNG)
        return;
    jleg_enter(l, JLEG_HUNG);
    switch (was) {
    case JLEG_PROPOSED:
    case JLEG_PROCEEDING: invite_reject(l, reason); break;
    case JLEG_PROPOSING: invite_retract(l, JINGLE_CANCEL); break;
    case JLEG_OFFERED:
    case JLEG_INITIATING:
    case JLEG_ACTIVE:
        jses_terminate(l, reason);
        if (l->proposed)
            invite_finish(l, reason);
        break;
    case JLEG_ENDED:
    case JLEG_HUNG: break;
    }
    jses_remember(l->x, l);
    request_forget(l->x, l);
    timer_stop(&l->soon);
    later(l);
}

static const struct leg_ops ops = {
    .name = "jingle",
    .takes_all = true,
    .progress = on_progress,
    .answer = on_answer,
    .offer = on_offer,
    .respond = on_respond,
    .candidate = on_candidate,
    .hangup = on_hangup,
    .free = jleg_free,
};

/* ---- birth ---- */

void jleg_place(struct jleg *l, struct desc *offer, bool video)
{
    const char *account = people_caller(l->x->people, l->bare);
    char to[JID_BARE_MAX];
    struct jid ours;
    struct incoming in = {.leg = &l->base,
                          .account = account,
                          .from = account ? account : l->bare,
                          .to = to,
                          .offer = offer,
                          .offer_follows = !offer,
                          .video = video,
                          .profile = desc_profile_webrtc,
                          .origin = &l->x->base,
                          .origin_id = g_str_hash(l->bare)};
    const struct account *a = account ? gateway_account(l->x->gw, account) : NULL;

    if (a)
        in.from_display = a->display;
    (void)g_snprintf(in.source, sizeof(in.source), "xmpp %s", l->bare);
    if (!jid_parse(l->ours, &ours) || !jid_to_dialled(&ours, to))
        (void)g_strlcpy(to, "", sizeof(to));
    if (l->state == JLEG_PROPOSED)
        timer_start(&l->ring, RING_LATEST_US, ring_again, l);
    gateway_incoming(l->x->gw, &in);
}

enum gw_err jleg_dial(struct component *x, const struct dial_request *req, const char *bare,
                      struct leg **out)
{
    char ours[JID_BARE_MAX];
    char sid[24];
    struct jid peer;
    struct jleg *l;

    if (!conn_is_up(x->conn) || conn_is_crowded(x->conn))
        return GW_EIO;
    if (!jid_parse(bare, &peer) ||
        !jid_of_address(req->from, x->config->domain, x->config->xmpp_component, ours))
        return GW_EINVAL;
    random_token(sid, sizeof(sid) - 1);
    l = jleg_new(x, sid, &peer, ours, JLEG_PROPOSING);
    l->base.call_id = req->call_id;
    l->dialled = l->proposed = true;
    l->local = desc_copy(req->offer);
    invite_propose(l, req->offer);
    timer_start(&l->ring, RING_SUPPOSED_US, ring_supposed, l);
    *out = &l->base;
    return GW_OK;
}
