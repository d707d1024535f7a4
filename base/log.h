/** key=value log lines on stderr, one write() a line, each bearing the call its thread is working
 * for. Any thread. Never called per packet above debug; never given keys, tokens, passwords or ICE
 * passwords. 12:03:55.120 W call=7f3a mod=media dtls: certificate is not the one in SDP
 * err=GW_EPEER at=media/dtls.c:212 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR, /* the operator must act */
    LOG_LEVEL_WARN,  /* a peer misbehaved */
    LOG_LEVEL_INFO,  /* milestones of calls and of the service */
    LOG_LEVEL_DEBUG  /* messages */
};

/** Process-wide; set before threads start. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);
void log_write(enum log_level level, const char *mod, const char *fmt, ...) ATTR_PRINTF(3, 4);
enum gw_err log_fail(enum gw_err err, const char *mod, const char *file, int line, const char *fmt,
                     ...) ATTR_PRINTF(5, 6);

/** Lines that strangers can cause: so many a period, the rest are counted and told once. Zero it
 * before first use. Thread: the owner's. */
struct log_quota {
    uint64_t period; /* the running one, since the epoch of the clock */
    unsigned lines, hidden;
};
/** Whether a line about @p about ("refused connections") may be logged now. */
bool log_quota_pass(struct log_quota *q, uint64_t now_us, const char *mod, const char *about);

#define LOG(level, mod, ...)                                                                       \
    do {                                                                                           \
        if (log_wants(level))                                                                      \
            log_write(level, mod, __VA_ARGS__);                                                    \
    } while (0)
#define LOG_E(mod, ...) LOG(LOG_LEVEL_ERROR, mod, __VA_ARGS__)
#define LOG_W(mod, ...) LOG(LOG_LEVEL_WARN, mod, __VA_ARGS__)
#define LOG_I(mod, ...) LOG(LOG_LEVEL_INFO, mod, __VA_ARGS__)
#define LOG_D(mod, ...) LOG(LOG_LEVEL_DEBUG, mod, __VA_ARGS__)

/** Log once as a warning, with file:line, code name and the thread's call id, and hand @p err back.
 */
#define fail(err, mod, ...) log_fail(err, mod, __FILE__, __LINE__, __VA_ARGS__)

/** The call every line of this scope belongs to; undone when the scope ends. Set at doors only. */
struct log_scope {
    uint64_t outer;
};
struct log_scope log_scope_enter(uint64_t call_id);
void log_scope_leave(struct log_scope *scope);
#define LOG_CALL(id)                                                                               \
    ATTR_UNUSED ATTR_CLEANUP(log_scope_leave)                                                      \
    struct log_scope log_scope_here = log_scope_enter(id)
