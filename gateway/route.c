#include "gateway/route.h"

#include <glib.h>

#include <string.h>

/* Who a route is for: accounts when nothing is said, "anyone", or a list of addresses. */
static bool route_admits(const struct config_route *r, const char *caller, const char *domain)
{
    if (!r->from)
        return caller != NULL;
    for (char **f = r->from; *f; f++) {
        char address[192];
        if (g_str_equal(*f, "anyone"))
            return true;
        if (caller && **f == '@' && g_str_has_suffix(caller, *f))
            return true;
        if (caller && account_normalise(*f, domain, address) && g_str_equal(address, caller))
            return true;
    }
    return false;
}

static bool route_matches(const struct config_route *r, const char *dialled, const char *address,
                          const char *user)
{
    const char *subject = strchr(r->pattern, '@') ? address : user;

    (void)dialled;
    switch (r->match) {
    case ROUTE_EXACT: return g_ascii_strcasecmp(r->pattern, subject) == 0;
    case ROUTE_PREFIX: return g_ascii_strncasecmp(r->pattern, subject, strlen(r->pattern)) == 0;
    case ROUTE_PATTERN: return g_pattern_match_simple(r->pattern, subject);
    }
    return false;
}

/* "%n" in a target stands for the dialled user part, stripped and prepended to. */
static bool route_target(const struct config_route *r, const char *target, const char *user,
                         const char *domain, char out[192])
{
    size_t skip = MIN((size_t)r->strip, strlen(user));
    g_autofree char *number = g_strconcat(r->prepend ? r->prepend : "", user + skip, NULL);
    g_auto(GStrv) parts = g_strsplit(target, "%n", -1);
    g_autofree char *text = g_strjoinv(number, parts);

    return account_normalise(text, domain, out);
}

static void route_apply(const struct config *c, const struct config_route *r, const char *user,
                        struct route_plan *out)
{
    out->name = r->name;
    out->serial = r->serial;
    if (r->ring_s)
        out->ring_s = r->ring_s;
    for (char **t = r->targets; t && *t && out->ntargets < ROUTE_TARGETS_MAX; t++)
        if (route_target(r, *t, user, c->domain, out->target[out->ntargets]))
            out->ntargets++;
    if (!out->ntargets)
        out->refused = END_NOT_FOUND;
}

void route_resolve(const struct config *config, const char *caller, const char *dialled,
                   struct route_plan *out)
{
    char address[192];
    g_autofree char *user = NULL;
    bool closed = false;

    memset(out, 0, sizeof(*out));
    out->name = "";
    out->ring_s = config->ring_s;
    if (!account_normalise(dialled, config->domain, address)) {
        out->refused = END_NOT_FOUND;
        return;
    }
    user = g_strndup(address, (gsize)(strchr(address, '@') - address));
    for (unsigned i = 0; i < config->nroutes; i++) {
        const struct config_route *r = &config->route[i];
        if (!route_matches(r, dialled, address, user))
            continue;
        if (route_admits(r, caller, config->domain)) {
            route_apply(config, r, user, out);
            return;
        }
        closed = true;
    }
    /* No route: accounts may call each other and echo; strangers may call nobody. */
    if (!caller || closed) {
        out->refused = END_FORBIDDEN;
        return;
    }
    out->ntargets = 1;
    g_strlcpy(out->target[0], address, sizeof(out->target[0]));
}
