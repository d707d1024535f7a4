/** WebSocket (RFC 6455) for servers: the opening handshake, and the rules around libwslay's frames:
 * sizes, rates, one kind of message, pings. Pure: bytes in, bytes out, time handed in.
 * Thread: the edge's; objects are independent. */
#pragma once

#include "edge/http.h"
#include "edge/site.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WS_MESSAGE_MAX = 65536,
    WS_FRAGMENTS_MAX = 64,
    WS_RATE_S = 50, /* frames a second, sustained */
    WS_BURST = 200,
    WS_MESSAGE_S = 10, /* for all of a message, from its first frame on */
    WS_PING_AFTER_S = 25,
    WS_SILENCE_MAX_S = 60
};

struct ws_opening {
    unsigned status;      /* 101, or the refusal */
    const char *why;      /* of the refusal */
    const char *headers;  /* extra header lines of the refusal, or NULL */
    const char *protocol; /* chosen subprotocol, borrowed from the site */
    char accept[32];      /* Sec-WebSocket-Accept */
};

/** RFC 6455 4.2 and the site's rules: origin and subprotocol. */
void ws_open_check(const struct h1_request *r, const struct site *site, struct ws_opening *out);

struct ws_ops {
    void (*send)(void *arg, const void *data, size_t n);
    void (*text)(void *arg, const char *text, size_t n); /* one whole message, valid UTF-8 */
    /** One whole binary message; NULL: such are refused. */
    void (*binary)(void *arg, const char *p, size_t n);
};

struct ws;
struct ws *ws_new(const struct ws_ops *ops, void *arg, uint64_t now_us);
void ws_free(struct ws *w);
void ws_input(struct ws *w, const char *p, size_t n, uint64_t now_us);
void ws_send_text(struct ws *w, const char *text, size_t n); /* valid UTF-8 */
void ws_send_binary(struct ws *w, const char *p, size_t n);
/** Send the close frame; nothing is received or sent any more. Idempotent: the first code wins. */
void ws_close(struct ws *w, uint16_t code, const char *reason);
/** Closed by either side: the close frame is out, close TCP. */
bool ws_is_closed(const struct ws *w);
/** RFC 6455 7.4 code of the end and a sentence. */
uint16_t ws_code(const struct ws *w);
const char *ws_why(const struct ws *w);
/** Seconds until the next call is due, which may be sooner after ws_input(); sends pings. 0:
 * closed, also by this call, or silent for too long: give up. */
unsigned ws_tick(struct ws *w, uint64_t now_us);
