/** Nonces that carry their own proof: time and HMAC, so nothing is kept until one is used; then its
 * count, against replay (RFC 7616 3.3, 3.4). Thread: the owner's. */
#pragma once

#include "sip/digest.h"

enum nonce_verdict { NONCE_GOOD, NONCE_STALE, NONCE_FORGED };

struct nonces;

struct nonces *nonces_new(void); /* with a fresh random secret */
void nonces_free(struct nonces *n);
void nonce_make(struct nonces *n, uint64_t now_us, char out[DIGEST_NONCE_MAX]);
/** @p nc 0: the peer knows no qop and sends no count. Only to be asked when the response was right:
 * a good one uses up @p nc. */
enum nonce_verdict nonce_use(struct nonces *n, const char *nonce, uint32_t nc, uint64_t now_us);
/** Only whether we made it and it has not expired. */
enum nonce_verdict nonce_check(const struct nonces *n, const char *nonce, uint64_t now_us);
