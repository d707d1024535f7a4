/* RTCP, terminated on each hop (RFC 3550 6, 4585, 5104): what a peer reports is used here, what
 * concerns the far sender is said anew on its own hop, in its own numbers. */
#include "base/log.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>
#include <time.h>

#define REPORT_US UINT64_C(5000000) /* mean interval, RFC 3550 6.2 */
#define KEYFRAME_US UINT64_C(300000)
#define RELAYED_US UINT64_C(100000) /* between SRs passed on: a datagram can hold dozens */
enum { NACKS_MAX = 16 /* relayed of one packet */ };

struct report { /* a packet being read */
    struct port *port;
    unsigned nacks;
};

/* ---- writing ---- */

static unsigned blocks_fill(struct session *s, unsigned transport, struct rtcp_block *blocks)
{
    uint64_t now = worker_now(s->worker);
    unsigned n = 0;

    for (unsigned i = 0; i < s->nsources && n < RTCP_BLOCKS_MAX; i++) {
        struct source *src = &s->source[i];
        if (s->stream[src->stream].transport != transport || now - src->last_us > 2 * REPORT_US)
            continue;
        memset(&blocks[n], 0, sizeof(blocks[n]));
        blocks[n].ssrc = src->ssrc;
        if (!rtp_receiver_report(&src->rx, &blocks[n].seen))
            continue;
        rtcp_stamp_block(&src->sr, now, &blocks[n]);
        n++;
    }
    return n;
}

/* The SSRC in whose name a transport reports: its first stream's. */
static uint32_t reporter_ssrc(const struct session *s, unsigned transport)
{
    for (unsigned i = 0; i < s->nstreams; i++)
        if (s->stream[i].used && s->stream[i].transport == transport)
            return s->stream[i].out.w.ssrc;
    return 0;
}

static struct slot *report_slot(struct session *s, struct rtcp_writer *w)
{
    struct slot *slot = slot_take(worker_outbox(s->worker));

    if (slot)
        rtcp_writer_init(w, slot_data(slot), SLOT_BODY);
    return slot;
}

static void report_send(struct port *p, struct slot *slot, const struct rtcp_writer *w)
{
    size_t n = rtcp_writer_len(w);

    slot->n = (uint16_t)n;
    if (n)
        port_send(p, slot, true);
    else
        slot_give(worker_outbox(p->session->worker), slot);
}

static struct port *report_port(struct session *s, unsigned transport)
{
    struct port *p = transport < s->ntransports ? transport_rtcp(&s->transport[transport]) : NULL;

    return p && port_writable(p) ? p : NULL;
}

/* Our own SR, when the far sender gives none to translate. */
static bool own_sr(const struct session *s, const struct out *out, struct rtcp_sender_info *info)
{
    uint64_t now = worker_now(s->worker);
    uint32_t clock = out->clock_hz;
    struct timespec wall;

    if (!out->w.sent || !clock || !rtcp_own_sr_fits(out->relayed_us, now))
        return false;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    info->ntp = rtcp_ntp((uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000);
    info->rtp_ts = out->w.ts_high + (uint32_t)((now - out->w.high_us) * clock / 1000000);
    info->packets = out->w.packets;
    info->octets = out->w.octets;
    return true;
}

static void transport_report(struct session *s, unsigned transport)
{
    struct rtcp_block blocks[RTCP_BLOCKS_MAX];
    uint32_t ssrc = reporter_ssrc(s, transport);
    struct port *p = report_port(s, transport);
    struct rtcp_writer w;
    struct slot *slot = p && ssrc ? report_slot(s, &w) : NULL;
    unsigned n;
    bool first = true;

    if (!slot)
        return;
    n = blocks_fill(s, transport, blocks);
    for (unsigned i = 0; i < s->nstreams; i++) {
        struct stream *st = &s->stream[i];
        struct rtcp_sender_info info;
        if (!st->used || st->transport != transport || !own_sr(s, &st->out, &info))
            continue;
        rtcp_put_sr(&w, st->out.w.ssrc, &info, blocks, first ? n : 0);
        rtcp_stamp_set(&st->out.sr, info.ntp, worker_now(s->worker));
        first = false;
    }
    if (first)
        rtcp_put_rr(&w, ssrc, blocks, n);
    for (unsigned i = 0; i < s->nstreams; i++)
        if (s->stream[i].used && s->stream[i].transport == transport)
            rtcp_put_cname(&w, s->stream[i].out.w.ssrc, span_of(s->cname));
    report_send(p, slot, &w);
}

/* The head of a compound that carries feedback (RFC 4585 3.1): empty RR, CNAME. */
static struct slot *feedback_begin(struct session *s, unsigned stream, struct rtcp_writer *w)
{
    struct slot *slot = report_slot(s, w);

    if (!slot)
        return NULL;
    rtcp_put_rr(w, s->stream[stream].out.w.ssrc, NULL, 0);
    rtcp_put_cname(w, s->stream[stream].out.w.ssrc, span_of(s->cname));
    return slot;
}

/* ---- key frames ---- */

/* The SSRC the peer sends this stream with now. */
static const struct source *stream_source(const struct session *s, unsigned stream)
{
    const struct source *best = NULL;

    for (unsigned i = 0; i < s->nsources; i++)
        if (s->source[i].stream == stream && !s->source[i].rtx &&
            (!best || s->source[i].last_us > best->last_us))
            best = &s->source[i];
    return best;
}

void report_want_keyframe(struct session *s, unsigned stream)
{
    struct stream *st = &s->stream[stream];
    const struct way *way = st->way;
    bool pli = way ? way->plan.far_pli : st->pli, fir = way ? way->plan.far_fir : st->fir;
    const struct source *src = stream_source(s, stream);
    struct port *p = report_port(s, st->transport);
    uint64_t now = worker_now(s->worker);
    struct rtcp_writer w;
    struct slot *slot;

    if (st->asked_us && now - st->asked_us < KEYFRAME_US)
        return;
    st->asked_us = now;
    if (!pli && !fir) {
        if (s->peer && way)
            session_event(s->peer, &(struct media_event){.type = MEDIA_KEYFRAME,
                                                         .stream = (uint8_t)way->plan.to_stream});
        return;
    }
    slot = p && src ? feedback_begin(s, stream, &w) : NULL;
    if (!slot)
        return;
    if (pli)
        rtcp_put_pli(&w, st->out.w.ssrc, src->ssrc);
    else
        rtcp_put_fir(&w, st->out.w.ssrc, src->ssrc, st->fir_seq++);
    report_send(p, slot, &w);
}

/* ---- reading ---- */

/* Our stream on this transport with this SSRC; -1. */
static int stream_of_ssrc(const struct port *p, uint32_t ssrc)
{
    const struct session *s = p->session;

    for (unsigned i = 0; i < s->nstreams; i++)
        if (s->stream[i].used && s->stream[i].transport == p->transport &&
            s->stream[i].out.w.ssrc == ssrc)
            return (int)i;
    return -1;
}

/* The stream of the far leg that feeds ours; -1. */
static int feeder(const struct session *s, int stream)
{
    int from = stream >= 0 && s->peer ? s->stream[stream].fed_by : -1;

    return from >= 0 && s->peer->stream[from].way ? from : -1;
}

/* The far side hears of it at once, so that lip-sync is there from the first report. */
static void sender_report(struct port *p, uint32_t ssrc, const struct rtcp_sender_info *in)
{
    struct session *s = p->session;
    struct source *src = source_find(s, p->transport, ssrc);
    const struct way *way = src ? s->stream[src->stream].way : NULL;
    uint64_t now = worker_now(s->worker);
    struct rtcp_block blocks[RTCP_BLOCKS_MAX];
    struct rtcp_sender_info info;
    struct rtcp_writer w;
    struct stream *far;
    struct slot *slot;
    struct port *out;

    if (!src)
        return;
    rtcp_stamp_set(&src->sr, in->ntp, now);
    if (!way || !way->plan.open || !s->peer)
        return;
    far = &s->peer->stream[way->plan.to_stream];
    out = report_port(s->peer, far->transport);
    if (far->out.relayed_us && now - far->out.relayed_us < RELAYED_US)
        return;
    if (!out || !rtcp_translate_sr(&far->out.w, ssrc, in, &info))
        return;
    slot = report_slot(s->peer, &w);
    if (!slot)
        return;
    rtcp_put_sr(&w, far->out.w.ssrc, &info, blocks, blocks_fill(s->peer, far->transport, blocks));
    rtcp_put_cname(&w, far->out.w.ssrc, span_of(s->peer->cname));
    rtcp_stamp_set(&far->out.sr, info.ntp, now);
    far->out.relayed_us = now;
    report_send(out, slot, &w);
}

static void reception_block(struct port *p, const struct rtcp_block *b)
{
    int stream = stream_of_ssrc(p, b->ssrc);
    uint32_t rtt;

    if (stream < 0)
        return;
    rtt = rtcp_stamp_rtt_us(&p->session->stream[stream].out.sr, b, worker_now(p->session->worker));
    if (rtt)
        p->session->rtt_us = rtt;
}

static void keyframe_wanted(struct port *p, uint32_t media)
{
    int from = feeder(p->session, stream_of_ssrc(p, media));

    if (from >= 0)
        report_want_keyframe(p->session->peer, (unsigned)from);
}

static void nack_relay(struct report *r, uint32_t media, uint16_t pid, uint16_t blp)
{
    struct session *s = r->port->session;
    struct session *to;
    int stream = stream_of_ssrc(r->port, media);
    int from = feeder(s, stream);
    const struct rtp_rewriter *rewriter;
    struct rtcp_writer w;
    struct slot *slot;
    struct port *p;
    uint16_t source_pid;

    if (from < 0 || r->nacks++ >= NACKS_MAX)
        return;
    to = s->peer;
    rewriter = &s->stream[stream].out.w;
    p = report_port(to, to->stream[from].transport);
    if (!p || !to->stream[from].way->plan.far_nack ||
        !rtcp_translate_nack(rewriter, pid, &source_pid))
        return;
    slot = feedback_begin(to, (unsigned)from, &w);
    if (!slot)
        return;
    rtcp_put_nack(&w, to->stream[from].out.w.ssrc, rewriter->source, source_pid, blp);
    report_send(p, slot, &w);
}

static void on_rtcp(const struct rtcp_event *ev, void *arg)
{
    struct report *r = arg;

    switch (ev->type) {
    case RTCP_SENDER: sender_report(r->port, ev->sender, &ev->u.sr); break;
    case RTCP_BLOCK: reception_block(r->port, &ev->u.block); break;
    case RTCP_PLI: keyframe_wanted(r->port, ev->u.media); break;
    case RTCP_FIR: keyframe_wanted(r->port, ev->u.fir.media); break;
    case RTCP_NACK: nack_relay(r, ev->u.nack.media, ev->u.nack.pid, ev->u.nack.blp); break;
    case RTCP_CNAME:
    case RTCP_BYE:         /* the call ends by signalling; SSRCs come and go */
    case RTCP_REMB: break; /* speaks of this hop's path only */
    }
}

void report_input(struct port *p, const uint8_t *pkt, size_t n)
{
    struct report r = {.port = p};

    if (rtcp_parse(pkt, n, on_rtcp, &r))
        p->session->stats.rx_dropped++;
}

void report_tick(struct session *s)
{
    uint64_t now = worker_now(s->worker);

    if (!s->report_us || now < s->report_us || s->state != SESSION_READY)
        return;
    s->report_us = now + REPORT_US / 2 + random_u32() % REPORT_US; /* 0.5 to 1.5 (RFC 3550 6.3.1) */
    for (unsigned i = 0; i < s->ntransports; i++)
        transport_report(s, i);
}
