#include "media/dtmf.h"

#include "media/octets.h"

enum {
    SEGMENT_MAX = 0xffff, /* the duration field, RFC 4733 2.5.1.3 */
    END_PACKETS = 3,      /* RFC 4733 2.5.1.4 */
    LATE_S = 2,           /* further back is no late packet but a sender that began anew */
    DURATION_MIN_MS = 40,
    DURATION_MAX_MS = 8000,
    PTIME_MIN_MS = 5,
    PTIME_MAX_MS = 100
};

static const char digits[] = "0123456789*#ABCD"; /* RFC 4733 table 3 */

uint8_t dtmf_event_of(char digit)
{
    if (digit >= 'a' && digit <= 'd')
        digit = digits[12 + digit - 'a'];
    for (unsigned i = 0; i < sizeof(digits) - 1; i++)
        if (digits[i] == digit)
            return (uint8_t)i;
    return 255;
}

char dtmf_digit_of(uint8_t event)
{
    if (event >= sizeof(digits) - 1)
        return 0;
    return digits[event];
}

bool dtmf_parse(const uint8_t *payload, size_t len, struct dtmf_event *out)
{
    if (len < DTMF_PAYLOAD)
        return false;
    *out = (struct dtmf_event){.event = payload[0],
                               .end = (payload[1] & 0x80) != 0,
                               .volume = payload[1] & 0x3f,
                               .duration = octets_get16(payload + 2)};
    return true;
}

void dtmf_write(uint8_t payload[DTMF_PAYLOAD], const struct dtmf_event *ev)
{
    payload[0] = ev->event;
    payload[1] = (uint8_t)((ev->end ? 0x80 : 0) | (ev->volume & 0x3f));
    octets_put16(payload + 2, ev->duration);
}

/** Ends the open event; 1 when it was a digit. */
static unsigned receiver_end(struct dtmf_receiver *r, struct dtmf_digit *out)
{
    r->open = false;
    char digit = dtmf_digit_of(r->event);
    if (!digit || !r->clock_hz)
        return 0;
    uint64_t ms = ((uint64_t)r->before + r->duration) * 1000 / r->clock_hz;
    *out = (struct dtmf_digit){digit, (uint16_t)(ms > UINT16_MAX ? UINT16_MAX : ms)};
    return 1;
}

/** @p ts begins another segment of the event that is open (RFC 4733 2.5.1.3). */
static bool is_next_segment(const struct dtmf_receiver *r, const struct dtmf_event *ev, uint32_t ts)
{
    return r->open && ev->event == r->event && ts == r->ts + SEGMENT_MAX;
}

unsigned dtmf_receiver_feed(struct dtmf_receiver *r, const struct dtmf_event *ev, uint32_t ts,
                            uint64_t now_us, struct dtmf_digit out[2])
{
    unsigned n = 0;
    if (r->started && ts == r->ts) {
        if (!r->open || ev->event != r->event) /* end packets come three times */
            return 0;
        if (ev->duration > r->duration)
            r->duration = ev->duration;
    } else if (r->started && r->ts - ts < LATE_S * r->clock_hz) {
        return 0; /* an earlier event's, late */
    } else if (is_next_segment(r, ev, ts)) {
        r->before += SEGMENT_MAX;
        r->ts = ts;
        r->duration = ev->duration;
    } else {
        if (r->open)
            n = receiver_end(r, out);
        r->started = true;
        r->open = true;
        r->event = ev->event;
        r->ts = ts;
        r->duration = ev->duration;
        r->before = 0;
    }
    r->last_us = now_us;
    if (ev->end)
        n += receiver_end(r, out + n);
    return n;
}

bool dtmf_receiver_idle(struct dtmf_receiver *r, uint64_t now_us, struct dtmf_digit *out)
{
    if (!r->open || now_us < r->last_us + DTMF_IDLE_US)
        return false;
    return receiver_end(r, out) == 1;
}

static unsigned within(unsigned value, unsigned min, unsigned max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

bool dtmf_sender_start(struct dtmf_sender *s, char digit, unsigned duration_ms, uint32_t clock_hz,
                       unsigned ptime_ms)
{
    uint8_t event = dtmf_event_of(digit);
    if (event == 255 || clock_hz < 1000 || clock_hz > 384000)
        return false;
    uint32_t per_ms = clock_hz / 1000;
    *s = (struct dtmf_sender){.event = event,
                              .total =
                                  within(duration_ms, DURATION_MIN_MS, DURATION_MAX_MS) * per_ms,
                              .step = within(ptime_ms, PTIME_MIN_MS, PTIME_MAX_MS) * per_ms,
                              .ends_left = END_PACKETS};
    return true;
}

bool dtmf_sender_next(struct dtmf_sender *s, struct dtmf_send *out)
{
    if (s->ends_left == 0)
        return false;
    if (s->done < s->total)
        s->done = s->total - s->done > s->step ? s->done + s->step : s->total;
    bool end = s->done == s->total;
    if (end)
        s->ends_left--;
    uint32_t duration = s->done - s->segment;
    bool full = duration > SEGMENT_MAX;
    if (full) /* this packet closes the segment; the next one opens another, without marker */
        duration = SEGMENT_MAX;
    *out = (struct dtmf_send){.marker = !s->begun, .ts_shift = s->segment};
    if (full) {
        s->segment += SEGMENT_MAX;
        if (end) { /* the rest fits into the next segment, which then carries the end */
            end = false;
            s->ends_left++;
        }
    }
    dtmf_write(out->payload, &(struct dtmf_event){.event = s->event,
                                                  .volume = DTMF_VOLUME,
                                                  .end = end,
                                                  .duration = (uint16_t)duration});
    s->begun = true;
    return true;
}

bool dtmf_scale(uint8_t *payload, size_t len, uint32_t clock_in, uint32_t clock_out)
{
    struct dtmf_event ev;
    if (!dtmf_parse(payload, len, &ev) || clock_in == 0)
        return false;
    uint64_t scaled = ((uint64_t)ev.duration * clock_out + clock_in - 1) / clock_in;
    octets_put16(payload + 2, (uint16_t)(scaled > SEGMENT_MAX ? SEGMENT_MAX : scaled));
    return true;
}
