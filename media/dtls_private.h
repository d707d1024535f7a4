/** What dtls.c and dtls_cert.c share; no other file may include this. */
#pragma once

#include "media/dtls.h"

#include <openssl/ssl.h>

struct dtls_context { /* read-only once made */
    SSL_CTX *ssl_ctx;
    BIO_METHOD *bio;
    struct desc_fingerprint fingerprint;
};

/** Of a datagram BIO whose data is a struct dtls; NULL on failure. */
BIO_METHOD *dtls_bio_method(void);
/** SSL_CTX_set_cert_verify_callback(): judged by fingerprint alone (RFC 5763 5). */
int dtls_verify(X509_STORE_CTX *store, void *arg);
/** Octets of the digest of @p cert under @p hash ("sha-256", ...); 0: a hash that does not count.
 */
unsigned dtls_digest(const X509 *cert, const char *hash, uint8_t out[64]);
