/* Many bad connections at once, limits, and no file descriptors left. */
#include "tests/edge/rig.h"

#include <glib.h>

#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

void unit_edge_storm(void);

#define PAGE "GET / HTTP/1.1\r\nHost: example.test\r\n"
#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"      \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                 \
    "Sec-WebSocket-Protocol: tandem.v1\r\n\r\n"

static void page_ok(struct rig *r)
{
    g_autofree char *answer = rig_exchange(r, PAGE "Connection: close\r\n\r\n");

    assert_status(answer, 200);
}

static void empty_events(struct rig *r)
{
    struct edge_event ev;

    while (mailbox_take(r->events, &ev))
        edge_event_clear(&ev);
}

/* One bad client of each kind. */
static void bad_clients(struct rig *r, const struct net_addr *tls)
{
    static const char *const opening[] = {
        "",      "GET / HT",         PAGE,       "\x16\x03\x01\x02", "\xff\xfe\n",
        UPGRADE, UPGRADE "\x81\xfe", PAGE "\r\n"};
    const struct net_addr *const at[] = {&r->web, tls, &r->sip};

    for (size_t k = 0; k < G_N_ELEMENTS(at); k++)
        for (size_t i = 0; i < G_N_ELEMENTS(opening); i++) {
            struct peer p = peer_connect(at[k]);
            peer_say(&p, opening[i]);
            if (i % 2)
                peer_reset(&p);
            else
                peer_close(&p);
        }
    for (int i = 0; i < 2; i++) { /* and one that shakes hands first */
        struct peer p = peer_connect_tls(tls, &(struct peer_tls){.sni = "example.test"});
        peer_say(&p, i ? UPGRADE : "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        peer_reset(&p);
    }
}

enum { LEAK_NOISE = 8192 }; /* of 1560 connections: five octets each */

static size_t heap_in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

/* Returns once the last connection is closed. */
static void storm(struct rig *r, const struct net_addr *tls)
{
    struct edge_stats s;

    for (int i = 0; i < 60; i++) {
        bad_clients(r, tls);
        empty_events(r);
    }
    for (int turns = 0; turns == 0 || s.connections; turns++) {
        g_assert_cmpint(turns, <, 200);
        rig_skip(r, 1);
        rig_settle(r);
        empty_events(r);
        edge_stats(r->edge, &s);
    }
}

static void storms_leave_nothing_behind(void)
{
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new_with(&c);
    struct net_addr tls;
    size_t before, after = 0;
    int storms = 0;

    g_assert_cmpint(rig_listen_web(r, true, &tls), ==, GW_OK);
    g_assert_cmpint(rig_listen_sip(r, false, false), ==, GW_OK);
    do { /* first queues and the allocator's caches grow to what a storm needs; a leak never ends */
        g_assert_cmpint(storms++, <, 10);
        before = after;
        storm(r, &tls);
        after = heap_in_use();
        g_test_message("heap %zu -> %zu", before, after);
    } while (after > before + LEAK_NOISE);
    page_ok(r);
    rig_free(r);
}

static bool is_refused(struct rig *r)
{
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;

    peer_say(&p, PAGE "Connection: close\r\n\r\n");
    answer = peer_recv_rest(&p);
    peer_close(&p);
    return !*answer;
}

static void one_address_cannot_take_all(void)
{
    struct edge_config c = rig_config();
    struct edge_stats s;
    struct peer held[8];
    struct rig *r;

    c.exempt_loopback = false;
    c.connections_per_address_per_s = 0;
    r = rig_new_with(&c);
    for (size_t i = 0; i < G_N_ELEMENTS(held); i++) {
        g_autofree char *answer = NULL;
        held[i] = peer_connect(&r->web);
        peer_say(&held[i], PAGE "\r\n");
        answer = peer_response(&held[i], false);
    }
    g_assert_true(is_refused(r));
    edge_stats(r->edge, &s);
    g_assert_cmpuint(s.refused_limit, ==, 1);
    peer_close(&held[0]);
    rig_settle(r); /* the place is free as soon as the edge has seen the end */
    page_ok(r);
    for (size_t i = 1; i < G_N_ELEMENTS(held); i++)
        peer_close(&held[i]);
    rig_free(r);
}

static void fast_connecting_is_refused_and_forgiven(void)
{
    struct edge_config c = rig_config();
    struct rig *r;
    unsigned good = 0;

    c.exempt_loopback = false;
    c.connections_per_address = 0;
    c.connections_per_address_per_s = 2;
    r = rig_new_with(&c);
    while (good < 1000 && !is_refused(r))
        good++;
    g_assert_cmpuint(good, >=, 4);
    g_assert_cmpuint(good, <, 1000);
    rig_skip(r, 2);
    rig_settle(r);
    page_ok(r);
    rig_free(r);
}

static void proxies_are_not_limited(void)
{
    struct edge_config c = rig_config();
    struct rig *r;

    c.exempt_loopback = false;
    c.connections_per_address_per_s = 1;
    c.nproxies = 1;
    g_assert_true(net_addr_parse_ip(SPAN("127.0.0.1"), &c.proxy[0]));
    r = rig_new_with(&c);
    for (int i = 0; i < 50; i++)
        page_ok(r);
    rig_free(r);
}

enum { LEFT_TO_EDGE = 4 };

/* In a process of its own: the limit holds for the test's sockets too. */
static void out_of_descriptors_child(void)
{
    struct rlimit small = {.rlim_cur = 60, .rlim_max = 60};
    struct rig *r = rig_new();
    struct peer p[64];
    struct rusage start, end;
    int n = 0;

    page_ok(r);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &small), ==, 0);
    for (; n < 64; n++) { /* all there are, before the edge wants one */
        p[n] = (struct peer){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (p[n].fd < 0)
            break;
    }
    g_assert_cmpint(n, >, LEFT_TO_EDGE);
    g_assert_cmpint(n, <, 64);
    for (int i = 0; i < LEFT_TO_EDGE; i++)
        peer_close(&p[--n]);
    for (int i = 0; i < n; i++) {
        struct sockaddr_storage sa;
        socklen_t len = net_addr_to_sockaddr(&r->web, &sa);
        g_assert_cmpint(connect(p[i].fd, (struct sockaddr *)&sa, len), ==, 0);
    }
    (void)getrusage(RUSAGE_SELF, &start);
    for (int i = 0; i < 20; i++) /* the surplus is refused, and nothing spins over it */
        rig_settle(r);
    (void)getrusage(RUSAGE_SELF, &end);
    g_assert_cmpint(end.ru_utime.tv_sec - start.ru_utime.tv_sec, <=, 1);
    for (int i = 0; i < n; i++)
        peer_close(&p[i]);
    rig_settle(r);
    page_ok(r); /* as before once there is room */
    rig_free(r);
}

static void out_of_descriptors(void)
{
    if (g_test_subprocess()) {
        out_of_descriptors_child();
        return;
    }
    g_test_trap_subprocess(NULL, 20 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*no file descriptors left*");
}

static void port_taken_is_told(void)
{
    struct rig *r = rig_new();
    struct edge_web_config c = {.listen = r->web, .events = r->events};
    struct net_addr bound;

    g_assert_cmpint(edge_listen_web(r->edge, &c, &bound), ==, GW_EIO);
    rig_free(r);
}

static void both_families_side_by_side(void)
{
    struct rig *r = rig_new();
    struct edge_web_config c = {.events = r->events};
    g_autofree char *answer = NULL;
    struct net_addr bound;

    g_assert_true(net_addr_parse_ip(SPAN("::1"), &c.listen));
    c.listen.port = r->web.port;
    if (edge_listen_web(r->edge, &c, &bound) != GW_OK) {
        g_test_skip("no IPv6 on this machine");
        rig_free(r);
        return;
    }
    page_ok(r);
    r->web = bound;
    answer = rig_exchange(r, PAGE "Connection: close\r\n\r\n");
    assert_status(answer, 404); /* the second listener's own, empty site */
    rig_free(r);
}

void unit_edge_storm(void)
{
    g_test_add_func("/edge/storm/storms-leave-nothing-behind", storms_leave_nothing_behind);
    g_test_add_func("/edge/storm/one-address-cannot-take-all", one_address_cannot_take_all);
    g_test_add_func("/edge/storm/fast-connecting-is-refused-and-forgiven",
                    fast_connecting_is_refused_and_forgiven);
    g_test_add_func("/edge/storm/proxies-are-not-limited", proxies_are_not_limited);
    g_test_add_func("/edge/storm/out-of-descriptors", out_of_descriptors);
    g_test_add_func("/edge/storm/port-taken-is-told", port_taken_is_told);
    g_test_add_func("/edge/storm/both-families-side-by-side", both_families_side_by_side);
}
