/** What systemd is told (sd_notify(3), by hand: one datagram), for Type=notify. Without
 * NOTIFY_SOCKET in the environment everything here does nothing. Thread: call thread. */
#pragma once

#include <stdint.h>

/** "READY=1", "STOPPING=1", "RELOADING=1", "STATUS=..." */
void notify_send(const char *state);
/** How often the watchdog wants to hear from us; 0: not at all. Half of WATCHDOG_USEC. */
uint64_t notify_watchdog_us(void);
