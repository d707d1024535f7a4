/** Hashed timer wheel: absolute deadlines, O(1) set and cancel, cost grows with what is due and not
 * with what waits. For threads with their own loop (edge, media workers); the call thread uses
 * base/clock.h. Units: microseconds, monotonic. Thread: the owner's. Timers are embedded in the
 * caller's structs; the wheel never allocates after wheel_new(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wheel_timer {
    struct wheel_timer *next, *prev; /* NULL, NULL: not set. Zero the struct before first use */
    uint64_t due_us;
    void (*fn)(struct wheel_timer *t); /* container_of the rest */
};

struct wheel;
/** @p slots a power of two; timers further away than slots * tick_us wait more rounds. */
struct wheel *wheel_new(uint64_t now_us, uint64_t tick_us, unsigned slots);
/** Timers still set are forgotten, not fired. */
void wheel_free(struct wheel *w);
/** Set or move. Fires at the first wheel_run() at or after @p due_us, at most one tick late. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t due_us,
               void (*fn)(struct wheel_timer *t));
/** Idempotent. */
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
static inline bool wheel_is_set(const struct wheel_timer *t)
{
    return t->next != NULL;
}
/** Fire what is due, at most @p max timers; callbacks may set and cancel any timer. Returns how
 * many fired. */
unsigned wheel_run(struct wheel *w, uint64_t now_us, unsigned max);
/** Microseconds until wheel_run() may have work: 0 when something is due, @p most when nothing is
 * set. Looks ahead at most one round of slots. */
uint64_t wheel_wait_us(const struct wheel *w, uint64_t now_us, uint64_t most);

#define WHEEL_OWNER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
