/** HTTP/1.1 requests (RFC 9112), strict: what two parsers could read differently is refused. Pure
 * and incremental: fed byte by byte or at once, the result is the same, and no byte is looked at
 * from the start again. Thread: any. */
#pragma once

#include "base/span.h"
#include "edge/edge.h"

#include <glib.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H1_HEAD_MAX = 16384,
    H1_FIELDS_MAX = 100,
    H1_BODY_MAX = 65536,
    H1_CHUNK_LINE_MAX = 256,
    H1_TRAILER_MAX = 4096
};

struct h1_field {
    struct span name, value; /* into the head */
};

/** Valid from H1_HEAD until h1_reset(). */
struct h1_request {
    unsigned method; /* bit of enum edge_method; 0: another one */
    unsigned minor;  /* HTTP/1.x */
    char *path;      /* decoded once, valid UTF-8, begins with "/" ("*" for OPTIONS *) */
    char *query;     /* raw, without "?"; "" when absent */
    struct span host;
    bool keep_alive, chunked, expects_continue;
    uint64_t length; /* of the body, when not chunked */
    unsigned nfields;
    struct h1_field field[H1_FIELDS_MAX];
};

enum h1_state {          /* what h1_feed() arrived at */
                H1_MORE, /* all taken; feed more */
                H1_HEAD, /* the head is complete: look at it, then feed on for the body */
                H1_DONE, /* the body is complete too: h1_reset() before the next request */
                H1_BAD   /* answer h1_status() and close */
};

struct h1_parser;
struct h1_parser *h1_new(void);
void h1_free(struct h1_parser *h);
/** Takes up to the next state; *@p used says how many bytes. After H1_DONE and H1_BAD it takes
 * none.
 */
enum h1_state h1_feed(struct h1_parser *h, const char *p, size_t n, size_t *used);
/** Whether a byte of the request has come. */
bool h1_begun(const struct h1_parser *h);
bool h1_in_body(const struct h1_parser *h);
const struct h1_request *h1_request(const struct h1_parser *h);
struct span h1_body(const struct h1_parser *h);
/** The body as the caller's own NUL-terminated string. */
char *h1_take_body(struct h1_parser *h, size_t *n);
/** After H1_BAD: the status to answer, and why, for people. */
unsigned h1_status(const struct h1_parser *h);
const char *h1_why(const struct h1_parser *h);
void h1_reset(struct h1_parser *h);

/** First field of that name; empty and NULL when absent. */
struct span h1_field(const struct h1_request *r, const char *name);
unsigned h1_field_count(const struct h1_request *r, const char *name);
/** Whether a comma-separated list field holds @p token, without regard to case. */
bool h1_field_has(const struct h1_request *r, const char *name, const char *token);
/** Cut the next element of a comma-separated list. False at its end. */
bool h1_list_next(struct span *list, struct span *element);
bool h1_is_token(struct span s);
