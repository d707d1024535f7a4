/** Nonces that carry their own proof: time and an HMAC over it and the address that asked, so
 * nothing is kept until one is used; then its count, against replay (RFC 7616 3.3, 3.4). Whoever
 * lies about its address never sees a nonce that is good there. Thread: the owner's. */
#pragma once

#include "base/addr.h"
#include "sip/digest.h"

enum nonce_verdict { NONCE_GOOD, NONCE_STALE, NONCE_FORGED };

struct nonces;

struct nonces *nonces_new(void); /* with a fresh random secret */
void nonces_free(struct nonces *n);
void nonce_make(struct nonces *n, const struct net_addr *source, uint64_t now_us,
                char out[DIGEST_NONCE_MAX]);
/** @p nc 0: the peer knows no qop and sends no count; its nonce is good once. Only to be asked
 * after nonce_check(), when the response was right: a good one uses up @p nc. */
enum nonce_verdict nonce_use(struct nonces *n, const char *nonce, uint32_t nc, uint64_t now_us);
/** Only whether we made it for @p source (whatever its port) and it has not expired. */
enum nonce_verdict nonce_check(const struct nonces *n, const struct net_addr *source,
                               const char *nonce, uint64_t now_us);
