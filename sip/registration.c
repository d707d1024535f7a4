#include "sip/registration.h"

#include "base/clock.h"
#include "base/log.h"
#include "sip/authn.h"
#include "sip/uri.h"

#include <stdio.h>

struct contact_texts { /* what a struct contact_update points to */
    char *uri[REGISTRAR_CONTACTS_MAX], *instance[REGISTRAR_CONTACTS_MAX];
};

struct request { /* one REGISTER on its way through the checks */
    struct stack *stack;
    nta_incoming_t *irq;
    const sip_t *sip;
    struct hop hop;
    char address[ADDRESS_MAX]; /* whom it is for, as far as it is known */
};

static int refuse(const struct request *q, int status, const char *phrase)
{
    if (stack_may_log(q->stack))
        LOG_I("sip", "REGISTER %s from %s refused: %d %s", q->address, q->hop.source, status,
              phrase);
    (void)nta_incoming_treply(q->irq, status, phrase, TAG_END());
    return status;
}

static bool delta_read(const char *text, uint32_t *out)
{
    uint64_t s;

    if (!text || !span_u64(span_trim(span_of(text)), UINT64_MAX, &s))
        return false;
    *out = (uint32_t)MIN(s, UINT32_MAX);
    return true;
}

static char *instance_of(const sip_contact_t *m)
{
    const char *value = msg_params_find(m->m_params, "+sip.instance=");

    if (!value || !uri_is_line(span_of(value), 200))
        return NULL;
    return g_strndup(value + (value[0] == '"'), strcspn(value + (value[0] == '"'), "\""));
}

bool contact_read(const sip_contact_t *m, char **uri, char **instance)
{
    char text[REGISTRAR_CONTACT_TEXT_MAX];
    issize_t n;

    if (m->m_url->url_type != url_sip && m->m_url->url_type != url_sips)
        return false;
    n = url_e(text, (isize_t)sizeof(text), m->m_url);
    if (n <= 0 || (size_t)n >= sizeof(text) || !uri_is_line(span_of(text), sizeof(text)) ||
        strpbrk(text, " <>\""))
        return false;
    *uri = g_strdup(text);
    *instance = instance_of(m);
    return true;
}

static bool contact_take(struct registration *reg, struct contact_texts *texts,
                         const sip_contact_t *m)
{
    struct contact_update *c = &reg->contact[reg->ncontacts];

    if (!contact_read(m, &texts->uri[reg->ncontacts], &texts->instance[reg->ncontacts]))
        return false;
    c->contact = texts->uri[reg->ncontacts];
    c->instance = texts->instance[reg->ncontacts];
    c->has_expires = delta_read(m->m_expires, &c->expires_s);
    reg->ncontacts++;
    return true;
}

/* 0, or the status that refuses the request. */
static int contacts_take(struct registration *reg, struct contact_texts *texts, const sip_t *sip)
{
    reg->has_expires = sip->sip_expires != NULL;
    if (sip->sip_expires)
        reg->expires_s = (uint32_t)MIN(sip->sip_expires->ex_delta, UINT32_MAX);
    for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
        if (m->m_url->url_type == url_any) {
            if (reg->star || m->m_next || reg->ncontacts)
                return 400;
            reg->star = true;
        } else if (reg->ncontacts == REGISTRAR_CONTACTS_MAX) {
            return 403;
        } else if (!contact_take(reg, texts, m)) {
            return 400;
        }
    }
    return 0;
}

struct contact_list {
    GString *text;
    uint64_t now_us;
};

static void contact_list_add(void *arg, const struct binding *b)
{
    struct contact_list *list = arg;
    uint64_t left_s =
        b->expires_us > list->now_us ? (b->expires_us - list->now_us + US_PER_S - 1) / US_PER_S : 0;

    g_string_append_printf(list->text, "%s<%s>;expires=%" G_GUINT64_FORMAT,
                           list->text->len ? ", " : "", b->contact, left_s);
    if (b->instance)
        g_string_append_printf(list->text, ";+sip.instance=\"%s\"", b->instance);
}

static void reply_bindings(const struct request *q)
{
    struct contact_list list = {g_string_new(NULL), clock_now_us()};
    sip_date_t date[1];

    (void)sip_date_init(date);
    date->d_time = sip_now();
    registrar_each(q->stack->registrar, q->address, contact_list_add, &list);
    (void)nta_incoming_treply(q->irq, SIP_200_OK,
                              TAG_IF(list.text->len, SIPTAG_CONTACT_STR(list.text->str)),
                              SIPTAG_DATE(date), SIPTAG_SERVER_STR(q->stack->server), TAG_END());
    (void)g_string_free(list.text, TRUE);
}

static int apply(const struct request *q)
{
    const sip_t *sip = q->sip;
    struct contact_texts texts = {{NULL}, {NULL}};
    struct registration reg = {.address = q->address,
                               .call_id = sip->sip_call_id->i_id,
                               .cseq = sip->sip_cseq->cs_seq,
                               .flow = q->hop.flow,
                               .ws = q->hop.ws,
                               .peer = q->hop.peer,
                               .local = q->hop.local};
    int status = 400;
    char min[16];

    if (uri_is_line(span_of(reg.call_id), 256))
        status = contacts_take(&reg, &texts, sip);
    if (status == 0)
        status = (int)registrar_apply(q->stack->registrar, &reg, clock_now_us());
    for (unsigned i = 0; i < REGISTRAR_CONTACTS_MAX; i++) {
        g_free(texts.uri[i]);
        g_free(texts.instance[i]);
    }
    switch (status) {
    case 200:
        LOG_D("sip", "REGISTER %s from %s: %u contacts", q->address, q->hop.source, reg.ncontacts);
        reply_bindings(q);
        return 200;
    case 423:
        (void)snprintf(min, sizeof(min), "%u", q->stack->config->sip_expires_min_s);
        (void)nta_incoming_treply(q->irq, SIP_423_INTERVAL_TOO_BRIEF, SIPTAG_MIN_EXPIRES_STR(min),
                                  TAG_END());
        return 423;
    case 403: return refuse(q, 403, "Too Many Contacts");
    case 500: return refuse(q, 500, "Out Of Order");
    default: return refuse(q, 400, "Bad Contact");
    }
}

static int try_later(const struct request *q)
{
    (void)nta_incoming_treply(q->irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR("30"),
                              TAG_END());
    return 503;
}

/* RFC 3261 10.3 steps 3-5: who asks, and for whom? 0, or the status of the refusal already sent. */
static int authorise(const struct request *q)
{
    const struct account *account;
    enum authn_result result =
        authn_check(q->stack, q->sip, q->sip->sip_authorization, &q->hop, &account);
    struct challenge challenge = {.stale = result == AUTHN_STALE};

    switch (result) {
    case AUTHN_OK: break;
    case AUTHN_NONE:
    case AUTHN_STALE:
        authn_challenge(q->stack, q->irq, q->address, &q->hop, &challenge);
        return 401;
    case AUTHN_WRONG: return refuse(q, 403, "Wrong Credentials");
    case AUTHN_BLOCKED: return try_later(q);
    }
    return g_str_equal(account->address, q->address) ? 0 : refuse(q, 403, "Not Your Address");
}

/* 0, or the status of the refusal already sent. */
static int find_address(struct request *q)
{
    const url_t *to = q->sip->sip_to->a_url;
    const struct stack *s = q->stack;

    (void)g_strlcpy(q->address, to->url_user ? to->url_user : "?", sizeof(q->address));
    if (to->url_type != url_sip && to->url_type != url_sips)
        return refuse(q, 400, "Bad To URI");
    if (!to->url_host || !stack_is_local(s, to->url_host) ||
        !uri_to_address(span_of(to->url_user), span_of(s->config->domain), q->address))
        return refuse(q, 404, "Not Found");
    for (char *p = q->address; *p; p++)
        *p = g_ascii_tolower(*p);
    return 0;
}

int registration_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip)
{
    struct request q = {.stack = s, .irq = irq, .sip = sip};
    int status;

    if (!hop_of_request(s, irq, &q.hop))
        return 403;
    status = s->draining ? try_later(&q) : find_address(&q);
    if (status == 0)
        status = authorise(&q);
    if (status == 0)
        status = apply(&q);
    hop_clear(&q.hop);
    return status;
}
