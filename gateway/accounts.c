#include "gateway/accounts.h"

#include "base/log.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

struct accounts {
    const char *domain;  /* borrowed */
    struct store *store; /* borrowed */
    GHashTable *table;   /* address -> struct account, owned */
    void (*watcher)(const struct account *account, bool gone, void *arg);
    void *watcher_arg;
};

static void accounts_insert(struct accounts *a, const struct account *account)
{
    struct account *copy = g_new(struct account, 1);

    *copy = *account;
    (void)g_hash_table_replace(a->table, copy->address, copy);
}

static void accounts_restore(const char *key, const char *value, void *arg)
{
    struct accounts *a = arg;
    const struct account *there = accounts_find(a, key);
    struct account account;

    if (!account_from_json(key, value, &account))
        LOG_W("accounts", "the stored account %s is malformed and left out", key);
    else if (!g_str_equal(strchr(account.address, '@') + 1, a->domain))
        LOG_W("accounts", "%s belongs to another domain and is left out", key);
    else if (there)
        LOG_W("accounts", "%s is in the configuration file too, which wins", key);
    else
        accounts_insert(a, &account);
}

struct accounts *accounts_new(const struct config *config, struct store *store)
{
    struct accounts *a = g_new0(struct accounts, 1);

    a->domain = config->domain;
    a->store = store;
    a->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    for (unsigned i = 0; i < config->naccounts; i++)
        accounts_insert(a, &config->account[i]);
    store_each(store, STORE_ACCOUNTS, accounts_restore, a);
    return a;
}

void accounts_free(struct accounts *a)
{
    if (!a)
        return;
    g_hash_table_destroy(a->table);
    g_free(a);
}

const struct account *accounts_find(const struct accounts *a, const char *address)
{
    return g_hash_table_lookup(a->table, address);
}

enum gw_err accounts_put(struct accounts *a, const struct account *account)
{
    const struct account *there = accounts_find(a, account->address);
    struct account copy = *account; /* may be the very one that is replaced */
    char *row;

    if (there && there->from_config)
        return GW_EFORBIDDEN;
    row = account_to_json(&copy);
    if (!row)
        return GW_EINVAL;
    copy.from_config = false;
    accounts_insert(a, &copy);
    store_put(a->store, STORE_ACCOUNTS, copy.address, row);
    free(row); /* jansson's */
    if (a->watcher)
        a->watcher(&copy, false, a->watcher_arg);
    return GW_OK;
}

enum gw_err accounts_remove(struct accounts *a, const char *address)
{
    const struct account *there = accounts_find(a, address);
    struct account copy;

    if (!there)
        return GW_ENOTFOUND;
    if (there->from_config)
        return GW_EFORBIDDEN;
    copy = *there;
    (void)g_hash_table_remove(a->table, copy.address);
    store_put(a->store, STORE_ACCOUNTS, copy.address, NULL);
    if (a->watcher)
        a->watcher(&copy, true, a->watcher_arg);
    return GW_OK;
}

void accounts_each(const struct accounts *a, void (*fn)(const struct account *account, void *arg),
                   void *arg)
{
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(a->table), (GCompareFunc)strcmp);

    for (GList *k = keys; k; k = k->next)
        fn(g_hash_table_lookup(a->table, k->data), arg);
}

void accounts_watch(struct accounts *a,
                    void (*fn)(const struct account *account, bool gone, void *arg), void *arg)
{
    a->watcher = fn;
    a->watcher_arg = arg;
}
