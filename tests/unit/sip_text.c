#include "gateway/message.h"
#include "sip/text.h"

#include <glib.h>

void unit_sip_text(void);

static int status_of(const char *type, const char *param, bool encoded, struct span body)
{
    const char *params[] = {param, NULL};
    char *text;
    int status = text_read(type, params, encoded, body, &text);

    g_assert_true((text != NULL) == (status == 0));
    g_assert_true(!text || span_equal(span_of(text), body));
    g_free(text);
    return status;
}

static void plain_utf8_is_read(void)
{
    const struct span body = SPAN("Gr\xc3\xbc\xc3\x9f"
                                  "e\r\n");

    g_assert_cmpint(status_of("text/plain", NULL, false, body), ==, 0);
    g_assert_cmpint(status_of("Text/Plain", "charset=UTF-8", false, body), ==, 0);
    g_assert_cmpint(status_of("text/plain", "charset=\"utf-8\"", false, body), ==, 0);
    g_assert_cmpint(status_of("text/plain", "Charset = US-ASCII", false, body), ==, 0);
    g_assert_cmpint(status_of("text/plain", "format=flowed", false, body), ==, 0);
}

static void all_else_is_refused(void)
{
    g_assert_cmpint(status_of("text/plain", "charset=latin1", false, SPAN("a")), ==, 415);
    g_assert_cmpint(status_of("text/plain", "charset=\"", false, SPAN("a")), ==, 415);
    g_assert_cmpint(status_of("text/html", NULL, false, SPAN("a")), ==, 415);
    g_assert_cmpint(status_of(NULL, NULL, false, SPAN("a")), ==, 415);
    g_assert_cmpint(status_of("text/plain", NULL, true, SPAN("a")), ==, 415);
    g_assert_cmpint(status_of("text/plain", NULL, false, SPAN("a\0b")), ==, 415);
    g_assert_cmpint(status_of("text/plain", NULL, false, SPAN("a\xc3")), ==, 415);
    g_assert_cmpint(status_of("text/plain", NULL, false, SPAN("")), ==, 400);
}

static void the_limit_is_kept_to_the_octet(void)
{
    g_autofree char *body = g_strnfill(MESSAGE_TEXT_MAX + 1, 'x');

    g_assert_cmpint(status_of("text/plain", NULL, false, (struct span){body, MESSAGE_TEXT_MAX}), ==,
                    0);
    g_assert_cmpint(status_of("text/plain", NULL, false, span_of(body)), ==, 413);
}

void unit_sip_text(void)
{
    g_test_add_func("/sip/text/plain-utf8-is-read", plain_utf8_is_read);
    g_test_add_func("/sip/text/all-else-is-refused", all_else_is_refused);
    g_test_add_func("/sip/text/the-limit-is-kept-to-the-octet", the_limit_is_kept_to_the_octet);
}
