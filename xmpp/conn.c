#include "xmpp/conn.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib-unix.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOD "xmpp"

/* libstrophe's own timeouts (connecting 15 s, authenticating, closing) are looked at when it runs.
 */
#define TICK_US (500 * US_PER_MS)
#define RETRY_MIN_US (500 * US_PER_MS)
#define RETRY_MAX_US (30 * US_PER_S)
#define GOODBYE_US (500 * US_PER_MS)

enum {
    LOW_FDS = 16,  /* kept below FD_SETSIZE for later connections */
    FEED_MAX = 16, /* stanzas in libstrophe's queue, which it drops when the connection is lost */
    CONNECT_ROUNDS = 3,
    PUMP_ROUNDS = 32 /* without a look at the rest of the main loop */
};

enum conn_state { CONN_IDLE, CONN_CONNECTING, CONN_UP, CONN_CLOSING };

struct conn {
    struct conn_config config;
    xmpp_ctx_t *ctx;
    xmpp_conn_t *stream;
    enum conn_state state;
    int fd; /* of the connection, which libstrophe closes; -1 */
    int low[LOW_FDS];
    unsigned nlow;
    guint watch, flush; /* GLib sources */
    struct timer *tick, *retry;
    uint64_t pause_us;
    bool pumping, told;
    GQueue out; /* of char *, owned */
    size_t out_bytes;
    uint64_t dropped;
};

/* libstrophe's socket callback bears no user data: whose connection is being made. */
static struct conn *connecting;

/* ---- descriptors below FD_SETSIZE ---- */

static void low_fds_fill(struct conn *c)
{
    while (c->nlow < LOW_FDS) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            return;
        if (fd >= FD_SETSIZE) {
            (void)close(fd);
            return;
        }
        c->low[c->nlow++] = fd;
    }
}

static void socket_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1}, /* else two stanzas in a row wait for a delayed ACK */
        {SOL_SOCKET, SO_KEEPALIVE, 1},          {IPPROTO_TCP, TCP_KEEPIDLE, 30},
        {IPPROTO_TCP, TCP_KEEPINTVL, 10},       {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof(options[i].value));
}

/* Called on a new socket before it connects; may put another descriptor in its place. */
static int on_socket(xmpp_conn_t *stream, void *arg)
{
    int *fd = arg;
    struct conn *c = connecting;
    int low;

    (void)stream;
    if (!c || !c->nlow)
        return -1;
    socket_options(*fd);
    low = c->low[--c->nlow];
    if (dup3(*fd, low, O_CLOEXEC) < 0)
        return -1;
    (void)close(*fd);
    *fd = low;
    c->fd = low;
    return 0;
}

static int refuse_socket(xmpp_conn_t *stream, void *arg)
{
    (void)stream;
    (void)arg;
    return -1;
}

static void ignore_event(xmpp_conn_t *stream, xmpp_conn_event_t event, int error,
                         xmpp_stream_error_t *stream_error, void *arg)
{
    (void)stream;
    (void)event;
    (void)error;
    (void)stream_error;
    (void)arg;
}

/* libstrophe 0.12 to 0.14 count stanzas for XEP-0198 in components too, but allocate the counters
 * for clients only. So they are taken from a client that never connects; they then live as long as
 * our stream. */
static bool borrow_counters(struct conn *c)
{
    xmpp_conn_t *client = xmpp_conn_new(c->ctx);
    xmpp_sm_state_t *counters;

    xmpp_conn_set_jid(client, "nobody@localhost");
    xmpp_conn_set_pass(client, "");
    xmpp_conn_set_sockopt_callback(client, refuse_socket);
    (void)xmpp_connect_client(client, "127.0.0.1", 9, ignore_event, NULL);
    counters = xmpp_conn_get_sm_state(client);
    (void)xmpp_conn_release(client);
    return counters && xmpp_conn_set_sm_state(c->stream, counters) == 0;
}

/* ---- the main loop ---- */

static void flush_later(struct conn *c);

static void feed(struct conn *c)
{
    while (c->state == CONN_UP && xmpp_conn_send_queue_len(c->stream) < FEED_MAX) {
        char *xml = g_queue_pop_head(&c->out);
        size_t n;

        if (!xml)
            return;
        n = strlen(xml);
        c->out_bytes -= n;
        xmpp_send_raw(c->stream, xml, n);
        g_free(xml);
    }
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data);

static void unwatch(struct conn *c)
{
    if (c->watch)
        (void)g_source_remove(c->watch);
    c->watch = 0;
}

static bool is_reached(int fd)
{
    struct sockaddr_storage peer;
    socklen_t n = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &n) == 0;
}

/* Writability is worth a wake-up until the server is reached, and while something waits to go out.
 */
static void watch(struct conn *c)
{
    GIOCondition want = G_IO_IN | G_IO_HUP | G_IO_ERR;

    unwatch(c);
    if (c->fd < 0)
        return;
    if ((c->state == CONN_CONNECTING && !is_reached(c->fd)) ||
        xmpp_conn_send_queue_len(c->stream) > 0)
        want |= G_IO_OUT;
    c->watch = g_unix_fd_add_full(G_PRIORITY_DEFAULT, c->fd, want, on_ready, c, NULL);
}

/* libstrophe writes first and reads then, so what a handler says leaves in the next round; so does
 * what it says itself until the stream is up, which no length tells. */
static void pump(struct conn *c)
{
    unsigned rounds = 0;
    bool more;

    if (c->pumping)
        return;
    c->pumping = true;
    do {
        feed(c);
        xmpp_run_once(c->ctx, 0);
        rounds++;
        more = c->state == CONN_CONNECTING
                   ? rounds < CONNECT_ROUNDS
                   : c->state == CONN_UP && !g_queue_is_empty(&c->out) &&
                         xmpp_conn_send_queue_len(c->stream) == 0 && rounds < PUMP_ROUNDS;
    } while (more);
    c->pumping = false;
    if (c->state == CONN_UP && !g_queue_is_empty(&c->out) &&
        xmpp_conn_send_queue_len(c->stream) == 0)
        flush_later(c);
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data)
{
    struct conn *c = data;

    (void)fd;
    (void)condition;
    pump(c);
    watch(c); /* replaces this source */
    return G_SOURCE_CONTINUE;
}

static gboolean on_flush(gpointer data)
{
    struct conn *c = data;

    c->flush = 0;
    pump(c);
    watch(c);
    return G_SOURCE_REMOVE;
}

static void flush_later(struct conn *c)
{
    if (!c->flush)
        c->flush = g_idle_add_full(G_PRIORITY_DEFAULT, on_flush, c, NULL);
}

static void on_tick(void *arg)
{
    struct conn *c = arg;

    pump(c);
    watch(c);
    timer_start(&c->tick, TICK_US, on_tick, c);
}

/* ---- connecting ---- */

static void connect_now(void *arg);

static void retry(struct conn *c)
{
    low_fds_fill(c);
    timer_stop(&c->retry);
    timer_start(&c->retry, c->pause_us, connect_now, c);
    c->pause_us = MIN(c->pause_us * 2, RETRY_MAX_US);
}

static void on_up(struct conn *c)
{
    c->state = CONN_UP;
    c->pause_us = RETRY_MIN_US;
    c->told = false;
    LOG_I(MOD, "connected as component %s", c->config.domain);
    if (c->config.up)
        c->config.up(c->config.arg);
    flush_later(c);
}

/* Said once an outage: the attempts that follow only repeat it. */
static void tell_loss(struct conn *c, int error, const xmpp_stream_error_t *why)
{
    char addr[NET_ADDR_TEXT];
    const char *text = why && why->text ? why->text : error ? g_strerror(error) : "closed";

    (void)net_addr_text(&c->config.server, addr);
    if (c->told)
        LOG_D(MOD, "still no XMPP server at %s: %s", addr, text);
    else if (why && why->type == XMPP_SE_NOT_AUTHORIZED)
        LOG_E(MOD, "the XMPP server at %s does not take [xmpp] secret for %s: %s", addr,
              c->config.domain, text);
    else if (c->state == CONN_UP)
        LOG_W(MOD, "lost the XMPP server at %s (%s); calls go on, trying again", addr, text);
    else
        LOG_W(MOD, "no XMPP server at %s (%s); trying again", addr, text);
    c->told = true;
}

static void on_down(struct conn *c, int error, const xmpp_stream_error_t *why)
{
    enum conn_state was = c->state;

    if (was != CONN_CLOSING)
        tell_loss(c, error, why);
    c->state = was == CONN_CLOSING ? CONN_CLOSING : CONN_IDLE;
    c->fd = -1; /* closed by libstrophe, now or soon */
    unwatch(c);
    if (was == CONN_UP && c->config.down)
        c->config.down(c->config.arg);
    if (was != CONN_CLOSING)
        retry(c);
}

static int on_stanza(xmpp_conn_t *stream, xmpp_stanza_t *stanza, void *arg)
{
    struct conn *c = arg;

    (void)stream;
    c->config.stanza(stanza, c->config.arg);
    return 1; /* stay */
}

static void on_event(xmpp_conn_t *stream, xmpp_conn_event_t event, int error,
                     xmpp_stream_error_t *why, void *arg)
{
    struct conn *c = arg;

    (void)stream;
    switch (event) {
    case XMPP_CONN_CONNECT:
    case XMPP_CONN_RAW_CONNECT: on_up(c); break;
    case XMPP_CONN_DISCONNECT:
    case XMPP_CONN_FAIL: on_down(c, error, why); break;
    }
}

static void connect_now(void *arg)
{
    struct conn *c = arg;
    char ip[NET_ADDR_TEXT];
    int rc;

    low_fds_fill(c);
    c->state = CONN_CONNECTING;
    connecting = c;
    rc = xmpp_connect_component(c->stream, net_addr_ip(&c->config.server, ip),
                                c->config.server.port, on_event, c);
    connecting = NULL;
    if (rc != XMPP_EOK) {
        c->state = CONN_IDLE;
        tell_loss(c, errno, NULL);
        retry(c);
        return;
    }
    watch(c);
    flush_later(c); /* on loopback it is reached already, and nothing else would wake us */
}

/* ---- the door ---- */

/* libstrophe says more than an operator wants, and its debug lines hold secrets. */
static void on_library_log(void *arg, xmpp_log_level_t level, const char *area, const char *text)
{
    (void)arg;
    if (level == XMPP_LEVEL_ERROR)
        LOG_D(MOD, "libstrophe: %s: %s", area, text);
}

static const xmpp_log_t library_log = {on_library_log, NULL};

struct conn *conn_new(const struct conn_config *config)
{
    struct conn *c = g_new0(struct conn, 1);

    c->config = *config;
    c->fd = -1;
    c->pause_us = RETRY_MIN_US;
    g_queue_init(&c->out);
    xmpp_initialize();
    c->ctx = xmpp_ctx_new(NULL, &library_log);
    c->stream = xmpp_conn_new(c->ctx);
    xmpp_conn_set_jid(c->stream, config->domain);
    xmpp_conn_set_pass(c->stream, config->secret);
    xmpp_conn_set_sockopt_callback(c->stream, on_socket);
    xmpp_handler_add(c->stream, on_stanza, NULL, NULL, NULL, c);
    low_fds_fill(c);
    if (!c->nlow || !borrow_counters(c)) {
        LOG_E(MOD, "cannot prepare a connection: %s",
              c->nlow ? "libstrophe refuses" : "no file descriptor below 1024 is free");
        conn_free(c);
        return NULL;
    }
    connect_now(c);
    timer_start(&c->tick, TICK_US, on_tick, c);
    return c;
}

bool conn_send(struct conn *c, GString *xml)
{
    size_t n = xml->len;

    if (c->out.length >= CONN_QUEUE_MAX || c->out_bytes + n > CONN_QUEUE_BYTES) {
        if (c->dropped++ == 0)
            LOG_W(MOD, "the XMPP server does not keep up: stanzas are dropped");
        (void)g_string_free(xml, TRUE);
        return false;
    }
    if (c->dropped) {
        LOG_W(MOD, "%" G_GUINT64_FORMAT " stanzas were dropped", c->dropped);
        c->dropped = 0;
    }
    c->out_bytes += n;
    g_queue_push_tail(&c->out, g_string_free(xml, FALSE));
    if (c->state == CONN_UP)
        flush_later(c);
    return true;
}

bool conn_is_up(const struct conn *c)
{
    return c->state == CONN_UP;
}

bool conn_is_crowded(const struct conn *c)
{
    return c->out.length >= CONN_CROWDED;
}

static void say_goodbye(struct conn *c)
{
    uint64_t end = clock_now_us() + GOODBYE_US;

    if (c->state != CONN_UP)
        return;
    while (c->state == CONN_UP && clock_now_us() < end &&
           (!g_queue_is_empty(&c->out) || xmpp_conn_send_queue_len(c->stream) > 0)) {
        feed(c);
        xmpp_run_once(c->ctx, 10);
    }
    c->state = CONN_CLOSING;
    xmpp_disconnect(c->stream);
    while (!xmpp_conn_is_disconnected(c->stream) && clock_now_us() < end)
        xmpp_run_once(c->ctx, 10);
}

void conn_free(struct conn *c)
{
    if (!c)
        return;
    timer_stop(&c->tick);
    timer_stop(&c->retry);
    if (c->flush)
        (void)g_source_remove(c->flush);
    say_goodbye(c);
    unwatch(c);
    c->state = CONN_CLOSING; /* releasing it reports the end of a connection that is still there */
    (void)xmpp_conn_release(c->stream);
    xmpp_ctx_free(c->ctx);
    xmpp_shutdown();
    while (c->nlow)
        (void)close(c->low[--c->nlow]);
    g_queue_clear_full(&c->out, g_free);
    g_free(c);
}
