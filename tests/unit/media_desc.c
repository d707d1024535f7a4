#include "media/desc.h"
#include "media_desc_equal.h"

void unit_media_desc(void);

static struct desc *filled(void)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);
    struct desc_transport *t = desc_add_transport(d);
    struct desc_candidate *c = desc_add_candidate(t);

    s->transport = 0;
    s->msid = g_strdup("stream track");
    (void)desc_add_codec(s, 111, "opus", 48000, 2, "useinbandfec=1");
    (void)desc_add_extension(s, 1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    (void)desc_add_source(s, 7, "cname");
    (void)g_strlcpy(c->foundation, "1", sizeof(c->foundation));
    return d;
}

static void copy_owns_all_it_points_to(void)
{
    struct desc *d = filled();
    struct desc *copy = desc_copy(d);

    g_assert_cmpstr(desc_difference(d, copy), ==, NULL);
    g_assert_true(copy->stream[0].codec[0].fmtp != d->stream[0].codec[0].fmtp);
    g_assert_true(copy->transport[0].candidate != d->transport[0].candidate);
    desc_free(d); /* what the copy still shared would now be seen by ASan */
    g_assert_cmpstr(copy->stream[0].codec[0].fmtp, ==, "useinbandfec=1");
    g_assert_cmpstr(copy->stream[0].msid, ==, "stream track");
    g_assert_cmpstr(copy->stream[0].source[0].cname, ==, "cname");
    g_assert_cmpstr(copy->transport[0].candidate[0].foundation, ==, "1");
    desc_free(copy);
}

static void limits_end_in_null(void)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_VIDEO);
    struct desc_transport *t = desc_add_transport(d);
    char *text = g_strnfill(DESC_TEXT_MAX, 'x');

    g_assert_null(desc_add_codec(s, 128, "opus", 48000, 2, NULL));
    g_assert_null(desc_add_codec(s, 96, "a-name-of-twenty-four-chars", 8000, 1, NULL));
    g_assert_null(desc_add_codec(s, 96, "opus", 48000, 2, text));
    g_assert_null(desc_add_extension(s, 0, "urn:x"));
    g_assert_null(desc_add_extension(s, 1, text));
    g_assert_null(desc_add_source(s, 1, text));
    for (unsigned i = 0; i < DESC_CODECS_MAX; i++)
        g_assert_nonnull(desc_add_codec(s, (uint8_t)i, "opus", 48000, 2, NULL));
    g_assert_null(desc_add_codec(s, 100, "opus", 48000, 2, NULL));
    for (unsigned i = 1; i <= DESC_EXTENSIONS_MAX; i++)
        g_assert_nonnull(desc_add_extension(s, (uint8_t)i, "urn:x"));
    g_assert_null(desc_add_extension(s, 100, "urn:x"));
    for (unsigned i = 0; i < DESC_SOURCES_MAX; i++)
        g_assert_nonnull(desc_add_source(s, i, NULL));
    g_assert_null(desc_add_source(s, 100, NULL));
    for (unsigned i = 0; i < DESC_CANDIDATES_MAX; i++)
        g_assert_nonnull(desc_add_candidate(t));
    g_assert_null(desc_add_candidate(t));
    for (unsigned i = 1; i < DESC_STREAMS_MAX; i++) {
        g_assert_nonnull(desc_add_stream(d, DESC_AUDIO));
        g_assert_nonnull(desc_add_transport(d));
    }
    g_assert_null(desc_add_stream(d, DESC_AUDIO));
    g_assert_null(desc_add_transport(d));
    g_free(text);
    desc_free(d);
    desc_free(NULL);
}

static void clearing_transports_leaves_the_streams(void)
{
    struct desc *d = filled();

    desc_clear_transports(d);
    g_assert_cmpuint(d->ntransports, ==, 0);
    g_assert_cmpint(d->stream[0].transport, ==, -1);
    g_assert_cmpuint(d->stream[0].ncodecs, ==, 1);
    desc_drop_last_stream(d);
    g_assert_cmpuint(d->nstreams, ==, 0);
    desc_drop_last_stream(d);
    desc_free(d);
}

static void fmtp_parameters_are_found_by_name(void)
{
    char fmtp[] = "profile-level-id=42e01f; Packetization-Mode = 1;level-asymmetry-allowed=1;";
    struct desc_codec c = {.fmtp = fmtp}, none = {0};
    struct span value;

    g_assert_true(desc_codec_param(&c, "packetization-mode", &value));
    g_assert_true(span_equal(value, SPAN("1")));
    g_assert_true(desc_codec_param(&c, "profile-level-id", &value));
    g_assert_true(span_equal(value, SPAN("42e01f")));
    g_assert_false(desc_codec_param(&c, "mode", &value));
    g_assert_false(desc_codec_param(&none, "mode", &value));
}

/* Two formats as "name/clock/channels fmtp" and whether one may be sent for the other. */
static const struct pair {
    const char *a, *b;
    bool same;
} pairs[] = {
    {"PCMU/8000/1", "pcmu/8000/1", true},
    {"PCMU/8000/1", "PCMA/8000/1", false},
    {"telephone-event/8000/1", "telephone-event/48000/1", false},
    {"telephone-event/8000/1 0-15", "telephone-event/8000/1 0-16", true},
    {"opus/48000/2", "opus/48000/1", true},
    {"opus/48000/2 stereo=1", "opus/48000/2 useinbandfec=1", true},
    {"L16/44100/2", "L16/44100/1", false},
    {"G729/8000/1 annexb=no", "G729/8000/1", true},
    {"H264/90000/1 profile-level-id=42e01f;packetization-mode=1",
     "H264/90000/1 packetization-mode=1;profile-level-id=42E034", true},
    {"H264/90000/1 profile-level-id=42e01f;packetization-mode=1",
     "H264/90000/1 profile-level-id=42e01f", false},
    {"H264/90000/1 profile-level-id=42e01f", "H264/90000/1 profile-level-id=42801F", true},
    {"H264/90000/1 profile-level-id=42e01f", "H264/90000/1", true},
    {"H264/90000/1 profile-level-id=42e01f", "H264/90000/1 profile-level-id=4d001f", false},
    {"H264/90000/1 profile-level-id=4d801f", "H264/90000/1 profile-level-id=42e01f", true},
    {"H264/90000/1 profile-level-id=64001f", "H264/90000/1 profile-level-id=640c1f", false},
    {"H264/90000/1 profile-level-id=64001f", "H264/90000/1 profile-level-id=zzzzzz", false},
    {"VP9/90000/1", "VP9/90000/1 profile-id=0", true},
    {"VP9/90000/1 profile-id=2", "VP9/90000/1 profile-id=0", false},
    {"VP8/90000/1", "VP9/90000/1", false},
    {"AV1/90000/1", "AV1/90000/1 profile=0;level-idx=5;tier=0", true},
    {"AV1/90000/1 profile=1", "AV1/90000/1", false},
    {"AMR/8000/1", "AMR/8000/1 octet-align=1", false},
    {"AMR-WB/16000/1 octet-align=0", "AMR-WB/16000/1", true},
    {"G7221/16000/1 bitrate=32000", "G7221/16000/1", false},
};

static void codec_from(const char *text, struct desc_codec *c)
{
    struct span rest = span_of(text);
    struct span format = span_cut(&rest, ' ');
    uint64_t clock = 0, channels = 0;

    *c = (struct desc_codec){0};
    g_assert_true(span_copy(span_cut(&format, '/'), c->name, sizeof(c->name)));
    g_assert_true(span_u64(span_cut(&format, '/'), UINT32_MAX, &clock));
    g_assert_true(span_u64(format, UINT8_MAX, &channels));
    c->clock_hz = (uint32_t)clock;
    c->channels = (uint8_t)channels;
    c->fmtp = rest.n ? span_dup(rest) : NULL;
}

static void formats_are_the_same_when_one_decoder_takes_both(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        struct desc_codec a, b;
        codec_from(pairs[i].a, &a);
        codec_from(pairs[i].b, &b);
        g_test_message("%s | %s", pairs[i].a, pairs[i].b);
        g_assert_true(desc_codec_same(&a, &b) == pairs[i].same);
        g_assert_true(desc_codec_same(&b, &a) == pairs[i].same);
        g_assert_true(desc_codec_same(&a, &a));
        g_free(a.fmtp);
        g_free(b.fmtp);
    }
}

static void static_payload_types_name_codecs_and_back(void)
{
    struct desc_codec c = {.pt = 9}, l16 = {.name = "l16", .clock_hz = 44100, .channels = 2};
    uint8_t pt = 77;

    g_assert_true(desc_static_codec(&c));
    g_assert_cmpstr(c.name, ==, "G722");
    g_assert_cmpuint(c.clock_hz, ==, 8000);
    g_assert_true(desc_static_pt(&c, &pt));
    g_assert_cmpuint(pt, ==, 9);
    g_assert_true(desc_static_pt(&l16, &pt));
    g_assert_cmpuint(pt, ==, 10);
    c.pt = 96;
    g_assert_false(desc_static_codec(&c));
    (void)g_strlcpy(c.name, "opus", sizeof(c.name));
    g_assert_false(desc_static_pt(&c, &pt));
    g_assert_cmpuint(pt, ==, 10);
}

static void direction_reverses_onto_itself(void)
{
    g_assert_cmpint(desc_direction_reverse(DESC_SENDONLY), ==, DESC_RECVONLY);
    g_assert_cmpint(desc_direction_reverse(DESC_RECVONLY), ==, DESC_SENDONLY);
    g_assert_cmpint(desc_direction_reverse(DESC_SENDRECV), ==, DESC_SENDRECV);
    g_assert_cmpint(desc_direction_reverse(DESC_INACTIVE), ==, DESC_INACTIVE);
}

static void keys_have_the_length_of_their_suite(void)
{
    g_assert_cmpuint(desc_suite_key_len(DESC_AES_CM_128_SHA1_80), ==, 16);
    g_assert_cmpuint(desc_suite_salt_len(DESC_AES_CM_128_SHA1_32), ==, 14);
    g_assert_cmpuint(desc_suite_salt_len(DESC_AEAD_AES_128_GCM), ==, 12);
    g_assert_cmpuint(desc_suite_key_len(DESC_AEAD_AES_256_GCM), ==, 32);
    g_assert_cmpuint(desc_suite_key_len(DESC_AEAD_AES_256_GCM) +
                         desc_suite_salt_len(DESC_AEAD_AES_256_GCM),
                     <=, sizeof(((struct desc_crypto *)NULL)->key));
}

static void profile_is_what_the_first_transport_shows(void)
{
    struct desc *d = desc_new();
    struct desc_profile p = desc_profile_of(d);

    g_assert_cmpint(p.security, ==, DESC_PLAIN);
    g_assert_false(p.ice);
    struct desc_transport *t = desc_add_transport(d);
    t->ice = t->rtcp_mux = t->feedback = true;
    t->security = DESC_DTLS;
    d->bundled = true;
    p = desc_profile_of(d);
    g_assert_true(p.ice && p.bundle && p.rtcp_mux && p.feedback);
    g_assert_cmpint(p.security, ==, DESC_DTLS);
    g_assert_true(desc_profile_webrtc.ice && desc_profile_webrtc.bundle);
    g_assert_false(desc_profile_dtls.ice);
    desc_free(d);
}

void unit_media_desc(void)
{
    g_test_add_func("/media/desc/copy-owns-all-it-points-to", copy_owns_all_it_points_to);
    g_test_add_func("/media/desc/limits-end-in-null", limits_end_in_null);
    g_test_add_func("/media/desc/clearing-transports-leaves-the-streams",
                    clearing_transports_leaves_the_streams);
    g_test_add_func("/media/desc/fmtp-parameters-are-found-by-name",
                    fmtp_parameters_are_found_by_name);
    g_test_add_func("/media/desc/formats-are-the-same-when-one-decoder-takes-both",
                    formats_are_the_same_when_one_decoder_takes_both);
    g_test_add_func("/media/desc/static-payload-types-name-codecs-and-back",
                    static_payload_types_name_codecs_and_back);
    g_test_add_func("/media/desc/direction-reverses-onto-itself", direction_reverses_onto_itself);
    g_test_add_func("/media/desc/keys-have-the-length-of-their-suite",
                    keys_have_the_length_of_their_suite);
    g_test_add_func("/media/desc/profile-is-what-the-first-transport-shows",
                    profile_is_what_the_first_transport_shows);
}
