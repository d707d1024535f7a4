/** Those who subscribe to somebody's presence (RFC 6665, 3856): one dialog each. Thread: SIP.
 *  Owner: stack.watchers, until watcher_tick() finds that it is over and no NOTIFY is open; never
 * freed inside a callback. Nothing of it survives a restart: a refresh then gets 481 and the phone
 * subscribes anew (RFC 6665 4.1.2.2). */
#pragma once

#include "sip/stack.h"

struct watcher;

/** A SUBSCRIBE outside dialogs; returns the status for nta's request callback, 0 when the gateway
 * was asked. */
int watcher_subscribed(struct stack *s, nta_incoming_t *irq, const sip_t *sip);
/** SIPCMD_WATCHING: whether it may. */
void watcher_verdict(struct stack *s, uint64_t id, enum end_cause cause);
/** SIPCMD_WATCHED: tell it. */
void watcher_tell(struct stack *s, uint64_t id, const struct presence *p);
/** End those of @p account; NULL: all. @p reason "rejected", ... (RFC 6665 4.2.2). */
void watchers_end(struct stack *s, const char *account, const char *reason);
/** Once a second, for each; true: free it. */
bool watcher_tick(struct watcher *w, uint64_t now_us);
void watcher_free(void *watcher);
