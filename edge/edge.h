/** THE door of edge/: one thread on epoll and OpenSSL for every stream connection: TLS, HTTP/1.1,
 * WebSocket, and SIP over TCP, TLS and WebSocket, accepted and dialled (facts: why not a library).
 * It screens, limits and frames; what passes reaches its owner as plain values.
 *
 *  Thread: edge_new/free and listen on the call thread before/after all else; edge_*_send, respond
 * and close from any thread (they post to the edge's mailbox). Events go to the mailbox of whoever
 * owns the listener: HTTP and WebSocket events to the call thread, SIP flow events to the SIP
 * thread. Owner:  strings inside an event are the receiver's: edge_event_clear() frees them. Ids
 * are never reused; sends to closed ids are dropped. Units:  seconds for idle times, bytes for
 * limits. */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct edge;

struct edge_cert {
    const char *name;        /* SNI name, "" = default */
    const char *chain, *key; /* PEM files */
};

struct edge_config {
    unsigned ncerts;
    const struct edge_cert *cert;
    const char *client_ca;    /* mutual TLS on listeners that ask for it; NULL none */
    const char *dial_ca;      /* PEM bundle dialled TLS is verified with; NULL: the system's */
    unsigned connections_max; /* whole edge */
    unsigned connections_per_address;       /* per IPv4 address or IPv6 /64; loopback exempt only if
                                               exempt_loopback */
    unsigned connections_per_address_per_s; /* 0 in either: no limit */
    bool exempt_loopback;
    struct net_addr proxy[8]; /* trusted reverse proxies: X-Forwarded-For is believed from them */
    unsigned nproxies;
};

/** Starts the thread. NULL on failure, which has been logged. */
struct edge *edge_new(const struct edge_config *config);
/** Close every listener and connection and join the thread: nothing is posted to any mailbox any
 * more, so owners may free theirs. Sends and closes that come later are dropped. Call thread. */
void edge_stop(struct edge *e);
/** Stops if need be. */
void edge_free(struct edge *e);
/** Close the listeners and connections whose events go to @p events. When it returns, nothing more
 * is posted there: the owner may free its mailbox (after it has emptied it). Call thread; waits for
 * the edge thread, which never blocks. */
void edge_detach(struct edge *e, const struct mailbox *events);
/** Build and check new contexts, then swap: live connections keep theirs. GW_ECONFIG: the old ones
 * stay (logged why). Call thread. */
enum gw_err edge_reload_tls(struct edge *e, unsigned ncerts, const struct edge_cert *cert,
                            const char *client_ca);

/* ---- HTTP and WebSocket ---- */

struct edge_file { /* static files: read by the owner at start, copied by the edge, answered on the
                      edge thread */
    const char *path; /* "/", "/tandem.js" */
    const char *content_type;
    const void *data;
    size_t size;
};

enum edge_method {
    EDGE_GET = 1,
    EDGE_HEAD = 2,
    EDGE_POST = 4,
    EDGE_PUT = 8,
    EDGE_PATCH = 16,
    EDGE_DELETE = 32,
    EDGE_OPTIONS = 64
};

struct edge_route { /* dynamic paths, answered by the owner: exact, or prefix when it ends in "/" +
                       "*" */
    const char *path;
    unsigned methods; /* bits of edge_method: others get 405 + Allow */
};

struct edge_web_config {
    struct net_addr listen;
    bool tls;
    const char *const *origins; /* allowed beside the own host; NULL-terminated or NULL */
    unsigned nfiles;
    const struct edge_file *file;
    unsigned nroutes;
    const struct edge_route *route;
    const char *ws_path;             /* "/ws" */
    const char *const *ws_protocols; /* NULL-terminated: "tandem.v1" */
    struct mailbox *events;          /* of struct edge_event */
};
/** @p bound gets the address with the real port (listen port 0: any). GW_EIO when it cannot be
 * bound (logged). */
enum gw_err edge_listen_web(struct edge *e, const struct edge_web_config *c,
                            struct net_addr *bound);

/* ---- SIP streams ---- */

struct edge_sip_config {
    struct net_addr listen;
    bool tls, client_certificate;
    bool ws;                    /* SIP over WebSocket (RFC 7118), at any path */
    const char *const *origins; /* ws: pages of which hosts may connect beside those of the own
                                   host, whatever their port; NULL-terminated or NULL */
    struct net_addr loopback;   /* sofia's TCP listener */
    struct mailbox *events;
};
enum gw_err edge_listen_sip(struct edge *e, const struct edge_sip_config *c,
                            struct net_addr *bound);
/** Connect to a numeric address on behalf of the SIP thread; EDGE_FLOW_UP or EDGE_FLOW_DOWN with
 * this @p flow id follows. @p tls_name: verify against it (RFC 5922); NULL: TCP. */
void edge_dial_sip(struct edge *e, uint64_t flow, const struct net_addr *to, const char *tls_name,
                   const struct net_addr *loopback, struct mailbox *events);
void edge_flow_close(struct edge *e, uint64_t flow);

/* ---- events ---- */

enum edge_event_type {
    EDGE_HTTP_REQUEST, /* answer with edge_http_respond() exactly once */
    EDGE_HTTP_GONE,    /* the client went away before the answer, or while streaming */
    EDGE_WS_OPEN,
    EDGE_WS_TEXT,      /* one whole message, valid UTF-8, at most 64 KB */
    EDGE_WS_CLOSED,    /* last event of this id */
    EDGE_FLOW_OPENING, /* a SIP stream (accepted or dialled) is about to connect to sofia from
                          127.x:loopback_port; posted before connect() */
    EDGE_FLOW_UP,      /* dialled flow: connected, verified and joined */
    EDGE_FLOW_DOWN     /* last event of this id */
};

struct edge_event {
    enum edge_event_type type;
    uint64_t id;
    struct net_addr peer; /* real client address */
    bool tls;
    bool ws;                 /* FLOW_*: over WebSocket */
    enum edge_method method; /* HTTP_REQUEST */
    char *path;              /* decoded path, HTTP_REQUEST and WS_OPEN */
    char *query;             /* raw, "" when absent */
    char *headers; /* "name: value\n" lines, names lower case; only authorization, content-type,
                      if-match, if-none-match, origin, accept, last-event-id, host */
    char *body;    /* HTTP_REQUEST body, WS_TEXT message; NUL-terminated besides */
    size_t body_len;
    char *protocol;           /* WS_OPEN: chosen subprotocol */
    uint16_t code;            /* WS_CLOSED: RFC 6455 7.4 code */
    struct net_addr loopback; /* FLOW_OPENING, FLOW_UP: the edge's end of the loopback connection */
    char *why;                /* FLOW_DOWN, WS_CLOSED: a sentence for the log */
};
/** Frees what the event owns, not the event. Usable as the clear function of mailbox_free(). */
void edge_event_clear(void *event);
/** Value of a header in edge_event.headers as a new string (g_free), or NULL. */
char *edge_event_header(const struct edge_event *ev, const char *lower_case_name);

/* ---- answers ---- */

/** @p headers: "Name: value\r\n" lines or NULL. Copies everything. Content-Length and the security
 * headers are added. */
void edge_http_respond(struct edge *e, uint64_t id, unsigned status, const char *headers,
                       const char *content_type, struct span body);
/** One text message; copied. A connection whose outbox is over its limit is closed (1008) and
 * EDGE_WS_CLOSED follows. */
void edge_ws_send(struct edge *e, uint64_t id, const char *text, size_t n);
void edge_ws_close(struct edge *e, uint64_t id, uint16_t code, const char *reason);

struct edge_stats {
    uint64_t accepted, refused_limit, tls_failed, http_requests, http_errors, ws_messages,
        sip_messages, sip_screened;
    unsigned connections;
};
void edge_stats(const struct edge *e, struct edge_stats *out);
