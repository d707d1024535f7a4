/** XMPP side: a component (XEP-0114) beside an ordinary server, through which people with Jingle
 * clients call and are called (XEP-0166, 0353). Only gateway/main.c includes this. */
#pragma once

#include "gateway/adapter.h"

/** Call thread. Begins to connect to the server in the config, which need not be there yet. Only
 * where the config has a component. NULL on failure, which has been logged. */
struct adapter *xmpp_adapter_start(struct gateway *gw);
