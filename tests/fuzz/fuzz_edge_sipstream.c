/* room: edge */
#include "edge/sipstream.h"

#include <glib.h>

/* The messages with the Via token swapped there and back, as one text. */
static GString *digest(const char *p, size_t n, size_t step)
{
    struct sipstream *s = sipstream_new();
    GString *out = g_string_new(NULL);
    enum sipstream_state state = SIPSTREAM_MORE;
    size_t at = 0, used;

    while (at < n && state != SIPSTREAM_BAD) {
        state = sipstream_feed(s, p + at, MIN(step, n - at), &used);
        at += used;
        if (state == SIPSTREAM_PING)
            (void)g_string_append(out, "ping");
        if (state != SIPSTREAM_MESSAGE)
            continue;
        g_assert_cmpuint(sipstream_message(s).n, <=, SIPSTREAM_MESSAGE_MAX);
        sipstream_set_transport(s, SPAN("WS"));
        sipstream_set_transport(s, SPAN("TCP"));
        (void)g_string_append_len(out, sipstream_message(s).p, (gssize)sipstream_message(s).n);
        sipstream_next(s);
    }
    g_string_append_printf(out, "%d%d", state == SIPSTREAM_BAD, sipstream_partial(s));
    sipstream_free(s);
    return out;
}

/* As WebSocket brings it: what comes out is one message of a stream, to the last byte. */
static void whole_message(const char *p, size_t n)
{
    struct sipstream *s = sipstream_new();
    struct sipstream *again = sipstream_new();
    struct span message;
    size_t used;

    if (sipstream_whole(s, p, n) == SIPSTREAM_MESSAGE) {
        message = sipstream_message(s);
        g_assert_cmpuint(message.n, <=, SIPSTREAM_MESSAGE_MAX);
        g_assert_cmpint(sipstream_feed(again, message.p, message.n, &used), ==, SIPSTREAM_MESSAGE);
        g_assert_cmpuint(used, ==, message.n);
        g_assert_false(sipstream_lacks_length(again));
    }
    sipstream_free(s);
    sipstream_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) whole = digest((const char *)data, size, size + 1);
    g_autoptr(GString) bytes = digest((const char *)data, size, 1);

    g_assert_true(g_string_equal(whole, bytes));
    whole_message((const char *)data, size);
    return 0;
}
