#include "media/session.h"
#include "media/worker.h"

#include <glib.h>

#include <string.h>

#define PTIME_US UINT64_C(20000)
#define PAUSE_US UINT64_C(60000) /* between digits; receivers want 40 ms */
#define RETRY_US UINT64_C(100000)
enum { PTIME_MS = 20, CLOCK_DEFAULT = 8000 };

static void on_keypad(struct wheel_timer *t);

/* The clock the stream's timestamps run with: what was relayed last, else the peer's first codec.
 */
static uint32_t stream_clock(const struct stream *st)
{
    if (st->out.clock_hz)
        return st->out.clock_hz;
    return st->clock_hz ? st->clock_hz : CLOCK_DEFAULT;
}

/* The peer's telephone-event of the audio's clock, else whichever it takes. */
static int event_choose(const struct stream *st)
{
    for (unsigned i = 0; i < st->nevents; i++)
        if (st->event[i].clock_hz == stream_clock(st))
            return (int)i;
    return st->nevents ? 0 : -1;
}

static bool stream_choose(const struct session *s, uint8_t *stream)
{
    for (unsigned i = 0; i < s->nstreams; i++) {
        const struct stream *st = &s->stream[i];
        if (!st->used || st->video || st->transport >= s->ntransports || event_choose(st) < 0)
            continue;
        *stream = (uint8_t)i;
        return port_writable(s->transport[st->transport].port[0]);
    }
    return false;
}

static bool digit_begin(struct session *s)
{
    struct keypad *k = s->keypad;
    const struct stream *st;
    int event;

    if (!stream_choose(s, &k->stream))
        return false;
    st = &s->stream[k->stream];
    event = event_choose(st);
    k->pt = st->event[event].pt;
    k->event_hz = st->event[event].clock_hz;
    k->begun = false;
    k->sending = dtmf_sender_start(&k->sender, k->queue[k->head].digit,
                                   k->queue[k->head].duration_ms, k->event_hz, PTIME_MS);
    k->head = (uint8_t)((k->head + 1) % KEYPAD_MAX);
    k->count--;
    return true;
}

static void packet_send(struct session *s, const struct dtmf_send *send)
{
    struct keypad *k = s->keypad;
    struct stream *st = &s->stream[k->stream];
    uint32_t clock = stream_clock(st);
    struct slot *slot = slot_take(worker_outbox(s->worker));
    struct rtp_header h = {.pt = k->pt, .marker = send->marker};

    if (!slot)
        return;
    rtp_rewriter_insert(&st->out.w, DTMF_PAYLOAD, clock, worker_now(s->worker), &h);
    if (!k->begun)
        k->ts = h.ts;
    k->begun = true;
    h.ts = k->ts + (uint32_t)((uint64_t)send->ts_shift * clock / k->event_hz);
    rtp_write(slot_data(slot), &h);
    memcpy(slot_data(slot) + RTP_FIXED, send->payload, DTMF_PAYLOAD);
    slot->n = RTP_FIXED + DTMF_PAYLOAD;
    port_send(s->transport[st->transport].port[0], slot, false);
}

static void on_keypad(struct wheel_timer *t)
{
    struct keypad *k = WHEEL_OWNER(t, struct keypad, timer);
    struct session *s = k->session;
    uint64_t next = t->due_us + PTIME_US;
    uint64_t now = worker_now(s->worker);
    struct dtmf_send send;

    if (!k->sending && k->count && !digit_begin(s))
        next = now + RETRY_US;
    if (k->sending && dtmf_sender_next(&k->sender, &send)) {
        packet_send(s, &send);
    } else if (k->sending) {
        k->sending = false;
        next = now + PAUSE_US;
    }
    if (k->sending || k->count)
        wheel_set(worker_wheel(s->worker), t, MAX(next, now), on_keypad);
}

void keypad_push(struct session *s, char digit, unsigned duration_ms)
{
    struct keypad *k = s->keypad;
    unsigned at;

    if (!k) {
        k = s->keypad = g_new0(struct keypad, 1);
        k->session = s;
    }
    if (k->count == KEYPAD_MAX || dtmf_event_of(digit) == 255)
        return;
    at = (k->head + k->count++) % KEYPAD_MAX;
    k->queue[at].digit = digit;
    k->queue[at].duration_ms = (uint16_t)MIN(duration_ms, UINT16_MAX);
    if (!wheel_is_set(&k->timer))
        wheel_set(worker_wheel(s->worker), &k->timer, worker_now(s->worker), on_keypad);
}

bool keypad_busy(const struct session *s, unsigned stream)
{
    return s->keypad && s->keypad->sending && s->keypad->stream == stream;
}

void keypad_received(struct session *s, unsigned stream, const struct dtmf_digit *d)
{
    struct media_event ev = {.type = MEDIA_DTMF,
                             .stream = (uint8_t)stream,
                             .digit = d->digit,
                             .duration_ms = d->duration_ms};

    session_event(s, &ev);
}
