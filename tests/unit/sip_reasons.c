#include "base/clock.h"
#include "sip/info.h"
#include "sip/reasons.h"
#include "sip/session_timer.h"

#include <glib.h>

void unit_sip_reasons(void);

static void every_cause_has_a_final_status(void)
{
    for (int i = END_NONE; i < END_CAUSES; i++) {
        const char *phrase = NULL;
        unsigned status = reason_status((enum end_cause)i, &phrase);

        g_assert_cmpuint(status, >=, 400);
        g_assert_cmpuint(status, <, 700);
        g_assert_nonnull(phrase);
        g_assert_cmpstr(phrase, !=, "");
    }
}

static void every_status_has_a_cause(void)
{
    for (unsigned status = 300; status < 700; status++)
        g_assert_cmpint(reason_cause(status), !=, END_NONE);
}

/* What one phone says must reach the other as the same word. */
static void telling_causes_survive_the_way_through(void)
{
    static const enum end_cause through[] = {
        END_BUSY,  END_DECLINED,    END_NOT_FOUND,   END_OFFLINE,  END_FORBIDDEN, END_NO_CODEC,
        END_LIMIT, END_UNREACHABLE, END_UNSUPPORTED, END_INTERNAL, END_CANCELLED};

    for (unsigned i = 0; i < G_N_ELEMENTS(through); i++) {
        const char *phrase;
        g_assert_cmpint(reason_cause(reason_status(through[i], &phrase)), ==, through[i]);
    }
}

static void the_reason_header_survives_too(void)
{
    static const enum end_cause through[] = {
        END_NORMAL,      END_BUSY,  END_NO_ANSWER, END_OFFLINE,
        END_UNREACHABLE, END_LIMIT, END_NO_CODEC,  END_ANSWERED_ELSEWHERE};

    for (unsigned i = 0; i < G_N_ELEMENTS(through); i++) {
        struct end_reason why = end_because(through[i]);
        char text[128];
        char *cause;

        reason_header(&why, text, sizeof(text));
        cause = strstr(text, "cause=");
        g_assert_nonnull(cause);
        *strchr(text, ';') = '\0';
        g_assert_cmpint(reason_read(text, cause + strlen("cause=")), ==, through[i]);
    }
}

static void answered_elsewhere_is_rfc_3326s(void)
{
    struct end_reason why = end_because(END_ANSWERED_ELSEWHERE);
    char text[128];

    reason_header(&why, text, sizeof(text));
    g_assert_cmpstr(text, ==, "SIP;cause=200;text=\"Call completed elsewhere\"");
    g_assert_cmpint(reason_read("Q.850", "26"), ==, END_ANSWERED_ELSEWHERE);
    g_assert_cmpint(reason_read("X.1", "26"), ==, END_NONE);
    g_assert_cmpint(reason_read("SIP", NULL), ==, END_NONE);
    g_assert_cmpint(reason_read("SIP", "486"), ==, END_BUSY);
}

static void digits_in_both_dialects(void)
{
    struct info i = info_read("application/dtmf-relay", SPAN("Signal=5\r\nDuration=250\r\n"));

    g_assert_cmpint(i.kind, ==, INFO_DIGIT);
    g_assert_cmpint(i.digit, ==, '5');
    g_assert_cmpuint(i.duration_ms, ==, 250);
    i = info_read("Application/DTMF-Relay", SPAN("signal = #\nduration = 1\n"));
    g_assert_cmpint(i.digit, ==, '#');
    g_assert_cmpuint(i.duration_ms, ==, 40);
    i = info_read("application/dtmf-relay", SPAN("Signal=11\r\n")); /* RFC 4733 event number */
    g_assert_cmpint(i.digit, ==, '#');
    i = info_read("application/dtmf", SPAN("d"));
    g_assert_cmpint(i.digit, ==, 'D');
    g_assert_cmpint(info_read("application/dtmf", SPAN("XYZ")).kind, ==, INFO_BAD);
    g_assert_cmpint(info_read("application/dtmf-relay", SPAN("Signal=\r\n")).kind, ==, INFO_BAD);
}

static void key_frames_and_the_rest(void)
{
    struct span body = {info_keyframe_body, strlen(info_keyframe_body)};

    g_assert_cmpint(info_read("application/media_control+xml", body).kind, ==, INFO_KEYFRAME);
    g_assert_cmpint(info_read(NULL, body).kind, ==, INFO_EMPTY);
    g_assert_cmpint(info_read("text/plain", SPAN("x")).kind, ==, INFO_UNKNOWN);
}

static void who_refreshes_does_so_at_half_time(void)
{
    struct session_timer t;

    session_timer_set(&t, 90, SESSION_WE, 0);
    g_assert_false(session_timer_refresh_due(&t, 44 * US_PER_S));
    g_assert_true(session_timer_refresh_due(&t, 45 * US_PER_S));
    g_assert_false(session_timer_expired(&t, 59 * US_PER_S));
    g_assert_true(session_timer_expired(&t, 60 * US_PER_S));
    session_timer_retry(&t, 46 * US_PER_S);
    g_assert_false(session_timer_refresh_due(&t, 52 * US_PER_S));
    g_assert_true(session_timer_refresh_due(&t, 53 * US_PER_S));
}

static void a_peer_that_forgets_ends_the_call(void)
{
    struct session_timer t;

    session_timer_set(&t, 1800, SESSION_PEER, 0);
    g_assert_false(session_timer_refresh_due(&t, 1767 * US_PER_S));
    g_assert_false(session_timer_expired(&t, 1767 * US_PER_S));
    g_assert_true(session_timer_expired(&t, 1768 * US_PER_S)); /* RFC 4028 10: 32 s early */
    session_timer_set(&t, 0, SESSION_PEER, 0);
    g_assert_false(session_timer_expired(&t, UINT64_MAX));
}

void unit_sip_reasons(void)
{
    g_test_add_func("/sip/reasons/every-cause-has-a-final-status", every_cause_has_a_final_status);
    g_test_add_func("/sip/reasons/every-status-has-a-cause", every_status_has_a_cause);
    g_test_add_func("/sip/reasons/telling-causes-survive-the-way-through",
                    telling_causes_survive_the_way_through);
    g_test_add_func("/sip/reasons/the-reason-header-survives-too", the_reason_header_survives_too);
    g_test_add_func("/sip/reasons/answered-elsewhere-is-rfc-3326s",
                    answered_elsewhere_is_rfc_3326s);
    g_test_add_func("/sip/info/digits-in-both-dialects", digits_in_both_dialects);
    g_test_add_func("/sip/info/key-frames-and-the-rest", key_frames_and_the_rest);
    g_test_add_func("/sip/session_timer/who-refreshes-does-so-at-half-time",
                    who_refreshes_does_so_at_half_time);
    g_test_add_func("/sip/session_timer/a-peer-that-forgets-ends-the-call",
                    a_peer_that_forgets_ends_the_call);
}
