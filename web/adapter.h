/** Browser side: HTTP, JSON over WebSocket (tandem.v1, docs/web-api.md), static pages. */
#pragma once

#include "gateway/adapter.h"

struct edge;
/** Call thread. Opens the listeners in the config. NULL on failure, which has been logged. */
struct adapter *web_adapter_start(struct gateway *gw, struct edge *edge);
