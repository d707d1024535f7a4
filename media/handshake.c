/* The DTLS handshake of a port (RFC 5763, 5764). */
#include "base/clock.h"
#include "media/port.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

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

void port_handshake_begin(struct port *p)
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
        port_datagram(p, datagram, port_sock_towards(p, &p->handshake), &p->handshake);
    else
        port_datagram(p, datagram, p->path_sock, &p->path);
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
            port_path_latched(p, "latched by its handshake");
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

void port_handshake_new(struct port *p, const struct remote_transport *r)
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
    port_handshake_begin(p);
}

void port_handshake_input(struct port *p, const struct net_addr *from, struct slot *slot)
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
