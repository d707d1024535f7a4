/** Who may sign in: the proof of a password that never crosses the wire (docs/web-api.md, "Signing
 * in"), and how often an address may fail. Thread: call thread. */
#pragma once

#include "base/addr.h"
#include "gateway/account.h"

enum { PROOF_SIZE = 65, NONCE_SIZE = 33 }; /* with NUL */

/** Lower-case hex of HMAC-SHA-256(HA1, "tandem.v1:" nonce ":" cnonce), where HA1 is the 32 octets
 * that @p ha1_hex spells. False when it does not spell 32 octets. */
bool proof_compute(const char *ha1_hex, const char *nonce, const char *cnonce,
                   char out[PROOF_SIZE]);
/** Takes as long for an unknown account (@p account NULL) as for a wrong proof. */
bool proof_check(const struct account *account, const char *nonce, const char *cnonce,
                 const char *proof);

/** Counts failed sign-ins by IPv4 address or IPv6 /64 in fixed memory. */
struct guard;
struct guard *guard_new(void);
void guard_free(struct guard *g); /* takes NULL */
bool guard_allows(const struct guard *g, const struct net_addr *peer);
void guard_failed(struct guard *g, const struct net_addr *peer);
