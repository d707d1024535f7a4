#include "media/octets.h"
#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

bool relay_expects(const struct session *s, unsigned transport, uint8_t pt)
{
    bool planned = false;

    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        if (!st->used || st->transport != transport || !st->way)
            continue;
        planned = true;
        if (st->way->codec[pt & 127] != WAY_NONE)
            return true;
    }
    return !planned;
}

/* ---- which stream is it (RFC 8843 9.2) ---- */

static int stream_by_mid(const struct session *s, unsigned transport, const uint8_t *pkt,
                         const struct rtp_header *h)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        struct rtp_extension ext;
        if (st->used && st->transport == transport && st->mid_id &&
            rtp_extension_find(pkt, h, st->mid_id, &ext) && ext.len == strlen(st->mid) &&
            memcmp(ext.data, st->mid, ext.len) == 0)
            return (int)i;
    }
    return -1;
}

static int stream_by_ssrc(const struct session *s, unsigned transport, uint32_t ssrc)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        for (unsigned k = 0; st->used && st->transport == transport && k < st->nsources; k++)
            if (st->source[k].ssrc == ssrc || st->source[k].rtx_ssrc == ssrc)
                return (int)i;
    }
    return -1;
}

static int stream_by_pt(const struct session *s, unsigned transport, uint8_t pt)
{
    int found = -1;
    int only = -1;
    unsigned on_transport = 0;

    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        if (!st->used || st->transport != transport)
            continue;
        on_transport++;
        only = (int)i;
        if (!st->way || st->way->codec[pt] == WAY_NONE)
            continue;
        if (found >= 0)
            return -1; /* both claim it: nothing can be told */
        found = (int)i;
    }
    return on_transport == 1 ? only : found;
}

static bool source_is(const struct session *s, const struct source *src, unsigned transport,
                      uint32_t ssrc)
{
    return src->ssrc == ssrc && s->stream[src->stream].transport == transport;
}

struct source *source_find(struct session *s, unsigned transport, uint32_t ssrc)
{
    if (s->hint < s->nsources && source_is(s, &s->source[s->hint], transport, ssrc))
        return &s->source[s->hint];
    for (unsigned i = 0; i < s->nsources; i++)
        if (source_is(s, &s->source[i], transport, ssrc)) {
            s->hint = i;
            return &s->source[i];
        }
    return NULL;
}

static struct source *source_place(struct session *s)
{
    struct source *quiet = s->source;

    if (s->nsources < SOURCES_MAX) {
        s->source = g_renew(struct source, s->source, s->nsources + 1);
        return &s->source[s->nsources++];
    }
    for (unsigned i = 1; i < s->nsources; i++)
        if (s->source[i].last_us < quiet->last_us)
            quiet = &s->source[i];
    return quiet;
}

static struct source *source_of(struct port *p, const uint8_t *pkt, const struct rtp_header *h)
{
    struct session *s = p->session;
    struct source *src = source_find(s, p->transport, h->ssrc);
    int stream;

    if (src)
        return src;
    stream = stream_by_mid(s, p->transport, pkt, h);
    if (stream < 0)
        stream = stream_by_ssrc(s, p->transport, h->ssrc);
    if (stream < 0)
        stream = stream_by_pt(s, p->transport, h->pt);
    if (stream < 0)
        return NULL;
    src = source_place(s);
    *src = (struct source){.ssrc = h->ssrc, .stream = (uint8_t)stream};
    return src;
}

/* ---- what becomes of it ---- */

static void digit_feed(struct session *s, unsigned stream, const struct plan_codec *codec,
                       const uint8_t *payload, const struct rtp_header *h)
{
    struct dtmf_receiver *r = &s->stream[stream].digits;
    struct dtmf_digit digit[2];
    struct dtmf_event ev;
    unsigned n;

    if (!dtmf_parse(payload, h->payload_len, &ev))
        return;
    r->clock_hz = codec->clock_in;
    n = dtmf_receiver_feed(r, &ev, h->ts, worker_now(s->worker), digit);
    for (unsigned i = 0; i < n; i++)
        keypad_received(s, stream, &digit[i]);
}

/* A retransmission names the packet it repeats by the sender's number (RFC 4588 4): in ours. False
 * for a packet that never left: browsers probe with copies from before the path was there, and a
 * number made up for one makes the receiver take all that follows for old. */
static bool rtx_renumber(const struct rtp_rewriter *w, uint8_t *payload, size_t n)
{
    uint16_t seq;

    if (n < 2)
        return true;
    if (!rtp_rewriter_map(w, octets_get16(payload), &seq))
        return false;
    octets_put16(payload, seq);
    return true;
}

/* Only what the far side has agreed to crosses, without gaps: some read padding as an error. */
static void extensions_cross(const struct plan_way *plan, struct slot *slot, struct rtp_header *h)
{
    struct rtp_extension_set set;
    uint8_t *pkt = slot_data(slot);
    size_t n = slot->n;
    uint8_t *start;

    rtp_extensions_collect(pkt, h, plan->extension, plan->nextensions, &set);
    start = rtp_extensions_replace(pkt, &n, slot->at, h, &set);
    if (start) {
        slot->at = (uint16_t)(start - slot->bytes);
        slot->n = (uint16_t)n;
    } else { /* larger than we build */
        rtp_extensions_map(pkt, h, plan->extension, plan->nextensions);
    }
}

static bool packet_rewrite(struct session *s, unsigned stream, const struct plan_codec *codec,
                           struct slot *slot, struct rtp_header *h)
{
    struct way *way = s->stream[stream].way;
    struct stream *far = &s->peer->stream[way->plan.to_stream];
    struct out *out = codec->rtx ? &far->rtx : &far->out;
    uint8_t *pkt;

    if (h->extension_at)
        extensions_cross(&way->plan, slot, h);
    pkt = slot_data(slot);
    if (!codec->dtmf)
        way->clock_hz = out->clock_hz = codec->clock_in;
    if (codec->rtx && !rtx_renumber(&far->out.w, pkt + h->header_len, h->payload_len)) {
        rtp_rewriter_skip(&far->rtx.w, h);
        return false;
    }
    if (codec->dtmf && codec->clock_in != codec->clock_out)
        (void)dtmf_scale(pkt + h->header_len, h->payload_len, codec->clock_in, codec->clock_out);
    switch (rtp_rewriter_apply(&out->w, pkt, h, way->clock_hz, worker_now(s->worker))) {
    case RTP_DROP: return false;
    case RTP_FORWARD: break;
    case RTP_RESUMED:
        if (far->video && !codec->rtx)
            report_want_keyframe(s, stream);
        else if (!codec->dtmf && !far->video)
            rtp_set_marker(pkt, true);
        break;
    }
    rtp_set_pt(pkt, codec->pt_out);
    return true;
}

static void packet_relay(struct session *s, struct source *src, struct slot *slot,
                         struct rtp_header *h)
{
    unsigned stream = src->stream;
    struct way *way = s->stream[stream].way;
    uint8_t at = way->codec[h->pt];
    const struct plan_codec *codec = at == WAY_NONE ? NULL : &way->plan.codec[at];
    struct session *to = s->peer;
    struct stream *far = &to->stream[way->plan.to_stream];
    struct port *port = to->transport[far->transport].port[0];

    src->rtx = codec && codec->rtx;
    if (codec && codec->dtmf)
        digit_feed(s, stream, codec, slot_data(slot) + h->header_len, h);
    if (!codec || !way->plan.open || codec->pt_out > 127 || !port_writable(port) ||
        keypad_busy(to, (unsigned)way->plan.to_stream)) {
        rtp_rewriter_skip(codec && codec->rtx ? &far->rtx.w : &far->out.w, h);
        slot_give(worker_outbox(s->worker), slot);
    } else if (packet_rewrite(s, stream, codec, slot, h)) {
        port_send(port, slot, false);
    } else {
        slot_give(worker_outbox(s->worker), slot);
    }
}

void relay_input(struct port *p, struct slot *slot, struct rtp_header *h)
{
    struct session *s = p->session;
    struct source *src = source_of(p, slot_data(slot), h);
    struct stream *st = src ? &s->stream[src->stream] : NULL;
    uint64_t now = worker_now(s->worker);

    if (!src) {
        s->stats.rx_dropped++;
        slot_give(worker_outbox(s->worker), slot);
        return;
    }
    src->last_us = now;
    (void)rtp_receiver_feed(&src->rx, h, st->way ? st->way->clock_hz : 8000, now);
    if (!st->heard) {
        st->heard = true;
        session_event(s, &(struct media_event){.type = MEDIA_FIRST_PACKET, .stream = src->stream});
    }
    if (st->way && s->peer)
        packet_relay(s, src, slot, h);
    else
        slot_give(worker_outbox(s->worker), slot);
}
