/** Digest access authentication, both roles (RFC 7616, RFC 8760; RFC 2617 peers without qop are
 * accepted). Pure, any thread. */
#pragma once

#include "base/span.h"

#include <stdint.h>

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256 };
enum { DIGEST_HEX_MAX = 65, DIGEST_NONCE_MAX = 80 };

struct digest { /* the parameters of one Authorization header, unquoted; "" when absent */
    char username[128], realm[128], nonce[DIGEST_NONCE_MAX], uri[512], response[DIGEST_HEX_MAX];
    char cnonce[128], opaque[64], qop[16];
    enum digest_algorithm algorithm;
    uint32_t nc;
    char nc_text[9];
};

/** Take one "name=value" or "name=\"value\"" parameter. False: it is too long or makes no sense,
 * refuse the header. Unknown names are ignored. */
bool digest_param(struct digest *d, struct span param);
/** All the parameters of a header value behind "Digest ". */
bool digest_read(struct span text, struct digest *d);
/** Lower-case hex of H(user:realm:password). */
void digest_ha1(enum digest_algorithm alg, const char *user, const char *realm,
                const char *password, char out[DIGEST_HEX_MAX]);
/** The response @p d ought to bear for @p ha1 and @p method. */
void digest_response(const struct digest *d, const char *ha1, const char *method,
                     char out[DIGEST_HEX_MAX]);
/** In constant time. */
bool digest_verify(const struct digest *d, const char *ha1, const char *method);
/** The value of WWW-Authenticate or Proxy-Authenticate, with "Digest ". */
void digest_challenge(enum digest_algorithm alg, const char *realm, const char *nonce, bool stale,
                      char *out, size_t size);
/** The value of Authorization for the challenge in @p d (username, realm, nonce, uri, qop, cnonce,
 * nc set by the caller). */
void digest_credentials(const struct digest *d, const char *ha1, const char *method, char *out,
                        size_t size);
