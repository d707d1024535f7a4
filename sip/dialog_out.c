#include "base/clock.h"
#include "base/log.h"
#include "sip/dialog.h"
#include "sip/reasons.h"
#include "sip/uri.h"

/* ---- forks ---- */

static struct fork *fork_find(struct dialog *d, const char *tag)
{
    for (unsigned i = 0; i < d->nforks; i++)
        if (g_str_equal(d->fork[i].tag, tag))
            return &d->fork[i];
    return NULL;
}

/* The early or confirmed dialog a response belongs to; NULL: no tag, or one too many. */
static struct fork *fork_of(struct dialog *d, const sip_t *sip)
{
    const char *tag = sip->sip_to->a_tag;
    struct fork *f;

    if (!tag || strlen(tag) >= DIALOG_TAG_MAX)
        return NULL;
    f = fork_find(d, tag);
    if (!f) {
        if (d->nforks == DIALOG_FORKS_MAX)
            return NULL;
        f = &d->fork[d->nforks];
        f->leg = nta_leg_tcreate(d->stack->agent, dialog_request, d,
                                 SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(sip->sip_from),
                                 SIPTAG_TO(sip->sip_to), SIPTAG_CSEQ(sip->sip_cseq), TAG_END());
        if (!f->leg)
            return NULL;
        (void)g_strlcpy(f->tag, tag, sizeof(f->tag));
        d->nforks++;
    }
    (void)nta_leg_client_route(f->leg, sip->sip_record_route, sip->sip_contact);
    return f;
}

static int on_response(void *magic, nta_outgoing_t *orq, const sip_t *sip);

/* Each fork has its own twin of the transaction: for its RSeq (RFC 3262), and since nta would end
 * one that answers too late by itself, at its Contact, which may be out of reach behind a NAT.
 * False: a reliable answer seen before. */
static bool fork_prack(struct dialog *d, struct fork *f, const sip_t *sip)
{
    bool reliable = sip->sip_rseq && sip_has_feature(sip->sip_require, "100rel");
    nta_outgoing_t *prack;

    if (!f->orq)
        f->orq = nta_outgoing_tagged(d->invite_orq, on_response, d, f->tag,
                                     reliable ? sip->sip_rseq : NULL);
    if (!reliable)
        return true;
    if (!f->orq || sip->sip_rseq->rs_response <= nta_outgoing_rseq(f->orq))
        return false;
    prack = nta_outgoing_prack(f->leg, f->orq, NULL, NULL, hop_route(&d->hop), sip,
                               NTATAG_TPORT(d->hop.tport), SIPTAG_USER_AGENT_STR(d->stack->server),
                               TAG_END());
    nta_outgoing_destroy(prack);
    return true;
}

/* ---- responses ---- */

static void on_provisional(struct dialog *d, const sip_t *sip)
{
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = sip->sip_status->st_status == 180};
    struct fork *f = fork_of(d, sip);
    const char *warning;

    if (f && !fork_prack(d, f, sip))
        return;
    if (f && dialog_read_sdp(sip, &ev.desc, &warning) == 0 && ev.desc) {
        desc_free(f->early);
        f->early = desc_copy(ev.desc);
    }
    if (ev.desc || ev.ringing)
        dialog_report(d, &ev);
}

static void send_ack(struct dialog *d, nta_leg_t *leg, uint32_t cseq, const char *sdp)
{
    su_home_t *home = su_home_new(sizeof(*home));
    nta_outgoing_t *ack = nta_outgoing_tcreate(
        leg, NULL, NULL, hop_route(&d->hop), SIP_METHOD_ACK, NULL,
        SIPTAG_CSEQ(sip_cseq_create(home, cseq, SIP_METHOD_ACK)), NTATAG_TPORT(d->hop.tport),
        TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")),
        TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END());

    nta_outgoing_destroy(ack); /* nta keeps it and repeats it for repeated 2xx */
    (void)su_home_unref(home);
}

void dialog_ack(struct dialog *d, uint32_t cseq, const char *sdp)
{
    send_ack(d, d->leg, cseq, sdp);
}

static void on_answered(struct dialog *d, const sip_t *sip)
{
    struct leg_event ev = {.type = LEG_ANSWERED};
    struct end_reason why = end_because(END_PROTOCOL);
    struct fork *f = fork_of(d, sip);
    bool wanted = d->state == DIALOG_DIALING;
    const char *warning;

    if (!f) {
        LOG_W("sip", "200 without a tag from %s", d->hop.source);
        dialog_over(d);
        dialog_ended(d, &why);
        return;
    }
    nta_leg_destroy(d->leg); /* the one without a peer's tag */
    d->leg = f->leg;
    /* repeated or forked 2xx may come that long (RFC 3261 13.2.2.4) */
    d->settled_us = clock_now_us() + d->stack->patience_us + US_PER_S;
    dialog_ack(d, sip->sip_cseq->cs_seq, NULL);
    if (!wanted) { /* it crossed our CANCEL */
        dialog_send_bye(d, &d->why);
        return;
    }
    d->state = DIALOG_UP;
    dialog_follow_session_timer(d, sip);
    if (dialog_read_sdp(sip, &ev.desc, &warning) != 0) {
        LOG_W("sip", "unusable answer from %s: %s", d->hop.source, warning ? warning : "not SDP");
    } else if (!ev.desc) { /* RFC 6337 2.2: said already in a reliable 18x */
        ev.desc = g_steal_pointer(&f->early);
    }
    if (ev.desc) {
        dialog_report(d, &ev);
        return;
    }
    dialog_send_bye(d, &why);
    dialog_ended(d, &why);
}

/* RFC 3261 13.2.2.4: another fork has answered before. */
static void on_answered_too_late(struct dialog *d, const sip_t *sip)
{
    const struct end_reason why = end_because(END_ANSWERED_ELSEWHERE);
    struct fork *f = fork_of(d, sip);
    char reason[128];

    if (!f || f->leg == d->leg)
        return;
    reason_header(&why, reason, sizeof(reason));
    send_ack(d, f->leg, sip->sip_cseq->cs_seq, NULL);
    nta_outgoing_destroy(nta_outgoing_tcreate(
        f->leg, NULL, NULL, hop_route(&d->hop), SIP_METHOD_BYE, NULL, NTATAG_TPORT(d->hop.tport),
        SIPTAG_REASON_STR(reason), SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END()));
}

static void on_refused(struct dialog *d, const sip_t *sip)
{
    unsigned status = (unsigned)sip->sip_status->st_status;
    struct end_reason why = end_because(reason_cause(status));

    if (nta_sip_is_internal(sip)) { /* no answer, or nowhere to send to */
        why = end_because(END_UNREACHABLE);
        if (d->hop.flow && tport_is_closed(d->hop.tport))
            registrar_drop(d->stack->registrar, d->binding);
    } else if (status == 480 || status >= 500) {
        why = dialog_reason(sip, why.cause); /* RFC 3398: the far network's own word is better */
    }
    why.code = (uint16_t)status;
    (void)g_strlcpy(why.text, sip->sip_status->st_phrase ? sip->sip_status->st_phrase : "",
                    sizeof(why.text));
    if (d->state == DIALOG_DIALING)
        dialog_over(d);
    dialog_ended(d, &why);
}

static int on_response(void *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct dialog *d = magic;
    int status = sip->sip_status->st_status;
    LOG_CALL(d->call_id);

    (void)orq;
    if (status < 200) {
        if (d->state == DIALOG_DIALING && status > 100)
            on_provisional(d, sip);
    } else if (status < 300) {
        if (d->state != DIALOG_UP && !d->settled_us)
            on_answered(d, sip);
        else
            on_answered_too_late(d, sip);
    } else if (d->state == DIALOG_DIALING || d->state == DIALOG_OVER) {
        on_refused(d, sip);
    }
    return 0;
}

/* ---- the call goes out ---- */

static bool make_leg(struct dialog *d, const struct sipcmd *cmd)
{
    const char *domain = d->stack->config->domain;
    char from[URI_PARTY_MAX];
    char to[URI_PARTY_MAX];

    if (!uri_party(cmd->dial->from, cmd->dial->from_display, domain, from) ||
        !uri_party(cmd->dial->to, NULL, domain, to))
        return false;
    d->leg = nta_leg_tcreate(d->stack->agent, dialog_request, d, SIPTAG_FROM_STR(from),
                             SIPTAG_TO_STR(to), TAG_END());
    return d->leg && nta_leg_tag(d->leg, NULL);
}

static bool send_invite(struct dialog *d, const struct sipcmd *cmd)
{
    su_home_t *home = su_home_new(sizeof(*home));
    url_t *target = url_make(home, d->contact);

    if (target && make_leg(d, cmd)) {
        target->url_headers = NULL; /* RFC 4475 3.3.14: a contact must not write our headers */
        d->invite_orq = nta_outgoing_tcreate(
            d->leg, on_response, d, hop_route(&d->hop), SIP_METHOD_INVITE,
            (const url_string_t *)(const void *)target, NTATAG_TPORT(d->hop.tport),
            SIPTAG_CONTACT_STR(d->hop.contact), SIPTAG_ALLOW_STR(dialog_allow),
            SIPTAG_SUPPORTED_STR("100rel, timer"), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
            SIPTAG_PAYLOAD_STR(d->sdp), SIPTAG_USER_AGENT_STR(d->stack->server), TAG_END());
    }
    (void)su_home_unref(home);
    return d->invite_orq != NULL;
}

static void dial_failed(struct stack *s, uint64_t id, enum end_cause cause)
{
    struct sipev ev = {
        .type = SIPEV_LEG, .id = id, .leg = {.type = LEG_ENDED, .why = end_because(cause)}};

    stack_emit(s, &ev);
}

void dialog_dial(struct stack *s, struct sipcmd *cmd)
{
    const struct binding *b = registrar_find(s->registrar, cmd->dial->binding);
    struct end_reason why = end_because(END_INTERNAL);
    struct dialog *d;
    struct hop hop;
    LOG_CALL(cmd->call_id);

    if (!b) {
        dial_failed(s, cmd->id, END_OFFLINE);
        return;
    }
    if (!hop_of_binding(s, b, &hop)) {
        registrar_drop(s->registrar, b->id);
        dial_failed(s, cmd->id, END_OFFLINE);
        return;
    }
    d = dialog_new(s, cmd->id, &hop);
    hop_clear(&hop);
    d->state = DIALOG_DIALING;
    d->placed = true;
    d->call_id = cmd->call_id;
    d->binding = b->id;
    d->account = g_strdup(b->address);
    d->contact = g_strdup(b->contact);
    d->instance = g_strdup(b->instance);
    d->sdp = g_steal_pointer(&cmd->sdp);
    LOG_D("sip", "INVITE %s over %s", d->contact, d->hop.source);
    if (!send_invite(d, cmd)) {
        dialog_over(d);
        dialog_ended(d, &why);
    }
}

void dialog_cancel(struct dialog *d, const struct end_reason *why)
{
    char reason[128];

    d->why = *why;
    dialog_over(d);
    reason_header(why, reason, sizeof(reason));
    nta_outgoing_destroy(
        nta_outgoing_tcancel(d->invite_orq, NULL, NULL, SIPTAG_REASON_STR(reason), TAG_END()));
}
