#include "sip/uri.h"

#include <glib.h>

#include <stdio.h>

static int hex_digit(char c)
{
    return g_ascii_isxdigit(c) ? g_ascii_xdigit_value(c) : -1;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

bool uri_unescape(struct span raw, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            if (i + 2 >= raw.n || hex_digit(raw.p[i + 1]) < 0 || hex_digit(raw.p[i + 2]) < 0)
                goto bad;
            c = (char)(hex_digit(raw.p[i + 1]) * 16 + hex_digit(raw.p[i + 2]));
            i += 2;
        }
        if (is_control(c) || n + 1 >= size)
            goto bad;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
bad:
    out[0] = '\0';
    return false;
}

/* RFC 3261 25.1: unreserved and user-unreserved. */
static bool user_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("-_.!~*'()&=+$,;?/", c));
}

bool uri_escape_user(struct span user, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (size_t i = 0; i < user.n; i++) {
        unsigned char c = (unsigned char)user.p[i];
        if (n + 4 > size)
            return false;
        if (user_char((char)c)) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    out[n] = '\0';
    return n > 0;
}

bool uri_of_address(const char *address, const char *domain, char *out, size_t size)
{
    const char *at = strrchr(address, '@');
    struct span user = at ? (struct span){address, (size_t)(at - address)} : span_of(address);
    char escaped[3 * ADDRESS_MAX];
    int n;

    if (!uri_escape_user(user, escaped, sizeof(escaped)))
        return false;
    n = snprintf(out, size, "sip:%s@%s", escaped, at ? at + 1 : domain);
    return n > 0 && (size_t)n < size;
}

bool uri_number(struct span user, bool tel, char out[ADDRESS_MAX])
{
    size_t n = 0;

    out[0] = '\0';
    if (!user.n || (!tel && user.p[0] != '+'))
        return false;
    for (size_t i = 0; i < user.n && user.p[i] != ';'; i++) {
        char c = user.p[i];
        if (strchr("-.()", c))
            continue;
        if (!(g_ascii_isxdigit(c) || c == '*' || c == '#' || (c == '+' && n == 0)) ||
            n + 1 >= ADDRESS_MAX)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > (out[0] == '+');
}

bool uri_to_address(struct span user, struct span host, char out[ADDRESS_MAX])
{
    size_t n;

    if (span_empty(user) || span_empty(host) || !uri_unescape(user, out, ADDRESS_MAX))
        return false;
    n = strlen(out);
    if (n == 0 || n + 1 + host.n >= ADDRESS_MAX)
        return false;
    out[n++] = '@';
    for (size_t i = 0; i < host.n; i++)
        out[n++] = g_ascii_tolower(host.p[i]);
    out[n] = '\0';
    return true;
}

void uri_display(const char *raw, char out[DISPLAY_MAX])
{
    size_t n = 0;
    bool quoted;
    const char *end;

    out[0] = '\0';
    if (!raw)
        return;
    while (*raw == ' ' || *raw == '\t')
        raw++;
    quoted = *raw == '"';
    for (raw += quoted; *raw && !(quoted && *raw == '"') && n + 1 < DISPLAY_MAX; raw++) {
        if (quoted && *raw == '\\' && raw[1])
            raw++;
        if (!is_control(*raw))
            out[n++] = *raw;
    }
    out[n] = '\0';
    if (!g_utf8_validate(out, -1, &end) &&
        (n < DISPLAY_MAX - 1 || end + 4 < out + n)) /* not just cut in a character */
        end = out;
    out[end - out] = '\0';
    g_strchomp(out);
}

bool uri_name_addr(const char *display, const char *uri, char *out, size_t size)
{
    char quoted[2 * DISPLAY_MAX + 4];
    size_t n = 0;
    int length;

    if (display && *display) {
        quoted[n++] = '"';
        for (const char *p = display; *p && n + 4 < sizeof(quoted); p++) {
            if (is_control(*p))
                continue;
            if (*p == '"' || *p == '\\')
                quoted[n++] = '\\';
            quoted[n++] = *p;
        }
        quoted[n++] = '"';
        quoted[n++] = ' ';
    }
    quoted[n] = '\0';
    length = snprintf(out, size, "%s<%s>", quoted, uri);
    return length > 0 && (size_t)length < size;
}

bool uri_party(const char *address, const char *display, const char *domain,
               char out[URI_PARTY_MAX])
{
    char uri[4 * ADDRESS_MAX];

    return uri_of_address(address, domain, uri, sizeof(uri)) &&
           uri_name_addr(display, uri, out, URI_PARTY_MAX);
}

void uri_of_addr(const struct net_addr *a, const char *transport, char *out, size_t size)
{
    char text[NET_ADDR_TEXT];

    (void)snprintf(out, size, "sip:%s%s%s", net_addr_text(a, text), transport ? ";transport=" : "",
                   transport ? transport : "");
}

bool uri_over_websocket(struct span uri)
{
    struct span rest = uri;

    while (rest.n) {
        struct span part = span_cut(&rest, ';');
        struct span value = part;
        struct span name = span_cut(&value, '=');

        value = span_cut(&value, '?');
        if (part.p != uri.p && span_equal_nocase(name, SPAN("transport")))
            return span_equal_nocase(value, SPAN("ws")) || span_equal_nocase(value, SPAN("wss"));
    }
    return false;
}

bool uri_is_line(struct span text, size_t max)
{
    if (text.n > max)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (is_control(text.p[i]))
            return false;
    return true;
}
