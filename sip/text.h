/** The body of a MESSAGE (RFC 3428 4): plain text. Pure, any thread. */
#pragma once

#include "base/span.h"

#include <stdbool.h>

#define TEXT_TYPE "text/plain"

/** 0: *@p out is the text (g_free); else the status to refuse with: 400 (there is none), 413, 415.
 * @p type and @p params are those of Content-Type, NULL where there are none; @p encoded: it bears
 * a Content-Encoding. */
int text_read(const char *type, const char *const *params, bool encoded, struct span body,
              char **out);
