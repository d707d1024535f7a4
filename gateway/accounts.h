/** All accounts: those of the config file and those in the store. Thread: call thread. */
#pragma once

#include "gateway/account.h"
#include "gateway/config.h"
#include "gateway/store.h"

struct accounts;

struct accounts *accounts_new(const struct config *config, struct store *store);
void accounts_free(struct accounts *a);
/** NULL when there is none; borrowed until the next accounts_put() or accounts_remove(). */
const struct account *accounts_find(const struct accounts *a, const char *address);
/** Add or replace, and remember in the store. GW_EFORBIDDEN: the config file owns this address. */
enum gw_err accounts_put(struct accounts *a, const struct account *account);
enum gw_err accounts_remove(struct accounts *a, const char *address);
void accounts_each(const struct accounts *a, void (*fn)(const struct account *account, void *arg),
                   void *arg);
/** One watcher, told of every later change. */
void accounts_watch(struct accounts *a,
                    void (*fn)(const struct account *account, bool gone, void *arg), void *arg);
