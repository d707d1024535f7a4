/** The messages of tandem.v1 (docs/web-api.md): JSON text <-> struct web_msg. Pure, fuzzed. A field
 * means the same, and has the same limit, in every message that bears it; one table in proto.c says
 * which message bears which. Thread: any. */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>

enum web_type {
    WEB_HELLO,
    WEB_AUTH,
    WEB_WELCOME,
    WEB_CALL,
    WEB_INCOMING,
    WEB_RINGING,
    WEB_PROGRESS,
    WEB_ANSWER,
    WEB_REJECT,
    WEB_CANDIDATE,
    WEB_OFFER,
    WEB_REFUSE,
    WEB_DTMF,
    WEB_BYE,
    WEB_ENDED,
    WEB_MESSAGE,
    WEB_DELIVERED,
    WEB_UNDELIVERED,
    WEB_PRESENCE,
    WEB_WATCH,
    WEB_UNWATCH,
    WEB_UNWATCHED,
    WEB_PING,
    WEB_PONG,
    WEB_ERROR,
    WEB_TYPES
};

enum web_text { /* fields that hold text */
                TEXT_CALL,
                TEXT_SERVER,
                TEXT_DOMAIN,
                TEXT_NONCE,
                TEXT_USER,
                TEXT_CNONCE,
                TEXT_PROOF,
                TEXT_ADDRESS,
                TEXT_DISPLAY,
                TEXT_FROM,
                TEXT_TO,
                TEXT_SDP,
                TEXT_CANDIDATE,
                TEXT_MID,
                TEXT_DIGIT,
                TEXT_REASON,
                TEXT_SENTENCE,
                TEXT_CODE,
                TEXT_TEXT,
                TEXT_RE,
                TEXT_ID,
                TEXT_BODY,
                TEXT_SHOW,
                TEXT_NOTE,
                WEB_TEXTS
};

enum web_number { /* fields that hold a whole number; 0 is "absent" where the field is optional */
                  NUMBER_VERSION,
                  NUMBER_PING,
                  NUMBER_INDEX,
                  NUMBER_MS,
                  NUMBER_STATUS,
                  WEB_NUMBERS
};

struct json_t;
struct web_msg {
    enum web_type type;
    const char *text[WEB_TEXTS]; /* NULL: absent or null. Borrowed: after reading from root */
    int number[WEB_NUMBERS];
    struct json_t *root; /* owned; set by web_msg_read() alone */
};

enum { WEB_RE_MAX = 32, WEB_CALL_ID_MAX = 65, WEB_ID_MAX = 65 }; /* with NUL */

struct web_fault { /* what an error message has to say about a message that cannot be taken */
    const char *code;
    char text[160];
    /* of the message, "" when not known */
    char re[WEB_RE_MAX], call[WEB_CALL_ID_MAX], id[WEB_ID_MAX];
};

/** GW_EPARSE: no JSON object within the limits; GW_EUNSUPPORTED: unknown type; GW_EINVAL: a field
 * is missing, of the wrong type, too long or malformed. Then @p *why is filled and @p *out needs no
 * clearing. Unknown fields are ignored. */
enum gw_err web_msg_read(struct span json, struct web_msg *out, struct web_fault *why);
void web_msg_clear(struct web_msg *m);
/** Compact JSON, g_free. Text that is not UTF-8 is mended and longer text than the field allows is
 * cut, but for sdp and candidate: then, and when a field is missing, NULL. */
char *web_msg_write(const struct web_msg *m);
const char *web_type_word(enum web_type type);
/** Is this id well formed and a client's to choose ("s-" begins the server's)? */
bool web_call_id_is_clients(const char *id);
/** Can this be the id of a message (of text)? */
bool web_id_fits(const char *id);
