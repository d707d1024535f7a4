#include "media/session.h"

#include "base/log.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>
#include <unistd.h>

#define TICK_US (UINT64_C(250) * 1000)

static void on_tick(struct wheel_timer *t);

struct session *session_new(struct worker *w, const struct command *open, struct stats_cell *cell)
{
    struct session *s = g_new0(struct session, 1);

    s->worker = w;
    s->id = open->id;
    s->call_id = open->call_id;
    s->cell = cell;
    wheel_set(worker_wheel(w), &s->tick, worker_now(w) + TICK_US, on_tick);
    return s;
}

static void ways_clear(struct session *s)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        g_free(s->stream[i].way);
        s->stream[i].way = NULL;
        s->stream[i].fed_by = -1;
    }
}

static void ways_forget(struct session *s)
{
    ways_clear(s);
    for (unsigned i = 0; i < s->nstreams; i++) {
        rtp_rewriter_switch(&s->stream[i].out.w);
        rtp_rewriter_switch(&s->stream[i].rtx.w);
        s->stream[i].out.relayed_us = 0;
    }
}

/* Neither leg relays to the other any more. */
static void session_part(struct session *s)
{
    struct session *peer = s->peer;

    if (!peer)
        return;
    ways_forget(s);
    if (peer != s) {
        ways_forget(peer);
        peer->peer = NULL;
    }
    s->peer = NULL;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    session_part(s);
    wheel_cancel(worker_wheel(s->worker), &s->tick);
    if (s->keypad)
        wheel_cancel(worker_wheel(s->worker), &s->keypad->timer);
    for (unsigned i = 0; i < s->ntransports; i++)
        for (unsigned k = 0; k < PORTS_MAX; k++)
            port_free(s->transport[i].port[k]);
    for (unsigned i = 0; i < s->nstreams; i++)
        g_free(s->stream[i].source);
    g_free(s->transport);
    g_free(s->stream);
    g_free(s->source);
    g_free(s->keypad);
    g_free(s);
}

void session_event(struct session *s, const struct media_event *ev)
{
    struct media_event own = *ev;

    own.id = s->id;
    worker_post_event(s->worker, &own);
}

/* ---- our side ---- */

static struct sock *sock_adopt(struct session *s, struct port *p, const struct local_transport *t)
{
    struct sock *sock = g_new0(struct sock, 1);

    sock->fd = t->fd[p->number];
    sock->local = t->local[p->number];
    sock->owner = p;
    if (!worker_watch(s->worker, sock))
        session_fail(s, MEDIA_WHY_ICE, "a socket cannot be watched");
    return sock;
}

static void transport_open(struct session *s, unsigned i, struct local_transport *t)
{
    struct transport *own = &s->transport[i];

    own->security = t->security;
    own->mux = t->mux;
    for (unsigned k = 0; k < PORTS_MAX; k++) {
        if (t->fd[k] < 0 && !(t->shared && k == 0))
            continue;
        own->port[k] = port_new(s, i, k);
        if (t->shared)
            continue;
        own->port[k]->own = sock_adopt(s, own->port[k], t);
        t->fd[k] = -1; /* the port's now */
    }
}

static void stream_open(struct session *s, unsigned i, const struct local_stream *l)
{
    struct stream *own = &s->stream[i];

    if (own->out.w.ssrc != l->ssrc) { /* once: a number sent must not come again under its key */
        own->fed_by = -1;
        rtp_rewriter_init(&own->out.w, l->ssrc, random_u64());
        rtp_rewriter_init(&own->rtx.w, l->rtx_ssrc, random_u64());
    }
    own->used = l->used;
    own->video = l->video;
    own->transport = l->transport;
    if (l->used)
        memcpy(s->cname, l->cname, sizeof(s->cname));
}

void session_set_local(struct session *s, struct local_set *local)
{
    if (local->ntransports > s->ntransports) {
        s->transport = g_renew(struct transport, s->transport, local->ntransports);
        memset(s->transport + s->ntransports, 0,
               (local->ntransports - s->ntransports) * sizeof(*s->transport));
    }
    if (local->nstreams > s->nstreams) {
        s->stream = g_renew(struct stream, s->stream, local->nstreams);
        memset(s->stream + s->nstreams, 0, (local->nstreams - s->nstreams) * sizeof(*s->stream));
    }
    for (unsigned i = 0; i < local->nstreams; i++)
        stream_open(s, i, &local->stream[i]);
    s->nstreams = MAX(s->nstreams, local->nstreams);
    for (unsigned i = 0; i < local->ntransports; i++) {
        bool fresh = i >= s->ntransports;
        if (fresh)
            transport_open(s, i, &local->transport[i]);
        s->ntransports = MAX(s->ntransports, i + 1);
        for (unsigned k = 0; k < PORTS_MAX; k++)
            if (s->transport[i].port[k])
                port_set_local(s->transport[i].port[k], &local->transport[i]);
    }
}

/* ---- the peer's side ---- */

static void stream_remote(struct stream *own, const struct remote_stream *r)
{
    own->peer_talks = r->talks;
    memcpy(own->mid, r->mid, sizeof(own->mid));
    own->mid_id = r->mid_id;
    own->pli = r->pli;
    own->fir = r->fir;
    own->clock_hz = r->clock_hz;
    own->nevents = r->nevents;
    for (unsigned i = 0; i < r->nevents; i++) {
        own->event[i].pt = r->event[i].pt;
        own->event[i].clock_hz = r->event[i].clock_hz;
    }
    g_free(own->source);
    own->nsources = r->nsources;
    own->source = r->nsources ? g_memdup2(r->source, r->nsources * sizeof(r->source[0])) : NULL;
}

void session_set_remote(struct session *s, const struct remote_set *remote)
{
    uint64_t now = worker_now(s->worker);
    unsigned usable = 0;
    unsigned broken = 0;

    if (!s->remote_us)
        s->remote_us = s->alive_us = now;
    if (!s->report_us)
        s->report_us = now + UINT64_C(1000000);
    for (unsigned i = 0; i < remote->nstreams && i < s->nstreams; i++)
        stream_remote(&s->stream[i], &remote->stream[i]);
    for (unsigned i = 0; i < remote->ntransports && i < s->ntransports; i++) {
        const struct remote_transport *r = &remote->transport[i];
        struct transport *own = &s->transport[i];
        usable += r->usable;
        broken += r->broken;
        own->usable = r->usable;
        own->mux = r->mux || !own->port[1];
        port_set_keys(own->port[0], &r->sdes_in, &r->sdes_out);
        for (unsigned k = 0; k < PORTS_MAX; k++)
            if (own->port[k] && !(k && own->mux))
                port_set_remote(own->port[k], r);
    }
    if (broken && !usable)
        session_fail(s, MEDIA_WHY_DTLS, "the answer has no keys for what was offered");
    session_ready(s);
}

void session_candidate(struct session *s, unsigned transport, const struct desc_candidate *c)
{
    for (unsigned k = 0; transport < s->ntransports && k < PORTS_MAX; k++)
        if (s->transport[transport].port[k])
            port_candidate(s->transport[transport].port[k], c);
}

static bool transport_used(const struct session *s, unsigned transport)
{
    for (unsigned i = 0; i < s->nstreams; i++)
        if (s->stream[i].used && s->stream[i].transport == transport)
            return true;
    return false;
}

void session_ready(struct session *s)
{
    unsigned ready = 0;

    if (s->state != SESSION_WAITING || !s->remote_us)
        return;
    for (unsigned i = 0; i < s->ntransports; i++) {
        const struct transport *t = &s->transport[i];
        const struct port *p = t->port[0];
        if (!p || !t->usable || !transport_used(s, i))
            continue;
        /* A plain peer may have signalled 0.0.0.0 (old-style hold): nothing to wait for. */
        if (!port_writable(p) && (p->checked || t->security != DESC_PLAIN))
            return;
        if (p->checked && ice_state(p->ice) != ICE_READY && ice_state(p->ice) != ICE_RESTARTING)
            return;
        ready++;
    }
    if (!ready)
        return;
    s->state = SESSION_READY;
    s->alive_us = worker_now(s->worker);
    session_event(s, &(struct media_event){.type = MEDIA_READY});
}

void session_fail(struct session *s, enum media_why why, const char *text)
{
    struct media_event ev = {.type = MEDIA_FAILED, .why = why};

    if (s->state == SESSION_FAILED)
        return;
    s->state = SESSION_FAILED;
    (void)g_strlcpy(ev.text, text, sizeof(ev.text));
    session_event(s, &ev);
}

/* ---- joining ---- */

static void way_set(struct session *from, struct session *to, const struct plan_way *plan)
{
    struct stream *in;
    struct stream *out;
    struct way *way;

    if (plan->from_stream < 0 || plan->to_stream < 0 ||
        (unsigned)plan->from_stream >= from->nstreams || (unsigned)plan->to_stream >= to->nstreams)
        return;
    in = &from->stream[plan->from_stream];
    out = &to->stream[plan->to_stream];
    if (!in->used || !out->used)
        return;
    if (!in->way)
        in->way = g_new0(struct way, 1);
    way = in->way;
    way->plan = *plan;
    way->clock_hz = 0;
    memset(way->codec, WAY_NONE, sizeof(way->codec));
    for (unsigned i = 0; i < plan->ncodecs && i < PLAN_CODECS_MAX; i++) {
        way->codec[plan->codec[i].pt_in & 127] = (uint8_t)i;
        if (!way->clock_hz && !plan->codec[i].dtmf && !plan->codec[i].rtx)
            way->clock_hz = plan->codec[i].clock_in;
    }
    if (!way->clock_hz)
        way->clock_hz = 8000;
    out->fed_by = plan->from_stream;
}

void session_join(struct session *a, struct session *b, const struct media_plan *plan)
{
    uint64_t now = worker_now(a->worker);

    if (a->peer != b || b->peer != a) {
        session_part(a);
        session_part(b);
    } else {
        ways_clear(a);
        ways_clear(b);
    }
    a->peer = b;
    b->peer = a;
    for (unsigned i = 0; i < plan->nways; i++) {
        bool forth = i < plan->na_to_b;
        way_set(forth ? a : b, forth ? b : a, &plan->way[i]);
    }
    a->alive_us = b->alive_us = now;
}

void session_keyframe(struct session *s)
{
    for (unsigned i = 0; i < s->nstreams; i++)
        if (s->stream[i].used && s->stream[i].video)
            report_want_keyframe(s, i);
}

/* ---- the slow clock ---- */

/* A leg on hold, or one nobody listens to, may be silent. */
static bool should_send(const struct session *s)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        if (st->used && st->peer_talks && st->way && st->way->plan.open)
            return true;
    }
    return false;
}

static bool does_ice(const struct session *s)
{
    for (unsigned i = 0; i < s->ntransports; i++)
        if (s->transport[i].port[0]->checked)
            return true;
    return false;
}

static void deadlines_check(struct session *s)
{
    const struct media_config *config = worker_config(s->worker);
    uint64_t now = worker_now(s->worker);

    if (s->state == SESSION_WAITING && s->remote_us &&
        now - s->remote_us > config->ice_timeout_us) {
        bool keyless = false;
        for (unsigned i = 0; i < s->ntransports; i++) {
            const struct transport *t = &s->transport[i];
            keyless |= t->usable && t->port[0]->path_sock && t->security == DESC_DTLS;
        }
        session_fail(s, keyless ? MEDIA_WHY_DTLS : MEDIA_WHY_ICE,
                     keyless ? "no DTLS handshake in time" : "no path in time");
    }
    if (!should_send(s) || s->state != SESSION_READY)
        s->alive_us = now;
    else if (now - s->alive_us > config->silence_timeout_us && !does_ice(s)) /* ICE has consent */
        session_fail(s, MEDIA_WHY_SILENCE, "nothing received");
}

static void digits_check(struct session *s)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        struct dtmf_digit d;
        if (s->stream[i].digits.open &&
            dtmf_receiver_idle(&s->stream[i].digits, worker_now(s->worker), &d))
            keypad_received(s, i, &d);
    }
}

static void stats_publish(struct session *s)
{
    struct stats_cell *c = s->cell;
    struct media_stats *v = &s->stats;
    int64_t lost = 0;
    unsigned seq = atomic_load_explicit(&c->seq, memory_order_relaxed);

    v->rx_jitter_us = 0;
    for (unsigned i = 0; i < s->nsources; i++) {
        lost += rtp_receiver_lost(&s->source[i].rx);
        v->rx_jitter_us = MAX(v->rx_jitter_us, rtp_receiver_jitter_us(&s->source[i].rx));
    }
    v->rx_lost = lost > 0 ? (uint64_t)lost : 0;
    v->rtt_us = s->rtt_us;
    for (unsigned i = 0; i < s->ntransports; i++)
        if (s->transport[i].port[0]->ice && ice_rtt_us(s->transport[i].port[0]->ice))
            v->rtt_us = ice_rtt_us(s->transport[i].port[0]->ice);

    atomic_store(&c->seq, seq + 1);
    atomic_store(&c->gen, s->id.gen);
    atomic_store(&c->rx_packets, v->rx_packets);
    atomic_store(&c->rx_bytes, v->rx_bytes);
    atomic_store(&c->tx_packets, v->tx_packets);
    atomic_store(&c->tx_bytes, v->tx_bytes);
    atomic_store(&c->rx_lost, v->rx_lost);
    atomic_store(&c->rx_dropped, v->rx_dropped);
    atomic_store(&c->last_rx_us, v->last_rx_us);
    atomic_store(&c->rx_jitter_us, v->rx_jitter_us);
    atomic_store(&c->rtt_us, v->rtt_us);
    atomic_store(&c->seq, seq + 2);
}

static void on_tick(struct wheel_timer *t)
{
    struct session *s = WHEEL_OWNER(t, struct session, tick);
    LOG_CALL(s->call_id);

    deadlines_check(s);
    digits_check(s);
    report_tick(s);
    stats_publish(s);
    wheel_set(worker_wheel(s->worker), &s->tick, worker_now(s->worker) + TICK_US, on_tick);
}
