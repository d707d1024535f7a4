#include "web/leg.h"

#include "base/clock.h"
#include "base/log.h"
#include "media/desc_sdp.h"
#include "web/limits.h"
#include "web/socket.h"

#include <glib.h>

#include <inttypes.h>
#include <string.h>

#define MOD "web"
enum { DTMF_MS = 160 }; /* when the client does not say how long */

enum webleg_state {
    WEBLEG_PLACED,  /* the tab called and waits */
    WEBLEG_DIALLED, /* the tab is called: incoming is sent, no answer yet */
    WEBLEG_TALKING,
    WEBLEG_ENDED, /* LEG_ENDED reported; the call will hang up */
    WEBLEG_HUNG   /* hung up: detached, LEG_GONE is due */
};

enum webleg_pen { PEN_FREE, PEN_OURS, PEN_THEIRS }; /* whose mid-call offer waits for an answer */

struct webleg {
    struct leg base;        /* first: leg_ops get it */
    struct websock *socket; /* borrowed; NULL when the connection is gone or the leg hung up */
    char call[WEB_CALL_ID_MAX];
    enum webleg_state state;
    enum webleg_pen pen;
    unsigned nmids; /* streams of the last description either side sent */
    char mid[DESC_STREAMS_MAX][DESC_MID_MAX];
    uint64_t candidates;   /* bucket */
    struct timer *soon;    /* for what must not be reported from within leg_ops */
    struct timer *pending; /* while the pen is ours */
};

static const struct leg_ops ops;

static struct webleg *webleg_of(struct leg *leg)
{
    return (struct webleg *)leg;
}

const char *webleg_call(const struct webleg *l)
{
    return l->call;
}

static struct webleg *webleg_new(struct websock *s, const char *call, enum webleg_state state)
{
    struct webleg *l = g_new0(struct webleg, 1);

    l->base.ops = &ops;
    l->socket = s;
    l->state = state;
    (void)g_strlcpy(l->call, call, sizeof(l->call));
    return l;
}

/* ---- towards the call ---- */

static void report(struct webleg *l, enum leg_event_type type)
{
    leg_report(&l->base, &(struct leg_event){.type = type});
}

static void report_ended(struct webleg *l, enum end_cause cause)
{
    struct leg_event ev = {.type = LEG_ENDED, .why = end_because(cause)};

    if (l->state >= WEBLEG_ENDED)
        return;
    l->state = WEBLEG_ENDED;
    leg_report(&l->base, &ev);
}

static void unanswered(void *arg);

static void pen_pass(struct webleg *l, enum webleg_pen pen)
{
    timer_stop(&l->pending);
    l->pen = pen;
    if (pen == PEN_OURS)
        timer_start(&l->pending, WEB_OFFER_PATIENCE_US, unanswered, l);
}

static void report_refused(struct webleg *l, enum end_cause cause, bool glare)
{
    struct leg_event ev = {.type = LEG_REFUSED, .glare = glare, .why = end_because(cause)};

    pen_pass(l, PEN_FREE);
    leg_report(&l->base, &ev);
}

/* A frozen page must not keep the far side from ever changing the call again. */
static void unanswered(void *arg)
{
    struct webleg *l = arg;
    LOG_CALL(l->base.call_id);

    LOG_W(MOD, "%s does not answer our offer", l->socket ? l->socket->address : "a lost page");
    report_refused(l, END_UNREACHABLE, false);
}

static void mids_keep(struct webleg *l, const struct desc *d)
{
    l->nmids = d->nstreams;
    for (unsigned i = 0; i < d->nstreams; i++)
        (void)g_strlcpy(l->mid[i], d->stream[i].mid, DESC_MID_MAX);
}

/* The description in @p m; when it cannot be read the call ends, for its two sides no longer mean
 * the same thing. */
static struct desc *description(struct webleg *l, const struct web_msg *m)
{
    const char *why = NULL;
    struct desc *d = NULL;

    if (!desc_sdp_read(span_of(m->text[TEXT_SDP]), &d, &why)) {
        mids_keep(l, d);
        return d;
    }
    LOG_W(MOD, "%s of %s cannot be read: %s", web_type_word(m->type), l->socket->address, why);
    report_ended(l, END_PROTOCOL);
    return NULL;
}

static void bad_state(struct webleg *l, const struct web_msg *m)
{
    websock_fault(l->socket, web_type_word(m->type), l->call, "bad-state",
                  "This cannot be done in the present state of the call.");
}

static void on_ringing(struct webleg *l, const struct web_msg *m)
{
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = true};

    if (l->state == WEBLEG_DIALLED)
        leg_report(&l->base, &ev);
    else
        bad_state(l, m);
}

static void on_answer(struct webleg *l, const struct web_msg *m)
{
    struct leg_event ev = {.type = LEG_ANSWERED};

    if (l->state == WEBLEG_TALKING && l->pen == PEN_OURS) {
        ev.type = LEG_ANSWER;
    } else if (l->state != WEBLEG_DIALLED) {
        bad_state(l, m);
        return;
    }
    ev.desc = description(l, m);
    if (!ev.desc)
        return;
    l->state = WEBLEG_TALKING;
    pen_pass(l, PEN_FREE);
    leg_report(&l->base, &ev);
}

static void on_reject(struct webleg *l, const struct web_msg *m)
{
    const char *reason = m->text[TEXT_REASON];

    if (l->state == WEBLEG_DIALLED)
        report_ended(l,
                     reason && g_str_equal(reason, end_word(END_BUSY)) ? END_BUSY : END_DECLINED);
    else
        bad_state(l, m);
}

static void on_bye(struct webleg *l, const struct web_msg *m)
{
    const char *reason = m->text[TEXT_REASON];

    if (reason && g_str_equal(reason, end_word(END_MEDIA_FAILED)))
        report_ended(l, END_MEDIA_FAILED);
    else if (l->state == WEBLEG_PLACED)
        report_ended(l, END_CANCELLED);
    else if (l->state == WEBLEG_DIALLED)
        report_ended(l, END_DECLINED);
    else
        report_ended(l, END_NORMAL);
}

static void refuse(struct webleg *l, bool glare)
{
    struct web_msg m = {.type = WEB_REFUSE,
                        .text = {[TEXT_CALL] = l->call,
                                 [TEXT_REASON] = glare ? "glare" : end_word(END_NO_CODEC),
                                 [TEXT_SENTENCE] = glare ? "" : end_sentence(END_NO_CODEC)}};

    (void)websock_send(l->socket, &m);
}

/* Ours wins over theirs when both are on their way (docs/web-api.md, "Changing a call"). */
static void on_offer(struct webleg *l, const struct web_msg *m)
{
    struct leg_event ev = {.type = LEG_OFFER};

    if (l->state != WEBLEG_TALKING || l->pen == PEN_THEIRS) {
        bad_state(l, m);
        return;
    }
    if (l->pen == PEN_OURS) {
        refuse(l, true);
        return;
    }
    ev.desc = description(l, m);
    if (!ev.desc)
        return;
    pen_pass(l, PEN_THEIRS);
    leg_report(&l->base, &ev);
}

static void on_refuse(struct webleg *l, const struct web_msg *m)
{
    const char *reason = m->text[TEXT_REASON];
    enum end_cause cause = end_by_word(reason);

    if (l->pen == PEN_OURS)
        report_refused(l, cause == END_NONE ? END_NO_CODEC : cause, g_str_equal(reason, "glare"));
    else
        bad_state(l, m);
}

static int stream_find(const struct webleg *l, const struct web_msg *m)
{
    const char *mid = m->text[TEXT_MID];

    for (unsigned i = 0; mid && mid[0] && i < l->nmids; i++)
        if (g_str_equal(l->mid[i], mid))
            return (int)i;
    return !(mid && mid[0]) && m->number[NUMBER_INDEX] < (int)l->nmids ? m->number[NUMBER_INDEX]
                                                                       : -1;
}

static void on_candidate(struct webleg *l, const struct web_msg *m)
{
    const char *text = m->text[TEXT_CANDIDATE];
    int stream = stream_find(l, m);
    struct leg_event ev = {.type = LEG_CANDIDATE, .stream = stream < 0 ? 0 : (unsigned)stream};
    struct desc_candidate c;

    if (stream < 0) {
        websock_fault(l->socket, "candidate", l->call, "bad-message", "There is no such stream.");
        return;
    }
    if (!bucket_add(&l->candidates, clock_now_us(), WEB_CANDIDATE_FORGIVE_US, WEB_CANDIDATES_MAX))
        return; /* a flood: the ones we have are enough */
    if (text && text[0]) {
        enum gw_err err = desc_sdp_read_candidate(span_of(text), &c);

        if (err == GW_EUNSUPPORTED)
            return; /* an mDNS name, say: the peer's checks will show its address (RFC 8445 7.3.1.3)
                     */
        if (err) {
            websock_fault(l->socket, "candidate", l->call, "bad-message",
                          "The candidate cannot be read (RFC 8839 5.1).");
            return;
        }
        ev.candidate = &c;
    }
    leg_report(&l->base, &ev);
}

static void on_dtmf(struct webleg *l, const struct web_msg *m)
{
    int ms = m->number[NUMBER_MS];
    struct leg_event ev = {.type = LEG_DTMF,
                           .digit = m->text[TEXT_DIGIT][0],
                           .duration_ms = ms > 0 ? (unsigned)ms : DTMF_MS};

    leg_report(&l->base, &ev);
}

static void (*const handlers[WEB_TYPES])(struct webleg *l, const struct web_msg *m) = {
    [WEB_RINGING] = on_ringing, [WEB_ANSWER] = on_answer, [WEB_REJECT] = on_reject,
    [WEB_OFFER] = on_offer,     [WEB_REFUSE] = on_refuse, [WEB_CANDIDATE] = on_candidate,
    [WEB_DTMF] = on_dtmf,       [WEB_BYE] = on_bye,
};

void webleg_take(struct webleg *l, const struct web_msg *m)
{
    LOG_CALL(l->base.call_id);
    if (l->state < WEBLEG_ENDED) /* else it crossed the end, which the client will learn of */
        handlers[m->type](l, m);
}

/* ---- towards the tab (leg_ops) ---- */

static void gone(void *arg)
{
    struct webleg *l = arg;
    LOG_CALL(l->base.call_id);

    report(l, LEG_GONE);
}

static void on_hangup(struct leg *leg, const struct end_reason *why)
{
    struct webleg *l = webleg_of(leg);
    struct websock *s = l->socket;

    if (l->state == WEBLEG_HUNG)
        return;
    l->state = WEBLEG_HUNG;
    l->socket = NULL;
    if (s) {
        websock_send_ended(s, l->call, why);
        websock_detach(s, l);
    }
    timer_stop(&l->pending);
    timer_stop(&l->soon);
    timer_start(&l->soon, 0, gone, l);
}

void webleg_lost(struct webleg *l)
{
    struct websock *s = l->socket;
    LOG_CALL(l->base.call_id);

    l->socket = NULL;
    websock_detach(s, l);
    report_ended(l, END_UNREACHABLE);
}

static void send_plain(struct webleg *l, enum web_type type)
{
    struct web_msg m = {.type = type, .text = {[TEXT_CALL] = l->call}};

    (void)websock_send(l->socket, &m);
}

static void unsayable(void *arg)
{
    struct webleg *l = arg;
    LOG_CALL(l->base.call_id);

    report_ended(l, END_PROTOCOL);
}

static void send_description(struct webleg *l, enum web_type type, const struct desc *d)
{
    g_autofree char *sdp = desc_sdp_write(d);
    struct web_msg m = {.type = type, .text = {[TEXT_CALL] = l->call, [TEXT_SDP] = sdp}};

    mids_keep(l, d);
    if (websock_send(l->socket, &m) && !l->soon) /* the far side made it too long for a message */
        timer_start(&l->soon, 0, unsayable, l);
}

static void on_progress(struct leg *leg, bool ringing, const struct desc *early)
{
    struct webleg *l = webleg_of(leg);

    if (!l->socket || l->state != WEBLEG_PLACED)
        return;
    if (ringing)
        send_plain(l, WEB_RINGING);
    if (early)
        send_description(l, WEB_PROGRESS, early);
}

static void on_call_answer(struct leg *leg, const struct desc *answer)
{
    struct webleg *l = webleg_of(leg);

    if (!l->socket || l->state != WEBLEG_PLACED)
        return;
    l->state = WEBLEG_TALKING;
    send_description(l, WEB_ANSWER, answer);
}

static void on_call_offer(struct leg *leg, const struct desc *offer)
{
    struct webleg *l = webleg_of(leg);

    if (!l->socket || l->state != WEBLEG_TALKING)
        return;
    if (l->pen == PEN_THEIRS)
        refuse(l, true);
    pen_pass(l, PEN_OURS);
    send_description(l, WEB_OFFER, offer);
}

static void on_call_respond(struct leg *leg, const struct desc *answer, bool glare)
{
    struct webleg *l = webleg_of(leg);

    if (!l->socket || l->pen != PEN_THEIRS)
        return;
    pen_pass(l, PEN_FREE);
    if (answer)
        send_description(l, WEB_ANSWER, answer);
    else
        refuse(l, glare);
}

static void on_call_candidate(struct leg *leg, unsigned stream, const struct desc_candidate *c)
{
    struct webleg *l = webleg_of(leg);
    g_autofree char *text = c ? desc_sdp_write_candidate(c) : NULL;
    struct web_msg m = {.type = WEB_CANDIDATE,
                        .text = {[TEXT_CALL] = l->call, [TEXT_CANDIDATE] = text},
                        .number = {[NUMBER_INDEX] = (int)stream}};

    if (!l->socket || stream >= l->nmids)
        return;
    m.text[TEXT_MID] = l->mid[stream];
    (void)websock_send(l->socket, &m);
}

/* A browser's media carries RFC 4733 events, but no page can hear them. */
static void on_call_dtmf(struct leg *leg, char digit, unsigned duration_ms)
{
    struct webleg *l = webleg_of(leg);
    struct web_msg m = {.type = WEB_DTMF,
                        .text = {[TEXT_CALL] = l->call, [TEXT_DIGIT] = (char[2]){digit}},
                        .number = {[NUMBER_MS] = (int)CLAMP(duration_ms, 40U, 6000U)}};

    if (l->socket)
        (void)websock_send(l->socket, &m);
}

static void webleg_free(struct leg *leg)
{
    struct webleg *l = webleg_of(leg);

    timer_stop(&l->pending);
    timer_stop(&l->soon);
    g_free(l);
}

static const struct leg_ops ops = {
    .name = "web",
    .progress = on_progress,
    .answer = on_call_answer,
    .offer = on_call_offer,
    .respond = on_call_respond,
    .candidate = on_call_candidate,
    .dtmf = on_call_dtmf,
    .hangup = on_hangup,
    .free = webleg_free,
};

/* ---- birth ---- */

void webleg_place(struct websock *s, const struct web_msg *call, struct desc *offer)
{
    struct webleg *l = webleg_new(s, call->text[TEXT_CALL], WEBLEG_PLACED);
    char peer[NET_ADDR_TEXT];
    struct incoming in = {.leg = &l->base,
                          .account = s->address,
                          .from = s->address,
                          .from_display = s->display,
                          .to = call->text[TEXT_TO],
                          .offer = offer,
                          .profile = desc_profile_webrtc,
                          .origin = s->env->adapter,
                          .origin_id = s->id};

    (void)g_snprintf(in.source, sizeof(in.source), "web %s", net_addr_text(&s->peer, peer));
    mids_keep(l, offer);
    (void)websock_attach(s, l); /* the caller has looked that there is room */
    gateway_incoming(s->env->gw, &in);
}

enum gw_err webleg_dial(struct websock *s, const struct dial_request *req, struct leg **out)
{
    g_autofree char *sdp = desc_sdp_write(req->offer);
    char call[WEB_CALL_ID_MAX];
    struct webleg *l;
    struct web_msg m = {.type = WEB_INCOMING,
                        .text = {[TEXT_CALL] = call,
                                 [TEXT_FROM] = req->from,
                                 [TEXT_DISPLAY] = req->from_display ? req->from_display : "",
                                 [TEXT_TO] = req->to,
                                 [TEXT_SDP] = sdp}};
    enum gw_err err;

    (void)g_snprintf(call, sizeof(call), "s-%" PRIu64, ++s->next_call);
    l = webleg_new(s, call, WEBLEG_DIALLED);
    err = websock_attach(s, l);
    if (!err) {
        l->base.call_id = req->call_id;
        mids_keep(l, req->offer);
        err = websock_send(s, &m);
        if (err)
            websock_detach(s, l);
    }
    if (err) {
        webleg_free(&l->base);
        return err;
    }
    *out = &l->base;
    return GW_OK;
}
