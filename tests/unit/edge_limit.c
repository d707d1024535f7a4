#include "base/clock.h"
#include "edge/limit.h"

#include <glib.h>

void unit_edge_limit(void);

static struct net_addr addr(const char *text)
{
    struct net_addr a;

    g_assert_true(net_addr_parse_ip(span_of(text), &a));
    return a;
}

static struct limit *make(unsigned total, unsigned per_address, unsigned per_s)
{
    struct limit_config c = {total, per_address, per_s};

    return limit_new(&c);
}

static void held_per_address(void)
{
    struct limit *l = make(100, 3, 0);
    struct net_addr a = addr("192.0.2.1"), b = addr("192.0.2.2");

    for (int i = 0; i < 3; i++)
        g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    a.port = 999; /* the port makes no other client */
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_ADDRESS);
    g_assert_cmpint(limit_take(l, &b, false, 0), ==, LIMIT_OK);
    limit_give(l, &a, false);
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    g_assert_cmpuint(limit_count(l), ==, 4);
    limit_free(l);
}

static void v6_is_counted_by_network(void)
{
    struct limit *l = make(100, 2, 0);
    struct net_addr a = addr("2001:db8:0:1::1"), b = addr("2001:db8:0:1:ffff::2"),
                    c = addr("2001:db8:0:2::1");

    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &b, false, 0), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_ADDRESS);
    g_assert_cmpint(limit_take(l, &c, false, 0), ==, LIMIT_OK);
    limit_free(l);
}

static void rate_has_a_burst_and_recovers(void)
{
    struct limit *l = make(10000, 0, 10);
    struct net_addr a = addr("192.0.2.1");
    unsigned taken = 0;

    while (limit_take(l, &a, false, US_PER_S) == LIMIT_OK)
        taken++;
    g_assert_cmpuint(taken, ==, 20);
    g_assert_cmpint(limit_take(l, &a, false, US_PER_S), ==, LIMIT_RATE);
    for (int i = 0; i < 5; i++)
        g_assert_cmpint(limit_take(l, &a, false, US_PER_S * 3 / 2), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &a, false, US_PER_S * 3 / 2), ==, LIMIT_RATE);
    limit_free(l);
}

static void last_quarter_is_for_known_addresses(void)
{
    struct limit *l = make(8, 0, 0);
    struct net_addr a = addr("192.0.2.1"), b = addr("192.0.2.2");

    for (int i = 0; i < 6; i++)
        g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &b, false, 0), ==, LIMIT_TOTAL);
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &b, true, 0), ==, LIMIT_OK);
    g_assert_cmpint(limit_take(l, &b, true, 0), ==, LIMIT_TOTAL);
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_TOTAL);
    limit_free(l);
}

static void punished_addresses_wait(void)
{
    struct limit *l = make(100, 0, 10);
    struct net_addr a = addr("192.0.2.1");

    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_OK);
    limit_punish(l, &a);
    g_assert_cmpint(limit_take(l, &a, false, 0), ==, LIMIT_RATE);
    g_assert_cmpint(limit_take(l, &a, false, US_PER_S / 10), ==, LIMIT_OK);
    limit_free(l);
}

static void memory_is_bounded_and_given_back(void)
{
    struct limit *l = make(4, 0, 10);
    unsigned known = 0;

    for (unsigned i = 0; i < 100000; i++) {
        struct net_addr a = addr("10.0.0.0");
        a.ip[1] = (uint8_t)(i >> 16);
        a.ip[2] = (uint8_t)(i >> 8 & 0xff);
        a.ip[3] = (uint8_t)(i & 0xff);
        if (limit_take(l, &a, false, 0) == LIMIT_OK)
            limit_give(l, &a, false);
        known = MAX(known, limit_addresses(l));
    }
    g_assert_cmpuint(known, <=, 1024);
    limit_sweep(l, US_PER_S);
    g_assert_cmpuint(limit_addresses(l), >, 0); /* their rate has not recovered */
    limit_sweep(l, 3 * US_PER_S);
    g_assert_cmpuint(limit_addresses(l), ==, 0);
    limit_free(l);
}

static void every_verdict_has_a_text(void)
{
    for (int v = LIMIT_OK; v <= LIMIT_RATE; v++)
        g_assert_cmpuint(strlen(limit_text((enum limit_verdict)v)), >, 0);
}

void unit_edge_limit(void)
{
    g_test_add_func("/edge/limit/held-per-address", held_per_address);
    g_test_add_func("/edge/limit/v6-is-counted-by-network", v6_is_counted_by_network);
    g_test_add_func("/edge/limit/rate-has-a-burst-and-recovers", rate_has_a_burst_and_recovers);
    g_test_add_func("/edge/limit/last-quarter-is-for-known-addresses",
                    last_quarter_is_for_known_addresses);
    g_test_add_func("/edge/limit/punished-addresses-wait", punished_addresses_wait);
    g_test_add_func("/edge/limit/memory-is-bounded-and-given-back",
                    memory_is_bounded_and_given_back);
    g_test_add_func("/edge/limit/every-verdict-has-a-text", every_verdict_has_a_text);
}
