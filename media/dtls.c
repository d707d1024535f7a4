#include "base/clock.h"
#include "base/log.h"
#include "media/dtls_private.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/srtp.h>

enum {
    TIMER_FIRST_US = 100000, /* RFC 6347 4.2.4.1 says 1 s: too slow for call set-up */
    TIMER_MAX_US = 3200000,
    MTU_MIN = 256,
    IP_OVERHEAD = 28,    /* asked for by OpenSSL, of no effect with a fixed MTU */
    ALERT_REASONS = 1000 /* OpenSSL's reason codes for received alerts */
};
static const char exporter[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 4.2 */

struct dtls {
    struct dtls_params params;
    SSL *ssl;
    enum dtls_state state;
    enum dtls_why why;
    struct span in; /* the datagram in hand */
    uint64_t start_us;
    bool fingerprints_known;
    unsigned nfingerprints; /* of the strongest hash; 0 and known: none was usable */
    struct desc_fingerprint fingerprint[DESC_FINGERPRINTS_MAX];
};

const char *dtls_why_text(enum dtls_why why)
{
    switch (why) {
    case DTLS_WHY_NONE: return "none";
    case DTLS_WHY_TIMEOUT: return "timeout";
    case DTLS_WHY_ALERT: return "alert from the peer";
    case DTLS_WHY_FINGERPRINT: return "certificate is not the one described";
    case DTLS_WHY_PROFILE: return "no SRTP profile in common";
    case DTLS_WHY_PROTOCOL: return "handshake broken";
    }
    return "?";
}

/* ---- the datagram BIO: a memory BIO would lose where datagrams end ---- */

static int bio_write(BIO *bio, const char *data, int n)
{
    struct dtls *d = BIO_get_data(bio);

    if (n > 0)
        d->params.ops->send(d->params.arg, (struct span){data, (size_t)n});
    return n;
}

static int bio_read(BIO *bio, char *buf, int size)
{
    struct dtls *d = BIO_get_data(bio);
    int n = (int)MIN(d->in.n, (size_t)MAX(size, 0)); /* a longer one is cut, as recv() would */

    BIO_clear_retry_flags(bio);
    if (!d->in.n) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(buf, d->in.p, (size_t)n);
    d->in = (struct span){NULL, 0};
    return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct dtls *d = BIO_get_data(bio);

    (void)num, (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return d->params.mtu;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return IP_OVERHEAD;
    case BIO_CTRL_PENDING: return (long)d->in.n;
    default: return 0;
    }
}

BIO_METHOD *dtls_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");

    if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
        BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

static unsigned timer_us(SSL *ssl, unsigned previous)
{
    (void)ssl;
    return previous ? MIN(previous * 2, (unsigned)TIMER_MAX_US) : TIMER_FIRST_US;
}

/* ---- life ---- */

static bool attach(struct dtls *d)
{
    BIO *bio;

    ERR_clear_error();
    d->ssl = SSL_new(d->params.ctx->ssl_ctx);
    bio = d->ssl ? BIO_new(d->params.ctx->bio) : NULL;
    if (!bio)
        return false;
    BIO_set_data(bio, d);
    BIO_set_init(bio, 1);
    SSL_set_bio(d->ssl, bio, bio); /* now the SSL's */
    (void)SSL_set_app_data(d->ssl, d);
    DTLS_set_timer_cb(d->ssl, timer_us);
    if (d->params.active)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return DTLS_set_link_mtu(d->ssl, d->params.mtu) == 1;
}

struct dtls *dtls_new(const struct dtls_params *params)
{
    struct dtls *d = g_new0(struct dtls, 1);

    d->params = *params;
    d->params.mtu = MAX(params->mtu ? params->mtu : (uint16_t)DTLS_MTU, (uint16_t)MTU_MIN);
    if (attach(d))
        return d;
    LOG_E("dtls", "no handshake: %s", ERR_reason_error_string(ERR_peek_error()));
    dtls_free(d);
    return NULL;
}

void dtls_free(struct dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    g_free(d);
}

static void give_up(struct dtls *d, enum dtls_why why, const char *detail)
{
    LOG_CALL(d->params.call_id);

    if (d->state == DTLS_FAILED || d->state == DTLS_CLOSED)
        return;
    d->state = DTLS_FAILED;
    d->why = why;
    LOG_W("dtls", "%s%s%s", dtls_why_text(why), detail ? ": " : "", detail ? detail : "");
    d->params.ops->failed(d->params.arg, why);
}

/* ---- the certificate ---- */

static bool promised(const struct dtls *d, const X509 *cert)
{
    uint8_t digest[64];

    for (unsigned i = 0; i < d->nfingerprints; i++) {
        const struct desc_fingerprint *f = &d->fingerprint[i];
        unsigned n = dtls_digest(cert, f->hash, digest);

        if (n && n == f->n && CRYPTO_memcmp(digest, f->value, n) == 0)
            return true;
    }
    return false;
}

/* No chain is built: the description vouches for the certificate (RFC 5763 5). When it is known
 * already a wrong certificate ends the handshake here, and the peer hears bad_certificate. */
int dtls_verify(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *d = SSL_get_app_data(ssl);
    const X509 *cert = X509_STORE_CTX_get0_cert(store);

    (void)arg;
    if (cert && (!d->fingerprints_known || promised(d, cert)))
        return 1;
    d->why = DTLS_WHY_FINGERPRINT;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* ---- keys ---- */

static bool suite_of(const SRTP_PROTECTION_PROFILE *profile, enum desc_suite *suite)
{
    switch (profile ? profile->id : 0) {
    case SRTP_AEAD_AES_128_GCM: *suite = DESC_AEAD_AES_128_GCM; return true;
    case SRTP_AES128_CM_SHA1_80: *suite = DESC_AES_CM_128_SHA1_80; return true;
    default: return false;
    }
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static bool export_keys(struct dtls *d, enum desc_suite suite, struct dtls_keys *out)
{
    size_t key = desc_suite_key_len(suite);
    size_t salt = desc_suite_salt_len(suite);
    uint8_t block[2 * DTLS_KEY_MAX];
    uint8_t *client = d->params.active ? out->send : out->receive;
    uint8_t *server = d->params.active ? out->receive : out->send;

    out->suite = suite;
    if (SSL_export_keying_material(d->ssl, block, 2 * (key + salt), exporter, sizeof(exporter) - 1,
                                   NULL, 0, 0) != 1)
        return false;
    memcpy(client, block, key);
    memcpy(server, block + key, key);
    memcpy(client + key, block + 2 * key, salt);
    memcpy(server + key, block + 2 * key + salt, salt);
    OPENSSL_cleanse(block, sizeof(block));
    return true;
}

static void hand_out(struct dtls *d)
{
    struct dtls_keys keys = {.suite = DESC_AES_CM_128_SHA1_80};
    enum desc_suite suite;
    X509 *cert;
    bool ok;
    LOG_CALL(d->params.call_id);

    if (!suite_of(SSL_get_selected_srtp_profile(d->ssl), &suite)) {
        (void)SSL_shutdown(d->ssl);
        give_up(d, DTLS_WHY_PROFILE, NULL);
        return;
    }
    if (!d->fingerprints_known) {
        d->state = DTLS_PARKED;
        return;
    }
    cert = SSL_get1_peer_certificate(d->ssl);
    ok = cert && promised(d, cert);
    X509_free(cert);
    if (!ok) {
        (void)SSL_shutdown(d->ssl);
        give_up(d, DTLS_WHY_FINGERPRINT, NULL);
        return;
    }
    if (!export_keys(d, suite, &keys)) {
        give_up(d, DTLS_WHY_PROTOCOL, "key export");
        return;
    }
    d->state = DTLS_OPEN;
    LOG_D("dtls", "open as %s, %s, %s", d->params.active ? "client" : "server",
          SSL_get_cipher_name(d->ssl), SSL_get_selected_srtp_profile(d->ssl)->name);
    d->params.ops->keys(d->params.arg, &keys);
    OPENSSL_cleanse(&keys, sizeof(keys));
}

static unsigned strength(const struct desc_fingerprint *f)
{
    static const struct {
        const char *hash;
        unsigned octets;
    } known[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        if (!strcmp(f->hash, known[i].hash) && f->n == known[i].octets)
            return known[i].octets;
    }
    return 0;
}

/* RFC 8122 5: of several hash functions the best one decides. */
static void keep_strongest(struct dtls *d, const struct desc_fingerprint *fp, unsigned n)
{
    unsigned best = 0;

    d->nfingerprints = 0;
    d->fingerprints_known = n > 0;
    for (unsigned i = 0; i < n; i++)
        best = MAX(best, strength(&fp[i]));
    for (unsigned i = 0; best && i < n && d->nfingerprints < DESC_FINGERPRINTS_MAX; i++) {
        if (strength(&fp[i]) == best)
            d->fingerprint[d->nfingerprints++] = fp[i];
    }
}

enum gw_err dtls_set_fingerprints(struct dtls *d, const struct desc_fingerprint *fp, unsigned n)
{
    if (d->state == DTLS_OPEN) {
        X509 *cert = SSL_get1_peer_certificate(d->ssl);
        bool same;

        if (n)
            keep_strongest(d, fp, n);
        same = cert && promised(d, cert);
        X509_free(cert);
        return same ? GW_OK : GW_ESTATE;
    }
    keep_strongest(d, fp, n);
    if (d->state == DTLS_PARKED && d->fingerprints_known)
        hand_out(d);
    return n && !d->nfingerprints ? GW_EINVAL : GW_OK;
}

/* ---- the handshake ---- */

static void broken(struct dtls *d)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
    enum dtls_why why = DTLS_WHY_PROTOCOL;

    if (d->why == DTLS_WHY_FINGERPRINT)
        why = DTLS_WHY_FINGERPRINT;
    else if (reason == SSL_R_READ_TIMEOUT_EXPIRED)
        why = DTLS_WHY_TIMEOUT;
    else if (reason >= ALERT_REASONS)
        why = DTLS_WHY_ALERT;
    give_up(d, why, ERR_reason_error_string(e));
}

static void closed_by_peer(struct dtls *d)
{
    d->state = DTLS_CLOSED;
    d->params.ops->closed(d->params.arg);
}

/* What @p ret of an SSL call means; false: nothing more to do now. */
static bool judge(struct dtls *d, int ret)
{
    if (ret > 0)
        return true;
    switch (SSL_get_error(d->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return false;
    case SSL_ERROR_ZERO_RETURN: closed_by_peer(d); return false;
    default: broken(d); return false;
    }
}

static void run(struct dtls *d)
{
    uint8_t scrap[2048];

    if (d->state == DTLS_HANDSHAKE) {
        ERR_clear_error();
        if (!judge(d, SSL_do_handshake(d->ssl)))
            return;
        hand_out(d);
    }
    /* Afterwards alerts and retransmitted Finished messages are all that matters; application data
     * is nobody's. */
    while (d->state == DTLS_OPEN || d->state == DTLS_PARKED) {
        ERR_clear_error();
        if (!judge(d, SSL_read(d->ssl, scrap, sizeof(scrap))))
            return;
    }
}

void dtls_start(struct dtls *d, uint64_t now_us)
{
    if (d->state != DTLS_NEW)
        return;
    d->state = DTLS_HANDSHAKE;
    d->start_us = now_us;
    if (d->params.active)
        run(d);
}

void dtls_input(struct dtls *d, struct span datagram, uint64_t now_us)
{
    if (d->state == DTLS_NEW && !d->params.active)
        dtls_start(d, now_us);
    if (d->state == DTLS_NEW || d->state == DTLS_FAILED || d->state == DTLS_CLOSED)
        return;
    d->in = datagram;
    run(d);
    d->in = (struct span){NULL, 0};
}

uint64_t dtls_next_due_us(const struct dtls *d, uint64_t now_us)
{
    struct timeval left;
    uint64_t due = d->start_us + DTLS_TIMEOUT_US;

    if (d->state != DTLS_HANDSHAKE)
        return DTLS_NEVER;
    if (DTLSv1_get_timeout(d->ssl, &left) == 1)
        due = MIN(due, now_us + (uint64_t)left.tv_sec * US_PER_S + (uint64_t)left.tv_usec);
    return due;
}

void dtls_timer(struct dtls *d, uint64_t now_us)
{
    if (d->state != DTLS_HANDSHAKE)
        return;
    if (now_us - d->start_us >= DTLS_TIMEOUT_US) {
        give_up(d, DTLS_WHY_TIMEOUT, NULL);
        return;
    }
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0)
        broken(d);
}

void dtls_close(struct dtls *d)
{
    if (d->state == DTLS_OPEN || d->state == DTLS_PARKED) {
        ERR_clear_error();
        (void)SSL_shutdown(d->ssl);
    }
    if (d->state != DTLS_FAILED)
        d->state = DTLS_CLOSED;
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

enum dtls_why dtls_why(const struct dtls *d)
{
    return d->state == DTLS_FAILED ? d->why : DTLS_WHY_NONE;
}

bool dtls_is_client_hello(struct span d)
{
    const uint8_t *p = (const uint8_t *)d.p;

    /* record: type, version (2), epoch (2), sequence (6), length (2); then the handshake type */
    return d.n >= 14 && p[0] == 22 && p[1] == 254 && p[3] == 0 && p[4] == 0 && p[13] == 1;
}
