/** RTP packets (RFC 3550 5.1, header extensions RFC 8285): parse with strict bounds, rewrite in
 * place, keep an outgoing stream continuous, count an incoming one. Pure; time comes in as
 * microseconds, monotonic. Nothing allocates. Thread: any; rewriters and receivers are their
 * owner's. */
#pragma once

#include "base/err.h"
#include "media/negotiate.h"
#include "media/octets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_FIXED = 12,               /* octets of the header without CSRCs and extension */
    RTP_EXTENSION_BLOCK_MAX = 64, /* what rtp_extensions_replace() writes at most, its 4-octet head
                                     included: never more than a slot's head room */
    RTP_EXTENSION_ELEMENTS = 16
};

struct rtp_header {
    uint8_t pt, csrcs;
    bool marker;
    uint16_t seq;
    uint32_t ts, ssrc;
    uint16_t extension_profile; /* 0xbede, 0x100n (RFC 8285) or another; 0 when absent */
    uint16_t
        extension_at; /* offset of the extension's body, behind its 4-octet head; 0: X is not set */
    uint16_t extension_len; /* of the body; may be 0 */
    uint16_t header_len;    /* fixed part, CSRCs and extension: where the payload begins */
    uint16_t payload_len;   /* without padding */
    uint8_t padding;
};

/** Length of the header of the RTP or SRTP packet at @p pkt, or 0 when it is none (version,
 * bounds). Does not look at padding, which SRTP encrypts. */
size_t rtp_header_len(const uint8_t *pkt, size_t len);
/** Of a clear packet. GW_EPARSE: not RTP version 2, or CSRCs, extension or padding exceed @p len.
 * GW_ETOOBIG above 65535 octets. */
enum gw_err rtp_parse(const uint8_t *pkt, size_t len, struct rtp_header *out);

/** Getters and setters on a packet of at least RTP_FIXED octets. */
static inline uint8_t rtp_pt(const uint8_t *pkt)
{
    return pkt[1] & 0x7f;
}
static inline bool rtp_marker(const uint8_t *pkt)
{
    return (pkt[1] & 0x80) != 0;
}
static inline uint16_t rtp_seq(const uint8_t *pkt)
{
    return octets_get16(pkt + 2);
}
static inline uint32_t rtp_ts(const uint8_t *pkt)
{
    return octets_get32(pkt + 4);
}
static inline uint32_t rtp_ssrc(const uint8_t *pkt)
{
    return octets_get32(pkt + 8);
}
static inline void rtp_set_pt(uint8_t *pkt, uint8_t pt)
{
    pkt[1] = (uint8_t)((pkt[1] & 0x80) | (pt & 0x7f));
}
static inline void rtp_set_marker(uint8_t *pkt, bool on)
{
    pkt[1] = (uint8_t)((pkt[1] & 0x7f) | (on ? 0x80 : 0));
}
static inline void rtp_set_seq(uint8_t *pkt, uint16_t seq)
{
    octets_put16(pkt + 2, seq);
}
static inline void rtp_set_ts(uint8_t *pkt, uint32_t ts)
{
    octets_put32(pkt + 4, ts);
}
static inline void rtp_set_ssrc(uint8_t *pkt, uint32_t ssrc)
{
    octets_put32(pkt + 8, ssrc);
}

/** Write a header of RTP_FIXED octets (no CSRC, no extension) with @p h's pt, marker, seq, ts,
 * ssrc: for packets of our own, such as RFC 4733 events. */
void rtp_write(uint8_t *pkt, const struct rtp_header *h);

/** One RFC 8285 element. */
struct rtp_extension {
    uint8_t id;  /* 1-14 in a one-byte block, 1-255 in a two-byte one */
    uint8_t len; /* one-byte: 1-16; two-byte: 0-255 */
    const uint8_t *data;
};

/** The next element at or behind *@p at (offset into the body, begin with 0), skipping padding.
 * False at the end, at a malformed element, at id 15 of a one-byte block, and for blocks that are
 * not RFC 8285. */
bool rtp_extension_next(const uint8_t *pkt, const struct rtp_header *h, size_t *at,
                        struct rtp_extension *out);
/** The first element called @p id. */
bool rtp_extension_find(const uint8_t *pkt, const struct rtp_header *h, uint8_t id,
                        struct rtp_extension *out);

/** Rename elements as @p map says and blank all others to padding, in place; a block that is not
 * RFC 8285, and everything behind a malformed element, is blanked as well. An id above 14 cannot be
 * written into a one-byte block: that element is blanked. */
void rtp_extensions_map(uint8_t *pkt, const struct rtp_header *h, const struct plan_extension *map,
                        unsigned n);
/** Elements for a new block. */
struct rtp_extension_set {
    unsigned n;
    struct rtp_extension e[RTP_EXTENSION_ELEMENTS];
};
/** The elements @p map keeps, with their new ids, pointing into the packet; add more (a MID) behind
 * them and hand all to rtp_extensions_replace(). */
void rtp_extensions_collect(const uint8_t *pkt, const struct rtp_header *h,
                            const struct plan_extension *map, unsigned n,
                            struct rtp_extension_set *out);
/** Replace the extension block by one with the elements of @p set (one-byte form where it can hold
 * them, else two-byte; none: no extension at all). Elements may point into the old block. The
 * payload stays where it is: the fixed header and CSRCs move, up to @p head_room octets before
 * @p pkt. Returns the packet's new start and sets *@p len and *@p h to match; NULL, and nothing
 * changed, when the block would exceed RTP_EXTENSION_BLOCK_MAX or the room. */
uint8_t *rtp_extensions_replace(uint8_t *pkt, size_t *len, size_t head_room, struct rtp_header *h,
                                const struct rtp_extension_set *set);

/** What the far side sees of one outgoing stream: one SSRC, sequence numbers and timestamps that
 * never jump back, whatever sources feed it (source switch, ICE restart, other branch of a fork,
 * SSRC change, a sender that restarts). Of two sources that speak at once the later one is heard.
 * Gaps and reordering of one source are kept. Zero it, then rtp_rewriter_init(); one per outgoing
 * stream (rtx is a stream of its own). */
struct rtp_rewriter {
    uint32_t ssrc;      /* ours */
    uint32_t source;    /* SSRC of the input we follow */
    uint32_t left;      /* SSRC that lost to source, 0: none */
    bool following;     /* false: the next packet, of whatever SSRC, is a new beginning */
    bool sent;          /* anything ever */
    uint16_t in_high;   /* highest sequence number of the source ... */
    uint32_t out_high;  /* ... and what it became, extended; the wire has the low 16 bits */
    uint32_t out_floor; /* late packets that would fall below were another source's: dropped */
    uint32_t bad_seq;   /* RFC 3550 A.1: where a jump must continue to be believed */
    uint32_t ts_offset; /* out = in + offset */
    uint32_t ts_high;   /* of out_high */
    uint64_t high_us;   /* when out_high was sent */
    uint32_t packets, octets; /* sent: for our SR; payload octets as RFC 3550 6.4.1 counts */
};

enum rtp_verdict {
    RTP_DROP,    /* too late, a jump not yet believed, or a source that was left: do not send */
    RTP_FORWARD, /* rewritten */
    RTP_RESUMED  /* rewritten, first of a new beginning: audio may set the marker, video wants a key
                    frame */
};

/** @p random decides where sequence and timestamps begin (see protect_rtp() for the range). */
void rtp_rewriter_init(struct rtp_rewriter *w, uint32_t ssrc, uint64_t random);
/** Another source from now on, even if it should bear the same SSRC. */
void rtp_rewriter_switch(struct rtp_rewriter *w);
/** Set SSRC, sequence and timestamp of the clear packet @p pkt parsed as @p h, and count it.
 * @p clock_hz: of the stream's audio or video codec (of the stream also for telephone-event, whose
 * timestamps run with the audio, RFC 4733 2.1). */
enum rtp_verdict rtp_rewriter_apply(struct rtp_rewriter *w, uint8_t *pkt,
                                    const struct rtp_header *h, uint32_t clock_hz, uint64_t now_us);
/** The number that the source's packet @p seq has left with, as far as it can have: false before
 * the first packet, for later ones, and for those from before the source was followed. */
bool rtp_rewriter_map(const struct rtp_rewriter *w, uint16_t seq, uint16_t *out);
/** @p h arrived but is not sent (suppressed while we send an event, a payload type the plan lacks):
 * close the gap, so that the far side does not take it for loss. */
void rtp_rewriter_skip(struct rtp_rewriter *w, const struct rtp_header *h);
/** A packet of our own between the source's: fills @p out's ssrc, seq and ts (stream time of
 * @p now_us; keep the first for a whole event), moves what follows up by one and counts it.
 * Works before any source packet, too. */
void rtp_rewriter_insert(struct rtp_rewriter *w, size_t payload_len, uint32_t clock_hz,
                         uint64_t now_us, struct rtp_header *out);

/** What a reception report says of one source (RFC 3550 6.4.1). */
struct rtp_report {
    uint8_t fraction; /* lost since the report before, of 256 */
    int32_t lost;     /* cumulative, within 24 bits signed; duplicates make it negative */
    uint32_t highest; /* extended sequence number */
    uint32_t jitter;  /* timestamp units */
};

/** Reception statistics of one incoming SSRC (RFC 3550 A.1, A.3, A.8). Zero it; a new SSRC starts
 * it anew by itself. */
struct rtp_receiver {
    bool started;
    uint32_t ssrc;
    uint16_t max_seq;
    uint32_t cycles, base_seq, bad_seq, received, expected_prior, received_prior;
    uint32_t transit, jitter16; /* jitter times 16, as A.8 keeps it */
    uint32_t jitter_ts;         /* timestamp of the last packet that counted for jitter */
    uint32_t clock_hz;
};

/** After authentication. False: the packet is out of sequence (A.1), not counted. */
bool rtp_receiver_feed(struct rtp_receiver *r, const struct rtp_header *h, uint32_t clock_hz,
                       uint64_t now_us);
/** Cumulative loss now, without starting a new interval. */
int32_t rtp_receiver_lost(const struct rtp_receiver *r);
uint32_t rtp_receiver_jitter_us(const struct rtp_receiver *r);
/** For the next RR or SR: starts a new interval. False before the first packet. */
bool rtp_receiver_report(struct rtp_receiver *r, struct rtp_report *out);
