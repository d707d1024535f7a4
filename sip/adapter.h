/** SIP side (RFC 3261): registrar, phones over UDP, TCP and TLS. The stack runs on a thread of its
 * own; legs live on the call thread. */
#pragma once

#include "gateway/adapter.h"

struct edge;
/** Call thread. Starts the SIP thread, restores bindings, opens the listeners in the config. NULL
 * on failure, which has been logged. */
struct adapter *sip_adapter_start(struct gateway *gw, struct edge *edge);
