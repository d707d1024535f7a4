/** What the listeners serve beside the WebSocket: the static pages, read once at start, and the few
 * dynamic paths. Private to web/. Thread: call thread. */
#pragma once

#include "edge/edge.h"

struct pages;
/** Every plain file of known type directly in @p folder (index.html also as "/"). Hidden files,
 * folders, and what is larger than WEB_FILE_MAX are left out. Never NULL; empty when the folder
 * cannot be read (logged). */
struct pages *pages_read(const char *folder);
void pages_free(struct pages *p); /* takes NULL */
/** Borrowed. */
const struct edge_file *pages_files(const struct pages *p, unsigned *n);

/** For edge_web_config. */
extern const struct edge_route web_routes[];
extern const unsigned web_nroutes;

struct routes_env {
    struct edge *edge;
    const char *domain;
    bool draining;
};
/** Answers an EDGE_HTTP_REQUEST exactly once. */
void routes_answer(const struct routes_env *env, const struct edge_event *request);
