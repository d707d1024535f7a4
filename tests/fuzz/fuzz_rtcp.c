/* room: media */
#include "media/rtcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct copy {
    struct rtcp_writer w;
    unsigned events;
};

/** Writes what was read. */
static void again(const struct rtcp_event *ev, void *arg)
{
    struct copy *c = arg;
    c->events++;
    switch (ev->type) {
    case RTCP_SENDER: rtcp_put_sr(&c->w, ev->sender, &ev->u.sr, NULL, 0); break;
    case RTCP_BLOCK: rtcp_put_rr(&c->w, ev->sender, &ev->u.block, 1); break;
    case RTCP_CNAME: rtcp_put_cname(&c->w, ev->sender, ev->u.cname); break;
    case RTCP_BYE: rtcp_put_bye(&c->w, ev->sender); break;
    case RTCP_PLI: rtcp_put_pli(&c->w, ev->sender, ev->u.media); break;
    case RTCP_FIR: rtcp_put_fir(&c->w, ev->sender, ev->u.fir.media, ev->u.fir.seq_nr); break;
    case RTCP_NACK:
        rtcp_put_nack(&c->w, ev->sender, ev->u.nack.media, ev->u.nack.pid, ev->u.nack.blp);
        break;
    case RTCP_REMB: c->events--; break; /* we write none */
    }
}

/** Read, write, read, write: the second writing is the first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CAP = 1 << 20 };
    static uint8_t first[CAP];
    static uint8_t second[CAP];
    struct copy a = {0};
    struct copy b = {0};
    rtcp_writer_init(&a.w, first, CAP);
    rtcp_writer_init(&b.w, second, CAP);
    if (rtcp_parse(data, size, again, &a) != GW_OK || a.events == 0)
        return 0;
    size_t n = rtcp_writer_len(&a.w);
    if (rtcp_parse(first, n, again, &b) != GW_OK || a.events != b.events ||
        rtcp_writer_len(&b.w) != n || memcmp(first, second, n) != 0)
        abort();
    return 0;
}
