#include "base/clock.h"
#include "base/log.h"
#include "edge/core.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOD "edge"

enum { LISTEN_BACKLOG = 1024, LISTEN_ACCEPTS_A_TURN = 64 };

bool edge_trusts(const struct edge *e, const struct net_addr *peer)
{
    for (unsigned i = 0; i < e->nproxies; i++)
        if (net_addr_same_ip(peer, &e->proxy[i]))
            return true;
    return false;
}

/* All clients of a reverse proxy share its address: limits by address would limit the site. */
bool edge_exempts(const struct edge *e, const struct net_addr *peer)
{
    return (e->exempt_loopback && net_addr_is_loopback(peer)) || edge_trusts(e, peer);
}

void edge_connection_gone(struct edge *e, const struct net_addr *peer)
{
    limit_give(e->limit, peer, edge_exempts(e, peer));
    atomic_store_explicit(&e->connections, limit_count(e->limit), memory_order_relaxed);
}

static void edge_refuse(struct edge *e, int fd, const struct net_addr *peer, const char *why)
{
    char text[NET_ADDR_TEXT];

    edge_count(e, COUNT_REFUSED);
    (void)close(fd);
    if (log_quota_pass(&e->refused, loop_now(e->env.loop), MOD, "refused connections"))
        LOG_I(MOD, "refused a connection from %s: %s", net_addr_text(peer, text), why);
}

static void listener_take(struct listener *l, int fd, const struct net_addr *peer)
{
    struct edge *e = l->edge;
    enum limit_verdict verdict =
        limit_take(e->limit, peer, edge_exempts(e, peer), loop_now(e->env.loop));
    SSL *ssl = NULL;

    if (verdict != LIMIT_OK) {
        edge_refuse(e, fd, peer, limit_text(verdict));
        return;
    }
    if (l->tls) {
        ssl = e->env.handshakes_open < STREAM_HANDSHAKES_MAX ? tls_accept(e->env.tls, l->kind, fd)
                                                             : NULL;
        if (!ssl) {
            edge_refuse(e, fd, peer, "too many TLS handshakes at once");
            limit_give(e->limit, peer, edge_exempts(e, peer));
            return;
        }
    }
    edge_count(e, COUNT_ACCEPTED);
    atomic_store_explicit(&e->connections, limit_count(e->limit), memory_order_relaxed);
    if (l->site)
        web_accept(l, fd, ssl, peer);
    else
        flow_accept(l, fd, ssl, peer);
}

/* No descriptor left: with the spare one the client is told at once instead of left hanging, and
 * the listener does not spin (it is level triggered). */
static bool accept_on_spare(struct listener *l)
{
    struct edge *e = l->edge;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct net_addr peer = {0};
    int fd;

    if (e->spare_fd < 0)
        return false;
    (void)close(e->spare_fd);
    fd = accept4(l->source.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        (void)net_addr_from_sockaddr((struct sockaddr *)&sa, &peer);
        edge_refuse(e, fd, &peer, "no file descriptors left (raise LimitNOFILE)");
    }
    e->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void listener_ready(struct loop_source *src, uint32_t events)
{
    struct listener *l = (struct listener *)(void *)src;

    (void)events;
    for (int i = 0; i < LISTEN_ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        struct net_addr peer;
        int fd = accept4(src->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            if (net_addr_from_sockaddr((struct sockaddr *)&sa, &peer))
                listener_take(l, fd, &peer);
            else
                (void)close(fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            if (accept_on_spare(l))
                continue;
            return;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static int socket_listen(const struct net_addr *at)
{
    struct sockaddr_storage sa;
    socklen_t len = net_addr_to_sockaddr(at, &sa);
    int fd = socket(at->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (at->is_v6) /* one socket per family: peers never show as ::ffff:a.b.c.d */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    one = errno;
    (void)close(fd);
    errno = one;
    return -1;
}

struct listener *listener_new(struct edge *e, const struct net_addr *at, struct net_addr *bound)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char text[NET_ADDR_TEXT];
    struct listener *l;
    int fd = socket_listen(at);

    if (fd < 0) {
        LOG_E(MOD, "cannot listen on %s: %s", net_addr_text(at, text), g_strerror(errno));
        return NULL;
    }
    *bound = *at;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
        (void)net_addr_from_sockaddr((struct sockaddr *)&sa, bound);
    l = g_new0(struct listener, 1);
    l->edge = e;
    l->source.fd = fd;
    l->source.ready = listener_ready;
    return l;
}

void listener_free(void *object)
{
    struct listener *l = object;

    if (l->source.fd >= 0)
        (void)close(l->source.fd);
    site_free(l->site);
    g_free(l);
}

void listener_start(struct listener *l)
{
    g_ptr_array_add(l->edge->listeners, l);
    if (!loop_add(l->edge->env.loop, &l->source, EPOLLIN))
        LOG_E(MOD, "cannot watch a listening socket: %s", g_strerror(errno));
}

void listener_stop(struct listener *l)
{
    loop_forget(l->edge->env.loop, &l->source);
    (void)close(l->source.fd);
    l->source.fd = -1;
}
