/** RFC 4733 telephone events 0-15 (0-9 * # A-D): receive, send, scale. Pure; times in microseconds
 * monotonic, durations in timestamp units of the named clock. Thread: any; a receiver or sender is
 * its owner's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTMF_PAYLOAD = 4, DTMF_VOLUME = 10 /* -dBm0 of what we send */ };

/** 0-15 of a digit (a-d too); 255 for anything else. */
uint8_t dtmf_event_of(char digit);
/** 0-9 * # A-D; 0 for events above 15. */
char dtmf_digit_of(uint8_t event);

struct dtmf_event { /* RFC 4733 2.3 */
    uint8_t event, volume;
    bool end;
    uint16_t duration;
};
/** The first event of a payload (only one is used in practice). False when it is too short. */
bool dtmf_parse(const uint8_t *payload, size_t len, struct dtmf_event *out);
void dtmf_write(uint8_t payload[DTMF_PAYLOAD], const struct dtmf_event *ev);

/** A digit that has ended. */
struct dtmf_digit {
    char digit;
    uint16_t duration_ms;
};

/** Turns packets of one source into digits, each once. Zero it and set clock_hz, the clock of the
 * payload type; again when the source changes. A digit ends with its first end packet, with
 * a packet of another event, or by dtmf_receiver_idle(). */
struct dtmf_receiver {
    bool started; /* any event ever */
    bool open;    /* begun and not ended */
    uint8_t event;
    uint32_t ts;       /* of the event's current segment */
    uint16_t duration; /* longest seen of this segment */
    uint32_t before;   /* duration of earlier segments (RFC 4733 2.5.1.3) */
    uint32_t clock_hz;
    uint64_t last_us;
};
/** Digits that ended with this packet, at most two (the one before it lost its end packets, and
 * this one is itself an end): written to @p out, returned as a number. */
unsigned dtmf_receiver_feed(struct dtmf_receiver *r, const struct dtmf_event *ev, uint32_t ts,
                            uint64_t now_us, struct dtmf_digit out[2]);
/** The event's packets stopped without an end (none for DTMF_IDLE_US): true once, with the digit.
 * To be asked now and then while r->open, and always before the receiver is dropped. */
enum { DTMF_IDLE_US = 200000 };
bool dtmf_receiver_idle(struct dtmf_receiver *r, uint64_t now_us, struct dtmf_digit *out);

/** One event of ours, a payload each packet time. */
struct dtmf_sender {
    uint8_t event;
    uint32_t total, step, done; /* timestamp units */
    uint32_t segment;           /* done at the beginning of the current segment */
    uint8_t ends_left;
    bool begun;
};
struct dtmf_send {
    uint8_t payload[DTMF_PAYLOAD];
    bool marker;       /* first packet of the event only (RFC 4733 2.5.1.1) */
    uint32_t ts_shift; /* add to the timestamp the event began with; not 0 only in later segments of
                          an event longer than 0xffff units (2.5.1.3) */
};
/** False when @p digit is none. @p duration_ms is taken within 40 ms to 8 s, @p ptime_ms within 5
 * to 100. */
bool dtmf_sender_start(struct dtmf_sender *s, char digit, unsigned duration_ms, uint32_t clock_hz,
                       unsigned ptime_ms);
/** The payload to send now; call once a ptime. False when the event is over (its end packet has
 * been sent three times). */
bool dtmf_sender_next(struct dtmf_sender *s, struct dtmf_send *out);

/** Rewrite the duration in place from one clock to another; rounded up, so that growing stays
 * growing and nothing becomes 0, and held at 0xffff where it would not fit. False when the payload
 * is too short. */
bool dtmf_scale(uint8_t *payload, size_t len, uint32_t clock_in, uint32_t clock_out);
