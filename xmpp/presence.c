/* Presence of those who can be called (RFC 6121 3, 4): who has subscribed is remembered, because
 * after a restart of ours nobody asks. Clients take it, with its caps, for a call button. */
#include "base/log.h"
#include "gateway/store.h"
#include "xmpp/component.h"
#include "xmpp/disco.h"

#include <string.h>

enum { WATCHERS_MAX = 200000, GREET_BATCH = 100 };
#define GREET_PAUSE_US (50 * US_PER_MS)

static char *watch_key(const struct stanza *st)
{
    return g_strconcat(st->from.bare, " ", st->to.bare, NULL);
}

static void send_plain(struct component *x, const char *type, const char *from, const char *to)
{
    stanza_send(x, stanza_begin("presence", type, from, to, NULL), "presence");
}

/* From the full JID: that is where calls go. The domain is a gateway, and has none. */
static void send_available(struct component *x, const char *ours, const char *to)
{
    bool node = strchr(ours, '@') != NULL;
    g_autofree char *full = node ? g_strconcat(ours, "/" XMPP_RESOURCE, NULL) : g_strdup(ours);
    GString *s = stanza_begin("presence", NULL, full, to, NULL);

    disco_caps(s, node ? DISCO_PHONE : DISCO_GATEWAY);
    stanza_send(x, s, "presence");
}

static void send_gone(struct component *x, const char *ours, const char *to)
{
    g_autofree char *full =
        strchr(ours, '@') ? g_strconcat(ours, "/" XMPP_RESOURCE, NULL) : g_strdup(ours);

    send_plain(x, "unavailable", full, to);
}

static void subscribe(struct component *x, const struct stanza *st)
{
    g_autofree char *key = watch_key(st);
    bool fresh = !g_hash_table_contains(x->watchers, key);

    if (!people_caller(x->people, st->from.bare) ||
        g_hash_table_size(x->watchers) >= WATCHERS_MAX) {
        send_plain(x, "unsubscribed", st->to.bare, st->from.bare);
        return;
    }
    if (fresh) {
        gateway_store_put(x->gw, STORE_SUBSCRIPTIONS, key, "");
        (void)g_hash_table_add(x->watchers, g_steal_pointer(&key));
    }
    send_plain(x, "subscribed", st->to.bare, st->from.bare);
    send_available(x, st->to.bare, st->from.bare);
    if (fresh && st->to.node) /* Monal rings for those alone who may see its user */
        send_plain(x, "subscribe", st->to.bare, st->from.bare);
}

static void unsubscribe(struct component *x, const struct stanza *st)
{
    g_autofree char *key = watch_key(st);

    if (g_hash_table_remove(x->watchers, key))
        gateway_store_put(x->gw, STORE_SUBSCRIPTIONS, key, NULL);
    send_gone(x, st->to.bare, st->from.bare);
    send_plain(x, "unsubscribed", st->to.bare, st->from.bare);
}

/* The server asks for its user who logs in: it would not unless there is a subscription. */
static void probe(struct component *x, const struct stanza *st)
{
    if (people_caller(x->people, st->from.bare))
        send_available(x, st->to.bare, st->from.full);
}

void presence_take(struct component *x, const struct stanza *st)
{
    if (!st->type)
        return; /* availability of a user, who has us in the roster */
    if (g_str_equal(st->type, "subscribe"))
        subscribe(x, st);
    else if (g_str_equal(st->type, "unsubscribe"))
        unsubscribe(x, st);
    else if (g_str_equal(st->type, "probe"))
        probe(x, st);
}

/* ---- to everybody ---- */

static void greet_one(struct component *x, const char *key, bool here)
{
    const char *blank = strchr(key, ' ');
    g_autofree char *watcher = g_strndup(key, (gsize)(blank - key));

    if (here)
        send_available(x, blank + 1, watcher);
    else
        send_gone(x, blank + 1, watcher);
}

static void greet_some(void *arg)
{
    struct component *x = arg;

    for (unsigned i = 0; i < GREET_BATCH && x->ungreeted && x->ungreeted->len; i++) {
        char *key = g_ptr_array_steal_index_fast(x->ungreeted, x->ungreeted->len - 1);

        if (g_hash_table_contains(x->watchers, key))
            greet_one(x, key, true);
        g_free(key);
    }
    if (x->ungreeted->len && conn_is_up(x->conn))
        timer_start(&x->greet, GREET_PAUSE_US, greet_some, x);
}

void presence_greet(struct component *x)
{
    GHashTableIter it;
    gpointer key;

    timer_stop(&x->greet);
    g_ptr_array_set_size(x->ungreeted, 0);
    g_hash_table_iter_init(&it, x->watchers);
    while (g_hash_table_iter_next(&it, &key, NULL))
        g_ptr_array_add(x->ungreeted, g_strdup(key));
    greet_some(x);
}

void presence_leave(struct component *x)
{
    GHashTableIter it;
    gpointer key;

    timer_stop(&x->greet);
    g_hash_table_iter_init(&it, x->watchers);
    while (g_hash_table_iter_next(&it, &key, NULL))
        greet_one(x, key, false);
}

static void on_row(const char *key, const char *value, void *arg)
{
    struct component *x = arg;

    (void)value;
    if (strchr(key, ' '))
        (void)g_hash_table_add(x->watchers, g_strdup(key));
}

void presence_load(struct component *x)
{
    gateway_store_each(x->gw, STORE_SUBSCRIPTIONS, on_row, x);
    LOG_D(XMPP_MOD, "%u subscriptions remembered", g_hash_table_size(x->watchers));
}
