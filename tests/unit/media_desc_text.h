/** Descriptions for the tests of negotiation: from text, and from what endpoints really sent
 * (tests/captures). */
#pragma once

#include "media/desc_sdp.h"

#include <glib.h>

#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static inline struct desc *from_text(const char *text)
{
    struct desc *d;
    const char *why = NULL;

    if (desc_sdp_read(span_of(text), &d, &why) != GW_OK)
        g_error("%s\n%s", why, text);
    return d;
}

static inline struct desc *capture(const char *name)
{
    char *path = g_build_filename(TESTS_DIR, "captures", name, NULL), *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    struct desc *d = from_text(text);
    g_free(text);
    g_free(path);
    return d;
}
