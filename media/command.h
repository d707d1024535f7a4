/** What crosses from the call thread to a media worker: values, ids, and memory that belongs to the
 * receiver from then on. Private to media/. */
#pragma once

#include "base/ids.h"
#include "media/ice.h"
#include "media/negotiate.h"
#include "media/outbox.h"

#include <stdatomic.h>

enum {
    TRANSPORTS_MAX = DESC_STREAMS_MAX,
    PORTS_MAX = 2, /* of one transport: RTP, and RTCP where it is not multiplexed */
    EVENT_PTS_MAX = 4,
    CNAME_MAX = 24
};

/* ICE tags name leg slot, transport and port, so a ufrag or transaction id leads straight to it. */
enum { TAG_PORT_BITS = 5, TAG_SLOT_MAX = 1 << (32 - TAG_PORT_BITS - 1) };
static inline uint32_t tag_make(uint32_t slot, unsigned transport, unsigned port)
{
    return slot << TAG_PORT_BITS | transport << 1 | port;
}

/** A snapshot of one leg, written by its worker, read by the call thread without a lock: odd
 * sequence numbers mean "being written". */
struct stats_cell {
    atomic_uint seq;
    atomic_uint gen; /* of the leg the values are of; 0 none */
    atomic_uint_fast64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_lost, rx_dropped,
        last_rx_us;
    atomic_uint rx_jitter_us, rtt_us;
};

struct key_params {
    uint32_t gen; /* 0: none; a new number is a new key */
    enum desc_suite suite;
    uint8_t key[46];
};

/** Our side of one transport. */
struct local_transport {
    bool ice, controlling, shared, mux;
    enum desc_security security;
    struct ice_credentials credentials; /* of all ports: one ufrag an m-line (RFC 8839 5.4) */
    int fd[PORTS_MAX];                  /* -1: none, or handed over before */
    struct net_addr local[PORTS_MAX];   /* of fd, as bound */
};

struct local_stream {
    bool used, video;
    uint8_t transport;
    uint32_t ssrc, rtx_ssrc;
    char cname[CNAME_MAX];
};

struct local_set {
    unsigned ntransports, nstreams;
    struct local_stream stream[DESC_STREAMS_MAX];
    struct local_transport transport[]; /* ntransports */
};

/** The peer's side of one transport, as decided by the call thread. */
struct remote_transport {
    bool usable; /* false: nothing passes, because it was refused ... */
    bool broken; /* ... or because the answer's security is not what we offered */
    bool ice, lite, mux;
    char ufrag[DESC_ICE_MAX], pwd[DESC_ICE_MAX];
    uint32_t dtls_gen; /* a new number is a new association */
    bool dtls_active;  /* our role */
    unsigned nfingerprints;
    struct desc_fingerprint fingerprint[DESC_FINGERPRINTS_MAX];
    struct key_params sdes_in, sdes_out;
    struct net_addr rtp, rtcp;
    unsigned ncandidates;
    struct desc_candidate *candidate; /* owned by the set */
};

struct remote_source {
    uint32_t ssrc, rtx_ssrc;
};

struct remote_stream {
    bool talks; /* sendrecv: sendonly may be a hold without music (RFC 3264 8.4) */
    char mid[DESC_MID_MAX];
    uint8_t mid_id; /* RFC 8843 15 header extension; 0: none */
    unsigned nsources;
    struct remote_source source[DESC_SOURCES_MAX];
    unsigned nevents; /* telephone-event it takes */
    struct {
        uint8_t pt;
        uint32_t clock_hz;
    } event[EVENT_PTS_MAX];
    uint32_t clock_hz; /* of its first audio or video codec */
    bool pli, fir;     /* feedback it understands for what it sends */
};

struct remote_set {
    unsigned ntransports, nstreams;
    struct remote_stream stream[DESC_STREAMS_MAX];
    struct remote_transport transport[]; /* ntransports */
};
void remote_set_free(struct remote_set *r);

enum command_type {
    CMD_OPEN,
    CMD_LOCAL,
    CMD_REMOTE,
    CMD_CANDIDATE,
    CMD_JOIN,
    CMD_DTMF,
    CMD_KEYFRAME,
    CMD_CLOSE,
    CMD_STOP
};

struct command {
    enum command_type type;
    struct media_id id;
    struct media_id other; /* CMD_JOIN */
    uint64_t call_id;      /* CMD_OPEN */
    uint8_t transport;     /* CMD_CANDIDATE */
    char digit;            /* CMD_DTMF */
    unsigned duration_ms;
    union { /* now the worker's */
        struct local_set *local;
        struct remote_set *remote;
        struct desc_candidate *candidate;
        struct media_plan *plan;
    } u;
};
/** Free what an unprocessed command owns, sockets included. */
void command_clear(void *command);
