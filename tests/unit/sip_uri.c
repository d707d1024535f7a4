#include "sip/uri.h"

#include <glib.h>

void unit_sip_uri(void);

static void escapes_are_undone_once(void)
{
    char out[64];

    g_assert_true(uri_unescape(SPAN("sips%3Auser%40example.com"), out, sizeof(out)));
    g_assert_cmpstr(out, ==, "sips:user@example.com");
    g_assert_true(uri_unescape(SPAN("%25%34%31"), out, sizeof(out)));
    g_assert_cmpstr(out, ==, "%41");
}

static void nul_control_and_torn_escapes_are_refused(void)
{
    static const char *const bad[] = {"null-%00", "a%0d%0aVia: x", "a%", "a%4", "a%zz", "a\x01"};
    char out[64];

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(uri_unescape(span_of(bad[i]), out, sizeof(out)));
        g_assert_cmpstr(out, ==, "");
    }
    g_assert_false(uri_unescape(SPAN("abcd"), out, 4));
}

static void addresses_go_there_and_back(void)
{
    static const char *const users[] = {"bob", "+15551234", "a b", "j\xc3\xbcrgen", "x%y", "a;b=c"};
    char uri[256], address[ADDRESS_MAX];

    for (unsigned i = 0; i < G_N_ELEMENTS(users); i++) {
        char *full = g_strdup_printf("%s@example.org", users[i]);
        const char *at;

        g_assert_true(uri_of_address(full, "example.org", uri, sizeof(uri)));
        g_assert_true(g_str_has_prefix(uri, "sip:"));
        at = strchr(uri, '@');
        g_assert_true(uri_to_address((struct span){uri + 4, (size_t)(at - uri - 4)},
                                     span_of(at + 1), address));
        g_assert_cmpstr(address, ==, full);
        g_free(full);
    }
    g_assert_true(uri_of_address("+1555", "example.org", uri, sizeof(uri)));
    g_assert_cmpstr(uri, ==, "sip:+1555@example.org");
    g_assert_false(uri_to_address(SPAN(""), SPAN("h"), address));
    g_assert_true(uri_to_address(SPAN("Bob"), SPAN("EXAMPLE.org"), address));
    g_assert_cmpstr(address, ==, "Bob@example.org");
}

static void display_names_lose_quotes_and_tricks(void)
{
    static const struct {
        const char *raw, *want;
    } rows[] = {{"\"Bob \\\"B\\\" Smith\"", "Bob \"B\" Smith"},
                {"  Bob ", "Bob"},
                {"\"a\\\\b\"", "a\\b"},
                {"\"open", "open"},
                {"\xff\xfe", ""},
                {"J\xc3\xbcrgen", "J\xc3\xbcrgen"},
                {NULL, ""}};
    char out[DISPLAY_MAX];
    char *longer = g_strnfill(90, 'x');
    char *umlauts = g_strconcat(longer, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uri_display(rows[i].raw, out);
        g_assert_cmpstr(out, ==, rows[i].want);
    }
    uri_display(umlauts, out);
    g_assert_true(g_utf8_validate(out, -1, NULL));
    g_assert_true(g_str_has_prefix(out, longer));
    g_free(umlauts);
    g_free(longer);
}

static void numbers_are_read_without_their_separators(void)
{
    static const struct {
        const char *user, *tel, *sip;
    } cases[] = {
        {"+1-555-(12).34;ext=7", "+15551234", "+15551234"},
        {"1001;phone-context=x", "1001", NULL},
        {"*97#", "*97#", NULL},
        {"b.ob", NULL, NULL},
        {"+", NULL, NULL},
        {"+1+2", NULL, NULL},
        {";x", NULL, NULL},
        {"", NULL, NULL},
    };
    char out[ADDRESS_MAX];
    char *big = g_strnfill(400, '1');

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        for (int tel = 0; tel < 2; tel++) {
            const char *want = tel ? cases[i].tel : cases[i].sip;
            g_assert_cmpint(uri_number(span_of(cases[i].user), tel, out), ==, want != NULL);
            if (want)
                g_assert_cmpstr(out, ==, want);
        }
    g_assert_false(uri_number(span_of(big), true, out));
    g_assert_false(uri_number((struct span){NULL, 0}, true, out));
    g_free(big);
}

static void names_are_quoted(void)
{
    char out[256];

    g_assert_true(uri_name_addr("A \"b\"\r\n c\\", "sip:a@b", out, sizeof(out)));
    g_assert_cmpstr(out, ==, "\"A \\\"b\\\" c\\\\\" <sip:a@b>");
    g_assert_true(uri_name_addr("", "sip:a@b", out, sizeof(out)));
    g_assert_cmpstr(out, ==, "<sip:a@b>");
    g_assert_false(uri_name_addr("name", "sip:a@b", out, 8));
}

static void socket_addresses_as_uris(void)
{
    struct net_addr v4 = {.set = 1, .port = 5060, .ip = {192, 0, 2, 7}};
    struct net_addr v6 = {.set = 1, .port = 5061, .is_v6 = 1, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}};
    char out[128];

    uri_of_addr(&v4, "udp", out, sizeof(out));
    g_assert_cmpstr(out, ==, "sip:192.0.2.7:5060;transport=udp");
    uri_of_addr(&v6, NULL, out, sizeof(out));
    g_assert_cmpstr(out, ==, "sip:[2001:db8::1]:5061");
}

static void websocket_is_said_by_the_transport(void)
{
    g_assert_true(uri_over_websocket(SPAN("sip:x@y.invalid;transport=ws")));
    g_assert_true(uri_over_websocket(SPAN("sip:x@y.invalid;ob;Transport=WSS;lr")));
    g_assert_true(uri_over_websocket(SPAN("sip:x@y.invalid;transport=ws?Subject=z")));
    g_assert_false(uri_over_websocket(SPAN("sip:x@y;transport=tls")));
    g_assert_false(uri_over_websocket(SPAN("sip:x@y;transport=wsx")));
    g_assert_false(uri_over_websocket(SPAN("sip:x@y;transport")));
    g_assert_false(uri_over_websocket(SPAN("transport=ws")));
    g_assert_false(uri_over_websocket(SPAN("sip:x@y")));
    g_assert_false(uri_over_websocket(SPAN("")));
}

void unit_sip_uri(void)
{
    g_test_add_func("/sip/uri/numbers-are-read-without-their-separators",
                    numbers_are_read_without_their_separators);
    g_test_add_func("/sip/uri/escapes-are-undone-once", escapes_are_undone_once);
    g_test_add_func("/sip/uri/nul-control-and-torn-escapes-are-refused",
                    nul_control_and_torn_escapes_are_refused);
    g_test_add_func("/sip/uri/addresses-go-there-and-back", addresses_go_there_and_back);
    g_test_add_func("/sip/uri/display-names-lose-quotes-and-tricks",
                    display_names_lose_quotes_and_tricks);
    g_test_add_func("/sip/uri/names-are-quoted", names_are_quoted);
    g_test_add_func("/sip/uri/socket-addresses-as-uris", socket_addresses_as_uris);
    g_test_add_func("/sip/uri/websocket-is-said-by-the-transport",
                    websocket_is_said_by_the_transport);
}
