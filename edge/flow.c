/* One SIP stream: a client's connection (accepted, dialled, or a WebSocket) and its own loopback
 * connection into the SIP stack, message by message. The stack sees TCP; the client sees what it
 * speaks. */
#include "base/ids.h"
#include "base/log.h"
#include "edge/core.h"
#include "edge/sipstream.h"
#include "edge/ws.h"

#include <errno.h>
#include <unistd.h>

#define MOD "edge"

enum { FLOW_FIRST_S = 5, FLOW_MESSAGE_S = 10 };

enum flow_state {
    FLOW_DIALLING, /* the connection to the far end is being made */
    FLOW_SILENT,   /* accepted; nothing said yet, so the stack has not heard of it either */
    FLOW_JOINING,  /* connecting to the stack */
    FLOW_UP,
    FLOW_ENDED, /* reported; one of the two connections may still be closing */
    FLOW_GONE
};

struct flow {
    struct edge *edge;
    uint64_t id;
    enum flow_state state;
    bool dialled, announced; /* announced: the owner knows the id */
    bool tls;
    struct net_addr peer;
    struct net_addr stack; /* where the SIP stack listens */
    struct net_addr own;   /* our end of the loopback connection */
    struct mailbox *events;
    struct stream *client, *back; /* NULL when closed */
    struct ws *ws;                /* between client and us; NULL: plain SIP */
    struct sipstream *from_client, *from_back;
    bool late_set;  /* a deadline for the rest of a message runs */
    bool completed; /* the last input brought the end of a message */
};

static void flow_free(void *object)
{
    struct flow *f = object;

    sipstream_free(f->from_client);
    sipstream_free(f->from_back);
    ws_free(f->ws);
    g_free(f);
}

static void flow_dispose_if_done(struct flow *f)
{
    if (f->state != FLOW_ENDED || f->client || f->back)
        return;
    f->state = FLOW_GONE;
    (void)g_hash_table_remove(f->edge->pipes, f);
    loop_dispose(f->edge->env.loop, f, flow_free);
}

static struct edge_event flow_event(const struct flow *f, enum edge_event_type type)
{
    return (struct edge_event){.type = type,
                               .id = f->id,
                               .peer = f->peer,
                               .tls = f->tls,
                               .ws = f->ws != NULL,
                               .loopback = f->own};
}

/* The transport of the topmost Via as the client writes it (RFC 3261 20.42, RFC 7118 5.2.1). */
static struct span flow_transport(const struct flow *f)
{
    if (f->ws)
        return f->tls ? SPAN("WSS") : SPAN("WS");
    return f->tls ? SPAN("TLS") : SPAN("TCP");
}

static void flow_log_end(struct flow *f, const char *why)
{
    uint64_t now = loop_now(f->edge->env.loop);
    char peer[NET_ADDR_TEXT];

    if (log_quota_pass(&f->edge->down, now, MOD, "ended SIP streams"))
        LOG_I(MOD, "SIP %s stream %s %s ended: %s", flow_transport(f).p, f->dialled ? "to" : "from",
              net_addr_text(&f->peer, peer), why);
}

void flow_end(struct flow *f, const char *why)
{
    struct edge_event ev = flow_event(f, EDGE_FLOW_DOWN);

    if (f->state >= FLOW_ENDED)
        return;
    f->state = FLOW_ENDED;
    (void)g_hash_table_remove(f->edge->flows, &f->id);
    flow_log_end(f, why);
    if (f->announced) {
        ev.why = g_strdup(why);
        mailbox_post_always(f->events, &ev);
    }
    if (f->back)
        stream_close(f->back, why);
    if (f->ws)
        ws_close(f->ws, 1001, why);
    if (f->client) /* what the stack said last may still be on its way */
        stream_finish(f->client, why);
    flow_dispose_if_done(f);
}

static void flow_screened(struct flow *f, const char *why)
{
    g_autofree char *text = g_strdup_printf("a message was refused: %s", why);

    edge_count(f->edge, COUNT_SIP_SCREENED);
    if (!f->dialled)
        limit_punish(f->edge->limit, &f->peer);
    if (f->ws)
        ws_close(f->ws, 1008, text);
    flow_end(f, text);
}

/* ---- one message across ---- */

/* A text frame must be UTF-8; a body need not be. */
static void flow_write(struct flow *f, struct stream *to, struct span message)
{
    if (to != f->client || !f->ws)
        stream_write(to, message.p, message.n);
    else if (g_utf8_validate(message.p, (gssize)message.n, NULL))
        ws_send_text(f->ws, message.p, message.n);
    else
        ws_send_binary(f->ws, message.p, message.n);
}

/* Written to @p to; when that reads too slowly, @p from must wait. False when the flow has ended.
 */
static bool flow_pass(struct flow *f, struct sipstream *s, struct stream *from, struct stream *to)
{
    bool inward = to == f->back;

    sipstream_set_transport(s, inward ? SPAN("TCP") : flow_transport(f));
    f->completed = true;
    edge_count(f->edge, COUNT_SIP_MESSAGES);
    flow_write(f, to, sipstream_message(s));
    sipstream_next(s);
    if (stream_choked(to)) {
        flow_end(f, inward ? "the SIP stack does not keep up" : "the client does not keep up");
        return false;
    }
    if (stream_queued(to) > STREAM_PAUSE_AT)
        stream_pause(from);
    return true;
}

static void flow_warn_length(struct flow *f)
{
    char peer[NET_ADDR_TEXT];

    if (log_quota_pass(&f->edge->warned, loop_now(f->edge->env.loop), MOD, "SIP warnings"))
        LOG_W(MOD, "%s sends no Content-Length on a stream: taken as 0",
              net_addr_text(&f->peer, peer));
}

static bool flow_join(struct flow *f);

/* Pings are answered once an input, so that a flood of them cannot fill the outbox. */
static void flow_input(struct flow *f, struct sipstream *s, struct stream *from, char *p, size_t n)
{
    bool ponged = false;
    size_t used;

    while (n && f->state < FLOW_ENDED) {
        enum sipstream_state state = sipstream_feed(s, p, n, &used);
        p += used;
        n -= used;
        switch (state) {
        case SIPSTREAM_MORE: break;
        case SIPSTREAM_BAD: flow_screened(f, sipstream_why(s)); return;
        case SIPSTREAM_PING:
            if (!ponged)
                stream_write(from, "\r\n", 2);
            ponged = true;
            break;
        case SIPSTREAM_MESSAGE:
            if (sipstream_lacks_length(s))
                flow_warn_length(f);
            if (f->state == FLOW_SILENT && !flow_join(f))
                return;
            if (!flow_pass(f, s, from, from == f->client ? f->back : f->client))
                return;
            break;
        }
    }
}

/* ---- the client's side ---- */

static void on_first_late(struct stream *s)
{
    flow_end(stream_owner(s), "no SIP message came");
}

/* The rest of what the client says may have come: it is we who do not read. */
static bool flow_keeps_waiting(const struct flow *f)
{
    return f->back && stream_queued(f->back) > STREAM_PAUSE_AT;
}

static void on_message_late(struct stream *s)
{
    struct flow *f = stream_owner(s);

    if (flow_keeps_waiting(f))
        stream_deadline(s, FLOW_MESSAGE_S, on_message_late);
    else
        flow_end(f, "the rest of a message did not come in time");
}

static void on_client_opened(struct stream *s)
{
    struct flow *f = stream_owner(s);

    stream_watch_peer(s);
    if (f->dialled)
        (void)flow_join(f);
    else
        stream_deadline(s, FLOW_FIRST_S, on_first_late);
}

static void on_client_input(struct stream *s, char *data, size_t n)
{
    struct flow *f = stream_owner(s);
    bool partial;

    if (f->ws) {
        flow_frames(f, data, n);
        return;
    }
    f->completed = false;
    flow_input(f, f->from_client, s, data, n);
    if (f->state >= FLOW_ENDED || f->state == FLOW_SILENT)
        return;
    partial = sipstream_partial(f->from_client);
    if (partial && (!f->late_set || f->completed)) /* each message has its own time */
        stream_deadline(s, FLOW_MESSAGE_S, on_message_late);
    else if (!partial)
        stream_no_deadline(s);
    f->late_set = partial;
}

static void on_client_drained(struct stream *s)
{
    struct flow *f = stream_owner(s);

    if (f->back)
        stream_resume(f->back);
}

static void on_client_closed(struct stream *s, const char *why)
{
    struct flow *f = stream_owner(s);

    f->client = NULL;
    if (!f->dialled)
        edge_connection_gone(f->edge, stream_peer(s));
    flow_end(f, why);
    flow_dispose_if_done(f);
}

static const struct stream_ops client_ops = {.opened = on_client_opened,
                                             .input = on_client_input,
                                             .drained = on_client_drained,
                                             .closed = on_client_closed};

/* ---- a client behind WebSocket ---- */

static void on_ws_send(void *arg, const void *data, size_t n)
{
    struct flow *f = arg;

    if (f->client)
        stream_write(f->client, data, n);
}

/* RFC 7118 5: one SIP message, or keep-alive. */
static void on_ws_message(void *arg, const char *p, size_t n)
{
    struct flow *f = arg;

    if (f->state >= FLOW_ENDED)
        return;
    switch (sipstream_whole(f->from_client, p, n)) {
    case SIPSTREAM_MORE: break;
    case SIPSTREAM_BAD: flow_screened(f, sipstream_why(f->from_client)); break;
    case SIPSTREAM_PING: flow_write(f, f->client, SPAN("\r\n")); break;
    case SIPSTREAM_MESSAGE:
        if (f->state != FLOW_SILENT || flow_join(f))
            (void)flow_pass(f, f->from_client, f->client, f->back);
        break;
    }
}

/* After every call into the WebSocket: was that the end? */
static void flow_check_socket(struct flow *f)
{
    if (f->state < FLOW_ENDED && ws_is_closed(f->ws))
        flow_end(f, ws_why(f->ws));
}

static void on_ws_tick(struct stream *s)
{
    struct flow *f = stream_owner(s);
    unsigned next_s = FLOW_MESSAGE_S;

    if (!flow_keeps_waiting(f))
        next_s = ws_tick(f->ws, loop_now(f->edge->env.loop));
    if (next_s)
        stream_deadline(s, next_s, on_ws_tick);
    else if (!ws_is_closed(f->ws)) {
        flow_end(f, "nothing was heard for a minute");
        return;
    }
    flow_check_socket(f);
}

void flow_frames(struct flow *f, const char *p, size_t n)
{
    ws_input(f->ws, p, n, loop_now(f->edge->env.loop));
    if (f->state < FLOW_ENDED)
        on_ws_tick(f->client);
}

/* ---- the stack's side ---- */

static void on_back_opened(struct stream *s)
{
    struct flow *f = stream_owner(s);
    struct edge_event ev = flow_event(f, EDGE_FLOW_UP);

    f->state = FLOW_UP;
    if (f->dialled)
        mailbox_post_always(f->events, &ev);
}

static void on_back_input(struct stream *s, char *data, size_t n)
{
    struct flow *f = stream_owner(s);

    flow_input(f, f->from_back, s, data, n);
}

static void on_back_drained(struct stream *s)
{
    struct flow *f = stream_owner(s);

    if (f->client)
        stream_resume(f->client);
}

static void on_back_closed(struct stream *s, const char *why)
{
    struct flow *f = stream_owner(s);
    g_autofree char *text = g_strdup_printf("SIP stack: %s", why);

    f->back = NULL;
    flow_end(f, text);
    flow_dispose_if_done(f);
}

static const struct stream_ops back_ops = {.opened = on_back_opened,
                                           .input = on_back_input,
                                           .drained = on_back_drained,
                                           .closed = on_back_closed};

/* Our end is bound and told before connect(): the stack accepts only ports it has been told of. */
static bool flow_join(struct flow *f)
{
    struct edge_event ev;
    int fd;

    f->own = f->stack;
    f->own.port = 0;
    fd = stream_socket(&f->stack, &f->own);
    if (fd < 0) {
        g_autofree char *why =
            g_strdup_printf("no loopback connection to the SIP stack: %s", g_strerror(errno));
        flow_end(f, why);
        return false;
    }
    ev = flow_event(f, EDGE_FLOW_OPENING);
    if (mailbox_post(f->events, &ev) != GW_OK) {
        (void)close(fd);
        flow_end(f, "the SIP stack is too busy");
        return false;
    }
    f->announced = true;
    f->state = FLOW_JOINING;
    f->back = stream_dialled(&f->edge->env, fd, &f->stack, NULL, &back_ops, f);
    return true;
}

/* ---- making ---- */

static struct flow *flow_new(struct edge *e, uint64_t id, struct mailbox *events,
                             const struct net_addr *stack)
{
    struct flow *f = g_new0(struct flow, 1);

    f->edge = e;
    f->id = id;
    f->events = events;
    f->stack = *stack;
    f->from_client = sipstream_new();
    f->from_back = sipstream_new();
    (void)g_hash_table_insert(e->flows, &f->id, f);
    (void)g_hash_table_add(e->pipes, f);
    return f;
}

void flow_accept(struct listener *l, int fd, SSL *ssl, const struct net_addr *peer)
{
    struct flow *f = flow_new(l->edge, id_next(), l->events, &l->loopback);

    f->state = FLOW_SILENT;
    f->peer = *peer;
    f->tls = ssl != NULL;
    f->client = stream_accepted(&l->edge->env, fd, ssl, peer, &client_ops, f);
}

struct flow *flow_upgrade(struct listener *l, struct stream *s, const struct net_addr *client,
                          bool tls)
{
    static const struct ws_ops ops = {
        .send = on_ws_send, .text = on_ws_message, .binary = on_ws_message};
    struct flow *f = flow_new(l->edge, id_next(), l->events, &l->loopback);

    f->state = FLOW_SILENT; /* as long as it likes: an agent may wait for its user, and answers
                               our pings */
    f->peer = *client;
    f->tls = tls;
    f->client = s;
    f->ws = ws_new(&ops, f, loop_now(l->edge->env.loop));
    stream_set_owner(s, &client_ops, f);
    stream_watch_peer(s);
    stream_deadline(s, WS_PING_AFTER_S, on_ws_tick);
    return f;
}

void flow_order_free(struct flow_order *o)
{
    g_free(o->tls_name);
    g_free(o);
}

void flow_dial(struct edge *e, const struct flow_order *o)
{
    struct flow *f = flow_new(e, o->id, o->events, &o->loopback);
    int fd = stream_socket(&o->to, NULL);

    f->state = FLOW_DIALLING;
    f->dialled = f->announced = true;
    f->peer = o->to;
    f->tls = o->tls_name != NULL;
    if (fd < 0) {
        flow_end(f, "no socket for the connection");
        return;
    }
    f->client = stream_dialled(&e->env, fd, &o->to, o->tls_name, &client_ops, f);
}

void flow_drop_all(struct edge *e, const struct mailbox *events)
{
    g_autoptr(GList) all = g_hash_table_get_keys(e->pipes);

    for (GList *i = all; i; i = i->next) {
        struct flow *f = i->data;
        if (events && f->events != events)
            continue;
        f->announced = false; /* the owner has asked for silence */
        flow_end(f, "the service is going away");
        if (f->client)
            stream_close(f->client, "the service is going away");
    }
}
