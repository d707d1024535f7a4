/** What is known of everybody's presence. Private to gateway/ (presence.c, gateway.c). Thread: call
 * thread. */
#pragma once

#include "gateway/presence.h"

struct presences;

struct presences *presences_new(struct gateway *gw);
/** Nobody is told anything more: before adapters stop. */
void presences_drop(struct presences *all);
void presences_free(struct presences *all); /* takes NULL */

/* gateway.c */
struct presences *gateway_presences(struct gateway *gw);
/** The adapter that asks elsewhere about this address, and did (see adapter_ops.watch); NULL: none.
 */
struct adapter *gateway_watch_elsewhere(struct gateway *gw, const char *address, const char *who);
