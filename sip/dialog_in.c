#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "sip/caller.h"
#include "sip/dialog.h"
#include "sip/reasons.h"
#include "sip/registration.h"
#include "sip/uri.h"

#include <stdio.h>

enum { WARNING_MAX = 256 };

struct invitation { /* what is known about an INVITE before it becomes a call */
    struct caller caller;
    struct desc *offer;
};

/* RFC 3261 20.43: 399 is for people to read. */
static int refuse_sdp(const struct invitation *in, nta_incoming_t *irq, int status, const char *why)
{
    char warning[WARNING_MAX];

    if (stack_may_log(in->caller.stack))
        LOG_I("sip", "INVITE %s -> %s from %s refused: %d, SDP: %s", in->caller.from, in->caller.to,
              in->caller.hop.source, status, why ? why : "wrong type");
    (void)snprintf(warning, sizeof(warning), "399 %s \"%s\"", in->caller.stack->config->domain,
                   why ? why : "not usable");
    (void)nta_incoming_treply(irq, status, NULL, TAG_IF(status != 415, SIPTAG_WARNING_STR(warning)),
                              TAG_IF(status == 415, SIPTAG_ACCEPT_STR("application/sdp")),
                              TAG_IF(status == 415, SIPTAG_ACCEPT_ENCODING_STR("identity")),
                              TAG_END());
    return status;
}

static bool accepts_sdp(const sip_t *sip)
{
    if (!sip->sip_accept)
        return true;
    for (const sip_accept_t *a = sip->sip_accept; a; a = a->ac_next)
        if (a->ac_type && (g_ascii_strcasecmp(a->ac_type, "application/sdp") == 0 ||
                           g_ascii_strcasecmp(a->ac_type, "application/*") == 0 ||
                           g_str_equal(a->ac_type, "*/*")))
            return true;
    return false;
}

/* 0, or the status of the refusal already sent. */
static int check_headers(struct invitation *in, nta_incoming_t *irq, const sip_t *sip)
{
    if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
        return caller_refuse(&in->caller, irq, SIP_483_TOO_MANY_HOPS);
    if (!sip->sip_contact || sip->sip_contact->m_url->url_type == url_any)
        return caller_refuse(&in->caller, irq, 400, "Missing Contact");
    if (!caller_dials(&in->caller, sip->sip_request->rq_url))
        return caller_refuse(&in->caller, irq, SIP_404_NOT_FOUND);
    if (!accepts_sdp(sip))
        return refuse_sdp(in, irq, 406, "Accept excludes application/sdp");
    if (nta_check_session_expires(irq, sip, SESSION_MIN_SE_S, TAG_END()))
        return 422;
    return 0;
}

/* The INVITE has its final refusal: nothing is left that a request could belong to, and the caller
 * may try again with the same Call-ID (RFC 3261 8.1.3.5). */
static void refused(struct dialog *d)
{
    nta_incoming_destroy(d->invite_irq);
    d->invite_irq = NULL;
    nta_leg_destroy(d->leg);
    d->leg = NULL;
    dialog_over(d);
}

/* ---- ACK and CANCEL ---- */

static void on_ack(struct dialog *d, const sip_t *sip)
{
    struct leg_event ev = {.type = LEG_ANSWER};
    struct end_reason why = end_because(END_PROTOCOL);
    const char *warning;

    if (d->state == DIALOG_OVER) {
        if (d->bye_on_ack)
            dialog_send_bye(d, &d->why);
        return;
    }
    d->state = DIALOG_UP;
    if (d->early_done) /* the INVITE had the offer: all is agreed */
        return;
    if (dialog_read_sdp(sip, &ev.desc, &warning) == 0 && ev.desc) {
        dialog_report(d, &ev);
        return;
    }
    LOG_W("sip", "ACK without a usable answer from %s", d->hop.source);
    dialog_send_bye(d, &why);
    dialog_ended(d, &why);
}

static void on_no_ack(struct dialog *d)
{
    struct end_reason why = end_because(END_UNREACHABLE);

    if (d->state == DIALOG_OVER && !d->bye_on_ack)
        return;
    LOG_I("sip", "no ACK from %s for our 200", d->hop.source);
    dialog_send_bye(d, d->state == DIALOG_OVER ? &d->why : &why);
    dialog_ended(d, &why);
}

static int on_ack_cancel(void *magic, nta_incoming_t *irq, const sip_t *sip)
{
    struct dialog *d = magic;
    struct end_reason why;
    LOG_CALL(d->call_id);

    if (sip && sip->sip_request->rq_method == sip_method_cancel) {
        if (d->state != DIALOG_OFFERED)
            return 0;
        why = dialog_reason(sip, END_CANCELLED);
        (void)nta_incoming_treply(irq, SIP_487_REQUEST_TERMINATED,
                                  SIPTAG_SERVER_STR(d->stack->server), TAG_END());
        refused(d);
        dialog_ended(d, &why);
        return 0;
    }
    nta_incoming_destroy(irq);
    d->invite_irq = NULL;
    if (!sip)
        on_no_ack(d);
    else if (sip->sip_request->rq_method == sip_method_ack)
        on_ack(d, sip);
    return 0;
}

/* ---- the call is born ---- */

static bool make_dialog(struct dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
    struct stack *s = d->stack;

    (void)nta_incoming_tag(irq, NULL);
    d->leg = nta_leg_tcreate(s->agent, dialog_request, d, SIPTAG_CALL_ID(sip->sip_call_id),
                             SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from),
                             NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (!d->leg)
        return false;
    (void)nta_leg_server_route(d->leg, sip->sip_record_route, sip->sip_contact);
    (void)nta_leg_tag(d->leg, nta_incoming_gettag(irq));
    nta_incoming_bind(irq, on_ack_cancel, d);
    d->invite_irq = irq;
    d->invite_cseq = sip->sip_cseq->cs_seq;
    return true;
}

/* JsSIP and SIP.js write another Contact into an INVITE ("ob", no instance) than they register, but
 * a WebSocket is one phone's alone. */
static void know_by_socket(struct dialog *d)
{
    const struct binding *b =
        d->account && d->hop.ws ? registrar_find_flow(d->stack->registrar, d->account, d->hop.flow)
                                : NULL;

    if (!b)
        return;
    g_free(d->contact);
    g_free(d->instance);
    d->contact = g_strdup(b->contact);
    d->instance = g_strdup(b->instance);
}

/* Which of its account's phones calls: that one must not ring when it calls its own account. */
static uint64_t calling_phone(const struct dialog *d)
{
    const struct contact_update phone = {.contact = d->contact, .instance = d->instance};
    const struct binding *b = d->account && d->contact
                                  ? registrar_find_phone(d->stack->registrar, d->account, &phone)
                                  : NULL;

    return b ? b->id : 0;
}

/* What we offer when the caller has not. */
static struct desc_profile profile_for(const struct dialog *d, const struct caller *c)
{
    if (d->hop.ws || (d->contact && uri_over_websocket(span_of(d->contact))))
        return desc_profile_webrtc;
    return c->account && c->account->nprofiles ? c->account->profile[0] : desc_profile_plain;
}

static bool tell_call(struct dialog *d, struct invitation *in)
{
    struct sipev ev = {.type = SIPEV_INCOMING, .id = d->id};

    ev.in = g_new0(struct sipev_incoming, 1);
    ev.in->account = in->caller.account ? g_strdup(in->caller.account->address) : NULL;
    ev.in->from = g_strdup(in->caller.from);
    ev.in->from_display = g_strdup(in->caller.display);
    ev.in->to = g_strdup(in->caller.to);
    ev.in->offer = g_steal_pointer(&in->offer);
    ev.in->phone = calling_phone(d);
    ev.in->profile = profile_for(d, &in->caller);
    (void)g_strlcpy(ev.in->source, in->caller.hop.source, sizeof(ev.in->source));
    if (mailbox_post(d->stack->outbox, &ev) == GW_OK)
        return true;
    sipev_clear(&ev);
    return false;
}

static int invite(struct stack *s, struct invitation *in, nta_incoming_t *irq, const sip_t *sip)
{
    struct dialog *d = dialog_new(s, id_next(), &in->caller.hop);

    d->state = DIALOG_OFFERED;
    d->early_done = in->offer != NULL;
    d->account = in->caller.account ? g_strdup(in->caller.account->address) : NULL;
    (void)contact_read(sip->sip_contact, &d->contact, &d->instance);
    know_by_socket(d);
    dialog_take_session_timer(d, sip);
    (void)nta_incoming_treply(irq, SIP_100_TRYING, TAG_END());
    if (make_dialog(d, irq, sip) && tell_call(d, in))
        return 0;
    d->invite_irq = NULL;
    (void)g_hash_table_remove(s->dialogs, &d->id);
    nta_incoming_bind(irq, NULL, NULL);
    return caller_refuse(&in->caller, irq, SIP_503_SERVICE_UNAVAILABLE);
}

int dialog_invited(struct stack *s, nta_incoming_t *irq, const sip_t *sip)
{
    struct invitation in = {.caller = {.stack = s, .method = "INVITE"}};
    const char *warning;
    int status;

    if (!hop_of_request(s, irq, &in.caller.hop))
        return 403;
    status = s->draining ? caller_refuse(&in.caller, irq, SIP_503_SERVICE_UNAVAILABLE)
                         : check_headers(&in, irq, sip);
    if (status == 0)
        status = caller_check(&in.caller, irq, sip);
    if (status == 0) {
        status = dialog_read_sdp(sip, &in.offer, &warning);
        if (status)
            (void)refuse_sdp(&in, irq, status, warning);
    }
    if (status == 0)
        status = invite(s, &in, irq, sip);
    desc_free(in.offer);
    hop_clear(&in.caller.hop);
    return status;
}

/* ---- what the call wants said ---- */

void dialog_progress(struct dialog *d, bool ringing, const char *sdp)
{
    int status = ringing || !sdp ? 180 : 183;

    if (d->state != DIALOG_OFFERED)
        return;
    if (!d->early_done) /* RFC 3264 4: an offer may not ride on an unreliable answer */
        sdp = NULL;
    if (!sdp && !ringing)
        return;
    (void)nta_incoming_treply(d->invite_irq, status, status == 180 ? "Ringing" : "Session Progress",
                              SIPTAG_CONTACT_STR(d->hop.contact), SIPTAG_ALLOW_STR(dialog_allow),
                              TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
                              TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)),
                              SIPTAG_SERVER_STR(d->stack->server), TAG_END());
}

void dialog_answer(struct dialog *d, char *sdp)
{
    char expires[64];
    bool require;

    if (d->state != DIALOG_OFFERED) {
        g_free(sdp);
        return;
    }
    g_free(d->sdp);
    d->sdp = sdp;
    d->state = DIALOG_ACCEPTED;
    require = dialog_start_session_timer(d, expires, sizeof(expires));
    (void)nta_incoming_treply(
        d->invite_irq, SIP_200_OK, SIPTAG_CONTACT_STR(d->hop.contact),
        SIPTAG_ALLOW_STR(dialog_allow), SIPTAG_SUPPORTED_STR(dialog_supported),
        TAG_IF(expires[0], SIPTAG_SESSION_EXPIRES_STR(expires)),
        TAG_IF(require, SIPTAG_REQUIRE_STR("timer")), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
        SIPTAG_PAYLOAD_STR(d->sdp), SIPTAG_SERVER_STR(d->stack->server), TAG_END());
}

void dialog_reject(struct dialog *d, const struct end_reason *why)
{
    const char *phrase;
    int status = (int)reason_status(why->cause, &phrase);
    char reason[128];

    reason_header(why, reason, sizeof(reason));
    (void)nta_incoming_treply(d->invite_irq, status, phrase, SIPTAG_REASON_STR(reason),
                              TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("10")),
                              SIPTAG_SERVER_STR(d->stack->server), TAG_END());
    refused(d);
}
