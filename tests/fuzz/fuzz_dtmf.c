/* room: media */
#include "media/dtmf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

/** Records of timestamp step, 10 ms of waiting and payload: never more digits than packets, always
 * real ones; payloads survive writing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { RECORD = 2 + 1 + DTMF_PAYLOAD };
    struct dtmf_receiver r = {.clock_hz = 8000};
    uint64_t now_us = 1;
    uint32_t ts = 0;
    size_t packets = 0;
    size_t digits = 0;
    for (; size >= RECORD; data += RECORD, size -= RECORD) {
        struct dtmf_event ev;
        struct dtmf_digit out[3];
        uint8_t payload[DTMF_PAYLOAD];
        int32_t step = (int16_t)(uint16_t)(data[0] << 8 | data[1]);
        ts += (uint32_t)step;
        now_us += data[2] * UINT64_C(10000);
        unsigned n = dtmf_receiver_idle(&r, now_us, out);
        require(dtmf_parse(data + 3, DTMF_PAYLOAD, &ev));
        n += dtmf_receiver_feed(&r, &ev, ts, now_us, out + n);
        require(n <= 2); /* an idle one is over before the next begins */
        for (unsigned i = 0; i < n; i++)
            require(dtmf_event_of(out[i].digit) < 16);
        packets++;
        digits += n;
        require(digits <= packets);
        dtmf_write(payload, &ev);
        payload[1] |= data[4] & 0x40; /* the reserved bit is not kept */
        require(memcmp(payload, data + 3, DTMF_PAYLOAD) == 0);
        require(dtmf_scale(payload, DTMF_PAYLOAD, 8000, 48000));
    }
    return 0;
}
