#include "media/rtp.h"

#include <glib.h>

#include <string.h>

void unit_media_rtp(void);

/** Marker, PT 96, seq 0x0102, ts 0x03040506, SSRC 0x0708090a, one CSRC, a one-byte block with ids 1
 * (2 octets) and 3 (1 octet), 4 octets of payload. */
static const uint8_t sample[] = {0x91, 0xe0, 1,    2,    3,    4,    5,    6,   7,   8,    9,
                                 10,   0xca, 0xfe, 0xba, 0xbe, 0xbe, 0xde, 0,   2,   0x11, 0xaa,
                                 0xbb, 0,    0x30, 0xcc, 0,    0,    'p',  'a', 'y', '!'};

static struct rtp_header parsed(const uint8_t *pkt, size_t len)
{
    struct rtp_header h;
    g_assert_cmpint(rtp_parse(pkt, len, &h), ==, GW_OK);
    return h;
}

static void the_header_is_read(void)
{
    struct rtp_header h = parsed(sample, sizeof(sample));
    g_assert_true(h.marker);
    g_assert_cmpuint(h.pt, ==, 96);
    g_assert_cmpuint(h.seq, ==, 0x0102);
    g_assert_cmpuint(h.ts, ==, 0x03040506);
    g_assert_cmpuint(h.ssrc, ==, 0x0708090a);
    g_assert_cmpuint(h.csrcs, ==, 1);
    g_assert_cmpuint(h.extension_profile, ==, 0xbede);
    g_assert_cmpuint(h.extension_at, ==, 20);
    g_assert_cmpuint(h.extension_len, ==, 8);
    g_assert_cmpuint(h.header_len, ==, 28);
    g_assert_cmpuint(h.payload_len, ==, 4);
    g_assert_cmpuint(h.padding, ==, 0);
    g_assert_cmpuint(rtp_header_len(sample, sizeof(sample)), ==, 28);
}

static void cut_headers_are_refused(void)
{
    struct rtp_header h;
    for (size_t len = 0; len < sizeof(sample); len++) {
        uint8_t *cut = g_memdup2(sample, len);
        g_assert_cmpint(rtp_parse(cut, len, &h), ==, len < 28 ? GW_EPARSE : GW_OK);
        g_free(cut);
    }
    uint8_t other[sizeof(sample)];
    memcpy(other, sample, sizeof(other));
    other[0] = 0x51; /* version 1 */
    g_assert_cmpint(rtp_parse(other, sizeof(other), &h), ==, GW_EPARSE);
    other[0] = 0x91;
    other[19] = 4; /* words of extension: one too many */
    g_assert_cmpint(rtp_parse(other, sizeof(other), &h), ==, GW_EPARSE);
    g_assert_cmpint(rtp_parse(sample, 65536, &h), ==, GW_ETOOBIG);
}

static void padding_has_bounds(void)
{
    uint8_t pkt[20] = {0xa0};
    struct rtp_header h;
    for (unsigned padding = 0; padding < 256; padding++) {
        pkt[19] = (uint8_t)padding;
        bool good = padding >= 1 && padding <= 8;
        g_assert_cmpint(rtp_parse(pkt, sizeof(pkt), &h), ==, good ? GW_OK : GW_EPARSE);
        if (good)
            g_assert_cmpuint(h.payload_len + padding, ==, 8);
    }
    g_assert_cmpint(rtp_parse(pkt, 12, &h), ==, GW_EPARSE); /* P without a payload octet */
}

static void setters_touch_nothing_else(void)
{
    uint8_t pkt[12] = {0x80};
    struct rtp_header h = {
        .pt = 127, .marker = true, .seq = 0xfffe, .ts = 0xdeadbeef, .ssrc = 0xcafebabe};
    rtp_write(pkt, &h);
    g_assert_true(memcmp(pkt, "\x80\xff\xff\xfe\xde\xad\xbe\xef\xca\xfe\xba\xbe", 12) == 0);
    rtp_set_pt(pkt, 0);
    g_assert_true(rtp_marker(pkt));
    rtp_set_marker(pkt, false);
    g_assert_true(memcmp(pkt, "\x80\x00\xff\xfe\xde\xad\xbe\xef\xca\xfe\xba\xbe", 12) == 0);
    rtp_set_pt(pkt, 101);
    g_assert_cmpuint(rtp_pt(pkt), ==, 101);
    g_assert_false(rtp_marker(pkt));
}

static void extensions_are_walked(void)
{
    struct rtp_header h = parsed(sample, sizeof(sample));
    struct rtp_extension e;
    size_t at = 0;
    g_assert_true(rtp_extension_next(sample, &h, &at, &e));
    g_assert_cmpuint(e.id, ==, 1);
    g_assert_cmpuint(e.len, ==, 2);
    g_assert_cmpuint(e.data[0], ==, 0xaa);
    g_assert_true(rtp_extension_next(sample, &h, &at, &e));
    g_assert_cmpuint(e.id, ==, 3);
    g_assert_false(rtp_extension_next(sample, &h, &at, &e));
    g_assert_true(rtp_extension_find(sample, &h, 3, &e));
    g_assert_cmpuint(e.data[0], ==, 0xcc);
    g_assert_false(rtp_extension_find(sample, &h, 2, &e));
}

/** A packet with @p profile and body @p body of @p n octets (a multiple of 4) and payload "pay!",
 * RTP_EXTENSION_BLOCK_MAX octets into @p slot. */
static size_t with_block(uint8_t *slot, unsigned profile, const char *body, size_t n)
{
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    memset(slot, 0xee, RTP_EXTENSION_BLOCK_MAX);
    memset(pkt, 0, 16);
    pkt[0] = 0x90;
    rtp_set_ssrc(pkt, 0x11223344);
    pkt[12] = (uint8_t)(profile >> 8);
    pkt[13] = (uint8_t)profile;
    pkt[15] = (uint8_t)(n / 4);
    memcpy(pkt + 16, body, n);
    memcpy(pkt + 16 + n, (const uint8_t[]){'p', 'a', 'y', '!'}, 4);
    return 16 + n + 4;
}

static const struct plan_extension map[] = {{1, 5}, {2, 200}};

static void one_byte_extensions_are_renamed_in_place(void)
{
    uint8_t slot[256];
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    /* id 1, id 9 (unknown), padding, id 2 (its new id needs the long form) */
    size_t len = with_block(slot, 0xbede, "\x11xy\x90z\0\x20q", 8);
    struct rtp_header h = parsed(pkt, len);
    rtp_extensions_map(pkt, &h, map, G_N_ELEMENTS(map));
    g_assert_true(memcmp(pkt + 12, "\xbe\xde\0\2\x51xy\0\0\0\0\0pay!", 16) == 0);
}

static void two_byte_extensions_are_renamed_in_place(void)
{
    uint8_t slot[256];
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    size_t len = with_block(slot, 0x1003, "\x01\x01x\x07\x00\x02\x02yz\0\0\0", 12);
    struct rtp_header h = parsed(pkt, len);
    rtp_extensions_map(pkt, &h, map, G_N_ELEMENTS(map));
    g_assert_true(memcmp(pkt + 12, "\x10\x03\0\3\x05\x01x\0\0\xc8\x02yz\0\0\0pay!", 20) == 0);
}

static void what_cannot_be_read_is_blanked(void)
{
    static const struct {
        unsigned profile;
        const char *body, *after;
    } cases[] = {
        {0xbede, "\x10y\xf0zzzz\0", "\xbe\xde\0\2\x50y\0\0\0\0\0\0pay!"}, /* id 15 ends it */
        {0xbede, "\x10y\x05zzzz\0", "\xbe\xde\0\2\x50y\0\0\0\0\0\0pay!"}, /* id 0 with a length */
        {0xbede, "\x10y\x1fzzzzz", "\xbe\xde\0\2\x50y\0\0\0\0\0\0pay!"},  /* runs past the end */
        {0x1000, "\1\1y\1\x09zzz", "\x10\0\0\2\5\1y\0\0\0\0\0pay!"},      /* runs past the end */
        {0x1000, "\1\1yzzzz\1", "\x10\0\0\2\5\1y\0\0\0\0\0pay!"},         /* no length octet */
        {0xabcd, "12345678", "\xbe\xde\0\2\0\0\0\0\0\0\0\0pay!"},         /* not RFC 8285 */
        {0x0000, "12345678", "\xbe\xde\0\2\0\0\0\0\0\0\0\0pay!"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t slot[256];
        uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
        size_t len = with_block(slot, cases[i].profile, cases[i].body, 8);
        struct rtp_header h = parsed(pkt, len);
        rtp_extensions_map(pkt, &h, map, G_N_ELEMENTS(map));
        g_assert_true(memcmp(pkt + 12, cases[i].after, 16) == 0);
    }
}

static void without_extension_nothing_is_mapped(void)
{
    uint8_t pkt[16] = {0x80, 0};
    uint8_t before[16];
    struct rtp_header h = parsed(pkt, sizeof(pkt));
    memcpy(before, pkt, sizeof(pkt));
    rtp_extensions_map(pkt, &h, map, G_N_ELEMENTS(map));
    g_assert_true(memcmp(pkt, before, sizeof(pkt)) == 0);
}

/** Replace with what the map keeps plus a MID, check that the payload did not move. */
static struct rtp_header mid_added(uint8_t *pkt, size_t len, const char *mid, uint8_t **start)
{
    struct rtp_header h = parsed(pkt, len);
    struct rtp_extension_set set;
    const uint8_t *payload = pkt + h.header_len;
    rtp_extensions_collect(pkt, &h, map, 1, &set);
    set.e[set.n++] = (struct rtp_extension){4, (uint8_t)strlen(mid), (const uint8_t *)mid};
    *start = rtp_extensions_replace(pkt, &len, RTP_EXTENSION_BLOCK_MAX, &h, &set);
    g_assert_nonnull(*start);
    g_assert_true(*start + h.header_len == payload);
    struct rtp_header again = parsed(*start, len);
    g_assert_cmpuint(again.header_len, ==, h.header_len);
    g_assert_cmpuint(again.extension_profile, ==, h.extension_profile);
    g_assert_cmpuint(again.extension_at, ==, h.extension_at);
    g_assert_cmpuint(again.extension_len, ==, h.extension_len);
    g_assert_cmpuint(again.ssrc, ==, 0x11223344);
    g_assert_true(memcmp(payload, "pay!", 4) == 0);
    return h;
}

static void a_mid_is_added_without_moving_the_payload(void)
{
    uint8_t slot[256];
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    uint8_t *start;
    size_t len = with_block(slot, 0xbede, "\x11xy\x90z\0\0\0", 8);
    struct rtp_header h = mid_added(pkt, len, "audio", &start);
    g_assert_cmpuint(h.header_len, ==, 12 + 4 + 12);
    g_assert_true(memcmp(start + 12,
                         "\xbe\xde\0\3\x51xy\x44"
                         "audio\0\0\0pay!",
                         20) == 0);
    len = with_block(slot, 0xbede, "\x90z\0\0", 4);
    h = mid_added(pkt, len, "0", &start); /* same room: nothing moves at all */
    g_assert_true(start == pkt);
    g_assert_true(memcmp(start + 12,
                         "\xbe\xde\0\1\x40"
                         "0\0\0pay!",
                         12) == 0);
    len = with_block(slot, 0xbede, "", 0);
    h = mid_added(pkt, len, "a mid of 31 octets, two-byte form", &start);
    g_assert_cmpuint(h.extension_profile, ==, 0x1000);
    g_assert_cmpuint(start[16], ==, 4);
    g_assert_cmpuint(start[17], ==, 33);
}

static void a_block_may_be_removed(void)
{
    uint8_t slot[256];
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    size_t len = with_block(slot, 0xbede, "\x11xy\x90z\0\0\0", 8);
    struct rtp_header h = parsed(pkt, len);
    struct rtp_extension_set none = {0};
    uint8_t *start = rtp_extensions_replace(pkt, &len, 0, &h, &none);
    g_assert_true(start == pkt + 12);
    g_assert_cmpuint(len, ==, 16);
    h = parsed(start, len);
    g_assert_cmpuint(h.header_len, ==, 12);
    g_assert_cmpuint(h.extension_at, ==, 0);
    g_assert_cmpuint(h.ssrc, ==, 0x11223344);
    g_assert_true(memcmp(start + 12, "pay!", 4) == 0);
}

static void a_block_without_room_changes_nothing(void)
{
    uint8_t slot[256];
    uint8_t before[256];
    uint8_t *pkt = slot + RTP_EXTENSION_BLOCK_MAX;
    uint8_t data[64] = {0};
    size_t len = with_block(slot, 0xbede, "\x11xy\0", 4);
    size_t n = len;
    struct rtp_header h = parsed(pkt, len);
    struct rtp_extension_set set = {.n = 1, .e = {{4, 12, data}}};
    memcpy(before, slot, sizeof(slot));
    g_assert_null(rtp_extensions_replace(pkt, &n, 11, &h, &set)); /* 12 more are needed */
    set.e[0] = (struct rtp_extension){4, 60, data};
    g_assert_null(rtp_extensions_replace(pkt, &n, 1000, &h, &set)); /* above the limit */
    g_assert_cmpuint(n, ==, len);
    g_assert_true(memcmp(before, slot, sizeof(slot)) == 0);
    set.e[0].len = 58; /* exactly the limit */
    g_assert_nonnull(rtp_extensions_replace(pkt, &n, RTP_EXTENSION_BLOCK_MAX - 8, &h, &set));
    g_assert_cmpuint(h.header_len, ==, 12 + RTP_EXTENSION_BLOCK_MAX);
}

void unit_media_rtp(void)
{
    g_test_add_func("/media/rtp/the-header-is-read", the_header_is_read);
    g_test_add_func("/media/rtp/cut-headers-are-refused", cut_headers_are_refused);
    g_test_add_func("/media/rtp/padding-has-bounds", padding_has_bounds);
    g_test_add_func("/media/rtp/setters-touch-nothing-else", setters_touch_nothing_else);
    g_test_add_func("/media/rtp/extensions-are-walked", extensions_are_walked);
    g_test_add_func("/media/rtp/one-byte-extensions-are-renamed-in-place",
                    one_byte_extensions_are_renamed_in_place);
    g_test_add_func("/media/rtp/two-byte-extensions-are-renamed-in-place",
                    two_byte_extensions_are_renamed_in_place);
    g_test_add_func("/media/rtp/what-cannot-be-read-is-blanked", what_cannot_be_read_is_blanked);
    g_test_add_func("/media/rtp/without-extension-nothing-is-mapped",
                    without_extension_nothing_is_mapped);
    g_test_add_func("/media/rtp/a-mid-is-added-without-moving-the-payload",
                    a_mid_is_added_without_moving_the_payload);
    g_test_add_func("/media/rtp/a-block-may-be-removed", a_block_may_be_removed);
    g_test_add_func("/media/rtp/a-block-without-room-changes-nothing",
                    a_block_without_room_changes_nothing);
}
