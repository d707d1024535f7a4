/** Two ICE agents on a fake clock and a fake network with latency, loss, reordering, duplicates and
 * NATs. Media runs beside the checks, so that tests can say what was lost. */
#pragma once

#include "media/ice.h"

#include <glib.h>

enum { ICENET_NODES = 4, ICENET_TUPLES = 64 };
#define ICENET_MS UINT64_C(1000)
#define ICENET_S UINT64_C(1000000)

struct icenet_tuple {
    struct net_addr local, remote;
    bool valid;
};

struct icenode {
    struct icenet *net;
    struct ice *ice;
    struct ice_credentials creds;
    unsigned nlocals;
    struct net_addr locals[4];
    struct net_addr nat;      /* what others see of locals[0]; unset: no NAT */
    bool nat_closed;          /* lets in only what was written to */
    struct net_addr holes[8]; /* written to through the NAT */
    unsigned nholes;
    bool unplugged; /* nothing in or out */
    bool lite;      /* announced */
    unsigned ntuples;
    struct icenet_tuple tuple[ICENET_TUPLES]; /* as told by path events */
    unsigned selects, checkeds, valids, gones, fails;
    struct net_addr selected_local, selected_remote;
    uint64_t selected_at_us;
    enum ice_why why;
    unsigned sent, received; /* datagrams of STUN */
    bool media;              /* send a packet every 20 ms wherever ice_send_path() says */
    uint64_t media_due_us;
    unsigned media_sent, media_lost, media_got; /* lost: no path to send on */
    char last[ICE_DATAGRAM_MAX];                /* last STUN datagram received */
    size_t last_n;
    struct net_addr last_local, last_remote;
};

struct icenet {
    uint64_t now_us;
    uint64_t latency_us, jitter_us;
    unsigned loss_percent, duplicate_percent; /* STUN only: media must be lost by us alone */
    GRand *rand;
    GQueue queue; /* struct packet, by time */
    struct ice_shared *shared;
    struct icenode node[ICENET_NODES];
    /** May look at, change or (false) swallow a STUN datagram under way. */
    bool (*tap)(struct icenet *net, struct icenode *from, char *data, size_t *n,
                struct net_addr *source);
    void *tap_arg;
};

struct icenet *icenet_new(uint32_t seed, const struct ice_options *options);
void icenet_free(struct icenet *net);
struct net_addr icenet_addr(const char *text);
/** "10.0.0.1:5000 [2001:db8::1]:5000" are the addresses of a new agent at node @p i. */
struct icenode *icenet_agent(struct icenet *net, unsigned i, const char *locals, bool controlling);
/** What signalling does: the credentials of @p from to @p to; its candidates too. */
void icenet_describe(struct icenode *from, struct icenode *to);
void icenet_candidates(struct icenode *from, struct icenode *to);
/** Fresh credentials at @p n. */
void icenet_restart(struct icenode *n);
/** Put a datagram on the wire as if @p source had sent it. */
void icenet_inject(struct icenet *net, const char *data, size_t n, const struct net_addr *source,
                   const struct net_addr *to);
void icenet_run(struct icenet *net, uint64_t for_us);
/** Until both have a selected path; false after @p most_us. */
bool icenet_connect(struct icenode *a, struct icenode *b, uint64_t most_us);
/** Both send to each other's address, on paths the other was told of. */
bool icenet_agree(const struct icenode *a, const struct icenode *b);
bool icenode_knows(const struct icenode *n, const struct net_addr *local,
                   const struct net_addr *remote);
