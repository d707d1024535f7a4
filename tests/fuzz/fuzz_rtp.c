/* room: media */
#include "media/demux.h"
#include "media/rtp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/** Mapped, blanked or replaced, a packet stays a packet with the same payload at the same place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct plan_extension map[] = {{1, 14}, {2, 200}, {3, 1}};
    struct rtp_header h;
    struct rtp_header after;
    struct rtp_extension_set set;
    uint8_t *slot = malloc(RTP_EXTENSION_BLOCK_MAX + size);
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    if (size)
        memcpy(pkt, data, size);
    if (demux(pkt, size) == PKT_RTP && rtp_parse(pkt, size, &h) == GW_OK) {
        const uint8_t *payload = pkt + h.header_len;
        require(h.header_len + h.payload_len + (size_t)h.padding == size);
        require(rtp_header_len(pkt, size) == h.header_len);
        rtp_extensions_collect(pkt, &h, map, 3, &set);
        uint8_t *start = rtp_extensions_replace(pkt, &size, RTP_EXTENSION_BLOCK_MAX, &h, &set);
        start = start ? start : pkt;
        require(rtp_parse(start, size, &after) == GW_OK);
        require(after.header_len == h.header_len && after.payload_len == h.payload_len &&
                after.extension_profile == h.extension_profile &&
                after.extension_at == h.extension_at && after.extension_len == h.extension_len);
        require(start + h.header_len == payload);
        rtp_extensions_map(start, &h, map, 3);
        require(rtp_parse(start, size, &after) == GW_OK && after.payload_len == h.payload_len);
        size_t at = 0;
        for (struct rtp_extension e; rtp_extension_next(start, &after, &at, &e);)
            require(e.id == 14 || e.id == 200 || e.id == 1);
    }
    free(slot);
    return 0;
}
