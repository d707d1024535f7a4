#include "gateway/config.h"

#include "base/log.h"
#include "gateway/config_file.h"

#include <string.h>

#define KEY(name, parse, field, ...)                                                               \
    {                                                                                              \
        name, parse, offsetof(struct config, field), __VA_ARGS__                                   \
    }

struct tls_section { /* [tls], [tls NAME] */
    struct config_tls cert;
    char *client_ca;
};

/* clang-format off */
static const struct config_key tandem_keys[] = {
    KEY("domain", value_domain, domain, 0, 0),
    KEY("state_dir", value_path, state_dir, 0, 0),
    KEY("control_socket", value_path, control_socket, 0, 0),
    KEY("log_level", value_level, log_level, 0, 0),
};
static const struct config_key sip_keys[] = {
    KEY("udp", value_listen, sip_udp, 0, 0),
    KEY("tcp", value_listen, sip_tcp, 0, 0),
    KEY("tls", value_listen, sip_tls, 0, 0),
    KEY("ws", value_listen, sip_ws, 0, 0),
    KEY("wss", value_listen, sip_wss, 0, 0),
    KEY("public_host", value_host, sip_public_host, 0, 0),
    KEY("sha256", value_bool, sip_sha256, 0, 0),
    KEY("expires_min", value_number, sip_expires_min_s, 10, 86400),
    KEY("expires_default", value_number, sip_expires_default_s, 10, 86400),
    KEY("expires_max", value_number, sip_expires_max_s, 10, 604800),
};
static const struct config_key web_keys[] = {
    KEY("http", value_listen, web_http, 0, 0),
    KEY("https", value_listen, web_https, 0, 0),
    KEY("origins", value_origins, web_origins, 0, 0),
    KEY("root", value_path, web_root, 0, 0),
    KEY("trusted_proxies", value_ip_list, web_trusted_proxies, 0, CONFIG_LISTEN_MAX),
};
static const struct config_key xmpp_keys[] = {
    KEY("component", value_domain, xmpp_component, 0, 0),
    KEY("server", value_address, xmpp_server, 0, 0),
    KEY("secret", value_text, xmpp_secret, 0, 256),
    KEY("allow", value_jids, xmpp_allow, 0, 0),
};
static const struct config_key media_keys[] = {
    KEY("address", value_addresses, media_addr, 0, 0),
    KEY("advertise", value_advertise, media_advertise, 0, 0),
    KEY("workers", value_number, media_workers, 0, 64),
    KEY("ice_port", value_port, media_ice_port, 0, 0),
    KEY("rtp_min", value_port, media_rtp_min, 1024, 0),
    KEY("rtp_max", value_port, media_rtp_max, 1024, 0),
    KEY("srtp", value_srtp, media_libsrtp, 0, 0),
    KEY("silence", value_number, media_silence_s, 5, 86400),
};
static const struct config_key limit_keys[] = {
    KEY("calls", value_number, calls_max, 1, 100000),
    KEY("account_calls", value_number, account_calls_max, 1, ACCOUNT_CALLS_MAX),
    KEY("ring", value_number, ring_s, 5, 600),
    KEY("connections", value_number, connections_max, 16, 1000000),
    KEY("connections_per_address", value_number, connections_per_address, 1, 100000),
    KEY("connections_per_address_per_s", value_number, connections_per_address_per_s, 1, 100000),
};
static const struct config_key tls_keys[] = {
    {"certificate", value_path, offsetof(struct tls_section, cert.certificate), 0, 0},
    {"key", value_path, offsetof(struct tls_section, cert.key), 0, 0},
    {"client_ca", value_path, offsetof(struct tls_section, client_ca), 0, 0},
};
/* clang-format on */

/* Sections that stand at most once and are read straight into struct config. */
static const struct {
    const char *kind;
    const struct config_key *keys;
    size_t nkeys;
} sections[] = {
    {"tandem", tandem_keys, G_N_ELEMENTS(tandem_keys)},
    {"sip", sip_keys, G_N_ELEMENTS(sip_keys)},
    {"web", web_keys, G_N_ELEMENTS(web_keys)},
    {"xmpp", xmpp_keys, G_N_ELEMENTS(xmpp_keys)},
    {"media", media_keys, G_N_ELEMENTS(media_keys)},
    {"limits", limit_keys, G_N_ELEMENTS(limit_keys)},
};
static const char *const named[] = {"account", "route", NULL}; /* [kind NAME], read elsewhere */

static struct config *config_defaults(const char *path)
{
    struct config *c = g_new0(struct config, 1);

    c->path = g_strdup(path);
    c->state_dir = g_strdup("/var/lib/tandem");
    c->log_level = LOG_LEVEL_INFO;
    c->sip_expires_min_s = 60;
    c->sip_expires_default_s = 600;
    c->sip_expires_max_s = 7200;
    c->web_root = g_strdup(TANDEM_WEB_ROOT);
    c->xmpp_server = (struct net_addr){.set = 1, .ip = {127, 0, 0, 1}, .port = 5347};
    c->media_addr.n = 2; /* every address of this machine */
    c->media_addr.addr[0] = (struct net_addr){.set = 1};
    c->media_addr.addr[1] = (struct net_addr){.set = 1, .is_v6 = 1};
    c->media_ice_port = 10000;
    c->media_rtp_min = 20000;
    c->media_rtp_max = 29999;
    c->media_silence_s = 60;
    c->calls_max = 1000;
    c->account_calls_max = 10;
    c->ring_s = 60;
    c->connections_max = 8000;
    c->connections_per_address = 64;
    c->connections_per_address_per_s = 20;
    return c;
}

static void tls_clear(struct config_tls *t)
{
    g_free(t->name);
    g_free(t->certificate);
    g_free(t->key);
}

static void route_clear(struct config_route *route)
{
    g_free(route->name);
    g_free(route->pattern);
    g_strfreev(route->from);
    g_strfreev(route->targets);
    g_free(route->prepend);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->ntls; i++)
        tls_clear(&c->tls[i]);
    for (unsigned i = 0; i < c->nroutes; i++)
        route_clear(&c->route[i]);
    g_free(c->tls);
    g_free(c->route);
    g_free(c->account);
    g_free(c->path);
    g_free(c->warnings);
    g_free(c->domain);
    g_free(c->state_dir);
    g_free(c->control_socket);
    g_free(c->sip_public_host);
    g_free(c->xmpp_component);
    g_free(c->xmpp_secret);
    g_strfreev(c->xmpp_allow);
    g_free(c->web_root);
    g_free(c->tls_client_ca);
    g_strfreev(c->web_origins);
    g_strfreev(c->web_trusted_proxies);
    g_free(c);
}

/* ---- reading ---- */

static bool read_plain(const struct config_section *s, struct config *c, struct config_report *r)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sections); i++)
        if (g_str_equal(s->kind, sections[i].kind)) {
            if (*s->name)
                config_error(r, s->line, "[%s] takes no name", s->kind);
            config_apply(s, sections[i].keys, sections[i].nkeys, c, r);
            return true;
        }
    return false;
}

static void read_tls(const struct config_section *s, struct config *c, struct config_report *r)
{
    struct tls_section t = {.cert.name = g_ascii_strdown(s->name, -1)};

    config_apply(s, tls_keys, G_N_ELEMENTS(tls_keys), &t, r);
    if (!config_entry_find(s, "certificate") || !config_entry_find(s, "key"))
        config_error(r, s->line, "a [tls] section needs both certificate and key");
    if (t.client_ca && *s->name)
        config_error(r, config_entry_find(s, "client_ca")->line,
                     "client_ca: stands in plain [tls] alone, it holds for every name");
    else if (t.client_ca)
        c->tls_client_ca = g_steal_pointer(&t.client_ca);
    g_free(t.client_ca);
    c->tls = g_renew(struct config_tls, c->tls, c->ntls + 1);
    if (*s->name == '\0') { /* the default stands first */
        memmove(c->tls + 1, c->tls, c->ntls * sizeof(*c->tls));
        c->tls[0] = t.cert;
    } else {
        c->tls[c->ntls] = t.cert;
    }
    c->ntls++;
}

static void read_sections(const struct config_file *f, struct config *c, struct config_report *r)
{
    for (unsigned i = 0; i < f->sections->len; i++) {
        const struct config_section *s = f->sections->pdata[i];

        if (g_str_equal(s->kind, "tls"))
            read_tls(s, c, r);
        else if (!read_plain(s, c, r) && !g_strv_contains(named, s->kind))
            config_error(r, s->line, "no section is called [%s]", s->kind);
    }
}

/* Paths in the file are relative to the file. */
static void path_resolve(const char *file, char **path)
{
    g_autofree char *folder = NULL;
    char *whole;

    if (!*path || g_path_is_absolute(*path))
        return;
    folder = g_path_get_dirname(file);
    whole = g_build_filename(folder, *path, NULL);
    g_free(*path);
    *path = whole;
}

static void paths_resolve(struct config *c)
{
    path_resolve(c->path, &c->state_dir);
    path_resolve(c->path, &c->control_socket);
    path_resolve(c->path, &c->web_root);
    path_resolve(c->path, &c->tls_client_ca);
    for (unsigned i = 0; i < c->ntls; i++) {
        path_resolve(c->path, &c->tls[i].certificate);
        path_resolve(c->path, &c->tls[i].key);
    }
    if (!c->control_socket)
        c->control_socket = g_build_filename(c->state_dir, "control.sock", NULL);
}

static struct config *parse(const char *name, struct span text, bool on_this_host, char **errors)
{
    struct config_report *r = config_report_new(name);
    struct config_file *f = config_scan(text.p, text.n, r);
    struct config *c = config_defaults(name);
    const struct config_section *media;
    const struct config_entry *advertise;

    read_sections(f, c, r);
    paths_resolve(c);
    config_read_accounts(f, c, r);
    config_read_routes(f, c, r);
    config_check(f, c, r);
    if (on_this_host)
        config_check_host(f, c, r);
    media = config_section_find(f, "media");
    advertise = media ? config_entry_find(media, "advertise") : NULL;
    if (advertise && advertise->value)
        config_pair_advertised(advertise->value, c);
    c->warnings = config_report_text(r, true);
    *errors = config_report_text(r, false);
    if (*errors) {
        config_free(c);
        c = NULL;
    }
    config_file_free(f);
    config_report_free(r);
    return c;
}

struct config *config_parse(const char *name, const char *text, size_t n, char **errors)
{
    return parse(name, (struct span){text, n}, false, errors);
}

struct config *config_read(const char *path, char **errors)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize n;

    if (!g_file_get_contents(path, &text, &n, &error)) {
        *errors = g_strdup_printf("%s: %s\n", path, error->message);
        return NULL;
    }
    return parse(path, (struct span){text, n}, true, errors);
}
