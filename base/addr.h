/** An IPv4 or IPv6 transport address. IPv4-mapped IPv6 is always normalised to IPv4. Any thread;
 * pure. */
#pragma once

#include "base/span.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { NET_ADDR_TEXT = 64 }; /* "[" INET6_ADDRSTRLEN "]:65535" with NUL */

struct net_addr {
    uint16_t port;  /* host order */
    uint8_t is_v6;  /* 0: ip[0..3], 1: ip[0..15] */
    uint8_t set;    /* 0: no address */
    uint8_t ip[16]; /* network order, unused bytes zero */
};

/** "192.0.2.1", "2001:db8::1" or "[2001:db8::1]", numeric only, no port. */
bool net_addr_parse_ip(struct span text, struct net_addr *out);
/** "192.0.2.1:5060" or "[2001:db8::1]:5060". */
bool net_addr_parse(struct span text, struct net_addr *out);
/** The IP alone, without brackets. */
const char *net_addr_ip(const struct net_addr *a, char buf[NET_ADDR_TEXT]);
/** "ip:port", "[v6]:port". */
const char *net_addr_text(const struct net_addr *a, char buf[NET_ADDR_TEXT]);
bool net_addr_equal(const struct net_addr *a, const struct net_addr *b);
bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b);
/** RFC 1918, link-local, loopback, unique-local, shared (100.64/10): not reachable from the
 * Internet. */
bool net_addr_is_private(const struct net_addr *a);
bool net_addr_is_loopback(const struct net_addr *a);
/** 0.0.0.0 or ::, with any port. */
bool net_addr_is_any(const struct net_addr *a);
uint64_t net_addr_hash(const struct net_addr *a);
/** False for families other than IPv4 and IPv6. */
bool net_addr_from_sockaddr(const struct sockaddr *sa, struct net_addr *out);
/** Length of what was written. */
socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out);
