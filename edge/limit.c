#include "edge/limit.h"

#include "base/clock.h"

#include <glib.h>

enum { LIMIT_ADDRESSES_PER_CONNECTION = 8, LIMIT_ADDRESSES_MIN = 1024 };

struct limit_entry {
    struct net_addr key;
    unsigned held;
    uint64_t tokens_us; /* rate as time: one connection costs 1 s / rate */
    uint64_t seen_us;
};

struct limit {
    struct limit_config config;
    unsigned count;
    GHashTable *table; /* of struct limit_entry, keyed by itself */
};

static guint entry_hash(gconstpointer p)
{
    return (guint)net_addr_hash(p);
}

static gboolean entry_equal(gconstpointer a, gconstpointer b)
{
    return net_addr_equal(a, b);
}

struct limit *limit_new(const struct limit_config *c)
{
    struct limit *l = g_new0(struct limit, 1);

    l->config = *c;
    l->table = g_hash_table_new_full(entry_hash, entry_equal, NULL, g_free);
    return l;
}

void limit_free(struct limit *l)
{
    if (!l)
        return;
    g_hash_table_destroy(l->table);
    g_free(l);
}

/* One customer usually has a whole IPv6 /64: counting single addresses would limit nobody. */
static struct net_addr limit_key(const struct net_addr *peer)
{
    struct net_addr key = *peer;

    key.port = 0;
    if (key.is_v6)
        memset(key.ip + 8, 0, 8);
    return key;
}

static uint64_t rate_cost_us(const struct limit *l)
{
    return US_PER_S / l->config.per_address_s;
}

static void entry_refill(const struct limit *l, struct limit_entry *e, uint64_t now_us)
{
    uint64_t full = 2 * US_PER_S;

    if (l->config.per_address_s)
        e->tokens_us = MIN(full, e->tokens_us + (now_us - e->seen_us));
    e->seen_us = now_us;
}

static struct limit_entry *entry_get(struct limit *l, const struct net_addr *key, uint64_t now_us)
{
    struct limit_entry *e = g_hash_table_lookup(l->table, key);
    unsigned most = MAX(LIMIT_ADDRESSES_MIN, l->config.total * LIMIT_ADDRESSES_PER_CONNECTION);

    if (e)
        return e;
    if (g_hash_table_size(l->table) >= most)
        return NULL;
    e = g_new0(struct limit_entry, 1);
    e->key = *key;
    e->tokens_us = 2 * US_PER_S;
    e->seen_us = now_us;
    (void)g_hash_table_add(l->table, e);
    return e;
}

enum limit_verdict limit_take(struct limit *l, const struct net_addr *peer, bool exempt,
                              uint64_t now_us)
{
    struct net_addr key = limit_key(peer);
    struct limit_entry *e;

    if (l->count >= l->config.total)
        return LIMIT_TOTAL;
    if (exempt) {
        l->count++;
        return LIMIT_OK;
    }
    e = entry_get(l, &key, now_us);
    if (!e || (l->count >= l->config.total - l->config.total / 4 && e->held == 0))
        return LIMIT_TOTAL;
    if (l->config.per_address && e->held >= l->config.per_address)
        return LIMIT_ADDRESS;
    entry_refill(l, e, now_us);
    if (l->config.per_address_s) {
        if (e->tokens_us < rate_cost_us(l))
            return LIMIT_RATE;
        e->tokens_us -= rate_cost_us(l);
    }
    e->held++;
    l->count++;
    return LIMIT_OK;
}

void limit_give(struct limit *l, const struct net_addr *peer, bool exempt)
{
    struct net_addr key = limit_key(peer);
    struct limit_entry *e = exempt ? NULL : g_hash_table_lookup(l->table, &key);

    l->count--;
    if (e)
        e->held--;
}

void limit_punish(struct limit *l, const struct net_addr *peer)
{
    struct net_addr key = limit_key(peer);
    struct limit_entry *e = g_hash_table_lookup(l->table, &key);

    if (e)
        e->tokens_us = 0;
}

const char *limit_text(enum limit_verdict v)
{
    switch (v) {
    case LIMIT_OK: return "within the limits";
    case LIMIT_TOTAL: return "the edge holds as many connections as it may";
    case LIMIT_ADDRESS: return "this address holds as many connections as it may";
    case LIMIT_RATE: return "this address opens connections too fast";
    }
    return "";
}

unsigned limit_count(const struct limit *l)
{
    return l->count;
}

static gboolean entry_idle(gpointer key, gpointer value, gpointer now_us)
{
    const struct limit_entry *e = value;

    (void)key;
    return e->held == 0 && *(const uint64_t *)now_us - e->seen_us >= 2 * US_PER_S;
}

void limit_sweep(struct limit *l, uint64_t now_us)
{
    (void)g_hash_table_foreach_remove(l->table, entry_idle, &now_us);
}

unsigned limit_addresses(const struct limit *l)
{
    return g_hash_table_size(l->table);
}
