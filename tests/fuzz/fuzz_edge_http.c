/* room: edge */
#include "edge/http.h"

#include <glib.h>

/* All facts of all requests in the bytes, as one text: the same whatever the steps. */
static char *digest(const char *p, size_t n, size_t step)
{
    struct h1_parser *h = h1_new();
    GString *out = g_string_new(NULL);
    enum h1_state state = H1_MORE;
    size_t at = 0, used;

    while (state != H1_BAD) {
        state = h1_feed(h, p + at, MIN(step, n - at), &used);
        at += used;
        if (state == H1_DONE) {
            const struct h1_request *r = h1_request(h);
            struct span body = h1_body(h);
            g_assert_true(g_utf8_validate(r->path, -1, NULL));
            g_assert_null(strstr(r->path, "/../"));
            g_assert_cmpuint(body.n, <=, H1_BODY_MAX);
            g_string_append_printf(out, "%u %s?%s %u %zu;", r->method, r->path, r->query,
                                   r->nfields, body.n);
            h1_reset(h);
        } else if (state == H1_MORE && at == n) {
            break;
        }
    }
    g_string_append_printf(out, "%d %u", state, state == H1_BAD ? h1_status(h) : 0);
    h1_free(h);
    return g_string_free(out, FALSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *whole = digest((const char *)data, size, size + 1);
    g_autofree char *bytes = digest((const char *)data, size, 1);

    g_assert_cmpstr(whole, ==, bytes);
    return 0;
}
