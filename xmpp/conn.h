/** The stream to the XMPP server: a component (XEP-0114) on libstrophe, kept connected. Knows
 * nothing of what is in the stanzas. Thread: call thread, GLib's default context; nothing blocks.
 * Owner: the adapter. What is queued while the server is away goes out when it is back. */
#pragma once

#include "base/addr.h"

#include <glib.h>
#include <strophe.h>

#include <stdbool.h>

enum {
    CONN_QUEUE_MAX = 20000,      /* stanzas waiting; then they are dropped, which is told */
    CONN_QUEUE_BYTES = 32 << 20, /* the same, in bytes */
    CONN_CROWDED = 5000          /* from here on nothing new should be begun */
};

struct conn;

struct conn_config { /* borrowed for as long as the conn lives */
    struct net_addr server;
    const char *domain, *secret;
    void (*stanza)(xmpp_stanza_t *stanza, void *arg); /* each that comes in, borrowed */
    void (*up)(void *arg);                            /* authenticated, also again after a loss */
    void (*down)(void *arg);                          /* it was up, and is no longer */
    void *arg;
};

/** Begins to connect. NULL when no descriptor below FD_SETSIZE is left (libstrophe uses select()),
 * which has been logged. */
struct conn *conn_new(const struct conn_config *config);
/** Queue one complete stanza; takes @p xml. False, and nothing was queued, at the limits. */
bool conn_send(struct conn *c, GString *xml);
bool conn_is_up(const struct conn *c);
/** The server does not keep up: refuse what is new. */
bool conn_is_crowded(const struct conn *c);
/** Sends what is queued if that takes less than a moment, closes, frees. Takes NULL. */
void conn_free(struct conn *c);
