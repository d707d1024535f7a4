/** RTCP (RFC 3550 6, RFC 4585, RFC 5104, reduced-size RFC 5506): typed events out of a compound
 * packet, and a writer. RTCP is terminated per hop: what is read here is acted on or translated,
 * never forwarded. Pure. Thread: any; a writer is its owner's. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "media/rtp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTCP_BLOCKS_MAX = 31, RTCP_CNAME_MAX = 255 };

enum { /* packet types (RFC 3550 12.1, RFC 4585 6.1) and feedback formats */
       RTCP_PT_SR = 200,
       RTCP_PT_RR = 201,
       RTCP_PT_SDES = 202,
       RTCP_PT_BYE = 203,
       RTCP_PT_RTPFB = 205,
       RTCP_PT_PSFB = 206,
       RTCP_FMT_NACK = 1, /* of RTPFB: RFC 4585 6.2.1 */
       RTCP_FMT_PLI = 1,  /* of PSFB: 6.3.1 */
       RTCP_FMT_FIR = 4,  /* of PSFB: RFC 5104 4.3.1 */
       RTCP_FMT_AFB = 15, /* of PSFB: RFC 4585 6.4; REMB is one of them */
       RTCP_ITEM_CNAME = 1
};

struct rtcp_sender_info { /* RFC 3550 6.4.1 */
    uint64_t ntp;         /* 32.32 since 1900 */
    uint32_t rtp_ts, packets, octets;
};
struct rtcp_block {
    uint32_t ssrc; /* of the source reported on */
    struct rtp_report seen;
    uint32_t lsr, dlsr; /* 1/65536 s; 0: no SR yet */
};

enum rtcp_event_type {
    RTCP_SENDER, /* the sender half of an SR; its blocks follow as RTCP_BLOCK */
    RTCP_BLOCK,  /* one reception report block of an SR or RR */
    RTCP_CNAME,
    RTCP_BYE, /* once a source */
    RTCP_PLI,
    RTCP_FIR,  /* once an entry; a repeated seq_nr is the same command (RFC 5104 4.3.1.2) */
    RTCP_NACK, /* generic, once a pid/blp pair */
    RTCP_REMB  /* to be dropped or answered */
};

struct rtcp_event {
    enum rtcp_event_type type;
    uint32_t sender; /* SSRC of who sent it; for RTCP_CNAME and RTCP_BYE the source named */
    union {
        struct rtcp_sender_info sr;
        struct rtcp_block block;
        struct span cname; /* points into the packet */
        uint32_t media;    /* RTCP_PLI: SSRC of the stream wanted */
        struct {
            uint32_t media;
            uint8_t seq_nr;
        } fir;
        struct {
            uint32_t media;
            uint16_t pid, blp;
        } nack;
        uint64_t remb_bps;
    } u;
};

/** Check the whole of @p pkt, then call @p fn for each event in order. APP, XR, other feedback and
 * unknown types are passed over. GW_EPARSE: not RTCP, or a length does not add up anywhere; then
 * @p fn was never called. */
enum gw_err rtcp_parse(const uint8_t *pkt, size_t len,
                       void (*fn)(const struct rtcp_event *ev, void *arg), void *arg);
/** SSRC of the first packet's sender; @p pkt is at least 8 octets (demux has seen to it). */
uint32_t rtcp_sender(const uint8_t *pkt);

/** Appends packets to a buffer. Compound rules (first SR or RR, then SDES: RFC 3550 6.1) are the
 * caller's, as a=rtcp-rsize lifts them. */
struct rtcp_writer {
    uint8_t *p;
    size_t cap, n;
    bool overflow;
};
void rtcp_writer_init(struct rtcp_writer *w, uint8_t *buf, size_t cap);
/** Octets written, or 0 when anything did not fit. */
size_t rtcp_writer_len(const struct rtcp_writer *w);

void rtcp_put_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sender_info *info,
                 const struct rtcp_block *blocks, unsigned n);
void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *blocks, unsigned n);
void rtcp_put_cname(struct rtcp_writer *w, uint32_t ssrc, struct span cname);
void rtcp_put_bye(struct rtcp_writer *w, uint32_t ssrc);
void rtcp_put_pli(struct rtcp_writer *w, uint32_t sender, uint32_t media);
void rtcp_put_fir(struct rtcp_writer *w, uint32_t sender, uint32_t media, uint8_t seq_nr);
void rtcp_put_nack(struct rtcp_writer *w, uint32_t sender, uint32_t media, uint16_t pid,
                   uint16_t blp);

/** Wall clock (microseconds since 1970) as NTP. */
uint64_t rtcp_ntp(uint64_t unix_us);

/** When an SR passed: received ones give LSR and DLSR of our blocks, sent ones the round trip.
 * All zero: none yet. */
struct rtcp_stamp {
    uint32_t mid; /* middle 32 bits of the SR's NTP time */
    uint64_t at_us;
};
void rtcp_stamp_set(struct rtcp_stamp *s, uint64_t ntp, uint64_t now_us);
/** Fill @p b's lsr and dlsr from the last SR received of its source. */
void rtcp_stamp_block(const struct rtcp_stamp *s, uint64_t now_us, struct rtcp_block *b);
/** Round trip from a block about our stream, @p sent being the last SR we sent on it; 0 when it
 * answers another SR or cannot be told. Uses our send time and not the NTP time inside, which may
 * be the far sender's. */
uint32_t rtcp_stamp_rtt_us(const struct rtcp_stamp *sent, const struct rtcp_block *b,
                           uint64_t now_us);

/** The far sender's SR as ours: NTP time kept (so that its streams stay in lip-sync), RTP time
 * shifted as the rewriter shifts packets, counts what we sent. False when the rewriter does not
 * follow the SSRC of @p sender now: send none. */
bool rtcp_translate_sr(const struct rtp_rewriter *w, uint32_t sender,
                       const struct rtcp_sender_info *in, struct rtcp_sender_info *out);
/** May we report in our own clock a stream whose sender's SR was passed on at @p relayed_us (0:
 * never)? Not before that sender has fallen silent: an SSRC has one clock, or lip-sync is lost. */
bool rtcp_own_sr_fits(uint64_t relayed_us, uint64_t now_us);
/** A NACK from the far side names our sequence numbers; in those of the source we follow. False
 * when the packet came from another source or never was. */
bool rtcp_translate_nack(const struct rtp_rewriter *w, uint16_t pid, uint16_t *source_pid);
