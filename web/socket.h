/** One JSON WebSocket: signs its account in, then carries that account's calls. Private to web/.
 * Thread: call thread. Owner: struct web, from EDGE_WS_OPEN to EDGE_WS_CLOSED. */
#pragma once

#include "gateway/adapter.h"
#include "web/auth.h"
#include "web/proto.h"

#include <glib.h>

struct edge;
struct letters;
struct timer;
struct watches;
struct webleg;

enum { WEB_CALLS_MAX = 8 }; /* of one connection, both directions */

enum websock_state {
    WEBSOCK_GREETED, /* hello sent */
    WEBSOCK_SLOWED,  /* a failed auth waits for its answer */
    WEBSOCK_READY,   /* signed in: may call and be called */
    WEBSOCK_CLOSING  /* we asked the edge to close; EDGE_WS_CLOSED follows */
};

struct websock_env { /* what the sockets of one adapter share; owned by it, outlives them */
    const struct adapter *adapter;
    struct gateway *gw;
    struct edge *edge;
    struct guard *guard;
    struct letters *letters;
    struct watches *watches;
    bool draining;
};

struct websock {
    struct websock_env *env; /* borrowed */
    uint64_t id;             /* the edge's */
    struct net_addr peer;
    enum websock_state state; /* written by websock_enter() alone */
    char nonce[NONCE_SIZE];
    unsigned tries;
    struct timer *deadline; /* to sign in; while slowed: to the answer */
    uint64_t faults;        /* bucket */
    char address[192], display[96];
    char ha1[65]; /* what the sign-in rests on: when it changes, the sign-in is over */
    unsigned nlegs;
    struct webleg *leg[WEB_CALLS_MAX]; /* borrowed: their calls own them */
    uint64_t next_call;                /* for the ids of calls to this tab */
    unsigned nletters;                 /* messages it waits for an answer to */
    GHashTable *watches;               /* what watches.c keeps of it; NULL: not signed in */
};

/** Sends hello. */
struct websock *websock_new(struct websock_env *env, uint64_t id, const struct net_addr *peer);
/** The connection is gone: its calls end as unreachable. */
void websock_free(struct websock *s);
/** One message came in. */
void websock_take(struct websock *s, struct span json);
/** Nothing is sent after this; EDGE_WS_CLOSED follows. */
void websock_close(struct websock *s, uint16_t code, const char *reason);
/** Its account was removed or has another password. */
void websock_revoke(struct websock *s);
/** Close for restart when no call is left (called again as calls end). */
void websock_drain(struct websock *s);

/* ---- for webleg ---- */

/** GW_ETOOBIG when @p m cannot be written. */
enum gw_err websock_send(struct websock *s, const struct web_msg *m);
void websock_send_ended(struct websock *s, const char *call, const struct end_reason *why);
/** Answer message @p re about @p call (both may be NULL) with an error, which counts. */
void websock_fault(struct websock *s, const char *re, const char *call, const char *code,
                   const char *text);
/** GW_EFULL at the limit of calls. */
enum gw_err websock_attach(struct websock *s, struct webleg *leg);
void websock_detach(struct websock *s, const struct webleg *leg);
