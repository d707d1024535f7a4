#include "media/tuple.h"

#include "base/ids.h"

#include <glib.h>

enum { TUPLE_SIZE_MIN = 64 };

struct cell {
    struct net_addr remote;
    uint32_t sock;
    struct port *port; /* NULL: free */
};

struct tuple_table {
    unsigned mask, count;
    uint64_t seed; /* peers choose their ports: they shall not choose their cells */
    struct cell *cell;
};

struct tuple_table *tuple_table_new(void)
{
    struct tuple_table *t = g_new0(struct tuple_table, 1);

    t->mask = TUPLE_SIZE_MIN - 1;
    t->cell = g_new0(struct cell, TUPLE_SIZE_MIN);
    t->seed = random_u64();
    return t;
}

void tuple_table_free(struct tuple_table *t)
{
    if (!t)
        return;
    g_free(t->cell);
    g_free(t);
}

static unsigned cell_home(const struct tuple_table *t, uint32_t sock, const struct net_addr *remote)
{
    uint64_t h = (net_addr_hash(remote) ^ t->seed ^ sock) * UINT64_C(0x9e3779b97f4a7c15);

    return (unsigned)(h >> 32) & t->mask;
}

static unsigned cell_find(const struct tuple_table *t, uint32_t sock, const struct net_addr *remote)
{
    unsigned i = cell_home(t, sock, remote);

    while (t->cell[i].port &&
           !(t->cell[i].sock == sock && net_addr_equal(&t->cell[i].remote, remote)))
        i = (i + 1) & t->mask;
    return i;
}

static void table_grow(struct tuple_table *t)
{
    struct cell *old = t->cell;
    unsigned n = t->mask + 1;

    t->mask = 2 * n - 1;
    t->cell = g_new0(struct cell, 2 * (size_t)n);
    for (unsigned i = 0; i < n; i++)
        if (old[i].port)
            t->cell[cell_find(t, old[i].sock, &old[i].remote)] = old[i];
    g_free(old);
}

void tuple_put(struct tuple_table *t, uint32_t sock, const struct net_addr *remote, struct port *p)
{
    unsigned i = cell_find(t, sock, remote);

    if (!t->cell[i].port && 2 * ++t->count > t->mask) {
        table_grow(t);
        i = cell_find(t, sock, remote);
    }
    t->cell[i] = (struct cell){*remote, sock, p};
}

struct port *tuple_get(const struct tuple_table *t, uint32_t sock, const struct net_addr *remote)
{
    return t->cell[cell_find(t, sock, remote)].port;
}

void tuple_drop(struct tuple_table *t, uint32_t sock, const struct net_addr *remote,
                const struct port *p)
{
    unsigned i = cell_find(t, sock, remote);
    unsigned j = i;

    if (!t->cell[i].port || t->cell[i].port != p)
        return;
    t->count--;
    for (;;) { /* move back what was displaced by it, so that no tombstones are needed */
        unsigned home;
        t->cell[i].port = NULL;
        do {
            j = (j + 1) & t->mask;
            if (!t->cell[j].port)
                return;
            home = cell_home(t, t->cell[j].sock, &t->cell[j].remote);
        } while (((j - home) & t->mask) < ((j - i) & t->mask));
        t->cell[i] = t->cell[j];
        i = j;
    }
}

unsigned tuple_count(const struct tuple_table *t)
{
    return t->count;
}
