/* Two handshakes of ours against each other, datagram by datagram. OpenSSL's retransmission clock
 * is wall time, so the tests with loss wait for it, with a deadline. */
#include "base/clock.h"
#include "media/dtls.h"

#include <glib.h>

#include <string.h>

void unit_media_dtls(void);

enum { WIRE_MAX = 64, DATAGRAM_MAX = 1500 };

struct datagram {
    size_t n;
    char data[DATAGRAM_MAX];
};

struct end {
    struct dtls *d;
    struct end *peer;
    struct datagram queue[WIRE_MAX]; /* towards this end */
    unsigned head, tail;
    unsigned sent, biggest;
    unsigned keys, fails, closes;
    enum dtls_why why;
    struct dtls_keys got;
    /** The nth datagram (from 1) towards the peer: how many copies arrive. */
    unsigned (*copies)(unsigned nth);
    bool swap; /* each pair of datagrams changes places */
};

struct pair {
    struct dtls_context *ctx[2];
    struct end client, server;
};

static void push(struct end *to, struct span datagram)
{
    struct datagram *slot = &to->queue[to->tail++ % WIRE_MAX];

    g_assert_cmpuint(to->tail - to->head, <=, WIRE_MAX);
    g_assert_cmpuint(datagram.n, <=, DATAGRAM_MAX);
    slot->n = datagram.n;
    memcpy(slot->data, datagram.p, datagram.n);
}

static void on_send(void *arg, struct span datagram)
{
    struct end *e = arg;
    unsigned copies;

    e->sent++;
    e->biggest = MAX(e->biggest, (unsigned)datagram.n);
    copies = e->copies ? e->copies(e->sent) : 1;
    while (copies--)
        push(e->peer, datagram);
}

static void on_keys(void *arg, const struct dtls_keys *keys)
{
    struct end *e = arg;

    e->keys++;
    e->got = *keys;
}

static void on_failed(void *arg, enum dtls_why why)
{
    struct end *e = arg;

    e->fails++;
    e->why = why;
}

static void on_closed(void *arg)
{
    ((struct end *)arg)->closes++;
}

static const struct dtls_ops ops = {
    .send = on_send, .keys = on_keys, .failed = on_failed, .closed = on_closed};

static void end_open(struct end *e, struct end *peer, const struct dtls_context *ctx, bool active,
                     uint16_t mtu)
{
    e->peer = peer;
    e->d = dtls_new(
        &(struct dtls_params){.ctx = ctx, .ops = &ops, .arg = e, .active = active, .mtu = mtu});
    g_assert_nonnull(e->d);
}

static struct pair *pair_open(uint16_t mtu, bool know_each_other)
{
    struct pair *p = g_new0(struct pair, 1);

    for (unsigned i = 0; i < 2; i++) {
        p->ctx[i] = dtls_context_new();
        g_assert_nonnull(p->ctx[i]);
    }
    end_open(&p->client, &p->server, p->ctx[0], true, mtu);
    end_open(&p->server, &p->client, p->ctx[1], false, mtu);
    if (know_each_other) {
        g_assert_cmpint(dtls_set_fingerprints(p->client.d, dtls_context_fingerprint(p->ctx[1]), 1),
                        ==, GW_OK);
        g_assert_cmpint(dtls_set_fingerprints(p->server.d, dtls_context_fingerprint(p->ctx[0]), 1),
                        ==, GW_OK);
    }
    return p;
}

static void pair_close(struct pair *p)
{
    dtls_free(p->client.d);
    dtls_free(p->server.d);
    dtls_context_free(p->ctx[0]);
    dtls_context_free(p->ctx[1]);
    g_free(p);
}

static void end_deliver(struct end *e)
{
    unsigned at = e->head++;

    if (e->swap && e->tail - at >= 2) {
        struct datagram t = e->queue[at % WIRE_MAX];

        e->queue[at % WIRE_MAX] = e->queue[(at + 1) % WIRE_MAX];
        e->queue[(at + 1) % WIRE_MAX] = t;
    }
    dtls_input(e->d, (struct span){e->queue[at % WIRE_MAX].data, e->queue[at % WIRE_MAX].n},
               clock_now_us());
}

/* All that is under way. */
static void pair_drain(struct pair *p)
{
    while (p->client.head != p->client.tail || p->server.head != p->server.tail) {
        if (p->server.head != p->server.tail)
            end_deliver(&p->server);
        if (p->client.head != p->client.tail)
            end_deliver(&p->client);
    }
}

static bool ended(const struct end *e)
{
    return e->keys || e->fails;
}

/* With time for retransmissions. */
static void pair_run(struct pair *p, uint64_t most_us)
{
    uint64_t end = clock_now_us() + most_us;

    dtls_start(p->server.d, clock_now_us());
    dtls_start(p->client.d, clock_now_us());
    for (;;) {
        uint64_t now = clock_now_us(), due;

        pair_drain(p);
        if ((ended(&p->client) && ended(&p->server)) || now >= end)
            return;
        due = MIN(dtls_next_due_us(p->client.d, now), dtls_next_due_us(p->server.d, now));
        if (due > now) {
            g_usleep(MIN(due - now, 20000));
            continue;
        }
        dtls_timer(p->client.d, now);
        dtls_timer(p->server.d, now);
    }
}

static void assert_open(const struct pair *p)
{
    g_assert_cmpint(dtls_state(p->client.d), ==, DTLS_OPEN);
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_OPEN);
    g_assert_cmpuint(p->client.keys, ==, 1);
    g_assert_cmpuint(p->server.keys, ==, 1);
    g_assert_cmpint(p->client.got.suite, ==, p->server.got.suite);
    g_assert_cmpint(memcmp(p->client.got.send, p->server.got.receive, 28), ==, 0);
    g_assert_cmpint(memcmp(p->client.got.receive, p->server.got.send, 28), ==, 0);
    g_assert_cmpint(memcmp(p->client.got.send, p->client.got.receive, 28), !=, 0);
}

static void both_roles_get_the_same_keys(void)
{
    struct pair *p = pair_open(0, true);

    pair_run(p, 2 * US_PER_S);
    assert_open(p);
    g_assert_cmpint(p->client.got.suite, ==, DESC_AEAD_AES_128_GCM); /* offered first */
    g_assert_cmpuint(p->client.biggest, <=, DTLS_MTU);
    g_assert_cmpuint(p->server.biggest, <=, DTLS_MTU);
    g_assert_cmpuint(p->server.sent, ==, 2); /* each flight is one datagram */
    g_assert_cmpuint(dtls_next_due_us(p->client.d, 0), ==, DTLS_NEVER);
    g_assert_cmpuint(dtls_next_due_us(p->server.d, 0), ==, DTLS_NEVER);
    pair_close(p);
}

static void small_mtu_makes_fragments(void)
{
    struct pair *p = pair_open(400, true);

    pair_run(p, 2 * US_PER_S);
    assert_open(p);
    g_assert_cmpuint(p->server.biggest, <=, 400);
    g_assert_cmpuint(p->client.biggest, <=, 400);
    g_assert_cmpuint(p->server.sent, >, 2);
    pair_close(p);
}

static unsigned twice(unsigned nth)
{
    (void)nth;
    return 2;
}

static unsigned lose_first(unsigned nth)
{
    return nth != 1;
}

static unsigned lose_every_third(unsigned nth)
{
    return nth % 3 != 0;
}

static void duplicates_do_no_harm(void)
{
    struct pair *p = pair_open(400, true);

    p->client.copies = p->server.copies = twice;
    pair_run(p, 2 * US_PER_S);
    assert_open(p);
    pair_close(p);
}

static void reordered_fragments_are_put_together(void)
{
    struct pair *p = pair_open(300, true);

    p->client.swap = p->server.swap = true;
    pair_run(p, 5 * US_PER_S);
    assert_open(p);
    pair_close(p);
}

static void lost_hello_is_sent_again_after_100_ms(void)
{
    struct pair *p = pair_open(0, true);
    uint64_t start = clock_now_us(), due;

    p->client.copies = lose_first;
    dtls_start(p->client.d, start);
    due = dtls_next_due_us(p->client.d, start);
    g_assert_cmpuint(due, >, start + 50 * US_PER_MS);
    g_assert_cmpuint(due, <=, start + 100 * US_PER_MS);
    pair_run(p, 5 * US_PER_S);
    assert_open(p);
    g_assert_cmpuint(clock_now_us() - start, >=, 80 * US_PER_MS);
    pair_close(p);
}

static void loss_in_every_flight_is_survived(void)
{
    struct pair *p = pair_open(400, true);

    p->client.copies = p->server.copies = lose_every_third;
    pair_run(p, 10 * US_PER_S);
    assert_open(p);
    pair_close(p);
}

static unsigned lose_all(unsigned nth)
{
    (void)nth;
    return 0;
}

static void silence_times_out(void)
{
    struct pair *p = pair_open(0, true);
    uint64_t start = 7 * US_PER_S; /* only the deadline is asked about: any clock will do */

    p->client.copies = lose_all;
    dtls_start(p->client.d, start);
    g_assert_cmpuint(dtls_next_due_us(p->client.d, start), <=, start + DTLS_TIMEOUT_US);
    dtls_timer(p->client.d, start + DTLS_TIMEOUT_US - 1);
    g_assert_cmpuint(p->client.fails, ==, 0);
    dtls_timer(p->client.d, start + DTLS_TIMEOUT_US);
    g_assert_cmpuint(p->client.fails, ==, 1);
    g_assert_cmpint(p->client.why, ==, DTLS_WHY_TIMEOUT);
    g_assert_cmpint(dtls_state(p->client.d), ==, DTLS_FAILED);
    g_assert_cmpuint(dtls_next_due_us(p->client.d, start), ==, DTLS_NEVER);
    pair_close(p);
}

static void wrong_certificate_gives_no_keys(void)
{
    for (unsigned cheated = 0; cheated < 2; cheated++) {
        struct pair *p = pair_open(0, true);
        struct end *e = cheated ? &p->server : &p->client;
        struct desc_fingerprint other = *dtls_context_fingerprint(p->ctx[0]);

        other.value[31] ^= 1;
        g_assert_cmpint(dtls_set_fingerprints(e->d, &other, 1), ==, GW_OK);
        pair_run(p, 2 * US_PER_S);
        g_assert_cmpuint(e->keys, ==, 0);
        g_assert_cmpuint(e->fails, ==, 1);
        g_assert_cmpint(e->why, ==, DTLS_WHY_FINGERPRINT);
        g_assert_cmpint(e->peer->why, ==, DTLS_WHY_ALERT); /* the peer hears of it */
        g_assert_cmpuint(e->peer->keys, ==, 0);
        pair_close(p);
    }
}

static void early_handshake_waits_for_the_description(void)
{
    struct pair *p = pair_open(0, false);

    g_assert_cmpint(dtls_set_fingerprints(p->client.d, dtls_context_fingerprint(p->ctx[1]), 1), ==,
                    GW_OK);
    dtls_start(p->client.d, clock_now_us());
    pair_drain(p);
    g_assert_cmpint(dtls_state(p->client.d), ==, DTLS_OPEN);
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_PARKED);
    g_assert_cmpuint(p->server.keys, ==, 0);
    g_assert_cmpint(dtls_set_fingerprints(p->server.d, dtls_context_fingerprint(p->ctx[0]), 1), ==,
                    GW_OK);
    assert_open(p);
    pair_close(p);
}

static void parked_keys_are_not_for_an_impostor(void)
{
    struct pair *p = pair_open(0, false);

    dtls_start(p->client.d, clock_now_us());
    pair_drain(p);
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_PARKED);
    g_assert_cmpint(dtls_set_fingerprints(p->server.d, dtls_context_fingerprint(p->ctx[1]), 1), ==,
                    GW_OK);
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_FAILED);
    g_assert_cmpint(p->server.why, ==, DTLS_WHY_FINGERPRINT);
    g_assert_cmpuint(p->server.keys, ==, 0);
    pair_close(p);
}

static void weak_hashes_do_not_count(void)
{
    struct pair *p = pair_open(0, true);
    struct desc_fingerprint fp[2] = {{.hash = "sha-1", .n = 20}, {.hash = "sha-224", .n = 28}};

    g_assert_cmpint(dtls_set_fingerprints(p->client.d, fp, 2), ==, GW_EINVAL);
    pair_run(p, 2 * US_PER_S);
    g_assert_cmpint(p->client.why, ==, DTLS_WHY_FINGERPRINT);
    g_assert_cmpuint(p->client.keys, ==, 0);
    pair_close(p);
}

static void any_of_several_fingerprints_will_do(void)
{
    struct pair *p = pair_open(0, true);
    struct desc_fingerprint fp[3] = {{.hash = "sha-1", .n = 20},
                                     {.hash = "sha-256", .n = 32},
                                     *dtls_context_fingerprint(p->ctx[1])};

    g_assert_cmpint(dtls_set_fingerprints(p->client.d, fp, 3), ==, GW_OK);
    pair_run(p, 2 * US_PER_S);
    assert_open(p);
    /* A re-offer repeats the same; another certificate is another handshake. */
    g_assert_cmpint(dtls_set_fingerprints(p->client.d, fp, 3), ==, GW_OK);
    fp[2].value[0] ^= 1;
    g_assert_cmpint(dtls_set_fingerprints(p->client.d, fp, 3), ==, GW_ESTATE);
    g_assert_cmpint(dtls_state(p->client.d), ==, DTLS_OPEN);
    pair_close(p);
}

static void the_strongest_hash_decides(void)
{
    struct pair *p = pair_open(0, true);
    struct desc_fingerprint fp[2] = {*dtls_context_fingerprint(p->ctx[1]),
                                     {.hash = "sha-512", .n = 64}}; /* a wrong one */

    g_assert_cmpint(dtls_set_fingerprints(p->client.d, fp, 2), ==, GW_OK);
    pair_run(p, 2 * US_PER_S);
    g_assert_cmpint(p->client.why, ==, DTLS_WHY_FINGERPRINT);
    pair_close(p);
}

static void garbage_is_ignored(void)
{
    struct pair *p = pair_open(0, true);
    GRand *rand = g_rand_new_with_seed(5);
    char junk[200];

    dtls_start(p->client.d, clock_now_us());
    dtls_start(p->server.d, clock_now_us());
    for (unsigned i = 0; i < 500; i++) {
        for (unsigned k = 0; k < sizeof(junk); k++)
            junk[k] = (char)g_rand_int(rand);
        junk[0] = (char)(20 + i % 44);
        if (junk[0] == 21)
            junk[0] = 22; /* an alert in clear is a message, not garbage */
        dtls_input(p->client.d, (struct span){junk, i % sizeof(junk)}, clock_now_us());
        dtls_input(p->server.d, (struct span){junk, i % sizeof(junk)}, clock_now_us());
    }
    g_rand_free(rand);
    pair_run(p, 5 * US_PER_S);
    assert_open(p);
    pair_close(p);
}

static void truncated_flights_are_ignored(void)
{
    struct pair *p = pair_open(0, true);
    struct datagram hello;

    dtls_start(p->client.d, clock_now_us());
    hello = p->server.queue[0];
    for (size_t n = 0; n < hello.n; n++)
        dtls_input(p->server.d, (struct span){hello.data, n}, clock_now_us());
    g_assert_cmpuint(p->server.fails, ==, 0);
    g_assert_cmpuint(p->server.sent, ==, 0);
    pair_run(p, 5 * US_PER_S);
    assert_open(p);
    pair_close(p);
}

static void lost_last_flight_is_repeated(void)
{
    struct pair *p = pair_open(0, true);
    unsigned sent;

    dtls_start(p->client.d, clock_now_us());
    dtls_start(p->server.d, clock_now_us());
    end_deliver(&p->server);
    end_deliver(&p->client);
    end_deliver(&p->server); /* the server is done, its Finished is in the client's queue */
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_OPEN);
    p->client.head = p->client.tail; /* lost */
    sent = p->server.sent;
    pair_run(p, 5 * US_PER_S);
    assert_open(p);
    g_assert_cmpuint(p->server.sent, >, sent);
    pair_close(p);
}

static void close_tells_the_peer(void)
{
    struct pair *p = pair_open(0, true);

    pair_run(p, 2 * US_PER_S);
    assert_open(p);
    dtls_close(p->client.d);
    g_assert_cmpint(dtls_state(p->client.d), ==, DTLS_CLOSED);
    pair_drain(p);
    g_assert_cmpuint(p->server.closes, ==, 1);
    g_assert_cmpint(dtls_state(p->server.d), ==, DTLS_CLOSED);
    g_assert_cmpuint(p->client.closes + p->client.fails + p->server.fails, ==, 0);
    dtls_close(p->client.d); /* again: nothing */
    pair_close(p);
}

static void client_hello_is_recognised(void)
{
    struct pair *p = pair_open(300, true);

    dtls_start(p->client.d, clock_now_us());
    g_assert_true(
        dtls_is_client_hello((struct span){p->server.queue[0].data, p->server.queue[0].n}));
    end_deliver(&p->server);
    g_assert_false(
        dtls_is_client_hello((struct span){p->client.queue[0].data, p->client.queue[0].n}));
    for (size_t n = 0; n < 14; n++)
        g_assert_false(dtls_is_client_hello((struct span){p->server.queue[0].data, n}));
    pair_close(p);
}

static void fingerprint_is_of_the_certificate_sent(void)
{
    struct pair *p = pair_open(0, true);
    const struct desc_fingerprint *a = dtls_context_fingerprint(p->ctx[0]),
                                  *b = dtls_context_fingerprint(p->ctx[1]);

    g_assert_cmpstr(a->hash, ==, "sha-256");
    g_assert_cmpuint(a->n, ==, 32);
    g_assert_cmpint(memcmp(a->value, b->value, 32), !=, 0); /* fresh for each process */
    pair_close(p);
}

#define ADD(claim, fn) g_test_add_func("/media/dtls/" claim, fn)

void unit_media_dtls(void)
{
    ADD("both-roles-get-the-same-keys", both_roles_get_the_same_keys);
    ADD("small-mtu-makes-fragments", small_mtu_makes_fragments);
    ADD("duplicates-do-no-harm", duplicates_do_no_harm);
    ADD("reordered-fragments-are-put-together", reordered_fragments_are_put_together);
    ADD("lost-hello-is-sent-again-after-100-ms", lost_hello_is_sent_again_after_100_ms);
    ADD("loss-in-every-flight-is-survived", loss_in_every_flight_is_survived);
    ADD("silence-times-out", silence_times_out);
    ADD("wrong-certificate-gives-no-keys", wrong_certificate_gives_no_keys);
    ADD("early-handshake-waits-for-the-description", early_handshake_waits_for_the_description);
    ADD("parked-keys-are-not-for-an-impostor", parked_keys_are_not_for_an_impostor);
    ADD("weak-hashes-do-not-count", weak_hashes_do_not_count);
    ADD("any-of-several-fingerprints-will-do", any_of_several_fingerprints_will_do);
    ADD("the-strongest-hash-decides", the_strongest_hash_decides);
    ADD("garbage-is-ignored", garbage_is_ignored);
    ADD("truncated-flights-are-ignored", truncated_flights_are_ignored);
    ADD("lost-last-flight-is-repeated", lost_last_flight_is_repeated);
    ADD("close-tells-the-peer", close_tells_the_peer);
    ADD("client-hello-is-recognised", client_hello_is_recognised);
    ADD("fingerprint-is-of-the-certificate-sent", fingerprint_is_of_the_certificate_sent);
}
