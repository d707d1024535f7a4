#include "gateway/account.h"

#include <glib.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    const struct desc_profile *profile;
} profiles[] = {
    {"plain", &desc_profile_plain},
    {"sdes", &desc_profile_sdes},
    {"dtls", &desc_profile_dtls},
    {"webrtc", &desc_profile_webrtc},
};

bool account_profile_by_word(const char *word, struct desc_profile *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(profiles); i++)
        if (g_ascii_strcasecmp(word, profiles[i].word) == 0) {
            *out = *profiles[i].profile;
            return true;
        }
    return false;
}

const char *account_profile_word(const struct desc_profile *p)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(profiles); i++)
        if (p->security == profiles[i].profile->security && p->ice == profiles[i].profile->ice)
            return profiles[i].word;
    return "plain";
}

void account_default_profiles(struct account *a)
{
    /* DTLS before SDES: a phone set to DTLS may take an SDES offer and then send nothing usable
     * (baresip 1.0), while phones set to SDES refuse DTLS as they should. */
    static const struct desc_profile *const order[] = {&desc_profile_plain, &desc_profile_dtls,
                                                       &desc_profile_sdes};

    a->nprofiles = G_N_ELEMENTS(order);
    for (unsigned i = 0; i < a->nprofiles; i++)
        a->profile[i] = *order[i];
}

/* RFC 7616 3.4.2: A1 = user ":" realm ":" password. */
static void account_ha1(GChecksumType hash, const struct account *a, const char *domain,
                        const char *password, char *out, size_t size)
{
    GChecksum *sum = g_checksum_new(hash);

    g_checksum_update(sum, (const guchar *)a->user, -1);
    g_checksum_update(sum, (const guchar *)":", 1);
    g_checksum_update(sum, (const guchar *)domain, -1);
    g_checksum_update(sum, (const guchar *)":", 1);
    g_checksum_update(sum, (const guchar *)password, -1);
    (void)g_strlcpy(out, g_checksum_get_string(sum), size);
    g_checksum_free(sum);
}

void account_set_password(struct account *a, const char *domain, const char *password)
{
    account_ha1(G_CHECKSUM_MD5, a, domain, password, a->ha1_md5, sizeof(a->ha1_md5));
    account_ha1(G_CHECKSUM_SHA256, a, domain, password, a->ha1_sha256, sizeof(a->ha1_sha256));
}

/* What RFC 7622 3.3.1 forbids in a localpart, and what would need escaping in a SIP URI, a header
 * or a log line. "%" stays out so that no text is ever unescaped into another address. */
static bool account_user_char(gunichar c)
{
    if (c < 0x80)
        return c > 0x20 && c < 0x7f && !strchr("\"&'/:<>@%\\;?,()[]{}`^|", (int)c);
    return g_unichar_isgraph(c) && !g_unichar_isspace(c);
}

static bool account_domain_ok(const char *domain)
{
    if (*domain == '\0' || *domain == '.' || *domain == '-')
        return false;
    for (const char *p = domain; *p; p++)
        if (!g_ascii_isalnum(*p) && *p != '-' && (*p != '.' || p[1] == '.'))
            return false;
    return true;
}

bool account_normalise(const char *text, const char *domain, char out[192])
{
    const char *at = strchr(text, '@');
    g_autofree char *user = at ? g_strndup(text, (gsize)(at - text)) : g_strdup(text);
    g_autofree char *whole = NULL;
    g_autofree char *low = NULL;
    g_autofree char *host = g_ascii_strdown(at ? at + 1 : domain, -1);
    int n;

    *out = '\0';
    if (*user == '\0' || !g_utf8_validate(user, -1, NULL) || !account_domain_ok(host))
        return false;
    for (const char *p = user; *p; p = g_utf8_find_next_char(p, NULL))
        if (!account_user_char(g_utf8_get_char(p)))
            return false;
    whole = g_utf8_normalize(user, -1, G_NORMALIZE_NFC); /* RFC 8265 3.3.1 */
    low = g_utf8_strdown(whole, -1);
    if (strlen(low) >= sizeof(((struct account *)0)->user))
        return false;
    n = snprintf(out, 192, "%s@%s", low, host);
    if (n < 0 || n >= 192) {
        *out = '\0';
        return false;
    }
    return true;
}

bool account_normalise_jid(const char *text, char out[192])
{
    const char *at = strchr(text, '@');
    g_autofree char *node = at ? g_strndup(text, (gsize)(at - text)) : NULL;
    g_autofree char *host = at ? g_ascii_strdown(at + 1, -1) : NULL;
    g_autofree char *whole = NULL;
    g_autofree char *low = NULL;
    int n;

    *out = '\0';
    if (!node || *node == '\0' || !g_utf8_validate(node, -1, NULL) || !account_domain_ok(host))
        return false;
    for (const char *p = node; *p; p = g_utf8_find_next_char(p, NULL)) {
        gunichar c = g_utf8_get_char(p);

        if (c < 0x80 ? c <= 0x20 || c == 0x7f || strchr("\"&'/:<>@", (int)c) != NULL
                     : !g_unichar_isgraph(c) || g_unichar_isspace(c))
            return false;
    }
    whole = g_utf8_normalize(node, -1, G_NORMALIZE_NFC); /* RFC 8265 3.3.1 */
    low = g_utf8_strdown(whole, -1);
    n = snprintf(out, 192, "%s@%s", low, host);
    if (n < 0 || n >= 192) {
        *out = '\0';
        return false;
    }
    return true;
}

bool account_set_address(struct account *a, const char *text, const char *domain)
{
    const char *at;

    if (!account_normalise(text, domain, a->address))
        return false;
    at = strchr(a->address, '@');
    (void)g_strlcpy(a->user, a->address, MIN((gsize)(at - a->address) + 1, sizeof(a->user)));
    return true;
}

bool account_ha1_valid(const char *hex, size_t n)
{
    if (strlen(hex) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_isxdigit(hex[i]))
            return false;
    return true;
}

char *account_to_json(const struct account *a)
{
    json_t *media = json_array();
    json_t *root;
    char *text;

    for (unsigned i = 0; i < a->nprofiles; i++)
        (void)json_array_append_new(media, json_string(account_profile_word(&a->profile[i])));
    root = json_pack("{s:s, s:s, s:s, s:b, s:o, s:I, s:s}", "display", a->display, "ha1_md5",
                     a->ha1_md5, "ha1_sha256", a->ha1_sha256, "sip_sha256", (int)a->sip_sha256,
                     "media", media, "calls", (json_int_t)a->calls_max, "jid", a->jid);
    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static bool account_json_media(struct account *a, const json_t *media)
{
    size_t i;
    const json_t *word;

    a->nprofiles = 0;
    json_array_foreach(media, i, word)
    {
        if (i >= ACCOUNT_PROFILES_MAX || !json_is_string(word) ||
            !account_profile_by_word(json_string_value(word), &a->profile[i]))
            return false;
        a->nprofiles++;
    }
    return a->nprofiles > 0;
}

bool account_from_json(const char *address, const char *text, struct account *out)
{
    struct account a = {.from_config = false};
    const char *display;
    const char *md5;
    const char *sha256;
    const char *jid = "";
    int sip_sha256 = 0;
    json_int_t calls = 0;
    const json_t *media;
    json_t *root = json_loads(text, 0, NULL);
    bool ok = root && account_set_address(&a, address, "") &&
              json_unpack(root, "{s:s, s:s, s:s, s:b, s:o, s:I, s?s}", "display", &display,
                          "ha1_md5", &md5, "ha1_sha256", &sha256, "sip_sha256", &sip_sha256,
                          "media", &media, "calls", &calls, "jid", &jid) == 0 &&
              (*jid == '\0' || account_normalise_jid(jid, a.jid)) &&
              account_json_media(&a, media) && calls >= 0 && calls <= ACCOUNT_CALLS_MAX &&
              span_copy(span_of(display), a.display, sizeof(a.display)) &&
              (*md5 == '\0' || account_ha1_valid(md5, 32)) &&
              (*sha256 == '\0' || account_ha1_valid(sha256, 64));

    if (ok) {
        (void)g_strlcpy(a.ha1_md5, md5, sizeof(a.ha1_md5));
        (void)g_strlcpy(a.ha1_sha256, sha256, sizeof(a.ha1_sha256));
        a.sip_sha256 = sip_sha256 != 0;
        a.calls_max = (unsigned)calls;
        *out = a;
    }
    json_decref(root);
    return ok;
}
