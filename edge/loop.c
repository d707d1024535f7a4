#include "edge/loop.h"

#include "base/clock.h"

#include <glib.h>

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LOOP_BATCH = 256, LOOP_TICK_MS = 100, LOOP_SLOTS = 512, LOOP_TIMERS_A_TURN = 256 };

struct deferred {
    void *object;
    void (*free_fn)(void *object);
};

struct loop {
    int epoll;
    uint64_t now_us;
    struct wheel *wheel;
    struct loop_source ready; /* list head */
    GArray *deferred;         /* of struct deferred */
};

struct loop *loop_new(void)
{
    struct loop *l = g_new0(struct loop, 1);

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        g_free(l);
        return NULL;
    }
    l->now_us = clock_now_us();
    l->wheel = wheel_new(l->now_us, LOOP_TICK_MS * US_PER_MS, LOOP_SLOTS);
    l->ready.next_ready = l->ready.prev_ready = &l->ready;
    l->deferred = g_array_new(FALSE, FALSE, sizeof(struct deferred));
    return l;
}

static void loop_free_deferred(struct loop *l)
{
    while (l->deferred->len) { /* freeing may defer more */
        struct deferred d = g_array_index(l->deferred, struct deferred, l->deferred->len - 1);
        (void)g_array_set_size(l->deferred, l->deferred->len - 1);
        d.free_fn(d.object);
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    loop_free_deferred(l);
    (void)g_array_free(l->deferred, TRUE);
    wheel_free(l->wheel);
    (void)close(l->epoll);
    g_free(l);
}

bool loop_add(struct loop *l, struct loop_source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, src->fd, &ev) == 0;
}

static void ready_unlink(struct loop_source *src)
{
    if (!src->next_ready)
        return;
    src->next_ready->prev_ready = src->prev_ready;
    src->prev_ready->next_ready = src->next_ready;
    src->next_ready = src->prev_ready = NULL;
}

void loop_again(struct loop *l, struct loop_source *src)
{
    if (src->next_ready || !src->ready)
        return;
    src->prev_ready = l->ready.prev_ready;
    src->next_ready = &l->ready;
    l->ready.prev_ready->next_ready = src;
    l->ready.prev_ready = src;
}

void loop_forget(struct loop *l, struct loop_source *src)
{
    (void)l;
    ready_unlink(src);
    src->ready = NULL;
}

void loop_dispose(struct loop *l, void *object, void (*free_fn)(void *object))
{
    struct deferred d = {object, free_fn};

    (void)g_array_append_val(l->deferred, d);
}

/* Sources that ask again while the list runs wait for the next turn: take the list whole first. */
static void loop_run_ready(struct loop *l)
{
    struct loop_source list;

    if (l->ready.next_ready == &l->ready)
        return;
    list.next_ready = l->ready.next_ready;
    list.prev_ready = l->ready.prev_ready;
    list.next_ready->prev_ready = &list;
    list.prev_ready->next_ready = &list;
    l->ready.next_ready = l->ready.prev_ready = &l->ready;
    while (list.next_ready != &list) {
        struct loop_source *src = list.next_ready;
        ready_unlink(src);
        src->ready(src, 0);
    }
}

void loop_turn(struct loop *l)
{
    struct epoll_event events[LOOP_BATCH];
    uint64_t now = clock_now_us();
    uint64_t wait_us = wheel_wait_us(l->wheel, now, US_PER_S);
    int n;

    if (l->ready.next_ready != &l->ready)
        wait_us = 0;
    n = epoll_wait(l->epoll, events, LOOP_BATCH, (int)((wait_us + US_PER_MS - 1) / US_PER_MS));
    l->now_us = clock_now_us();
    loop_run_ready(l);
    for (int i = 0; i < n; i++) {
        struct loop_source *src = events[i].data.ptr;
        if (src->ready)
            src->ready(src, events[i].events);
    }
    (void)wheel_run(l->wheel, l->now_us, LOOP_TIMERS_A_TURN);
    loop_free_deferred(l);
}

uint64_t loop_now(const struct loop *l)
{
    return l->now_us;
}

struct wheel *loop_wheel(struct loop *l)
{
    return l->wheel;
}
