/* [account USER] */
#include "gateway/config_file.h"

#include <string.h>

enum { CONFIG_ACCOUNTS_MAX = 10000 };

struct account_section {
    struct account account; /* first: value_profiles() writes into it */
    char *password;
};

#define KEY(name, parse, field, ...)                                                               \
    {                                                                                              \
        name, parse, offsetof(struct account_section, field), __VA_ARGS__                          \
    }

/* clang-format off */
static const struct config_key account_keys[] = {
    KEY("password", value_text, password, 0, 256),
    KEY("ha1_md5", value_ha1, account.ha1_md5, 0, 32),
    KEY("ha1_sha256", value_ha1, account.ha1_sha256, 0, 64),
    KEY("display", value_display, account.display, 0, 0),
    KEY("media", value_profiles, account, 0, 0),
    KEY("jid", value_jid, account.jid, 0, 0),
    KEY("sip_sha256", value_bool, account.sip_sha256, 0, 0),
    KEY("calls", value_number, account.calls_max, 0, ACCOUNT_CALLS_MAX),
};
/* clang-format on */

static bool address_read(const struct config_section *s, const struct config *c, struct account *a,
                         struct config_report *r)
{
    if (*s->name == '\0') {
        config_error(r, s->line, "an account section is written [account USER]");
        return false;
    }
    if (!account_set_address(a, s->name, config_domain(c))) {
        config_error(r, s->line, "\"%s\" cannot be the name of an account", s->name);
        return false;
    }
    if (config_is_foreign(c, a->address)) {
        config_error(r, s->line, "%s is not of this domain, %s", a->address, c->domain);
        return false;
    }
    if (g_str_equal(a->user, "echo")) {
        config_error(r, s->line, "echo is built in: it answers every call with what it hears");
        return false;
    }
    return true;
}

static void credentials_check(const struct config_section *s, const struct account_section *as,
                              struct config_report *r)
{
    bool password = config_entry_find(s, "password") != NULL;
    bool md5 = config_entry_find(s, "ha1_md5") != NULL;
    bool sha256 = config_entry_find(s, "ha1_sha256") != NULL;

    if (password && (md5 || sha256))
        config_error(r, s->line, "%s: either a password or ha1 values, not both",
                     as->account.address);
    else if (!password && !md5 && !sha256)
        config_error(r, s->line, "%s has neither password nor ha1_md5 nor ha1_sha256",
                     as->account.address);
    else if (!password && !sha256 && as->account.sip_sha256)
        config_error(r, config_entry_find(s, "sip_sha256")->line,
                     "sip_sha256: needs ha1_sha256 or a password");
}

static void account_read(const struct config_section *s, struct config *c, GHashTable *seen,
                         struct config_report *r)
{
    struct account_section as = {.account.from_config = true};
    bool named;

    account_default_profiles(&as.account);
    named = address_read(s, c, &as.account, r);
    if (named && !g_hash_table_add(seen, g_strdup(as.account.address)))
        config_error(r, s->line, "the account %s stands twice", as.account.address);
    config_apply(s, account_keys, G_N_ELEMENTS(account_keys), &as, r);
    if (named)
        credentials_check(s, &as, r);
    if (as.password)
        account_set_password(&as.account, config_domain(c), as.password);
    g_free(as.password);
    c->account[c->naccounts++] = as.account;
}

void config_read_accounts(const struct config_file *f, struct config *c, struct config_report *r)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    unsigned n = 0;

    for (unsigned i = 0; i < f->sections->len; i++)
        n += g_str_equal(((const struct config_section *)f->sections->pdata[i])->kind, "account");
    n = MIN(n, CONFIG_ACCOUNTS_MAX);
    c->account = g_new0(struct account, n);
    for (unsigned i = 0; i < f->sections->len; i++) {
        const struct config_section *s = f->sections->pdata[i];

        if (!g_str_equal(s->kind, "account"))
            continue;
        if (n-- == 0) {
            config_error(r, s->line, "more than %d accounts: add the rest with 'tandem user add'",
                         CONFIG_ACCOUNTS_MAX);
            break;
        }
        account_read(s, c, seen, r);
    }
    g_hash_table_destroy(seen);
}
