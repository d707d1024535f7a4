/* Presence of those who can be called (RFC 6121 3, 4; RFC 8048). Who has subscribed is remembered,
 * because after a restart of ours nobody asks. What clients see comes with our caps: some show a
 * call button only then. What users say about themselves goes to those of ours who watch them. */
#include "gateway/presence.h"

#include "base/log.h"
#include "gateway/store.h"
#include "xmpp/component.h"
#include "xmpp/disco.h"
#include "xmpp/leg.h"
#include "xmpp/xml.h"

#include <string.h>

enum { WATCHERS_MAX = 200000, GREET_BATCH = 100, HEARD_MAX = 100000 };
#define GREET_PAUSE_US (50 * US_PER_MS)

struct watcher { /* an XMPP user who sees one of ours */
    char *key;   /* "USER OURS", bare JIDs; owned */
    uint64_t ref;
    bool live;           /* the gateway tells us about ours; else it is always there: a number */
    bool told;           /* the gateway has said something */
    struct presence now; /* what it has said last */
};

struct presence_xmpp {
    struct component *x;
    GHashTable *watchers; /* key -> struct watcher, owned */
    GHashTable *by_ref;   /* ref -> struct watcher, borrowed */
    GHashTable *asked;    /* "OURS JID": users that ours watch; a set, owned */
    GHashTable *heard;    /* "RESOURCE OURS" -> id of its publication, owned */
    GPtrArray *ungreeted; /* keys of watchers still to be told after a connection; owned */
    struct timer *greet;
    uint64_t next;
};

/* ---- what goes out ---- */

static char *full_of(const char *ours)
{
    return strchr(ours, '@') ? g_strconcat(ours, "/" XMPP_RESOURCE, NULL) : g_strdup(ours);
}

static void send_plain(struct component *x, const char *type, const char *from, const char *to)
{
    stanza_send(x, stanza_begin("presence", type, from, to, NULL), "presence");
}

static const struct presence here = {.show = PRESENCE_AVAILABLE};
static const struct presence gone = {.show = PRESENCE_OFFLINE};

/* From the full JID: that is where calls go. The domain is a gateway, and has none. While we leave,
 * nobody of ours is there any more. */
static void send_state(struct component *x, const char *ours, const char *to,
                       const struct presence *said)
{
    const struct presence *p = x->draining ? &gone : said;
    static const char *const shows[PRESENCE_SHOWS] = {
        [PRESENCE_AWAY] = "away", [PRESENCE_BUSY] = "dnd"};
    g_autofree char *full = full_of(ours);
    GString *s = stanza_begin("presence", p->show == PRESENCE_OFFLINE ? "unavailable" : NULL, full,
                              to, NULL);

    if (shows[p->show])
        xml_leaf(s, "show", shows[p->show]);
    if (p->note[0])
        xml_leaf(s, "status", p->note);
    if (p->show != PRESENCE_OFFLINE)
        disco_caps(s, strchr(ours, '@') ? DISCO_PHONE : DISCO_GATEWAY);
    stanza_send(x, s, "presence");
}

static const struct presence *state_of(const struct watcher *w)
{
    return !w->live ? &here : w->told ? &w->now : &gone;
}

static char *key_make(const char *user, const char *ours)
{
    return g_strconcat(user, " ", ours, NULL);
}

/* The halves of a key, @p first to be freed. */
static const char *key_split(const char *key, char **first)
{
    const char *blank = strchr(key, ' ');

    *first = g_strndup(key, (gsize)(blank - key));
    return blank + 1;
}

static void tell(struct component *x, const struct watcher *w, const struct presence *p)
{
    g_autofree char *user = NULL;
    const char *ours = key_split(w->key, &user);

    send_state(x, ours, user, p);
}

/* ---- XMPP users who watch ours ---- */

static void watcher_free(gpointer data)
{
    struct watcher *w = data;

    g_free(w->key);
    g_free(w);
}

/* Numbers and echo are nobody's account: they are simply there. */
static void watch_begin(struct presence_xmpp *t, struct watcher *w)
{
    g_autofree char *user = NULL;
    const char *ours = key_split(w->key, &user);
    char dialled[JID_BARE_MAX];
    struct jid jid;

    if (!jid_parse(ours, &jid) || !jid_to_dialled(&jid, dialled))
        return;
    w->live = gateway_watch(t->x->gw, &t->x->base, w->ref, people_caller(t->x->people, user),
                            dialled) == END_NONE;
}

static struct watcher *watcher_add(struct presence_xmpp *t, const char *key)
{
    struct watcher *w = g_new0(struct watcher, 1);

    w->key = g_strdup(key);
    w->ref = ++t->next;
    (void)g_hash_table_insert(t->watchers, w->key, w);
    (void)g_hash_table_insert(t->by_ref, &w->ref, w);
    return w;
}

void presence_watched(struct component *x, uint64_t ref, const struct presence *p)
{
    struct presence_xmpp *t = x->presence;
    struct watcher *w = g_hash_table_lookup(t->by_ref, &ref);

    if (!w || (w->told && presence_equal(&w->now, p)))
        return;
    w->told = true;
    w->now = *p;
    if (conn_is_up(x->conn) && !conn_is_crowded(x->conn))
        tell(x, w, p);
}

static void subscribe(struct component *x, const struct stanza *st)
{
    struct presence_xmpp *t = x->presence;
    g_autofree char *key = key_make(st->from.bare, st->to.bare);
    struct watcher *w = g_hash_table_lookup(t->watchers, key);
    bool fresh = !w;

    if (!people_caller(x->people, st->from.bare) ||
        (fresh && g_hash_table_size(t->watchers) >= WATCHERS_MAX)) {
        send_plain(x, "unsubscribed", st->to.bare, st->from.bare);
        return;
    }
    send_plain(x, "subscribed", st->to.bare, st->from.bare);
    if (fresh) {
        w = watcher_add(t, key);
        gateway_store_put(x->gw, STORE_SUBSCRIPTIONS, key, "");
        watch_begin(t, w);
    }
    if (!w->live || w->told)
        tell(x, w, state_of(w)); /* else the gateway is about to say */
    if (fresh && st->to.node)    /* Monal rings for those alone who may see its user */
        send_plain(x, "subscribe", st->to.bare, st->from.bare);
}

static void unsubscribe(struct component *x, const struct stanza *st)
{
    struct presence_xmpp *t = x->presence;
    g_autofree char *key = key_make(st->from.bare, st->to.bare);
    struct watcher *w = g_hash_table_lookup(t->watchers, key);

    if (w) {
        if (w->live)
            gateway_unwatch(x->gw, &x->base, w->ref);
        gateway_store_put(x->gw, STORE_SUBSCRIPTIONS, key, NULL);
        (void)g_hash_table_remove(t->by_ref, &w->ref);
        (void)g_hash_table_remove(t->watchers, key);
    }
    send_state(x, st->to.bare, st->from.bare, &gone);
    send_plain(x, "unsubscribed", st->to.bare, st->from.bare);
}

/* A server asks for its user who logs in. It would not unless it knew of a subscription, so one
 * that we have lost is taken up again. */
static void probe(struct component *x, const struct stanza *st)
{
    struct presence_xmpp *t = x->presence;
    g_autofree char *key = key_make(st->from.bare, st->to.bare);
    struct watcher *w = g_hash_table_lookup(t->watchers, key);

    if (!people_caller(x->people, st->from.bare))
        return;
    if (!w) {
        subscribe(x, st);
        return;
    }
    if (!w->live || w->told)
        send_state(x, st->to.bare, st->from.full, state_of(w));
}

/* ---- users whom ours watch ---- */

enum gw_err presence_ask(struct component *x, const char *address, const char *who, bool on)
{
    struct presence_xmpp *t = x->presence;
    char ours[JID_BARE_MAX];
    g_autofree char *key = NULL;

    if (!config_allows_jid(x->config, address) ||
        !jid_of_address(who, x->config->domain, x->config->xmpp_component, ours))
        return GW_ENOTFOUND;
    key = key_make(ours, address);
    if (on)
        (void)g_hash_table_add(t->asked, g_steal_pointer(&key));
    else
        (void)g_hash_table_remove(t->asked, key);
    if (conn_is_up(x->conn))
        send_plain(x, on ? "subscribe" : "unsubscribe", ours, address);
    return GW_OK;
}

/* Where the subscription stood already, this is its server's word, and what the user says has to
 * be asked for. Not before: Prosody takes a probe without one for a withdrawn request. */
static void subscribed(struct component *x, const struct stanza *st)
{
    g_autofree char *key = key_make(st->to.bare, st->from.bare);

    if (g_hash_table_contains(x->presence->asked, key))
        send_plain(x, "probe", st->to.bare, st->from.bare);
}

static uint64_t heard_id(struct presence_xmpp *t, const char *key)
{
    uint64_t *id = g_hash_table_lookup(t->heard, key);

    if (id)
        return *id;
    if (g_hash_table_size(t->heard) >= HEARD_MAX)
        return 0;
    id = g_new(uint64_t, 1);
    *id = ++t->next;
    (void)g_hash_table_insert(t->heard, g_strdup(key), id);
    return *id;
}

static void forget_heard(struct component *x, const char *key)
{
    const uint64_t *id = g_hash_table_lookup(x->presence->heard, key);

    if (!id)
        return;
    gateway_withdraw(x->gw, &x->base, *id);
    (void)g_hash_table_remove(x->presence->heard, key);
}

static enum presence_show show_of(xmpp_stanza_t *xml)
{
    xmpp_stanza_t *element = xmpp_stanza_get_child_by_name(xml, "show");
    char *text = element ? xmpp_stanza_get_text(element) : NULL;
    enum presence_show show = PRESENCE_AVAILABLE;

    if (text && (g_str_equal(text, "away") || g_str_equal(text, "xa")))
        show = PRESENCE_AWAY;
    else if (text && g_str_equal(text, "dnd"))
        show = PRESENCE_BUSY;
    if (text)
        xmpp_free(xmpp_stanza_get_context(xml), text);
    return show;
}

/* Only for who asked: a user decides contact by contact who may see him. */
static void hear(struct component *x, const struct stanza *st, bool available)
{
    struct presence_xmpp *t = x->presence;
    g_autofree char *asked = key_make(st->to.bare, st->from.bare);
    g_autofree char *key = key_make(st->from.full, st->to.bare);
    g_autofree char *who = NULL;
    struct presence p = {.show = PRESENCE_AVAILABLE};
    struct publication pub = {.ad = &x->base, .address = st->from.bare, .say = &p};
    char dialled[JID_BARE_MAX];
    xmpp_stanza_t *status;
    char *note;

    if (!available) {
        jleg_vanished(x, &st->from, st->to.bare);
        forget_heard(x, key);
        return;
    }
    if (!g_hash_table_contains(t->asked, asked) || !jid_to_dialled(&st->to, dialled))
        return; /* it is in our roster of nobody */
    pub.id = heard_id(t, key);
    if (!pub.id)
        return;
    who = strchr(dialled, '@') ? g_strdup(dialled)
                               : g_strconcat(dialled, "@", x->config->domain, NULL);
    pub.only_to = who;
    p.show = show_of(st->xml);
    status = xmpp_stanza_get_child_by_name(st->xml, "status");
    note = status ? xmpp_stanza_get_text(status) : NULL;
    presence_set_note(&p, note);
    if (note)
        xmpp_free(xmpp_stanza_get_context(st->xml), note);
    gateway_publish(x->gw, &pub);
}

void presence_take(struct component *x, const struct stanza *st)
{
    static const struct {
        const char *type;
        void (*fn)(struct component *x, const struct stanza *st);
    } types[] = {{"subscribe", subscribe},
                 {"unsubscribe", unsubscribe},
                 {"probe", probe},
                 {"subscribed", subscribed}};

    if (!st->type || g_str_equal(st->type, "unavailable")) {
        hear(x, st, !st->type);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_equal(st->type, types[i].type))
            types[i].fn(x, st);
}

/* ---- connections come and go ---- */

static void greet_some(void *arg)
{
    struct presence_xmpp *t = arg;

    for (unsigned i = 0; i < GREET_BATCH && t->ungreeted->len; i++) {
        g_autofree char *key = g_ptr_array_steal_index_fast(t->ungreeted, t->ungreeted->len - 1);
        const struct watcher *w = g_hash_table_lookup(t->watchers, key);

        if (w && (!w->live || w->told))
            tell(t->x, w, state_of(w));
    }
    if (t->ungreeted->len && conn_is_up(t->x->conn))
        timer_start(&t->greet, GREET_PAUSE_US, greet_some, t);
}

void presence_up(struct component *x)
{
    struct presence_xmpp *t = x->presence;
    GHashTableIter it;
    gpointer key;

    timer_stop(&t->greet);
    g_ptr_array_set_size(t->ungreeted, 0);
    g_hash_table_iter_init(&it, t->watchers);
    while (g_hash_table_iter_next(&it, &key, NULL))
        g_ptr_array_add(t->ungreeted, g_strdup(key));
    greet_some(t);
    g_hash_table_iter_init(&it, t->asked);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        g_autofree char *ours = NULL;
        const char *address = key_split(key, &ours);

        send_plain(x, "subscribe", ours, address);
    }
}

/* What users said counts as long as somebody would tell us of a change. */
void presence_down(struct component *x)
{
    g_autoptr(GList) keys = g_hash_table_get_keys(x->presence->heard);

    timer_stop(&x->presence->greet);
    for (GList *k = keys; k; k = k->next) {
        g_autofree char *key = g_strdup(k->data);

        forget_heard(x, key);
    }
}

void presence_leave(struct component *x)
{
    GHashTableIter it;
    gpointer w;

    timer_stop(&x->presence->greet);
    g_hash_table_iter_init(&it, x->presence->watchers);
    while (g_hash_table_iter_next(&it, NULL, &w))
        if (state_of(w)->show != PRESENCE_OFFLINE)
            tell(x, w, &gone);
}

/* ---- life ---- */

static void on_row(const char *key, const char *value, void *arg)
{
    struct presence_xmpp *t = arg;

    (void)value;
    if (strchr(key, ' ') && g_hash_table_size(t->watchers) < WATCHERS_MAX)
        (void)watcher_add(t, key);
}

void presence_new(struct component *x)
{
    struct presence_xmpp *t = g_new0(struct presence_xmpp, 1);

    t->x = x;
    t->watchers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watcher_free);
    t->by_ref = g_hash_table_new(g_int64_hash, g_int64_equal);
    t->asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    t->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    t->ungreeted = g_ptr_array_new_with_free_func(g_free);
    x->presence = t;
    gateway_store_each(x->gw, STORE_SUBSCRIPTIONS, on_row, t);
}

/* Once the accounts are known. */
void presence_begin(struct component *x)
{
    GHashTableIter it;
    gpointer w;

    g_hash_table_iter_init(&it, x->presence->watchers);
    while (g_hash_table_iter_next(&it, NULL, &w))
        watch_begin(x->presence, w);
}

void presence_free(struct presence_xmpp *t)
{
    if (!t)
        return;
    timer_stop(&t->greet);
    g_hash_table_destroy(t->by_ref);
    g_hash_table_destroy(t->watchers);
    g_hash_table_destroy(t->asked);
    g_hash_table_destroy(t->heard);
    g_ptr_array_unref(t->ungreeted);
    g_free(t);
}
