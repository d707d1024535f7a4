/** Every limit of the browser side in one place (docs/web-api.md, "Limits"). */
#pragma once

#include "base/bucket.h"
#include "base/clock.h"

enum {
    WEB_MESSAGE_MAX = 64 * 1024, /* the edge enforces it before we see the message */
    WEB_DEPTH_MAX = 8,           /* nesting of a message; ours are flat */
    WEB_SDP_TEXT_MAX = 60000,
    WEB_BODY_MAX = 16 * 1024, /* MESSAGE_TEXT_MAX */
    WEB_LETTERS_MAX = 32,     /* messages of one connection without an answer yet */
    WEB_WATCHES_MAX = 200,    /* addresses one connection watches */
    WEB_AUTH_TRIES = 3,       /* of one connection */
    WEB_AUTH_FAILURES = 10,   /* of one address, see WEB_AUTH_FORGIVE_US */
    WEB_FAULTS_MAX = 20,      /* of one connection, see WEB_FAULT_FORGIVE_US */
    WEB_CANDIDATES_MAX = 64,  /* of one call, see WEB_CANDIDATE_FORGIVE_US */
    WEB_PING_S = 25,          /* what hello asks of the client */
    WEB_EVENTS_MAX = 8192,    /* edge events waiting for the call thread */
    WEB_FILES_MAX = 64,       /* static files */
    WEB_FILE_MAX = 1024 * 1024
};

#define WEB_AUTH_DEADLINE_US (10 * US_PER_S)
#define WEB_AUTH_SLOW_US (1 * US_PER_S) /* times the number of tries */
#define WEB_AUTH_FORGIVE_US (30 * US_PER_S)
#define WEB_FAULT_FORGIVE_US (10 * US_PER_S)
#define WEB_CANDIDATE_FORGIVE_US (1 * US_PER_S)
#define WEB_OFFER_PATIENCE_US (20 * US_PER_S) /* then a page that does not answer has refused */
