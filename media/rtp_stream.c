/* The two ends of a stream: rtp_rewriter (what we send) and rtp_receiver (what we got). */
#include "media/rtp.h"

enum {
    MAX_DROPOUT = 3000, /* RFC 3550 A.1 */
    MAX_MISORDER = 100,
    START_MIN = 1024, /* first sequence numbers stay clear of 0 and of the sign bit: SRTP's receiver
                         must guess the roll-over counter from them (RFC 3711 3.3.1) */
    START_RANGE = 16384
};
#define RETURN_US UINT64_C(200000)

static uint32_t units(uint64_t us, uint32_t clock_hz)
{
    /* RTP time is modular, so whole seconds may wrap as they like. */
    return (uint32_t)(us / 1000000 * clock_hz + us % 1000000 * clock_hz / 1000000);
}

static uint32_t since(uint64_t then_us, uint64_t now_us, uint32_t clock_hz)
{
    return now_us > then_us ? units(now_us - then_us, clock_hz) : 0;
}

void rtp_rewriter_init(struct rtp_rewriter *w, uint32_t ssrc, uint64_t random)
{
    uint32_t start = START_MIN + (uint32_t)(random % START_RANGE);
    *w = (struct rtp_rewriter){.ssrc = ssrc,
                               .out_high = start,
                               .out_floor = start + 1 - MAX_MISORDER, /* room for reordering */
                               .ts_high = (uint32_t)(random >> 32)};
}

void rtp_rewriter_switch(struct rtp_rewriter *w)
{
    w->following = false;
    w->left = 0;
}

/** Stream time of a packet that begins something new at @p now_us: it never repeats the last one.
 */
static uint32_t fresh_ts(const struct rtp_rewriter *w, uint32_t clock_hz, uint64_t now_us)
{
    if (!w->sent)
        return w->ts_high;
    uint32_t step = since(w->high_us, now_us, clock_hz);
    return w->ts_high + (step ? step : 1);
}

static void count(struct rtp_rewriter *w, size_t payload_len)
{
    w->packets++;
    w->octets += (uint32_t)payload_len;
    w->sent = true;
}

static void follow(struct rtp_rewriter *w, const struct rtp_header *h, uint32_t clock_hz,
                   uint64_t now_us)
{
    uint32_t ts = fresh_ts(w, clock_hz, now_us);
    if (w->sent)
        w->out_floor = w->out_high + 1;
    w->out_high++;
    w->in_high = h->seq;
    if (w->following && h->ssrc != w->source)
        w->left = w->source;
    w->source = h->ssrc;
    w->ts_offset = ts - h->ts;
    w->ts_high = ts;
    w->high_us = now_us;
    w->following = true;
}

/** RFC 3550 A.1: a jump too large for loss or reordering is believed when it goes on. */
static bool jump_continues(uint32_t *bad_seq, uint16_t seq)
{
    if (*bad_seq == seq + 1U)
        return true;
    *bad_seq = (uint16_t)(seq + 1) + 1U; /* 0 stays "none" */
    return false;
}

/** What was left for another source does not come back while that one speaks: stragglers, and two
 * who speak at once, would otherwise make every packet a new beginning. */
static bool has_left(const struct rtp_rewriter *w, uint32_t ssrc, uint64_t now_us)
{
    return w->following && w->left == ssrc && w->left != 0 && now_us < w->high_us + RETURN_US;
}

/** The output number of @p seq, or RTP_DROP. */
static enum rtp_verdict place(struct rtp_rewriter *w, const struct rtp_header *h, uint32_t *out)
{
    int32_t delta = (int16_t)(uint16_t)(h->seq - w->in_high);
    if (delta > MAX_DROPOUT || delta < -MAX_MISORDER)
        return jump_continues(&w->bad_seq, h->seq) ? RTP_RESUMED : RTP_DROP;
    w->bad_seq = 0;
    *out = w->out_high + (uint32_t)delta;
    return (int32_t)(*out - w->out_floor) < 0 ? RTP_DROP : RTP_FORWARD;
}

enum rtp_verdict rtp_rewriter_apply(struct rtp_rewriter *w, uint8_t *pkt,
                                    const struct rtp_header *h, uint32_t clock_hz, uint64_t now_us)
{
    uint32_t out = 0;
    enum rtp_verdict verdict = RTP_RESUMED;
    if (w->following && h->ssrc == w->source)
        verdict = place(w, h, &out);
    else if (has_left(w, h->ssrc, now_us))
        verdict = RTP_DROP;
    if (verdict == RTP_DROP)
        return verdict;
    if (verdict == RTP_RESUMED) {
        w->bad_seq = 0;
        follow(w, h, clock_hz, now_us);
        out = w->out_high;
    } else if ((int32_t)(out - w->out_high) > 0) {
        w->out_high = out;
        w->in_high = h->seq;
        w->ts_high = h->ts + w->ts_offset;
        w->high_us = now_us;
    }
    rtp_set_ssrc(pkt, w->ssrc);
    rtp_set_seq(pkt, (uint16_t)out);
    rtp_set_ts(pkt, h->ts + w->ts_offset);
    count(w, h->payload_len);
    return verdict;
}

bool rtp_rewriter_map(const struct rtp_rewriter *w, uint16_t seq, uint16_t *out)
{
    int32_t delta = (int16_t)(uint16_t)(seq - w->in_high);
    uint32_t as = w->out_high + (uint32_t)delta;

    if (!w->following || delta > 0 || (int32_t)(as - w->out_floor) < 0)
        return false;
    *out = (uint16_t)as;
    return true;
}

void rtp_rewriter_skip(struct rtp_rewriter *w, const struct rtp_header *h)
{
    if (!w->following || h->ssrc != w->source)
        return;
    int16_t delta = (int16_t)(uint16_t)(h->seq - w->in_high);
    if (delta <= 0 || delta > MAX_DROPOUT)
        return;
    w->in_high = h->seq; /* now stands for what was sent last */
    w->out_high += (uint32_t)delta - 1;
    w->out_floor = w->out_high + 1;
}

void rtp_rewriter_insert(struct rtp_rewriter *w, size_t payload_len, uint32_t clock_hz,
                         uint64_t now_us, struct rtp_header *out)
{
    uint32_t ts = w->ts_high;
    if (w->sent)
        ts += since(w->high_us, now_us, clock_hz);
    else
        w->high_us = now_us; /* stream time begins here; ts_high stays its first value */
    w->out_high++;           /* in_high now stands for this one, so the source's next follows */
    w->out_floor = w->out_high + 1;
    count(w, payload_len);
    out->ssrc = w->ssrc;
    out->seq = (uint16_t)w->out_high;
    out->ts = ts;
}

static void receiver_begin(struct rtp_receiver *r, uint32_t ssrc, uint16_t seq)
{
    *r = (struct rtp_receiver){.started = true, .ssrc = ssrc, .max_seq = seq, .base_seq = seq};
}

/** RFC 3550 A.1 without probation: SRTP or latching has vouched for the source. */
static bool receiver_sequence(struct rtp_receiver *r, const struct rtp_header *h)
{
    uint16_t delta = (uint16_t)(h->seq - r->max_seq);
    if (delta < MAX_DROPOUT) {
        if (h->seq < r->max_seq)
            r->cycles += 1U << 16;
        r->max_seq = h->seq;
    } else if (delta <= UINT16_MAX + 1 - MAX_MISORDER) {
        if (!jump_continues(&r->bad_seq, h->seq))
            return false;
        receiver_begin(r, h->ssrc, h->seq);
    }
    r->bad_seq = 0;
    r->received++;
    return true;
}

/** RFC 3550 A.8. Packets of one frame share a timestamp and say nothing about jitter. */
static void receiver_jitter(struct rtp_receiver *r, uint32_t ts, uint32_t clock_hz, uint64_t now_us)
{
    uint32_t transit = units(now_us, clock_hz) - ts;
    bool first = r->clock_hz != clock_hz;
    if (!first && ts == r->jitter_ts)
        return;
    if (!first) {
        int32_t d = (int32_t)(transit - r->transit);
        uint32_t size = d < 0 ? 0U - (uint32_t)d : (uint32_t)d;
        if (size <
            clock_hz * 10) /* more is a jump of the sender's clock, not the network's doing */
            r->jitter16 += size - ((r->jitter16 + 8) >> 4);
    }
    r->transit = transit;
    r->jitter_ts = ts;
    r->clock_hz = clock_hz;
}

bool rtp_receiver_feed(struct rtp_receiver *r, const struct rtp_header *h, uint32_t clock_hz,
                       uint64_t now_us)
{
    if (!r->started || h->ssrc != r->ssrc)
        receiver_begin(r, h->ssrc, h->seq);
    if (!receiver_sequence(r, h))
        return false;
    if (clock_hz)
        receiver_jitter(r, h->ts, clock_hz, now_us);
    return true;
}

static uint32_t receiver_expected(const struct rtp_receiver *r)
{
    return r->started ? r->cycles + r->max_seq - r->base_seq + 1 : 0;
}

int32_t rtp_receiver_lost(const struct rtp_receiver *r)
{
    int32_t lost = (int32_t)(receiver_expected(r) - r->received);
    if (lost > 0x7fffff)
        return 0x7fffff;
    return lost < -0x800000 ? -0x800000 : lost;
}

uint32_t rtp_receiver_jitter_us(const struct rtp_receiver *r)
{
    return r->clock_hz ? (uint32_t)((uint64_t)(r->jitter16 >> 4) * 1000000 / r->clock_hz) : 0;
}

bool rtp_receiver_report(struct rtp_receiver *r, struct rtp_report *out)
{
    if (!r->started)
        return false;
    uint32_t expected = receiver_expected(r);
    uint32_t interval = expected - r->expected_prior;
    int32_t lost = (int32_t)(interval - (r->received - r->received_prior));
    r->expected_prior = expected;
    r->received_prior = r->received;
    uint64_t fraction = lost > 0 && interval ? ((uint64_t)(uint32_t)lost << 8) / interval : 0;
    *out = (struct rtp_report){.fraction = (uint8_t)(fraction > 255 ? 255 : fraction),
                               .lost = rtp_receiver_lost(r),
                               .highest = r->cycles + r->max_seq,
                               .jitter = r->jitter16 >> 4};
    return true;
}
