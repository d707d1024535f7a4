/* room: edge */
#include "edge/ws.h"

#include <glib.h>

/* Only what is received is compared: how many pongs leave before a breach, and which of two faults
 * in one close frame is found first, depends on the steps. */
static void on_send(void *arg, const void *data, size_t n)
{
    (void)arg;
    g_assert_cmpuint(n, >, 0);
    g_assert_nonnull(data);
}

static void on_text(void *arg, const char *text, size_t n)
{
    g_assert_cmpuint(n, <=, WS_MESSAGE_MAX);
    for (struct span rest = {text, n}; rest.n;) { /* NUL is UTF-8 too, but not to GLib */
        struct span part = span_cut(&rest, '\0');
        g_assert_true(!part.n || g_utf8_validate(part.p, (gssize)part.n, NULL));
    }
    (void)g_string_append_len(arg, text, (gssize)n);
}

static GString *digest(const char *p, size_t n, size_t step)
{
    static const struct ws_ops ops = {.send = on_send, .text = on_text};
    GString *out = g_string_new(NULL);
    struct ws *w = ws_new(&ops, out, 0);

    for (size_t at = 0; at < n && !ws_is_closed(w); at += step)
        ws_input(w, p + at, MIN(step, n - at), 0);
    ws_free(w);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) whole = digest((const char *)data, size, size + 1);
    g_autoptr(GString) bytes = digest((const char *)data, size, 1);

    g_assert_true(g_string_equal(whole, bytes));
    return 0;
}
