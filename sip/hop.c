#include "sip/hop.h"

#include "base/log.h"
#include "edge/edge.h"
#include "sip/uri.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void flow_free(void *flow)
{
    struct flow *f = flow;

    if (f->tport)
        tport_unref(f->tport);
    g_free(f);
}

/* The edge spreads its ends over 127.0.0.0/8 when ports run out. */
static void *flow_key(const struct net_addr *loopback)
{
    return GUINT_TO_POINTER((unsigned)loopback->ip[3] << 16 | loopback->port);
}

static struct flow *flow_by_id(struct stack *s, uint64_t id)
{
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->flows);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (((struct flow *)value)->id == id)
            return value;
    return NULL;
}

static void flow_opening(struct stack *s, const struct edge_event *ev)
{
    struct flow *f = g_new0(struct flow, 1);

    f->id = ev->id;
    f->peer = ev->peer;
    f->tls = ev->tls;
    f->ws = ev->ws;
    f->loopback = ev->loopback;
    (void)g_hash_table_replace(s->flows, flow_key(&f->loopback), f);
}

void flow_event(struct stack *s, const struct edge_event *ev)
{
    struct flow *f;
    char peer[NET_ADDR_TEXT];

    switch (ev->type) {
    case EDGE_FLOW_OPENING:
    case EDGE_FLOW_UP: flow_opening(s, ev); break;
    case EDGE_FLOW_DOWN:
        f = flow_by_id(s, ev->id);
        if (!f)
            break;
        LOG_D("sip", "connection of %s closed: %s", net_addr_text(&f->peer, peer),
              ev->why ? ev->why : "");
        registrar_drop_flow(s->registrar, f->id);
        (void)g_hash_table_remove(s->flows, flow_key(&f->loopback));
        break;
    case EDGE_HTTP_REQUEST:
    case EDGE_HTTP_GONE:
    case EDGE_WS_OPEN:
    case EDGE_WS_TEXT:
    case EDGE_WS_CLOSED: break; /* never sent to this mailbox */
    }
}

/* The address the kernel would use towards @p peer: what a wildcard listener is for this peer. */
static bool local_towards(const struct net_addr *peer, struct net_addr *out)
{
    struct sockaddr_storage ss;
    socklen_t n = net_addr_to_sockaddr(peer, &ss);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok;

    if (fd < 0)
        return false;
    ok = connect(fd, (struct sockaddr *)&ss, n) == 0;
    n = sizeof(ss);
    ok = ok && getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
         net_addr_from_sockaddr((struct sockaddr *)&ss, out);
    (void)close(fd);
    return ok;
}

/* The listener of this kind that @p peer most likely uses. */
static struct net_addr listener_for(const struct config_listen *all, const struct net_addr *peer)
{
    struct net_addr best = {0};
    struct net_addr local;
    bool known = local_towards(peer, &local);

    for (unsigned i = 0; i < all->n; i++) {
        const struct net_addr *a = &all->addr[i];
        bool exact = known && net_addr_same_ip(a, &local);

        if (!best.set || exact || (a->is_v6 == peer->is_v6 && best.is_v6 != peer->is_v6))
            best = *a;
        if (exact)
            break;
    }
    if (best.set && net_addr_is_any(&best) && known) {
        local.port = best.port;
        best = local;
    }
    return best;
}

static void hop_contact(const struct stack *s, struct hop *h, const struct net_addr *ours,
                        const char *transport)
{
    const char *given = s->config->sip_public_host;
    char ip[NET_ADDR_TEXT];
    const char *host = given ? given : net_addr_ip(ours, ip);
    bool v6 = strchr(host, ':') != NULL && host[0] != '[';

    (void)snprintf(h->contact, sizeof(h->contact), "<sip:tandem@%s%s%s:%u%s%s>", v6 ? "[" : "",
                   host, v6 ? "]" : "", ours->port, transport ? ";transport=" : "",
                   transport ? transport : "");
}

static void hop_over_flow(struct stack *s, const struct flow *f, struct hop *h)
{
    const struct config *c = s->config;
    const struct {
        const char *name, *param; /* RFC 7118 5.1: a URI says ws, be it with TLS or without */
        const struct config_listen *listen;
    } kinds[2][2] = {{{"tcp", "tcp", &c->sip_tcp}, {"tls", "tls", &c->sip_tls}},
                     {{"ws", "ws", &c->sip_ws}, {"wss", "ws", &c->sip_wss}}},
      *kind = &kinds[f->ws][f->tls];
    struct net_addr ours = listener_for(kind->listen, &f->peer);
    char text[NET_ADDR_TEXT];

    h->flow = f->id;
    h->ws = f->ws;
    h->peer = f->peer;
    h->tport = f->tport ? tport_ref(f->tport) : NULL;
    hop_contact(s, h, &ours, kind->param);
    (void)snprintf(h->source, sizeof(h->source), "%s %s", kind->name,
                   net_addr_text(&h->peer, text));
}

static void hop_over_udp(const struct stack *s, const struct stack_udp *u,
                         const struct net_addr *peer, struct hop *h)
{
    char text[NET_ADDR_TEXT];

    h->peer = *peer;
    h->local = u->addr;
    h->tport = tport_ref(u->tport);
    uri_of_addr(peer, "udp", h->route, sizeof(h->route));
    hop_contact(s, h, &u->addr, NULL);
    (void)snprintf(h->source, sizeof(h->source), "udp %s", net_addr_text(peer, text));
}

static const struct stack_udp *udp_by_tport(const struct stack *s, const tport_t *tp)
{
    for (unsigned i = 0; i < s->nudp; i++)
        if (s->udp[i].tport == tp)
            return &s->udp[i];
    return NULL;
}

static bool request_source(nta_incoming_t *irq, struct net_addr *out)
{
    msg_t *msg = nta_incoming_getrequest(irq);
    bool ok = net_addr_from_sockaddr(&msg_addr(msg)->su_sa, out);

    msg_unref(msg);
    return ok;
}

bool hop_of_request(struct stack *s, nta_incoming_t *irq, struct hop *out)
{
    tport_t *tp = nta_incoming_transport(s->agent, irq, NULL);
    const struct stack_udp *u = tp ? udp_by_tport(s, tp) : NULL;
    struct net_addr from;
    struct flow *f = NULL;

    memset(out, 0, sizeof(*out));
    if (tp && request_source(irq, &from)) {
        if (u) {
            hop_over_udp(s, u, &from, out);
        } else {
            f = g_hash_table_lookup(s->flows, flow_key(&from));
            if (!f) {
                stack_drain_edge(s);
                f = g_hash_table_lookup(s->flows, flow_key(&from));
            }
        }
        if (f) {
            if (f->tport != tp) {
                if (f->tport)
                    tport_unref(f->tport);
                f->tport = tport_ref(tp);
            }
            hop_over_flow(s, f, out);
        }
    }
    if (tp)
        tport_unref(tp);
    return out->tport != NULL;
}

bool hop_of_binding(struct stack *s, const struct binding *b, struct hop *out)
{
    const struct stack_udp *best = NULL;

    memset(out, 0, sizeof(*out));
    if (b->flow) {
        const struct flow *f = flow_by_id(s, b->flow);
        if (!f || !f->tport || tport_is_closed(f->tport))
            return false;
        hop_over_flow(s, f, out);
        return true;
    }
    for (unsigned i = 0; i < s->nudp; i++) {
        const struct stack_udp *u = &s->udp[i];
        if (net_addr_equal(&u->addr, &b->local)) {
            best = u;
            break;
        }
        if (!best && u->addr.is_v6 == b->peer.is_v6)
            best = u;
    }
    if (!best)
        return false;
    hop_over_udp(s, best, &b->peer, out);
    return true;
}

void hop_clear(struct hop *h)
{
    if (h->tport)
        tport_unref(h->tport);
    memset(h, 0, sizeof(*h));
}

const url_string_t *hop_route(const struct hop *h)
{
    return h->route[0] ? (const url_string_t *)(const void *)h->route : NULL;
}
