/* Establishment, nomination, roles, consent and roaming on the fake network. */
#include "tests/unit/media_ice_net.h"

#include <string.h>

void unit_media_ice(void);

struct world {
    struct icenet *net;
    struct icenode *a, *b; /* a controls */
};

static struct world world_new(const char *a, const char *b)
{
    static uint32_t seed = 100;
    struct world w = {.net = icenet_new(seed++, NULL)};

    w.a = icenet_agent(w.net, 0, a, true);
    w.b = icenet_agent(w.net, 1, b, false);
    return w;
}

static void describe_both(struct world *w)
{
    icenet_describe(w->a, w->b);
    icenet_describe(w->b, w->a);
    icenet_candidates(w->a, w->b);
    icenet_candidates(w->b, w->a);
}

static struct world connected(const char *a, const char *b)
{
    struct world w = world_new(a, b);

    describe_both(&w);
    g_assert_true(icenet_connect(w.a, w.b, 5 * ICENET_S));
    icenet_run(w.net, 200 * ICENET_MS);
    g_assert_true(icenet_agree(w.a, w.b));
    return w;
}

static void connects(struct world *w, uint64_t most_us)
{
    g_assert_true(icenet_connect(w->a, w->b, most_us));
    icenet_run(w->net, ICENET_S);
    g_assert_true(icenet_agree(w->a, w->b));
    icenet_free(w->net);
}

/* ---- establishment ---- */

static void peer_without_candidates_is_learnt(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.a, w.b); /* b has only mDNS names: a is told nothing */
    connects(&w, ICENET_S);
}

static void peer_without_candidates_is_learnt_when_controlled(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.b, w.a);
    connects(&w, ICENET_S);
}

static void early_checks_are_answered_and_remembered(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");
    uint64_t described;

    icenet_describe(w.a, w.b); /* b answers, but the answer is slow: a knows nothing of b */
    icenet_candidates(w.a, w.b);
    icenet_run(w.net, 300 * ICENET_MS);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_WAITING);
    g_assert_cmpuint(w.b->valids, ==, 1); /* its check was answered */
    g_assert_cmpuint(w.a->checkeds, ==, 1);
    g_assert_cmpuint(w.a->valids, ==, 0);
    described = w.net->now_us;
    icenet_describe(w.b, w.a); /* no candidates needed */
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_cmpuint(w.net->now_us - described, <=, 30 * ICENET_MS);
    connects(&w, ICENET_S);
}

static void early_nomination_is_remembered(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_describe(w.b, w.a); /* a controls, nominates, and b has no remote description yet */
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 300 * ICENET_MS);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_READY);
    g_assert_cmpint(ice_state(w.b->ice), ==, ICE_WAITING);
    icenet_describe(w.a, w.b);
    g_assert_true(icenet_connect(w.a, w.b, 30 * ICENET_MS));
    connects(&w, ICENET_S);
}

static void candidates_before_credentials_are_kept(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");
    struct desc_candidate c;

    icenet_candidates(w.b, w.a);
    ice_host_candidate(&w.a->locals[0], 0, &c); /* this one names its generation */
    (void)g_strlcpy(c.ufrag, w.a->creds.ufrag, sizeof(c.ufrag));
    g_assert_cmpint(ice_add_candidate(w.b->ice, &c, w.net->now_us), ==, GW_OK);
    icenet_run(w.net, ICENET_S);
    g_assert_cmpuint(w.a->sent + w.b->sent, ==, 0); /* not a packet without credentials */
    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    connects(&w, ICENET_S);
}

static void late_trickle_connects(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    icenet_run(w.net, 20 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_CHECKING);
    icenet_candidates(w.b, w.a);
    connects(&w, ICENET_S);
}

static void unreachable_candidates_do_not_delay_the_good_one(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");
    uint64_t start = w.net->now_us;

    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    for (unsigned i = 0; i < 8; i++) {
        struct desc_candidate c;
        struct net_addr dead = icenet_addr("192.168.9.1:7000");

        dead.port = (uint16_t)(dead.port + i);
        ice_host_candidate(&dead, 0, &c);
        (void)ice_add_candidate(w.a->ice, &c, w.net->now_us);
    }
    icenet_candidates(w.a, w.b); /* b knows where a is */
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_cmpuint(w.net->now_us - start, <=, 120 * ICENET_MS); /* 50 ms of settling in it */
    connects(&w, ICENET_S);
}

static void better_pair_wins_within_the_settling_time(void)
{
    struct world w =
        world_new("10.0.0.1:5000 [2001:db8::1]:5000", "10.0.0.2:6000 [2001:db8::2]:6000");

    describe_both(&w);
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_false(w.a->selected_remote.is_v6); /* first in the list */
    icenet_run(w.net, ICENET_S);
    g_assert_cmpuint(w.a->selects, ==, 1); /* and no flapping */
    g_assert_cmpuint(w.b->selects, ==, 1);
    connects(&w, ICENET_S);
}

static void only_common_family_connects(void)
{
    struct world w = world_new("10.0.0.1:5000 [2001:db8::1]:5000", "[2001:db8::2]:6000");

    describe_both(&w);
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_true(w.a->selected_remote.is_v6);
    connects(&w, ICENET_S);
}

static void nat_is_traversed(void)
{
    struct world w = world_new("198.51.100.1:5000", "192.168.1.2:6000");

    w.b->nat = icenet_addr("203.0.113.9:41000");
    w.b->nat_closed = true;
    describe_both(&w);
    g_assert_true(icenet_connect(w.a, w.b, 2 * ICENET_S));
    g_assert_true(net_addr_equal(&w.a->selected_remote, &w.b->nat));
    connects(&w, ICENET_S);
}

static void two_nats_are_traversed(void)
{
    struct world w = world_new("192.168.1.2:5000", "192.168.1.2:6000");

    w.a->nat = icenet_addr("198.51.100.1:51000");
    w.b->nat = icenet_addr("203.0.113.9:41000");
    w.a->nat_closed = w.b->nat_closed = true;
    describe_both(&w);
    connects(&w, 3 * ICENET_S);
}

static void loss_and_reordering_are_survived(void)
{
    for (unsigned run = 0; run < 50; run++) {
        struct world w = world_new("10.0.0.1:5000 10.0.1.1:5000", "10.0.0.2:6000 10.0.1.2:6000");

        w.net->loss_percent = 20;
        w.net->duplicate_percent = 10;
        w.net->jitter_us = 30 * ICENET_MS;
        describe_both(&w);
        g_assert_true(icenet_connect(w.a, w.b, 10 * ICENET_S));
        icenet_run(w.net, 120 * ICENET_S); /* and consent holds */
        g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
        g_assert_true(icenet_agree(w.a, w.b));
        icenet_free(w.net);
    }
}

static void nothing_reachable_fails_in_time(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    w.b->unplugged = true;
    describe_both(&w);
    icenet_run(w.net, 29 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_CHECKING);
    icenet_run(w.net, 2 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_FAILED);
    g_assert_cmpint(w.a->why, ==, ICE_WHY_NO_PAIR);
    g_assert_cmpuint(w.a->fails, ==, 1);
    g_assert_cmpuint(ice_next_due_us(w.a->ice), ==, ICE_NEVER);
    icenet_free(w.net);
}

static void checks_are_paced(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");
    unsigned most = 0;

    icenet_describe(w.b, w.a);
    for (unsigned i = 0; i < 30; i++) {
        struct desc_candidate c;
        struct net_addr dead = icenet_addr("192.168.9.1:7000");

        dead.port = (uint16_t)(dead.port + i);
        ice_host_candidate(&dead, 0, &c);
        (void)ice_add_candidate(w.a->ice, &c, w.net->now_us);
    }
    for (unsigned i = 0; i < 15; i++) {
        unsigned before = w.a->sent;

        icenet_run(w.net, 20 * ICENET_MS);
        most = MAX(most, w.a->sent - before);
    }
    g_assert_cmpuint(most, <=, 2);
    icenet_run(w.net, 25 * ICENET_S);
    g_assert_cmpuint(w.a->sent, <=, ICE_CHECKED_MAX * 8); /* a voice hammer we are not */
    icenet_free(w.net);
}

/* ---- candidates ---- */

static enum gw_err offered(struct icenode *n, const char *addr, uint8_t component,
                           enum desc_candidate_protocol protocol)
{
    struct desc_candidate c;
    struct net_addr a = icenet_addr(addr);

    ice_host_candidate(&a, 0, &c);
    c.component = component;
    c.protocol = protocol;
    return ice_add_candidate(n->ice, &c, n->net->now_us);
}

static void useless_candidates_are_refused(void)
{
    static const char *const bad[] = {
        "0.0.0.0:5000",   "127.0.0.1:5000",    "[::1]:5000",        "224.0.0.1:5000",
        "10.0.0.9:0",     "255.255.255.255:9", "[ff02::1]:5000",    "[::]:5000",
        "[fe80::1]:5000", "0.1.2.3:5000",      "[2001:db8::9]:5000" /* no socket for it */};
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_describe(w.b, w.a);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(offered(w.a, bad[i], 1, DESC_UDP), ==, GW_EUNSUPPORTED);
    g_assert_cmpint(offered(w.a, "10.0.0.9:5000", 2, DESC_UDP), ==, GW_EUNSUPPORTED);
    g_assert_cmpint(offered(w.a, "10.0.0.9:5000", 1, DESC_TCP_PASSIVE), ==, GW_EUNSUPPORTED);
    icenet_run(w.net, 2 * ICENET_S);
    g_assert_cmpuint(w.a->sent, ==, 0);
    g_assert_cmpint(offered(w.a, "10.0.0.9:5000", 1, DESC_UDP), ==, GW_OK);
    icenet_run(w.net, ICENET_S);
    g_assert_cmpuint(w.a->sent, >, 0);
    icenet_free(w.net);
}

static void loopback_is_checked_where_allowed(void)
{
    struct icenet *net = icenet_new(7, &(struct ice_options){.allow_loopback = true});
    struct icenode *a = icenet_agent(net, 0, "127.0.0.1:5000", true);
    struct icenode *b = icenet_agent(net, 1, "127.0.0.1:6000", false);
    struct world w = {net, a, b};

    describe_both(&w);
    connects(&w, ICENET_S);
}

static void more_candidates_than_allowed_are_refused(void)
{
    struct world w = world_new("10.0.0.1:5000", "10.0.0.2:6000");
    unsigned taken = 0;

    icenet_describe(w.b, w.a);
    for (unsigned i = 0; i < 100; i++) {
        char addr[32];
        enum gw_err err;

        (void)g_snprintf(addr, sizeof(addr), "10.9.%u.1:5000", i);
        err = offered(w.a, addr, 1, DESC_UDP);
        g_assert_true(err == GW_OK || err == GW_EFULL);
        taken += err == GW_OK;
    }
    g_assert_cmpuint(taken, ==, ICE_CHECKED_MAX);
    icenet_describe(w.a, w.b); /* and the peer's own check still finds room */
    icenet_candidates(w.a, w.b);
    connects(&w, 2 * ICENET_S);
}

/* ---- roles ---- */

static void role_conflict(bool controlling)
{
    struct icenet *net = icenet_new(11, NULL);
    struct world w = {net, icenet_agent(net, 0, "10.0.0.1:5000", controlling),
                      icenet_agent(net, 1, "10.0.0.2:6000", controlling)};

    describe_both(&w);
    g_assert_true(icenet_connect(w.a, w.b, 2 * ICENET_S));
    g_assert_cmpint(ice_controlling(w.a->ice), !=, ice_controlling(w.b->ice));
    connects(&w, ICENET_S);
}

static void two_controlling_agents_settle_it(void)
{
    for (unsigned i = 0; i < 20; i++) /* tie-breakers are random */
        role_conflict(true);
}

static void two_controlled_agents_settle_it(void)
{
    for (unsigned i = 0; i < 20; i++)
        role_conflict(false);
}

/* A lite peer (RFC 8445 2.5) answers and never asks: simulated by swallowing its requests. */
static bool mute_requests(struct icenet *net, struct icenode *from, char *data, size_t *n,
                          struct net_addr *source)
{
    (void)n, (void)source;
    return !(from == &net->node[1] && data[0] == 0 && data[1] == 1);
}

static void lite_peer_makes_us_controlling(void)
{
    struct icenet *net = icenet_new(12, NULL);
    struct icenode *a = icenet_agent(net, 0, "10.0.0.1:5000", false);
    struct icenode *b = icenet_agent(net, 1, "10.0.0.2:6000", false);

    b->lite = true;
    net->tap = mute_requests;
    icenet_describe(a, b);
    icenet_describe(b, a);
    icenet_candidates(b, a);
    icenet_run(net, 500 * ICENET_MS);
    g_assert_true(ice_controlling(a->ice));
    g_assert_cmpint(ice_state(a->ice), ==, ICE_READY);
    icenet_free(net);
}

/* ---- consent ---- */

static void consent_lost_after_30_s(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");
    uint64_t cut = w.net->now_us;

    w.b->unplugged = true;
    icenet_run(w.net, 24 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_READY); /* still sending */
    icenet_run(w.net, 7 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_FAILED);
    g_assert_cmpint(w.a->why, ==, ICE_WHY_CONSENT);
    g_assert_cmpuint(w.a->fails, ==, 1);
    g_assert_cmpuint(w.a->ntuples, ==, 0);
    g_assert_cmpuint(w.net->now_us - cut, <=, 31 * ICENET_S);
    icenet_free(w.net);
}

static void twenty_seconds_of_silence_do_not_stop_media(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");

    w.a->media = true;
    w.b->unplugged = true;
    icenet_run(w.net, 20 * ICENET_S);
    w.b->unplugged = false;
    icenet_run(w.net, 60 * ICENET_S);
    g_assert_cmpuint(w.a->media_lost, ==, 0);
    g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
    g_assert_true(icenet_agree(w.a, w.b));
    icenet_free(w.net);
}

static void consent_is_asked_every_5_s(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");
    unsigned before = w.a->sent;

    icenet_run(w.net, 300 * ICENET_S);
    /* about 60 checks of ours and 60 answers to theirs */
    g_assert_cmpuint(w.a->sent - before, >=, 2 * 50);
    g_assert_cmpuint(w.a->sent - before, <=, 2 * 75);
    icenet_free(w.net);
}

static void failed_agent_can_be_restarted(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");

    w.b->unplugged = true;
    icenet_run(w.net, 40 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_FAILED);
    g_assert_cmpint(ice_state(w.b->ice), ==, ICE_FAILED);
    w.b->unplugged = false;
    icenet_restart(w.a);
    icenet_restart(w.b);
    describe_both(&w);
    connects(&w, ICENET_S);
}

/* ---- roaming ---- */

static void roam(struct world *w, struct icenode *n, const char *to)
{
    n->nat = icenet_addr(to); /* the socket stays, the world sees another address */
    icenet_run(w->net, 0);
}

static void peer_that_controls_may_move(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_run(w.net, 3 * ICENET_S);
    roam(&w, w.a, "198.51.100.77:33333");
    icenet_run(w.net, 7 * ICENET_S); /* the next consent check comes from there */
    g_assert_true(net_addr_equal(&w.b->selected_remote, &w.a->nat));
    icenet_run(w.net, 60 * ICENET_S);
    g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
    g_assert_cmpuint(w.b->selects, ==, 2);
    icenet_free(w.net);
}

static void peer_that_is_controlled_may_move(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");

    icenet_run(w.net, 3 * ICENET_S);
    roam(&w, w.b, "198.51.100.77:33333");
    icenet_run(w.net, 7 * ICENET_S);
    g_assert_true(net_addr_equal(&w.a->selected_remote, &w.b->nat));
    icenet_run(w.net, 60 * ICENET_S);
    g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
    g_assert_cmpuint(w.a->selects, ==, 2);
    icenet_free(w.net);
}

static void peer_may_move_again_and_again(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000");

    for (unsigned i = 0; i < 60; i++) { /* more addresses than pairs */
        char to[32];

        (void)g_snprintf(to, sizeof(to), "198.51.100.%u:33333", i + 1);
        roam(&w, i & 1 ? w.a : w.b, to);
        icenet_run(w.net, 8 * ICENET_S);
        g_assert_true(icenet_agree(w.a, w.b));
    }
    g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
    icenet_free(w.net);
}

static void peer_may_move_back(void)
{
    struct world w = connected("10.0.0.1:5000", "192.168.1.2:6000");
    struct net_addr home = w.b->locals[0];

    icenet_run(w.net, 3 * ICENET_S);
    roam(&w, w.b, "198.51.100.77:33333");
    icenet_run(w.net, 8 * ICENET_S);
    g_assert_true(net_addr_equal(&w.a->selected_remote, &w.b->nat));
    w.b->nat.set = 0;
    icenet_run(w.net, 12 * ICENET_S);
    g_assert_true(net_addr_equal(&w.a->selected_remote, &home));
    g_assert_true(icenet_agree(w.a, w.b));
    icenet_free(w.net);
}

static void second_interface_does_not_make_media_flap(void)
{
    struct world w = connected("10.0.0.1:5000", "10.0.0.2:6000 10.0.1.2:6000");

    icenet_run(w.net, 300 * ICENET_S);
    g_assert_cmpuint(w.a->selects, ==, 1);
    g_assert_cmpuint(w.b->selects, ==, 1);
    icenet_free(w.net);
}

#define ADD(claim, fn) g_test_add_func("/media/ice/" claim, fn)

void unit_media_ice(void)
{
    ADD("peer-without-candidates-is-learnt", peer_without_candidates_is_learnt);
    ADD("peer-without-candidates-is-learnt-when-controlled",
        peer_without_candidates_is_learnt_when_controlled);
    ADD("early-checks-are-answered-and-remembered", early_checks_are_answered_and_remembered);
    ADD("early-nomination-is-remembered", early_nomination_is_remembered);
    ADD("candidates-before-credentials-are-kept", candidates_before_credentials_are_kept);
    ADD("late-trickle-connects", late_trickle_connects);
    ADD("unreachable-candidates-do-not-delay-the-good-one",
        unreachable_candidates_do_not_delay_the_good_one);
    ADD("better-pair-wins-within-the-settling-time", better_pair_wins_within_the_settling_time);
    ADD("only-common-family-connects", only_common_family_connects);
    ADD("nat-is-traversed", nat_is_traversed);
    ADD("two-nats-are-traversed", two_nats_are_traversed);
    ADD("loss-and-reordering-are-survived", loss_and_reordering_are_survived);
    ADD("nothing-reachable-fails-in-time", nothing_reachable_fails_in_time);
    ADD("checks-are-paced", checks_are_paced);
    ADD("useless-candidates-are-refused", useless_candidates_are_refused);
    ADD("loopback-is-checked-where-allowed", loopback_is_checked_where_allowed);
    ADD("more-candidates-than-allowed-are-refused", more_candidates_than_allowed_are_refused);
    ADD("two-controlling-agents-settle-it", two_controlling_agents_settle_it);
    ADD("two-controlled-agents-settle-it", two_controlled_agents_settle_it);
    ADD("lite-peer-makes-us-controlling", lite_peer_makes_us_controlling);
    ADD("consent-lost-after-30-s", consent_lost_after_30_s);
    ADD("twenty-seconds-of-silence-do-not-stop-media", twenty_seconds_of_silence_do_not_stop_media);
    ADD("consent-is-asked-every-5-s", consent_is_asked_every_5_s);
    ADD("failed-agent-can-be-restarted", failed_agent_can_be_restarted);
    ADD("peer-that-controls-may-move", peer_that_controls_may_move);
    ADD("peer-that-is-controlled-may-move", peer_that_is_controlled_may_move);
    ADD("peer-may-move-again-and-again", peer_may_move_again_and_again);
    ADD("peer-may-move-back", peer_may_move_back);
    ADD("second-interface-does-not-make-media-flap", second_interface_does_not_make_media_flap);
}
