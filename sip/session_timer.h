/** Session timers (RFC 4028): who refreshes, and when to give up. Pure; monotonic microseconds.
 * Thread: the owner's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SESSION_MIN_SE_S = 90, SESSION_MAX_SE_S = 86400 };

enum session_refresher { SESSION_NOBODY, SESSION_WE, SESSION_PEER };

struct session_timer { /* zero: no timer */
    uint32_t interval_s;
    enum session_refresher refresher;
    uint64_t refresh_us; /* SESSION_WE: send a refresh */
    uint64_t expire_us;  /* end the call */
};

/** The session was set up or refreshed now. @p interval_s 0 switches the timer off. */
void session_timer_set(struct session_timer *t, uint32_t interval_s,
                       enum session_refresher refresher, uint64_t now_us);
/** A refresh of ours did not work out: once more, well before the end. */
void session_timer_retry(struct session_timer *t, uint64_t now_us);
bool session_timer_refresh_due(const struct session_timer *t, uint64_t now_us);
bool session_timer_expired(const struct session_timer *t, uint64_t now_us);
