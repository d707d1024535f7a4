/* SIP streams through a running edge; the test plays the SIP stack behind it. */
#include "tests/edge/certs.h"
#include "tests/edge/rig.h"

#include <glib.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void unit_edge_flow(void);

#define MESSAGE(token, body)                                                                       \
    "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/" token                                     \
    " 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\n"                     \
    "Call-ID: 1@x\r\nCSeq: 1 REGISTER\r\nContent-Length: 4\r\n\r\n" body
#define ANSWER(token)                                                                              \
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/" token " 192.0.2.1;branch=z9hG4bK1\r\n"                       \
    "From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>;tag=2\r\nCall-ID: 1@x\r\nCSeq: 1 REGISTER\r\n"         \
    "Content-Length: 0\r\n\r\n"

static struct rig *sip_rig(bool tls)
{
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new_with(&c);

    g_assert_cmpint(rig_listen_sip(r, tls, false), ==, GW_OK);
    return r;
}

static uint64_t expect_opening(struct rig *r, struct net_addr *from)
{
    struct edge_event ev = rig_event(r, EDGE_FLOW_OPENING);
    uint64_t id = ev.id;

    if (from)
        *from = ev.loopback;
    edge_event_clear(&ev);
    return id;
}

static char *expect_down(struct rig *r, uint64_t id)
{
    struct edge_event ev = rig_event(r, EDGE_FLOW_DOWN);
    char *why = g_strdup(ev.why);

    g_assert_cmpuint(ev.id, ==, id);
    g_assert_nonnull(why);
    edge_event_clear(&ev);
    return why;
}

static void check_down(struct rig *r, uint64_t id, const char *holds)
{
    g_autofree char *why = expect_down(r, id);

    if (!strstr(why, holds))
        g_error("no \"%s\" in \"%s\"", holds, why);
}

static uint16_t peer_port(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct net_addr a = {0};

    g_assert_cmpint(getpeername(fd, (struct sockaddr *)&sa, &len), ==, 0);
    g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &a));
    return a.port;
}

static void plain_stream(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;
    struct net_addr from;
    uint64_t id;

    rig_no_event(r); /* silence is not passed on */
    peer_say(&phone, MESSAGE("TCP", "body"));
    id = expect_opening(r, &from);
    stack = rig_stack_accept(r);
    g_assert_cmpuint(peer_port(stack.fd), ==, from.port);
    g_assert_true(net_addr_is_loopback(&from));
    peer_expect(&stack, MESSAGE("TCP", "body"));
    peer_say(&stack, ANSWER("TCP"));
    peer_expect(&phone, ANSWER("TCP"));
    edge_flow_close(r->edge, id);
    check_down(r, id, "closed by the SIP stack");
    peer_expect_end(&phone);
    peer_expect_end(&stack);
    peer_close(&phone);
    peer_close(&stack);
    rig_no_event(r);
    rig_free(r);
}

static void tls_stream_is_tcp_to_the_stack(void)
{
    struct rig *r = sip_rig(true);
    struct peer phone = peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "example.test"});
    struct edge_event ev;
    struct peer stack;

    g_assert_nonnull(phone.ssl);
    peer_say(&phone, MESSAGE("TLS", "SIP/"));
    ev = rig_event(r, EDGE_FLOW_OPENING);
    g_assert_true(ev.tls);
    edge_event_clear(&ev);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "SIP/"));
    peer_say(&stack, ANSWER("TCP"));
    peer_expect(&phone, ANSWER("TLS"));
    peer_say(&stack, MESSAGE("TCP", "call")); /* a request towards the phone */
    peer_expect(&phone, MESSAGE("TLS", "call"));
    peer_say(&phone, ANSWER("TLS"));
    peer_expect(&stack, ANSWER("TCP"));
    peer_close(&phone);
    peer_expect_end(&stack);
    peer_close(&stack);
    rig_free(r);
}

static void split_and_merged(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;
    const char *text = MESSAGE("TCP", "one.") MESSAGE("TCP", "two.");

    for (size_t i = 0; text[i]; i++)
        peer_send(&phone, text + i, 1);
    (void)expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "one.") MESSAGE("TCP", "two."));
    peer_say(&phone, "\r\n\r\n" MESSAGE("TCP", "3...") "\r\n" MESSAGE("TCP", "4...") "\r\n\r\n");
    peer_expect(&stack, MESSAGE("TCP", "3...") MESSAGE("TCP", "4..."));
    peer_expect(&phone, "\r\n"); /* two pings of one input are answered once */
    peer_say(&phone, "\r\n\r\n");
    peer_expect(&phone, "\r\n");
    peer_close(&phone);
    peer_expect_end(&stack);
    peer_close(&stack);
    rig_free(r);
}

static void garbage_never_reaches_the_stack(void)
{
    static const char *const evil[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\n",
                                       "HELLO sip:x SIP/2.0\r\n\r\n",
                                       "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n"};
    struct rig *r = sip_rig(false);
    struct edge_stats s;

    for (size_t i = 0; i < G_N_ELEMENTS(evil); i++) {
        struct peer p = peer_connect(&r->sip);
        peer_say(&p, evil[i]);
        peer_expect_end(&p);
        peer_close(&p);
    }
    rig_no_event(r);
    edge_stats(r->edge, &s);
    g_assert_cmpuint(s.sip_screened, ==, G_N_ELEMENTS(evil));
    g_assert_cmpuint(s.sip_messages, ==, 0);
    rig_free(r);
}

static void garbage_later_ends_the_flow(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;
    uint64_t id;

    peer_say(&phone, MESSAGE("TCP", "fine"));
    id = expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "fine"));
    peer_say(&phone, "HELLO sip:x SIP/2.0\r\n\r\n");
    check_down(r, id, "the method is unknown");
    peer_expect_end(&stack);
    peer_expect_end(&phone);
    peer_close(&phone);
    peer_close(&stack);
    rig_no_event(r);
    rig_free(r);
}

static void half_close_is_close(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;
    uint64_t id;

    peer_say(&phone, MESSAGE("TCP", "last"));
    g_assert_cmpint(shutdown(phone.fd, SHUT_WR), ==, 0);
    id = expect_opening(r, NULL);
    check_down(r, id, "closed");
    stack = rig_stack_accept(r);
    peer_expect_end(&stack);
    peer_expect_end(&phone);
    peer_close(&phone);
    peer_close(&stack);
    rig_free(r);
}

/* The stack's process stands still (here: it does not accept) while clients half-close in numbers:
 * every one must be noticed. */
static void half_close_while_the_stack_stands_still(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone[20];

    for (size_t i = 0; i < G_N_ELEMENTS(phone); i++) {
        phone[i] = peer_connect(&r->sip);
        peer_say(&phone[i], MESSAGE("TCP", "once"));
        (void)expect_opening(r, NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(phone); i++) {
        peer_say(&phone[i], MESSAGE("TCP", "more"));
        g_assert_cmpint(shutdown(phone[i].fd, SHUT_WR), ==, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(phone); i++) {
        struct edge_event ev = rig_event(r, EDGE_FLOW_DOWN);
        edge_event_clear(&ev);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(phone); i++) {
        peer_expect_end(&phone[i]);
        peer_close(&phone[i]);
    }
    rig_no_event(r);
    rig_free(r);
}

static void stack_closing_lets_its_last_words_out(void)
{
    struct rig *r = sip_rig(true);
    struct peer phone = peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "example.test"});
    struct peer stack;
    uint64_t id;

    peer_say(&phone, MESSAGE("TLS", "what"));
    id = expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "what"));
    peer_say(&stack, ANSWER("TCP"));
    peer_close(&stack);
    check_down(r, id, "SIP stack");
    peer_expect(&phone, ANSWER("TLS"));
    peer_expect_end(&phone);
    peer_close(&phone);
    rig_free(r);
}

static void no_stack_ends_the_flow(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone;
    uint64_t id;

    (void)close(r->stack);
    r->stack = -1;
    phone = peer_connect(&r->sip);
    peer_say(&phone, MESSAGE("TCP", "gone"));
    id = expect_opening(r, NULL);
    check_down(r, id, "SIP stack: cannot connect");
    peer_expect_end(&phone);
    peer_close(&phone);
    rig_free(r);
}

/* Bytes written before the edge stops reading. */
static size_t write_until_stuck(struct peer *p, const char *message)
{
    size_t n = strlen(message), sent = 0, at = 0;
    struct pollfd wait = {.fd = p->fd, .events = POLLOUT};

    while (sent < (size_t)64 << 20) {
        ssize_t got = send(p->fd, message + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got > 0) {
            sent += (size_t)got;
            at = (at + (size_t)got) % n;
        } else if (poll(&wait, 1, 300) == 0) {
            return sent;
        }
    }
    return sent;
}

static void back_pressure(void)
{
    g_autofree char *body = g_strnfill(40000, 'p');
    g_autofree char *message = g_strdup_printf(
        "MESSAGE sip:a@x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:b@x>;tag=1\r\n"
        "To: <sip:a@x>\r\nCall-ID: 1@x\r\nCSeq: 1 MESSAGE\r\nContent-Length: 40000\r\n\r\n%s",
        body);
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;
    size_t size = strlen(message), sent, whole;
    g_autofree char *got = g_malloc0(size + 1);

    peer_say(&phone, message);
    (void)expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    sent = size + write_until_stuck(&phone, message);
    g_assert_cmpuint(sent, <, (size_t)64 << 20);
    rig_no_event(r);     /* slow is not dead: the flow stands */
    whole = sent / size; /* and when the stack reads again all of it comes */
    for (size_t i = 0; i < whole; i++) {
        peer_recv_all(&stack, got, size);
        g_assert_cmpstr(got, ==, message);
    }
    peer_close(&phone);
    peer_close(&stack);
    rig_free(r);
}

static void client_that_vanishes_under_back_pressure(void)
{
    g_autofree char *body = g_strnfill(40000, 'p');
    g_autofree char *message = g_strdup_printf(
        "MESSAGE sip:a@x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:b@x>;tag=1\r\n"
        "To: <sip:a@x>\r\nCall-ID: 1@x\r\nCSeq: 1 MESSAGE\r\nContent-Length: 40000\r\n\r\n%s",
        body);
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip);
    uint64_t id;

    peer_say(&phone, message);
    id = expect_opening(r, NULL);
    (void)write_until_stuck(&phone, message);
    peer_reset(&phone);
    check_down(r, id, "");
    rig_no_event(r);
    rig_free(r);
}

static void silent_and_slow_clients_are_closed(void)
{
    struct rig *r = sip_rig(false);
    struct peer silent = peer_connect(&r->sip), slow = peer_connect(&r->sip), stack;
    uint64_t id;

    peer_say(&slow, MESSAGE("TCP", "full") "REGISTER sip:");
    id = expect_opening(r, NULL);
    rig_settle(r);
    rig_skip(r, 6);
    peer_expect_end(&silent);
    rig_no_event(r);
    rig_skip(r, 6);
    check_down(r, id, "the rest of a message did not come in time");
    peer_expect_end(&slow);
    stack = rig_stack_accept(r);
    peer_expect_end(&stack);
    peer_close(&stack);
    peer_close(&silent);
    peer_close(&slow);
    rig_free(r);
}

/* A busy trunk whose every segment ends inside a message. */
static void each_message_has_its_own_time(void)
{
    struct rig *r = sip_rig(false);
    struct peer trunk = peer_connect(&r->sip), stack;
    static const char begin[] = "REGISTER sip:";
    const char *rest = &MESSAGE("TCP", "more")[sizeof(begin) - 1];

    peer_say(&trunk, MESSAGE("TCP", "more") "REGISTER sip:");
    (void)expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "more"));
    for (int i = 0; i < 4; i++) {
        g_autofree char *segment = g_strconcat(rest, begin, NULL);
        rig_settle(r);
        rig_skip(r, 7);
        peer_say(&trunk, segment);
        peer_expect(&stack, MESSAGE("TCP", "more"));
    }
    rig_no_event(r);
    peer_close(&trunk);
    peer_close(&stack);
    rig_free(r);
}

static void idle_flow_is_kept(void)
{
    struct rig *r = sip_rig(false);
    struct peer phone = peer_connect(&r->sip), stack;

    peer_say(&phone, MESSAGE("TCP", "hold"));
    (void)expect_opening(r, NULL);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "hold"));
    rig_settle(r);
    for (int i = 0; i < 10; i++) {
        rig_skip(r, 600);
        rig_settle(r);
    }
    rig_no_event(r);
    peer_say(&stack, MESSAGE("TCP", "ring"));
    peer_expect(&phone, MESSAGE("TCP", "ring"));
    peer_close(&phone);
    peer_close(&stack);
    rig_free(r);
}

static void client_certificate_is_required_where_asked(void)
{
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new_with(&c);
    struct peer with, without, stranger, stack;
    struct edge_event ev;
    char byte;

    g_assert_cmpint(rig_listen_sip(r, true, true), ==, GW_OK);
    without = peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "example.test"});
    if (without.ssl) { /* TLS 1.3 clients learn of it at their first read */
        peer_say(&without, MESSAGE("TLS", "oops"));
        g_assert_cmpuint(peer_recv(&without, &byte, 1), ==, 0);
    }
    stranger = peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "other.test",
                                                            .cert = cert_path(CERT_STRANGER),
                                                            .key = cert_path(CERT_STRANGER_KEY)});
    if (stranger.ssl)
        g_assert_cmpuint(peer_recv(&stranger, &byte, 1), ==, 0);
    rig_no_event(r);
    with = peer_connect_tls(&r->sip, &(struct peer_tls){.sni = "other.test",
                                                        .cert = cert_path(CERT_CLIENT),
                                                        .key = cert_path(CERT_CLIENT_KEY)});
    g_assert_nonnull(with.ssl);
    peer_say(&with, MESSAGE("TLS", "here"));
    ev = rig_event(r, EDGE_FLOW_OPENING);
    edge_event_clear(&ev);
    stack = rig_stack_accept(r);
    peer_expect(&stack, MESSAGE("TCP", "here"));
    peer_close(&with);
    peer_close(&without);
    peer_close(&stranger);
    peer_close(&stack);
    rig_free(r);
}

/* ---- dialling ---- */

static void dial_plain(void)
{
    struct rig *r = rig_new(), *far = rig_new();
    struct peer trunk, stack;
    struct edge_event ev;

    edge_dial_sip(r->edge, 77, &far->stack_at, NULL, &r->stack_at, r->events);
    trunk = rig_stack_accept(far);
    ev = rig_event(r, EDGE_FLOW_OPENING);
    g_assert_cmpuint(ev.id, ==, 77);
    edge_event_clear(&ev);
    stack = rig_stack_accept(r);
    ev = rig_event(r, EDGE_FLOW_UP);
    g_assert_cmpuint(ev.id, ==, 77);
    g_assert_cmpuint(ev.loopback.port, ==, peer_port(stack.fd));
    g_assert_true(net_addr_equal(&ev.peer, &far->stack_at));
    edge_event_clear(&ev);
    peer_say(&stack, MESSAGE("TCP", "out."));
    peer_expect(&trunk, MESSAGE("TCP", "out."));
    peer_say(&trunk, ANSWER("TCP"));
    peer_expect(&stack, ANSWER("TCP"));
    peer_close(&trunk);
    check_down(r, 77, "closed");
    peer_expect_end(&stack);
    peer_close(&stack);
    rig_free(r);
    rig_free(far);
}

static void dial_refused(void)
{
    struct rig *r = rig_new(), *far = rig_new();

    (void)close(far->stack);
    far->stack = -1;
    edge_dial_sip(r->edge, 5, &far->stack_at, NULL, &r->stack_at, r->events);
    check_down(r, 5, "cannot connect");
    rig_no_event(r);
    rig_free(r);
    rig_free(far);
}

/* A second edge plays the far TLS server. */
static void dial_tls(struct rig *r, const struct net_addr *to, const char *name, bool good)
{
    struct edge_event ev;

    edge_dial_sip(r->edge, 9, to, name, &r->stack_at, r->events);
    if (!good) {
        ev = rig_event(r, EDGE_FLOW_DOWN);
        edge_event_clear(&ev);
        return;
    }
    ev = rig_event(r, EDGE_FLOW_OPENING);
    g_assert_true(ev.tls);
    edge_event_clear(&ev);
    ev = rig_event(r, EDGE_FLOW_UP);
    edge_event_clear(&ev);
    edge_flow_close(r->edge, 9);
    check_down(r, 9, "closed by the SIP stack");
}

static void dial_tls_verifies_the_name(void)
{
    struct edge_cert uri = {"", cert_path(CERT_URI), cert_path(CERT_URI_KEY)};
    struct edge_cert stranger = {"", cert_path(CERT_STRANGER), cert_path(CERT_STRANGER_KEY)};
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new(), *far;

    far = rig_new_with(&c);
    g_assert_cmpint(rig_listen_sip(far, true, false), ==, GW_OK);
    dial_tls(r, &far->sip, "example.test", true);
    dial_tls(r, &far->sip, "other.test", true); /* by SNI */
    dial_tls(r, &far->sip, "127.0.0.1", true);
    dial_tls(r, &far->sip, "wrong.test", false);
    dial_tls(r, &far->sip, "127.0.0.2", false);
    rig_free(far);
    c.cert = &uri;
    c.ncerts = 1;
    far = rig_new_with(&c);
    g_assert_cmpint(rig_listen_sip(far, true, false), ==, GW_OK);
    dial_tls(r, &far->sip, "trunk.test", true); /* RFC 5922 7.1: URI:sip:trunk.test */
    dial_tls(r, &far->sip, "trunk", false);     /* not by common name */
    rig_free(far);
    c.cert = &stranger;
    far = rig_new_with(&c);
    g_assert_cmpint(rig_listen_sip(far, true, false), ==, GW_OK);
    dial_tls(r, &far->sip, "example.test", false);
    rig_no_event(r);
    rig_free(far);
    rig_free(r);
}

static void dial_to_a_silent_server_ends_in_time(void)
{
    struct rig *r = rig_new(), *far = rig_new();
    struct peer mute;

    edge_dial_sip(r->edge, 3, &far->stack_at, "example.test", &r->stack_at, r->events);
    mute = rig_stack_accept(far);
    rig_settle(r);
    rig_skip(r, 6);
    check_down(r, 3, "not finished in time");
    peer_close(&mute);
    rig_free(r);
    rig_free(far);
}

static void flow_closed_before_it_is_up(void)
{
    struct rig *r = rig_new(), *far = rig_new();
    struct peer mute;

    edge_dial_sip(r->edge, 4, &far->stack_at, "example.test", &r->stack_at, r->events);
    mute = rig_stack_accept(far);
    edge_flow_close(r->edge, 4);
    edge_flow_close(r->edge, 4);
    check_down(r, 4, "closed by the SIP stack");
    rig_no_event(r);
    peer_close(&mute);
    rig_free(r);
    rig_free(far);
}

void unit_edge_flow(void)
{
    g_test_add_func("/edge/flow/plain-stream", plain_stream);
    g_test_add_func("/edge/flow/tls-stream-is-tcp-to-the-stack", tls_stream_is_tcp_to_the_stack);
    g_test_add_func("/edge/flow/split-and-merged", split_and_merged);
    g_test_add_func("/edge/flow/garbage-never-reaches-the-stack", garbage_never_reaches_the_stack);
    g_test_add_func("/edge/flow/garbage-later-ends-the-flow", garbage_later_ends_the_flow);
    g_test_add_func("/edge/flow/half-close-is-close", half_close_is_close);
    g_test_add_func("/edge/flow/half-close-while-the-stack-stands-still",
                    half_close_while_the_stack_stands_still);
    g_test_add_func("/edge/flow/stack-closing-lets-its-last-words-out",
                    stack_closing_lets_its_last_words_out);
    g_test_add_func("/edge/flow/no-stack-ends-the-flow", no_stack_ends_the_flow);
    g_test_add_func("/edge/flow/back-pressure", back_pressure);
    g_test_add_func("/edge/flow/client-that-vanishes-under-back-pressure",
                    client_that_vanishes_under_back_pressure);
    g_test_add_func("/edge/flow/silent-and-slow-clients-are-closed",
                    silent_and_slow_clients_are_closed);
    g_test_add_func("/edge/flow/each-message-has-its-own-time", each_message_has_its_own_time);
    g_test_add_func("/edge/flow/idle-flow-is-kept", idle_flow_is_kept);
    g_test_add_func("/edge/flow/client-certificate-is-required-where-asked",
                    client_certificate_is_required_where_asked);
    g_test_add_func("/edge/flow/dial-plain", dial_plain);
    g_test_add_func("/edge/flow/dial-refused", dial_refused);
    g_test_add_func("/edge/flow/dial-tls-verifies-the-name", dial_tls_verifies_the_name);
    g_test_add_func("/edge/flow/dial-to-a-silent-server-ends-in-time",
                    dial_to_a_silent_server_ends_in_time);
    g_test_add_func("/edge/flow/flow-closed-before-it-is-up", flow_closed_before_it_is_up);
}
