#include "sip/pager.h"

#include "base/ids.h"
#include "base/log.h"
#include "sip/caller.h"
#include "sip/reasons.h"
#include "sip/text.h"

struct page { /* one message, in either direction */
    uint64_t id;
    struct stack *stack;
    nta_incoming_t *irq; /* theirs */
    nta_leg_t *leg;      /* ours */
    nta_outgoing_t *orq;
    uint64_t binding;
    tport_t *tport; /* what orq goes over; referenced */
    bool over;      /* answered before its transaction was known to us */
};

static struct page *page_new(struct stack *s, uint64_t id)
{
    struct page *p = g_new0(struct page, 1);

    p->id = id;
    p->stack = s;
    (void)g_hash_table_insert(s->pages, &p->id, p);
    return p;
}

void page_free(void *page)
{
    struct page *p = page;

    if (p->irq)
        nta_incoming_destroy(p->irq);
    if (p->orq)
        nta_outgoing_destroy(p->orq);
    if (p->leg)
        nta_leg_destroy(p->leg);
    if (p->tport)
        tport_unref(p->tport);
    g_free(p);
}

/* ---- they write ---- */

static int read_text(const struct caller *c, nta_incoming_t *irq, const sip_t *sip, char **text)
{
    const sip_content_type_t *type = sip->sip_content_type;
    const sip_payload_t *pl = sip->sip_payload;
    bool encoded = sip->sip_content_encoding && sip->sip_content_encoding->k_items;
    struct span body = {pl ? pl->pl_data : NULL, pl ? pl->pl_len : 0};
    int status = text_read(type ? type->c_type : NULL,
                           type ? (const char *const *)type->c_params : NULL, encoded, body, text);

    switch (status) {
    case 0: return 0;
    case 400: return caller_refuse(c, irq, 400, "Empty Message");
    case 413: return caller_refuse(c, irq, SIP_413_REQUEST_TOO_LARGE);
    default: break;
    }
    if (stack_may_log(c->stack))
        LOG_I("sip", "MESSAGE %s -> %s from %s refused: 415 %s", c->from, c->to, c->hop.source,
              type && type->c_type ? type->c_type : "no type");
    (void)nta_incoming_treply(irq, SIP_415_UNSUPPORTED_MEDIA, SIPTAG_ACCEPT_STR(TEXT_TYPE),
                              SIPTAG_ACCEPT_ENCODING_STR("identity"), TAG_END());
    return 415;
}

struct sender { /* which of an account's phones a request came from */
    const struct hop *hop;
    uint64_t binding;
};

static void sender_match(void *arg, const struct binding *b)
{
    struct sender *sender = arg;
    const struct hop *hop = sender->hop;

    if (b->flow == hop->flow && (b->flow || net_addr_equal(&b->peer, &hop->peer)))
        sender->binding = b->id;
}

/* A MESSAGE has no Contact (RFC 3428 4): the phone is known by where it registered from. */
static uint64_t sending_phone(const struct caller *c)
{
    struct sender sender = {.hop = &c->hop};

    if (c->account)
        registrar_each(c->stack->registrar, c->account->address, sender_match, &sender);
    return sender.binding;
}

static int tell_gateway(const struct caller *c, nta_incoming_t *irq, char *text)
{
    struct page *p = page_new(c->stack, id_next());
    struct sipev ev = {.type = SIPEV_MESSAGE, .id = p->id};

    ev.in = g_new0(struct sipev_incoming, 1);
    ev.in->account = c->account ? g_strdup(c->account->address) : NULL;
    ev.in->from = g_strdup(c->from);
    ev.in->from_display = g_strdup(c->display);
    ev.in->to = g_strdup(c->to);
    ev.in->text = text;
    ev.in->phone = sending_phone(c);
    if (mailbox_post(c->stack->outbox, &ev) == GW_OK) {
        p->irq = irq;
        return 0;
    }
    sipev_clear(&ev);
    (void)g_hash_table_remove(c->stack->pages, &p->id);
    return caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
}

int pager_received(struct stack *s, nta_incoming_t *irq, const sip_t *sip, const url_t *to)
{
    struct caller c = {.stack = s, .method = "MESSAGE"};
    char *text = NULL;
    int status = 0;

    if (!hop_of_request(s, irq, &c.hop))
        return 403;
    if (s->draining)
        status = caller_refuse(&c, irq, SIP_503_SERVICE_UNAVAILABLE);
    else if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
        status = caller_refuse(&c, irq, SIP_483_TOO_MANY_HOPS);
    else if (!caller_dials(&c, to))
        status = caller_refuse(&c, irq, SIP_404_NOT_FOUND);
    if (status == 0)
        status = caller_check(&c, irq, sip);
    if (status == 0)
        status = read_text(&c, irq, sip, &text);
    if (status == 0)
        status = tell_gateway(&c, irq, text);
    hop_clear(&c.hop);
    return status;
}

/* The words of calls, but for what they would mean to the phone here: not that we know no MESSAGE,
 * and nothing about calls. */
static int answer_status(enum end_cause cause, const char **phrase)
{
    if (cause == END_NONE) {
        *phrase = sip_200_OK;
        return 200;
    }
    if (cause == END_UNSUPPORTED)
        cause = END_NO_CODEC;
    if (cause == END_LIMIT) {
        *phrase = "Too Many Messages";
        return 503;
    }
    if (cause == END_UNREACHABLE) { /* RFC 4320 4.2: never 408 but to an INVITE */
        *phrase = "Device Did Not Respond";
        return 504;
    }
    return (int)reason_status(cause, phrase);
}

void pager_answer(struct stack *s, uint64_t id, enum end_cause cause)
{
    struct page *p = g_hash_table_lookup(s->pages, &id);
    const char *phrase;
    int status = answer_status(cause, &phrase);

    if (!p)
        return;
    (void)nta_incoming_treply(p->irq, status, phrase,
                              TAG_IF(status == 503, SIPTAG_RETRY_AFTER_STR("5")),
                              SIPTAG_SERVER_STR(s->server), TAG_END());
    (void)g_hash_table_remove(s->pages, &id);
}

/* ---- we write ---- */

static void tell_result(struct stack *s, uint64_t id, enum end_cause cause)
{
    struct sipev ev = {.type = SIPEV_MESSAGE_RESULT, .id = id, .cause = cause};

    stack_emit(s, &ev);
}

static enum end_cause response_cause(const struct page *p, const sip_t *sip)
{
    int status = sip->sip_status->st_status;

    if (nta_sip_is_internal(sip)) { /* no answer, or nowhere to send to */
        if (p->tport && tport_is_closed(p->tport))
            registrar_drop(p->stack->registrar, p->binding);
        return END_UNREACHABLE;
    }
    return status < 300 ? END_NONE : reason_cause((unsigned)status);
}

static int on_response(void *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct page *p = magic;

    (void)orq;
    if (sip->sip_status->st_status < 200 || p->over)
        return 0;
    LOG_D("sip", "MESSAGE answered %d", sip->sip_status->st_status);
    tell_result(p->stack, p->id, response_cause(p, sip));
    p->over = true;
    if (p->orq) /* else it failed at once, and is still being made */
        (void)g_hash_table_remove(p->stack->pages, &p->id);
    return 0;
}

static int on_request(void *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    (void)magic;
    (void)leg;
    (void)irq;
    (void)sip;
    return 481; /* a MESSAGE makes no dialog */
}

static bool make_leg(struct page *p, const struct sipcmd_dial *d)
{
    const char *domain = p->stack->config->domain;
    char from[URI_PARTY_MAX];
    char to[URI_PARTY_MAX];

    if (!uri_party(d->from, d->from_display, domain, from) || !uri_party(d->to, NULL, domain, to))
        return false;
    p->leg = nta_leg_tcreate(p->stack->agent, on_request, p, SIPTAG_FROM_STR(from),
                             SIPTAG_TO_STR(to), TAG_END());
    return p->leg && nta_leg_tag(p->leg, NULL);
}

static bool send_message(struct page *p, const struct sipcmd *cmd, const struct hop *hop,
                         const char *contact)
{
    su_home_t *home = su_home_new(sizeof(*home));
    url_t *target = url_make(home, contact);

    if (target && make_leg(p, cmd->dial)) {
        target->url_headers = NULL; /* RFC 4475 3.3.14: a contact must not write our headers */
        p->orq = nta_outgoing_tcreate(
            p->leg, on_response, p, hop_route(hop), SIP_METHOD_MESSAGE,
            (const url_string_t *)(const void *)target, NTATAG_TPORT(hop->tport),
            SIPTAG_CONTENT_TYPE_STR(TEXT_TYPE ";charset=UTF-8"), SIPTAG_PAYLOAD_STR(cmd->text),
            SIPTAG_USER_AGENT_STR(p->stack->server), TAG_END());
    }
    (void)su_home_unref(home);
    return p->orq != NULL;
}

void pager_send(struct stack *s, const struct sipcmd *cmd)
{
    const struct binding *b = registrar_find(s->registrar, cmd->dial->binding);
    struct page *p;
    struct hop hop;

    if (!b) {
        tell_result(s, cmd->id, END_OFFLINE);
        return;
    }
    if (!hop_of_binding(s, b, &hop)) {
        registrar_drop(s->registrar, b->id);
        tell_result(s, cmd->id, END_OFFLINE);
        return;
    }
    p = page_new(s, cmd->id);
    p->binding = b->id;
    p->tport = tport_ref(hop.tport);
    LOG_D("sip", "MESSAGE %s over %s", b->contact, hop.source);
    if (!send_message(p, cmd, &hop, b->contact) && !p->over) {
        tell_result(s, p->id, END_INTERNAL);
        p->over = true;
    }
    if (p->over)
        (void)g_hash_table_remove(s->pages, &p->id);
    hop_clear(&hop);
}
