#include "sip/dialog.h"

#include "base/clock.h"
#include "base/log.h"
#include "media/desc_sdp.h"
#include "sip/info.h"
#include "sip/pager.h"
#include "sip/reasons.h"

#include <stdio.h>

const char dialog_allow[] =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, MESSAGE, SUBSCRIBE, PUBLISH, REGISTER";
const char dialog_accept[] = "application/sdp, text/plain";
const char dialog_supported[] = "timer";

struct dialog *dialog_new(struct stack *s, uint64_t id, const struct hop *hop)
{
    struct dialog *d = g_new0(struct dialog, 1);

    d->id = id;
    d->stack = s;
    d->hop = *hop;
    d->heard_us = clock_now_us();
    if (d->hop.tport)
        (void)tport_ref(d->hop.tport);
    (void)g_hash_table_insert(s->dialogs, &d->id, d);
    return d;
}

void dialog_free(void *dialog)
{
    struct dialog *d = dialog;

    modify_clear(d);
    for (unsigned i = 0; i < d->nforks; i++) {
        struct fork *f = &d->fork[i];
        if (f->orq)
            nta_outgoing_destroy(f->orq);
        if (f->leg && f->leg != d->leg)
            nta_leg_destroy(f->leg);
        desc_free(f->early);
    }
    if (d->bye)
        nta_outgoing_destroy(d->bye);
    if (d->invite_orq)
        nta_outgoing_destroy(d->invite_orq);
    if (d->invite_irq)
        nta_incoming_destroy(d->invite_irq);
    if (d->leg)
        nta_leg_destroy(d->leg);
    hop_clear(&d->hop);
    g_free(d->account);
    g_free(d->contact);
    g_free(d->instance);
    g_free(d->sdp);
    g_free(d);
}

void dialog_report(struct dialog *d, struct leg_event *ev)
{
    struct sipev out = {.type = SIPEV_LEG, .id = d->id, .leg = *ev};

    if (d->released || d->told)
        desc_free(ev->desc);
    else
        stack_emit(d->stack, &out);
}

void dialog_ended(struct dialog *d, const struct end_reason *why)
{
    struct leg_event ev = {.type = LEG_ENDED, .why = *why};

    dialog_report(d, &ev);
    d->told = true;
}

void dialog_over(struct dialog *d)
{
    d->state = DIALOG_OVER;
    d->linger_us = clock_now_us() + d->stack->patience_us + US_PER_S;
}

struct end_reason dialog_reason(const sip_t *sip, enum end_cause otherwise)
{
    struct end_reason why = end_because(otherwise);

    for (const sip_reason_t *r = sip->sip_reason; r; r = r->re_next) {
        enum end_cause cause = reason_read(r->re_protocol, r->re_cause);
        if (cause != END_NONE)
            why.cause = cause;
        if (cause == END_ANSWERED_ELSEWHERE)
            break;
    }
    return why;
}

int dialog_read_sdp(const sip_t *sip, struct desc **out, const char **warning)
{
    struct span body;

    *out = NULL;
    *warning = NULL;
    if (!sip->sip_payload || sip->sip_payload->pl_len == 0)
        return 0;
    if (!sip->sip_content_type ||
        g_ascii_strcasecmp(sip->sip_content_type->c_type, "application/sdp") != 0 ||
        (sip->sip_content_encoding && sip->sip_content_encoding->k_items))
        return 415;
    body = (struct span){sip->sip_payload->pl_data, sip->sip_payload->pl_len};
    switch (desc_sdp_read(body, out, warning)) {
    case GW_OK: return 0;
    case GW_EUNSUPPORTED:
    case GW_ENOCODEC: return 488;
    default: return 400;
    }
}

/* ---- session timers ---- */

void dialog_take_session_timer(struct dialog *d, const sip_t *sip)
{
    const sip_session_expires_t *x = sip->sip_session_expires;
    bool knows = sip_has_feature(sip->sip_supported, "timer");

    if (sip->sip_allow)
        d->peer_update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
    d->timer = (struct session_timer){0};
    if (!x)
        return;
    d->timer.interval_s = (uint32_t)MIN(x->x_delta, SESSION_MAX_SE_S);
    d->timer.refresher =
        !knows || (x->x_refresher && g_ascii_strcasecmp(x->x_refresher, "uas") == 0) ? SESSION_WE
                                                                                     : SESSION_PEER;
}

bool dialog_start_session_timer(struct dialog *d, char *header, size_t size)
{
    bool peer = d->timer.refresher == SESSION_PEER;

    header[0] = '\0';
    if (d->timer.refresher != SESSION_NOBODY)
        (void)snprintf(header, size, "%u;refresher=%s", d->timer.interval_s, peer ? "uac" : "uas");
    session_timer_set(&d->timer, d->timer.interval_s, d->timer.refresher, clock_now_us());
    return peer;
}

void dialog_follow_session_timer(struct dialog *d, const sip_t *sip)
{
    const sip_session_expires_t *x = sip->sip_session_expires;
    bool peer = x && x->x_refresher && g_ascii_strcasecmp(x->x_refresher, "uas") == 0;

    if (sip->sip_allow)
        d->peer_update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE);
    session_timer_set(&d->timer, x ? (uint32_t)MIN(x->x_delta, SESSION_MAX_SE_S) : 0,
                      peer ? SESSION_PEER : SESSION_WE, clock_now_us());
}

/* ---- the way out ---- */

void dialog_aim(struct dialog *d)
{
    const struct contact_update phone = {.contact = d->contact, .instance = d->instance};
    const struct registrar *r = d->stack->registrar;
    const struct binding *b = NULL;
    struct hop hop;

    if (d->account && d->contact)
        b = registrar_find_phone(r, d->account, &phone);
    if (!b && d->account && d->hop.flow && tport_is_closed(d->hop.tport))
        b = registrar_find_only(r, d->account); /* no instance, and a new port in its Contact */
    if (!b || b->heard_us <= d->heard_us || !hop_of_binding(d->stack, b, &hop))
        return;
    hop_clear(&d->hop);
    d->hop = hop;
    d->heard_us = b->heard_us;
}

static int on_bye_response(void *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct dialog *d = magic;

    if (!sip || !sip->sip_status || sip->sip_status->st_status >= 200) {
        nta_outgoing_destroy(orq);
        d->bye = NULL;
    }
    return 0;
}

void dialog_send_bye(struct dialog *d, const struct end_reason *why)
{
    char reason[128];

    dialog_over(d);
    if (d->bye || !d->leg)
        return;
    reason_header(why, reason, sizeof(reason));
    dialog_aim(d);
    d->bye = nta_outgoing_tcreate(d->leg, on_bye_response, d, hop_route(&d->hop), SIP_METHOD_BYE,
                                  NULL, NTATAG_TPORT(d->hop.tport), SIPTAG_REASON_STR(reason),
                                  SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END());
}

void dialog_hangup(struct dialog *d, const struct end_reason *why)
{
    modify_end(d);
    switch (d->state) {
    case DIALOG_OFFERED: dialog_reject(d, why); break;
    case DIALOG_DIALING: dialog_cancel(d, why); break;
    case DIALOG_ACCEPTED:
        d->bye_on_ack = true;
        d->why = *why;
        dialog_over(d);
        break;
    case DIALOG_UP: dialog_send_bye(d, why); break;
    case DIALOG_OVER: break;
    }
}

/* ---- commands of the call ---- */

static void dialog_gone(struct stack *s, uint64_t id)
{
    struct sipev ev = {.type = SIPEV_LEG, .id = id, .leg = {.type = LEG_GONE}};

    stack_emit(s, &ev);
}

static void dialog_release(struct dialog *d, const struct end_reason *why)
{
    if (d->released)
        return;
    d->released = true;
    dialog_hangup(d, why);
    dialog_gone(d->stack, d->id);
}

static void dialog_keyframe(struct dialog *d)
{
    nta_outgoing_t *orq;

    if (d->state != DIALOG_UP)
        return;
    dialog_aim(d);
    orq = nta_outgoing_tcreate(
        d->leg, NULL, NULL, hop_route(&d->hop), SIP_METHOD_INFO, NULL, NTATAG_TPORT(d->hop.tport),
        SIPTAG_CONTENT_TYPE_STR("application/media_control+xml"),
        SIPTAG_PAYLOAD_STR(info_keyframe_body), SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END());
    nta_outgoing_destroy(orq); /* nta repeats it by itself; the answer does not matter */
}

void dialog_command(struct stack *s, struct sipcmd *cmd)
{
    struct dialog *d = g_hash_table_lookup(s->dialogs, &cmd->id);

    if (!d || d->released) {
        if (cmd->type == SIPCMD_HANGUP && !d)
            dialog_gone(s, cmd->id);
        return;
    }
    d->call_id = cmd->call_id;
    switch (cmd->type) {
    case SIPCMD_PROGRESS: dialog_progress(d, cmd->ringing, cmd->sdp); break;
    case SIPCMD_ANSWER: dialog_answer(d, g_steal_pointer(&cmd->sdp)); break;
    case SIPCMD_OFFER: modify_offer(d, g_steal_pointer(&cmd->sdp)); break;
    case SIPCMD_RESPOND: modify_respond(d, g_steal_pointer(&cmd->sdp), cmd->glare); break;
    case SIPCMD_KEYFRAME: dialog_keyframe(d); break;
    case SIPCMD_HANGUP: dialog_release(d, &cmd->why); break;
    case SIPCMD_ACCOUNT:
    case SIPCMD_RESTORE:
    case SIPCMD_DIAL:
    case SIPCMD_MESSAGE:
    case SIPCMD_MESSAGE_DONE:
    case SIPCMD_WATCHING:
    case SIPCMD_WATCHED:
    case SIPCMD_DRAIN:
    case SIPCMD_STOP: break; /* not a dialog's */
    }
}

/* ---- requests inside the dialog ---- */

static int on_bye(struct dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
    struct end_reason why = dialog_reason(sip, END_NORMAL);

    (void)nta_incoming_treply(irq, SIP_200_OK, SIPTAG_SERVER_STR(d->stack->server), TAG_END());
    if (d->state == DIALOG_OVER)
        return 200;
    modify_end(d);
    if (d->state == DIALOG_OFFERED) /* a BYE for the early dialog: the INVITE still wants a word */
        dialog_reject(d, &(struct end_reason){.cause = END_CANCELLED});
    dialog_over(d);
    dialog_ended(d, &why);
    return 200;
}

static int on_info(struct dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
    const sip_payload_t *pl = sip->sip_payload;
    struct info info =
        info_read(sip->sip_content_type ? sip->sip_content_type->c_type : NULL,
                  pl ? (struct span){pl->pl_data, pl->pl_len} : (struct span){NULL, 0});
    struct leg_event ev = {0};

    switch (info.kind) {
    case INFO_EMPTY: return 200;
    case INFO_BAD: return 400;
    case INFO_UNKNOWN:
        (void)nta_incoming_treply(
            irq, SIP_415_UNSUPPORTED_MEDIA,
            SIPTAG_ACCEPT_STR("application/dtmf-relay, application/media_control+xml"), TAG_END());
        return 415;
    case INFO_DIGIT:
        ev.type = LEG_DTMF;
        ev.digit = info.digit;
        ev.duration_ms = info.duration_ms;
        break;
    case INFO_KEYFRAME: ev.type = LEG_KEYFRAME; break;
    }
    if (d->state == DIALOG_UP || d->state == DIALOG_ACCEPTED)
        dialog_report(d, &ev);
    return 200;
}

static int on_options(struct dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
    (void)sip;
    (void)nta_incoming_treply(
        irq, SIP_200_OK, SIPTAG_ALLOW_STR(dialog_allow), SIPTAG_ACCEPT_STR(dialog_accept),
        SIPTAG_SUPPORTED_STR(dialog_supported), SIPTAG_SERVER_STR(d->stack->server), TAG_END());
    return 200;
}

/* The peer may have moved to another connection or address: answer it there from now on. */
static void dialog_follow(struct dialog *d, nta_incoming_t *irq)
{
    struct hop hop;

    if (!hop_of_request(d->stack, irq, &hop))
        return;
    hop_clear(&d->hop);
    d->hop = hop;
    d->heard_us = clock_now_us();
}

int dialog_request(void *dialog, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct dialog *d = dialog;
    LOG_CALL(d->call_id);

    (void)leg;
    if (nta_check_required(irq, sip, d->stack->supported, TAG_END()))
        return 420;
    if (sip->sip_request->rq_method == sip_method_bye)
        return on_bye(d, irq, sip);
    if (d->state == DIALOG_OVER)
        return 481;
    dialog_follow(d, irq);
    switch (sip->sip_request->rq_method) {
    case sip_method_invite:
    case sip_method_update: return modify_request(d, irq, sip);
    case sip_method_info: return on_info(d, irq, sip);
    case sip_method_options: return on_options(d, irq, sip);
    case sip_method_message: /* to the far side, whom our From or their To names */
        return pager_received(d->stack, irq, sip, sip->sip_to->a_url);
    case sip_method_ack: return 200; /* never answered; a stray one */
    default:
        (void)nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR(dialog_allow),
                                  TAG_END());
        return 405;
    }
}

/* ---- time ---- */

bool dialog_is_open(const struct dialog *d)
{
    return d->bye || d->modify.orq || d->modify.irq || d->invite_irq ||
           (d->invite_orq && nta_outgoing_status(d->invite_orq) < 200);
}

bool dialog_tick(struct dialog *d, uint64_t now_us)
{
    struct end_reason why = end_because(END_UNREACHABLE);
    LOG_CALL(d->call_id);

    if (d->state == DIALOG_OVER)
        return d->released && now_us >= d->settled_us &&
               (!dialog_is_open(d) || now_us >= d->linger_us);
    modify_tick(d, now_us);
    if (d->state != DIALOG_UP)
        return false;
    if (session_timer_refresh_due(&d->timer, now_us))
        modify_refresh(d);
    if (session_timer_expired(&d->timer, now_us)) {
        LOG_I("sip", "session timer of %u s ran out", d->timer.interval_s);
        dialog_hangup(d, &why);
        dialog_ended(d, &why);
    }
    return false;
}
