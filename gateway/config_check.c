/* What no single key can show. Pure. */
#include "gateway/config_file.h"

#include <string.h>

struct port_use { /* one address and the ports of it somebody wants */
    const char *section, *key;
    struct net_addr addr;
    bool udp;
    unsigned first, last;
};

/* RFC 3493 5.3: our IPv6 sockets are IPv6 only, so the families never meet. */
static bool same_address(const struct net_addr *a, const struct net_addr *b)
{
    return a->is_v6 == b->is_v6 &&
           (net_addr_is_any(a) || net_addr_is_any(b) || net_addr_same_ip(a, b));
}

static void use_add(GArray *uses, const char *section, const char *key, bool udp,
                    const struct config_listen *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        struct port_use u = {section, key, l->addr[i], udp, l->addr[i].port, l->addr[i].port};

        g_array_append_val(uses, u);
    }
}

static void use_add_range(GArray *uses, const char *key, const struct config *c, unsigned first,
                          unsigned last)
{
    for (unsigned i = 0; first && i < c->media_addr.n; i++) {
        struct port_use u = {"media", key, c->media_addr.addr[i], true, first, last};

        g_array_append_val(uses, u);
    }
}

static bool apart(const GArray *uses, unsigned i, unsigned j)
{
    const struct port_use *u = &g_array_index(uses, struct port_use, i);
    const struct port_use *v = &g_array_index(uses, struct port_use, j);

    return u->key == v->key || u->udp != v->udp || !same_address(&u->addr, &v->addr) ||
           u->last < v->first || v->last < u->first;
}

/* 0 when the key has its default, which is nobody's fault. */
static unsigned line_said(const struct config_file *f, const char *section, const char *key)
{
    const struct config_section *s = config_section_find(f, section);

    return s && config_entry_find(s, key) ? config_line_of(f, section, key) : 0;
}

static void check_ports(const struct config_file *f, const struct config *c,
                        struct config_report *r)
{
    g_autoptr(GArray) uses = g_array_new(FALSE, FALSE, sizeof(struct port_use));
    unsigned workers = c->media_workers ? c->media_workers : g_get_num_processors();
    const char *last = NULL; /* one report a key, however many of its addresses meet others */

    use_add(uses, "sip", "udp", true, &c->sip_udp);
    use_add(uses, "sip", "tcp", false, &c->sip_tcp);
    use_add(uses, "sip", "tls", false, &c->sip_tls);
    use_add(uses, "sip", "ws", false, &c->sip_ws);
    use_add(uses, "sip", "wss", false, &c->sip_wss);
    use_add(uses, "web", "http", false, &c->web_http);
    use_add(uses, "web", "https", false, &c->web_https);
    use_add_range(uses, "ice_port", c, c->media_ice_port, c->media_ice_port + workers - 1);
    use_add_range(uses, "rtp_min", c, c->media_rtp_min, c->media_rtp_max);
    for (unsigned i = 1; i < uses->len; i++)
        for (unsigned j = 0; j < i; j++) {
            const struct port_use *u = &g_array_index(uses, struct port_use, i);
            const struct port_use *v = &g_array_index(uses, struct port_use, j);
            unsigned line = line_said(f, u->section, u->key);

            if (apart(uses, i, j) || last == u->key)
                continue;
            last = u->key;
            config_error(r, line ? line : line_said(f, v->section, v->key),
                         "%s: port %u is taken by [%s] %s", u->key, MAX(u->first, v->first),
                         v->section, v->key);
        }
}

unsigned config_sip_listeners(const struct config *c)
{
    return c->sip_udp.n + c->sip_tcp.n + c->sip_tls.n + c->sip_ws.n + c->sip_wss.n;
}

bool config_allows_jid(const struct config *c, const char *jid)
{
    const char *at = strchr(jid, '@');

    for (char **a = c->xmpp_allow; at && a && *a; a++)
        if (g_str_equal(*a, jid) || g_str_equal(*a, at + 1))
            return true;
    return false;
}

const char *config_domain(const struct config *c)
{
    return c->domain ? c->domain : "missing.invalid";
}

bool config_is_foreign(const struct config *c, const char *address)
{
    return c->domain && !g_str_equal(strchr(address, '@') + 1, c->domain);
}

static void check_tls(const struct config_file *f, const struct config *c, struct config_report *r)
{
    if (c->ntls)
        return;
    if (c->sip_tls.n)
        config_error(r, config_line_of(f, "sip", "tls"),
                     "tls: needs a certificate: add a section [tls] with certificate and key");
    if (c->sip_wss.n)
        config_error(r, config_line_of(f, "sip", "wss"),
                     "wss: needs a certificate: add a section [tls] with certificate and key");
    if (c->web_https.n)
        config_error(r, config_line_of(f, "web", "https"),
                     "https: needs a certificate: add a section [tls] with certificate and key");
}

static void check_xmpp(const struct config_file *f, const struct config *c, struct config_report *r)
{
    const struct config_section *s = config_section_find(f, "xmpp");

    if (!s)
        return;
    if (!config_entry_find(s, "component"))
        config_error(r, s->line,
                     "[xmpp] component is missing: the domain the XMPP server has for Tandem");
    if (!config_entry_find(s, "secret"))
        config_error(r, s->line, "[xmpp] secret is missing: what the XMPP server knows Tandem by");
    for (unsigned i = 0; c->xmpp_component && i < c->naccounts; i++)
        if (g_str_has_suffix(c->account[i].jid, c->xmpp_component) &&
            g_str_equal(strchr(c->account[i].jid, '@') + 1, c->xmpp_component))
            config_error(r, 0, "jid: %s is Tandem's own, not a person's", c->account[i].jid);
}

static void check_socket(const struct config_file *f, const struct config *c,
                         struct config_report *r)
{
    bool said = line_said(f, "tandem", "control_socket") != 0;

    if (strlen(c->control_socket) > CONFIG_SOCKET_MAX)
        config_error(r, config_line_of(f, "tandem", said ? "control_socket" : "state_dir"),
                     "control_socket: %s is longer than the %d bytes a Unix socket may have",
                     c->control_socket, CONFIG_SOCKET_MAX);
}

static void check_numbers(const struct config_file *f, const struct config *c,
                          struct config_report *r)
{
    if (c->sip_expires_min_s > c->sip_expires_max_s)
        config_error(r, config_line_of(f, "sip", "expires_max"),
                     "expires_max: is less than expires_min (%u)", c->sip_expires_min_s);
    else if (c->sip_expires_default_s < c->sip_expires_min_s ||
             c->sip_expires_default_s > c->sip_expires_max_s)
        config_error(r, config_line_of(f, "sip", "expires_default"),
                     "expires_default: %u is not between expires_min (%u) and expires_max "
                     "(%u)",
                     c->sip_expires_default_s, c->sip_expires_min_s, c->sip_expires_max_s);
    if (c->media_rtp_max < c->media_rtp_min + 3)
        config_error(r, config_line_of(f, "media", "rtp_max"),
                     "rtp_max: must leave room for a stream's four ports above rtp_min (%u)",
                     c->media_rtp_min);
    if (c->connections_per_address > c->connections_max)
        config_error(r, config_line_of(f, "limits", "connections_per_address"),
                     "connections_per_address: is more than connections (%u)", c->connections_max);
    if (c->media_ice_port && c->media_ice_port + MAX(c->media_workers, 1) - 1 > 65535)
        config_error(r, config_line_of(f, "media", "ice_port"),
                     "ice_port: each worker takes one port, and %u workers do not fit above %u",
                     c->media_workers, c->media_ice_port);
}

void config_check(const struct config_file *f, const struct config *c, struct config_report *r)
{
    const struct config_section *tandem = config_section_find(f, "tandem");

    if (!tandem || !config_entry_find(tandem, "domain"))
        config_error(r, config_line_of(f, "tandem", NULL),
                     "[tandem] domain is missing: the part of every address behind the @");
    if (!config_sip_listeners(c) && !c->web_http.n && !c->web_https.n)
        config_error(r, 0,
                     "nothing to listen on: set at least one of [sip] udp, tcp, tls, ws, wss, "
                     "[web] http, https");
    check_socket(f, c, r);
    check_xmpp(f, c, r);
    check_tls(f, c, r);
    check_numbers(f, c, r);
    check_ports(f, c, r);
}
