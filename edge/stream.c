#include "edge/stream.h"

#include "base/clock.h"
#include "edge/backlog.h"

#include <glib.h>
#include <openssl/err.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_WHY = 160, STREAM_FLUSH_S = 30, STREAM_LINGER_S = 2 };

enum stream_state {
    STREAM_CONNECTING,
    STREAM_HANDSHAKE,
    STREAM_OPEN,
    STREAM_FLUSHING, /* the owner has finished: only the outbox is left */
    STREAM_LINGERING,
    STREAM_CLOSED
};

struct stream {
    struct loop_source source; /* first: epoll points here */
    struct stream_env *env;
    enum stream_state state; /* written by stream_set_state() alone */
    SSL *ssl;
    char *tls_name; /* dialled: verified against it */
    const struct stream_ops *ops;
    void *owner;
    struct net_addr peer;
    struct backlog out;
    bool paused;
    bool ended;  /* the peer's FIN has been read */
    bool broken; /* a write failed; closed() comes from the next turn, never from stream_write() */
    struct wheel_timer timer;
    void (*expired)(struct stream *s);
    char why[STREAM_WHY];
};

/* ---- state ---- */

static void stream_set_state(struct stream *s, enum stream_state state)
{
    if (s->ssl && s->state == STREAM_HANDSHAKE)
        s->env->handshakes_open--;
    if (s->ssl && state == STREAM_HANDSHAKE)
        s->env->handshakes_open++;
    s->state = state;
}

static void on_timer(struct wheel_timer *t)
{
    struct stream *s = WHEEL_OWNER(t, struct stream, timer);

    s->expired(s);
}

static void timer_in(struct stream *s, unsigned seconds, void (*fn)(struct stream *s))
{
    s->expired = fn;
    wheel_set(loop_wheel(s->env->loop), &s->timer, loop_now(s->env->loop) + seconds * US_PER_S,
              on_timer);
}

static void stream_free(void *object)
{
    struct stream *s = object;

    g_free(s->tls_name);
    g_free(s);
}

void stream_close(struct stream *s, const char *why)
{
    struct loop *loop = s->env->loop;

    if (s->state == STREAM_CLOSED)
        return;
    if (s->ssl) {
        bool shaken = s->state > STREAM_HANDSHAKE;
        ERR_clear_error();
        if (shaken && s->state != STREAM_LINGERING && !s->broken)
            (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
    stream_set_state(s, STREAM_CLOSED);
    SSL_free(s->ssl);
    s->ssl = NULL;
    wheel_cancel(loop_wheel(loop), &s->timer);
    loop_forget(loop, &s->source);
    (void)close(s->source.fd);
    backlog_clear(&s->out);
    s->ops->closed(s, why);
    loop_dispose(loop, s, stream_free);
}

static void fail_tls(struct stream *s, const char *what)
{
    char text[STREAM_WHY / 2];

    (void)g_snprintf(s->why, sizeof(s->why), "%s: %s", what,
                     tls_error_text(s->ssl, text, sizeof(text)));
    s->broken = true; /* OpenSSL forbids SSL_shutdown() after a fatal error */
}

/* ---- writing ---- */

/* Bytes taken; 0: the socket is full; broken is set when it failed. */
static size_t socket_write(struct stream *s, const char *p, size_t n)
{
    ssize_t sent;

    if (s->ssl) {
        int r;
        int why;
        ERR_clear_error();
        r = SSL_write(s->ssl, p, (int)MIN(n, 1u << 20));
        if (r > 0)
            return (size_t)r;
        why = SSL_get_error(s->ssl, r);
        if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            fail_tls(s, "TLS write failed");
        return 0;
    }
    do {
        sent = send(s->source.fd, p, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN) {
        (void)g_snprintf(s->why, sizeof(s->why), "write failed: %s", g_strerror(errno));
        s->broken = true;
    }
    return 0;
}

static size_t write_some(struct stream *s, const char *p, size_t n)
{
    size_t done = 0;
    size_t took;

    while (done < n && !s->broken && (took = socket_write(s, p + done, n - done)) > 0)
        done += took;
    return done;
}

static bool can_write(const struct stream *s)
{
    return s->state == STREAM_OPEN || s->state == STREAM_FLUSHING;
}

/* A failed write is met by closing in the next turn: the writer may be in the middle of anything.
 */
static void close_if_broken_later(struct stream *s)
{
    if (s->broken)
        loop_again(s->env->loop, &s->source);
}

/* What can be sent at once is; returns how much. Nothing may overtake what is queued. */
static size_t write_ahead(struct stream *s, const char *p, size_t n)
{
    return can_write(s) && !backlog_size(&s->out) ? write_some(s, p, n) : 0;
}

static void stream_put(struct stream *s, const char *p, size_t n,
                       void (*add)(struct backlog *out, const void *data, size_t n))
{
    size_t sent;

    if (s->state > STREAM_OPEN || s->broken || !n)
        return;
    sent = write_ahead(s, p, n);
    if (!s->broken)
        add(&s->out, p + sent, n - sent);
    close_if_broken_later(s);
}

void stream_write(struct stream *s, const void *data, size_t n)
{
    stream_put(s, data, n, backlog_add);
}

void stream_write_static(struct stream *s, const void *data, size_t n)
{
    stream_put(s, data, n, backlog_add_tail);
}

size_t stream_queued(const struct stream *s)
{
    return backlog_size(&s->out);
}

static void stream_flush(struct stream *s)
{
    struct span next = backlog_next(&s->out);

    if (!can_write(s) || s->broken || !next.n)
        return;
    while (next.n) {
        size_t n = write_some(s, next.p, next.n);
        backlog_sent(&s->out, n);
        if (n < next.n)
            return;
        next = backlog_next(&s->out);
    }
    if (s->state == STREAM_OPEN && s->ops->drained)
        s->ops->drained(s);
}

/* ---- reading ---- */

enum read_result { READ_SOME, READ_LATER, READ_END, READ_FAILED };

static enum read_result socket_read(struct stream *s, char *buf, size_t *n)
{
    ssize_t got;

    if (s->ssl) {
        int r;
        ERR_clear_error();
        r = SSL_read(s->ssl, buf, STREAM_READ);
        *n = r > 0 ? (size_t)r : 0;
        if (r > 0)
            return READ_SOME;
        switch (SSL_get_error(s->ssl, r)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return READ_LATER;
        case SSL_ERROR_ZERO_RETURN: return READ_END;
        default: fail_tls(s, "TLS read failed"); return READ_FAILED;
        }
    }
    do {
        got = recv(s->source.fd, buf, STREAM_READ, 0);
    } while (got < 0 && errno == EINTR);
    *n = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return READ_SOME;
    if (got == 0)
        return READ_END;
    if (errno == EAGAIN)
        return READ_LATER;
    (void)g_snprintf(s->why, sizeof(s->why), "read failed: %s", g_strerror(errno));
    s->broken = true;
    return READ_FAILED;
}

static bool may_read(const struct stream *s)
{
    if (s->state == STREAM_FLUSHING || s->state == STREAM_LINGERING)
        return !s->ended;
    return s->state == STREAM_OPEN && !s->paused && !s->ended && !s->broken &&
           stream_queued(s) <= STREAM_PAUSE_AT;
}

static void stream_ended(struct stream *s)
{
    s->ended = true;
    if (s->state == STREAM_FLUSHING && stream_queued(s))
        return; /* half-closed: it may still be reading */
    if (s->state == STREAM_OPEN && s->ops->ended)
        s->ops->ended(s);
    else
        stream_close(s, s->state > STREAM_OPEN ? s->why : "the peer closed the connection");
}

/* Read until EAGAIN, never "until a short read": with edge triggering that loses the FIN. */
static void stream_read(struct stream *s)
{
    char *buf = s->env->scratch;
    size_t n;

    for (int i = 0; i < STREAM_READS && may_read(s); i++) {
        switch (socket_read(s, buf, &n)) {
        case READ_LATER: return;
        case READ_END: stream_ended(s); return;
        case READ_FAILED: stream_close(s, s->why); return;
        case READ_SOME:
            if (s->state == STREAM_OPEN)
                s->ops->input(s, buf, n);
        }
    }
    if (s->state != STREAM_CLOSED && may_read(s))
        loop_again(s->env->loop, &s->source);
}

/* ---- connecting, shaking hands, finishing ---- */

static void on_connect_late(struct stream *s)
{
    stream_close(s, "no answer to the connection attempt in time");
}

static void on_handshake_late(struct stream *s)
{
    stream_close(s, "the TLS handshake was not finished in time");
}

static void stream_now_open(struct stream *s)
{
    if (s->tls_name && !tls_check_name(s->ssl, s->tls_name)) {
        atomic_fetch_add_explicit(s->env->tls_failed, 1, memory_order_relaxed);
        (void)g_snprintf(s->why, sizeof(s->why), "the certificate is not for %.100s", s->tls_name);
        stream_close(s, s->why);
        return;
    }
    wheel_cancel(loop_wheel(s->env->loop), &s->timer);
    stream_set_state(s, STREAM_OPEN);
    s->ops->opened(s);
    stream_flush(s);
}

static void stream_handshake(struct stream *s)
{
    int r;
    int why;

    if (!s->env->handshakes_left) { /* the other connections are due first */
        loop_again(s->env->loop, &s->source);
        return;
    }
    s->env->handshakes_left--;
    ERR_clear_error();
    r = SSL_do_handshake(s->ssl);
    if (r == 1) {
        stream_now_open(s);
        return;
    }
    why = SSL_get_error(s->ssl, r);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return;
    atomic_fetch_add_explicit(s->env->tls_failed, 1, memory_order_relaxed);
    fail_tls(s, "TLS handshake failed");
    stream_close(s, s->why);
}

static void stream_connected(struct stream *s, uint32_t events)
{
    int err = 0;
    socklen_t len = sizeof(err);

    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return;
    (void)getsockopt(s->source.fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        (void)g_snprintf(s->why, sizeof(s->why), "cannot connect: %s", g_strerror(err));
        stream_close(s, s->why);
        return;
    }
    if (!s->ssl) {
        stream_now_open(s);
        return;
    }
    stream_set_state(s, STREAM_HANDSHAKE);
    timer_in(s, STREAM_HANDSHAKE_S, on_handshake_late);
}

static void on_finish_late(struct stream *s)
{
    stream_close(s, s->why);
}

static void stream_linger(struct stream *s)
{
    if (s->state != STREAM_FLUSHING || stream_queued(s))
        return;
    if (s->ssl) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
    (void)shutdown(s->source.fd, SHUT_WR);
    stream_set_state(s, STREAM_LINGERING);
    if (s->ended) {
        stream_close(s, s->why);
        return;
    }
    timer_in(s, STREAM_LINGER_S, on_finish_late);
}

void stream_finish(struct stream *s, const char *why)
{
    if (s->state != STREAM_OPEN) {
        if (s->state < STREAM_OPEN)
            stream_close(s, why);
        return;
    }
    (void)g_strlcpy(s->why, why, sizeof(s->why));
    stream_set_state(s, STREAM_FLUSHING);
    timer_in(s, STREAM_FLUSH_S, on_finish_late);
    stream_linger(s);
    if (s->state != STREAM_CLOSED)
        loop_again(s->env->loop, &s->source); /* what was unread while paused must be dropped */
}

static void stream_ready(struct loop_source *src, uint32_t events)
{
    struct stream *s = (struct stream *)(void *)src;

    if (s->state == STREAM_CONNECTING)
        stream_connected(s, events);
    if (s->state == STREAM_HANDSHAKE)
        stream_handshake(s);
    if (s->state == STREAM_CONNECTING || s->state == STREAM_HANDSHAKE || s->state == STREAM_CLOSED)
        return;
    stream_flush(s);
    stream_linger(s);
    if (s->state == STREAM_CLOSED)
        return;
    stream_read(s);
    if (s->state == STREAM_CLOSED)
        return;
    if (s->broken)
        stream_close(s, s->why);
    else if (s->state == STREAM_OPEN && events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP) && !may_read(s))
        stream_close(s, "the peer closed the connection"); /* nobody would read its FIN */
}

/* ---- making ---- */

static struct stream *stream_new(struct stream_env *env, int fd, const struct net_addr *peer,
                                 const struct stream_ops *ops, void *owner)
{
    struct stream *s = g_new0(struct stream, 1);
    int one = 1;

    s->source.fd = fd;
    s->source.ready = stream_ready;
    s->env = env;
    s->ops = ops;
    s->owner = owner;
    s->peer = *peer;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return s;
}

static void on_unregistered(struct stream *s)
{
    stream_close(s, "the kernel could not watch the connection");
}

static void stream_register(struct stream *s)
{
    if (!loop_add(s->env->loop, &s->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
        timer_in(s, 0, on_unregistered);
}

/* opened() of a plain accepted stream must not come before its maker has the pointer: the state is
 * already open and the owner knows; the first epoll edge brings the input. */
struct stream *stream_accepted(struct stream_env *env, int fd, SSL *ssl,
                               const struct net_addr *peer, const struct stream_ops *ops,
                               void *owner)
{
    struct stream *s = stream_new(env, fd, peer, ops, owner);

    s->ssl = ssl;
    s->state = STREAM_CONNECTING;
    if (ssl) {
        stream_set_state(s, STREAM_HANDSHAKE);
        timer_in(s, STREAM_HANDSHAKE_S, on_handshake_late);
    }
    stream_register(s); /* plain: "connected" with the first edge, like a dialled one */
    return s;
}

int stream_socket(const struct net_addr *to, struct net_addr *from)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int fd = socket(to->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || !from)
        return fd;
    len = net_addr_to_sockaddr(from, &sa);
    if (bind(fd, (struct sockaddr *)&sa, len) != 0)
        goto fail;
    len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
        !net_addr_from_sockaddr((struct sockaddr *)&sa, from))
        goto fail;
    return fd;
fail:
    (void)close(fd);
    return -1;
}

static void on_refused(struct stream *s)
{
    stream_close(s, s->why);
}

struct stream *stream_dialled(struct stream_env *env, int fd, const struct net_addr *to,
                              const char *tls_name, const struct stream_ops *ops, void *owner)
{
    struct stream *s = stream_new(env, fd, to, ops, owner);
    struct sockaddr_storage sa;
    socklen_t len = net_addr_to_sockaddr(to, &sa);

    s->state = STREAM_CONNECTING;
    timer_in(s, STREAM_CONNECT_S, on_connect_late);
    if (tls_name) {
        s->tls_name = g_strdup(tls_name);
        s->ssl = tls_connect(env->tls, fd, tls_name);
        if (!s->ssl) {
            (void)g_strlcpy(s->why, "TLS cannot be set up", sizeof(s->why));
            timer_in(s, 0, on_refused);
            return s;
        }
    }
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) {
        (void)g_snprintf(s->why, sizeof(s->why), "cannot connect: %s", g_strerror(errno));
        timer_in(s, 0, on_refused);
        return s;
    }
    stream_register(s);
    return s;
}

/* ---- small doors ---- */

void *stream_owner(const struct stream *s)
{
    return s->owner;
}

void stream_set_owner(struct stream *s, const struct stream_ops *ops, void *owner)
{
    s->ops = ops;
    s->owner = owner;
}

const struct net_addr *stream_peer(const struct stream *s)
{
    return &s->peer;
}

bool stream_is_tls(const struct stream *s)
{
    return s->ssl != NULL;
}

bool stream_is_open(const struct stream *s)
{
    return s->state == STREAM_OPEN && !s->broken;
}

void stream_watch_peer(struct stream *s)
{
    unsigned timeout_ms = 30000;
    int one = 1;

    (void)setsockopt(s->source.fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    (void)setsockopt(s->source.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

void stream_pause(struct stream *s)
{
    s->paused = true;
}

void stream_resume(struct stream *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    if (s->state == STREAM_OPEN)
        loop_again(s->env->loop, &s->source);
}

void stream_deadline(struct stream *s, unsigned seconds, void (*fn)(struct stream *s))
{
    if (s->state == STREAM_OPEN)
        timer_in(s, seconds, fn);
}

void stream_no_deadline(struct stream *s)
{
    if (s->state == STREAM_OPEN)
        wheel_cancel(loop_wheel(s->env->loop), &s->timer);
}
