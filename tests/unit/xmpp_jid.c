#include "xmpp/jid.h"

#include <glib.h>

#include <string.h>

void unit_xmpp_jid(void);

static void parts_are_told_apart(void)
{
    struct jid j;

    g_assert_true(jid_parse("Ana@Example.ORG/Phone/1 @x", &j));
    g_assert_cmpstr(j.bare, ==, "ana@example.org");
    g_assert_cmpstr(j.domain, ==, "example.org");
    g_assert_cmpstr(j.resource, ==, "Phone/1 @x");
    g_assert_true(j.node);
    g_assert_true(jid_parse("sip.example.org", &j));
    g_assert_false(j.node);
    g_assert_null(j.resource);
}

static void what_is_no_jid_is_refused(void)
{
    g_autofree char *longish = g_strnfill(JID_BARE_MAX, 'a');
    g_autofree char *resource = g_strdup_printf("a@b/%0*d", JID_MAX, 1);
    const char *const bad[] = {"",      "@b",     "a@",    "a@b/",   "a@b@c",
                               "a@b c", "a@\xff", longish, resource, NULL};
    struct jid j;

    g_assert_false(jid_parse(NULL, &j));
    for (unsigned i = 0; bad[i]; i++)
        g_assert_false(jid_parse(bad[i], &j));
}

/* The examples of XEP-0106 and their way back. */
static void escapes_go_there_and_back(void)
{
    static const char *const pairs[][2] = {
        {"space cadet", "space\\20cadet"},
        {"call me \"ishmael\"", "call\\20me\\20\\22ishmael\\22"},
        {"at&t guy", "at\\26t\\20guy"},
        {"d'artagnan", "d\\27artagnan"},
        {"/.fanboy", "\\2f.fanboy"},
        {"::foo::", "\\3a\\3afoo\\3a\\3a"},
        {"<foo>", "\\3cfoo\\3e"},
        {"user@host", "user\\40host"},
        {"c:\\net", "c\\3a\\net"},
        {"c:\\\\net", "c\\3a\\\\net"},
        {"c:\\cool stuff", "c\\3a\\cool\\20stuff"},
        {"c:\\5commas", "c\\3a\\5c5commas"},
        {"+15551234", "+15551234"},
    };
    char out[64];

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_assert_true(jid_escape(pairs[i][0], out, sizeof(out)));
        g_assert_cmpstr(out, ==, pairs[i][1]);
        g_assert_true(jid_unescape(pairs[i][1], strlen(pairs[i][1]), out, sizeof(out)));
        g_assert_cmpstr(out, ==, pairs[i][0]);
    }
    g_assert_false(jid_escape("a b", out, 5)); /* "a\20b" and its NUL */
    g_assert_true(jid_escape("a b", out, 6));
    g_assert_false(jid_unescape("abcd", 4, out, 4));
}

static void addresses_map_to_the_component_and_back(void)
{
    char out[JID_BARE_MAX];
    struct jid j;

    g_assert_true(jid_of_address("1001@tandem.test", "tandem.test", "sip.example.org", out));
    g_assert_cmpstr(out, ==, "1001@sip.example.org");
    g_assert_true(jid_parse(out, &j) && jid_to_dialled(&j, out));
    g_assert_cmpstr(out, ==, "1001");
    g_assert_true(jid_of_address("bob@else.example", "tandem.test", "sip.example.org", out));
    g_assert_cmpstr(out, ==, "bob\\40else.example@sip.example.org");
    g_assert_true(jid_parse(out, &j) && jid_to_dialled(&j, out));
    g_assert_cmpstr(out, ==, "bob@else.example");
    g_assert_true(jid_of_address("anonymous", "tandem.test", "sip.example.org", out));
    g_assert_cmpstr(out, ==, "anonymous@sip.example.org");
}

void unit_xmpp_jid(void)
{
    g_test_add_func("/xmpp/jid/parts-are-told-apart", parts_are_told_apart);
    g_test_add_func("/xmpp/jid/what-is-no-jid-is-refused", what_is_no_jid_is_refused);
    g_test_add_func("/xmpp/jid/escapes-go-there-and-back", escapes_go_there_and_back);
    g_test_add_func("/xmpp/jid/addresses-map-to-the-component-and-back",
                    addresses_map_to_the_component_and_back);
}
