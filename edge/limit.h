/** How much one address may take of the edge: connections held and connections a second, per IPv4
 * address or IPv6 /64. Pure apart from its table; time is handed in. Thread: the edge's. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct limit_config {
    unsigned total;         /* all connections together */
    unsigned per_address;   /* held at once; 0: no limit */
    unsigned per_address_s; /* new ones a second, burst twice that; 0: no limit */
};

enum limit_verdict { LIMIT_OK, LIMIT_TOTAL, LIMIT_ADDRESS, LIMIT_RATE };

struct limit;
struct limit *limit_new(const struct limit_config *c);
void limit_free(struct limit *l);
/** Count one more connection of @p peer, or say why not. @p exempt: only the total counts. The last
 * quarter of the total is kept for addresses that already hold a connection and for exempt ones. */
enum limit_verdict limit_take(struct limit *l, const struct net_addr *peer, bool exempt,
                              uint64_t now_us);
/** Give back what a LIMIT_OK took, with the same arguments. */
void limit_give(struct limit *l, const struct net_addr *peer, bool exempt);
/** @p peer misbehaved: its next connections wait until its rate has recovered. */
void limit_punish(struct limit *l, const struct net_addr *peer);
/** For the log: what the verdict means. */
const char *limit_text(enum limit_verdict v);
unsigned limit_count(const struct limit *l);
/** Forget addresses that hold nothing and whose rate has recovered. About once a second. */
void limit_sweep(struct limit *l, uint64_t now_us);
/** Addresses remembered now. */
unsigned limit_addresses(const struct limit *l);
