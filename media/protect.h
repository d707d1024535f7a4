/** SRTP and SRTCP of one direction under one master key (RFC 3711, RFC 7714): AES-CM-128 with
 * HMAC-SHA1-80/32, AES-128-GCM and AES-256-GCM, key derivation rate 0, no MKI.
 *
 *  All work is in place. A packet needs PROTECT_TAIL octets of room behind it; the functions check
 * the capacity they are given. Nothing is locked or logged per packet, and nothing allocated but at
 * the first packet of an SSRC (the libsrtp2 backend allocates inside the library).
 *
 *  One struct protect serves every SSRC of its direction. Inbound, state exists for the
 * PROTECT_SSRCS most recently used ones and is made or replaced only after a packet authenticated,
 * so nobody without the key can push a live source out. What replacing forgets is the replay window
 * of a source that has been quiet while 16 others spoke; only the key holder can bring that about.
 * Outbound, nothing is ever forgotten, because forgetting could repeat a key stream: the SSRC after
 * the last gets GW_EFULL.
 *
 *  Thread: the owner's (a media worker). protect_new() may be called on any thread.
 *  Keys: never logged, wiped by protect_free(). */
#pragma once

#include "base/err.h"
#include "media/media.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PROTECT_TAIL = 20,     /* most a packet grows by: GCM tag and SRTCP index */
    PROTECT_SSRCS_IN = 16, /* sources an inbound key remembers */
    PROTECT_SSRCS_OUT = 64 /* SSRCs an outbound key may ever send */
};

enum protect_direction { PROTECT_OUT, PROTECT_IN };

struct protect;

/** @p key is master key then salt, as in struct desc_crypto.key; it is copied. NULL when the crypto
 * library refuses. */
struct protect *protect_new(enum media_srtp backend, enum protect_direction direction,
                            enum desc_suite suite, const uint8_t *key);
void protect_free(struct protect *p); /* takes NULL */

/** Encrypt and tag *@p len octets at @p pkt, which has room for @p cap; *@p len grows.
 *
 *  GW_EPARSE: no RTP (RTCP) packet. GW_ETOOBIG: @p cap is too small. GW_EREPLAY: this sequence
 * number was sent before, or is too old to know (128 behind): sending would repeat a key stream, so
 * nothing is; on GCM an identical retransmission is refused as well. GW_EFULL: SSRC limit, or the
 * key is used up (2^48 RTP, 2^31 RTCP packets). GW_ESTATE: wrong direction. On errors before
 * encryption (all of these) packet and *@p len are untouched.
 *
 *  The roll-over counter starts at 0 with the first packet of an SSRC, so start sequence numbers
 * below 2^15 and not within 128 of 0 (rtp_rewriter does), and the receiver cannot guess wrong. */
enum gw_err protect_rtp(struct protect *p, uint8_t *pkt, size_t *len, size_t cap);
enum gw_err protect_rtcp(struct protect *p, uint8_t *pkt, size_t *len, size_t cap);

/** Authenticate and decrypt in place; *@p len shrinks.
 *
 *  GW_EPARSE: too short or its header does not fit. GW_EREPLAY: seen before or older than the
 * window of 128. GW_ECRYPTO: does not authenticate (wrong key, altered, an MKI we do not use).
 * GW_ESTATE: wrong direction. After an error the state is as before and *@p len untouched, but the
 * packet's octets may be garbage: drop it. */
enum gw_err unprotect_rtp(struct protect *p, uint8_t *pkt, size_t *len);
enum gw_err unprotect_rtcp(struct protect *p, uint8_t *pkt, size_t *len);
