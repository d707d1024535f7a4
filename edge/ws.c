#include "edge/ws.h"

#include "base/clock.h"

#include <openssl/evp.h>
#include <wslay/wslay.h>

#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */

enum { WS_KEY_TEXT = 24, WS_REASON_MAX = 120 };

struct ws {
    wslay_event_context_ptr ctx;
    const struct ws_ops *ops;
    void *arg;
    const char *in; /* the bytes being fed */
    size_t in_n;
    unsigned fragments;
    uint64_t now_us, heard_us, pinged_us;
    uint64_t begun_us;  /* when the message that is not complete began; 0: there is none */
    uint64_t tokens_us; /* rate as time: a frame costs 1 s / WS_RATE_S */
    uint16_t code;      /* 0: open */
    char why[WS_REASON_MAX];
};

/* ---- opening ---- */

static bool key_ok(struct span key)
{
    g_autofree char *text = span_dup(key);
    g_autofree guchar *bytes = NULL;
    gsize n = 0;

    if (key.n != WS_KEY_TEXT)
        return false;
    bytes = g_base64_decode(text, &n);
    return bytes && n == 16;
}

static void key_accept(struct span key, char out[32])
{
    char text[WS_KEY_TEXT + sizeof(WS_GUID)];
    unsigned char sum[20];
    unsigned len = 0;

    memcpy(text, key.p, WS_KEY_TEXT);
    memcpy(text + WS_KEY_TEXT, WS_GUID, sizeof(WS_GUID));
    if (EVP_Digest(text, sizeof(text) - 1, sum, &len, EVP_sha1(), NULL) != 1)
        memset(sum, 0, sizeof(sum));
    (void)EVP_EncodeBlock((unsigned char *)out, sum, sizeof(sum));
}

static void refuse(struct ws_opening *out, unsigned status, const char *why, const char *headers)
{
    out->status = status;
    out->why = why;
    out->headers = headers;
}

void ws_open_check(const struct h1_request *r, const struct site *site, struct ws_opening *out)
{
    struct span key = h1_field(r, "sec-websocket-key");
    struct span origin = h1_field(r, "origin");

    *out = (struct ws_opening){.status = 101};
    if (r->method != EDGE_GET)
        refuse(out, 405, "a WebSocket is opened with GET", "Allow: GET\r\n");
    else if (r->minor != 1 || !h1_field_has(r, "upgrade", "websocket") ||
             !h1_field_has(r, "connection", "upgrade"))
        refuse(out, 426, "this address speaks WebSocket only",
               "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    else if (h1_field_count(r, "sec-websocket-version") != 1 ||
             !span_equal(h1_field(r, "sec-websocket-version"), SPAN("13")))
        refuse(out, 426, "WebSocket version 13 is required",
               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
    else if (r->length || r->chunked)
        refuse(out, 400, "a WebSocket request has no body", NULL);
    else if (h1_field_count(r, "sec-websocket-key") != 1 || !key_ok(key))
        refuse(out, 400, "malformed Sec-WebSocket-Key", NULL);
    else if (h1_field_count(r, "origin") > 1 ||
             (origin.p && !site_origin_ok(site, origin, r->host)))
        refuse(out, 403, "this origin may not connect", NULL);
    else if (!(out->protocol = site_protocol(site, r)))
        refuse(out, 400, "none of the offered subprotocols is spoken here", NULL);
    else
        key_accept(key, out->accept);
}

/* ---- frames ---- */

static void ws_end(struct ws *w, uint16_t code, const char *why)
{
    const char *end;

    if (w->code)
        return;
    w->code = code;
    (void)g_strlcpy(w->why, why, sizeof(w->why));
    if (!g_utf8_validate(w->why, -1, &end)) /* cut in the middle of a character */
        w->why[end - w->why] = '\0';
}

/* Queues the close frame and stops reading; safe inside wslay's callbacks. */
static void ws_fail(struct ws *w, uint16_t code, const char *why)
{
    if (w->code)
        return;
    ws_end(w, code, why);
    (void)wslay_event_queue_close(w->ctx, code, (const uint8_t *)w->why, strlen(w->why));
    wslay_event_shutdown_read(w->ctx);
}

static bool ws_charge(struct ws *w)
{
    uint64_t cost = US_PER_S / WS_RATE_S;

    if (w->tokens_us < cost) {
        ws_fail(w, WSLAY_CODE_POLICY_VIOLATION, "too many messages");
        return false;
    }
    w->tokens_us -= cost;
    return true;
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
    struct ws *w = arg;
    size_t n = MIN(len, w->in_n);

    (void)flags;
    if (!n) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, w->in, n);
    w->in += n;
    w->in_n -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct ws *w = arg;

    (void)ctx;
    (void)flags;
    w->ops->send(w->arg, data, len);
    return (ssize_t)len;
}

static void on_frame(wslay_event_context_ptr ctx,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
    struct ws *w = arg;

    (void)ctx;
    if (!ws_charge(w) || wslay_is_ctrl_frame(frame->opcode))
        return;
    if (!w->begun_us)
        w->begun_us = w->now_us;
    w->fragments = frame->opcode == WSLAY_CONTINUATION_FRAME ? w->fragments + 1 : 1;
    if (w->fragments > WS_FRAGMENTS_MAX)
        ws_fail(w, WSLAY_CODE_POLICY_VIOLATION, "message in too many fragments");
    else if (frame->opcode == WSLAY_BINARY_FRAME && !w->ops->binary)
        ws_fail(w, WSLAY_CODE_UNSUPPORTED_DATA, "only text messages are understood");
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg,
                       void *arg)
{
    struct ws *w = arg;

    (void)ctx;
    if (!wslay_is_ctrl_frame(msg->opcode))
        w->begun_us = 0;
    if (msg->opcode == WSLAY_CONNECTION_CLOSE)
        ws_end(w, msg->status_code ? msg->status_code : WSLAY_CODE_NO_STATUS_RCVD,
               "closed by the peer");
    else if (msg->opcode == WSLAY_TEXT_FRAME && !w->code)
        w->ops->text(w->arg, (const char *)msg->msg, msg->msg_length);
    else if (msg->opcode == WSLAY_BINARY_FRAME && !w->code)
        w->ops->binary(w->arg, (const char *)msg->msg, msg->msg_length);
}

struct ws *ws_new(const struct ws_ops *ops, void *arg, uint64_t now_us)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                                           .send_callback = on_send,
                                                           .on_frame_recv_start_callback = on_frame,
                                                           .on_msg_recv_callback = on_message};
    struct ws *w = g_new0(struct ws, 1);

    if (wslay_event_context_server_init(&w->ctx, &callbacks, w) != 0)
        g_error("out of memory"); /* as everywhere: no way to go on */
    wslay_event_config_set_max_recv_msg_length(w->ctx, WS_MESSAGE_MAX);
    w->ops = ops;
    w->arg = arg;
    w->now_us = w->heard_us = w->pinged_us = now_us;
    w->tokens_us = US_PER_S * WS_BURST / WS_RATE_S;
    return w;
}

void ws_free(struct ws *w)
{
    if (!w)
        return;
    wslay_event_context_free(w->ctx);
    g_free(w);
}

static void ws_flush(struct ws *w)
{
    if (wslay_event_want_write(w->ctx) && wslay_event_send(w->ctx) != 0)
        ws_end(w, WSLAY_CODE_INTERNAL_SERVER_ERROR, "the frame could not be sent");
}

/* What libwslay found wrong by itself: it has queued the close frame and stopped reading. */
static void ws_note_end(struct ws *w)
{
    uint16_t code;

    if (w->code || wslay_event_get_read_enabled(w->ctx))
        return;
    code = wslay_event_get_status_code_sent(w->ctx);
    switch (code) {
    case WSLAY_CODE_MESSAGE_TOO_BIG: ws_end(w, code, "message larger than allowed"); break;
    case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA: ws_end(w, code, "text is not UTF-8"); break;
    default: ws_end(w, WSLAY_CODE_PROTOCOL_ERROR, "the peer broke the WebSocket protocol"); break;
    }
}

/* For malformed frame headers libwslay would send a close frame without a code: send our own. */
static void ws_break(struct ws *w)
{
    static const char frame[] = {(char)0x88, 2, (char)(WSLAY_CODE_PROTOCOL_ERROR >> 8),
                                 (char)(WSLAY_CODE_PROTOCOL_ERROR & 0xff)};

    if (w->code)
        return;
    ws_end(w, WSLAY_CODE_PROTOCOL_ERROR, "the peer broke the WebSocket protocol");
    w->ops->send(w->arg, frame, sizeof(frame));
}

void ws_input(struct ws *w, const char *p, size_t n, uint64_t now_us)
{
    uint64_t full = US_PER_S * WS_BURST / WS_RATE_S;

    if (w->code || !n)
        return;
    w->tokens_us = MIN(full, w->tokens_us + (now_us - w->now_us));
    w->now_us = w->heard_us = now_us;
    w->in = p;
    w->in_n = n;
    if (wslay_event_recv(w->ctx) != 0) {
        ws_break(w);
        return;
    }
    ws_flush(w);
    ws_note_end(w);
}

static void ws_send(struct ws *w, uint8_t opcode, const char *p, size_t n)
{
    struct wslay_event_msg msg = {opcode, (const uint8_t *)p, n};

    if (w->code)
        return;
    (void)wslay_event_queue_msg(w->ctx, &msg);
    ws_flush(w);
}

void ws_send_text(struct ws *w, const char *text, size_t n)
{
    ws_send(w, WSLAY_TEXT_FRAME, text, n);
}

void ws_send_binary(struct ws *w, const char *p, size_t n)
{
    ws_send(w, WSLAY_BINARY_FRAME, p, n);
}

void ws_close(struct ws *w, uint16_t code, const char *reason)
{
    ws_fail(w, code, reason ? reason : "");
    ws_flush(w);
}

bool ws_is_closed(const struct ws *w)
{
    return w->code != 0;
}

uint16_t ws_code(const struct ws *w)
{
    return w->code;
}

const char *ws_why(const struct ws *w)
{
    return w->why;
}

unsigned ws_tick(struct ws *w, uint64_t now_us)
{
    struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
    uint64_t silent = now_us - w->heard_us;
    uint64_t ping_due = MAX(w->heard_us, w->pinged_us) + WS_PING_AFTER_S * US_PER_S;
    uint64_t end = w->heard_us + WS_SILENCE_MAX_S * US_PER_S;

    if (w->begun_us)
        end = MIN(end, w->begun_us + WS_MESSAGE_S * US_PER_S);
    if (w->begun_us && now_us >= end)
        ws_close(w, WSLAY_CODE_POLICY_VIOLATION, "the rest of a message did not come in time");
    if (w->code || silent >= WS_SILENCE_MAX_S * US_PER_S)
        return 0;
    if (now_us >= ping_due) {
        (void)wslay_event_queue_msg(w->ctx, &ping);
        ws_flush(w);
        w->pinged_us = now_us;
        ping_due = now_us + WS_PING_AFTER_S * US_PER_S;
    }
    return (unsigned)((MIN(ping_due, end) - now_us + US_PER_S - 1) / US_PER_S);
}
