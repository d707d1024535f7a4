/* Nothing is allocated per packet, whatever the suite. */
#include "media_hot.h"
#include "tests/unit/media_protect_packets.h"

#include <glib.h>

void unit_media_protect_alloc(void);

/** Allocations of 1000 packets each way, RTP and RTCP, after the first. */
static unsigned long steady_allocations(enum desc_suite suite)
{
    struct protect *out = packet_protect(MEDIA_SRTP_OWN, PROTECT_OUT, suite);
    struct protect *in = packet_protect(MEDIA_SRTP_OWN, PROTECT_IN, suite);
    unsigned long before = 0;
    for (unsigned i = 0; i < 1001; i++) {
        struct packet k;
        if (i == 1)
            before = hot_here().allocations;
        packet_audio(&k, 1, (uint16_t)(60000 + 7 * i));
        g_assert_cmpint(packet_seal(out, &k), ==, GW_OK);
        g_assert_cmpint(packet_open(in, &k), ==, GW_OK);
        packet_audio(&k, 1, (uint16_t)(60000 + 7 * i));
        k.p[1] = 200;
        g_assert_cmpint(packet_seal_rtcp(out, &k), ==, GW_OK);
        k.p[20] ^= 1;
        g_assert_cmpint(packet_open_rtcp(in, &k), ==, GW_ECRYPTO);
    }
    unsigned long n = hot_here().allocations - before;
    protect_free(out);
    protect_free(in);
    return n;
}

static void nothing_is_allocated_per_packet(void)
{
    if (!hot_counting()) {
        g_test_skip("a sanitizer owns the allocator");
        return;
    }
    unsigned long before = hot_here().allocations;
    g_free(g_malloc(1));
    g_assert_cmpuint(hot_here().allocations, >, before); /* the counter counts */
    for (size_t i = 0; i < G_N_ELEMENTS(packet_suites); i++)
        g_assert_cmpuint(steady_allocations(packet_suites[i]), ==, 0);
}

void unit_media_protect_alloc(void)
{
    g_test_add_func("/media/protect_alloc/nothing-is-allocated-per-packet",
                    nothing_is_allocated_per_packet);
}
