#include "edge/http.h"

#include <glib.h>

void unit_edge_http(void);

/* What a request comes to: status, or 200 with the facts as one line of text. */
static char *outcome(const char *text, size_t size, size_t step)
{
    struct h1_parser *h = h1_new();
    GString *out = g_string_new(NULL);
    enum h1_state state = H1_MORE;
    size_t at = 0, used;

    while (at < size && (state == H1_MORE || state == H1_HEAD)) {
        state = h1_feed(h, text + at, MIN(step, size - at), &used);
        at += used;
        while (state == H1_HEAD) {
            state = h1_feed(h, text + at, MIN(step, size - at), &used);
            at += used;
        }
    }
    switch (state) {
    case H1_HEAD:
    case H1_MORE: g_string_append_printf(out, "more%s", h1_in_body(h) ? " body" : ""); break;
    case H1_BAD: g_string_append_printf(out, "%u", h1_status(h)); break;
    case H1_DONE: {
        const struct h1_request *r = h1_request(h);
        struct span body = h1_body(h);
        g_string_append_printf(out, "m=%u 1.%u %s?%s keep=%d continue=%d body=%.*s left=%zu",
                               r->method, r->minor, r->path, r->query, r->keep_alive,
                               r->expects_continue, (int)body.n, body.n ? body.p : "", size - at);
        break;
    }
    }
    h1_free(h);
    return g_string_free(out, FALSE);
}

static void check_bytes(const char *text, size_t size, const char *want)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 100000};

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree char *got = outcome(text, size, steps[i]);
        g_assert_cmpstr(got, ==, want);
    }
}

static void check(const char *text, const char *want)
{
    check_bytes(text, strlen(text), want);
}

#define H "Host: a.test\r\n"

static void good_requests(void)
{
    check("GET / HTTP/1.1\r\n" H "\r\n", "m=1 1.1 /? keep=1 continue=0 body= left=0");
    check("HEAD /a/b?x=1&y=%20 HTTP/1.1\r\n" H "\r\n",
          "m=2 1.1 /a/b?x=1&y=%20 keep=1 continue=0 body= left=0");
    check("GET /%C3%A9%20x HTTP/1.1\r\n" H "\r\n",
          "m=1 1.1 /\xc3\xa9 x? keep=1 continue=0 body= left=0");
    check("GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n",
          "m=1 1.1 /? keep=0 continue=0 body= left=0");
    check("GET / HTTP/1.0\r\n\r\n", "m=1 1.0 /? keep=0 continue=0 body= left=0");
    check("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
          "m=1 1.0 /? keep=1 continue=0 body= left=0");
    check("OPTIONS * HTTP/1.1\r\n" H "\r\n", "m=64 1.1 *? keep=1 continue=0 body= left=0");
    check("GET http://a.test/x HTTP/1.1\r\n" H "\r\n",
          "m=1 1.1 /x? keep=1 continue=0 body= left=0");
    check("GET http://A.test HTTP/1.1\r\n" H "\r\n", "m=1 1.1 /? keep=1 continue=0 body= left=0");
    check("BREW /pot HTTP/1.1\r\n" H "\r\n", "m=0 1.1 /pot? keep=1 continue=0 body= left=0");
    check("\r\nGET / HTTP/1.1\r\n" H "\r\n", "m=1 1.1 /? keep=1 continue=0 body= left=0");
    check("GET / HTTP/1.1\r\nHost:a.test\r\nX:\t tab \t\r\nEmpty:\r\n\r\n",
          "m=1 1.1 /? keep=1 continue=0 body= left=0");
}

static void bodies(void)
{
    check("POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
          "m=4 1.1 /p? keep=1 continue=0 body=hello left=0");
    check("POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello",
          "m=4 1.1 /p? keep=1 continue=1 body=hello left=0");
    check("DELETE /p HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
          "m=32 1.1 /p? keep=1 continue=0 body= left=0");
    check("PATCH /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\n1;ext=\"v\"\r\n!\r\n0\r\nTrailer: x\r\n\r\n",
          "m=16 1.1 /p? keep=1 continue=0 body=hello! left=0");
    check("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
          "m=4 1.1 /p? keep=1 continue=0 body=0123456789 left=0");
    check("POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel", "more body");
    check("POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "more body");
    check("GET / HTTP/1.1\r\n" H, "more");
}

static void next_request_is_not_touched(void)
{
    const char *two =
        "POST /a HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n" H "\r\n";
    struct h1_parser *h = h1_new();
    size_t used, first;

    g_assert_cmpint(h1_feed(h, two, strlen(two), &used), ==, H1_HEAD);
    first = used;
    g_assert_cmpint(h1_feed(h, two + first, strlen(two) - first, &used), ==, H1_DONE);
    g_assert_cmpuint(used, ==, 2);
    first += used;
    g_assert_cmpint(h1_feed(h, two + first, strlen(two) - first, &used), ==, H1_DONE);
    g_assert_cmpuint(used, ==, 0);
    h1_reset(h);
    g_assert_false(h1_begun(h));
    g_assert_cmpint(h1_feed(h, two + first, strlen(two) - first, &used), ==, H1_HEAD);
    g_assert_cmpstr(h1_request(h)->path, ==, "/b");
    h1_free(h);
}

static void hosts(void)
{
    check("GET / HTTP/1.1\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n" H H "\r\n", "400");
    check("GET / HTTP/1.1\r\nHost : a.test\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\nHost:\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400");
    check("GET / HTTP/1.0\r\n" H H "\r\n", "400");
    check("GET http://b.test/ HTTP/1.1\r\n" H "\r\n", "400");
}

static void lines(void)
{
    check("GET / HTTP/1.1\nHost: a\n\n", "400");
    check("GET / HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n folded: x\r\n" H "\r\n", "400");
    check("GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n" H ": empty\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n" H "b\x01: x\r\n\r\n", "400");
    check("GET / HTTP/1.1\r\n" H "X: \x7f\r\n\r\n", "400");
    check_bytes("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29, "400");
    check("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "400");
    check("\x16\x03\x01\x02", "400"); /* a TLS ClientHello at the plain port: at once */
}

static void request_lines(void)
{
    check("GET  / HTTP/1.1\r\n" H "\r\n", "400");
    check("GET / HTTP/1.1 \r\n" H "\r\n", "400");
    check("GET /\r\n" H "\r\n", "400");
    check("GET / http/1.1\r\n" H "\r\n", "400");
    check("GET / HTTP/2.0\r\n" H "\r\n", "505");
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505");
    check("G@T / HTTP/1.1\r\n" H "\r\n", "400");
    check("CONNECT a.test:443 HTTP/1.1\r\n" H "\r\n", "400");
    check("GET * HTTP/1.1\r\n" H "\r\n", "400");
    check("GET a HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /#frag HTTP/1.1\r\n" H "\r\n", "400");
}

static void paths(void)
{
    check("GET /../etc HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /a/%2e%2e/b HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /a%2fb HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /a%00b HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /a%5c..%5cb HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /%zz HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /% HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /%ff HTTP/1.1\r\n" H "\r\n", "400");
    check("GET /%252e%252e HTTP/1.1\r\n" H "\r\n",
          "m=1 1.1 /%2e%2e? keep=1 continue=0 body= left=0"); /* once, not twice */
    check("GET /..a/.b HTTP/1.1\r\n" H "\r\n", "m=1 1.1 /..a/.b? keep=1 continue=0 body= left=0");
}

static void framing(void)
{
#define P "POST / HTTP/1.1\r\n" H
    check(P "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400");
    check(P "Content-Length: 1, 1\r\n\r\nx", "400");
    check(P "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "400");
    check(P "Content-Length: -1\r\n\r\n", "400");
    check(P "Content-Length: +1\r\n\r\nx", "400");
    check(P "Content-Length: 0x1\r\n\r\nx", "400");
    check(P "Content-Length: 1 1\r\n\r\nx", "400");
    check(P "Content-Length:\r\n\r\n", "400");
    check(P "Content-Length: 65537\r\n\r\n", "413");
    check(P "Content-Length: 99999999999999999999999999\r\n\r\n", "413");
    check(P "Transfer-Encoding: gzip, chunked\r\n\r\n", "501");
    check(P "Transfer-Encoding: identity\r\n\r\n", "501");
    check(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "501");
    check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
    check(P "Expect: the-unexpected\r\n\r\n", "417");
#define C P "Transfer-Encoding: chunked\r\n\r\n"
    check(C "x\r\n", "400");
    check(C "\r\n", "400");
    check(C "-1\r\n", "400");
    check(C "123456789\r\n", "400");
    check(C "1\nx", "400");
    check(C "1\r\nxy\r\n0\r\n\r\n", "400");
    check(C "1\r\nx\n", "400");
    check(C "10001\r\n", "413");
    check(C "FFFFFFFF\r\n", "413");
    check(C "0\r\nbad\x01\r\n\r\n", "400");
}

static void sizes(void)
{
    g_autoptr(GString) head = g_string_new("GET / HTTP/1.1\r\n" H "X: ");
    g_autoptr(GString) fields = g_string_new("GET / HTTP/1.1\r\n" H);
    g_autoptr(GString) chunk = g_string_new(C "1;");
    g_autoptr(GString) trailer = g_string_new(C "0\r\nX: ");

    for (int i = 0; i < 16400; i++)
        (void)g_string_append_c(head, 'x');
    check(head->str, "431");
    for (int i = 0; i < 99; i++)
        (void)g_string_append(fields, "a: b\r\n");
    (void)g_string_append(fields, "\r\n");
    check(fields->str, "m=1 1.1 /? keep=1 continue=0 body= left=0");
    (void)g_string_truncate(fields, fields->len - 2);
    (void)g_string_append(fields, "a: b\r\n\r\n");
    check(fields->str, "431");
    for (int i = 0; i < 300; i++)
        (void)g_string_append_c(chunk, 'e');
    check(chunk->str, "400");
    for (int i = 0; i < 5000; i++)
        (void)g_string_append_c(trailer, 't');
    check(trailer->str, "431");
}

static void largest_body_fits(void)
{
    g_autoptr(GString) post = g_string_new(P "Content-Length: 65536\r\n\r\n");
    struct h1_parser *h = h1_new();
    g_autofree char *body = NULL;
    size_t used, at, n;

    for (int i = 0; i < 65536; i++)
        (void)g_string_append_c(post, (char)('a' + i % 26));
    g_assert_cmpint(h1_feed(h, post->str, post->len, &used), ==, H1_HEAD);
    at = used;
    g_assert_cmpint(h1_feed(h, post->str + at, post->len - at, &used), ==, H1_DONE);
    body = h1_take_body(h, &n);
    g_assert_cmpuint(n, ==, 65536);
    g_assert_cmpstr(body, ==, post->str + at);
    h1_free(h);
}

static void lists(void)
{
    struct span list = SPAN(" , a,, b ,c"), element;
    GString *all = g_string_new(NULL);

    while (h1_list_next(&list, &element))
        g_string_append_printf(all, "[%.*s]", (int)element.n, element.p);
    g_assert_cmpstr(all->str, ==, "[a][b][c]");
    (void)g_string_free(all, TRUE);
}

void unit_edge_http(void)
{
    g_test_add_func("/edge/http/good-requests", good_requests);
    g_test_add_func("/edge/http/bodies", bodies);
    g_test_add_func("/edge/http/the-next-request-is-not-touched", next_request_is_not_touched);
    g_test_add_func("/edge/http/one-host-and-ours", hosts);
    g_test_add_func("/edge/http/lines-end-in-crlf", lines);
    g_test_add_func("/edge/http/request-lines", request_lines);
    g_test_add_func("/edge/http/paths-mean-one-thing", paths);
    g_test_add_func("/edge/http/length-is-said-once", framing);
    g_test_add_func("/edge/http/sizes-are-bounded", sizes);
    g_test_add_func("/edge/http/largest-body-fits", largest_body_fits);
    g_test_add_func("/edge/http/lists", lists);
}
