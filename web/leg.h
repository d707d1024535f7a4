/** leg_ops over one call of one browser tab. Private to web/. Thread: call thread. Owner: the call
 * (gateway/leg.h); the socket borrows it until it is detached. */
#pragma once

#include "gateway/adapter.h"
#include "web/proto.h"

struct websock;
struct webleg;

/** The tab calls: hands @p offer (now the gateway's) and a new leg to the gateway. */
void webleg_place(struct websock *s, const struct web_msg *call, struct desc *offer);
/** The tab is called. GW_EFULL: it has too many calls. */
enum gw_err webleg_dial(struct websock *s, const struct dial_request *req, struct leg **out);
/** A message of the tab about this call. */
void webleg_take(struct webleg *l, const struct web_msg *m);
/** The connection to the tab is gone, and with it this side of the call. */
void webleg_lost(struct webleg *l);
/** The id the call has on its connection. */
const char *webleg_call(const struct webleg *l);
