/** What the files of the SDP reader and writer share; nobody else includes this. */
#pragma once

#include "media/desc_sdp.h"

/** One m= section, or the session part, before streams and transports are tied together. */
struct sdp_section {
    struct desc_transport transport; /* as this section alone says */
    uint16_t port;                   /* m= */
    bool bundle_only;
    bool has_direction;
    enum desc_direction direction;
    bool has_connection, connection_any; /* c= was there; it was 0.0.0.0 or :: */
    struct net_addr connection;          /* unset for names and multicast: nowhere to send */
    bool has_rtcp;
    uint16_t rtcp_port;
    struct net_addr rtcp; /* unset: connection's address */
    unsigned nwildcards;  /* a=rtcp-fb:* */
    char wildcard[DESC_FEEDBACK_MAX][32];
    unsigned nfid; /* a=ssrc-group:FID */
    struct {
        uint32_t ssrc, rtx;
    } fid[DESC_SOURCES_MAX];
};

struct sdp_reader {
    struct desc *desc;
    const char *why;             /* set before a handler returns an error */
    struct sdp_section *section; /* of the line being read */
    struct desc_stream *stream;  /* likewise; session_stream in the session part */
    uint8_t slot[128];           /* payload type -> index + 1 in stream->codec */
    struct sdp_section session;
    struct desc_stream session_stream; /* a=extmap of the session part */
    struct sdp_section media[DESC_STREAMS_MAX];
    unsigned ngroups;
    struct span group[DESC_STREAMS_MAX]; /* mids of a=group:BUNDLE */
};

/** Hand @p err back with a sentence for the peer. */
static inline enum gw_err sdp_refuse(struct sdp_reader *r, enum gw_err err, const char *why)
{
    r->why = why;
    return err;
}

/** The "a=" lines (desc_sdp_attribute.c), those about keys (desc_sdp_keys.c). */
enum gw_err sdp_attribute(struct sdp_reader *r, struct span line);
enum gw_err sdp_on_fingerprint(struct sdp_reader *r, struct span v);
enum gw_err sdp_on_setup(struct sdp_reader *r, struct span v);
enum gw_err sdp_on_tls_id(struct sdp_reader *r, struct span v);
enum gw_err sdp_on_crypto(struct sdp_reader *r, struct span v);
/** Once all lines are read: session-level values, BUNDLE groups, transports
 * (desc_sdp_transport.c). */
enum gw_err sdp_make_transports(struct sdp_reader *r);
/** c= and the address part of a=rtcp: "IN IP4 192.0.2.1/127". False when malformed; *@p out stays
 * unset for names and multicast groups, *@p any tells of 0.0.0.0. */
bool sdp_connection(struct span text, struct net_addr *out, bool *any);

/** The next word of *@p rest; words are separated by any number of spaces. */
struct span sdp_word(struct span *rest);
/** Printable ASCII without spaces, at least one. */
bool sdp_is_token(struct span s);

/** What a profile means for a transport with these keys. RTP/SAVP(F) with a fingerprint is DTLS as
 * early WebRTC wrote it; RTP/AVP(F) is plain even with keys at hand (RFC 8643: they may be taken up
 * by whoever answers, they need not). */
enum desc_security sdp_security(struct span protocol, const struct desc_transport *t);
bool sdp_is_rtp(struct span protocol);

/** What m=, c= and a=rtcp say for this transport: what was set, else the default candidates
 * (RFC 8839 4.2.1.2); unset when there is none. */
void sdp_default_addrs(const struct desc_transport *t, struct net_addr *rtp, struct net_addr *rtcp);
