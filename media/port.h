/** One component of a transport (RFC 8445): its socket or share of the shared ones, where packets
 * come from and go to, and what protects them. Private to media/.  Thread: the worker's. */
#pragma once

#include "base/wheel.h"
#include "media/command.h"
#include "media/dtls.h"
#include "media/ice.h"
#include "media/latch.h"
#include "media/outbox.h"
#include "media/protect.h"

struct session;

enum { HELLO_MAX = 2048 /* octets of early ClientHello kept */ };

/* What came before its time (facts of RFC 8445 12.1: a fast peer's DTLS overtakes our check). */
struct hello {
    struct net_addr from;
    uint16_t n, first; /* octets in all, of the first datagram */
    uint8_t bytes[HELLO_MAX];
};

struct port_tuple {
    uint32_t sock;
    struct net_addr remote;
};

/** Where the packets of one component come and go: a socket of its own or a share of the shared
 * ones. */
struct port {
    struct session *session;   /* borrowed */
    uint8_t transport, number; /* number 0: RTP (and RTCP when multiplexed), 1: RTCP */
    struct sock *own;          /* owned; NULL: the worker's shared sockets */
    struct sock *path_sock;    /* where to send from; NULL: nowhere yet */
    struct net_addr path;      /* where to send; follows ICE, else latch */
    struct latch latch;        /* without ICE */
    struct ice *ice;           /* owned; NULL when we offered none */
    bool checked;              /* the peer does ICE, too: only checked paths count */
    struct dtls *dtls;         /* owned; NULL without */
    uint32_t dtls_gen;
    struct hello *hello;       /* owned; early ClientHello */
    struct protect *in, *out;  /* owned; NULL before keys */
    struct net_addr handshake; /* without ICE: who sent DTLS last */
    bool path_valid;           /* ICE: some path may be sent to */
    unsigned ntuples;
    struct port_tuple *tuple; /* owned; what of the worker's table is ours */
    struct wheel_timer timer; /* ICE and DTLS */
};

struct transport {
    enum desc_security security;
    bool mux, usable;
    uint32_t in_gen, out_gen;     /* of the SDES keys installed */
    struct port *port[PORTS_MAX]; /* owned; [1] NULL when multiplexed */
};

struct port *port_new(struct session *s, unsigned transport, unsigned number);
void port_free(struct port *p);
struct transport *port_transport(const struct port *p);
/** Our side: ICE begins with the first, restarts with new credentials. */
void port_set_local(struct port *p, const struct local_transport *t);
void port_candidate(struct port *p, const struct desc_candidate *c);
/** The peer's side of the transport, again whenever it changes. */
void port_set_remote(struct port *p, const struct remote_transport *r);
/** One datagram for this port; the slot is the port's now. */
void port_input(struct port *p, struct sock *at, const struct net_addr *from, struct slot *slot);
/** Protect and send; the slot is gone afterwards. */
void port_send(struct port *p, struct slot *slot, bool rtcp);
bool port_writable(const struct port *p);
void port_rearm(struct port *p);
void port_set_keys(struct port *p, const struct key_params *in, const struct key_params *out);
/** The port RTCP of this transport goes through. */
struct port *transport_rtcp(struct transport *t);

/* path.c */
void port_path_latched(struct port *p, const char *how);
void port_tuple_add(struct port *p, uint32_t sock, const struct net_addr *remote);
void port_tuples_forget(struct port *p);
/** Our socket of the address's family; NULL. */
struct sock *port_sock_towards(struct port *p, const struct net_addr *remote);
/** Send a copy as it is. */
void port_datagram(struct port *p, struct span d, struct sock *from, const struct net_addr *to);

/* handshake.c */
/** The handshake may talk once there is a path: validated by ICE, or signalled. */
bool port_handshake_possible(const struct port *p);
void port_handshake_begin(struct port *p);
/** A new association if the peer's generation changed; keys of the old one stay until it is done
 * (RFC 8842 5.5). */
void port_handshake_new(struct port *p, const struct remote_transport *r);
/** A DTLS datagram; the slot stays the caller's. */
void port_handshake_input(struct port *p, const struct net_addr *from, struct slot *slot);
