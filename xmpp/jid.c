#include "xmpp/jid.h"

#include <glib.h>

#include <stdio.h>
#include <string.h>

/* XEP-0106 4: what a localpart may not hold, and the backslash where it would look like an escape.
 */
static const char escaped[] = " \"&'/:<>@\\";

static bool is_escape(const char *p)
{
    static const char *const codes[] = {"20", "22", "26", "27", "2f", "3a", "3c", "3e", "40", "5c"};

    if (*p != '\\' || !p[1] || !p[2])
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_ascii_strncasecmp(p + 1, codes[i], 2) == 0)
            return true;
    return false;
}

bool jid_escape(const char *user, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = user; *p; p++) {
        bool escape = strchr(escaped, *p) != NULL && (*p != '\\' || is_escape(p));

        if (n + (escape ? 3 : 1) >= size)
            return false;
        if (escape)
            n += (size_t)snprintf(out + n, size - n, "\\%02x", (unsigned char)*p);
        else
            out[n++] = *p;
    }
    out[n] = '\0';
    return n > 0;
}

bool jid_unescape(const char *local, size_t n, char *out, size_t size)
{
    g_autofree char *text = g_strndup(local, n);
    size_t k = 0;

    for (const char *p = text; *p; p++) {
        if (k + 1 >= size)
            return false;
        if (is_escape(p)) {
            out[k++] = (char)(g_ascii_xdigit_value(p[1]) * 16 + g_ascii_xdigit_value(p[2]));
            p += 2;
        } else {
            out[k++] = *p;
        }
    }
    out[k] = '\0';
    return k > 0;
}

static bool domain_valid(const char *domain)
{
    if (*domain == '\0')
        return false;
    for (const char *p = domain; *p; p++)
        if (g_ascii_iscntrl(*p) || strchr(" \"&'<>@\\", *p))
            return false;
    return true;
}

bool jid_parse(const char *text, struct jid *out)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    g_autofree char *bare = NULL;
    g_autofree char *low = NULL;
    char *at;

    memset(out, 0, sizeof(*out));
    if (!text || strlen(text) >= JID_MAX || !g_utf8_validate(text, -1, NULL) ||
        (slash && !slash[1]))
        return false;
    bare = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
    low = g_utf8_strdown(bare, -1);
    if (g_strlcpy(out->bare, low, sizeof(out->bare)) >= sizeof(out->bare))
        return false;
    at = strchr(out->bare, '@');
    if (at == out->bare)
        return false;
    out->node = at != NULL;
    out->domain = at ? at + 1 : out->bare;
    out->full = text;
    out->resource = slash ? slash + 1 : NULL;
    return domain_valid(out->domain);
}

bool jid_of_address(const char *address, const char *domain, const char *component,
                    char out[JID_BARE_MAX])
{
    const char *at = strrchr(address, '@');
    bool ours = at && g_str_equal(at + 1, domain);
    g_autofree char *user = ours ? g_strndup(address, (gsize)(at - address)) : g_strdup(address);
    char local[JID_BARE_MAX];
    int n;

    if (!jid_escape(user, local, sizeof(local)))
        return false;
    n = snprintf(out, JID_BARE_MAX, "%s@%s", local, component);
    return n > 0 && n < JID_BARE_MAX;
}

bool jid_to_dialled(const struct jid *jid, char out[JID_BARE_MAX])
{
    if (!jid->node)
        return false;
    return jid_unescape(jid->bare, (size_t)(jid->domain - 1 - jid->bare), out, JID_BARE_MAX);
}
