/** A running edge and the people around it: clients on blocking sockets with deadlines, an owner
 * that takes events, a stand-in for the SIP stack's loopback listener. */
#pragma once

#include "edge/edge.h"

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>

/** Turn the edge's clock forward. */
void clock_skip(unsigned seconds);

/* ---- the edge ---- */

struct rig {
    struct edge *edge;
    struct mailbox *events; /* web and SIP events alike */
    struct mailbox *nobody; /* for rig_settle() */
    struct net_addr web;    /* plain; files "/", "/app.js", "/big"; routes below "/api/" */
    int stack;              /* listening socket of the stand-in */
    struct net_addr stack_at;
    struct net_addr sip; /* set by rig_listen_sip() */
};

/** Plain web listener, no limits for loopback. */
struct rig *rig_new(void);
/** With what @p c says; NULL: as above. */
struct rig *rig_new_with(const struct edge_config *c);
void rig_free(struct rig *r);
/** What rig_new() starts from. */
struct edge_config rig_config(void);
/** The default certificate example.test, other.test by SNI, the test root as CA for both ways. */
struct edge_config rig_tls_config(void);
enum gw_err rig_listen_web(struct rig *r, bool tls, struct net_addr *bound);
enum gw_err rig_listen_sip(struct rig *r, bool tls, bool client_certificate);
/** SIP over WebSocket; https://friend.test may connect too. */
enum gw_err rig_listen_sip_ws(struct rig *r, bool tls);
/** Turn the clock forward and make the edge look at it. */
void rig_skip(struct rig *r, unsigned seconds);

/** The next event, which must come within the deadline and be of @p type. Caller clears it. */
struct edge_event rig_event(struct rig *r, enum edge_event_type type);
/** That no event is waiting once the edge has done what it was told before. */
void rig_no_event(struct rig *r);
/** Returns when the edge has done what was posted and read what was sent before. */
void rig_settle(struct rig *r);

/* ---- clients ---- */

struct peer {
    int fd;
    SSL *ssl;
    SSL_CTX *ctx;
};

struct peer peer_connect(const struct net_addr *to);
struct peer_tls {
    const char *sni, *cert, *key; /* any NULL */
    const char *alpn;             /* one name */
    int max_version;              /* 0: any */
};
/** Shakes hands; peer.ssl is NULL when that failed. Verifies against the test root. */
struct peer peer_connect_tls(const struct net_addr *to, const struct peer_tls *how);
void peer_close(struct peer *p);
/** Close with RST. */
void peer_reset(struct peer *p);
void peer_send(struct peer *p, const void *data, size_t n);
void peer_say(struct peer *p, const char *text);
/** Bytes read, 0 at the end. Fails the test when nothing comes for seconds. */
size_t peer_recv(struct peer *p, void *buf, size_t n);
void peer_recv_all(struct peer *p, void *buf, size_t n);
/** Everything until the peer closes (g_free). */
char *peer_recv_rest(struct peer *p);
/** One HTTP response: head and body by Content-Length (g_free). */
char *peer_response(struct peer *p, bool head_only);
/** Whether the peer has closed within the deadline, unread data dropped. */
void peer_expect_end(struct peer *p);

/** One request on a connection of its own; the whole answer (g_free). "Connection: close" is the
 * caller's. */
char *rig_exchange(struct rig *r, const char *request);
void assert_status(const char *response, unsigned status);

/* ---- WebSocket clients ---- */

/** Handshake with subprotocol tandem.v1; the EDGE_WS_OPEN id is left in *@p id. */
struct peer rig_ws(struct rig *r, uint64_t *id);
/** Masked. */
void ws_frame(struct peer *p, unsigned first_byte, const void *data, size_t n);
/** One frame from the server: opcode returned, payload in @p buf. */
unsigned ws_read(struct peer *p, char *buf, size_t size, size_t *n);
/** The close frame's code; other frames before it are dropped. */
unsigned ws_read_close(struct peer *p);

/* ---- the SIP stack's stand-in ---- */

/** The next connection the edge makes. */
struct peer rig_stack_accept(struct rig *r);
/** One message, read up to @p n bytes exactly. */
void peer_expect(struct peer *p, const char *text);
