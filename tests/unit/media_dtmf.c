#include "media/dtmf.h"

#include <glib.h>

#include <string.h>

void unit_media_dtmf(void);

enum { CLOCK = 8000, STEP_US = 20000 };

/** Feeds one packet; digits go to @p got. */
struct ear {
    struct dtmf_receiver r;
    uint64_t now_us;
    char got[32];
    uint16_t ms[32];
    unsigned n;
};

static struct ear ear_new(uint32_t clock_hz)
{
    return (struct ear){.r = {.clock_hz = clock_hz}, .now_us = 1000000};
}

static void hear(struct ear *e, char digit, uint32_t ts, unsigned duration, bool end)
{
    struct dtmf_digit out[2];
    struct dtmf_event ev = {dtmf_event_of(digit), 10, end, (uint16_t)duration};
    e->now_us += STEP_US;
    unsigned n = dtmf_receiver_feed(&e->r, &ev, ts, e->now_us, out);
    g_assert_cmpuint(n, <=, 2);
    for (unsigned i = 0; i < n; i++) {
        e->ms[e->n] = out[i].duration_ms;
        e->got[e->n++] = out[i].digit;
    }
}

static void a_digit_comes_once(void)
{
    struct ear e = ear_new(CLOCK);
    for (unsigned d = 160; d < 800; d += 160)
        hear(&e, '5', 1000, d, false);
    g_assert_cmpuint(e.n, ==, 0);
    for (unsigned i = 0; i < 3; i++)
        hear(&e, '5', 1000, 800, true);
    g_assert_cmpstr(e.got, ==, "5");
    g_assert_cmpuint(e.ms[0], ==, 100);
}

static void one_end_packet_alone_is_enough(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '#', 1000, 800, true);
    hear(&e, '#', 1000, 800, true);
    g_assert_cmpstr(e.got, ==, "#");
}

static void the_same_digit_twice_is_two(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '1', 1000, 160, false);
    hear(&e, '1', 1000, 800, true);
    hear(&e, '1', 3000, 160, false);
    hear(&e, '1', 3000, 800, true);
    g_assert_cmpstr(e.got, ==, "11");
}

static void a_new_event_ends_one_whose_ends_were_lost(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '1', 1000, 480, false);
    hear(&e, '2', 3000, 160, false);
    g_assert_cmpstr(e.got, ==, "1");
    g_assert_cmpuint(e.ms[0], ==, 60);
    hear(&e, '3', 5000, 800, true); /* ends 2, and is an end itself */
    g_assert_cmpstr(e.got, ==, "123");
}

static void late_packets_of_an_earlier_event_are_ignored(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '1', 1000, 800, true);
    hear(&e, '2', 3000, 160, false);
    hear(&e, '1', 1000, 800, true);
    hear(&e, '2', 3000, 800, true);
    hear(&e, '2', 3000, 640, false);
    g_assert_cmpstr(e.got, ==, "12");
}

static void a_sender_that_begins_anew_is_heard(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '1', 0x80000000, 800, true);
    hear(&e, '2', 100000, 800, true);
    hear(&e, '3', 0xfffffff0, 800, true); /* 12.5 s "before" */
    hear(&e, '4', 0x10, 800, true);       /* across the wrap */
    g_assert_cmpstr(e.got, ==, "1234");
}

static void another_event_at_the_same_time_is_ignored(void)
{
    struct ear e = ear_new(CLOCK);
    hear(&e, '1', 1000, 160, false);
    hear(&e, '2', 1000, 800, true);
    g_assert_cmpuint(e.n, ==, 0);
    hear(&e, '1', 1000, 800, true);
    g_assert_cmpstr(e.got, ==, "1");
}

static void an_end_beside_a_segments_end_comes_three_times(void)
{
    struct dtmf_sender s;
    struct dtmf_send k;
    unsigned ends = 0;
    g_assert_true(dtmf_sender_start(&s, '8', 1375, 48000, 20)); /* 66000: 465 past a segment */
    while (dtmf_sender_next(&s, &k))
        if (k.payload[1] & 0x80) {
            g_assert_cmpuint(k.ts_shift, ==, 0xffff);
            ends++;
        }
    g_assert_cmpuint(ends, ==, 3);
}

static void silence_ends_an_event(void)
{
    struct ear e = ear_new(CLOCK);
    struct dtmf_digit d;
    hear(&e, 'D', 1000, 480, false);
    g_assert_false(dtmf_receiver_idle(&e.r, e.now_us + DTMF_IDLE_US - 1, &d));
    g_assert_true(dtmf_receiver_idle(&e.r, e.now_us + DTMF_IDLE_US, &d));
    g_assert_cmpint(d.digit, ==, 'D');
    g_assert_cmpuint(d.duration_ms, ==, 60);
    g_assert_false(dtmf_receiver_idle(&e.r, e.now_us + 2UL * DTMF_IDLE_US, &d));
    hear(&e, 'D', 1000, 800, true); /* its end, very late */
    g_assert_cmpuint(e.n, ==, 0);
}

static void events_that_are_no_digits_are_silent(void)
{
    struct ear e = ear_new(CLOCK);
    struct dtmf_digit out[2];
    struct dtmf_event flash = {16, 10, true, 800};
    g_assert_cmpuint(dtmf_receiver_feed(&e.r, &flash, 1000, e.now_us, out), ==, 0);
    hear(&e, '7', 3000, 800, true);
    g_assert_cmpstr(e.got, ==, "7");
}

/** What a sender makes of @p digit, into a receiver, dropping packet number @p lost. */
static struct ear through(char digit, unsigned ms, uint32_t clock_hz, unsigned lost,
                          unsigned *count)
{
    struct ear e = ear_new(clock_hz);
    struct dtmf_sender s;
    struct dtmf_send k;
    unsigned n = 0;
    g_assert_true(dtmf_sender_start(&s, digit, ms, clock_hz, 20));
    while (dtmf_sender_next(&s, &k)) {
        struct dtmf_event ev;
        struct dtmf_digit out[2];
        g_assert_true(dtmf_parse(k.payload, sizeof(k.payload), &ev));
        g_assert_cmpint(k.marker, ==, n == 0);
        g_assert_cmpuint(ev.volume, ==, DTMF_VOLUME);
        e.now_us += STEP_US;
        if (n++ == lost)
            continue;
        unsigned got = dtmf_receiver_feed(&e.r, &ev, 5000 + k.ts_shift, e.now_us, out);
        for (unsigned i = 0; i < got; i++) {
            e.ms[e.n] = out[i].duration_ms;
            e.got[e.n++] = out[i].digit;
        }
    }
    g_assert_false(dtmf_sender_next(&s, &k));
    *count = n;
    return e;
}

static void what_we_send_is_what_is_heard(void)
{
    for (const char *d = "0123456789*#ABCD"; *d; d++) {
        unsigned n;
        struct ear e = through(*d, 100, CLOCK, 99, &n);
        g_assert_cmpuint(n, ==, 5 + 2); /* 20, 40, 60, 80, 100, and the end twice more */
        g_assert_cmpuint(e.n, ==, 1);
        g_assert_cmpint(e.got[0], ==, *d);
        g_assert_cmpuint(e.ms[0], ==, 100);
    }
}

static void no_single_loss_loses_a_digit(void)
{
    for (unsigned lost = 0; lost < 8; lost++) {
        unsigned n;
        struct ear e = through('9', 120, 48000, lost, &n);
        g_assert_cmpstr(e.got, ==, "9");
        g_assert_cmpuint(e.ms[0], ==, 120);
    }
}

static void long_events_come_in_segments(void)
{
    struct dtmf_sender s;
    struct dtmf_send k;
    unsigned last = 0;
    unsigned segments = 1;
    uint32_t shift = 0;
    unsigned n;
    g_assert_true(dtmf_sender_start(&s, '8', 5000, 48000, 20)); /* 240000 units */
    while (dtmf_sender_next(&s, &k)) {
        struct dtmf_event ev;
        g_assert_true(dtmf_parse(k.payload, sizeof(k.payload), &ev));
        if (k.ts_shift != shift) {
            g_assert_cmpuint(k.ts_shift, ==, shift + 0xffff);
            g_assert_cmpuint(last, ==, 0xffff);
            shift = k.ts_shift;
            segments++;
        } else {
            g_assert_cmpuint(ev.duration, >=, last);
        }
        last = ev.duration;
        if (ev.end)
            g_assert_cmpuint(shift + ev.duration, ==, 240000);
    }
    g_assert_cmpuint(segments, ==, 4);
    struct ear e = through('8', 5000, 48000, 1000, &n);
    g_assert_cmpstr(e.got, ==, "8");
    g_assert_cmpuint(e.ms[0], ==, 5000);
}

static void durations_have_bounds(void)
{
    unsigned n;
    struct ear e = through('1', 0, CLOCK, 99, &n);
    g_assert_cmpuint(e.ms[0], ==, 40);
    e = through('1', 1000000, CLOCK, 9999, &n);
    g_assert_cmpuint(e.ms[0], ==, 8000);
    struct dtmf_sender s;
    g_assert_false(dtmf_sender_start(&s, 'x', 100, CLOCK, 20));
    g_assert_false(dtmf_sender_start(&s, 0, 100, CLOCK, 20));
    g_assert_false(dtmf_sender_start(&s, '1', 100, 0, 20));
}

static unsigned scaled(unsigned duration, uint32_t in, uint32_t out)
{
    uint8_t p[DTMF_PAYLOAD] = {5, 0x8a, (uint8_t)(duration >> 8), (uint8_t)duration};
    g_assert_true(dtmf_scale(p, sizeof(p), in, out));
    g_assert_cmpuint(p[0], ==, 5);
    g_assert_cmpuint(p[1], ==, 0x8a);
    return (unsigned)(p[2] << 8 | p[3]);
}

static void durations_scale_between_clocks(void)
{
    g_assert_cmpuint(scaled(800, 8000, 48000), ==, 4800);
    g_assert_cmpuint(scaled(4800, 48000, 8000), ==, 800);
    g_assert_cmpuint(scaled(1, 48000, 8000), ==, 1);
    g_assert_cmpuint(scaled(0, 48000, 8000), ==, 0);
    g_assert_cmpuint(scaled(60000, 8000, 48000), ==, 0xffff);
    g_assert_cmpuint(scaled(0xffff, 48000, 8000), ==, 10923);
    uint8_t p[DTMF_PAYLOAD] = {0};
    g_assert_false(dtmf_scale(p, 3, 8000, 48000));
    g_assert_false(dtmf_scale(p, 4, 0, 48000));
}

static void payloads_survive_writing(void)
{
    struct dtmf_event ev = {11, 63, true, 0xabcd};
    struct dtmf_event back;
    uint8_t p[DTMF_PAYLOAD];
    dtmf_write(p, &ev);
    g_assert_true(memcmp(p, (uint8_t[]){11, 0xbf, 0xab, 0xcd}, 4) == 0); /* RFC 4733 2.3 */
    g_assert_true(dtmf_parse(p, 4, &back));
    g_assert_cmpuint(back.event, ==, 11);
    g_assert_cmpuint(back.volume, ==, 63);
    g_assert_true(back.end);
    g_assert_cmpuint(back.duration, ==, 0xabcd);
    g_assert_false(dtmf_parse(p, 3, &back));
    g_assert_cmpuint(dtmf_event_of('a'), ==, 12);
    g_assert_cmpuint(dtmf_event_of('e'), ==, 255);
}

void unit_media_dtmf(void)
{
    g_test_add_func("/media/dtmf/a-digit-comes-once", a_digit_comes_once);
    g_test_add_func("/media/dtmf/one-end-packet-alone-is-enough", one_end_packet_alone_is_enough);
    g_test_add_func("/media/dtmf/the-same-digit-twice-is-two", the_same_digit_twice_is_two);
    g_test_add_func("/media/dtmf/a-new-event-ends-one-whose-ends-were-lost",
                    a_new_event_ends_one_whose_ends_were_lost);
    g_test_add_func("/media/dtmf/late-packets-of-an-earlier-event-are-ignored",
                    late_packets_of_an_earlier_event_are_ignored);
    g_test_add_func("/media/dtmf/a-sender-that-begins-anew-is-heard",
                    a_sender_that_begins_anew_is_heard);
    g_test_add_func("/media/dtmf/another-event-at-the-same-time-is-ignored",
                    another_event_at_the_same_time_is_ignored);
    g_test_add_func("/media/dtmf/an-end-beside-a-segments-end-comes-three-times",
                    an_end_beside_a_segments_end_comes_three_times);
    g_test_add_func("/media/dtmf/silence-ends-an-event", silence_ends_an_event);
    g_test_add_func("/media/dtmf/events-that-are-no-digits-are-silent",
                    events_that_are_no_digits_are_silent);
    g_test_add_func("/media/dtmf/what-we-send-is-what-is-heard", what_we_send_is_what_is_heard);
    g_test_add_func("/media/dtmf/no-single-loss-loses-a-digit", no_single_loss_loses_a_digit);
    g_test_add_func("/media/dtmf/long-events-come-in-segments", long_events_come_in_segments);
    g_test_add_func("/media/dtmf/durations-have-bounds", durations_have_bounds);
    g_test_add_func("/media/dtmf/durations-scale-between-clocks", durations_scale_between_clocks);
    g_test_add_func("/media/dtmf/payloads-survive-writing", payloads_survive_writing);
}
