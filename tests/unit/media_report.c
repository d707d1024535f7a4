#include "media/octets.h"
#include "media/rtcp.h"
#include "media_world.h"

#include <string.h>
#include <sys/socket.h>

void unit_media_report(void);

enum { VP8 = 96, RTX = 97 };

struct video { /* one video stream between two plain peers */
    struct world w;
    struct peer a, b;
    struct media_id ida, idb;
    struct media_plan plan;
    uint32_t out_ssrc; /* what B sees A's stream as */
    struct rtp_header last;
};

static struct desc *desc_video(const struct peer *p)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_VIDEO);

    s->direction = DESC_SENDRECV;
    s->transport = -1;
    (void)desc_add_codec(s, VP8, "VP8", 90000, 1, NULL);
    (void)desc_add_codec(s, RTX, "rtx", 90000, 1, "apt=96");
    if (p) {
        struct desc_transport *t = desc_add_transport(d);
        s->transport = 0;
        t->rtp = p->addr;
        t->rtcp = p->rtcp_addr;
    }
    return d;
}

static struct media_id leg_video(struct world *w, struct peer *p, struct media_id near)
{
    struct media_id id = world_leg(w, &desc_profile_plain, near);
    struct desc *offer = desc_video(p), *answer = desc_video(NULL);

    g_assert_cmpint(media_leg_describe(w->m, id, offer, false, answer), ==, GW_OK);
    p->to = answer->transport[0].rtp;
    desc_free(offer);
    desc_free(answer);
    return id;
}

static void way_video(struct plan_way *way)
{
    way->open = true;
    way->ncodecs = 2;
    way->codec[0] = (struct plan_codec){VP8, VP8, 90000, 90000, false, false, true};
    way->codec[1] = (struct plan_codec){RTX, RTX, 90000, 90000, false, true, true};
    way->far_pli = way->far_fir = way->far_nack = true;
}

static struct rtp_header video_through(struct video *v)
{
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h;

    peer_send(&v->a, VP8, 1, 500);
    h = peer_expect(&v->b, buf);
    v->last = h;
    return h;
}

static void video_open(struct video *v)
{
    memset(v, 0, sizeof(*v));
    world_open(&v->w, NULL);
    peer_open(&v->a);
    peer_open(&v->b);
    v->ida = leg_video(&v->w, &v->a, (struct media_id){0});
    v->idb = leg_video(&v->w, &v->b, v->ida);
    v->plan.nways = 2;
    v->plan.na_to_b = 1;
    way_video(&v->plan.way[0]);
    way_video(&v->plan.way[1]);
}

static void video_join(struct video *v)
{
    media_join(v->w.m, v->ida, v->idb, &v->plan);
    v->out_ssrc = video_through(v).ssrc;
}

static void video_close(struct video *v)
{
    world_close(&v->w);
    peer_close(&v->a);
    peer_close(&v->b);
}

/* ---- what a peer hears by RTCP ---- */

struct heard {
    struct rtcp_event sr, block, pli, fir, nack, cname;
    unsigned srs, blocks, plis, firs, nacks, cnames;
};

static void on_rtcp(const struct rtcp_event *ev, void *arg)
{
    struct heard *h = arg;

    switch (ev->type) {
    case RTCP_SENDER:
        h->sr = *ev;
        h->srs++;
        break;
    case RTCP_BLOCK:
        h->block = *ev;
        h->blocks++;
        break;
    case RTCP_PLI:
        h->pli = *ev;
        h->plis++;
        break;
    case RTCP_FIR:
        h->fir = *ev;
        h->firs++;
        break;
    case RTCP_NACK:
        h->nack = *ev;
        h->nacks++;
        break;
    case RTCP_CNAME:
        h->cname = *ev;
        h->cnames++;
        break;
    case RTCP_BYE:
    case RTCP_REMB: break;
    }
}

/* Until *@p count is not 0. */
static void hear(struct peer *p, struct heard *h, const unsigned *count)
{
    uint8_t buf[WORLD_PACKET];

    while (!*count) {
        size_t n = peer_recv(p->rtcp_fd, buf, WORLD_DEADLINE_US);
        g_assert_cmpuint(n, >, 0);
        g_assert_cmpint(rtcp_parse(buf, n, on_rtcp, h), ==, GW_OK);
    }
}

static void rtcp_send(const struct peer *p, const struct rtcp_writer *w)
{
    struct net_addr to = p->to;
    struct sockaddr_storage name;
    socklen_t len;

    to.port++;
    len = net_addr_to_sockaddr(&to, &name);
    g_assert_cmpuint(rtcp_writer_len(w), >, 0);
    g_assert_cmpint(sendto(p->rtcp_fd, w->p, w->n, 0, (struct sockaddr *)&name, len), ==,
                    (ssize_t)w->n);
}

static void reports_tell_our_view(void)
{
    struct video v;
    struct heard h = {0};

    video_open(&v);
    video_join(&v);
    v.a.seq++; /* one is lost */
    for (unsigned i = 0; i < 8; i++)
        (void)video_through(&v);
    hear(&v.a, &h, &h.blocks);
    g_assert_cmpuint(h.block.u.block.ssrc, ==, v.a.ssrc);
    g_assert_cmpint(h.block.u.block.seen.lost, ==, 1);
    g_assert_cmpuint(h.block.u.block.seen.highest & 0xffff, ==, (uint16_t)(v.a.seq - 1));
    g_assert_cmpuint(h.cnames, >, 0);
    memset(&h, 0, sizeof(h));
    hear(&v.b, &h, &h.srs); /* A sends none: we speak for ourselves */
    g_assert_cmpuint(h.sr.sender, ==, v.out_ssrc);
    g_assert_cmpuint(h.sr.u.sr.packets, >, 0);
    video_close(&v);
}

static void a_sender_report_crosses_in_our_numbers(void)
{
    struct video v;
    struct heard h = {0};
    struct rtcp_sender_info info = {.ntp = UINT64_C(0xe0001234) << 32, .packets = 1, .octets = 500};
    uint8_t buf[512];
    struct rtcp_writer w;

    video_open(&v);
    video_join(&v);
    info.rtp_ts = v.a.ts - 160; /* of the packet just sent */
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_sr(&w, v.a.ssrc, &info, NULL, 0);
    rtcp_put_cname(&w, v.a.ssrc, SPAN("a@example.org"));
    rtcp_send(&v.a, &w);
    while (h.sr.u.sr.ntp != info.ntp) {
        h.srs = 0;
        hear(&v.b, &h, &h.srs);
    }
    g_assert_cmpuint(h.sr.sender, ==, v.out_ssrc);
    g_assert_cmpuint(h.sr.u.sr.rtp_ts, ==, v.last.ts); /* the same packet's */
    g_assert_false(span_equal(h.cname.u.cname, SPAN("a@example.org")));
    video_close(&v);
}

static void a_burst_of_sender_reports_crosses_once(void)
{
    struct video v;
    struct heard h = {0};
    struct rtcp_sender_info info = {.ntp = UINT64_C(0xe0001234) << 32};
    uint8_t buf[1400];
    struct rtcp_writer w;

    video_open(&v);
    video_join(&v);
    rtcp_writer_init(&w, buf, sizeof(buf));
    for (unsigned i = 0; i < 40; i++, info.ntp += UINT64_C(1) << 32)
        rtcp_put_sr(&w, v.a.ssrc, &info, NULL, 0);
    rtcp_send(&v.a, &w);
    hear(&v.b, &h, &h.srs);
    g_assert_cmphex(h.sr.u.sr.ntp, ==, UINT64_C(0xe0001234) << 32);
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_rr(&w, v.b.ssrc, NULL, 0);
    rtcp_put_nack(&w, v.b.ssrc, v.out_ssrc, v.last.seq, 0);
    rtcp_send(&v.b, &w); /* comes out behind whatever else the burst gave rise to */
    h.nacks = 0;
    hear(&v.a, &h, &h.nacks);
    g_assert_cmpuint(peer_recv(v.b.rtcp_fd, buf, 0), ==, 0);
    video_close(&v);
}

static void feedback_head(struct rtcp_writer *w, uint8_t *buf, size_t cap, uint32_t ssrc)
{
    rtcp_writer_init(w, buf, cap);
    rtcp_put_rr(w, ssrc, NULL, 0);
    rtcp_put_cname(w, ssrc, SPAN("b"));
}

static void pli_send(struct video *v)
{
    struct rtcp_writer w;
    uint8_t buf[256];

    feedback_head(&w, buf, sizeof(buf), v->b.ssrc);
    rtcp_put_pli(&w, v->b.ssrc, v->out_ssrc);
    rtcp_send(&v->b, &w);
}

static void a_key_frame_request_crosses(void)
{
    struct video v;
    struct heard h = {0};

    video_open(&v);
    video_join(&v);
    hear(&v.a, &h, &h.plis); /* at the beginning we ask by ourselves */
    g_assert_cmpuint(h.pli.u.media, ==, v.a.ssrc);
    h.plis = 0;
    for (uint64_t end = clock_now_us() + 350 * US_PER_MS; clock_now_us() < end;)
        world_turn(); /* the limit on requests has passed */
    pli_send(&v);
    hear(&v.a, &h, &h.plis);
    g_assert_cmpuint(h.pli.u.media, ==, v.a.ssrc);
    video_close(&v);
}

static void a_request_becomes_fir_where_pli_is_unknown(void)
{
    struct video v;
    struct heard h = {0};

    video_open(&v);
    v.plan.way[0].far_pli = false;
    video_join(&v);
    hear(&v.a, &h, &h.firs);
    g_assert_cmpuint(h.fir.u.fir.media, ==, v.a.ssrc);
    g_assert_cmpuint(h.plis, ==, 0);
    video_close(&v);
}

static void a_request_becomes_an_event_without_feedback(void)
{
    struct video v;

    video_open(&v);
    v.plan.way[0].far_pli = v.plan.way[0].far_fir = false;
    video_join(&v);
    pli_send(&v);
    world_await(&v.w, v.idb, MEDIA_KEYFRAME, 1);
    g_assert_cmpuint(world_count(&v.w, v.ida, MEDIA_KEYFRAME), ==, 0);
    video_close(&v);
}

static void a_nack_names_the_senders_packet(void)
{
    struct video v;
    struct heard h = {0};
    struct rtcp_writer w;
    uint8_t buf[256];
    uint16_t source_seq;

    video_open(&v);
    video_join(&v);
    source_seq = (uint16_t)(v.a.seq - 1);
    feedback_head(&w, buf, sizeof(buf), v.b.ssrc);
    rtcp_put_nack(&w, v.b.ssrc, v.out_ssrc, v.last.seq, 0x5);
    rtcp_send(&v.b, &w);
    hear(&v.a, &h, &h.nacks);
    g_assert_cmpuint(h.nack.u.nack.media, ==, v.a.ssrc);
    g_assert_cmpuint(h.nack.u.nack.pid, ==, source_seq);
    g_assert_cmpuint(h.nack.u.nack.blp, ==, 0x5);
    video_close(&v);
}

static void a_retransmission_names_our_packet(void)
{
    struct video v;
    struct peer rtx;
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h = {.pt = RTX, .seq = 7, .ts = 9, .ssrc = 0x1234};

    video_open(&v);
    video_join(&v);
    rtx = v.a;
    rtp_write(buf, &h);
    octets_put16(buf + 12, (uint16_t)(v.a.seq - 1)); /* RFC 4588 4 */
    memset(buf + 14, 1, 100);
    peer_send_raw(&rtx, buf, 114);
    h = peer_expect(&v.b, buf);
    g_assert_cmpuint(h.pt, ==, RTX);
    g_assert_cmpuint(h.ssrc, !=, v.out_ssrc); /* a stream of its own */
    g_assert_cmpuint(octets_get16(buf + 12), ==, v.last.seq);
    (void)video_through(&v); /* and the video's numbers are none the worse */
    g_assert_cmpuint(v.last.ssrc, ==, v.out_ssrc);
    video_close(&v);
}

static void a_new_ssrc_continues_the_stream(void)
{
    struct video v;
    struct rtp_header before, after;

    video_open(&v);
    video_join(&v);
    before = video_through(&v);
    v.a.ssrc++;
    v.a.seq = (uint16_t)(v.a.seq + 20000);
    v.a.ts += 123456;
    after = video_through(&v);
    g_assert_cmpuint(after.ssrc, ==, before.ssrc);
    g_assert_cmpuint(after.seq, ==, (uint16_t)(before.seq + 1));
    g_assert_cmpint((int32_t)(after.ts - before.ts), >, 0);
    video_close(&v);
}

static void round_trip_is_measured(void)
{
    struct video v;
    struct heard h = {0};
    struct rtcp_block b = {0};
    struct rtcp_writer w;
    uint8_t buf[256];
    uint64_t end;

    video_open(&v);
    video_join(&v);
    hear(&v.b, &h, &h.srs);
    b.ssrc = v.out_ssrc;
    b.lsr = (uint32_t)(h.sr.u.sr.ntp >> 16);
    b.dlsr = 1;
    rtcp_writer_init(&w, buf, sizeof(buf));
    rtcp_put_rr(&w, v.b.ssrc, &b, 1);
    rtcp_send(&v.b, &w);
    end = clock_now_us() + WORLD_DEADLINE_US;
    while (!world_stats(&v.w, v.idb).rtt_us) {
        g_assert_cmpuint(clock_now_us(), <, end);
        world_turn();
    }
    video_close(&v);
}

void unit_media_report(void)
{
    g_test_add_func("/media/report/our-view", reports_tell_our_view);
    g_test_add_func("/media/report/sr-crosses", a_sender_report_crosses_in_our_numbers);
    g_test_add_func("/media/report/sr-burst", a_burst_of_sender_reports_crosses_once);
    g_test_add_func("/media/report/pli-crosses", a_key_frame_request_crosses);
    g_test_add_func("/media/report/pli-to-fir", a_request_becomes_fir_where_pli_is_unknown);
    g_test_add_func("/media/report/pli-to-event", a_request_becomes_an_event_without_feedback);
    g_test_add_func("/media/report/nack-crosses", a_nack_names_the_senders_packet);
    g_test_add_func("/media/report/rtx", a_retransmission_names_our_packet);
    g_test_add_func("/media/report/new-ssrc", a_new_ssrc_continues_the_stream);
    g_test_add_func("/media/report/round-trip", round_trip_is_measured);
}
