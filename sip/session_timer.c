#include "sip/session_timer.h"

#include "base/clock.h"

void session_timer_set(struct session_timer *t, uint32_t interval_s,
                       enum session_refresher refresher, uint64_t now_us)
{
    uint32_t spare_s = interval_s / 3 < 32 ? interval_s / 3 : 32; /* RFC 4028 10 */

    *t = (struct session_timer){0};
    if (!interval_s || refresher == SESSION_NOBODY)
        return;
    t->interval_s = interval_s;
    t->refresher = refresher;
    t->refresh_us = now_us + interval_s * US_PER_S / 2;
    t->expire_us = now_us + (interval_s - spare_s) * US_PER_S;
}

void session_timer_retry(struct session_timer *t, uint64_t now_us)
{
    if (t->refresher == SESSION_WE)
        t->refresh_us = now_us + (t->expire_us > now_us ? (t->expire_us - now_us) / 2 : 0);
}

bool session_timer_refresh_due(const struct session_timer *t, uint64_t now_us)
{
    return t->refresher == SESSION_WE && now_us >= t->refresh_us;
}

bool session_timer_expired(const struct session_timer *t, uint64_t now_us)
{
    return t->refresher != SESSION_NOBODY && now_us >= t->expire_us;
}
