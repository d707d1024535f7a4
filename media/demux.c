#include "media/demux.h"

enum { STUN_MIN = 20, DTLS_MIN = 13, RTP_MIN = 12, RTCP_MIN = 8, CHANNEL_MIN = 4 };

static enum packet_kind at_least(enum packet_kind kind, size_t len, size_t min)
{
    return len >= min ? kind : PKT_DROP;
}

enum packet_kind demux(const uint8_t *pkt, size_t len)
{
    if (len < 2)
        return PKT_DROP;
    if (pkt[0] >= 128 && pkt[0] <= 191) {
        if (pkt[1] >= 192 && pkt[1] <= 223) /* RFC 5761 4: payload types 64-95 stay unused */
            return at_least(PKT_RTCP, len, RTCP_MIN);
        return at_least(PKT_RTP, len, RTP_MIN);
    }
    if (pkt[0] <= 3)
        return at_least(PKT_STUN, len, STUN_MIN);
    if (pkt[0] >= 20 && pkt[0] <= 63)
        return at_least(PKT_DTLS, len, DTLS_MIN);
    if (pkt[0] >= 64 && pkt[0] <= 79)
        return at_least(PKT_TURN_CHANNEL, len, CHANNEL_MIN);
    return PKT_DROP;
}
