/** One connection: plain or TLS, accepted or dialled. It connects, shakes hands, reads within a
 * budget, queues what the socket does not take, and closes; what the bytes mean is its owner's
 * business.
 *
 *  Thread: the edge's.  Owner: whoever made it, until closed(); the stream then frees itself after
 * the turn. closed() comes exactly once, also after stream_close(), and must not free at once what
 * callers up the stack still use (loop_dispose()). */
#pragma once

#include "base/addr.h"
#include "edge/loop.h"
#include "edge/tls.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    STREAM_READ = 16384,        /* bytes a read */
    STREAM_READS = 8,           /* reads a turn */
    STREAM_PAUSE_AT = 131072,   /* this much unsent: stop reading */
    STREAM_OUTBOX_MAX = 262144, /* more than this unsent: the owner closes (stream_choked) */
    STREAM_HANDSHAKES_A_TURN = 8,
    STREAM_HANDSHAKES_MAX = 256,
    STREAM_CONNECT_S = 5,
    STREAM_HANDSHAKE_S = 5
};

struct stream;

struct stream_ops {
    void (*opened)(struct stream *s); /* connected, and the handshake done */
    /** @p data is borrowed and may be changed in place. Take all of it. */
    void (*input)(struct stream *s, char *data, size_t n);
    void (*drained)(struct stream *s); /* all that was queued has been sent; may be NULL */
    /** The peer will send no more: close or finish. NULL: stream_close(). */
    void (*ended)(struct stream *s);
    void (*closed)(struct stream *s, const char *why);
};

/** What all streams of an edge share. */
struct stream_env {
    struct loop *loop;
    struct tls_store *tls;
    unsigned handshakes_left; /* in this turn */
    unsigned handshakes_open; /* in flight */
    _Atomic uint64_t *tls_failed;
    char scratch[STREAM_READ];
};

/** An accepted socket, now the stream's. @p ssl NULL: plain. */
struct stream *stream_accepted(struct stream_env *env, int fd, SSL *ssl,
                               const struct net_addr *peer, const struct stream_ops *ops,
                               void *owner);
/** A non-blocking socket for @p to, bound to @p from when that is not NULL. *@p from then gets the
 * port. -1: errno says why. */
int stream_socket(const struct net_addr *to, struct net_addr *from);
/** Begin to connect @p fd, now the stream's; @p tls_name NULL: plain. opened() or closed()
 * follows, never before this returns. */
struct stream *stream_dialled(struct stream_env *env, int fd, const struct net_addr *to,
                              const char *tls_name, const struct stream_ops *ops, void *owner);

void *stream_owner(const struct stream *s);
/** Change who gets the events: HTTP becoming WebSocket. */
void stream_set_owner(struct stream *s, const struct stream_ops *ops, void *owner);
const struct net_addr *stream_peer(const struct stream *s);
bool stream_is_tls(const struct stream *s);
/** Open: input may come and output is useful. */
bool stream_is_open(const struct stream *s);
/** Notice a peer that vanished without a word: TCP keep-alive and a limit on unacknowledged data.
 */
void stream_watch_peer(struct stream *s);

/** Copied; sent at once as far as the socket takes it. Ignored unless connecting or open. */
void stream_write(struct stream *s, const void *data, size_t n);
/** As above, but what is not sent at once is borrowed until drained(): for data that outlives the
 * stream. Nothing may be written behind it before drained(). */
void stream_write_static(struct stream *s, const void *data, size_t n);
size_t stream_queued(const struct stream *s);
static inline bool stream_choked(const struct stream *s)
{
    return stream_queued(s) > STREAM_OUTBOX_MAX;
}
/** Stop and go on delivering input. A peer that closes meanwhile closes the stream. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/** The owner's one deadline, absolute; @p fn may close. Gone when the stream closes or finishes. */
void stream_deadline(struct stream *s, unsigned seconds, void (*fn)(struct stream *s));
void stream_no_deadline(struct stream *s);

/** Now, dropping what is queued. Idempotent. */
void stream_close(struct stream *s, const char *why);
/** Send what is queued, then close in the way that lets the peer read it (RFC 9112 9.6):
 * half-close, drop input for two seconds at most. No input() comes any more. */
void stream_finish(struct stream *s, const char *why);
