/** The messages on their way. Private to gateway/ (message.c, gateway.c). Thread: call thread. */
#pragma once

#include "gateway/message.h"

struct messages;

struct messages *messages_new(struct gateway *gw);
/** Forget all that are on their way, their senders hear nothing more: before adapters stop. */
void messages_drop(struct messages *all);
void messages_free(struct messages *all); /* takes NULL */

/* gateway.c */
struct messages *gateway_messages(struct gateway *gw);
bool gateway_draining(const struct gateway *gw);
