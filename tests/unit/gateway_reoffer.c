#include "gateway/reoffer.h"

#include <glib.h>

static struct desc_stream *audio(struct desc *d, const char *mid)
{
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    g_strlcpy(s->mid, mid, sizeof(s->mid));
    s->direction = DESC_SENDRECV;
    return s;
}

static struct stream_map pairs(int x, int y)
{
    struct stream_map map = stream_map_none();

    if (x >= 0)
        map.b_of_a[x] = (int8_t)y;
    return map;
}

static void payload_types_in_use_keep_their_meaning(void)
{
    struct desc *said = desc_new();
    struct desc *fresh = desc_new();
    struct desc_stream *s = audio(said, "0");
    struct stream_map before = pairs(0, 0);
    struct stream_map same = pairs(0, 0);
    struct stream_map map;
    struct desc *d;

    desc_add_codec(s, 111, "opus", 48000, 2, NULL);
    desc_add_codec(s, 0, "PCMU", 8000, 1, NULL);
    s = audio(fresh, "x");
    desc_add_codec(s, 96, "opus", 48000, 2, NULL);              /* known as 111 */
    desc_add_codec(s, 111, "telephone-event", 8000, 1, "0-15"); /* must not take 111 */
    d = reoffer_align(said, fresh, &before, &same, &map);
    g_assert_cmpuint(d->nstreams, ==, 1);
    g_assert_cmpstr(d->stream[0].mid, ==, "0");
    g_assert_cmpuint(d->stream[0].codec[0].pt, ==, 111);
    g_assert_cmpuint(d->stream[0].codec[1].pt, !=, 111);
    g_assert_cmpuint(d->stream[0].codec[1].pt, !=, 0);
    g_assert_cmpuint(d->stream[0].codec[1].pt, >=, 96);
    g_assert_cmpint(map.b_of_a[0], ==, 0);
    desc_free(d);
    desc_free(said);
    desc_free(fresh);
}

static void each_of_two_alike_keeps_its_number_and_its_retransmission(void)
{
    struct desc *said = desc_new();
    struct desc *fresh = desc_new();
    struct desc_stream *s = desc_add_stream(said, DESC_VIDEO);
    struct stream_map same = pairs(0, 0);
    struct stream_map map;
    struct desc *d;

    desc_add_codec(s, 96, "H264", 90000, 1, "profile-level-id=42001f;packetization-mode=1");
    desc_add_codec(s, 97, "rtx", 90000, 1, "apt=96");
    desc_add_codec(s, 98, "H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1");
    desc_add_codec(s, 99, "rtx", 90000, 1, "apt=98");
    s = desc_add_stream(fresh, DESC_VIDEO); /* the second one first, and numbers of another leg */
    desc_add_codec(s, 98, "H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1");
    desc_add_codec(s, 97, "rtx", 90000, 1, "apt=98");
    desc_add_codec(s, 100, "H264", 90000, 1, "profile-level-id=42001f;packetization-mode=1");
    desc_add_codec(s, 99, "rtx", 90000, 1, "apt=100");
    desc_add_codec(s, 96, "VP8", 90000, 1, NULL);
    d = reoffer_align(said, fresh, &same, &same, &map);
    s = &d->stream[0];
    g_assert_cmpuint(s->codec[0].pt, ==, 98);
    g_assert_cmpuint(s->codec[1].pt, ==, 99);
    g_assert_cmpstr(s->codec[1].fmtp, ==, "apt=98");
    g_assert_cmpuint(s->codec[2].pt, ==, 96);
    g_assert_cmpuint(s->codec[3].pt, ==, 97);
    g_assert_cmpstr(s->codec[3].fmtp, ==, "apt=96");
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpuint(s->codec[4].pt, !=, s->codec[i].pt);
    desc_free(d);
    desc_free(said);
    desc_free(fresh);
}

static void extensions_keep_their_numbers_in_the_whole_bundle(void)
{
    static const char mid[] = "urn:ietf:params:rtp-hdrext:sdes:mid";
    struct desc *said = desc_new();
    struct desc *fresh = desc_new();
    struct stream_map before = pairs(0, 0);
    struct stream_map fresh_map = pairs(0, 0);
    struct stream_map map;
    struct desc *d;
    struct desc_stream *s = audio(said, "0");

    desc_add_extension(s, 1, "urn:level");
    desc_add_extension(s, 4, mid); /* the peer's choice: it made the first offer */
    desc_add_extension(audio(fresh, ""), 4, "urn:level");
    s = desc_add_stream(fresh, DESC_VIDEO);
    desc_add_extension(s, 4, "urn:level");
    desc_add_extension(s, 1, "urn:orientation");
    fresh_map.b_of_a[1] = 1;
    d = reoffer_align(said, fresh, &before, &fresh_map, &map);
    for (unsigned i = 0; i < 2; i++) {
        s = &d->stream[i];
        g_assert_cmpuint(s->nextensions, ==, 2 + i);
        g_assert_cmpstr(s->extension[0].uri, ==, mid);
        g_assert_cmpuint(s->extension[0].id, ==, 4);
        g_assert_cmpstr(s->extension[1].uri, ==, "urn:level");
        g_assert_cmpuint(s->extension[1].id, ==, 1);
    }
    g_assert_cmpuint(s->extension[2].id, !=, 1);
    g_assert_cmpuint(s->extension[2].id, !=, 4);
    desc_free(d);
    desc_free(said);
    desc_free(fresh);
}

static void streams_keep_their_place_and_gone_ones_are_refused(void)
{
    struct desc *said = desc_new();
    struct desc *fresh = desc_new();
    struct stream_map before = pairs(0, 1); /* X's only stream is Y's second */
    struct stream_map same = pairs(0, 0);
    struct stream_map map;
    struct desc *d;

    audio(said, "a");
    audio(said, "b");
    audio(fresh, "");
    d = reoffer_align(said, fresh, &before, &same, &map);
    g_assert_cmpuint(d->nstreams, ==, 2);
    g_assert_true(d->stream[0].refused);
    g_assert_cmpstr(d->stream[0].mid, ==, "a");
    g_assert_false(d->stream[1].refused);
    g_assert_cmpstr(d->stream[1].mid, ==, "b");
    g_assert_cmpint(map.b_of_a[0], ==, 1);
    desc_free(d);
    desc_free(said);
    desc_free(fresh);
}

static void new_streams_come_last_with_a_mid_of_their_own(void)
{
    struct desc *said = desc_new();
    struct desc *fresh = desc_new();
    struct stream_map before = pairs(0, 0);
    struct stream_map fresh_map = pairs(0, 0);
    struct stream_map map;
    struct desc *d;

    audio(said, "1"); /* the mid a careless counter would give the new one */
    audio(fresh, "");
    desc_add_stream(fresh, DESC_VIDEO);
    fresh_map.b_of_a[1] = 1;
    d = reoffer_align(said, fresh, &before, &fresh_map, &map);
    g_assert_cmpuint(d->nstreams, ==, 2);
    g_assert_cmpint(d->stream[1].kind, ==, DESC_VIDEO);
    g_assert_cmpstr(d->stream[1].mid, !=, "");
    g_assert_cmpstr(d->stream[1].mid, !=, "1");
    g_assert_cmpint(map.b_of_a[1], ==, 1);
    desc_free(d);
    desc_free(said);
    desc_free(fresh);
}

static void maps_invert(void)
{
    struct stream_map map = pairs(2, 0);
    struct stream_map back = stream_map_invert(&map);

    g_assert_cmpint(back.b_of_a[0], ==, 2);
    g_assert_cmpint(back.b_of_a[2], ==, -1);
}

void unit_gateway_reoffer(void);
void unit_gateway_reoffer(void)
{
    g_test_add_func("/gateway/reoffer/payload-types-in-use-keep-their-meaning",
                    payload_types_in_use_keep_their_meaning);
    g_test_add_func("/gateway/reoffer/each-of-two-alike-keeps-its-number-and-its-retransmission",
                    each_of_two_alike_keeps_its_number_and_its_retransmission);
    g_test_add_func("/gateway/reoffer/extensions-keep-their-numbers-in-the-whole-bundle",
                    extensions_keep_their_numbers_in_the_whole_bundle);
    g_test_add_func("/gateway/reoffer/streams-keep-their-place-and-gone-ones-are-refused",
                    streams_keep_their_place_and_gone_ones_are_refused);
    g_test_add_func("/gateway/reoffer/new-streams-come-last-with-a-mid-of-their-own",
                    new_streams_come_last_with_a_mid_of_their_own);
    g_test_add_func("/gateway/reoffer/maps-invert", maps_invert);
}
