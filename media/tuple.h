/** (local socket, remote address) -> port, for everything but STUN from peers that do ICE. Open
 * addressing, at most half full; the local socket is part of the key, since one peer may talk to
 * two of our addresses from one port.
 *
 *  Thread: the worker's. Only validated pairs are ever put in, so a stranger cannot fill it. */
#pragma once

#include "base/addr.h"

struct port;
struct tuple_table;

struct tuple_table *tuple_table_new(void);
void tuple_table_free(struct tuple_table *t);
/** The newest owner wins: a peer with a narrow port range reuses tuples. */
void tuple_put(struct tuple_table *t, uint32_t sock, const struct net_addr *remote, struct port *p);
struct port *tuple_get(const struct tuple_table *t, uint32_t sock, const struct net_addr *remote);
/** Only if it is still @p p's. */
void tuple_drop(struct tuple_table *t, uint32_t sock, const struct net_addr *remote,
                const struct port *p);
unsigned tuple_count(const struct tuple_table *t);
