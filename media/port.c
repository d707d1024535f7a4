#include "media/port.h"

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

void port_free(struct port *p)
{
    if (!p)
        return;
    wheel_cancel(worker_wheel(p->session->worker), &p->timer);
    port_tuples_forget(p);
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

/* ---- what the peers said ---- */

static void ice_remote(struct port *p, const struct remote_transport *r)
{
    p->checked = true;
    memset(&p->latch, 0, sizeof(p->latch));
    (void)ice_set_remote(p->ice, r->ufrag, r->pwd, r->lite, worker_now(p->session->worker));
    for (unsigned i = 0; i < r->ncandidates; i++)
        port_candidate(p, &r->candidate[i]);
}

/* The peer does no ICE, whatever we offered: plain addresses (RFC 8839 4.2.5). */
static void plain_remote(struct port *p, const struct remote_transport *r)
{
    struct net_addr to = p->number ? r->rtcp : r->rtp;

    p->checked = false;
    ice_free(p->ice);
    p->ice = NULL;
    if (p->number && !to.set && r->rtp.set) {
        to = r->rtp;
        to.port++;
    }
    if (!latch_signal(&p->latch, &to))
        return;
    port_tuples_forget(p);
    p->handshake.set = 0;
    port_path_latched(p, "as signalled");
    if (!p->own && p->path_sock)
        port_tuple_add(p, p->path_sock->id, &to);
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
        port_handshake_new(p, r);
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
        if (p->hello && port_handshake_possible(p) && worker_may_handshake(p->session->worker))
            port_handshake_begin(p);
    }
    port_rearm(p);
}

void port_rearm(struct port *p)
{
    struct worker *w = p->session->worker;
    uint64_t now = worker_now(w);
    uint64_t due = UINT64_MAX;

    if (p->session->state == SESSION_FAILED) {
        wheel_cancel(worker_wheel(w), &p->timer);
        return;
    }
    if (p->ice)
        due = ice_next_due_us(p->ice);
    if (p->dtls) {
        due = MIN(due, dtls_next_due_us(p->dtls, now));
        if (p->hello && port_handshake_possible(p))
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

/* May this source be listened to? With ICE only checked paths. A handshake may come before the
 * answer that says where from: it waits. */
static bool source_fits(const struct port *p, const struct sock *at, const struct net_addr *from,
                        enum packet_kind kind)
{
    const struct worker *w = p->session->worker;

    if (!port_transport(p)->usable && kind != PKT_DTLS)
        return false;
    if (!p->own)
        return true; /* by its source the worker has found us */
    if (p->checked)
        return tuple_get(worker_tuples(w), at->id, from) == p;
    if (kind == PKT_DTLS && !p->latch.signalled.set)
        return true;
    return latch_permits(&p->latch, from, worker_now(w));
}

/* Nothing more to prove: a path of ICE, or the source in use. */
static bool source_known(struct port *p, const struct net_addr *from)
{
    return p->checked || latch_hears(&p->latch, from, worker_now(p->session->worker));
}

static bool source_latched(struct port *p, const struct net_addr *from,
                           const struct latch_proof *proof)
{
    struct transport *t = port_transport(p);

    switch (latch_judge(&p->latch, from, proof, worker_now(p->session->worker))) {
    case LATCH_REFUSED: return false;
    case LATCH_ACCEPTED: return true;
    case LATCH_MOVED: break;
    }
    port_path_latched(p, "latched to its source");
    if (!p->number && t->port[1] && !t->port[1]->checked)
        port_path_latched(t->port[1], "");
    return true;
}

static void rtp_datagram(struct port *p, const struct net_addr *from, struct slot *slot)
{
    struct session *s = p->session;
    struct port *keyed = port_keyed(p);
    bool secure = port_transport(p)->security != DESC_PLAIN;
    size_t n = slot->n;
    struct rtp_header h;

    if (secure && (!keyed->in || unprotect_rtp(keyed->in, slot_data(slot), &n)))
        goto drop;
    if (rtp_parse(slot_data(slot), n, &h))
        goto drop;
    if (!source_known(p, from)) {
        struct latch_proof proof = {.authenticated = secure,
                                    .plausible = relay_expects(s, p->transport, h.pt),
                                    .ssrc = h.ssrc,
                                    .seq = h.seq};
        if (!source_latched(p, from, &proof))
            goto drop;
    }
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
    if (!source_known(p, from) && !source_latched(p, from, &proof))
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
    struct span datagram = {(const char *)slot->bytes + slot->at, slot->n};

    if (!p->ice)
        return;
    ice_input(p->ice, datagram, &at->local, from, worker_now(p->session->worker));
    port_rearm(p);
}

/* On a port of its own nobody has looked at whom a STUN message is for. */
static bool stun_fits(const struct port *p, const struct slot *slot)
{
    uint32_t leg = p->session->id.slot;
    uint32_t tag = 0;
    struct ice_route route;

    if (!ice_route((struct span){(const char *)slot->bytes + slot->at, slot->n}, &route))
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
    if (!source_fits(p, at, from, kind)) {
        slot_drop(p, slot);
        return;
    }
    switch (kind) {
    case PKT_RTP: rtp_datagram(p, from, slot); return;
    case PKT_RTCP: rtcp_datagram(p, from, slot); return;
    case PKT_DTLS:
        if (port_transport(p)->security == DESC_DTLS)
            port_handshake_input(p, from, slot);
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
    size_t n = slot->n;
    size_t cap = slot_room(slot);
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
