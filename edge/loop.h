/** The edge thread's engine: epoll, a list of sources that asked to be called again, timers, and
 * deferred freeing. Thread: the edge's, except loop_new/free. Rules: every socket is registered
 * once, edge triggered; a source that stops reading before EAGAIN must ask loop_again(); nothing is
 * freed while a batch of events is being walked, since a later entry of the same batch may name it.
 */
#pragma once

#include "base/wheel.h"

#include <stdbool.h>
#include <stdint.h>

struct loop_source { /* first member of what is registered */
    int fd;
    void (*ready)(struct loop_source *src, uint32_t events); /* NULL: forgotten */
    struct loop_source *next_ready, *prev_ready;
};

struct loop;

/** NULL when the kernel has no file descriptors left. */
struct loop *loop_new(void);
/** Runs what was deferred; sources still registered are forgotten, not closed. */
void loop_free(struct loop *l);

/** @p events as in epoll_ctl(2). */
bool loop_add(struct loop *l, struct loop_source *src, uint32_t events);
/** Call src->ready(src, 0) in the next turn. Idempotent. */
void loop_again(struct loop *l, struct loop_source *src);
/** No more calls, also for events already fetched. The caller closes the descriptor. */
void loop_forget(struct loop *l, struct loop_source *src);
/** @p free_fn(@p object) after the current turn. */
void loop_dispose(struct loop *l, void *object, void (*free_fn)(void *object));

/** Wait for events (at most a second) and run one turn: events, the ready list, due timers. */
void loop_turn(struct loop *l);
/** Time at the start of this turn, microseconds. */
uint64_t loop_now(const struct loop *l);
struct wheel *loop_wheel(struct loop *l);
