#include "media_world.h"

#include <string.h>

void unit_media_relay(void);

struct pair { /* two plain peers, joined */
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;
};

static void pair_open(struct pair *p, uint8_t pt_a, uint8_t pt_b)
{
    world_open(&p->w, NULL);
    peer_open(&p->a);
    peer_open(&p->b);
    p->ida = world_plain(&p->w, &p->a, (struct media_id){0});
    p->idb = world_plain(&p->w, &p->b, p->ida);
    world_await(&p->w, p->ida, MEDIA_READY, 1);
    world_await(&p->w, p->idb, MEDIA_READY, 1);
    plan_audio(&p->plan, pt_a, pt_b);
    media_join(p->w.m, p->ida, p->idb, &p->plan);
}

static void pair_close(struct pair *p)
{
    world_close(&p->w);
    peer_close(&p->a);
    peer_close(&p->b);
}

/* A join has no answer: packets are sent until one comes through. */
static struct rtp_header first_through(struct peer *from, struct peer *to, uint8_t pt, uint8_t *buf)
{
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;
    struct rtp_header h = {0};
    size_t n = 0;

    while (!n) {
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(from, pt, 0x55, 160);
        n = peer_recv(to->fd, buf, 20000);
    }
    g_assert_cmpint(rtp_parse(buf, n, &h), ==, GW_OK);
    while (peer_recv(to->fd, buf, 20000)) /* stragglers */
        h.seq++;
    return h;
}

static void plain_to_plain_is_rewritten(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header first, h;

    pair_open(&p, 0, 8);
    first = first_through(&p.a, &p.b, 0, buf);
    g_assert_cmpuint(first.pt, ==, 8);
    g_assert_cmpuint(first.ssrc, !=, p.a.ssrc);
    for (unsigned i = 1; i <= 50; i++) {
        peer_send(&p.a, 0, (uint8_t)i, 160);
        h = peer_expect(&p.b, buf);
        g_assert_cmpuint(h.ssrc, ==, first.ssrc);
        g_assert_cmpuint(h.seq, ==, (uint16_t)(first.seq + i));
        g_assert_cmpuint(h.payload_len, ==, 160);
        g_assert_cmpuint(buf[h.header_len], ==, i);
        g_assert_cmpuint(buf[h.header_len + 159], ==, i);
    }
    first = first_through(&p.b, &p.a, 8, buf);
    g_assert_cmpuint(first.pt, ==, 0);
    world_await(&p.w, p.ida, MEDIA_FIRST_PACKET, 1);
    world_await(&p.w, p.idb, MEDIA_FIRST_PACKET, 1);
    pair_close(&p);
}

static void counters_are_published(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct media_stats a = {0}, b = {0};
    uint64_t end;

    pair_open(&p, 0, 0);
    (void)first_through(&p.a, &p.b, 0, buf);
    for (unsigned i = 0; i < 20; i++)
        peer_send(&p.a, 0, 1, 160);
    end = clock_now_us() + WORLD_DEADLINE_US;
    while (a.rx_packets < 21 || b.tx_packets < 21) {
        g_assert_cmpuint(clock_now_us(), <, end);
        world_turn();
        a = world_stats(&p.w, p.ida);
        b = world_stats(&p.w, p.idb);
    }
    g_assert_cmpuint(a.rx_bytes, ==, a.rx_packets * 172);
    g_assert_cmpuint(a.rx_lost, ==, 0);
    g_assert_cmpuint(a.last_rx_us, >, 0);
    g_assert_cmpuint(b.tx_bytes, ==, b.tx_packets * 172);
    pair_close(&p);
}

static void echo_comes_back(void)
{
    struct world w;
    struct peer p;
    struct media_id id;
    struct media_plan plan;
    uint8_t buf[WORLD_PACKET];

    world_open(&w, NULL);
    peer_open(&p);
    id = world_plain(&w, &p, (struct media_id){0});
    plan_audio(&plan, 0, 0);
    plan.nways = 1;
    media_join(w.m, id, id, &plan);
    g_assert_cmpuint(first_through(&p, &p, 0, buf).ssrc, !=, p.ssrc);
    world_close(&w);
    peer_close(&p);
}

static void injection_into_a_locked_port_is_refused(void)
{
    struct pair p;
    struct peer thief;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h;

    pair_open(&p, 0, 0);
    (void)first_through(&p.a, &p.b, 0, buf);
    peer_open(&thief);
    thief.to = p.a.to;
    thief.ssrc = p.a.ssrc;
    for (unsigned i = 0; i < 20; i++)
        peer_send(&thief, 0, 0xee, 160);
    peer_send(&p.a, 0, 0x11, 160);
    h = peer_expect(&p.b, buf);
    g_assert_cmpuint(buf[h.header_len], ==, 0x11); /* none of the thief's came before */
    (void)first_through(&p.b, &p.a, 0, buf);       /* and media still goes to A */
    g_assert_cmpuint(peer_recv(thief.fd, buf, 0), ==, 0);
    peer_close(&thief);
    pair_close(&p);
}

static void a_peer_behind_a_nat_is_latched(void)
{
    struct world w;
    struct peer p;
    struct media_id id;
    struct media_plan plan;
    struct desc *offer, *answer = desc_audio();
    uint8_t buf[WORLD_PACKET];

    world_open(&w, NULL);
    peer_open(&p);
    offer = desc_plain(&p);
    g_assert_true(net_addr_parse(SPAN("10.1.2.3:4000"), &offer->transport[0].rtp));
    id = world_leg(&w, &desc_profile_plain, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, id, offer, false, answer), ==, GW_OK);
    p.to = answer->transport[0].rtp;
    plan_audio(&plan, 0, 0);
    plan.nways = 1;
    media_join(w.m, id, id, &plan);
    (void)first_through(&p, &p, 0, buf);
    world_await(&w, id, MEDIA_PATH, 2);
    g_assert_true(net_addr_equal(&world_last(&w, id, MEDIA_PATH)->remote, &p.addr));
    desc_free(offer);
    desc_free(answer);
    world_close(&w);
    peer_close(&p);
}

static void a_closed_way_forwards_nothing(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header before, after;

    pair_open(&p, 0, 0);
    before = first_through(&p.a, &p.b, 0, buf);
    p.plan.way[0].open = false;
    media_join(p.w.m, p.ida, p.idb, &p.plan);
    peer_expect_none(&p.w, &p.b); /* by now the join is done */
    for (unsigned i = 0; i < 10; i++)
        peer_send(&p.a, 0, 2, 160);
    peer_expect_none(&p.w, &p.b);
    p.plan.way[0].open = true;
    media_join(p.w.m, p.ida, p.idb, &p.plan);
    peer_expect_none(&p.w, &p.b);
    peer_send(&p.a, 0, 3, 160);
    after = peer_expect(&p.b, buf);
    g_assert_cmpuint(after.seq, ==, (uint16_t)(before.seq + 1)); /* no gap that looks like loss */
    g_assert_cmpuint(after.ssrc, ==, before.ssrc);
    pair_close(&p);
}

static void garbage_does_no_harm(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h = {0};
    uint64_t end;
    uint32_t ours;
    size_t n;

    pair_open(&p, 0, 0);
    (void)first_through(&p.a, &p.b, 0, buf);
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t junk[256];
        n = 1 + i % 255;
        random_bytes(junk, n);
        if (i % 3 == 0)
            junk[0] = (uint8_t)(0x80 | (junk[0] & 0x3f)); /* RTP or RTCP by its first octet */
        peer_send_raw(&p.a, junk, n);
        if (i % 100 == 99) { /* what was queued is through before the buffer fills */
            while (peer_recv(p.b.fd, buf, 2000))
                ;
        }
    }
    ours = p.a.ssrc;
    p.a.ssrc = ~ours; /* junk that happens to be RTP takes the peer's place, for a moment */
    peer_send(&p.a, 0, 1, 160);
    p.a.ssrc = ours;
    end = clock_now_us() + WORLD_DEADLINE_US;
    while (h.payload_len != 100 || buf[h.header_len] != 0x77) {
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(&p.a, 0, 0x77, 100);
        n = peer_recv(p.b.fd, buf, 20000);
        if (n)
            g_assert_cmpint(rtp_parse(buf, n, &h), ==, GW_OK);
    }
    pair_close(&p);
}

static void closing_while_packets_fly(void)
{
    struct world w;
    struct peer a, b;

    world_open(&w, NULL);
    peer_open(&a);
    peer_open(&b);
    for (unsigned round = 0; round < 40; round++) {
        struct media_id ida = world_plain(&w, &a, (struct media_id){0});
        struct media_id idb = world_plain(&w, &b, ida);
        struct media_plan plan;
        unsigned seen;
        plan_audio(&plan, 0, 0);
        media_join(w.m, ida, idb, &plan);
        for (unsigned i = 0; i < 20; i++) {
            peer_send(&a, 0, 1, 160);
            peer_send(&b, 0, 1, 160);
        }
        media_leg_close(w.m, round % 2 ? ida : idb);
        seen = w.nevents;
        for (unsigned i = 0; i < 20; i++)
            peer_send(round % 2 ? &b : &a, 0, 1, 160);
        world_turn();
        for (unsigned i = seen; i < w.nevents; i++) /* no event bears a closed id */
            g_assert_false(media_id_equal(w.event[i].id, round % 2 ? ida : idb));
        media_leg_close(w.m, round % 2 ? idb : ida);
        w.nevents = 0;
    }
    world_close(&w);
    peer_close(&a);
    peer_close(&b);
}

static void two_workers(struct media_config *c)
{
    c->workers = 2;
}

static void legs_near_each_other_share_a_worker(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];

    memset(&p, 0, sizeof(p));
    world_open(&p.w, two_workers);
    peer_open(&p.a);
    peer_open(&p.b);
    for (unsigned i = 0; i < 4; i++) {
        p.ida = world_plain(&p.w, &p.a, (struct media_id){0});
        p.idb = world_plain(&p.w, &p.b, p.ida);
        plan_audio(&p.plan, 0, 0);
        media_join(p.w.m, p.ida, p.idb, &p.plan);
        (void)first_through(&p.a, &p.b, 0, buf);
    }
    pair_close(&p);
}

/* A fork: early media of one branch, then the other answers and the first is closed. */
static void the_branch_that_answers_takes_over(void)
{
    struct world w;
    struct peer a, b[2];
    struct media_id ida, idb[2];
    struct media_plan plan;
    struct rtp_header before, after;
    uint8_t buf[WORLD_PACKET];

    world_open(&w, NULL);
    peer_open(&a);
    ida = world_plain(&w, &a, (struct media_id){0});
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&b[i]);
        idb[i] = world_plain(&w, &b[i], ida);
    }
    plan_audio(&plan, 0, 0);
    media_join(w.m, ida, idb[0], &plan);
    for (unsigned i = 0; i < 5; i++) {
        peer_send(&b[0], 0, 1, 160);
        before = peer_expect(&a, buf);
    }
    media_join(w.m, ida, idb[1], &plan);
    peer_send(&b[0], 0, 1, 160);
    peer_expect_none(&w, &a);
    media_leg_close(w.m, idb[0]);
    for (unsigned i = 0; i < 5; i++) {
        peer_send(&b[1], 0, 2, 160);
        after = peer_expect(&a, buf);
        g_assert_cmpuint(buf[after.header_len], ==, 2);
        g_assert_cmpuint(after.ssrc, ==, before.ssrc);
        g_assert_cmpuint(after.seq, ==, (uint16_t)(before.seq + 1));
        g_assert_cmpint((int32_t)(after.ts - before.ts), >, 0);
        g_assert_cmpint(after.marker, ==, i == 0);
        before = after;
    }
    peer_send(&a, 0, 3, 160);
    (void)peer_expect(&b[1], buf);
    g_assert_cmpuint(peer_recv(b[0].fd, buf, 0), ==, 0);
    world_close(&w);
    peer_close(&a);
    for (unsigned i = 0; i < 2; i++)
        peer_close(&b[i]);
}

/* Audio level (id 1), MID (id 3) and padding; the payload behind them. */
static void send_with_extensions(struct peer *p)
{
    uint8_t buf[64];
    struct rtp_header h = {.pt = 0, .seq = p->seq++, .ts = p->ts, .ssrc = p->ssrc};

    p->ts += 160;
    rtp_write(buf, &h);
    buf[0] |= 0x10;
    memcpy(buf + 12, "\xbe\xde\0\2\x10\x55\x31mx\0\0\0", 12);
    memset(buf + 24, 0x77, 40);
    peer_send_raw(p, buf, sizeof(buf));
}

static void only_agreed_extensions_cross(void)
{
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;
    struct rtp_header h;
    struct rtp_extension e;
    uint8_t buf[WORLD_PACKET];
    size_t at = 0;

    world_open(&w, NULL);
    peer_open(&a);
    peer_open(&b);
    ida = world_plain(&w, &a, (struct media_id){0});
    idb = world_plain(&w, &b, ida);
    plan_audio(&plan, 0, 0);
    media_join(w.m, ida, idb, &plan);
    send_with_extensions(&a);
    h = peer_expect(&b, buf);
    g_assert_cmpuint(h.extension_at, ==, 0); /* none agreed: no block at all */
    g_assert_cmpuint(h.header_len, ==, RTP_FIXED);
    g_assert_cmpuint(h.payload_len, ==, 40);
    g_assert_cmpuint(buf[h.header_len], ==, 0x77);
    plan.way[0].nextensions = 1;
    plan.way[0].extension[0] = (struct plan_extension){1, 5};
    media_join(w.m, ida, idb, &plan);
    send_with_extensions(&a);
    h = peer_expect(&b, buf);
    g_assert_cmpuint(h.extension_len, ==, 4);
    g_assert_true(rtp_extension_next(buf, &h, &at, &e));
    g_assert_cmpuint(e.id, ==, 5);
    g_assert_cmpuint(e.data[0], ==, 0x55);
    g_assert_false(rtp_extension_next(buf, &h, &at, &e));
    g_assert_cmpuint(h.payload_len, ==, 40);
    g_assert_cmpuint(buf[h.header_len + 39], ==, 0x77);
    world_close(&w);
    peer_close(&a);
    peer_close(&b);
}

static void quick_silence(struct media_config *c)
{
    c->silence_timeout_us = 300000;
}

static void silence_is_reported_unless_on_hold(void)
{
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;

    world_open(&w, quick_silence);
    peer_open(&a);
    peer_open(&b);
    ida = world_plain(&w, &a, (struct media_id){0});
    idb = world_plain(&w, &b, ida);
    plan_audio(&plan, 0, 0);
    plan.way[1].open = false; /* B is on hold */
    media_join(w.m, ida, idb, &plan);
    world_await(&w, ida, MEDIA_FAILED, 1);
    g_assert_cmpint(world_last(&w, ida, MEDIA_FAILED)->why, ==, MEDIA_WHY_SILENCE);
    g_assert_cmpuint(world_count(&w, idb, MEDIA_FAILED), ==, 0);
    world_close(&w);
    peer_close(&a);
    peer_close(&b);
}

/* "sendonly" is how phones hold; many then send nothing, not even RTCP. */
static void a_hold_without_music_is_no_silence(void)
{
    struct world w;
    struct peer a, b;
    struct media_id ida, idb, idc;
    struct desc *offer, *answer = desc_audio();
    struct media_plan plan;

    world_open(&w, quick_silence);
    peer_open(&a);
    peer_open(&b);
    ida = world_plain(&w, &a, (struct media_id){0});
    idb = world_plain(&w, &b, ida);
    idc = world_plain(&w, &b, ida);
    offer = desc_plain(&a);
    offer->stream[0].direction = DESC_SENDONLY;
    g_assert_cmpint(media_leg_describe(w.m, ida, offer, false, answer), ==, GW_OK);
    plan_audio(&plan, 0, 0);
    plan.way[1].open = false;
    media_join(w.m, ida, idb, &plan);
    plan.nways = 1;
    media_join(w.m, idc, idc, &plan); /* the clock: this one should speak and is silent as long */
    world_await(&w, idc, MEDIA_FAILED, 1);
    for (unsigned i = 0; i < 300; i++)
        world_turn();
    g_assert_cmpuint(world_count(&w, ida, MEDIA_FAILED), ==, 0);
    world_close(&w);
    desc_free(offer);
    desc_free(answer);
    peer_close(&a);
    peer_close(&b);
}

void unit_media_relay(void)
{
    g_test_add_func("/media/relay/plain-to-plain", plain_to_plain_is_rewritten);
    g_test_add_func("/media/relay/counters", counters_are_published);
    g_test_add_func("/media/relay/echo", echo_comes_back);
    g_test_add_func("/media/relay/injection-refused", injection_into_a_locked_port_is_refused);
    g_test_add_func("/media/relay/nat-latched", a_peer_behind_a_nat_is_latched);
    g_test_add_func("/media/relay/closed-way", a_closed_way_forwards_nothing);
    g_test_add_func("/media/relay/garbage", garbage_does_no_harm);
    g_test_add_func("/media/relay/closing-while-packets-fly", closing_while_packets_fly);
    g_test_add_func("/media/relay/two-workers", legs_near_each_other_share_a_worker);
    g_test_add_func("/media/relay/extensions", only_agreed_extensions_cross);
    g_test_add_func("/media/relay/fork", the_branch_that_answers_takes_over);
    g_test_add_func("/media/relay/silence", silence_is_reported_unless_on_hold);
    g_test_add_func("/media/relay/hold-without-music", a_hold_without_music_is_no_silence);
}
