#include "gateway/call.h"

#include "base/log.h"

/* ---- parties ---- */

void party_open_media(struct party *p, const struct desc_profile *profile)
{
    struct call *c = p->call;
    enum gw_err err = media_leg_open(gateway_media(c->gw), c->id, profile, c->a.media, &p->media);

    p->profile = *profile;
    if (err)
        (void)fail(err, "call", "no media for another leg");
    else
        gateway_watch_media(c->gw, p->media, p);
}

void party_close_media(struct party *p)
{
    if (!media_id_set(p->media))
        return;
    gateway_watch_media(p->call->gw, p->media, NULL);
    media_leg_close(gateway_media(p->call->gw), p->media);
    p->media = (struct media_id){0, 0};
}

void party_set_remote(struct party *p, struct desc *d, bool is_offer)
{
    if (p->remote != d)
        desc_free(p->remote);
    p->remote = d;
    if (media_id_set(p->media))
        media_leg_remote(gateway_media(p->call->gw), p->media, d, is_offer);
}

void party_hangup(struct party *p, const struct end_reason *why)
{
    party_close_media(p);
    if (!p->leg || p->ended)
        return;
    p->ended = true;
    p->leg->ops->hangup(p->leg, why);
}

struct party *party_far(struct party *p)
{
    struct call *c = p->call;

    if (!c->b)
        return NULL;
    return p == &c->a ? &c->b->party : (p == &c->b->party ? &c->a : NULL);
}

static void party_clear(struct party *p)
{
    party_close_media(p);
    desc_free(p->local);
    desc_free(p->remote);
    p->local = p->remote = NULL;
}

/* ---- life ---- */

static void branch_free(gpointer data)
{
    struct branch *b = data;

    party_clear(&b->party);
    g_free(b);
}

struct call *call_new(struct gateway *gw, const struct incoming *in)
{
    struct call *c = g_new0(struct call, 1);

    c->id = id_next();
    c->gw = gw;
    c->started_us = clock_now_us();
    c->branches = g_ptr_array_new_with_free_func(branch_free);
    c->a.call = c;
    c->a.leg = in->leg;
    c->a.kind = in->leg->ops->name;
    c->a_offered = in->offer != NULL;
    c->a_offer_follows = in->offer_follows;
    c->a.profile = in->offer ? desc_profile_of(in->offer) : in->profile;
    c->a.pen = in->offer ? OFFER_THEIRS : OFFER_STABLE;
    c->origin = in->origin;
    c->origin_id = in->origin_id;
    g_strlcpy(c->account, in->account ? in->account : "", sizeof(c->account));
    g_strlcpy(c->from, in->from ? in->from : "anonymous", sizeof(c->from));
    g_strlcpy(c->from_display, in->from_display ? in->from_display : "", sizeof(c->from_display));
    g_strlcpy(c->to, in->to, sizeof(c->to));
    in->leg->call = c;
    in->leg->call_id = c->id;
    gateway_call_count(gw, c->account, 1);
    return c;
}

void call_free(struct call *c)
{
    timer_stop(&c->ring_timer);
    gateway_call_count(c->gw, c->account, -1);
    if (c->answered_us)
        gateway_call_count(c->gw, c->b->address, -1);
    party_clear(&c->a);
    g_ptr_array_unref(c->branches);
    desc_free(c->source);
    desc_free(c->reoffer.offer);
    desc_free(c->reoffer.sent);
    g_free(c);
}

void call_set_end(struct call *c, const struct end_reason *why, enum end_side side)
{
    if (c->end.cause != END_NONE)
        return;
    c->end = *why;
    c->end.side = side;
    /* A hang-up before the answer is the caller giving up, whatever word its dialect has for it. */
    if (side == END_SIDE_A && c->state < CALL_TALKING && why->cause == END_NORMAL)
        c->end.cause = END_CANCELLED;
}

void call_end(struct call *c, enum end_cause cause)
{
    struct end_reason why = end_because(cause);

    call_set_end(c, &why, END_SIDE_SELF);
    call_feed(c, EV_ENDS, NULL);
}

static void call_refuse(struct call *c, enum end_cause cause)
{
    call_end(c, cause);
}

static enum end_cause call_admit(struct call *c)
{
    const struct config *conf = gateway_config(c->gw);
    const struct account *a = c->account[0] ? gateway_account(c->gw, c->account) : NULL;
    unsigned most = a && a->calls_max ? a->calls_max : conf->account_calls_max;

    if (c->account[0] && most && gateway_calls_of(c->gw, c->account) > most)
        return END_LIMIT;
    return c->plan.refused;
}

void call_start(struct call *c, const struct incoming *in)
{
    const struct config *conf = gateway_config(c->gw);
    enum end_cause refused;

    route_resolve(conf, c->account[0] ? c->account : NULL, c->to, &c->plan);
    if (c->plan.ntargets == 1)
        g_strlcpy(c->to, c->plan.target[0], sizeof(c->to));
    LOG_I("call", "from=%s to=%s kind=%s source=\"%s\" route=%s", c->from, c->to, c->a.kind,
          in->source, c->plan.name[0] ? c->plan.name : "-");
    refused = call_admit(c);
    if (refused) {
        desc_free(in->offer);
        call_refuse(c, refused);
        return;
    }
    party_open_media(&c->a, &c->a.profile);
    if (!media_id_set(c->a.media)) {
        desc_free(in->offer);
        call_refuse(c, END_LIMIT);
        return;
    }
    if (in->offer)
        party_set_remote(&c->a, in->offer, true);
    c->source = in->offer ? desc_copy(in->offer) : negotiate_default_offer(in->video);
    if (!call_dial_next(c))
        call_feed(c, EV_EXHAUSTED, NULL);
}

static void call_log_end(const struct call *c)
{
    uint64_t talk = c->answered_us ? clock_now_us() - c->answered_us : 0;
    static const char *const sides[] = {"A", "B", "gateway"};

    LOG_I("call", "ended cause=%s side=%s talk_ms=%" G_GUINT64_FORMAT " from=%s to=%s%s%s%s",
          end_word(c->end.cause), sides[c->end.side], talk / US_PER_MS, c->from, c->to,
          c->end.text[0] ? " said=\"" : "", c->end.text, c->end.text[0] ? "\"" : "");
}

/* Would a device that still rings take this for something it had done itself? */
static bool call_end_is_anothers(enum end_cause cause)
{
    switch (cause) {
    case END_NO_ANSWER:
    case END_DECLINED:
    case END_BUSY:
    case END_UNREACHABLE: return true; /* the caller vanished */
    default: return false;
    }
}

static void call_hangup_all(struct call *c)
{
    struct end_reason why;

    if (c->end.cause == END_NONE) {
        struct end_reason best = c->refusal.cause ? c->refusal : end_because(END_NOT_FOUND);
        call_set_end(c, &best, END_SIDE_B);
    }
    timer_stop(&c->ring_timer);
    call_log_end(c);
    why = c->end;
    party_hangup(&c->a, &why);
    if (!c->b && call_end_is_anothers(why.cause))
        why = end_because(END_CANCELLED); /* to phones still ringing we are who gave up */
    for (guint i = 0; i < c->branches->len; i++) {
        struct branch *b = g_ptr_array_index(c->branches, i);
        party_hangup(&b->party, &why);
    }
}

static void call_ring_timeout(void *arg)
{
    struct call *c = arg;
    struct end_reason why = end_because(END_NO_ANSWER);
    LOG_CALL(c->id);

    if (c->plan.serial && c->next_target < c->plan.ntargets) {
        branches_hangup(c, NULL, END_CANCELLED);
        if (call_dial_next(c))
            return;
    }
    call_set_end(c, &why, END_SIDE_B);
    call_feed(c, EV_TIMES_OUT, NULL);
}

static bool call_answered(struct call *c, struct branch *who)
{
    timer_stop(&c->ring_timer);
    c->b = who;
    branches_hangup(c, who, END_ANSWERED_ELSEWHERE);
    if (!call_connect(c))
        return false;
    c->answered_us = clock_now_us();
    gateway_call_answered(c->gw);
    gateway_call_count(c->gw, who->address, 1);
    LOG_I("call", "answered by=%s after_ms=%" G_GUINT64_FORMAT, who->endpoint.label,
          (c->answered_us - c->started_us) / US_PER_MS);
    return true;
}

/* False: what was asked cannot be done, and c->end says why. */
static bool call_do(struct call *c, unsigned actions, struct branch *who)
{
    if (actions & DO_START_RING) {
        timer_stop(&c->ring_timer);
        timer_start(&c->ring_timer, c->plan.ring_s * US_PER_S, call_ring_timeout, c);
    }
    if ((actions & DO_PROGRESS_A) && c->a.leg)
        c->a.leg->ops->progress(c->a.leg, true, NULL);
    if (actions & DO_EARLY_A)
        call_early(c, who);
    if (actions & DO_HANGUP_LATE) {
        struct end_reason why = end_because(c->b ? END_ANSWERED_ELSEWHERE : END_CANCELLED);
        party_hangup(&who->party, &why);
    }
    if ((actions & DO_CONNECT) && !call_answered(c, who))
        return false;
    if (actions & DO_HANGUP_ALL)
        call_hangup_all(c);
    if (actions & DO_FREE)
        gateway_call_ended(c->gw, c);
    return true;
}

static bool call_step_once(struct call *c, enum call_event ev, struct branch *who)
{
    struct call_step step = call_fsm(c->state, ev);

    if (!step.known) {
        LOG_W("call", "event %s makes no sense while %s: ignored", call_event_name(ev),
              call_state_name(c->state));
        return true;
    }
    c->state = step.next;
    return call_do(c, step.actions, who);
}

void call_feed(struct call *c, enum call_event ev, struct branch *who)
{
    if (!call_step_once(c, ev, who))
        (void)call_step_once(c, EV_ENDS, NULL);
}

/* ---- events ---- */

static struct party *call_party(struct call *c, const struct leg *leg)
{
    if (c->a.leg == leg)
        return &c->a;
    for (guint i = 0; i < c->branches->len; i++) {
        struct branch *b = g_ptr_array_index(c->branches, i);
        if (b->party.leg == leg)
            return &b->party;
    }
    return NULL;
}

static void call_leg_gone(struct call *c, struct party *p)
{
    struct leg *leg = p->leg;

    party_close_media(p);
    p->leg = NULL;
    leg->ops->free(leg);
    if (c->a.leg)
        return;
    for (guint i = 0; i < c->branches->len; i++)
        if (((struct branch *)g_ptr_array_index(c->branches, i))->party.leg)
            return;
    if (c->state == CALL_ENDING)
        call_feed(c, EV_ALL_GONE, NULL);
}

static void call_leg_ended(struct call *c, struct party *p, const struct end_reason *why)
{
    bool in_call = p == &c->a || (c->b && p == &c->b->party);

    if (p->ended) /* it crossed our hang-up */
        return;
    if (in_call) {
        call_set_end(c, why, p == &c->a ? END_SIDE_A : END_SIDE_B);
        party_hangup(p, why);
        call_feed(c, EV_ENDS, NULL);
        return;
    }
    branch_fail((struct branch *)p, why);
}

/* A digit that came by signalling crosses as RFC 4733, or as signalling where the far side cannot
 * hear that. */
static void call_digit(struct party *from, char digit, unsigned ms, bool in_media)
{
    struct party *far = party_far(from);

    if (!far || !far->leg)
        return;
    if (far->leg->ops->dtmf)
        far->leg->ops->dtmf(far->leg, digit, ms);
    else if (!in_media && media_id_set(far->media))
        media_leg_dtmf(gateway_media(from->call->gw), far->media, digit, ms);
}

static void call_leg_keyframe(struct party *from)
{
    struct party *far = party_far(from);

    if (far && media_id_set(far->media))
        media_leg_keyframe(gateway_media(from->call->gw), far->media);
}

void call_leg_event(struct call *c, struct leg *leg, const struct leg_event *ev)
{
    struct party *p = call_party(c, leg);

    g_assert(p);
    switch (ev->type) {
    case LEG_PROGRESS:
    case LEG_ANSWERED:
        if (p == &c->a) {
            desc_free(ev->desc);
            LOG_W("call", "the caller's side reported an answer: ignored");
            return;
        }
        branch_event((struct branch *)p, ev);
        return;
    case LEG_OFFER:
    case LEG_ANSWER:
    case LEG_REFUSED: call_offer_event(c, p, ev); return;
    case LEG_CANDIDATE:
        if (media_id_set(p->media))
            media_leg_candidate(gateway_media(c->gw), p->media, ev->stream, ev->candidate);
        return;
    case LEG_DTMF: call_digit(p, ev->digit, ev->duration_ms, false); return;
    case LEG_KEYFRAME: call_leg_keyframe(p); return;
    case LEG_ENDED: call_leg_ended(c, p, &ev->why); return;
    case LEG_GONE: call_leg_gone(c, p); return;
    }
}

static void call_media_failed(struct party *p, const struct media_event *ev)
{
    static const enum end_cause causes[] = {
        [MEDIA_WHY_NONE] = END_MEDIA_FAILED,     [MEDIA_WHY_ICE] = END_MEDIA_FAILED,
        [MEDIA_WHY_DTLS] = END_MEDIA_FAILED,     [MEDIA_WHY_FINGERPRINT] = END_MEDIA_FAILED,
        [MEDIA_WHY_CONSENT] = END_MEDIA_TIMEOUT, [MEDIA_WHY_SILENCE] = END_MEDIA_TIMEOUT,
    };
    struct end_reason why = end_because(causes[ev->why]);

    g_strlcpy(why.text, ev->text, sizeof(why.text));
    call_leg_ended(p->call, p, &why);
}

static void call_local_candidate(struct party *p, const struct media_event *ev)
{
    if (!p->leg || !p->leg->ops->candidate || !p->local)
        return;
    for (unsigned i = 0; i < p->local->nstreams; i++)
        if (p->local->stream[i].transport == (int8_t)ev->transport) {
            p->leg->ops->candidate(p->leg, i, &ev->candidate);
            return;
        }
}

void call_media_event(struct call *c, struct party *p, const struct media_event *ev)
{
    const char *side = p == &c->a ? "A" : "B";
    struct party *far = party_far(p);
    char local[NET_ADDR_TEXT];
    char remote[NET_ADDR_TEXT];

    switch (ev->type) {
    case MEDIA_READY: LOG_I("call", "media ready side=%s", side); return;
    case MEDIA_PATH:
        LOG_I("call", "media path side=%s local=%s remote=%s %s", side,
              net_addr_text(&ev->local, local), net_addr_text(&ev->remote, remote), ev->text);
        return;
    case MEDIA_FIRST_PACKET:
        LOG_I("call", "first packet side=%s stream=%u", side, ev->stream);
        return;
    case MEDIA_DTMF: call_digit(p, ev->digit, ev->duration_ms, true); return;
    case MEDIA_KEYFRAME:
        if (far && far->leg && far->leg->ops->keyframe)
            far->leg->ops->keyframe(far->leg);
        return;
    case MEDIA_CANDIDATE: call_local_candidate(p, ev); return;
    case MEDIA_FAILED:
        LOG_W("call", "media failed side=%s %s", side, ev->text);
        call_media_failed(p, ev);
        return;
    }
}
