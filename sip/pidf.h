/** Presence as SIP sends it (RFC 3863, with activities of RFC 4480 and 4479). Pure, any thread. */
#pragma once

#include "gateway/show.h"

#define PIDF_TYPE "application/pidf+xml"

/** The document for @p uri ("sip:bob@example.org"); g_free. */
char *pidf_write(const char *uri, const struct presence *p);
