/** What a datagram on a media port is, from its first octets (RFC 7983 7, RFC 5761 4). Pure.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum packet_kind {
    PKT_DROP, /* nothing we know, or too short to be what it claims */
    PKT_STUN,
    PKT_DTLS,
    PKT_RTP,          /* or SRTP */
    PKT_RTCP,         /* or SRTCP, reduced-size included */
    PKT_TURN_CHANNEL, /* ChannelData (RFC 8656 12.4) */
};

/** Only the fewest octets each kind can have are checked; the kind's own parser does the rest. */
enum packet_kind demux(const uint8_t *pkt, size_t len);
