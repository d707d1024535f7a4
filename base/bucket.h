/** Rates are counted in one way: a leaky bucket in one number. Any thread. Units: monotonic
 * microseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** @p empty_at is the time at which the bucket will be empty (0: it is). It holds @p size drops,
 * one leaks every @p leak_us. False when full; then nothing was added. */
static inline bool bucket_add(uint64_t *empty_at, uint64_t now_us, uint64_t leak_us, unsigned size)
{
    uint64_t from = *empty_at > now_us ? *empty_at : now_us;

    if (from + leak_us > now_us + size * leak_us)
        return false;
    *empty_at = from + leak_us;
    return true;
}

static inline bool bucket_full(uint64_t empty_at, uint64_t now_us, uint64_t leak_us, unsigned size)
{
    return !bucket_add(&empty_at, now_us, leak_us, size);
}
