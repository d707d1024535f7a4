/** Replaces base/clock.c at link time: time stands still until a test turns it. */
#pragma once

#include "base/clock.h"

/** Move time on and fire what is due, in order. */
void fake_clock_advance(uint64_t us);
unsigned fake_clock_timers(void);
