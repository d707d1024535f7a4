#include "media/rtcp.h"

#include <glib.h>

#include <string.h>

void unit_media_rtcp(void);

/** Events of one parse, in order. */
struct events {
    unsigned n;
    struct rtcp_event e[64];
};

static void take(const struct rtcp_event *ev, void *arg)
{
    struct events *out = arg;
    g_assert_cmpuint(out->n, <, G_N_ELEMENTS(out->e));
    out->e[out->n++] = *ev;
}

static struct events events_of(const uint8_t *pkt, size_t len)
{
    struct events out = {0};
    g_assert_cmpint(rtcp_parse(pkt, len, take, &out), ==, GW_OK);
    return out;
}

static void refused(const uint8_t *pkt, size_t len)
{
    struct events out = {0};
    g_assert_cmpint(rtcp_parse(pkt, len, take, &out), ==, GW_EPARSE);
    g_assert_cmpuint(out.n, ==, 0); /* all or nothing */
}

static const struct rtcp_sender_info info = {
    .ntp = UINT64_C(0xe123456789abcdef), .rtp_ts = 0x11223344, .packets = 1000, .octets = 160000};
static const struct rtcp_block blocks[2] = {
    {.ssrc = 0xaaaa,
     .seen = {.fraction = 25, .lost = -3, .highest = 0x10005, .jitter = 77},
     .lsr = 0x456789ab,
     .dlsr = 65536},
    {.ssrc = 0xbbbb, .seen = {.fraction = 255, .lost = 0x7fffff, .highest = 9, .jitter = 0}}};

static void assert_block(const struct rtcp_event *ev, const struct rtcp_block *want)
{
    g_assert_cmpint(ev->type, ==, RTCP_BLOCK);
    g_assert_cmpuint(ev->sender, ==, 0x0101);
    g_assert_cmpuint(ev->u.block.ssrc, ==, want->ssrc);
    g_assert_cmpuint(ev->u.block.seen.fraction, ==, want->seen.fraction);
    g_assert_cmpint(ev->u.block.seen.lost, ==, want->seen.lost);
    g_assert_cmpuint(ev->u.block.seen.highest, ==, want->seen.highest);
    g_assert_cmpuint(ev->u.block.seen.jitter, ==, want->seen.jitter);
    g_assert_cmpuint(ev->u.block.lsr, ==, want->lsr);
    g_assert_cmpuint(ev->u.block.dlsr, ==, want->dlsr);
}

/** An SR, SDES, and one of each feedback. */
static size_t compound(uint8_t *buf, size_t cap)
{
    struct rtcp_writer w;
    rtcp_writer_init(&w, buf, cap);
    rtcp_put_sr(&w, 0x0101, &info, blocks, 2);
    rtcp_put_cname(&w, 0x0101, SPAN("somebody@host"));
    rtcp_put_pli(&w, 0x0101, 0xaaaa);
    rtcp_put_fir(&w, 0x0101, 0xbbbb, 42);
    rtcp_put_nack(&w, 0x0101, 0xaaaa, 0xfff0, 0x8001);
    rtcp_put_bye(&w, 0x0101);
    return rtcp_writer_len(&w);
}

static void what_is_written_is_read(void)
{
    uint8_t buf[512];
    size_t len = compound(buf, sizeof(buf));
    g_assert_cmpuint(len, ==, 28 + 48 + 24 + 12 + 20 + 16 + 8);
    struct events got = events_of(buf, len);
    g_assert_cmpuint(got.n, ==, 8);
    g_assert_cmpint(got.e[0].type, ==, RTCP_SENDER);
    g_assert_cmpuint(got.e[0].u.sr.ntp, ==, info.ntp);
    g_assert_cmpuint(got.e[0].u.sr.rtp_ts, ==, info.rtp_ts);
    g_assert_cmpuint(got.e[0].u.sr.packets, ==, info.packets);
    g_assert_cmpuint(got.e[0].u.sr.octets, ==, info.octets);
    assert_block(&got.e[1], &blocks[0]);
    assert_block(&got.e[2], &blocks[1]);
    g_assert_cmpint(got.e[3].type, ==, RTCP_CNAME);
    g_assert_true(span_equal(got.e[3].u.cname, SPAN("somebody@host")));
    g_assert_cmpint(got.e[4].type, ==, RTCP_PLI);
    g_assert_cmpuint(got.e[4].u.media, ==, 0xaaaa);
    g_assert_cmpint(got.e[5].type, ==, RTCP_FIR);
    g_assert_cmpuint(got.e[5].u.fir.media, ==, 0xbbbb);
    g_assert_cmpuint(got.e[5].u.fir.seq_nr, ==, 42);
    g_assert_cmpint(got.e[6].type, ==, RTCP_NACK);
    g_assert_cmpuint(got.e[6].u.nack.media, ==, 0xaaaa);
    g_assert_cmpuint(got.e[6].u.nack.pid, ==, 0xfff0);
    g_assert_cmpuint(got.e[6].u.nack.blp, ==, 0x8001);
    g_assert_cmpint(got.e[7].type, ==, RTCP_BYE);
    for (unsigned i = 0; i < got.n; i++)
        g_assert_cmpuint(got.e[i].sender, ==, 0x0101);
    g_assert_cmpuint(rtcp_sender(buf), ==, 0x0101);
}

/** Layouts straight from the RFCs' figures, so that reader and writer cannot be wrong together. */
static void the_wire_is_as_the_rfcs_draw_it(void)
{
    uint8_t buf[64];
    struct rtcp_writer w;
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_rr(&w, 0x01020304, blocks, 1);
    static const uint8_t rr[] = {0x81, 201, 0,    7,    1,    2,    3,    4, /* RFC 3550 6.4.2 */
                                 0,    0,   0xaa, 0xaa, 25,   0xff, 0xff, 0xfd, 0, 1, 0, 5,
                                 0,    0,   0,    77,   0x45, 0x67, 0x89, 0xab, 0, 1, 0, 0};
    g_assert_cmpuint(rtcp_writer_len(&w), ==, sizeof(rr));
    g_assert_true(memcmp(buf, rr, sizeof(rr)) == 0);
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_fir(&w, 0x01020304, 0x05060708, 9);
    static const uint8_t fir[] = {0x84, 206, 0, 4, 1, 2, 3, 4, 0, 0, /* RFC 5104 4.3.1.1 */
                                  0,    0,   5, 6, 7, 8, 9, 0, 0, 0};
    g_assert_cmpuint(rtcp_writer_len(&w), ==, sizeof(fir));
    g_assert_true(memcmp(buf, fir, sizeof(fir)) == 0);
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_cname(&w, 0x01020304, SPAN("ab")); /* four octets of item: the null needs a word */
    static const uint8_t sdes[] = {0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, 'a', 'b', 0, 0, 0, 0};
    g_assert_cmpuint(rtcp_writer_len(&w), ==, sizeof(sdes));
    g_assert_true(memcmp(buf, sdes, sizeof(sdes)) == 0);
}

static void cut_compounds_are_refused(void)
{
    static const size_t ends[] = {76, 100, 112, 132,
                                  148}; /* between packets it is shorter, not cut */
    uint8_t buf[512];
    size_t len = compound(buf, sizeof(buf));
    for (size_t n = 0; n < len; n++) {
        struct events out = {0};
        uint8_t *cut = g_memdup2(buf, n);
        bool whole = false;
        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
            whole |= n == ends[i];
        if (whole)
            g_assert_cmpint(rtcp_parse(cut, n, take, &out), ==, GW_OK);
        else
            refused(cut, n);
        g_free(cut);
    }
}

static void wrong_counts_are_refused(void)
{
    static const uint8_t cases[][16] = {
        {0x81, 201, 0, 1, 1, 2, 3, 4},                              /* RR: block missing */
        {0x80, 200, 0, 1, 1, 2, 3, 4},                              /* SR: sender info missing */
        {0x83, 203, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8},                  /* BYE: third source missing */
        {0x81, 206, 0, 1, 1, 2, 3, 4},                              /* PLI: media missing */
        {0x81, 205, 0, 1, 1, 2, 3, 4},                              /* NACK: media missing */
        {0x40, 201, 0, 1, 1, 2, 3, 4},                              /* version 1 */
        {0x81, 202, 0, 3, 1, 2, 3, 4, 1, 9, 'a', 'b', 'c', 'd', 0}, /* CNAME past the end */
        {0x81, 202, 0, 3, 1, 2, 3, 4, 1, 6, 'a', 'b', 'c', 'd', 'e', 'f'}, /* no null octet */
        {0x82, 202, 0, 3, 1, 2, 3, 4, 1, 1, 'a', 0}, /* second chunk: no items */
        {0xa0, 201, 0, 1, 1, 2, 3, 0},               /* padding of 0 */
        {0xa0, 201, 0, 1, 1, 2, 3, 8},               /* padding eats the head */
        {0xa0, 201, 0, 1, 1, 2, 3, 3},               /* padding no multiple of 4 */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        refused(cases[i], (cases[i][3] + 1UL) * 4);
}

static void only_the_last_may_be_padded(void)
{
    uint8_t good[] = {0x80, 201, 0, 1, 1, 2, 3, 4, 0xa1, 203, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4};
    struct events got = events_of(good, sizeof(good));
    g_assert_cmpuint(got.n, ==, 1);
    g_assert_cmpint(got.e[0].type, ==, RTCP_BYE);
    uint8_t bad[] = {0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4, 0x81, 203, 0, 1, 1, 2, 3, 4};
    refused(bad, sizeof(bad));
}

static void reduced_size_is_read(void)
{
    static const uint8_t pli[] = {0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}; /* RFC 5506 */
    struct events got = events_of(pli, sizeof(pli));
    g_assert_cmpuint(got.n, ==, 1);
    g_assert_cmpint(got.e[0].type, ==, RTCP_PLI);
}

static void several_entries_are_several_events(void)
{
    static const uint8_t nack[] = {0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 0, 0, 9, 0, 1};
    struct events got = events_of(nack, sizeof(nack));
    g_assert_cmpuint(got.n, ==, 2);
    g_assert_cmpuint(got.e[0].u.nack.pid, ==, 5);
    g_assert_cmpuint(got.e[1].u.nack.pid, ==, 9);
    static const uint8_t fir[] = {0x84, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                  0,    7,   1, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0};
    got = events_of(fir, sizeof(fir));
    g_assert_cmpuint(got.n, ==, 2);
    g_assert_cmpuint(got.e[1].u.fir.media, ==, 8);
    g_assert_cmpuint(got.e[1].u.fir.seq_nr, ==, 2);
}

static void remb_is_recognised(void)
{
    uint8_t remb[] = {0x8f, 206, 0,   5,   0, 0,    0, 1, 0, 0, 0, 0,
                      'R',  'E', 'M', 'B', 1, 0x0b, 0, 0, 0, 0, 0, 9};
    struct events got = events_of(remb, sizeof(remb));
    g_assert_cmpuint(got.n, ==, 1);
    g_assert_cmpint(got.e[0].type, ==, RTCP_REMB);
    g_assert_cmpuint(got.e[0].u.remb_bps, ==, 0x30000 << 2); /* exponent 2, mantissa 0x30000 */
    remb[17] = 0xff;                                         /* exponent 63 */
    got = events_of(remb, sizeof(remb));
    g_assert_cmpuint(got.e[0].u.remb_bps, ==, UINT64_MAX);
    remb[12] = 'X';
    g_assert_cmpuint(events_of(remb, sizeof(remb)).n, ==, 0);
}

static void the_unknown_is_passed_over(void)
{
    static const uint8_t pkt[] = {0x80, 204, 0, 2, 0,    0,   0, 1, 'n', 'a', 'm', 'e', /* APP */
                                  0x80, 207, 0, 1, 0,    0,   0, 1,                     /* XR */
                                  0x8f, 205, 0, 2, 0,    0,   0, 1, 0,   0,   0,   2,   /* TWCC */
                                  0x82, 206, 0, 2, 0,    0,   0, 1, 0,   0,   0,   2,   /* SLI */
                                  0x80, 222, 0, 0, 0x81, 203, 0, 1, 0,   0,   0,   1};
    struct events got = events_of(pkt, sizeof(pkt));
    g_assert_cmpuint(got.n, ==, 1);
    g_assert_cmpint(got.e[0].type, ==, RTCP_BYE);
}

static void a_full_buffer_writes_nothing_usable(void)
{
    uint8_t whole[512];
    size_t len = compound(whole, sizeof(whole));
    for (size_t cap = 0; cap < len; cap++) {
        uint8_t *buf = g_malloc(cap ? cap : 1);
        g_assert_cmpuint(compound(buf, cap), ==, 0);
        g_free(buf);
    }
    uint8_t exact[512];
    g_assert_cmpuint(compound(exact, len), ==, len);
    struct rtcp_writer w;
    char name[256] = {0};
    rtcp_writer_init(&w, exact, sizeof(exact));
    rtcp_put_cname(&w, 1, (struct span){name, sizeof(name)}); /* 256: one too long */
    g_assert_cmpuint(rtcp_writer_len(&w), ==, 0);
    rtcp_writer_init(&w, exact, sizeof(exact));
    rtcp_put_rr(&w, 1, NULL, RTCP_BLOCKS_MAX + 1);
    g_assert_cmpuint(rtcp_writer_len(&w), ==, 0);
}

static void ntp_counts_from_1900(void)
{
    g_assert_cmpuint(rtcp_ntp(0) >> 32, ==, 2208988800);
    g_assert_cmpuint(rtcp_ntp(1500000), ==, UINT64_C(2208988801) << 32 | 0x80000000);
}

static void the_round_trip_is_measured(void)
{
    struct rtcp_stamp sent = {0};
    struct rtcp_stamp received = {0};
    struct rtcp_block b = {0};
    rtcp_stamp_block(&received, 1000, &b);
    g_assert_cmpuint(b.lsr, ==, 0);
    g_assert_cmpuint(b.dlsr, ==, 0);
    g_assert_cmpuint(rtcp_stamp_rtt_us(&sent, &b, 5000000), ==, 0); /* no SR yet */
    rtcp_stamp_set(&sent, info.ntp, 1000000);
    rtcp_stamp_set(&received, info.ntp, 77000000); /* another clock at the peer */
    rtcp_stamp_block(&received, 77500000, &b);
    g_assert_cmpuint(b.lsr, ==, 0x456789ab);
    g_assert_cmpuint(b.dlsr, ==, 32768);
    g_assert_cmpuint(rtcp_stamp_rtt_us(&sent, &b, 1540000), ==, 40000);
    g_assert_cmpuint(rtcp_stamp_rtt_us(&sent, &b, 1400000), ==, 0); /* held longer than it took */
    b.lsr++;
    g_assert_cmpuint(rtcp_stamp_rtt_us(&sent, &b, 1540000), ==, 0); /* of another SR */
}

static void an_sr_is_translated(void)
{
    struct rtp_rewriter w;
    struct rtcp_sender_info out;
    uint8_t pkt[12] = {0x80};
    struct rtp_header h = {.ssrc = 7, .seq = 1, .ts = 1000, .payload_len = 33};
    rtp_rewriter_init(&w, 0xcafe, 5);
    g_assert_false(rtcp_translate_sr(&w, 7, &info, &out)); /* nothing sent yet */
    (void)rtp_rewriter_apply(&w, pkt, &h, 8000, 1);
    g_assert_true(rtcp_translate_sr(&w, 7, &info, &out));
    g_assert_cmpuint(out.ntp, ==, info.ntp);
    g_assert_cmpuint(out.rtp_ts - rtp_ts(pkt), ==, info.rtp_ts - h.ts);
    g_assert_cmpuint(out.packets, ==, 1);
    g_assert_cmpuint(out.octets, ==, 33);
    g_assert_false(rtcp_translate_sr(&w, 8, &info, &out));
}

static void a_nack_is_translated(void)
{
    struct rtp_rewriter w;
    uint8_t pkt[12] = {0x80};
    uint16_t source_pid = 0;
    rtp_rewriter_init(&w, 0xcafe, 5);
    for (uint16_t i = 0; i < 50; i++) {
        struct rtp_header h = {.ssrc = 7, .seq = (uint16_t)(65530 + i)};
        (void)rtp_rewriter_apply(&w, pkt, &h, 8000, 1);
    }
    uint16_t last = rtp_seq(pkt);
    g_assert_true(rtcp_translate_nack(&w, (uint16_t)(last - 48), &source_pid));
    g_assert_cmpuint(source_pid, ==, 65531);
    g_assert_true(rtcp_translate_nack(&w, last, &source_pid));
    g_assert_cmpuint(source_pid, ==, (uint16_t)(65530 + 49));
    g_assert_false(rtcp_translate_nack(&w, (uint16_t)(last + 1), &source_pid)); /* not sent yet */
    struct rtp_header other = {.ssrc = 8, .seq = 500};
    (void)rtp_rewriter_apply(&w, pkt, &other, 8000, 1);
    g_assert_false(rtcp_translate_nack(&w, last, &source_pid)); /* was another source's */
    g_assert_true(rtcp_translate_nack(&w, (uint16_t)(last + 1), &source_pid));
    g_assert_cmpuint(source_pid, ==, 500);
    rtp_rewriter_insert(&w, 4, 8000, 1, &other);
    g_assert_false(rtcp_translate_nack(&w, other.seq, &source_pid)); /* was ours */
}

static void two_clocks_do_not_alternate(void)
{
    g_assert_true(rtcp_own_sr_fits(0, 1));
    g_assert_false(rtcp_own_sr_fits(1000000, 1000000));
    g_assert_false(rtcp_own_sr_fits(1000000, 1000000 + 8000000)); /* its next may take 7.5 s */
    g_assert_true(rtcp_own_sr_fits(1000000, 1000000 + 25000000));
}

void unit_media_rtcp(void)
{
#define ADD(claim, fn) g_test_add_func("/media/rtcp/" claim, fn)
    ADD("what-is-written-is-read", what_is_written_is_read);
    ADD("the-wire-is-as-the-rfcs-draw-it", the_wire_is_as_the_rfcs_draw_it);
    ADD("cut-compounds-are-refused", cut_compounds_are_refused);
    ADD("wrong-counts-are-refused", wrong_counts_are_refused);
    ADD("only-the-last-may-be-padded", only_the_last_may_be_padded);
    ADD("reduced-size-is-read", reduced_size_is_read);
    ADD("several-entries-are-several-events", several_entries_are_several_events);
    ADD("remb-is-recognised", remb_is_recognised);
    ADD("the-unknown-is-passed-over", the_unknown_is_passed_over);
    ADD("a-full-buffer-writes-nothing-usable", a_full_buffer_writes_nothing_usable);
    ADD("ntp-counts-from-1900", ntp_counts_from_1900);
    ADD("the-round-trip-is-measured", the_round_trip_is_measured);
    ADD("two-clocks-do-not-alternate", two_clocks_do_not_alternate);
    ADD("an-sr-is-translated", an_sr_is_translated);
    ADD("a-nack-is-translated", a_nack_is_translated);
#undef ADD
}
