/* SRTP: the promises of protect.h, on both backends where both make them. */
#include "media/protect_internal.h"
#include "tests/unit/media_protect_packets.h"

#include <glib.h>

void unit_media_protect(void);

/** Runs @p fn for every suite on every backend. */
static void each(void (*fn)(enum media_srtp backend, enum desc_suite suite))
{
    for (size_t b = 0; b < G_N_ELEMENTS(packet_backends); b++)
        for (size_t s = 0; s < G_N_ELEMENTS(packet_suites); s++)
            fn(packet_backends[b], packet_suites[s]);
}

struct pair {
    struct protect *out, *in;
};

static struct pair pair_new(enum media_srtp backend, enum desc_suite suite)
{
    return (struct pair){packet_protect(backend, PROTECT_OUT, suite),
                         packet_protect(backend, PROTECT_IN, suite)};
}

static void pair_free(struct pair *p)
{
    protect_free(p->out);
    protect_free(p->in);
}

/** The sealed packet of @p seq. */
static struct packet sealed(struct protect *out, uint32_t ssrc, uint16_t seq)
{
    struct packet k;
    packet_audio(&k, ssrc, seq);
    g_assert_cmpint(packet_seal(out, &k), ==, GW_OK);
    return k;
}

static enum gw_err opened(struct protect *in, const struct packet *sealed_packet)
{
    struct packet k = *sealed_packet;
    return packet_open(in, &k);
}

static void round_trip_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    for (unsigned i = 0; i < 200; i++) {
        struct packet k;
        packet_rtp(&k, 0x1234, (uint16_t)(1000 + i), (size_t)g_test_rand_int_range(0, 1200));
        struct packet clear = k;
        g_assert_cmpint(packet_seal(p.out, &k), ==, GW_OK);
        g_assert_cmpuint(k.len, >, clear.len);
        g_assert_cmpint(packet_open(p.in, &k), ==, GW_OK);
        g_assert_true(packet_equal(&k, &clear));
        packet_rtcp(&k, 0x1234, 4UL * (i % 50));
        clear = k;
        g_assert_cmpint(packet_seal_rtcp(p.out, &k), ==, GW_OK);
        g_assert_cmpint(packet_open_rtcp(p.in, &k), ==, GW_OK);
        g_assert_true(packet_equal(&k, &clear));
    }
    pair_free(&p);
}

static void what_is_sealed_opens(void)
{
    each(round_trip_on);
}

static void replay_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet first = sealed(p.out, 1, 2000);
    struct packet late = sealed(p.out, 1, 2073);
    struct packet last = sealed(p.out, 1, 2200);
    g_assert_cmpint(opened(p.in, &first), ==, GW_OK);
    g_assert_cmpint(opened(p.in, &first), ==, GW_EREPLAY);
    g_assert_cmpint(opened(p.in, &last), ==, GW_OK);
    g_assert_cmpint(opened(p.in, &late), ==, GW_OK); /* 127 behind */
    g_assert_cmpint(opened(p.in, &late), ==, GW_EREPLAY);
    g_assert_cmpint(opened(p.in, &first), ==, GW_EREPLAY);
    g_assert_cmpint(opened(p.in, &last), ==, GW_EREPLAY);
    pair_free(&p);
}

static void replays_are_refused(void)
{
    each(replay_on);
}

static void too_late_is_refused(void)
{
    struct pair p = pair_new(MEDIA_SRTP_OWN, DESC_AEAD_AES_128_GCM);
    struct packet old = sealed(p.out, 1, 2000);
    struct packet high = sealed(p.out, 1, 2128);
    g_assert_cmpint(opened(p.in, &high), ==, GW_OK);
    g_assert_cmpint(opened(p.in, &old), ==, GW_EREPLAY); /* 128 behind: the window is over */
    pair_free(&p);
}

static void reordered_arrives_once_on(enum media_srtp backend, enum desc_suite suite)
{
    enum { N = 600, BLOCK = 100 };
    struct pair p = pair_new(backend, suite);
    struct packet *k = g_new(struct packet, N);
    for (unsigned i = 0; i < N; i++)
        k[i] = sealed(p.out, 9, (uint16_t)(32500 + i));
    for (unsigned at = 0; at < N; at += BLOCK)
        for (unsigned i = 0; i < BLOCK; i++) /* 37 and 100 have no common factor */
            g_assert_cmpint(opened(p.in, &k[at + i * 37 % BLOCK]), ==, GW_OK);
    for (unsigned i = 0; i < N; i++)
        g_assert_cmpint(opened(p.in, &k[i]), ==, GW_EREPLAY);
    g_free(k);
    pair_free(&p);
}

static void reordered_arrives_once(void)
{
    each(reordered_arrives_once_on);
}

static void forged_packets_change_nothing(void)
{
    struct pair p = pair_new(MEDIA_SRTP_OWN, DESC_AES_CM_128_SHA1_80);
    struct packet a = sealed(p.out, 1, 5000);
    struct packet b = sealed(p.out, 1, 5001);
    g_assert_cmpint(opened(p.in, &a), ==, GW_OK);
    for (unsigned seq = 0; seq < 65536; seq += 97) { /* would move window and roll-over counter */
        struct packet forged = b;
        forged.p[2] = (uint8_t)(seq >> 8);
        forged.p[3] = (uint8_t)seq;
        if (seq != 5001)
            g_assert_cmpint(opened(p.in, &forged), !=, GW_OK);
    }
    for (uint32_t ssrc = 2; ssrc < 100; ssrc++) { /* would push the live source out */
        struct packet forged = b;
        packet_put32(forged.p + 8, ssrc);
        g_assert_cmpint(opened(p.in, &forged), ==, GW_ECRYPTO);
    }
    g_assert_cmpint(opened(p.in, &a), ==, GW_EREPLAY);
    g_assert_cmpint(opened(p.in, &b), ==, GW_OK);
    pair_free(&p);
}

static void every_bit_counts_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k;
    struct packet c;
    packet_rtp(&k, 1, 700, 60);
    packet_rtcp(&c, 1, 32);
    g_assert_cmpint(packet_seal(p.out, &k), ==, GW_OK);
    g_assert_cmpint(packet_seal_rtcp(p.out, &c), ==, GW_OK);
    for (size_t bit = 0; bit < 8 * k.len; bit++) {
        struct packet bad = k;
        bad.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        g_assert_cmpint(packet_open(p.in, &bad), !=, GW_OK);
    }
    for (size_t bit = 0; bit < 8 * c.len; bit++) {
        struct packet bad = c;
        bad.p[bit / 8] ^= (uint8_t)(1U << bit % 8);
        g_assert_cmpint(packet_open_rtcp(p.in, &bad), !=, GW_OK);
    }
    g_assert_cmpint(packet_open(p.in, &k), ==, GW_OK);
    g_assert_cmpint(packet_open_rtcp(p.in, &c), ==, GW_OK);
    pair_free(&p);
}

static void every_bit_counts(void)
{
    each(every_bit_counts_on);
}

/** Each length in a block of its own, so that a sanitizer sees a read past the end. */
static void truncated_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k;
    struct packet c;
    packet_rtp(&k, 1, 700, 60);
    packet_rtcp(&c, 1, 32);
    g_assert_cmpint(packet_seal(p.out, &k), ==, GW_OK);
    g_assert_cmpint(packet_seal_rtcp(p.out, &c), ==, GW_OK);
    for (size_t len = 0; len < k.len; len++) {
        uint8_t *cut = g_memdup2(k.p, len);
        size_t n = len;
        g_assert_cmpint(unprotect_rtp(p.in, cut, &n), !=, GW_OK);
        g_assert_cmpuint(n, ==, len);
        g_free(cut);
    }
    for (size_t len = 0; len < c.len; len++) {
        uint8_t *cut = g_memdup2(c.p, len);
        size_t n = len;
        g_assert_cmpint(unprotect_rtcp(p.in, cut, &n), !=, GW_OK);
        g_free(cut);
    }
    g_assert_cmpint(packet_open(p.in, &k), ==, GW_OK);
    g_assert_cmpint(packet_open_rtcp(p.in, &c), ==, GW_OK);
    pair_free(&p);
}

static void truncated_is_refused(void)
{
    each(truncated_on);
}

static void mki_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k = sealed(p.out, 1, 700);
    size_t tag = k.len - 172;
    memmove(k.p + 172 + 1, k.p + 172, tag); /* RFC 3711 3.1: the MKI stands before the tag */
    k.p[172] = 1;
    k.len++;
    g_assert_cmpint(packet_open(p.in, &k), ==, GW_ECRYPTO);
    pair_free(&p);
}

static void an_mki_does_not_authenticate(void)
{
    each(mki_on);
}

static void reuse_on(enum media_srtp backend, enum desc_suite suite)
{
    struct protect *out = packet_protect(backend, PROTECT_OUT, suite);
    struct packet k;
    (void)sealed(out, 1, 3000);
    (void)sealed(out, 1, 3300);
    (void)sealed(out, 1, 3299); /* late but new */
    for (unsigned i = 0; i < 3; i++) {
        static const uint16_t used[] = {3300, 3299, 3000};
        packet_audio(&k, 1, used[i]);
        struct packet before = k;
        g_assert_cmpint(packet_seal(out, &k), ==, GW_EREPLAY);
        g_assert_true(packet_equal(&k, &before));
    }
    (void)sealed(out, 2, 3000); /* another SSRC is another key stream */
    protect_free(out);
}

static void a_key_stream_is_never_reused(void)
{
    each(reuse_on);
}

static void going_back_before_the_first_cycle_is_refused(void)
{
    struct protect *out = packet_protect(MEDIA_SRTP_OWN, PROTECT_OUT, DESC_AEAD_AES_128_GCM);
    struct packet k;
    (void)sealed(out, 1, 5);
    packet_audio(&k, 1, 65535);
    g_assert_cmpint(packet_seal(out, &k), ==, GW_EREPLAY);
    protect_free(out);
}

static void ssrcs_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k;
    for (uint32_t i = 0; i < PROTECT_SSRCS_OUT; i++) {
        k = sealed(p.out, 100 + i, 700);
        g_assert_cmpint(opened(p.in, &k), ==, GW_OK);
        g_assert_cmpint(opened(p.in, &k), ==, GW_EREPLAY);
    }
    packet_audio(&k, 99, 700);
    g_assert_cmpint(packet_seal(p.out, &k), ==, GW_EFULL);
    packet_rtcp(&k, 99, 0);
    g_assert_cmpint(packet_seal_rtcp(p.out, &k), ==, GW_EFULL);
    for (uint32_t i = 0; i < PROTECT_SSRCS_OUT; i++) { /* none was forgotten */
        packet_audio(&k, 100 + i, 700);
        g_assert_cmpint(packet_seal(p.out, &k), ==, GW_EREPLAY);
    }
    pair_free(&p);
}

static void ssrcs_are_bounded(void)
{
    each(ssrcs_on);
}

static void the_live_source_is_not_replaced(void)
{
    struct pair p = pair_new(MEDIA_SRTP_OWN, DESC_AEAD_AES_128_GCM);
    struct packet first = sealed(p.out, 1, 700);
    g_assert_cmpint(opened(p.in, &first), ==, GW_OK);
    for (uint16_t i = 1; i < 50; i++) { /* 49 others, each speaking once, while 1 goes on */
        struct packet other = sealed(p.out, 1000 + i, 700);
        struct packet live = sealed(p.out, 1, (uint16_t)(700 + i));
        g_assert_cmpint(opened(p.in, &other), ==, GW_OK);
        g_assert_cmpint(opened(p.in, &live), ==, GW_OK);
    }
    g_assert_cmpint(opened(p.in, &first), ==, GW_EREPLAY);
    pair_free(&p);
}

static void rollover_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    for (uint32_t i = 0; i < 3 * 65536; i += 211) {
        struct packet k = sealed(p.out, 7, (uint16_t)(1000 + i));
        if (i % 5 != 0) /* losses too */
            g_assert_cmpint(opened(p.in, &k), ==, GW_OK);
    }
    pair_free(&p);
}

static void the_rollover_counter_follows(void)
{
    each(rollover_on);
}

static void late_across_the_wrap(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k[4] = {sealed(p.out, 7, 65530), sealed(p.out, 7, 65535), sealed(p.out, 7, 2),
                          sealed(p.out, 7, 0)};
    static const unsigned order[] = {0, 2, 1, 3};
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpint(opened(p.in, &k[order[i]]), ==, GW_OK);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpint(opened(p.in, &k[i]), ==, GW_EREPLAY);
    pair_free(&p);
}

static void the_wrap_may_be_reordered(void)
{
    each(late_across_the_wrap);
}

static void arguments_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k;
    packet_audio(&k, 1, 700);
    g_assert_cmpint(packet_open(p.out, &k), ==, GW_ESTATE);
    g_assert_cmpint(packet_seal(p.in, &k), ==, GW_ESTATE);
    g_assert_cmpint(protect_rtp(p.out, k.p, &k.len, k.len + PROTECT_TAIL - 1), ==, GW_ETOOBIG);
    k.p[0] = 0x40;
    g_assert_cmpint(packet_seal(p.out, &k), ==, GW_EPARSE);
    packet_rtcp(&k, 1, 4);
    g_assert_cmpint(packet_open_rtcp(p.out, &k), ==, GW_ESTATE);
    g_assert_cmpint(packet_seal_rtcp(p.in, &k), ==, GW_ESTATE);
    g_assert_cmpint(protect_rtcp(p.out, k.p, &k.len, k.len + PROTECT_TAIL - 1), ==, GW_ETOOBIG);
    k.len = 7;
    g_assert_cmpint(packet_seal_rtcp(p.out, &k), ==, GW_EPARSE);
    pair_free(&p);
    protect_free(NULL);
}

static void misuse_is_told(void)
{
    each(arguments_on);
}

static void rtcp_replay_on(enum media_srtp backend, enum desc_suite suite)
{
    struct pair p = pair_new(backend, suite);
    struct packet k[130];
    for (unsigned i = 0; i < 130; i++) {
        packet_rtcp(&k[i], 5, 20);
        g_assert_cmpint(packet_seal_rtcp(p.out, &k[i]), ==, GW_OK);
    }
    struct packet again = k[129];
    g_assert_cmpint(packet_open_rtcp(p.in, &again), ==, GW_OK);
    again = k[2]; /* 127 behind: the last the window still holds */
    g_assert_cmpint(packet_open_rtcp(p.in, &again), ==, GW_OK);
    again = k[129];
    g_assert_cmpint(packet_open_rtcp(p.in, &again), ==, GW_EREPLAY);
    again = k[2];
    g_assert_cmpint(packet_open_rtcp(p.in, &again), ==, GW_EREPLAY);
    again = k[0];
    g_assert_cmpint(packet_open_rtcp(p.in, &again), ==, GW_EREPLAY);
    pair_free(&p);
}

static void rtcp_replays_are_refused(void)
{
    each(rtcp_replay_on);
}

/** Rightly tagged, but with the E bit off: nobody negotiated that (RFC 4568 6.3.2).
 * libsrtp takes it with GCM. */
static void unencrypted_on(enum desc_suite suite)
{
    struct protect *in = packet_protect(MEDIA_SRTP_OWN, PROTECT_IN, suite);
    struct protect_session session;
    struct packet k;
    g_assert_true(protect_derive(suite, packet_key, true, &session));
    struct protect_key *key = protect_key_new(suite, PROTECT_OUT, true, &session);
    bool gcm = protect_key_tag_len(key) == PROTECT_GCM_TAG;
    for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
        packet_rtcp(&k, 5, 20);
        uint32_t word = 7 | (encrypted ? 0x80000000 : 0);
        struct protect_unit u = {.p = k.p,
                                 .clear = encrypted ? 8 : k.len,
                                 .len = k.len,
                                 .ssrc = 5,
                                 .index = 7,
                                 .word = word};
        g_assert_true(protect_key_seal(key, &u, k.p + k.len + (gcm ? 0 : 4)));
        packet_put32(k.p + k.len + (gcm ? PROTECT_GCM_TAG : 0), word);
        k.len += protect_key_tag_len(key) + 4;
        g_assert_cmpint(packet_open_rtcp(in, &k), ==, (encrypted ? GW_OK : GW_ECRYPTO));
    }
    protect_key_free(key);
    protect_free(in);
}

static void unencrypted_srtcp_is_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(packet_suites); i++)
        unencrypted_on(packet_suites[i]);
}

void unit_media_protect(void)
{
    g_test_add_func("/media/protect/what-is-sealed-opens", what_is_sealed_opens);
    g_test_add_func("/media/protect/replays-are-refused", replays_are_refused);
    g_test_add_func("/media/protect/too-late-is-refused", too_late_is_refused);
    g_test_add_func("/media/protect/reordered-arrives-once", reordered_arrives_once);
    g_test_add_func("/media/protect/forged-packets-change-nothing", forged_packets_change_nothing);
    g_test_add_func("/media/protect/every-bit-counts", every_bit_counts);
    g_test_add_func("/media/protect/truncated-is-refused", truncated_is_refused);
    g_test_add_func("/media/protect/an-mki-does-not-authenticate", an_mki_does_not_authenticate);
    g_test_add_func("/media/protect/a-key-stream-is-never-reused", a_key_stream_is_never_reused);
    g_test_add_func("/media/protect/going-back-before-the-first-cycle-is-refused",
                    going_back_before_the_first_cycle_is_refused);
    g_test_add_func("/media/protect/ssrcs-are-bounded", ssrcs_are_bounded);
    g_test_add_func("/media/protect/the-live-source-is-not-replaced",
                    the_live_source_is_not_replaced);
    g_test_add_func("/media/protect/the-rollover-counter-follows", the_rollover_counter_follows);
    g_test_add_func("/media/protect/the-wrap-may-be-reordered", the_wrap_may_be_reordered);
    g_test_add_func("/media/protect/misuse-is-told", misuse_is_told);
    g_test_add_func("/media/protect/unencrypted-srtcp-is-refused", unencrypted_srtcp_is_refused);
    g_test_add_func("/media/protect/rtcp-replays-are-refused", rtcp_replays_are_refused);
}
