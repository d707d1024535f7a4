/** SIP side (RFC 3261): registrar, phones over UDP, TCP and TLS. The stack runs on a thread of its
 * own; legs live on the call thread. */
#pragma once

#include "gateway/adapter.h"

struct edge;
/** Call thread. Starts the SIP thread, restores bindings, opens the listeners in the config. NULL
 * on failure, which has been logged. */
struct adapter *sip_adapter_start(struct gateway *gw, struct edge *edge);

struct sip_tuning {
    unsigned patience_ms;  /* 64*T1: how long RFC 3261 waits for an answer or an ACK */
    unsigned watch_min_s;  /* the briefest subscription */
    unsigned transactions; /* of servers; from this many on they are forgotten sooner */
};
extern const struct sip_tuning sip_tuning_usual;
struct adapter *sip_adapter_start_tuned(struct gateway *gw, struct edge *edge,
                                        const struct sip_tuning *tuning);
