/** What a connection could not send yet: bytes of its own, then perhaps borrowed ones. An empty
 * outbox holds no memory. Pure. Thread: the stream's. */
#pragma once

#include "base/span.h"

#include <glib.h>

struct outbox { /* zeroed: empty */
    GByteArray *bytes;
    size_t sent;      /* of bytes */
    struct span tail; /* borrowed, sent after bytes */
};

/** Copied behind what is queued; nothing may be queued behind a tail. */
void outbox_add(struct outbox *o, const void *data, size_t n);
/** Borrowed until it has been sent. */
void outbox_add_tail(struct outbox *o, const void *data, size_t n);
/** The bytes to send next; empty when there are none. */
struct span outbox_next(const struct outbox *o);
/** @p n bytes of outbox_next() have been sent. */
void outbox_sent(struct outbox *o, size_t n);
size_t outbox_size(const struct outbox *o);
void outbox_clear(struct outbox *o);
