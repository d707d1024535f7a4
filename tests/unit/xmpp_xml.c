#include "xmpp/xml.h"

#include <string.h>

void unit_xmpp_xml(void);

static void markup_is_escaped(void)
{
    GString *s = g_string_new(NULL);

    xml_leaf(s, "body", "<a href=\"x\">'&'</a>");
    g_assert_cmpstr(s->str, ==,
                    "<body>&lt;a href=&quot;x&quot;&gt;&apos;&amp;&apos;&lt;/a&gt;</body>");
    g_string_free(s, TRUE);
}

static void what_xml_forbids_is_replaced(void)
{
    GString *s = g_string_new(NULL);

    xml_text(s, "a\x01"
                "b\xff"
                "c\xef\xbf\xbf"
                "d");
    g_assert_cmpstr(s->str, ==,
                    "a\xef\xbf\xbd"
                    "b\xef\xbf\xbd"
                    "c\xef\xbf\xbd"
                    "d");
    g_string_free(s, TRUE);
}

static void white_space_survives_in_attributes(void)
{
    GString *s = g_string_new(NULL);

    xml_attr(s, "a", "1\t2\n3\r4");
    xml_attr(s, "none", NULL);
    xml_attr_number(s, "n", G_MAXUINT64);
    g_assert_cmpstr(s->str, ==, " a='1&#9;2&#10;3&#13;4' n='18446744073709551615'");
    g_string_free(s, TRUE);
}

void unit_xmpp_xml(void)
{
    g_test_add_func("/xmpp/xml/markup-is-escaped", markup_is_escaped);
    g_test_add_func("/xmpp/xml/what-xml-forbids-is-replaced", what_xml_forbids_is_replaced);
    g_test_add_func("/xmpp/xml/white-space-survives-in-attributes",
                    white_space_survives_in_attributes);
}
