#include "xmpp/xml.h"

static bool xml_allows(gunichar c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xd800) ||
           (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c < 0x110000);
}

/* White space is written by number: a reader would turn it into blanks in an attribute, and a
 * carriage return into a line feed anywhere (XML 1.0 2.11, 3.3.3). */
static void xml_char(GString *s, gunichar c, bool attribute)
{
    switch (c) {
    case '<': g_string_append(s, "&lt;"); return;
    case '>': g_string_append(s, "&gt;"); return;
    case '&': g_string_append(s, "&amp;"); return;
    case '\'': g_string_append(s, "&apos;"); return;
    case '"': g_string_append(s, "&quot;"); return;
    case '\r': g_string_append(s, "&#13;"); return;
    default: break;
    }
    if (attribute && (c == '\t' || c == '\n'))
        g_string_append_printf(s, "&#%u;", c);
    else
        g_string_append_unichar(s, c);
}

static void xml_chars(GString *s, const char *text, bool attribute)
{
    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append(s, "\xef\xbf\xbd");
            text++;
            continue;
        }
        xml_char(s, xml_allows(c) ? c : 0xfffd, attribute);
        text += g_utf8_skip[(guchar)*text]; /* g_utf8_next_char() drops const */
    }
}

void xml_text(GString *s, const char *text)
{
    if (text)
        xml_chars(s, text, false);
}

void xml_attr(GString *s, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(s, " %s='", name);
    xml_chars(s, value, true);
    g_string_append_c(s, '\'');
}

void xml_attr_number(GString *s, const char *name, guint64 number)
{
    g_string_append_printf(s, " %s='%" G_GUINT64_FORMAT "'", name, number);
}

void xml_leaf(GString *s, const char *name, const char *text)
{
    g_string_append_printf(s, "<%s>", name);
    xml_text(s, text);
    g_string_append_printf(s, "</%s>", name);
}
