/** The sockets sofia listens on: each configured UDP address, and one loopback TCP port for the
 * edge. Thread: SIP. */
#pragma once

#include "sip/stack.h"

/** False: one could not be bound, which has been logged. */
bool sockets_open(struct stack *s);
/** One of our own addresses, of any kind of listener. */
bool sockets_are_at(const struct stack *s, const struct net_addr *ip);
