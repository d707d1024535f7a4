#include "sip/adapter.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "edge/edge.h"
#include "gateway/message.h"
#include "gateway/presence.h"
#include "sip/leg.h"

enum { OUTBOX_LIMIT = 16384 };

struct sip_adapter {
    struct adapter base;
    struct gateway *gw;
    struct stack *stack;
    struct mailbox *events; /* of struct sipev */
    unsigned watch;
    GHashTable *legs;     /* id -> struct sipleg; the calls own them */
    GHashTable *bindings; /* address -> GPtrArray of struct mirror */
};

struct mirror { /* what the call thread knows of a binding */
    uint64_t id;
    uint64_t expires_us;
    bool ws;
    char *label;
};

static struct sip_adapter *self(struct adapter *ad)
{
    return (struct sip_adapter *)(void *)ad;
}

/* ---- mirror of the bindings ---- */

static void mirror_free(void *p)
{
    struct mirror *m = p;

    g_free(m->label);
    g_free(m);
}

static void mirrors_free(void *p)
{
    (void)g_ptr_array_free(p, TRUE);
}

static struct mirror *mirror_find(GPtrArray *all, uint64_t id)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        struct mirror *m = g_ptr_array_index(all, i);
        if (m->id == id)
            return m;
    }
    return NULL;
}

static void mirror_binding(struct sip_adapter *sa, const struct sipev_binding *b)
{
    GPtrArray *all = g_hash_table_lookup(sa->bindings, b->address);
    struct mirror *m = mirror_find(all, b->id);

    if (b->gone) {
        if (m)
            (void)g_ptr_array_remove(all, m);
        if (all && all->len == 0)
            (void)g_hash_table_remove(sa->bindings, b->address);
        return;
    }
    if (!all) {
        all = g_ptr_array_new_with_free_func(mirror_free);
        (void)g_hash_table_insert(sa->bindings, g_strdup(b->address), all);
    }
    if (!m) {
        m = g_new0(struct mirror, 1);
        m->id = b->id;
        g_ptr_array_add(all, m);
        LOG_I("sip", "%s registered at %s", b->address, b->label);
    }
    g_free(m->label);
    m->label = g_strdup(b->label);
    m->expires_us = b->expires_us;
    m->ws = b->ws;
}

static void on_binding(struct sip_adapter *sa, const struct sipev_binding *b)
{
    struct publication pub = {.ad = &sa->base, .id = b->id, .address = b->address};

    mirror_binding(sa, b);
    if (b->gone)
        gateway_withdraw(sa->gw, &sa->base, b->id);
    else
        gateway_publish(sa->gw, &pub);
    gateway_store_put(sa->gw, "bindings", b->key, b->row);
}

static void choose_profiles(const struct mirror *m, const struct account *a, struct endpoint *e)
{
    if (m->ws) { /* JsSIP, SIP.js: a browser takes nothing else */
        e->nprofiles = 1;
        e->profile[0] = desc_profile_webrtc;
    } else if (a && a->nprofiles) {
        e->nprofiles = a->nprofiles;
        memcpy(e->profile, a->profile, sizeof(e->profile));
    } else { /* what most phones take first; the others refuse it and say so at once */
        e->nprofiles = 3;
        e->profile[0] = desc_profile_plain;
        e->profile[1] = desc_profile_dtls;
        e->profile[2] = desc_profile_sdes;
    }
}

static unsigned adapter_endpoints(struct adapter *ad, const char *address, struct endpoint *out,
                                  unsigned max)
{
    struct sip_adapter *sa = self(ad);
    const GPtrArray *all = g_hash_table_lookup(sa->bindings, address);
    const struct account *a = gateway_account(sa->gw, address);
    uint64_t now = clock_now_us();
    unsigned n = 0;

    for (unsigned i = 0; all && i < all->len && n < max; i++) {
        const struct mirror *m = g_ptr_array_index(all, i);
        struct endpoint *e = &out[n];
        if (m->expires_us <= now)
            continue;
        *e = (struct endpoint){.adapter = ad, .id = m->id};
        choose_profiles(m, a, e);
        (void)g_strlcpy(e->label, m->label, sizeof(e->label));
        n++;
    }
    return n;
}

/* ---- calls ---- */

static enum gw_err adapter_dial(struct adapter *ad, const struct dial_request *req,
                                struct leg **out)
{
    struct sip_adapter *sa = self(ad);
    struct sipleg *leg = sipleg_new(sa->stack, sa->legs, id_next());
    struct sipcmd cmd = {.type = SIPCMD_DIAL, .id = leg->id, .call_id = req->call_id};

    leg->base.call_id = req->call_id;
    cmd.sdp = sipleg_sdp(leg, req->offer);
    cmd.dial = g_new0(struct sipcmd_dial, 1);
    cmd.dial->binding = req->endpoint->id;
    cmd.dial->from = g_strdup(req->from);
    cmd.dial->from_display = g_strdup(req->from_display);
    cmd.dial->to = g_strdup(req->to);
    stack_post(sa->stack, &cmd);
    *out = &leg->base;
    return GW_OK;
}

static void on_incoming(struct sip_adapter *sa, struct sipev *ev)
{
    struct sipleg *leg = sipleg_new(sa->stack, sa->legs, ev->id);
    struct incoming in = {.leg = &leg->base,
                          .account = ev->in->account,
                          .from = ev->in->from,
                          .from_display = ev->in->from_display,
                          .to = ev->in->to,
                          .offer = g_steal_pointer(&ev->in->offer),
                          .profile = ev->in->profile,
                          .origin = ev->in->phone ? &sa->base : NULL,
                          .origin_id = ev->in->phone};

    (void)g_strlcpy(in.source, ev->in->source, sizeof(in.source));
    gateway_incoming(sa->gw, &in);
}

/* ---- messages ---- */

static enum gw_err adapter_message(struct adapter *ad, const struct endpoint *to,
                                   const struct message *m, uint64_t delivery)
{
    struct sipcmd cmd = {.type = SIPCMD_MESSAGE, .id = delivery, .text = g_strdup(m->text)};

    cmd.dial = g_new0(struct sipcmd_dial, 1);
    cmd.dial->binding = to->id;
    cmd.dial->from = g_strdup(m->from);
    cmd.dial->from_display = g_strdup(m->from_display);
    cmd.dial->to = g_strdup(m->to);
    stack_post(self(ad)->stack, &cmd);
    return GW_OK;
}

static void adapter_message_done(struct adapter *ad, uint64_t ref, enum end_cause cause)
{
    struct sipcmd cmd = {.type = SIPCMD_MESSAGE_DONE, .id = ref, .why = {.cause = cause}};

    stack_post(self(ad)->stack, &cmd);
}

static void on_message(struct sip_adapter *sa, const struct sipev *ev)
{
    struct message m = {.account = ev->in->account,
                        .from = ev->in->from,
                        .from_display = ev->in->from_display,
                        .to = ev->in->to,
                        .text = ev->in->text,
                        .origin = ev->in->phone ? &sa->base : NULL,
                        .origin_id = ev->in->phone};

    gateway_message(sa->gw, &m, &sa->base, ev->id);
}

/* ---- presence ---- */

static void on_watch(struct sip_adapter *sa, const struct sipev *ev)
{
    struct sipcmd cmd = {.type = SIPCMD_WATCHING, .id = ev->id};

    cmd.why.cause = gateway_watch(sa->gw, &sa->base, ev->id, ev->in->account, ev->in->to);
    stack_post(sa->stack, &cmd);
}

static void on_published(struct sip_adapter *sa, const struct sipev *ev)
{
    struct publication pub = {
        .ad = &sa->base, .id = ev->id, .address = ev->in->account, .say = &ev->presence};

    gateway_publish(sa->gw, &pub);
}

static void adapter_watched(struct adapter *ad, uint64_t ref, const struct presence *p)
{
    struct sipcmd cmd = {.type = SIPCMD_WATCHED, .id = ref, .presence = *p};

    stack_post(self(ad)->stack, &cmd);
}

static void on_event(void *msg, void *arg)
{
    struct sip_adapter *sa = arg;
    struct sipev *ev = msg;
    struct sipleg *leg;

    switch (ev->type) {
    case SIPEV_STARTED: break; /* taken by stack_start() */
    case SIPEV_BINDING: on_binding(sa, ev->binding); break;
    case SIPEV_INCOMING: on_incoming(sa, ev); break;
    case SIPEV_MESSAGE: on_message(sa, ev); break;
    case SIPEV_WATCH: on_watch(sa, ev); break;
    case SIPEV_PUBLISHED: on_published(sa, ev); break;
    case SIPEV_UNPUBLISHED: gateway_withdraw(sa->gw, &sa->base, ev->id); break;
    case SIPEV_UNWATCH: gateway_unwatch(sa->gw, &sa->base, ev->id); break;
    case SIPEV_MESSAGE_RESULT: gateway_message_result(sa->gw, ev->id, ev->cause); break;
    case SIPEV_LEG:
        leg = g_hash_table_lookup(sa->legs, &ev->id);
        if (leg) { /* else gone while this was queued */
            sipleg_event(leg, &ev->leg);
            ev->leg.desc = NULL; /* the call's */
        }
        break;
    }
    sipev_clear(ev);
}

/* ---- life ---- */

static void adapter_account_changed(struct adapter *ad, const struct account *a, bool gone)
{
    struct sipcmd cmd = {.type = SIPCMD_ACCOUNT, .gone = gone};

    cmd.account = g_new(struct account, 1);
    *cmd.account = *a;
    stack_post(self(ad)->stack, &cmd);
}

static void adapter_drain(struct adapter *ad)
{
    struct sipcmd cmd = {.type = SIPCMD_DRAIN};

    stack_post(self(ad)->stack, &cmd);
}

static void adapter_stop(struct adapter *ad)
{
    struct sip_adapter *sa = self(ad);

    stack_stop(sa->stack);
    if (sa->watch)
        (void)g_source_remove(sa->watch);
    mailbox_free(sa->events, sipev_clear);
    g_hash_table_destroy(sa->legs);
    g_hash_table_destroy(sa->bindings);
    g_free(sa);
}

static const struct adapter_ops ops = {
    .name = "sip",
    .endpoints = adapter_endpoints,
    .dial = adapter_dial,
    .message = adapter_message,
    .message_done = adapter_message_done,
    .watched = adapter_watched,
    .account_changed = adapter_account_changed,
    .drain = adapter_drain,
    .stop = adapter_stop,
};

static void restore_binding(const char *key, const char *value, void *arg)
{
    struct sip_adapter *sa = arg;
    struct sipcmd cmd = {.type = SIPCMD_RESTORE};

    cmd.key = g_strdup(key);
    cmd.row = g_strdup(value);
    stack_post(sa->stack, &cmd);
}

static bool listen_at(struct edge *edge, struct edge_sip_config *c, const struct net_addr *at,
                      const char *kind)
{
    struct net_addr bound;
    char text[NET_ADDR_TEXT];

    c->listen = *at;
    if (edge_listen_sip(edge, c, &bound) != GW_OK)
        return false;
    LOG_I("sip", "listening on %s %s", kind, net_addr_text(&bound, text));
    return true;
}

static bool listen_streams(struct sip_adapter *sa, struct edge *edge,
                           const struct net_addr *loopback)
{
    const struct config *config = gateway_config(sa->gw);
    const struct {
        const char *name;
        const struct config_listen *all;
        bool tls, ws;
    } kinds[] = {{"tcp", &config->sip_tcp, false, false},
                 {"tls", &config->sip_tls, true, false},
                 {"ws", &config->sip_ws, false, true},
                 {"wss", &config->sip_wss, true, true}};

    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
        struct edge_sip_config c = {.tls = kinds[k].tls,
                                    .client_certificate = kinds[k].tls && config->tls_client_ca,
                                    .ws = kinds[k].ws,
                                    .origins = (const char *const *)config->web_origins,
                                    .loopback = *loopback,
                                    .events = stack_edge_events(sa->stack)};

        for (unsigned i = 0; i < kinds[k].all->n; i++)
            if (!listen_at(edge, &c, &kinds[k].all->addr[i], kinds[k].name))
                return false;
    }
    return true;
}

const struct sip_tuning sip_tuning_usual = {
    .patience_ms = 32000, .watch_min_s = 60, .transactions = 20000};

struct adapter *sip_adapter_start(struct gateway *gw, struct edge *edge)
{
    return sip_adapter_start_tuned(gw, edge, &sip_tuning_usual);
}

struct adapter *sip_adapter_start_tuned(struct gateway *gw, struct edge *edge,
                                        const struct sip_tuning *tuning)
{
    const struct config *config = gateway_config(gw);
    struct sip_adapter *sa = g_new0(struct sip_adapter, 1);
    struct stack_options options = {.config = config, .edge = edge, .tuning = *tuning};
    struct net_addr loopback;

    sa->base.ops = &ops;
    sa->gw = gw;
    sa->legs = g_hash_table_new(g_int64_hash, g_int64_equal);
    sa->bindings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, mirrors_free);
    sa->events = mailbox_new(sizeof(struct sipev), OUTBOX_LIMIT);
    options.outbox = sa->events;
    sa->stack = stack_start(&options, &loopback);
    if (!sa->stack || !listen_streams(sa, edge, &loopback)) {
        adapter_stop(&sa->base);
        return NULL;
    }
    gateway_store_each(gw, "bindings", restore_binding, sa);
    sa->watch = mailbox_watch(sa->events, on_event, sa);
    return &sa->base;
}
