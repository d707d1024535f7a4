/* SIP over WebSocket (RFC 7118) through a running edge; the test plays the SIP stack behind it. */
#include "tests/edge/rig.h"

#include <glib.h>

#include <string.h>

void unit_edge_flow_ws(void);

#define LINE "REGISTER sip:example.test SIP/2.0\r\n"
#define VIA(token) "Via: SIP/2.0/" token " x.invalid;branch=z9hG4bK1\r\n"
#define IDS "From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: 1@x\r\nCSeq: 1 REGISTER\r\n"
#define LENGTH(n) "Content-Length: " n "\r\n"
#define MESSAGE(token, body)                                                                       \
    LINE VIA(token)                                                                                \
    IDS LENGTH("4") "\r\n" body
#define OPENING(path, protocol, more)                                                              \
    "GET " path " HTTP/1.1\r\nHost: example.test:7443\r\nUpgrade: websocket\r\n"                   \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                                         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" protocol more "\r\n"
#define SIP "Sec-WebSocket-Protocol: sip\r\n"

enum { TEXT = 0x81, BINARY = 0x82, PING = 0x89, PONG = 0x8a };

static struct rig *ws_rig(bool tls)
{
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new_with(&c);

    g_assert_cmpint(rig_listen_sip_ws(r, tls), ==, GW_OK);
    return r;
}

static struct peer open_at(struct rig *r, bool tls)
{
    struct peer p = tls ? peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "example.test"})
                        : peer_connect(&r->sip);
    g_autofree char *answer = NULL;

    peer_say(&p, OPENING("/", SIP, ""));
    answer = peer_response(&p, true);
    assert_status(answer, 101);
    g_assert_nonnull(strstr(answer, "\r\nSec-WebSocket-Protocol: sip\r\n"));
    return p;
}

static void say(struct peer *p, unsigned first_byte, const char *text)
{
    ws_frame(p, first_byte, text, strlen(text));
}

static void expect(struct peer *p, unsigned opcode, const char *text)
{
    char buf[1024];
    size_t n;

    g_assert_cmpuint(ws_read(p, buf, sizeof(buf), &n), ==, opcode);
    g_assert_cmpstr(buf, ==, text);
}

static uint64_t expect_opening(struct rig *r, bool tls)
{
    struct edge_event ev = rig_event(r, EDGE_FLOW_OPENING);
    uint64_t id = ev.id;

    g_assert_true(ev.ws);
    g_assert_cmpint(ev.tls, ==, tls);
    edge_event_clear(&ev);
    return id;
}

static void check_down(struct rig *r, uint64_t id, const char *holds)
{
    struct edge_event ev = rig_event(r, EDGE_FLOW_DOWN);

    g_assert_cmpuint(ev.id, ==, id);
    if (!strstr(ev.why, holds))
        g_error("no \"%s\" in \"%s\"", holds, ev.why);
    edge_event_clear(&ev);
}

static void status_of(struct rig *r, const char *opening, unsigned status)
{
    struct peer p = peer_connect(&r->sip);
    g_autofree char *answer = NULL;

    peer_say(&p, opening);
    answer = peer_response(&p, status == 101);
    assert_status(answer, status);
    peer_close(&p);
}

static void openings(void)
{
    struct rig *r = ws_rig(false);

    status_of(r, OPENING("/", SIP, ""), 101);
    status_of(r, OPENING("/any/path?x", "Sec-WebSocket-Protocol: xmpp, sip\r\n", ""), 101);
    status_of(r, OPENING("/", "", ""), 400);
    status_of(r, OPENING("/", "Sec-WebSocket-Protocol: tandem.v1\r\n", ""), 400);
    status_of(r, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426);
    /* pages of the own host, whatever their port, and those that are listed */
    status_of(r, OPENING("/", SIP, "Origin: https://example.test\r\n"), 101);
    status_of(r, OPENING("/", SIP, "Origin: http://EXAMPLE.test:8080\r\n"), 101);
    status_of(r, OPENING("/", SIP, "Origin: https://friend.test\r\n"), 101);
    status_of(r, OPENING("/", SIP, "Origin: https://friend.test:444\r\n"), 403);
    status_of(r, OPENING("/", SIP, "Origin: https://example.test.evil\r\n"), 403);
    status_of(r, OPENING("/", SIP, "Origin: https://\r\n"), 403);
    status_of(r, OPENING("/", SIP, "Origin: null\r\n"), 403);
    rig_no_event(r);
    rig_free(r);
}

static void talk(void)
{
    for (int tls = 0; tls < 2; tls++) {
        struct rig *r = ws_rig(tls);
        struct peer page = open_at(r, tls), stack;
        uint64_t id;

        rig_no_event(r); /* silence is not passed on */
        say(&page, TEXT, tls ? MESSAGE("WSS", "body") : MESSAGE("WS", "body"));
        id = expect_opening(r, tls);
        stack = rig_stack_accept(r);
        peer_expect(&stack, MESSAGE("TCP", "body"));
        peer_say(&stack, MESSAGE("TCP", "one.") MESSAGE("TCP", "two."));
        expect(&page, 1, tls ? MESSAGE("WSS", "one.") : MESSAGE("WS", "one."));
        expect(&page, 1, tls ? MESSAGE("WSS", "two.") : MESSAGE("WS", "two."));
        peer_say(&stack, MESSAGE("TCP", "\xff\xfe..")); /* no text: Latin-1, or whatever */
        expect(&page, 2, tls ? MESSAGE("WSS", "\xff\xfe..") : MESSAGE("WS", "\xff\xfe.."));
        say(&page, BINARY, MESSAGE("WS", "\xff\xfe.."));
        peer_expect(&stack, MESSAGE("TCP", "\xff\xfe.."));
        edge_flow_close(r->edge, id);
        check_down(r, id, "closed by the SIP stack");
        g_assert_cmpuint(ws_read_close(&page), ==, 1001);
        peer_expect_end(&page);
        peer_expect_end(&stack);
        peer_close(&page);
        peer_close(&stack);
        rig_no_event(r);
        rig_free(r);
    }
}

static void message_right_behind_the_handshake(void)
{
    struct rig *r = ws_rig(false);
    struct peer page = peer_connect(&r->sip), stack;
    g_autofree char *answer = NULL;

    peer_say(&page, OPENING("/", SIP, ""));
    say(&page, TEXT, MESSAGE("WS", "fast"));
    answer = peer_response(&page, true);
    assert_status(answer, 101);
    (void)expect_opening(r, false);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "fast"));
    peer_close(&page);
    peer_expect_end(&stack);
    peer_close(&stack);
    rig_free(r);
}

static void keep_alive_and_missing_length(void)
{
    struct rig *r = ws_rig(false);
    struct peer page = open_at(r, false), stack;

    say(&page, TEXT, "\r\n\r\n");
    expect(&page, 1, "\r\n");
    say(&page, TEXT, "\r\n");
    say(&page, TEXT, "");
    rig_no_event(r);
    say(&page, TEXT, LINE VIA("WS") IDS "\r\nfour");
    (void)expect_opening(r, false);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "four"));
    peer_close(&page);
    peer_expect_end(&stack);
    peer_close(&stack);
    rig_free(r);
}

static void garbage_ends_the_flow(void)
{
    static const char *const evil[] = {"GET / HTTP/1.1\r\n\r\n",
                                       LINE VIA("WS") IDS,
                                       MESSAGE("WS", "bod"),
                                       MESSAGE("WS", "body") "x",
                                       MESSAGE("WS", "body") MESSAGE("WS", "body"),
                                       "\r\n\r"};
    struct rig *r = ws_rig(false);
    struct edge_stats s;
    struct peer page, stack;
    uint64_t id;

    for (size_t i = 0; i < G_N_ELEMENTS(evil); i++) {
        page = open_at(r, false);
        say(&page, TEXT, evil[i]);
        g_assert_cmpuint(ws_read_close(&page), ==, 1008);
        peer_expect_end(&page);
        peer_close(&page);
    }
    rig_no_event(r); /* none of it has reached the stack */
    edge_stats(r->edge, &s);
    g_assert_cmpuint(s.sip_screened, ==, G_N_ELEMENTS(evil));
    page = open_at(r, false);
    say(&page, TEXT, MESSAGE("WS", "good"));
    id = expect_opening(r, false);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "good"));
    say(&page, TEXT, "HELLO sip:x SIP/2.0\r\n\r\n");
    check_down(r, id, "the method is unknown");
    peer_expect_end(&stack);
    peer_close(&page);
    peer_close(&stack);
    rig_free(r);
}

static void ends(void)
{
    struct rig *r = ws_rig(false);

    for (int how = 0; how < 3; how++) {
        struct peer page = open_at(r, false), stack;
        uint64_t id;

        say(&page, TEXT, MESSAGE("WS", "body"));
        id = expect_opening(r, false);
        stack = rig_stack_accept(r);
        peer_expect(&stack, MESSAGE("TCP", "body"));
        if (how == 0) {
            ws_frame(&page, 0x88, "\x03\xe8", 2);
            check_down(r, id, "closed by the peer");
        } else if (how == 1) {
            peer_reset(&page);
            check_down(r, id, "");
        } else {
            peer_close(&stack);
            check_down(r, id, "SIP stack");
            g_assert_cmpuint(ws_read_close(&page), ==, 1001);
        }
        if (how != 2)
            peer_expect_end(&stack);
        if (how != 1)
            peer_close(&page);
        if (how != 2)
            peer_close(&stack);
    }
    rig_no_event(r);
    rig_free(r);
}

static void silence_is_pinged_then_ended(void)
{
    struct rig *r = ws_rig(false);
    struct peer page = open_at(r, false);

    rig_skip(r, 26); /* an agent that only waits to be used is let wait */
    expect(&page, 9, "");
    ws_frame(&page, PONG, "", 0);
    rig_settle(r);
    rig_skip(r, 26);
    expect(&page, 9, "");
    rig_skip(r, 36);
    peer_expect_end(&page);
    peer_close(&page);
    rig_no_event(r);
    rig_free(r);
}

static void half_a_message_has_its_time(void)
{
    struct rig *r = ws_rig(false);
    struct peer page = open_at(r, false);

    ws_frame(&page, TEXT & 0x7f, LINE, sizeof(LINE) - 1); /* the first of several fragments */
    rig_settle(r);
    rig_skip(r, 6);
    ws_frame(&page, 0, "Via: ", 5);
    rig_settle(r);
    rig_skip(r, 6);
    g_assert_cmpuint(ws_read_close(&page), ==, 1008);
    peer_expect_end(&page);
    peer_close(&page);
    rig_no_event(r);
    rig_free(r);
}

void unit_edge_flow_ws(void)
{
    g_test_add_func("/edge/flow_ws/openings", openings);
    g_test_add_func("/edge/flow_ws/talk", talk);
    g_test_add_func("/edge/flow_ws/message-right-behind-the-handshake",
                    message_right_behind_the_handshake);
    g_test_add_func("/edge/flow_ws/keep-alive-and-missing-length", keep_alive_and_missing_length);
    g_test_add_func("/edge/flow_ws/garbage-ends-the-flow", garbage_ends_the_flow);
    g_test_add_func("/edge/flow_ws/ends", ends);
    g_test_add_func("/edge/flow_ws/half-a-message-has-its-time", half_a_message_has_its_time);
    g_test_add_func("/edge/flow_ws/silence-is-pinged-then-ended", silence_is_pinged_then_ended);
}
