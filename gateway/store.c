/* Two connections to one file: the opener's reads, the writer thread's writes; WAL lets them
 * pass each other. What is to be written waits in a table keyed like the rows, so a hundred
 * refreshes of one binding between two commits cost one write, and a full disk costs no memory
 * beyond one value a row: the batch is kept and tried again. */
#include "gateway/store.h"

#include "base/log.h"
#include "base/mailbox.h"

#include <glib.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STORE_SCHEMA = 1,         /* PRAGMA user_version of the files we write */
    STORE_QUEUE_MAX = 100000, /* rows between call thread and writer */
    STORE_BUSY_MS = 2000,     /* somebody looks with the sqlite3 shell */
    STORE_RETRY_MS = 1000     /* after a failed commit */
};

static const char *const tables[] = {STORE_ACCOUNTS, STORE_BINDINGS, STORE_SUBSCRIPTIONS,
                                     STORE_JIDS};

struct store {
    char *path;
    sqlite3 *reader; /* call thread */
    struct mailbox *inbox;
    pthread_t writer;
    bool started;
};

struct store_msg { /* any thread -> writer */
    enum { STORE_PUT, STORE_STOP } type;
    unsigned table;
    char *key, *value; /* now the writer's; value NULL deletes */
};

struct store_row {
    unsigned table;
    char *key, *value; /* owned */
};

struct store_writer { /* the writer thread's own */
    const char *path;
    struct mailbox *inbox;
    sqlite3 *db;
    GHashTable *pending; /* struct store_row -> itself */
    bool failing;        /* the last commit failed: said once */
};

static void msg_clear(void *msg)
{
    struct store_msg *m = msg;

    g_free(m->key);
    g_free(m->value);
}

/* ---- opening ---- */

static enum gw_err db_fail(sqlite3 *db, const char *path, const char *doing)
{
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;

    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        LOG_E("store",
              "%s is damaged or no database of ours (%s): move it away to start with an empty one, "
              "or restore a copy",
              path, sqlite3_errstr(code));
    else
        LOG_E("store", "%s: cannot %s: %s", path, doing, db ? sqlite3_errmsg(db) : "out of memory");
    return GW_EIO;
}

static sqlite3 *db_connect(const char *path)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        (void)db_fail(db, path, "open it");
        (void)sqlite3_close(db);
        return NULL;
    }
    (void)sqlite3_busy_timeout(db, STORE_BUSY_MS);
    return db;
}

static bool db_number(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *st = NULL;
    bool ok =
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;

    if (ok)
        *out = sqlite3_column_int(st, 0);
    (void)sqlite3_finalize(st);
    return ok;
}

static enum gw_err db_create_tables(sqlite3 *db, const char *path)
{
    g_autoptr(GString) sql = g_string_new("BEGIN;");

    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
        g_string_append_printf(sql,
                               "CREATE TABLE IF NOT EXISTS %s (key TEXT PRIMARY KEY NOT NULL, "
                               "value TEXT NOT NULL) WITHOUT ROWID;",
                               tables[i]);
    g_string_append_printf(sql, "PRAGMA user_version = %d; COMMIT;", STORE_SCHEMA);
    if (sqlite3_exec(db, sql->str, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(db, path, "create its tables");
    return GW_OK;
}

static enum gw_err db_prepare(sqlite3 *db, const char *path)
{
    int version = 0;

    if (sqlite3_exec(db, "PRAGMA journal_mode = WAL;", NULL, NULL, NULL) != SQLITE_OK ||
        !db_number(db, "PRAGMA user_version;", &version))
        return db_fail(db, path, "read it");
    if (version > STORE_SCHEMA) {
        LOG_E("store", "%s was written by a newer version of tandem (schema %d, we know %d)", path,
              version, STORE_SCHEMA);
        return GW_EUNSUPPORTED;
    }
    return db_create_tables(db, path);
}

/* Created by ourselves, so that it never exists with a wider mode; SQLite gives its -wal and -shm
 * files the mode of the database. */
static enum gw_err file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    int rc;

    if (fd < 0) {
        LOG_E("store", "%s: cannot open it: %s", path, g_strerror(errno));
        return GW_EIO;
    }
    rc = fchmod(fd, S_IRUSR | S_IWUSR);
    (void)close(fd);
    if (rc != 0) {
        LOG_E("store", "%s: cannot make it private: %s", path, g_strerror(errno));
        return GW_EIO;
    }
    return GW_OK;
}

/* ---- the writer thread ---- */

static guint row_hash(gconstpointer p)
{
    const struct store_row *r = p;

    return g_str_hash(r->key) * 31 + r->table;
}

static gboolean row_equal(gconstpointer a, gconstpointer b)
{
    const struct store_row *x = a;
    const struct store_row *y = b;

    return x->table == y->table && g_str_equal(x->key, y->key);
}

static void row_free(gpointer p)
{
    struct store_row *r = p;

    g_free(r->key);
    g_free(r->value);
    g_free(r);
}

static bool row_write(sqlite3 *db, const struct store_row *r)
{
    g_autofree char *sql = r->value
                               ? g_strdup_printf("INSERT INTO %s (key, value) VALUES (?1, ?2) "
                                                 "ON CONFLICT (key) DO UPDATE SET value = ?2",
                                                 tables[r->table])
                               : g_strdup_printf("DELETE FROM %s WHERE key = ?1", tables[r->table]);
    sqlite3_stmt *st = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
              sqlite3_bind_text(st, 1, r->key, -1, SQLITE_STATIC) == SQLITE_OK &&
              (!r->value || sqlite3_bind_text(st, 2, r->value, -1, SQLITE_STATIC) == SQLITE_OK) &&
              sqlite3_step(st) == SQLITE_DONE;

    (void)sqlite3_finalize(st);
    return ok;
}

static bool writer_commit(struct store_writer *w)
{
    GHashTableIter it;
    gpointer row;
    bool ok = sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;

    g_hash_table_iter_init(&it, w->pending);
    while (ok && g_hash_table_iter_next(&it, &row, NULL))
        ok = row_write(w->db, row);
    return ok && sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

static void writer_flush(struct store_writer *w)
{
    if (g_hash_table_size(w->pending) == 0)
        return;
    if (writer_commit(w)) {
        if (w->failing)
            LOG_I("store", "writing works again");
        w->failing = false;
        g_hash_table_remove_all(w->pending);
        return;
    }
    if (!w->failing)
        (void)db_fail(w->db, w->path, "write to it (trying on)");
    w->failing = true;
    if (!sqlite3_get_autocommit(w->db))
        (void)sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
}

/* False: told to stop, everything before that has been taken. */
static bool writer_take(struct store_writer *w)
{
    struct store_msg m;

    while (mailbox_take(w->inbox, &m)) {
        struct store_row *r;

        if (m.type == STORE_STOP)
            return false;
        r = g_new0(struct store_row, 1);
        *r = (struct store_row){m.table, m.key, m.value};
        (void)g_hash_table_replace(w->pending, r, r);
    }
    return true;
}

static void *writer_run(void *arg)
{
    struct store_writer *w = arg;
    bool going = true;

    while (going) {
        struct pollfd p = {.fd = mailbox_fd(w->inbox), .events = POLLIN};

        if (poll(&p, 1, w->failing ? STORE_RETRY_MS : -1) < 0 && errno != EINTR)
            break;
        going = writer_take(w);
        writer_flush(w);
    }
    (void)sqlite3_close(w->db);
    g_hash_table_destroy(w->pending);
    g_free(w);
    return NULL;
}

static bool writer_start(struct store *s)
{
    struct store_writer *w;
    sqlite3 *db = db_connect(s->path);
    int rc;

    if (!db)
        return false;
    /* An operating system crash may lose the last commits, never the file (SQLite, WAL). */
    (void)sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    w = g_new0(struct store_writer, 1);
    w->path = s->path;
    w->inbox = s->inbox;
    w->db = db;
    w->pending = g_hash_table_new_full(row_hash, row_equal, NULL, row_free);
    rc = pthread_create(&s->writer, NULL, writer_run, w);
    if (rc != 0) {
        LOG_E("store", "cannot start the writer thread: %s", g_strerror(rc));
        (void)sqlite3_close(db);
        g_hash_table_destroy(w->pending);
        g_free(w);
        return false;
    }
    s->started = true;
    return true;
}

/* ---- the door ---- */

struct store *store_open(const char *path)
{
    struct store *s = g_new0(struct store, 1);

    s->path = g_strdup(path);
    s->inbox = mailbox_new(sizeof(struct store_msg), STORE_QUEUE_MAX);
    if (file_create(path) || !(s->reader = db_connect(path)) || db_prepare(s->reader, path) ||
        !writer_start(s)) {
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(struct store *s)
{
    const struct store_msg stop = {.type = STORE_STOP};

    if (!s)
        return;
    if (s->started) {
        mailbox_post_always(s->inbox, &stop);
        (void)pthread_join(s->writer, NULL);
    }
    (void)sqlite3_close(s->reader);
    mailbox_free(s->inbox, msg_clear);
    g_free(s->path);
    g_free(s);
}

static bool table_by_name(const char *name, unsigned *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
        if (g_str_equal(name, tables[i])) {
            *out = i;
            return true;
        }
    return false;
}

void store_put(struct store *s, const char *table, const char *key, const char *value)
{
    struct store_msg m = {.type = STORE_PUT, .key = g_strdup(key), .value = g_strdup(value)};

    g_return_if_fail(table_by_name(table, &m.table));
    if (mailbox_post(s->inbox, &m)) {
        LOG_E("store", "%s: the disk is too slow, a row of %s is lost", s->path, table);
        msg_clear(&m);
    }
}

void store_each(struct store *s, const char *table,
                void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
    g_autofree char *sql = NULL;
    sqlite3_stmt *st = NULL;
    unsigned which;
    int rc;

    g_return_if_fail(table_by_name(table, &which));
    sql = g_strdup_printf("SELECT key, value FROM %s ORDER BY key", tables[which]);
    rc = sqlite3_prepare_v2(s->reader, sql, -1, &st, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(st, 0);
        const char *value = (const char *)sqlite3_column_text(st, 1);

        if (key && value)
            fn(key, value, arg);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE)
        (void)db_fail(s->reader, s->path, "read it");
    (void)sqlite3_finalize(st);
}
