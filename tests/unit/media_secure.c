/* What must go on through a re-negotiation, and what must never come through. */
#include "media_chain.h"

#include <string.h>

void unit_media_secure(void);

static const struct desc_profile ice_plain = {.ice = true};
static const struct desc_profile ice_sdes = {.ice = true, .security = DESC_SDES};

/* 500 packets a second each way while the path moves: not one may be missing. */
static void lossless_while(struct chain *c, void (*what)(struct chain *c))
{
    uint8_t buf[WORLD_PACKET];
    unsigned got[2] = {0, 0}, sent = 0;
    uint64_t begin = clock_now_us();

    while (sent < 400) {
        if (sent == 100)
            what(c);
        if (clock_now_us() - begin < sent * 2000) {
            world_turn();
            continue;
        }
        sent++;
        for (unsigned i = 0; i < 2; i++)
            peer_send(&c->end[i], 0, 1, 160);
        for (unsigned i = 0; i < 2; i++)
            while (peer_recv(c->end[i].fd, buf, 0))
                got[i]++;
    }
    for (unsigned i = 0; i < 2; i++)
        while (got[i] < sent && peer_recv(c->end[i].fd, buf, WORLD_DEADLINE_US / 5))
            got[i]++;
    g_assert_cmpuint(got[0], ==, sent);
    g_assert_cmpuint(got[1], ==, sent);
}

static void restart_by_offerer(struct chain *c)
{
    chain_negotiate(c, 0, true);
}

static void restart_by_answerer(struct chain *c)
{
    chain_negotiate(c, 1, true);
}

static void restart_loses_nothing(const struct desc_profile *profile,
                                  void (*restart)(struct chain *c))
{
    struct chain c;
    unsigned paths;
    char old[DESC_ICE_MAX], answered[DESC_ICE_MAX];

    chain_open(&c, profile, NULL);
    chain_ready(&c);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    paths = world_count(&c.w[0], c.leg[0], MEDIA_PATH);
    (void)g_strlcpy(old, c.said[0]->transport[0].ufrag, sizeof(old));
    (void)g_strlcpy(answered, c.said[1]->transport[0].ufrag, sizeof(answered));
    lossless_while(&c, restart);
    g_assert_cmpstr(old, !=, c.said[0]->transport[0].ufrag);
    g_assert_cmpstr(answered, !=, c.said[1]->transport[0].ufrag); /* a restart is of both sides */
    world_await(&c.w[0], c.leg[0], MEDIA_PATH, paths + 1);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FAILED), ==, 0);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    chain_close(&c);
}

static void restart_offerer(void)
{
    restart_loses_nothing(&desc_profile_webrtc, restart_by_offerer);
}

static void restart_answerer(void)
{
    restart_loses_nothing(&desc_profile_webrtc, restart_by_answerer);
}

static void restart_on_own_ports(void)
{
    restart_loses_nothing(&ice_sdes, restart_by_offerer);
}

/* Another instance of the peer takes over mid-call (a transfer behind its back): other address,
 * other ICE, other certificate or keys, said in an offer. */
static void a_new_peer_on_the_same_leg(const struct desc_profile *profile)
{
    struct chain c;
    struct media_plan plan;

    chain_open(&c, profile, NULL);
    chain_ready(&c);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    world_close(&c.w[1]);
    world_open(&c.w[1], NULL);
    c.leg[1] = world_leg(&c.w[1], profile, (struct media_id){0});
    chain_negotiate(&c, 1, false);
    c.plain[1] = world_plain(&c.w[1], &c.end[1], c.leg[1]);
    plan_audio(&plan, 0, 0);
    media_join(c.w[1].m, c.plain[1], c.leg[1], &plan);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FAILED), ==, 0);
    chain_close(&c);
}

static void new_peer_plain(void)
{
    a_new_peer_on_the_same_leg(&desc_profile_plain);
}

static void new_peer_sdes(void)
{
    a_new_peer_on_the_same_leg(&desc_profile_sdes);
}

static void new_peer_dtls(void)
{
    a_new_peer_on_the_same_leg(&desc_profile_dtls);
}

static void new_peer_webrtc(void)
{
    a_new_peer_on_the_same_leg(&desc_profile_webrtc);
}

/* A session refresh: the same again, from either side, must not touch anything. */
static void a_refresh_changes_nothing(const struct desc_profile *profile)
{
    struct chain c;
    unsigned paths;
    struct desc *before;

    chain_open(&c, profile, NULL);
    chain_ready(&c);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    paths = world_count(&c.w[0], c.leg[0], MEDIA_PATH);
    before = desc_copy(c.said[0]);
    chain_negotiate(&c, 0, false);
    chain_negotiate(&c, 1, false);
    g_assert_cmpstr(before->transport[0].ufrag, ==, c.said[0]->transport[0].ufrag);
    g_assert_true(net_addr_equal(&before->transport[0].rtp, &c.said[0]->transport[0].rtp));
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_PATH), ==, paths);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_READY), ==, 1);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FIRST_PACKET), ==, 1);
    desc_free(before);
    chain_close(&c);
}

static void refresh_sdes(void)
{
    a_refresh_changes_nothing(&desc_profile_sdes);
}

static void refresh_dtls(void)
{
    a_refresh_changes_nothing(&desc_profile_dtls);
}

static void refresh_webrtc(void)
{
    a_refresh_changes_nothing(&desc_profile_webrtc);
}

/* Video is offered later: audio stays where it is, and the new stream shares its transport in a
 * bundle or gets one of its own. */
static void video_may_be_added(const struct desc_profile *profile)
{
    struct chain c;
    struct net_addr audio;

    chain_open(&c, profile, NULL);
    chain_ready(&c);
    chain_carries(&c, 0);
    audio = c.said[1]->transport[0].rtp;
    c.video = true;
    chain_negotiate(&c, 0, false);
    g_assert_cmpuint(c.said[1]->ntransports, ==, profile->bundle ? 1 : 2);
    g_assert_cmpint(c.said[1]->stream[1].transport, ==, profile->bundle ? 0 : 1);
    g_assert_true(net_addr_equal(&audio, &c.said[1]->transport[0].rtp));
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FAILED), ==, 0);
    chain_close(&c);
}

static void video_in_a_bundle(void)
{
    video_may_be_added(&desc_profile_webrtc);
}

static void video_on_its_own(void)
{
    video_may_be_added(&desc_profile_sdes);
}

static void v6(struct media_config *c)
{
    c->naddrs = 2;
    g_assert_true(net_addr_parse_ip(SPAN("::1"), &c->addr[0]));
    g_assert_true(net_addr_parse_ip(SPAN("127.0.0.1"), &c->addr[1]));
}

static void webrtc_over_ipv6(void)
{
    struct chain c;

    chain_open(&c, &desc_profile_webrtc, v6);
    g_assert_cmpuint(c.said[0]->transport[0].ncandidates, ==, 2);
    chain_ready(&c);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    g_assert_true(world_last(&c.w[0], c.leg[0], MEDIA_PATH)->remote.is_v6); /* it came first */
    chain_close(&c);
}

/* ---- what must not work ---- */

static void quick_ice(struct media_config *c)
{
    c->ice_timeout_us = 600000;
}

static void chain_misheard(struct chain *c, const struct desc_profile *profile,
                           void (*forge)(struct desc *answer))
{
    struct desc *heard;

    memset(c, 0, sizeof(*c));
    for (unsigned i = 0; i < 2; i++) {
        world_open(&c->w[i], quick_ice);
        c->leg[i] = world_leg(&c->w[i], profile, (struct media_id){0});
        c->said[i] = desc_audio();
    }
    g_assert_cmpint(media_leg_describe(c->w[0].m, c->leg[0], NULL, false, c->said[0]), ==, GW_OK);
    g_assert_cmpint(media_leg_describe(c->w[1].m, c->leg[1], c->said[0], false, c->said[1]), ==,
                    GW_OK);
    heard = chain_wire(c->said[1]);
    forge(heard);
    media_leg_remote(c->w[0].m, c->leg[0], heard, false);
    desc_free(heard);
    chain_media(c);
}

static void forge_fingerprint(struct desc *d)
{
    d->transport[0].fingerprint[0].value[5] ^= 1;
}

static void wrong_certificate_is_refused(void)
{
    struct chain c;

    chain_misheard(&c, &desc_profile_webrtc, forge_fingerprint);
    world_await(&c.w[0], c.leg[0], MEDIA_FAILED, 1);
    g_assert_cmpint(world_last(&c.w[0], c.leg[0], MEDIA_FAILED)->why, ==, MEDIA_WHY_FINGERPRINT);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_READY), ==, 0);
    chain_close(&c);
}

static void forge_password(struct desc *d)
{
    d->transport[0].pwd[3] = (char)(d->transport[0].pwd[3] == 'x' ? 'y' : 'x');
}

static void forge_video_password(struct desc *d)
{
    char *pwd = d->transport[d->stream[1].transport].pwd;

    pwd[3] = (char)(pwd[3] == 'x' ? 'y' : 'x');
}

/* Video whose ICE gets nowhere is given up by signalling: that it then fails says nothing. */
static void a_refused_stream_takes_nothing_along(void)
{
    struct chain c;
    struct media_id late;
    struct desc *offer = desc_audio(), *heard;

    chain_open(&c, &ice_sdes, quick_ice);
    chain_ready(&c);
    c.video = true;
    c.forge = forge_video_password;
    chain_negotiate(&c, 0, false);
    c.refused = true;
    c.forge = NULL;
    chain_negotiate(&c, 0, false);
    late = world_leg(&c.w[0], &ice_sdes, (struct media_id){0}); /* the clock: it fails later */
    g_assert_cmpint(media_leg_describe(c.w[0].m, late, NULL, false, offer), ==, GW_OK);
    heard = chain_wire(c.said[1]);
    forge_password(heard);
    media_leg_remote(c.w[0].m, late, heard, false);
    world_await(&c.w[0], late, MEDIA_FAILED, 1);
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpuint(world_count(&c.w[i], c.leg[i], MEDIA_FAILED), ==, 0);
    chain_carries(&c, 0);
    desc_free(heard);
    desc_free(offer);
    chain_close(&c);
}

static void wrong_password_never_connects(void)
{
    struct chain c;

    chain_misheard(&c, &desc_profile_webrtc, forge_password);
    world_await(&c.w[0], c.leg[0], MEDIA_FAILED, 1);
    g_assert_cmpint(world_last(&c.w[0], c.leg[0], MEDIA_FAILED)->why, ==, MEDIA_WHY_ICE);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FAILED), ==, 1);
    chain_close(&c);
}

static void forge_sdes_key(struct desc *d)
{
    d->transport[0].crypto[0].key[0] ^= 1;
}

static void wrong_sdes_key_lets_nothing_in(void)
{
    struct chain c;

    chain_misheard(&c, &desc_profile_sdes, forge_sdes_key);
    chain_settle(&c, 0); /* the way whose key is right */
    for (unsigned i = 0; i < 50; i++)
        peer_send(&c.end[1], 0, 1, 160);
    peer_expect_none(&c.w[1], &c.end[0]);
    peer_expect_none(&c.w[0], &c.end[0]);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_FIRST_PACKET), ==, 0);
    chain_close(&c);
}

/* Refused as a whole: what was agreed before stays (RFC 3264 8). */
static void a_new_offer_without_keys_changes_nothing(const struct desc_profile *profile)
{
    struct chain c;
    struct desc *heard, *answer = desc_audio();

    chain_open(&c, profile, NULL);
    chain_ready(&c);
    heard = chain_wire(c.said[0]);
    heard->transport[0].ncrypto = heard->transport[0].nfingerprints = 0;
    media_leg_remote(c.w[1].m, c.leg[1], heard, true);
    g_assert_cmpint(media_leg_describe(c.w[1].m, c.leg[1], heard, false, answer), ==,
                    GW_EUNSUPPORTED);
    chain_carries(&c, 0);
    chain_carries(&c, 1);
    g_assert_cmpuint(world_count(&c.w[1], c.leg[1], MEDIA_FAILED), ==, 0);
    desc_free(heard);
    desc_free(answer);
    chain_close(&c);
}

static void keyless_sdes(void)
{
    a_new_offer_without_keys_changes_nothing(&desc_profile_sdes);
}

static void keyless_webrtc(void)
{
    a_new_offer_without_keys_changes_nothing(&desc_profile_webrtc);
}

static void downgrade(struct desc *d)
{
    d->transport[0].security = DESC_PLAIN;
}

static void an_answer_cannot_take_encryption_away(void)
{
    struct chain c;

    chain_misheard(&c, &desc_profile_sdes, downgrade);
    world_await(&c.w[0], c.leg[0], MEDIA_FAILED, 1);
    for (unsigned i = 0; i < 50; i++)
        peer_send(&c.end[0], 0, 1, 160);
    peer_expect_none(&c.w[0], &c.end[1]);
    peer_expect_none(&c.w[1], &c.end[1]);
    g_assert_cmpuint(world_count(&c.w[0], c.leg[0], MEDIA_READY), ==, 0);
    chain_close(&c);
}

static void remove_ice(struct desc *d)
{
    d->transport[0].ice = false;
    d->transport[0].ufrag[0] = d->transport[0].pwd[0] = '\0';
    d->transport[0].ncandidates = 0;
}

/* The answerer does no ICE: what we offered falls back to plain addresses. Engine 2 is left out;
 * a plain peer answers instead. */
static void without_ice_in_the_answer_plain_addresses_are_used(void)
{
    struct world w;
    struct peer p, q;
    struct media_id leg, far;
    struct media_plan plan;
    struct desc *offer = desc_audio(), *answer;
    uint8_t buf[WORLD_PACKET];
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;

    world_open(&w, NULL);
    peer_open(&p);
    peer_open(&q);
    leg = world_leg(&w, &ice_plain, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, leg, NULL, false, offer), ==, GW_OK);
    answer = desc_plain(&p);
    remove_ice(answer);
    media_leg_remote(w.m, leg, answer, false);
    world_await(&w, leg, MEDIA_READY, 1);
    p.to = offer->transport[0].rtp;
    far = world_plain(&w, &q, leg);
    plan_audio(&plan, 0, 0);
    media_join(w.m, leg, far, &plan);
    do {
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(&p, 0, 1, 160);
    } while (!peer_recv(q.fd, buf, 20000));
    do {
        g_assert_cmpuint(clock_now_us(), <, end);
        peer_send(&q, 0, 1, 160);
    } while (!peer_recv(p.fd, buf, 20000));
    desc_free(offer);
    offer = desc_audio(); /* we offer ICE again: until there is an answer all stays as it was */
    g_assert_cmpint(media_leg_describe(w.m, leg, NULL, false, offer), ==, GW_OK);
    g_assert_true(offer->transport[0].ice);
    for (unsigned i = 0; i < 20; i++) {
        peer_send(&p, 0, 1, 160);
        (void)peer_expect(&q, buf);
        peer_send(&q, 0, 1, 160);
        (void)peer_expect(&p, buf);
    }
    desc_free(offer);
    desc_free(answer);
    world_close(&w);
    peer_close(&p);
    peer_close(&q);
}

void unit_media_secure(void)
{
    g_test_add_func("/media/secure/restart-by-offerer", restart_offerer);
    g_test_add_func("/media/secure/restart-by-answerer", restart_answerer);
    g_test_add_func("/media/secure/restart-on-own-ports", restart_on_own_ports);
    g_test_add_func("/media/secure/new-peer-plain", new_peer_plain);
    g_test_add_func("/media/secure/new-peer-sdes", new_peer_sdes);
    g_test_add_func("/media/secure/new-peer-dtls", new_peer_dtls);
    g_test_add_func("/media/secure/new-peer-webrtc", new_peer_webrtc);
    g_test_add_func("/media/secure/refresh-sdes", refresh_sdes);
    g_test_add_func("/media/secure/refresh-dtls", refresh_dtls);
    g_test_add_func("/media/secure/refresh-webrtc", refresh_webrtc);
    g_test_add_func("/media/secure/video-in-a-bundle", video_in_a_bundle);
    g_test_add_func("/media/secure/video-on-its-own", video_on_its_own);
    g_test_add_func("/media/secure/ipv6", webrtc_over_ipv6);
    g_test_add_func("/media/secure/wrong-certificate", wrong_certificate_is_refused);
    g_test_add_func("/media/secure/wrong-password", wrong_password_never_connects);
    g_test_add_func("/media/secure/refused-stream", a_refused_stream_takes_nothing_along);
    g_test_add_func("/media/secure/wrong-sdes-key", wrong_sdes_key_lets_nothing_in);
    g_test_add_func("/media/secure/keyless-sdes", keyless_sdes);
    g_test_add_func("/media/secure/keyless-webrtc", keyless_webrtc);
    g_test_add_func("/media/secure/no-downgrade", an_answer_cannot_take_encryption_away);
    g_test_add_func("/media/secure/plain-fallback",
                    without_ice_in_the_answer_plain_addresses_are_used);
}
