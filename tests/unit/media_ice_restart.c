/* ICE restarts: whoever begins, media never stops. */
#include "tests/unit/media_ice_net.h"

#include <string.h>

void unit_media_ice_restart(void);

struct world {
    struct icenet *net;
    struct icenode *a, *b; /* a controls */
};

static struct world talking(void)
{
    static uint32_t seed = 500;
    struct world w = {.net = icenet_new(seed++, NULL)};

    w.a = icenet_agent(w.net, 0, "10.0.0.1:5000", true);
    w.b = icenet_agent(w.net, 1, "10.0.0.2:6000", false);
    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.a, w.b);
    icenet_candidates(w.b, w.a);
    g_assert_true(icenet_connect(w.a, w.b, 5 * ICENET_S));
    w.a->media = w.b->media = true;
    icenet_run(w.net, 2 * ICENET_S);
    return w;
}

static void no_packet_was_lost(struct world *w)
{
    w->a->media = w->b->media = false;
    icenet_run(w->net, ICENET_S);
    g_assert_cmpuint(w->a->media_lost + w->b->media_lost, ==, 0);
    g_assert_cmpuint(w->a->media_sent, ==, w->b->media_got);
    g_assert_cmpuint(w->b->media_sent, ==, w->a->media_got);
    g_assert_cmpuint(w->a->media_sent, >, 100);
    g_assert_cmpuint(w->a->fails + w->b->fails, ==, 0);
    g_assert_true(icenet_agree(w->a, w->b));
    icenet_free(w->net);
}

static void both_ready(struct world *w, uint64_t most_us)
{
    g_assert_true(icenet_connect(w->a, w->b, most_us));
    icenet_run(w->net, 2 * ICENET_S);
    g_assert_cmpuint(w->a->selects, ==, 2);
    g_assert_cmpuint(w->b->selects, ==, 2);
}

/* We offer: our new credentials first, the peer's with its answer. */
static void restart_we_begin_loses_nothing(void)
{
    struct world w = talking();

    icenet_restart(w.a);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_RESTARTING);
    icenet_run(w.net, 3 * ICENET_S); /* a slow signalling channel */
    icenet_describe(w.a, w.b);
    icenet_run(w.net, 100 * ICENET_MS);
    icenet_restart(w.b);
    icenet_candidates(w.a, w.b);
    icenet_run(w.net, 3 * ICENET_S);
    g_assert_cmpuint(w.a->selects, ==, 1); /* a cannot ask yet */
    icenet_describe(w.b, w.a);
    icenet_candidates(w.b, w.a);
    both_ready(&w, ICENET_S);
    no_packet_was_lost(&w);
}

/* The peer offers: its new credentials first, ours with our answer. */
static void restart_the_peer_begins_loses_nothing(void)
{
    struct world w = talking();

    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_restart(w.a);
    icenet_run(w.net, ICENET_S); /* our answer is slow */
    icenet_describe(w.a, w.b);
    icenet_candidates(w.a, w.b); /* the peer sent none, as Conversations does it */
    both_ready(&w, ICENET_S);
    no_packet_was_lost(&w);
}

static void restart_with_the_peers_candidates_alone_works(void)
{
    struct world w = talking();

    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_candidates(w.b, w.a);
    both_ready(&w, ICENET_S);
    no_packet_was_lost(&w);
}

static void several_restarts_in_a_row_work(void)
{
    struct world w = talking();

    for (unsigned i = 0; i < 10; i++) {
        struct icenode *first = i & 1 ? w.a : w.b, *second = i & 1 ? w.b : w.a;

        icenet_restart(first);
        icenet_describe(first, second);
        icenet_restart(second);
        icenet_candidates(first, second);
        icenet_describe(second, first);
        icenet_candidates(second, first);
        icenet_run(w.net, i % 3 ? ICENET_S : 20 * ICENET_S);
    }
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_cmpuint(w.a->selects, ==, 11);
    no_packet_was_lost(&w);
}

static void restart_overtaken_by_another_works(void)
{
    struct world w = talking();

    icenet_restart(w.a);
    icenet_run(w.net, 100 * ICENET_MS);
    icenet_restart(w.a); /* before any answer */
    icenet_describe(w.a, w.b);
    icenet_restart(w.b);
    icenet_describe(w.b, w.a); /* complete at a, but b has no time to use it */
    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_candidates(w.a, w.b);
    icenet_candidates(w.b, w.a);
    g_assert_true(icenet_connect(w.a, w.b, 2 * ICENET_S));
    no_packet_was_lost(&w);
}

static void restart_survives_loss(void)
{
    for (unsigned i = 0; i < 20; i++) {
        struct world w = talking();

        w.net->loss_percent = 20;
        w.net->jitter_us = 20 * ICENET_MS;
        icenet_restart(w.a);
        icenet_describe(w.a, w.b);
        icenet_restart(w.b);
        icenet_describe(w.b, w.a);
        icenet_candidates(w.a, w.b);
        icenet_candidates(w.b, w.a);
        g_assert_true(icenet_connect(w.a, w.b, 10 * ICENET_S));
        icenet_run(w.net, 2 * ICENET_S);
        no_packet_was_lost(&w);
    }
}

static void same_credentials_again_change_nothing(void)
{
    struct world w = talking();

    for (unsigned i = 0; i < 5; i++) { /* session refreshes repeat the description */
        icenet_describe(w.a, w.b);
        icenet_describe(w.b, w.a);
        icenet_candidates(w.a, w.b);
        g_assert_cmpint(ice_set_local(w.a->ice, &w.a->creds, w.net->now_us), ==, GW_OK);
        g_assert_cmpint(ice_state(w.a->ice), ==, ICE_READY);
        icenet_run(w.net, ICENET_S);
    }
    g_assert_cmpuint(w.a->selects, ==, 1);
    no_packet_was_lost(&w);
}

static void unanswered_restart_leaves_the_old_path(void)
{
    struct world w = talking();

    icenet_restart(w.a); /* the offer is never answered */
    icenet_run(w.net, 120 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_RESTARTING);
    no_packet_was_lost(&w);
}

/* New credentials, but nothing they could reach: the old path has consent and goes on. */
static void restart_that_finds_nothing_leaves_the_old_path(void)
{
    struct world w = talking();
    struct ice_credentials elsewhere;

    icenet_restart(w.a);
    ice_credentials_make(0, &elsewhere);
    g_assert_cmpint(ice_set_remote(w.a->ice, elsewhere.ufrag, elsewhere.pwd, false, w.net->now_us),
                    ==, GW_OK);
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 120 * ICENET_S);
    g_assert_cmpuint(w.a->selects, ==, 1);
    no_packet_was_lost(&w);
}

static void restart_onto_another_network_moves_media(void)
{
    struct world w = talking();
    struct net_addr lte = icenet_addr("198.51.100.9:40000");

    /* b's wifi dies; b restarts at once from its other address */
    w.b->nat = lte;
    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_candidates(w.a, w.b);
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    g_assert_true(net_addr_equal(&w.a->selected_remote, &lte));
    g_assert_cmpuint(w.a->fails + w.b->fails, ==, 0);
    icenet_run(w.net, ICENET_S);
    g_assert_true(icenet_agree(w.a, w.b));
    icenet_free(w.net);
}

/* The old path dies while the answer to our restart is slow: the leg lives on the new credentials.
 */
static void old_path_lost_during_the_restart_is_no_failure(void)
{
    struct world w = talking();

    icenet_restart(w.a);
    w.a->media = w.b->media = false;
    w.b->unplugged = true;
    icenet_run(w.net, 35 * ICENET_S);
    g_assert_cmpuint(w.a->fails, ==, 0);
    g_assert_cmpuint(w.a->ntuples, ==, 0);
    w.b->unplugged = false;
    icenet_describe(w.a, w.b);
    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.a, w.b);
    g_assert_true(icenet_connect(w.a, w.b, ICENET_S));
    icenet_free(w.net);
}

static void old_credentials_are_answered_until_they_linger_no_more(void)
{
    struct world w = talking();
    struct icenode old_b = *w.b;
    char check[ICE_DATAGRAM_MAX];
    size_t n = 0;
    unsigned before;

    /* Keep a check b made under the old credentials. */
    while (!(w.a->last_n && w.a->last[0] == 0 && w.a->last[1] == 1))
        icenet_run(w.net, ICENET_MS);
    n = w.a->last_n;
    memcpy(check, w.a->last, n);
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.a, w.b);
    both_ready(&w, ICENET_S);
    before = w.a->sent;
    icenet_inject(w.net, check, n, &old_b.locals[0], &w.a->locals[0]);
    icenet_run(w.net, 10 * ICENET_MS);
    g_assert_cmpuint(w.a->sent, ==, before + 1); /* an answer */
    g_assert_cmpuint(w.a->selects, ==, 2);       /* and nothing moves back */
    icenet_run(w.net, ICE_LINGER_US);
    before = ice_dropped(w.a->ice);
    icenet_inject(w.net, check, n, &old_b.locals[0], &w.a->locals[0]);
    icenet_run(w.net, 10 * ICENET_MS);
    g_assert_cmpuint(ice_dropped(w.a->ice), ==, before + 1);
    no_packet_was_lost(&w);
}

static void candidates_name_their_generation(void)
{
    struct world w = talking();
    struct desc_candidate c;

    icenet_restart(w.b);
    ice_host_candidate(&w.b->locals[0], 0, &c);
    (void)g_strlcpy(c.ufrag, w.b->creds.ufrag, sizeof(c.ufrag));
    g_assert_cmpint(ice_add_candidate(w.a->ice, &c, w.net->now_us), ==, GW_OK);
    icenet_restart(w.a);
    icenet_describe(w.b, w.a); /* b itself knows nothing of a's: only a can begin */
    icenet_run(w.net, 500 * ICENET_MS);
    g_assert_cmpuint(w.a->selects, ==, 2);
    icenet_describe(w.a, w.b);
    both_ready(&w, ICENET_S);
    no_packet_was_lost(&w);
}

/* New credentials before the first ones got anywhere. */
static void restart_while_still_checking_connects(void)
{
    struct world w = {.net = icenet_new(77, NULL)};

    w.a = icenet_agent(w.net, 0, "10.0.0.1:5000", true);
    w.b = icenet_agent(w.net, 1, "10.0.0.2:6000", false);
    w.b->unplugged = true;
    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 25 * ICENET_S);
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 20 * ICENET_S); /* past the end of the first attempt */
    g_assert_cmpuint(w.a->fails, ==, 0);
    w.b->unplugged = false;
    icenet_candidates(w.a, w.b);
    g_assert_true(icenet_connect(w.a, w.b, 3 * ICENET_S));
    g_assert_true(icenet_agree(w.a, w.b));
    icenet_free(w.net);
}

/* A forked offer: another branch answers, and our credentials stay what they were. */
static void fork_that_answers_last_gets_media(void)
{
    struct world w = talking();
    struct icenode *c = icenet_agent(w.net, 2, "10.0.0.3:7000", false);

    c->media = true;
    icenet_describe(w.a, c); /* it has our offer all along, and checks before its answer is here */
    icenet_candidates(w.a, c);
    icenet_run(w.net, 2 * ICENET_S);
    g_assert_cmpuint(w.a->selects, ==, 1); /* its checks take nothing from the first branch */
    icenet_describe(c, w.a);
    g_assert_true(icenet_connect(w.a, c, ICENET_S));
    g_assert_cmpuint(w.a->selects, ==, 2);
    g_assert_true(icenet_agree(w.a, c));
    icenet_describe(c, w.a); /* the final answer repeats it */
    icenet_run(w.net, 60 * ICENET_S);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_READY);
    g_assert_cmpuint(w.a->media_lost, ==, 0);
    g_assert_cmpuint(c->media_got, >, 2900);
    icenet_free(w.net);
}

/* New remote credentials are tried with our old ones, yet ours may come late. */
static void own_credentials_after_the_peers_are_taken_late(void)
{
    struct world w = talking();

    icenet_restart(w.b);
    icenet_describe(w.b, w.a);
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 7 * ICENET_MS); /* a's check with the old ones is under way */
    icenet_restart(w.a);
    icenet_describe(w.a, w.b);
    icenet_candidates(w.a, w.b);
    both_ready(&w, ICENET_S);
    no_packet_was_lost(&w);
}

#define ADD(claim, fn) g_test_add_func("/media/ice_restart/" claim, fn)

void unit_media_ice_restart(void)
{
    ADD("restart-we-begin-loses-nothing", restart_we_begin_loses_nothing);
    ADD("restart-the-peer-begins-loses-nothing", restart_the_peer_begins_loses_nothing);
    ADD("restart-with-the-peers-candidates-alone-works",
        restart_with_the_peers_candidates_alone_works);
    ADD("several-restarts-in-a-row-work", several_restarts_in_a_row_work);
    ADD("restart-overtaken-by-another-works", restart_overtaken_by_another_works);
    ADD("restart-survives-loss", restart_survives_loss);
    ADD("same-credentials-again-change-nothing", same_credentials_again_change_nothing);
    ADD("unanswered-restart-leaves-the-old-path", unanswered_restart_leaves_the_old_path);
    ADD("restart-that-finds-nothing-leaves-the-old-path",
        restart_that_finds_nothing_leaves_the_old_path);
    ADD("restart-onto-another-network-moves-media", restart_onto_another_network_moves_media);
    ADD("old-path-lost-during-the-restart-is-no-failure",
        old_path_lost_during_the_restart_is_no_failure);
    ADD("old-credentials-are-answered-until-they-linger-no-more",
        old_credentials_are_answered_until_they_linger_no_more);
    ADD("restart-while-still-checking-connects", restart_while_still_checking_connects);
    ADD("fork-that-answers-last-gets-media", fork_that_answers_last_gets_media);
    ADD("own-credentials-after-the-peers-are-taken-late",
        own_credentials_after_the_peers_are_taken_late);
    ADD("candidates-name-their-generation", candidates_name_their_generation);
}
