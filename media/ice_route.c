/* What can be said of a datagram, a ufrag and a socket without an agent. Pure. */
#include "base/ids.h"
#include "media/octets.h"
#include "media/stun_wire.h"

#include <stun/stunmessage.h>

/* Walks the attributes; false when one does not fit. Leaves the first USERNAME that stands before
 * MESSAGE-INTEGRITY (what comes after it is not covered by it, RFC 8489 14.5). */
static bool scan(struct span d, struct span *username)
{
    const uint8_t *octets = (const uint8_t *)d.p;
    size_t at = WIRE_HEADER_LEN;
    bool sealed = false;

    while (at < d.n) {
        uint16_t type;
        uint16_t n;
        size_t padded;

        if (d.n - at < 4)
            return false;
        type = octets_get16(octets + at);
        n = octets_get16(octets + at + 2);
        padded = ((size_t)n + 3) & ~(size_t)3;
        at += 4;
        if (padded > d.n - at)
            return false;
        if (type == STUN_ATTRIBUTE_MESSAGE_INTEGRITY)
            sealed = true;
        if (type == STUN_ATTRIBUTE_USERNAME && !sealed && !username->p)
            *username = (struct span){d.p + at, n};
        at += padded;
    }
    return true;
}

bool ice_route(struct span d, struct ice_route *out)
{
    const uint8_t *octets = (const uint8_t *)d.p;
    struct span username = {NULL, 0};
    uint16_t type;

    *out = (struct ice_route){.kind = ICE_NOT_STUN};
    if (d.n < WIRE_HEADER_LEN || octets[0] > 3 || octets_get32(octets + 4) != STUN_MAGIC_COOKIE ||
        (size_t)octets_get16(octets + 2) + WIRE_HEADER_LEN != d.n || d.n % 4)
        return false;
    if (!scan(d, &username))
        return false;
    type = octets_get16(octets); /* class and method are interleaved: RFC 8489 5 */
    switch (type) {
    case 0x0001:
        out->kind = ICE_REQUEST;
        out->ufrag = span_cut(&username, ':');
        out->theirs = username;
        return !span_empty(out->ufrag) && !span_empty(out->theirs);
    case 0x0011: out->kind = ICE_INDICATION; return true;
    case 0x0101:
    case 0x0111:
        out->kind = ICE_RESPONSE;
        out->tag = octets_get32(octets + 8);
        return true;
    default: return false;
    }
}

static const char ice_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
enum { TAG_CHARS = 6 };

void ice_credentials_make(uint32_t tag, struct ice_credentials *out)
{
    /* '/' and '+' are ice-chars (RFC 8839 5.4); the random rest has 24 bits and the password 142,
     * as RFC 8445 5.3 asks. */
    for (unsigned i = 0; i < TAG_CHARS; i++, tag >>= 6)
        out->ufrag[i] = ice_chars[tag & 63];
    random_token(out->ufrag + TAG_CHARS, ICE_TAG_UFRAG_CHARS - TAG_CHARS);
    random_token(out->pwd, ICE_TAG_PWD_CHARS);
}

bool ice_ufrag_tag(struct span ufrag, uint32_t *tag)
{
    uint64_t value = 0;

    if (ufrag.n != ICE_TAG_UFRAG_CHARS)
        return false;
    for (unsigned i = 0; i < TAG_CHARS; i++) {
        const char *at = ufrag.p[i] ? strchr(ice_chars, ufrag.p[i]) : NULL;

        if (!at)
            return false;
        value |= (uint64_t)(at - ice_chars) << (6 * i);
    }
    if (value > UINT32_MAX)
        return false;
    *tag = (uint32_t)value;
    return true;
}

void ice_host_candidate(const struct net_addr *addr, unsigned index, struct desc_candidate *out)
{
    *out = (struct desc_candidate){
        .component = 1,
        .protocol = DESC_UDP,
        .priority = (UINT32_C(126) << 24) | ((UINT32_C(65535) - (index & 0xff)) << 8) | 255,
        .addr = *addr,
        .type = DESC_HOST,
    };
    out->foundation[0] = ice_chars[index & 63]; /* one per base (RFC 8445 5.1.1.3) */
}
