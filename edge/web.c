/* One HTTP connection: one request at a time, answered from the site's files or by the owner of the
 * listener; or, after an upgrade, one WebSocket: its owner's, or of a SIP flow. */
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "edge/core.h"
#include "edge/response.h"
#include "edge/ws.h"

enum {
    WEB_FIRST_BYTE_S = 5,
    WEB_HEAD_S = 10,
    WEB_BODY_S = 20,
    WEB_ANSWER_S = 30,
    WEB_SEND_S = 60,
    WEB_IDLE_S = 15,
    WEB_REQUESTS_MAX = 100,
    WEB_WAITING_MAX = 16384 /* pipelined bytes kept while a request is answered */
};

enum web_state {
    WEB_READING, /* a request, or nothing yet */
    WEB_ASKED,   /* the owner has it */
    WEB_SENDING, /* the answer is not all sent */
    WEB_SOCKET,  /* upgraded */
    WEB_ENDED
};

struct web {
    struct edge *edge;
    struct listener *listener;
    struct stream *stream;
    enum web_state state;
    struct h1_parser *parser;
    uint64_t id; /* of the request the owner has, or of the WebSocket; 0: none */
    unsigned requests;
    bool head_only, keep_alive, minor0;
    struct net_addr client; /* behind a trusted proxy: not the socket's peer */
    bool client_tls;
    char *cors;          /* the listed origin that asked, or NULL */
    GByteArray *waiting; /* pipelined bytes, or NULL */
    struct ws *ws;
    struct flow *flow; /* ENDED: whose the connection is now, or NULL */
};

/* ---- ends ---- */

static void web_free(void *object)
{
    struct web *w = object;

    h1_free(w->parser);
    if (w->waiting)
        (void)g_byte_array_free(w->waiting, TRUE);
    ws_free(w->ws);
    g_free(w->cors);
    g_free(w);
}

static void web_post(struct web *w, enum edge_event_type type, uint16_t code, const char *why)
{
    struct edge_event ev = {.type = type,
                            .id = w->id,
                            .peer = w->client,
                            .tls = w->client_tls,
                            .code = code,
                            .why = g_strdup(why)};

    mailbox_post_always(w->listener->events, &ev);
}

static void web_forget_id(struct web *w)
{
    (void)g_hash_table_remove(w->edge->by_id, &w->id);
    w->id = 0;
}

/* The last event of this id, whatever ended it. */
static void web_report_end(struct web *w, uint16_t code, const char *why)
{
    if (!w->id)
        return;
    web_post(w, w->ws ? EDGE_WS_CLOSED : EDGE_HTTP_GONE, code, why);
    web_forget_id(w);
}

static void on_closed(struct stream *s, const char *why)
{
    struct web *w = stream_owner(s);

    web_report_end(w, 1006, why);
    w->state = WEB_ENDED;
    edge_connection_gone(w->edge, stream_peer(s));
    (void)g_hash_table_remove(w->edge->webs, w);
    loop_dispose(w->edge->env.loop, w, web_free);
}

/* ---- answers ---- */

static void on_silent(struct stream *s)
{
    stream_close(s, "no request came");
}

static void on_send_late(struct stream *s)
{
    stream_close(s, "the client did not read the answer in time");
}

static void web_answer_sent(struct web *w)
{
    if (!w->keep_alive) {
        w->state = WEB_ENDED;
        stream_finish(w->stream, "the answer was the last one");
        return;
    }
    w->state = WEB_READING;
    h1_reset(w->parser);
    stream_deadline(w->stream, WEB_IDLE_S, on_silent);
    stream_resume(w->stream);
}

static void append_cors(const struct web *w, GString *headers)
{
    if (w->cors)
        g_string_append_printf(headers,
                               "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
                               "Access-Control-Expose-Headers: Location, Link, ETag\r\n",
                               w->cors);
}

/* @p fixed: the body outlives the connection (a static file) and is not copied. */
static void web_respond(struct web *w, struct h1_response *r, const void *body, bool fixed)
{
    g_autoptr(GString) head = g_string_sized_new(512);
    g_autoptr(GString) headers = g_string_new(r->headers);

    append_cors(w, headers);
    r->headers = headers->str;
    if (++w->requests >= WEB_REQUESTS_MAX)
        w->keep_alive = false;
    r->keep_alive = w->keep_alive;
    r->say_keep_alive = w->minor0;
    if (r->status >= 400)
        edge_count(w->edge, COUNT_HTTP_ERRORS);
    h1_write_head(head, r);
    w->state = WEB_SENDING;
    stream_deadline(w->stream, WEB_SEND_S, on_send_late);
    if (!fixed && !w->head_only)
        (void)g_string_append_len(head, body, (gssize)r->length);
    stream_write(w->stream, head->str, head->len);
    if (fixed && !w->head_only)
        stream_write_static(w->stream, body, r->length);
    if (!stream_queued(w->stream))
        web_answer_sent(w);
}

static void web_refuse(struct web *w, unsigned status, const char *why, const char *headers)
{
    g_autofree char *body = g_strdup_printf("%u %s: %s\n", status, h1_reason(status), why);
    struct h1_response r = {.status = status,
                            .headers = headers,
                            .content_type = "text/plain; charset=utf-8",
                            .length = strlen(body)};

    web_respond(w, &r, body, false);
}

/* For requests whose end is not known: what follows cannot be trusted to be the next one. */
static void web_refuse_last(struct web *w, unsigned status, const char *why, const char *headers)
{
    w->keep_alive = false;
    web_refuse(w, status, why, headers);
}

static void web_send_file(struct web *w, const struct h1_request *r, const struct site_file *f)
{
    g_autofree char *headers = g_strdup_printf("ETag: %s\r\nCache-Control: no-cache\r\n", f->etag);
    struct h1_response answer = {
        .status = 200, .headers = headers, .content_type = f->content_type, .length = f->size};

    if (site_etag_matches(r, f->etag)) {
        answer.status = 304;
        answer.content_type = NULL;
        answer.length = 0;
    }
    web_respond(w, &answer, f->data, true);
}

/* RFC 9110 / Fetch: what a page of a listed origin may send to the routes. */
static void web_preflight(struct web *w, unsigned methods)
{
    char allow[64];
    g_autofree char *headers = NULL;
    struct h1_response r = {.status = 204};

    site_allow(methods | EDGE_OPTIONS, allow, sizeof(allow));
    headers = g_strdup_printf("Access-Control-Allow-Methods: %s\r\n"
                              "Access-Control-Allow-Headers: authorization, content-type, "
                              "if-match, if-none-match, last-event-id\r\n"
                              "Access-Control-Max-Age: 600\r\n",
                              allow);
    r.headers = headers;
    web_respond(w, &r, NULL, false);
}

/* ---- asking the owner ---- */

static void web_note_client(struct web *w, const struct h1_request *r)
{
    const struct net_addr *peer = stream_peer(w->stream);

    w->client = client_behind(w->edge, peer, r);
    w->client_tls = stream_is_tls(w->stream) ||
                    (edge_trusts(w->edge, peer) &&
                     span_equal_nocase(h1_field(r, "x-forwarded-proto"), SPAN("https")));
}

static struct edge_event event_of(struct web *w, enum edge_event_type type,
                                  const struct h1_request *r)
{
    struct edge_event ev = event_of_request(type, r);

    web_note_client(w, r);
    ev.peer = w->client;
    ev.tls = w->client_tls;
    return ev;
}

static bool web_take_id(struct web *w, struct edge_event *ev)
{
    w->id = ev->id = id_next();
    if (mailbox_post(w->listener->events, ev) != GW_OK) {
        w->id = 0;
        edge_event_clear(ev);
        return false;
    }
    (void)g_hash_table_insert(w->edge->by_id, &w->id, w);
    return true;
}

static void on_answer_late(struct stream *s);

static void web_ask(struct web *w, const struct h1_request *r)
{
    struct edge_event ev = event_of(w, EDGE_HTTP_REQUEST, r);

    ev.body = h1_take_body(w->parser, &ev.body_len);
    if (!web_take_id(w, &ev)) {
        web_refuse(w, 503, "too busy", "Retry-After: 2\r\n");
        return;
    }
    w->state = WEB_ASKED;
    stream_deadline(w->stream, WEB_ANSWER_S, on_answer_late);
}

void web_answer_free(struct web_answer *a)
{
    g_free(a->headers);
    g_free(a->content_type);
    g_free(a->body);
    g_free(a);
}

/* ---- WebSocket ---- */

static void on_ws_send(void *arg, const void *data, size_t n)
{
    struct web *w = arg;

    stream_write(w->stream, data, n);
}

/* With a NUL behind, and any inside kept. */
static char *bytes_dup(const char *p, size_t n)
{
    char *copy = g_malloc(n + 1);

    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

static void on_ws_text(void *arg, const char *text, size_t n)
{
    struct web *w = arg;
    struct edge_event ev = {.type = EDGE_WS_TEXT,
                            .id = w->id,
                            .peer = w->client,
                            .tls = w->client_tls,
                            .body = bytes_dup(text, n),
                            .body_len = n};

    edge_count(w->edge, COUNT_WS_MESSAGES);
    if (mailbox_post(w->listener->events, &ev) == GW_OK)
        return;
    edge_event_clear(&ev);
    ws_close(w->ws, 1013, "too busy");
}

/* After every call into the WebSocket: was that the end? */
static void web_socket_check(struct web *w)
{
    if (w->state != WEB_SOCKET)
        return;
    if (stream_choked(w->stream)) {
        web_report_end(w, 1008, "the client does not read what it is sent");
        stream_close(w->stream, "outbox full");
    } else if (ws_is_closed(w->ws)) {
        web_report_end(w, ws_code(w->ws), ws_why(w->ws));
        w->state = WEB_ENDED;
        stream_finish(w->stream, ws_why(w->ws));
    }
}

static void on_ws_tick(struct stream *s)
{
    struct web *w = stream_owner(s);
    unsigned next_s = ws_tick(w->ws, loop_now(w->edge->env.loop));

    if (next_s)
        stream_deadline(s, next_s, on_ws_tick);
    else if (!ws_is_closed(w->ws)) {
        stream_close(s, "nothing was heard for a minute");
        return;
    }
    web_socket_check(w);
}

static void web_socket_input(struct web *w, const char *p, size_t n)
{
    ws_input(w->ws, p, n, loop_now(w->edge->env.loop));
    on_ws_tick(w->stream);
}

static void web_switch(struct web *w, const struct ws_opening *opening)
{
    g_autofree char *head =
        g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                        "Sec-WebSocket-Protocol: %s\r\n\r\n",
                        opening->accept, opening->protocol);

    stream_write(w->stream, head, strlen(head));
}

/* The stream is no longer ours; what came behind the handshake goes to the flow (web_feed()). */
static void web_hand_over(struct web *w)
{
    w->state = WEB_ENDED;
    w->flow = flow_upgrade(w->listener, w->stream, &w->client, w->client_tls);
    (void)g_hash_table_remove(w->edge->webs, w);
    loop_dispose(w->edge->env.loop, w, web_free);
}

static void web_upgrade(struct web *w, const struct h1_request *r)
{
    static const struct ws_ops ops = {.send = on_ws_send, .text = on_ws_text};
    struct ws_opening opening;
    struct edge_event ev;

    ws_open_check(r, w->listener->site, &opening);
    if (opening.status != 101) {
        web_refuse(w, opening.status, opening.why, opening.headers);
        return;
    }
    if (w->listener->loopback.set) {
        web_note_client(w, r);
        web_switch(w, &opening);
        web_hand_over(w);
        return;
    }
    ev = event_of(w, EDGE_WS_OPEN, r);
    ev.protocol = g_strdup(opening.protocol);
    if (!web_take_id(w, &ev)) {
        web_refuse(w, 503, "too busy", "Retry-After: 2\r\n");
        return;
    }
    web_switch(w, &opening);
    w->ws = ws_new(&ops, w, loop_now(w->edge->env.loop));
    w->state = WEB_SOCKET;
    stream_deadline(w->stream, WS_PING_AFTER_S, on_ws_tick);
}

void web_send_text(struct web *w, const char *text, size_t n)
{
    if (w->state != WEB_SOCKET)
        return;
    ws_send_text(w->ws, text, n);
    web_socket_check(w);
}

void web_close_socket(struct web *w, uint16_t code, const char *reason)
{
    if (w->state != WEB_SOCKET)
        return;
    ws_close(w->ws, code, reason);
    web_socket_check(w);
}

/* ---- requests ---- */

static void on_head_late(struct stream *s)
{
    web_refuse_last(stream_owner(s), 408, "the request took too long", NULL);
}

static void web_refuse_method(struct web *w, unsigned methods)
{
    char allow[64];
    g_autofree char *headers = NULL;

    site_allow(methods, allow, sizeof(allow));
    headers = g_strdup_printf("Allow: %s\r\n", allow);
    web_refuse(w, 405, "this method is not allowed here", headers);
}

static bool is_preflight(const struct web *w, const struct h1_request *r)
{
    return w->cors && r->method == EDGE_OPTIONS &&
           h1_field_count(r, "access-control-request-method");
}

static void web_dispatch(struct web *w)
{
    const struct h1_request *r = h1_request(w->parser);
    struct span origin = h1_field(r, "origin");
    struct site_hit hit;

    edge_count(w->edge, COUNT_REQUESTS);
    site_find(w->listener->site, r->path, &hit);
    if (hit.methods & EDGE_GET && hit.match != SITE_SOCKET)
        hit.methods |= EDGE_HEAD; /* RFC 9110 9.1; the owner is asked as for GET */
    if (hit.match == SITE_ROUTE && origin.n && site_origin_listed(w->listener->site, origin))
        w->cors = span_dup(origin);
    if (hit.match == SITE_NOTHING)
        web_refuse(w, 404, "there is nothing at this address", NULL);
    else if (hit.match == SITE_SOCKET)
        web_upgrade(w, r);
    else if (is_preflight(w, r) && !(hit.methods & EDGE_OPTIONS))
        web_preflight(w, hit.methods);
    else if (!(hit.methods & r->method))
        web_refuse_method(w, hit.methods);
    else if (hit.match == SITE_FILE)
        web_send_file(w, r, hit.file);
    else
        web_ask(w, r);
}

static void web_head_done(struct web *w)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct h1_request *r = h1_request(w->parser);

    w->head_only = r->method == EDGE_HEAD;
    w->keep_alive = r->keep_alive;
    w->minor0 = r->minor == 0 && r->keep_alive;
    g_clear_pointer(&w->cors, g_free);
    if (!r->length && !r->chunked)
        return;
    stream_deadline(w->stream, WEB_BODY_S, on_head_late);
    if (r->expects_continue)
        stream_write(w->stream, go_on, sizeof(go_on) - 1);
}

static void web_wait(struct web *w, const char *p, size_t n)
{
    if (!n)
        return;
    if (!w->waiting)
        w->waiting = g_byte_array_new();
    (void)g_byte_array_append(w->waiting, (const guint8 *)p, (guint)n);
    if (w->waiting->len >= WEB_WAITING_MAX)
        stream_pause(w->stream);
}

/* Feed one request, or what has come of it; returns the bytes used. */
static size_t web_feed_one(struct web *w, const char *p, size_t n)
{
    bool begun = h1_begun(w->parser);
    size_t used;
    size_t all = 0;
    enum h1_state state;

    do {
        state = h1_feed(w->parser, p + all, n - all, &used);
        all += used;
        if (state == H1_HEAD)
            web_head_done(w);
    } while (state == H1_HEAD);
    switch (state) {
    case H1_HEAD:
    case H1_MORE:
        if (!begun && h1_begun(w->parser) && !h1_in_body(w->parser))
            stream_deadline(w->stream, WEB_HEAD_S, on_head_late);
        break;
    case H1_BAD:
        w->head_only = false;
        web_refuse_last(w, h1_status(w->parser), h1_why(w->parser), NULL);
        break;
    case H1_DONE: web_dispatch(w); break;
    }
    return all;
}

/* One request is in flight at a time; what follows it waits. */
static void web_feed(struct web *w, const char *p, size_t n)
{
    while (n && w->state == WEB_READING) {
        size_t used = web_feed_one(w, p, n);
        p += used;
        n -= used;
    }
    if (n && w->state == WEB_SOCKET) /* frames sent right behind the handshake */
        web_socket_input(w, p, n);
    else if (n && w->flow)
        flow_frames(w->flow, p, n);
    else if (n && w->state != WEB_ENDED)
        web_wait(w, p, n);
}

/* An answer has been sent: go on with what waited behind its request. */
static void web_go_on(struct web *w)
{
    GByteArray *early;

    if (w->state != WEB_READING || !w->waiting)
        return;
    early = g_steal_pointer(&w->waiting);
    web_feed(w, (const char *)early->data, early->len);
    (void)g_byte_array_free(early, TRUE);
}

static void on_answer_late(struct stream *s)
{
    struct web *w = stream_owner(s);

    web_report_end(w, 0, "not answered in time");
    web_refuse(w, 504, "no answer in time", NULL);
    web_go_on(w);
}

void web_answered(struct web *w, const struct web_answer *a)
{
    struct h1_response r = {.status = a->status,
                            .headers = a->headers,
                            .content_type = a->content_type,
                            .length = a->n};

    if (w->state != WEB_ASKED)
        return;
    web_forget_id(w);
    if (a->headers && !h1_headers_ok(a->headers)) {
        LOG_W("edge", "an answer with malformed header lines was not sent");
        web_refuse(w, 500, "internal error", NULL);
    } else {
        web_respond(w, &r, a->body, false);
    }
    web_go_on(w);
}

/* ---- the stream's events ---- */

static void on_opened(struct stream *s)
{
    stream_deadline(s, WEB_FIRST_BYTE_S, on_silent);
}

static void on_input(struct stream *s, char *data, size_t n)
{
    struct web *w = stream_owner(s);

    switch (w->state) {
    case WEB_READING: web_feed(w, data, n); break;
    case WEB_ASKED:
    case WEB_SENDING: web_wait(w, data, n); break;
    case WEB_SOCKET: web_socket_input(w, data, n); break;
    case WEB_ENDED: break;
    }
}

static void on_drained(struct stream *s)
{
    struct web *w = stream_owner(s);

    if (w->state != WEB_SENDING)
        return;
    web_answer_sent(w);
    web_go_on(w);
}

/* A client that shuts its sending side may still read the answer being sent, but nobody can tell
 * it from one that went away while the owner thinks. */
static void on_ended(struct stream *s)
{
    struct web *w = stream_owner(s);

    if (w->state == WEB_SENDING) {
        w->state = WEB_ENDED;
        stream_finish(s, "the client closed the connection");
    } else {
        stream_close(s, "the client closed the connection");
    }
}

void web_accept(struct listener *l, int fd, SSL *ssl, const struct net_addr *peer)
{
    static const struct stream_ops ops = {.opened = on_opened,
                                          .input = on_input,
                                          .drained = on_drained,
                                          .ended = on_ended,
                                          .closed = on_closed};
    struct web *w = g_new0(struct web, 1);

    w->edge = l->edge;
    w->listener = l;
    w->parser = h1_new();
    (void)g_hash_table_add(l->edge->webs, w);
    w->stream = stream_accepted(&l->edge->env, fd, ssl, peer, &ops, w);
}

void web_drop_all(struct edge *e, const struct mailbox *events)
{
    g_autoptr(GList) all = g_hash_table_get_keys(e->webs);

    for (GList *i = all; i; i = i->next) {
        struct web *w = i->data;
        if (events && w->listener->events != events)
            continue;
        if (w->state == WEB_SOCKET)
            ws_close(w->ws, 1001, "the service is going away");
        if (w->id)
            web_forget_id(w); /* the owner has asked for silence */
        stream_close(w->stream, "the service is going away");
    }
}
