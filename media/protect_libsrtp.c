/* The second backend: the packaged libsrtp2. Slow here (Debian builds it on NSS), kept as the
 * oracle of the differential tests and for operators who want the reference implementation. */
#include "media/protect_internal.h"
#include "media/rtcp.h"

#include <srtp2/srtp.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct protect_lib {
    srtp_t session;
    enum protect_direction direction;
    unsigned nsources, oldest;
    uint32_t source[PROTECT_SSRCS_OUT]; /* the library would keep any number */
};

static bool started;

static void library_start(void)
{
    started = srtp_init() == srtp_err_status_ok;
}

static void policy_set(srtp_policy_t *policy, enum desc_suite suite)
{
    switch (suite) {
    case DESC_AES_CM_128_SHA1_80:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        break;
    case DESC_AES_CM_128_SHA1_32:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp); /* RFC 4568 6.2.2 */
        break;
    case DESC_AEAD_AES_128_GCM:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
        break;
    case DESC_AEAD_AES_256_GCM:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
        break;
    }
}

struct protect_lib *protect_lib_new(enum protect_direction direction, enum desc_suite suite,
                                    const uint8_t *master)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, library_start);
    struct protect_lib *l = started ? calloc(1, sizeof(*l)) : NULL;
    if (!l)
        return NULL;
    uint8_t key[sizeof(((struct desc_crypto *)NULL)->key)]; /* the library does not take const */
    size_t n = desc_suite_key_len(suite) + desc_suite_salt_len(suite);
    memcpy(key, master, n);
    srtp_policy_t policy = {
        .ssrc = {.type = direction == PROTECT_OUT ? ssrc_any_outbound : ssrc_any_inbound},
        .key = key,
        .window_size = PROTECT_WINDOW};
    policy_set(&policy, suite);
    l->direction = direction;
    srtp_err_status_t status = srtp_create(&l->session, &policy);
    explicit_bzero(key, sizeof(key));
    if (status != srtp_err_status_ok) {
        free(l);
        return NULL;
    }
    return l;
}

void protect_lib_free(struct protect_lib *l)
{
    if (!l)
        return;
    (void)srtp_dealloc(l->session);
    free(l);
}

static enum gw_err translate(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok: return GW_OK;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old: return GW_EREPLAY;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err: return GW_EPARSE;
    case srtp_err_status_key_expired: return GW_EFULL;
    default: return GW_ECRYPTO;
    }
}

static bool source_known(const struct protect_lib *l, uint32_t ssrc)
{
    for (unsigned i = 0; i < l->nsources; i++)
        if (l->source[i] == ssrc)
            return true;
    return false;
}

/** Inbound, after authentication: the oldest gives way. */
static void source_add(struct protect_lib *l, uint32_t ssrc)
{
    if (l->nsources < PROTECT_SSRCS_IN) {
        l->source[l->nsources++] = ssrc;
        return;
    }
    (void)srtp_remove_stream(l->session, htonl(l->source[l->oldest]));
    l->source[l->oldest] = ssrc;
    l->oldest = (l->oldest + 1) % PROTECT_SSRCS_IN;
}

enum gw_err protect_lib_seal(struct protect_lib *l, bool rtcp, uint8_t *pkt, size_t *len)
{
    uint32_t ssrc = rtcp ? rtcp_sender(pkt) : rtp_ssrc(pkt);
    bool known = source_known(l, ssrc);
    if (!known && l->nsources == PROTECT_SSRCS_OUT)
        return GW_EFULL;
    int n = (int)*len; /* at most 65535: checked by protect.c */
    srtp_err_status_t status =
        rtcp ? srtp_protect_rtcp(l->session, pkt, &n) : srtp_protect(l->session, pkt, &n);
    if (status == srtp_err_status_ok) {
        *len = (size_t)n;
        if (!known)
            l->source[l->nsources++] = ssrc;
    }
    return translate(status);
}

enum gw_err protect_lib_open(struct protect_lib *l, bool rtcp, uint8_t *pkt, size_t *len)
{
    uint32_t ssrc = rtcp ? rtcp_sender(pkt) : rtp_ssrc(pkt);
    int n = (int)*len;
    srtp_err_status_t status =
        rtcp ? srtp_unprotect_rtcp(l->session, pkt, &n) : srtp_unprotect(l->session, pkt, &n);
    if (status != srtp_err_status_ok)
        return translate(status);
    *len = (size_t)n;
    if (!source_known(l, ssrc))
        source_add(l, ssrc);
    return GW_OK;
}
