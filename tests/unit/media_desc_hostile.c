/* Descriptions made to hurt. */
#include "media/desc_sdp.h"
#include "media_desc_equal.h"

void unit_media_desc_hostile(void);

#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static char *repeat(const char *head, const char *line, size_t limit)
{
    GString *s = g_string_new(head);

    while (s->len + strlen(line) <= limit)
        g_string_append(s, line);
    return g_string_free(s, FALSE);
}

static void more_than_64_kilobytes_is_too_big(void)
{
    char *text = repeat(HEAD "m=audio 5000 RTP/AVP 0\r\n", "a=x\r\n", DESC_SDP_MAX + 100);
    struct desc *d;

    g_assert_cmpint(desc_sdp_read(span_of(text), &d, NULL), ==, GW_ETOOBIG);
    g_assert_null(d);
    g_free(text);
}

static void too_many_streams_are_refused(void)
{
    char *text = repeat(HEAD, "m=audio 5000 RTP/AVP 0\r\n", DESC_SDP_MAX);
    struct desc *d;
    const char *why;

    g_assert_cmpint(desc_sdp_read(span_of(text), &d, &why), ==, GW_ETOOBIG);
    g_assert_cmpstr(why, ==, "too many m= lines");
    g_free(text);
    text = g_strnfill(DESC_TEXT_MAX, '0');
    char *long_line = g_strconcat(HEAD "m=audio 5000 RTP/AVP ", text, "\r\n", NULL);
    g_assert_cmpint(desc_sdp_read(span_of(long_line), &d, &why), ==, GW_ETOOBIG);
    g_free(long_line);
    long_line = g_strconcat(HEAD "m=audio 5000 RTP/AVP 0\r\na=fmtp:0 ", text, "\r\n", NULL);
    g_assert_cmpint(desc_sdp_read(span_of(long_line), &d, &why), ==, GW_ETOOBIG);
    g_free(long_line);
    long_line = g_strconcat(HEAD "m=audio 5000 RTP/AVP 0\r\na=ice-pwd:", text, "\r\n", NULL);
    g_assert_cmpint(desc_sdp_read(span_of(long_line), &d, &why), ==, GW_EPARSE);
    g_free(long_line);
    g_free(text);
}

/* 64 KB of one kind of line each: read in no time, kept within the limits. */
static void floods_of_every_line_are_bounded(void)
{
    static const char *const lines[] = {
        "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n",
        "a=extmap:1 urn:x\r\n",
        "a=rtcp-fb:* nack x\r\n",
        "a=rtcp-fb:0 nack\r\n",
        "a=rtpmap:0 PCMU/8000\r\n",
        "a=fmtp:0 x=1\r\n",
        "a=ssrc:1 cname:x\r\n",
        "a=ssrc-group:FID 1 2\r\n",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n",
        "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n",
        "a=ice-options:a b c d\r\n",
        "a=msid:a b\r\n",
        "a=\r\n",
        "b=AS:1\r\n",
        "c=IN IP4 192.0.2.1\r\n",
        "\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        char *text = repeat(HEAD "m=audio 5000 RTP/AVP 0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\n",
                            lines[i], DESC_SDP_MAX);
        struct desc *d;
        g_test_message("%s", lines[i]);
        g_assert_cmpint(desc_sdp_read(span_of(text), &d, NULL), ==, GW_OK);
        g_assert_cmpuint(d->transport[0].ncandidates, <=, DESC_CANDIDATES_MAX);
        g_assert_cmpuint(d->transport[0].ncrypto, <=, DESC_CRYPTO_MAX);
        g_assert_cmpuint(d->stream[0].nextensions, <=, DESC_EXTENSIONS_MAX);
        g_assert_cmpuint(d->stream[0].codec[0].nfeedback, <=, DESC_FEEDBACK_MAX);
        desc_free(d);
        g_free(text);
    }
}

/* Full in every respect at once, sixteen times: still read and written back alike. */
static void everything_at_its_limit_is_still_one_description(void)
{
    GString *s = g_string_new(HEAD "a=group:BUNDLE");
    struct desc *d, *again;
    const char *why = NULL;

    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        g_string_append_printf(s, " %u", i);
    g_string_append(s, "\r\n");
    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++) {
        g_string_append(s, "m=video 5000 RTP/SAVPF");
        for (unsigned pt = 0; pt < 128; pt++)
            g_string_append_printf(s, " %u", pt);
        g_string_append_printf(s, "\r\na=mid:%u\r\n", i);
        for (unsigned k = 0; k < 2 * DESC_SOURCES_MAX; k++)
            g_string_append_printf(s, "a=ssrc:%u cname:x\r\n", k + 1);
        for (unsigned k = 1; k < 2 * DESC_EXTENSIONS_MAX; k++)
            g_string_append_printf(s, "a=extmap:%u urn:%u\r\n", k, k);
        for (unsigned k = 0; k < 2 * DESC_FEEDBACK_MAX; k++)
            g_string_append_printf(s, "a=rtcp-fb:* x%u\r\n", k);
    }
    g_assert_cmpuint(s->len, <, DESC_SDP_MAX);
    g_assert_cmpint(desc_sdp_read((struct span){s->str, s->len}, &d, &why), ==, GW_OK);
    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_cmpuint(d->stream[15].nextensions, ==, DESC_EXTENSIONS_MAX);
    g_assert_cmpuint(d->stream[15].nsources, ==, DESC_SOURCES_MAX);
    char *text = desc_sdp_write(d);
    g_assert_nonnull(text); /* larger than what came, so larger than what would be read */
    again = desc_copy(d);
    g_assert_cmpstr(desc_difference(d, again), ==, NULL);
    g_free(text);
    desc_free(again);
    desc_free(d);
    g_string_free(s, TRUE);
}

static void nul_bytes_are_refused_everywhere(void)
{
    static const char text[] = HEAD "m=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n";
    char copy[sizeof(text)];
    struct desc *d;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        g_assert_cmpint(desc_sdp_read((struct span){copy, sizeof(text) - 1}, &d, NULL), ==,
                        GW_EPARSE);
    }
}

static char *capture(const char *name, gsize *n)
{
    char *path = g_build_filename(TESTS_DIR, "captures", name, NULL), *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, n, NULL));
    g_free(path);
    return text;
}

/* Each read in a buffer of exactly its size, so that a sanitizer sees every byte too far. */
static void read_exactly(const char *p, size_t n)
{
    char *exact = g_memdup2(p, n);
    struct desc *d = NULL;
    const char *why = NULL;
    enum gw_err err = desc_sdp_read((struct span){exact, n}, &d, &why);

    g_assert_true((err == GW_OK) == (d != NULL));
    g_assert_true((err == GW_OK) == (why == NULL));
    desc_free(d);
    g_free(exact);
}

static void truncation_at_every_byte_is_survived(void)
{
    static const char *const names[] = {"chromium156-audio-video-data-offer.sdp",
                                        "linphone-shaped-srtp-offer.sdp", "dino-shaped-offer.sdp",
                                        "baresip100-dtls-ice-offer.sdp"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        gsize n;
        char *text = capture(names[i], &n);
        for (gsize k = 0; k <= n; k++)
            read_exactly(text, k);
        g_free(text);
    }
}

static void a_wrong_byte_anywhere_is_survived(void)
{
    static const char wrong[] = {'\0', '\n', ' ', ':', '=', '9', (char)0xff};
    gsize n;
    char *text = capture("chromium156-audio-offer.sdp", &n);

    for (gsize k = 0; k < n; k++) {
        char was = text[k];
        for (size_t i = 0; i < sizeof(wrong); i++) {
            text[k] = wrong[i];
            read_exactly(text, n);
        }
        text[k] = was;
    }
    g_free(text);
}

/* Four times the text may take four times as long, not sixteen: the group line names every stream
 * thousands of times, the formats every codec. */
static void time_grows_with_the_text_alone(void)
{
    static const char *const lines[] = {"a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9 a b c d e f g h\r\n",
                                        "a=rtcp-fb:* x\r\na=rtcp-fb:0 y\r\n",
                                        "a=ssrc-group:FID 1 2\r\na=ssrc:2 cname:x\r\n",
                                        "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        gint64 best[2] = {G_MAXINT64, G_MAXINT64};
        for (unsigned round = 0; round < 12; round++) {
            unsigned large = round & 1;
            char *text = repeat(HEAD "m=audio 5000 RTP/AVP 0\r\na=mid:0\r\n", lines[i],
                                large ? DESC_SDP_MAX : DESC_SDP_MAX / 4);
            gint64 start = g_get_monotonic_time();
            read_exactly(text, strlen(text));
            gint64 took = g_get_monotonic_time() - start;
            best[large] = MIN(best[large], took);
            g_free(text);
        }
        g_test_message("%s: %" G_GINT64_FORMAT " us, %" G_GINT64_FORMAT " us", lines[i], best[0],
                       best[1]);
        g_assert_cmpint(best[1], <, 8 * best[0] + 2000);
    }
}

void unit_media_desc_hostile(void)
{
    g_test_add_func("/media/desc_hostile/more-than-64-kilobytes-is-too-big",
                    more_than_64_kilobytes_is_too_big);
    g_test_add_func("/media/desc_hostile/too-many-streams-are-refused",
                    too_many_streams_are_refused);
    g_test_add_func("/media/desc_hostile/floods-of-every-line-are-bounded",
                    floods_of_every_line_are_bounded);
    g_test_add_func("/media/desc_hostile/everything-at-its-limit-is-still-one-description",
                    everything_at_its_limit_is_still_one_description);
    g_test_add_func("/media/desc_hostile/nul-bytes-are-refused-everywhere",
                    nul_bytes_are_refused_everywhere);
    g_test_add_func("/media/desc_hostile/truncation-at-every-byte-is-survived",
                    truncation_at_every_byte_is_survived);
    g_test_add_func("/media/desc_hostile/a-wrong-byte-anywhere-is-survived",
                    a_wrong_byte_anywhere_is_survived);
    g_test_add_func("/media/desc_hostile/time-grows-with-the-text-alone",
                    time_grows_with_the_text_alone);
}
