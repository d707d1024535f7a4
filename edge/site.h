/** What one web listener serves: static files, dynamic routes, the WebSocket path, and who may ask
 * (origins). Made once from the owner's configuration and never changed. Thread: any. */
#pragma once

#include "base/span.h"
#include "edge/edge.h"
#include "edge/http.h"

#include <stdbool.h>

struct site_file {
    char *path, *content_type;
    char *etag; /* strong, with its quotes */
    void *data;
    size_t size;
};

enum site_match { SITE_NOTHING, SITE_FILE, SITE_ROUTE, SITE_SOCKET };

struct site_hit {
    enum site_match match;
    const struct site_file *file; /* SITE_FILE */
    unsigned methods;             /* bits of enum edge_method allowed there */
};

struct site;
struct site *site_new(const struct edge_web_config *c);
/** SIP over WebSocket (RFC 7118) at every path. Pages come from another port than this, so their
 * own host is compared without one. @p origins as in edge_web_config. */
struct site *site_new_sip(const char *const *origins);
void site_free(struct site *s);

void site_find(const struct site *s, const char *path, struct site_hit *out);
/** "GET, HEAD" */
void site_allow(unsigned methods, char *buf, size_t size);
/** Whether an Origin header is one of the configured ones. */
bool site_origin_listed(const struct site *s, struct span origin);
/** ... or names the host the request was sent to (RFC 6454). */
bool site_origin_ok(const struct site *s, struct span origin, struct span host);
/** The first of our subprotocols among those offered in @p offered, or NULL. */
const char *site_protocol(const struct site *s, const struct h1_request *r);
/** Whether If-None-Match holds for @p etag (RFC 9110 13.1.2). */
bool site_etag_matches(const struct h1_request *r, const char *etag);
