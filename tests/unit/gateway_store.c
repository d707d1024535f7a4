#include "gateway/store.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

void unit_gateway_store(void);

struct fixture {
    char *dir, *path;
};

static void setup(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    f->dir = g_dir_make_tmp("tandem-store-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
    f->path = g_build_filename(f->dir, "tandem.db", NULL);
}

static void teardown(struct fixture *f, gconstpointer arg)
{
    static const char *const names[] = {"tandem.db", "tandem.db-wal", "tandem.db-shm"};

    (void)arg;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(f->dir, names[i], NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
}

static void row_append(const char *key, const char *value, void *arg)
{
    g_string_append_printf(arg, "%s=%s;", key, value);
}

static void expect_rows(const struct fixture *f, const char *table, const char *rows)
{
    g_autoptr(GString) got = g_string_new(NULL);
    struct store *s = store_open(f->path);

    g_assert_nonnull(s);
    store_each(s, table, row_append, got);
    store_close(s);
    g_assert_cmpstr(got->str, ==, rows);
}

static void rows_come_back_after_a_restart(struct fixture *f, gconstpointer arg)
{
    struct store *s = store_open(f->path);

    (void)arg;
    g_assert_nonnull(s);
    store_put(s, STORE_ACCOUNTS, "bob@example.org", "{}");
    store_put(s, STORE_BINDINGS, "k1", "first");
    store_put(s, STORE_BINDINGS, "k1", "later wins");
    store_put(s, STORE_BINDINGS, "k2", "gone");
    store_put(s, STORE_BINDINGS, "it's; DROP TABLE bindings", "\xc3\xa4'\"");
    store_put(s, STORE_BINDINGS, "k2", NULL);
    store_put(s, STORE_BINDINGS, "never there", NULL);
    store_close(s);
    expect_rows(f, STORE_ACCOUNTS, "bob@example.org={};");
    expect_rows(f, STORE_BINDINGS, "it's; DROP TABLE bindings=\xc3\xa4'\";k1=later wins;");
}

static void the_file_is_private(struct fixture *f, gconstpointer arg)
{
    struct stat st;
    struct store *s;

    (void)arg;
    g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
    g_assert_cmpint(g_chmod(f->path, 0644), ==, 0);
    s = store_open(f->path);
    g_assert_nonnull(s);
    g_assert_cmpint(g_stat(f->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    store_close(s);
}

enum { PUTTERS = 4, PUTS = 500 };

static void *put_many(void *arg)
{
    struct store *s = arg;

    for (int i = 0; i < PUTS; i++) {
        g_autofree char *key = g_strdup_printf("%d", i % 50);
        g_autofree char *value = g_strdup_printf("put %d", i);

        store_put(s, STORE_BINDINGS, key, value);
    }
    return NULL;
}

static void count(const char *key, const char *value, void *arg)
{
    (void)key;
    g_assert_true(g_str_has_prefix(value, "put 4")); /* 450 to 499: later puts win */
    (*(unsigned *)arg)++;
}

static void any_thread_may_put(struct fixture *f, gconstpointer arg)
{
    struct store *s = store_open(f->path);
    pthread_t t[PUTTERS];
    unsigned rows = 0;

    (void)arg;
    g_assert_nonnull(s);
    for (unsigned i = 0; i < PUTTERS; i++)
        g_assert_cmpint(pthread_create(&t[i], NULL, put_many, s), ==, 0);
    for (unsigned i = 0; i < PUTTERS; i++)
        g_assert_cmpint(pthread_join(t[i], NULL), ==, 0);
    store_close(s);
    s = store_open(f->path);
    store_each(s, STORE_BINDINGS, count, &rows);
    store_close(s);
    g_assert_cmpuint(rows, ==, 50);
}

static void a_damaged_file_is_told_and_left_alone(struct fixture *f, gconstpointer arg)
{
    static const char garbage[] = "this is certainly not a database, but somebody's letter, which "
                                  "is long enough to be read as a header of one by mistake....";
    g_autofree char *text = NULL;

    (void)arg;
    g_assert_true(g_file_set_contents(f->path, garbage, -1, NULL));
    g_assert_null(store_open(f->path));
    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, garbage);
}

static void a_newer_schema_is_not_touched(struct fixture *f, gconstpointer arg)
{
    sqlite3 *db = NULL;

    (void)arg;
    g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
    g_assert_null(store_open(f->path));
}

static void a_missing_folder_is_told(struct fixture *f, gconstpointer arg)
{
    g_autofree char *path = g_build_filename(f->dir, "nowhere", "tandem.db", NULL);

    (void)arg;
    g_assert_null(store_open(path));
}

/* Somebody else holds the write lock for a while: rows wait and are then written. */
static void a_locked_file_is_tried_again(struct fixture *f, gconstpointer arg)
{
    struct store *s = store_open(f->path);
    sqlite3 *db = NULL;

    (void)arg;
    g_assert_nonnull(s);
    g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    store_put(s, STORE_BINDINGS, "k", "patience");
    g_assert_cmpint(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
    store_close(s);
    expect_rows(f, STORE_BINDINGS, "k=patience;");
}

static void add(const char *path, void (*fn)(struct fixture *f, gconstpointer arg))
{
    g_test_add(path, struct fixture, NULL, setup, fn, teardown);
}

void unit_gateway_store(void)
{
    add("/gateway/store/rows-come-back-after-a-restart", rows_come_back_after_a_restart);
    add("/gateway/store/the-file-is-private", the_file_is_private);
    add("/gateway/store/any-thread-may-put", any_thread_may_put);
    add("/gateway/store/a-damaged-file-is-told-and-left-alone",
        a_damaged_file_is_told_and_left_alone);
    add("/gateway/store/a-newer-schema-is-not-touched", a_newer_schema_is_not_touched);
    add("/gateway/store/a-missing-folder-is-told", a_missing_folder_is_told);
    add("/gateway/store/a-locked-file-is-tried-again", a_locked_file_is_tried_again);
}
