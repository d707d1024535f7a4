/* How packets cross once both legs have agreed. */
#include "media/desc_sdp.h"
#include "media/negotiate.h"
#include "tests/unit/media_desc_text.h"

#include <glib.h>

void unit_media_negotiate_plan(void);

#define DTMF8 "a=rtpmap:101 telephone-event/8000\r\n"

/* The first offer/answer of a call, as the gateway runs it. */
struct call {
    struct desc *a_local, *a_remote, *b_local, *b_remote;
    struct stream_map map;
    struct media_plan plan;
};

static void call_run(struct call *c, struct desc *a, const struct desc_profile *profile,
                     struct desc *b)
{
    c->a_remote = a;
    c->b_remote = b;
    c->b_local = negotiate_offer(a, profile, &c->map);
    g_assert_cmpint(negotiate_answer(a, b, &c->map, &c->a_local), ==, GW_OK);
    negotiate_plan(c->a_local, c->a_remote, c->b_local, c->b_remote, &c->map, &c->plan);
}

static void call_clear(struct call *c)
{
    desc_free(c->a_local);
    desc_free(c->a_remote);
    desc_free(c->b_local);
    desc_free(c->b_remote);
}

/* "111>96 126>101d": in, out, d for digits, r for rtx; clocks when they differ. */
static void assert_way(const struct plan_way *w, const char *expected)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < w->ncodecs; i++) {
        const struct plan_codec *c = &w->codec[i];
        g_string_append_printf(s, "%s%u>%u%s%s", i ? " " : "", c->pt_in, c->pt_out,
                               c->dtmf ? "d" : "", c->rtx ? "r" : "");
        if (c->clock_in != c->clock_out)
            g_string_append_printf(s, "(%u>%u)", c->clock_in, c->clock_out);
    }
    g_assert_cmpstr(s->str, ==, expected);
    g_string_free(s, TRUE);
}

static void opus_crosses_with_digits_of_two_clocks(void)
{
    struct call c;

    call_run(&c, capture("chromium156-audio-offer.sdp"), &desc_profile_plain,
             from_text(HEAD "m=audio 5000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n" DTMF8));
    g_assert_cmpuint(c.plan.nways, ==, 2);
    g_assert_cmpuint(c.plan.na_to_b, ==, 1);
    assert_way(&c.plan.way[0], "111>96 110>101d(48000>8000) 126>101d");
    g_assert_true(c.plan.way[0].open && c.plan.way[1].open);
    g_assert_false(c.plan.way[0].codec[0].video);
    /* We numbered telephone-event 126 to the phone, as the browser does; it says 101. */
    assert_way(&c.plan.way[1], "111>111 126>126d");
    call_clear(&c);
}

static void digits_nobody_takes_are_consumed(void)
{
    struct call c;

    call_run(&c, capture("chromium156-audio-offer.sdp"), &desc_profile_plain,
             from_text(HEAD "m=audio 5000 RTP/AVP 0\r\n"));
    assert_way(&c.plan.way[0], "0>0 126>255d");
    assert_way(&c.plan.way[1], "0>0");
    call_clear(&c);
}

static void digits_towards_who_never_offered_them_are_consumed(void)
{
    struct call c;

    call_run(&c, capture("dino-shaped-offer.sdp"), &desc_profile_plain,
             from_text(HEAD "m=audio 5000 RTP/AVP 0 101\r\n" DTMF8));
    assert_way(&c.plan.way[0], "0>0");
    assert_way(&c.plan.way[1], "0>0 101>255d");
    call_clear(&c);
}

static void numbers_may_differ_by_direction(void)
{
    struct call c;

    /* B declares 98 for what it wants to receive, we declared 97 to it (RFC 3264 5.1). */
    call_run(&c, from_text(HEAD "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 speex/16000\r\n"),
             &desc_profile_plain,
             from_text(HEAD "m=audio 5000 RTP/AVP 98\r\na=rtpmap:98 speex/16000\r\n"));
    assert_way(&c.plan.way[0], "97>98");
    assert_way(&c.plan.way[1], "97>97");
    call_clear(&c);
}

static void every_common_codec_is_in_the_way(void)
{
    struct call c;

    call_run(&c, capture("chromium156-audio-offer.sdp"), &desc_profile_dtls,
             capture("baresip100-dtls-offer.sdp"));
    assert_way(&c.plan.way[0], "111>96 9>9 0>0 8>8 110>101d(48000>8000) 126>101d");
    assert_way(&c.plan.way[1], "111>111 9>9 0>0 8>8 126>126d");
    call_clear(&c);
}

static void hold_closes_the_way_it_is_about(void)
{
    static const struct {
        enum desc_direction a, b;
        bool a_to_b, b_to_a;
    } rows[] = {
        {DESC_SENDRECV, DESC_SENDRECV, true, true},  {DESC_SENDONLY, DESC_RECVONLY, true, false},
        {DESC_SENDONLY, DESC_SENDRECV, true, false}, {DESC_RECVONLY, DESC_SENDONLY, false, true},
        {DESC_SENDRECV, DESC_SENDONLY, false, true}, {DESC_SENDRECV, DESC_INACTIVE, false, false},
        {DESC_INACTIVE, DESC_SENDRECV, false, false}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc *a = from_text(HEAD "m=audio 5000 RTP/AVP 0\r\n");
        struct desc *b = from_text(HEAD "m=audio 6000 RTP/AVP 0\r\n");
        struct call c;
        a->stream[0].direction = rows[i].a;
        b->stream[0].direction = rows[i].b;
        call_run(&c, a, &desc_profile_plain, b);
        g_assert_true(c.plan.way[0].open == rows[i].a_to_b);
        g_assert_true(c.plan.way[1].open == rows[i].b_to_a);
        call_clear(&c);
    }
}

static void ways_follow_the_map(void)
{
    struct call c;

    call_run(&c,
             from_text(HEAD "m=image 5000 udptl t38\r\nm=video 5002 RTP/AVP 31\r\n"
                            "m=audio 5004 RTP/AVP 0\r\n"),
             &desc_profile_plain,
             from_text(HEAD "m=video 0 RTP/AVP 31\r\nm=audio 6004 RTP/AVP 0\r\n"));
    g_assert_cmpuint(c.plan.nways, ==, 2);
    g_assert_cmpuint(c.plan.na_to_b, ==, 1);
    g_assert_cmpint(c.plan.way[0].from_stream, ==, 2);
    g_assert_cmpint(c.plan.way[0].to_stream, ==, 1);
    g_assert_cmpint(c.plan.way[1].from_stream, ==, 1);
    g_assert_cmpint(c.plan.way[1].to_stream, ==, 2);
    call_clear(&c);
}

static void browsers_exchange_video_with_repair_and_feedback(void)
{
    struct call c;
    const struct plan_way *w;
    unsigned rtx = 0;

    call_run(&c, capture("chromium156-audio-video-data-offer.sdp"), &desc_profile_webrtc,
             capture("chromium156-audio-video-data-answer.sdp"));
    g_assert_cmpuint(c.plan.nways, ==, 4);
    w = &c.plan.way[1];
    g_assert_true(w->far_pli && w->far_fir && w->far_nack && w->open);
    for (unsigned i = 0; i < w->ncodecs; i++) {
        g_assert_cmpuint(w->codec[i].pt_out, ==, w->codec[i].pt_in); /* one maker, one numbering */
        g_assert_true(w->codec[i].video);
        rtx += w->codec[i].rtx;
    }
    g_assert_cmpuint(rtx, ==, w->ncodecs / 2);
    g_assert_cmpuint(w->nextensions, >=, 3);
    g_assert_cmpuint(c.plan.way[0].nextensions, ==, 1); /* audio level */
    call_clear(&c);
}

static void telephone_video_has_no_feedback_to_send_to(void)
{
    struct call c;

    call_run(&c, capture("chromium156-audio-video-data-offer.sdp"), &desc_profile_plain,
             from_text(HEAD "m=audio 5000 RTP/AVP 0\r\nm=video 5002 RTP/AVP 99\r\n"
                            "a=rtpmap:99 VP8/90000\r\n"));
    g_assert_cmpuint(c.plan.nways, ==, 4);
    assert_way(&c.plan.way[1], "96>99");
    assert_way(&c.plan.way[3], "96>96");
    g_assert_true(c.plan.way[1].far_pli); /* the browser sends this way */
    g_assert_false(c.plan.way[1].far_nack);
    g_assert_false(c.plan.way[3].far_pli || c.plan.way[3].far_fir || c.plan.way[3].far_nack);
    call_clear(&c);
}

static void extensions_are_renumbered(void)
{
#define LEVEL " urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
#define TWCC " http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
    struct call c;

    call_run(&c, from_text(HEAD "m=audio 5000 RTP/AVPF 0\r\na=extmap:9" LEVEL "a=extmap:3" TWCC),
             &desc_profile_webrtc,
             from_text(HEAD "m=audio 5000 RTP/AVPF 0\r\na=extmap:1" LEVEL "a=extmap:2" TWCC));
    g_assert_cmpuint(c.plan.way[0].nextensions, ==, 1);
    g_assert_cmpuint(c.plan.way[0].extension[0].id_in, ==, 9);
    g_assert_cmpuint(c.plan.way[0].extension[0].id_out, ==, 1);
    g_assert_cmpuint(c.plan.way[1].extension[0].id_in, ==, 9); /* we kept A's number to B */
    g_assert_cmpuint(c.plan.way[1].extension[0].id_out, ==, 9);
    call_clear(&c);
}

static void echo_returns_what_comes(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp"), *local;
    struct stream_map same;
    struct media_plan plan;

    for (int8_t i = 0; i < DESC_STREAMS_MAX; i++)
        same.b_of_a[i] = i;
    g_assert_cmpint(negotiate_answer(a, a, &same, &local), ==, GW_OK);
    negotiate_plan_echo(local, a, &plan);
    g_assert_cmpuint(plan.nways, ==, 2); /* not the data channel */
    g_assert_cmpuint(plan.na_to_b, ==, 2);
    for (unsigned i = 0; i < plan.nways; i++) {
        g_assert_cmpint(plan.way[i].from_stream, ==, (int)i);
        g_assert_cmpint(plan.way[i].to_stream, ==, (int)i);
        g_assert_true(plan.way[i].open);
        for (unsigned k = 0; k < plan.way[i].ncodecs; k++)
            g_assert_cmpuint(plan.way[i].codec[k].pt_in, ==, plan.way[i].codec[k].pt_out);
    }
    desc_free(a);
    desc_free(local);
}

void unit_media_negotiate_plan(void)
{
    g_test_add_func("/media/negotiate_plan/opus-crosses-with-digits-of-two-clocks",
                    opus_crosses_with_digits_of_two_clocks);
    g_test_add_func("/media/negotiate_plan/digits-nobody-takes-are-consumed",
                    digits_nobody_takes_are_consumed);
    g_test_add_func("/media/negotiate_plan/digits-towards-who-never-offered-them-are-consumed",
                    digits_towards_who_never_offered_them_are_consumed);
    g_test_add_func("/media/negotiate_plan/numbers-may-differ-by-direction",
                    numbers_may_differ_by_direction);
    g_test_add_func("/media/negotiate_plan/every-common-codec-is-in-the-way",
                    every_common_codec_is_in_the_way);
    g_test_add_func("/media/negotiate_plan/hold-closes-the-way-it-is-about",
                    hold_closes_the_way_it_is_about);
    g_test_add_func("/media/negotiate_plan/ways-follow-the-map", ways_follow_the_map);
    g_test_add_func("/media/negotiate_plan/browsers-exchange-video-with-repair-and-feedback",
                    browsers_exchange_video_with_repair_and_feedback);
    g_test_add_func("/media/negotiate_plan/telephone-video-has-no-feedback-to-send-to",
                    telephone_video_has_no_feedback_to_send_to);
    g_test_add_func("/media/negotiate_plan/extensions-are-renumbered", extensions_are_renumbered);
    g_test_add_func("/media/negotiate_plan/echo-returns-what-comes", echo_returns_what_comes);
}
