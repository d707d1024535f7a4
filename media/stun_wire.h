/** Binding messages of ICE as bytes (RFC 8489, RFC 8445 7), on libnice's STUN library: the only
 * place that knows it. Stateless between calls; one struct wire serves all agents of a thread.
 *
 *  Readers take hostile bytes; what they accept has a correct FINGERPRINT and MESSAGE-INTEGRITY.
 * Writers return the length, or 0 when it does not fit (it always fits in ICE_DATAGRAM_MAX). */
#pragma once

#include "base/addr.h"
#include "base/span.h"
#include "media/ice.h"

enum { WIRE_ID_LEN = 12, WIRE_HEADER_LEN = 20 };

struct wire;
struct wire *wire_new(void);
void wire_free(struct wire *w);

struct wire_check {
    const uint8_t *id; /* WIRE_ID_LEN octets */
    const char *remote_ufrag, *local_ufrag;
    const char *pwd; /* the peer's */
    uint32_t priority;
    uint64_t tie_breaker;
    bool controlling, use_candidate;
};
size_t wire_write_check(struct wire *w, const struct wire_check *c, uint8_t buf[ICE_DATAGRAM_MAX]);

enum wire_role { WIRE_ROLE_NONE, WIRE_CONTROLLED, WIRE_CONTROLLING };
struct wire_request {
    enum wire_role role;
    uint64_t tie_breaker;
    uint32_t priority;
    bool use_candidate;
    bool unknown_attribute; /* answer 420 (RFC 8489 6.3.1) */
};
/** False: not authentic under @p pwd, or not what ICE sends (RFC 8445 7.1): drop it. */
bool wire_read_request(struct wire *w, struct span datagram, const char *pwd,
                       struct wire_request *out);
/** Answers to a request that wire_read_request() accepted. @p error: 400, 420 or 487. */
size_t wire_write_success(struct wire *w, struct span request, const char *pwd,
                          const struct net_addr *mapped, uint8_t buf[ICE_DATAGRAM_MAX]);
size_t wire_write_error(struct wire *w, struct span request, const char *pwd, int error,
                        uint8_t buf[ICE_DATAGRAM_MAX]);

struct wire_response {
    int error;              /* 0: success */
    struct net_addr mapped; /* of a success */
};
/** False: not an authentic answer under @p pwd, or an error 400 or 401 (those come without
 * integrity): drop it. Whether we asked at all, and there, the
 * caller checks. */
bool wire_read_response(struct wire *w, struct span datagram, const char *pwd,
                        struct wire_response *out);
