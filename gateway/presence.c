#include "base/clock.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/presences.h"

#include <glib.h>

#include <string.h>

#define MOD "presence"
#define TELL_US US_PER_S /* between two changes of one address that watchers hear of */

enum {
    WATCHES_MAX = 20000,
    WATCHES_OF_ONE_MAX = 500, /* who watches */
    SOURCES_MAX = 64          /* of one address; then the oldest is forgotten */
};

struct presences {
    struct gateway *gw;
    GHashTable *people;   /* address -> struct person, owned */
    GHashTable *sources;  /* struct key -> struct source, borrowed */
    GHashTable *watches;  /* struct key -> struct watch, borrowed */
    GHashTable *watchers; /* who -> how many watches */
    bool dropped;
};

struct key { /* what an adapter knows a thing by */
    const struct adapter *ad;
    uint64_t id;
};

struct person { /* one address that somebody publishes for or watches */
    struct presences *all;
    char address[192];
    GPtrArray *sources; /* of struct source, owned; what was said last stands last */
    GPtrArray *watches; /* of struct watch, owned */
    uint64_t told_us;
    struct timer *tell;
};

struct source {
    struct key key; /* first */
    struct person *person;
    char *only_to;
    bool stated; /* it has said something */
    struct presence said;
};

struct watch {
    struct key key;     /* first */
    struct adapter *ad; /* the same as in the key */
    struct person *person;
    char *who;
    struct adapter *elsewhere; /* asks there, for the first watch of these two; or NULL */
    bool fresh;                /* it has not been told anything */
    struct presence told;
};

/* ---- tables ---- */

static guint key_hash(gconstpointer p)
{
    const struct key *k = p;

    return g_int64_hash(&k->id) ^ g_direct_hash(k->ad);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    const struct key *x = a;
    const struct key *y = b;

    return x->id == y->id && x->ad == y->ad;
}

static void source_free(gpointer data)
{
    struct source *s = data;

    (void)g_hash_table_remove(s->person->all->sources, s);
    g_free(s->only_to);
    g_free(s);
}

static void watcher_count(struct presences *all, const char *who, int by)
{
    int n = GPOINTER_TO_INT(g_hash_table_lookup(all->watchers, who)) + by;

    if (n > 0)
        (void)g_hash_table_replace(all->watchers, g_strdup(who), GINT_TO_POINTER(n));
    else
        (void)g_hash_table_remove(all->watchers, who);
}

static void watch_free(gpointer data)
{
    struct watch *w = data;
    struct presences *all = w->person->all;

    (void)g_hash_table_remove(all->watches, w);
    watcher_count(all, w->who, -1);
    g_free(w->who);
    g_free(w);
}

static void person_free(gpointer data)
{
    struct person *p = data;

    timer_stop(&p->tell);
    g_ptr_array_unref(p->sources);
    g_ptr_array_unref(p->watches);
    g_free(p);
}

static struct person *person_get(struct presences *all, const char *address)
{
    struct person *p = g_hash_table_lookup(all->people, address);

    if (p)
        return p;
    p = g_new0(struct person, 1);
    p->all = all;
    (void)g_strlcpy(p->address, address, sizeof(p->address));
    p->sources = g_ptr_array_new_with_free_func(source_free);
    p->watches = g_ptr_array_new_with_free_func(watch_free);
    (void)g_hash_table_insert(all->people, p->address, p);
    return p;
}

static void person_settle(struct person *p)
{
    if (!p->sources->len && !p->watches->len)
        (void)g_hash_table_remove(p->all->people, p->address);
}

struct presences *presences_new(struct gateway *gw)
{
    struct presences *all = g_new0(struct presences, 1);

    all->gw = gw;
    all->people = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, person_free);
    all->sources = g_hash_table_new(key_hash, key_equal);
    all->watches = g_hash_table_new(key_hash, key_equal);
    all->watchers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return all;
}

void presences_drop(struct presences *all)
{
    all->dropped = true;
    g_hash_table_remove_all(all->people);
}

void presences_free(struct presences *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->people);
    g_hash_table_unref(all->sources);
    g_hash_table_unref(all->watches);
    g_hash_table_unref(all->watchers);
    g_free(all);
}

/* ---- the state of an address ---- */

static void person_tell(void *arg);

static struct presence person_now(const struct person *p, const char *who)
{
    struct presence now = {.show = PRESENCE_OFFLINE};

    for (guint i = p->sources->len; i > 0; i--) {
        const struct source *s = g_ptr_array_index(p->sources, i - 1);
        if (s->only_to && !g_str_equal(s->only_to, who))
            continue;
        if (s->stated)
            return s->said;
        now.show = PRESENCE_AVAILABLE;
    }
    return now;
}

struct news {
    struct key key;
    struct presence now;
};

/* What there is to tell. Changes wait while the last ones are too fresh, beginners never do. */
static GArray *person_news(struct person *p, uint64_t clock)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(struct news));
    bool may = !p->told_us || clock >= p->told_us + TELL_US;
    bool changed = false;

    for (guint i = 0; i < p->watches->len; i++) {
        struct watch *w = g_ptr_array_index(p->watches, i);
        struct news news = {.key = w->key, .now = person_now(p, w->who)};
        bool other = !w->fresh && !presence_equal(&news.now, &w->told);

        changed = changed || other;
        if (!w->fresh && !(other && may))
            continue;
        w->fresh = false;
        w->told = news.now;
        g_array_append_val(all, news);
    }
    if (changed && may)
        p->told_us = clock;
    else if (changed)
        timer_start(&p->tell, p->told_us + TELL_US - clock, person_tell, p);
    return all;
}

/* Whoever is told may end watches, and the person with them. */
static void person_tell(void *arg)
{
    struct person *p = arg;
    struct presences *all = p->all;
    GArray *list = person_news(p, clock_now_us());

    for (guint i = 0; i < list->len; i++) {
        const struct news *news = &g_array_index(list, struct news, i);
        const struct watch *w = g_hash_table_lookup(all->watches, &news->key);
        if (w)
            w->ad->ops->watched(w->ad, w->key.id, &news->now);
    }
    g_array_unref(list);
}

static void person_changed(struct person *p)
{
    if (p->watches->len && !p->tell)
        timer_start(&p->tell, 0, person_tell, p);
}

/* ---- what is published ---- */

static void source_add(struct person *p, const struct publication *pub)
{
    struct source *s = g_new0(struct source, 1);

    if (p->sources->len >= SOURCES_MAX)
        (void)g_ptr_array_remove_index(p->sources, 0);
    s->key = (struct key){pub->ad, pub->id};
    s->person = p;
    s->only_to = g_strdup(pub->only_to);
    s->stated = pub->say != NULL;
    if (pub->say) {
        s->said.show = pub->say->show;
        presence_set_note(&s->said, pub->say->note);
    }
    g_ptr_array_add(p->sources, s);
    (void)g_hash_table_insert(p->all->sources, s, s);
}

void gateway_publish(struct gateway *gw, const struct publication *pub)
{
    struct presences *all = gateway_presences(gw);
    const struct key key = {pub->ad, pub->id};
    struct source *old = g_hash_table_lookup(all->sources, &key);
    struct person *p;

    if (all->dropped)
        return;
    if (old && !g_str_equal(old->person->address, pub->address)) {
        gateway_withdraw(gw, pub->ad, pub->id);
        old = NULL;
    }
    if (old && !pub->say)
        return; /* that it is there is known, and what it said still holds */
    p = person_get(all, pub->address);
    if (old)
        (void)g_ptr_array_remove(p->sources, old);
    source_add(p, pub);
    person_changed(p);
}

void gateway_withdraw(struct gateway *gw, const struct adapter *ad, uint64_t id)
{
    const struct key key = {ad, id};
    struct source *s = g_hash_table_lookup(gateway_presences(gw)->sources, &key);
    struct person *p;

    if (!s)
        return;
    p = s->person;
    (void)g_ptr_array_remove(p->sources, s);
    person_changed(p);
    person_settle(p);
}

/* ---- who watches ---- */

static bool is_watched_by(const struct person *p, const char *who)
{
    for (guint i = 0; i < p->watches->len; i++)
        if (g_str_equal(((struct watch *)g_ptr_array_index(p->watches, i))->who, who))
            return true;
    return false;
}

static bool is_ours(struct gateway *gw, const char *address)
{
    return g_ascii_strcasecmp(strchr(address, '@') + 1, gateway_config(gw)->domain) == 0;
}

/* Ours are known; anybody else somebody must ask. */
static enum end_cause watch_begin(struct watch *w)
{
    const struct person *p = w->person;
    struct gateway *gw = p->all->gw;

    if (is_ours(gw, p->address))
        return gateway_account(gw, p->address) || p->sources->len ? END_NONE : END_NOT_FOUND;
    if (is_watched_by(p, w->who))
        return END_NONE;
    w->elsewhere = gateway_watch_elsewhere(gw, p->address, w->who);
    return w->elsewhere ? END_NONE : END_NOT_FOUND;
}

enum end_cause gateway_watch(struct gateway *gw, struct adapter *ad, uint64_t ref, const char *who,
                             const char *address)
{
    struct presences *all = gateway_presences(gw);
    struct key key = {ad, ref};
    char full[192];
    struct watch *w;
    struct person *p;
    enum end_cause cause;

    if (!who || all->dropped)
        return END_FORBIDDEN;
    if (!account_normalise(address, gateway_config(gw)->domain, full))
        return END_NOT_FOUND;
    if (g_hash_table_size(all->watches) >= WATCHES_MAX ||
        GPOINTER_TO_INT(g_hash_table_lookup(all->watchers, who)) >= WATCHES_OF_ONE_MAX)
        return END_LIMIT;
    g_return_val_if_fail(!g_hash_table_contains(all->watches, &key), END_INTERNAL);
    p = person_get(all, full);
    w = g_new0(struct watch, 1);
    *w = (struct watch){.key = key, .ad = ad, .person = p, .who = g_strdup(who), .fresh = true};
    cause = watch_begin(w);
    watcher_count(all, who, 1);
    (void)g_hash_table_insert(all->watches, w, w);
    g_ptr_array_add(p->watches, w);
    if (cause) {
        (void)g_ptr_array_remove(p->watches, w);
        person_settle(p);
        return cause;
    }
    timer_stop(&p->tell);
    timer_start(&p->tell, 0, person_tell, p);
    return END_NONE;
}

/* Whoever asked elsewhere for the first of several watches asks on for the others. */
static void watch_hand_on(struct watch *w)
{
    const struct person *p = w->person;

    for (guint i = 0; w->elsewhere && i < p->watches->len; i++) {
        struct watch *other = g_ptr_array_index(p->watches, i);
        if (other == w || !g_str_equal(other->who, w->who))
            continue;
        other->elsewhere = w->elsewhere;
        w->elsewhere = NULL;
    }
    if (w->elsewhere)
        (void)w->elsewhere->ops->watch(w->elsewhere, p->address, w->who, false);
}

void gateway_unwatch(struct gateway *gw, const struct adapter *ad, uint64_t ref)
{
    const struct key key = {ad, ref};
    struct watch *w = g_hash_table_lookup(gateway_presences(gw)->watches, &key);
    struct person *p;

    if (!w)
        return;
    p = w->person;
    watch_hand_on(w);
    (void)g_ptr_array_remove(p->watches, w);
    if (!p->watches->len)
        timer_stop(&p->tell);
    person_settle(p);
}
