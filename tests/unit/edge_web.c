/* Black box: a real edge thread, real sockets. The cases are those a widely used library got wrong.
 */
#include "tests/edge/rig.h"

#include <glib.h>

#include <string.h>
#include <sys/socket.h>

void unit_edge_web(void);

#define H "Host: example.test\r\n"
#define END "Connection: close\r\n\r\n"

static void expect(struct rig *r, const char *request, unsigned status)
{
    g_autofree char *answer = rig_exchange(r, request);

    assert_status(answer, status);
}

static void has(const char *response, const char *what)
{
    if (!strstr(response, what))
        g_error("no %s in: %s", what, response);
}

static void files(void)
{
    struct rig *r = rig_new();
    g_autofree char *page = rig_exchange(r, "GET /?q=1 HTTP/1.1\r\n" H END);
    g_autofree char *head = rig_exchange(r, "HEAD / HTTP/1.1\r\n" H END);
    g_autofree char *gone = rig_exchange(r, "GET /no HTTP/1.1\r\n" H END);
    g_autofree char *post = rig_exchange(r, "POST / HTTP/1.1\r\n" H END);

    assert_status(page, 200);
    has(page, "\r\n\r\n<!doctype html><p>hello</p>");
    has(page, "Content-Type: text/html; charset=utf-8\r\n");
    has(page, "default-src 'self'");
    has(page, "connect-src 'self' ws: wss:");
    has(page, "X-Content-Type-Options: nosniff\r\n");
    has(page, "Cache-Control: no-cache\r\n");
    assert_status(head, 200);
    has(head, "Content-Length: 27\r\n");
    g_assert_true(g_str_has_suffix(head, "\r\n\r\n"));
    assert_status(gone, 404);
    assert_status(post, 405);
    has(post, "Allow: GET, HEAD\r\n");
    rig_free(r);
}

static void etags(void)
{
    struct rig *r = rig_new();
    g_autofree char *page = rig_exchange(r, "GET /app.js HTTP/1.1\r\n" H END);
    char *tag = strstr(page, "ETag: ") + 6;
    g_autofree char *etag = g_strndup(tag, (gsize)(strstr(tag, "\r\n") - tag));
    g_autofree char *same =
        g_strdup_printf("GET /app.js HTTP/1.1\r\n" H "If-None-Match: \"x\", %s\r\n" END, etag);
    g_autofree char *not_modified = rig_exchange(r, same);

    assert_status(not_modified, 304);
    has(not_modified, etag);
    g_assert_null(strstr(not_modified, "Content-Length"));
    g_assert_true(g_str_has_suffix(not_modified, "\r\n\r\n"));
    expect(r, "GET /app.js HTTP/1.1\r\n" H "If-None-Match: \"x\"\r\n" END, 200);
    expect(r, "GET /app.js HTTP/1.1\r\n" H "If-None-Match: *\r\n" END, 304);
    rig_free(r);
}

static void refused_requests(void)
{
    static const struct {
        const char *request;
        unsigned status;
    } row[] = {
        {"GET / HTTP/1.1\r\n" END, 400},
        {"GET / HTTP/1.1\r\n" H H END, 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n" END, 400},
        {"GET / HTTP/1.1\r\n" H "X: a\r\n folded\r\n" END, 400},
        {"POST /api/x HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
        {"POST /api/x HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"POST /api/x HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", 400},
        {"POST /api/x HTTP/1.1\r\n" H "Content-Length: 4294967296\r\n\r\n", 413},
        {"POST /api/x HTTP/1.1\r\n" H "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n", 413},
        {"GET / HTTP/2.0\r\n" H END, 505},
        {"GET /%2e%2e/etc/passwd HTTP/1.1\r\n" H END, 400},
        {"PUT /api/read HTTP/1.1\r\n" H END, 405},
        {"BREW / HTTP/1.1\r\n" H END, 405},
    };
    struct rig *r = rig_new();

    for (size_t i = 0; i < G_N_ELEMENTS(row); i++)
        expect(r, row[i].request, row[i].status);
    rig_no_event(r);
    rig_free(r);
}

/* 431, 413: the answer must arrive although the client was still sending. */
static void answer_survives_unread_input(void)
{
    struct rig *r = rig_new();
    g_autoptr(GString) big = g_string_new("GET / HTTP/1.1\r\n" H "X: ");

    for (int i = 0; i < 500000; i++)
        (void)g_string_append_c(big, 'x');
    expect(r, big->str, 431);
    rig_free(r);
}

static void many_arguments_are_no_trouble(void)
{
    struct rig *r = rig_new();
    g_autoptr(GString) get = g_string_new("GET /?");

    for (int i = 0; i < 200; i++)
        g_string_append_printf(get, "a%d=%d&", i, i);
    (void)g_string_append(get, " HTTP/1.1\r\n" H END);
    expect(r, get->str, 200);
    rig_free(r);
}

static void keep_alive_then_upgrade_to_nonsense(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);

    for (int i = 0; i < 20; i++) {
        g_autofree char *plain = NULL;
        g_autofree char *foo = NULL;
        g_autofree char *h2c = NULL;
        peer_say(&p, "GET / HTTP/1.1\r\n" H "\r\n");
        plain = peer_response(&p, false);
        assert_status(plain, 200);
        peer_say(&p, "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: foo\r\n\r\n");
        foo = peer_response(&p, false);
        assert_status(foo, 200);
        peer_say(&p, "GET / HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\n"
                     "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
        h2c = peer_response(&p, false);
        assert_status(h2c, 200);
    }
    peer_close(&p);
    rig_free(r);
}

static void hundred_requests_then_the_end(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);

    for (int i = 1; i <= 100; i++) {
        g_autofree char *answer = NULL;
        peer_say(&p, "GET /app.js HTTP/1.1\r\n" H "\r\n");
        answer = peer_response(&p, false);
        assert_status(answer, 200);
        g_assert_cmpint(strstr(answer, "Connection: close") != NULL, ==, i == 100);
    }
    peer_expect_end(&p);
    peer_close(&p);
    rig_free(r);
}

static void pipelined_requests_are_answered_in_order(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    struct edge_event ev;
    g_autofree char *a = NULL;
    g_autofree char *b = NULL;
    g_autofree char *c = NULL;

    peer_say(&p, "GET /app.js HTTP/1.1\r\n" H "\r\nPOST /api/slow HTTP/1.1\r\n" H
                 "Content-Length: 2\r\n\r\nhiGET /no HTTP/1.1\r\n" H END);
    a = peer_response(&p, false);
    assert_status(a, 200);
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    g_assert_cmpstr(ev.body, ==, "hi");
    edge_http_respond(r->edge, ev.id, 201, "Location: /x\r\n", "text/plain", SPAN("made"));
    b = peer_response(&p, false);
    assert_status(b, 201);
    has(b, "\r\nLocation: /x\r\n");
    g_assert_true(g_str_has_suffix(b, "\r\n\r\nmade"));
    c = peer_recv_rest(&p);
    assert_status(c, 404);
    edge_event_clear(&ev);
    peer_close(&p);
    rig_no_event(r);
    rig_free(r);
}

static void owner_sees_the_request(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *type = NULL;
    g_autofree char *cookie = NULL;
    g_autofree char *answer = NULL;
    struct edge_event ev;

    peer_say(&p, "POST /api/a%20b?x=%201 HTTP/1.1\r\n" H "Content-Type:  application/json \r\n"
                 "Cookie: secret\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    type = edge_event_header(&ev, "content-type");
    cookie = edge_event_header(&ev, "cookie");
    g_assert_cmpint(ev.method, ==, EDGE_POST);
    g_assert_cmpstr(ev.path, ==, "/api/a b");
    g_assert_cmpstr(ev.query, ==, "x=%201");
    g_assert_cmpstr(ev.body, ==, "{\"a\":1}");
    g_assert_cmpuint(ev.body_len, ==, 7);
    g_assert_cmpstr(type, ==, "application/json");
    g_assert_null(cookie);
    g_assert_true(net_addr_is_loopback(&ev.peer));
    g_assert_false(ev.tls);
    edge_http_respond(r->edge, ev.id, 204, NULL, NULL, SPAN(""));
    edge_http_respond(r->edge, ev.id, 500, NULL, NULL, SPAN("")); /* too late: dropped */
    answer = peer_response(&p, false);
    assert_status(answer, 204);
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static void head_of_a_route_has_no_body(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;
    struct edge_event ev;

    peer_say(&p, "HEAD /api/read HTTP/1.1\r\n" H END);
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    g_assert_cmpint(ev.method, ==, EDGE_GET);
    edge_http_respond(r->edge, ev.id, 200, NULL, "text/plain", SPAN("four"));
    answer = peer_recv_rest(&p);
    has(answer, "Content-Length: 4\r\n");
    g_assert_true(g_str_has_suffix(answer, "\r\n\r\n"));
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static void malformed_answer_headers_are_not_sent(void)
{
    static const char *const evil[] = {"X: a\n", "X: a\r\n\r\nbody", "no colon\r\n", "X: a\rb\r\n",
                                       "X: cut"};
    struct rig *r = rig_new();

    for (size_t i = 0; i < G_N_ELEMENTS(evil); i++) {
        struct peer p = peer_connect(&r->web);
        g_autofree char *answer = NULL;
        struct edge_event ev;
        peer_say(&p, "GET /api/x HTTP/1.1\r\n" H END);
        ev = rig_event(r, EDGE_HTTP_REQUEST);
        edge_http_respond(r->edge, ev.id, 200, evil[i], "text/plain", SPAN("x"));
        answer = peer_recv_rest(&p);
        assert_status(answer, 500);
        edge_event_clear(&ev);
        peer_close(&p);
    }
    rig_free(r);
}

static void expect_continue_is_answered(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *go_on = NULL;
    g_autofree char *answer = NULL;
    struct edge_event ev;

    peer_say(&p, "POST /api/x HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    go_on = peer_response(&p, true);
    assert_status(go_on, 100);
    peer_say(&p, "abc");
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    g_assert_cmpstr(ev.body, ==, "abc");
    edge_http_respond(r->edge, ev.id, 200, NULL, "text/plain", SPAN("ok"));
    answer = peer_response(&p, false);
    assert_status(answer, 200);
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static void slow_head_is_408(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;

    peer_say(&p, "GET / HTTP/1.1\r\n");
    rig_settle(r);
    for (int i = 0; i < 3; i++) { /* every byte comes in good time, but the head never ends */
        rig_skip(r, 3);
        peer_say(&p, "X: y\r\n");
        rig_settle(r);
    }
    rig_skip(r, 3);
    answer = peer_recv_rest(&p);
    assert_status(answer, 408);
    peer_close(&p);
    rig_free(r);
}

static void slow_body_is_408(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *go_on = NULL;
    g_autofree char *answer = NULL;

    peer_say(&p, "POST /api/x HTTP/1.1\r\n" H "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n");
    go_on = peer_response(&p, true); /* the edge has seen the head */
    peer_say(&p, "abc");
    rig_skip(r, 21);
    answer = peer_recv_rest(&p);
    assert_status(answer, 408);
    peer_close(&p);
    rig_no_event(r);
    rig_free(r);
}

static void silent_connections_are_closed(void)
{
    struct rig *r = rig_new();
    struct peer fresh = peer_connect(&r->web), idle = peer_connect(&r->web);
    g_autofree char *answer = NULL;
    g_autofree char *nothing = NULL;

    peer_say(&idle, "GET / HTTP/1.1\r\n" H "\r\n");
    answer = peer_response(&idle, false);
    rig_settle(r);
    rig_skip(r, 6);
    nothing = peer_recv_rest(&fresh);
    g_assert_cmpstr(nothing, ==, "");
    rig_skip(r, 10);
    peer_expect_end(&idle);
    peer_close(&fresh);
    peer_close(&idle);
    rig_free(r);
}

static void owner_that_never_answers_is_504(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;
    struct edge_event ev, gone;

    peer_say(&p, "GET /api/x HTTP/1.1\r\n" H END);
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    rig_skip(r, 31);
    gone = rig_event(r, EDGE_HTTP_GONE);
    g_assert_cmpuint(gone.id, ==, ev.id);
    answer = peer_recv_rest(&p);
    assert_status(answer, 504);
    edge_http_respond(r->edge, ev.id, 200, NULL, NULL, SPAN(""));
    edge_event_clear(&ev);
    edge_event_clear(&gone);
    peer_close(&p);
    rig_no_event(r);
    rig_free(r);
}

static void client_that_goes_away_is_reported(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    struct edge_event ev, gone;

    peer_say(&p, "GET /api/x HTTP/1.1\r\n" H "\r\n");
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    peer_close(&p);
    gone = rig_event(r, EDGE_HTTP_GONE);
    g_assert_cmpuint(gone.id, ==, ev.id);
    edge_http_respond(r->edge, ev.id, 200, NULL, NULL, SPAN(""));
    edge_event_clear(&ev);
    edge_event_clear(&gone);
    rig_no_event(r);
    rig_free(r);
}

static void full_mailbox_is_503(void)
{
    struct rig *r = rig_new();
    struct peer held[300];
    unsigned refused = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(held); i++) {
        held[i] = peer_connect(&r->web);
        peer_say(&held[i], "GET /api/x HTTP/1.1\r\n" H END);
    }
    /* 256 fit; which connections lose depends on the kernel's order, so ask who was refused. */
    for (size_t i = 0; i < G_N_ELEMENTS(held) - 256; i++) {
        struct peer last = peer_connect(&r->web);
        g_autofree char *answer = NULL;
        rig_settle(r);
        peer_say(&last, "GET /api/x HTTP/1.1\r\n" H END);
        answer = peer_recv_rest(&last);
        assert_status(answer, 503);
        has(answer, "Retry-After");
        refused++;
        peer_close(&last);
    }
    g_assert_cmpuint(refused, ==, 44);
    for (size_t i = 0; i < G_N_ELEMENTS(held); i++)
        peer_close(&held[i]);
    rig_free(r);
}

static void half_closed_client_still_gets_a_file(void)
{
    struct rig *r = rig_new();
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;

    peer_say(&p, "GET /big HTTP/1.1\r\n" H "\r\n");
    g_assert_cmpint(shutdown(p.fd, SHUT_WR), ==, 0);
    answer = peer_recv_rest(&p);
    assert_status(answer, 200);
    g_assert_cmpuint(strlen(strstr(answer, "\r\n\r\n") + 4), ==, 600000);
    peer_close(&p);
    rig_free(r);
}

static void cors_is_for_listed_origins(void)
{
    struct rig *r = rig_new();
    g_autofree char *listed = rig_exchange(
        r, "OPTIONS /api/x HTTP/1.1\r\n" H
           "Origin: https://friend.test\r\nAccess-Control-Request-Method: DELETE\r\n" END);
    g_autofree char *stranger = rig_exchange(
        r, "OPTIONS /api/x HTTP/1.1\r\n" H
           "Origin: https://evil.test\r\nAccess-Control-Request-Method: DELETE\r\n" END);
    g_autofree char *answer = NULL;
    struct peer p = peer_connect(&r->web);
    struct edge_event ev;

    assert_status(listed, 204);
    has(listed, "Access-Control-Allow-Origin: https://friend.test\r\n");
    has(listed, "DELETE");
    assert_status(stranger, 405);
    g_assert_null(strstr(stranger, "Access-Control"));
    peer_say(&p, "POST /api/x HTTP/1.1\r\n" H "Origin: https://friend.test\r\n" END);
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    edge_http_respond(r->edge, ev.id, 201, NULL, NULL, SPAN(""));
    answer = peer_recv_rest(&p);
    has(answer, "Access-Control-Expose-Headers: Location, Link, ETag\r\n");
    edge_event_clear(&ev);
    peer_close(&p);
    rig_free(r);
}

static struct net_addr seen_as(struct rig *r, const char *forwarded)
{
    g_autofree char *get = g_strdup_printf("GET /api/x HTTP/1.1\r\n" H "%s" END, forwarded);
    struct peer p = peer_connect(&r->web);
    struct edge_event ev;
    struct net_addr peer;

    peer_say(&p, get);
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    peer = ev.peer;
    edge_http_respond(r->edge, ev.id, 204, NULL, NULL, SPAN(""));
    edge_event_clear(&ev);
    peer_expect_end(&p);
    peer_close(&p);
    return peer;
}

static void check_seen(struct rig *r, const char *forwarded, const char *want)
{
    struct net_addr got = seen_as(r, forwarded);
    char text[NET_ADDR_TEXT];

    g_assert_cmpstr(net_addr_ip(&got, text), ==, want);
}

static void forwarded_for_is_believed_from_proxies_only(void)
{
    struct edge_config c = rig_config();
    struct rig *plain = rig_new(), *proxied;

    check_seen(plain, "X-Forwarded-For: 192.0.2.9\r\n", "127.0.0.1");
    rig_free(plain);
    c.nproxies = 2;
    g_assert_true(net_addr_parse_ip(SPAN("127.0.0.1"), &c.proxy[0]));
    g_assert_true(net_addr_parse_ip(SPAN("198.51.100.7"), &c.proxy[1]));
    proxied = rig_new_with(&c);
    check_seen(proxied, "", "127.0.0.1");
    check_seen(proxied, "X-Forwarded-For: 192.0.2.9\r\n", "192.0.2.9");
    check_seen(proxied, "X-Forwarded-For: 10.9.9.9, 192.0.2.9, 198.51.100.7\r\n", "192.0.2.9");
    check_seen(proxied, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
               "192.0.2.2");
    check_seen(proxied, "X-Forwarded-For: 2001:db8::5\r\n", "2001:db8::5");
    check_seen(proxied, "X-Forwarded-For: [2001:db8::6]:99\r\n", "2001:db8::6");
    check_seen(proxied, "X-Forwarded-For: nonsense\r\n", "127.0.0.1");
    rig_free(proxied);
}

static void detach_silences_one_owner(void)
{
    struct rig *r = rig_new();
    struct mailbox *first = r->events, *second = mailbox_new(sizeof(struct edge_event), 16);
    struct peer p = peer_connect(&r->web), ws;
    g_autofree char *page = NULL;
    struct net_addr other;
    struct edge_event ev;
    uint64_t id;

    r->events = second;
    g_assert_cmpint(rig_listen_web(r, false, &other), ==, GW_OK);
    r->events = first;
    peer_say(&p, "GET /api/x HTTP/1.1\r\n" H "\r\n");
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    edge_event_clear(&ev);
    ws = rig_ws(r, &id);
    edge_detach(r->edge, first);
    g_assert_cmpuint(ws_read_close(&ws), ==, 1001);
    peer_expect_end(&p);
    edge_ws_send(r->edge, id, "late", 4);
    rig_no_event(r); /* neither GONE nor CLOSED */
    peer_close(&p);
    peer_close(&ws);
    r->web = other;
    page = rig_exchange(r, "GET / HTTP/1.1\r\n" H END);
    assert_status(page, 200);
    edge_stop(r->edge);
    edge_ws_send(r->edge, id, "later still", 11);
    rig_free(r);
    mailbox_free(second, edge_event_clear);
}

static void stats_count(void)
{
    struct rig *r = rig_new();
    struct edge_stats s;
    struct peer p = peer_connect(&r->web);

    expect(r, "GET /no HTTP/1.1\r\n" H END, 404);
    expect(r, "nonsense\r\n\r\n", 400);
    rig_settle(r);
    edge_stats(r->edge, &s);
    g_assert_cmpuint(s.accepted, ==, 3);
    g_assert_cmpuint(s.http_requests, ==, 1);
    g_assert_cmpuint(s.http_errors, ==, 2);
    g_assert_cmpuint(s.connections, ==, 1);
    peer_close(&p);
    rig_free(r);
}

void unit_edge_web(void)
{
    g_test_add_func("/edge/web/files", files);
    g_test_add_func("/edge/web/etags", etags);
    g_test_add_func("/edge/web/refused-requests", refused_requests);
    g_test_add_func("/edge/web/answer-survives-unread-input", answer_survives_unread_input);
    g_test_add_func("/edge/web/many-arguments-are-no-trouble", many_arguments_are_no_trouble);
    g_test_add_func("/edge/web/keep-alive-then-upgrade-to-nonsense",
                    keep_alive_then_upgrade_to_nonsense);
    g_test_add_func("/edge/web/hundred-requests-then-the-end", hundred_requests_then_the_end);
    g_test_add_func("/edge/web/pipelined-requests-are-answered-in-order",
                    pipelined_requests_are_answered_in_order);
    g_test_add_func("/edge/web/owner-sees-the-request", owner_sees_the_request);
    g_test_add_func("/edge/web/head-of-a-route-has-no-body", head_of_a_route_has_no_body);
    g_test_add_func("/edge/web/malformed-answer-headers-are-not-sent",
                    malformed_answer_headers_are_not_sent);
    g_test_add_func("/edge/web/expect-continue-is-answered", expect_continue_is_answered);
    g_test_add_func("/edge/web/slow-head-is-408", slow_head_is_408);
    g_test_add_func("/edge/web/slow-body-is-408", slow_body_is_408);
    g_test_add_func("/edge/web/silent-connections-are-closed", silent_connections_are_closed);
    g_test_add_func("/edge/web/owner-that-never-answers-is-504", owner_that_never_answers_is_504);
    g_test_add_func("/edge/web/client-that-goes-away-is-reported",
                    client_that_goes_away_is_reported);
    g_test_add_func("/edge/web/full-mailbox-is-503", full_mailbox_is_503);
    g_test_add_func("/edge/web/half-closed-client-still-gets-a-file",
                    half_closed_client_still_gets_a_file);
    g_test_add_func("/edge/web/cors-is-for-listed-origins", cors_is_for_listed_origins);
    g_test_add_func("/edge/web/forwarded-for-is-believed-from-proxies-only",
                    forwarded_for_is_believed_from_proxies_only);
    g_test_add_func("/edge/web/detach-silences-one-owner", detach_silences_one_owner);
    g_test_add_func("/edge/web/stats-count", stats_count);
}
