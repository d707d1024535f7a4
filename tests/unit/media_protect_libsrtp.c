/* Our SRTP against libsrtp2, both ways: same octets out, same verdict in. */
#include "tests/unit/media_protect_packets.h"

#include <glib.h>

void unit_media_protect_libsrtp(void);

static void each(void (*fn)(enum desc_suite suite))
{
    for (size_t i = 0; i < G_N_ELEMENTS(packet_suites); i++)
        fn(packet_suites[i]);
}

struct quartet {
    struct protect *own_out, *own_in, *lib_out, *lib_in;
};

static struct quartet quartet_new(enum desc_suite suite)
{
    return (struct quartet){packet_protect(MEDIA_SRTP_OWN, PROTECT_OUT, suite),
                            packet_protect(MEDIA_SRTP_OWN, PROTECT_IN, suite),
                            packet_protect(MEDIA_SRTP_LIBSRTP, PROTECT_OUT, suite),
                            packet_protect(MEDIA_SRTP_LIBSRTP, PROTECT_IN, suite)};
}

static void quartet_free(struct quartet *q)
{
    protect_free(q->own_out);
    protect_free(q->own_in);
    protect_free(q->lib_out);
    protect_free(q->lib_in);
}

/** Both seal @p clear to the same octets, which @p out gets; false when both refuse it alike. */
static bool seal_alike(struct quartet *q, const struct packet *clear, struct packet *out)
{
    struct packet lib = *clear;
    *out = *clear;
    enum gw_err own_err = packet_seal(q->own_out, out);
    enum gw_err lib_err = packet_seal(q->lib_out, &lib);
    g_assert_cmpint(own_err, ==, lib_err);
    if (own_err)
        return false;
    g_assert_true(packet_equal(out, &lib));
    return true;
}

/** Both come to the same verdict over @p sealed, and when it is good to the same octets. */
static enum gw_err open_alike(struct quartet *q, const struct packet *sealed)
{
    struct packet own = *sealed;
    struct packet lib = *sealed;
    enum gw_err own_err = packet_open(q->own_in, &own);
    enum gw_err lib_err = packet_open(q->lib_in, &lib);
    g_assert_cmpint(own_err == GW_OK, ==, lib_err == GW_OK);
    if (own_err == GW_OK)
        g_assert_true(packet_equal(&own, &lib));
    return own_err;
}

static void random_on(enum desc_suite suite)
{
    struct quartet q = quartet_new(suite);
    for (unsigned i = 0; i < 1000; i++) {
        struct packet clear;
        struct packet k;
        packet_rtp(&clear, 77, (uint16_t)(900 + i), (size_t)g_test_rand_int_range(0, 1200));
        g_assert_true(seal_alike(&q, &clear, &k));
        g_assert_cmpint(open_alike(&q, &k), ==, GW_OK);
    }
    quartet_free(&q);
}

static void random_packets_are_the_same(void)
{
    each(random_on);
}

/** Mostly one more, sometimes a leap, sometimes an earlier one. */
static uint16_t next_number(uint16_t *seq)
{
    int32_t dice = g_test_rand_int_range(0, 100);
    if (dice < 5)
        return (uint16_t)(*seq - g_test_rand_int_range(0, 127));
    *seq = (uint16_t)(*seq + (dice < 15 ? g_test_rand_int_range(1, 8000) : 1));
    return *seq;
}

/** A sender that mostly goes on, sometimes leaps, sometimes falls back or repeats itself, on three
 * SSRCs through several cycles; a network that loses, delays, repeats and alters. */
static void journey_on(enum desc_suite suite)
{
    enum { STEPS = 6000, DELAYED = 40 };
    struct quartet q = quartet_new(suite);
    uint16_t seq[3] = {40000, 20000, 1000};
    struct packet *delayed = g_new0(struct packet, DELAYED);
    unsigned accepted = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        struct packet clear;
        struct packet k;
        unsigned s = (unsigned)g_test_rand_int_range(0, 3);
        packet_rtp(&clear, 50 + s, next_number(&seq[s]), (size_t)g_test_rand_int_range(0, 300));
        if (!seal_alike(&q, &clear, &k))
            continue;
        struct packet *slot = &delayed[g_test_rand_int_range(0, DELAYED)];
        int32_t dice = g_test_rand_int_range(0, 100);
        if (dice < 10)
            continue;
        if (dice < 30) { /* one that waited goes in, this one waits */
            struct packet other = *slot;
            *slot = k;
            k = other;
        }
        if (dice > 90)
            k.p[(unsigned)g_test_rand_int() % (k.len ? k.len : 1)] ^= 0x10;
        enum gw_err err = open_alike(&q, &k);
        if (dice > 80 && dice <= 90)
            g_assert_cmpint(open_alike(&q, &k), !=, GW_OK);
        accepted += err == GW_OK;
    }
    g_assert_cmpuint(accepted, >, STEPS / 2);
    g_free(delayed);
    quartet_free(&q);
}

static void a_long_journey_is_the_same(void)
{
    each(journey_on);
}

static void cut_and_bent_on(enum desc_suite suite)
{
    struct quartet q = quartet_new(suite);
    struct packet clear;
    struct packet k;
    packet_rtp(&clear, 3, 1500, 50);
    g_assert_true(seal_alike(&q, &clear, &k));
    for (size_t len = 12; len < k.len; len++) { /* shorter ones libsrtp may read past */
        struct packet cut = k;
        cut.len = len;
        g_assert_cmpint(open_alike(&q, &cut), !=, GW_OK);
    }
    for (size_t i = 0; i < k.len; i++) {
        struct packet bent = k;
        bent.p[i] ^= (uint8_t)g_test_rand_int_range(1, 256);
        g_assert_cmpint(open_alike(&q, &bent), !=, GW_OK);
    }
    g_assert_cmpint(open_alike(&q, &k), ==, GW_OK);
    quartet_free(&q);
}

static void cut_and_bent_packets_are_judged_the_same(void)
{
    each(cut_and_bent_on);
}

static void many_ssrcs_on(enum desc_suite suite)
{
    struct quartet q = quartet_new(suite);
    for (unsigned round = 0; round < 5; round++)
        for (uint32_t ssrc = 0; ssrc < PROTECT_SSRCS_IN; ssrc++) {
            struct packet clear;
            struct packet k;
            packet_rtp(&clear, 0xfffffff0 + ssrc, (uint16_t)(60000 + 1300 * round), 160);
            g_assert_true(seal_alike(&q, &clear, &k));
            g_assert_cmpint(open_alike(&q, &k), ==, GW_OK);
            g_assert_cmpint(open_alike(&q, &k), ==, GW_EREPLAY);
        }
    quartet_free(&q);
}

static void many_ssrcs_are_the_same(void)
{
    each(many_ssrcs_on);
}

/** libsrtp counts SRTCP from 1 and we, as RFC 3711 3.4 says, from 0; so octets differ by one packet
 * and each opens what the other sealed. */
static void rtcp_on(enum desc_suite suite)
{
    struct quartet q = quartet_new(suite);
    struct packet skipped;
    packet_rtcp(&skipped, 8, 0);
    g_assert_cmpint(packet_seal_rtcp(q.own_out, &skipped), ==, GW_OK);
    for (unsigned i = 0; i < 300; i++) {
        struct packet clear;
        packet_rtcp(&clear, 8, 4 * (size_t)g_test_rand_int_range(0, 250));
        struct packet own = clear;
        struct packet lib = clear;
        g_assert_cmpint(packet_seal_rtcp(q.own_out, &own), ==, GW_OK);
        g_assert_cmpint(packet_seal_rtcp(q.lib_out, &lib), ==, GW_OK);
        g_assert_true(packet_equal(&own, &lib));
        struct packet bent = own;
        bent.p[(unsigned)g_test_rand_int() % bent.len] ^= 0x40;
        struct packet copy = bent;
        g_assert_cmpint(packet_open_rtcp(q.own_in, &copy), !=, GW_OK);
        g_assert_cmpint(packet_open_rtcp(q.lib_in, &bent), !=, GW_OK);
        g_assert_cmpint(packet_open_rtcp(q.own_in, &lib), ==, GW_OK);
        g_assert_cmpint(packet_open_rtcp(q.lib_in, &own), ==, GW_OK);
        g_assert_true(packet_equal(&own, &clear));
        g_assert_true(packet_equal(&lib, &clear));
    }
    quartet_free(&q);
}

static void rtcp_is_the_same(void)
{
    each(rtcp_on);
}

void unit_media_protect_libsrtp(void)
{
    g_test_add_func("/media/protect_libsrtp/random-packets-are-the-same",
                    random_packets_are_the_same);
    g_test_add_func("/media/protect_libsrtp/a-long-journey-is-the-same",
                    a_long_journey_is_the_same);
    g_test_add_func("/media/protect_libsrtp/cut-and-bent-packets-are-judged-the-same",
                    cut_and_bent_packets_are_judged_the_same);
    g_test_add_func("/media/protect_libsrtp/many-ssrcs-are-the-same", many_ssrcs_are_the_same);
    g_test_add_func("/media/protect_libsrtp/rtcp-is-the-same", rtcp_is_the_same);
}
