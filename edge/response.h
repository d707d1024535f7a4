/** Writing HTTP/1.1 responses. Pure. Thread: any. */
#pragma once

#include "base/span.h"

#include <glib.h>

#include <stdbool.h>
#include <stddef.h>

struct h1_response {
    unsigned status;
    const char *headers;      /* "Name: value\r\n" lines, or NULL */
    const char *content_type; /* NULL: none */
    size_t length;            /* of the body; not announced for 204 and 304 */
    bool keep_alive;
    bool say_keep_alive; /* to HTTP/1.0 clients, whose default is the other way */
};

/** Append the head, with Date, Content-Length and the security headers. */
void h1_write_head(GString *out, const struct h1_response *r);
const char *h1_reason(unsigned status);
/** Whole "Name: value\r\n" lines without control bytes: what may be written as it is. */
bool h1_headers_ok(const char *headers);
