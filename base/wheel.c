#include "base/wheel.h"

#include <glib.h>

struct wheel {
    uint64_t tick_us;
    uint64_t done; /* every tick before this one has been run */
    unsigned mask;
    unsigned count;
    struct wheel_timer slot[]; /* list heads */
};

struct wheel *wheel_new(uint64_t now_us, uint64_t tick_us, unsigned slots)
{
    struct wheel *w = g_malloc0(sizeof(*w) + slots * sizeof(w->slot[0]));

    g_assert(slots && (slots & (slots - 1)) == 0);
    w->tick_us = tick_us;
    w->done = now_us / tick_us;
    w->mask = slots - 1;
    for (unsigned i = 0; i < slots; i++)
        w->slot[i].next = w->slot[i].prev = &w->slot[i];
    return w;
}

void wheel_free(struct wheel *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i <= w->mask; i++) {
        struct wheel_timer *t = w->slot[i].next;
        while (t != &w->slot[i]) {
            struct wheel_timer *next = t->next;
            t->next = t->prev = NULL;
            t = next;
        }
    }
    g_free(w);
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
    if (!t->next)
        return;
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->next = t->prev = NULL;
    w->count--;
}

void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_us,
               void (*fn)(struct wheel_timer *t))
{
    uint64_t tick = (due_us + w->tick_us - 1) / w->tick_us;
    struct wheel_timer *head;

    wheel_cancel(w, t);
    t->due_us = due_us;
    t->fn = fn;
    head = &w->slot[MAX(tick, w->done) & w->mask];
    t->prev = head->prev;
    t->next = head;
    head->prev->next = t;
    head->prev = t;
    w->count++;
}

unsigned wheel_run(struct wheel *w, uint64_t now_us, unsigned max)
{
    uint64_t now = now_us / w->tick_us;
    unsigned fired = 0;

    if (now >= w->done + w->mask + 1)
        w->done = now - w->mask; /* after a stall one round sees every slot */
    for (;;) {
        struct wheel_timer *head = &w->slot[w->done & w->mask];
        struct wheel_timer *t = head->next;
        while (t != head) {
            if (t->due_us > now_us) { /* a later round, or a later microsecond of this tick */
                t = t->next;
                continue;
            }
            if (fired == max)
                return fired;
            fired++;
            wheel_cancel(w, t);
            t->fn(t);
            t = head->next; /* the callback may have changed the list: begin again */
        }
        if (w->done >= now)
            return fired;
        w->done++;
    }
}

uint64_t wheel_wait_us(const struct wheel *w, uint64_t now_us, uint64_t most)
{
    uint64_t best = most;

    if (!w->count)
        return most;
    for (unsigned i = 0; i <= w->mask; i++) {
        uint64_t at = (w->done + i) * w->tick_us; /* nothing of this slot fires before */
        const struct wheel_timer *head = &w->slot[(w->done + i) & w->mask];
        if (at > now_us && at - now_us >= best)
            break;
        for (const struct wheel_timer *t = head->next; t != head; t = t->next) {
            uint64_t fires = MAX(at, t->due_us);
            best = MIN(best, fires > now_us ? fires - now_us : 0);
        }
    }
    return best;
}
