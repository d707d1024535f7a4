#include "media/rtcp.h"

#include <string.h>

enum {
    HEAD = 4,
    FEEDBACK_HEAD = 12, /* head, sender SSRC, media SSRC */
    SENDER_INFO = 20,
    BLOCK = 24,
    FIR_ENTRY = 8
};

/** One packet of a compound, its bounds already checked. */
struct packet {
    uint8_t count, type;
    const uint8_t *p;
    size_t n; /* head included, padding not */
};

struct visit {
    void (*fn)(const struct rtcp_event *ev, void *arg);
    void *arg;
};

static void emit(const struct visit *v, const struct rtcp_event *ev)
{
    v->fn(ev, v->arg);
}

/** Cuts the next packet off; false when its length does not add up. */
static bool packet_next(const uint8_t **p, size_t *left, struct packet *out)
{
    if (*left < HEAD || (*p)[0] >> 6 != 2)
        return false;
    size_t n = ((size_t)octets_get16(*p + 2) + 1) * 4;
    if (n > *left)
        return false;
    *out = (struct packet){.count = (*p)[0] & 0x1f, .type = (*p)[1], .p = *p, .n = n};
    if ((*p)[0] & 0x20) { /* RFC 3550 6.4.1: only the last one may be padded */
        uint8_t padding = (*p)[n - 1];
        if (n != *left || padding == 0 || padding % 4 || padding > n - HEAD)
            return false;
        out->n -= padding;
    }
    *p += n;
    *left -= n;
    return true;
}

/** The fewest octets that the packet's type and count call for. */
static size_t packet_min(const struct packet *k)
{
    size_t blocks = (size_t)k->count * BLOCK;
    switch (k->type) {
    case RTCP_PT_SR: return HEAD + 4 + SENDER_INFO + blocks;
    case RTCP_PT_RR: return HEAD + 4 + blocks;
    case RTCP_PT_BYE: return HEAD + (size_t)k->count * 4;
    case RTCP_PT_RTPFB:
    case RTCP_PT_PSFB: return FEEDBACK_HEAD;
    default: return HEAD;
    }
}

static void visit_blocks(const struct visit *v, uint32_t sender, const uint8_t *p, unsigned n)
{
    for (; n > 0; n--, p += BLOCK) {
        struct rtcp_event ev = {.type = RTCP_BLOCK, .sender = sender};
        uint32_t lost = octets_get32(p + 4) & 0xffffff;
        ev.u.block = (struct rtcp_block){
            .ssrc = octets_get32(p),
            .seen = {.fraction = p[4],
                     .lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost,
                     .highest = octets_get32(p + 8),
                     .jitter = octets_get32(p + 12)},
            .lsr = octets_get32(p + 16),
            .dlsr = octets_get32(p + 20)};
        emit(v, &ev);
    }
}

static void visit_sr(const struct visit *v, const struct packet *k)
{
    const uint8_t *p = k->p + HEAD;
    struct rtcp_event ev = {.type = RTCP_SENDER, .sender = octets_get32(p)};
    ev.u.sr =
        (struct rtcp_sender_info){.ntp = (uint64_t)octets_get32(p + 4) << 32 | octets_get32(p + 8),
                                  .rtp_ts = octets_get32(p + 12),
                                  .packets = octets_get32(p + 16),
                                  .octets = octets_get32(p + 20)};
    emit(v, &ev);
    visit_blocks(v, ev.sender, p + 4 + SENDER_INFO, k->count);
}

/** Walks SDES chunks (RFC 3550 6.5); @p v NULL only checks. */
static bool visit_sdes(const struct visit *v, const struct packet *k)
{
    size_t at = HEAD;
    for (unsigned i = 0; i < k->count; i++) {
        if (at + 8 > k->n) /* SSRC and at least one word of items */
            return false;
        uint32_t ssrc = octets_get32(k->p + at);
        at += 4;
        while (at < k->n && k->p[at] != 0) {
            if (at + 2 > k->n || at + 2 + k->p[at + 1] > k->n)
                return false;
            if (v && k->p[at] == RTCP_ITEM_CNAME) {
                struct rtcp_event ev = {.type = RTCP_CNAME, .sender = ssrc};
                ev.u.cname = (struct span){(const char *)k->p + at + 2, k->p[at + 1]};
                emit(v, &ev);
            }
            at += 2U + k->p[at + 1];
        }
        at = (at + 4) & ~(size_t)3; /* packets begin on a word, so offsets align */
    }
    return at <= k->n; /* a list without its null octet would end beyond */
}

static void visit_nack(const struct visit *v, const struct packet *k)
{
    for (size_t at = FEEDBACK_HEAD; at + 4 <= k->n; at += 4) {
        struct rtcp_event ev = {.type = RTCP_NACK, .sender = octets_get32(k->p + 4)};
        ev.u.nack.media = octets_get32(k->p + 8);
        ev.u.nack.pid = octets_get16(k->p + at);
        ev.u.nack.blp = octets_get16(k->p + at + 2);
        emit(v, &ev);
    }
}

static void visit_fir(const struct visit *v, const struct packet *k)
{
    for (size_t at = FEEDBACK_HEAD; at + FIR_ENTRY <= k->n; at += FIR_ENTRY) {
        struct rtcp_event ev = {.type = RTCP_FIR, .sender = octets_get32(k->p + 4)};
        ev.u.fir.media = octets_get32(k->p + at);
        ev.u.fir.seq_nr = k->p[at + 4];
        emit(v, &ev);
    }
}

static void visit_remb(const struct visit *v, const struct packet *k)
{
    const uint8_t *p = k->p + FEEDBACK_HEAD;
    if (k->n < FEEDBACK_HEAD + 8 || memcmp(p, "REMB", 4) != 0)
        return;
    unsigned exponent = p[5] >> 2;
    uint64_t mantissa = (uint64_t)(p[5] & 3) << 16 | octets_get16(p + 6);
    struct rtcp_event ev = {.type = RTCP_REMB, .sender = octets_get32(k->p + 4)};
    ev.u.remb_bps = exponent > 45 ? UINT64_MAX : mantissa << exponent; /* 18 + 45 bits fit */
    emit(v, &ev);
}

static void visit_payload_feedback(const struct visit *v, const struct packet *k)
{
    switch (k->count) {
    case RTCP_FMT_PLI: {
        struct rtcp_event ev = {.type = RTCP_PLI, .sender = octets_get32(k->p + 4)};
        ev.u.media = octets_get32(k->p + 8);
        emit(v, &ev);
        break;
    }
    case RTCP_FMT_FIR: visit_fir(v, k); break;
    case RTCP_FMT_AFB: visit_remb(v, k); break;
    default: break;
    }
}

static void visit_bye(const struct visit *v, const struct packet *k)
{
    for (unsigned i = 0; i < k->count; i++) {
        struct rtcp_event ev = {.type = RTCP_BYE,
                                .sender = octets_get32(k->p + HEAD + (size_t)i * 4)};
        emit(v, &ev);
    }
}

static void visit_packet(const struct visit *v, const struct packet *k)
{
    switch (k->type) {
    case RTCP_PT_SR: visit_sr(v, k); break;
    case RTCP_PT_RR: visit_blocks(v, octets_get32(k->p + HEAD), k->p + HEAD + 4, k->count); break;
    case RTCP_PT_SDES: (void)visit_sdes(v, k); break;
    case RTCP_PT_BYE: visit_bye(v, k); break;
    case RTCP_PT_RTPFB:
        if (k->count == RTCP_FMT_NACK)
            visit_nack(v, k);
        break;
    case RTCP_PT_PSFB: visit_payload_feedback(v, k); break;
    default: break; /* APP, XR and what is yet to be invented */
    }
}

enum gw_err rtcp_parse(const uint8_t *pkt, size_t len,
                       void (*fn)(const struct rtcp_event *ev, void *arg), void *arg)
{
    const struct visit v = {fn, arg};
    struct packet k;
    const uint8_t *p = pkt;
    size_t left = len;
    if (len < 8) /* a head and somebody's SSRC */
        return GW_EPARSE;
    while (left > 0) {
        if (!packet_next(&p, &left, &k) || k.n < packet_min(&k))
            return GW_EPARSE;
        if (k.type == RTCP_PT_SDES && !visit_sdes(NULL, &k))
            return GW_EPARSE;
    }
    for (p = pkt, left = len; left > 0 && packet_next(&p, &left, &k);)
        visit_packet(&v, &k);
    return GW_OK;
}

uint32_t rtcp_sender(const uint8_t *pkt)
{
    return octets_get32(pkt + 4);
}
