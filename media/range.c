#include "base/log.h"
#include "media/local.h"

#include <glib.h>

#include <errno.h>
#include <unistd.h>

static bool range_test(const struct port_range *r, unsigned at, unsigned port)
{
    return r->used[at][port / 8] >> (port % 8) & 1;
}

static void range_mark(struct port_range *r, unsigned at, unsigned port, bool used)
{
    uint8_t bit = (uint8_t)(1U << (port % 8));

    r->used[at][port / 8] =
        (uint8_t)(used ? r->used[at][port / 8] | bit : r->used[at][port / 8] & ~bit);
}

/* -1: taken by somebody else, or no socket to be had. */
static int port_bind(const struct net_addr *addr, uint16_t port, struct net_addr *local)
{
    struct sockaddr_storage name;
    socklen_t len;
    int fd;

    *local = *addr;
    local->port = port;
    len = net_addr_to_sockaddr(local, &name);
    fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, len) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool pair_bind(const struct net_addr *addr, uint16_t port, bool pair, int fd[PORTS_MAX],
                      struct net_addr local[PORTS_MAX])
{
    fd[1] = -1;
    fd[0] = port_bind(addr, port, &local[0]);
    if (fd[0] < 0)
        return false;
    if (!pair)
        return true;
    fd[1] = port_bind(addr, (uint16_t)(port + 1), &local[1]);
    if (fd[1] >= 0)
        return true;
    (void)close(fd[0]);
    fd[0] = -1;
    return false;
}

enum gw_err range_take(struct port_range *r, const struct net_addr *addr, unsigned at, bool pair,
                       int fd[PORTS_MAX], struct net_addr local[PORTS_MAX])
{
    unsigned first = MAX((r->min + 1U) & ~1U, 2U);
    unsigned steps = r->max > first ? (r->max - first + 1U) / 2 : 0;

    for (unsigned i = 0; i < steps; i++) {
        /* Pairs begin even (RFC 3550 11); onwards from the last one, so that a port rests. */
        unsigned port = first + 2 * ((r->next + i) % steps);
        if (range_test(r, at, port) || !pair_bind(addr, (uint16_t)port, pair, fd, local))
            continue;
        range_mark(r, at, port, true);
        r->next = (uint16_t)((r->next + i + 1) % steps);
        return GW_OK;
    }
    return fail(GW_EFULL, "media", "no port free between %u and %u", r->min, r->max);
}

void range_give(struct port_range *r, unsigned at, const struct net_addr local[PORTS_MAX])
{
    range_mark(r, at, local[0].port, false);
}
