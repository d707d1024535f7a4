/* Single values: each parser writes its field or says in one sentence what was expected. */
#include "base/log.h"
#include "gateway/config_file.h"

#include <stdlib.h>
#include <string.h>

static bool refuse(char **why, const char *fmt, ...) ATTR_PRINTF(2, 3);
static bool refuse(char **why, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    *why = g_strdup_vprintf(fmt, args);
    va_end(args);
    return false;
}

static void text_set(char **field, const char *value)
{
    g_free(*field);
    *field = g_strdup(value);
}

bool value_text(const char *value, const struct config_key *k, void *field, char **why)
{
    if (*value == '\0')
        return refuse(why, "is empty");
    if (k->high && strlen(value) > k->high)
        return refuse(why, "is longer than %u bytes", k->high);
    text_set(field, value);
    return true;
}

bool value_path(const char *value, const struct config_key *k, void *field, char **why)
{
    (void)k;
    if (*value == '\0')
        return refuse(why, "names no file");
    for (const char *p = value; *p; p++)
        if (g_ascii_iscntrl(*p))
            return refuse(why, "holds a control character");
    text_set(field, value);
    return true;
}

bool value_display(const char *value, const struct config_key *k, void *field, char **why)
{
    (void)k;
    for (const char *p = value; *p; p = g_utf8_find_next_char(p, NULL))
        if (g_unichar_iscntrl(g_utf8_get_char(p)) || *p == '"' || *p == '\\')
            return refuse(why, "may not hold quotes, backslashes or control characters");
    if (!span_copy(span_of(value), field, sizeof(((struct account *)0)->display)))
        return refuse(why, "is longer than %zu bytes", sizeof(((struct account *)0)->display) - 1);
    return true;
}

bool value_domain(const char *value, const struct config_key *k, void *field, char **why)
{
    char address[192];

    (void)k;
    if (strchr(value, '@') || strlen(value) > 96 || !account_normalise("x", value, address))
        return refuse(why, "\"%s\" is no domain name like example.org", value);
    g_free(*(char **)field);
    *(char **)field = g_ascii_strdown(value, -1);
    return true;
}

bool value_host(const char *value, const struct config_key *k, void *field, char **why)
{
    struct net_addr a;

    if (!net_addr_parse_ip(span_of(value), &a))
        return value_domain(value, k, field, why);
    text_set(field, value);
    return true;
}

bool value_bool(const char *value, const struct config_key *k, void *field, char **why)
{
    static const char *const yes[] = {"yes", "true", "on", "1", NULL};
    static const char *const no[] = {"no", "false", "off", "0", NULL};
    g_autofree char *low = g_ascii_strdown(value, -1);
    bool on = g_strv_contains(yes, low);

    (void)k;
    if (!on && !g_strv_contains(no, low))
        return refuse(why, "\"%s\" is neither yes nor no", value);
    *(bool *)field = on;
    return true;
}

static bool number(const char *value, unsigned low, unsigned high, unsigned *out)
{
    uint64_t n;

    if (!span_u64(span_of(value), high, &n) || n < low)
        return false;
    *out = (unsigned)n;
    return true;
}

bool value_number(const char *value, const struct config_key *k, void *field, char **why)
{
    if (!number(value, k->low, k->high, field))
        return refuse(why, "\"%s\" is no number from %u to %u", value, k->low, k->high);
    return true;
}

bool value_port(const char *value, const struct config_key *k, void *field, char **why)
{
    unsigned port;

    if (!number(value, k->low, 65535, &port))
        return refuse(why, "\"%s\" is no port from %u to 65535", value, k->low);
    *(uint16_t *)field = (uint16_t)port;
    return true;
}

static bool choice(const char *value, const char *const *words, int *out)
{
    for (int i = 0; words[i]; i++)
        if (g_ascii_strcasecmp(value, words[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool value_level(const char *value, const struct config_key *k, void *field, char **why)
{
    static const char *const words[] = {"error", "warning", "info", "debug", NULL};

    (void)k;
    return choice(value, words, field) ||
           refuse(why, "\"%s\" is none of error, warning, info, debug", value);
}

bool value_srtp(const char *value, const struct config_key *k, void *field, char **why)
{
    static const char *const words[] = {"own", "libsrtp", NULL};
    int which;

    (void)k;
    if (!choice(value, words, &which))
        return refuse(why, "\"%s\" is none of own, libsrtp", value);
    *(bool *)field = which == 1;
    return true;
}

/* ---- lists ---- */

/* The next word of a list separated by commas; false at its end. */
static bool list_next(struct span *rest, struct span *word)
{
    while (!span_empty(*rest)) {
        *word = span_trim(span_cut(rest, ','));
        if (!span_empty(*word))
            return true;
    }
    return false;
}

bool value_listen(const char *value, const struct config_key *k, void *field, char **why)
{
    struct config_listen *list = field;
    struct span rest = span_of(value);
    struct span word;

    (void)k;
    list->n = 0;
    while (list_next(&rest, &word)) {
        struct net_addr a;

        if (!net_addr_parse(word, &a) || a.port == 0)
            return refuse(why, "\"%.*s\" is no address with a port, like 0.0.0.0:5060 or [::]:5060",
                          (int)MIN(word.n, 100), word.p);
        if (list->n == CONFIG_LISTEN_MAX)
            return refuse(why, "more than %d addresses", CONFIG_LISTEN_MAX);
        for (unsigned i = 0; i < list->n; i++)
            if (net_addr_equal(&a, &list->addr[i]))
                return refuse(why, "\"%.*s\" stands twice", (int)word.n, word.p);
        list->addr[list->n++] = a;
    }
    return true;
}

bool value_addresses(const char *value, const struct config_key *k, void *field, char **why)
{
    struct config_listen *list = field;
    struct span rest = span_of(value);
    struct span word;

    (void)k;
    list->n = 0;
    while (list_next(&rest, &word)) {
        struct net_addr a;

        if (!net_addr_parse_ip(word, &a))
            return refuse(why, "\"%.*s\" is no IP address", (int)MIN(word.n, 100), word.p);
        if (list->n == CONFIG_LISTEN_MAX)
            return refuse(why, "more than %d addresses", CONFIG_LISTEN_MAX);
        list->addr[list->n++] = a;
    }
    return list->n > 0 || refuse(why, "names no address");
}

static void words_set(char ***field, GPtrArray *words)
{
    g_strfreev(*field);
    g_ptr_array_add(words, NULL);
    *field = (char **)g_ptr_array_free(words, FALSE);
}

/* A list whose every word passes @p ok; an empty one is NULL. */
static bool words_parse(const char *value, char ***field, bool (*ok)(const char *word, char **why),
                        char **why)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    struct span rest = span_of(value);
    struct span word;

    while (list_next(&rest, &word)) {
        g_ptr_array_add(words, span_dup(word));
        if (words->len > CONFIG_LIST_MAX ? !refuse(why, "more than %d words", CONFIG_LIST_MAX)
                                         : ok && !ok(words->pdata[words->len - 1], why)) {
            g_ptr_array_free(words, TRUE);
            return false;
        }
    }
    if (words->len == 0) {
        g_ptr_array_free(words, TRUE);
        g_strfreev(*field);
        *field = NULL;
        return true;
    }
    words_set(field, words);
    return true;
}

bool value_address(const char *value, const struct config_key *k, void *field, char **why)
{
    struct net_addr a;

    (void)k;
    if (!net_addr_parse(span_of(value), &a) || a.port == 0 || net_addr_is_any(&a))
        return refuse(why, "\"%s\" is no address with a port, like 127.0.0.1:5347", value);
    *(struct net_addr *)field = a;
    return true;
}

bool value_jid(const char *value, const struct config_key *k, void *field, char **why)
{
    (void)k;
    return account_normalise_jid(value, field) ||
           refuse(why, "\"%s\" is no bare JID like ana@example.org", value);
}

static bool word_is_jid(const char *word, char **why)
{
    char jid[192];

    if (strchr(word, '@') ? account_normalise_jid(word, jid) : account_normalise("x", word, jid))
        return true;
    return refuse(why, "\"%s\" is neither a domain nor a bare JID", word);
}

bool value_jids(const char *value, const struct config_key *k, void *field, char **why)
{
    char **words;

    (void)k;
    if (!words_parse(value, field, word_is_jid, why))
        return false;
    words = *(char ***)field;
    for (unsigned i = 0; words && words[i]; i++) {
        char jid[192];
        char *low = strchr(words[i], '@') && account_normalise_jid(words[i], jid)
                        ? g_strdup(jid)
                        : g_ascii_strdown(words[i], -1);

        g_free(words[i]);
        words[i] = low;
    }
    return true;
}

bool value_words(const char *value, const struct config_key *k, void *field, char **why)
{
    (void)k;
    return words_parse(value, field, NULL, why);
}

static bool word_is_ip(const char *word, char **why)
{
    struct net_addr a;

    return net_addr_parse_ip(span_of(word), &a) || refuse(why, "\"%s\" is no IP address", word);
}

bool value_ip_list(const char *value, const struct config_key *k, void *field, char **why)
{
    if (!words_parse(value, field, word_is_ip, why))
        return false;
    return !*(char ***)field || g_strv_length(*(char ***)field) <= k->high ||
           refuse(why, "more than %u addresses", k->high);
}

/* RFC 6454 6.2: scheme, host, maybe a port; no path. */
static bool word_is_origin(const char *word, char **why)
{
    const char *host = g_str_has_prefix(word, "https://")  ? word + 8
                       : g_str_has_prefix(word, "http://") ? word + 7
                                                           : "";

    if (*host == '\0' || strpbrk(host, "/?# *@"))
        return refuse(why, "\"%s\" is no origin like https://app.example.org", word);
    return true;
}

bool value_origins(const char *value, const struct config_key *k, void *field, char **why)
{
    (void)k;
    return words_parse(value, field, word_is_origin, why);
}

/* "203.0.113.5" for every address of its family, or "10.0.0.5=203.0.113.5" for one. */
static bool advertise_word(struct span word, struct net_addr *of, struct net_addr *as)
{
    struct span rest = word;
    struct span first = span_trim(span_cut(&rest, '='));

    *of = (struct net_addr){0};
    if (!memchr(word.p, '=', word.n))
        return net_addr_parse_ip(word, as);
    return net_addr_parse_ip(first, of) && net_addr_parse_ip(span_trim(rest), as) &&
           of->is_v6 == as->is_v6;
}

bool value_advertise(const char *value, const struct config_key *k, void *field, char **why)
{
    struct span rest = span_of(value);
    struct span word;
    struct net_addr of;
    struct net_addr as;

    (void)k;
    (void)field;
    while (list_next(&rest, &word))
        if (!advertise_word(word, &of, &as))
            return refuse(why, "\"%.*s\" is neither 203.0.113.5 nor 10.0.0.5=203.0.113.5",
                          (int)MIN(word.n, 100), word.p);
    return true;
}

void config_pair_advertised(const char *value, struct config *c)
{
    struct span rest = span_of(value);
    struct span word;
    struct net_addr of;
    struct net_addr as;

    while (list_next(&rest, &word))
        for (unsigned i = 0; advertise_word(word, &of, &as) && i < c->media_addr.n; i++) {
            const struct net_addr *a = &c->media_addr.addr[i];

            if (of.set ? net_addr_same_ip(a, &of) : a->is_v6 == as.is_v6)
                c->media_advertise[i] = as;
        }
}

/* ---- accounts ---- */

bool value_profiles(const char *value, const struct config_key *k, void *field, char **why)
{
    struct account *a = field;
    struct span rest = span_of(value);
    struct span word;

    (void)k;
    a->nprofiles = 0;
    while (list_next(&rest, &word)) {
        g_autofree char *text = span_dup(word);
        struct desc_profile p;

        if (!account_profile_by_word(text, &p))
            return refuse(why, "\"%.100s\" is none of plain, sdes, dtls, webrtc", text);
        for (unsigned i = 0; i < a->nprofiles; i++)
            if (g_str_equal(account_profile_word(&a->profile[i]), account_profile_word(&p)))
                return refuse(why, "\"%s\" stands twice", text);
        a->profile[a->nprofiles++] = p; /* four words, none twice: fits */
    }
    return a->nprofiles > 0 ||
           refuse(why, "is empty: plain, sdes, dtls, webrtc in the order tried");
}

bool value_ha1(const char *value, const struct config_key *k, void *field, char **why)
{
    char *out = field;

    if (!account_ha1_valid(value, k->high))
        return refuse(why, "is not %u hexadecimal digits", k->high);
    for (unsigned i = 0; i <= k->high; i++)
        out[i] = g_ascii_tolower(value[i]);
    return true;
}

/* ---- sections ---- */

static const struct config_key *key_find(const struct config_key *keys, size_t nkeys,
                                         const char *name)
{
    for (size_t i = 0; i < nkeys; i++)
        if (g_str_equal(keys[i].name, name))
            return &keys[i];
    return NULL;
}

void config_apply(const struct config_section *s, const struct config_key *keys, size_t nkeys,
                  void *object, struct config_report *r)
{
    for (unsigned i = 0; i < s->entries->len; i++) {
        const struct config_entry *e = &g_array_index(s->entries, struct config_entry, i);
        const struct config_key *k = key_find(keys, nkeys, e->key);
        g_autofree char *why = NULL;

        if (!k)
            config_error(r, e->line, "[%s] knows no key %s", s->kind, e->key);
        else if (e->value && !k->parse(e->value, k, (char *)object + k->offset, &why))
            config_error(r, e->line, "%s: %s", e->key, why);
    }
}
