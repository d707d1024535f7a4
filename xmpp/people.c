/* Who a bare JID is: an account (by its jid, or because it registered itself), somebody the
 * configuration allows, or a stranger. And how often it may try. */
#include "base/bucket.h"
#include "base/log.h"
#include "gateway/store.h"
#include "xmpp/component.h"

#define CALL_FORGIVE_US (2 * US_PER_S)
#define TRY_FORGIVE_US (20 * US_PER_S)
enum { CALLS_MAX = 10, TRIES_MAX = 5, RATES_MAX = 4096 };

struct rates {
    uint64_t calls, tries;
};

struct people {
    struct component *x;
    GHashTable *account;    /* bare JID -> address, owned: the accounts' own jids */
    GHashTable *registered; /* bare JID -> address, owned */
    GHashTable *jids;       /* address -> GPtrArray of bare JIDs, owned: both the other way round */
    GHashTable *rates;      /* bare JID -> struct rates, owned */
};

static void array_free(gpointer data)
{
    g_ptr_array_unref(data);
}

/* ---- address -> JIDs ---- */

static void jid_link(struct people *p, const char *address, const char *bare)
{
    GPtrArray *list = g_hash_table_lookup(p->jids, address);

    if (!list) {
        list = g_ptr_array_new_with_free_func(g_free);
        (void)g_hash_table_insert(p->jids, g_strdup(address), list);
    }
    for (guint i = 0; i < list->len; i++)
        if (g_str_equal(list->pdata[i], bare))
            return;
    g_ptr_array_add(list, g_strdup(bare));
}

static void jid_unlink(struct people *p, const char *address, const char *bare)
{
    GPtrArray *list = g_hash_table_lookup(p->jids, address);

    for (guint i = 0; list && i < list->len; i++)
        if (g_str_equal(list->pdata[i], bare)) {
            (void)g_ptr_array_remove_index(list, i);
            break;
        }
    if (list && list->len == 0)
        (void)g_hash_table_remove(p->jids, address);
}

/* Takes @p bare out of @p table, and out of the way back unless the other table says the same. */
static void forget(struct people *p, GHashTable *table, const char *bare)
{
    const char *address = g_hash_table_lookup(table, bare);
    GHashTable *other = table == p->account ? p->registered : p->account;
    const char *still = g_hash_table_lookup(other, bare);

    if (!address)
        return;
    if (!still || !g_str_equal(still, address))
        jid_unlink(p, address, bare);
    (void)g_hash_table_remove(table, bare);
}

static void learn(struct people *p, GHashTable *table, const char *bare, const char *address)
{
    forget(p, table, bare);
    (void)g_hash_table_replace(table, g_strdup(bare), g_strdup(address));
    jid_link(p, address, bare);
}

/* ---- the door ---- */

static void on_row(const char *key, const char *value, void *arg)
{
    struct people *p = arg;

    learn(p, p->registered, key, value);
}

struct people *people_new(struct component *x)
{
    struct people *p = g_new0(struct people, 1);

    p->x = x;
    p->account = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    p->registered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    p->jids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, array_free);
    p->rates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    gateway_store_each(x->gw, STORE_JIDS, on_row, p);
    return p;
}

void people_free(struct people *p)
{
    if (!p)
        return;
    g_hash_table_destroy(p->account);
    g_hash_table_destroy(p->registered);
    g_hash_table_destroy(p->jids);
    g_hash_table_destroy(p->rates);
    g_free(p);
}

static gboolean is_idle(gpointer key, gpointer value, gpointer now)
{
    const struct rates *r = value;

    (void)key;
    return r->calls <= *(uint64_t *)now && r->tries <= *(uint64_t *)now;
}

/* Full, those who have been quiet are forgotten; when nobody has, newcomers wait. */
static struct rates *rates_of(struct people *p, const char *bare, uint64_t now)
{
    struct rates *r = g_hash_table_lookup(p->rates, bare);

    if (r)
        return r;
    if (g_hash_table_size(p->rates) >= RATES_MAX)
        (void)g_hash_table_foreach_remove(p->rates, is_idle, &now);
    if (g_hash_table_size(p->rates) >= RATES_MAX)
        return NULL;
    r = g_new0(struct rates, 1);
    (void)g_hash_table_insert(p->rates, g_strdup(bare), r);
    return r;
}

bool people_may_call(struct people *p, const char *bare)
{
    uint64_t now = clock_now_us();
    struct rates *r = rates_of(p, bare, now);

    return r && bucket_add(&r->calls, now, CALL_FORGIVE_US, CALLS_MAX);
}

bool people_may_try(struct people *p, const char *bare)
{
    uint64_t now = clock_now_us();
    struct rates *r = rates_of(p, bare, now);

    return r && bucket_add(&r->tries, now, TRY_FORGIVE_US, TRIES_MAX);
}

const char *people_caller(const struct people *p, const char *bare)
{
    const char *address = g_hash_table_lookup(p->account, bare);

    if (!address)
        address = g_hash_table_lookup(p->registered, bare);
    if (address && gateway_account(p->x->gw, address))
        return address;
    return config_allows_jid(p->x->config, bare) ? bare : NULL;
}

unsigned people_of(const struct people *p, const char *address, const char **out, unsigned max)
{
    const GPtrArray *list =
        gateway_account(p->x->gw, address) ? g_hash_table_lookup(p->jids, address) : NULL;
    unsigned n = 0;

    for (guint i = 0; list && i < list->len && n < max; i++)
        out[n++] = list->pdata[i];
    if (n == 0 && max && config_allows_jid(p->x->config, address))
        out[n++] = address; /* borrowed from the caller */
    return n;
}

/* Whoever has the address next is not rung with, nor spoken for by, those of its last owner. */
static void forget_registered(struct people *p, const char *address)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter it;
    gpointer bare;
    gpointer of;

    g_hash_table_iter_init(&it, p->registered);
    while (g_hash_table_iter_next(&it, &bare, &of))
        if (g_str_equal(of, address))
            g_ptr_array_add(list, g_strdup(bare));
    for (guint i = 0; i < list->len; i++)
        people_register(p, list->pdata[i], NULL);
}

void people_account(struct people *p, const struct account *a, bool gone)
{
    GHashTableIter it;
    gpointer bare;
    gpointer address;
    g_autofree char *old = NULL;

    g_hash_table_iter_init(&it, p->account);
    while (!old && g_hash_table_iter_next(&it, &bare, &address))
        if (g_str_equal(address, a->address))
            old = g_strdup(bare);
    if (old)
        forget(p, p->account, old);
    if (!gone && a->jid[0])
        learn(p, p->account, a->jid, a->address);
    if (gone)
        forget_registered(p, a->address);
}

void people_register(struct people *p, const char *bare, const char *address)
{
    if (address)
        learn(p, p->registered, bare, address);
    else
        forget(p, p->registered, bare);
    gateway_store_put(p->x->gw, STORE_JIDS, bare, address);
    LOG_I(XMPP_MOD, "%s %s%s", bare, address ? "has registered as " : "is no account any more",
          address ? address : "");
}

const char *people_registered(const struct people *p, const char *bare)
{
    return g_hash_table_lookup(p->registered, bare);
}
