/* Offers and answers between two legs. */
#include "media/desc_sdp.h"
#include "media/negotiate.h"
#include "tests/unit/media_desc_text.h"

#include <glib.h>

void unit_media_negotiate(void);

/* "111 opus/48000 fmtp, 0 PCMU/8000": all a stream offers in one line. */
static char *codecs_of(const struct desc_stream *s)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < s->ncodecs; i++)
        g_string_append_printf(out, "%s%u %s/%u", i ? ", " : "", s->codec[i].pt, s->codec[i].name,
                               s->codec[i].clock_hz);
    return g_string_free(out, FALSE);
}

static void assert_codecs(const struct desc_stream *s, const char *expected)
{
    char *text = codecs_of(s);

    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

/* ---- offers ---- */

static void default_offer_suits_everybody(void)
{
    struct desc *d = negotiate_default_offer(false);

    g_assert_cmpuint(d->nstreams, ==, 1);
    g_assert_cmpuint(d->ntransports, ==, 0);
    g_assert_cmpint(d->stream[0].direction, ==, DESC_SENDRECV);
    assert_codecs(&d->stream[0], "111 opus/48000, 9 G722/8000, 0 PCMU/8000, 8 PCMA/8000, "
                                 "110 telephone-event/48000, 101 telephone-event/8000");
    desc_free(d);
}

static void browser_offer_becomes_a_telephone_offer(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_plain, &map);

    g_assert_cmpuint(d->nstreams, ==, 2); /* no data channel */
    g_assert_cmpint(map.b_of_a[0], ==, 0);
    g_assert_cmpint(map.b_of_a[1], ==, 1);
    g_assert_cmpint(map.b_of_a[2], ==, -1);
    g_assert_cmpint(map.b_of_a[DESC_STREAMS_MAX - 1], ==, -1);
    /* no red, no CN; 48000 beside opus */
    assert_codecs(&d->stream[0], "111 opus/48000, 9 G722/8000, 0 PCMU/8000, 8 PCMA/8000, "
                                 "110 telephone-event/48000, 126 telephone-event/8000");
    for (unsigned i = 0; i < d->stream[1].ncodecs; i++) { /* no rtx, red, fec, feedback */
        g_assert_false(desc_codec_is(&d->stream[1].codec[i], "rtx"));
        g_assert_false(desc_codec_is(&d->stream[1].codec[i], "red"));
        g_assert_false(desc_codec_is(&d->stream[1].codec[i], "ulpfec"));
        g_assert_cmpuint(d->stream[1].codec[i].nfeedback, ==, 0);
    }
    g_assert_cmpuint(d->stream[0].nextensions, ==, 0);
    g_assert_cmpstr(d->stream[0].mid, ==, "");
    g_assert_cmpuint(d->stream[0].nsources, ==, 0);
    g_assert_null(d->stream[0].msid);
    g_assert_false(d->bundled);
    g_assert_cmpuint(d->ntransports, ==, 0);
    desc_free(d);
    desc_free(a);
}

static void browser_offer_stays_one_for_a_browser(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_webrtc, &map);
    const struct desc_stream *v = &d->stream[1];

    assert_codecs(&d->stream[0],
                  "111 opus/48000, 63 red/48000, 9 G722/8000, 0 PCMU/8000, 8 PCMA/8000, "
                  "110 telephone-event/48000, 126 telephone-event/8000");
    g_assert_true(d->bundled);
    g_assert_cmpstr(v->mid, ==, "1");
    g_assert_cmpuint(v->ncodecs, ==, PLAN_CODECS_MAX);
    g_assert_cmpstr(desc_codec_by_pt(v, 97)->fmtp, ==, "apt=96");
    g_assert_cmpuint(desc_codec_by_pt(v, 96)->nfeedback, ==, 3);
    g_assert_cmpuint(desc_codec_by_pt(v, 97)->nfeedback, ==, 0);
    for (unsigned i = 0; i < v->nextensions; i++) {
        g_assert_null(strstr(v->extension[i].uri, "transport-wide-cc"));
        g_assert_null(strstr(v->extension[i].uri, "abs-send-time"));
        g_assert_null(strstr(v->extension[i].uri, "sdes:"));
    }
    g_assert_cmpuint(v->nextensions, ==, 5);
    desc_free(d);
    desc_free(a);
}

static void bundled_streams_do_not_share_numbers(void)
{
    /* Linphone numbers each m= line from 96 */
    struct desc *a = capture("linphone-shaped-srtp-offer.sdp");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_webrtc, &map);
    bool used[128] = {false};

    for (unsigned i = 0; i < d->nstreams; i++)
        for (unsigned k = 0; k < d->stream[i].ncodecs; k++) {
            uint8_t pt = d->stream[i].codec[k].pt;
            g_assert_false(used[pt]);
            g_assert_false(pt >= 64 && pt < 96);
            used[pt] = true;
        }
    g_assert_cmpstr(d->stream[1].codec[0].name, ==, "VP8");
    g_assert_cmpuint(d->stream[1].codec[0].nfeedback, ==, 2); /* asked for key frames by us */
    desc_free(d);
    d = negotiate_offer(a, &desc_profile_sdes, &map); /* not bundled: as they were */
    g_assert_cmpuint(d->stream[0].codec[0].pt, ==, 96);
    g_assert_cmpuint(d->stream[1].codec[0].pt, ==, 96);
    desc_free(d);
    desc_free(a);
}

static void known_codecs_get_their_static_numbers(void)
{
    struct desc *a = from_text(HEAD "m=audio 5000 RTP/AVP 100 72 4 97\r\n"
                                    "a=rtpmap:100 PCMA/8000\r\na=rtpmap:72 opus/48000/2\r\n"
                                    "a=rtpmap:97 rtx/48000\r\na=fmtp:97 apt=72\r\n");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_webrtc, &map);

    /* 72 would read as RTCP on a shared port (RFC 5761 4); rtx follows its codec */
    assert_codecs(&d->stream[0], "8 PCMA/8000, 96 opus/48000, 4 G723/8000, 97 rtx/48000, "
                                 "110 telephone-event/48000, 101 telephone-event/8000");
    g_assert_cmpstr(desc_codec_by_pt(&d->stream[0], 97)->fmtp, ==, "apt=96");
    desc_free(d);
    desc_free(a);
}

static void red_is_left_out_when_its_inner_numbers_change(void)
{
    struct desc *a = from_text(HEAD "m=audio 5000 RTP/AVPF 72 63\r\na=rtpmap:72 opus/48000/2\r\n"
                                    "a=rtpmap:63 red/48000/2\r\na=fmtp:63 72/72\r\n");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_webrtc, &map);

    assert_codecs(&d->stream[0],
                  "96 opus/48000, 110 telephone-event/48000, 101 telephone-event/8000");
    desc_free(d);
    desc_free(a);
}

static void digits_are_offered_though_the_caller_has_none(void)
{
    struct desc *a = capture("dino-shaped-offer.sdp");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_plain, &map);

    assert_codecs(&d->stream[0],
                  "111 opus/48000, 112 speex/32000, 113 speex/16000, 114 speex/8000, "
                  "0 PCMU/8000, 8 PCMA/8000, 110 telephone-event/48000, "
                  "101 telephone-event/8000");
    desc_free(d);
    desc_free(a);
}

static void a_gateway_with_too_many_formats_still_fits(void)
{
    struct desc *a = from_text(
        HEAD "m=audio 5000 RTP/AVP 18 99 101 102 103 15 104 4 105 106 107 108 125 109 100 8 0\r\n"
             "a=rtpmap:99 a/8000\r\na=rtpmap:101 b/8000\r\na=rtpmap:102 c/8000\r\n"
             "a=rtpmap:103 d/8000\r\na=rtpmap:104 e/8000\r\na=rtpmap:105 f/8000\r\n"
             "a=rtpmap:106 g/8000\r\na=rtpmap:107 h/8000\r\na=rtpmap:108 i/8000\r\n"
             "a=rtpmap:125 j/8000\r\na=rtpmap:109 k/8000\r\na=rtpmap:100 l/8000\r\n");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_plain, &map);
    const struct desc_stream *s = &d->stream[0];

    g_assert_cmpuint(s->ncodecs, <=, PLAN_CODECS_MAX);
    g_assert_true(desc_codec_is(&s->codec[0], "G729"));
    g_assert_true(desc_codec_is(&s->codec[s->ncodecs - 1], "telephone-event"));
    desc_free(d);
    desc_free(a);
}

static void streams_that_cannot_cross_are_not_offered(void)
{
    struct desc *a = from_text(HEAD "m=image 5000 udptl t38\r\nm=audio 5000 RTP/AVP 13 101\r\n"
                                    "a=rtpmap:101 telephone-event/8000\r\nm=audio 0 RTP/AVP 0\r\n"
                                    "m=audio 5004 RTP/AVP 0\r\na=sendonly\r\n");
    struct stream_map map;
    struct desc *d = negotiate_offer(a, &desc_profile_plain, &map);

    g_assert_cmpuint(d->nstreams, ==, 1);
    g_assert_cmpint(map.b_of_a[3], ==, 0);
    g_assert_cmpint(map.b_of_a[0], ==, -1);
    g_assert_cmpint(map.b_of_a[1], ==, -1);
    g_assert_cmpint(map.b_of_a[2], ==, -1);
    g_assert_cmpint(d->stream[0].direction, ==, DESC_SENDONLY);
    desc_free(d);
    desc_free(a);
}

/* ---- answers ---- */

/* What A hears when B answers @p b to what A's @p a became for B. */
static struct desc *answer(struct desc *a, const struct desc_profile *profile, const char *b_text,
                           enum gw_err expected)
{
    struct stream_map map;
    struct desc *offer = negotiate_offer(a, profile, &map);
    struct desc *b = from_text(b_text), *out = NULL;

    g_assert_cmpint(negotiate_answer(a, b, &map, &out), ==, expected);
    desc_free(offer);
    desc_free(b);
    return out;
}

static void browser_keeps_its_keypad(void)
{
    static const struct {
        const char *phone, *answer;
    } rows[] = {
        {"0 101\r\na=rtpmap:101 telephone-event/8000", "0 PCMU/8000, 126 telephone-event/8000"},
        {"0", "0 PCMU/8000, 126 telephone-event/8000"}, /* detected by media */
        {"96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000",
         "111 opus/48000, 110 telephone-event/48000, 126 telephone-event/8000"},
        {"9 0\r\n", "9 G722/8000, 0 PCMU/8000, 126 telephone-event/8000"},
        {"8 0\r\n", "8 PCMA/8000, 0 PCMU/8000, 126 telephone-event/8000"}, /* phone's order */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *text = g_strdup_printf(HEAD "m=audio 5000 RTP/AVP %s\r\n", rows[i].phone);
        struct desc *a = capture("chromium156-audio-offer.sdp");
        struct desc *d = answer(a, &desc_profile_plain, text, GW_OK);
        assert_codecs(&d->stream[0], rows[i].answer);
        g_assert_cmpstr(d->stream[0].mid, ==, "0");
        g_assert_cmpstr(d->stream[0].protocol, ==, "UDP/TLS/RTP/SAVPF");
        g_assert_true(d->bundled);
        g_assert_cmpuint(d->ntransports, ==, 0);
        desc_free(d);
        desc_free(a);
        g_free(text);
    }
}

static void digits_of_another_clock_are_better_than_none(void)
{
    struct desc *a = capture("linphone-shaped-ice-offer.sdp"); /* telephone-event/48000 only */
    struct desc *d = answer(a, &desc_profile_plain, HEAD "m=audio 5000 RTP/AVP 0\r\n", GW_OK);

    assert_codecs(&d->stream[0], "0 PCMU/8000, 101 telephone-event/48000");
    desc_free(d);
    desc_free(a);
}

static void refused_video_is_refused_validly(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct desc *d = answer(a, &desc_profile_plain,
                            HEAD "m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n", GW_OK);
    char *text;

    g_assert_cmpuint(d->nstreams, ==, 3);
    g_assert_false(d->stream[0].refused);
    for (unsigned i = 1; i < 3; i++) {
        g_assert_true(d->stream[i].refused);
        g_assert_cmpstr(d->stream[i].mid, ==, a->stream[i].mid);
        g_assert_cmpstr(d->stream[i].protocol, ==, a->stream[i].protocol);
        g_assert_cmpint(d->stream[i].transport, ==, -1);
    }
    text = desc_sdp_write(d);
    g_assert_nonnull(strstr(text, "\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
    g_assert_nonnull(strstr(text, "\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    g_free(text);
    desc_free(d);
    desc_free(a);
}

static void what_cannot_be_refused_is_received_and_dropped(void)
{
    struct desc *offer = negotiate_default_offer(true);
    struct desc *phone = negotiate_default_offer(false);
    struct stream_map map = negotiate_pair(offer, phone);
    struct desc *answer = NULL;

    g_assert_cmpint(map.b_of_a[0], ==, 0);
    g_assert_cmpint(map.b_of_a[1], ==, -1);
    g_assert_cmpint(negotiate_answer(offer, phone, &map, &answer), ==, GW_OK);
    g_assert_true(answer->stream[1].refused);
    negotiate_sink(offer, answer);
    g_assert_false(answer->stream[1].refused);
    g_assert_cmpint(answer->stream[1].direction, ==, DESC_RECVONLY);
    g_assert_cmpuint(answer->stream[1].ncodecs, ==, 1);
    g_assert_true(desc_codec_is(&answer->stream[1].codec[0], "VP8"));
    g_assert_cmpint(answer->stream[0].direction, ==, DESC_SENDRECV);
    desc_free(answer);
    desc_free(phone);
    desc_free(offer);
}

static void an_answer_that_is_too_short_refuses_the_rest(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct desc *d = answer(a, &desc_profile_plain, HEAD "m=audio 5000 RTP/AVP 0\r\n", GW_OK);

    g_assert_true(d->stream[1].refused && d->stream[2].refused);
    desc_free(d);
    desc_free(a);
}

static void nothing_in_common_is_no_codec(void)
{
    static const char *const answers[] = {
        HEAD "m=audio 5000 RTP/AVP 18\r\n", HEAD "m=audio 0 RTP/AVP 0\r\n", HEAD,
        HEAD "m=video 5000 RTP/AVP 0\r\n",
        HEAD "m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        struct desc *a = capture("chromium156-audio-offer.sdp");
        g_assert_null(answer(a, &desc_profile_plain, answers[i], GW_ENOCODEC));
        desc_free(a);
    }
}

static void directions_are_crossed_over(void)
{
    /* what A offers, what B answers, what A is told */
    static const enum desc_direction rows[][3] = {
        {DESC_SENDRECV, DESC_SENDRECV, DESC_SENDRECV},
        {DESC_SENDRECV, DESC_RECVONLY, DESC_RECVONLY},
        {DESC_SENDRECV, DESC_SENDONLY, DESC_SENDONLY},
        {DESC_SENDRECV, DESC_INACTIVE, DESC_INACTIVE},
        {DESC_SENDONLY, DESC_RECVONLY, DESC_RECVONLY},
        {DESC_SENDONLY, DESC_SENDRECV, DESC_RECVONLY}, /* B broke RFC 3264 6.1; A is spared */
        {DESC_RECVONLY, DESC_SENDRECV, DESC_SENDONLY},
        {DESC_INACTIVE, DESC_SENDRECV, DESC_INACTIVE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc *a = from_text(HEAD "m=audio 5000 RTP/AVP 0\r\n");
        struct desc *b = from_text(HEAD "m=audio 6000 RTP/AVP 0\r\n"), *out;
        struct stream_map map;
        a->stream[0].direction = rows[i][0];
        b->stream[0].direction = rows[i][1];
        struct desc *offer = negotiate_offer(a, &desc_profile_plain, &map);
        g_assert_cmpint(offer->stream[0].direction, ==, rows[i][0]);
        g_assert_cmpint(negotiate_answer(a, b, &map, &out), ==, GW_OK);
        g_assert_cmpint(out->stream[0].direction, ==, rows[i][2]);
        desc_free(offer);
        desc_free(out);
        desc_free(a);
        desc_free(b);
    }
}

static void b_may_use_other_numbers(void)
{
    struct desc *a = capture("chromium156-audio-offer.sdp");
    struct desc *d = answer(a, &desc_profile_plain,
                            HEAD "m=audio 5000 RTP/AVP 107 99\r\n"
                                 "a=rtpmap:107 OPUS/48000/2\r\na=fmtp:107 stereo=0\r\n"
                                 "a=rtpmap:99 telephone-event/8000\r\na=fmtp:99 0-11\r\n"
                                 "a=ptime:40\r\n",
                            GW_OK);

    assert_codecs(&d->stream[0],
                  "111 opus/48000, 110 telephone-event/48000, 126 telephone-event/8000");
    g_assert_cmpstr(d->stream[0].codec[0].fmtp, ==, "stereo=0"); /* what B wants to hear */
    g_assert_cmpstr(d->stream[0].codec[2].fmtp, ==, "0-11");
    g_assert_cmpuint(d->stream[0].ptime_ms, ==, 40);
    desc_free(d);
    desc_free(a);
}

static void video_formats_are_matched_by_what_they_are(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct desc *d = answer(a, &desc_profile_plain,
                            HEAD "m=audio 5000 RTP/AVP 0\r\nm=video 5002 RTP/AVP 99\r\n"
                                 "a=rtpmap:99 H264/90000\r\n"
                                 "a=fmtp:99 profile-level-id=42801E; max-mbps=40500\r\n",
                            GW_OK);
    const struct desc_stream *v = &d->stream[1];

    g_assert_cmpuint(v->ncodecs, ==, 1); /* packetization-mode 0, and no rtx: B has none */
    g_assert_cmpstr(v->codec[0].fmtp, ==, "profile-level-id=42001E;max-mbps=40500");
    g_assert_cmpuint(v->codec[0].nfeedback, ==, 2); /* PLI and FIR are translated, NACK is not */
    g_assert_cmpuint(v->nextensions, ==, 0);
    desc_free(d);
    desc_free(a);
}

static void two_browsers_agree_on_everything_that_crosses(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp");
    struct desc *b = capture("chromium156-audio-video-data-answer.sdp"), *out;
    struct stream_map map;
    struct desc *offer = negotiate_offer(a, &desc_profile_webrtc, &map);

    g_assert_cmpint(negotiate_answer(a, b, &map, &out), ==, GW_OK);
    const struct desc_stream *v = &out->stream[1];
    g_assert_cmpstr(desc_codec_by_pt(v, 97)->fmtp, ==, "apt=96");
    g_assert_cmpuint(desc_codec_by_pt(v, 96)->nfeedback, ==, 3);
    g_assert_cmpuint(desc_codec_by_pt(&out->stream[0], 63)->clock_hz, ==, 48000);
    for (unsigned i = 0; i < v->nextensions; i++) {
        bool offered = false;
        for (unsigned k = 0; k < a->stream[1].nextensions; k++)
            offered |= a->stream[1].extension[k].id == v->extension[i].id &&
                       strcmp(a->stream[1].extension[k].uri, v->extension[i].uri) == 0;
        g_assert_true(offered);
    }
    g_assert_cmpuint(v->nextensions, >=, 3);
    g_assert_true(out->stream[2].refused);
    desc_free(offer);
    desc_free(out);
    desc_free(a);
    desc_free(b);
}

static void extension_directions_are_answered_in_kind(void)
{
#define LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    static const struct {
        const char *a, *b;
        int direction; /* -1: left out */
    } rows[] = {{"a=extmap:4 " LEVEL, "a=extmap:2 " LEVEL, DESC_SENDRECV},
                {"a=extmap:4/recvonly " LEVEL, "a=extmap:2 " LEVEL, DESC_SENDONLY},
                {"a=extmap:4/recvonly " LEVEL, "a=extmap:2/recvonly " LEVEL, -1},
                {"a=extmap:4 " LEVEL, "", -1}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *a_text = g_strconcat(HEAD "m=audio 5000 RTP/AVPF 0\r\n", rows[i].a, NULL);
        char *b_text = g_strconcat(HEAD "m=audio 5000 RTP/AVPF 0\r\n", rows[i].b, NULL);
        struct desc *a = from_text(a_text);
        struct desc *d = answer(a, &desc_profile_webrtc, b_text, GW_OK);
        g_assert_cmpuint(d->stream[0].nextensions, ==, rows[i].direction >= 0);
        if (rows[i].direction >= 0) {
            g_assert_cmpuint(d->stream[0].extension[0].id, ==, 4);
            g_assert_cmpint((int)d->stream[0].extension[0].direction, ==, rows[i].direction);
        }
        desc_free(d);
        desc_free(a);
        g_free(a_text);
        g_free(b_text);
    }
}

/* ---- the mid-call firewall ---- */

static void refresh_is_answered_here_only_when_nothing_changed(void)
{
#define FULL                                                                                       \
    "m=audio 5000 RTP/AVP 96 0 101\r\na=rtpmap:96 opus/48000/2\r\n"                                \
    "a=rtpmap:101 telephone-event/8000\r\n"
#define VIDEO "m=video 5002 RTP/AVP 31\r\n"
    static const struct {
        const char *before, *offer;
        bool local;
    } rows[] = {
        {FULL, FULL, true},
        {FULL,
         "m=audio 7000 RTP/AVP 96 0 101\r\nc=IN IP4 192.0.2.77\r\n"
         "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n",
         true},
        {FULL,
         "m=audio 5000 RTP/AVP 101 0 96\r\na=rtpmap:96 opus/48000/2\r\n"
         "a=rtpmap:101 telephone-event/8000\r\n",
         true},
        {FULL, "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", true},
        {FULL, "m=audio 5000 RTP/AVP 107\r\na=rtpmap:107 opus/48000/2\r\n", true},
        {FULL, "m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", false},
        {FULL, "m=audio 5000 RTP/AVP 8\r\n", false},
        {FULL, FULL "a=sendonly\r\n", false},
        {FULL "a=sendonly\r\n", FULL, false},
        {FULL "a=sendonly\r\n", FULL "a=sendonly\r\n", true},
        {FULL, FULL "c=IN IP4 0.0.0.0\r\n", false},
        {FULL, "m=audio 0 RTP/AVP 0\r\n", false},
        {FULL, FULL VIDEO, false},
        {FULL VIDEO, FULL, false},
        {FULL VIDEO, FULL VIDEO, true},
        {FULL VIDEO, FULL "m=video 0 RTP/AVP 31\r\n", false},
        {FULL VIDEO, FULL "m=audio 5002 RTP/AVP 31\r\n", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *t1 = g_strconcat(HEAD, rows[i].before, NULL),
             *t2 = g_strconcat(HEAD, rows[i].offer, NULL);
        struct desc *before = from_text(t1), *offer = from_text(t2), *out = NULL;
        /* what we said: opus and PCMU as the far leg took them */
        struct stream_map same;
        for (int8_t k = 0; k < DESC_STREAMS_MAX; k++)
            same.b_of_a[k] = k;
        struct desc *current = NULL;
        g_assert_cmpint(negotiate_answer(before, before, &same, &current), ==, GW_OK);
        g_test_message("%s -> %s", rows[i].before, rows[i].offer);
        g_assert_cmpint(negotiate_refresh(before, offer, current, &out), ==,
                        rows[i].local ? GW_OK : GW_ESTATE);
        if (rows[i].local) {
            g_assert_cmpuint(out->nstreams, ==, offer->nstreams);
            g_assert_true(desc_codec_is(&out->stream[0].codec[0], "opus"));
            g_assert_nonnull(desc_codec_by_pt(&offer->stream[0], out->stream[0].codec[0].pt));
            g_assert_cmpint(out->stream[0].direction, ==, current->stream[0].direction);
        } else {
            g_assert_null(out);
        }
        desc_free(before);
        desc_free(offer);
        desc_free(current);
        desc_free(out);
        g_free(t1);
        g_free(t2);
    }
}

static void refresh_by_the_answerer_keeps_what_it_chose(void)
{
    static const struct {
        const char *chosen, *offer, *answer; /* NULL: the far leg must be asked */
    } rows[] = {
        {"8 0", "8 0", "8 PCMA/8000, 0 PCMU/8000"},
        {"8 0", "96 9 0 8\r\na=rtpmap:96 opus/48000/2", "8 PCMA/8000, 0 PCMU/8000"},
        {"8 0", "8", "8 PCMA/8000"},
        {"8 0", "0", NULL},
        {"0 101\r\na=rtpmap:101 telephone-event/8000", "0 8 96\r\na=rtpmap:96 telephone-event/8000",
         "0 PCMU/8000, 96 telephone-event/8000"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *t1 = g_strdup_printf(HEAD "m=audio 5000 RTP/AVP %s\r\n", rows[i].chosen);
        char *t2 = g_strdup_printf(HEAD "m=audio 5000 RTP/AVP %s\r\n", rows[i].offer);
        struct desc *ours = negotiate_default_offer(false), *out;
        struct desc *answer_text = from_text(t1), *offer = from_text(t2);
        g_test_message("%s -> %s", rows[i].chosen, rows[i].offer);
        g_assert_cmpint(negotiate_refresh(answer_text, offer, ours, &out), ==,
                        rows[i].answer ? GW_OK : GW_ESTATE);
        if (out)
            assert_codecs(&out->stream[0], rows[i].answer);
        desc_free(ours);
        desc_free(out);
        desc_free(answer_text);
        desc_free(offer);
        g_free(t1);
        g_free(t2);
    }
}

static void refused_streams_stay_refused_over_a_refresh(void)
{
    struct desc *a = capture("chromium156-audio-video-data-offer.sdp"), *again;
    struct desc *current = answer(a, &desc_profile_plain,
                                  HEAD "m=audio 5000 RTP/AVP 0 101\r\n"
                                       "a=rtpmap:101 telephone-event/8000\r\n",
                                  GW_OK);

    g_assert_cmpint(negotiate_refresh(a, a, current, &again), ==, GW_OK);
    assert_codecs(&again->stream[0], "0 PCMU/8000, 126 telephone-event/8000");
    g_assert_true(again->stream[1].refused && again->stream[2].refused);
    g_assert_cmpstr(again->stream[2].formats, ==, "webrtc-datachannel");
    desc_free(a);
    desc_free(current);
    desc_free(again);
}

void unit_media_negotiate(void)
{
    g_test_add_func("/media/negotiate/default-offer-suits-everybody",
                    default_offer_suits_everybody);
    g_test_add_func("/media/negotiate/browser-offer-becomes-a-telephone-offer",
                    browser_offer_becomes_a_telephone_offer);
    g_test_add_func("/media/negotiate/browser-offer-stays-one-for-a-browser",
                    browser_offer_stays_one_for_a_browser);
    g_test_add_func("/media/negotiate/bundled-streams-do-not-share-numbers",
                    bundled_streams_do_not_share_numbers);
    g_test_add_func("/media/negotiate/known-codecs-get-their-static-numbers",
                    known_codecs_get_their_static_numbers);
    g_test_add_func("/media/negotiate/red-is-left-out-when-its-inner-numbers-change",
                    red_is_left_out_when_its_inner_numbers_change);
    g_test_add_func("/media/negotiate/digits-are-offered-though-the-caller-has-none",
                    digits_are_offered_though_the_caller_has_none);
    g_test_add_func("/media/negotiate/a-gateway-with-too-many-formats-still-fits",
                    a_gateway_with_too_many_formats_still_fits);
    g_test_add_func("/media/negotiate/streams-that-cannot-cross-are-not-offered",
                    streams_that_cannot_cross_are_not_offered);
    g_test_add_func("/media/negotiate/browser-keeps-its-keypad", browser_keeps_its_keypad);
    g_test_add_func("/media/negotiate/digits-of-another-clock-are-better-than-none",
                    digits_of_another_clock_are_better_than_none);
    g_test_add_func("/media/negotiate/refused-video-is-refused-validly",
                    refused_video_is_refused_validly);
    g_test_add_func("/media/negotiate/what-cannot-be-refused-is-received-and-dropped",
                    what_cannot_be_refused_is_received_and_dropped);
    g_test_add_func("/media/negotiate/an-answer-that-is-too-short-refuses-the-rest",
                    an_answer_that_is_too_short_refuses_the_rest);
    g_test_add_func("/media/negotiate/nothing-in-common-is-no-codec",
                    nothing_in_common_is_no_codec);
    g_test_add_func("/media/negotiate/directions-are-crossed-over", directions_are_crossed_over);
    g_test_add_func("/media/negotiate/b-may-use-other-numbers", b_may_use_other_numbers);
    g_test_add_func("/media/negotiate/video-formats-are-matched-by-what-they-are",
                    video_formats_are_matched_by_what_they_are);
    g_test_add_func("/media/negotiate/two-browsers-agree-on-everything-that-crosses",
                    two_browsers_agree_on_everything_that_crosses);
    g_test_add_func("/media/negotiate/extension-directions-are-answered-in-kind",
                    extension_directions_are_answered_in_kind);
    g_test_add_func("/media/negotiate/refresh-is-answered-here-only-when-nothing-changed",
                    refresh_is_answered_here_only_when_nothing_changed);
    g_test_add_func("/media/negotiate/refresh-by-the-answerer-keeps-what-it-chose",
                    refresh_by_the_answerer_keeps_what_it_chose);
    g_test_add_func("/media/negotiate/refused-streams-stay-refused-over-a-refresh",
                    refused_streams_stay_refused_over_a_refresh);
}
