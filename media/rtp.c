#include "media/rtp.h"

#include <string.h>

enum {
    ONE_BYTE = 0xbede, /* RFC 8285 4.2 */
    TWO_BYTE = 0x1000, /* RFC 8285 4.3; the low four bits are "appbits" */
    TWO_BYTE_MASK = 0xfff0,
    EXTENSION_HEAD = 4,
    ONE_BYTE_STOP = 15 /* reserved id: nothing behind it is to be read */
};

size_t rtp_header_len(const uint8_t *pkt, size_t len)
{
    if (len < RTP_FIXED || pkt[0] >> 6 != 2)
        return 0;
    size_t n = RTP_FIXED + (size_t)(pkt[0] & 0x0f) * 4;
    if (pkt[0] & 0x10) {
        if (n + EXTENSION_HEAD > len)
            return 0;
        n += EXTENSION_HEAD + (size_t)octets_get16(pkt + n + 2) * 4;
    }
    return n <= len ? n : 0;
}

enum gw_err rtp_parse(const uint8_t *pkt, size_t len, struct rtp_header *out)
{
    if (len > UINT16_MAX)
        return GW_ETOOBIG;
    size_t head = rtp_header_len(pkt, len);
    if (!head)
        return GW_EPARSE;
    uint8_t padding = 0;
    if (pkt[0] & 0x20) { /* RFC 3550 5.1: the last octet counts the padding, itself included */
        padding = pkt[len - 1];
        if (head == len || padding == 0 || padding > len - head)
            return GW_EPARSE;
    }
    *out = (struct rtp_header){.pt = rtp_pt(pkt),
                               .csrcs = pkt[0] & 0x0f,
                               .marker = rtp_marker(pkt),
                               .seq = rtp_seq(pkt),
                               .ts = rtp_ts(pkt),
                               .ssrc = rtp_ssrc(pkt),
                               .header_len = (uint16_t)head,
                               .payload_len = (uint16_t)(len - head - padding),
                               .padding = padding};
    if (pkt[0] & 0x10) {
        size_t at = RTP_FIXED + (size_t)out->csrcs * 4;
        out->extension_profile = octets_get16(pkt + at);
        out->extension_at = (uint16_t)(at + EXTENSION_HEAD);
        out->extension_len = (uint16_t)(head - at - EXTENSION_HEAD);
    }
    return GW_OK;
}

void rtp_write(uint8_t *pkt, const struct rtp_header *h)
{
    pkt[0] = 0x80;
    pkt[1] = 0;
    rtp_set_pt(pkt, h->pt);
    rtp_set_marker(pkt, h->marker);
    rtp_set_seq(pkt, h->seq);
    rtp_set_ts(pkt, h->ts);
    rtp_set_ssrc(pkt, h->ssrc);
}

static bool is_one_byte(const struct rtp_header *h)
{
    return h->extension_profile == ONE_BYTE;
}

static bool is_two_byte(const struct rtp_header *h)
{
    return (h->extension_profile & TWO_BYTE_MASK) == TWO_BYTE;
}

/** Reads the element whose head is at body[at]; false when it does not fit or ends the block. */
static bool element_read(const uint8_t *body, size_t n, size_t *at, bool one_byte,
                         struct rtp_extension *out)
{
    size_t head = one_byte ? 1 : 2;
    if (*at + head > n)
        return false;
    out->id = one_byte ? body[*at] >> 4 : body[*at];
    if (one_byte && (out->id == ONE_BYTE_STOP || out->id == 0))
        return false; /* RFC 8285 4.2: id 0 with a length is not padding and not an element */
    size_t len = one_byte ? (size_t)(body[*at] & 0x0f) + 1 : body[*at + 1];
    if (*at + head + len > n)
        return false;
    out->len = (uint8_t)len;
    out->data = body + *at + head;
    *at += head + len;
    return true;
}

bool rtp_extension_next(const uint8_t *pkt, const struct rtp_header *h, size_t *at,
                        struct rtp_extension *out)
{
    if (!is_one_byte(h) && !is_two_byte(h))
        return false;
    const uint8_t *body = pkt + h->extension_at;
    while (*at < h->extension_len && body[*at] == 0) /* padding */
        (*at)++;
    return element_read(body, h->extension_len, at, is_one_byte(h), out);
}

bool rtp_extension_find(const uint8_t *pkt, const struct rtp_header *h, uint8_t id,
                        struct rtp_extension *out)
{
    size_t at = 0;
    while (rtp_extension_next(pkt, h, &at, out))
        if (out->id == id)
            return true;
    return false;
}

/** 0: not in the map, or not to be kept. */
static uint8_t id_mapped(const struct plan_extension *map, unsigned n, uint8_t id)
{
    for (unsigned i = 0; i < n; i++)
        if (map[i].id_in == id)
            return map[i].id_out;
    return 0;
}

void rtp_extensions_map(uint8_t *pkt, const struct rtp_header *h, const struct plan_extension *map,
                        unsigned n)
{
    if (h->extension_at == 0)
        return;
    uint8_t *body = pkt + h->extension_at;
    bool one_byte = is_one_byte(h);
    size_t at = 0;
    size_t done = 0; /* everything before it is dealt with */
    struct rtp_extension e;
    while (rtp_extension_next(pkt, h, &at, &e)) {
        size_t head = one_byte ? 1 : 2;
        size_t begin = at - head - e.len;
        uint8_t id = id_mapped(map, n, e.id);
        if (one_byte && id >= ONE_BYTE_STOP)
            id = 0;
        if (id == 0)
            memset(body + begin, 0, at - begin);
        else if (one_byte)
            body[begin] = (uint8_t)(id << 4 | (e.len - 1));
        else
            body[begin] = id;
        done = at;
    }
    memset(body + done, 0, h->extension_len - done);
    if (!one_byte && !is_two_byte(h)) { /* private form: what remains is an empty block of ours */
        octets_put16(body - EXTENSION_HEAD, ONE_BYTE);
    }
}

void rtp_extensions_collect(const uint8_t *pkt, const struct rtp_header *h,
                            const struct plan_extension *map, unsigned n,
                            struct rtp_extension_set *out)
{
    size_t at = 0;
    struct rtp_extension e;
    out->n = 0;
    while (out->n < RTP_EXTENSION_ELEMENTS && rtp_extension_next(pkt, h, &at, &e)) {
        e.id = id_mapped(map, n, e.id);
        if (e.id)
            out->e[out->n++] = e;
    }
}

/** Writes head, elements and padding into @p block; 0 when they exceed it. */
static size_t block_write(const struct rtp_extension_set *set,
                          uint8_t block[RTP_EXTENSION_BLOCK_MAX])
{
    bool one_byte = true;
    for (unsigned i = 0; i < set->n; i++)
        one_byte &= set->e[i].id < ONE_BYTE_STOP && set->e[i].len >= 1 && set->e[i].len <= 16;
    size_t at = EXTENSION_HEAD;
    for (unsigned i = 0; i < set->n; i++) {
        const struct rtp_extension *e = &set->e[i];
        if (at + (one_byte ? 1U : 2U) + e->len > RTP_EXTENSION_BLOCK_MAX)
            return 0;
        if (one_byte) {
            block[at++] = (uint8_t)(e->id << 4 | (e->len - 1));
        } else {
            block[at++] = e->id;
            block[at++] = e->len;
        }
        if (e->len)
            memcpy(block + at, e->data, e->len);
        at += e->len;
    }
    while (at % 4) /* the limit is a multiple of 4 */
        block[at++] = 0;
    octets_put16(block, one_byte ? ONE_BYTE : TWO_BYTE);
    octets_put16(block + 2, (uint16_t)((at - EXTENSION_HEAD) / 4));
    return at;
}

uint8_t *rtp_extensions_replace(uint8_t *pkt, size_t *len, size_t head_room, struct rtp_header *h,
                                const struct rtp_extension_set *set)
{
    uint8_t block[RTP_EXTENSION_BLOCK_MAX];
    size_t fixed = RTP_FIXED + (size_t)h->csrcs * 4;
    size_t n = set->n ? block_write(set, block) : 0;
    if (set->n && !n)
        return NULL;
    if (fixed + n > h->header_len + head_room)
        return NULL;
    uint8_t *start = pkt + h->header_len - (fixed + n);
    memmove(start, pkt, fixed);
    if (n)
        memcpy(start + fixed, block, n);
    start[0] = (uint8_t)((start[0] & ~0x10) | (n ? 0x10 : 0));
    *len = *len - h->header_len + fixed + n;
    h->header_len = (uint16_t)(fixed + n);
    h->extension_profile = n ? octets_get16(block) : 0;
    h->extension_at = n ? (uint16_t)(fixed + EXTENSION_HEAD) : 0;
    h->extension_len = n ? (uint16_t)(n - EXTENSION_HEAD) : 0;
    return start;
}
