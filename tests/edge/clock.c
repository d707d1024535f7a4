/* Replaces base/clock.c: real time plus what the test has skipped. */
#include "base/clock.h"

#include "tests/edge/rig.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t skipped_us;

uint64_t clock_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000 +
           atomic_load(&skipped_us);
}

void clock_skip(unsigned seconds)
{
    (void)atomic_fetch_add(&skipped_us, seconds * US_PER_S);
}
