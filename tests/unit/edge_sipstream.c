#include "edge/sipstream.h"

#include <glib.h>

void unit_edge_sipstream(void);

/* Each message in brackets (its body only when long), "ping" for a ping, "BAD" at the end. */
static char *outcome(const char *text, size_t n, size_t step, const char *token)
{
    struct sipstream *s = sipstream_new();
    GString *out = g_string_new(NULL);
    enum sipstream_state state = SIPSTREAM_MORE;
    size_t at = 0, used;

    while (at < n && state != SIPSTREAM_BAD) {
        state = sipstream_feed(s, text + at, MIN(step, n - at), &used);
        at += used;
        if (state == SIPSTREAM_PING)
            (void)g_string_append(out, "ping");
        if (state == SIPSTREAM_BAD)
            (void)g_string_append(out, "BAD");
        if (state != SIPSTREAM_MESSAGE)
            continue;
        if (token)
            sipstream_set_transport(s, span_of(token));
        g_string_append_printf(out, "[%.*s]", (int)sipstream_message(s).n, sipstream_message(s).p);
        sipstream_next(s);
    }
    if (sipstream_partial(s))
        (void)g_string_append(out, "partial");
    sipstream_free(s);
    return g_string_free(out, FALSE);
}

static void check_bytes(const char *text, size_t n, const char *token, const char *want)
{
    static const size_t steps[] = {1, 2, 3, 5, 17, 100000};

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree char *got = outcome(text, n, steps[i], token);
        g_assert_cmpstr(got, ==, want);
    }
}

static void check(const char *text, const char *want)
{
    check_bytes(text, strlen(text), NULL, want);
}

#define LINE "OPTIONS sip:a@example.test SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1\r\n"
#define IDS "From: <sip:b@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: 1@x\r\nCSeq: 1 OPTIONS\r\n"
#define OPTIONS_0 LINE VIA IDS "Content-Length: 0\r\n\r\n"
#define REPLY "SIP/2.0 200 OK\r\n" VIA IDS "Content-Length: 0\r\n\r\n"

static void framing(void)
{
    check(OPTIONS_0, "[" OPTIONS_0 "]");
    check(REPLY OPTIONS_0, "[" REPLY "][" OPTIONS_0 "]");
    check(LINE VIA IDS "Content-Length: 5\r\n\r\nhello" OPTIONS_0,
          "[" LINE VIA IDS "Content-Length: 5\r\n\r\nhello][" OPTIONS_0 "]");
    check(LINE VIA IDS "l : 2\r\n\r\nhi", "[" LINE VIA IDS "l : 2\r\n\r\nhi]");
    check(LINE VIA IDS "Content-Length:\r\n 2\r\n\r\nhi",
          "[" LINE VIA IDS "Content-Length:\r\n 2\r\n\r\nhi]");
    check(LINE VIA IDS "Content-Length: 2\r\nl: 2\r\n\r\nhi",
          "[" LINE VIA IDS "Content-Length: 2\r\nl: 2\r\n\r\nhi]");
    check(LINE VIA IDS "\r\n" OPTIONS_0, "[" LINE VIA IDS "\r\n][" OPTIONS_0 "]"); /* none: 0 */
    check(LINE VIA IDS "Content-Length: 5\r\n\r\nhel", "partial");
    check(LINE VIA, "partial");
    check("O", "partial");
    check("", "");
    check(LINE VIA "f: <sip:b@x>;tag=1\r\nt: <sip:a@x>\r\ni: 1\r\nCSEQ: 1 OPTIONS\r\nl: 0\r\n\r\n",
          "[" LINE VIA
          "f: <sip:b@x>;tag=1\r\nt: <sip:a@x>\r\ni: 1\r\nCSEQ: 1 OPTIONS\r\nl: 0\r\n\r\n]");
}

static void body_may_hold_anything(void)
{
    static const char body[] = LINE VIA IDS "Content-Length: 9\r\n\r\n\0\r\n\r\nSIP/" OPTIONS_0;
    struct sipstream *s = sipstream_new();
    size_t used, head = sizeof(LINE VIA IDS "Content-Length: 9\r\n\r\n") - 1;

    g_assert_cmpint(sipstream_feed(s, body, sizeof(body) - 1, &used), ==, SIPSTREAM_MESSAGE);
    g_assert_cmpuint(used, ==, head + 9);
    g_assert_cmpuint(sipstream_message(s).n, ==, head + 9);
    sipstream_free(s);
}

static void keep_alives(void)
{
    check("\r\n\r\n", "ping");
    check("\r\n", "");
    check("\r\n\r\n\r\n\r\n", "pingping");
    check("\r\n" OPTIONS_0, "[" OPTIONS_0 "]");
    check("\r\n\r\n" OPTIONS_0 "\r\n\r\n", "ping[" OPTIONS_0 "]ping");
    check("\r\n\r\n\r\n" OPTIONS_0, "ping[" OPTIONS_0 "]");
    check("\n\n", "BAD"); /* not a first line, and no CRLF */
    check("\rx", "BAD");
    check("\r\n\r" OPTIONS_0, "BAD");
}

static void first_lines(void)
{
#define REST "\r\n" VIA IDS "\r\n"
    check("HELLO sip:a@x SIP/2.0" REST, "BAD");
    check("options sip:a@x SIP/2.0" REST, "BAD");
    check("OPTIONS sip:a@x SIP/3.0" REST, "BAD");
    check("OPTIONS sip:a@x" REST, "BAD");
    check("OPTIONS  sip:a@x SIP/2.0" REST, "BAD");
    check("OPTIONS sip:a b@x SIP/2.0" REST, "BAD");
    check("SIP/2.0 99 Low" REST, "BAD");
    check("SIP/2.0 700 High" REST, "BAD");
    check("SIP/2.0 20 Short" REST, "BAD");
    check("SIP/2.0 2000 Long" REST, "BAD");
    check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "BAD");
    check("SIP/2.0 486 Busy" REST, "[SIP/2.0 486 Busy" REST "]");
    check("SIP/2.0 200 " REST, "[SIP/2.0 200 " REST "]");
    check("INVITE sip:a@x sip/2.0" REST, "[INVITE sip:a@x sip/2.0" REST "]");
}

static void screening(void)
{
    check(LINE IDS "\r\n", "BAD");                                  /* no Via */
    check(LINE VIA "From: a\r\nTo: b\r\nCSeq: 1 X\r\n\r\n", "BAD"); /* no Call-ID */
    check(LINE VIA IDS "i: 2\r\n\r\n", "BAD");                      /* two Call-IDs */
    check(LINE VIA IDS "f: <sip:c@x>\r\n\r\n", "BAD");              /* two Froms */
    check(LINE VIA IDS "To: <sip:c@x>\r\n\r\n", "BAD");
    check(LINE VIA IDS "CSeq: 2 OPTIONS\r\n\r\n", "BAD");
    check(LINE VIA IDS "no colon\r\n\r\n", "BAD");
    check(LINE VIA IDS "no\r\n colon: x\r\n\r\n", "BAD");
    check(LINE VIA IDS ": x\r\n\r\n", "BAD");
    check(LINE " folded: first\r\n" VIA IDS "\r\n", "BAD");
    check(LINE VIA IDS "Content-Length: 2\r\nl: 3\r\n\r\nhix", "BAD");
    check(LINE VIA IDS "Content-Length: -2\r\n\r\n", "BAD");
    check(LINE VIA IDS "Content-Length: 2x\r\n\r\n", "BAD");
    check(LINE VIA IDS "Content-Length: 1 2\r\n\r\n", "BAD");
    check(LINE VIA IDS "Content-Length: 99999999999999999999\r\n\r\n", "BAD");
    check(LINE VIA IDS "Content-Length: 65536\r\n\r\n", "BAD"); /* with the head too large */
    check(LINE VIA IDS "X: a\nb\r\n\r\n", "BAD");
    check(LINE VIA IDS "X: a\rb\r\n\r\n", "BAD");
    check(LINE VIA IDS "\n\n", "BAD");
    check_bytes(LINE "X: a\0b\r\n", sizeof(LINE "X: a\0b\r\n") - 1, NULL, "BAD");
    check(LINE "Via: SIP/2.0 TLS x\r\n" IDS "\r\n", "BAD");
    check(LINE "Via: SIP/2.0/ x\r\n" IDS "\r\n", "BAD");
    check(LINE "Via: HTTP/2.0/TLS x\r\n" IDS "\r\n", "BAD");
    check(LINE "Via: SIP/2.0/TLS\r\n" IDS "\r\n", "BAD");
}

static void sizes(void)
{
    g_autoptr(GString) line = g_string_new(LINE VIA IDS "X: ");
    g_autoptr(GString) many = g_string_new(LINE VIA IDS);
    g_autoptr(GString) head = g_string_new(LINE VIA IDS);

    for (int i = 0; i < 8200; i++)
        (void)g_string_append_c(line, 'x');
    check(line->str, "BAD");
    for (int i = 0; i < 196; i++)
        (void)g_string_append(many, "Y: z\r\n");
    check(many->str, "partial");
    (void)g_string_append(many, "Y: z\r\n\r\n"); /* the 202nd field */
    check(many->str, "BAD");
    for (int i = 0; i < 9; i++) {
        (void)g_string_append(head, "Z: ");
        for (int k = 0; k < 8000; k++)
            (void)g_string_append_c(head, 'z');
        (void)g_string_append(head, "\r\n");
    }
    check(head->str, "BAD");
}

static void largest_message_passes(void)
{
    g_autoptr(GString) m = g_string_new(NULL);
    struct sipstream *s = sipstream_new();
    size_t used,
        body = SIPSTREAM_MESSAGE_MAX - sizeof(LINE VIA IDS "Content-Length: 65321\r\n\r\n") + 1;

    g_string_printf(m, LINE VIA IDS "Content-Length: %zu\r\n\r\n", body);
    while (m->len < SIPSTREAM_MESSAGE_MAX)
        (void)g_string_append_c(m, 'b');
    g_assert_cmpint(sipstream_feed(s, m->str, m->len, &used), ==, SIPSTREAM_MESSAGE);
    g_assert_cmpuint(used, ==, SIPSTREAM_MESSAGE_MAX);
    sipstream_free(s);
}

static void check_token(const char *before, const char *token, const char *after)
{
    g_autofree char *want = g_strdup_printf("[%s]", after);

    check_bytes(before, strlen(before), token, want);
}

static void via_tokens(void)
{
#define AFTER " 192.0.2.1;branch=z9hG4bK1\r\n"
#define TAIL IDS "Content-Length: 4\r\n\r\nbody"
    check_token(LINE "Via: SIP/2.0/TLS" AFTER TAIL, "TCP", LINE "Via: SIP/2.0/TCP" AFTER TAIL);
    check_token(LINE "Via: SIP/2.0/TCP" AFTER TAIL, "TLS", LINE "Via: SIP/2.0/TLS" AFTER TAIL);
    check_token(LINE "Via: SIP/2.0/WS" AFTER TAIL, "TCP", LINE "Via: SIP/2.0/TCP" AFTER TAIL);
    check_token(LINE "Via: SIP/2.0/TCP" AFTER TAIL, "WS", LINE "Via: SIP/2.0/WS" AFTER TAIL);
    check_token(LINE "v:SIP / 2.0 / tls" AFTER TAIL, "TCP", LINE "v:SIP / 2.0 / TCP" AFTER TAIL);
    check_token(LINE "VIA :\r\n SIP/2.0/TLS" AFTER TAIL, "TCP",
                LINE "VIA :\r\n SIP/2.0/TCP" AFTER TAIL);
    /* only the topmost: neither the second value of the line nor the second line */
    check_token(LINE "Via: SIP/2.0/TLS a, SIP/2.0/TLS b\r\nVia: SIP/2.0/TLS c\r\n" TAIL, "TCP",
                LINE "Via: SIP/2.0/TCP a, SIP/2.0/TLS b\r\nVia: SIP/2.0/TLS c\r\n" TAIL);
    check_token(LINE IDS "Subject: Via: SIP/2.0/TLS x\r\nVia: SIP/2.0/TLS" AFTER "l: 0\r\n\r\n",
                "TCP",
                LINE IDS "Subject: Via: SIP/2.0/TLS x\r\nVia: SIP/2.0/TCP" AFTER "l: 0\r\n\r\n");
}

static void missing_length_is_told(void)
{
    struct sipstream *s = sipstream_new();
    const char *text = LINE VIA IDS "\r\n";
    size_t used;

    g_assert_cmpint(sipstream_feed(s, text, strlen(text), &used), ==, SIPSTREAM_MESSAGE);
    g_assert_true(sipstream_lacks_length(s));
    sipstream_next(s);
    g_assert_cmpint(sipstream_feed(s, OPTIONS_0, strlen(OPTIONS_0), &used), ==, SIPSTREAM_MESSAGE);
    g_assert_false(sipstream_lacks_length(s));
    sipstream_free(s);
}

static void check_whole(const char *text, enum sipstream_state state, const char *want)
{
    struct sipstream *s = sipstream_new();

    g_assert_cmpint(sipstream_whole(s, text, strlen(text)), ==, state);
    if (state == SIPSTREAM_MESSAGE) {
        g_autofree char *got = span_dup(sipstream_message(s));
        g_assert_cmpstr(got, ==, want);
    } else if (state == SIPSTREAM_BAD) {
        g_assert_nonnull(strstr(sipstream_why(s), want));
    } else { /* nothing of it is left over */
        g_assert_cmpint(sipstream_whole(s, OPTIONS_0, strlen(OPTIONS_0)), ==, SIPSTREAM_MESSAGE);
    }
    sipstream_free(s);
}

static void whole_messages(void)
{
    g_autofree char *large = g_strnfill(SIPSTREAM_MESSAGE_MAX - 100, 'x');
    g_autofree char *no_length = g_strconcat(LINE VIA IDS "\r\n", large, NULL);

    check_whole(OPTIONS_0, SIPSTREAM_MESSAGE, OPTIONS_0);
    check_whole("\r\n\r\n" OPTIONS_0, SIPSTREAM_MESSAGE, OPTIONS_0);
    check_whole(LINE VIA IDS "\r\n", SIPSTREAM_MESSAGE, OPTIONS_0);
    check_whole(LINE VIA IDS "\r\nhello", SIPSTREAM_MESSAGE,
                LINE VIA IDS "Content-Length: 5\r\n\r\nhello");
    check_whole("", SIPSTREAM_MORE, NULL);
    check_whole("\r\n", SIPSTREAM_MORE, NULL);
    check_whole("\r\n\r\n", SIPSTREAM_PING, NULL);
    check_whole("\r\n\r\n\r\n", SIPSTREAM_PING, NULL);
    check_whole("\r", SIPSTREAM_BAD, "ends within");
    check_whole(LINE VIA, SIPSTREAM_BAD, "ends within");
    check_whole(LINE VIA IDS "Content-Length: 5\r\n\r\nhell", SIPSTREAM_BAD, "ends within");
    check_whole(OPTIONS_0 "x", SIPSTREAM_BAD, "goes on");
    check_whole(OPTIONS_0 OPTIONS_0, SIPSTREAM_BAD, "goes on");
    check_whole("HELLO x SIP/2.0\r\n\r\n", SIPSTREAM_BAD, "method");
    check_whole(no_length, SIPSTREAM_BAD, "too large");
}

static void reasons_are_sentences(void)
{
    struct sipstream *s = sipstream_new();
    size_t used;

    g_assert_cmpint(sipstream_feed(s, "HELLO x SIP/2.0\r\n\r\n", 19, &used), ==, SIPSTREAM_BAD);
    g_assert_cmpstr(sipstream_why(s), ==, "the method is unknown");
    g_assert_cmpint(sipstream_feed(s, "x", 1, &used), ==, SIPSTREAM_BAD);
    sipstream_free(s);
}

void unit_edge_sipstream(void)
{
    g_test_add_func("/edge/sipstream/framing", framing);
    g_test_add_func("/edge/sipstream/body-may-hold-anything", body_may_hold_anything);
    g_test_add_func("/edge/sipstream/keep-alives", keep_alives);
    g_test_add_func("/edge/sipstream/first-lines", first_lines);
    g_test_add_func("/edge/sipstream/screening", screening);
    g_test_add_func("/edge/sipstream/sizes-are-bounded", sizes);
    g_test_add_func("/edge/sipstream/largest-message-passes", largest_message_passes);
    g_test_add_func("/edge/sipstream/only-the-topmost-via-changes", via_tokens);
    g_test_add_func("/edge/sipstream/missing-length-is-told", missing_length_is_told);
    g_test_add_func("/edge/sipstream/whole-messages", whole_messages);
    g_test_add_func("/edge/sipstream/reasons-are-sentences", reasons_are_sentences);
}
