#include "media_chain.h"

#include <string.h>

void unit_media_chain(void);

void chain_media(struct chain *c)
{
    struct media_plan plan;

    plan_audio(&plan, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&c->end[i]);
        c->plain[i] = world_plain(&c->w[i], &c->end[i], c->leg[i]);
        media_join(c->w[i].m, c->plain[i], c->leg[i], &plan);
    }
}

struct desc *chain_wire(const struct desc *d)
{
    char *text = desc_sdp_write(d);
    struct desc *read = NULL;
    const char *why = NULL;

    if (desc_sdp_read(span_of(text), &read, &why))
        g_error("%s: %s", why, text);
    g_free(text);
    return read;
}

static void add_video(struct desc *d)
{
    struct desc_stream *s = desc_add_stream(d, DESC_VIDEO);

    s->direction = DESC_SENDRECV;
    s->transport = -1;
    (void)desc_add_codec(s, 96, "VP8", 90000, 1, NULL);
}

void chain_negotiate(struct chain *c, unsigned offerer, bool restart)
{
    unsigned answerer = 1 - offerer;
    struct desc *heard;

    for (unsigned i = 0; i < 2; i++) {
        desc_free(c->said[i]);
        c->said[i] = desc_audio();
        if (c->video)
            add_video(c->said[i]);
        if (c->refused)
            c->said[i]->stream[1].refused = true;
    }
    g_assert_cmpint(
        media_leg_describe(c->w[offerer].m, c->leg[offerer], NULL, restart, c->said[offerer]), ==,
        GW_OK);
    heard = chain_wire(c->said[offerer]);
    media_leg_remote(c->w[answerer].m, c->leg[answerer], heard, true);
    g_assert_cmpint(
        media_leg_describe(c->w[answerer].m, c->leg[answerer], heard, false, c->said[answerer]), ==,
        GW_OK);
    desc_free(heard);
    heard = chain_wire(c->said[answerer]);
    if (c->forge)
        c->forge(heard);
    media_leg_remote(c->w[offerer].m, c->leg[offerer], heard, false);
    desc_free(heard);
}

void chain_open(struct chain *c, const struct desc_profile *profile,
                void (*tweak)(struct media_config *))
{
    memset(c, 0, sizeof(*c));
    for (unsigned i = 0; i < 2; i++) {
        world_open(&c->w[i], tweak);
        c->leg[i] = world_leg(&c->w[i], profile, (struct media_id){0});
    }
    chain_negotiate(c, 0, false);
    chain_media(c);
}

void chain_ready(struct chain *c)
{
    world_await(&c->w[0], c->leg[0], MEDIA_READY, 1);
    world_await(&c->w[1], c->leg[1], MEDIA_READY, 1);
}

void chain_close(struct chain *c)
{
    for (unsigned i = 0; i < 2; i++) {
        world_close(&c->w[i]);
        peer_close(&c->end[i]);
        desc_free(c->said[i]);
    }
}

void chain_settle(struct chain *c, unsigned from)
{
    uint8_t buf[WORLD_PACKET];
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;

    do {
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(&c->end[from], 0, 0, 160);
    } while (!peer_recv(c->end[1 - from].fd, buf, 20000));
    while (peer_recv(c->end[1 - from].fd, buf, 20000))
        ;
}

void chain_carries(struct chain *c, unsigned from)
{
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h;
    uint16_t last = 0;

    chain_settle(c, from);
    for (unsigned i = 0; i < 100; i++) {
        peer_send(&c->end[from], 0, (uint8_t)i, 20 + i);
        h = peer_expect(&c->end[1 - from], buf);
        g_assert_cmpuint(h.payload_len, ==, 20 + i);
        g_assert_cmpuint(buf[h.header_len + 19 + i], ==, i);
        if (i)
            g_assert_cmpuint(h.seq, ==, (uint16_t)(last + 1));
        last = h.seq;
    }
}

/* ---- what a leg can carry ---- */

static void both_ways(const struct desc_profile *profile, void (*tweak)(struct media_config *))
{
    struct chain c;

    chain_open(&c, profile, tweak);
    chain_ready(&c);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(world_count(&c.w[i], c.leg[i], MEDIA_READY), ==, 1);
        g_assert_cmpuint(world_count(&c.w[i], c.leg[i], MEDIA_FIRST_PACKET), ==, 1);
        g_assert_cmpuint(world_count(&c.w[i], c.leg[i], MEDIA_FAILED), ==, 0);
        /* RTCP may reach a port whose own handshake is not done yet. */
        g_assert_cmpuint(world_stats(&c.w[i], c.leg[i]).rx_dropped, <, 5);
    }
    chain_close(&c);
}

static const struct desc_profile sdes_mux = {.rtcp_mux = true, .security = DESC_SDES};
static const struct desc_profile ice_plain = {.ice = true};
static const struct desc_profile ice_sdes = {.ice = true, .security = DESC_SDES};
static const struct desc_profile ice_dtls = {.ice = true, .security = DESC_DTLS};

static void libsrtp(struct media_config *c)
{
    c->srtp = MEDIA_SRTP_LIBSRTP;
}

static void plain(void)
{
    both_ways(&desc_profile_plain, NULL);
}

static void sdes(void)
{
    both_ways(&desc_profile_sdes, NULL);
}

static void sdes_multiplexed(void)
{
    both_ways(&sdes_mux, NULL);
}

static void sdes_with_libsrtp(void)
{
    both_ways(&desc_profile_sdes, libsrtp);
}

static void dtls_without_ice(void)
{
    both_ways(&desc_profile_dtls, NULL);
}

static void webrtc(void)
{
    both_ways(&desc_profile_webrtc, NULL);
}

static void webrtc_with_libsrtp(void)
{
    both_ways(&desc_profile_webrtc, libsrtp);
}

static void plain_over_ice(void)
{
    both_ways(&ice_plain, NULL);
}

static void sdes_over_ice(void)
{
    both_ways(&ice_sdes, NULL);
}

static void dtls_over_ice_without_mux(void)
{
    both_ways(&ice_dtls, NULL);
}

void unit_media_chain(void)
{
    g_test_add_func("/media/chain/plain", plain);
    g_test_add_func("/media/chain/sdes", sdes);
    g_test_add_func("/media/chain/sdes-multiplexed", sdes_multiplexed);
    g_test_add_func("/media/chain/sdes-libsrtp", sdes_with_libsrtp);
    g_test_add_func("/media/chain/dtls-without-ice", dtls_without_ice);
    g_test_add_func("/media/chain/webrtc", webrtc);
    g_test_add_func("/media/chain/webrtc-libsrtp", webrtc_with_libsrtp);
    g_test_add_func("/media/chain/ice-plain", plain_over_ice);
    g_test_add_func("/media/chain/ice-sdes", sdes_over_ice);
    g_test_add_func("/media/chain/ice-dtls-without-mux", dtls_over_ice_without_mux);
}
