/** Presence as SIP sends it (RFC 3863, with activities of RFC 4480 and 4479). Pure, any thread. */
#pragma once

#include "base/span.h"
#include "gateway/show.h"

#define PIDF_TYPE "application/pidf+xml"

/** What a document says: open in any tuple, what keeps the person from answering, the first note.
 * False: it is none, or not well-formed. */
bool pidf_read(struct span xml, struct presence *out);
/** The document for @p uri ("sip:bob@example.org"); g_free. */
char *pidf_write(const char *uri, const struct presence *p);
