/** A media worker: one thread with its sockets, timers and sessions (DESIGN 6). It shares nothing;
 * commands come in and events go out through mailboxes.
 *
 *  Thread: worker_new() and worker_free() on the call thread; what is below the line on the
 * worker's own. */
#pragma once

#include "base/mailbox.h"
#include "base/wheel.h"
#include "media/command.h"
#include "media/dtls.h"
#include "media/media.h"
#include "media/tuple.h"

struct worker_params {
    const struct media_config *config; /* borrowed for the call; defaults filled in */
    unsigned index;
    const struct dtls_context *dtls; /* borrowed, outlives the worker */
    struct mailbox *events;          /* borrowed, outlives the worker */
    struct stats_cell *cells;        /* borrowed, legs_max of them */
};

struct worker;
/** Binds the shared sockets and starts the thread; NULL on failure, logged. */
struct worker *worker_new(const struct worker_params *params);
/** Stops and joins; every session is freed. */
void worker_free(struct worker *w);
/** Any thread; never fails. */
void worker_post(struct worker *w, const struct command *c);
/** As bound (fixed after worker_new()). */
const struct sock *worker_shared(const struct worker *w, unsigned *n);

/* ---- worker's own thread ---- */
uint64_t worker_now(const struct worker *w);
struct wheel *worker_wheel(const struct worker *w);
struct outbox *worker_outbox(const struct worker *w);
struct tuple_table *worker_tuples(const struct worker *w);
struct ice_shared *worker_ice(const struct worker *w);
const struct dtls_context *worker_dtls(const struct worker *w);
const struct media_config *worker_config(const struct worker *w);
struct sock *worker_sock(struct worker *w, unsigned index);
unsigned worker_nsocks(const struct worker *w);
void worker_post_event(struct worker *w, const struct media_event *ev);
/** Watch a port's own socket; false when the kernel refuses. */
bool worker_watch(struct worker *w, struct sock *s);
/** Close and free it, now or once nothing refers to it any more. */
void worker_unwatch(struct worker *w, struct sock *s);
/** One of the few DTLS handshakes that may begin this turn (each costs half a millisecond)? */
bool worker_may_handshake(struct worker *w);
