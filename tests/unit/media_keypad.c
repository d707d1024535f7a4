#include "media/dtmf.h"
#include "media_world.h"

#include <string.h>

void unit_media_keypad(void);

struct pair {
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;
};

static void pair_open(struct pair *p)
{
    world_open(&p->w, NULL);
    peer_open(&p->a);
    peer_open(&p->b);
    p->ida = world_plain(&p->w, &p->a, (struct media_id){0});
    p->idb = world_plain(&p->w, &p->b, p->ida);
    plan_audio(&p->plan, 0, 0);
}

static void pair_join(struct pair *p)
{
    media_join(p->w.m, p->ida, p->idb, &p->plan);
}

static void pair_close(struct pair *p)
{
    world_close(&p->w);
    peer_close(&p->a);
    peer_close(&p->b);
}

static void event_send(struct peer *p, uint8_t pt, const struct dtmf_event *ev, bool marker)
{
    uint8_t buf[RTP_FIXED + DTMF_PAYLOAD];
    struct rtp_header h = {
        .pt = pt, .marker = marker, .seq = p->seq++, .ts = p->ts, .ssrc = p->ssrc};

    rtp_write(buf, &h);
    dtmf_write(buf + RTP_FIXED, ev);
    peer_send_raw(p, buf, sizeof(buf));
}

/* 100 ms of a digit at this clock, its end three times. */
static void digit_send(struct peer *p, uint8_t pt, uint8_t event, unsigned clock_hz)
{
    struct dtmf_event ev = {.event = event, .volume = 10};

    for (unsigned i = 1; i <= 7; i++) {
        ev.end = i >= 5;
        ev.duration = (uint16_t)(MIN(i, 5) * clock_hz / 50);
        event_send(p, pt, &ev, i == 1);
    }
}

/* The digit we are asked to send: one event from first packet to third end. */
static struct rtp_header digit_expect(struct peer *p, uint8_t event)
{
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h, first = {0};
    struct dtmf_event ev = {0};
    uint16_t duration = 0;
    unsigned ends = 0;

    for (unsigned n = 0; ends < 3; n++) {
        h = peer_expect(p, buf);
        if (!n)
            first = h;
        g_assert_cmpuint(h.pt, ==, 101);
        g_assert_true(dtmf_parse(buf + h.header_len, h.payload_len, &ev));
        g_assert_cmpuint(ev.event, ==, event);
        g_assert_cmpuint(ev.duration, >=, duration);
        g_assert_cmpuint(h.ts, ==, first.ts);
        g_assert_cmpuint(h.ssrc, ==, first.ssrc);
        g_assert_cmpuint(h.seq, ==, (uint16_t)(first.seq + n));
        g_assert_true(h.marker == (n == 0));
        duration = ev.duration;
        ends += ev.end;
    }
    g_assert_cmpuint(duration, ==, 800); /* 100 ms at 8 kHz */
    return h;
}

static void digits_are_sent_in_order(void)
{
    struct pair p;
    struct rtp_header one, two;

    pair_open(&p);
    media_leg_dtmf(p.w.m, p.ida, '1', 100); /* no far leg is needed */
    media_leg_dtmf(p.w.m, p.ida, '#', 100);
    one = digit_expect(&p.a, 1);
    two = digit_expect(&p.a, 11);
    g_assert_cmpint((int32_t)(two.ts - one.ts), >=, 800); /* later, on the same clock */
    pair_close(&p);
}

static void audio_waits_for_a_digit_and_goes_on_without_a_gap(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h, before = {0};
    unsigned events = 0, audio_after = 0;
    bool seen = false;
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;

    pair_open(&p);
    pair_join(&p);
    while (audio_after < 3) {
        size_t n;
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(&p.b, 0, 1, 160);
        n = peer_recv(p.a.fd, buf, 5000);
        if (!n)
            continue;
        g_assert_cmpint(rtp_parse(buf, n, &h), ==, GW_OK);
        if (seen) {
            g_assert_cmpuint(h.seq, ==, (uint16_t)(before.seq + 1));
            g_assert_cmpuint(h.ssrc, ==, before.ssrc);
        } else {
            media_leg_dtmf(p.w.m, p.ida, '5', 100);
        }
        seen = true;
        events += h.pt == 101;
        if (events && events < 7)
            g_assert_cmpuint(h.pt, ==, 101); /* nothing in between */
        audio_after += events >= 7 && h.pt == 0;
        before = h;
    }
    pair_close(&p);
}

static void a_peers_digit_is_reported_once_and_forwarded(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h;
    const struct media_event *ev;

    pair_open(&p);
    pair_join(&p);
    digit_send(&p.a, 101, 7, 8000);
    world_await(&p.w, p.ida, MEDIA_DTMF, 1);
    ev = world_last(&p.w, p.ida, MEDIA_DTMF);
    g_assert_cmpint(ev->digit, ==, '7');
    g_assert_cmpuint(ev->duration_ms, ==, 100);
    for (unsigned i = 0; i < 7; i++) {
        h = peer_expect(&p.b, buf);
        g_assert_cmpuint(h.pt, ==, 101);
    }
    digit_send(&p.a, 101, 7, 8000); /* same ts: late copies of the same event */
    p.a.ts += 1600;
    digit_send(&p.a, 101, 15, 8000);
    world_await(&p.w, p.ida, MEDIA_DTMF, 2);
    g_assert_cmpint(world_last(&p.w, p.ida, MEDIA_DTMF)->digit, ==, 'D');
    g_assert_cmpuint(world_count(&p.w, p.ida, MEDIA_DTMF), ==, 2);
    pair_close(&p);
}

static void durations_follow_the_clock(void)
{
    struct pair p;
    uint8_t buf[WORLD_PACKET];
    struct dtmf_event ev = {0};
    struct rtp_header h;

    pair_open(&p);
    p.plan.way[0].codec[0] = (struct plan_codec){111, 96, 48000, 48000, false, false, false};
    p.plan.way[0].codec[1] = (struct plan_codec){110, 101, 48000, 8000, true, false, false};
    pair_join(&p);
    digit_send(&p.a, 110, 9, 48000);
    for (unsigned i = 1; i <= 7; i++) {
        h = peer_expect(&p.b, buf);
        g_assert_cmpuint(h.pt, ==, 101);
        g_assert_true(dtmf_parse(buf + h.header_len, h.payload_len, &ev));
        g_assert_cmpuint(ev.duration, ==, MIN(i, 5) * 160);
    }
    world_await(&p.w, p.ida, MEDIA_DTMF, 1);
    g_assert_cmpuint(world_last(&p.w, p.ida, MEDIA_DTMF)->duration_ms, ==, 100);
    pair_close(&p);
}

static void a_digit_the_far_side_cannot_take_is_still_reported(void)
{
    struct pair p;

    pair_open(&p);
    p.plan.way[0].codec[1].pt_out = 255;
    pair_join(&p);
    digit_send(&p.a, 101, 3, 8000);
    world_await(&p.w, p.ida, MEDIA_DTMF, 1);
    peer_expect_none(&p.w, &p.b);
    pair_close(&p);
}

static void a_digit_without_its_end_ends_by_silence(void)
{
    struct pair p;
    struct dtmf_event ev = {.event = 4, .volume = 10, .duration = 400};

    pair_open(&p);
    pair_join(&p);
    event_send(&p.a, 101, &ev, true);
    world_await(&p.w, p.ida, MEDIA_DTMF, 1);
    g_assert_cmpint(world_last(&p.w, p.ida, MEDIA_DTMF)->digit, ==, '4');
    pair_close(&p);
}

void unit_media_keypad(void)
{
    g_test_add_func("/media/keypad/in-order", digits_are_sent_in_order);
    g_test_add_func("/media/keypad/audio-waits", audio_waits_for_a_digit_and_goes_on_without_a_gap);
    g_test_add_func("/media/keypad/reported-once", a_peers_digit_is_reported_once_and_forwarded);
    g_test_add_func("/media/keypad/clock", durations_follow_the_clock);
    g_test_add_func("/media/keypad/consumed", a_digit_the_far_side_cannot_take_is_still_reported);
    g_test_add_func("/media/keypad/without-end", a_digit_without_its_end_ends_by_silence);
}
