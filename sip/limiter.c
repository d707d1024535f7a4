#include "sip/limiter.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib.h>

enum { LIMITER_SLOTS = 4096, LIMITER_BURST = 30, LIMITER_REFILL_S = 2 };

struct bucket {
    struct net_addr ip; /* port 0; an IPv6 /64 */
    uint64_t full_us;   /* when it will be full again; in the past: full */
};

struct limiter {
    uint64_t salt;
    struct bucket bucket[LIMITER_SLOTS]; /* direct mapped: a collision forgets the older address */
};

struct limiter *limiter_new(void)
{
    struct limiter *l = g_new0(struct limiter, 1);

    l->salt = ((uint64_t)g_random_int() << 32) | g_random_int();
    return l;
}

void limiter_free(struct limiter *l)
{
    g_free(l);
}

static struct bucket *bucket_of(struct limiter *l, const struct net_addr *source,
                                struct net_addr *ip)
{
    *ip = *source;
    ip->port = 0;
    if (ip->is_v6)
        memset(ip->ip + 8, 0, 8);
    return &l->bucket[((net_addr_hash(ip) ^ l->salt) * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
}

bool limiter_blocked(struct limiter *l, const struct net_addr *source, uint64_t now_us)
{
    struct net_addr ip;
    const struct bucket *b = bucket_of(l, source, &ip);

    return net_addr_same_ip(&b->ip, &ip) &&
           b->full_us > now_us + US_PER_S * LIMITER_REFILL_S * (LIMITER_BURST - 1);
}

bool limiter_failed(struct limiter *l, const struct net_addr *source, uint64_t now_us)
{
    struct net_addr ip;
    struct bucket *b = bucket_of(l, source, &ip);

    if (!net_addr_same_ip(&b->ip, &ip) || b->full_us < now_us) {
        b->ip = ip;
        b->full_us = now_us;
    }
    b->full_us += LIMITER_REFILL_S * US_PER_S;
    return limiter_blocked(l, source, now_us);
}
