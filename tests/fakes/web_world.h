/** What surrounds web/ in its unit tests: an edge that remembers what it was told to send, a
 * gateway that remembers what legs report and hangs up as a call would, and a clock turned by hand.
 * One world at a time. */
#pragma once

#include "base/attr.h"
#include "edge/edge.h"
#include "gateway/message.h"
#include "gateway/presence.h"

#include <jansson.h>

#define WORLD_DOMAIN "example.org"
#define WORLD_PASSWORD "correct horse"

struct world_event { /* one leg_report() */
    enum leg_event_type type;
    char digit;
    unsigned duration_ms, stream;
    bool ringing, glare, has_candidate;
    enum end_cause cause;
    struct desc *desc; /* the world's */
};

struct world {
    struct adapter *web;
    struct leg *leg; /* of the last gateway_incoming(); NULL after LEG_GONE */
    char from[192], to[192], account[192];
    struct desc *offer;        /* of the last gateway_incoming() */
    uint64_t origin_id;        /* of the same; 0 when it named no endpoint of this adapter */
    unsigned incoming_refused; /* gateway_incoming() hangs up at once with this end_cause, 0: no */
    unsigned legs_gone;
    char letter_from[192], letter_to[192], letter_text[64]; /* of the last gateway_message() */
    uint64_t letter_ref, letter_origin;
    unsigned letters; /* how many there were */
    uint64_t result;  /* delivery of the last gateway_message_result() */
    unsigned results;
    char said[256]; /* every publication and withdrawal: "alice@example.org there; " "... gone; " */
    uint64_t watch; /* of the last gateway_watch() */
    char watched[192];      /* the same */
    unsigned watch_refused; /* end_cause for the next ones */
    unsigned watches;       /* begun and not ended */
    uint16_t close_code;    /* of the last edge_ws_close() */
    unsigned http_status;
    char http_body[256];
};
extern struct world world;

/** Accounts alice and bob; starts the adapter with pages from @p web_root. */
void world_start(const char *web_root);
void world_stop(void);
void world_turn(uint64_t us); /* the clock goes on; due timers fire; events are delivered */

/* These deliver at once, but leave timers, and so LEG_GONE, to world_turn(). */
void world_open(uint64_t socket, const char *peer);
void world_say(uint64_t socket, const char *json);
void world_sayf(uint64_t socket, const char *fmt, ...) ATTR_PRINTF(2, 3);
void world_gone(uint64_t socket);
void world_get(const char *path);

/** The next message sent to @p socket; fails the test when there is none. json_decref(). */
json_t *world_heard(uint64_t socket, const char *type);
/** Nothing more was sent to it. */
void world_silent(uint64_t socket);
const char *world_text(const json_t *msg, const char *field);

/** The next thing a leg reported; fails the test when there is none or it is of another type. */
struct world_event world_reported(enum leg_event_type type);
void world_nothing_reported(void);

/** Connect and sign in as @p user. */
void world_sign_in(uint64_t socket, const char *user);
/** auth with the proof of @p password for the nonce of @p hello (a hello or an error). */
void world_auth(uint64_t socket, const json_t *hello, const char *user, const char *password);

extern const char world_sdp_offer[], world_sdp_answer[];
/** As a JSON string literal with quotes; borrowed until the next call. */
const char *world_quoted(const char *text);
struct desc *world_desc(const char *sdp);
