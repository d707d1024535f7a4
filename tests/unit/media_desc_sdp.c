/* What the SDP reader makes of single lines. */
#include "media/desc_sdp.h"
#include "media_desc_equal.h"

void unit_media_desc_sdp(void);

#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 5000 RTP/AVP 0 8 96\r\n"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define PRINT                                                                                      \
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"  \
    "77:88:99:AA:BB:CC:DD:EE:FF\r\n"

/* Read, and check on the way that writing and reading again changes nothing. */
static struct desc *good(const char *text)
{
    struct desc *d, *again;
    const char *why = NULL;

    if (desc_sdp_read(span_of(text), &d, &why) != GW_OK)
        g_error("refused: %s\n%s", why, text);
    char *written = desc_sdp_write(d);
    if (desc_sdp_read(span_of(written), &again, &why) != GW_OK)
        g_error("refused when written again: %s\n%s", why, written);
    why = desc_difference(d, again);
    if (why)
        g_error("changed by writing: %s\n%s", why, written);
    desc_free(again);
    g_free(written);
    return d;
}

static void refused(const char *text, enum gw_err err)
{
    struct desc *d;
    const char *why = NULL;

    g_test_message("%s", text);
    g_assert_cmpint(desc_sdp_read(span_of(text), &d, &why), ==, err);
    g_assert_null(d);
    g_assert_nonnull(why);
}

static char *ip_of(const struct net_addr *a)
{
    char buf[NET_ADDR_TEXT];

    return g_strdup(a->set ? net_addr_text(a, buf) : "unset");
}

static void assert_addr(const struct net_addr *a, const char *expected)
{
    char *text = ip_of(a);

    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

/* ---- lenient, and strict ---- */

static void line_ends_order_and_missing_lines_do_not_matter(void)
{
    static const char *const texts[] = {
        "v=0\nm=audio 5000 RTP/AVP 0\nc=IN IP4 192.0.2.1\n",
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0",
        "\r\nv=0\r\n\r\nm=audio  5000  RTP/AVP  0  \r\r\nb=AS:64\r\nc=IN IP4 192.0.2.1 \r\n\r\n",
        "v=0\nt=0 0\ns=\nc=in ip4 192.0.2.1/127\nm=AUDIO 5000/2 rtp/avp 0 0\na=unknown:x\na=\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct desc *d = good(texts[i]);
        g_assert_cmpuint(d->nstreams, ==, 1);
        g_assert_cmpint(d->stream[0].kind, ==, DESC_AUDIO);
        g_assert_cmpuint(d->stream[0].ncodecs, ==, 1);
        g_assert_cmpstr(d->stream[0].codec[0].name, ==, "PCMU");
        assert_addr(&d->transport[0].rtp, "192.0.2.1:5000");
        desc_free(d);
    }
}

static void what_cannot_be_trusted_is_refused(void)
{
    static const char *const texts[] = {
        "",
        "\r\n\r\n",
        "v=1\r\n",
        "v=0 1\r\n" AUDIO,
        "hello\r\n",
        AUDIO,
        HEAD "x=1\r\n" AUDIO,
        HEAD "m\r\n",
        HEAD "m=audio\r\n",
        HEAD "m=audio 70000 RTP/AVP 0\r\n",
        HEAD "m=audio -1 RTP/AVP 0\r\n",
        HEAD "m=audio 5000 RTP/AVP\r\n",
        HEAD "m=audio 5000 RTP/AVP 128\r\n",
        HEAD "m=audio 5000 RTP/AVP zero\r\n",
        HEAD "m=audio-of-a-very-long-name 5000 RTP/AVP 0\r\n",
        HEAD "m=audio 5000 UDP/TLS/RTP/SAVPF/AND/MORE/OF/THAT/KIND 0\r\n",
        "v=0\r\nm=audio 5000 RTP/AVP 0\r\n", /* no c= */
        HEAD AUDIO "c=IN IP4\r\n",
        HEAD AUDIO "c=ATM NSAP 1\r\n",
        HEAD AUDIO "a=rtcp:x\r\n",
        HEAD AUDIO "a=rtcp:5001 IN IP7 x\r\n",
        HEAD AUDIO "a=mid:a b\r\n",
        HEAD AUDIO "a=mid:12345678901234567890123456789012\r\n",
        HEAD AUDIO "a=mid:1\r\n" AUDIO "a=mid:1\r\n",
        HEAD AUDIO "a=setup:sideways\r\n",
        HEAD AUDIO "a=fingerprint:sha-256 00:11\r\n",
        HEAD AUDIO
        "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22-33",
        HEAD AUDIO
        "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:3g",
        HEAD "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n" ICE,
        HEAD "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:md5 00:11\r\n",
        HEAD AUDIO "a=ice-ufrag:a b\r\n",
        HEAD AUDIO "a=sendonly\rv=0\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        refused(texts[i], GW_EPARSE);
}

static void a_description_without_streams_is_one(void)
{
    struct desc *d = good(HEAD); /* RFC 4317 5.1 */

    g_assert_cmpuint(d->nstreams, ==, 0);
    desc_free(d);
}

static void origin_numbers_are_kept_as_far_as_they_fit(void)
{
    struct desc *d = good("v=0\r\no=x 18446744069414584320 18446462598732840960 IN IP4 h\r\n"
                          "c=IN IP4 192.0.2.1\r\n" AUDIO);

    g_assert_cmpuint(d->session_id, ==, UINT64_C(18446744069414584320));
    g_assert_cmpuint(d->session_version, ==, UINT64_C(18446462598732840960));
    desc_free(d);
    d = good("v=0\r\no=- 99999999999999999999999 abc IN IP4 h\r\nc=IN IP4 192.0.2.1\r\n" AUDIO);
    g_assert_cmpuint(d->session_id, ==, 0);
    desc_free(d);
}

/* ---- formats ---- */

static void formats_get_their_names_wherever_those_stand(void)
{
    struct desc *d = good(HEAD "m=audio 5000 RTP/AVP 98 9 0 101 97 96 18\r\n"
                               "a=fmtp:98 useinbandfec=1\r\n"
                               "a=rtpmap:101 telephone-event/8000/1\r\n"
                               "a=rtpmap:9 G722/16000\r\n"
                               "a=rtpmap:77 speex/8000\r\n"
                               "a=rtpmap:96 broken\r\n"
                               "a=rtpmap:98 opus/48000/2 \r\n"
                               "a=fmtp:18 annexb=no\r\n");
    const struct desc_stream *s = &d->stream[0];

    g_assert_cmpuint(s->ncodecs, ==, 5);
    g_assert_cmpstr(s->codec[0].name, ==, "opus");
    g_assert_cmpuint(s->codec[0].channels, ==, 2);
    g_assert_cmpstr(s->codec[0].fmtp, ==, "useinbandfec=1");
    g_assert_cmpuint(desc_codec_by_pt(s, 9)->clock_hz, ==, 8000);
    g_assert_cmpstr(desc_codec_by_pt(s, 18)->name, ==, "G729");
    g_assert_cmpstr(desc_codec_by_pt(s, 18)->fmtp, ==, "annexb=no");
    g_assert_cmpuint(desc_codec_by_pt(s, 101)->channels, ==, 1);
    g_assert_null(desc_codec_by_pt(s, 97)); /* dynamic, never named */
    g_assert_null(desc_codec_by_pt(s, 96)); /* clock missing */
    g_assert_null(s->formats);
    desc_free(d);
}

static void formats_nobody_knows_are_repeated_in_a_refusal(void)
{
    struct desc *d = good(HEAD "m=video 0 RTP/AVP 19 99\r\nm=image 0 udptl t38\r\n"
                               "m=audio 0 RTP/AVP\r\n" AUDIO);
    char *text;

    g_assert_true(d->stream[0].refused && d->stream[1].refused && d->stream[2].refused);
    g_assert_cmpstr(d->stream[0].formats, ==, "19 99");
    g_assert_cmpint(d->stream[1].kind, ==, DESC_OTHER);
    g_assert_cmpstr(d->stream[1].media, ==, "image");
    g_assert_cmpint(d->stream[3].transport, ==, 0);
    text = desc_sdp_write(d);
    g_assert_nonnull(strstr(text, "\r\nm=video 0 RTP/AVP 19 99\r\n"));
    g_assert_nonnull(strstr(text, "\r\nm=image 0 udptl t38\r\n"));
    g_free(text);
    desc_free(d);
}

static void feedback_wildcards_are_spread(void)
{
    struct desc *d = good(HEAD "m=video 5000 RTP/AVPF 96 97\r\na=rtcp-fb:* nack\r\n"
                               "a=rtcp-fb:97 nack\r\na=rtcp-fb:97 nack pli\r\n"
                               "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 VP9/90000\r\n");

    g_assert_cmpuint(d->stream[0].codec[0].nfeedback, ==, 1);
    g_assert_cmpuint(d->stream[0].codec[1].nfeedback, ==, 2);
    g_assert_true(d->transport[0].feedback);
    desc_free(d);
}

static void extensions_keep_direction_and_leave_out_encrypted_ones(void)
{
    struct desc *d = good(HEAD "a=extmap:7 urn:session\r\n" AUDIO
                               "a=extmap:1/sendonly urn:x attributes\r\na=extmap:1 urn:y\r\n"
                               "a=extmap:0 urn:z\r\na=extmap:4096 urn:z\r\na=extmap:5/up urn:z\r\n"
                               "a=extmap:3 urn:ietf:params:rtp-hdrext:encrypt urn:x\r\n");
    const struct desc_stream *s = &d->stream[0];

    g_assert_cmpuint(s->nextensions, ==, 2);
    g_assert_cmpstr(s->extension[0].uri, ==, "urn:x");
    g_assert_cmpint(s->extension[0].direction, ==, DESC_SENDONLY);
    g_assert_cmpstr(s->extension[1].uri, ==, "urn:session");
    desc_free(d);
}

static void sources_know_their_repair_stream(void)
{
    struct desc *d = good(HEAD AUDIO "a=ssrc:2 cname:b\r\na=ssrc-group:FID 1 2\r\n"
                                     "a=ssrc-group:SIM 1 3\r\na=ssrc:1 cname:a\r\n"
                                     "a=ssrc:1 msid:stream track\r\na=ssrc:3\r\n"
                                     "a=ssrc:x cname:c\r\n");
    const struct desc_stream *s = &d->stream[0];

    g_assert_cmpuint(s->nsources, ==, 2);
    g_assert_cmpuint(s->source[0].ssrc, ==, 1);
    g_assert_cmpuint(s->source[0].rtx_ssrc, ==, 2);
    g_assert_cmpstr(s->source[0].cname, ==, "a");
    g_assert_null(s->source[1].cname);
    g_assert_cmpstr(s->msid, ==, "stream track");
    desc_free(d);
}

static void ptime_and_bandwidth_are_read(void)
{
    struct desc *d =
        good(HEAD AUDIO "b=AS:64\r\na=ptime:20\r\na=ptime:30\r\na=maxptime:150\r\n" AUDIO
                        "b=TIAS:50001\r\nb=AS:99\r\na=ptime:x\r\na=rtcp-rsize\r\n");

    g_assert_cmpuint(d->stream[0].bandwidth_bps, ==, 64000);
    g_assert_cmpuint(d->stream[0].ptime_ms, ==, 20);
    g_assert_cmpuint(d->stream[0].maxptime_ms, ==, 150);
    g_assert_cmpuint(d->stream[1].bandwidth_bps, ==, 50001);
    g_assert_true(d->stream[1].rtcp_reduced_size);
    desc_free(d);
}

/* ---- addresses and hold ---- */

static void old_hold_receives_nothing(void)
{
    static const struct {
        const char *line;
        enum desc_direction direction;
    } rows[] = {{"", DESC_SENDONLY},
                {"a=sendonly\r\n", DESC_SENDONLY},
                {"a=recvonly\r\n", DESC_INACTIVE},
                {"a=inactive\r\n", DESC_INACTIVE}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *text = g_strconcat(HEAD, AUDIO "c=IN IP4 0.0.0.0\r\n", rows[i].line, NULL);
        struct desc *d = good(text);
        g_assert_cmpint(d->stream[0].direction, ==, rows[i].direction);
        g_assert_false(d->transport[0].rtp.set);
        desc_free(d);
        g_free(text);
    }
}

static void zero_address_of_trickle_ice_is_no_hold(void)
{
    struct desc *d = good(HEAD "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n" ICE);

    g_assert_cmpint(d->stream[0].direction, ==, DESC_SENDRECV);
    g_assert_true(d->transport[0].ice);
    g_assert_false(d->transport[0].rtp.set);
    desc_free(d);
}

static void names_and_multicast_are_no_place_to_send(void)
{
    static const char *const hosts[] = {"IP4 phone.example.com", "IP4 224.2.1.1/127/3",
                                        "IP6 ff02::1", "IP4 255.255.255.255"};

    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        char *text = g_strdup_printf(HEAD AUDIO "c=IN %s\r\na=rtcp:5003\r\n", hosts[i]);
        struct desc *d = good(text);
        g_assert_false(d->transport[0].rtp.set);
        g_assert_false(d->transport[0].rtcp.set);
        g_assert_cmpint(d->stream[0].direction, ==, DESC_SENDRECV);
        desc_free(d);
        g_free(text);
    }
}

static void rtcp_goes_where_it_is_told(void)
{
    static const struct {
        const char *lines, *rtcp;
    } rows[] = {{"", "unset"},
                {"a=rtcp:5003\r\nc=IN IP4 192.0.2.7\r\n", "192.0.2.7:5003"},
                {"a=rtcp:5003 IN IP6 2001:db8::1\r\n", "[2001:db8::1]:5003"},
                {"a=rtcp:9 IN IP4 0.0.0.0\r\n", "unset"},
                {"a=rtcp:5000\r\na=rtcp-mux\r\n", "unset"},
                {"a=rtcp:5001\r\na=rtcp-mux\r\n", "192.0.2.1:5001"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *text = g_strconcat(HEAD, AUDIO, rows[i].lines, NULL);
        struct desc *d = good(text);
        assert_addr(&d->transport[0].rtcp, rows[i].rtcp);
        desc_free(d);
        g_free(text);
    }
}

static void mux_only_is_mux(void)
{
    struct desc *d = good(HEAD AUDIO "a=rtcp-mux-only\r\n");

    g_assert_true(d->transport[0].rtcp_mux && d->transport[0].rtcp_mux_only);
    desc_free(d);
}

/* ---- security ---- */

static void security_follows_from_profile_and_keys(void)
{
#define KEY "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n"
    static const struct {
        const char *protocol, *lines;
        enum desc_security security;
        unsigned ncrypto;
    } rows[] = {{"RTP/AVP", "", DESC_PLAIN, 0},
                {"RTP/AVPF", KEY, DESC_PLAIN, 1}, /* opportunistic, RFC 8643 */
                {"RTP/AVP", PRINT, DESC_PLAIN, 0},
                {"RTP/SAVP", KEY, DESC_SDES, 1},
                {"RTP/SAVPF", KEY, DESC_SDES, 1},
                {"RTP/SAVP", "", DESC_SDES, 0},
                {"RTP/SAVPF", PRINT, DESC_DTLS, 0},
                {"RTP/SAVPF", PRINT KEY, DESC_DTLS, 0},
                {"UDP/TLS/RTP/SAVP", PRINT, DESC_DTLS, 0},
                {"UDP/TLS/RTP/SAVPF", PRINT KEY, DESC_DTLS, 0},
                {"TCP/DTLS/RTP/SAVPF", PRINT, DESC_DTLS, 0}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *text =
            g_strdup_printf(HEAD "m=audio 5000 %s 0\r\n%s", rows[i].protocol, rows[i].lines);
        struct desc *d = good(text);
        g_test_message("%s", text);
        g_assert_cmpint(d->transport[0].security, ==, rows[i].security);
        g_assert_cmpuint(d->transport[0].ncrypto, ==, rows[i].ncrypto);
        g_assert_cmpstr(d->stream[0].protocol, ==, rows[i].protocol);
        desc_free(d);
        g_free(text);
    }
}

static void crypto_lines_we_cannot_obey_are_dropped(void)
{
#define CM30 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
    static const struct {
        const char *line;
        unsigned n;
    } rows[] = {{"1 AES_CM_128_HMAC_SHA1_80 " CM30, 1},
                {"1 aes_cm_128_hmac_sha1_32 " CM30 "|2^20", 1},
                {"1 AES_CM_128_HMAC_SHA1_80 " CM30 " KDR=0 WSH=64 -new=1", 1},
                {"7 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==", 1},
                {"7 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw", 1},
                {"7 AEAD_AES_256_GCM "
                 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=",
                 1},
                {"1 AES_CM_128_HMAC_SHA1_80 " CM30 "|2^20|1:4", 0},         /* MKI */
                {"1 AES_CM_128_HMAC_SHA1_80 " CM30 ";" CM30, 0},            /* two keys */
                {"1 AES_CM_128_HMAC_SHA1_80 " CM30 " UNENCRYPTED_SRTP", 0}, /* no */
                {"1 AES_CM_128_HMAC_SHA1_80 " CM30 " KDR=3", 0},
                {"1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgc=", 0}, /* too short */
                {"1 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka????", 0},
                {"1 AES_CM_128_HMAC_SHA1_80 prompt:x", 0},
                {"1 F8_128_HMAC_SHA1_80 " CM30, 0},
                {"x AES_CM_128_HMAC_SHA1_80 " CM30, 0}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char *text =
            g_strdup_printf(HEAD "m=audio 5000 RTP/SAVP 0\r\na=crypto:%s\r\n", rows[i].line);
        struct desc *d = good(text);
        g_test_message("%s", rows[i].line);
        g_assert_cmpuint(d->transport[0].ncrypto, ==, rows[i].n);
        if (rows[i].n)
            g_assert_cmpuint(d->transport[0].crypto[0].key[27], ==, 27);
        desc_free(d);
        g_free(text);
    }
}

static void known_fingerprints_are_kept_and_others_skipped(void)
{
    struct desc *d = good(HEAD "a=setup:actpass\r\na=tls-id:abc3de65cddef001be82\r\n"
                               "m=audio 5000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:md2 xx\r\n" PRINT
                               "a=fingerprint:SHA-1 "
                               "4a:ad:b9:b1:3f:82:18:3b:54:02:12:df:3e:5d:49:6b:19:e5:7c:ab\r\n");
    const struct desc_transport *t = &d->transport[0];

    g_assert_cmpuint(t->nfingerprints, ==, 2);
    g_assert_cmpstr(t->fingerprint[0].hash, ==, "sha-256");
    g_assert_cmpuint(t->fingerprint[0].value[31], ==, 0xff);
    g_assert_cmpstr(t->fingerprint[1].hash, ==, "sha-1");
    g_assert_cmpuint(t->fingerprint[1].n, ==, 20);
    g_assert_cmpint(t->setup, ==, DESC_ACTPASS);
    g_assert_cmpstr(t->tls_id, ==, "abc3de65cddef001be82");
    desc_free(d);
}

/* ---- session level ---- */

static void session_values_fill_what_streams_leave_open(void)
{
    struct desc *d =
        good(HEAD "a=ice-ufrag:sess\r\na=ice-pwd:sessionsessionsession12\r\n"
                  "a=ice-options:ice2,trickle\r\na=ice-lite\r\na=setup:passive\r\n"
                  "a=recvonly\r\n" PRINT "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n"
                  "m=audio 5002 UDP/TLS/RTP/SAVPF 0\r\na=ice-ufrag:own1\r\n"
                  "a=ice-pwd:mediamediamediamedia12\r\na=setup:active\r\na=sendonly\r\n"
                  "c=IN IP4 192.0.2.9\r\n");

    g_assert_cmpstr(d->transport[0].ufrag, ==, "sess");
    g_assert_cmpstr(d->transport[1].ufrag, ==, "own1");
    g_assert_cmpstr(d->transport[1].pwd, ==, "mediamediamediamedia12");
    g_assert_cmpint(d->transport[0].setup, ==, DESC_PASSIVE);
    g_assert_cmpint(d->transport[1].setup, ==, DESC_ACTIVE);
    g_assert_cmpint(d->stream[0].direction, ==, DESC_RECVONLY);
    g_assert_cmpint(d->stream[1].direction, ==, DESC_SENDONLY);
    g_assert_cmpuint(d->transport[1].nfingerprints, ==, 1);
    g_assert_true(d->transport[0].ice_trickle && d->transport[1].ice_lite);
    assert_addr(&d->transport[0].rtp, "192.0.2.1:5000");
    assert_addr(&d->transport[1].rtp, "192.0.2.9:5002");
    desc_free(d);
}

static void half_of_the_ice_credentials_is_no_ice(void)
{
    struct desc *d = good(HEAD AUDIO "a=ice-ufrag:abcd\r\na=ice-lite\r\n"
                                     "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n");

    g_assert_false(d->transport[0].ice);
    g_assert_cmpuint(d->transport[0].ncandidates, ==, 0);
    g_assert_cmpstr(d->transport[0].ufrag, ==, "");
    desc_free(d);
}

/* ---- BUNDLE ---- */

#define TWO(group, port, extra)                                                                    \
    HEAD group "m=audio 5000 RTP/AVP 0\r\na=mid:0\r\n" ICE "m=video " port                         \
               " RTP/AVP 31\r\na=mid:1\r\n" extra

static void bundle_rows_agree(void)
{
    static const struct {
        const char *text;
        unsigned ntransports;
        bool bundled, second_refused, second_bundle_only;
    } rows[] = {
        {TWO("a=group:BUNDLE 0 1\r\n", "5002", ICE), 1, true, false, false},
        {TWO("a=group:BUNDLE 0 1\r\n", "9", ""), 1, true, false, false},
        {TWO("a=group:BUNDLE 1 0\r\n", "5002", ICE), 1, true, false, false},
        {TWO("a=group:BUNDLE 0 1\r\n", "0", "a=bundle-only\r\n"), 1, true, false, true},
        {TWO("a=group:BUNDLE 1 0\r\n", "0", "a=bundle-only\r\n"), 1, true, false, true},
        {TWO("a=group:BUNDLE 0 1\r\n", "0", ""), 1, true, true, false},
        {TWO("a=group:BUNDLE 0\r\n", "0", "a=bundle-only\r\n"), 1, true, true, false},
        {TWO("", "0", "a=bundle-only\r\n"), 1, false, true, false},
        {TWO("a=group:BUNDLE 0 1\r\n", "5002", "a=bundle-only\r\n"), 1, true, false, false},
        {TWO("a=group:BUNDLE 0\r\n", "5002", ICE), 2, true, false, false},
        {TWO("a=group:BUNDLE\r\n", "5002", ICE), 2, true, false, false},
        {TWO("a=group:BUNDLE 0 0 7 1 1\r\n", "5002", ICE), 1, true, false, false},
        {TWO("a=group:LS 0 1\r\n", "5002", ICE), 2, false, false, false},
        {TWO("a=group:BUNDLE 0\r\na=group:BUNDLE 0 1\r\n", "5002", ICE), 2, true, false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].text);
        struct desc *d = good(rows[i].text);
        g_assert_cmpuint(d->ntransports, ==, rows[i].ntransports);
        g_assert_true(d->bundled == rows[i].bundled);
        g_assert_true(d->stream[1].refused == rows[i].second_refused);
        g_assert_true(d->stream[1].bundle_only == rows[i].second_bundle_only);
        g_assert_cmpint(d->stream[0].transport, ==, 0);
        desc_free(d);
    }
}

static void the_leader_of_a_group_speaks_for_all(void)
{
    struct desc *d = good(HEAD "a=group:BUNDLE v a\r\nm=audio 5000 RTP/AVP 0\r\na=mid:a\r\n"
                               "a=ice-ufrag:aaaa\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n"
                               "m=video 5002 RTP/AVPF 31\r\na=mid:v\r\na=ice-ufrag:vvvv\r\n"
                               "a=ice-pwd:vvvvvvvvvvvvvvvvvvvvvv\r\na=rtcp-mux\r\n");

    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_cmpstr(d->transport[0].ufrag, ==, "vvvv");
    g_assert_true(d->transport[0].rtcp_mux);
    g_assert_true(d->transport[0].feedback);
    assert_addr(&d->transport[0].rtp, "192.0.2.1:5002");
    desc_free(d);
}

static void streams_of_unlike_security_cannot_share(void)
{
    struct desc *d = good(HEAD "a=group:BUNDLE 0 1\r\nm=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n"
                               "a=mid:0\r\n" PRINT "m=audio 5002 RTP/AVP 0\r\na=mid:1\r\n");

    g_assert_cmpuint(d->ntransports, ==, 2);
    g_assert_cmpint(d->transport[1].security, ==, DESC_PLAIN);
    desc_free(d);
}

void unit_media_desc_sdp(void)
{
    g_test_add_func("/media/desc_sdp/line-ends-order-and-missing-lines-do-not-matter",
                    line_ends_order_and_missing_lines_do_not_matter);
    g_test_add_func("/media/desc_sdp/what-cannot-be-trusted-is-refused",
                    what_cannot_be_trusted_is_refused);
    g_test_add_func("/media/desc_sdp/a-description-without-streams-is-one",
                    a_description_without_streams_is_one);
    g_test_add_func("/media/desc_sdp/origin-numbers-are-kept-as-far-as-they-fit",
                    origin_numbers_are_kept_as_far_as_they_fit);
    g_test_add_func("/media/desc_sdp/formats-get-their-names-wherever-those-stand",
                    formats_get_their_names_wherever_those_stand);
    g_test_add_func("/media/desc_sdp/formats-nobody-knows-are-repeated-in-a-refusal",
                    formats_nobody_knows_are_repeated_in_a_refusal);
    g_test_add_func("/media/desc_sdp/feedback-wildcards-are-spread", feedback_wildcards_are_spread);
    g_test_add_func("/media/desc_sdp/extensions-keep-direction-and-leave-out-encrypted-ones",
                    extensions_keep_direction_and_leave_out_encrypted_ones);
    g_test_add_func("/media/desc_sdp/sources-know-their-repair-stream",
                    sources_know_their_repair_stream);
    g_test_add_func("/media/desc_sdp/ptime-and-bandwidth-are-read", ptime_and_bandwidth_are_read);
    g_test_add_func("/media/desc_sdp/old-hold-receives-nothing", old_hold_receives_nothing);
    g_test_add_func("/media/desc_sdp/zero-address-of-trickle-ice-is-no-hold",
                    zero_address_of_trickle_ice_is_no_hold);
    g_test_add_func("/media/desc_sdp/names-and-multicast-are-no-place-to-send",
                    names_and_multicast_are_no_place_to_send);
    g_test_add_func("/media/desc_sdp/rtcp-goes-where-it-is-told", rtcp_goes_where_it_is_told);
    g_test_add_func("/media/desc_sdp/mux-only-is-mux", mux_only_is_mux);
    g_test_add_func("/media/desc_sdp/security-follows-from-profile-and-keys",
                    security_follows_from_profile_and_keys);
    g_test_add_func("/media/desc_sdp/crypto-lines-we-cannot-obey-are-dropped",
                    crypto_lines_we_cannot_obey_are_dropped);
    g_test_add_func("/media/desc_sdp/known-fingerprints-are-kept-and-others-skipped",
                    known_fingerprints_are_kept_and_others_skipped);
    g_test_add_func("/media/desc_sdp/session-values-fill-what-streams-leave-open",
                    session_values_fill_what_streams_leave_open);
    g_test_add_func("/media/desc_sdp/half-of-the-ice-credentials-is-no-ice",
                    half_of_the_ice_credentials_is_no_ice);
    g_test_add_func("/media/desc_sdp/bundle-rows-agree", bundle_rows_agree);
    g_test_add_func("/media/desc_sdp/the-leader-of-a-group-speaks-for-all",
                    the_leader_of_a_group_speaks_for_all);
    g_test_add_func("/media/desc_sdp/streams-of-unlike-security-cannot-share",
                    streams_of_unlike_security_cannot_share);
}
