#include "media/latch.h"

#include <glib.h>

void unit_media_latch(void);

static struct net_addr at(const char *text)
{
    struct net_addr a;

    g_assert_true(net_addr_parse(span_of(text), &a));
    return a;
}

static struct latch latched_to(const char *signalled)
{
    struct latch l = {0};
    struct net_addr a = at(signalled);

    g_assert_true(latch_signal(&l, &a));
    return l;
}

/* A packet every 20 ms; the verdict on the last. */
static enum latch_verdict packets(struct latch *l, const char *from, unsigned n, uint32_t ssrc,
                                  uint64_t *now)
{
    struct net_addr a = at(from);
    struct latch_proof proof = {.plausible = true, .ssrc = ssrc, .seq = (uint16_t)(*now / 20000)};
    enum latch_verdict v = LATCH_REFUSED;

    for (unsigned i = 0; i < n; i++) {
        v = latch_judge(l, &a, &proof, *now);
        *now += 20000;
        proof.seq++;
    }
    return v;
}

static void whom_to_believe(void)
{
    static const struct {
        const char *claim, *signalled, *from;
        unsigned n;
        bool believed;
    } row[] = {
        {"the signalled address at once", "192.0.2.1:4000", "192.0.2.1:4000", 1, true},
        {"another port of it not at once", "192.0.2.1:4000", "192.0.2.1:5000", 1, false},
        {"another port of it in the end", "192.0.2.1:4000", "192.0.2.1:5000", 2, true},
        {"another public address never", "192.0.2.1:4000", "192.0.2.9:4000", 500, false},
        {"behind NAT not at once", "10.0.0.5:4000", "192.0.2.9:4000", 3, false},
        {"behind NAT in the end", "10.0.0.5:4000", "192.0.2.9:4000", 4, true},
        {"behind carrier NAT", "100.64.3.3:4000", "192.0.2.9:4000", 4, true},
        {"a phone on this host in the end", "192.0.2.1:4000", "127.0.0.1:4000", 4, true},
        {"IPv6 behind nothing", "[2001:db8::1]:4000", "[2001:db8::2]:4000", 50, false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        struct latch l = latched_to(row[i].signalled);
        struct net_addr from = at(row[i].from);
        uint64_t now = 1000000;
        bool believed = packets(&l, row[i].from, row[i].n, 1, &now) != LATCH_REFUSED;
        if (believed != row[i].believed || l.locked.set != row[i].believed)
            g_error("%s", row[i].claim);
        if (believed)
            g_assert_true(net_addr_equal(latch_target(&l), &from));
        else
            g_assert_true(net_addr_equal(latch_target(&l), &l.signalled));
    }
}

static void two_sources_by_turns_are_never_believed(void)
{
    struct latch l = latched_to("10.0.0.5:4000");
    uint64_t now = 1000000;

    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmpint(packets(&l, "192.0.2.1:1", 1, 1, &now), ==, LATCH_REFUSED);
        g_assert_cmpint(packets(&l, "192.0.2.2:1", 1, 1, &now), ==, LATCH_REFUSED);
    }
    for (unsigned i = 0; i < 50; i++) /* nor one that changes its SSRC */
        g_assert_cmpint(packets(&l, "192.0.2.1:1", 1, i, &now), ==, LATCH_REFUSED);
}

static void implausible_packets_do_not_count(void)
{
    struct latch l = latched_to("192.0.2.1:4000");
    struct net_addr from = at("192.0.2.1:4000");
    struct latch_proof proof = {.plausible = false};

    g_assert_cmpint(latch_judge(&l, &from, &proof, 1), ==, LATCH_REFUSED);
    proof.authenticated = true; /* but a key's word is enough */
    g_assert_cmpint(latch_judge(&l, &from, &proof, 1), ==, LATCH_MOVED);
}

static void a_locked_source_holds_until_silence(void)
{
    struct latch l = latched_to("192.0.2.1:4000");
    uint64_t now = 1000000;

    g_assert_cmpint(packets(&l, "192.0.2.1:4000", 1, 1, &now), ==, LATCH_MOVED);
    for (unsigned i = 0; i < 300; i++) {
        g_assert_cmpint(packets(&l, "192.0.2.1:5000", 1, 1, &now), ==, LATCH_REFUSED);
        g_assert_cmpint(packets(&l, "192.0.2.1:4000", 1, 1, &now), ==, LATCH_ACCEPTED);
    }
    now += LATCH_SILENCE_US;
    g_assert_cmpint(packets(&l, "192.0.2.1:5000", 1, 1, &now), ==, LATCH_REFUSED);
    g_assert_cmpint(packets(&l, "192.0.2.1:5000", 1, 1, &now), ==, LATCH_MOVED);
    g_assert_cmpint(packets(&l, "192.0.2.1:4000", 1, 1, &now), ==, LATCH_REFUSED);
}

static void signalling_opens_and_repeating_does_not(void)
{
    struct latch l = latched_to("192.0.2.1:4000");
    struct net_addr same = at("192.0.2.1:4000"), other = at("192.0.2.7:4000");
    uint64_t now = 1000000;

    g_assert_cmpint(packets(&l, "192.0.2.1:4000", 1, 1, &now), ==, LATCH_MOVED);
    g_assert_false(latch_signal(&l, &same));
    g_assert_true(l.locked.set);
    g_assert_true(latch_signal(&l, &other));
    g_assert_false(l.locked.set);
    g_assert_true(net_addr_equal(latch_target(&l), &other));
    g_assert_cmpint(packets(&l, "192.0.2.1:4000", 9, 1, &now), ==, LATCH_REFUSED);
}

static void nobody_before_signalling(void)
{
    struct latch l = {0};
    struct net_addr from = at("192.0.2.1:4000");
    struct latch_proof proof = {.authenticated = true, .plausible = true};

    g_assert_cmpint(latch_judge(&l, &from, &proof, 1), ==, LATCH_REFUSED);
    g_assert_false(latch_permits(&l, &from, 1));
    g_assert_false(latch_target(&l)->set);
}

static void handshakes_are_answered_where_they_fit(void)
{
    struct latch l = latched_to("192.0.2.1:4000");
    struct net_addr same = at("192.0.2.1:5000"), other = at("192.0.2.9:4000");

    g_assert_true(latch_may_answer(&l, &same, 1));
    g_assert_false(latch_may_answer(&l, &other, 1));
    g_assert_true(latch_permits(&l, &other, 1)); /* a key could still vouch for it */
    l = latched_to("192.168.1.1:4000");
    g_assert_true(latch_may_answer(&l, &other, 1));
}

void unit_media_latch(void)
{
    g_test_add_func("/media/latch/whom-to-believe", whom_to_believe);
    g_test_add_func("/media/latch/by-turns", two_sources_by_turns_are_never_believed);
    g_test_add_func("/media/latch/implausible", implausible_packets_do_not_count);
    g_test_add_func("/media/latch/holds-until-silence", a_locked_source_holds_until_silence);
    g_test_add_func("/media/latch/signalling-opens", signalling_opens_and_repeating_does_not);
    g_test_add_func("/media/latch/nobody-before-signalling", nobody_before_signalling);
    g_test_add_func("/media/latch/handshakes", handshakes_are_answered_where_they_fit);
}
