/** What the files of this folder share about the one edge object. Private to edge/. Thread: the
 * edge's, unless said otherwise. */
#pragma once

#include "base/log.h"
#include "edge/edge.h"
#include "edge/limit.h"
#include "edge/loop.h"
#include "edge/site.h"
#include "edge/stream.h"
#include "edge/tls.h"

#include <glib.h>

#include <pthread.h>
#include <stdatomic.h>

enum edge_counter {
    COUNT_ACCEPTED,
    COUNT_REFUSED,
    COUNT_TLS_FAILED,
    COUNT_REQUESTS,
    COUNT_HTTP_ERRORS,
    COUNT_WS_MESSAGES,
    COUNT_SIP_MESSAGES,
    COUNT_SIP_SCREENED,
    EDGE_COUNTERS
};

struct listener;
struct web;
struct flow;

struct edge {
    struct stream_env env; /* loop, TLS store */
    struct limit *limit;
    struct net_addr proxy[8];
    unsigned nproxies;
    bool exempt_loopback;
    struct mailbox *commands; /* of struct edge_cmd */
    struct mailbox *detached; /* tells edge_detach() that its command is done */
    struct loop_source inbox;
    pthread_t thread;
    bool stopping; /* edge thread */
    bool stopped;  /* call thread: the edge thread has been joined */
    GPtrArray *listeners;
    GHashTable *webs;  /* set of struct web */
    GHashTable *by_id; /* id of a waiting request or a WebSocket -> struct web */
    GHashTable *flows; /* id -> struct flow, until it has ended */
    GHashTable *pipes; /* set of struct flow, until both connections are closed */
    int spare_fd;      /* given up to be able to refuse when descriptors run out */
    struct log_quota refused, warned, down;
    uint64_t swept_us;
    char *dial_ca;           /* call thread */
    struct tls_set *checked; /* call thread: which kinds of listener have certificates */
    _Atomic uint64_t counter[EDGE_COUNTERS]; /* read by any thread */
    _Atomic unsigned connections;
};

static inline void edge_count(struct edge *e, enum edge_counter which)
{
    (void)atomic_fetch_add_explicit(&e->counter[which], 1, memory_order_relaxed);
}

/** A socket that accepts. Made on the call thread, then the edge's. */
struct listener {
    struct loop_source source; /* first */
    struct edge *edge;
    bool tls;
    enum tls_kind kind;
    struct site *site;        /* web listeners, and SIP ones over WebSocket */
    struct net_addr loopback; /* SIP listeners: where the stack listens */
    struct mailbox *events;
};
/** Bind and listen; *@p bound gets the real port. NULL has been logged. Call thread. */
struct listener *listener_new(struct edge *e, const struct net_addr *at, struct net_addr *bound);
void listener_free(void *object);
void listener_start(struct listener *l);
/** Close the socket; connections it accepted are not touched. */
void listener_stop(struct listener *l);
bool edge_trusts(const struct edge *e, const struct net_addr *peer);
bool edge_exempts(const struct edge *e, const struct net_addr *peer);
/** Who asks: the peer, or behind a trusted proxy what X-Forwarded-For says. */
struct net_addr client_behind(const struct edge *e, const struct net_addr *peer,
                              const struct h1_request *r);
/** The event with what the request says; id, peer and body are the caller's. */
struct edge_event event_of_request(enum edge_event_type type, const struct h1_request *r);
/** A connection ended that limit_take() counted. */
void edge_connection_gone(struct edge *e, const struct net_addr *peer);

/** An HTTP or WebSocket connection on an accepted socket. */
void web_accept(struct listener *l, int fd, SSL *ssl, const struct net_addr *peer);
struct web_answer { /* edge_http_respond(), copied */
    unsigned status;
    char *headers, *content_type;
    void *body;
    size_t n;
};
void web_answer_free(struct web_answer *a);
void web_answered(struct web *w, const struct web_answer *a);
void web_send_text(struct web *w, const char *text, size_t n);
void web_close_socket(struct web *w, uint16_t code, const char *reason);
/** End every connection of @p events (NULL: all), silently towards the owner. */
void web_drop_all(struct edge *e, const struct mailbox *events);

/** A SIP stream on an accepted socket. */
void flow_accept(struct listener *l, int fd, SSL *ssl, const struct net_addr *peer);
/** The connection @p s has become a WebSocket that speaks SIP: it is the flow's from now on.
 * @p client: who asks, behind a trusted proxy not the socket's peer. */
struct flow *flow_upgrade(struct listener *l, struct stream *s, const struct net_addr *client,
                          bool tls);
/** Frames that came right behind the handshake. */
void flow_frames(struct flow *f, const char *p, size_t n);
struct flow_order { /* edge_dial_sip(), copied */
    uint64_t id;
    struct net_addr to, loopback;
    char *tls_name;
    struct mailbox *events;
};
void flow_order_free(struct flow_order *o);
void flow_dial(struct edge *e, const struct flow_order *o);
void flow_end(struct flow *f, const char *why);
void flow_drop_all(struct edge *e, const struct mailbox *events);
