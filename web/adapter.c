#include "web/adapter.h"

#include "base/log.h"
#include "base/mailbox.h"
#include "edge/edge.h"
#include "web/leg.h"
#include "web/letters.h"
#include "web/limits.h"
#include "web/routes.h"
#include "web/socket.h"
#include "web/watches.h"

#include <glib.h>

#include <inttypes.h>

#define MOD "web"

struct web {
    struct adapter base; /* first: adapter_ops get it */
    struct websock_env env;
    struct mailbox *events; /* of struct edge_event; the edge posts */
    unsigned watch;
    struct pages *pages;
    GHashTable *sockets; /* &websock.id -> struct websock, owned */
};

static struct web *web_of(struct adapter *ad)
{
    return (struct web *)ad;
}

/* ---- from the edge ---- */

static void on_open(struct web *w, const struct edge_event *ev)
{
    struct websock *s = websock_new(&w->env, ev->id, &ev->peer);

    (void)g_hash_table_insert(w->sockets, &s->id, s);
    if (w->env.draining)
        websock_drain(s);
}

static void on_text(struct web *w, const struct edge_event *ev)
{
    struct websock *s = g_hash_table_lookup(w->sockets, &ev->id);

    if (s)
        websock_take(s, (struct span){ev->body, ev->body_len});
}

static void on_closed(struct web *w, const struct edge_event *ev)
{
    LOG_D(MOD, "connection closed: %u %s", ev->code, ev->why ? ev->why : "");
    (void)g_hash_table_remove(w->sockets, &ev->id);
}

static void on_request(const struct web *w, const struct edge_event *ev)
{
    struct routes_env env = {.edge = w->env.edge,
                             .domain = gateway_config(w->env.gw)->domain,
                             .draining = w->env.draining};

    routes_answer(&env, ev);
}

static void on_edge_event(void *msg, void *arg)
{
    struct edge_event *ev = msg;
    struct web *w = arg;

    switch (ev->type) {
    case EDGE_WS_OPEN: on_open(w, ev); break;
    case EDGE_WS_TEXT: on_text(w, ev); break;
    case EDGE_WS_CLOSED: on_closed(w, ev); break;
    case EDGE_HTTP_REQUEST: on_request(w, ev); break;
    case EDGE_HTTP_GONE:    /* every answer is given at once */
    case EDGE_FLOW_OPENING: /* the SIP thread's */
    case EDGE_FLOW_UP:
    case EDGE_FLOW_DOWN: break;
    }
    edge_event_clear(ev);
}

/* ---- from the gateway ---- */

static unsigned web_endpoints(struct adapter *ad, const char *address, struct endpoint *out,
                              unsigned max)
{
    struct web *w = web_of(ad);
    GHashTableIter it;
    gpointer value;
    unsigned n = 0;

    g_hash_table_iter_init(&it, w->sockets);
    while (n < max && !w->env.draining && g_hash_table_iter_next(&it, NULL, &value)) {
        const struct websock *s = value;

        if (s->state != WEBSOCK_READY || !g_str_equal(s->address, address))
            continue;
        out[n] = (struct endpoint){.adapter = ad, .id = s->id, .nprofiles = 1};
        out[n].profile[0] = desc_profile_webrtc;
        (void)g_snprintf(out[n].label, sizeof(out[n].label), "web:%s tab %" PRIx64, address, s->id);
        n++;
    }
    return n;
}

static struct websock *web_tab(struct adapter *ad, uint64_t id)
{
    struct websock *s = g_hash_table_lookup(web_of(ad)->sockets, &id);

    return s && s->state == WEBSOCK_READY ? s : NULL;
}

static enum gw_err web_dial(struct adapter *ad, const struct dial_request *req, struct leg **out)
{
    struct websock *s = web_tab(ad, req->endpoint->id);

    return s ? webleg_dial(s, req, out) : GW_ENOTFOUND; /* closed since it was listed */
}

static enum gw_err web_message(struct adapter *ad, const struct endpoint *to,
                               const struct message *m, uint64_t delivery)
{
    struct websock *s = web_tab(ad, to->id);

    return s ? letters_deliver(web_of(ad)->env.letters, s, m, delivery) : GW_ENOTFOUND;
}

static void web_message_done(struct adapter *ad, uint64_t ref, enum end_cause cause)
{
    letters_done(web_of(ad)->env.letters, ref, cause);
}

static void web_watched(struct adapter *ad, uint64_t ref, const struct presence *p)
{
    watches_tell(web_of(ad)->env.watches, ref, p);
}

/* Snapshot first: what is done to one socket may change the table. */
static void each_socket(struct web *w, void (*fn)(struct websock *s, const void *arg),
                        const void *arg)
{
    g_autoptr(GList) all = g_hash_table_get_values(w->sockets);

    for (GList *l = all; l; l = l->next)
        fn(l->data, arg);
}

struct account_change {
    const struct account *account;
    bool gone;
};

static void socket_account_changed(struct websock *s, const void *arg)
{
    const struct account_change *change = arg;

    if (s->state != WEBSOCK_READY || !g_str_equal(s->address, change->account->address))
        return;
    if (change->gone || !g_str_equal(s->ha1, change->account->ha1_sha256))
        websock_revoke(s);
    else
        (void)g_strlcpy(s->display, change->account->display, sizeof(s->display));
}

static void web_account_changed(struct adapter *ad, const struct account *a, bool gone)
{
    struct account_change change = {a, gone};

    each_socket(web_of(ad), socket_account_changed, &change);
}

static void socket_drain(struct websock *s, const void *arg)
{
    (void)arg;
    websock_drain(s);
}

static void web_drain(struct adapter *ad)
{
    struct web *w = web_of(ad);

    w->env.draining = true;
    each_socket(w, socket_drain, NULL);
}

static void socket_destroy(gpointer data)
{
    websock_free(data);
}

static void web_stop(struct adapter *ad)
{
    struct web *w = web_of(ad);

    edge_detach(w->env.edge, w->events);
    (void)g_source_remove(w->watch);
    g_hash_table_destroy(w->sockets);
    mailbox_free(w->events, edge_event_clear);
    pages_free(w->pages);
    letters_free(w->env.letters);
    watches_free(w->env.watches);
    guard_free(w->env.guard);
    g_free(w);
}

static const struct adapter_ops ops = {
    .name = "web",
    .endpoints = web_endpoints,
    .dial = web_dial,
    .message = web_message,
    .message_done = web_message_done,
    .watched = web_watched,
    .account_changed = web_account_changed,
    .drain = web_drain,
    .stop = web_stop,
};

/* ---- start ---- */

static enum gw_err listen_all(const struct web *w, const struct config_listen *at, bool tls)
{
    static const char *const protocols[] = {"tandem.v1", NULL};
    struct edge_web_config c = {.tls = tls,
                                .origins =
                                    (const char *const *)gateway_config(w->env.gw)->web_origins,
                                .nroutes = web_nroutes,
                                .route = web_routes,
                                .ws_path = "/ws",
                                .ws_protocols = protocols,
                                .events = w->events};

    c.file = pages_files(w->pages, &c.nfiles);
    for (unsigned i = 0; i < at->n; i++) {
        struct net_addr bound;
        char text[NET_ADDR_TEXT];
        enum gw_err err;

        c.listen = at->addr[i];
        err = edge_listen_web(w->env.edge, &c, &bound);
        if (err)
            return err;
        LOG_I(MOD, "listening on %s://%s", tls ? "https" : "http", net_addr_text(&bound, text));
    }
    return GW_OK;
}

struct adapter *web_adapter_start(struct gateway *gw, struct edge *edge)
{
    const struct config *config = gateway_config(gw);
    struct web *w = g_new0(struct web, 1);

    w->base.ops = &ops;
    w->env =
        (struct websock_env){.adapter = &w->base, .gw = gw, .edge = edge, .guard = guard_new()};
    w->env.letters = letters_new(gw, &w->base, web_tab);
    w->env.watches = watches_new(gw, &w->base, web_tab);
    w->sockets = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, socket_destroy);
    w->events = mailbox_new(sizeof(struct edge_event), WEB_EVENTS_MAX);
    w->pages = pages_read(config->web_root);
    w->watch = mailbox_watch(w->events, on_edge_event, w);
    if (listen_all(w, &config->web_http, false) || listen_all(w, &config->web_https, true)) {
        web_stop(&w->base);
        return NULL;
    }
    return &w->base;
}
