#include "gateway/gateway.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/call.h"
#include "gateway/messages.h"
#include "gateway/presences.h"

enum { ADAPTERS_MAX = 8, LEGS_PER_CALL = 2 + ENDPOINTS_MAX / 2 };

struct gateway {
    const struct config *config;
    struct accounts *accounts;
    struct store *store;
    struct media *media;
    unsigned nadapters;
    struct adapter *adapter[ADAPTERS_MAX];
    GHashTable *calls;   /* id -> struct call, owned */
    GHashTable *parties; /* media_id as uint64 -> struct party, borrowed */
    GHashTable *usage;   /* address -> live calls */
    struct messages *messages;
    struct presences *presences;
    struct gateway_stats stats;
    bool draining;
    struct timer *drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
};

static uint64_t media_key(struct media_id id)
{
    return (uint64_t)id.gen << 32 | id.slot;
}

static void gateway_on_media(const struct media_event *ev, void *arg)
{
    struct gateway *gw = arg;
    uint64_t key = media_key(ev->id);
    struct party *p = g_hash_table_lookup(gw->parties, &key);

    if (!p)
        return; /* the leg was closed while this was queued: normal */
    LOG_CALL(p->call->id);
    call_media_event(p->call, p, ev);
}

static void gateway_on_account(const struct account *account, bool gone, void *arg)
{
    struct gateway *gw = arg;

    for (unsigned i = 0; i < gw->nadapters; i++)
        if (gw->adapter[i]->ops->account_changed)
            gw->adapter[i]->ops->account_changed(gw->adapter[i], account, gone);
}

static struct media *gateway_start_media(struct gateway *gw)
{
    const struct config *c = gw->config;
    struct media_config m = {
        .workers = c->media_workers,
        .naddrs = c->media_addr.n,
        .ice_port = c->media_ice_port,
        .rtp_min = c->media_rtp_min,
        .rtp_max = c->media_rtp_max,
        .srtp = c->media_libsrtp ? MEDIA_SRTP_LIBSRTP : MEDIA_SRTP_OWN,
        .legs_max = c->calls_max * LEGS_PER_CALL,
        .silence_timeout_us = c->media_silence_s * US_PER_S,
    };

    for (unsigned i = 0; i < c->media_addr.n; i++) {
        m.addr[i] = c->media_addr.addr[i];
        m.advertise[i] = c->media_advertise[i];
    }
    return media_new(&m, gateway_on_media, gw);
}

struct gateway *gateway_new(const struct config *config, struct accounts *accounts,
                            struct store *store)
{
    struct gateway *gw = g_new0(struct gateway, 1);

    gw->config = config;
    gw->accounts = accounts;
    gw->store = store;
    gw->stats.started_us = clock_now_us();
    gw->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
    gw->parties = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    gw->usage = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gw->messages = messages_new(gw);
    gw->presences = presences_new(gw);
    gw->media = gateway_start_media(gw);
    if (!gw->media) {
        gateway_free(gw);
        return NULL;
    }
    accounts_watch(accounts, gateway_on_account, gw);
    gateway_add_adapter(gw, echo_adapter_new(gw));
    return gw;
}

void gateway_free(struct gateway *gw)
{
    GHashTableIter it;
    gpointer call;

    if (!gw)
        return;
    timer_stop(&gw->drain_timer);
    messages_drop(gw->messages);
    presences_drop(gw->presences);
    while (gw->nadapters) {
        struct adapter *ad = gw->adapter[--gw->nadapters];
        ad->ops->stop(ad);
    }
    g_hash_table_iter_init(&it, gw->calls);
    while (g_hash_table_iter_next(
        &it, NULL, &call)) { /* the drain's deadline passed: their adapters are gone */
        g_hash_table_iter_remove(&it);
        call_free(call);
    }
    media_free(gw->media);
    messages_free(gw->messages);
    presences_free(gw->presences);
    g_hash_table_unref(gw->calls);
    g_hash_table_unref(gw->parties);
    g_hash_table_unref(gw->usage);
    g_free(gw);
}

/* ---- calls ---- */

static void gateway_refuse(struct call *c, struct desc *offer, enum end_cause cause)
{
    desc_free(offer);
    call_end(c, cause);
}

void gateway_incoming(struct gateway *gw, const struct incoming *in)
{
    struct call *c = call_new(gw, in);
    LOG_CALL(c->id);

    g_hash_table_insert(gw->calls, &c->id, c);
    gw->stats.calls_total++;
    if (gw->draining)
        gateway_refuse(c, in->offer, END_SHUTDOWN);
    else if (g_hash_table_size(gw->calls) > gw->config->calls_max)
        gateway_refuse(c, in->offer, END_LIMIT);
    else
        call_start(c, in);
}

static void gateway_drain_check(struct gateway *gw)
{
    void (*done)(void *arg) = gw->drained;

    if (!gw->draining || !done || g_hash_table_size(gw->calls) > 0)
        return;
    gw->drained = NULL;
    timer_stop(&gw->drain_timer);
    done(gw->drained_arg);
}

void gateway_call_ended(struct gateway *gw, struct call *c)
{
    if (!c->answered_us)
        gw->stats.calls_failed++;
    g_hash_table_remove(gw->calls, &c->id);
    call_free(c);
    gateway_drain_check(gw);
}

void gateway_call_answered(struct gateway *gw)
{
    gw->stats.calls_answered++;
}

unsigned gateway_calls_of(struct gateway *gw, const char *address)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(gw->usage, address));
}

void gateway_call_count(struct gateway *gw, const char *address, int by)
{
    int n = GPOINTER_TO_INT(g_hash_table_lookup(gw->usage, address)) + by;

    if (!address[0])
        return;
    if (n > 0)
        g_hash_table_replace(gw->usage, g_strdup(address), GINT_TO_POINTER(n));
    else
        g_hash_table_remove(gw->usage, address);
}

static void gateway_drain_late(void *arg)
{
    struct gateway *gw = arg;
    void (*done)(void *arg) = gw->drained;

    LOG_W("call", "%u calls did not end in time and are given up", g_hash_table_size(gw->calls));
    gw->drained = NULL;
    if (done)
        done(gw->drained_arg);
}

static GPtrArray *gateway_list(struct gateway *gw)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter it;
    gpointer call;

    g_hash_table_iter_init(&it, gw->calls);
    while (g_hash_table_iter_next(&it, NULL, &call))
        g_ptr_array_add(list, call);
    return list;
}

void gateway_drain(struct gateway *gw, uint64_t deadline_us, void (*done)(void *arg), void *arg)
{
    GPtrArray *list = gateway_list(gw);

    gw->draining = true;
    gw->drained = done;
    gw->drained_arg = arg;
    for (unsigned i = 0; i < gw->nadapters; i++)
        if (gw->adapter[i]->ops->drain)
            gw->adapter[i]->ops->drain(gw->adapter[i]);
    for (guint i = 0; i < list->len;
         i++) { /* ending never frees a call before the main loop turns */
        struct call *c = g_ptr_array_index(list, i);
        LOG_CALL(c->id);
        call_end(c, END_SHUTDOWN);
    }
    g_ptr_array_unref(list);
    timer_stop(&gw->drain_timer);
    timer_start(&gw->drain_timer, deadline_us, gateway_drain_late, gw);
    gateway_drain_check(gw);
}

static void call_describe(const struct call *c, struct call_info *out)
{
    uint64_t now = clock_now_us();

    memset(out, 0, sizeof(*out));
    out->id = c->id;
    g_strlcpy(out->from, c->from, sizeof(out->from));
    g_strlcpy(out->to, c->to, sizeof(out->to));
    out->state = call_state_name(c->state);
    out->kind_a = c->a.kind;
    out->kind_b = c->b ? c->b->party.kind : "";
    out->age_us = now - c->started_us;
    out->talk_us = c->answered_us ? now - c->answered_us : 0;
}

void gateway_each_call(struct gateway *gw, void (*fn)(const struct call_info *info, void *arg),
                       void *arg)
{
    GPtrArray *list = gateway_list(gw);

    for (guint i = 0; i < list->len; i++) {
        struct call_info info;
        call_describe(g_ptr_array_index(list, i), &info);
        fn(&info, arg);
    }
    g_ptr_array_unref(list);
}

enum gw_err gateway_hangup(struct gateway *gw, uint64_t call_id)
{
    struct call *c = g_hash_table_lookup(gw->calls, &call_id);

    if (!c)
        return GW_ENOTFOUND;
    LOG_CALL(c->id);
    call_end(c, END_ADMIN);
    return GW_OK;
}

void gateway_stats(const struct gateway *gw, struct gateway_stats *out)
{
    *out = gw->stats;
    out->calls_now = g_hash_table_size(gw->calls);
}

struct messages *gateway_messages(struct gateway *gw)
{
    return gw->messages;
}

struct presences *gateway_presences(struct gateway *gw)
{
    return gw->presences;
}

struct adapter *gateway_watch_elsewhere(struct gateway *gw, const char *address, const char *who)
{
    for (unsigned i = 0; i < gw->nadapters; i++) {
        struct adapter *ad = gw->adapter[i];
        if (ad->ops->watch && ad->ops->watch(ad, address, who, true) == GW_OK)
            return ad;
    }
    return NULL;
}

bool gateway_draining(const struct gateway *gw)
{
    return gw->draining;
}

/* ---- media ---- */

struct media *gateway_media(struct gateway *gw)
{
    return gw->media;
}

void gateway_watch_media(struct gateway *gw, struct media_id id, struct party *p)
{
    uint64_t key = media_key(id);

    if (p)
        g_hash_table_replace(gw->parties, g_memdup2(&key, sizeof(key)), p);
    else
        g_hash_table_remove(gw->parties, &key);
}

/* ---- adapters, accounts, store ---- */

static void gateway_tell_account(const struct account *account, void *arg)
{
    struct adapter *ad = arg;

    ad->ops->account_changed(ad, account, false);
}

void gateway_add_adapter(struct gateway *gw, struct adapter *ad)
{
    g_assert(gw->nadapters < ADAPTERS_MAX);
    gw->adapter[gw->nadapters++] = ad;
    if (ad->ops->account_changed)
        accounts_each(gw->accounts, gateway_tell_account, ad);
}

unsigned gateway_endpoints(struct gateway *gw, const char *address, struct endpoint *out,
                           unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < gw->nadapters; i++)
        n += gw->adapter[i]->ops->endpoints(gw->adapter[i], address, out + n, max - n);
    return n;
}

const struct config *gateway_config(const struct gateway *gw)
{
    return gw->config;
}

const struct account *gateway_account(struct gateway *gw, const char *address)
{
    return accounts_find(gw->accounts, address);
}

void gateway_store_put(struct gateway *gw, const char *table, const char *key, const char *value)
{
    store_put(gw->store, table, key, value);
}

void gateway_store_each(struct gateway *gw, const char *table,
                        void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
    store_each(gw->store, table, fn, arg);
}
