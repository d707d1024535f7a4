/** Messages of and for browser tabs. Private to web/. Thread: call thread. Owner: struct web. */
#pragma once

#include "gateway/message.h"
#include "web/socket.h"

struct letters;

/** @p find returns the signed-in socket of this id, NULL when it is gone. */
struct letters *letters_new(struct gateway *gw, struct adapter *adapter,
                            struct websock *(*find)(struct adapter *ad, uint64_t id));
void letters_free(struct letters *l); /* takes NULL */
/** A tab sends one: the gateway's verdict comes back to it. */
void letters_take(struct letters *l, struct websock *s, const struct web_msg *m);
/** adapter_ops.message_done and adapter_ops.message. */
void letters_done(struct letters *l, uint64_t ref, enum end_cause cause);
enum gw_err letters_deliver(struct letters *l, struct websock *s, const struct message *m,
                            uint64_t delivery);
