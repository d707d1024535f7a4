/* The real stream (xmpp/conn.c on libstrophe) against a server of a few lines that is as slow, as
 * rude and as gone as a test wants. */
#include "base/log.h"
#include "xmpp/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "                         \
    "xmlns:stream='http://etherx.jabber.org/streams' from='sip.example.org' id='3BF96D32'>"

struct world {
    struct conn *conn;
    struct net_addr at;
    int listener, server; /* ours; -1 */
    GString *got;         /* what the server has read */
    unsigned ups, downs, stanzas;
    size_t largest;
};

static struct world w;

static void on_stanza(xmpp_stanza_t *stanza, void *arg)
{
    char *body = xmpp_message_get_body(stanza);

    (void)arg;
    w.stanzas++;
    w.largest = MAX(w.largest, body ? strlen(body) : 0);
    if (body)
        xmpp_free(xmpp_stanza_get_context(stanza), body);
}

static void on_up(void *arg)
{
    (void)arg;
    w.ups++;
}

static void on_down(void *arg)
{
    (void)arg;
    w.downs++;
}

/* ---- the server ---- */

static void server_listen(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int one = 1;

    a.sin_port = htons(w.at.port);
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(w.listener, >=, 0);
    (void)setsockopt(w.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    g_assert_cmpint(bind(w.listener, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_cmpint(listen(w.listener, 4), ==, 0);
    g_assert_cmpint(getsockname(w.listener, (struct sockaddr *)&a, &n), ==, 0);
    g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&a, &w.at));
}

static void server_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* What has come so far; the connection may have come too. */
static void server_turn(void)
{
    char buf[65536];
    ssize_t n;

    if (w.server < 0 && w.listener >= 0)
        w.server = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (w.server >= 0 && (n = read(w.server, buf, sizeof(buf))) > 0)
        g_string_append_len(w.got, buf, n);
}

static void server_say(const char *xml)
{
    size_t n = strlen(xml);

    for (size_t done = 0; done < n;) {
        ssize_t k = write(w.server, xml + done, n - done);

        if (k > 0)
            done += (size_t)k;
        else
            g_assert_true(errno == EAGAIN);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

/* Turns the main loop, and the server with @p reads, until @p fn or for ten seconds. */
static void await(bool (*fn)(void), bool reads, const char *claim)
{
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    if (w.listener >= 0)
        (void)fcntl(w.listener, F_SETFL, O_NONBLOCK);
    while (!fn()) {
        if (g_get_monotonic_time() > end)
            g_error("not in time: %s", claim);
        if (reads)
            server_turn();
        if (!g_main_context_iteration(NULL, FALSE))
            (void)poll(NULL, 0, 1);
    }
}

static bool has_opened(void)
{
    return strstr(w.got->str, "jabber:component:accept") != NULL;
}

static bool has_shaken(void)
{
    return strstr(w.got->str, "</handshake>") != NULL;
}

static bool has_heard(void)
{
    return w.stanzas > 0;
}

static bool is_up(void)
{
    return conn_is_up(w.conn);
}

static bool is_down(void)
{
    return !conn_is_up(w.conn);
}

static void server_takes_it(void)
{
    await(has_opened, true, "the stream is opened");
    server_say(HEAD);
    await(has_shaken, true, "a handshake");
    /* XEP-0114: hexadecimal SHA-1 of the id and the secret. */
    g_assert_nonnull(strstr(w.got->str, ">aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e<"));
    server_say("<handshake/>");
    await(is_up, false, "the stream is up");
    g_string_truncate(w.got, 0);
}

static void world_up(void)
{
    struct conn_config c = {.domain = "sip.example.org",
                            .secret = "test",
                            .stanza = on_stanza,
                            .up = on_up,
                            .down = on_down};

    memset(&w, 0, sizeof(w));
    w.listener = w.server = -1;
    w.got = g_string_new(NULL);
    server_listen();
    c.server = w.at;
    w.conn = conn_new(&c);
    g_assert_nonnull(w.conn);
}

static void world_down(void)
{
    conn_free(w.conn);
    server_close(&w.server);
    server_close(&w.listener);
    (void)g_string_free(w.got, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static bool send_number(unsigned i)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "<message to='a@b' from='c@sip.example.org'><body>%u</body></message>", i);
    return conn_send(w.conn, s);
}

/* ---- tests ---- */

static unsigned expected;

static bool has_all(void)
{
    g_autofree char *last = g_strdup_printf("<body>%u</body>", expected - 1);

    return strstr(w.got->str, last) != NULL;
}

static void it_is_authenticated_and_speaks(void)
{
    world_up();
    server_takes_it();
    g_assert_cmpuint(w.ups, ==, 1);
    server_say("<message from='a@b' to='c@sip.example.org'><body>x</body></message>");
    await(has_heard, false, "it hears a stanza");
    g_assert_true(send_number(7));
    expected = 8;
    await(has_all, true, "it has said seven");
    world_down();
}

static void assert_in_order(unsigned first, unsigned after)
{
    const char *p = w.got->str;

    for (unsigned i = first; i < after; i++) {
        g_autofree char *body = g_strdup_printf("<body>%u</body>", i);

        p = strstr(p, body);
        g_assert_nonnull(p);
    }
}

/* A server that does not read: what waits is bounded, told as crowded long before, and all of it
 * arrives once it reads. */
static void what_waits_is_bounded(void)
{
    unsigned n = 0;
    bool crowded_at_half = false;

    world_up();
    server_takes_it();
    while (send_number(n)) {
        n++;
        g_assert_cmpuint(n, <=, CONN_QUEUE_MAX);
        crowded_at_half |= n == CONN_QUEUE_MAX / 2 && conn_is_crowded(w.conn);
    }
    g_assert_true(crowded_at_half);
    g_assert_cmpuint(n, ==, CONN_QUEUE_MAX);
    expected = n;
    await(has_all, true, "all that was queued has arrived");
    assert_in_order(0, n);
    g_assert_false(conn_is_crowded(w.conn));
    g_assert_true(send_number(n));
    world_down();
}

static void so_is_it_in_bytes(void)
{
    unsigned n = 0;

    world_up();
    for (;; n++) { /* not even connected */
        GString *s = g_string_sized_new(1 << 20);

        g_string_append(s, "<message><body>");
        for (unsigned k = 0; k < (1 << 20) / 16; k++)
            g_string_append(s, "0123456789abcdef");
        g_string_append(s, "</body></message>");
        if (!conn_send(w.conn, s))
            break;
    }
    g_assert_cmpuint(n, <=, CONN_QUEUE_BYTES >> 20);
    g_assert_cmpuint(n, >, (CONN_QUEUE_BYTES >> 20) - 3);
    world_down();
}

static void it_comes_back_and_says_what_waited(void)
{
    world_up();
    server_takes_it();
    server_close(&w.server);
    server_close(&w.listener);
    await(is_down, false, "the loss is noticed");
    g_assert_cmpuint(w.downs, ==, 1);
    for (unsigned i = 0; i < 100; i++)
        g_assert_true(send_number(i));
    g_string_truncate(w.got, 0);
    server_listen();
    server_takes_it();
    g_assert_cmpuint(w.ups, ==, 2);
    expected = 100;
    await(has_all, true, "what waited has arrived");
    assert_in_order(0, 100);
    world_down();
}

/* libstrophe uses select(): it aborts on a descriptor beyond 1023. */
static void a_thousand_descriptors_do_not_matter(void)
{
    struct rlimit files;
    g_autofree int *fd = g_new(int, 1100);

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &files), ==, 0);
    files.rlim_cur = MIN(files.rlim_max, 4096);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &files), ==, 0);
    world_up();
    server_takes_it();
    for (unsigned i = 0; i < 1100; i++) {
        fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(fd[i], >=, 0);
    }
    for (unsigned round = 0; round < 18; round++) { /* more often than low ones were set aside */
        server_close(&w.server);
        await(is_down, false, "the loss is noticed");
        g_string_truncate(w.got, 0);
        server_takes_it();
    }
    for (unsigned i = 0; i < 1100; i++)
        (void)close(fd[i]);
    world_down();
}

static void a_huge_stanza_is_read_bit_by_bit(void)
{
    g_autofree char *body = g_strnfill(8 << 20, 'x');
    g_autofree char *xml =
        g_strdup_printf("<message from='a@b' to='c@d'><body>%s</body></message>", body);

    world_up();
    server_takes_it();
    server_say(xml);
    server_say("<message from='a@b' to='c@d'><body>y</body></message>");
    while (w.stanzas < 2)
        (void)g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(w.largest, ==, 8 << 20);
    world_down();
}

static bool has_complained(void)
{
    return strstr(w.got->str, "stream:error") != NULL;
}

static void nonsense_from_the_server_is_no_crash(void)
{
    world_up();
    server_takes_it();
    server_say("<message></presence>&&&<");
    await(has_complained, true, "the server is told"); /* and closes, as servers do then */
    server_close(&w.server);
    await(is_down, false, "it is down");
    g_string_truncate(w.got, 0);
    server_takes_it();
    world_down();
}

static bool wants_again(void)
{
    return w.server >= 0 && has_opened();
}

static void a_wrong_secret_is_tried_again(void)
{
    world_up();
    await(has_opened, true, "the stream is opened");
    server_say(HEAD);
    await(has_shaken, true, "a handshake");
    server_say("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
               "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Given token does not match"
               "</text></stream:error></stream:stream>");
    server_close(&w.server);
    g_string_truncate(w.got, 0);
    await(wants_again, true, "it tries again");
    g_assert_cmpuint(w.ups + w.downs, ==, 0);
    world_down();
}

static void it_costs_nothing_while_nothing_happens(void)
{
    gint64 end;
    unsigned turns = 0;

    world_up();
    server_takes_it();
    for (end = g_get_monotonic_time() + 100000; g_get_monotonic_time() < end;)
        (void)g_main_context_iteration(NULL, FALSE); /* what is left of the beginning */
    for (end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC; g_get_monotonic_time() < end; turns++)
        (void)g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(turns, <, 20); /* a tick each half second, and what one brings with it */
    world_down();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(void);
    } tests[] = {
        {"it-is-authenticated-and-speaks", it_is_authenticated_and_speaks},
        {"what-waits-is-bounded", what_waits_is_bounded},
        {"so-is-it-in-bytes", so_is_it_in_bytes},
        {"it-comes-back-and-says-what-waited", it_comes_back_and_says_what_waited},
        {"a-thousand-descriptors-do-not-matter", a_thousand_descriptors_do_not_matter},
        {"a-huge-stanza-is-read-bit-by-bit", a_huge_stanza_is_read_bit_by_bit},
        {"nonsense-from-the-server-is-no-crash", nonsense_from_the_server_is_no_crash},
        {"a-wrong-secret-is-tried-again", a_wrong_secret_is_tried_again},
        {"it-costs-nothing-while-nothing-happens", it_costs_nothing_while_nothing_happens},
    };

    (void)signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/stream/", tests[i].path, NULL);

        g_test_add_func(path, tests[i].fn);
    }
    return g_test_run();
}
