/** The neutral, WebRTC-shaped session description that every adapter translates its dialect to and
 * from (DESIGN 1).
 *
 *  Streams (what is sent: end to end) stand apart from transports (how it gets there: hop by hop);
 * a bundled stream shares its transport with others (RFC 8843). An offer, an answer and a
 * provisional answer all have this shape; which of them it is, the message that carries it says.
 *
 *  Thread: any, one at a time; a struct desc is plain memory and may be handed to another thread
 * whole ("now the receiver's"). Owner: whoever called desc_new(), desc_copy() or a reader. Limits
 * are named here and are checked before allocation. */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DESC_STREAMS_MAX = 16,    /* m= sections, refused ones included */
    DESC_CODECS_MAX = 64,     /* formats of one stream */
    DESC_EXTENSIONS_MAX = 24, /* a=extmap of one stream */
    DESC_FEEDBACK_MAX = 12,   /* a=rtcp-fb of one codec */
    DESC_SOURCES_MAX = 8,     /* SSRCs of one stream */
    DESC_CANDIDATES_MAX = 40, /* of one transport; more are ignored */
    DESC_CRYPTO_MAX = 8,      /* a=crypto of one transport */
    DESC_FINGERPRINTS_MAX = 4,
    DESC_MID_MAX = 32,   /* with NUL */
    DESC_ICE_MAX = 257,  /* ufrag, pwd with NUL: RFC 8839 5.4 allows 256 */
    DESC_TEXT_MAX = 1024 /* fmtp, msid, cname: longer is an error */
};

enum desc_kind { DESC_AUDIO, DESC_VIDEO, DESC_APPLICATION, DESC_OTHER };

/** Seen from the describer: DESC_SENDRECV = sends and receives. Bits may be tested. */
enum desc_direction { DESC_INACTIVE = 0, DESC_SENDONLY = 1, DESC_RECVONLY = 2, DESC_SENDRECV = 3 };

struct desc_codec {
    uint8_t pt;        /* 0-127 */
    char name[24];     /* as written: "opus", "PCMU", "telephone-event" */
    uint32_t clock_hz; /* RTP clock; G722 says 8000 (RFC 3551 4.5.2) */
    uint8_t channels;  /* 1 unless said otherwise */
    char *fmtp;        /* owned; NULL when absent; the text behind "a=fmtp:PT " */
    unsigned nfeedback;
    char feedback[DESC_FEEDBACK_MAX]
                 [32]; /* "nack pli", "ccm fir": behind "a=rtcp-fb:PT "; wildcards are spread */
};

struct desc_extension {            /* RFC 8285 */
    uint8_t id;                    /* 1-255 */
    enum desc_direction direction; /* DESC_SENDRECV when absent */
    char *uri;                     /* owned */
};

struct desc_source { /* RFC 5576; a=ssrc-group other than FID is dropped */
    uint32_t ssrc;
    uint32_t rtx_ssrc; /* of a=ssrc-group:FID, 0 for none */
    char *cname;       /* owned, may be NULL */
};

struct desc_stream {
    enum desc_kind kind;
    bool refused;           /* port 0 (RFC 3264 6), not bundle-only */
    bool bundle_only;       /* RFC 8843 6 */
    char mid[DESC_MID_MAX]; /* "" when absent */
    enum desc_direction direction;
    char media[16],
        protocol[32]; /* as written ("audio", "UDP/TLS/RTP/SAVPF"): a refusal must repeat them */
    char *formats;    /* owned; raw format list when the stream is no RTP, or when we know none of
                         its payload types (ncodecs 0); else NULL */
    int8_t transport; /* index into desc.transport, -1 when refused */
    unsigned ncodecs;
    struct desc_codec *codec; /* owned, in order of preference */
    unsigned nextensions;
    struct desc_extension *extension; /* owned */
    unsigned nsources;
    struct desc_source *source;     /* owned */
    char *msid;                     /* owned, may be NULL: "stream track" (RFC 8830) */
    uint16_t ptime_ms, maxptime_ms; /* 0: absent */
    uint32_t bandwidth_bps;         /* b=TIAS, or b=AS in bit/s; 0: absent */
    bool rtcp_reduced_size;         /* a=rtcp-rsize (RFC 5506) */
};

enum desc_candidate_type { DESC_HOST, DESC_SRFLX, DESC_PRFLX, DESC_RELAY };
enum desc_candidate_protocol { DESC_UDP, DESC_TCP_ACTIVE, DESC_TCP_PASSIVE, DESC_TCP_SO };

struct desc_candidate { /* RFC 8839 5.1; names (mDNS .local, FQDN) never get here: readers drop them
                         */
    char foundation[33];
    uint8_t component; /* 1 RTP, 2 RTCP */
    enum desc_candidate_protocol protocol;
    uint32_t priority;
    struct net_addr addr;
    enum desc_candidate_type type;
    struct net_addr related;  /* unset when absent */
    char ufrag[DESC_ICE_MAX]; /* "" unless the candidate names its generation */
};

enum desc_security { DESC_PLAIN, DESC_SDES, DESC_DTLS };
enum desc_setup { DESC_SETUP_NONE, DESC_ACTPASS, DESC_ACTIVE, DESC_PASSIVE, DESC_HOLDCONN };

struct desc_fingerprint {
    char hash[12]; /* lower case: "sha-256" */
    uint8_t n;     /* octets: 20, 28, 32, 48, 64 as the hash says */
    uint8_t value[64];
};

enum desc_suite {
    DESC_AES_CM_128_SHA1_80, /* RFC 4568 */
    DESC_AES_CM_128_SHA1_32,
    DESC_AEAD_AES_128_GCM, /* RFC 7714 */
    DESC_AEAD_AES_256_GCM
};

struct desc_crypto { /* a=crypto (RFC 4568); lines with unknown suites, MKI or several keys are
                        dropped by readers */
    uint32_t tag;
    enum desc_suite suite;
    uint8_t key[46]; /* master key then salt: 16+14 (CM), 16+12 (GCM-128), 32+12 (GCM-256) */
};

struct desc_transport {
    bool ice; /* ufrag and pwd are there */
    bool ice_lite, ice_trickle, end_of_candidates, ice_renomination;
    char ufrag[DESC_ICE_MAX], pwd[DESC_ICE_MAX];
    unsigned ncandidates;
    struct desc_candidate *candidate; /* owned */
    enum desc_security security;      /* RTP/AVP with a=crypto or a=fingerprint (opportunistic, RFC
                                         8643) reads as DESC_PLAIN with the keys kept: answering plain
                                         is always right, answering with keys allowed */
    bool feedback;                    /* profile AVPF/SAVPF (RFC 4585) rather than AVP/SAVP */
    enum desc_setup setup;            /* DTLS role (RFC 5763) */
    unsigned nfingerprints;
    struct desc_fingerprint fingerprint[DESC_FINGERPRINTS_MAX];
    char tls_id[64]; /* RFC 8842, "" when absent */
    unsigned ncrypto;
    struct desc_crypto crypto[DESC_CRYPTO_MAX];
    struct net_addr rtp,
        rtcp; /* c=, m= port, a=rtcp: where to send without ICE; rtcp unset = rtp port + 1 or mux */
    bool rtcp_mux, rtcp_mux_only; /* RFC 5761, RFC 8858 */
};

struct desc {
    uint64_t session_id; /* o=; 0 when unknown */
    uint64_t session_version;
    unsigned nstreams, ntransports;
    struct desc_stream stream[DESC_STREAMS_MAX];
    struct desc_transport transport[DESC_STREAMS_MAX];
    bool bundled; /* a BUNDLE group was there (or shall be written) */
};

/** How one leg carries media; what an endpoint wants offered. */
struct desc_profile {
    bool ice, bundle, rtcp_mux, feedback;
    bool balanced; /* with bundle: each stream of an offer has a transport of its own, for peers
                      that may not bundle (RFC 8843 7.2); an answer that does takes the first */
    enum desc_security security;
};
/** RTP/AVP; RTP/SAVP with a=crypto; UDP/TLS/RTP/SAVP without ICE; browsers (ICE, BUNDLE, rtcp-mux,
 * SAVPF). */
extern const struct desc_profile desc_profile_plain, desc_profile_sdes, desc_profile_dtls,
    desc_profile_webrtc;
/** As webrtc, but balanced: Jingle clients, of which one does not bundle. */
extern const struct desc_profile desc_profile_jingle;

struct desc *desc_new(void);
struct desc *desc_copy(const struct desc *d);
void desc_free(struct desc *d); /* takes NULL */

/** Append; NULL when the limit is reached or a text is too long. Pointers are good until the next
 * add to the same array. Names and texts are copied. */
struct desc_stream *desc_add_stream(struct desc *d, enum desc_kind kind);
/** Take back the stream added last. */
void desc_drop_last_stream(struct desc *d);
struct desc_transport *desc_add_transport(struct desc *d);
struct desc_codec *desc_add_codec(struct desc_stream *s, uint8_t pt, const char *name,
                                  uint32_t clock_hz, uint8_t channels, const char *fmtp);
struct desc_extension *desc_add_extension(struct desc_stream *s, uint8_t id, const char *uri);
struct desc_source *desc_add_source(struct desc_stream *s, uint32_t ssrc, const char *cname);
struct desc_candidate *desc_add_candidate(struct desc_transport *t);
/** Drop every transport and set each stream's to -1: what remains is the end-to-end part. */
void desc_clear_transports(struct desc *d);

/** The codec of this payload type, or NULL. */
const struct desc_codec *desc_codec_by_pt(const struct desc_stream *s, uint8_t pt);
bool desc_codec_is(const struct desc_codec *c, const char *name); /* case-insensitive */
/** A parameter of "a=1;b=2" style fmtp, borrowed from it; false when it is not there. */
bool desc_codec_param(const struct desc_codec *c, const char *name, struct span *value);
/** Same format: name, clock, channels, and the fmtp parameters that make formats differ (H264
 * packetization-mode and profile, VP9 profile-id, apt by what it points to is the caller's). */
bool desc_codec_same(const struct desc_codec *a, const struct desc_codec *b);
/** Static payload types (RFC 3551 6): fill name, clock and channels from c->pt; and back. False,
 * and nothing changed, when there is no such. */
bool desc_static_codec(struct desc_codec *c);
bool desc_static_pt(const struct desc_codec *c, uint8_t *pt);
enum desc_direction desc_direction_reverse(enum desc_direction d);
/** The profile a transport shows (to answer in kind). */
struct desc_profile desc_profile_of(const struct desc *d);
/** Octets of key and of salt that a suite's master key has. */
unsigned desc_suite_key_len(enum desc_suite suite);
unsigned desc_suite_salt_len(enum desc_suite suite);
