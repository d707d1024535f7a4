#include "media/demux.h"

#include <glib.h>

void unit_media_demux(void);

static enum packet_kind kind(unsigned first, unsigned second, size_t len)
{
    uint8_t pkt[64] = {(uint8_t)first, (uint8_t)second};
    return demux(pkt, len);
}

static void first_octets_decide(void)
{
    for (unsigned first = 0; first < 256; first++) { /* RFC 7983 7 */
        enum packet_kind want = PKT_DROP;
        if (first <= 3)
            want = PKT_STUN;
        else if (first >= 20 && first <= 63)
            want = PKT_DTLS;
        else if (first >= 64 && first <= 79)
            want = PKT_TURN_CHANNEL;
        else if (first >= 128 && first <= 191)
            want = PKT_RTP;
        g_assert_cmpint(kind(first, 0, 64), ==, want);
    }
}

static void the_second_octet_tells_rtcp(void)
{
    for (unsigned second = 0; second < 256; second++)
        g_assert_cmpint(kind(0x80, second, 64), ==,
                        second >= 192 && second <= 223 ? PKT_RTCP : PKT_RTP);
}

static void too_short_is_dropped(void)
{
    static const struct {
        unsigned first, second;
        size_t min;
    } kinds[] = {{0, 1, 20}, {22, 254, 13}, {64, 0, 4}, {128, 0, 12}, {128, 200, 8}};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (size_t len = 0; len < kinds[i].min; len++)
            g_assert_cmpint(kind(kinds[i].first, kinds[i].second, len), ==, PKT_DROP);
        g_assert_cmpint(kind(kinds[i].first, kinds[i].second, kinds[i].min), !=, PKT_DROP);
    }
}

void unit_media_demux(void)
{
    g_test_add_func("/media/demux/first-octets-decide", first_octets_decide);
    g_test_add_func("/media/demux/the-second-octet-tells-rtcp", the_second_octet_tells_rtcp);
    g_test_add_func("/media/demux/too-short-is-dropped", too_short_is_dropped);
}
