/** The crypto half of SRTP (protect_evp.c) and the second backend (protect_libsrtp.c), for
 * protect.c and its tests. No other file includes this. */
#pragma once

#include "media/protect.h"

#include <stdbool.h>

enum { PROTECT_WINDOW = 128, PROTECT_GCM_TAG = 16, PROTECT_TAG_MAX = 16, PROTECT_SALT_MAX = 14 };

/** Session keys of RTP or of RTCP under one master key (RFC 3711 4.3, RFC 7714 11). */
struct protect_session {
    uint8_t cipher[32];
    uint8_t salt[PROTECT_SALT_MAX];
    uint8_t auth[20]; /* not with GCM */
};
/** @p master: key then salt. */
bool protect_derive(enum desc_suite suite, const uint8_t *master, bool rtcp,
                    struct protect_session *out);

/** One session key ready for use: cipher keyed once, HMAC pads absorbed once. */
struct protect_key;
struct protect_key *protect_key_new(enum desc_suite suite, enum protect_direction direction,
                                    bool rtcp, const struct protect_session *session);
void protect_key_free(struct protect_key *k); /* takes NULL */
size_t protect_key_tag_len(const struct protect_key *k);

/** What is authenticated and, behind @p clear octets, encrypted. */
struct protect_unit {
    uint8_t *p;
    size_t clear; /* RTP header; 8 octets of RTCP */
    size_t len;   /* without tag and index */
    uint32_t ssrc;
    uint64_t index; /* 48 bits of RTP, 31 of RTCP */
    uint32_t word;  /* RTP: roll-over counter; RTCP: E bit and index, as on the wire */
};
/** Encrypt in place and write the tag. */
bool protect_key_seal(struct protect_key *k, const struct protect_unit *u, uint8_t *tag);
/** Authenticate, and decrypt in place. With CM nothing is altered unless the tag was right. */
bool protect_key_open(struct protect_key *k, const struct protect_unit *u, const uint8_t *tag);

/** The same four functions and errors as protect.h, on libsrtp2; headers are checked already. */
struct protect_lib;
struct protect_lib *protect_lib_new(enum protect_direction direction, enum desc_suite suite,
                                    const uint8_t *master);
void protect_lib_free(struct protect_lib *l); /* takes NULL */
enum gw_err protect_lib_seal(struct protect_lib *l, bool rtcp, uint8_t *pkt, size_t *len);
enum gw_err protect_lib_open(struct protect_lib *l, bool rtcp, uint8_t *pkt, size_t *len);
