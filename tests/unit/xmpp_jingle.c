/* Jingle read and written, piece by piece: the element, contents and descriptions. Transports are
 * xmpp_jingle_ice.c's, whole stanzas of clients xmpp_jingle_clients.c's. */
#include "xmpp_jingle.h"

void unit_xmpp_jingle(void);

/* ---- the element ---- */

static void every_action_has_its_word(void)
{
    for (unsigned i = 0; i < JINGLE_ACTIONS; i++) {
        struct jingle j = {.action = (enum jingle_action)i, .sid = "x"};
        g_autofree char *text = jingle_said(&j, true);
        struct jingle again = jingle_take(text, true);
        g_assert_cmpint(again.action, ==, i);
        g_assert_cmpuint(again.desc->nstreams, ==, 0);
        jingle_clear(&again);
    }
}

static void what_is_no_jingle_is_refused(void)
{
    g_autofree char *sid = g_strnfill(JINGLE_SID_MAX, 'x');
    g_autofree char *text =
        g_strdup_printf("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='%s'/>", sid);

    jingle_refused("<jingle/>", GW_EPARSE);
    jingle_refused("<jingle xmlns='urn:xmpp:tmp:jingle' action='session-info' sid='a'/>",
                   GW_EPARSE);
    jingle_refused("<query xmlns='urn:xmpp:jingle:1' action='session-info' sid='a'/>", GW_EPARSE);
    jingle_refused("<jingle xmlns='urn:xmpp:jingle:1' sid='a'/>", GW_EPARSE);
    jingle_refused("<jingle xmlns='urn:xmpp:jingle:1' action='session-info'/>", GW_EPARSE);
    jingle_refused("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid=''/>", GW_EPARSE);
    jingle_refused("<jingle xmlns='urn:xmpp:jingle:1' action='session-fly' sid='a'/>",
                   GW_EUNSUPPORTED);
    jingle_refused(text, GW_EPARSE);
}

static void the_full_jids_are_written_escaped(void)
{
    struct jingle j = {.action = JINGLE_SESSION_ACCEPT, .sid = "a'b"};
    GString *s = g_string_new(NULL);

    jingle_write(s, &j, false, "a@b/c", "d&e@f");
    g_assert_cmpstr(s->str, ==,
                    "<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' sid='a&apos;b' "
                    "initiator='a@b/c' responder='d&amp;e@f'></jingle>");
    g_string_free(s, TRUE);
}

/* ---- reason ---- */

static void every_reason_has_its_word(void)
{
    g_assert_null(jingle_reason_word(JINGLE_NO_REASON));
    for (unsigned i = JINGLE_NO_REASON + 1; i < JINGLE_REASONS; i++) {
        struct jingle j = {.action = JINGLE_SESSION_TERMINATE,
                           .sid = "x",
                           .reason = (enum jingle_reason)i,
                           .reason_text = "it <is> so"};
        g_autofree char *text = jingle_said(&j, true);
        struct jingle again = jingle_take(text, true);
        g_assert_cmpint(again.reason, ==, i);
        g_assert_cmpstr(again.reason_text, ==, "it <is> so");
        jingle_clear(&again);
    }
}

static void assert_reason(const char *inner, enum jingle_reason reason, const char *text)
{
    g_autofree char *stanza =
        g_strdup_printf(ACTION("session-terminate", "<reason>%s</reason>"), inner);
    struct jingle j = jingle_take(stanza, true);

    g_assert_cmpint(j.reason, ==, reason);
    g_assert_cmpstr(j.reason_text, ==, text);
    jingle_clear(&j);
}

static void an_unknown_reason_is_none(void)
{
    struct jingle j = jingle_take(ACTION("session-terminate", ""), true);

    g_assert_cmpint(j.reason, ==, JINGLE_NO_REASON);
    jingle_clear(&j);
    assert_reason("", JINGLE_NO_REASON, "");
    assert_reason("<application-error/>", JINGLE_NO_REASON, "");
    assert_reason("<busy xmlns='urn:x'/>", JINGLE_NO_REASON, ""); /* somebody else's busy */
    assert_reason("<x xmlns='urn:y'/><text>t</text><gone/>", JINGLE_GONE, "t");
    assert_reason("<text/><busy/>", JINGLE_BUSY, "");
}

static void a_long_reason_text_is_cut_between_characters(void)
{
    GString *inner = g_string_new("<busy/><text>x");

    for (int i = 0; i < 100; i++)
        g_string_append(inner, "\xc3\xb6");
    g_string_append(inner, "</text>");
    g_autofree char *stanza =
        g_strdup_printf(ACTION("session-terminate", "<reason>%s</reason>"), inner->str);
    struct jingle j = jingle_take(stanza, true);
    g_assert_cmpuint(strlen(j.reason_text), ==, 127);
    g_assert_true(g_utf8_validate(j.reason_text, -1, NULL));
    jingle_clear(&j);
    g_string_free(inner, TRUE);
}

static void a_reason_is_read_and_written_alone(void)
{
    xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
    xmpp_stanza_t *e = xmpp_stanza_new_from_string(
        ctx, "<reject xmlns='urn:xmpp:jingle-message:0' id='1'><busy/></reject>");
    GString *s = g_string_new(NULL);

    g_assert_cmpint(jingle_reason_read(e, NULL, 0), ==, JINGLE_BUSY); /* Monal's */
    g_assert_cmpint(jingle_reason_read(NULL, NULL, 0), ==, JINGLE_NO_REASON);
    jingle_reason_write(s, JINGLE_NO_REASON, "text");
    g_assert_cmpstr(s->str, ==, "");
    jingle_reason_write(s, JINGLE_DECLINE, NULL);
    g_assert_cmpstr(s->str, ==, "<reason xmlns='urn:xmpp:jingle:1'><decline/></reason>");
    g_string_free(s, TRUE);
    (void)xmpp_stanza_release(e);
    xmpp_ctx_free(ctx);
}

/* ---- session-info ---- */

static void assert_info(const char *inner, enum jingle_info info, const char *name)
{
    g_autofree char *stanza = g_strdup_printf(ACTION("session-info", "%s"), inner);
    struct jingle j = jingle_take(stanza, true);
    g_autofree char *text = jingle_said(&j, true);
    struct jingle again = jingle_take(text, true);

    g_assert_cmpint(j.info, ==, info);
    g_assert_cmpstr(j.info_name, ==, name);
    if (info != JINGLE_INFO_UNKNOWN)
        g_assert_cmpint(again.info, ==, info);
    g_assert_cmpstr(again.info_name, ==, name);
    jingle_clear(&j);
    jingle_clear(&again);
}

#define INFO(element) "<" element " xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"

static void session_info_tells_what_it_is_about(void)
{
    assert_info("", JINGLE_INFO_PING, "");
    assert_info(INFO("active"), JINGLE_INFO_ACTIVE, "");
    assert_info(INFO("hold"), JINGLE_INFO_HOLD, "");
    assert_info(INFO("unhold"), JINGLE_INFO_UNHOLD, "");
    assert_info(INFO("ringing"), JINGLE_INFO_RINGING, "");
    assert_info(INFO("mute"), JINGLE_INFO_MUTE, "");
    assert_info("\n <unmute xmlns='urn:xmpp:jingle:apps:rtp:info:1' creator='initiator' "
                "name='voice'/>",
                JINGLE_INFO_UNMUTE, "voice");
    assert_info("<hold xmlns='urn:x'/>", JINGLE_INFO_UNKNOWN, "");
    assert_info("<checksum xmlns='urn:xmpp:jingle:apps:file-transfer:5'/>", JINGLE_INFO_UNKNOWN,
                "");
    jingle_refused(ACTION("session-info", "<mute xmlns='urn:xmpp:jingle:apps:rtp:info:1' "
                                          "name='0123456789012345678901234567890123456789'/>"),
                   GW_EPARSE);
}

/* ---- contents ---- */

static void names_are_needed_and_unique(void)
{
#define BARE(name) ACTION("content-remove", "<content creator='initiator'" name "/>")
    jingle_refused(BARE(""), GW_EPARSE);
    jingle_refused(BARE(" name=''"), GW_EPARSE);
    jingle_refused(BARE(" name='a b'"), GW_EPARSE);
    jingle_refused(BARE(" name='a&#10;b'"), GW_EPARSE);
    jingle_refused(BARE(" name='01234567890123456789012345678901'"), GW_EPARSE);
    jingle_refused(ACTION("content-remove", "<content name='a'/><content name='a'/>"), GW_EPARSE);
    struct jingle j = jingle_take(BARE(" name='0123456789012345678901234567890'"), true);
    g_assert_cmpint(j.desc->stream[0].transport, ==, -1);
    g_assert_false(j.content[0].description || j.content[0].transport || j.content[0].by_responder);
    jingle_clear(&j);
}

static void there_are_not_too_many_contents(void)
{
    GString *s = g_string_new("<jingle xmlns='urn:xmpp:jingle:1' action='content-add' sid='s'>");
    gsize from;

    for (unsigned i = 0; i < DESC_STREAMS_MAX; i++)
        g_string_append_printf(
            s, "<content creator='responder' name='%u'>" ICE("", "") "</content>", i);
    from = s->len;
    g_string_append(s, "</jingle>");
    struct jingle j = jingle_take(s->str, true);
    g_assert_cmpuint(j.desc->ntransports, ==, DESC_STREAMS_MAX);
    g_assert_true(j.content[15].by_responder);
    jingle_clear(&j);
    g_string_truncate(s, from);
    g_string_append(s, "<content name='more'/></jingle>");
    jingle_refused(s->str, GW_ETOOBIG);
    g_string_free(s, TRUE);
}

static enum desc_direction direction_of(const char *senders, bool by_initiator, bool *set)
{
    g_autofree char *text =
        g_strdup_printf(ACTION("content-modify", "<content name='0' %s/>"), senders);
    struct jingle j = jingle_take(text, by_initiator);
    enum desc_direction d = j.desc->stream[0].direction;

    *set = j.content[0].senders_set;
    jingle_clear(&j);
    return d;
}

static void senders_are_seen_from_the_author(void)
{
    bool set;

    g_assert_cmpint(direction_of("", true, &set), ==, DESC_SENDRECV);
    g_assert_false(set);
    g_assert_cmpint(direction_of("senders='both'", false, &set), ==, DESC_SENDRECV);
    g_assert_true(set);
    g_assert_cmpint(direction_of("senders='none'", true, &set), ==, DESC_INACTIVE);
    g_assert_cmpint(direction_of("senders='initiator'", true, &set), ==, DESC_SENDONLY);
    g_assert_cmpint(direction_of("senders='initiator'", false, &set), ==, DESC_RECVONLY);
    g_assert_cmpint(direction_of("senders='responder'", true, &set), ==, DESC_RECVONLY);
    g_assert_cmpint(direction_of("senders='responder'", false, &set), ==, DESC_SENDONLY);
    jingle_refused(ACTION("content-modify", "<content name='0' senders='all'/>"), GW_EPARSE);
}

static void who_initiates_is_the_initiator(void)
{
    struct jingle j =
        jingle_take(ACTION("session-initiate", "<content name='0' senders='initiator'/>"), false);
    g_autofree char *text = jingle_said(&j, false);

    g_assert_cmpint(j.desc->stream[0].direction, ==, DESC_SENDONLY);
    said_contains(text, "senders='initiator'");
    jingle_clear(&j);
}

static void senders_are_written_for_the_author(void)
{
    static const struct {
        enum desc_direction direction;
        bool by_initiator;
        const char *senders; /* NULL: left out */
    } cases[] = {{DESC_SENDRECV, true, NULL},        {DESC_SENDRECV, false, NULL},
                 {DESC_SENDONLY, true, "initiator"}, {DESC_SENDONLY, false, "responder"},
                 {DESC_RECVONLY, true, "responder"}, {DESC_RECVONLY, false, "initiator"},
                 {DESC_INACTIVE, true, "responder"}, /* never "none", which Monal cannot read */
                 {DESC_INACTIVE, false, "initiator"}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct jingle j = {.action = JINGLE_CONTENT_ACCEPT, .sid = "s", .desc = desc_new()};
        desc_add_stream(j.desc, DESC_AUDIO)->direction = cases[i].direction;
        g_autofree char *text = jingle_said(&j, cases[i].by_initiator);
        g_autofree char *want = cases[i].senders
                                    ? g_strdup_printf(" senders='%s'>", cases[i].senders)
                                    : g_strdup("<content creator='initiator' name='0'>");
        said_contains(text, want);
        jingle_clear(&j);
    }
}

static void other_applications_and_transports_are_not_seen(void)
{
    struct jingle j = jingle_take(
        ACTION("session-initiate",
               CONTENT("", "<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/>"
                           "<transport xmlns='urn:xmpp:jingle:transports:s5b:1' sid='x'/>")),
        true);

    g_assert_false(j.content[0].description || j.content[0].transport);
    g_assert_cmpint(j.desc->stream[0].kind, ==, DESC_OTHER);
    jingle_clear(&j);
}

static void a_description_needs_its_media(void)
{
    jingle_refused(ACTION("session-initiate",
                          CONTENT("", "<description xmlns='urn:xmpp:jingle:apps:rtp:1'/>")),
                   GW_EPARSE);
    jingle_refused(
        ACTION("session-initiate", CONTENT("", "<description xmlns='urn:xmpp:jingle:apps:rtp:1' "
                                               "media='audio 9 RTP/AVP'/>")),
        GW_EPARSE);
}

static void a_content_reject_has_media_and_an_empty_transport(void)
{
    struct jingle j = {
        .action = JINGLE_CONTENT_REJECT, .sid = "s1", .desc = desc_new(), .reason = JINGLE_DECLINE};
    struct desc_stream *s = desc_add_stream(j.desc, DESC_VIDEO);

    g_strlcpy(s->mid, "1", sizeof(s->mid));
    j.content[0].description = j.content[0].transport = true;
    g_autofree char *text = jingle_said(&j, true);
    g_assert_cmpstr(
        text, ==,
        ACTION("content-reject",
               "<content creator='initiator' name='1'>"
               "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'></description>"
               "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>"
               "<reason xmlns='urn:xmpp:jingle:1'><decline/></reason>"));
    jingle_clear(&j);
}

static void only_what_is_asked_for_is_written(void)
{
    struct jingle j = jingle_of_client("monal-accept.xml", false);

    j.content[0].description = false;
    g_autofree char *text = jingle_said(&j, false);
    said_lacks(text, "<description");
    said_contains(text, "<transport");
    j.content[0].transport = false;
    j.content[0].description = true;
    g_autofree char *other = jingle_said(&j, false);
    said_contains(other, "<description");
    said_lacks(other, "<transport");
    jingle_clear(&j);
}

/* ---- formats ---- */

static void static_payload_types_need_no_name(void)
{
    struct jingle j = jingle_take(
        OFFER("<payload-type id='8'/><payload-type id='9' name='G722' clockrate='16000'/>"
              "<payload-type id='0' name='pcmu'/><payload-type id='10'/>"),
        true);
    const struct desc_stream *s = &j.desc->stream[0];

    g_assert_cmpuint(s->ncodecs, ==, 4);
    g_assert_cmpstr(s->codec[0].name, ==, "PCMA");
    g_assert_cmpuint(s->codec[0].clock_hz, ==, 8000);
    g_assert_cmpuint(s->codec[1].clock_hz, ==, 8000); /* as RFC 3551 has it */
    g_assert_cmpstr(s->codec[2].name, ==, "pcmu");
    g_assert_cmpuint(s->codec[3].channels, ==, 2);
    jingle_clear(&j);
}

static void payload_types_that_cannot_be_are_left_out(void)
{
    struct jingle j = jingle_take(
        OFFER(
            "<payload-type name='a' clockrate='1'/><payload-type id='128' name='a' clockrate='1'/>"
            "<payload-type id='-1' name='a' clockrate='1'/><payload-type id='96'/>"
            "<payload-type id='97' name='a'/><payload-type id='98' name='a' clockrate='0'/>"
            "<payload-type id='99' name='a/b' clockrate='1'/>"
            "<payload-type id='99' name='a b' clockrate='1'/>"
            "<payload-type id='100' name='a' clockrate='1' channels='0'/>"
            "<payload-type id='101' name='a' clockrate='4294967296'/>"
            "<payload-type id='102' name='012345678901234567890123' clockrate='1'/>"
            "<payload-type id='103' name='ok' clockrate='8000'/>"
            "<payload-type id='103' name='twice' clockrate='8000'/>"),
        true);

    g_assert_cmpuint(j.desc->stream[0].ncodecs, ==, 1);
    g_assert_cmpstr(j.desc->stream[0].codec[0].name, ==, "ok");
    jingle_clear(&j);
}

static void opus_has_two_channels_whatever_is_said(void)
{
    struct jingle j =
        jingle_take(OFFER("<payload-type id='111' name='opus' clockrate='48000'/>"), true);

    g_assert_cmpuint(j.desc->stream[0].codec[0].channels, ==, 2);
    jingle_clear(&j);
}

static char *fmtp_of(const char *name, const char *parameters, char **said)
{
    g_autofree char *text =
        g_strdup_printf(OFFER("<payload-type id='96' name='%s' clockrate='8000'>%s</payload-type>"),
                        name, parameters);
    struct jingle j = jingle_take(text, true);
    char *fmtp = g_strdup(j.desc->stream[0].codec[0].fmtp);

    *said = jingle_said(&j, true);
    jingle_clear(&j);
    return fmtp;
}

static void assert_fmtp(const char *name, const char *in, const char *fmtp, const char *out)
{
    char *said = NULL;
    g_autofree char *got = fmtp_of(name, in, &said);
    g_autofree char *want = g_strdup_printf(" clockrate='8000'>%s</payload-type>", out);

    g_assert_cmpstr(got, ==, fmtp);
    said_contains(said, want);
    g_free(said);
}

#define PARAMETER(name, value) "<parameter name='" name "' value='" value "'/>"

static void parameters_have_name_and_value(void)
{
    assert_fmtp("x", "", NULL, "");
    assert_fmtp("x", PARAMETER("a", "1") PARAMETER("b", "2"), "a=1;b=2",
                PARAMETER("a", "1") PARAMETER("b", "2"));
    assert_fmtp(
        "x", PARAMETER("sprop-parameter-sets", "Z0IA=,aM48=="),
        "sprop-parameter-sets=Z0IA=,aM48==", PARAMETER("sprop-parameter-sets", "Z0IA=,aM48=="));
    assert_fmtp("x", "<parameter value='1'/><parameter/>", "1", "");
    assert_fmtp("x", "<parameter name='flag'/>" PARAMETER("a", "1"), "flag;a=1",
                PARAMETER("a", "1"));
    assert_fmtp("red", PARAMETER("", "111/111"), "111/111", "");
    assert_fmtp("x", "<parameter xmlns='urn:x' name='a' value='1'/>", NULL, "");
}

static void telephone_event_is_written_without_parameters(void)
{
    assert_fmtp("telephone-event", PARAMETER("", "0-15"), "0-15", "");
    assert_fmtp("telephone-event", PARAMETER("events", "0-16"), "events=0-16", "");
}

static void parameters_that_are_too_long_are_refused(void)
{
    g_autofree char *value = g_strnfill(DESC_TEXT_MAX, 'v');
    g_autofree char *one = g_strdup_printf(
        OFFER("<payload-type id='0'>" PARAMETER("a", "%s") "</payload-type>"), value);
    value[DESC_TEXT_MAX / 2] = '\0';
    g_autofree char *two = g_strdup_printf(
        OFFER("<payload-type id='0'>" PARAMETER("a", "%s") PARAMETER("b", "%s") "</payload-type>"),
        value, value);

    jingle_refused(one, GW_ETOOBIG);
    jingle_refused(two, GW_ETOOBIG);
}

static void more_than_enough_codecs_are_ignored(void)
{
    GString *inner = g_string_new(NULL);

    for (unsigned i = 0; i < 128; i++)
        g_string_append_printf(inner, "<payload-type id='%u' name='x%u' clockrate='8000'/>", i, i);
    g_autofree char *text = g_strdup_printf(OFFER("%s"), inner->str);
    struct jingle j = jingle_take(text, true);
    g_assert_cmpuint(j.desc->stream[0].ncodecs, ==, DESC_CODECS_MAX);
    jingle_clear(&j);
    g_string_free(inner, TRUE);
}

#define FB(attrs) "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' " attrs "/>"

static void feedback_is_for_one_or_for_all(void)
{
    struct jingle j = jingle_take(
        OFFER(FB("type='nack'") FB("type='nack' subtype='pli'") "<payload-type id='0'>" FB(
            "type='nack'") FB("type='ccm' subtype='fir'") FB("subtype='x'")
                  FB("type='a b'") "<rtcp-fb type='other'/></payload-type><payload-type id='8'/>"
                                   "<rtcp-fb-trr-int xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' "
                                   "value='100'/>"),
        true);
    const struct desc_codec *c = j.desc->stream[0].codec;
    g_autofree char *text = jingle_said(&j, true);

    g_assert_cmpuint(c[0].nfeedback, ==, 3);
    g_assert_cmpstr(c[0].feedback[0], ==, "nack");
    g_assert_cmpstr(c[0].feedback[1], ==, "ccm fir");
    g_assert_cmpstr(c[0].feedback[2], ==, "nack pli");
    g_assert_cmpuint(c[1].nfeedback, ==, 2);
    said_contains(text, FB("type='ccm' subtype='fir'"));
    jingle_clear(&j);
}

static void feedback_of_sdp_that_jingle_cannot_say_is_left_out(void)
{
    struct jingle j = jingle_take(OFFER("<payload-type id='0'/>"), true);
    struct desc_codec *c = &j.desc->stream[0].codec[0];

    c->nfeedback = 3;
    g_strlcpy(c->feedback[0], "trr-int 100", sizeof(c->feedback[0]));
    g_strlcpy(c->feedback[1], "app a b", sizeof(c->feedback[1]));
    g_strlcpy(c->feedback[2], "goog-remb", sizeof(c->feedback[2]));
    g_autofree char *text = jingle_said(&j, true);
    g_assert_cmpuint(said_times(text, "<rtcp-fb"), ==, 1);
    said_contains(text, FB("type='goog-remb'"));
    jingle_clear(&j);
}

static void feedback_has_its_limit(void)
{
    GString *inner = g_string_new(NULL);

    for (unsigned i = 0; i < 2 * DESC_FEEDBACK_MAX; i++)
        g_string_append_printf(inner, FB("type='t%u'"), i);
    g_string_append(inner, FB("type='a-type-that-is-much-longer-than-any'"));
    g_autofree char *text =
        g_strdup_printf(OFFER("<payload-type id='0'>%s</payload-type>%s"), inner->str, inner->str);
    struct jingle j = jingle_take(text, true);
    g_assert_cmpuint(j.desc->stream[0].codec[0].nfeedback, ==, DESC_FEEDBACK_MAX);
    jingle_clear(&j);
    g_string_free(inner, TRUE);
}

/* ---- extensions and sources ---- */

#define HDREXT(attrs) "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' " attrs "/>"

static void extensions_have_senders_too(void)
{
    static const char offer[] =
        OFFER(HDREXT("id='1' uri='urn:a'") HDREXT("id='2' uri='urn:b' senders='initiator'")
                  HDREXT("id='3' uri='urn:c' senders='none'") HDREXT("id='3' uri='urn:twice'")
                      HDREXT("id='0' uri='urn:d'") HDREXT("id='256' uri='urn:e'") HDREXT("id='4'")
                          HDREXT("id='5' uri='urn:f g'") HDREXT("id='6' uri='urn:h' senders='x'")
                              HDREXT("id='7' uri='urn:ietf:params:rtp-hdrext:encrypt'"));
    struct jingle j = jingle_take(offer, true);
    const struct desc_stream *s = &j.desc->stream[0];
    g_autofree char *text = jingle_said(&j, true);

    g_assert_cmpuint(s->nextensions, ==, 3);
    g_assert_cmpint(s->extension[1].direction, ==, DESC_SENDONLY);
    g_assert_cmpint(s->extension[2].direction, ==, DESC_INACTIVE);
    said_contains(text, HDREXT("id='1' uri='urn:a'"));
    said_contains(text, HDREXT("id='2' uri='urn:b' senders='initiator'"));
    said_lacks(text, "urn:c");
    jingle_clear(&j);
}

#define SOURCE(ssrc, inner)                                                                        \
    "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='" ssrc "'>" inner "</source>"
#define FID(a, b)                                                                                  \
    "<ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='" a         \
    "'/><source ssrc='" b "'/></ssrc-group>"

static void a_source_is_known_with_the_one_that_repairs_it(void)
{
    struct jingle j = jingle_take(
        OFFER(SOURCE("1", PARAMETER("cname", "c") PARAMETER("msid", "s t"))
                  SOURCE("2", PARAMETER("cname", "c")) SOURCE("x", "")
                      SOURCE("3", "<parameter name='cname'/>") FID("1", "2") FID("5", "5")),
        true);
    const struct desc_stream *s = &j.desc->stream[0];
    g_autofree char *text = jingle_said(&j, true);

    g_assert_cmpuint(s->nsources, ==, 2);
    g_assert_cmpuint(s->source[0].rtx_ssrc, ==, 2);
    g_assert_cmpstr(s->source[0].cname, ==, "c");
    g_assert_null(s->source[1].cname);
    g_assert_cmpstr(s->msid, ==, "s t");
    said_contains(text, FID("1", "2"));
    said_contains(text, SOURCE("2", PARAMETER("cname", "c") PARAMETER("msid", "s t")));
    jingle_clear(&j);
}

static void a_source_is_never_written_without_a_parameter(void)
{
    struct jingle j = jingle_take(OFFER(SOURCE("1", "")), true);
    g_autofree char *text = jingle_said(&j, true);

    said_contains(text, SOURCE("1", PARAMETER("label", "0")));
    jingle_clear(&j);
}

static void sources_have_their_limits(void)
{
    GString *inner = g_string_new(NULL);
    g_autofree char *value = g_strnfill(DESC_TEXT_MAX, 'v');

    for (unsigned i = 1; i <= 2 * DESC_SOURCES_MAX; i++)
        g_string_append_printf(inner, SOURCE("%u", PARAMETER("cname", "c")), i);
    g_autofree char *many = g_strdup_printf(OFFER("%s"), inner->str);
    g_autofree char *longest = g_strdup_printf(OFFER(SOURCE("1", PARAMETER("cname", "%s"))), value);
    struct jingle j = jingle_take(many, true);
    g_assert_cmpuint(j.desc->stream[0].nsources, ==, DESC_SOURCES_MAX);
    jingle_clear(&j);
    jingle_refused(longest, GW_ETOOBIG);
    g_string_free(inner, TRUE);
}

static void add(const char *name, GTestFunc function)
{
    g_autofree char *path = g_strdup_printf("/xmpp/jingle/%s", name);

    g_test_add_func(path, function);
}

static void add_element_tests(void)
{
    add("every-action-has-its-word", every_action_has_its_word);
    add("what-is-no-jingle-is-refused", what_is_no_jingle_is_refused);
    add("the-full-jids-are-written-escaped", the_full_jids_are_written_escaped);
    add("every-reason-has-its-word", every_reason_has_its_word);
    add("an-unknown-reason-is-none", an_unknown_reason_is_none);
    add("a-long-reason-text-is-cut-between-characters",
        a_long_reason_text_is_cut_between_characters);
    add("a-reason-is-read-and-written-alone", a_reason_is_read_and_written_alone);
    add("session-info-tells-what-it-is-about", session_info_tells_what_it_is_about);
    add("names-are-needed-and-unique", names_are_needed_and_unique);
    add("there-are-not-too-many-contents", there_are_not_too_many_contents);
    add("senders-are-seen-from-the-author", senders_are_seen_from_the_author);
    add("who-initiates-is-the-initiator", who_initiates_is_the_initiator);
    add("senders-are-written-for-the-author", senders_are_written_for_the_author);
    add("other-applications-and-transports-are-not-seen",
        other_applications_and_transports_are_not_seen);
    add("a-description-needs-its-media", a_description_needs_its_media);
    add("a-content-reject-has-media-and-an-empty-transport",
        a_content_reject_has_media_and_an_empty_transport);
    add("only-what-is-asked-for-is-written", only_what_is_asked_for_is_written);
}

static void add_description_tests(void)
{
    add("static-payload-types-need-no-name", static_payload_types_need_no_name);
    add("payload-types-that-cannot-be-are-left-out", payload_types_that_cannot_be_are_left_out);
    add("opus-has-two-channels-whatever-is-said", opus_has_two_channels_whatever_is_said);
    add("parameters-have-name-and-value", parameters_have_name_and_value);
    add("telephone-event-is-written-without-parameters",
        telephone_event_is_written_without_parameters);
    add("parameters-that-are-too-long-are-refused", parameters_that_are_too_long_are_refused);
    add("more-than-enough-codecs-are-ignored", more_than_enough_codecs_are_ignored);
    add("feedback-is-for-one-or-for-all", feedback_is_for_one_or_for_all);
    add("feedback-of-sdp-that-jingle-cannot-say-is-left-out",
        feedback_of_sdp_that_jingle_cannot_say_is_left_out);
    add("feedback-has-its-limit", feedback_has_its_limit);
    add("extensions-have-senders-too", extensions_have_senders_too);
    add("a-source-is-known-with-the-one-that-repairs-it",
        a_source_is_known_with_the_one_that_repairs_it);
    add("a-source-is-never-written-without-a-parameter",
        a_source_is_never_written_without_a_parameter);
    add("sources-have-their-limits", sources_have_their_limits);
}

void unit_xmpp_jingle(void)
{
    add_element_tests();
    add_description_tests();
}
