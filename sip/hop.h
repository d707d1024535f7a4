/** Where requests go and come from: a UDP address, or an edge connection into our loopback
 * listener. Thread: SIP. */
#pragma once

#include "sip/stack.h"

struct edge_event;

struct flow { /* one edge connection */
    uint64_t id;
    struct net_addr peer;
    bool tls, ws;
    struct net_addr loopback; /* the edge's end of the loopback connection */
    tport_t *tport;           /* referenced; NULL until its first request */
};

struct hop {               /* the way to one peer; hop_clear() it */
    uint64_t flow;         /* 0: UDP */
    bool ws;               /* the flow is a WebSocket: a browser, most likely */
    tport_t *tport;        /* referenced */
    struct net_addr peer;  /* real address of the peer */
    struct net_addr local; /* UDP: ours */
    char route[96];        /* numeric next hop; "" over a flow */
    char contact[192];     /* our Contact as this peer can reach it, with brackets */
    char source[96];       /* "udp 192.0.2.7:5060", for logs */
};

void flow_free(void *flow);
/** EDGE_FLOW_*: keep the table; bindings of a dead flow are dropped. */
void flow_event(struct stack *s, const struct edge_event *ev);

/** Where @p irq came from. False: a stranger on the loopback listener. */
bool hop_of_request(struct stack *s, nta_incoming_t *irq, struct hop *out);
/** False: its connection is gone. */
bool hop_of_binding(struct stack *s, const struct binding *b, struct hop *out);
void hop_clear(struct hop *h);
/** For nta_outgoing_tcreate(): NULL over a flow. */
const url_string_t *hop_route(const struct hop *h);
