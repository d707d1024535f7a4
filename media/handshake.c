/* The DTLS handshake of a port (RFC 5763, 5764). */
#include "base/clock.h"
#include "media/port.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

static void hello_keep(struct port *p, const struct net_addr *from, struct span datagram)
{
    struct hello *h = p->hello;
    bool more = h && net_addr_equal(&h->from, from);

    if (datagram.n > HELLO_MAX || (!more && !dtls_is_client_hello(datagram)))
        return;
    if (!h)
        h = p->hello = g_new0(struct hello, 1);
    if (!more || h->n != h->first || h->n + datagram.n > HELLO_MAX) /* the latest, of two at most */
        h->n = h->first = 0;
    h->from = *from;
    if (!h->n)
        h->first = (uint16_t)datagram.n;
    memcpy(h->bytes + h->n, datagram.p, datagram.n);
    h->n = (uint16_t)(h->n + datagram.n);
}

/* Without ICE the one who said hello is answered where it speaks from, if it may be at all. */
static bool handshake_with(struct port *p, const struct net_addr *from)
{
    if (p->checked)
        return true;
    if (!latch_may_answer(&p->latch, from, worker_now(p->session->worker)))
        return false;
    if (dtls_state(p->dtls) != DTLS_OPEN)
        p->handshake = *from;
    return true;
}

static void hello_play(struct port *p, uint64_t now_us)
{
    struct hello *h = p->hello;

    p->hello = NULL;
    if (!h || !handshake_with(p, &h->from)) {
        g_free(h);
        return;
    }
    dtls_input(p->dtls, (struct span){(const char *)h->bytes, h->first}, now_us);
    if (h->n > h->first)
        dtls_input(p->dtls, (struct span){(const char *)h->bytes + h->first, h->n - h->first},
                   now_us);
    g_free(h);
}

bool port_handshake_possible(const struct port *p)
{
    return p->dtls && (p->checked ? p->path_valid : p->path_sock != NULL);
}

void port_handshake_begin(struct port *p)
{
    uint64_t now = worker_now(p->session->worker);

    if (!port_handshake_possible(p))
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

    if (p->number || !port_transport(p)->usable) /* RTCP alone, or refused: the call goes on */
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
    p->handshake.set = 0;
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

    if (!p->dtls || (p->checked && !p->path_valid) || (hello && !worker_may_handshake(w)))
        hello_keep(p, from, datagram);
    else if (handshake_with(p, from))
        dtls_input(p->dtls, datagram, worker_now(w));
    else
        p->session->stats.rx_dropped++;
    port_rearm(p);
}
