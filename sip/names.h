/** Sofia must never look a name up: its resolver calls block the SIP thread, and a single datagram
 * with a host name in its Via (RFC 4475 badvers, scalar02: answers to messages it cannot parse) is
 * enough to make it try. Names are resolved by c-ares, elsewhere; sofia gets numeric addresses.
 * Thread: SIP thread, before the agent is made. */
#pragma once

#include <stdbool.h>

/** True when look-ups of sofia end at once. False: another library stands before us in the link; do
 * not start. */
bool names_are_numeric_only(void);
