/** Packets for the SRTP tests. */
#pragma once

#include "media/protect.h"

#include <glib.h>

#include <string.h>

enum { PACKET_CAP = 2048 };

struct packet {
    size_t len;
    uint8_t p[PACKET_CAP];
};

static inline void packet_put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void packet_random_bytes(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)g_test_rand_int();
}

/** A valid RTP packet with a random number of CSRCs, a random extension or none, random payload. */
static inline void packet_rtp(struct packet *k, uint32_t ssrc, uint16_t seq, size_t payload)
{
    unsigned csrcs = (unsigned)g_test_rand_int_range(0, 4) ? 0 : (unsigned)g_test_rand_int() & 15;
    unsigned words = (unsigned)g_test_rand_int_range(0, 2) ? (unsigned)g_test_rand_int() & 31 : 0;
    bool extension = words || g_test_rand_int_range(0, 4) == 0;
    size_t at = 12;
    packet_random_bytes(k->p, 12 + 4U * csrcs + 4 + 4U * words + payload);
    k->p[0] = (uint8_t)(0x80 | (extension ? 0x10 : 0) | csrcs);
    k->p[2] = (uint8_t)(seq >> 8);
    k->p[3] = (uint8_t)seq;
    packet_put32(k->p + 8, ssrc);
    at += 4U * csrcs;
    if (extension) {
        k->p[at + 2] = 0;
        k->p[at + 3] = (uint8_t)words;
        at += 4 + 4U * words;
    }
    k->len = at + payload;
}

/** 172 octets, as most are. */
static inline void packet_audio(struct packet *k, uint32_t ssrc, uint16_t seq)
{
    memset(k->p, 0x5a, 172);
    memcpy(k->p, (uint8_t[]){0x80, 0x00, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 1, 2}, 8);
    packet_put32(k->p + 8, ssrc);
    k->len = 172;
}

/** An RR without blocks, followed by @p more octets of anything. */
static inline void packet_rtcp(struct packet *k, uint32_t ssrc, size_t more)
{
    packet_random_bytes(k->p, 8 + more);
    memcpy(k->p, (uint8_t[]){0x80, 201, 0, 1}, 4);
    packet_put32(k->p + 4, ssrc);
    k->len = 8 + more;
}

static inline bool packet_equal(const struct packet *a, const struct packet *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static inline enum gw_err packet_seal(struct protect *p, struct packet *k)
{
    return protect_rtp(p, k->p, &k->len, sizeof(k->p));
}
static inline enum gw_err packet_open(struct protect *p, struct packet *k)
{
    return unprotect_rtp(p, k->p, &k->len);
}
static inline enum gw_err packet_seal_rtcp(struct protect *p, struct packet *k)
{
    return protect_rtcp(p, k->p, &k->len, sizeof(k->p));
}
static inline enum gw_err packet_open_rtcp(struct protect *p, struct packet *k)
{
    return unprotect_rtcp(p, k->p, &k->len);
}

static const enum desc_suite packet_suites[] = {DESC_AES_CM_128_SHA1_80, DESC_AES_CM_128_SHA1_32,
                                                DESC_AEAD_AES_128_GCM, DESC_AEAD_AES_256_GCM};
static const enum media_srtp packet_backends[] = {MEDIA_SRTP_OWN, MEDIA_SRTP_LIBSRTP};
static const uint8_t packet_key[46] = "a master key and a salt for the tests, 46 by";

static inline struct protect *packet_protect(enum media_srtp backend, enum protect_direction dir,
                                             enum desc_suite suite)
{
    struct protect *p = protect_new(backend, dir, suite, packet_key);
    g_assert_nonnull(p);
    return p;
}
