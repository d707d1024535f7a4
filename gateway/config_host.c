/* What only this machine can tell: files, folders, interfaces. */
#include "gateway/config_file.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

enum { PEM_MAX = 1 << 20 };

/* ---- files ---- */

static unsigned tls_line(const struct config_file *f, const char *name, const char *key)
{
    for (unsigned i = 0; i < f->sections->len; i++) {
        const struct config_section *s = f->sections->pdata[i];
        const struct config_entry *e = config_entry_find(s, key);

        if (g_str_equal(s->kind, "tls") && g_ascii_strcasecmp(s->name, name) == 0 && e)
            return e->line;
    }
    return 0;
}

/* Whether the key fits the certificate is for OpenSSL, in edge/. */
static void check_pem(struct config_report *r, unsigned line, const char *key, const char *path,
                      const char *what)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize n = 0;

    if (!path)
        return;
    if (!g_file_get_contents(path, &text, &n, &error)) {
        config_error(r, line, "%s: %s", key, error->message);
        return;
    }
    if (n > PEM_MAX || !g_strstr_len(text, (gssize)n, what))
        config_error(r, line, "%s: %s holds nothing that begins \"%s\"", key, path, what);
}

static void check_files(const struct config_file *f, const struct config *c,
                        struct config_report *r)
{
    for (unsigned i = 0; i < c->ntls; i++) {
        const struct config_tls *t = &c->tls[i];

        check_pem(r, tls_line(f, t->name, "certificate"), "certificate", t->certificate,
                  "-----BEGIN CERTIFICATE");
        check_pem(r, tls_line(f, t->name, "key"), "key", t->key, "PRIVATE KEY-----");
    }
    check_pem(r, tls_line(f, "", "client_ca"), "client_ca", c->tls_client_ca,
              "-----BEGIN CERTIFICATE");
    if ((c->web_http.n || c->web_https.n) && !g_file_test(c->web_root, G_FILE_TEST_IS_DIR))
        config_error(r, config_line_of(f, "web", "root"),
                     "root: there is no folder %s with the pages", c->web_root);
}

/* ---- interfaces ---- */

static bool address_add(struct config_listen *l, const struct net_addr *a)
{
    for (unsigned i = 0; i < l->n; i++)
        if (net_addr_same_ip(&l->addr[i], a))
            return true;
    if (l->n == CONFIG_LISTEN_MAX)
        return false;
    l->addr[l->n++] = *a;
    return true;
}

/* Link-local addresses need a scope that no SDP can carry. */
static bool address_usable(const struct ifaddrs *i, bool loopback, struct net_addr *a)
{
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !net_addr_from_sockaddr(i->ifa_addr, a))
        return false;
    a->port = 0;
    if (a->is_v6 ? a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80
                 : a->ip[0] == 169 && a->ip[1] == 254)
        return false;
    return ((i->ifa_flags & IFF_LOOPBACK) != 0) == loopback;
}

static void expand_any(const struct ifaddrs *list, const struct net_addr *any, bool loopback,
                       struct config_listen *out)
{
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        struct net_addr a;

        if (address_usable(i, loopback, &a) && a.is_v6 == any->is_v6 && !address_add(out, &a))
            return; /* CONFIG_LISTEN_MAX are enough for everybody who does not choose */
    }
}

/* 0.0.0.0 and :: become the addresses of the interfaces; loopback alone when there is no other. */
static void expand_addresses(struct config *c, struct config_report *r, unsigned line)
{
    struct config_listen out = {0};
    struct ifaddrs *list = NULL;

    if (getifaddrs(&list) != 0) {
        config_error(r, line, "address: the interfaces cannot be listed: %s", g_strerror(errno));
        return;
    }
    for (int loopback = 0; loopback < 2 && !out.n; loopback++)
        for (unsigned i = 0; i < c->media_addr.n; i++) {
            const struct net_addr *a = &c->media_addr.addr[i];

            if (net_addr_is_any(a))
                expand_any(list, a, loopback, &out);
            else
                (void)address_add(&out, a);
        }
    freeifaddrs(list);
    if (!out.n)
        config_error(r, line, "address: no interface has an address for media");
    c->media_addr = out;
}

void config_check_host(const struct config_file *f, struct config *c, struct config_report *r)
{
    check_files(f, c, r);
    expand_addresses(c, r, config_line_of(f, "media", "address"));
}
