/* The WebSocket rules, first alone, then on a running edge. */
#include "base/clock.h"
#include "edge/ws.h"
#include "tests/edge/rig.h"

#include <glib.h>

#include <string.h>

void unit_edge_ws(void);

/* ---- alone ---- */

struct log {
    struct ws *ws;
    GString *text;   /* "[message]" each */
    GByteArray *out; /* what was sent */
};

static void on_send(void *arg, const void *data, size_t n)
{
    struct log *l = arg;

    (void)g_byte_array_append(l->out, data, (guint)n);
}

static void on_text(void *arg, const char *text, size_t n)
{
    struct log *l = arg;

    g_string_append_printf(l->text, "[%.*s]", (int)n, text);
}

static const struct ws_ops log_ops = {.send = on_send, .text = on_text};

static struct log log_new(void)
{
    struct log l = {NULL, g_string_new(NULL), g_byte_array_new()};

    return l;
}

static void log_free(struct log *l)
{
    ws_free(l->ws);
    (void)g_string_free(l->text, TRUE);
    (void)g_byte_array_free(l->out, TRUE);
}

static void assert_sent(const struct log *l, const char *want, size_t n)
{
    g_assert_cmpuint(l->out->len, ==, n);
    g_assert_cmpint(memcmp(l->out->data, want, n), ==, 0);
}

/* A frame with a mask of zeros: the payload reads as it is written. */
#define MASK "\0\0\0\0"
#define FRAME(head, text) head MASK text

static void feed_steps(const char *bytes, size_t n, size_t step, const char *text, unsigned code)
{
    struct log l = log_new();

    l.ws = ws_new(&log_ops, &l, 0);
    for (size_t at = 0; at < n; at += step)
        ws_input(l.ws, bytes + at, MIN(step, n - at), 0);
    g_assert_cmpstr(l.text->str, ==, text);
    g_assert_cmpuint(ws_code(l.ws), ==, code);
    g_assert_cmpint(ws_is_closed(l.ws), ==, code != 0);
    log_free(&l);
}

static void feed(const char *bytes, size_t n, const char *text, unsigned code)
{
    feed_steps(bytes, n, n, text, code);
    feed_steps(bytes, n, 1, text, code);
    feed_steps(bytes, n, 3, text, code);
}

#define FEED(bytes, text, code) feed(bytes, sizeof(bytes) - 1, text, code)

static void messages(void)
{
    FEED(FRAME("\x81\x82", "hi"), "[hi]", 0);
    FEED(FRAME("\x81\x80", ""), "[]", 0);
    FEED(FRAME("\x81\x81", "a") FRAME("\x81\x81", "b"), "[a][b]", 0);
    FEED(FRAME("\x01\x81", "a") FRAME("\x00\x81", "b") FRAME("\x80\x81", "c"), "[abc]", 0);
    FEED(FRAME("\x01\x81", "a") FRAME("\x89\x81", "p") FRAME("\x80\x81", "c"), "[ac]", 0);
    FEED(FRAME("\x81\x84", "\xf0\x9f\x93\x9e"), "[\xf0\x9f\x93\x9e]", 0);
    FEED(FRAME("\x01\x81", "\xc3") FRAME("\x80\x81", "\xa9"), "[\xc3\xa9]", 0);
    FEED(FRAME("\x8a\x80", ""), "", 0); /* a pong nobody asked for is allowed */
}

static void broken_frames(void)
{
    FEED("\x81\x02hi", "", 1002);            /* not masked */
    FEED("\x81\x00", "", 1002);              /* not masked, empty */
    FEED(FRAME("\xc1\x82", "hi"), "", 1002); /* RSV1 */
    FEED(FRAME("\xa1\x82", "hi"), "", 1002); /* RSV2 */
    FEED(FRAME("\x91\x82", "hi"), "", 1002); /* RSV3 */
    FEED(FRAME("\x83\x82", "hi"), "", 1002); /* unknown opcodes */
    FEED(FRAME("\x8b\x82", "hi"), "", 1002);
    FEED(FRAME("\x80\x82", "hi"), "", 1002);                       /* continues nothing */
    FEED(FRAME("\x01\x81", "a") FRAME("\x81\x81", "b"), "", 1002); /* new inside fragmented */
    FEED(FRAME("\x09\x80", ""), "", 1002);                         /* fragmented ping */
    FEED("\x89\xfe\x00\x7e" MASK, "", 1002);                       /* ping of 126 bytes */
    FEED("\x81\xfe\x00\x02" MASK "hi", "", 1002);                  /* length longer than needed */
    FEED("\x81\xff\0\0\0\0\0\0\x00\x02" MASK "hi", "", 1002);
    FEED("\x81\xff\x80\0\0\0\0\0\0\0" MASK, "", 1002);         /* top bit of 64 */
    FEED(FRAME("\x81\x81", "\xff"), "", 1007);                 /* not UTF-8 */
    FEED(FRAME("\x81\x82", "\xc0\x80"), "", 1007);             /* overlong */
    FEED(FRAME("\x81\x83", "\xed\xa0\x80"), "", 1007);         /* surrogate */
    FEED(FRAME("\x81\x81", "\xc3"), "", 1007);                 /* ends inside a character */
    FEED(FRAME("\x82\x82", "hi"), "", 1003);                   /* binary */
    FEED("\x81\xff\0\0\0\0\0\x01\x00\x01" MASK "x", "", 1009); /* 65537, at its first byte */
    FEED("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "x", "", 1009);
}

static void closing(void)
{
    FEED(FRAME("\x88\x82", "\x03\xe8"), "", 1000);
    FEED(FRAME("\x88\x85", "\x03\xe9"
                           "bye"),
         "", 1001);
    FEED(FRAME("\x88\x80", ""), "", 1005);
    FEED(FRAME("\x88\x82", "\x03\xed"), "", 1002);                        /* 1005 may not be sent */
    FEED(FRAME("\x88\x82", "\x03\xe8") FRAME("\x81\x81", "a"), "", 1000); /* nothing after */
}

static void our_close_is_the_last_word(void)
{
    struct log l = log_new();

    l.ws = ws_new(&log_ops, &l, 0);
    ws_send_text(l.ws, "x", 1);
    ws_close(l.ws, 4001, "why not");
    ws_close(l.ws, 4002, "again");
    ws_send_text(l.ws, "y", 1);
    ws_input(l.ws, FRAME("\x81\x81", "a"), 7, 0);
    assert_sent(&l, "\x81\x01x\x88\x09\x0f\xa1why not", 14);
    g_assert_cmpuint(ws_code(l.ws), ==, 4001);
    g_assert_cmpstr(l.text->str, ==, "");
    log_free(&l);
}

static void long_reasons_are_cut_between_characters(void)
{
    struct log l = log_new();
    g_autoptr(GString) reason = g_string_new("x");

    for (int i = 0; i < 100; i++)
        (void)g_string_append(reason, "\xc3\xa9");
    l.ws = ws_new(&log_ops, &l, 0);
    ws_close(l.ws, 1000, reason->str);
    g_assert_cmpuint(l.out->data[0], ==, 0x88);
    g_assert_cmpuint(l.out->data[1], <=, 125);
    g_assert_cmpuint(l.out->len, ==, 2u + l.out->data[1]);
    g_assert_true(g_utf8_validate((const char *)l.out->data + 4, l.out->data[1] - 2, NULL));
    log_free(&l);
}

static void fragments_are_counted(void)
{
    g_autoptr(GByteArray) b = g_byte_array_new();
    g_autoptr(GString) want = g_string_new("[a");

    (void)g_byte_array_append(b, (const guint8 *)FRAME("\x01\x81", "a"), 7);
    for (int i = 0; i < 62; i++) {
        (void)g_byte_array_append(b, (const guint8 *)FRAME("\x00\x81", "b"), 7);
        (void)g_string_append_c(want, 'b');
    }
    (void)g_string_append(want, "c]");
    (void)g_byte_array_append(b, (const guint8 *)FRAME("\x80\x81", "c"), 7);
    feed((const char *)b->data, b->len, want->str, 0);
    (void)g_byte_array_set_size(b, b->len - 7);
    (void)g_byte_array_append(b, (const guint8 *)FRAME("\x00\x81", "b"), 7);
    (void)g_byte_array_append(b, (const guint8 *)FRAME("\x80\x81", "c"), 7);
    feed((const char *)b->data, b->len, "", 1008);
}

static void rate_is_bounded(void)
{
    struct log l = log_new();
    unsigned sent = 0;

    l.ws = ws_new(&log_ops, &l, 0);
    for (; sent < 1000 && !ws_is_closed(l.ws); sent++)
        ws_input(l.ws, FRAME("\x89\x81", "p"), 7, 0);
    g_assert_cmpuint(ws_code(l.ws), ==, 1008);
    g_assert_cmpuint(sent, ==, WS_BURST + 1);
    log_free(&l);

    l = log_new();
    l.ws = ws_new(&log_ops, &l, 0);
    for (uint64_t s = 1; s < 60; s++) /* the sustained rate is no trouble */
        for (unsigned i = 0; i < WS_RATE_S; i++)
            ws_input(l.ws, FRAME("\x81\x81", "a"), 7, s * US_PER_S);
    g_assert_false(ws_is_closed(l.ws));
    log_free(&l);
}

static void silence_is_pinged_then_ended(void)
{
    struct log l = log_new();

    l.ws = ws_new(&log_ops, &l, 0);
    g_assert_cmpuint(ws_tick(l.ws, 5 * US_PER_S), ==, 20);
    g_assert_cmpuint(l.out->len, ==, 0);
    g_assert_cmpuint(ws_tick(l.ws, 25 * US_PER_S), ==, 25);
    assert_sent(&l, "\x89\0", 2);
    g_assert_cmpuint(ws_tick(l.ws, 50 * US_PER_S), ==, 10);
    g_assert_cmpuint(ws_tick(l.ws, 60 * US_PER_S), ==, 0);
    ws_input(l.ws, FRAME("\x8a\x80", ""), 6, 60 * US_PER_S);
    g_assert_cmpuint(ws_tick(l.ws, 61 * US_PER_S), ==, 24);
    log_free(&l);
}

static void half_a_message_has_its_time(void)
{
    struct log l = log_new();

    l.ws = ws_new(&log_ops, &l, US_PER_S);
    ws_input(l.ws, FRAME("\x01\x81", "a"), 7, 2 * US_PER_S);
    g_assert_cmpuint(ws_tick(l.ws, 2 * US_PER_S), ==, 10);
    ws_input(l.ws, FRAME("\x80\x81", "b"), 7, 9 * US_PER_S); /* in time */
    g_assert_cmpuint(ws_tick(l.ws, 9 * US_PER_S), ==, 25);
    ws_input(l.ws, FRAME("\x01\x81", "c"), 7, 10 * US_PER_S);
    ws_input(l.ws, FRAME("\x8a\x80", ""), 6, 15 * US_PER_S); /* a pong is not the rest of it */
    g_assert_cmpuint(ws_tick(l.ws, 15 * US_PER_S), ==, 5);
    g_assert_cmpuint(ws_tick(l.ws, 20 * US_PER_S), ==, 0);
    g_assert_cmpuint(ws_code(l.ws), ==, 1008);
    g_assert_cmpstr(l.text->str, ==, "[ab]");
    log_free(&l);
}

static void binary_messages_where_they_are_wanted(void)
{
    static const struct ws_ops ops = {.send = on_send, .text = on_text, .binary = on_text};
    struct log l = log_new();

    l.ws = ws_new(&ops, &l, 0);
    ws_input(l.ws, FRAME("\x82\x82", "\xff\xfe"), 8, 0);
    ws_input(l.ws, FRAME("\x81\x82", "hi"), 8, 0);
    g_assert_cmpstr(l.text->str, ==, "[\xff\xfe][hi]");
    ws_send_binary(l.ws, "\xff", 1);
    assert_sent(&l, "\x82\x01\xff", 3);
    log_free(&l);
}

/* ---- on a running edge ---- */

#define GET "GET /ws HTTP/1.1\r\n"
#define HOST "Host: example.test\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTO "Sec-WebSocket-Protocol: tandem.v1\r\n"
#define NO_MORE "X-End: 1\r\n\r\n"

static void expect_opening(struct rig *r, const char *request, unsigned status, const char *holds)
{
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;

    peer_say(&p, request);
    answer = peer_response(&p, false);
    assert_status(answer, status);
    if (holds && !strstr(answer, holds))
        g_error("no %s in %s", holds, answer);
    peer_close(&p);
}

static void refused_openings(void)
{
    struct rig *r = rig_new();

    expect_opening(r, GET HOST NO_MORE, 426, "Upgrade: websocket\r\n");
    expect_opening(r, GET HOST "Upgrade: foo\r\nConnection: Upgrade\r\n" NO_MORE, 426, NULL);
    expect_opening(r, GET HOST "Upgrade: websocket\r\n" V13 KEY PROTO NO_MORE, 426, NULL);
    expect_opening(r, GET HOST UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY PROTO NO_MORE, 426,
                   "Sec-WebSocket-Version: 13\r\n");
    expect_opening(r, GET HOST UPGRADE KEY PROTO NO_MORE, 426, "Sec-WebSocket-Version: 13\r\n");
    expect_opening(r, "POST /ws HTTP/1.1\r\n" HOST UPGRADE V13 KEY PROTO NO_MORE, 405,
                   "Allow: GET\r\n");
    expect_opening(r, "GET /ws HTTP/1.0\r\n" HOST UPGRADE V13 KEY PROTO NO_MORE, 426, NULL);
    expect_opening(r, GET HOST UPGRADE V13 PROTO NO_MORE, 400, NULL);
    expect_opening(r, GET HOST UPGRADE V13 KEY KEY PROTO NO_MORE, 400, NULL);
    expect_opening(r, GET HOST UPGRADE V13 "Sec-WebSocket-Key: c2hvcnQ=\r\n" PROTO NO_MORE, 400,
                   NULL);
    expect_opening(r, GET HOST UPGRADE V13 KEY NO_MORE, 400, "subprotocol");
    expect_opening(r,
                   GET HOST UPGRADE V13 KEY "Sec-WebSocket-Protocol: http, Tandem.v1\r\n" NO_MORE,
                   400, "subprotocol");
    expect_opening(r, GET HOST UPGRADE V13 KEY PROTO "Origin: https://evil.test\r\n" NO_MORE, 403,
                   "origin");
    expect_opening(r, GET HOST UPGRADE V13 KEY PROTO "Origin: null\r\n" NO_MORE, 403, NULL);
    expect_opening(r, GET HOST UPGRADE V13 KEY PROTO "Content-Length: 1\r\n" NO_MORE "x", 400,
                   NULL);
    rig_no_event(r);
    rig_free(r);
}

static void openings(void)
{
    static const char *const good[] = {
        GET HOST UPGRADE V13 KEY PROTO NO_MORE,
        GET HOST UPGRADE V13 KEY PROTO "Origin: https://example.test\r\n" NO_MORE,
        GET HOST UPGRADE V13 KEY PROTO "Origin: https://friend.test\r\n" NO_MORE,
        GET HOST UPGRADE V13 KEY "Sec-WebSocket-Protocol: sip, tandem.v1, x\r\n" NO_MORE,
        GET HOST UPGRADE V13 KEY PROTO "Sec-WebSocket-Extensions: permessage-deflate\r\n" NO_MORE,
        GET HOST "upgrade: WebSocket\r\nconnection: upgrade\r\n" V13 KEY PROTO NO_MORE};
    struct rig *r = rig_new();

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        struct peer p = peer_connect(&r->web);
        g_autofree char *answer = NULL;
        struct edge_event ev;
        peer_say(&p, good[i]);
        answer = peer_response(&p, true);
        assert_status(answer, 101);
        g_assert_nonnull(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        g_assert_nonnull(strstr(answer, "Sec-WebSocket-Protocol: tandem.v1\r\n"));
        g_assert_null(strstr(answer, "Extensions"));
        ev = rig_event(r, EDGE_WS_OPEN);
        g_assert_cmpstr(ev.protocol, ==, "tandem.v1");
        g_assert_cmpstr(ev.path, ==, "/ws");
        edge_event_clear(&ev);
        peer_close(&p);
        ev = rig_event(r, EDGE_WS_CLOSED);
        g_assert_cmpuint(ev.code, ==, 1006);
        edge_event_clear(&ev);
    }
    rig_free(r);
}

static void after_a_keep_alive_request(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *page = NULL;
    g_autofree char *answer = NULL;
    struct edge_event ev;

    peer_say(&p, "GET / HTTP/1.1\r\n" HOST "\r\n" GET HOST UPGRADE V13 KEY PROTO NO_MORE);
    ws_frame(&p, 0x81, "early", 5); /* right behind the handshake */
    page = peer_response(&p, false);
    assert_status(page, 200);
    answer = peer_response(&p, true);
    assert_status(answer, 101);
    ev = rig_event(r, EDGE_WS_OPEN);
    edge_event_clear(&ev);
    ev = rig_event(r, EDGE_WS_TEXT);
    g_assert_cmpstr(ev.body, ==, "early");
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static void talk(void)
{
    struct rig *r = rig_new();
    g_autofree char *big = g_strnfill(65536, 'x');
    g_autofree char *buf = g_malloc(100000);
    struct edge_event ev;
    struct peer p;
    uint64_t id;
    size_t n;

    p = rig_ws(r, &id);
    ws_frame(&p, 0x81, "hello", 5);
    ev = rig_event(r, EDGE_WS_TEXT);
    g_assert_cmpuint(ev.id, ==, id);
    g_assert_cmpstr(ev.body, ==, "hello");
    edge_event_clear(&ev);
    ws_frame(&p, 0x81, big, 65536);
    ev = rig_event(r, EDGE_WS_TEXT);
    g_assert_cmpuint(ev.body_len, ==, 65536);
    edge_event_clear(&ev);
    edge_ws_send(r->edge, id, "answer", 6);
    g_assert_cmpuint(ws_read(&p, buf, 100000, &n), ==, 1);
    g_assert_cmpstr(buf, ==, "answer");
    edge_ws_send(r->edge, id, big, 65536);
    g_assert_cmpuint(ws_read(&p, buf, 100000, &n), ==, 1);
    g_assert_cmpuint(n, ==, 65536);
    ws_frame(&p, 0x89, "ping", 4);
    g_assert_cmpuint(ws_read(&p, buf, 100000, &n), ==, 10);
    g_assert_cmpstr(buf, ==, "ping");
    edge_ws_close(r->edge, id, 4000, "enough");
    g_assert_cmpuint(ws_read_close(&p), ==, 4000);
    ev = rig_event(r, EDGE_WS_CLOSED);
    g_assert_cmpuint(ev.code, ==, 4000);
    edge_event_clear(&ev);
    edge_ws_send(r->edge, id, "late", 4);
    ws_frame(&p, 0x81, "late", 4);
    peer_expect_end(&p);
    rig_no_event(r);
    peer_close(&p);
    rig_free(r);
}

static void expect_code(struct rig *r, const void *bytes, size_t size, unsigned code)
{
    struct edge_event ev;
    uint64_t id;
    struct peer p = rig_ws(r, &id);

    peer_send(&p, bytes, size);
    g_assert_cmpuint(ws_read_close(&p), ==, code);
    ev = rig_event(r, EDGE_WS_CLOSED);
    g_assert_cmpuint(ev.code, ==, code);
    g_assert_cmpuint(ev.id, ==, id);
    edge_event_clear(&ev);
    peer_expect_end(&p);
    peer_close(&p);
}

static void breaches_are_answered_with_their_code(void)
{
    struct rig *r = rig_new();

    expect_code(r, "\x81\x02hi", 4, 1002);
    expect_code(r, FRAME("\x81\x81", "\xff"), 7, 1007);
    expect_code(r, FRAME("\x82\x81", "b"), 7, 1003);
    expect_code(r, "\x81\xff\0\0\0\0\0\x01\x00\x01" MASK "x", 15, 1009);
    expect_code(r, FRAME("\x88\x82", "\x03\xe8"), 8, 1000);
    rig_free(r);
}

static void ping_flood_is_ended(void)
{
    struct rig *r = rig_new();
    struct edge_event ev;
    uint64_t id;
    struct peer p = rig_ws(r, &id);

    for (int i = 0; i < 400; i++)
        ws_frame(&p, 0x89, "p", 1);
    g_assert_cmpuint(ws_read_close(&p), ==, 1008);
    ev = rig_event(r, EDGE_WS_CLOSED);
    g_assert_cmpuint(ev.code, ==, 1008);
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static void silent_socket_is_pinged_then_ended(void)
{
    struct rig *r = rig_new();
    struct edge_event ev;
    char buf[200];
    uint64_t id;
    size_t n;
    struct peer p = rig_ws(r, &id);

    rig_settle(r);
    rig_skip(r, 26);
    g_assert_cmpuint(ws_read(&p, buf, sizeof(buf), &n), ==, 9);
    ws_frame(&p, 0x8a, NULL, 0);
    rig_settle(r);
    rig_skip(r, 45); /* 45 s after the pong: alive */
    g_assert_cmpuint(ws_read(&p, buf, sizeof(buf), &n), ==, 9);
    rig_no_event(r);
    rig_skip(r, 20);
    ev = rig_event(r, EDGE_WS_CLOSED);
    g_assert_cmpuint(ev.code, ==, 1006);
    edge_event_clear(&ev);
    peer_expect_end(&p);
    peer_close(&p);
    rig_free(r);
}

static void slow_reader_is_closed(void)
{
    struct rig *r = rig_new();
    g_autofree char *big = g_strnfill(60000, 'x');
    struct edge_event ev;
    uint64_t id;
    struct peer p = rig_ws(r, &id);

    for (int i = 0; i < 300; i++) /* 18 MB: more than kernel and outbox together hold */
        edge_ws_send(r->edge, id, big, 60000);
    ev = rig_event(r, EDGE_WS_CLOSED);
    g_assert_cmpuint(ev.code, ==, 1008);
    edge_event_clear(&ev);
    rig_no_event(r);
    peer_close(&p);
    rig_free(r);
}

static void many_sockets_at_once(void)
{
    struct rig *r = rig_new();
    struct peer p[100];
    uint64_t id[100];
    char buf[200];
    size_t n;

    for (size_t i = 0; i < G_N_ELEMENTS(p); i++)
        p[i] = rig_ws(r, &id[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(p); i++) {
        g_autofree char *text = g_strdup_printf("for %zu", i);
        edge_ws_send(r->edge, id[i], text, strlen(text));
    }
    for (size_t i = G_N_ELEMENTS(p); i-- > 0;) {
        g_autofree char *text = g_strdup_printf("for %zu", i);
        g_assert_cmpuint(ws_read(&p[i], buf, sizeof(buf), &n), ==, 1);
        g_assert_cmpstr(buf, ==, text);
        peer_close(&p[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(p); i++) {
        struct edge_event ev = rig_event(r, EDGE_WS_CLOSED);
        edge_event_clear(&ev);
    }
    rig_free(r);
}

void unit_edge_ws(void)
{
    g_test_add_func("/edge/ws/messages", messages);
    g_test_add_func("/edge/ws/broken-frames", broken_frames);
    g_test_add_func("/edge/ws/closing", closing);
    g_test_add_func("/edge/ws/our-close-is-the-last-word", our_close_is_the_last_word);
    g_test_add_func("/edge/ws/long-reasons-are-cut-between-characters",
                    long_reasons_are_cut_between_characters);
    g_test_add_func("/edge/ws/fragments-are-counted", fragments_are_counted);
    g_test_add_func("/edge/ws/rate-is-bounded", rate_is_bounded);
    g_test_add_func("/edge/ws/half-a-message-has-its-time", half_a_message_has_its_time);
    g_test_add_func("/edge/ws/binary-messages-where-they-are-wanted",
                    binary_messages_where_they_are_wanted);
    g_test_add_func("/edge/ws/silence-is-pinged-then-ended", silence_is_pinged_then_ended);
    g_test_add_func("/edge/ws/refused-openings", refused_openings);
    g_test_add_func("/edge/ws/openings", openings);
    g_test_add_func("/edge/ws/after-a-keep-alive-request", after_a_keep_alive_request);
    g_test_add_func("/edge/ws/talk", talk);
    g_test_add_func("/edge/ws/breaches-are-answered-with-their-code",
                    breaches_are_answered_with_their_code);
    g_test_add_func("/edge/ws/ping-flood-is-ended", ping_flood_is_ended);
    g_test_add_func("/edge/ws/silent-socket-is-pinged-then-ended",
                    silent_socket_is_pinged_then_ended);
    g_test_add_func("/edge/ws/slow-reader-is-closed", slow_reader_is_closed);
    g_test_add_func("/edge/ws/many-sockets-at-once", many_sockets_at_once);
}
