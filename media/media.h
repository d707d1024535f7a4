/** THE door of media/: terminates ICE, DTLS-SRTP, SDES and plain RTP on each leg of a call and
 * relays packets between legs. The work happens on media workers; this API never blocks and never
 * waits for one: ports, ufrags, passwords, keys and the certificate fingerprint are allocated here,
 * on the calling thread.
 *
 *  Thread: call everything on the call thread; events arrive there too, through the callback.
 *  Units:  microseconds monotonic, bit/s.
 *  Owner:  a media_id is yours from media_leg_open() to media_leg_close(); after close no event
 * bears it. Descriptions are borrowed for the duration of the call. Unknown or closed ids are
 * ignored, so callers need no bookkeeping.
 *
 *  Life of a leg: open -> describe (our offer or answer) and remote (the peer's), in either order
 * and again for every re-offer -> join (once both legs are described; again whenever a negotiation
 * changed) -> close. An offer of the peer takes effect when describe() answers it: one that is
 * refused leaves everything as it was (RFC 3264 8). */
#pragma once

#include "base/ids.h"
#include "media/desc.h"
#include "media/negotiate.h"

enum media_srtp { MEDIA_SRTP_OWN, MEDIA_SRTP_LIBSRTP };

struct media_config {
    unsigned workers; /* 0: one a core */
    unsigned naddrs;
    struct net_addr addr[8]; /* local addresses to bind and offer, ports ignored; at least one */
    struct net_addr advertise[8]; /* said instead of addr[i] (1:1 NAT, RFC 8445 5.1.1.1 analogue);
                                     unset: addr[i] itself */
    uint16_t ice_port; /* shared port of worker 0, +1 for each further one; 0: any free */
    uint16_t rtp_min,
        rtp_max; /* ports of legs without ICE, inclusive; even/odd pairs unless rtcp-mux */
    enum media_srtp srtp;
    unsigned legs_max;           /* beyond it media_leg_open() gives GW_EFULL */
    uint64_t ice_timeout_us;     /* from remote description to ICE and DTLS done; 0: 30 s */
    uint64_t silence_timeout_us; /* no packet at all from a leg that should send; 0: 60 s (streams
                                    that are not sendrecv are exempt: holds) */
    uint64_t consent_timeout_us; /* RFC 7675; 0: 30 s */
};

enum media_event_type {
    MEDIA_READY, /* media may flow: ICE selected and DTLS done on every transport, at once for plain
                    and SDES legs */
    MEDIA_PATH,  /* a transport's path changed (selected pair, latched source); for timelines */
    MEDIA_FIRST_PACKET, /* first authenticated packet of the stream from this leg; for timelines */
    MEDIA_DTMF,         /* an RFC 4733 event of this leg has ended */
    MEDIA_KEYFRAME,     /* this leg asks its sender for a key frame and the far side has no feedback
                           channel */
    MEDIA_CANDIDATE,    /* a local candidate was found after describe (none in shared-port mode but
                           after address changes) */
    MEDIA_FAILED        /* the leg is dead: why says it; close it. At most once */
};

enum media_why {
    MEDIA_WHY_NONE,
    MEDIA_WHY_ICE,         /* no candidate pair worked in time */
    MEDIA_WHY_DTLS,        /* the handshake failed or timed out, or the answer has no keys (SDES) */
    MEDIA_WHY_FINGERPRINT, /* the certificate is not the one in the description */
    MEDIA_WHY_CONSENT,     /* RFC 7675: the peer stopped answering */
    MEDIA_WHY_SILENCE      /* nothing received for silence_timeout_us */
};

struct media_event {
    enum media_event_type type;
    struct media_id id;
    uint8_t stream;                  /* MEDIA_FIRST_PACKET, MEDIA_DTMF, MEDIA_KEYFRAME */
    char digit;                      /* MEDIA_DTMF: 0-9 * # A-D */
    uint16_t duration_ms;            /* MEDIA_DTMF */
    enum media_why why;              /* MEDIA_FAILED */
    struct net_addr local, remote;   /* MEDIA_PATH */
    uint8_t transport;               /* MEDIA_PATH, MEDIA_CANDIDATE */
    struct desc_candidate candidate; /* MEDIA_CANDIDATE */
    char text[96];                   /* a detail for the log, may be "" */
};

struct media_stats { /* of one leg, a recent snapshot */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t rx_lost;    /* RFC 3550 6.4.1 cumulative */
    uint64_t rx_dropped; /* auth failures, replays, unknown source, before keys */
    uint32_t rx_jitter_us, rtt_us;
    uint64_t last_rx_us; /* 0: never */
};

struct media;

/** Binds the shared ports and starts the workers. NULL on failure, which has been logged. @p fn is
 * called on the thread that runs GLib's default context. */
struct media *media_new(const struct media_config *config,
                        void (*fn)(const struct media_event *ev, void *arg), void *arg);
/** Closes all legs, stops and joins the workers. */
void media_free(struct media *m);

/** Open one leg's media of @p profile for call @p call_id (for the log). @p near: a leg this one
 * will be joined with (same worker), or {0}. GW_EFULL at the limit; then nothing was created. */
enum gw_err media_leg_open(struct media *m, uint64_t call_id, const struct desc_profile *profile,
                           struct media_id near, struct media_id *id);

/** Complete @p d, whose streams are set and which has no transports, with our transports, SSRCs,
 * msid and MID extension. @p peer_offer: NULL when @p d is an offer of ours, else what we answer
 * (roles, a=crypto choice, bundling and rtcp-mux follow from it). @p restart: new ICE credentials
 * (RFC 8839 4.4.1.1.1); the old path keeps carrying media until a new pair is selected. Describing
 * again without restart repeats the same transports. GW_EUNSUPPORTED: nothing in the offer's
 * transports we can do; GW_EFULL: no port free. */
enum gw_err media_leg_describe(struct media *m, struct media_id id, const struct desc *peer_offer,
                               bool restart, struct desc *d);

/** The peer's description. @p is_offer as seen from the peer. Starts checks, latching, handshake. A
 * changed ufrag restarts ICE (answered by the next describe), a changed fingerprint or tls-id
 * restarts DTLS, a changed plain address re-latches. */
void media_leg_remote(struct media *m, struct media_id id, const struct desc *peer, bool is_offer);

/** A trickled candidate of the peer for the transport of its stream @p stream (RFC 8838); NULL =
 * end of candidates. Kept when it comes before the remote description. */
void media_leg_candidate(struct media *m, struct media_id id, unsigned stream,
                         const struct desc_candidate *c);

/** Relay between @p a and @p b as @p plan says; replaces what was joined before. a == b: echo. Both
 * must have been opened near each other. */
void media_join(struct media *m, struct media_id a, struct media_id b,
                const struct media_plan *plan);

/** Send an RFC 4733 event to leg @p id in its first audio stream (payload type from the joined
 * plan's remote description). Queued behind earlier ones. */
void media_leg_dtmf(struct media *m, struct media_id id, char digit, unsigned duration_ms);
/** Ask leg @p id for a key frame (PLI or FIR as it understands). */
void media_leg_keyframe(struct media *m, struct media_id id);

/** Latest published snapshot; false for unknown ids. */
bool media_leg_stats(struct media *m, struct media_id id, struct media_stats *out);

void media_leg_close(struct media *m, struct media_id id);
