/* What the clients send, as each of them writes it; and that it survives a way through SDP. */
#include "media/desc_sdp.h"
#include "media_desc_equal.h"
#include "xmpp_jingle.h"

void unit_xmpp_jingle_clients(void);

static void conversations_bundles_audio_and_video(void)
{
    struct jingle j = jingle_of_client("conversations-initiate.xml", false);
    const struct desc *d = j.desc;

    g_assert_cmpint(j.action, ==, JINGLE_SESSION_INITIATE);
    g_assert_cmpstr(j.sid, ==, "Zk3_9aQx7Rw");
    g_assert_cmpuint(d->nstreams, ==, 2);
    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_true(d->bundled);
    g_assert_cmpint(d->stream[1].transport, ==, 0);
    g_assert_cmpint(d->stream[0].kind, ==, DESC_AUDIO);
    g_assert_cmpint(d->stream[1].kind, ==, DESC_VIDEO);
    g_assert_cmpuint(d->stream[0].ncodecs, ==, 8);
    g_assert_cmpstr(d->stream[0].codec[0].fmtp, ==, "minptime=10;useinbandfec=1");
    g_assert_cmpstr(d->stream[0].msid, ==, "my-media-stream my-audio-track");
    g_assert_cmpuint(d->stream[0].nextensions, ==, 2);
    g_assert_cmpuint(d->stream[1].nsources, ==, 1);
    g_assert_cmpuint(d->stream[1].source[0].ssrc, ==, 1001);
    g_assert_cmpuint(d->stream[1].source[0].rtx_ssrc, ==, 1002);
    g_assert_cmpuint(d->stream[1].codec[0].nfeedback, ==, 5);
    g_assert_cmpstr(d->stream[1].codec[0].feedback[4], ==, "nack pli");
    g_assert_true(d->transport[0].ice && d->transport[0].ice_trickle);
    g_assert_true(d->transport[0].ice_renomination);
    g_assert_true(d->transport[0].rtcp_mux && d->transport[0].feedback);
    g_assert_cmpint(d->transport[0].security, ==, DESC_DTLS);
    g_assert_cmpint(d->transport[0].setup, ==, DESC_ACTPASS);
    g_assert_cmpuint(d->transport[0].ncandidates, ==, 0);
    jingle_clear(&j);
}

static void dino_has_keys_of_two_kinds_and_a_transport_for_each(void)
{
    struct jingle j = jingle_of_client("dino-initiate.xml", false);
    const struct desc *d = j.desc;

    g_assert_false(d->bundled);
    g_assert_cmpuint(d->ntransports, ==, 2);
    g_assert_cmpint(d->stream[1].transport, ==, 1);
    g_assert_cmpint(d->transport[0].security, ==, DESC_DTLS);
    g_assert_cmpuint(d->transport[0].ncrypto, ==, 0);
    g_assert_cmpuint(d->transport[0].nfingerprints, ==, 1);
    g_assert_cmpuint(d->transport[0].ncandidates, ==, 3); /* the TCP one is none for us */
    g_assert_cmpuint(d->transport[0].candidate[1].component, ==, 2);
    g_assert_cmpint(d->transport[0].candidate[2].type, ==, DESC_SRFLX);
    g_assert_cmpuint(d->transport[0].candidate[2].related.port, ==, 40000);
    g_assert_cmpstr(d->transport[1].ufrag, ==, "eF4g");
    jingle_clear(&j);
}

static void movim_pretty_prints_and_hides_its_addresses(void)
{
    struct jingle j = jingle_of_client("movim-initiate.xml", false);
    const struct desc *d = j.desc;

    g_assert_cmpuint(d->transport[0].ncandidates, ==, 1); /* the name is dropped */
    g_assert_true(d->transport[0].candidate[0].addr.is_v6);
    g_assert_false(d->transport[0].candidate[0].related.set);
    g_assert_cmpuint(d->transport[0].nfingerprints, ==, 1);
    g_assert_cmpuint(d->transport[0].fingerprint[0].value[31], ==, 0x1f);
    g_assert_cmpstr(d->stream[0].codec[3].fmtp, ==, "0-15");
    for (unsigned i = 0; i < d->stream[0].ncodecs; i++)
        g_assert_cmpstr(d->stream[0].codec[i].feedback[0], ==, "transport-cc");
    g_assert_cmpint(d->stream[0].extension[0].direction, ==, DESC_RECVONLY);
    jingle_clear(&j);
}

static void monal_accepts_as_the_active_side(void)
{
    struct jingle j = jingle_of_client("monal-accept.xml", false);
    const struct desc *d = j.desc;

    g_assert_cmpint(j.action, ==, JINGLE_SESSION_ACCEPT);
    g_assert_cmpint(d->transport[0].setup, ==, DESC_ACTIVE);
    g_assert_cmpint(d->transport[0].candidate[0].type, ==, DESC_RELAY);
    g_assert_cmpuint(d->stream[0].ptime_ms, ==, 20);
    g_assert_cmpuint(d->stream[0].maxptime_ms, ==, 60);
    jingle_clear(&j);
}

static void an_ice_restart_is_new_credentials_for_all_and_nothing_else(void)
{
    struct jingle j = jingle_of_client("ice-restart.xml", true);
    const struct desc *d = j.desc;
    g_autofree char *text = jingle_said(&j, true);

    g_assert_cmpint(j.action, ==, JINGLE_TRANSPORT_INFO);
    g_assert_cmpuint(d->nstreams, ==, 2);
    g_assert_cmpuint(d->ntransports, ==, 1);
    g_assert_cmpstr(d->transport[0].ufrag, ==, "NEW1");
    g_assert_cmpuint(d->transport[0].ncandidates, ==, 0);
    g_assert_cmpuint(d->transport[0].nfingerprints, ==, 0);
    g_assert_false(j.content[0].description);
    g_assert_cmpuint(said_times(text, "ufrag='NEW1' pwd='newpwdnewpwdnewpwdnewpwd'></transport>"),
                     ==, 2);
    said_lacks(text, "<description");
    said_lacks(text, "<fingerprint");
    jingle_clear(&j);
}

static void a_fingerprint_for_omemo_alone_is_told_apart(void)
{
    struct jingle j = jingle_of_client("omemo-accept.xml", false);

    g_assert_true(j.content[0].omemo_only);
    g_assert_cmpint(j.desc->transport[0].security, ==, DESC_DTLS); /* never plain by mistake */
    g_assert_cmpuint(j.desc->transport[0].nfingerprints, ==, 0);
    g_assert_cmpstr(j.desc->stream[0].codec[0].name, ==, "PCMU");
    jingle_clear(&j);
}

static void assert_same(const struct jingle *a, const struct jingle *b)
{
    g_assert_cmpint(a->action, ==, b->action);
    g_assert_cmpstr(a->sid, ==, b->sid);
    g_assert_cmpstr(desc_difference(a->desc, b->desc), ==, NULL);
    for (unsigned i = 0; i < a->desc->nstreams; i++) {
        g_assert_cmpint(a->content[i].description, ==, b->content[i].description);
        g_assert_cmpint(a->content[i].transport, ==, b->content[i].transport);
    }
}

static const char *const clients[] = {
    "conversations-initiate.xml", "dino-initiate.xml",  "monal-accept.xml", "ice-restart.xml",
    "transport-info.xml",         "content-reject.xml", "two-groups.xml"};

static void what_is_written_is_read_alike(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(clients); i++)
        for (int by_initiator = 0; by_initiator <= 1; by_initiator++) {
            struct jingle j = jingle_of_client(clients[i], by_initiator);
            g_autofree char *text = jingle_said(&j, by_initiator);
            struct jingle again = jingle_take(text, by_initiator);
            assert_same(&j, &again);
            jingle_clear(&j);
            jingle_clear(&again);
        }
}

/* What only SDP has: profiles and addresses besides candidates. */
static void forget_sdp(struct desc *d)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        memset(d->stream[i].protocol, 0, sizeof(d->stream[i].protocol));
    for (unsigned i = 0; i < d->ntransports; i++) {
        d->transport[i].rtp = (struct net_addr){0};
        d->transport[i].rtcp = (struct net_addr){0};
    }
}

static void jingle_survives_sdp(void)
{
    for (size_t i = 0; i < 3; i++) {
        struct jingle j = jingle_of_client(clients[i], false);
        g_autofree char *sdp = desc_sdp_write(j.desc);
        struct desc *d;
        const char *why = NULL;

        g_assert_cmpint(desc_sdp_read(span_of(sdp), &d, &why), ==, GW_OK);
        forget_sdp(d);
        g_assert_cmpstr(desc_difference(j.desc, d), ==, NULL);
        desc_free(d);
        jingle_clear(&j);
    }
}

/* A browser's offer, as far as both notations can say it. */
static const char browser[] =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 110\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\n"
    "a=ice-ufrag:Fx1k\r\na=ice-pwd:0123456789abcdefghijkl\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\n"
    "a=candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host\r\n"
    "a=candidate:2 1 udp 1677729535 198.51.100.1 5001 typ srflx raddr 192.0.2.1 rport 5000\r\n"
    "a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:3/recvonly urn:ietf:params:rtp-hdrext:toffset\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=rtcp-fb:111 transport-cc\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\n"
    "a=ptime:20\r\na=msid:stream track\r\na=ssrc:7 cname:me\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\n"
    "a=ice-ufrag:Fx1k\r\na=ice-pwd:0123456789abcdefghijkl\r\na=ice-options:trickle\r\n"
    "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n"
    "a=setup:actpass\r\na=rtcp-mux\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\n"
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    "a=ssrc-group:FID 8 9\r\na=ssrc:8 cname:me\r\na=ssrc:9 cname:me\r\n";

static void sdp_survives_jingle(void)
{
    struct jingle j = {.action = JINGLE_SESSION_INITIATE, .sid = "s"};
    const char *why = NULL;

    g_assert_cmpint(desc_sdp_read(span_of(browser), &j.desc, &why), ==, GW_OK);
    for (unsigned i = 0; i < j.desc->nstreams; i++)
        j.content[i].description = j.content[i].transport = true;
    forget_sdp(j.desc);
    g_autofree char *text = jingle_said(&j, true);
    struct jingle again = jingle_take(text, true);
    assert_same(&j, &again);
    jingle_clear(&j);
    jingle_clear(&again);
}

void unit_xmpp_jingle_clients(void)
{
    g_test_add_func("/xmpp/jingle/conversations-bundles-audio-and-video",
                    conversations_bundles_audio_and_video);
    g_test_add_func("/xmpp/jingle/dino-has-keys-of-two-kinds-and-a-transport-for-each",
                    dino_has_keys_of_two_kinds_and_a_transport_for_each);
    g_test_add_func("/xmpp/jingle/movim-pretty-prints-and-hides-its-addresses",
                    movim_pretty_prints_and_hides_its_addresses);
    g_test_add_func("/xmpp/jingle/monal-accepts-as-the-active-side",
                    monal_accepts_as_the_active_side);
    g_test_add_func("/xmpp/jingle/an-ice-restart-is-new-credentials-for-all-and-nothing-else",
                    an_ice_restart_is_new_credentials_for_all_and_nothing_else);
    g_test_add_func("/xmpp/jingle/a-fingerprint-for-omemo-alone-is-told-apart",
                    a_fingerprint_for_omemo_alone_is_told_apart);
    g_test_add_func("/xmpp/jingle/what-is-written-is-read-alike", what_is_written_is_read_alike);
    g_test_add_func("/xmpp/jingle/jingle-survives-sdp", jingle_survives_sdp);
    g_test_add_func("/xmpp/jingle/sdp-survives-jingle", sdp_survives_jingle);
}
