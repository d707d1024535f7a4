/** SIP messages on a stream (RFC 3261 18.3): framing by Content-Length, or by WebSocket (RFC 7118),
 * screening of what reaches the SIP stack, and the transport token of the topmost Via. Pure and
 * incremental: fed byte by byte or at once, the result is the same. Thread: any. */
#pragma once

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SIPSTREAM_MESSAGE_MAX = 65536, /* head and body */
    SIPSTREAM_LINE_MAX = 8192,
    SIPSTREAM_FIELDS_MAX = 200
};

enum sipstream_state {
    SIPSTREAM_MORE,    /* all taken; feed more */
    SIPSTREAM_MESSAGE, /* one whole message: sipstream_next() before feeding on */
    SIPSTREAM_PING,    /* CRLFCRLF between messages: answer CRLF (RFC 5626 4.4.1), feed on */
    SIPSTREAM_BAD      /* close; sipstream_why() */
};

struct sipstream;
struct sipstream *sipstream_new(void);
void sipstream_free(struct sipstream *s);
/** Takes up to the next state; *@p used says how many bytes. */
enum sipstream_state sipstream_feed(struct sipstream *s, const char *p, size_t n, size_t *used);
/** Instead of feeding: @p p is one message as WebSocket delivers it (RFC 7118 5), or keep-alive
 * (RFC 5626 3.5.1), and nothing else. Without a Content-Length the body is the rest, and the field
 * is added. SIPSTREAM_MORE: nothing to do. */
enum sipstream_state sipstream_whole(struct sipstream *s, const char *p, size_t n);
/** A message has begun and is not complete. */
bool sipstream_partial(const struct sipstream *s);
/** After SIPSTREAM_MESSAGE: the message, borrowed until sipstream_next(). */
struct span sipstream_message(const struct sipstream *s);
/** ... had no Content-Length: taken as 0, though on a stream it is required (RFC 3261 18.3). */
bool sipstream_lacks_length(const struct sipstream *s);
/** Replace the transport token of the topmost Via of the complete message. */
void sipstream_set_transport(struct sipstream *s, struct span token);
void sipstream_next(struct sipstream *s);
/** After SIPSTREAM_BAD: why, as a sentence for the operator. */
const char *sipstream_why(const struct sipstream *s);
