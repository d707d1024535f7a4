/** The local socket of `tandem status` and its like: one JSON object a line in each direction, on a
 * Unix socket of mode 0600 in a folder of mode 0700.
 *
 *  {"do":"status"}  ->  {"ok":true, ...}   or   {"ok":false,"error":"A sentence."}
 *
 *  Thread: call thread, all of it; nothing blocks. Owner: main.c. */
#pragma once

#include "gateway/gateway.h"

#include <stdbool.h>

enum { CONTROL_LINE_MAX = 65536, CONTROL_CLIENTS_MAX = 16 };

struct control_config { /* all borrowed */
    const struct config *config;
    struct accounts *accounts;
    struct gateway *gateway;
    /** What SIGHUP does: a sentence about what came of it (g_free), *@p ok false when it failed. */
    char *(*reload)(bool *ok, void *arg);
    void *arg;
};

struct control;

/** NULL on failure, which has been logged. A socket file left by a dead process is replaced: the
 * caller must know that no other one lives in this state folder. */
struct control *control_start(const struct control_config *c);
/** Connections are closed and the socket file is removed. Takes NULL. */
void control_stop(struct control *c);
/** `status` says so from now on. */
void control_set_draining(struct control *c);

/** The answer to one request line, as one line with its newline (g_free). */
char *control_answer(const struct control_config *c, bool draining, const char *line, size_t n);
