/* What others may throw at an agent, and that it stays silent. */
#include "media/stun_wire.h"
#include "tests/unit/media_ice_net.h"

#include <string.h>

void unit_media_ice_hostile(void);

struct world {
    struct icenet *net;
    struct icenode *a, *b; /* a controls */
    struct wire *wire;     /* the attacker's */
};

static struct world described(void)
{
    static uint32_t seed = 900;
    struct world w = {.net = icenet_new(seed++, NULL), .wire = wire_new()};

    w.a = icenet_agent(w.net, 0, "10.0.0.1:5000", true);
    w.b = icenet_agent(w.net, 1, "10.0.0.2:6000", false);
    icenet_describe(w.a, w.b);
    icenet_describe(w.b, w.a);
    return w;
}

static struct world connected(void)
{
    struct world w = described();

    icenet_candidates(w.a, w.b);
    icenet_candidates(w.b, w.a);
    g_assert_true(icenet_connect(w.a, w.b, 5 * ICENET_S));
    icenet_run(w.net, 200 * ICENET_MS);
    return w;
}

static void world_end(struct world *w)
{
    wire_free(w->wire);
    icenet_free(w->net);
}

/* A check to @p to as someone would make it who believes in these credentials. */
static struct span check_to(struct world *w, const struct icenode *to, const char *ufrag,
                            const char *pwd, uint8_t buf[ICE_DATAGRAM_MAX])
{
    static const uint8_t id[WIRE_ID_LEN] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
    size_t n =
        wire_write_check(w->wire,
                         &(struct wire_check){.id = id,
                                              .remote_ufrag = ufrag ? ufrag : to->creds.ufrag,
                                              .local_ufrag = "someone",
                                              .pwd = pwd ? pwd : to->creds.pwd,
                                              .priority = 1,
                                              .controlling = true,
                                              .use_candidate = true},
                         buf);

    return (struct span){(const char *)buf, n};
}

static void feed(struct world *w, struct icenode *to, struct span d, const char *source)
{
    struct net_addr from = icenet_addr(source);

    ice_input(to->ice, d, &to->locals[0], &from, w->net->now_us);
}

static void silent(struct world *w, struct icenode *n, struct span d)
{
    unsigned sent = n->sent, told = n->checkeds + n->valids;
    uint32_t dropped = ice_dropped(n->ice);

    feed(w, n, d, "203.0.113.66:666");
    g_assert_cmpuint(n->sent, ==, sent);
    g_assert_cmpuint(n->checkeds + n->valids, ==, told);
    g_assert_cmpuint(ice_dropped(n->ice), ==, dropped + 1);
}

static void authentic_check_is_answered(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX];
    unsigned sent = w.b->sent;

    /* Else the tests below would prove nothing. */
    feed(&w, w.b, check_to(&w, w.b, NULL, NULL, buf), "203.0.113.66:666");
    g_assert_cmpuint(w.b->sent, >, sent);
    world_end(&w);
}

static void unknown_ufrag_is_met_with_silence(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX];

    silent(&w, w.b, check_to(&w, w.b, "stranger", NULL, buf));
    silent(&w, w.b, check_to(&w, w.b, w.a->creds.ufrag, w.a->creds.pwd, buf)); /* another's */
    world_end(&w);
}

static void wrong_password_is_met_with_silence(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX];

    silent(&w, w.b, check_to(&w, w.b, NULL, "aaaaaaaaaaaaaaaaaaaaaaaa", buf));
    silent(&w, w.b, check_to(&w, w.b, NULL, w.a->creds.pwd, buf));
    world_end(&w);
}

static void cut_or_altered_checks_are_met_with_silence(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX];
    struct span d = check_to(&w, w.b, NULL, NULL, buf);

    for (size_t n = 0; n < d.n; n++)
        silent(&w, w.b, (struct span){d.p, n});
    for (size_t bit = 0; bit < 8 * d.n; bit++) {
        buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!(bit / 8 == 1 && bit % 8 == 4)) /* that one makes an indication of it */
            silent(&w, w.b, d);
        buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    world_end(&w);
}

static void a_longer_datagram_is_no_check(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX + 4] = {0};
    struct span d = check_to(&w, w.b, NULL, NULL, buf);

    silent(&w, w.b, (struct span){d.p, d.n + 1});
    silent(&w, w.b, (struct span){d.p, d.n + 4});
    world_end(&w);
}

static void unknown_local_address_is_dropped(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX];
    struct span d = check_to(&w, w.b, NULL, NULL, buf);
    struct net_addr nowhere = icenet_addr("10.0.0.99:6000");
    unsigned sent = w.b->sent;

    ice_input(w.b->ice, d, &nowhere, &w.a->locals[0], w.net->now_us);
    g_assert_cmpuint(w.b->sent, ==, sent);
    world_end(&w);
}

/* ---- answers ---- */

struct thief { /* sees what a sends and keeps the answers of b from it */
    char check[ICE_DATAGRAM_MAX], answer[ICE_DATAGRAM_MAX];
    size_t check_n, answer_n;
};

static bool steal(struct icenet *net, struct icenode *from, char *data, size_t *n,
                  struct net_addr *source)
{
    struct thief *t = net->tap_arg;

    (void)source;
    if (from == &net->node[0] && data[0] == 0 && !t->check_n) {
        memcpy(t->check, data, *n);
        t->check_n = *n;
        return true;
    }
    if (from == &net->node[1] && data[0] == 1) {
        memcpy(t->answer, data, *n);
        t->answer_n = *n;
    }
    return from == &net->node[0]; /* b is not heard */
}

static struct world with_stolen_answer(struct thief *t)
{
    struct world w = described();

    *t = (struct thief){.check_n = 0};
    w.net->tap = steal;
    w.net->tap_arg = t;
    icenet_candidates(w.b, w.a);
    icenet_run(w.net, 100 * ICENET_MS);
    g_assert_cmpuint(t->answer_n, >, 0);
    g_assert_cmpuint(w.a->valids, ==, 0);
    return w;
}

static void answer_from_elsewhere_proves_nothing(void)
{
    struct thief t;
    struct world w = with_stolen_answer(&t);
    struct span d = {t.answer, t.answer_n};

    feed(&w, w.a, d, "203.0.113.66:666"); /* RFC 8445 7.2.5.2.1 */
    feed(&w, w.a, d, "10.0.0.2:6001");
    g_assert_cmpuint(w.a->valids, ==, 0);
    feed(&w, w.a, d, "10.0.0.2:6000"); /* the true one still counts */
    g_assert_cmpuint(w.a->valids, ==, 1);
    world_end(&w);
}

static void replayed_answer_does_nothing(void)
{
    struct thief t;
    struct world w = with_stolen_answer(&t);
    struct span d = {t.answer, t.answer_n};
    uint32_t dropped;

    feed(&w, w.a, d, "10.0.0.2:6000");
    g_assert_cmpuint(w.a->valids, ==, 1);
    dropped = ice_dropped(w.a->ice);
    for (unsigned i = 0; i < 10; i++)
        feed(&w, w.a, d, "10.0.0.2:6000");
    g_assert_cmpuint(ice_dropped(w.a->ice), ==, dropped + 10);
    world_end(&w);
}

static void replayed_answers_do_not_keep_consent(void)
{
    struct world w = connected();
    struct thief t = {.check_n = 1};
    char replay[ICE_DATAGRAM_MAX];
    size_t n;

    w.net->tap = steal;
    w.net->tap_arg = &t;
    icenet_run(w.net, 7 * ICENET_S);
    g_assert_cmpuint(t.answer_n, >, 0); /* to a consent check; later ones are kept from a */
    n = t.answer_n;
    memcpy(replay, t.answer, n);
    for (unsigned i = 0; i < 45; i++) {
        feed(&w, w.a, (struct span){replay, n}, "10.0.0.2:6000");
        icenet_run(w.net, ICENET_S);
    }
    g_assert_cmpint(w.a->why, ==, ICE_WHY_CONSENT);
    world_end(&w);
}

static void wrong_transaction_id_is_dropped(void)
{
    struct thief t;
    struct world w = with_stolen_answer(&t);
    struct net_addr mapped = w.a->locals[0];
    uint8_t buf[ICE_DATAGRAM_MAX];
    size_t n;

    for (unsigned i = 8; i < 20; i++) { /* b's own answer, had the id been another */
        t.check[i] ^= 1;
        n = wire_write_success(w.wire, (struct span){t.check, t.check_n}, w.b->creds.pwd, &mapped,
                               buf);
        g_assert_cmpuint(n, >, 0);
        if (i >= 12) /* the first four octets are the worker's route */
            feed(&w, w.a, (struct span){(const char *)buf, n}, "10.0.0.2:6000");
        t.check[i] ^= 1;
    }
    g_assert_cmpuint(w.a->valids, ==, 0);
    world_end(&w);
}

static void cut_or_altered_answers_prove_nothing(void)
{
    struct thief t;
    struct world w = with_stolen_answer(&t);

    for (size_t n = 0; n < t.answer_n; n++)
        feed(&w, w.a, (struct span){t.answer, n}, "10.0.0.2:6000");
    for (size_t bit = 0; bit < 8 * t.answer_n; bit++) {
        /* the route to the agent is not covered by what the agent checks, but by the HMAC */
        t.answer[bit / 8] ^= (char)(1 << bit % 8);
        feed(&w, w.a, (struct span){t.answer, t.answer_n}, "10.0.0.2:6000");
        t.answer[bit / 8] ^= (char)(1 << bit % 8);
    }
    g_assert_cmpuint(w.a->valids, ==, 0);
    g_assert_cmpint(ice_state(w.a->ice), ==, ICE_CHECKING);
    feed(&w, w.a, (struct span){t.answer, t.answer_n}, "10.0.0.2:6000");
    g_assert_cmpuint(w.a->valids, ==, 1);
    world_end(&w);
}

/* Without the password nobody can make a check fail, or change our role. */
static void forged_errors_are_ignored(void)
{
    struct thief t;
    struct world w = with_stolen_answer(&t);
    static const int errors[] = {400, 401, 403, 487, 500};
    uint8_t buf[ICE_DATAGRAM_MAX];

    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        size_t n = wire_write_error(w.wire, (struct span){t.check, t.check_n},
                                    "aaaaaaaaaaaaaaaaaaaaaaaa", errors[i], buf);

        feed(&w, w.a, (struct span){(const char *)buf, n}, "10.0.0.2:6000");
    }
    g_assert_true(ice_controlling(w.a->ice));
    feed(&w, w.a, (struct span){t.answer, t.answer_n}, "10.0.0.2:6000");
    g_assert_cmpuint(w.a->valids, ==, 1);
    world_end(&w);
}

/* ---- a peer that has the password and bad intentions ---- */

static void flood(bool controlling)
{
    struct world w = connected();
    struct icenode *n = controlling ? w.a : w.b;
    const struct icenode *peer = controlling ? w.b : w.a;
    uint8_t buf[ICE_DATAGRAM_MAX];
    unsigned before;

    icenet_run(w.net, 2 * ICENET_S);
    before = n->sent;
    for (unsigned i = 0; i < 5000; i++) {
        char from[32];
        size_t size = wire_write_check(w.wire,
                                       &(struct wire_check){.id = (const uint8_t *)"123456789012",
                                                            .remote_ufrag = n->creds.ufrag,
                                                            .local_ufrag = peer->creds.ufrag,
                                                            .pwd = n->creds.pwd,
                                                            .priority = 1,
                                                            .controlling = !controlling,
                                                            .use_candidate = !controlling},
                                       buf);

        (void)g_snprintf(from, sizeof(from), "203.0.%u.%u:666", i / 250 + 1, i % 250 + 1);
        feed(&w, n, (struct span){(const char *)buf, size}, from);
        g_assert_cmpuint(n->ntuples, <=, ICE_PAIRS_MAX);
        if (i % 10 == 0)
            icenet_run(w.net, ICENET_MS);
    }
    /* One answer each, and hardly a check of ours to all the places it named. */
    g_assert_cmpuint(n->sent - before, <=, 5000 + 200);
    icenet_run(w.net, 60 * ICENET_S);
    g_assert_cmpuint(n->fails, ==, 0);
    g_assert_true(icenet_agree(w.a, w.b)); /* the path in use is never pushed out */
    world_end(&w);
}

static void flood_of_sources_is_bounded(void)
{
    flood(false);
}

static void flood_of_sources_is_bounded_when_controlling(void)
{
    flood(true);
}

static void answers_are_no_amplifier(void)
{
    struct world w = connected();
    uint8_t buf[ICE_DATAGRAM_MAX], out[ICE_DATAGRAM_MAX];
    struct span d = check_to(&w, w.b, NULL, NULL, buf);
    struct net_addr mapped = icenet_addr("[2001:db8::1]:5000");

    g_assert_cmpuint(wire_write_success(w.wire, d, w.b->creds.pwd, &mapped, out), <=, d.n);
    world_end(&w);
}

static void oversized_credentials_are_refused(void)
{
    struct world w = described();
    char big[400];

    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    g_assert_cmpint(ice_set_remote(w.a->ice, big, w.b->creds.pwd, false, 0), ==, GW_EINVAL);
    g_assert_cmpint(ice_set_remote(w.a->ice, w.b->creds.ufrag, big, false, 0), ==, GW_EINVAL);
    g_assert_cmpint(ice_set_remote(w.a->ice, "abc", w.b->creds.pwd, false, 0), ==, GW_EINVAL);
    g_assert_cmpint(ice_set_remote(w.a->ice, "abcd", "tooshort", false, 0), ==, GW_EINVAL);
    g_assert_cmpint(ice_set_remote(w.a->ice, "ab:cd", w.b->creds.pwd, false, 0), ==, GW_EINVAL);
    big[256] = '\0'; /* RFC 8839 5.4 allows so much */
    g_assert_cmpint(ice_set_remote(w.a->ice, big, big, false, w.net->now_us), ==, GW_OK);
    world_end(&w);
}

#define ADD(claim, fn) g_test_add_func("/media/ice_hostile/" claim, fn)

void unit_media_ice_hostile(void)
{
    ADD("authentic-check-is-answered", authentic_check_is_answered);
    ADD("unknown-ufrag-is-met-with-silence", unknown_ufrag_is_met_with_silence);
    ADD("wrong-password-is-met-with-silence", wrong_password_is_met_with_silence);
    ADD("cut-or-altered-checks-are-met-with-silence", cut_or_altered_checks_are_met_with_silence);
    ADD("a-longer-datagram-is-no-check", a_longer_datagram_is_no_check);
    ADD("unknown-local-address-is-dropped", unknown_local_address_is_dropped);
    ADD("answer-from-elsewhere-proves-nothing", answer_from_elsewhere_proves_nothing);
    ADD("replayed-answer-does-nothing", replayed_answer_does_nothing);
    ADD("replayed-answers-do-not-keep-consent", replayed_answers_do_not_keep_consent);
    ADD("wrong-transaction-id-is-dropped", wrong_transaction_id_is_dropped);
    ADD("cut-or-altered-answers-prove-nothing", cut_or_altered_answers_prove_nothing);
    ADD("forged-errors-are-ignored", forged_errors_are_ignored);
    ADD("flood-of-sources-is-bounded", flood_of_sources_is_bounded);
    ADD("flood-of-sources-is-bounded-when-controlling",
        flood_of_sources_is_bounded_when_controlling);
    ADD("answers-are-no-amplifier", answers_are_no_amplifier);
    ADD("oversized-credentials-are-refused", oversized_credentials_are_refused);
}
