/* Building RTCP, and what crosses from one hop to the other. The reader is rtcp.c. */
#include "media/rtcp.h"

#include <string.h>

#define SENDER_GONE_US (5 * UINT64_C(5000000)) /* five intervals (RFC 3550 6.3.5) */

void rtcp_writer_init(struct rtcp_writer *w, uint8_t *buf, size_t cap)
{
    *w = (struct rtcp_writer){.cap = cap};
    w->p = buf;
}

size_t rtcp_writer_len(const struct rtcp_writer *w)
{
    return w->overflow ? 0 : w->n;
}

static void put16(struct rtcp_writer *w, uint16_t value)
{
    octets_put16(w->p + w->n, value); /* begin() has made sure of the room */
    w->n += 2;
}

static void put32(struct rtcp_writer *w, uint32_t value)
{
    octets_put32(w->p + w->n, value);
    w->n += 4;
}

/** Head of a packet of @p words 32-bit words after it; false when it does not fit. */
static bool begin(struct rtcp_writer *w, unsigned count, uint8_t type, unsigned words)
{
    if (w->overflow || count > 31 || ((size_t)words + 1) * 4 > w->cap - w->n) {
        w->overflow = true;
        return false;
    }
    put16(w, (uint16_t)((0x80 | count) << 8 | type));
    put16(w, (uint16_t)words);
    return true;
}

static void put_blocks(struct rtcp_writer *w, const struct rtcp_block *b, unsigned n)
{
    for (; n > 0; n--, b++) {
        put32(w, b->ssrc);
        put32(w, (uint32_t)b->seen.fraction << 24 | ((uint32_t)b->seen.lost & 0xffffff));
        put32(w, b->seen.highest);
        put32(w, b->seen.jitter);
        put32(w, b->lsr);
        put32(w, b->dlsr);
    }
}

void rtcp_put_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sender_info *info,
                 const struct rtcp_block *blocks, unsigned n)
{
    if (!begin(w, n, RTCP_PT_SR, 6 + 6 * n))
        return;
    put32(w, ssrc);
    put32(w, (uint32_t)(info->ntp >> 32));
    put32(w, (uint32_t)info->ntp);
    put32(w, info->rtp_ts);
    put32(w, info->packets);
    put32(w, info->octets);
    put_blocks(w, blocks, n);
}

void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *blocks, unsigned n)
{
    if (!begin(w, n, RTCP_PT_RR, 1 + 6 * n))
        return;
    put32(w, ssrc);
    put_blocks(w, blocks, n);
}

void rtcp_put_cname(struct rtcp_writer *w, uint32_t ssrc, struct span cname)
{
    if (cname.n > RTCP_CNAME_MAX) {
        w->overflow = true;
        return;
    }
    unsigned items = (unsigned)((2 + cname.n + 1 + 3) / 4); /* at least one null octet ends them */
    if (!begin(w, 1, RTCP_PT_SDES, 1 + items))
        return;
    put32(w, ssrc);
    memset(w->p + w->n, 0, (size_t)items * 4);
    w->p[w->n] = RTCP_ITEM_CNAME;
    w->p[w->n + 1] = (uint8_t)cname.n;
    if (cname.n)
        memcpy(w->p + w->n + 2, cname.p, cname.n);
    w->n += (size_t)items * 4;
}

void rtcp_put_bye(struct rtcp_writer *w, uint32_t ssrc)
{
    if (begin(w, 1, RTCP_PT_BYE, 1))
        put32(w, ssrc);
}

/** Head of a feedback packet (RFC 4585 6.1) with @p words of its own. */
static bool begin_feedback(struct rtcp_writer *w, unsigned fmt, uint8_t type, uint32_t sender,
                           unsigned words)
{
    if (!begin(w, fmt, type, 2 + words))
        return false;
    put32(w, sender);
    return true;
}

void rtcp_put_pli(struct rtcp_writer *w, uint32_t sender, uint32_t media)
{
    if (begin_feedback(w, RTCP_FMT_PLI, RTCP_PT_PSFB, sender, 0))
        put32(w, media);
}

void rtcp_put_fir(struct rtcp_writer *w, uint32_t sender, uint32_t media, uint8_t seq_nr)
{
    if (!begin_feedback(w, RTCP_FMT_FIR, RTCP_PT_PSFB, sender, 2))
        return;
    put32(w, 0); /* RFC 5104 4.3.1.2: the media SSRC of the head is 0, the entry names the target */
    put32(w, media);
    put32(w, (uint32_t)seq_nr << 24);
}

void rtcp_put_nack(struct rtcp_writer *w, uint32_t sender, uint32_t media, uint16_t pid,
                   uint16_t blp)
{
    if (!begin_feedback(w, RTCP_FMT_NACK, RTCP_PT_RTPFB, sender, 1))
        return;
    put32(w, media);
    put16(w, pid);
    put16(w, blp);
}

uint64_t rtcp_ntp(uint64_t unix_us)
{
    uint64_t seconds = unix_us / 1000000 + 2208988800; /* 1900 to 1970 */
    return seconds << 32 | (unix_us % 1000000 << 32) / 1000000;
}

void rtcp_stamp_set(struct rtcp_stamp *s, uint64_t ntp, uint64_t now_us)
{
    *s = (struct rtcp_stamp){.mid = (uint32_t)(ntp >> 16), .at_us = now_us};
}

void rtcp_stamp_block(const struct rtcp_stamp *s, uint64_t now_us, struct rtcp_block *b)
{
    uint64_t age_us = now_us > s->at_us ? now_us - s->at_us : 0;
    b->lsr = s->mid;
    b->dlsr = s->mid ? (uint32_t)((age_us << 16) / 1000000) : 0;
}

uint32_t rtcp_stamp_rtt_us(const struct rtcp_stamp *sent, const struct rtcp_block *b,
                           uint64_t now_us)
{
    if (b->lsr == 0 || b->lsr != sent->mid || now_us < sent->at_us)
        return 0;
    uint64_t held_us = ((uint64_t)b->dlsr * 1000000) >> 16;
    uint64_t passed_us = now_us - sent->at_us;
    if (held_us >= passed_us || passed_us - held_us > UINT32_MAX)
        return 0;
    return (uint32_t)(passed_us - held_us);
}

bool rtcp_translate_sr(const struct rtp_rewriter *w, uint32_t sender,
                       const struct rtcp_sender_info *in, struct rtcp_sender_info *out)
{
    if (!w->following || w->source != sender)
        return false;
    *out = (struct rtcp_sender_info){.ntp = in->ntp,
                                     .rtp_ts = in->rtp_ts + w->ts_offset,
                                     .packets = w->packets,
                                     .octets = w->octets};
    return true;
}

bool rtcp_own_sr_fits(uint64_t relayed_us, uint64_t now_us)
{
    return !relayed_us || now_us - relayed_us >= SENDER_GONE_US;
}

bool rtcp_translate_nack(const struct rtp_rewriter *w, uint16_t pid, uint16_t *source_pid)
{
    int16_t behind = (int16_t)(uint16_t)((uint16_t)w->out_high - pid);
    uint32_t asked = w->out_high - (uint16_t)behind;
    if (!w->following || behind < 0 || (int32_t)(asked - w->out_floor) < 0)
        return false;
    *source_pid = (uint16_t)(w->in_high - behind);
    return true;
}
