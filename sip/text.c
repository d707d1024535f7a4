#include "sip/text.h"

#include "gateway/message.h"

#include <glib.h>

/* US-ASCII is UTF-8 already. What others there are is not worth guessing (RFC 3428 4). */
static bool charset_fits(const char *const *params)
{
    for (; params && *params; params++) {
        struct span value = span_of(*params);
        struct span name = span_trim(span_cut(&value, '='));

        value = span_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = (struct span){value.p + 1, value.n - 2};
        if (span_equal_nocase(name, SPAN("charset")) && !span_equal_nocase(value, SPAN("utf-8")) &&
            !span_equal_nocase(value, SPAN("us-ascii")))
            return false;
    }
    return true;
}

int text_read(const char *type, const char *const *params, bool encoded, struct span body,
              char **out)
{
    *out = NULL;
    if (span_empty(body))
        return 400;
    if (!type || g_ascii_strcasecmp(type, TEXT_TYPE) != 0 || !charset_fits(params) || encoded)
        return 415;
    if (body.n > MESSAGE_TEXT_MAX)
        return 413;
    if (memchr(body.p, '\0', body.n) || !g_utf8_validate(body.p, (gssize)body.n, NULL))
        return 415;
    *out = span_dup(body);
    return 0;
}
