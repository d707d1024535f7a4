#include "base/log.h"
#include "gateway/config.h"
#include "gateway/route.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <string.h>

void unit_gateway_config(void);

/* A file without faults, to which the cases below add one each; it ends on line 4. */
#define GOOD "[tandem]\ndomain = Example.org\n[sip]\nudp = 127.0.0.1:5060\n"

static struct config *parse(const char *text, char **errors)
{
    *errors = NULL;
    return config_parse("t.conf", text, strlen(text), errors);
}

static struct config *parse_ok(const char *text)
{
    char *errors;
    struct config *c = parse(text, &errors);

    g_assert_cmpstr(errors, ==, NULL);
    g_assert_nonnull(c);
    return c;
}

static void four_lines_are_enough(void)
{
    struct config *c = parse_ok(GOOD);

    g_assert_cmpstr(c->domain, ==, "example.org");
    g_assert_cmpstr(c->state_dir, ==, "/var/lib/tandem");
    g_assert_cmpstr(c->control_socket, ==, "/var/lib/tandem/control.sock");
    g_assert_cmpint(c->log_level, ==, LOG_LEVEL_INFO);
    g_assert_cmpuint(c->sip_udp.n, ==, 1);
    g_assert_cmpuint(c->sip_udp.addr[0].port, ==, 5060);
    g_assert_cmpuint(c->sip_tcp.n + c->sip_tls.n + c->web_http.n + c->web_https.n, ==, 0);
    g_assert_cmpuint(c->media_addr.n, ==, 2);
    g_assert_true(net_addr_is_any(&c->media_addr.addr[0]));
    g_assert_cmpuint(c->media_rtp_min, ==, 20000);
    g_assert_cmpuint(c->naccounts + c->nroutes + c->ntls, ==, 0);
    g_assert_false(c->sip_sha256);
    g_assert_false(c->media_libsrtp);
    g_assert_cmpuint(c->calls_max, ==, 1000);
    g_assert_nonnull(c->web_root);
    g_assert_cmpstr(c->warnings, ==, NULL);
    config_free(c);
}

static const char everything[] = "# a comment\n"
                                 "[tandem]\n"
                                 "domain=example.org\n"
                                 "state_dir = state\n"
                                 "control_socket = /run/t.sock\n"
                                 "log_level = debug\n"
                                 "\n"
                                 "[sip]\n"
                                 "udp = 0.0.0.0:5060, [::]:5060\n"
                                 "tcp = 0.0.0.0:5060\n"
                                 "tls = 0.0.0.0:5061\n"
                                 "ws = 127.0.0.1:5066\n"
                                 "wss = 0.0.0.0:7443, [::]:7443\n"
                                 "public_host = sip.example.org\n"
                                 "sha256 = yes\n"
                                 "expires_min = 30\n"
                                 "expires_default = 300\n"
                                 "expires_max = 900\n"
                                 "[web]\n"
                                 "http = 127.0.0.1:8080\n"
                                 "https = 0.0.0.0:443\n"
                                 "origins = https://app.example.org, http://localhost:3000\n"
                                 "root = /srv/pages\n"
                                 "trusted_proxies = 127.0.0.1, ::1\n"
                                 "[tls phones.example.org]\n"
                                 "certificate = phones.pem\n"
                                 "key = phones.key\n"
                                 "[tls]\n"
                                 "certificate = /etc/ssl/cert.pem\n"
                                 "key = /etc/ssl/key.pem\n"
                                 "client_ca = ca.pem\n"
                                 "[media]\n"
                                 "address = 10.0.0.5, 2001:db8::5\n"
                                 "advertise = 203.0.113.5\n"
                                 "workers = 3\n"
                                 "ice_port = 11000\n"
                                 "rtp_min = 12000\n"
                                 "rtp_max = 13999\n"
                                 "srtp = libsrtp\n"
                                 "silence = 20\n"
                                 "[limits]\n"
                                 "calls = 50\n"
                                 "account_calls = 3\n"
                                 "ring = 25\n"
                                 "connections = 500\n"
                                 "connections_per_address = 9\n"
                                 "connections_per_address_per_s = 8\n"
                                 "[account Bob]\n"
                                 "password = p\\\\w \\s\n"
                                 "display = Bob Builder\n"
                                 "media = dtls, plain\n"
                                 "sip_sha256 = on\n"
                                 "calls = 2\n"
                                 "[account carol@example.org]\n"
                                 "ha1_md5 = 3D78807DEFE7DE2157E2B0B6573A855F\n"
                                 "[route support]\n"
                                 "prefix = 7\n"
                                 "from = anyone, Bob\n"
                                 "to = bob, carol@example.org, echo\n"
                                 "ring = 15\n"
                                 "serial = yes\n"
                                 "[route rest]\n"
                                 "pattern = *\n"
                                 "to = %n\n"
                                 "strip = 1\n"
                                 "prepend = x\n";

static void every_key_is_read(void)
{
    struct config *c =
        config_parse("/etc/tandem/t.conf", everything, strlen(everything), &(char *){NULL});

    g_assert_nonnull(c);
    g_assert_cmpstr(c->state_dir, ==, "/etc/tandem/state");
    g_assert_cmpstr(c->control_socket, ==, "/run/t.sock");
    g_assert_cmpint(c->log_level, ==, LOG_LEVEL_DEBUG);
    g_assert_cmpuint(c->sip_udp.n, ==, 2);
    g_assert_true(c->sip_udp.addr[1].is_v6);
    g_assert_cmpuint(c->sip_tls.addr[0].port, ==, 5061);
    g_assert_cmpuint(c->sip_ws.addr[0].port, ==, 5066);
    g_assert_cmpuint(c->sip_wss.addr[1].port, ==, 7443);
    g_assert_cmpuint(config_sip_listeners(c), ==, 7);
    g_assert_cmpstr(c->sip_public_host, ==, "sip.example.org");
    g_assert_true(c->sip_sha256);
    g_assert_cmpuint(c->sip_expires_min_s, ==, 30);
    g_assert_cmpuint(c->sip_expires_default_s, ==, 300);
    g_assert_cmpuint(c->sip_expires_max_s, ==, 900);
    g_assert_cmpuint(c->web_https.addr[0].port, ==, 443);
    g_assert_cmpstr(c->web_origins[1], ==, "http://localhost:3000");
    g_assert_null(c->web_origins[2]);
    g_assert_cmpstr(c->web_root, ==, "/srv/pages");
    g_assert_cmpstr(c->web_trusted_proxies[1], ==, "::1");
    g_assert_cmpuint(c->ntls, ==, 2);
    g_assert_cmpstr(c->tls[0].name, ==, "");
    g_assert_cmpstr(c->tls[0].key, ==, "/etc/ssl/key.pem");
    g_assert_cmpstr(c->tls[1].name, ==, "phones.example.org");
    g_assert_cmpstr(c->tls[1].certificate, ==, "/etc/tandem/phones.pem");
    g_assert_cmpstr(c->tls_client_ca, ==, "/etc/tandem/ca.pem");
    config_free(c);
}

static void media_limits_accounts_and_routes_are_read(void)
{
    struct config *c = parse_ok(everything);
    char buf[NET_ADDR_TEXT];

    g_assert_cmpuint(c->media_addr.n, ==, 2);
    g_assert_cmpstr(net_addr_ip(&c->media_advertise[0], buf), ==, "203.0.113.5");
    g_assert_false(c->media_advertise[1].set);
    g_assert_cmpuint(c->media_workers, ==, 3);
    g_assert_cmpuint(c->media_ice_port, ==, 11000);
    g_assert_cmpuint(c->media_rtp_min, ==, 12000);
    g_assert_cmpuint(c->media_rtp_max, ==, 13999);
    g_assert_true(c->media_libsrtp);
    g_assert_cmpuint(c->media_silence_s, ==, 20);
    g_assert_cmpuint(c->calls_max + c->account_calls_max + c->ring_s, ==, 50 + 3 + 25);
    g_assert_cmpuint(c->connections_max, ==, 500);
    g_assert_cmpuint(c->connections_per_address, ==, 9);
    g_assert_cmpuint(c->connections_per_address_per_s, ==, 8);
    g_assert_cmpuint(c->naccounts, ==, 2);
    g_assert_cmpstr(c->account[0].address, ==, "bob@example.org");
    g_assert_cmpstr(c->account[0].user, ==, "bob");
    g_assert_cmpstr(c->account[0].display, ==, "Bob Builder");
    g_assert_cmpuint(c->account[0].nprofiles, ==, 2);
    g_assert_cmpstr(account_profile_word(&c->account[0].profile[0]), ==, "dtls");
    g_assert_true(c->account[0].sip_sha256 && c->account[0].from_config);
    g_assert_cmpuint(c->account[0].calls_max, ==, 2);
    g_assert_cmpstr(c->account[1].ha1_md5, ==, "3d78807defe7de2157e2b0b6573a855f");
    g_assert_cmpuint(c->account[1].nprofiles, ==, 3);
    g_assert_cmpstr(account_profile_word(&c->account[1].profile[1]), ==, "dtls");
    g_assert_cmpuint(c->nroutes, ==, 2);
    g_assert_cmpint(c->route[0].match, ==, ROUTE_PREFIX);
    g_assert_cmpstr(c->route[0].from[1], ==, "bob@example.org");
    g_assert_cmpstr(c->route[0].targets[2], ==, "echo");
    g_assert_cmpuint(c->route[0].ring_s, ==, 15);
    g_assert_true(c->route[0].serial);
    g_assert_cmpstr(c->route[1].pattern, ==, "*");
    g_assert_cmpuint(c->route[1].ring_s, ==, 25);
    g_assert_cmpstr(c->route[1].prepend, ==, "x");
    config_free(c);
}

/* GKeyFile's escapes: "\\" is a backslash, "\s" a blank that would be trimmed otherwise. */
static void escapes_reach_the_password(void)
{
    struct config *c = parse_ok(everything);
    struct account a = {.user = "bob"};

    account_set_password(&a, "example.org", "p\\w  ");
    g_assert_cmpstr(c->account[0].ha1_md5, ==, a.ha1_md5);
    g_assert_cmpstr(c->account[0].ha1_sha256, ==, a.ha1_sha256);
    config_free(c);
}

static const struct {
    const char *text, *errors;
} faults[] = {
    /* the file as such */
    {"",
     "t.conf: [tandem] domain is missing: the part of every address behind the @\n"
     "t.conf: nothing to listen on: set at least one of [sip] udp, tcp, tls, ws, wss, [web] http, "
     "https\n"},
    {GOOD "nonsense\n", "t.conf:5: neither \"key = value\" nor \"[section]\" nor a comment (#)\n"},
    {GOOD "; no comment\n",
     "t.conf:5: neither \"key = value\" nor \"[section]\" nor a comment (#)\n"},
    {GOOD "two words = 1\n",
     "t.conf:5: neither \"key = value\" nor \"[section]\" nor a comment (#)\n"},
    {"log_level = info\n" GOOD, "t.conf:1: log_level stands before the first [section]\n"},
    {GOOD "[web\n", "t.conf:5: a section is written [name]; the ] is missing\n"},
    {GOOD "[]\n", "t.conf:5: \"\" is no name for a section\n"},
    {GOOD "[a[b]]\n", "t.conf:5: \"a[b]\" is no name for a section\n"},
    {GOOD "[sip]\ntcp = 127.0.0.1:5060\n", "t.conf:5: [sip] stands twice in this file\n"},
    {GOOD "udp = 127.0.0.1:5062\n", "t.conf:5: udp stands twice in [sip]\n"},
    {GOOD "public_host = \xff\n", "t.conf:5: not valid UTF-8 text\n"},
    {GOOD "[account bob]\npassword = a\\qb\n",
     "t.conf:6: password: a backslash must be doubled (\\\\) or part of \\s \\t \\n \\r\n"},
    {GOOD "[toys]\nx = 1\n", "t.conf:5: no section is called [toys]\n"},
    {GOOD "[web two]\n", "t.conf:5: [web] takes no name\n"},
    {GOOD "colour = red\n", "t.conf:5: [sip] knows no key colour\n"},
    /* single values */
    {"[tandem]\ndomain = not a domain\n[sip]\nudp = 127.0.0.1:5060\n",
     "t.conf:2: domain: \"not a domain\" is no domain name like example.org\n"},
    {GOOD "[limits]\ncalls = many\n", "t.conf:6: calls: \"many\" is no number from 1 to 100000\n"},
    {GOOD "[limits]\ncalls = 0\n", "t.conf:6: calls: \"0\" is no number from 1 to 100000\n"},
    {GOOD "[limits]\ncalls = -1\n", "t.conf:6: calls: \"-1\" is no number from 1 to 100000\n"},
    {GOOD "[limits]\ncalls = 18446744073709551617\n",
     "t.conf:6: calls: \"18446744073709551617\" is no number from 1 to 100000\n"},
    {GOOD "sha256 = maybe\n", "t.conf:5: sha256: \"maybe\" is neither yes nor no\n"},
    {GOOD "tcp = 5060\n", "t.conf:5: tcp: \"5060\" is no address with a port, like 0.0.0.0:5060 or "
                          "[::]:5060\n"},
    {GOOD "tcp = 127.0.0.1:0\n", "t.conf:5: tcp: \"127.0.0.1:0\" is no address with a port, like "
                                 "0.0.0.0:5060 or [::]:5060\n"},
    {GOOD "tcp = 127.0.0.1:1, 127.0.0.1:1\n", "t.conf:5: tcp: \"127.0.0.1:1\" stands twice\n"},
    {GOOD "tcp = 1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,1.1.1.1:7,1.1.1.1:8,"
          "1.1.1.1:9\n",
     "t.conf:5: tcp: more than 8 addresses\n"},
    {GOOD "public_host = a b\n",
     "t.conf:5: public_host: \"a b\" is no domain name like example.org\n"},
    {GOOD "[web]\norigins = app.example.org\n",
     "t.conf:6: origins: \"app.example.org\" is no origin like https://app.example.org\n"},
    {GOOD "[web]\norigins = https://x/path\n",
     "t.conf:6: origins: \"https://x/path\" is no origin like https://app.example.org\n"},
    {GOOD "[web]\ntrusted_proxies = proxy\n",
     "t.conf:6: trusted_proxies: \"proxy\" is no IP address\n"},
    {GOOD "[web]\ntrusted_proxies = ::1,::2,::3,::4,::5,::6,::7,::8,::9\n",
     "t.conf:6: trusted_proxies: more than 8 addresses\n"},
    {GOOD "[web]\nroot =\n", "t.conf:6: root: names no file\n"},
    {GOOD "[media]\naddress = eth0\n", "t.conf:6: address: \"eth0\" is no IP address\n"},
    {GOOD "[media]\naddress = ,\n", "t.conf:6: address: names no address\n"},
    {GOOD "[media]\nadvertise = 10.0.0.1=\n",
     "t.conf:6: advertise: \"10.0.0.1=\" is neither 203.0.113.5 nor 10.0.0.5=203.0.113.5\n"},
    {GOOD "[media]\nadvertise = 10.0.0.1=::1\n",
     "t.conf:6: advertise: \"10.0.0.1=::1\" is neither 203.0.113.5 nor 10.0.0.5=203.0.113.5\n"},
    {GOOD "[media]\nrtp_min = 80\n", "t.conf:6: rtp_min: \"80\" is no port from 1024 to 65535\n"},
    {GOOD "[media]\nrtp_max = 20002\n",
     "t.conf:6: rtp_max: must leave room for a stream's four ports above rtp_min (20000)\n"},
    {GOOD "[media]\nice_port = 70000\n",
     "t.conf:6: ice_port: \"70000\" is no port from 0 to 65535\n"},
    {GOOD "[media]\nsrtp = best\n", "t.conf:6: srtp: \"best\" is none of own, libsrtp\n"},
    /* the whole */
    {GOOD "expires_max = 20\n", "t.conf:5: expires_max: is less than expires_min (60)\n"},
    {GOOD "expires_default = 10\n", "t.conf:5: expires_default: 10 is not between expires_min (60) "
                                    "and expires_max (7200)\n"},
    {GOOD "tls = 127.0.0.1:5061\n", "t.conf:5: tls: needs a certificate: add a section [tls] with "
                                    "certificate and key\n"},
    {GOOD "wss = 127.0.0.1:7443\n", "t.conf:5: wss: needs a certificate: add a section [tls] with "
                                    "certificate and key\n"},
    {GOOD "tcp = 0.0.0.0:5060\nws = 127.0.0.1:5060\n",
     "t.conf:6: ws: port 5060 is taken by [sip] tcp\n"},
    {GOOD "[web]\nhttps = 127.0.0.1:443\n", "t.conf:6: https: needs a certificate: add a section "
                                            "[tls] with certificate and key\n"},
    {GOOD "[tls]\ncertificate = x\n", "t.conf:5: a [tls] section needs both certificate and key\n"},
    {GOOD "[tls a.example]\ncertificate = x\nkey = y\nclient_ca = z\n",
     "t.conf:8: client_ca: stands in plain [tls] alone, it holds for every name\n"},
    {GOOD "tcp = 0.0.0.0:5060\n[web]\nhttp = 127.0.0.1:5060\n",
     "t.conf:7: http: port 5060 is taken by [sip] tcp\n"},
    {GOOD "[media]\nrtp_min = 5000\n", "t.conf:6: rtp_min: port 5060 is taken by [sip] udp\n"},
    {GOOD "[media]\nice_port = 5059\nworkers = 2\n",
     "t.conf:6: ice_port: port 5060 is taken by [sip] udp\n"},
    {GOOD "[media]\nice_port = 20005\nworkers = 1\n",
     "t.conf:6: rtp_min: port 20005 is taken by [media] ice_port\n"},
    {GOOD "[media]\nice_port = 65535\nworkers = 2\n",
     "t.conf:6: ice_port: each worker takes one port, and 2 workers do not fit above 65535\n"},
    {GOOD "[limits]\nconnections = 20\n",
     "t.conf:5: connections_per_address: is more than connections (20)\n"},
    /* accounts */
    {GOOD "[account]\npassword = x\n", "t.conf:5: an account section is written [account USER]\n"},
    {GOOD "[account a b]\npassword = x\nwings = 2\n",
     "t.conf:5: \"a b\" cannot be the name of an account\n"
     "t.conf:7: [account] knows no key wings\n"},
    {GOOD "[account bob@else.example]\npassword = x\n",
     "t.conf:5: bob@else.example is not of this domain, example.org\n"},
    {GOOD "[account Echo]\npassword = x\n",
     "t.conf:5: echo is built in: it answers every call with what it hears\n"},
    {GOOD "[account bob]\n",
     "t.conf:5: bob@example.org has neither password nor ha1_md5 nor ha1_sha256\n"},
    {GOOD "[account bob]\npassword = x\nha1_md5 = 3d78807defe7de2157e2b0b6573a855f\n",
     "t.conf:5: bob@example.org: either a password or ha1 values, not both\n"},
    {GOOD "[account bob]\nha1_md5 = 3d78807defe7de2157e2b0b6573a855f\nsip_sha256 = yes\n",
     "t.conf:7: sip_sha256: needs ha1_sha256 or a password\n"},
    {GOOD "[account bob]\nha1_md5 = 3d78\n", "t.conf:6: ha1_md5: is not 32 hexadecimal digits\n"},
    {GOOD "[account bob]\npassword =\n", "t.conf:6: password: is empty\n"},
    {GOOD "[account bob]\npassword = x\ndisplay = \"Bob\"\n",
     "t.conf:7: display: may not hold quotes, backslashes or control characters\n"},
    {GOOD "[account bob]\npassword = x\nmedia = plain, tin-can\n",
     "t.conf:7: media: \"tin-can\" is none of plain, sdes, dtls, webrtc\n"},
    {GOOD "[account bob]\npassword = x\nmedia = plain, PLAIN\n",
     "t.conf:7: media: \"PLAIN\" stands twice\n"},
    {GOOD "[account bob]\npassword = x\n[account BOB]\npassword = y\n",
     "t.conf:7: the account bob@example.org stands twice\n"},
    /* routes */
    {GOOD "[route x]\nto = echo\n",
     "t.conf:5: a route needs exactly one of exact, prefix, pattern (0 found)\n"},
    {GOOD "[route x]\nexact = 1\nprefix = 2\nto = echo\n",
     "t.conf:5: a route needs exactly one of exact, prefix, pattern (2 found)\n"},
    {GOOD "[route]\nexact = 1\nto = echo\n", "t.conf:5: a route section is written [route NAME]\n"},
    {GOOD "[route x]\nexact = 1\n", "t.conf:5: a route needs to = whom to ring\n"},
    {GOOD "[route x]\nexact = 1\nto = ,\n", "t.conf:7: to: names nobody\n"},
    {GOOD "[route x]\nexact = 1\nto = a b\n", "t.conf:7: to: \"a b\" is no address\n"},
    {GOOD "[route x]\nexact = 1\nto = a@else.example\n",
     "t.conf:7: to: a@else.example is not of this domain, example.org\n"},
    {GOOD "[route x]\nexact = 1\nfrom = a b\nto = echo\n",
     "t.conf:7: from: \"a b\" is neither an address nor @domain nor anyone\n"},
    {GOOD "[route x]\npattern = 1 2\nto = echo\n",
     "t.conf:6: pattern: \"1 2\" cannot be used: blanks are never dialled\n"},
    {GOOD "[route x]\npattern = a@b@c\nto = echo\n",
     "t.conf:6: pattern: \"a@b@c\" cannot be used: an address has one @\n"},
    {GOOD "[xmpp]\nserver = localhost\nallow = a b\n",
     "t.conf:5: [xmpp] component is missing: the domain the XMPP server has for Tandem\n"
     "t.conf:5: [xmpp] secret is missing: what the XMPP server knows Tandem by\n"
     "t.conf:6: server: \"localhost\" is no address with a port, like 127.0.0.1:5347\n"
     "t.conf:7: allow: \"a b\" is neither a domain nor a bare JID\n"},
    {GOOD "[account bob]\npassword = x\njid = bob\n",
     "t.conf:7: jid: \"bob\" is no bare JID like ana@example.org\n"},
    {GOOD "[xmpp]\ncomponent = sip.example.com\nsecret = s\n"
          "[route x]\nexact = 1\nto = eve@else.example\n",
     "t.conf:10: to: eve@else.example is neither of this domain, example.org, nor in [xmpp] "
     "allow\n"},
    {GOOD "[route x]\npattern = *a*a*a*a*b\nto = echo\n",
     "t.conf:6: pattern: \"*a*a*a*a*b\" cannot be used: more than 4 stars\n"},
};

static void each_fault_is_told_with_its_line(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *errors = NULL;
        struct config *c = parse(faults[i].text, &errors);

        if (c)
            g_error("taken without an error:\n%s", faults[i].text);
        g_assert_cmpstr(errors, ==, faults[i].errors);
    }
}

static void all_faults_are_told_at_once_in_order(void)
{
    g_autofree char *errors = NULL;

    g_assert_null(parse("[tandem]\n"
                        "domain = example.org\n"
                        "log_level = loud\n"
                        "rubbish\n"
                        "[sip]\n"
                        "udp = 127.0.0.1:99999\n"
                        "wings = 2\n"
                        "[nonsense]\n"
                        "a = b\n"
                        "[account bob]\n"
                        "calls = x\n"
                        "password = x\n"
                        "[web]\n"
                        "http = 127.0.0.1:80\n",
                        &errors));
    g_assert_cmpstr(errors, ==,
                    "t.conf:3: log_level: \"loud\" is none of error, warning, info, debug\n"
                    "t.conf:4: neither \"key = value\" nor \"[section]\" nor a comment (#)\n"
                    "t.conf:6: udp: \"127.0.0.1:99999\" is no address with a port, like "
                    "0.0.0.0:5060 or [::]:5060\n"
                    "t.conf:7: [sip] knows no key wings\n"
                    "t.conf:8: no section is called [nonsense]\n"
                    "t.conf:11: calls: \"x\" is no number from 0 to 10000\n");
}

static void a_quoted_newline_stays_in_its_line(void)
{
    g_autofree char *errors = NULL;

    g_assert_null(parse(GOOD "[web]\nhttp = [::1]:\\ndomain\n", &errors));
    g_assert_cmpstr(errors, ==,
                    "t.conf:6: http: \"[::1]:?domain\" is no address with a port, like "
                    "0.0.0.0:5060 or [::]:5060\n");
}

static void xmpp_is_read_with_its_people(void)
{
    struct config *c = parse_ok(GOOD "[xmpp]\ncomponent = SIP.example.com\nsecret = s\n"
                                     "allow = Example.com, Eve@else.example\n"
                                     "[account bob]\npassword = x\njid = Bob%1@example.com\n"
                                     "[route x]\nexact = 1\nto = eve@else.example\n"
                                     "from = @example.com\n");
    struct route_plan plan;
    char buf[NET_ADDR_TEXT];

    g_assert_cmpstr(c->xmpp_component, ==, "sip.example.com");
    g_assert_cmpstr(net_addr_text(&c->xmpp_server, buf), ==, "127.0.0.1:5347");
    g_assert_cmpstr(c->account[0].jid, ==, "bob%1@example.com");
    g_assert_true(config_allows_jid(c, "anybody@example.com"));
    g_assert_true(config_allows_jid(c, "eve@else.example"));
    g_assert_false(config_allows_jid(c, "mallory@else.example"));
    g_assert_false(config_allows_jid(c, "example.com"));
    route_resolve(c, "anybody@example.com", "1", &plan);
    g_assert_cmpstr(plan.target[0], ==, "eve@else.example");
    route_resolve(c, "anybody@notexample.com", "1", &plan);
    g_assert_cmpint(plan.refused, ==, END_FORBIDDEN);
    config_free(c);
}

static void unknown_local_targets_are_a_warning(void)
{
    struct config *c = parse_ok(GOOD "[route x]\nexact = 1\nto = nobody\n");

    g_assert_cmpstr(c->warnings, ==,
                    "t.conf:7: warning: to: no [account] here is called nobody@example.org; "
                    "'tandem user add' must have it\n");
    config_free(c);
}

static void a_named_certificate_leaves_client_ca_alone(void)
{
    struct config *c = parse_ok(GOOD "[tls]\ncertificate = a\nkey = b\nclient_ca = c\n"
                                     "[tls x.example]\ncertificate = d\nkey = e\n");

    g_assert_cmpstr(c->tls_client_ca, ==, "./c");
    g_assert_cmpstr(c->tls[1].key, ==, "./e");
    config_free(c);
}

static void families_do_not_collide(void)
{
    config_free(parse_ok(GOOD "tcp = 0.0.0.0:5060, [::]:5060\n"));
    config_free(parse_ok(GOOD "tcp = 127.0.0.1:5060\n")); /* UDP and TCP may share a number */
}

static void pairs_of_advertised_addresses(void)
{
    struct config *c = parse_ok(GOOD "[media]\naddress = 10.0.0.5, 10.0.0.6, ::1\n"
                                     "advertise = 10.0.0.6=203.0.113.6, 2001:db8::1\n");
    char buf[NET_ADDR_TEXT];

    g_assert_false(c->media_advertise[0].set);
    g_assert_cmpstr(net_addr_ip(&c->media_advertise[1], buf), ==, "203.0.113.6");
    g_assert_cmpstr(net_addr_ip(&c->media_advertise[2], buf), ==, "2001:db8::1");
    config_free(c);
}

static void too_many_faults_are_cut(void)
{
    g_autoptr(GString) text = g_string_new(GOOD);
    g_autofree char *errors = NULL;
    unsigned lines = 0;

    for (unsigned i = 0; i < 5000; i++)
        g_string_append(text, "rubbish\n");
    g_assert_null(parse(text->str, &errors));
    for (const char *p = errors; *p; p++)
        lines += *p == '\n';
    g_assert_cmpuint(lines, ==, 100);
}

/* ---- on this machine ---- */

struct fixture {
    char *dir, *path;
};

static void setup(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    f->dir = g_dir_make_tmp("tandem-config-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "t.conf", NULL);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(f->dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void teardown(struct fixture *f, gconstpointer arg)
{
    static const char *const names[] = {"t.conf", "cert.pem", "key.pem"};

    (void)arg;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(f->dir, names[i], NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->path);
    g_free(f->dir);
}

static void a_missing_file_is_told(struct fixture *f, gconstpointer arg)
{
    g_autofree char *errors = NULL;

    (void)arg;
    g_assert_null(config_read(f->path, &errors));
    g_assert_nonnull(strstr(errors, "No such file"));
    g_assert_true(g_str_has_prefix(errors, f->path));
}

static void missing_files_and_folders_are_told(struct fixture *f, gconstpointer arg)
{
    g_autofree char *errors = NULL;
    g_autofree char *key =
        g_strdup_printf("%s:8: key: %s/key.pem holds nothing that begins", f->path, f->dir);
    g_autofree char *cert = g_strdup_printf("%s:7: certificate: ", f->path);
    g_autofree char *root =
        g_strdup_printf("%s:10: root: there is no folder %s/pages", f->path, f->dir);

    (void)arg;
    put(f, "key.pem", "not PEM\n");
    put(f, "t.conf",
        GOOD "tls = 127.0.0.1:5061\n[tls]\ncertificate = cert.pem\nkey = key.pem\n"
             "[web]\nroot = pages\nhttp = 127.0.0.1:8080\n");
    g_assert_null(config_read(f->path, &errors));
    g_assert_nonnull(strstr(errors, key));
    g_assert_nonnull(strstr(errors, cert));
    g_assert_nonnull(strstr(errors, root));
}

static void any_address_becomes_those_of_the_machine(struct fixture *f, gconstpointer arg)
{
    g_autofree char *errors = NULL;
    struct config *c;

    (void)arg;
    put(f, "t.conf", GOOD);
    c = config_read(f->path, &errors);
    g_assert_cmpstr(errors, ==, NULL);
    g_assert_cmpuint(c->media_addr.n, >, 0);
    for (unsigned i = 0; i < c->media_addr.n; i++) {
        g_assert_false(net_addr_is_any(&c->media_addr.addr[i]));
        g_assert_true(net_addr_is_loopback(&c->media_addr.addr[i]) ==
                      net_addr_is_loopback(&c->media_addr.addr[0]));
    }
    config_free(c);
}

static void loopback_is_used_where_it_is_asked_for(struct fixture *f, gconstpointer arg)
{
    g_autofree char *errors = NULL;
    struct config *c;

    (void)arg;
    put(f, "t.conf", GOOD "[media]\naddress = 127.0.0.1, ::1\n");
    c = config_read(f->path, &errors);
    g_assert_nonnull(c);
    g_assert_cmpuint(c->media_addr.n, ==, 2);
    g_assert_true(net_addr_is_loopback(&c->media_addr.addr[0]));
    config_free(c);
}

/* ---- the documentation ---- */

static char *shipped_example(void)
{
    g_autofree char *path = g_build_filename(TESTS_DIR, "..", "conf", "tandem.conf", NULL);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void the_shipped_example_is_good(void)
{
    g_autofree char *text = shipped_example();

    config_free(parse_ok(text));
}

static void the_shipped_example_knows_every_key(void)
{
    g_autofree char *text = shipped_example();
    g_auto(GStrv) lines = g_strsplit(everything, "\n", -1);

    for (char **l = lines; *l; l++) {
        g_autofree char *key = g_strndup(*l, strcspn(*l, " ="));
        g_autofree char *set = g_strdup_printf("\n%s =", key);
        g_autofree char *out = g_strdup_printf("\n#%s =", key);

        if (strchr(*l, '=') && !strstr(text, set) && !strstr(text, out))
            g_error("conf/tandem.conf does not document %s", key);
    }
}

/* Lines like "#key = value" with the defaults, made real. The sections that stand in comments
 * themselves hold examples, not defaults, and so does root, which depends on the installation. */
static char *example_with_defaults(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *out = g_string_new(NULL);
    bool plain = false;

    for (char **l = lines; *l; l++) {
        const char *line = *l;

        if (g_str_has_prefix(line, "[") || g_str_has_prefix(line, "#["))
            plain = *line == '[';
        if (plain && g_regex_match_simple("^#[a-z_0-9]+ = .", line, 0, 0) &&
            !g_str_has_prefix(line, "#root "))
            line++;
        g_string_append_printf(out, "%s\n", line);
    }
    return g_string_free(out, FALSE);
}

static void the_shipped_example_tells_the_defaults(void)
{
    g_autofree char *text = shipped_example();
    g_autofree char *told = example_with_defaults(text);
    struct config *a = parse_ok(text);
    struct config *b = parse_ok(told);

    g_assert_cmpuint(strlen(told), <, strlen(text) - 15); /* at least that many were made real */
    g_assert_cmpstr(a->state_dir, ==, b->state_dir);
    g_assert_cmpint(a->log_level, ==, b->log_level);
    g_assert_true(a->sip_sha256 == b->sip_sha256);
    g_assert_cmpuint(a->sip_expires_min_s, ==, b->sip_expires_min_s);
    g_assert_cmpuint(a->sip_expires_default_s, ==, b->sip_expires_default_s);
    g_assert_cmpuint(a->sip_expires_max_s, ==, b->sip_expires_max_s);
    g_assert_true(memcmp(&a->media_addr, &b->media_addr, sizeof(a->media_addr)) == 0);
    g_assert_cmpuint(a->media_workers, ==, b->media_workers);
    g_assert_cmpuint(a->media_ice_port, ==, b->media_ice_port);
    g_assert_cmpuint(a->media_rtp_min, ==, b->media_rtp_min);
    g_assert_cmpuint(a->media_rtp_max, ==, b->media_rtp_max);
    g_assert_true(a->media_libsrtp == b->media_libsrtp);
    g_assert_cmpuint(a->media_silence_s, ==, b->media_silence_s);
    g_assert_cmpuint(a->calls_max, ==, b->calls_max);
    g_assert_cmpuint(a->account_calls_max, ==, b->account_calls_max);
    g_assert_cmpuint(a->ring_s, ==, b->ring_s);
    g_assert_cmpuint(a->connections_max, ==, b->connections_max);
    g_assert_cmpuint(a->connections_per_address, ==, b->connections_per_address);
    g_assert_cmpuint(a->connections_per_address_per_s, ==, b->connections_per_address_per_s);
    config_free(a);
    config_free(b);
}

static void add(const char *path, void (*fn)(struct fixture *f, gconstpointer arg))
{
    g_test_add(path, struct fixture, NULL, setup, fn, teardown);
}

void unit_gateway_config(void)
{
    g_test_add_func("/gateway/config/four-lines-are-enough", four_lines_are_enough);
    g_test_add_func("/gateway/config/every-key-is-read", every_key_is_read);
    g_test_add_func("/gateway/config/media-limits-accounts-and-routes-are-read",
                    media_limits_accounts_and_routes_are_read);
    g_test_add_func("/gateway/config/escapes-reach-the-password", escapes_reach_the_password);
    g_test_add_func("/gateway/config/each-fault-is-told-with-its-line",
                    each_fault_is_told_with_its_line);
    g_test_add_func("/gateway/config/all-faults-are-told-at-once-in-order",
                    all_faults_are_told_at_once_in_order);
    g_test_add_func("/gateway/config/a-quoted-newline-stays-in-its-line",
                    a_quoted_newline_stays_in_its_line);
    g_test_add_func("/gateway/config/xmpp-is-read-with-its-people", xmpp_is_read_with_its_people);
    g_test_add_func("/gateway/config/unknown-local-targets-are-a-warning",
                    unknown_local_targets_are_a_warning);
    g_test_add_func("/gateway/config/a-named-certificate-leaves-client-ca-alone",
                    a_named_certificate_leaves_client_ca_alone);
    g_test_add_func("/gateway/config/families-do-not-collide", families_do_not_collide);
    g_test_add_func("/gateway/config/pairs-of-advertised-addresses", pairs_of_advertised_addresses);
    g_test_add_func("/gateway/config/too-many-faults-are-cut", too_many_faults_are_cut);
    g_test_add_func("/gateway/config/the-shipped-example-is-good", the_shipped_example_is_good);
    g_test_add_func("/gateway/config/the-shipped-example-knows-every-key",
                    the_shipped_example_knows_every_key);
    g_test_add_func("/gateway/config/the-shipped-example-tells-the-defaults",
                    the_shipped_example_tells_the_defaults);
    add("/gateway/config/a-missing-file-is-told", a_missing_file_is_told);
    add("/gateway/config/missing-files-and-folders-are-told", missing_files_and_folders_are_told);
    add("/gateway/config/any-address-becomes-those-of-the-machine",
        any_address_becomes_those_of_the_machine);
    add("/gateway/config/loopback-is-used-where-it-is-asked-for",
        loopback_is_used_where_it_is_asked_for);
}
