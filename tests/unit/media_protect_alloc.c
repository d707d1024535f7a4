/* Nothing is allocated per packet. This program's allocator counts what its thread asks for; under
 * a sanitizer, which brings its own allocator, the test is skipped. */
#include "tests/unit/media_protect_packets.h"

#include <glib.h>

#include <stdlib.h>

void unit_media_protect_alloc(void);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTING 0
#else
#define COUNTING 1
#endif
#else
#define COUNTING 1
#endif

static _Thread_local unsigned long allocations;

#if COUNTING
/* glibc's own names for the real functions */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    allocations++;
    return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
#endif

/** Allocations of 1000 packets each way, RTP and RTCP, after the first. */
static unsigned long steady_allocations(enum desc_suite suite)
{
    struct protect *out = packet_protect(MEDIA_SRTP_OWN, PROTECT_OUT, suite);
    struct protect *in = packet_protect(MEDIA_SRTP_OWN, PROTECT_IN, suite);
    unsigned long before = 0;
    for (unsigned i = 0; i < 1001; i++) {
        struct packet k;
        if (i == 1)
            before = allocations;
        packet_audio(&k, 1, (uint16_t)(60000 + 7 * i));
        g_assert_cmpint(packet_seal(out, &k), ==, GW_OK);
        g_assert_cmpint(packet_open(in, &k), ==, GW_OK);
        packet_audio(&k, 1, (uint16_t)(60000 + 7 * i));
        k.p[1] = 200;
        g_assert_cmpint(packet_seal_rtcp(out, &k), ==, GW_OK);
        k.p[20] ^= 1;
        g_assert_cmpint(packet_open_rtcp(in, &k), ==, GW_ECRYPTO);
    }
    unsigned long n = allocations - before;
    protect_free(out);
    protect_free(in);
    return n;
}

static void nothing_is_allocated_per_packet(void)
{
    if (!COUNTING) {
        g_test_skip("a sanitizer owns the allocator");
        return;
    }
    unsigned long before = allocations;
    g_free(g_malloc(1));
    g_assert_cmpuint(allocations, >, before); /* the counter counts */
    for (size_t i = 0; i < G_N_ELEMENTS(packet_suites); i++)
        g_assert_cmpuint(steady_allocations(packet_suites[i]), ==, 0);
}

void unit_media_protect_alloc(void)
{
    g_test_add_func("/media/protect_alloc/nothing-is-allocated-per-packet",
                    nothing_is_allocated_per_packet);
}
