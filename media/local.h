/** The call thread's side of media legs: what was allocated for them and what was told to peers.
 * Private to media/.  Thread: the call thread. Owner: struct media. */
#pragma once

#include "media/command.h"
#include "media/dtls.h"
#include "media/media.h"
#include "media/worker.h"

enum {
    SUITES = DESC_AEAD_AES_256_GCM + 1,
    PENDING_MAX = DESC_CANDIDATES_MAX,
    PEER_KEY_MAX = 33 /* SHA-256 of what makes a DTLS association, and our role */
};

/** Ports of legs without a share in the shared one. */
struct port_range {
    uint16_t min, max, next;
    uint8_t used[8][65536 / 8]; /* by configured address; what we hold ourselves */
};

/** Bind one socket, or an even/odd pair, at configured address @p at. GW_EFULL: none free. */
enum gw_err range_take(struct port_range *r, const struct net_addr *addr, unsigned at, bool pair,
                       int fd[PORTS_MAX], struct net_addr local[PORTS_MAX]);
void range_give(struct port_range *r, unsigned at, const struct net_addr local[PORTS_MAX]);

/** One transport as told to the peer. */
struct lane {
    bool ice, shared, mux;
    enum desc_security security;
    struct ice_credentials credentials;
    char peer_ufrag[DESC_ICE_MAX]; /* the generation of the peer's that ours goes with */
    unsigned at;                   /* configured address of own ports */
    int fd[PORTS_MAX];             /* until the worker has them */
    struct net_addr local[PORTS_MAX];
    bool dtls_active; /* our role, once dtls_gen is set */
    uint32_t dtls_gen;
    uint8_t association[PEER_KEY_MAX]; /* what dtls_gen stands for */
    bool suite_ready[SUITES];          /* key[] is made */
    uint8_t key[SUITES][46];           /* ours, random */
    struct key_params in, out;         /* SDES in use */
    uint32_t answer_tag;               /* of the line we accepted */
    bool remote_known;
};

struct lane_stream {
    bool used; /* has been described and not refused */
    uint8_t lane;
    bool video;
    uint32_t ssrc, rtx_ssrc;
    char track[17];
};

struct pending {
    uint8_t stream;
    struct desc_candidate candidate;
};

struct media_leg {
    struct media_id id;
    uint64_t call_id;
    unsigned worker;
    struct desc_profile profile;
    bool described, controlling;
    bool bundled; /* an answer has taken our BUNDLE */
    char cname[CNAME_MAX], msid[17];
    unsigned nstreams, nlanes;
    struct lane_stream stream[DESC_STREAMS_MAX];
    struct lane *lane; /* owned, nlanes */
    unsigned npending;
    struct pending *pending; /* owned; candidates that came early */
};

struct media {
    struct media_config config; /* defaults filled in */
    struct dtls_context *dtls;
    unsigned nworkers;
    struct worker **worker;
    unsigned *load; /* legs by worker */
    struct mailbox *events;
    unsigned watch;
    void (*fn)(const struct media_event *ev, void *arg);
    void *arg;
    struct stats_cell *cells;
    struct media_leg **leg; /* by slot */
    uint32_t *gen;          /* last used by slot */
    uint32_t *vacant;       /* stack of free slots */
    unsigned nvacant;
    struct port_range range;
};

struct media_leg *media_leg_find(struct media *m, struct media_id id);

/* lane.c */
/** A lane for every stream of @p d that is not refused, shaped by @p peer_offer, else by the leg's
 * profile. On failure nothing has changed. */
enum gw_err lanes_make(struct media *m, struct media_leg *l, const struct desc *d,
                       const struct desc *peer_offer);
/** Put the streams that @p answer bundles on one lane; true when that moved any. */
bool lanes_bundle(struct media_leg *l, const struct desc *answer);
/** Ports that the worker never got are closed, numbers given back. */
void lanes_free(struct media *m, struct media_leg *l);
/** Tell the worker about our side. */
void lanes_send_local(struct media *m, struct media_leg *l);
/** Our key of a suite, made when first needed. */
const uint8_t *lane_key(struct lane *lane, enum desc_suite suite);
/** The peer's transport that belongs to lane @p i; NULL when every stream of it is refused. */
const struct desc_transport *lane_peer(const struct media_leg *l, unsigned i,
                                       const struct desc *peer);

/* describe.c */
void lanes_describe(struct media *m, struct media_leg *l, const struct desc *peer_offer,
                    struct desc *d);

/* remote.c */
/** Can anything be done with what the peer's transport says (keys, fingerprints)? */
bool lane_understands(const struct desc_transport *peer);
/** What follows from the peer's description: role, keys, generations. */
void lanes_settle(struct media_leg *l, const struct desc *peer, bool is_offer);
void lanes_send_remote(struct media *m, struct media_leg *l, const struct desc *peer);
