#include "edge/site.h"

#include <glib.h>

struct site_route {
    char *path; /* without the "*" */
    bool prefix;
    unsigned methods;
};

struct site {
    GHashTable *files; /* path -> struct site_file */
    unsigned nroutes;
    struct site_route *route;
    bool sip;            /* site_new_sip() */
    char *ws_path;       /* NULL: none */
    char **ws_protocols; /* NULL-terminated */
    char **origins;      /* NULL-terminated */
};

static void file_free(gpointer p)
{
    struct site_file *f = p;

    g_free(f->path);
    g_free(f->content_type);
    g_free(f->etag);
    g_free(f->data);
    g_free(f);
}

static struct site_file *file_new(const struct edge_file *c)
{
    struct site_file *f = g_new0(struct site_file, 1);
    g_autofree char *sum =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, c->data ? c->data : "", c->size);

    sum[32] = '\0';
    f->path = g_strdup(c->path);
    f->content_type = g_strdup(c->content_type);
    f->etag = g_strdup_printf("\"%s\"", sum);
    f->data = g_memdup2(c->data, c->size);
    f->size = c->size;
    return f;
}

static char **strings_dup(const char *const *list)
{
    GPtrArray *out = g_ptr_array_new();

    for (; list && *list; list++)
        g_ptr_array_add(out, g_strdup(*list));
    g_ptr_array_add(out, NULL);
    return (char **)g_ptr_array_free(out, FALSE);
}

struct site *site_new(const struct edge_web_config *c)
{
    struct site *s = g_new0(struct site, 1);

    s->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, file_free);
    for (unsigned i = 0; i < c->nfiles; i++) {
        struct site_file *f = file_new(&c->file[i]);
        (void)g_hash_table_replace(s->files, f->path, f);
    }
    s->nroutes = c->nroutes;
    s->route = g_new0(struct site_route, c->nroutes);
    for (unsigned i = 0; i < c->nroutes; i++) {
        s->route[i].prefix = g_str_has_suffix(c->route[i].path, "/*");
        s->route[i].path = g_strdup(c->route[i].path);
        if (s->route[i].prefix)
            s->route[i].path[strlen(s->route[i].path) - 1] = '\0';
        s->route[i].methods = c->route[i].methods;
    }
    s->ws_path = g_strdup(c->ws_path);
    s->ws_protocols = strings_dup(c->ws_protocols);
    s->origins = strings_dup(c->origins);
    return s;
}

struct site *site_new_sip(const char *const *origins)
{
    static const char *const protocols[] = {"sip", NULL};
    const struct edge_web_config c = {.origins = origins, .ws_protocols = protocols};
    struct site *s = site_new(&c);

    s->sip = true;
    return s;
}

void site_free(struct site *s)
{
    if (!s)
        return;
    g_hash_table_destroy(s->files);
    for (unsigned i = 0; i < s->nroutes; i++)
        g_free(s->route[i].path);
    g_free(s->route);
    g_free(s->ws_path);
    g_strfreev(s->ws_protocols);
    g_strfreev(s->origins);
    g_free(s);
}

/* An exact path beats a prefix, a longer prefix a shorter one. */
static const struct site_route *route_find(const struct site *s, const char *path)
{
    const struct site_route *best = NULL;

    for (unsigned i = 0; i < s->nroutes; i++) {
        const struct site_route *r = &s->route[i];
        if (!r->prefix && strcmp(path, r->path) == 0)
            return r;
        if (r->prefix && g_str_has_prefix(path, r->path) &&
            (!best || strlen(r->path) > strlen(best->path)))
            best = r;
    }
    return best;
}

void site_find(const struct site *s, const char *path, struct site_hit *out)
{
    const struct site_route *route;

    *out = (struct site_hit){.match = SITE_NOTHING};
    if (s->sip || (s->ws_path && strcmp(path, s->ws_path) == 0)) {
        out->match = SITE_SOCKET;
        out->methods = EDGE_GET;
        return;
    }
    out->file = g_hash_table_lookup(s->files, path);
    if (out->file) {
        out->match = SITE_FILE;
        out->methods = EDGE_GET | EDGE_HEAD;
        return;
    }
    route = route_find(s, path);
    if (route) {
        out->match = SITE_ROUTE;
        out->methods = route->methods;
    }
}

void site_allow(unsigned methods, char *buf, size_t size)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    buf[0] = '\0';
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!(methods & (1u << i)))
            continue;
        if (buf[0])
            (void)g_strlcat(buf, ", ", size);
        (void)g_strlcat(buf, names[i], size);
    }
}

bool site_origin_listed(const struct site *s, struct span origin)
{
    for (char **o = s->origins; *o; o++)
        if (span_equal_nocase(origin, span_of(*o)))
            return true;
    return false;
}

static struct span without_port(struct span host)
{
    size_t n = host.n;

    while (n && g_ascii_isdigit(host.p[n - 1]))
        n--;
    return n && host.p[n - 1] == ':' ? (struct span){host.p, n - 1} : host;
}

bool site_origin_ok(const struct site *s, struct span origin, struct span host)
{
    static const struct span scheme[] = {{"http://", 7}, {"https://", 8}};

    if (s->sip)
        host = without_port(host);
    for (size_t i = 0; i < G_N_ELEMENTS(scheme); i++) {
        struct span own = {origin.p + scheme[i].n, origin.n - scheme[i].n};

        if (!span_starts(origin, scheme[i]) || !host.n)
            continue;
        if (span_equal_nocase(s->sip ? without_port(own) : own, host))
            return true;
    }
    return site_origin_listed(s, origin);
}

const char *site_protocol(const struct site *s, const struct h1_request *r)
{
    for (char **p = s->ws_protocols; *p; p++)
        for (unsigned i = 0; i < r->nfields; i++) {
            struct span list = r->field[i].value;
            struct span element;
            if (!span_equal_nocase(r->field[i].name, SPAN("sec-websocket-protocol")))
                continue;
            while (h1_list_next(&list, &element))
                if (span_equal(element, span_of(*p))) /* case matters: RFC 6455 11.3.4 */
                    return *p;
        }
    return NULL;
}

bool site_etag_matches(const struct h1_request *r, const char *etag)
{
    for (unsigned i = 0; i < r->nfields; i++) {
        struct span list = r->field[i].value;
        struct span element;
        if (!span_equal_nocase(r->field[i].name, SPAN("if-none-match")))
            continue;
        while (h1_list_next(&list, &element)) {
            if (span_starts(element, SPAN("W/"))) /* weak comparison is what GET needs */
                element = (struct span){element.p + 2, element.n - 2};
            if (span_equal(element, SPAN("*")) || span_equal(element, span_of(etag)))
                return true;
        }
    }
    return false;
}
