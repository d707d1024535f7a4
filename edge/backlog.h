/** What a connection could not send yet: bytes of its own, then perhaps borrowed ones. An empty
 * outbox holds no memory. Pure. Thread: the stream's. */
#pragma once

#include "base/span.h"

#include <glib.h>

struct backlog { /* zeroed: empty */
    GByteArray *bytes;
    size_t sent;      /* of bytes */
    struct span tail; /* borrowed, sent after bytes */
};

/** Copied behind what is queued; nothing may be queued behind a tail. */
void backlog_add(struct backlog *o, const void *data, size_t n);
/** Borrowed until it has been sent. */
void backlog_add_tail(struct backlog *o, const void *data, size_t n);
/** The bytes to send next; empty when there are none. */
struct span backlog_next(const struct backlog *o);
/** @p n bytes of backlog_next() have been sent. */
void backlog_sent(struct backlog *o, size_t n);
size_t backlog_size(const struct backlog *o);
void backlog_clear(struct backlog *o);
