/** Presence of and for browser tabs: what a tab watches, and what it says of its account. Private
 * to web/. Thread: call thread. Owner: struct web. */
#pragma once

#include "gateway/presence.h"
#include "web/socket.h"

struct watches;

/** @p find returns the signed-in socket of this id, NULL when it is gone. */
struct watches *watches_new(struct gateway *gw, struct adapter *adapter,
                            struct websock *(*find)(struct adapter *ad, uint64_t id));
void watches_free(struct watches *ws); /* takes NULL; every socket has left */
/** The tab has signed in: its account is there. */
void watches_join(struct watches *ws, struct websock *s);
/** It is gone, with all that it watches and says. Idempotent. */
void watches_leave(struct watches *ws, struct websock *s);
/** Messages of the tab: watch, unwatch, presence. */
void watches_begin(struct watches *ws, struct websock *s, const struct web_msg *m);
void watches_end(struct watches *ws, struct websock *s, const struct web_msg *m);
void watches_say(struct watches *ws, struct websock *s, const struct web_msg *m);
/** adapter_ops.watched. */
void watches_tell(struct watches *ws, uint64_t ref, const struct presence *p);
