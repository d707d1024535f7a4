#include "edge/tls.h"

#include "base/log.h"

#include <glib.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define MOD "edge"

struct tls_named {
    char *name; /* SNI name, "" for the default */
    SSL_CTX *ctx[TLS_KINDS];
};

struct tls_set {
    unsigned n;
    struct tls_named *named;
    SSL_CTX *dial;
};

struct tls_store {
    struct tls_set *set; /* may be NULL */
};

static const unsigned char alpn_http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

static const char *queue_text(char *buf, size_t size)
{
    unsigned long code = ERR_peek_last_error();

    ERR_error_string_n(code, buf, size);
    if (ERR_reason_error_string(code))
        (void)g_strlcpy(buf, ERR_reason_error_string(code), size);
    ERR_clear_error();
    return buf;
}

const char *tls_error_text(SSL *ssl, char *buf, size_t size)
{
    long verify = SSL_get_verify_result(ssl);

    if (verify != X509_V_OK && ERR_peek_last_error()) {
        (void)g_strlcpy(buf, X509_verify_cert_error_string(verify), size);
        ERR_clear_error();
        return buf;
    }
    if (!ERR_peek_last_error()) {
        (void)g_strlcpy(buf, "the peer closed the connection", size);
        return buf;
    }
    return queue_text(buf, size);
}

/* ---- contexts ---- */

/* No overlap: continue without ALPN, as clients that offer only "h2" still speak 1.1. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                   const unsigned char *in, unsigned inlen, void *arg)
{
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, outlen, alpn_http11, sizeof(alpn_http11), in, inlen) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const struct tls_named *set_find(const struct tls_set *set, const char *name)
{
    const struct tls_named *fallback = NULL;

    for (unsigned i = 0; set && i < set->n; i++) {
        if (name && g_ascii_strcasecmp(set->named[i].name, name) == 0)
            return &set->named[i];
        if (!fallback || !*set->named[i].name)
            fallback = &set->named[i];
    }
    return fallback;
}

/* What a context carries to be told apart by: the address of its kind. */
static enum tls_kind kinds[TLS_KINDS] = {TLS_WEB, TLS_SIP, TLS_SIP_MUTUAL};

static enum tls_kind ctx_kind(const SSL_CTX *ctx)
{
    return *(const enum tls_kind *)SSL_CTX_get_app_data(ctx);
}

/* Looks into the store, not into the set this handshake began with: a reload may have freed it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is OpenSSL's */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const struct tls_store *store = arg;
    const struct tls_named *named =
        set_find(store->set, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    enum tls_kind kind = ctx_kind(SSL_get_SSL_CTX(ssl));

    (void)alert;
    if (named && named->ctx[kind])
        (void)SSL_set_SSL_CTX(ssl, named->ctx[kind]);
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *ctx_common(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

static bool ctx_load_pair(SSL_CTX *ctx, const struct edge_cert *cert)
{
    char why[160];

    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, cert->chain) != 1) {
        LOG_E(MOD, "cannot use certificate %s: %s", cert->chain, queue_text(why, sizeof(why)));
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, cert->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        LOG_E(MOD, "cannot use key %s with certificate %s: %s", cert->key, cert->chain,
              queue_text(why, sizeof(why)));
        return false;
    }
    return true;
}

static bool ctx_want_client(SSL_CTX *ctx, const char *ca)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    char why[160];

    if (!names || SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1) {
        LOG_E(MOD, "cannot read client CA %s: %s", ca, queue_text(why, sizeof(why)));
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return false;
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

static SSL_CTX *ctx_server(struct tls_store *store, const struct edge_cert *cert,
                           enum tls_kind kind, const char *client_ca)
{
    const unsigned char id[] = {'e', (unsigned char)('0' + kind)};
    SSL_CTX *ctx = ctx_common(TLS_server_method());

    if (!ctx)
        return NULL;
    /* A client certificate is refused at resumption unless sessions carry the context's name. */
    (void)SSL_CTX_set_session_id_context(ctx, id, sizeof(id));
    (void)SSL_CTX_set_num_tickets(ctx, 1);
    (void)SSL_CTX_set_app_data(ctx, &kinds[kind]);
    (void)SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    (void)SSL_CTX_set_tlsext_servername_arg(ctx, store);
    if (kind == TLS_WEB)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    if (!ctx_load_pair(ctx, cert) || (kind == TLS_SIP_MUTUAL && !ctx_want_client(ctx, client_ca))) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static SSL_CTX *ctx_dial(const char *ca)
{
    SSL_CTX *ctx = ctx_common(TLS_client_method());
    char why[160];

    if (!ctx)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    ERR_clear_error();
    if (ca ? SSL_CTX_load_verify_file(ctx, ca) == 1 : SSL_CTX_set_default_verify_paths(ctx) == 1)
        return ctx;
    LOG_E(MOD, "cannot read CA bundle %s: %s", ca ? ca : "of the system",
          queue_text(why, sizeof(why)));
    SSL_CTX_free(ctx);
    return NULL;
}

/* ---- sets ---- */

static bool named_fill(struct tls_named *named, struct tls_store *store,
                       const struct edge_cert *cert, const char *client_ca)
{
    named->name = g_strdup(cert->name ? cert->name : "");
    for (unsigned kind = 0; kind < TLS_KINDS; kind++) {
        if (kind == TLS_SIP_MUTUAL && !client_ca)
            continue;
        named->ctx[kind] = ctx_server(store, cert, kind, client_ca);
        if (!named->ctx[kind])
            return false;
    }
    return true;
}

struct tls_set *tls_set_new(struct tls_store *store, unsigned ncerts, const struct edge_cert *cert,
                            const char *client_ca, const char *dial_ca)
{
    struct tls_set *set = g_new0(struct tls_set, 1);
    bool ok;

    set->n = ncerts;
    set->named = g_new0(struct tls_named, ncerts);
    set->dial = ctx_dial(dial_ca);
    ok = set->dial != NULL;
    for (unsigned i = 0; i < ncerts && ok; i++)
        ok = named_fill(&set->named[i], store, &cert[i], client_ca);
    if (ok)
        return set;
    tls_set_free(set);
    return NULL;
}

void tls_set_free(struct tls_set *set)
{
    if (!set)
        return;
    for (unsigned i = 0; i < set->n; i++) {
        for (unsigned kind = 0; kind < TLS_KINDS; kind++)
            SSL_CTX_free(set->named[i].ctx[kind]);
        g_free(set->named[i].name);
    }
    SSL_CTX_free(set->dial);
    g_free(set->named);
    g_free(set);
}

bool tls_set_serves(const struct tls_set *set, enum tls_kind kind)
{
    const struct tls_named *named = set_find(set, NULL);

    return named && named->ctx[kind];
}

struct tls_store *tls_store_new(void)
{
    return g_new0(struct tls_store, 1);
}

void tls_store_free(struct tls_store *store)
{
    if (!store)
        return;
    tls_set_free(store->set);
    g_free(store);
}

void tls_store_swap(struct tls_store *store, struct tls_set *set)
{
    tls_set_free(store->set);
    store->set = set;
}

/* ---- connections ---- */

SSL *tls_accept(struct tls_store *store, enum tls_kind kind, int fd)
{
    const struct tls_named *named = set_find(store->set, NULL);
    SSL *ssl = named && named->ctx[kind] ? SSL_new(named->ctx[kind]) : NULL;

    if (ssl) {
        (void)SSL_set_fd(ssl, fd);
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

static bool name_is_numeric(const char *name)
{
    struct net_addr ip;

    return net_addr_parse_ip(span_of(name), &ip);
}

SSL *tls_connect(struct tls_store *store, int fd, const char *name)
{
    SSL *ssl = store->set ? SSL_new(store->set->dial) : NULL;

    if (!ssl)
        return NULL;
    (void)SSL_set_fd(ssl, fd);
    SSL_set_connect_state(ssl);
    if (!name_is_numeric(name)) {               /* RFC 6066 3: no addresses in SNI */
        g_autofree char *copy = g_strdup(name); /* OpenSSL's macro casts const away */
        (void)SSL_set_tlsext_host_name(ssl, copy);
    }
    return ssl;
}

/* RFC 5922 7.1: a URI name counts when it is a SIP URI without a user part. */
static bool uri_names(X509 *cert, const char *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        const ASN1_IA5STRING *uri = n->d.uniformResourceIdentifier;
        struct span text;

        if (n->type != GEN_URI)
            continue;
        text = (struct span){(const char *)ASN1_STRING_get0_data(uri),
                             (size_t)ASN1_STRING_length(uri)};
        found = text.n > 4 && span_equal_nocase((struct span){text.p, 4}, SPAN("sip:")) &&
                span_equal_nocase((struct span){text.p + 4, text.n - 4}, span_of(name));
    }
    GENERAL_NAMES_free(names);
    return found;
}

bool tls_check_name(SSL *ssl, const char *name)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

    if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
        return false;
    if (name_is_numeric(name))
        return X509_check_ip_asc(cert, name, 0) == 1;
    if (X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) >= 0)
        flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT; /* the CN counts only without other names */
    return uri_names(cert, name) || X509_check_host(cert, name, 0, flags, NULL) == 1;
}
