/** Bodies of INFO requests that matter (RFC 6086 legacy use): digits and key frame requests
 * (RFC 5168). Pure, any thread. */
#pragma once

#include "base/span.h"

enum info_kind {
    INFO_EMPTY,    /* keep-alive: answer 200 */
    INFO_UNKNOWN,  /* 415 */
    INFO_BAD,      /* 400 */
    INFO_DIGIT,    /* application/dtmf-relay, application/dtmf */
    INFO_KEYFRAME, /* application/media_control+xml with picture_fast_update */
};

struct info {
    enum info_kind kind;
    char digit;           /* 0-9 * # A-D */
    unsigned duration_ms; /* 40-5000 */
};

/** @p type as in Content-Type, without parameters; NULL: none. */
struct info info_read(const char *type, struct span body);
/** The body that asks for a key frame, application/media_control+xml. */
extern const char info_keyframe_body[];
