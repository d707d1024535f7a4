#include "web/limits.h"
#include "web/routes.h"

#include <glib.h>
#include <glib/gstdio.h>

void unit_web_routes(void);

static void put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void drop(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_assert_cmpint(g_remove(path), ==, 0);
}

static const struct edge_file *find(const struct pages *p, const char *path)
{
    unsigned n;
    const struct edge_file *f = pages_files(p, &n);

    for (unsigned i = 0; i < n; i++)
        if (g_str_equal(f[i].path, path))
            return &f[i];
    return NULL;
}

static void pages_are_read_once_with_their_types(void)
{
    g_autofree char *folder = g_dir_make_tmp("pages-XXXXXX", NULL);
    g_autofree char *large = g_strnfill(WEB_FILE_MAX + 1, 'x');
    const struct edge_file *f;
    struct pages *p;
    unsigned n;

    put(folder, "index.html", "<!doctype html>");
    put(folder, "tandem.js", "export {}");
    put(folder, ".hidden.js", "secret");
    put(folder, "notes.key", "secret");
    put(folder, "large.txt", large);
    p = pages_read(folder);
    (void)pages_files(p, &n);
    g_assert_cmpuint(n, ==, 3);
    f = find(p, "/");
    g_assert_nonnull(f);
    g_assert_cmpstr(f->content_type, ==, "text/html; charset=utf-8");
    g_assert_cmpuint(f->size, ==, 15);
    g_assert_cmpint(memcmp(f->data, "<!doctype html>", 15), ==, 0);
    g_assert_nonnull(find(p, "/index.html"));
    f = find(p, "/tandem.js");
    g_assert_cmpstr(f->content_type, ==, "text/javascript; charset=utf-8");
    pages_free(p);
    drop(folder, "index.html");
    drop(folder, "tandem.js");
    drop(folder, ".hidden.js");
    drop(folder, "notes.key");
    drop(folder, "large.txt");
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void a_missing_folder_serves_nothing(void)
{
    struct pages *p = pages_read("/nonexistent-folder");
    unsigned n = 1;

    (void)pages_files(p, &n);
    g_assert_cmpuint(n, ==, 0);
    pages_free(p);
    pages_free(NULL);
}

void unit_web_routes(void)
{
    g_test_add_func("/web/routes/pages-are-read-once-with-their-types",
                    pages_are_read_once_with_their_types);
    g_test_add_func("/web/routes/a-missing-folder-serves-nothing", a_missing_folder_serves_nothing);
}
