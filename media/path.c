/* Where a port's packets go: tuples, ICE's paths, the latch's target. */
#include "base/log.h"
#include "media/port.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

static void path_set(struct port *p, struct sock *from, const struct net_addr *to, const char *how)
{
    struct media_event ev = {.type = MEDIA_PATH, .transport = p->transport};

    p->path_sock = from;
    p->path = *to;
    if (p->number)
        return;
    ev.local = from->advertise.set ? from->advertise : from->local;
    ev.remote = *to;
    (void)g_strlcpy(ev.text, how, sizeof(ev.text));
    session_event(p->session, &ev);
}

void port_tuple_add(struct port *p, uint32_t sock, const struct net_addr *remote)
{
    struct tuple_table *table = worker_tuples(p->session->worker);
    const struct port *owner;
    char text[NET_ADDR_TEXT];

    owner = tuple_get(table, sock, remote);
    if (owner == p)
        return;
    if (owner)
        LOG_W("media", "%s now talks for another leg", net_addr_text(remote, text));
    for (unsigned i = 0; i < p->ntuples; i++)
        if (p->tuple[i].sock == sock && net_addr_equal(&p->tuple[i].remote, remote))
            p->tuple[i--] = p->tuple[--p->ntuples]; /* another leg took it over meanwhile */
    p->tuple = g_renew(struct port_tuple, p->tuple, p->ntuples + 1);
    p->tuple[p->ntuples++] = (struct port_tuple){sock, *remote};
    tuple_put(table, sock, remote, p);
}

static void tuple_remove(struct port *p, uint32_t sock, const struct net_addr *remote)
{
    tuple_drop(worker_tuples(p->session->worker), sock, remote, p);
    for (unsigned i = 0; i < p->ntuples; i++)
        if (p->tuple[i].sock == sock && net_addr_equal(&p->tuple[i].remote, remote))
            p->tuple[i--] = p->tuple[--p->ntuples];
}

static struct sock *sock_at(struct port *p, const struct net_addr *local)
{
    struct worker *w = p->session->worker;

    if (p->own)
        return p->own;
    for (unsigned i = 0; i < worker_nsocks(w); i++)
        if (net_addr_equal(&worker_sock(w, i)->local, local))
            return worker_sock(w, i);
    return NULL;
}

struct sock *port_sock_towards(struct port *p, const struct net_addr *remote)
{
    struct worker *w = p->session->worker;

    if (p->own)
        return p->own->local.is_v6 == remote->is_v6 ? p->own : NULL;
    for (unsigned i = 0; i < worker_nsocks(w); i++)
        if (worker_sock(w, i)->local.is_v6 == remote->is_v6)
            return worker_sock(w, i);
    return NULL;
}

/* Without ICE: to the locked source, else where the peer said. RTCP of a peer behind NAT follows
 * RTP's source, one port up, until it shows itself. */
void port_path_latched(struct port *p, const char *how)
{
    const struct latch *rtp = &port_transport(p)->port[0]->latch;
    struct net_addr to = *latch_target(&p->latch);
    struct sock *from;

    if (p->number && !p->latch.locked.set && rtp->locked.set &&
        !net_addr_same_ip(&rtp->locked, &rtp->signalled)) {
        to = rtp->locked;
        to.port++;
    }
    from = to.set && !net_addr_is_any(&to) && to.port ? port_sock_towards(p, &to) : NULL;
    if (!from)
        p->path_sock = NULL;
    else if (from != p->path_sock || !net_addr_equal(&to, &p->path))
        path_set(p, from, &to, how);
}

void port_datagram(struct port *p, struct span d, struct sock *from, const struct net_addr *to)
{
    struct outbox *o = worker_outbox(p->session->worker);
    struct slot *slot = from && to->set && d.n <= SLOT_BODY ? slot_take(o) : NULL;

    if (!slot)
        return;
    memcpy(slot_data(slot), d.p, d.n);
    slot->n = (uint16_t)d.n;
    outbox_add(o, from, to, slot);
}

void port_tuples_forget(struct port *p)
{
    for (unsigned i = 0; i < p->ntuples; i++)
        tuple_drop(worker_tuples(p->session->worker), p->tuple[i].sock, &p->tuple[i].remote, p);
    g_free(p->tuple);
    p->tuple = NULL;
    p->ntuples = 0;
}

/* ---- ICE ---- */

static void on_ice_send(void *arg, struct span datagram, const struct net_addr *local,
                        const struct net_addr *remote)
{
    struct port *p = arg;

    port_datagram(p, datagram, sock_at(p, local), remote);
}

static void on_ice_path(void *arg, enum ice_path_event what, const struct net_addr *local,
                        const struct net_addr *remote)
{
    struct port *p = arg;
    struct sock *sock = sock_at(p, local);
    struct net_addr from;
    struct net_addr to;

    if (!sock)
        return;
    switch (what) {
    case ICE_PATH_CHECKED: /* a request may be forged to come from another leg's peer */
        if (!tuple_get(worker_tuples(p->session->worker), sock->id, remote))
            port_tuple_add(p, sock->id, remote);
        break;
    case ICE_PATH_VALID:
        port_tuple_add(p, sock->id, remote);
        p->path_valid = true;
        if (!p->path_sock && ice_send_path(p->ice, &from, &to)) {
            p->path_sock = sock_at(p, &from);
            p->path = to;
        }
        port_handshake_begin(p);
        break;
    case ICE_PATH_SELECTED:
        port_tuple_add(p, sock->id, remote);
        p->path_valid = true;
        path_set(p, sock, remote, "selected by ICE");
        port_handshake_begin(p);
        session_ready(p->session);
        break;
    case ICE_PATH_GONE: tuple_remove(p, sock->id, remote); break;
    }
}

static void on_ice_failed(void *arg, enum ice_why why)
{
    struct port *p = arg;

    if (p->number || !port_transport(p)->usable) /* of a stream that was refused meanwhile */
        return;
    session_fail(p->session, why == ICE_WHY_CONSENT ? MEDIA_WHY_CONSENT : MEDIA_WHY_ICE,
                 why == ICE_WHY_CONSENT ? "the peer stopped answering checks"
                                        : "no candidate pair worked");
}

static const struct ice_ops ice_ops = {
    .send = on_ice_send, .path = on_ice_path, .failed = on_ice_failed};

void port_set_local(struct port *p, const struct local_transport *t)
{
    struct worker *w = p->session->worker;
    struct ice_params params = {.shared = worker_ice(w),
                                .ops = &ice_ops,
                                .arg = p,
                                .tag = tag_make(p->session->id.slot, p->transport, p->number),
                                .controlling = t->controlling,
                                .local = t->credentials,
                                .call_id = p->session->call_id};

    if (!t->ice)
        return;
    if (p->ice) {
        (void)ice_set_local(p->ice, &params.local, worker_now(w));
    } else {
        params.nlocals = p->own ? 1 : worker_nsocks(w);
        for (unsigned i = 0; i < params.nlocals; i++)
            params.locals[i] = p->own ? p->own->local : worker_sock(w, i)->local;
        p->ice = ice_new(&params);
    }
    port_rearm(p);
}

void port_candidate(struct port *p, const struct desc_candidate *c)
{
    struct desc_candidate mine = *c;

    if (!p->ice || c->component != p->number + 1)
        return;
    mine.component = 1; /* to the agent each port is one component */
    (void)ice_add_candidate(p->ice, &mine, worker_now(p->session->worker));
    port_rearm(p);
}
