/** Slows down whoever guesses passwords: a token bucket for each source address, in fixed memory.
 * Thread: the owner's. Units: monotonic microseconds. */
#pragma once

#include "base/addr.h"

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter *l);
/** Too many failures lately: refuse without looking. */
bool limiter_blocked(struct limiter *l, const struct net_addr *source, uint64_t now_us);
/** Count a failure. True when this one exhausted the bucket (log it, then be silent). */
bool limiter_failed(struct limiter *l, const struct net_addr *source, uint64_t now_us);
