/* The a= lines that security rests on: a=fingerprint and a=setup (RFC 8122, 5763), a=tls-id
 * (RFC 8842), a=crypto (RFC 4568, 7714). */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <string.h>

static const struct {
    const char *name;
    uint8_t n;
} hashes[] = {
    {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64},
};

/* "AB:CD:..." of exactly @p n octets (RFC 8122 5) */
static bool read_hex(struct span text, uint8_t *out, size_t n)
{
    if (text.n != n * 3 - 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *p = text.p + i * 3;
        int high = g_ascii_xdigit_value(p[0]);
        int low = g_ascii_xdigit_value(p[1]);
        if (high < 0 || low < 0 || (i + 1 < n && p[2] != ':'))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

enum gw_err desc_sdp_read_fingerprint(struct span hash, struct span hex,
                                      struct desc_fingerprint *out)
{
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
        if (!span_equal_nocase(hash, span_of(hashes[i].name)))
            continue;
        *out = (struct desc_fingerprint){.n = hashes[i].n};
        g_strlcpy(out->hash, hashes[i].name, sizeof(out->hash));
        return read_hex(hex, out->value, out->n) ? GW_OK : GW_EPARSE;
    }
    return GW_EUNSUPPORTED;
}

const char *desc_sdp_fingerprint_text(const struct desc_fingerprint *f,
                                      char buf[DESC_FINGERPRINT_TEXT])
{
    buf[0] = '\0';
    for (size_t i = 0; i < f->n; i++)
        (void)g_snprintf(buf + i * 3, 4, "%02X%s", f->value[i], i + 1 < f->n ? ":" : "");
    return buf;
}

enum gw_err sdp_on_fingerprint(struct sdp_reader *r, struct span v)
{
    struct desc_transport *t = &r->section->transport;
    struct span name = sdp_word(&v);
    struct desc_fingerprint f;
    enum gw_err err = desc_sdp_read_fingerprint(name, span_trim(v), &f);

    if (err == GW_EUNSUPPORTED)
        return GW_OK; /* another line may have a known hash (RFC 8122 5) */
    if (err)
        return sdp_refuse(r, err, "a=fingerprint is malformed or has the wrong length");
    if (t->nfingerprints < DESC_FINGERPRINTS_MAX)
        t->fingerprint[t->nfingerprints++] = f;
    return GW_OK;
}

static const char *const setups[] = {[DESC_SETUP_NONE] = NULL,
                                     [DESC_ACTPASS] = "actpass",
                                     [DESC_ACTIVE] = "active",
                                     [DESC_PASSIVE] = "passive",
                                     [DESC_HOLDCONN] = "holdconn"};

bool desc_sdp_read_setup(struct span word, enum desc_setup *out)
{
    for (unsigned i = DESC_ACTPASS; i < G_N_ELEMENTS(setups); i++)
        if (span_equal_nocase(word, span_of(setups[i]))) {
            *out = (enum desc_setup)i;
            return true;
        }
    return false;
}

const char *desc_sdp_setup_word(enum desc_setup setup)
{
    return setups[setup];
}

enum gw_err sdp_on_setup(struct sdp_reader *r, struct span v)
{
    if (!desc_sdp_read_setup(span_trim(v), &r->section->transport.setup))
        return sdp_refuse(r, GW_EPARSE, "a=setup is none of actpass, active, passive, holdconn");
    return GW_OK;
}

enum gw_err sdp_on_tls_id(struct sdp_reader *r, struct span v)
{
    struct desc_transport *t = &r->section->transport;

    v = span_trim(v);
    if (sdp_is_token(v))
        (void)span_copy(v, t->tls_id, sizeof(t->tls_id));
    return GW_OK;
}

/* Session parameters other than KDR=0, WSH and "-optional" ones change the packets (RFC 4568 6.3).
 */
static bool crypto_params_ok(struct span rest)
{
    while (!span_empty(span_trim(rest))) {
        struct span word = sdp_word(&rest);
        if (word.p[0] != '-' && !span_equal_nocase(word, SPAN("KDR=0")) &&
            !(word.n > 4 && span_equal_nocase((struct span){word.p, 4}, SPAN("WSH="))))
            return false;
    }
    return true;
}

/* "inline:KEY|2^20" without MKI and second key */
static bool crypto_key(struct span params, struct desc_crypto *c)
{
    size_t want = desc_suite_key_len(c->suite) + desc_suite_salt_len(c->suite);
    struct span method = span_cut(&params, ':');
    struct span text = span_cut(&params, '|');
    char buf[96];
    gsize n = 0;

    if (!span_equal_nocase(method, SPAN("inline")) || !span_copy(text, buf, sizeof(buf)))
        return false;
    if (params.n && (memchr(params.p, ':', params.n) || memchr(params.p, ';', params.n)))
        return false;
    if (strspn(buf, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != text.n)
        return false;
    while (text.n % 4 != 0 && text.n + 1 < sizeof(buf)) { /* some leave out the padding */
        buf[text.n++] = '=';
        buf[text.n] = '\0';
    }
    if (text.n != (want + 2) / 3 * 4)
        return false;
    (void)g_base64_decode_inplace(buf, &n);
    if (n != want)
        return false;
    memcpy(c->key, buf, n);
    return true;
}

enum gw_err sdp_on_crypto(struct sdp_reader *r, struct span v)
{
    static const struct {
        const char *name;
        enum desc_suite suite;
    } suites[] = {{"AES_CM_128_HMAC_SHA1_80", DESC_AES_CM_128_SHA1_80},
                  {"AES_CM_128_HMAC_SHA1_32", DESC_AES_CM_128_SHA1_32},
                  {"AEAD_AES_128_GCM", DESC_AEAD_AES_128_GCM},
                  {"AEAD_AES_256_GCM", DESC_AEAD_AES_256_GCM}};
    struct desc_transport *t = &r->section->transport;
    struct span tag_text = sdp_word(&v);
    struct span suite = sdp_word(&v);
    struct span key = sdp_word(&v);
    struct desc_crypto c = {0};
    uint64_t tag;

    if (t->ncrypto == DESC_CRYPTO_MAX || !span_u64(tag_text, 999999999, &tag))
        return GW_OK;
    c.tag = (uint32_t)tag;
    for (size_t i = 0; i < G_N_ELEMENTS(suites); i++) {
        c.suite = suites[i].suite;
        if (span_equal_nocase(suite, span_of(suites[i].name)) && crypto_key(key, &c) &&
            crypto_params_ok(v))
            t->crypto[t->ncrypto++] = c;
    }
    return GW_OK;
}
