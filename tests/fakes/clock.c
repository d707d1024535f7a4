#include "tests/fakes/clock.h"

#include <glib.h>

struct timer {
    struct timer **slot;
    uint64_t due;
    void (*fn)(void *arg);
    void *arg;
};

static uint64_t now_us = 1000 * US_PER_S;
static GPtrArray *timers;

uint64_t clock_now_us(void)
{
    return now_us;
}

void timer_start(struct timer **slot, uint64_t after_us, void (*fn)(void *arg), void *arg)
{
    struct timer *t = g_new0(struct timer, 1);

    g_assert_null(*slot);
    t->slot = slot;
    t->due = now_us + after_us;
    t->fn = fn;
    t->arg = arg;
    *slot = t;
    if (!timers)
        timers = g_ptr_array_new();
    g_ptr_array_add(timers, t);
}

void timer_stop(struct timer **slot)
{
    struct timer *t = *slot;

    if (!t)
        return;
    *slot = NULL;
    g_ptr_array_remove(timers, t);
    g_free(t);
}

static struct timer *timer_next(uint64_t until)
{
    struct timer *best = NULL;

    for (guint i = 0; timers && i < timers->len; i++) {
        struct timer *t = g_ptr_array_index(timers, i);
        if (t->due <= until && (!best || t->due < best->due))
            best = t;
    }
    return best;
}

void fake_clock_advance(uint64_t us)
{
    uint64_t until = now_us + us;
    struct timer *t;

    while ((t = timer_next(until))) {
        void (*fn)(void *arg) = t->fn;
        void *arg = t->arg;
        now_us = MAX(now_us, t->due);
        timer_stop(t->slot);
        fn(arg);
    }
    now_us = until;
}

unsigned fake_clock_timers(void)
{
    return timers ? timers->len : 0;
}
