/* What real endpoints sent, our own captures and the collected ones: read, said again, read alike;
 * and the broken ones refused. In tests/captures the chromium156-* and baresip100-* files were
 * recorded from those programs in a network namespace; the *-shaped-* ones are written by hand
 * after what Dino 0.4.2 and Linphone 5 send. */
#include "media/desc_sdp.h"
#include "media/negotiate.h"
#include "media_desc_equal.h"

void unit_media_desc_corpus(void);

static struct desc *read_back_alike(const char *name, struct span text)
{
    struct desc *d, *again;
    const char *why = NULL;

    g_test_message("%s", name);
    if (desc_sdp_read(text, &d, &why) != GW_OK)
        g_error("%s is refused: %s", name, why);
    char *written = desc_sdp_write(d);
    if (desc_sdp_read(span_of(written), &again, &why) != GW_OK)
        g_error("%s, written again, is refused: %s\n%s", name, why, written);
    why = desc_difference(d, again);
    if (why)
        g_error("%s, written again, differs: %s\n%s", name, why, written);
    g_free(written);
    desc_free(again);
    return d;
}

static bool is_broken(const char *name)
{
    static const char *const broken[] = {
        "janus-libwebrtc-unittest-no-session.sdp", /* begins at m= */
        "sdptransform-invalid.sdp",                /* IP7, f= */
        "sofia-version1-invalid.sdp",              /* v=1 */
        "mozilla-bad-fingerprint-length.sdp",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
        if (strcmp(name, broken[i]) == 0)
            return true;
    return false;
}

/* Returns how many files were read. */
static unsigned walk(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    unsigned n = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        char *path = g_build_filename(folder, name, NULL), *text = NULL;
        gsize size = 0;
        if (g_str_has_suffix(name, ".sdp")) {
            g_assert_true(g_file_get_contents(path, &text, &size, NULL));
            struct span sdp = {text, size};
            struct desc *d = NULL;
            if (is_broken(name))
                g_assert_cmpint(desc_sdp_read(sdp, &d, NULL), !=, GW_OK);
            else
                d = read_back_alike(name, sdp);
            desc_free(d);
            n++;
        }
        g_free(text);
        g_free(path);
    }
    if (dir)
        g_dir_close(dir);
    return n;
}

static void own_captures_are_read_and_said_alike(void)
{
    g_assert_cmpuint(walk(TESTS_DIR "/captures"), >=, 14);
}

static void collected_descriptions_are_read_and_said_alike(void)
{
    if (!g_file_test(CORPUS_DIR "/sdp", G_FILE_TEST_IS_DIR)) {
        g_test_skip("no corpus beside the source tree (" CORPUS_DIR "/sdp)");
        return;
    }
    g_assert_cmpuint(walk(CORPUS_DIR "/sdp"), >=, 50);
}

static struct desc *capture(const char *name)
{
    char *path = g_build_filename(TESTS_DIR, "captures", name, NULL), *text = NULL;
    gsize size = 0;

    g_assert_true(g_file_get_contents(path, &text, &size, NULL));
    struct desc *d = read_back_alike(name, (struct span){text, size});
    g_free(text);
    g_free(path);
    return d;
}

static void chromium_audio_offer_is_understood(void)
{
    struct desc *d = capture("chromium156-audio-offer.sdp");
    const struct desc_stream *s = &d->stream[0];
    const struct desc_transport *t = &d->transport[0];

    g_assert_true(d->bundled);
    g_assert_cmpuint(d->nstreams, ==, 1);
    g_assert_cmpuint(s->ncodecs, ==, 8);
    g_assert_cmpstr(s->codec[0].name, ==, "opus");
    g_assert_cmpuint(desc_codec_by_pt(s, 110)->clock_hz, ==, 48000);
    g_assert_cmpuint(desc_codec_by_pt(s, 126)->clock_hz, ==, 8000);
    g_assert_true(t->ice && t->ice_trickle && t->rtcp_mux && t->feedback);
    g_assert_cmpint(t->security, ==, DESC_DTLS);
    g_assert_cmpint(t->setup, ==, DESC_ACTPASS);
    g_assert_cmpuint(t->nfingerprints, ==, 1);
    g_assert_cmpuint(t->fingerprint[0].n, ==, 32);
    g_assert_cmpuint(t->ncandidates, >=, 1);
    g_assert_true(t->rtp.set);
    g_assert_cmpuint(s->nsources, ==, 1);
    g_assert_nonnull(s->source[0].cname);
    g_assert_nonnull(s->msid);
    desc_free(d);
}

static void candidates_with_mdns_names_are_left_out(void)
{
    struct desc *d = capture("chromium156-audio-mdns-offer.sdp");

    g_assert_true(d->transport[0].ice);
    g_assert_cmpuint(d->transport[0].ncandidates, ==, 0);
    g_assert_false(d->transport[0].rtp.set);
    desc_free(d);
}

static void chromium_bundles_three_streams_on_one_transport(void)
{
    struct desc *d = capture("chromium156-audio-video-data-offer.sdp");

    g_assert_cmpuint(d->nstreams, ==, 3);
    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_cmpint(d->stream[2].kind, ==, DESC_APPLICATION);
    g_assert_cmpstr(d->stream[2].formats, ==, "webrtc-datachannel");
    g_assert_cmpuint(d->stream[1].nsources, ==, 1);
    g_assert_cmpuint(d->stream[1].source[0].rtx_ssrc, !=, 0);
    desc_free(d);
}

static void max_bundle_offer_has_one_transport(void)
{
    struct desc *d = capture("chromium156-max-bundle-offer.sdp");

    g_assert_cmpuint(d->nstreams, ==, 2);
    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_false(d->stream[1].refused);
    g_assert_cmpuint(d->stream[1].ncodecs, ==, 23);
    desc_free(d);
}

static void baresip_securities_are_told_apart(void)
{
    static const struct {
        const char *name;
        enum desc_security security;
        unsigned ncrypto, nfingerprints;
        bool ice;
    } rows[] = {{"baresip100-plain-offer.sdp", DESC_PLAIN, 0, 0, false},
                {"baresip100-srtp-offer.sdp", DESC_PLAIN, 1, 0, false}, /* RFC 8643 */
                {"baresip100-srtp-mand-offer.sdp", DESC_SDES, 1, 0, false},
                {"baresip100-dtls-offer.sdp", DESC_DTLS, 0, 1, false},
                {"baresip100-dtls-ice-offer.sdp", DESC_DTLS, 0, 1, true},
                {"linphone-shaped-srtp-offer.sdp", DESC_SDES, 3, 0, false},
                {"linphone-shaped-ice-offer.sdp", DESC_DTLS, 0, 1, true},
                {"dino-shaped-offer.sdp", DESC_DTLS, 0, 1, true}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc *d = capture(rows[i].name);
        const struct desc_transport *t = &d->transport[0];
        g_assert_cmpint(t->security, ==, rows[i].security);
        g_assert_cmpuint(t->ncrypto, ==, rows[i].ncrypto);
        g_assert_cmpuint(t->nfingerprints, ==, rows[i].nfingerprints);
        g_assert_true(t->ice == rows[i].ice);
        g_assert_true(desc_codec_is(&d->stream[0].codec[0], "opus"));
        desc_free(d);
    }
}

static void linphone_wildcard_feedback_reaches_every_codec(void)
{
    struct desc *d = capture("linphone-shaped-srtp-offer.sdp");
    const struct desc_codec *vp8 = desc_codec_by_pt(&d->stream[1], 96);

    g_assert_cmpuint(d->stream[0].codec[0].nfeedback, ==, 2);
    g_assert_cmpuint(vp8->nfeedback, ==, 6);
    g_assert_cmpuint(d->stream[0].ncodecs, ==, 9);
    g_assert_cmpstr(desc_codec_by_pt(&d->stream[0], 18)->name, ==, "G729");
    g_assert_cmpuint(d->transport[0].rtp.port, ==, 7078);
    desc_free(d);
}

static void dino_candidates_have_two_components(void)
{
    struct desc *d = capture("dino-shaped-offer.sdp");
    unsigned n[3] = {0};

    for (unsigned i = 0; i < d->transport[0].ncandidates; i++)
        n[d->transport[0].candidate[i].component]++;
    g_assert_cmpuint(n[1], ==, 2);
    g_assert_cmpuint(n[2], ==, 2);
    desc_free(d);
}

/* One block of the RFC 4317 file: "=== 2.1-offer" up to the next. */
static struct span next_block(struct span *rest, struct span *title)
{
    struct span block;

    *title = span_line(rest);
    block.p = rest->p;
    while (!span_empty(*rest) && !span_starts(*rest, SPAN("===")))
        (void)span_line(rest);
    block.n = rest->p ? (size_t)(rest->p - block.p) : strlen(block.p);
    return block;
}

static bool has_same(const struct desc_stream *s, const struct desc_codec *c)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (desc_codec_same(&s->codec[i], c))
            return true;
    return false;
}

/* With B's answer to A's own offer at hand, what we tell A is what B said. */
static void crosses_unchanged(const struct desc *offer, const struct desc *answer)
{
    struct stream_map same;
    struct desc *ours;
    bool any = false;

    for (int8_t i = 0; i < DESC_STREAMS_MAX; i++)
        same.b_of_a[i] = i;
    g_assert_cmpuint(answer->nstreams, ==, offer->nstreams);
    for (unsigned i = 0; i < answer->nstreams; i++)
        any |= !answer->stream[i].refused;
    g_assert_cmpint(negotiate_answer(offer, answer, &same, &ours), ==, any ? GW_OK : GW_ENOCODEC);
    for (unsigned i = 0; any && i < ours->nstreams; i++) {
        const struct desc_stream *s = &ours->stream[i], *theirs = &answer->stream[i];
        if (theirs->ncodecs == 1 && desc_codec_is(&theirs->codec[0], "telephone-event")) {
            g_assert_true(s->refused); /* 2.4: a stream of digits alone, which we do not carry */
            continue;
        }
        g_assert_true(s->refused == theirs->refused);
        if (s->refused)
            continue;
        /* 3.2 answers sendonly with sendrecv: an erratum we mend */
        g_assert_cmpint(s->direction, ==,
                        theirs->direction & desc_direction_reverse(offer->stream[i].direction));
        for (unsigned k = 0; k < theirs->ncodecs; k++) /* 2.3: not by the same number */
            g_assert_true(has_same(s, &theirs->codec[k]) ==
                          has_same(&offer->stream[i], &theirs->codec[k]));
    }
    desc_free(ours);
}

static void rfc4317_examples_are_read_and_cross_unchanged(void)
{
    const char *path = CORPUS_DIR "/sdp/rfc4317-offer-answer-examples.txt";
    struct desc *last = NULL;
    struct span rest, title;
    char *text = NULL;
    unsigned n = 0, pairs = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        g_test_skip("no corpus beside the source tree");
        return;
    }
    for (rest = span_of(text); !span_empty(rest); n++) {
        struct span block = next_block(&rest, &title);
        char *name = span_dup(title);
        struct desc *d = read_back_alike(name, block);
        if (strstr(name, "answer") && last) {
            crosses_unchanged(last, d);
            pairs++;
        }
        desc_free(last);
        last = strstr(name, "offer") ? d : NULL;
        if (!last)
            desc_free(d);
        g_free(name);
    }
    desc_free(last);
    g_free(text);
    g_assert_cmpuint(n, ==, 54);
    g_assert_cmpuint(pairs, >=, 20);
}

void unit_media_desc_corpus(void)
{
    g_test_add_func("/media/desc_corpus/own-captures-are-read-and-said-alike",
                    own_captures_are_read_and_said_alike);
    g_test_add_func("/media/desc_corpus/collected-descriptions-are-read-and-said-alike",
                    collected_descriptions_are_read_and_said_alike);
    g_test_add_func("/media/desc_corpus/chromium-audio-offer-is-understood",
                    chromium_audio_offer_is_understood);
    g_test_add_func("/media/desc_corpus/candidates-with-mdns-names-are-left-out",
                    candidates_with_mdns_names_are_left_out);
    g_test_add_func("/media/desc_corpus/chromium-bundles-three-streams-on-one-transport",
                    chromium_bundles_three_streams_on_one_transport);
    g_test_add_func("/media/desc_corpus/max-bundle-offer-has-one-transport",
                    max_bundle_offer_has_one_transport);
    g_test_add_func("/media/desc_corpus/baresip-securities-are-told-apart",
                    baresip_securities_are_told_apart);
    g_test_add_func("/media/desc_corpus/linphone-wildcard-feedback-reaches-every-codec",
                    linphone_wildcard_feedback_reaches_every_codec);
    g_test_add_func("/media/desc_corpus/dino-candidates-have-two-components",
                    dino_candidates_have_two_components);
    g_test_add_func("/media/desc_corpus/rfc4317-examples-are-read-and-cross-unchanged",
                    rfc4317_examples_are_read_and_cross_unchanged);
}
