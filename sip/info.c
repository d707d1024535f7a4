#include "sip/info.h"

#include <glib.h>

enum { DIGIT_MS_DEFAULT = 160, DIGIT_MS_MIN = 40, DIGIT_MS_MAX = 5000, INFO_BODY_MAX = 4096 };

const char info_keyframe_body[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
    "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder>"
    "</vc_primitive></media_control>\r\n";

static bool digit_read(struct span text, char *digit)
{
    uint64_t event;

    text = span_trim(text);
    if (text.n == 1 && text.p[0] && strchr("0123456789*#ABCDabcd", text.p[0])) {
        *digit = g_ascii_toupper(text.p[0]);
        return true;
    }
    if (!span_u64(text, 15, &event)) /* some phones send the RFC 4733 event number */
        return false;
    *digit = "0123456789*#ABCD"[event];
    return true;
}

static struct info dtmf_relay_read(struct span body)
{
    struct info info = {.kind = INFO_BAD, .duration_ms = DIGIT_MS_DEFAULT};

    while (body.n) {
        struct span value = span_line(&body);
        struct span name = span_trim(span_cut(&value, '='));
        uint64_t ms;

        value = span_trim(value);
        if (span_equal_nocase(name, SPAN("Signal")) && digit_read(value, &info.digit))
            info.kind = INFO_DIGIT;
        else if (span_equal_nocase(name, SPAN("Duration")) && span_u64(value, 100000, &ms))
            info.duration_ms = (unsigned)CLAMP(ms, DIGIT_MS_MIN, DIGIT_MS_MAX);
    }
    return info;
}

struct info info_read(const char *type, struct span body)
{
    struct info info = {.kind = INFO_UNKNOWN, .duration_ms = DIGIT_MS_DEFAULT};

    if (!type || span_empty(body)) {
        info.kind = INFO_EMPTY;
    } else if (body.n > INFO_BODY_MAX) {
        info.kind = INFO_BAD;
    } else if (g_ascii_strcasecmp(type, "application/dtmf-relay") == 0) {
        return dtmf_relay_read(body);
    } else if (g_ascii_strcasecmp(type, "application/dtmf") == 0) {
        info.kind = digit_read(span_line(&body), &info.digit) ? INFO_DIGIT : INFO_BAD;
    } else if (g_ascii_strcasecmp(type, "application/media_control+xml") == 0) {
        info.kind = g_strstr_len(body.p, (gssize)body.n, "picture_fast_update") ? INFO_KEYFRAME
                                                                                : INFO_EMPTY;
    }
    return info;
}
