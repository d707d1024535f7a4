/* The door: other threads post commands, the edge thread carries them out. */
#include "edge/edge.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "edge/core.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MOD "edge"

enum { EDGE_CONNECTIONS = 8000, EDGE_COMMANDS = 4096, EDGE_COMMANDS_A_TURN = 256 };

enum cmd_type {
    CMD_STOP,
    CMD_LISTEN,
    CMD_TLS,
    CMD_ANSWER,
    CMD_WS_SEND,
    CMD_WS_CLOSE,
    CMD_DIAL,
    CMD_FLOW_CLOSE,
    CMD_DETACH
};

struct edge_cmd {
    enum cmd_type type;
    uint64_t id;
    union { /* pointers are now the edge's */
        struct listener *listener;
        struct tls_set *tls;
        struct web_answer *answer;
        struct {
            char *p;
            size_t n;
        } text;
        struct {
            char *reason;
            uint16_t code;
        } close;
        struct flow_order *dial;
        const struct mailbox *events;
    } u;
};

static void cmd_post(struct edge *e, const struct edge_cmd *cmd)
{
    mailbox_post_always(e->commands, cmd);
}

/* ---- edge thread ---- */

static void detach(struct edge *e, const struct mailbox *events)
{
    for (unsigned i = e->listeners->len; i-- > 0;) {
        struct listener *l = g_ptr_array_index(e->listeners, i);
        if (events && l->events != events)
            continue;
        listener_stop(l);
        (void)g_ptr_array_remove_index_fast(e->listeners, i);
        loop_dispose(e->env.loop, l, listener_free);
    }
    web_drop_all(e, events);
    flow_drop_all(e, events);
}

static void cmd_clear(struct edge_cmd *cmd)
{
    switch (cmd->type) {
    case CMD_STOP:
    case CMD_FLOW_CLOSE:
    case CMD_DETACH: break;
    case CMD_LISTEN: listener_free(cmd->u.listener); break;
    case CMD_TLS: tls_set_free(cmd->u.tls); break;
    case CMD_ANSWER: web_answer_free(cmd->u.answer); break;
    case CMD_WS_SEND: g_free(cmd->u.text.p); break;
    case CMD_WS_CLOSE: g_free(cmd->u.close.reason); break;
    case CMD_DIAL: flow_order_free(cmd->u.dial); break;
    }
}

static void web_cmd(struct web *w, const struct edge_cmd *cmd)
{
    if (cmd->type == CMD_ANSWER)
        web_answered(w, cmd->u.answer);
    else if (cmd->type == CMD_WS_SEND)
        web_send_text(w, cmd->u.text.p, cmd->u.text.n);
    else
        web_close_socket(w, cmd->u.close.code, cmd->u.close.reason);
}

static void cmd_run(struct edge *e, struct edge_cmd *cmd)
{
    struct web *w = g_hash_table_lookup(e->by_id, &cmd->id);
    struct flow *f = g_hash_table_lookup(e->flows, &cmd->id);
    char done = 1;

    switch (cmd->type) {
    case CMD_STOP: e->stopping = true; break;
    case CMD_LISTEN: listener_start(cmd->u.listener); return;     /* kept */
    case CMD_TLS: tls_store_swap(e->env.tls, cmd->u.tls); return; /* kept */
    case CMD_ANSWER:
    case CMD_WS_SEND:
    case CMD_WS_CLOSE:
        if (w) /* gone meanwhile: normal */
            web_cmd(w, cmd);
        break;
    case CMD_DIAL: flow_dial(e, cmd->u.dial); break;
    case CMD_FLOW_CLOSE:
        if (f)
            flow_end(f, "closed by the SIP stack");
        break;
    case CMD_DETACH:
        detach(e, cmd->u.events);
        mailbox_post_always(e->detached, &done);
        break;
    }
    cmd_clear(cmd);
}

static void inbox_ready(struct loop_source *src, uint32_t events)
{
    struct edge *e = WHEEL_OWNER(src, struct edge, inbox);
    struct edge_cmd cmd;

    (void)events;
    for (int i = 0; i < EDGE_COMMANDS_A_TURN && mailbox_take(e->commands, &cmd); i++)
        cmd_run(e, &cmd);
}

static void edge_sweep(struct edge *e)
{
    uint64_t now = loop_now(e->env.loop);

    if (now - e->swept_us < US_PER_S)
        return;
    e->swept_us = now;
    limit_sweep(e->limit, now);
}

static void *edge_main(void *arg)
{
    struct edge *e = arg;

    (void)pthread_setname_np(pthread_self(), "edge");
    while (!e->stopping) {
        e->env.handshakes_left = STREAM_HANDSHAKES_A_TURN;
        loop_turn(e->env.loop);
        edge_sweep(e);
    }
    return NULL;
}

/* ---- call thread: life ---- */

static bool edge_start(struct edge *e, const struct edge_config *c)
{
    sigset_t all;
    sigset_t old;
    int err;

    e->checked = tls_set_new(e->env.tls, c->ncerts, c->cert, c->client_ca, e->dial_ca);
    if (!e->checked)
        return false;
    tls_store_swap(e->env.tls, e->checked);
    e->inbox.fd = mailbox_fd(e->commands);
    e->inbox.ready = inbox_ready;
    if (!loop_add(e->env.loop, &e->inbox, EPOLLIN)) {
        LOG_E(MOD, "cannot watch the command queue");
        return false;
    }
    (void)sigfillset(&all); /* signals are the call thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&e->thread, NULL, edge_main, e);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err)
        LOG_E(MOD, "cannot start the edge thread: %s", g_strerror(err));
    return err == 0;
}

static void edge_free_parts(struct edge *e)
{
    loop_free(e->env.loop);
    mailbox_free(e->commands, NULL);
    mailbox_free(e->detached, NULL);
    limit_free(e->limit);
    tls_store_free(e->env.tls);
    (void)g_ptr_array_free(e->listeners, TRUE);
    g_hash_table_destroy(e->webs);
    g_hash_table_destroy(e->by_id);
    g_hash_table_destroy(e->flows);
    g_hash_table_destroy(e->pipes);
    if (e->spare_fd >= 0)
        (void)close(e->spare_fd);
    g_free(e->dial_ca);
    g_free(e);
}

struct edge *edge_new(const struct edge_config *c)
{
    struct edge *e = g_new0(struct edge, 1);
    struct limit_config limits = {.total =
                                      c->connections_max ? c->connections_max : EDGE_CONNECTIONS,
                                  .per_address = c->connections_per_address,
                                  .per_address_s = c->connections_per_address_per_s};

    e->env.loop = loop_new();
    e->env.tls = tls_store_new();
    e->env.tls_failed = &e->counter[COUNT_TLS_FAILED];
    e->limit = limit_new(&limits);
    e->nproxies = MIN(c->nproxies, (unsigned)G_N_ELEMENTS(e->proxy));
    memcpy(e->proxy, c->proxy, sizeof(e->proxy));
    e->exempt_loopback = c->exempt_loopback;
    e->commands = mailbox_new(sizeof(struct edge_cmd), EDGE_COMMANDS);
    e->detached = mailbox_new(1, 1);
    e->listeners = g_ptr_array_new();
    e->webs = g_hash_table_new(NULL, NULL);
    e->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    e->flows = g_hash_table_new(g_int64_hash, g_int64_equal);
    e->pipes = g_hash_table_new(NULL, NULL);
    e->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    e->dial_ca = g_strdup(c->dial_ca);
    if (!e->env.loop || !edge_start(e, c)) {
        edge_free_parts(e);
        return NULL;
    }
    return e;
}

void edge_stop(struct edge *e)
{
    struct edge_cmd stop = {.type = CMD_STOP};

    if (e->stopped)
        return;
    cmd_post(e, &stop);
    (void)pthread_join(e->thread, NULL);
    e->stopped = true;
    detach(e, NULL);
}

void edge_free(struct edge *e)
{
    struct edge_cmd cmd;

    if (!e)
        return;
    edge_stop(e);
    while (mailbox_take(e->commands, &cmd))
        cmd_clear(&cmd);
    edge_free_parts(e);
}

enum gw_err edge_reload_tls(struct edge *e, unsigned ncerts, const struct edge_cert *cert,
                            const char *client_ca)
{
    struct edge_cmd cmd = {.type = CMD_TLS};
    struct tls_set *set = tls_set_new(e->env.tls, ncerts, cert, client_ca, e->dial_ca);

    if (!set)
        return fail(GW_ECONFIG, MOD, "certificates not reloaded, the old ones stay");
    e->checked = set;
    cmd.u.tls = set;
    cmd_post(e, &cmd);
    return GW_OK;
}

void edge_detach(struct edge *e, const struct mailbox *events)
{
    struct edge_cmd cmd = {.type = CMD_DETACH, .u.events = events};
    struct pollfd wait = {.fd = mailbox_fd(e->detached), .events = POLLIN};
    char byte;

    if (e->stopped)
        return;
    cmd_post(e, &cmd);
    do {
        (void)poll(&wait, 1, -1);
    } while (!mailbox_take(e->detached, &byte));
}

/* ---- call thread: listeners ---- */

static bool tls_ready(const struct edge *e, enum tls_kind kind, const struct net_addr *at)
{
    char text[NET_ADDR_TEXT];

    if (tls_set_serves(e->checked, kind))
        return true;
    LOG_E(MOD, "cannot listen with TLS on %s: no %s configured", net_addr_text(at, text),
          kind == TLS_SIP_MUTUAL ? "certificate and client CA" : "certificate");
    return false;
}

static void listen_post(struct edge *e, struct listener *l)
{
    struct edge_cmd cmd = {.type = CMD_LISTEN, .u.listener = l};

    cmd_post(e, &cmd);
}

enum gw_err edge_listen_web(struct edge *e, const struct edge_web_config *c, struct net_addr *bound)
{
    struct listener *l;

    if (c->tls && !tls_ready(e, TLS_WEB, &c->listen))
        return GW_ECONFIG;
    l = listener_new(e, &c->listen, bound);
    if (!l)
        return GW_EIO;
    l->tls = c->tls;
    l->kind = TLS_WEB;
    l->site = site_new(c);
    l->events = c->events;
    listen_post(e, l);
    return GW_OK;
}

enum gw_err edge_listen_sip(struct edge *e, const struct edge_sip_config *c, struct net_addr *bound)
{
    enum tls_kind kind = c->client_certificate ? TLS_SIP_MUTUAL : TLS_SIP;
    struct listener *l;

    if (c->ws) /* what connects is a browser */
        kind = TLS_WEB;
    if (c->tls && !tls_ready(e, kind, &c->listen))
        return GW_ECONFIG;
    l = listener_new(e, &c->listen, bound);
    if (!l)
        return GW_EIO;
    l->tls = c->tls;
    l->kind = kind;
    l->site = c->ws ? site_new_sip(c->origins) : NULL;
    l->loopback = c->loopback;
    l->events = c->events;
    listen_post(e, l);
    return GW_OK;
}

/* ---- any thread ---- */

void edge_http_respond(struct edge *e, uint64_t id, unsigned status, const char *headers,
                       const char *content_type, struct span body)
{
    struct edge_cmd cmd = {.type = CMD_ANSWER, .id = id};
    struct web_answer *a = g_new0(struct web_answer, 1);

    a->status = status;
    a->headers = g_strdup(headers);
    a->content_type = g_strdup(content_type);
    a->body = g_memdup2(body.p, body.n);
    a->n = body.n;
    cmd.u.answer = a;
    cmd_post(e, &cmd);
}

void edge_ws_send(struct edge *e, uint64_t id, const char *text, size_t n)
{
    struct edge_cmd cmd = {.type = CMD_WS_SEND, .id = id, .u.text = {g_memdup2(text, n), n}};

    cmd_post(e, &cmd);
}

void edge_ws_close(struct edge *e, uint64_t id, uint16_t code, const char *reason)
{
    struct edge_cmd cmd = {.type = CMD_WS_CLOSE, .id = id, .u.close = {g_strdup(reason), code}};

    cmd_post(e, &cmd);
}

void edge_dial_sip(struct edge *e, uint64_t flow, const struct net_addr *to, const char *tls_name,
                   const struct net_addr *loopback, struct mailbox *events)
{
    struct edge_cmd cmd = {.type = CMD_DIAL};
    struct flow_order *o = g_new0(struct flow_order, 1);

    o->id = flow;
    o->to = *to;
    o->loopback = *loopback;
    o->tls_name = g_strdup(tls_name);
    o->events = events;
    cmd.u.dial = o;
    cmd_post(e, &cmd);
}

void edge_flow_close(struct edge *e, uint64_t flow)
{
    struct edge_cmd cmd = {.type = CMD_FLOW_CLOSE, .id = flow};

    cmd_post(e, &cmd);
}

void edge_stats(const struct edge *e, struct edge_stats *out)
{
    uint64_t n[EDGE_COUNTERS];

    for (unsigned i = 0; i < EDGE_COUNTERS; i++)
        n[i] = atomic_load_explicit(&e->counter[i], memory_order_relaxed);
    *out = (struct edge_stats){
        .accepted = n[COUNT_ACCEPTED],
        .refused_limit = n[COUNT_REFUSED],
        .tls_failed = n[COUNT_TLS_FAILED],
        .http_requests = n[COUNT_REQUESTS],
        .http_errors = n[COUNT_HTTP_ERRORS],
        .ws_messages = n[COUNT_WS_MESSAGES],
        .sip_messages = n[COUNT_SIP_MESSAGES],
        .sip_screened = n[COUNT_SIP_SCREENED],
        .connections = atomic_load_explicit(&e->connections, memory_order_relaxed),
    };
}
