/** Accounts: one address each, credentials as HA1 (RFC 7616 3.4.2), never a password in clear.
 *  Thread: call thread; adapters that need them elsewhere copy what they need (see
 * adapter_ops.account_changed). */
#pragma once

#include "base/err.h"
#include "media/desc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACCOUNT_PROFILES_MAX = 4, ACCOUNT_CALLS_MAX = 10000 };

struct account {         /* plain values; copy with account_copy() */
    char address[192];   /* "alice@example.org", lower case; also the digest realm's user@domain */
    char user[96];       /* digest username: the part before @ */
    char display[96];    /* UTF-8, may be "" */
    char ha1_md5[33];    /* lower-case hex of MD5(user:domain:password), "" when unknown */
    char ha1_sha256[65]; /* of SHA-256(user:domain:password) */
    bool sip_sha256;    /* challenge SIP with SHA-256 too (some phones fail then: off by default) */
    unsigned nprofiles; /* what to offer to its phones, tried in order on 488/606/415 */
    struct desc_profile profile[ACCOUNT_PROFILES_MAX];
    char jid[192];      /* bare JID that rings with it and calls as it; "" none */
    unsigned calls_max; /* at once; 0: the configured default */
    bool from_config;   /* not in the database: cannot be changed at run time */
};

/** "Ana@Example.org" -> "ana@example.org": a bare JID (RFC 7622), which may hold more in its
 * localpart than an address of ours (RFC 6122 A.5 forbids "&'/:<>@ and blanks); false when it is
 * none. */
bool account_normalise_jid(const char *text, char out[192]);
/** HA1s of a password; writes lower-case hex. */
void account_set_password(struct account *a, const char *domain, const char *password);
/** "alice" or "alice@domain" -> "alice@domain" lower case into @p out; false when malformed (RFC
 * 7622-like: no spaces, controls, quotes, @ in user part). */
bool account_normalise(const char *text, const char *domain, char out[192]);
/** Set address and user from what account_normalise() takes; false leaves the address empty. */
bool account_set_address(struct account *a, const char *text, const char *domain);
/** Exactly @p n hexadecimal digits. */
bool account_ha1_valid(const char *hex, size_t n);
/** "plain", "sdes", "dtls", "webrtc": the words of the configuration file and the control socket.
 */
bool account_profile_by_word(const char *word, struct desc_profile *out);
const char *account_profile_word(const struct desc_profile *p);
/** plain, dtls, sdes: what an account offers its phones unless told otherwise. */
void account_default_profiles(struct account *a);
/** The store's row (free() it: jansson's allocator is libc's), and back; false when malformed. */
char *account_to_json(const struct account *a);
bool account_from_json(const char *address, const char *text, struct account *out);
