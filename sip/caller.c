#include "sip/caller.h"

#include "base/log.h"
#include "sip/authn.h"

int caller_refuse(const struct caller *c, nta_incoming_t *irq, int status, const char *phrase)
{
    if (stack_may_log(c->stack))
        LOG_I("sip", "%s %s -> %s from %s refused: %d %s", c->method, c->from[0] ? c->from : "?",
              c->to[0] ? c->to : "?", c->hop.source, status, phrase);
    (void)nta_incoming_treply(irq, status, phrase, TAG_END());
    return status;
}

/* "bob@example.org", or for numbers, be it in a tel: URI or a SIP one (RFC 3261 19.1.6), without
 * the dots and dashes people read them by (RFC 3966 5.1.1). */
bool caller_dials(struct caller *c, const url_t *to)
{
    const struct stack *s = c->stack;
    const char *host = to->url_host ? to->url_host : "";
    bool local = to->url_type == url_tel || stack_is_local(s, host);
    char number[ADDRESS_MAX];

    if (uri_number(span_of(to->url_user), to->url_type == url_tel, number))
        return uri_to_address(span_of(number), span_of(local ? s->config->domain : host), c->to);
    return to->url_type != url_tel &&
           uri_to_address(span_of(to->url_user), span_of(local ? s->config->domain : host), c->to);
}

/* Whoever says he is one of ours must prove it; strangers remain strangers, the routes decide. */
int caller_check(struct caller *c, nta_incoming_t *irq, const sip_t *sip)
{
    struct stack *s = c->stack;
    const url_t *from = sip->sip_from->a_url;
    const char *host = from->url_host ? from->url_host : "";
    const sip_authorization_t *creds =
        sip->sip_proxy_authorization ? sip->sip_proxy_authorization : sip->sip_authorization;
    bool local = stack_is_local(s, host);
    struct challenge challenge = {.proxy = true};
    enum authn_result result;
    char *address;

    if (!uri_to_address(span_of(from->url_user), span_of(local ? s->config->domain : host),
                        c->from))
        (void)g_strlcpy(c->from, "anonymous@anonymous.invalid", sizeof(c->from));
    uri_display(sip->sip_from->a_display, c->display);
    if (!local && !creds)
        return 0;
    result = authn_check(s, sip, creds, &c->hop, &c->account);
    switch (result) {
    case AUTHN_OK: break;
    case AUTHN_NONE:
    case AUTHN_STALE:
        challenge.stale = result == AUTHN_STALE;
        if (!local && !challenge.stale)
            return 0; /* credentials for somebody else */
        address = g_ascii_strdown(c->from, -1);
        authn_challenge(s, irq, address, &c->hop, &challenge);
        g_free(address);
        return 407;
    case AUTHN_WRONG: return caller_refuse(c, irq, 403, "Wrong Credentials");
    case AUTHN_BLOCKED: return caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
    }
    if (local && g_ascii_strcasecmp(c->from, c->account->address) != 0)
        return caller_refuse(c, irq, 403, "Not Your Address");
    (void)g_strlcpy(c->from, c->account->address, sizeof(c->from));
    if (!c->display[0])
        (void)g_strlcpy(c->display, c->account->display, sizeof(c->display));
    return 0;
}
