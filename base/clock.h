/** Monotonic time, and one-shot timers of the call thread. Units: microseconds.
 *  Thread: clock_now_us() any; timers the call thread only (GLib's default context).
 * tests/fakes/clock.c replaces this file at link time and lets a test turn the clock by hand. */
#pragma once

#include <stdint.h>

#define US_PER_MS UINT64_C(1000)
#define US_PER_S UINT64_C(1000000)

uint64_t clock_now_us(void);

struct timer;
/** Calls @p fn once, @p after_us from now; then the timer is gone and *@p slot is NULL (set before
 * the call). *@p slot must be NULL and outlive the timer. */
void timer_start(struct timer **slot, uint64_t after_us, void (*fn)(void *arg), void *arg);
/** Idempotent: *@p slot is NULL afterwards. */
void timer_stop(struct timer **slot);
