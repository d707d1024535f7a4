/** Where a leg without ICE sends from: symmetric RTP, and whom to believe. Pure.
 *  Thread: any; a latch is its owner's. Units: monotonic microseconds.
 *
 *  What is sent goes to the signalled address until a source is locked, then to that source. Who
 * may be locked:
 *  - the signalled address, with its first packet;
 *  - the signalled IP from another port (port translation), after LATCH_SAME_IP packets in a row;
 *  - another IP only if the signalled one is private (the peer sits behind NAT and does not know
 *    its public address) or the source is loopback (a phone on this very host), after
 * LATCH_OTHER_IP packets in a row: one SSRC, sequence numbers in order, payload types we agreed on;
 *  - with SRTP any source, with its first authenticated packet: the key vouches for it.
 * Once locked nobody else is heard until new signalling or LATCH_SILENCE_US without a packet, so
 * neither RTP bleed nor injection from another address moves or enters the call. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define LATCH_SILENCE_US UINT64_C(3000000)
enum { LATCH_SAME_IP = 2, LATCH_OTHER_IP = 4, LATCH_STEP_MAX = 16 };

struct latch {
    struct net_addr signalled; /* unset: nothing is accepted, nothing sent */
    struct net_addr locked;    /* unset: not yet */
    uint64_t heard_us;         /* last packet from locked */
    struct net_addr candidate; /* who is being watched */
    uint32_t ssrc;
    uint16_t seq;
    uint8_t run; /* packets of candidate in a row */
};

/** What the packet in hand says about its sender. */
struct latch_proof {
    bool authenticated; /* SRTP tag or finished DTLS handshake */
    bool plausible;     /* a payload type we agreed on (RTP), a well-formed compound (RTCP) */
    uint32_t ssrc;
    uint16_t seq;
};

enum latch_verdict {
    LATCH_REFUSED, /* not the peer, as far as we know: drop */
    LATCH_ACCEPTED,
    LATCH_MOVED /* accepted, and the destination is now this source */
};

/** New signalling. The same address again changes nothing. True if the latch was opened anew. */
bool latch_signal(struct latch *l, const struct net_addr *signalled);
/** Is it the locked source? Then it is accepted without more ado. */
bool latch_hears(struct latch *l, const struct net_addr *from, uint64_t now_us);
enum latch_verdict latch_judge(struct latch *l, const struct net_addr *from,
                               const struct latch_proof *proof, uint64_t now_us);
/** Is it worth trying to authenticate a packet of @p from (SRTP)? */
bool latch_permits(const struct latch *l, const struct net_addr *from, uint64_t now_us);
/** May @p from be answered before anything is authenticated (DTLS handshake)? As above, but never
 * an IP that does not fit the signalling. */
bool latch_may_answer(const struct latch *l, const struct net_addr *from, uint64_t now_us);
/** Where to send; unset: nowhere. */
const struct net_addr *latch_target(const struct latch *l);
