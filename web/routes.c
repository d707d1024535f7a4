#include "web/routes.h"

#include "base/log.h"
#include "web/limits.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <jansson.h>
#include <string.h>

#define MOD "web"

struct pages {
    unsigned n;
    struct edge_file file[WEB_FILES_MAX]; /* path and data are owned */
};

static const char *content_type(const char *name)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i].suffix))
            return types[i].type;
    return NULL;
}

static bool page_read(const char *path, char **data, size_t *size)
{
    GStatBuf st;

    if (g_stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_size > WEB_FILE_MAX) {
        LOG_W(MOD, "%s is too large to be served", path);
        return false;
    }
    return g_file_get_contents(path, data, size, NULL);
}

static void page_add(struct pages *p, const char *path, const char *type, const char *data,
                     size_t size)
{
    struct edge_file *f = &p->file[p->n++];

    f->path = g_strdup(path);
    f->content_type = type;
    f->data = g_memdup2(data, size);
    f->size = size;
}

struct pages *pages_read(const char *folder)
{
    struct pages *p = g_new0(struct pages, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
    const char *name;

    if (!dir)
        LOG_W(MOD, "no pages are served: %s", error->message);
    while (dir && (name = g_dir_read_name(dir)) && p->n + 2 <= WEB_FILES_MAX) {
        const char *type = content_type(name);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *web_path = g_strconcat("/", name, NULL);
        g_autofree char *data = NULL;
        size_t size = 0;

        if (name[0] == '.' || !type || !page_read(path, &data, &size))
            continue;
        page_add(p, web_path, type, data, size);
        if (g_str_equal(name, "index.html"))
            page_add(p, "/", type, data, size);
    }
    return p;
}

void pages_free(struct pages *p)
{
    for (unsigned i = 0; p && i < p->n; i++) {
        union {
            const void *borrowed;
            void *owned;
        } path = {p->file[i].path}, data = {p->file[i].data};

        g_free(path.owned);
        g_free(data.owned);
    }
    g_free(p);
}

const struct edge_file *pages_files(const struct pages *p, unsigned *n)
{
    *n = p->n;
    return p->file;
}

/* ---- dynamic paths ---- */

static void respond(const struct routes_env *env, uint64_t id, unsigned status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    edge_http_respond(env->edge, id, status, "Cache-Control: no-store\r\n", "application/json",
                      span_of(text));
    g_free(text);
    json_decref(body);
}

static void healthz(const struct routes_env *env, const struct edge_event *request)
{
    respond(env, request->id, env->draining ? 503 : 200,
            json_pack("{s:s}", "status", env->draining ? "draining" : "ok"));
}

static void config_json(const struct routes_env *env, const struct edge_event *request)
{
    respond(env, request->id, 200,
            json_pack("{s:s, s:s}", "domain", env->domain, "websocket", "/ws"));
}

const struct edge_route web_routes[] = {
    {"/healthz", EDGE_GET | EDGE_HEAD},
    {"/config.json", EDGE_GET | EDGE_HEAD},
};
const unsigned web_nroutes = G_N_ELEMENTS(web_routes);

static void (*const handlers[])(const struct routes_env *, const struct edge_event *) = {
    healthz,
    config_json,
};

void routes_answer(const struct routes_env *env, const struct edge_event *request)
{
    G_STATIC_ASSERT(G_N_ELEMENTS(handlers) == G_N_ELEMENTS(web_routes));

    for (unsigned i = 0; i < web_nroutes; i++) {
        if (!g_str_equal(request->path, web_routes[i].path))
            continue;
        handlers[i](env, request);
        return;
    }
    respond(env, request->id, 404, json_pack("{s:s}", "error", "There is nothing here."));
}
