/* What the SDP writer says, and candidate lines both ways. */
#include "media/desc_sdp.h"
#include "media_desc_equal.h"

void unit_media_desc_write(void);

static struct net_addr addr(const char *text)
{
    struct net_addr a;

    g_assert_true(net_addr_parse(span_of(text), &a));
    return a;
}

/* A description as media/ makes them: one audio stream on one transport. */
static struct desc *made(struct desc_transport **t)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    d->session_id = 7;
    d->session_version = 3;
    (void)desc_add_codec(s, 0, "PCMU", 8000, 1, NULL);
    (void)desc_add_codec(s, 101, "telephone-event", 8000, 1, "0-15");
    s->transport = 0;
    *t = desc_add_transport(d);
    return d;
}

static void assert_written(struct desc *d, const char *expected)
{
    char *text = desc_sdp_write(d);

    g_assert_cmpstr(text, ==, expected);
    g_free(text);
    desc_free(d);
}

static void assert_says(struct desc *d, const char *line, bool there)
{
    char *text = desc_sdp_write(d);
    char *whole = g_strconcat("\r\n", line, "\r\n", NULL);

    g_test_message("%s in %s", line, text);
    g_assert_true((strstr(text, whole) != NULL) == there);
    g_free(whole);
    g_free(text);
}

static void a_telephone_gets_the_classical_form(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);

    t->rtp = addr("192.0.2.5:20000");
    d->stream[0].ptime_ms = 20;
    assert_written(d, "v=0\r\n"
                      "o=- 7 3 IN IP4 192.0.2.5\r\n"
                      "s=-\r\n"
                      "c=IN IP4 192.0.2.5\r\n"
                      "t=0 0\r\n"
                      "m=audio 20000 RTP/AVP 0 101\r\n"
                      "c=IN IP4 192.0.2.5\r\n"
                      "a=sendrecv\r\n"
                      "a=rtpmap:0 PCMU/8000\r\n"
                      "a=rtpmap:101 telephone-event/8000\r\n"
                      "a=fmtp:101 0-15\r\n"
                      "a=ptime:20\r\n");
}

static void keys_are_written_as_rfc_4568_and_8122_want(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);

    t->rtp = addr("[2001:db8::5]:20000");
    t->rtcp = addr("[2001:db8::5]:20003");
    t->security = DESC_SDES;
    t->ncrypto = 1;
    t->crypto[0] = (struct desc_crypto){.tag = 2, .suite = DESC_AEAD_AES_128_GCM};
    for (uint8_t i = 0; i < 28; i++)
        t->crypto[0].key[i] = i;
    assert_says(d, "m=audio 20000 RTP/SAVP 0 101", true);
    assert_says(d, "c=IN IP6 2001:db8::5", true);
    assert_says(d, "a=rtcp:20003 IN IP6 2001:db8::5", true);
    assert_says(
        d, "a=crypto:2 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==", true);
    t->security = DESC_DTLS;
    t->feedback = true;
    t->ncrypto = 0;
    t->nfingerprints = 1;
    t->fingerprint[0] = (struct desc_fingerprint){.hash = "sha-1", .n = 20, .value = {0xab}};
    t->setup = DESC_PASSIVE;
    assert_says(d, "m=audio 20000 UDP/TLS/RTP/SAVPF 0 101", true);
    assert_says(
        d, "a=fingerprint:sha-1 AB:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00", true);
    assert_says(d, "a=setup:passive", true);
    desc_free(d);
}

static void profile_follows_the_transport_unless_the_offer_said_it_otherwise(void)
{
    static const struct {
        const char *said;
        enum desc_security security;
        bool feedback;
        const char *line;
    } rows[] = {{"", DESC_PLAIN, false, "m=audio 9 RTP/AVP 0 101"},
                {"", DESC_PLAIN, true, "m=audio 9 RTP/AVPF 0 101"},
                {"", DESC_SDES, true, "m=audio 9 RTP/SAVPF 0 101"},
                {"", DESC_DTLS, false, "m=audio 9 UDP/TLS/RTP/SAVP 0 101"},
                {"RTP/SAVPF", DESC_DTLS, true, "m=audio 9 RTP/SAVPF 0 101"},
                {"RTP/AVP", DESC_SDES, false, "m=audio 9 RTP/AVP 0 101"}, /* RFC 8643 */
                {"UDP/TLS/RTP/SAVPF", DESC_PLAIN, false, "m=audio 9 RTP/AVP 0 101"},
                {"RTP/SAVP", DESC_PLAIN, false, "m=audio 9 RTP/AVP 0 101"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc_transport *t;
        struct desc *d = made(&t);
        (void)g_strlcpy(d->stream[0].protocol, rows[i].said, sizeof(d->stream[0].protocol));
        t->security = rows[i].security;
        t->feedback = rows[i].feedback;
        t->nfingerprints = t->security == DESC_DTLS;
        t->fingerprint[0].n = 20;
        assert_says(d, rows[i].line, true);
        desc_free(d);
    }
}

static void candidate_add(struct desc_transport *t, uint8_t component,
                          enum desc_candidate_type type, const char *where, uint32_t priority)
{
    struct desc_candidate *c = desc_add_candidate(t);

    (void)g_strlcpy(c->foundation, "1", sizeof(c->foundation));
    c->component = component;
    c->type = type;
    c->priority = priority;
    c->addr = addr(where);
}

static void default_candidate_stands_in_m_and_c(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);

    t->ice = t->ice_trickle = t->end_of_candidates = true;
    (void)g_strlcpy(t->ufrag, "abcd", sizeof(t->ufrag));
    (void)g_strlcpy(t->pwd, "0123456789012345678901", sizeof(t->pwd));
    assert_says(d, "m=audio 9 RTP/AVP 0 101", true); /* none yet */
    assert_says(d, "c=IN IP4 0.0.0.0", true);
    candidate_add(t, 1, DESC_HOST, "[2001:db8::5]:4000", 3000);
    candidate_add(t, 1, DESC_HOST, "192.0.2.5:4001", 2000);
    candidate_add(t, 1, DESC_HOST, "192.0.2.6:4002", 2500);
    candidate_add(t, 2, DESC_HOST, "192.0.2.6:4003", 2499);
    assert_says(d, "m=audio 4002 RTP/AVP 0 101", true);
    assert_says(d, "a=rtcp:4003 IN IP4 192.0.2.6", true);
    candidate_add(t, 1, DESC_RELAY, "198.51.100.1:5000", 1);
    assert_says(d, "m=audio 5000 RTP/AVP 0 101", true);
    assert_says(d, "c=IN IP4 198.51.100.1", true);
    t->rtcp_mux = true;
    assert_says(d, "a=rtcp:4003 IN IP4 192.0.2.6", false);
    assert_says(d, "a=rtcp-mux", true);
    assert_says(d, "a=candidate:1 1 udp 1 198.51.100.1 5000 typ relay raddr 0.0.0.0 rport 9", true);
    assert_says(d, "a=ice-options:trickle", true);
    assert_says(d, "a=end-of-candidates", true);
    desc_free(d);
}

static void bundled_streams_repeat_their_transport(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);
    struct desc_stream *v = desc_add_stream(d, DESC_VIDEO);

    t->rtp = addr("192.0.2.5:20000");
    t->tls_id[0] = 'x';
    (void)desc_add_codec(v, 96, "VP8", 90000, 1, NULL);
    v->transport = 0;
    (void)g_strlcpy(d->stream[0].mid, "a", DESC_MID_MAX);
    (void)g_strlcpy(v->mid, "v", DESC_MID_MAX);
    d->bundled = true;
    assert_says(d, "a=group:BUNDLE a v", true);
    assert_says(d, "m=video 20000 RTP/AVP 96", true);
    char *text = desc_sdp_write(d), *first = strstr(text, "a=tls-id:x");
    g_assert_nonnull(first);
    g_assert_nonnull(strstr(first + 1, "a=tls-id:x"));
    g_free(text);
    v->refused = true;
    v->transport = -1;
    assert_says(d, "a=group:BUNDLE a", true);
    assert_says(d, "m=video 0 RTP/AVP 96", true);
    desc_free(d);
}

static void a_bundle_only_stream_never_leads_its_group(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);
    struct desc_stream *v = desc_add_stream(d, DESC_VIDEO);

    (void)desc_add_codec(v, 96, "VP8", 90000, 1, NULL);
    v->transport = 0;
    d->stream[0].bundle_only = true;
    (void)g_strlcpy(d->stream[0].mid, "a", DESC_MID_MAX);
    (void)g_strlcpy(v->mid, "v", DESC_MID_MAX);
    d->bundled = true;
    assert_says(d, "a=group:BUNDLE v a", true);
    assert_says(d, "m=audio 0 RTP/AVP 0 101", true);
    assert_says(d, "a=bundle-only", true);
    desc_free(d);
}

static void what_is_not_described_yet_can_be_written_all_the_same(void)
{
    struct desc *d = desc_new();

    (void)desc_add_stream(d, DESC_OTHER);
    assert_says(d, "m=audio 9 RTP/AVP 0", true);
    desc_free(d);
    assert_written(desc_new(), "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n"
                               "t=0 0\r\n");
}

static void line_ends_from_other_dialects_do_not_make_lines(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t), *again;
    struct desc_stream *s = &d->stream[0];

    (void)desc_add_codec(s, 96, "x\r\na=crypto:1", 8000, 1, "a=1\r\na=inactive");
    s->msid = g_strdup("a\nm=video 5000 RTP/AVP 31");
    (void)desc_add_source(s, 1, "c\r\nm=audio 5000 RTP/AVP 0");
    (void)desc_add_extension(s, 1, "urn:x\r\na=inactive");
    (void)g_strlcpy(t->ufrag, "a\r\nm=video 1 RTP/AVP 31", sizeof(t->ufrag));
    t->ice = true;
    char *text = desc_sdp_write(d);
    g_assert_cmpint(desc_sdp_read(span_of(text), &again, NULL), !=, GW_OK); /* a ufrag of words */
    g_assert_null(strstr(text, "\nm=video"));
    g_assert_null(strstr(text, "\na=inactive"));
    g_assert_null(strstr(text, "\na=crypto"));
    g_free(text);
    desc_free(d);
}

static void sources_are_grouped_with_their_repair(void)
{
    struct desc_transport *t;
    struct desc *d = made(&t);

    desc_add_source(&d->stream[0], 10, "me")->rtx_ssrc = 11;
    d->stream[0].msid = g_strdup("s t");
    assert_says(d, "a=ssrc-group:FID 10 11\r\na=ssrc:10 cname:me\r\na=ssrc:11 cname:me", true);
    assert_says(d, "a=msid:s t", true);
    assert_says(d, "a=msid-semantic: WMS *", true);
    desc_free(d);
}

/* ---- candidates ---- */

static void candidates_survive_the_round(void)
{
    static const struct {
        const char *text, *written; /* NULL: as it was */
    } rows[] = {
        {"candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", NULL},
        {"candidate:a+/9 2 udp 1 2001:db8::1 65535 typ host", NULL},
        {"candidate:2 1 udp 1694498815 198.51.100.1 5000 typ srflx raddr 10.0.0.1 rport 4000",
         NULL},
        {"candidate:3 1 udp 9 198.51.100.1 5000 typ prflx raddr 10.0.0.1 rport 4000 ufrag x+y",
         NULL},
        {"candidate:4 1 tcp 9 192.0.2.1 9 typ host tcptype active", NULL},
        {"candidate:4 1 tcp 9 192.0.2.1 4000 typ host tcptype passive", NULL},
        {"a=candidate:1 1 UDP 7 192.0.2.1 4000 typ HOST generation 0 network-id 1 ufrag abcd\r",
         NULL},
        {" CANDIDATE:1  1  UDP  7  192.0.2.1  4000  typ  host ",
         "candidate:1 1 udp 7 192.0.2.1 4000 typ host"},
        {"a=candidate:1 1 UDP 7 192.0.2.1 4000 typ host generation 0 network-id 1 ufrag abcd",
         "candidate:1 1 udp 7 192.0.2.1 4000 typ host ufrag abcd"},
        {"candidate:1 1 udp 7 ::ffff:192.0.2.1 4000 typ relay raddr 0.0.0.0 rport 0",
         "candidate:1 1 udp 7 192.0.2.1 4000 typ relay raddr 0.0.0.0 rport 9"},
        {"candidate:1 1 udp 7 192.0.2.1 4000 typ srflx raddr x.x.x.x rport 77",
         "candidate:1 1 udp 7 192.0.2.1 4000 typ srflx raddr 0.0.0.0 rport 9"},
        {"candidate:1 1 udp 7 2001:db8::1 4000 typ srflx",
         "candidate:1 1 udp 7 2001:db8::1 4000 typ srflx raddr :: rport 9"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc_candidate c, again;
        struct span text = span_of(rows[i].text);
        if (text.p[text.n - 1] == '\r') { /* a line end is the caller's to cut */
            g_assert_cmpint(desc_sdp_read_candidate(text, &c), ==, GW_EPARSE);
            continue;
        }
        g_test_message("%s", rows[i].text);
        g_assert_cmpint(desc_sdp_read_candidate(text, &c), ==, GW_OK);
        char *written = desc_sdp_write_candidate(&c);
        g_assert_cmpstr(written, ==, rows[i].written ? rows[i].written : rows[i].text);
        g_assert_cmpint(desc_sdp_read_candidate(span_of(written), &again), ==, GW_OK);
        g_assert_true(desc_candidate_equal(&c, &again));
        g_free(written);
    }
}

static void useless_candidates_are_told_from_broken_ones(void)
{
    static const struct {
        const char *text;
        enum gw_err err;
    } rows[] = {
        {"candidate:1 1 udp 7 0b1c.local 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 stun.example.org 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 x.x.x.x 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 fe80::1%eth0 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 0.0.0.0 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 192.0.2.1 0 typ host", GW_EUNSUPPORTED},
        {"candidate:1 3 udp 7 192.0.2.1 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 sctp 7 192.0.2.1 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 tcp 7 192.0.2.1 4000 typ host", GW_EUNSUPPORTED},
        {"candidate:1 1 tcp 7 192.0.2.1 4000 typ host tcptype weird", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 192.0.2.1 4000 typ token", GW_EUNSUPPORTED},
        {"candidate:1 1 udp 7 192.0.2.1 4000 typ", GW_EPARSE},
        {"candidate:1 1 udp 7 192.0.2.1 4000", GW_EPARSE},
        {"candidate:1 1 udp 7 192.0.2.1 70000 typ host", GW_EPARSE},
        {"candidate:1 1 udp -7 192.0.2.1 4000 typ host", GW_EPARSE},
        {"candidate:1 0 udp 7 192.0.2.1 4000 typ host", GW_EPARSE},
        {"candidate:1 one udp 7 192.0.2.1 4000 typ host", GW_EPARSE},
        {"candidate:123456789012345678901234567890123 1 udp 7 192.0.2.1 4000 typ host", GW_EPARSE},
        {"candidate: 1 udp 7 192.0.2.1 4000 typ host", GW_EPARSE},
        {"candidate:", GW_EPARSE},
        {"a=candidate", GW_EPARSE},
        {"", GW_EPARSE},
        {"end-of-candidates", GW_EPARSE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct desc_candidate c = {.priority = 99};
        g_test_message("%s", rows[i].text);
        g_assert_cmpint(desc_sdp_read_candidate(span_of(rows[i].text), &c), ==, rows[i].err);
        g_assert_cmpuint(c.priority, ==, 99);
    }
}

void unit_media_desc_write(void)
{
    g_test_add_func("/media/desc_write/a-telephone-gets-the-classical-form",
                    a_telephone_gets_the_classical_form);
    g_test_add_func("/media/desc_write/keys-are-written-as-rfc-4568-and-8122-want",
                    keys_are_written_as_rfc_4568_and_8122_want);
    g_test_add_func(
        "/media/desc_write/profile-follows-the-transport-unless-the-offer-said-it-otherwise",
        profile_follows_the_transport_unless_the_offer_said_it_otherwise);
    g_test_add_func("/media/desc_write/default-candidate-stands-in-m-and-c",
                    default_candidate_stands_in_m_and_c);
    g_test_add_func("/media/desc_write/bundled-streams-repeat-their-transport",
                    bundled_streams_repeat_their_transport);
    g_test_add_func("/media/desc_write/a-bundle-only-stream-never-leads-its-group",
                    a_bundle_only_stream_never_leads_its_group);
    g_test_add_func("/media/desc_write/what-is-not-described-yet-can-be-written-all-the-same",
                    what_is_not_described_yet_can_be_written_all_the_same);
    g_test_add_func("/media/desc_write/line-ends-from-other-dialects-do-not-make-lines",
                    line_ends_from_other_dialects_do_not_make_lines);
    g_test_add_func("/media/desc_write/sources-are-grouped-with-their-repair",
                    sources_are_grouped_with_their_repair);
    g_test_add_func("/media/desc_write/candidates-survive-the-round", candidates_survive_the_round);
    g_test_add_func("/media/desc_write/useless-candidates-are-told-from-broken-ones",
                    useless_candidates_are_told_from_broken_ones);
}
