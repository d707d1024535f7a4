#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "sip/dialog.h"
#include "sip/reasons.h"

#include <stdio.h>

static void refuse_offer(struct dialog *d, enum end_cause cause, bool glare, unsigned code)
{
    struct leg_event ev = {.type = LEG_REFUSED, .glare = glare, .why = end_because(cause)};

    ev.why.code = (uint16_t)code;
    dialog_report(d, &ev);
}

static void drop_held(struct dialog *d)
{
    if (d->modify.retry)
        su_timer_destroy(d->modify.retry);
    d->modify.retry = NULL;
    g_clear_pointer(&d->modify.held, g_free);
}

static void modify_done(struct dialog *d)
{
    struct modify *m = &d->modify;

    if (m->irq)
        nta_incoming_destroy(m->irq);
    if (m->orq)
        nta_outgoing_destroy(m->orq);
    m->irq = NULL;
    m->orq = NULL;
    m->state = MODIFY_NONE;
    m->their_answer_in_ack = false;
}

void modify_clear(struct dialog *d)
{
    drop_held(d);
    modify_done(d);
}

void modify_end(struct dialog *d)
{
    struct modify *m = &d->modify;

    drop_held(d);
    if (m->irq && m->state == MODIFY_ASKED) /* RFC 3261 15.1.2 */
        (void)nta_incoming_treply(m->irq, SIP_487_REQUEST_TERMINATED, TAG_END());
    if (m->irq) {
        nta_incoming_destroy(m->irq);
        m->irq = NULL;
    }
    if (!m->orq) /* ours stays: its final answer needs an ACK of nta's */
        m->state = MODIFY_NONE;
}

/* ---- they ask ---- */

static int try_again(nta_incoming_t *irq)
{
    char seconds[8];

    (void)snprintf(seconds, sizeof(seconds), "%u", random_u32() % 10); /* RFC 3261 14.2 */
    (void)nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR(seconds),
                              TAG_END());
    return 500;
}

static void ask_call(struct dialog *d, struct desc *offer)
{
    struct leg_event ev = {.type = LEG_OFFER, .desc = offer};

    dialog_report(d, &ev);
}

static void on_modify_ack(struct dialog *d, const sip_t *sip)
{
    bool answer = d->modify.their_answer_in_ack;
    struct desc *desc;
    const char *warning;

    modify_done(d);
    if (!answer || d->state != DIALOG_UP)
        return;
    if (dialog_read_sdp(sip, &desc, &warning) == 0 && desc) {
        d->modify.swallow_response = true; /* it is agreed already; the call only adapts */
        ask_call(d, desc);
    }
}

static int on_modify_ack_cancel(void *magic, nta_incoming_t *irq, const sip_t *sip)
{
    struct dialog *d = magic;
    struct end_reason why = end_because(END_UNREACHABLE);
    LOG_CALL(d->call_id);

    if (!sip) { /* 64*T1 without an ACK: RFC 3261 13.3.1.4 */
        modify_done(d);
        if (d->state == DIALOG_UP) {
            LOG_I("sip", "no ACK from %s after a re-INVITE", d->hop.source);
            dialog_send_bye(d, &why);
            dialog_ended(d, &why);
        }
    } else if (sip->sip_request->rq_method == sip_method_ack) {
        on_modify_ack(d, sip);
    } else if (d->modify.state == MODIFY_ASKED) {
        (void)nta_incoming_treply(irq, SIP_487_REQUEST_TERMINATED, TAG_END());
        modify_done(d);
    }
    return 0;
}

static void accept_request(struct dialog *d, nta_incoming_t *irq, const char *sdp)
{
    char expires[64];
    bool require = dialog_start_session_timer(d, expires, sizeof(expires));

    (void)nta_incoming_treply(
        irq, SIP_200_OK, SIPTAG_CONTACT_STR(d->hop.contact), SIPTAG_ALLOW_STR(dialog_allow),
        SIPTAG_SUPPORTED_STR(dialog_supported),
        TAG_IF(expires[0], SIPTAG_SESSION_EXPIRES_STR(expires)),
        TAG_IF(require, SIPTAG_REQUIRE_STR("timer")),
        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), SIPTAG_SERVER_STR(d->stack->server), TAG_END());
}

/* 0, or the status that says why not now. */
static int modify_collides(const struct dialog *d, bool invite)
{
    switch (d->modify.state) {
    case MODIFY_NONE: break;
    case MODIFY_ASKED:
    case MODIFY_ANSWERED: return 500; /* RFC 3261 14.2, RFC 3311 5.2 */
    case MODIFY_SENT: return 491;
    case MODIFY_REFRESH: return invite || d->modify.orq ? 491 : 0;
    }
    if (d->state == DIALOG_OFFERED || d->state == DIALOG_ACCEPTED)
        return 500;
    return d->state == DIALOG_UP ? 0 : 491; /* DIALING: our offer is still open */
}

int modify_request(struct dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
    bool invite = sip->sip_request->rq_method == sip_method_invite;
    struct desc *offer;
    const char *warning;
    int status = dialog_read_sdp(sip, &offer, &warning);

    if (status == 0 && nta_check_session_expires(irq, sip, SESSION_MIN_SE_S, TAG_END()))
        status = 422;
    if (status == 0 && (invite || offer))
        status = modify_collides(d, invite);
    if (status) {
        desc_free(offer);
        return status == 500 ? try_again(irq) : status;
    }
    (void)nta_leg_server_route(d->leg, NULL, sip->sip_contact); /* target refresh, 12.2.2 */
    dialog_take_session_timer(d, sip);
    if (!invite && !offer) { /* UPDATE as a session refresh */
        accept_request(d, irq, NULL);
        return 200;
    }
    if (d->modify.held) { /* theirs was quicker than our second try */
        drop_held(d);
        refuse_offer(d, END_PROTOCOL, true, 491);
    }
    drop_held(d);
    d->modify.irq = irq;
    if (invite)
        nta_incoming_bind(irq, on_modify_ack_cancel, d);
    if (offer) {
        d->modify.state = MODIFY_ASKED;
        ask_call(d, offer);
    } else {
        d->modify.state = MODIFY_ANSWERED;
        d->modify.their_answer_in_ack = true;
        accept_request(d, irq, d->sdp);
    }
    return 0;
}

void modify_respond(struct dialog *d, char *sdp, bool glare)
{
    struct modify *m = &d->modify;

    if (m->swallow_response) {
        m->swallow_response = false;
        g_free(sdp);
        return;
    }
    if (m->state != MODIFY_ASKED) { /* cancelled, or the call ended meanwhile */
        g_free(sdp);
        return;
    }
    if (!sdp) {
        if (glare)
            (void)nta_incoming_treply(m->irq, SIP_491_REQUEST_PENDING, TAG_END());
        else
            (void)nta_incoming_treply(m->irq, SIP_488_NOT_ACCEPTABLE, TAG_END());
        modify_done(d);
        return;
    }
    g_free(d->sdp);
    d->sdp = sdp;
    accept_request(d, m->irq, d->sdp);
    if (nta_incoming_method(m->irq) == sip_method_invite)
        m->state = MODIFY_ANSWERED;
    else
        modify_done(d);
}

/* ---- we ask ---- */

static int on_modify_response(void *magic, nta_outgoing_t *orq, const sip_t *sip);

static bool modify_send(struct dialog *d, bool update, const char *sdp, enum modify_state state)
{
    struct modify *m = &d->modify;
    char expires[64];

    dialog_aim(d);
    (void)snprintf(expires, sizeof(expires), "%u;refresher=%s", d->timer.interval_s,
                   d->timer.refresher == SESSION_PEER ? "uas" : "uac");
    m->orq = nta_outgoing_tcreate(
        d->leg, on_modify_response, d, hop_route(&d->hop),
        update ? sip_method_update : sip_method_invite, update ? "UPDATE" : "INVITE", NULL,
        NTATAG_TPORT(d->hop.tport), SIPTAG_CONTACT_STR(d->hop.contact),
        SIPTAG_ALLOW_STR(dialog_allow), SIPTAG_SUPPORTED_STR(dialog_supported),
        TAG_IF(d->timer.refresher != SESSION_NOBODY, SIPTAG_SESSION_EXPIRES_STR(expires)),
        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END());
    if (!m->orq)
        return false;
    m->state = state;
    m->deadline_us = clock_now_us() + d->stack->patience_us;
    return true;
}

static void offer_now(struct dialog *d, char *sdp)
{
    g_free(d->sdp);
    d->sdp = sdp;
    if (!modify_send(d, false, d->sdp, MODIFY_SENT))
        refuse_offer(d, END_UNREACHABLE, false, 0);
}

void modify_offer(struct dialog *d, char *sdp)
{
    struct modify *m = &d->modify;

    if (d->state != DIALOG_UP || m->state == MODIFY_ASKED || m->state == MODIFY_ANSWERED) {
        refuse_offer(d, END_PROTOCOL, d->state == DIALOG_UP, 491);
        g_free(sdp);
    } else if (m->retry || m->state == MODIFY_REFRESH) {
        g_free(m->held);
        m->held = sdp;
    } else if (m->state == MODIFY_SENT) { /* one at a time is the caller's promise */
        refuse_offer(d, END_INTERNAL, false, 0);
        g_free(sdp);
    } else {
        offer_now(d, sdp);
    }
}

void modify_refresh(struct dialog *d)
{
    session_timer_retry(&d->timer, clock_now_us());
    if (d->modify.state == MODIFY_NONE)
        (void)modify_send(d, d->peer_update, d->peer_update ? NULL : d->sdp, MODIFY_REFRESH);
}

static void send_held(struct dialog *d)
{
    char *held = g_steal_pointer(&d->modify.held);

    if (held)
        modify_offer(d, held);
}

static void on_retry(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
    struct dialog *d = arg;
    LOG_CALL(d->call_id);

    (void)magic;
    (void)timer;
    su_timer_destroy(d->modify.retry);
    d->modify.retry = NULL;
    send_held(d);
}

unsigned modify_glare_ms(bool owner, uint32_t random)
{
    return owner ? 2100 + random % 191 * 10 : 10 + random % 200 * 10;
}

static void wait_after_glare(struct dialog *d)
{
    su_duration_t ms = (su_duration_t)modify_glare_ms(d->placed, random_u32());

    drop_held(d);
    d->modify.retry = su_timer_create(su_root_task(d->stack->root), ms);
    (void)su_timer_set(d->modify.retry, on_retry, d);
}

static void on_accepted(struct dialog *d, const sip_t *sip, enum modify_state was)
{
    struct leg_event ev = {.type = LEG_ANSWER};
    const char *warning;

    (void)nta_leg_client_route(d->leg, NULL, sip->sip_contact);
    if (sip->sip_cseq->cs_method == sip_method_invite)
        dialog_ack(d, sip->sip_cseq->cs_seq, NULL);
    dialog_follow_session_timer(d, sip);
    if (was != MODIFY_SENT)
        return;
    if (dialog_read_sdp(sip, &ev.desc, &warning) == 0 && ev.desc)
        dialog_report(d, &ev);
    else
        refuse_offer(d, END_PROTOCOL, false, 200);
}

static void on_rejected(struct dialog *d, const sip_t *sip, enum modify_state was)
{
    unsigned status = (unsigned)sip->sip_status->st_status;
    struct end_reason why = end_because(END_UNREACHABLE);

    why.code = (uint16_t)status;
    if (status == 408 || status == 481 || nta_sip_is_internal(sip)) { /* RFC 5057 5.1 */
        dialog_send_bye(d, &why);
        dialog_ended(d, &why);
        return;
    }
    if (d->peer_update && was == MODIFY_REFRESH && (status == 405 || status == 501)) {
        d->peer_update = false; /* whatever its Allow said: refresh with INVITE, at once */
        d->timer.refresh_us = 0;
    }
    if (status == 422 && sip->sip_min_se)
        d->timer.interval_s = (uint32_t)MIN(sip->sip_min_se->min_delta, 86400);
    if (was != MODIFY_SENT)
        return; /* session_timer_retry() has set the next try */
    if (status == 491)
        wait_after_glare(d);
    refuse_offer(d, reason_cause(status), status == 491, status);
}

static int on_modify_response(void *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct dialog *d = magic;
    enum modify_state was = d->modify.state;
    int status = sip->sip_status->st_status;
    LOG_CALL(d->call_id);

    if (status < 200)
        return 0;
    if (d->state == DIALOG_UP) {
        if (status < 300)
            on_accepted(d, sip, was);
        else
            on_rejected(d, sip, was);
    } else if (status < 300 && sip->sip_cseq->cs_method == sip_method_invite) {
        dialog_ack(d, sip->sip_cseq->cs_seq, NULL); /* it crossed a BYE */
    }
    nta_outgoing_destroy(orq);
    d->modify.orq = NULL;
    d->modify.state = MODIFY_NONE;
    if (d->state == DIALOG_UP && !d->modify.retry)
        send_held(d);
    if (d->state == DIALOG_UP && session_timer_refresh_due(&d->timer, clock_now_us()))
        modify_refresh(d);
    return 0;
}

void modify_tick(struct dialog *d, uint64_t now_us)
{
    struct modify *m = &d->modify;

    if (!m->orq || now_us < m->deadline_us)
        return;
    /* Provisional answers and then silence. */
    m->deadline_us = now_us + d->stack->patience_us;
    if (nta_outgoing_method(m->orq) == sip_method_invite)
        (void)nta_outgoing_cancel(m->orq);
}
