/** The configuration file (INI, conf/tandem.conf documents every key) as constant structs.
 *  Thread: read on the call thread before the others start; const afterwards, so any may read it
 * until config_free(). */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "gateway/account.h"

enum { CONFIG_LISTEN_MAX = 8 };

struct config_listen {
    unsigned n;
    struct net_addr addr[CONFIG_LISTEN_MAX];
};

struct config_tls { /* one certificate; the first is the default, others are chosen by SNI name */
    char *name;     /* [tls NAME]: the server name it is for; "" for plain [tls] */
    char *certificate; /* chain file, PEM */
    char *key;
};

enum route_match { ROUTE_EXACT, ROUTE_PREFIX, ROUTE_PATTERN };

struct config_route { /* [route NAME], in file order; first match wins */
    char *name;
    enum route_match match;
    char *pattern;  /* user part (or user@domain) to match; PATTERN: a glob of * and ? */
    char **from;    /* callers it is for: addresses, "@domain", "anyone", NULL = accounts and the
                       JIDs of xmpp_allow */
    char **targets; /* "bob", "bob@domain", "echo": rung together, or in turn when serial */
    unsigned ring_s;
    unsigned strip; /* leading characters of the dialled user removed for "%n" targets */
    char *prepend;  /* put before what is left */
    bool serial;
};

struct config {
    char *path;
    char *warnings; /* "FILE:LINE: warning: sentence" lines for `tandem check`; NULL: none */
    /* [tandem] */
    char *domain; /* "example.org" */
    char *state_dir;
    char *control_socket; /* default state_dir/control.sock */
    int log_level;        /* enum log_level */
    /* [sip] */
    struct config_listen sip_udp, sip_tcp, sip_tls, sip_ws, sip_wss;
    char *sip_public_host; /* in Contact and Via where the bound address will not do; NULL: none */
    bool sip_sha256;       /* challenge with SHA-256 too, for every account */
    unsigned sip_expires_min_s, sip_expires_default_s, sip_expires_max_s;
    /* [web] */
    struct config_listen web_http, web_https;
    char **web_origins;         /* besides the page's own host; NULL: none */
    char *web_root;             /* folder of the pages; default: the installed one */
    char **web_trusted_proxies; /* addresses whose X-Forwarded-For is believed */
    /* [xmpp] */
    char *xmpp_component; /* its domain; NULL: no XMPP */
    struct net_addr xmpp_server;
    char *xmpp_secret;
    char **xmpp_allow; /* bare JIDs and domains, lower case; NULL: none */
    /* [tls], [tls NAME] */
    unsigned ntls;
    struct config_tls *tls;
    char *tls_client_ca; /* mutual TLS on SIP TLS when set */
    /* [media] */
    struct config_listen media_addr; /* ports are 0 */
    struct net_addr media_advertise[CONFIG_LISTEN_MAX];
    unsigned media_workers;
    uint16_t media_ice_port, media_rtp_min, media_rtp_max;
    bool media_libsrtp;
    unsigned media_silence_s;
    /* [limits] */
    unsigned calls_max, account_calls_max, ring_s;
    unsigned connections_max, connections_per_address, connections_per_address_per_s;
    /* [account USER] */
    unsigned naccounts;
    struct account *account;
    /* [route NAME] */
    unsigned nroutes;
    struct config_route *route;
};

/** Read and check @p path. On failure returns NULL and *@p errors holds every error at once, one
 * "FILE:LINE: sentence" a line (g_free). */
struct config *config_read(const char *path, char **errors);
/** The pure part of config_read(): the same checks on @p n bytes of text that stand in a file
 * called
 * @p name, but nothing is looked up on this machine: files are not checked and "any" addresses in
 * media_addr stay as they are. */
struct config *config_parse(const char *name, const char *text, size_t n, char **errors);
/** How many addresses SIP is spoken at, over whatever. */
unsigned config_sip_listeners(const struct config *c);
/** Is this bare JID, or its domain, in [xmpp] allow? */
bool config_allows_jid(const struct config *c, const char *jid);
void config_free(struct config *c); /* takes NULL */
