/* room: media */
#include "media/protect.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

static enum gw_err packet_seal(struct protect *p, bool rtcp, uint8_t *pkt, size_t *len)
{
    return (rtcp ? protect_rtcp : protect_rtp)(p, pkt, len, *len + PROTECT_TAIL);
}

static enum gw_err packet_open(struct protect *p, bool rtcp, uint8_t *pkt, size_t *len)
{
    return (rtcp ? unprotect_rtcp : unprotect_rtp)(p, pkt, len);
}

/** The first octet chooses suite and kind. Without the key nothing authenticates; what is sealed
 * opens, once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[46] = "key";
    if (size-- < 1)
        return 0;
    bool rtcp = (*data & 4) != 0;
    enum desc_suite suite = *data++ & 3;
    struct protect *out = protect_new(MEDIA_SRTP_OWN, PROTECT_OUT, suite, key);
    struct protect *in = protect_new(MEDIA_SRTP_OWN, PROTECT_IN, suite, key);
    uint8_t *buf = malloc(size + PROTECT_TAIL);
    size_t n = size;
    memcpy(buf, data, size);
    require(packet_open(in, rtcp, buf, &n) != GW_OK && n == size);
    memcpy(buf, data, size);
    if (packet_seal(out, rtcp, buf, &n) == GW_OK) {
        uint8_t *again = malloc(n);
        size_t m = n;
        memcpy(again, buf, n);
        require(packet_open(in, rtcp, buf, &n) == GW_OK && n == size &&
                memcmp(buf, data, size) == 0);
        require(packet_open(in, rtcp, again, &m) == GW_EREPLAY);
        free(again);
        require(rtcp || packet_seal(out, rtcp, buf, &n) == GW_EREPLAY);
    }
    free(buf);
    protect_free(out);
    protect_free(in);
    return 0;
}
