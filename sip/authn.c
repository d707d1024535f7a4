#include "sip/authn.h"

#include "base/clock.h"
#include "base/log.h"
#include "sip/uri.h"

enum { CHALLENGE_MAX = 512 };

static bool creds_read(const sip_authorization_t *au, struct digest *d)
{
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; au->au_params && au->au_params[i]; i++)
        if (!digest_param(d, span_of(au->au_params[i])))
            return false;
    return true;
}

/* The credentials meant for us: other realms may stand beside them. */
static bool creds_find(const struct stack *s, const sip_authorization_t *au, struct digest *d)
{
    for (; au; au = au->au_next)
        if (g_ascii_strcasecmp(au->au_scheme, "Digest") == 0 && creds_read(au, d) &&
            g_ascii_strcasecmp(d->realm, s->config->domain) == 0)
            return true;
    return false;
}

static bool creds_fit(const struct stack *s, const struct digest *d, const char *method,
                      const struct account **account)
{
    char *user = g_ascii_strdown(d->username, -1);
    char *address = g_strdup_printf("%s@%s", user, s->config->domain);
    const struct account *a = stack_account(s, address);
    const char *ha1 = "";
    bool fit = d->qop[0] == '\0' || (g_ascii_strcasecmp(d->qop, "auth") == 0 && d->nc);

    g_free(user);
    g_free(address);
    if (a)
        ha1 = d->algorithm == DIGEST_SHA256 ? a->ha1_sha256 : a->ha1_md5;
    fit = digest_verify(d, ha1, method) && fit; /* the same work for unknown names */
    *account = a;
    return fit && ha1[0];
}

enum authn_result authn_check(struct stack *s, const sip_t *sip, const sip_authorization_t *creds,
                              const struct hop *hop, const struct account **account)
{
    uint64_t now = clock_now_us();
    struct digest d;

    *account = NULL;
    if (limiter_blocked(s->limiter, &hop->peer, now))
        return AUTHN_BLOCKED;
    if (!creds_find(s, creds, &d) ||
        nonce_check(s->nonces, &hop->peer, d.nonce, now) == NONCE_FORGED)
        return AUTHN_NONE;
    if (!creds_fit(s, &d, sip->sip_request->rq_method_name, account)) {
        *account = NULL;
        if (limiter_failed(s->limiter, &hop->peer, now) && stack_may_log(s))
            LOG_W("sip", "too many wrong passwords from %s: it is refused for a while",
                  hop->source);
        return AUTHN_WRONG;
    }
    if (nonce_use(s->nonces, d.nonce, d.qop[0] ? d.nc : 0, now) == NONCE_GOOD)
        return AUTHN_OK;
    *account = NULL;
    return AUTHN_STALE;
}

void authn_account(struct decoy *decoy, const struct account *a)
{
    if (!a->sip_sha256 || (decoy->address[0] && strcmp(a->address, decoy->address) > 0))
        return;
    (void)g_strlcpy(decoy->address, a->address, sizeof(decoy->address));
    (void)g_strlcpy(decoy->key, a->ha1_sha256, sizeof(decoy->key));
}

/* Where some accounts want SHA-256, the challenge must not tell which names are accounts: those
 * that are none get, each for good and over restarts, one kind or the other. */
static bool wants_sha256(const struct stack *s, const char *address)
{
    const struct account *a = stack_account(s, address);
    bool odd;
    char *mac;

    if (s->config->sip_sha256 || !s->decoy.address[0])
        return s->config->sip_sha256;
    if (a)
        return a->sip_sha256;
    mac = g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guchar *)s->decoy.key,
                                    strlen(s->decoy.key), address, -1);
    odd = g_ascii_xdigit_value(mac[0]) & 1;
    g_free(mac);
    return odd;
}

void authn_challenge(struct stack *s, nta_incoming_t *irq, const char *address,
                     const struct hop *hop, const struct challenge *c)
{
    bool sha256 = wants_sha256(s, address);
    char nonce[DIGEST_NONCE_MAX];
    char md5[CHALLENGE_MAX];
    char sha[CHALLENGE_MAX];

    nonce_make(s->nonces, &hop->peer, clock_now_us(), nonce);
    digest_challenge(DIGEST_MD5, s->config->domain, nonce, c->stale, md5, sizeof(md5));
    digest_challenge(DIGEST_SHA256, s->config->domain, nonce, c->stale, sha, sizeof(sha));
    /* RFC 8760 2.4: the preferred one first */
    if (c->proxy)
        (void)nta_incoming_treply(
            irq, SIP_407_PROXY_AUTH_REQUIRED, TAG_IF(sha256, SIPTAG_PROXY_AUTHENTICATE_STR(sha)),
            SIPTAG_PROXY_AUTHENTICATE_STR(md5), SIPTAG_SERVER_STR(s->server), TAG_END());
    else
        (void)nta_incoming_treply(
            irq, SIP_401_UNAUTHORIZED, TAG_IF(sha256, SIPTAG_WWW_AUTHENTICATE_STR(sha)),
            SIPTAG_WWW_AUTHENTICATE_STR(md5), SIPTAG_SERVER_STR(s->server), TAG_END());
}
