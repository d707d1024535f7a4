/** One-way queue of fixed-size messages that wakes its one reader through an eventfd. The only lock
 * of the program is in here (a pthread mutex, which TSan understands; STYLE, third fact). Messages
 * are copied in and out: values and ids cross threads; a pointer inside a message belongs to the
 * receiver once posted. Thread: post any; take and watch the reader's. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/** @p limit messages at most wait; beyond it mailbox_post() fails, so a stuck reader costs bounded
 * memory. */
struct mailbox *mailbox_new(size_t msg_size, size_t limit);
/** Messages still inside are handed to @p clear (may be NULL) to free what they own. */
void mailbox_free(struct mailbox *mb, void (*clear)(void *msg));
/** GW_EFULL: not queued, what the message owns is still the caller's. */
enum gw_err mailbox_post(struct mailbox *mb, const void *msg);
/** Past the limit too: for messages whose loss would leak or hang (close, gone, answers). */
void mailbox_post_always(struct mailbox *mb, const void *msg);
/** False when empty. The eventfd is reset by the take that finds nothing: loop until false, or stop
 * early and be woken again. */
bool mailbox_take(struct mailbox *mb, void *msg);
/** Readable while messages wait; level triggered. Owned by the mailbox. */
int mailbox_fd(const struct mailbox *mb);

/** Reader on a GLib context (the call thread): call @p fn for each message until the watch is
 * removed, at most 64 a turn. Returns the source id for g_source_remove(). */
unsigned mailbox_watch(struct mailbox *mb, void (*fn)(void *msg, void *arg), void *arg);
