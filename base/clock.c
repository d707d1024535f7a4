#include "base/clock.h"

#include <glib.h>

struct timer {
    struct timer **slot;
    void (*fn)(void *arg);
    void *arg;
    guint source;
};

uint64_t clock_now_us(void)
{
    return (uint64_t)g_get_monotonic_time();
}

static gboolean timer_due(gpointer data)
{
    struct timer *t = data;
    void (*fn)(void *arg) = t->fn;
    void *arg = t->arg;

    *t->slot = NULL;
    g_free(t);
    fn(arg);
    return G_SOURCE_REMOVE;
}

void timer_start(struct timer **slot, uint64_t after_us, void (*fn)(void *arg), void *arg)
{
    struct timer *t = g_new0(struct timer, 1);
    uint64_t ms = (after_us + US_PER_MS - 1) / US_PER_MS;

    g_assert(*slot == NULL);
    t->slot = slot;
    t->fn = fn;
    t->arg = arg;
    t->source = g_timeout_add((guint)MIN(ms, G_MAXUINT), timer_due, t);
    *slot = t;
}

void timer_stop(struct timer **slot)
{
    struct timer *t = *slot;

    if (!t)
        return;
    *slot = NULL;
    g_source_remove(t->source);
    g_free(t);
}
