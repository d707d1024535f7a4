/* Continuity of what we send, statistics of what we got. */
#include "media/rtp.h"

#include <glib.h>

void unit_media_rtp_stream(void);

enum { CLOCK = 8000, OURS = 0x0badcafe, FRAME = 160 };
#define FRAME_US UINT64_C(20000)

/** A rewriter with a clock and what came out of it last. */
struct mouth {
    struct rtp_rewriter w;
    uint64_t now_us;
    uint16_t seq;
    uint32_t ts, ssrc;
};

static struct mouth mouth_new(uint64_t random)
{
    struct mouth m = {.now_us = 1000000};
    rtp_rewriter_init(&m.w, OURS, random);
    return m;
}

static struct rtp_header header(uint32_t ssrc, uint16_t seq, uint32_t ts)
{
    return (struct rtp_header){.ssrc = ssrc, .seq = seq, .ts = ts, .payload_len = 160};
}

static enum rtp_verdict say(struct mouth *m, uint32_t ssrc, uint16_t seq, uint32_t ts)
{
    uint8_t pkt[172] = {0};
    struct rtp_header h = header(ssrc, seq, ts);
    rtp_write(pkt, &h);
    enum rtp_verdict v = rtp_rewriter_apply(&m->w, pkt, &h, CLOCK, m->now_us);
    m->seq = rtp_seq(pkt);
    m->ts = rtp_ts(pkt);
    m->ssrc = rtp_ssrc(pkt);
    return v;
}

/** The next frame of a source, 20 ms later. */
static enum rtp_verdict go_on(struct mouth *m, uint32_t ssrc, uint16_t *seq, uint32_t *ts)
{
    m->now_us += FRAME_US;
    *seq = (uint16_t)(*seq + 1);
    *ts += FRAME;
    return say(m, ssrc, *seq, *ts);
}

static void a_stream_goes_on_as_it_came(void)
{
    struct mouth m = mouth_new(UINT64_C(0x1234567800000005));
    uint16_t seq = 65000;
    uint32_t ts = 0xffff0000;
    g_assert_cmpint(go_on(&m, 7, &seq, &ts), ==, RTP_RESUMED);
    g_assert_cmpuint(m.ssrc, ==, OURS);
    uint16_t first = m.seq;
    uint32_t first_ts = m.ts;
    for (unsigned i = 1; i < 70000; i++) {
        g_assert_cmpint(go_on(&m, 7, &seq, &ts), ==, RTP_FORWARD);
        g_assert_cmpuint(m.seq, ==, (uint16_t)(first + i));
        g_assert_cmpuint(m.ts, ==, first_ts + i * FRAME);
    }
    g_assert_cmpuint(m.w.packets, ==, 70000);
    g_assert_cmpuint(m.w.octets, ==, 70000UL * 160);
}

static void first_numbers_suit_srtp(void)
{
    for (uint64_t random = 0; random < 40000; random++) {
        struct mouth m = mouth_new(random * UINT64_C(0x9e3779b97f4a7c15));
        (void)say(&m, 7, 1, 1);
        g_assert_cmpuint(m.seq, >, 128 + 100);
        g_assert_cmpuint(m.seq, <, 0x8000);
    }
}

static void gaps_and_disorder_are_kept(void)
{
    static const int order[] = {0, 1, 5, 3, 2, 4, 4, 105, 6, 104, 2105};
    struct mouth m = mouth_new(1);
    (void)say(&m, 7, 65534, 0);
    uint16_t base = m.seq;
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        g_assert_cmpint(say(&m, 7, (uint16_t)(65534 + order[i]), (uint32_t)order[i] * FRAME), ==,
                        RTP_FORWARD);
        g_assert_cmpuint(m.seq, ==, (uint16_t)(base + order[i]));
    }
}

static void the_first_packets_may_be_reordered(void)
{
    struct mouth m = mouth_new(1);
    (void)say(&m, 7, 100, 1000);
    uint16_t base = m.seq;
    g_assert_cmpint(say(&m, 7, 98, 680), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, base - 2);
}

static void a_new_source_continues(void)
{
    struct mouth m = mouth_new(1);
    uint16_t seq = 500;
    uint32_t ts = 77;
    for (unsigned i = 0; i < 10; i++)
        (void)go_on(&m, 7, &seq, &ts);
    uint16_t last_seq = m.seq;
    uint32_t last_ts = m.ts;
    m.now_us += 980000; /* a second passes from the last packet on */
    seq = 40000;
    ts = 0x80000000;
    g_assert_cmpint(go_on(&m, 8, &seq, &ts), ==, RTP_RESUMED);
    g_assert_cmpuint(m.seq, ==, last_seq + 1);
    g_assert_cmpuint(m.ts, ==, last_ts + CLOCK);
    g_assert_cmpuint(m.ssrc, ==, OURS);
    g_assert_cmpint(say(&m, 8, 40000, 0x80000000), ==, RTP_DROP); /* its number is source 7's */
    g_assert_cmpint(go_on(&m, 8, &seq, &ts), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, last_seq + 2);
    g_assert_cmpuint(m.ts, ==, last_ts + CLOCK + FRAME);
}

static void a_source_without_pause_still_moves_time(void)
{
    struct mouth m = mouth_new(1);
    (void)say(&m, 7, 1, 1);
    uint32_t ts = m.ts;
    g_assert_cmpint(say(&m, 8, 1, 1), ==, RTP_RESUMED);
    g_assert_cmpuint(m.ts - ts, ==, 1);
}

static void of_two_sources_the_later_is_heard(void)
{
    struct mouth m = mouth_new(1);
    uint16_t seq[2] = {500, 9000};
    uint32_t ts[2] = {77, 88};
    (void)go_on(&m, 7, &seq[0], &ts[0]);
    g_assert_cmpint(go_on(&m, 8, &seq[1], &ts[1]), ==, RTP_RESUMED);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint(go_on(&m, 7, &seq[0], &ts[0]), ==, RTP_DROP);
        g_assert_cmpint(go_on(&m, 8, &seq[1], &ts[1]), ==, RTP_FORWARD);
    }
    m.now_us += 200000; /* the later one has stopped */
    g_assert_cmpint(go_on(&m, 7, &seq[0], &ts[0]), ==, RTP_RESUMED);
    g_assert_cmpint(go_on(&m, 7, &seq[0], &ts[0]), ==, RTP_FORWARD);
    g_assert_cmpint(go_on(&m, 8, &seq[1], &ts[1]), ==, RTP_DROP);
    g_assert_cmpint(go_on(&m, 9, &seq[1], &ts[1]), ==, RTP_RESUMED);
    rtp_rewriter_switch(&m.w); /* told so, any source will do */
    g_assert_cmpint(go_on(&m, 7, &seq[0], &ts[0]), ==, RTP_RESUMED);
}

static void a_switch_is_one_even_with_the_same_ssrc(void)
{
    struct mouth m = mouth_new(1);
    (void)say(&m, 7, 1, 1);
    uint16_t seq = m.seq;
    rtp_rewriter_switch(&m.w);
    g_assert_cmpint(say(&m, 7, 30000, 5), ==, RTP_RESUMED);
    g_assert_cmpuint(m.seq, ==, seq + 1);
}

static void a_jump_must_go_on_to_be_believed(void)
{
    static const uint16_t jumps[] = {3002, 30000, 60000, 65435}; /* ahead, and more than 100 back */
    for (size_t i = 0; i < G_N_ELEMENTS(jumps); i++) {
        struct mouth m = mouth_new(1);
        (void)say(&m, 7, 10, 1);
        uint16_t seq = m.seq;
        uint16_t to = (uint16_t)(10 + jumps[i]);
        g_assert_cmpint(say(&m, 7, to, 5), ==, RTP_DROP);
        g_assert_cmpint(say(&m, 7, 11, 5), ==, RTP_FORWARD); /* it was a stray */
        g_assert_cmpint(say(&m, 7, to, 5), ==, RTP_DROP);
        g_assert_cmpint(say(&m, 7, (uint16_t)(to + 1), 5), ==, RTP_RESUMED);
        g_assert_cmpuint(m.seq, ==, seq + 2);
    }
}

static void what_is_skipped_leaves_no_gap(void)
{
    struct mouth m = mouth_new(1);
    (void)say(&m, 7, 10, 0);
    uint16_t seq = m.seq;
    for (uint16_t i = 11; i < 20; i++) {
        struct rtp_header h = header(7, i, i * FRAME);
        rtp_rewriter_skip(&m.w, &h);
    }
    g_assert_cmpint(say(&m, 7, 15, 0), ==, RTP_DROP); /* late, where nothing was left open */
    g_assert_cmpint(say(&m, 7, 22, 0), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, seq + 3); /* 20 and 21 were really lost */
    g_assert_cmpint(say(&m, 7, 21, 0), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, seq + 2);
    struct rtp_header h = header(7, 23, 0);
    h.ssrc = 9; /* somebody else's */
    rtp_rewriter_skip(&m.w, &h);
    g_assert_cmpint(say(&m, 7, 23, 0), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, seq + 4);
}

static void our_own_packets_fit_in_between(void)
{
    struct mouth m = mouth_new(1);
    uint16_t seq = 500;
    uint32_t ts = 77;
    struct rtp_header ours;
    (void)go_on(&m, 7, &seq, &ts);
    uint16_t last = m.seq;
    uint32_t last_ts = m.ts;
    m.now_us += 10000;
    rtp_rewriter_insert(&m.w, 4, CLOCK, m.now_us, &ours);
    g_assert_cmpuint(ours.ssrc, ==, OURS);
    g_assert_cmpuint(ours.seq, ==, last + 1);
    g_assert_cmpuint(ours.ts, ==, last_ts + FRAME / 2);
    m.now_us -= 10000;
    g_assert_cmpint(go_on(&m, 7, &seq, &ts), ==, RTP_FORWARD);
    g_assert_cmpuint(m.seq, ==, last + 2);
    g_assert_cmpuint(m.ts, ==, last_ts + FRAME);
    g_assert_cmpuint(m.w.packets, ==, 3);
    rtp_rewriter_insert(&m.w, 4, CLOCK, m.now_us, &ours);
    g_assert_cmpint(say(&m, 7, seq, ts), ==, RTP_DROP); /* a duplicate would take our number */
    g_assert_cmpint(say(&m, 7, (uint16_t)(seq - 1), ts), ==, RTP_DROP);
}

static void our_own_packets_may_come_first(void)
{
    struct mouth m = mouth_new(1);
    struct rtp_header a;
    struct rtp_header b;
    rtp_rewriter_insert(&m.w, 4, CLOCK, m.now_us, &a);
    m.now_us += FRAME_US;
    rtp_rewriter_insert(&m.w, 4, CLOCK, m.now_us, &b);
    g_assert_cmpuint(b.seq, ==, a.seq + 1);
    g_assert_cmpuint(b.ts, ==, a.ts + FRAME);
    m.now_us += FRAME_US;
    g_assert_cmpint(say(&m, 7, 9, 9), ==, RTP_RESUMED);
    g_assert_cmpuint(m.seq, ==, b.seq + 1);
    g_assert_cmpuint(m.ts, ==, b.ts + FRAME);
}

/** Which packet each of our numbers stands for; 0: none yet. */
struct names {
    uint64_t of[65536];
};

static void named(struct names *n, uint16_t number, uint64_t packet)
{
    g_assert_true(n->of[number] == 0 || n->of[number] == packet);
    n->of[number] = packet;
}

/** Whatever happens: losses, late and repeated packets, new sources, packets of ours. */
static void no_number_stands_for_two_packets(void)
{
    struct names *names = g_new0(struct names, 1);
    struct mouth m = mouth_new((uint32_t)g_test_rand_int());
    uint16_t seq = (uint16_t)g_test_rand_int();
    uint32_t ssrc = 1;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned dice = (unsigned)g_test_rand_int_range(0, 1000);
        m.now_us += FRAME_US;
        if (dice < 20) {
            struct rtp_header ours;
            rtp_rewriter_insert(&m.w, 4, CLOCK, m.now_us, &ours);
            named(names, ours.seq, UINT64_MAX - i);
            continue;
        }
        ssrc += dice < 25;
        if (dice == 30)
            rtp_rewriter_switch(&m.w);
        seq = (uint16_t)(seq + 1 + (dice < 100)); /* at times one is lost */
        if (dice >= 100 && dice < 130) {
            struct rtp_header h = header(ssrc, seq, i);
            rtp_rewriter_skip(&m.w, &h);
            continue;
        }
        for (unsigned late = 0; late < 2; late++) { /* this one, and an earlier one again */
            uint16_t which = (uint16_t)(seq - (late ? dice % 100 : 0));
            if (say(&m, ssrc, which, i * FRAME) != RTP_DROP)
                named(names, m.seq, (uint64_t)ssrc << 16 | which);
        }
    }
    g_free(names);
}

struct ledger {
    struct rtp_receiver r;
    struct rtp_report report;
};

static bool got(struct ledger *l, uint16_t seq, uint32_t ts, uint64_t now_us)
{
    struct rtp_header h = header(3, seq, ts);
    return rtp_receiver_feed(&l->r, &h, CLOCK, now_us);
}

/* What a retransmission may name (RFC 4588): a packet that has left, by the number it had. */
static void only_what_has_left_has_a_number(void)
{
    struct mouth m = mouth_new(77);
    uint16_t seq = 1000;
    uint16_t first;
    uint16_t out = 0;
    uint32_t ts = 0;

    g_assert_false(rtp_rewriter_map(&m.w, 1000, &out)); /* nothing has left yet */
    (void)go_on(&m, 7, &seq, &ts);                      /* 1001 */
    first = m.seq;
    (void)go_on(&m, 7, &seq, &ts);
    g_assert_true(rtp_rewriter_map(&m.w, 1001, &out));
    g_assert_cmpuint(out, ==, first);
    g_assert_true(rtp_rewriter_map(&m.w, 1002, &out));
    g_assert_cmpuint(out, ==, first + 1);
    g_assert_false(rtp_rewriter_map(&m.w, 1003, &out)); /* it is still to come */
    g_assert_false(rtp_rewriter_map(&m.w, 500, &out));  /* it never came here */
    seq = 40000;
    (void)go_on(&m, 8, &seq, &ts); /* another source: its numbers begin anew */
    g_assert_true(rtp_rewriter_map(&m.w, 40001, &out));
    g_assert_false(rtp_rewriter_map(&m.w, 40000, &out));
    g_assert_false(rtp_rewriter_map(&m.w, 1002, &out));
}

static void nothing_received_reports_nothing(void)
{
    struct ledger l = {0};
    g_assert_false(rtp_receiver_report(&l.r, &l.report));
    g_assert_cmpint(rtp_receiver_lost(&l.r), ==, 0);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), ==, 0);
}

static void losses_are_counted_across_the_wrap(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 100; i++)
        if (i % 4 != 2)
            g_assert_true(got(&l, (uint16_t)(65500 + i), i * FRAME, i * FRAME_US));
    g_assert_true(rtp_receiver_report(&l.r, &l.report));
    g_assert_cmpint(l.report.lost, ==, 25);
    g_assert_cmpuint(l.report.fraction, ==, 64);
    g_assert_cmpuint(l.report.highest, ==, 65536 + (65599 - 65536));
    for (unsigned i = 100; i < 110; i++)
        (void)got(&l, (uint16_t)(65500 + i), i * FRAME, i * FRAME_US);
    g_assert_true(rtp_receiver_report(&l.r, &l.report));
    g_assert_cmpuint(l.report.fraction, ==, 0); /* of the interval alone */
    g_assert_cmpint(l.report.lost, ==, 25);
    g_assert_true(rtp_receiver_report(&l.r, &l.report)); /* nothing at all in between */
    g_assert_cmpuint(l.report.fraction, ==, 0);
}

static void duplicates_count_against_losses(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 5; i++)
        (void)got(&l, 100, 0, 0);
    (void)got(&l, 99, 0, 0);
    g_assert_cmpint(rtp_receiver_lost(&l.r), ==, -5);
    g_assert_true(rtp_receiver_report(&l.r, &l.report));
    g_assert_cmpuint(l.report.fraction, ==, 0);
}

static void a_steady_stream_has_no_jitter(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 1000; i++)
        (void)got(&l, (uint16_t)i, 0xffff0000 + i * FRAME, 5000000 + i * FRAME_US);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), ==, 0);
}

static void jitter_converges(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 2000; i++) /* every other packet 10 ms late: |D| is always 10 ms */
        (void)got(&l, (uint16_t)i, i * FRAME, i * FRAME_US + (i % 2) * FRAME_US / 2);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), >=, 9500);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), <=, 10000);
    g_assert_true(rtp_receiver_report(&l.r, &l.report));
    g_assert_cmpuint(l.report.jitter, >=, 76);
}

static void packets_of_one_frame_are_no_jitter(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 1000; i++) /* ten packets a frame, spread over its time */
        (void)got(&l, (uint16_t)i, i / 10 * FRAME, i * FRAME_US / 10);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), ==, 0);
}

static void a_leap_of_the_senders_clock_is_no_jitter(void)
{
    struct ledger l = {0};
    for (unsigned i = 0; i < 100; i++)
        (void)got(&l, (uint16_t)i, i * FRAME + (i < 50 ? 0 : 0x40000000), i * FRAME_US);
    g_assert_cmpuint(rtp_receiver_jitter_us(&l.r), ==, 0);
}

static void a_restart_must_go_on_to_be_believed(void)
{
    struct ledger l = {0};
    (void)got(&l, 10, 0, 0);
    g_assert_false(got(&l, 40000, 0, 0));
    g_assert_true(got(&l, 11, 0, 0));
    g_assert_false(got(&l, 40000, 0, 0));
    g_assert_true(got(&l, 40001, 0, 0));
    g_assert_cmpint(rtp_receiver_lost(&l.r), ==, 0);
}

static void a_new_ssrc_starts_anew(void)
{
    struct ledger l = {0};
    struct rtp_header other = header(4, 60000, 0);
    (void)got(&l, 10, 0, 0);
    (void)got(&l, 20, 0, 0);
    g_assert_cmpint(rtp_receiver_lost(&l.r), ==, 9);
    g_assert_true(rtp_receiver_feed(&l.r, &other, CLOCK, 0));
    g_assert_cmpint(rtp_receiver_lost(&l.r), ==, 0);
    g_assert_cmpuint(l.r.ssrc, ==, 4);
}

void unit_media_rtp_stream(void)
{
#define ADD(claim, fn) g_test_add_func("/media/rtp_stream/" claim, fn)
    ADD("only-what-has-left-has-a-number", only_what_has_left_has_a_number);
    ADD("a-stream-goes-on-as-it-came", a_stream_goes_on_as_it_came);
    ADD("first-numbers-suit-srtp", first_numbers_suit_srtp);
    ADD("gaps-and-disorder-are-kept", gaps_and_disorder_are_kept);
    ADD("the-first-packets-may-be-reordered", the_first_packets_may_be_reordered);
    ADD("a-new-source-continues", a_new_source_continues);
    ADD("a-source-without-pause-still-moves-time", a_source_without_pause_still_moves_time);
    ADD("of-two-sources-the-later-is-heard", of_two_sources_the_later_is_heard);
    ADD("a-switch-is-one-even-with-the-same-ssrc", a_switch_is_one_even_with_the_same_ssrc);
    ADD("a-jump-must-go-on-to-be-believed", a_jump_must_go_on_to_be_believed);
    ADD("what-is-skipped-leaves-no-gap", what_is_skipped_leaves_no_gap);
    ADD("our-own-packets-fit-in-between", our_own_packets_fit_in_between);
    ADD("our-own-packets-may-come-first", our_own_packets_may_come_first);
    ADD("no-number-stands-for-two-packets", no_number_stands_for_two_packets);
    ADD("nothing-received-reports-nothing", nothing_received_reports_nothing);
    ADD("losses-are-counted-across-the-wrap", losses_are_counted_across_the_wrap);
    ADD("duplicates-count-against-losses", duplicates_count_against_losses);
    ADD("a-steady-stream-has-no-jitter", a_steady_stream_has_no_jitter);
    ADD("jitter-converges", jitter_converges);
    ADD("packets-of-one-frame-are-no-jitter", packets_of_one_frame_are_no_jitter);
    ADD("a-leap-of-the-senders-clock-is-no-jitter", a_leap_of_the_senders_clock_is_no_jitter);
    ADD("a-restart-must-go-on-to-be-believed", a_restart_must_go_on_to_be_believed);
    ADD("a-new-ssrc-starts-anew", a_new_ssrc_starts_anew);
#undef ADD
}
