#include "gateway/reason.h"
#include "web/proto.h"

#include <glib.h>

#include <jansson.h>

void unit_web_proto(void);

static enum gw_err read_text(const char *json, struct web_msg *m, struct web_fault *why)
{
    return web_msg_read(span_of(json), m, why);
}

static void each_message_survives_a_round_trip(void)
{
    static const char *const all[] = {
        "{\"type\":\"hello\",\"server\":\"tandem\",\"domain\":\"example.org\",\"nonce\":"
        "\"abcdefgh\",\"version\":1,\"ping\":25}",
        "{\"type\":\"auth\",\"user\":\"alice\",\"cnonce\":\"01234567\",\"proof\":"
        "\"d3a0f3448298b3191137c1db3503ea9d1efdf7755a904dea92c2398f9b6b83c0\"}",
        "{\"type\":\"welcome\",\"address\":\"alice@example.org\",\"display\":\"\"}",
        "{\"type\":\"call\",\"call\":\"c1\",\"to\":\"+15551234\",\"sdp\":\"v=0\\r\\n\"}",
        "{\"type\":\"incoming\",\"call\":\"s-1\",\"display\":\"Bj\xc3\xb6rn\",\"from\":\"b@x\","
        "\"to\":\"a@x\",\"sdp\":\"v=0\\r\\n\"}",
        "{\"type\":\"ringing\",\"call\":\"c1\"}",
        "{\"type\":\"message\",\"to\":\"bob\",\"id\":\"m1\",\"body\":\"a\\n\\tb \xe2\x9c\x93\"}",
        "{\"type\":\"message\",\"display\":\"Bob\",\"from\":\"b@x\",\"to\":\"a@x\",\"body\":"
        "\"hi\"}",
        "{\"type\":\"presence\",\"show\":\"dnd\",\"note\":\"in a meeting\"}",
        "{\"type\":\"presence\",\"address\":\"b@x\",\"to\":\"b\",\"show\":\"away\"}",
        "{\"type\":\"watch\",\"to\":\"bob\"}",
        "{\"type\":\"unwatch\",\"to\":\"bob\"}",
        "{\"type\":\"unwatched\",\"to\":\"bob\",\"reason\":\"not-found\",\"sentence\":\"No.\"}",
        "{\"type\":\"delivered\",\"id\":\"m1\"}",
        "{\"type\":\"undelivered\",\"reason\":\"offline\",\"sentence\":\"No.\",\"id\":\"m1\"}",
        "{\"type\":\"progress\",\"call\":\"c1\",\"sdp\":\"v=0\\r\\n\"}",
        "{\"type\":\"answer\",\"call\":\"c1\",\"sdp\":\"v=0\\r\\n\"}",
        "{\"type\":\"reject\",\"call\":\"c1\",\"reason\":\"busy\"}",
        "{\"type\":\"candidate\",\"call\":\"c1\",\"candidate\":\"candidate:1 1 udp 1 192.0.2.1 9 "
        "typ host\",\"mid\":\"0\",\"index\":0}",
        "{\"type\":\"candidate\",\"call\":\"c1\",\"candidate\":null,\"mid\":\"1\",\"index\":1}",
        "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":\"v=0\\r\\n\"}",
        "{\"type\":\"refuse\",\"call\":\"c1\",\"reason\":\"glare\",\"sentence\":\"\"}",
        "{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"#\",\"ms\":160}",
        "{\"type\":\"bye\",\"call\":\"c1\"}",
        "{\"type\":\"ended\",\"call\":\"c1\",\"reason\":\"busy\",\"sentence\":\"x\",\"status\":"
        "486}",
        "{\"type\":\"ping\"}",
        "{\"type\":\"pong\"}",
        "{\"type\":\"error\",\"call\":\"c1\",\"code\":\"bad-state\",\"text\":\"x\",\"re\":\"bye\"}",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        struct web_fault why;
        struct web_msg m;
        g_autofree char *text = NULL;

        g_assert_cmpint(read_text(all[i], &m, &why), ==, GW_OK);
        text = web_msg_write(&m);
        g_assert_cmpstr(text, ==, all[i]);
        web_msg_clear(&m);
    }
}

static void faults_are_named(void)
{
    static const struct {
        const char *json, *code, *re, *call, *text;
    } faulty[] = {
        {"", "malformed", "", "", "valid JSON"},
        {"{\"type\":\"ping\"", "malformed", "", "", "valid JSON"},
        {"{\"type\":\"ping\",\"type\":\"pong\"}", "malformed", "", "", "valid JSON"},
        {"{\"type\":\"call\",\"to\":\"a\\u0000b\"}", "malformed", "", "", "valid JSON"},
        {"[[[[[[[[[]]]]]]]]]", "malformed", "", "", "nested"},
        {"[]", "malformed", "", "", "object"},
        {"{}", "bad-message", "", "", "\"type\" is missing"},
        {"{\"type\":7}", "bad-message", "", "", "\"type\" is missing"},
        {"{\"type\":\"dance\",\"call\":\"c1\"}", "unknown-type", "dance", "c1", "type"},
        {"{\"type\":\"call\",\"call\":\"c1\",\"to\":\"bob\"}", "bad-message", "call", "c1",
         "\"sdp\" is missing"},
        {"{\"type\":\"bye\",\"call\":7}", "bad-message", "bye", "", "\"call\" must be text"},
        {"{\"type\":\"bye\",\"call\":null}", "bad-message", "bye", "", "\"call\" is missing"},
        {"{\"type\":\"bye\",\"call\":\"a b\"}", "bad-message", "bye", "", "\"call\""},
        {"{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"12\"}", "bad-message", "dtmf", "c1",
         "\"digit\""},
        {"{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"E\"}", "bad-message", "dtmf", "c1",
         "\"digit\""},
        {"{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"1\",\"ms\":39}", "bad-message", "dtmf",
         "c1", "from 40 to 6000"},
        {"{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"1\",\"ms\":1.5}", "bad-message", "dtmf",
         "c1", "whole number"},
        {"{\"type\":\"candidate\",\"call\":\"c1\",\"index\":0}", "bad-message", "candidate", "c1",
         "\"candidate\" is missing"},
        {"{\"type\":\"candidate\",\"call\":\"c1\",\"candidate\":null}", "bad-message", "candidate",
         "c1", "\"index\" is missing"},
        {"{\"type\":\"candidate\",\"call\":\"c1\",\"candidate\":null,\"index\":99999999999999}",
         "bad-message", "candidate", "c1", "from 0 to 15"},
        {"{\"type\":\"call\",\"call\":\"c1\",\"to\":\"a\\nb\",\"sdp\":\"v\"}", "bad-message",
         "call", "c1", "\"to\""},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(faulty); i++) {
        struct web_fault why;
        struct web_msg m;

        g_assert_cmpint(read_text(faulty[i].json, &m, &why), !=, GW_OK);
        g_assert_null(m.root);
        g_assert_cmpstr(why.code, ==, faulty[i].code);
        g_assert_cmpstr(why.re, ==, faulty[i].re);
        g_assert_cmpstr(why.call, ==, faulty[i].call);
        g_assert_nonnull(strstr(why.text, faulty[i].text));
    }
}

static void unknown_fields_are_ignored(void)
{
    struct web_fault why;
    struct web_msg m;

    g_assert_cmpint(read_text("{\"x\":[{\"y\":\"}]\\\"\"}],\"type\":\"ping\",\"sdp\":7}", &m, &why),
                    ==, GW_OK);
    g_assert_cmpint(m.type, ==, WEB_PING);
    g_assert_null(m.text[TEXT_SDP]);
    web_msg_clear(&m);
}

static void limits_are_kept_to_the_octet(void)
{
    for (size_t n = 191; n <= 192; n++) {
        g_autofree char *to = g_strnfill(n, 'a');
        g_autofree char *json =
            g_strdup_printf("{\"type\":\"call\",\"call\":\"c\",\"sdp\":\"v\",\"to\":\"%s\"}", to);
        struct web_fault why;
        struct web_msg m;
        enum gw_err err = read_text(json, &m, &why);

        g_assert_cmpint(err, ==, n == 191 ? GW_OK : GW_EINVAL);
        web_msg_clear(&m);
    }
}

static void what_we_say_is_mended_or_withheld(void)
{
    g_autofree char *fill = g_strnfill(90, 'x');
    g_autofree char *name = g_strconcat("\xff\n", fill, "\xc3\xb6\xc3\xb6", NULL);
    g_autofree char *huge = g_strnfill(60001, 'x');
    struct web_msg m = {.type = WEB_WELCOME,
                        .text = {[TEXT_ADDRESS] = "alice@example.org", [TEXT_DISPLAY] = name}};
    struct web_fault why;
    struct web_msg back;
    g_autofree char *text = web_msg_write(&m);

    g_assert_nonnull(text);
    g_assert_cmpint(read_text(text, &back, &why), ==,
                    GW_OK); /* 3 + 1 + 90 octets, then no room for all of the next letter */
    g_assert_cmpuint(strlen(back.text[TEXT_DISPLAY]), ==, 94);
    g_assert_true(g_str_has_prefix(back.text[TEXT_DISPLAY], "\xef\xbf\xbd x"));
    web_msg_clear(&back);

    m = (struct web_msg){.type = WEB_ANSWER, .text = {[TEXT_CALL] = "c", [TEXT_SDP] = huge}};
    g_assert_null(web_msg_write(&m));
    m.text[TEXT_SDP] = NULL;
    g_assert_null(web_msg_write(&m));
}

static void every_cause_can_be_said(void)
{
    for (unsigned i = END_NONE + 1; i < END_CAUSES; i++) {
        struct web_msg m = {.type = WEB_ENDED,
                            .text = {[TEXT_CALL] = "c",
                                     [TEXT_REASON] = end_word((enum end_cause)i),
                                     [TEXT_SENTENCE] = end_sentence((enum end_cause)i)}};
        g_autofree char *text = web_msg_write(&m);
        struct web_fault why;
        struct web_msg back;

        g_assert_cmpint(read_text(text, &back, &why), ==, GW_OK);
        g_assert_cmpstr(back.text[TEXT_REASON], ==, m.text[TEXT_REASON]);
        g_assert_cmpstr(back.text[TEXT_SENTENCE], ==, m.text[TEXT_SENTENCE]);
        web_msg_clear(&back);
    }
}

static void ids_of_the_server_are_not_the_clients(void)
{
    g_assert_true(web_call_id_is_clients("c1"));
    g_assert_true(web_call_id_is_clients("S-1"));
    g_assert_false(web_call_id_is_clients("s-1"));
    g_assert_false(web_call_id_is_clients(""));
    g_assert_false(web_call_id_is_clients("a/b"));
}

void unit_web_proto(void)
{
    g_test_add_func("/web/proto/each-message-survives-a-round-trip",
                    each_message_survives_a_round_trip);
    g_test_add_func("/web/proto/faults-are-named", faults_are_named);
    g_test_add_func("/web/proto/unknown-fields-are-ignored", unknown_fields_are_ignored);
    g_test_add_func("/web/proto/limits-are-kept-to-the-octet", limits_are_kept_to_the_octet);
    g_test_add_func("/web/proto/what-we-say-is-mended-or-withheld",
                    what_we_say_is_mended_or_withheld);
    g_test_add_func("/web/proto/every-cause-can-be-said", every_cause_can_be_said);
    g_test_add_func("/web/proto/ids-of-the-server-are-not-the-clients",
                    ids_of_the_server_are_not_the_clients);
}
