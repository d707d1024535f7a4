/* [route NAME] */
#include "gateway/config_file.h"

#include <string.h>

enum { CONFIG_ROUTES_MAX = 1000, ROUTE_STARS_MAX = 4 };

struct route_section {
    struct config_route route;
    char *match[3]; /* by enum route_match */
};

#define KEY(name, parse, field, ...)                                                               \
    {                                                                                              \
        name, parse, offsetof(struct route_section, field), __VA_ARGS__                            \
    }

/* clang-format off */
static const struct config_key route_keys[] = {
    KEY("exact", value_text, match[ROUTE_EXACT], 0, 190),
    KEY("prefix", value_text, match[ROUTE_PREFIX], 0, 190),
    KEY("pattern", value_text, match[ROUTE_PATTERN], 0, 190),
    KEY("from", value_words, route.from, 0, 0),
    KEY("to", value_words, route.targets, 0, 0),
    KEY("ring", value_number, route.ring_s, 5, 600),
    KEY("strip", value_number, route.strip, 0, 32),
    KEY("prepend", value_text, route.prepend, 0, 32),
    KEY("serial", value_bool, route.serial, 0, 0),
};
static const char *const match_keys[] = {"exact", "prefix", "pattern"}; /* by enum route_match */
/* clang-format on */

static unsigned line_of(const struct config_section *s, const char *key)
{
    const struct config_entry *e = config_entry_find(s, key);

    return e ? e->line : s->line;
}

/* What is dialled is "user" or "user@domain", without blanks. Globs of many stars take exponential
 * time to fail. */
static const char *pattern_fault(const char *pattern, enum route_match match)
{
    unsigned stars = 0;

    for (const char *p = pattern; *p; p++) {
        if (g_ascii_isspace(*p) || g_ascii_iscntrl(*p))
            return "blanks are never dialled";
        stars += *p == '*';
    }
    if (strchr(pattern, '@') != strrchr(pattern, '@'))
        return "an address has one @";
    return match == ROUTE_PATTERN && stars > ROUTE_STARS_MAX ? "more than 4 stars" : NULL;
}

static void match_read(const struct config_section *s, struct route_section *rs,
                       struct config_report *r)
{
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(match_keys); i++) {
        const char *fault;

        n += config_entry_find(s, match_keys[i]) != NULL;
        if (!rs->match[i])
            continue;
        fault = pattern_fault(rs->match[i], (enum route_match)i);
        if (fault)
            config_error(r, line_of(s, match_keys[i]), "%s: \"%s\" cannot be used: %s",
                         match_keys[i], rs->match[i], fault);
        rs->route.match = (enum route_match)i;
    }
    if (n != 1) {
        config_error(r, s->line, "a route needs exactly one of exact, prefix, pattern (%u found)",
                     n);
        return;
    }
    rs->route.pattern = g_steal_pointer(&rs->match[rs->route.match]);
}

static bool account_known(const struct config *c, const char *address)
{
    for (unsigned i = 0; i < c->naccounts; i++)
        if (g_str_equal(c->account[i].address, address))
            return true;
    return false;
}

static void target_check(const struct config_section *s, const struct config *c, const char *target,
                         struct config_report *r)
{
    unsigned line = line_of(s, "to");
    g_auto(GStrv) parts = g_strsplit(target, "%n", -1);
    g_autofree char *sample = g_strjoinv("1", parts); /* %n: what was dialled */
    char address[192];

    if (!account_normalise(sample, config_domain(c), address)) {
        config_error(r, line, "to: \"%s\" is no address", target);
        return;
    }
    if (config_is_foreign(c, address) && !c->xmpp_component)
        config_error(r, line, "to: %s is not of this domain, %s", target, c->domain);
    else if (config_is_foreign(c, address) && !config_allows_jid(c, address))
        config_error(r, line, "to: %s is neither of this domain, %s, nor in [xmpp] allow", target,
                     c->domain);
    else if (config_is_foreign(c, address))
        return; /* rung over XMPP */
    else if (!strstr(target, "%n") && !g_str_has_prefix(address, "echo@") &&
             !account_known(c, address))
        config_warning(
            r, line, "to: no [account] here is called %s; 'tandem user add' must have it", address);
}

static void callers_read(const struct config_section *s, const struct config *c,
                         struct config_route *route, struct config_report *r)
{
    for (unsigned i = 0; route->from && route->from[i]; i++) {
        char address[192];

        if (g_ascii_strcasecmp(route->from[i], "anyone") == 0)
            (void)g_strlcpy(address, "anyone", sizeof(address));
        else if (route->from[i][0] == '@' &&
                 account_normalise("x", route->from[i] + 1, address)) /* a whole domain */
            memmove(address, address + 1, strlen(address));
        else if (!account_normalise(route->from[i], config_domain(c), address)) {
            config_error(r, line_of(s, "from"),
                         "from: \"%s\" is neither an address nor @domain nor anyone",
                         route->from[i]);
            continue;
        }
        g_free(route->from[i]);
        route->from[i] = g_strdup(address);
    }
}

static void route_read(const struct config_section *s, struct config *c, struct config_report *r)
{
    struct route_section rs = {.route.name = g_strdup(s->name), .route.ring_s = c->ring_s};

    if (*s->name == '\0')
        config_error(r, s->line, "a route section is written [route NAME]");
    config_apply(s, route_keys, G_N_ELEMENTS(route_keys), &rs, r);
    match_read(s, &rs, r);
    callers_read(s, c, &rs.route, r);
    if (!config_entry_find(s, "to"))
        config_error(r, s->line, "a route needs to = whom to ring");
    else if (!rs.route.targets)
        config_error(r, line_of(s, "to"), "to: names nobody");
    for (unsigned i = 0; rs.route.targets && rs.route.targets[i]; i++)
        target_check(s, c, rs.route.targets[i], r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rs.match); i++)
        g_free(rs.match[i]);
    c->route = g_renew(struct config_route, c->route, c->nroutes + 1);
    c->route[c->nroutes++] = rs.route;
}

void config_read_routes(const struct config_file *f, struct config *c, struct config_report *r)
{
    for (unsigned i = 0; i < f->sections->len; i++) {
        const struct config_section *s = f->sections->pdata[i];

        if (!g_str_equal(s->kind, "route"))
            continue;
        if (c->nroutes == CONFIG_ROUTES_MAX) {
            config_error(r, s->line, "more than %d routes", CONFIG_ROUTES_MAX);
            return;
        }
        route_read(s, c, r);
    }
}
