#include "sip/sockets.h"

#include "base/log.h"
#include "sip/uri.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

/* TPTAG_IDENT on every socket or on none (sofia compares them without looking). The edge decides
 * when a connection has idled long enough, and answers pings. */
static bool bind_one(struct stack *s, const struct net_addr *a, const char *transport,
                     const char *ident)
{
    char url[128];

    uri_of_addr(a, transport, url, sizeof(url));
    return nta_agent_add_tport(s->agent, (url_string_t *)(void *)url, TPTAG_IDENT(ident),
                               TPTAG_SDWN_ERROR(1), TPTAG_PONG2PING(0), TPTAG_STUN_SERVER(0),
                               TPTAG_IDLE(UINT_MAX), TAG_END()) == 0;
}

static tport_t *find_primary(const struct stack *s, const char *ident, struct net_addr *bound)
{
    for (tport_t *tp = tport_primaries(nta_agent_tports(s->agent)); tp; tp = tport_next(tp)) {
        const tp_name_t *name = tport_name(tp);
        char text[NET_ADDR_TEXT];

        if (g_strcmp0(name->tpn_ident, ident) != 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s", name->tpn_host);
        if (!net_addr_parse_ip(span_of(text), bound))
            return NULL;
        bound->port = (uint16_t)strtoul(name->tpn_port, NULL, 10);
        return tp;
    }
    return NULL;
}

static bool bind_udp(struct stack *s, const struct net_addr *a)
{
    struct stack_udp *u = &s->udp[s->nudp];
    char ident[16];
    char text[NET_ADDR_TEXT];

    if (s->nudp == STACK_UDP_MAX)
        return true;
    (void)snprintf(ident, sizeof(ident), "udp%u", s->nudp);
    if (!bind_one(s, a, "udp", ident) || !(u->tport = find_primary(s, ident, &u->addr))) {
        LOG_E("sip", "cannot listen on udp %s", net_addr_text(a, text));
        return false;
    }
    s->nudp++;
    LOG_I("sip", "listening on udp %s", net_addr_text(&u->addr, text));
    return true;
}

static bool usable(const struct ifaddrs *i, const struct net_addr *any, struct net_addr *out)
{
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !net_addr_from_sockaddr(i->ifa_addr, out))
        return false;
    if (out->is_v6 && out->ip[0] == 0xfe && (out->ip[1] & 0xc0) == 0x80)
        return false; /* link-local needs a scope, which SIP cannot say */
    out->port = any->port;
    return out->is_v6 == any->is_v6;
}

/* A socket of its own for each address of the machine: answers then leave from the address that
 * was asked, and our Contact is one that the peer can reach. */
static bool bind_udp_everywhere(struct stack *s, const struct net_addr *any)
{
    struct ifaddrs *all = NULL;
    struct net_addr a;
    bool ok = getifaddrs(&all) == 0;

    for (const struct ifaddrs *i = all; ok && i; i = i->ifa_next)
        if (usable(i, any, &a))
            ok = bind_udp(s, &a);
    freeifaddrs(all);
    return ok;
}

bool sockets_open(struct stack *s)
{
    const struct config_listen *udp = &s->config->sip_udp;
    const struct net_addr loopback = {.set = 1, .ip = {127, 0, 0, 1}};

    for (unsigned i = 0; i < udp->n; i++) {
        const struct net_addr *a = &udp->addr[i];
        if (!(net_addr_is_any(a) ? bind_udp_everywhere(s, a) : bind_udp(s, a)))
            return false;
    }
    /* Last, so that what sofia routes by itself (BYE for a late fork) prefers UDP. */
    if (!bind_one(s, &loopback, "tcp", STACK_EDGE_IDENT) ||
        !find_primary(s, STACK_EDGE_IDENT, &s->loopback)) {
        LOG_E("sip", "cannot listen on loopback for the edge");
        return false;
    }
    return true;
}

static bool listen_at(const struct config_listen *all, const struct net_addr *ip, bool *any)
{
    for (unsigned i = 0; i < all->n; i++) {
        if (net_addr_same_ip(&all->addr[i], ip))
            return true;
        *any = *any || net_addr_is_any(&all->addr[i]);
    }
    return false;
}

static bool is_ours(const struct net_addr *ip)
{
    struct ifaddrs *all = NULL;
    struct net_addr a;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        found = i->ifa_addr && net_addr_from_sockaddr(i->ifa_addr, &a) && net_addr_same_ip(&a, ip);
    freeifaddrs(all);
    return found;
}

bool sockets_are_at(const struct stack *s, const struct net_addr *ip)
{
    bool any = false;

    return listen_at(&s->config->sip_udp, ip, &any) || listen_at(&s->config->sip_tcp, ip, &any) ||
           listen_at(&s->config->sip_tls, ip, &any) || listen_at(&s->config->sip_ws, ip, &any) ||
           listen_at(&s->config->sip_wss, ip, &any) || (any && is_ours(ip));
}
