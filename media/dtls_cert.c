/* The process certificate and the OpenSSL context around it. */
#include "base/ids.h"
#include "base/log.h"
#include "media/dtls_private.h"

#include <glib.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum { CERT_DAYS_BACK = 1, CERT_DAYS = 3650, NAME_LEN = 16 };
static const char profiles[] = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
static const char ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";

unsigned dtls_digest(const X509 *cert, const char *hash, uint8_t out[64])
{
    unsigned n = 0;
    const EVP_MD *md = !strcmp(hash, "sha-256")   ? EVP_sha256()
                       : !strcmp(hash, "sha-384") ? EVP_sha384()
                       : !strcmp(hash, "sha-512") ? EVP_sha512()
                                                  : NULL;

    return md && X509_digest(cert, md, out, &n) == 1 ? n : 0;
}

static bool cert_fill(X509 *cert, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(cert);
    uint64_t serial = random_u64() | 1; /* not zero (RFC 5280 4.1.2.2) */
    char cn[NAME_LEN + 1];

    random_token(cn, NAME_LEN); /* says nothing about this host (RFC 8827 6.5) */
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(cert), -CERT_DAYS_BACK, 0, NULL) &&
           X509_time_adj_ex(X509_getm_notAfter(cert), CERT_DAYS, 0, NULL) &&
           X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool use_new_certificate(struct dtls_context *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool ok = key && cert && cert_fill(cert, key) &&
              SSL_CTX_use_certificate(ctx->ssl_ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(ctx->ssl_ctx, key) == 1;

    if (ok) {
        (void)g_strlcpy(ctx->fingerprint.hash, "sha-256", sizeof(ctx->fingerprint.hash));
        ctx->fingerprint.n = (uint8_t)dtls_digest(cert, "sha-256", ctx->fingerprint.value);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok && ctx->fingerprint.n == 32;
}

static bool configure(SSL_CTX *c)
{
    char groups[] = "X25519:P-256"; /* P-256 for its certificates; OpenSSL wants it writable */

    (void)SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS); /* 15 instead of 47 KiB each */
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c, dtls_verify, NULL);
    return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(c, ciphers) == 1 && SSL_CTX_set1_groups_list(c, groups) == 1 &&
           SSL_CTX_set_tlsext_use_srtp(c, profiles) == 0; /* 0 is success here */
}

struct dtls_context *dtls_context_new(void)
{
    struct dtls_context *ctx = g_new0(struct dtls_context, 1);

    ERR_clear_error();
    ctx->ssl_ctx = SSL_CTX_new(DTLS_method());
    ctx->bio = dtls_bio_method();
    if (ctx->ssl_ctx && ctx->bio && configure(ctx->ssl_ctx) && use_new_certificate(ctx))
        return ctx;
    LOG_E("dtls", "no DTLS context: %s", ERR_reason_error_string(ERR_peek_error()));
    dtls_context_free(ctx);
    return NULL;
}

void dtls_context_free(struct dtls_context *ctx)
{
    if (!ctx)
        return;
    SSL_CTX_free(ctx->ssl_ctx);
    BIO_meth_free(ctx->bio);
    g_free(ctx);
}

const struct desc_fingerprint *dtls_context_fingerprint(const struct dtls_context *ctx)
{
    return &ctx->fingerprint;
}
