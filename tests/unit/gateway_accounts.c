#include "gateway/accounts.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <string.h>

void unit_gateway_accounts(void);

static const char text[] = "[tandem]\ndomain = example.org\n[sip]\nudp = 127.0.0.1:5060\n"
                           "[account alice]\npassword = wonderland\n";

struct fixture {
    char *dir, *path;
    struct config *config;
    struct store *store;
    struct accounts *accounts;
    unsigned changed, gone;
};

static void open_all(struct fixture *f)
{
    f->store = store_open(f->path);
    g_assert_nonnull(f->store);
    f->accounts = accounts_new(f->config, f->store);
}

static void close_all(struct fixture *f)
{
    accounts_free(f->accounts);
    store_close(f->store);
}

static void setup(struct fixture *f, gconstpointer arg)
{
    char *errors = NULL;

    (void)arg;
    f->dir = g_dir_make_tmp("tandem-accounts-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "tandem.db", NULL);
    f->config = config_parse("test.conf", text, strlen(text), &errors);
    g_assert_cmpstr(errors, ==, NULL);
    open_all(f);
}

static void teardown(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    close_all(f);
    config_free(f->config);
    (void)g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
}

static struct account bob(const char *password)
{
    struct account a = {0};

    g_assert_true(account_set_address(&a, "bob", "example.org"));
    account_default_profiles(&a);
    account_set_password(&a, "example.org", password);
    return a;
}

static void on_change(const struct account *account, bool gone, void *arg)
{
    struct fixture *f = arg;

    g_assert_cmpstr(account->address, ==, "bob@example.org");
    f->changed += !gone;
    f->gone += gone;
}

static void the_config_file_owns_its_accounts(struct fixture *f, gconstpointer arg)
{
    const struct account *alice = accounts_find(f->accounts, "alice@example.org");
    struct account copy;

    (void)arg;
    g_assert_nonnull(alice);
    g_assert_true(alice->from_config);
    copy = *alice;
    g_assert_cmpint(accounts_put(f->accounts, &copy), ==, GW_EFORBIDDEN);
    g_assert_cmpint(accounts_remove(f->accounts, "alice@example.org"), ==, GW_EFORBIDDEN);
    g_assert_cmpint(accounts_remove(f->accounts, "carol@example.org"), ==, GW_ENOTFOUND);
    g_assert_null(accounts_find(f->accounts, "carol@example.org"));
}

static void added_accounts_survive_a_restart(struct fixture *f, gconstpointer arg)
{
    struct account a = bob("builder");
    const struct account *there;

    (void)arg;
    g_assert_cmpint(accounts_put(f->accounts, &a), ==, GW_OK);
    close_all(f);
    open_all(f);
    there = accounts_find(f->accounts, "bob@example.org");
    g_assert_nonnull(there);
    g_assert_cmpstr(there->ha1_md5, ==, a.ha1_md5);
    g_assert_cmpint(accounts_remove(f->accounts, "bob@example.org"), ==, GW_OK);
    close_all(f);
    open_all(f);
    g_assert_null(accounts_find(f->accounts, "bob@example.org"));
}

static void the_watcher_hears_every_change(struct fixture *f, gconstpointer arg)
{
    struct account a = bob("builder");

    (void)arg;
    accounts_watch(f->accounts, on_change, f);
    g_assert_cmpint(accounts_put(f->accounts, &a), ==, GW_OK);
    g_assert_cmpint(accounts_put(f->accounts, accounts_find(f->accounts, a.address)), ==, GW_OK);
    g_assert_cmpint(accounts_remove(f->accounts, a.address), ==, GW_OK);
    g_assert_cmpuint(f->changed, ==, 2);
    g_assert_cmpuint(f->gone, ==, 1);
}

static void name_append(const struct account *account, void *arg)
{
    g_string_append_printf(arg, "%s ", account->user);
}

static void each_goes_by_name(struct fixture *f, gconstpointer arg)
{
    g_autoptr(GString) names = g_string_new(NULL);
    struct account a = bob("builder");

    (void)arg;
    g_assert_cmpint(accounts_put(f->accounts, &a), ==, GW_OK);
    accounts_each(f->accounts, name_append, names);
    g_assert_cmpstr(names->str, ==, "alice bob ");
}

/* A row of another domain, one of an account the file has now, and garbage: the rest still works.
 */
static void rows_that_do_not_fit_are_left_out(struct fixture *f, gconstpointer arg)
{
    struct account other = bob("x");
    g_autofree char *row = NULL;

    (void)arg;
    g_assert_true(account_set_address(&other, "dave@elsewhere.example", ""));
    g_assert_cmpint(accounts_put(f->accounts, &other), ==, GW_OK);
    store_put(f->store, STORE_ACCOUNTS, "carol@example.org", "{");
    row = account_to_json(&other);
    store_put(f->store, STORE_ACCOUNTS, "alice@example.org", row);
    close_all(f);
    open_all(f);
    g_assert_null(accounts_find(f->accounts, "dave@elsewhere.example"));
    g_assert_null(accounts_find(f->accounts, "carol@example.org"));
    g_assert_true(accounts_find(f->accounts, "alice@example.org")->from_config);
}

static void add(const char *path, void (*fn)(struct fixture *f, gconstpointer arg))
{
    g_test_add(path, struct fixture, NULL, setup, fn, teardown);
}

void unit_gateway_accounts(void)
{
    add("/gateway/accounts/the-config-file-owns-its-accounts", the_config_file_owns_its_accounts);
    add("/gateway/accounts/added-accounts-survive-a-restart", added_accounts_survive_a_restart);
    add("/gateway/accounts/the-watcher-hears-every-change", the_watcher_hears_every_change);
    add("/gateway/accounts/each-goes-by-name", each_goes_by_name);
    add("/gateway/accounts/rows-that-do-not-fit-are-left-out", rows_that_do_not_fit_are_left_out);
}
