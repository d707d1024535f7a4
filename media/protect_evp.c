/* SRTP's cryptography on OpenSSL. Three things make it fast: each cipher is fetched once a process
 * (an implicit fetch a packet costs more than the encryption), each context is keyed once, and HMAC
 * continues from SHA-1 states that have absorbed the padded key. The last needs OpenSSL's low-level
 * SHA1_*, deprecated but without a substitute at this cost; this file alone uses it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/ids.h"
#include "media/octets.h"
#include "media/protect_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct protect_key {
    bool gcm, rtcp;
    size_t tag_len;
    uint8_t salt[PROTECT_SALT_MAX];
    EVP_CIPHER_CTX *cipher;
    SHA_CTX inner, outer; /* behind the key's ipad and opad block (RFC 2104); not with GCM */
};

static struct {
    EVP_CIPHER *ctr128, *ctr256, *gcm128, *gcm256;
} ciphers; /* written once, before the first key */

static void ciphers_fetch(void)
{
    ciphers.ctr128 = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    ciphers.ctr256 = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    ciphers.gcm128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    ciphers.gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

static const EVP_CIPHER *cipher_ctr(enum desc_suite suite)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, ciphers_fetch);
    return suite == DESC_AEAD_AES_256_GCM ? ciphers.ctr256 : ciphers.ctr128;
}

static const EVP_CIPHER *cipher_of(enum desc_suite suite)
{
    const EVP_CIPHER *ctr = cipher_ctr(suite);
    switch (suite) {
    case DESC_AES_CM_128_SHA1_80:
    case DESC_AES_CM_128_SHA1_32: return ctr;
    case DESC_AEAD_AES_128_GCM: return ciphers.gcm128;
    case DESC_AEAD_AES_256_GCM: return ciphers.gcm256;
    }
    return NULL;
}

static bool is_gcm(enum desc_suite suite)
{
    return suite == DESC_AEAD_AES_128_GCM || suite == DESC_AEAD_AES_256_GCM;
}

/** RFC 3711 4.3.3: key stream of AES-CM under the master key, its IV made of salt and label. */
static bool derive_one(EVP_CIPHER_CTX *ctx, const uint8_t iv_salt[16], uint8_t label, uint8_t *out,
                       size_t n)
{
    uint8_t iv[16];
    int written = 0;
    memcpy(iv, iv_salt, sizeof(iv));
    iv[7] ^= label; /* the 48-bit index below it is 0 with rate 0 */
    memset(out, 0, n);
    return EVP_EncryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(ctx, out, &written, out, (int)n) == 1 && (size_t)written == n;
}

bool protect_derive(enum desc_suite suite, const uint8_t *master, bool rtcp,
                    struct protect_session *out)
{
    size_t key_len = desc_suite_key_len(suite);
    size_t salt_len = desc_suite_salt_len(suite);
    uint8_t label = rtcp ? 3 : 0; /* RFC 3711 4.3.1, 4.3.2: cipher, auth, salt */
    uint8_t iv[16] = {0};         /* a salt of 96 bits is padded on the right (RFC 7714 11) */
    memcpy(iv, master + key_len, salt_len);
    memset(out, 0, sizeof(*out));
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && cipher_ctr(suite) &&
              EVP_EncryptInit_ex2(ctx, cipher_ctr(suite), master, NULL, NULL) == 1 &&
              derive_one(ctx, iv, label, out->cipher, key_len) &&
              derive_one(ctx, iv, label + 1, out->auth, sizeof(out->auth)) &&
              derive_one(ctx, iv, label + 2, out->salt, salt_len);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/** RFC 2104: both hashes begin with one block of the padded key. */
static void hmac_prepare(struct protect_key *k, const uint8_t auth[20])
{
    uint8_t block[SHA_CBLOCK];
    memset(block, 0x36, sizeof(block));
    for (size_t i = 0; i < 20; i++)
        block[i] ^= auth[i];
    SHA1_Init(&k->inner);
    SHA1_Update(&k->inner, block, sizeof(block));
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&k->outer);
    SHA1_Update(&k->outer, block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

struct protect_key *protect_key_new(enum desc_suite suite, enum protect_direction direction,
                                    bool rtcp, const struct protect_session *session)
{
    struct protect_key *k = calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    k->gcm = is_gcm(suite);
    k->rtcp = rtcp;
    if (k->gcm)
        k->tag_len = PROTECT_GCM_TAG;
    else /* RFC 4568 6.2.2: SRTCP has the long tag even where SRTP's is short */
        k->tag_len = suite == DESC_AES_CM_128_SHA1_32 && !rtcp ? 4 : 10;
    memcpy(k->salt, session->salt, sizeof(k->salt));
    if (!k->gcm)
        hmac_prepare(k, session->auth);
    /* Counter mode encrypts to decrypt. */
    int encrypt = direction == PROTECT_OUT || !k->gcm;
    const EVP_CIPHER *cipher = cipher_of(suite);
    k->cipher = EVP_CIPHER_CTX_new();
    if (!k->cipher || !cipher ||
        EVP_CipherInit_ex2(k->cipher, cipher, session->cipher, NULL, encrypt, NULL) != 1) {
        protect_key_free(k);
        return NULL;
    }
    return k;
}

void protect_key_free(struct protect_key *k)
{
    if (!k)
        return;
    EVP_CIPHER_CTX_free(k->cipher);
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

size_t protect_key_tag_len(const struct protect_key *k)
{
    return k->tag_len;
}

/** Salt xor (SSRC, 48-bit index), which stand at @p at: RFC 3711 4.1.1 (16 octets, the last two are
 * the block counter), RFC 7714 8.1 and 9.1 (12 octets). */
static void iv_make(const struct protect_key *k, const struct protect_unit *u, uint8_t iv[16])
{
    size_t at = k->gcm ? 2 : 4;
    uint8_t mix[10];
    octets_put32(mix, u->ssrc);
    octets_put32(mix + 4, (uint32_t)(u->index >> 16));
    octets_put16(mix + 8, (uint16_t)u->index);
    memcpy(iv, k->salt, PROTECT_SALT_MAX);
    iv[14] = iv[15] = 0;
    for (size_t i = 0; i < sizeof(mix); i++)
        iv[at + i] ^= mix[i];
}

static bool ctr_apply(struct protect_key *k, const struct protect_unit *u)
{
    uint8_t iv[16];
    int n = 0;
    if (u->len == u->clear)
        return true;
    iv_make(k, u, iv);
    return EVP_EncryptInit_ex2(k->cipher, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(k->cipher, u->p + u->clear, &n, u->p + u->clear,
                             (int)(u->len - u->clear)) == 1;
}

static void hmac_tag(const struct protect_key *k, const struct protect_unit *u,
                     uint8_t tag[SHA_DIGEST_LENGTH])
{
    uint8_t word[4];
    SHA_CTX sha = k->inner;
    octets_put32(word, u->word);
    SHA1_Update(&sha, u->p, u->len);
    SHA1_Update(&sha, word, sizeof(word));
    SHA1_Final(tag, &sha);
    sha = k->outer;
    SHA1_Update(&sha, tag, SHA_DIGEST_LENGTH);
    SHA1_Final(tag, &sha);
}

/** The cipher's pass over associated data and payload; the tag is set before (open) or read after
 * (seal). */
static bool gcm_pass(struct protect_key *k, const struct protect_unit *u)
{
    uint8_t word[4];
    int n = 0;
    octets_put32(word, u->word);
    if (EVP_CipherUpdate(k->cipher, NULL, &n, u->p, (int)u->clear) != 1)
        return false;
    if (k->rtcp && EVP_CipherUpdate(k->cipher, NULL, &n, word, sizeof(word)) != 1)
        return false;
    if (u->len > u->clear && EVP_CipherUpdate(k->cipher, u->p + u->clear, &n, u->p + u->clear,
                                              (int)(u->len - u->clear)) != 1)
        return false;
    return EVP_CipherFinal_ex(k->cipher, u->p + u->len, &n) == 1;
}

bool protect_key_seal(struct protect_key *k, const struct protect_unit *u, uint8_t *tag)
{
    if (k->gcm) {
        uint8_t iv[16];
        iv_make(k, u, iv);
        return EVP_EncryptInit_ex2(k->cipher, NULL, NULL, iv, NULL) == 1 && gcm_pass(k, u) &&
               EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_GET_TAG, PROTECT_GCM_TAG, tag) == 1;
    }
    uint8_t full[SHA_DIGEST_LENGTH];
    if (!ctr_apply(k, u))
        return false;
    hmac_tag(k, u, full);
    memcpy(tag, full, k->tag_len);
    return true;
}

bool protect_key_open(struct protect_key *k, const struct protect_unit *u, const uint8_t *tag)
{
    if (k->gcm) {
        uint8_t iv[16];
        uint8_t expected[PROTECT_GCM_TAG];
        iv_make(k, u, iv);
        memcpy(expected, tag, sizeof(expected)); /* the call wants it writable */
        return EVP_DecryptInit_ex2(k->cipher, NULL, NULL, iv, NULL) == 1 &&
               EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_TAG, PROTECT_GCM_TAG, expected) ==
                   1 &&
               gcm_pass(k, u);
    }
    uint8_t full[SHA_DIGEST_LENGTH];
    hmac_tag(k, u, full);
    return secret_equal(full, tag, k->tag_len) && ctr_apply(k, u);
}
