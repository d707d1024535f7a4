#include "media/latch.h"

#include <string.h>

bool latch_signal(struct latch *l, const struct net_addr *signalled)
{
    if (net_addr_equal(&l->signalled, signalled))
        return false;
    memset(l, 0, sizeof(*l));
    l->signalled = *signalled;
    return true;
}

static bool latch_holds(const struct latch *l, uint64_t now_us)
{
    return l->locked.set && now_us - l->heard_us < LATCH_SILENCE_US;
}

/* How many packets in a row make @p from believable; 0: none ever do. */
static unsigned run_needed(const struct latch *l, const struct net_addr *from)
{
    if (net_addr_equal(from, &l->signalled))
        return 1;
    if (net_addr_same_ip(from, &l->signalled))
        return LATCH_SAME_IP;
    return net_addr_is_private(&l->signalled) || net_addr_is_loopback(from) ? LATCH_OTHER_IP : 0;
}

static void candidate_feed(struct latch *l, const struct net_addr *from,
                           const struct latch_proof *proof)
{
    uint16_t step = (uint16_t)(proof->seq - l->seq);
    bool follows = l->run && net_addr_equal(from, &l->candidate) && proof->ssrc == l->ssrc &&
                   step != 0 && step <= LATCH_STEP_MAX;

    l->run = follows ? (uint8_t)(l->run + 1) : 1;
    l->candidate = *from;
    l->ssrc = proof->ssrc;
    l->seq = proof->seq;
}

bool latch_hears(struct latch *l, const struct net_addr *from, uint64_t now_us)
{
    if (!net_addr_equal(from, &l->locked))
        return false;
    l->heard_us = now_us;
    return true;
}

enum latch_verdict latch_judge(struct latch *l, const struct net_addr *from,
                               const struct latch_proof *proof, uint64_t now_us)
{
    bool believed = proof->authenticated;

    if (!l->signalled.set)
        return LATCH_REFUSED;
    if (latch_hears(l, from, now_us))
        return LATCH_ACCEPTED;
    if (latch_holds(l, now_us))
        return LATCH_REFUSED;
    if (!believed) {
        unsigned needed = run_needed(l, from);
        if (!needed || !proof->plausible)
            return LATCH_REFUSED;
        candidate_feed(l, from, proof);
        believed = l->run >= needed;
    }
    if (!believed)
        return LATCH_REFUSED;
    l->locked = *from;
    l->heard_us = now_us;
    l->run = 0;
    return LATCH_MOVED;
}

bool latch_permits(const struct latch *l, const struct net_addr *from, uint64_t now_us)
{
    if (net_addr_equal(from, &l->locked))
        return true;
    return l->signalled.set && !latch_holds(l, now_us);
}

bool latch_may_answer(const struct latch *l, const struct net_addr *from, uint64_t now_us)
{
    return latch_permits(l, from, now_us) && run_needed(l, from) > 0;
}

const struct net_addr *latch_target(const struct latch *l)
{
    return l->locked.set ? &l->locked : &l->signalled;
}
