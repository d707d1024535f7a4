#include "sip/registration.h"

#include "base/clock.h"
#include "base/log.h"
#include "sip/authn.h"
#include "sip/uri.h"

#include <stdio.h>

struct contact_texts { /* what a struct contact_update points to */
    char *uri[REGISTRAR_CONTACTS_MAX], *instance[REGISTRAR_CONTACTS_MAX];
};

static int refuse(nta_incoming_t *irq, const struct hop *hop, const char *who, int status,
                  const char *phrase)
{
    LOG_I("sip", "REGISTER %s from %s refused: %d %s", who, hop->source, status, phrase);
    (void)nta_incoming_treply(irq, status, phrase, TAG_END());
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

static void reply_bindings(struct stack *s, nta_incoming_t *irq, const char *address)
{
    struct contact_list list = {g_string_new(NULL), clock_now_us()};
    sip_date_t date[1];

    (void)sip_date_init(date);
    date->d_time = sip_now();
    registrar_each(s->registrar, address, contact_list_add, &list);
    (void)nta_incoming_treply(irq, SIP_200_OK,
                              TAG_IF(list.text->len, SIPTAG_CONTACT_STR(list.text->str)),
                              SIPTAG_DATE(date), SIPTAG_SERVER_STR(s->server), TAG_END());
    (void)g_string_free(list.text, TRUE);
}

static int apply(struct stack *s, nta_incoming_t *irq, const sip_t *sip, const struct hop *hop,
                 const char *address)
{
    struct contact_texts texts = {{NULL}, {NULL}};
    struct registration reg = {.address = address,
                               .call_id = sip->sip_call_id->i_id,
                               .cseq = sip->sip_cseq->cs_seq,
                               .flow = hop->flow,
                               .peer = hop->peer,
                               .local = hop->local};
    int status = 400;
    char min[16];

    if (uri_is_line(span_of(reg.call_id), 256))
        status = contacts_take(&reg, &texts, sip);
    if (status == 0)
        status = (int)registrar_apply(s->registrar, &reg, clock_now_us());
    for (unsigned i = 0; i < REGISTRAR_CONTACTS_MAX; i++) {
        g_free(texts.uri[i]);
        g_free(texts.instance[i]);
    }
    switch (status) {
    case 200:
        LOG_D("sip", "REGISTER %s from %s: %u contacts", address, hop->source, reg.ncontacts);
        reply_bindings(s, irq, address);
        return 200;
    case 423:
        (void)snprintf(min, sizeof(min), "%u", s->config->sip_expires_min_s);
        (void)nta_incoming_treply(irq, SIP_423_INTERVAL_TOO_BRIEF, SIPTAG_MIN_EXPIRES_STR(min),
                                  TAG_END());
        return 423;
    case 403: return refuse(irq, hop, address, 403, "Too Many Contacts");
    case 500: return refuse(irq, hop, address, 500, "Out Of Order");
    default: return refuse(irq, hop, address, 400, "Bad Contact");
    }
}

/* RFC 3261 10.3 steps 3-5: who asks, and for whom? */
static int authorise(struct stack *s, nta_incoming_t *irq, const sip_t *sip, const struct hop *hop,
                     const char *address)
{
    const struct account *account;
    enum authn_result result = authn_check(s, sip, sip->sip_authorization, hop, &account);
    struct challenge challenge = {.proxy = false};

    switch (result) {
    case AUTHN_OK: break;
    case AUTHN_NONE:
    case AUTHN_STALE:
        challenge.stale = result == AUTHN_STALE;
        authn_challenge(s, irq, address, hop, &challenge);
        return 401;
    case AUTHN_WRONG: return refuse(irq, hop, address, 403, "Wrong Credentials");
    case AUTHN_BLOCKED:
        (void)nta_incoming_treply(irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR("30"),
                                  TAG_END());
        return 503;
    }
    if (!g_str_equal(account->address, address))
        return refuse(irq, hop, address, 403, "Not Your Address");
    return 0;
}

int registration_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip)
{
    const url_t *to = sip->sip_to->a_url;
    char address[ADDRESS_MAX];
    struct hop hop;
    int status;

    if (!hop_of_request(s, irq, &hop))
        return 403;
    if (s->draining) {
        (void)nta_incoming_treply(irq, SIP_503_SERVICE_UNAVAILABLE, SIPTAG_RETRY_AFTER_STR("30"),
                                  TAG_END());
        status = 503;
    } else if (to->url_type != url_sip && to->url_type != url_sips) {
        status = refuse(irq, &hop, "?", 400, "Bad To URI");
    } else if (!to->url_host || !stack_is_local(s, to->url_host) ||
               !uri_to_address(span_of(to->url_user), span_of(s->config->domain), address)) {
        status = refuse(irq, &hop, to->url_user ? to->url_user : "?", 404, "Not Found");
    } else {
        for (char *p = address; *p; p++)
            *p = g_ascii_tolower(*p);
        status = authorise(s, irq, sip, &hop, address);
        if (status == 0)
            status = apply(s, irq, sip, &hop, address);
    }
    hop_clear(&hop);
    return status;
}
