/* Several streams over one transport (RFC 8843), strangers, and peers that move. */
#include "media/ice.h"
#include "media/rtcp.h"
#include "media/stun_wire.h"
#include "media_world.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void unit_media_bundle(void);

enum { MID_ID = 3 };
static const char mid_uri[] = "urn:ietf:params:rtp-hdrext:sdes:mid";

static struct desc *desc_two(void)
{
    struct desc *d = desc_audio();
    struct desc_stream *s = desc_add_stream(d, DESC_VIDEO);

    s->direction = DESC_SENDRECV;
    s->transport = -1;
    (void)desc_add_codec(s, 0, "H264", 90000, 1, NULL); /* the same number on purpose */
    return d;
}

static struct desc *desc_bundled(const struct peer *p, bool sources)
{
    struct desc *d = desc_two();
    struct desc_transport *t = desc_add_transport(d);

    t->rtp = p->addr;
    t->rtcp_mux = true;
    d->bundled = true;
    for (unsigned i = 0; i < 2; i++) {
        d->stream[i].transport = 0;
        (void)g_strlcpy(d->stream[i].mid, i ? "pic" : "snd", DESC_MID_MAX);
        (void)desc_add_extension(&d->stream[i], MID_ID, mid_uri);
        if (sources)
            (void)desc_add_source(&d->stream[i], 1000 + i, "c");
    }
    return d;
}

struct bundle {
    struct world w;
    struct peer p, q[2]; /* bundled; one port a stream */
    struct media_id near, far;
    struct desc *answer;
};

static void bundle_open(struct bundle *b, bool sources)
{
    struct desc *offer, *far_offer = desc_two(), *far_answer = desc_two();
    struct media_plan plan;

    world_open(&b->w, NULL);
    peer_open(&b->p);
    offer = desc_bundled(&b->p, sources);
    b->answer = desc_two();
    b->near = world_leg(&b->w, &desc_profile_plain, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(b->w.m, b->near, offer, false, b->answer), ==, GW_OK);
    b->p.to = b->answer->transport[0].rtp;
    b->far = world_leg(&b->w, &desc_profile_plain, b->near);
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&b->q[i]);
        desc_add_transport(far_offer)->rtp = b->q[i].addr;
        far_offer->stream[i].transport = (int8_t)i;
    }
    g_assert_cmpint(media_leg_describe(b->w.m, b->far, far_offer, false, far_answer), ==, GW_OK);
    g_assert_cmpuint(far_answer->ntransports, ==, 2);
    for (unsigned i = 0; i < 2; i++)
        b->q[i].to = far_answer->transport[i].rtp;
    plan_audio(&plan, 0, 0);
    plan.nways = 4;
    plan.na_to_b = 2;
    plan.way[2] = plan.way[1];
    for (unsigned i = 1; i < 4; i += 2) {
        plan.way[i] = plan.way[0];
        plan.way[i].from_stream = plan.way[i].to_stream = 1;
        plan.way[i].ncodecs = 1;
        plan.way[i].codec[0].clock_in = plan.way[i].codec[0].clock_out = 90000;
        plan.way[i].codec[0].video = true;
    }
    media_join(b->w.m, b->near, b->far, &plan);
    desc_free(offer);
    desc_free(far_offer);
    desc_free(far_answer);
}

static void bundle_close(struct bundle *b)
{
    world_close(&b->w);
    peer_close(&b->p);
    for (unsigned i = 0; i < 2; i++)
        peer_close(&b->q[i]);
    desc_free(b->answer);
}

static void an_answer_repeats_the_bundle(void)
{
    struct bundle b;

    bundle_open(&b, false);
    g_assert_true(b.answer->bundled);
    g_assert_cmpuint(b.answer->ntransports, ==, 1);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(b.answer->stream[i].transport, ==, 0);
        g_assert_cmpstr(b.answer->stream[i].mid, ==, i ? "pic" : "snd");
        g_assert_cmpuint(b.answer->stream[i].nextensions, ==, 1);
        g_assert_cmpuint(b.answer->stream[i].extension[0].id, ==, MID_ID);
    }
    bundle_close(&b);
}

/* One byte element MID_ID in a one-byte block (RFC 8285 4.2). */
static void send_with_mid(struct peer *p, const char *mid, uint32_t ssrc)
{
    uint8_t buf[64] = {0};
    struct rtp_header h = {.pt = 0, .seq = p->seq++, .ts = p->ts, .ssrc = ssrc};

    rtp_write(buf, &h);
    buf[0] |= 0x10;
    buf[12] = 0xbe;
    buf[13] = 0xde;
    buf[15] = 1;
    buf[16] = MID_ID << 4 | 2;
    memcpy(buf + 17, mid, 3);
    buf[20] = 0x42;
    peer_send_raw(p, buf, 40);
}

static void streams_are_told_apart_by_mid(void)
{
    struct bundle b;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h;

    bundle_open(&b, false);
    send_with_mid(&b.p, "pic", 77);
    h = peer_expect(&b.q[1], buf);
    g_assert_cmpuint(h.payload_len, ==, 20);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpuint(buf[16 + i], ==, 0); /* our hop's extension went no further */
    send_with_mid(&b.p, "snd", 78);
    (void)peer_expect(&b.q[0], buf);
    b.p.ssrc = 77; /* learned: no extension needed any more (RFC 8843 9.2) */
    peer_send(&b.p, 0, 1, 50);
    g_assert_cmpuint(peer_expect(&b.q[1], buf).payload_len, ==, 50);
    b.p.ssrc = 79; /* of no stream: the payload type is both's */
    peer_send(&b.p, 0, 1, 50);
    peer_expect_none(&b.w, &b.q[0]);
    peer_expect_none(&b.w, &b.q[1]);
    bundle_close(&b);
}

static void streams_are_told_apart_by_ssrc(void)
{
    struct bundle b;
    uint8_t buf[WORLD_PACKET];

    bundle_open(&b, true);
    for (unsigned i = 0; i < 2; i++) {
        b.p.ssrc = 1000 + i;
        peer_send(&b.p, 0, 1, 30);
        (void)peer_expect(&b.q[i], buf);
    }
    bundle_close(&b);
}

static void ever_new_ssrcs_do_not_push_the_live_one_out(void)
{
    struct bundle b;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header first, h;
    uint32_t live;

    bundle_open(&b, true);
    live = b.p.ssrc = 1000;
    peer_send(&b.p, 0, 1, 30);
    first = peer_expect(&b.q[0], buf);
    for (unsigned i = 0; i < 300; i++) {
        send_with_mid(&b.p, "pic", 5000 + i);
        b.p.ssrc = live;
        peer_send(&b.p, 0, 1, 30);
        h = peer_expect(&b.q[0], buf);
        g_assert_cmpuint(h.ssrc, ==, first.ssrc);
    }
    bundle_close(&b);
}

/* ---- ICE legs ---- */

static void describe_pair(struct world w[2], struct media_id leg[2], struct desc *said[2],
                          const struct desc_profile *profile)
{
    for (unsigned i = 0; i < 2; i++) {
        world_open(&w[i], NULL);
        leg[i] = world_leg(&w[i], profile, (struct media_id){0});
        said[i] = desc_audio();
    }
    g_assert_cmpint(media_leg_describe(w[0].m, leg[0], NULL, false, said[0]), ==, GW_OK);
}

static void pair_done(struct world w[2], struct desc *said[2])
{
    for (unsigned i = 0; i < 2; i++) {
        world_close(&w[i]);
        desc_free(said[i]);
    }
}

static void candidates_may_trickle_before_and_after_the_description(void)
{
    struct world w[2];
    struct media_id leg[2];
    struct desc *said[2];
    struct desc_candidate c;

    describe_pair(w, leg, said, &desc_profile_webrtc);
    c = said[0]->transport[0].candidate[0];
    said[0]->transport[0].ncandidates = 0; /* as a trickling browser offers */
    media_leg_candidate(w[1].m, leg[1], 0, &c);
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    c = said[1]->transport[0].candidate[0];
    said[1]->transport[0].ncandidates = 0;
    media_leg_remote(w[0].m, leg[0], said[1], false);
    media_leg_candidate(w[0].m, leg[0], 0, &c);
    media_leg_candidate(w[0].m, leg[0], 0, NULL);
    media_leg_candidate(w[0].m, leg[0], 99, &c); /* of no stream */
    world_await(&w[0], leg[0], MEDIA_READY, 1);
    world_await(&w[1], leg[1], MEDIA_READY, 1);
    pair_done(w, said);
}

static void without_candidates_peer_reflexive_ones_do(void)
{
    struct world w[2];
    struct media_id leg[2];
    struct desc *said[2];

    describe_pair(w, leg, said, &desc_profile_webrtc);
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    said[1]->transport[0].ncandidates = 0; /* all were .local names */
    media_leg_remote(w[0].m, leg[0], said[1], false);
    world_await(&w[0], leg[0], MEDIA_READY, 1);
    world_await(&w[1], leg[1], MEDIA_READY, 1);
    pair_done(w, said);
}

/* Checks and the ClientHello overtake the answer: they are remembered. */
static void an_answer_may_come_late(const struct desc_profile *profile)
{
    struct world w[2];
    struct media_id leg[2];
    struct desc *said[2];
    uint64_t end;

    describe_pair(w, leg, said, profile);
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    end = clock_now_us() + 100 * US_PER_MS; /* it checks, and says hello on its valid path */
    while (clock_now_us() < end)
        world_turn();
    media_leg_remote(w[0].m, leg[0], said[1], false);
    world_await(&w[0], leg[0], MEDIA_READY, 1);
    world_await(&w[1], leg[1], MEDIA_READY, 1);
    g_assert_cmpuint(world_stats(&w[0], leg[0]).rx_dropped, ==, 0);
    pair_done(w, said);
}

static void a_late_answer_with_ice(void)
{
    an_answer_may_come_late(&desc_profile_webrtc);
}

static void a_late_answer_without_ice(void)
{
    an_answer_may_come_late(&desc_profile_dtls);
}

/* A plain peer behind each. */
static void ends_join(struct world w[2], const struct media_id leg[2], struct peer end[2])
{
    struct media_plan plan;

    plan_audio(&plan, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&end[i]);
        media_join(w[i].m, world_plain(&w[i], &end[i], leg[i]), leg[i], &plan);
    }
}

/* A NAT between them: what comes in at [0] leaves at [1] and back. */
struct nat {
    struct peer side[2];
    struct net_addr far[2];
};

static void nat_turn(struct nat *n)
{
    uint8_t buf[2048];
    struct sockaddr_storage name;

    for (unsigned i = 0; i < 2; i++) {
        socklen_t len = sizeof(name);
        ssize_t got;
        while ((got = recvfrom(n->side[i].fd, buf, sizeof(buf), MSG_DONTWAIT,
                               (struct sockaddr *)&name, &len)) > 0) {
            g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&name, &n->far[i]));
            n->side[1 - i].to = n->far[1 - i];
            if (n->far[1 - i].set)
                peer_send_raw(&n->side[1 - i], buf, (size_t)got);
            len = sizeof(name);
        }
    }
}

static void through_nat(struct nat *n, struct peer *from, struct peer *to)
{
    uint8_t buf[WORLD_PACKET];
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US, due = 0;

    for (;;) {
        uint64_t now = clock_now_us();
        g_assert_cmpuint(now, <, end);
        if (now >= due)
            peer_send(from, 0, 1, 160);
        if (now >= due)
            due = now + 20000;
        nat_turn(n);
        if (peer_recv(to->fd, buf, 0))
            return;
        world_turn();
    }
}

static void a_peer_whose_nat_rebinds_is_followed(void)
{
    struct world w[2];
    struct media_id leg[2];
    struct desc *said[2];
    struct peer end[2], moved;
    struct nat nat = {0};

    describe_pair(w, leg, said, &desc_profile_webrtc);
    for (unsigned i = 0; i < 2; i++)
        peer_open(&nat.side[i]);
    nat.far[1] = said[0]->transport[0].candidate[0].addr;
    said[0]->transport[0].candidate[0].addr = nat.side[0].addr; /* engine 2 sees the NAT only */
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    said[1]->transport[0].ncandidates = 0;
    media_leg_remote(w[0].m, leg[0], said[1], false);
    ends_join(w, leg, end);
    through_nat(&nat, &end[0], &end[1]);
    through_nat(&nat, &end[1], &end[0]);
    peer_open(&moved); /* the binding is lost: another port from now on */
    peer_close(&nat.side[1]);
    nat.side[1] = moved;
    through_nat(&nat, &end[1], &end[0]);
    through_nat(&nat, &end[0], &end[1]);
    g_assert_true(
        net_addr_equal(&world_last(&w[0], leg[0], MEDIA_PATH)->remote, &nat.side[1].addr));
    for (unsigned i = 0; i < 2; i++) {
        peer_close(&end[i]);
        peer_close(&nat.side[i]);
    }
    pair_done(w, said);
}

/* ---- strangers ---- */

/* A request of @p leg's own peer, which knows all secrets of that leg and no others. */
static void forge_check(const struct desc *ours, struct peer *from)
{
    struct wire *wire = wire_new();
    uint8_t id[WIRE_ID_LEN], buf[ICE_DATAGRAM_MAX];
    size_t n;

    random_bytes(id, sizeof(id));
    n = wire_write_check(wire,
                         &(struct wire_check){.id = id,
                                              .remote_ufrag = ours->transport[0].ufrag,
                                              .local_ufrag = "thief",
                                              .pwd = ours->transport[0].pwd,
                                              .priority = 1,
                                              .tie_breaker = 1},
                         buf);
    g_assert_cmpuint(n, >, 0);
    peer_send_raw(from, buf, n);
    wire_free(wire);
}

static void a_forged_source_takes_no_path_away(void)
{
    struct world w[2];
    struct media_id leg[2], thief;
    struct desc *said[2], *ours = desc_audio();
    struct peer end[2];
    struct nat nat = {0};
    uint8_t buf[WORLD_PACKET];

    describe_pair(w, leg, said, &desc_profile_webrtc);
    for (unsigned i = 0; i < 2; i++)
        peer_open(&nat.side[i]);
    nat.far[1] = said[0]->transport[0].candidate[0].addr;
    said[0]->transport[0].candidate[0].addr = nat.side[0].addr;
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    said[1]->transport[0].ncandidates = 0;
    media_leg_remote(w[0].m, leg[0], said[1], false);
    ends_join(w, leg, end);
    through_nat(&nat, &end[1], &end[0]);
    thief = world_leg(&w[0], &desc_profile_webrtc, leg[0]);
    g_assert_cmpint(media_leg_describe(w[0].m, thief, NULL, false, ours), ==, GW_OK);
    (void)g_strlcpy(said[1]->transport[0].ufrag, "thief", DESC_ICE_MAX);
    media_leg_remote(w[0].m, thief, said[1], false);
    nat.side[1].to = nat.far[1];
    forge_check(ours, &nat.side[1]); /* as if the first leg's peer had sent it */
    while (peer_recv(end[0].fd, buf, 0))
        ;
    for (unsigned i = 0; i < 20; i++)
        through_nat(&nat, &end[1], &end[0]);
    desc_free(ours);
    for (unsigned i = 0; i < 2; i++) {
        peer_close(&end[i]);
        peer_close(&nat.side[i]);
    }
    pair_done(w, said);
}

static void stun_junk(uint8_t *buf, size_t *n, const char *ufrag, unsigned i)
{
    char user[80];
    size_t len, padded;

    /* Binding request, magic cookie, USERNAME, no integrity (RFC 8489 5, 14.3). */
    memset(buf, 0, 128);
    len = (size_t)g_snprintf(user, sizeof(user), "%s:x%u", ufrag, i);
    padded = (len + 3) & ~(size_t)3;
    buf[1] = 1;
    buf[3] = (uint8_t)(padded + 4);
    memcpy(buf + 4, "\x21\x12\xa4\x42", 4);
    random_bytes(buf + 8, 12);
    buf[21] = 6;
    buf[23] = (uint8_t)len;
    memcpy(buf + 24, user, len);
    *n = 24 + padded;
}

static void strangers_on_the_shared_port_change_nothing(void)
{
    struct world w[2];
    struct media_id leg[2];
    struct desc *said[2];
    struct peer stranger, end[2];
    struct nat none;
    uint8_t buf[WORLD_PACKET];
    size_t n;

    describe_pair(w, leg, said, &desc_profile_webrtc);
    peer_open(&stranger);
    stranger.to = said[0]->transport[0].candidate[0].addr;
    g_assert_cmpint(media_leg_describe(w[1].m, leg[1], said[0], false, said[1]), ==, GW_OK);
    media_leg_remote(w[0].m, leg[0], said[1], false);
    ends_join(w, leg, end);
    for (unsigned i = 0; i < 2000; i++) { /* before, during and after the handshake */
        switch (i % 4) {
        case 0: stun_junk(buf, &n, said[0]->transport[0].ufrag, i); break;
        case 1: stun_junk(buf, &n, "AAAAAAAAAA", i); break;
        case 2: /* something like a ClientHello */
            random_bytes(buf, n = 200);
            memcpy(buf, "\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\xbb\x01", 14);
            break;
        default:
            random_bytes(buf, n = 172);
            buf[0] = 0x80;
            buf[1] = 0;
        }
        peer_send_raw(&stranger, buf, n);
        if (i % 50 == 0)
            world_turn();
    }
    world_await(&w[0], leg[0], MEDIA_READY, 1);
    world_await(&w[1], leg[1], MEDIA_READY, 1);
    memset(&none, 0, sizeof(none));
    for (unsigned i = 0; i < 2; i++)
        peer_open(&none.side[i]);
    through_nat(&none, &end[0], &end[1]);
    through_nat(&none, &end[1], &end[0]);
    g_assert_cmpuint(peer_recv(stranger.fd, buf, 0), ==, 0); /* and nobody answered it */
    g_assert_cmpuint(world_count(&w[0], leg[0], MEDIA_FIRST_PACKET), ==, 1);
    for (unsigned i = 0; i < 2; i++) {
        peer_close(&none.side[i]);
        peer_close(&end[i]);
    }
    peer_close(&stranger);
    pair_done(w, said);
}

struct told { /* of SSRCs, by RTCP */
    unsigned nsr, ncname;
    uint32_t sr[8], cname[8];
};

static void on_rtcp(const struct rtcp_event *ev, void *arg)
{
    struct told *t = arg;

    if (ev->type == RTCP_SENDER && t->nsr < G_N_ELEMENTS(t->sr))
        t->sr[t->nsr++] = ev->sender;
    if (ev->type == RTCP_CNAME && t->ncname < G_N_ELEMENTS(t->cname))
        t->cname[t->ncname++] = ev->sender;
}

/* RFC 3550 6.5: without it audio and video are not known to be of one person. */
static void each_stream_of_a_bundle_has_its_name(void)
{
    struct bundle b;
    struct told t = {0};
    uint8_t buf[WORLD_PACKET];
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;

    bundle_open(&b, false);
    for (unsigned i = 0; i < 2; i++) {
        peer_send(&b.q[i], 0, 1, 50);
        (void)peer_expect(&b.p, buf);
    }
    while (t.nsr < 2) {
        size_t n = peer_recv(b.p.fd, buf, WORLD_DEADLINE_US);
        g_assert_cmpuint(clock_now_us(), <, end);
        if (n && buf[1] >= 192)
            g_assert_cmpint(rtcp_parse(buf, n, on_rtcp, &t), ==, GW_OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        bool named = false;
        for (unsigned k = 0; k < t.ncname; k++)
            named |= t.cname[k] == t.sr[i];
        g_assert_true(named);
    }
    bundle_close(&b);
}

/* ---- balanced: who may not bundle gets a transport a stream ---- */

static struct desc *balanced_answer(bool bundles)
{
    struct desc *d = desc_two();

    d->bundled = bundles;
    for (unsigned i = 0; i < 2; i++) {
        struct desc_transport *t = bundles && i ? NULL : desc_add_transport(d);

        d->stream[i].transport = bundles ? 0 : (int8_t)i;
        if (!t)
            continue;
        t->ice = t->rtcp_mux = true;
        t->security = DESC_DTLS;
        t->setup = DESC_ACTIVE;
        t->nfingerprints = 1;
        t->fingerprint[0] = (struct desc_fingerprint){.hash = "sha-256", .n = 32};
        (void)g_snprintf(t->ufrag, sizeof(t->ufrag), "frag%u", i);
        (void)g_strlcpy(t->pwd, "abcdefghijklmnopqrstuv", sizeof(t->pwd));
    }
    return d;
}

static void check_balanced(bool bundles)
{
    struct world w;
    struct media_id id;
    struct desc *offer = desc_two();
    struct desc *answer = balanced_answer(bundles);
    struct desc *again;

    world_open(&w, NULL);
    g_assert_cmpint(media_leg_open(w.m, 1, &desc_profile_jingle, (struct media_id){0, 0}, &id), ==,
                    GW_OK);
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, offer), ==, GW_OK);
    g_assert_true(offer->bundled);
    g_assert_cmpuint(offer->ntransports, ==, 2);
    g_assert_cmpstr(offer->transport[0].ufrag, !=, offer->transport[1].ufrag);
    media_leg_remote(w.m, id, answer, false);
    again = desc_two();
    (void)desc_add_stream(again, DESC_VIDEO); /* one more: it goes where the others go */
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, again), ==, GW_OK);
    g_assert_cmpuint(again->ntransports, ==, bundles ? 1 : 3);
    g_assert_cmpstr(again->transport[0].ufrag, ==, offer->transport[0].ufrag);
    desc_free(again);
    desc_free(answer);
    desc_free(offer);
    world_close(&w);
}

static void an_answer_that_bundles_takes_the_first_transport(void)
{
    check_balanced(true);
}

static void an_answer_that_does_not_bundle_keeps_each(void)
{
    check_balanced(false);
}

void unit_media_bundle(void)
{
    g_test_add_func("/media/bundle/an-answer-that-bundles-takes-the-first-transport",
                    an_answer_that_bundles_takes_the_first_transport);
    g_test_add_func("/media/bundle/an-answer-that-does-not-bundle-keeps-each",
                    an_answer_that_does_not_bundle_keeps_each);
    g_test_add_func("/media/bundle/answer", an_answer_repeats_the_bundle);
    g_test_add_func("/media/bundle/by-mid", streams_are_told_apart_by_mid);
    g_test_add_func("/media/bundle/by-ssrc", streams_are_told_apart_by_ssrc);
    g_test_add_func("/media/bundle/many-ssrcs", ever_new_ssrcs_do_not_push_the_live_one_out);
    g_test_add_func("/media/paths/trickle",
                    candidates_may_trickle_before_and_after_the_description);
    g_test_add_func("/media/paths/late-answer", a_late_answer_with_ice);
    g_test_add_func("/media/paths/late-answer-without-ice", a_late_answer_without_ice);
    g_test_add_func("/media/paths/peer-reflexive", without_candidates_peer_reflexive_ones_do);
    g_test_add_func("/media/paths/roam", a_peer_whose_nat_rebinds_is_followed);
    g_test_add_func("/media/paths/strangers", strangers_on_the_shared_port_change_nothing);
    g_test_add_func("/media/bundle/names", each_stream_of_a_bundle_has_its_name);
    g_test_add_func("/media/bundle/forged-source", a_forged_source_takes_no_path_away);
}
