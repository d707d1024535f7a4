/** OpenSSL contexts: one per certificate and kind of listener, chosen by SNI; a reload builds and
 * checks a complete new set before the old one goes. Thread: tls_set_new() any; the rest the
 * edge's. */
#pragma once

#include "base/addr.h"
#include "edge/edge.h"

#include <openssl/ssl.h>

enum tls_kind { /* listeners of one kind are configured alike; SNI swaps only the certificate */
                TLS_WEB,
                TLS_SIP,
                TLS_SIP_MUTUAL,
                TLS_KINDS
};

struct tls_set;
struct tls_store; /* holds the set in use; stable address, handshakes refer to it */

/** Build all contexts; NULL and a logged reason when a file is missing, a key does not fit its
 * certificate, or the CA cannot be read. @p store is what SNI will look names up in. */
struct tls_set *tls_set_new(struct tls_store *store, unsigned ncerts, const struct edge_cert *cert,
                            const char *client_ca, const char *dial_ca);
void tls_set_free(struct tls_set *set);
bool tls_set_serves(const struct tls_set *set, enum tls_kind kind);

struct tls_store *tls_store_new(void);
void tls_store_free(struct tls_store *store);
/** The old set is freed: live connections hold their own references. */
void tls_store_swap(struct tls_store *store, struct tls_set *set);

/** Server side of a connection on @p fd; NULL when no certificate is loaded. */
SSL *tls_accept(struct tls_store *store, enum tls_kind kind, int fd);
/** Client side; the chain is verified by the handshake, the name by tls_check_name(). */
SSL *tls_connect(struct tls_store *store, int fd, const char *name);
/** Whether the peer's certificate is for @p name: a DNS or URI "sip:" name, or an IP address
 * (RFC 5922 7.2). */
bool tls_check_name(SSL *ssl, const char *name);
/** Why the last call on @p ssl failed, for the log. Empties OpenSSL's error queue. */
const char *tls_error_text(SSL *ssl, char *buf, size_t size);
