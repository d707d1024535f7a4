/** Rows that survive a restart (SQLite in state_dir/tandem.db), written by a thread of their own so
 * that no fsync ever meets the call thread. Thread: store_put() any; the rest the call thread. */
#pragma once

#include "base/err.h"

struct store;

#define STORE_ACCOUNTS "accounts" /* key: address; value: JSON of struct account */
/* key: "WATCHER OURS", bare JIDs: who sees the presence of whom over XMPP */
#define STORE_SUBSCRIPTIONS "subscriptions"
/* key: bare JID; value: the account it has bound itself to */
#define STORE_JIDS "jids"
#define STORE_BINDINGS "bindings" /* key and value: the SIP registrar's own */

/** Creates the file (mode 0600) and tables where missing, starts the writer. NULL on failure, which
 * has been logged. */
struct store *store_open(const char *path);
/** Writes everything queued, then stops. */
void store_close(struct store *s);
/** Queue a row; a NULL @p value deletes it. Copies. Later puts of a key win. */
void store_put(struct store *s, const char *table, const char *key, const char *value);
/** Read the rows as they were on disk at store_open(); only before the first store_put(). */
void store_each(struct store *s, const char *table,
                void (*fn)(const char *key, const char *value, void *arg), void *arg);
