/* <transport/> of Jingle, and which contents share one. */
#include "xmpp_jingle.h"

void unit_xmpp_jingle_ice(void);

#define FINGERPRINT "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"
#define DTLS(attrs, text)                                                                          \
    "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'" attrs ">" text "</fingerprint>"

#define CANDIDATE(rest) "<candidate generation='0' id='1' network='0' " rest "/>"
#define GOOD "foundation='f' component='1' protocol='udp' priority='9' "

static void assert_candidates(const char *inner, unsigned n)
{
    g_autofree char *text = g_strdup_printf(OFFER_ICE("%s"), inner);
    struct jingle j = jingle_take(text, true);

    g_assert_cmpuint(j.desc->transport[0].ncandidates, ==, n);
    jingle_clear(&j);
}

static void candidates_of_no_use_are_left_out(void)
{
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='1' type='host'"), 1);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='1' type='prflx'"), 1);
    assert_candidates(CANDIDATE(GOOD "ip='x.local' port='1' type='host'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='0.0.0.0' port='1' type='host'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='0' type='host'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='65536' type='host'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='1' type='direct'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1' port='1'"), 0);
    assert_candidates(CANDIDATE(GOOD "ip='192.0.2.1 5 typ host' port='1' type='host'"), 0);
#define OTHER(protocol, component)                                                                 \
    CANDIDATE("foundation='f' component='" component "' protocol='" protocol                       \
              "' priority='9' ip='192.0.2.1' port='1' type='host'")
    assert_candidates(OTHER("UDP", "2"), 1);
    assert_candidates(OTHER("tcp", "1"), 0);
    assert_candidates(OTHER("ssltcp", "1"), 0);
    assert_candidates(OTHER("udp", "3"), 0);
    assert_candidates(OTHER("udp", "0"), 0);
}

static void a_candidate_has_all_attributes(void)
{
    struct jingle j = jingle_take(
        OFFER_ICE(CANDIDATE(GOOD "ip='192.0.2.1' port='1' type='host'")
                      CANDIDATE(GOOD "ip='2001:db8::1' port='2' type='srflx'") CANDIDATE(
                          GOOD "ip='192.0.2.3' port='3' type='relay' rel-addr='192.0.2.4' "
                               "rel-port='4'")),
        true);
    struct desc_candidate *tcp = desc_add_candidate(&j.desc->transport[0]);

    *tcp = j.desc->transport[0].candidate[0];
    tcp->protocol = DESC_TCP_PASSIVE;
    g_autofree char *text = jingle_said(&j, true);
    g_assert_cmpuint(said_times(text, "<candidate id='"), ==, 3); /* none for TCP */
    g_assert_cmpuint(said_times(text, " component='1' foundation='f' generation='0' network='0' "
                                      "protocol='udp' priority='9' ip='"),
                     ==, 3);
    said_contains(text, "ip='192.0.2.1' port='1' type='host'/>");
    said_contains(text, "ip='2001:db8::1' port='2' type='srflx' rel-addr='::' rel-port='9'/>");
    said_contains(text, "ip='192.0.2.3' port='3' type='relay' rel-addr='192.0.2.4' rel-port='4'/>");
    jingle_clear(&j);
}

static void more_than_enough_candidates_are_ignored(void)
{
    GString *inner = g_string_new(NULL);

    for (unsigned i = 1; i <= 2 * DESC_CANDIDATES_MAX; i++)
        g_string_append_printf(inner, CANDIDATE(GOOD "ip='192.0.2.1' port='%u' type='host'"), i);
    assert_candidates(inner->str, DESC_CANDIDATES_MAX);
    g_string_free(inner, TRUE);
}

static void credentials_come_in_pairs(void)
{
    g_autofree char *ufrag = g_strnfill(DESC_ICE_MAX, 'u');
    g_autofree char *text = g_strdup_printf(
        ACTION("transport-info", CONTENT("", ICE(" ufrag='%s' pwd='p'", ""))), ufrag);

    jingle_refused(ACTION("transport-info", CONTENT("", ICE(" ufrag='a'", ""))), GW_EPARSE);
    jingle_refused(ACTION("transport-info", CONTENT("", ICE(" pwd='a'", ""))), GW_EPARSE);
    jingle_refused(ACTION("transport-info", CONTENT("", ICE(" ufrag='a b' pwd='c'", ""))),
                   GW_EPARSE);
    jingle_refused(text, GW_EPARSE);
    struct jingle j = jingle_take(ACTION("transport-info", CONTENT("", ICE("", ""))), true);
    g_assert_false(j.desc->transport[0].ice);
    g_assert_cmpint(j.desc->stream[0].transport, ==, 0);
    jingle_clear(&j);
}

static void fingerprints_are_read_strictly(void)
{
    jingle_refused(OFFER_ICE(DTLS(" hash='sha-1' setup='actpass'", "00:11")), GW_EPARSE);
    jingle_refused(OFFER_ICE(DTLS(" hash='sha-1' setup='actpass'", "")), GW_EPARSE);
    jingle_refused(OFFER_ICE(DTLS(" hash='sha-1' setup='server'", FINGERPRINT)), GW_EPARSE);
    jingle_refused(OFFER_ICE(DTLS(" hash='md5' setup='active'", "00:11")), GW_EPARSE);
    jingle_refused(OFFER_ICE(DTLS(" setup='active'", FINGERPRINT)), GW_EPARSE);
    struct jingle j = jingle_take(
        OFFER_ICE(DTLS(" hash='md5' setup='active'", "00:11") DTLS(" hash='SHA-1'", FINGERPRINT)),
        true);
    g_autofree char *text = jingle_said(&j, true);
    g_assert_cmpuint(j.desc->transport[0].nfingerprints, ==, 1);
    said_contains(text, DTLS(" hash='sha-1' setup='active'", FINGERPRINT));
    jingle_clear(&j);
}

static void without_a_fingerprint_it_is_plain_and_crypto_is_not_read(void)
{
    struct jingle j = jingle_take(
        ACTION("session-initiate",
               CONTENT("", AUDIO("<encryption><crypto crypto-suite='AES_CM_128_HMAC_SHA1_80' "
                                 "key-params='inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz' "
                                 "tag='1'/></encryption>") ICE(CREDENTIALS, ""))),
        true);
    g_autofree char *text = jingle_said(&j, true);

    g_assert_cmpint(j.desc->transport[0].security, ==, DESC_PLAIN);
    g_assert_cmpuint(j.desc->transport[0].ncrypto, ==, 0);
    j.desc->transport[0].ncrypto = 1; /* as if it had come from SDP */
    g_autofree char *other = jingle_said(&j, true);
    g_assert_cmpstr(text, ==, other);
    said_lacks(text, "crypto");
    jingle_clear(&j);
}

/* ---- groups ---- */

#define GROUP(inner)                                                                               \
    "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>" inner "</group>"
#define MEMBER(name) "<content name='" name "'/>"
#define PART(name, ufrag, inner)                                                                   \
    "<content creator='initiator' name='" name                                                     \
    "'>" ICE(" ufrag='" ufrag "' pwd='p'", inner) "</content>"

static unsigned transports_of(const char *text)
{
    struct jingle j = jingle_take(text, true);
    unsigned n = j.desc->ntransports;

    jingle_clear(&j);
    return n;
}

static void a_transport_is_shared_in_a_group_with_the_same_credentials(void)
{
#define TWO(ufrag, group) ACTION("content-add", group PART("a", "u", "") PART("b", ufrag, ""))
    g_assert_cmpuint(transports_of(TWO("u", GROUP(MEMBER("a") MEMBER("b")))), ==, 1);
    g_assert_cmpuint(transports_of(TWO("v", GROUP(MEMBER("a") MEMBER("b")))), ==, 2);
    g_assert_cmpuint(transports_of(TWO("u", "")), ==, 2);
    g_assert_cmpuint(transports_of(TWO("u", GROUP(MEMBER("a")) GROUP(MEMBER("b")))), ==, 2);
    g_assert_cmpuint(transports_of(TWO("u", GROUP(MEMBER("c") MEMBER("b")))), ==, 2);
    g_assert_cmpuint(
        transports_of(ACTION("content-add",
                             PART("a", "u", DTLS(" hash='sha-1' setup='active'", FINGERPRINT))
                                 PART("b", "u", DTLS(" hash='sha-1' setup='passive'", FINGERPRINT))
                                     GROUP(MEMBER("a") MEMBER("b")))),
        ==, 2);
}

static void a_shared_transport_has_the_candidates_of_all_once(void)
{
#define ONE CANDIDATE(GOOD "ip='192.0.2.1' port='1' type='host'")
#define MORE CANDIDATE(GOOD "ip='192.0.2.1' port='2' type='host'")
    struct jingle j = jingle_take(
        ACTION("session-accept",
               PART("a", "u", ONE)
                   PART("b", "u", ONE MORE DTLS(" hash='sha-1' setup='active'", FINGERPRINT))
                       GROUP(MEMBER("a") MEMBER("b"))),
        true);

    g_assert_cmpuint(j.desc->transport[0].ncandidates, ==, 2);
    g_assert_cmpuint(j.desc->transport[0].nfingerprints, ==, 1);
    g_assert_cmpint(j.desc->transport[0].security, ==, DESC_DTLS);
    jingle_clear(&j);
}

static void a_group_is_written_when_bundled(void)
{
    struct jingle j = jingle_of_client("conversations-initiate.xml", true);
    g_autofree char *text = jingle_said(&j, true);

    said_contains(text, GROUP(MEMBER("0") MEMBER("1")));
    j.desc->bundled = false;
    g_autofree char *other = jingle_said(&j, true);
    said_lacks(other, "<group");
    jingle_clear(&j);
    j = jingle_of_client("dino-initiate.xml", true);
    g_autofree char *dino = jingle_said(&j, true);
    said_lacks(dino, "<group");
    jingle_clear(&j);
}

static void a_content_of_the_session_may_be_named_in_the_group_alone(void)
{
    struct jingle j = jingle_of_client("conversations-initiate.xml", true);

    j.action = JINGLE_CONTENT_ACCEPT;
    j.content[0].group_only = true;
    g_autofree char *text = jingle_said(&j, false);
    said_lacks(text, "media='audio'");
    said_contains(text, "media='video'");
    said_contains(text, GROUP(MEMBER("0") MEMBER("1")));
    jingle_clear(&j);
}

static void add(const char *name, GTestFunc function)
{
    g_autofree char *path = g_strdup_printf("/xmpp/jingle/%s", name);

    g_test_add_func(path, function);
}

void unit_xmpp_jingle_ice(void)
{
    add("candidates-of-no-use-are-left-out", candidates_of_no_use_are_left_out);
    add("a-candidate-has-all-attributes", a_candidate_has_all_attributes);
    add("more-than-enough-candidates-are-ignored", more_than_enough_candidates_are_ignored);
    add("credentials-come-in-pairs", credentials_come_in_pairs);
    add("fingerprints-are-read-strictly", fingerprints_are_read_strictly);
    add("without-a-fingerprint-it-is-plain-and-crypto-is-not-read",
        without_a_fingerprint_it_is_plain_and_crypto_is_not_read);
    add("a-transport-is-shared-in-a-group-with-the-same-credentials",
        a_transport_is_shared_in_a_group_with_the_same_credentials);
    add("a-shared-transport-has-the-candidates-of-all-once",
        a_shared_transport_has_the_candidates_of_all_once);
    add("a-group-is-written-when-bundled", a_group_is_written_when_bundled);
    add("a-content-of-the-session-may-be-named-in-the-group-alone",
        a_content_of_the_session_may_be_named_in_the_group_alone);
}
