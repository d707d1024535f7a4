#include "base/clock.h"
#include "base/log.h"
#include "media/demux.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

struct port *port_new(struct session *s, unsigned transport, unsigned number)
{
    struct port *p = g_new0(struct port, 1);

    p->session = s;
    p->transport = (uint8_t)transport;
    p->number = (uint8_t)number;
    return p;
}

static void tuples_forget(struct port *p)
{
    for (unsigned i = 0; i < p->ntuples; i++)
        tuple_drop(worker_tuples(p->session->worker), p->tuple[i].sock, &p->tuple[i].remote, p);
    g_free(p->tuple);
    p->tuple = NULL;
    p->ntuples = 0;
}

void port_free(struct port *p)
{
    if (!p)
        return;
    wheel_cancel(worker_wheel(p->session->worker), &p->timer);
    tuples_forget(p);
    if (p->dtls)
        dtls_close(p->dtls);
    dtls_free(p->dtls);
    ice_free(p->ice);
    protect_free(p->in);
    protect_free(p->out);
    g_free(p->hello);
    if (p->own)
        worker_unwatch(p->session->worker, p->own);
    g_free(p);
}

struct transport *port_transport(const struct port *p)
{
    return &p->session->transport[p->transport];
}

struct port *transport_rtcp(struct transport *t)
{
    return t->mux ? t->port[0] : t->port[1];
}

/* SDES keys the transport, DTLS each of its ports (RFC 5764 5.1.2). */
static struct port *port_keyed(struct port *p)
{
    struct transport *t = port_transport(p);

    return t->security == DESC_SDES ? t->port[0] : p;
}

bool port_writable(const struct port *p)
{
    const struct transport *t = port_transport(p);
    const struct port *keyed = t->security == DESC_SDES ? t->port[0] : p;

    return t->usable && p->path_sock && (t->security == DESC_PLAIN || (keyed->in && keyed->out));
}

/* ---- paths ---- */

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

static void tuple_add(struct port *p, uint32_t sock, const struct net_addr *remote)
{
    struct tuple_table *table = worker_tuples(p->session->worker);

    if (tuple_get(table, sock, remote) == p)
        return;
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

static struct sock *sock_towards(struct port *p, const struct net_addr *remote)
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
static void path_latched(struct port *p, const char *how)
{
    const struct latch *rtp = &port_transport(p)->port[0]->latch;
    struct net_addr to = *latch_target(&p->latch);
    struct sock *from;

    if (p->number && !p->latch.locked.set && rtp->locked.set &&
        !net_addr_same_ip(&rtp->locked, &rtp->signalled)) {
        to = rtp->locked;
        to.port++;
    }
    from = to.set && !net_addr_is_any(&to) && to.port ? sock_towards(p, &to) : NULL;
    if (!from)
        p->path_sock = NULL;
    else if (from != p->path_sock || !net_addr_equal(&to, &p->path))
        path_set(p, from, &to, how);
}

static void datagram_send(struct port *p, struct span d, struct sock *from,
                          const struct net_addr *to)
{
    struct outbox *o = worker_outbox(p->session->worker);
    struct slot *slot = from && to->set && d.n <= SLOT_BODY ? slot_take(o) : NULL;

    if (!slot)
        return;
    memcpy(slot_data(slot), d.p, d.n);
    slot->n = (uint16_t)d.n;
    outbox_add(o, from, to, slot);
}

/* ---- DTLS ---- */

static void hello_keep(struct port *p, const struct slot *slot)
{
    struct hello *h = p->hello;

    if (slot->n > HELLO_MAX || (!h && !dtls_is_client_hello((struct span){
                                          (const char *)slot->bytes + SLOT_HEAD, slot->n})))
        return;
    if (!h)
        h = p->hello = g_new0(struct hello, 1);
    if (h->n != h->first || h->n + slot->n > HELLO_MAX) /* keep the latest, of two at most */
        h->n = h->first = 0;
    if (!h->n)
        h->first = slot->n;
    memcpy(h->bytes + h->n, slot->bytes + SLOT_HEAD, slot->n);
    h->n = (uint16_t)(h->n + slot->n);
}

static void hello_play(struct port *p, uint64_t now_us)
{
    struct hello *h = p->hello;

    if (!h)
        return;
    p->hello = NULL;
    dtls_input(p->dtls, (struct span){(const char *)h->bytes, h->first}, now_us);
    if (h->n > h->first)
        dtls_input(p->dtls, (struct span){(const char *)h->bytes + h->first, h->n - h->first},
                   now_us);
    g_free(h);
}

/* The handshake may talk once there is a path: validated by ICE, or signalled. */
static void handshake_begin(struct port *p)
{
    uint64_t now = worker_now(p->session->worker);

    if (!p->dtls || !(p->ice ? p->path_valid : p->path_sock != NULL))
        return;
    dtls_start(p->dtls, now);
    hello_play(p, now);
}

static void on_dtls_send(void *arg, struct span datagram)
{
    struct port *p = arg;

    if (p->handshake.set)
        datagram_send(p, datagram, sock_towards(p, &p->handshake), &p->handshake);
    else
        datagram_send(p, datagram, p->path_sock, &p->path);
}

static void keys_install(struct port *p, struct protect *in, struct protect *out)
{
    protect_free(p->in);
    protect_free(p->out);
    p->in = in;
    p->out = out;
}

static void on_dtls_keys(void *arg, const struct dtls_keys *keys)
{
    struct port *p = arg;
    struct worker *w = p->session->worker;
    enum media_srtp backend = worker_config(w)->srtp;
    struct latch_proof proof = {.authenticated = true};

    keys_install(p, protect_new(backend, PROTECT_IN, keys->suite, keys->receive),
                 protect_new(backend, PROTECT_OUT, keys->suite, keys->send));
    if (p->handshake.set) {
        if (latch_judge(&p->latch, &p->handshake, &proof, worker_now(w)) == LATCH_MOVED)
            path_latched(p, "latched by its handshake");
        p->handshake.set = 0;
    }
    session_ready(p->session);
}

static void on_dtls_failed(void *arg, enum dtls_why why)
{
    struct port *p = arg;

    if (p->number) /* RTCP alone: the call goes on without it */
        return;
    session_fail(p->session, why == DTLS_WHY_FINGERPRINT ? MEDIA_WHY_FINGERPRINT : MEDIA_WHY_DTLS,
                 dtls_why_text(why));
}

/* The peer is about to hang up; its signalling will say so. */
static void on_dtls_closed(void *arg)
{
    (void)arg;
}

static const struct dtls_ops dtls_ops = {
    .send = on_dtls_send, .keys = on_dtls_keys, .failed = on_dtls_failed, .closed = on_dtls_closed};

/* A new association; keys of the old one stay until this one is done (RFC 8842 5.5). */
static void handshake_new(struct port *p, const struct remote_transport *r)
{
    struct dtls_params params = {.ctx = worker_dtls(p->session->worker),
                                 .ops = &dtls_ops,
                                 .arg = p,
                                 .active = r->dtls_active,
                                 .call_id = p->session->call_id};

    if (p->dtls_gen == r->dtls_gen)
        return;
    p->dtls_gen = r->dtls_gen;
    dtls_free(p->dtls);
    p->dtls = dtls_new(&params);
    if (!p->dtls) {
        session_fail(p->session, MEDIA_WHY_DTLS, "no DTLS object");
        return;
    }
    (void)dtls_set_fingerprints(p->dtls, r->fingerprint, r->nfingerprints);
    handshake_begin(p);
}

static void dtls_datagram(struct port *p, const struct net_addr *from, struct slot *slot)
{
    struct worker *w = p->session->worker;
    struct span datagram = {(const char *)slot_data(slot), slot->n};
    bool hello = dtls_is_client_hello(datagram);

    if (!p->ice && !latch_may_answer(&p->latch, from, worker_now(w)))
        p->session->stats.rx_dropped++;
    else if (!p->dtls || (p->ice && !p->path_valid) || (hello && !worker_may_handshake(w)))
        hello_keep(p, slot);
    else {
        if (!p->ice && dtls_state(p->dtls) != DTLS_OPEN)
            p->handshake = *from;
        dtls_input(p->dtls, datagram, worker_now(w));
    }
    port_rearm(p);
}

/* ---- ICE ---- */

static void on_ice_send(void *arg, struct span datagram, const struct net_addr *local,
                        const struct net_addr *remote)
{
    struct port *p = arg;

    datagram_send(p, datagram, sock_at(p, local), remote);
}

static void on_ice_path(void *arg, enum ice_path_event what, const struct net_addr *local,
                        const struct net_addr *remote)
{
    struct port *p = arg;
    struct sock *sock = sock_at(p, local);
    struct net_addr from, to;

    if (!sock)
        return;
    switch (what) {
    case ICE_PATH_CHECKED: tuple_add(p, sock->id, remote); break;
    case ICE_PATH_VALID:
        tuple_add(p, sock->id, remote);
        p->path_valid = true;
        if (!p->path_sock && ice_send_path(p->ice, &from, &to)) {
            p->path_sock = sock_at(p, &from);
            p->path = to;
        }
        handshake_begin(p);
        break;
    case ICE_PATH_SELECTED:
        tuple_add(p, sock->id, remote);
        p->path_valid = true;
        path_set(p, sock, remote, "selected by ICE");
        handshake_begin(p);
        session_ready(p->session);
        break;
    case ICE_PATH_GONE: tuple_remove(p, sock->id, remote); break;
    }
}

static void on_ice_failed(void *arg, enum ice_why why)
{
    struct port *p = arg;

    if (p->number)
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

static void ice_remote(struct port *p, const struct remote_transport *r)
{
    (void)ice_set_remote(p->ice, r->ufrag, r->pwd, r->lite, worker_now(p->session->worker));
    for (unsigned i = 0; i < r->ncandidates; i++)
        port_candidate(p, &r->candidate[i]);
}

/* The peer does no ICE, whatever we offered: plain addresses (RFC 8839 4.2.5). */
static void plain_remote(struct port *p, const struct remote_transport *r)
{
    struct net_addr to = p->number ? r->rtcp : r->rtp;

    ice_free(p->ice);
    p->ice = NULL;
    if (p->number && !to.set && r->rtp.set) {
        to = r->rtp;
        to.port++;
    }
    if (!latch_signal(&p->latch, &to))
        return;
    tuples_forget(p);
    p->handshake.set = 0;
    path_latched(p, "as signalled");
    if (!p->own && p->path_sock)
        tuple_add(p, p->path_sock->id, &to);
}

void port_set_remote(struct port *p, const struct remote_transport *r)
{
    if (!r->usable)
        return;
    if (r->ice && p->ice)
        ice_remote(p, r);
    else
        plain_remote(p, r);
    if (port_transport(p)->security == DESC_DTLS)
        handshake_new(p, r);
    port_rearm(p);
}

void port_set_keys(struct port *p, const struct key_params *in, const struct key_params *out)
{
    struct transport *t = port_transport(p);
    enum media_srtp backend = worker_config(p->session->worker)->srtp;

    if (in->gen && in->gen != t->in_gen) {
        protect_free(p->in);
        p->in = protect_new(backend, PROTECT_IN, in->suite, in->key);
        t->in_gen = in->gen;
    }
    if (out->gen && out->gen != t->out_gen) {
        protect_free(p->out);
        p->out = protect_new(backend, PROTECT_OUT, out->suite, out->key);
        t->out_gen = out->gen;
    }
}

/* ---- timers ---- */

static void on_port_timer(struct wheel_timer *timer)
{
    struct port *p = WHEEL_OWNER(timer, struct port, timer);
    uint64_t now = worker_now(p->session->worker);
    LOG_CALL(p->session->call_id);

    if (p->ice)
        ice_timer(p->ice, now);
    if (p->dtls) {
        dtls_timer(p->dtls, now);
        if (p->hello && worker_may_handshake(p->session->worker))
            handshake_begin(p);
    }
    port_rearm(p);
}

void port_rearm(struct port *p)
{
    struct worker *w = p->session->worker;
    uint64_t now = worker_now(w), due = UINT64_MAX;

    if (p->session->state == SESSION_FAILED) {
        wheel_cancel(worker_wheel(w), &p->timer);
        return;
    }
    if (p->ice)
        due = ice_next_due_us(p->ice);
    if (p->dtls) {
        due = MIN(due, dtls_next_due_us(p->dtls, now));
        if (p->hello && (!p->ice || p->path_valid))
            due = MIN(due, now + US_PER_MS);
    }
    if (due == UINT64_MAX)
        wheel_cancel(worker_wheel(w), &p->timer);
    else if (!wheel_is_set(&p->timer) || p->timer.due_us != due)
        wheel_set(worker_wheel(w), &p->timer, due, on_port_timer);
}

/* ---- packets ---- */

static void slot_drop(struct port *p, struct slot *slot)
{
    p->session->stats.rx_dropped++;
    slot_give(worker_outbox(p->session->worker), slot);
}

/* May this source be listened to? With ICE only checked paths. */
static bool source_fits(const struct port *p, const struct sock *at, const struct net_addr *from)
{
    const struct worker *w = p->session->worker;

    if (!port_transport(p)->usable)
        return false;
    if (p->ice || !p->own)
        return tuple_get(worker_tuples(w), at->id, from) == p;
    return latch_permits(&p->latch, from, worker_now(w));
}

static bool source_latched(struct port *p, const struct net_addr *from,
                           const struct latch_proof *proof)
{
    struct transport *t = port_transport(p);

    if (p->ice)
        return true;
    switch (latch_judge(&p->latch, from, proof, worker_now(p->session->worker))) {
    case LATCH_REFUSED: return false;
    case LATCH_ACCEPTED: return true;
    case LATCH_MOVED: break;
    }
    path_latched(p, "latched to its source");
    if (!p->number && t->port[1] && !t->port[1]->ice)
        path_latched(t->port[1], "");
    return true;
}

static void rtp_datagram(struct port *p, const struct net_addr *from, struct slot *slot)
{
    struct session *s = p->session;
    struct port *keyed = port_keyed(p);
    size_t n = slot->n;
    struct latch_proof proof = {.authenticated = port_transport(p)->security != DESC_PLAIN};
    struct rtp_header h;

    if (proof.authenticated && (!keyed->in || unprotect_rtp(keyed->in, slot_data(slot), &n)))
        goto drop;
    if (rtp_parse(slot_data(slot), n, &h))
        goto drop;
    proof.plausible = relay_expects(s, p->transport, h.pt);
    proof.ssrc = h.ssrc;
    proof.seq = h.seq;
    if (!source_latched(p, from, &proof))
        goto drop;
    s->stats.rx_packets++;
    s->stats.rx_bytes += slot->n;
    s->stats.last_rx_us = s->alive_us = worker_now(s->worker);
    slot->n = (uint16_t)n;
    relay_input(p, slot, &h);
    return;
drop:
    slot_drop(p, slot);
}

static void rtcp_datagram(struct port *p, const struct net_addr *from, struct slot *slot)
{
    struct port *keyed = port_keyed(p);
    const struct latch *rtp = &port_transport(p)->port[0]->latch;
    size_t n = slot->n;
    struct latch_proof proof = {.authenticated = port_transport(p)->security != DESC_PLAIN};

    if (proof.authenticated && (!keyed->in || unprotect_rtcp(keyed->in, slot_data(slot), &n)))
        goto drop;
    if (p->number) { /* RTCP has no sequence: being RTP's neighbour is what counts */
        proof.authenticated |= rtp->locked.set && net_addr_same_ip(from, &rtp->locked);
        proof.plausible = true;
        proof.ssrc = rtcp_sender(slot_data(slot));
        proof.seq = (uint16_t)(p->latch.seq + 1);
    }
    if (!source_latched(p, from, &proof))
        goto drop;
    p->session->alive_us = worker_now(p->session->worker);
    report_input(p, slot_data(slot), n);
    slot_give(worker_outbox(p->session->worker), slot);
    return;
drop:
    slot_drop(p, slot);
}

static void stun_datagram(struct port *p, const struct sock *at, const struct net_addr *from,
                          const struct slot *slot)
{
    struct span datagram = {(const char *)slot->bytes + SLOT_HEAD, slot->n};

    if (!p->ice)
        return;
    ice_input(p->ice, datagram, &at->local, from, worker_now(p->session->worker));
    port_rearm(p);
}

/* On a port of its own nobody has looked at whom a STUN message is for. */
static bool stun_fits(const struct port *p, const struct slot *slot)
{
    uint32_t leg = p->session->id.slot, tag = 0;
    struct ice_route route;

    if (!ice_route((struct span){(const char *)slot->bytes + SLOT_HEAD, slot->n}, &route))
        return false;
    switch (route.kind) {
    case ICE_REQUEST:
        return ice_ufrag_tag(route.ufrag, &tag) && tag == tag_make(leg, p->transport, 0);
    case ICE_RESPONSE: return route.tag == tag_make(leg, p->transport, p->number);
    case ICE_INDICATION:
    case ICE_NOT_STUN: break;
    }
    return false;
}

void port_input(struct port *p, struct sock *at, const struct net_addr *from, struct slot *slot)
{
    struct session *s = p->session;
    enum packet_kind kind = demux(slot_data(slot), slot->n);
    LOG_CALL(s->call_id);

    if (s->state == SESSION_FAILED) {
        slot_give(worker_outbox(s->worker), slot);
        return;
    }
    if (kind == PKT_STUN) {
        if (!p->own || stun_fits(p, slot))
            stun_datagram(p, at, from, slot);
        slot_give(worker_outbox(s->worker), slot);
        return;
    }
    if (!source_fits(p, at, from)) {
        slot_drop(p, slot);
        return;
    }
    switch (kind) {
    case PKT_RTP: rtp_datagram(p, from, slot); return;
    case PKT_RTCP: rtcp_datagram(p, from, slot); return;
    case PKT_DTLS:
        if (port_transport(p)->security == DESC_DTLS)
            dtls_datagram(p, from, slot);
        break;
    case PKT_STUN:
    case PKT_TURN_CHANNEL:
    case PKT_DROP: s->stats.rx_dropped++; break;
    }
    slot_give(worker_outbox(s->worker), slot);
}

void port_send(struct port *p, struct slot *slot, bool rtcp)
{
    struct session *s = p->session;
    struct outbox *o = worker_outbox(s->worker);
    size_t n = slot->n, cap = SLOT_BODY + SLOT_TAIL;
    struct port *keyed = port_keyed(p);

    if (!port_writable(p) || s->state == SESSION_FAILED)
        goto drop;
    if (port_transport(p)->security != DESC_PLAIN &&
        (rtcp ? protect_rtcp(keyed->out, slot_data(slot), &n, cap)
              : protect_rtp(keyed->out, slot_data(slot), &n, cap)))
        goto drop;
    slot->n = (uint16_t)n;
    if (!rtcp) {
        s->stats.tx_packets++;
        s->stats.tx_bytes += n;
    }
    outbox_add(o, p->path_sock, &p->path, slot);
    return;
drop:
    slot_give(o, slot);
}
