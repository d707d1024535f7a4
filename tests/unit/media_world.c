#include "media_world.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void unit_media_world(void);

static void on_event(const struct media_event *ev, void *arg)
{
    struct world *w = arg;

    g_assert_cmpuint(w->nevents, <, WORLD_EVENTS);
    w->event[w->nevents++] = *ev;
}

void world_open(struct world *w, void (*tweak)(struct media_config *c))
{
    struct media_config c = {
        .workers = 1, .naddrs = 1, .rtp_min = 20000, .rtp_max = 20999, .legs_max = 64};

    memset(w, 0, sizeof(*w));
    g_assert_true(net_addr_parse_ip(SPAN("127.0.0.1"), &c.addr[0]));
    if (tweak)
        tweak(&c);
    w->m = media_new(&c, on_event, w);
    g_assert_nonnull(w->m);
}

void world_close(struct world *w)
{
    media_free(w->m);
}

static gboolean on_turn(gpointer arg)
{
    *(gboolean *)arg = TRUE;
    return G_SOURCE_REMOVE;
}

void world_turn(void)
{
    gboolean over = FALSE;
    guint id = g_timeout_add(2, on_turn, &over);

    (void)g_main_context_iteration(NULL, TRUE);
    if (!over)
        (void)g_source_remove(id);
}

unsigned world_count(const struct world *w, struct media_id id, enum media_event_type type)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->nevents; i++)
        n += media_id_equal(w->event[i].id, id) && w->event[i].type == type;
    return n;
}

const struct media_event *world_last(const struct world *w, struct media_id id,
                                     enum media_event_type type)
{
    for (unsigned i = w->nevents; i-- > 0;)
        if (media_id_equal(w->event[i].id, id) && w->event[i].type == type)
            return &w->event[i];
    return NULL;
}

void world_await(struct world *w, struct media_id id, enum media_event_type type, unsigned n)
{
    uint64_t end = clock_now_us() + WORLD_DEADLINE_US;

    while (world_count(w, id, type) < n) {
        g_assert_cmpuint(clock_now_us(), <, end);
        world_turn();
    }
}

struct media_stats world_stats(struct world *w, struct media_id id)
{
    struct media_stats s;

    g_assert_true(media_leg_stats(w->m, id, &s));
    return s;
}

struct media_id world_leg(struct world *w, const struct desc_profile *profile, struct media_id near)
{
    struct media_id id = {0};

    g_assert_cmpint(media_leg_open(w->m, 1, profile, near, &id), ==, GW_OK);
    return id;
}

/* ---- peers ---- */

static int socket_open(struct net_addr *addr)
{
    struct sockaddr_storage name;
    socklen_t len;
    int fd;

    g_assert_true(net_addr_parse_ip(SPAN("127.0.0.1"), addr));
    len = net_addr_to_sockaddr(addr, &name);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&name, len), ==, 0);
    len = sizeof(name);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&name, &len), ==, 0);
    g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&name, addr));
    return fd;
}

void peer_open(struct peer *p)
{
    memset(p, 0, sizeof(*p));
    p->fd = socket_open(&p->addr);
    p->rtcp_fd = socket_open(&p->rtcp_addr);
    p->ssrc = random_u32();
    p->seq = (uint16_t)random_u32();
    p->ts = random_u32();
}

void peer_close(struct peer *p)
{
    (void)close(p->fd);
    (void)close(p->rtcp_fd);
}

void peer_send_raw(const struct peer *p, const void *data, size_t n)
{
    struct sockaddr_storage name;
    socklen_t len = net_addr_to_sockaddr(&p->to, &name);

    g_assert_cmpint(sendto(p->fd, data, n, 0, (struct sockaddr *)&name, len), ==, (ssize_t)n);
}

void peer_send(struct peer *p, uint8_t pt, uint8_t fill, size_t n)
{
    uint8_t buf[WORLD_PACKET];
    struct rtp_header h = {.pt = pt, .seq = p->seq++, .ts = p->ts, .ssrc = p->ssrc};

    p->ts += 160;
    rtp_write(buf, &h);
    memset(buf + RTP_FIXED, fill, n);
    peer_send_raw(p, buf, RTP_FIXED + n);
}

size_t peer_recv(int fd, uint8_t *buf, uint64_t wait_us)
{
    uint64_t end = clock_now_us() + wait_us;

    do {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        ssize_t n = recv(fd, buf, WORLD_PACKET, MSG_DONTWAIT);
        if (n > 0)
            return (size_t)n;
        while (g_main_context_iteration(NULL, FALSE))
            ;
        (void)poll(&pfd, 1, 2);
    } while (clock_now_us() < end);
    return 0;
}

struct rtp_header peer_expect(struct peer *p, uint8_t *buf)
{
    struct rtp_header h;
    size_t n = peer_recv(p->fd, buf, WORLD_DEADLINE_US);

    g_assert_cmpuint(n, >, 0);
    g_assert_cmpint(rtp_parse(buf, n, &h), ==, GW_OK);
    return h;
}

/* Statistics are published by the worker itself: once they are newer than what was sent, the worker
 * has been through it. */
void peer_expect_none(struct world *w, struct peer *p)
{
    uint8_t buf[WORLD_PACKET];
    struct media_id id = world_leg(w, &desc_profile_plain, (struct media_id){0});
    struct peer probe;
    struct media_id probed;

    media_leg_close(w->m, id);
    peer_open(&probe);
    probed = world_plain(w, &probe, (struct media_id){0});
    peer_send(&probe, 0, 1, 10); /* the worker takes datagrams and commands in turns */
    world_await(w, probed, MEDIA_FIRST_PACKET, 1);
    media_leg_close(w->m, probed);
    peer_close(&probe);
    g_assert_cmpuint(peer_recv(p->fd, buf, 0), ==, 0);
}

/* ---- descriptions ---- */

struct desc *desc_audio(void)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    s->direction = DESC_SENDRECV;
    s->transport = -1;
    (void)desc_add_codec(s, 0, "PCMU", 8000, 1, NULL);
    (void)desc_add_codec(s, 101, "telephone-event", 8000, 1, "0-15");
    return d;
}

void desc_add_opus(struct desc *d)
{
    (void)desc_add_codec(&d->stream[0], 111, "opus", 48000, 2, NULL);
    (void)desc_add_codec(&d->stream[0], 110, "telephone-event", 48000, 1, "0-15");
}

struct desc *desc_plain(const struct peer *p)
{
    struct desc *d = desc_audio();
    struct desc_transport *t = desc_add_transport(d);

    d->stream[0].transport = 0;
    t->rtp = p->addr;
    t->rtcp = p->rtcp_addr;
    return d;
}

static void way_audio(struct plan_way *w, uint8_t in, uint8_t out)
{
    w->open = true;
    w->ncodecs = 2;
    w->codec[0] = (struct plan_codec){in, out, 8000, 8000, false, false, false};
    w->codec[1] = (struct plan_codec){101, 101, 8000, 8000, true, false, false};
}

void plan_audio(struct media_plan *plan, uint8_t pt_a, uint8_t pt_b)
{
    memset(plan, 0, sizeof(*plan));
    plan->nways = 2;
    plan->na_to_b = 1;
    way_audio(&plan->way[0], pt_a, pt_b);
    way_audio(&plan->way[1], pt_b, pt_a);
}

struct media_id world_plain(struct world *w, struct peer *p, struct media_id near)
{
    struct media_id id = world_leg(w, &desc_profile_plain, near);
    struct desc *offer = desc_plain(p), *answer = desc_audio();

    media_leg_remote(w->m, id, offer, true);
    g_assert_cmpint(media_leg_describe(w->m, id, offer, false, answer), ==, GW_OK);
    p->to = answer->transport[0].rtp;
    g_assert_cmpuint(p->to.port, >=, 20000);
    desc_free(offer);
    desc_free(answer);
    return id;
}

static void full_when_legs_are_used_up(void)
{
    struct world w;
    struct media_id id[64], more = {7, 7};

    world_open(&w, NULL);
    for (unsigned i = 0; i < 64; i++)
        id[i] = world_leg(&w, &desc_profile_plain, (struct media_id){0});
    g_assert_cmpint(media_leg_open(w.m, 1, &desc_profile_plain, (struct media_id){0}, &more), ==,
                    GW_EFULL);
    g_assert_cmpuint(more.slot, ==, 7); /* nothing was created */
    media_leg_close(w.m, id[3]);
    g_assert_cmpint(media_leg_open(w.m, 1, &desc_profile_plain, (struct media_id){0}, &more), ==,
                    GW_OK);
    g_assert_false(media_id_equal(more, id[3])); /* a slot comes back under another generation */
    media_leg_close(w.m, id[3]);                 /* stale: ignored */
    g_assert_true(media_leg_stats(w.m, more, &(struct media_stats){0}));
    world_close(&w);
}

static void few_ports(struct media_config *c)
{
    c->rtp_max = 20003;
}

static void full_when_ports_are_used_up(void)
{
    struct world w;
    struct peer p;
    struct media_id first, third;
    struct desc *offer, *answer = desc_audio();

    world_open(&w, few_ports);
    peer_open(&p);
    first = world_plain(&w, &p, (struct media_id){0});
    (void)world_plain(&w, &p, (struct media_id){0});
    third = world_leg(&w, &desc_profile_plain, (struct media_id){0});
    offer = desc_plain(&p);
    g_assert_cmpint(media_leg_describe(w.m, third, offer, false, answer), ==, GW_EFULL);
    media_leg_close(w.m, first);
    for (uint64_t end = clock_now_us() + WORLD_DEADLINE_US; clock_now_us() < end;) {
        if (media_leg_describe(w.m, third, offer, false, answer) == GW_OK)
            break; /* the worker closes the first one's sockets in its own time */
        world_turn();
    }
    g_assert_cmpuint(answer->ntransports, ==, 1);
    desc_free(offer);
    desc_free(answer);
    peer_close(&p);
    world_close(&w);
}

static void describing_again_repeats(void)
{
    struct world w;
    struct media_id id;
    struct desc *one = desc_audio(), *two = desc_audio();

    world_open(&w, NULL);
    id = world_leg(&w, &desc_profile_sdes, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, one), ==, GW_OK);
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, two), ==, GW_OK);
    g_assert_true(net_addr_equal(&one->transport[0].rtp, &two->transport[0].rtp));
    g_assert_cmpuint(one->transport[0].rtp.port % 2, ==, 0);
    g_assert_cmpuint(one->transport[0].rtcp.port, ==, one->transport[0].rtp.port + 1);
    g_assert_cmpuint(one->transport[0].ncrypto, ==, two->transport[0].ncrypto);
    g_assert_true(memcmp(one->transport[0].crypto, two->transport[0].crypto,
                         sizeof(one->transport[0].crypto)) == 0);
    desc_free(one);
    desc_free(two);
    world_close(&w);
}

static void restart_renews_credentials_and_nothing_else(void)
{
    struct world w;
    struct media_id id;
    struct desc *one = desc_audio(), *two = desc_audio();

    world_open(&w, NULL);
    id = world_leg(&w, &desc_profile_webrtc, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, one), ==, GW_OK);
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, true, two), ==, GW_OK);
    g_assert_cmpstr(one->transport[0].ufrag, !=, two->transport[0].ufrag);
    g_assert_cmpstr(one->transport[0].pwd, !=, two->transport[0].pwd);
    g_assert_true(net_addr_equal(&one->transport[0].rtp, &two->transport[0].rtp));
    g_assert_cmpuint(one->stream[0].source[0].ssrc, ==, two->stream[0].source[0].ssrc);
    g_assert_true(one->bundled);
    g_assert_cmpstr(one->stream[0].mid, !=, "");
    g_assert_cmpuint(one->transport[0].ncandidates, ==, 1);
    g_assert_cmpint(one->transport[0].setup, ==, DESC_ACTPASS);
    desc_free(one);
    desc_free(two);
    world_close(&w);
}

static void an_offer_without_keys_is_refused(void)
{
    struct world w;
    struct peer p;
    struct media_id id;
    struct desc *offer, *answer = desc_audio();

    world_open(&w, NULL);
    peer_open(&p);
    offer = desc_plain(&p);
    offer->transport[0].security = DESC_SDES;
    id = world_leg(&w, &desc_profile_plain, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, id, offer, false, answer), ==, GW_EUNSUPPORTED);
    g_assert_cmpuint(answer->ntransports, ==, 0);
    desc_free(offer);
    desc_free(answer);
    peer_close(&p);
    world_close(&w);
}

void unit_media_world(void)
{
    g_test_add_func("/media/media/full-when-legs-are-used-up", full_when_legs_are_used_up);
    g_test_add_func("/media/media/full-when-ports-are-used-up", full_when_ports_are_used_up);
    g_test_add_func("/media/describe/again-repeats", describing_again_repeats);
    g_test_add_func("/media/describe/restart-renews-credentials",
                    restart_renews_credentials_and_nothing_else);
    g_test_add_func("/media/describe/offer-without-keys", an_offer_without_keys_is_refused);
}
