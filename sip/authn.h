/** Who sent a request: the server's side of digest authentication on a parsed SIP message.
 *  Thread: SIP. */
#pragma once

#include "sip/hop.h"

enum authn_result {
    AUTHN_OK,
    AUTHN_NONE,    /* no usable credentials: challenge */
    AUTHN_STALE,   /* right, but for an old or used nonce: challenge with stale=true */
    AUTHN_WRONG,   /* wrong password or no such account: the caller cannot tell them apart */
    AUTHN_BLOCKED, /* too many failures from this address */
};

/** @p creds: Authorization or Proxy-Authorization of @p sip. @p account is set for AUTHN_OK. */
enum authn_result authn_check(struct stack *s, const sip_t *sip, const sip_authorization_t *creds,
                              const struct hop *hop, const struct account **account);
struct challenge {
    bool proxy; /* 407 and not 401 */
    bool stale; /* the old nonce will not do; the password would */
};
/** Reply with a fresh nonce. @p address, lower case, chooses the algorithms. */
void authn_challenge(struct stack *s, nta_incoming_t *irq, const char *address,
                     const struct hop *hop, const struct challenge *c);
/** @p a was added or changed. */
void authn_account(struct decoy *decoy, const struct account *a);
