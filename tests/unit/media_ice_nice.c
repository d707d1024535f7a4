/* Our agent against libnice's, over real sockets on loopback. */
#include "base/clock.h"
#include "base/ids.h"
#include "media/ice.h"

#include <gio/gio.h>
#include <nice/agent.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

void unit_media_ice_nice(void);

enum { DATAGRAM = 1500 };
#define PATIENCE_US (10 * US_PER_S)

struct bench {
    /* ours */
    int fd;
    struct ice_shared *shared;
    struct ice *ice;
    struct ice_credentials creds;
    struct net_addr addr;
    unsigned selects, fails;
    unsigned echoed; /* datagrams of libnice sent back */
    /* theirs */
    GMainContext *ctx;
    NiceAgent *agent;
    guint stream;
    bool gathered, closed;
    guint state;
    unsigned sent, received;
};

static void on_send(void *arg, struct span datagram, const struct net_addr *local,
                    const struct net_addr *remote)
{
    struct bench *b = arg;
    struct sockaddr_storage sa;
    socklen_t n = net_addr_to_sockaddr(remote, &sa);

    g_assert_true(net_addr_equal(local, &b->addr));
    g_assert_cmpint(sendto(b->fd, datagram.p, datagram.n, 0, (struct sockaddr *)&sa, n), ==,
                    (ssize_t)datagram.n);
}

static void on_path(void *arg, enum ice_path_event what, const struct net_addr *local,
                    const struct net_addr *remote)
{
    (void)local, (void)remote;
    ((struct bench *)arg)->selects += what == ICE_PATH_SELECTED;
}

static void on_failed(void *arg, enum ice_why why)
{
    (void)why;
    ((struct bench *)arg)->fails++;
}

static const struct ice_ops ops = {.send = on_send, .path = on_path, .failed = on_failed};

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
    (void)agent, (void)stream;
    ((struct bench *)arg)->gathered = true;
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer arg)
{
    (void)agent, (void)stream, (void)component;
    ((struct bench *)arg)->state = state;
}

static void on_recv(NiceAgent *agent, guint stream, guint component, guint n, gchar *data,
                    gpointer arg)
{
    (void)agent, (void)stream, (void)component, (void)n, (void)data;
    ((struct bench *)arg)->received++;
}

static void on_closed(GObject *source, GAsyncResult *result, gpointer arg)
{
    (void)source, (void)result;
    ((struct bench *)arg)->closed = true;
}

/* ---- ours ---- */

static void open_ours(struct bench *b, bool controlling)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    struct ice_params params = {.ops = &ops, .arg = b, .tag = 7, .controlling = controlling};

    b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(b->fd, (struct sockaddr *)&any, sizeof(any)), ==, 0);
    g_assert_cmpint(getsockname(b->fd, (struct sockaddr *)&sa, &n), ==, 0);
    g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &b->addr));
    b->shared = ice_shared_new(&(struct ice_options){.allow_loopback = true});
    ice_credentials_make(7, &b->creds);
    params.shared = b->shared;
    params.local = b->creds;
    params.locals[0] = b->addr;
    params.nlocals = 1;
    b->ice = ice_new(&params);
    g_assert_nonnull(b->ice);
}

static void serve_ours(struct bench *b)
{
    char buf[DATAGRAM];
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    ssize_t got;

    while ((got = recvfrom(b->fd, buf, sizeof(buf), 0, (struct sockaddr *)&sa, &n)) > 0) {
        struct net_addr from, local, remote;

        g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &from));
        if (buf[0] >= 0 && buf[0] <= 3)
            ice_input(b->ice, (struct span){buf, (size_t)got}, &b->addr, &from, clock_now_us());
        else if (ice_send_path(b->ice, &local, &remote)) {
            on_send(b, (struct span){buf, (size_t)got}, &local, &remote);
            b->echoed++;
        }
        n = sizeof(sa);
    }
    if (ice_next_due_us(b->ice) <= clock_now_us())
        ice_timer(b->ice, clock_now_us());
}

/* ---- theirs ---- */

static void open_theirs(struct bench *b, bool controlling, NiceAgentOption options)
{
    NiceAddress addr;

    b->ctx = g_main_context_new();
    g_main_context_push_thread_default(b->ctx); /* where asynchronous results arrive */
    b->agent = nice_agent_new_full(b->ctx, NICE_COMPATIBILITY_RFC5245, options);
    g_object_set(b->agent, "controlling-mode", controlling, "upnp", FALSE, "ice-tcp", FALSE, NULL);
    nice_address_init(&addr);
    g_assert_true(nice_address_set_from_string(&addr, "127.0.0.1"));
    g_assert_true(nice_agent_add_local_address(b->agent, &addr));
    b->stream = nice_agent_add_stream(b->agent, 1);
    (void)g_signal_connect(b->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), b);
    (void)g_signal_connect(b->agent, "component-state-changed", G_CALLBACK(on_state), b);
    g_assert_true(nice_agent_attach_recv(b->agent, b->stream, 1, b->ctx, on_recv, b));
    g_assert_true(nice_agent_gather_candidates(b->agent, b->stream));
}

/* One round of both sides; false when patience is at an end. */
static bool turn(struct bench *b, uint64_t end_us)
{
    struct pollfd fd = {.fd = b->fd, .events = POLLIN};

    while (g_main_context_iteration(b->ctx, FALSE))
        ;
    serve_ours(b);
    (void)poll(&fd, 1, 1);
    return clock_now_us() < end_us;
}

static void our_description(struct bench *b)
{
    NiceCandidate *c = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);
    GSList list = {.data = c, .next = NULL};
    struct desc_candidate ours;
    struct sockaddr_storage sa;

    g_assert_true(
        nice_agent_set_remote_credentials(b->agent, b->stream, b->creds.ufrag, b->creds.pwd));
    ice_host_candidate(&b->addr, 0, &ours);
    (void)net_addr_to_sockaddr(&b->addr, &sa);
    c->component_id = 1;
    c->stream_id = b->stream;
    c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
    c->priority = ours.priority;
    (void)g_strlcpy(c->foundation, ours.foundation, sizeof(c->foundation));
    nice_address_set_from_sockaddr(&c->addr, (struct sockaddr *)&sa);
    g_assert_cmpint(nice_agent_set_remote_candidates(b->agent, b->stream, 1, &list), >=, 0);
    nice_candidate_free(c);
}

static void their_credentials(struct bench *b, bool lite)
{
    g_autofree char *ufrag = NULL, *pwd = NULL;

    g_assert_true(nice_agent_get_local_credentials(b->agent, b->stream, &ufrag, &pwd));
    g_assert_cmpint(ice_set_remote(b->ice, ufrag, pwd, lite, clock_now_us()), ==, GW_OK);
}

static void their_candidates(struct bench *b)
{
    GSList *list = nice_agent_get_local_candidates(b->agent, b->stream, 1);

    g_assert_nonnull(list);
    for (GSList *l = list; l; l = l->next) {
        const NiceCandidate *c = l->data;
        struct sockaddr_storage sa;
        struct desc_candidate theirs = {.component = 1, .priority = c->priority};

        nice_address_copy_to_sockaddr(&c->addr, (struct sockaddr *)&sa);
        g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &theirs.addr));
        (void)ice_add_candidate(b->ice, &theirs, clock_now_us());
    }
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static struct bench *bench_new(bool controlling, NiceAgentOption options)
{
    struct bench *b = g_new0(struct bench, 1);
    uint64_t end = clock_now_us() + PATIENCE_US;

    open_ours(b, controlling);
    open_theirs(b, !controlling, options);
    while (!b->gathered)
        g_assert_true(turn(b, end));
    return b;
}

static void wait_ready(struct bench *b)
{
    uint64_t end = clock_now_us() + PATIENCE_US;

    while (ice_state(b->ice) != ICE_READY || b->state != NICE_COMPONENT_STATE_READY)
        g_assert_true(turn(b, end));
}

/* Ten datagrams of libnice come back. */
static void media_flows(struct bench *b)
{
    uint64_t end = clock_now_us() + PATIENCE_US;

    b->sent = b->received = 0;
    while (b->received < 10) {
        if (b->sent - b->received < 2 &&
            nice_agent_send(b->agent, b->stream, 1, 6, "\x80media") == 6)
            b->sent++;
        g_assert_true(turn(b, end));
    }
    g_assert_cmpuint(b->fails, ==, 0);
}

static void bench_free(struct bench *b)
{
    uint64_t end = clock_now_us() + PATIENCE_US;

    nice_agent_close_async(b->agent, on_closed, b);
    while (!b->closed)
        g_assert_true(turn(b, end));
    g_object_unref(b->agent);
    while (g_main_context_iteration(b->ctx, FALSE))
        ;
    g_main_context_pop_thread_default(b->ctx);
    g_main_context_unref(b->ctx);
    ice_free(b->ice);
    ice_shared_free(b->shared);
    (void)close(b->fd);
    g_free(b);
}

static void both_described(bool controlling, NiceAgentOption options, bool lite)
{
    struct bench *b = bench_new(controlling, options);

    their_credentials(b, lite);
    their_candidates(b);
    our_description(b);
    wait_ready(b);
    media_flows(b);
    g_assert_cmpuint(b->selects, ==, 1);
    bench_free(b);
}

static void libnice_nominates_aggressively(void)
{
    both_described(false, NICE_AGENT_OPTION_NONE, false);
}

static void libnice_nominates_regularly(void)
{
    both_described(false, NICE_AGENT_OPTION_REGULAR_NOMINATION, false);
}

static void we_nominate(void)
{
    both_described(true, NICE_AGENT_OPTION_NONE, false);
}

static void libnice_asks_for_consent(void)
{
    both_described(true, NICE_AGENT_OPTION_CONSENT_FRESHNESS, false);
}

static void lite_libnice_is_nominated_by_us(void)
{
    both_described(true, NICE_AGENT_OPTION_LITE_MODE, true);
}

static void lite_libnice_makes_us_controlling(void)
{
    struct bench *b = bench_new(true, NICE_AGENT_OPTION_LITE_MODE);
    struct ice_params params = {.shared = b->shared,
                                .ops = &ops,
                                .arg = b,
                                .tag = 7,
                                .local = b->creds,
                                .locals[0] = b->addr,
                                .nlocals = 1};

    ice_free(b->ice); /* the same, but controlled to begin with */
    b->ice = ice_new(&params);
    their_credentials(b, true);
    g_assert_true(ice_controlling(b->ice));
    their_candidates(b);
    our_description(b);
    wait_ready(b);
    media_flows(b);
    bench_free(b);
}

static void libnice_is_learnt_without_candidates(void)
{
    for (unsigned controlling = 0; controlling < 2; controlling++) {
        struct bench *b = bench_new(controlling, NICE_AGENT_OPTION_NONE);

        their_credentials(b, false);
        our_description(b); /* as with a browser that has mDNS names only */
        wait_ready(b);
        media_flows(b);
        bench_free(b);
    }
}

static void libnice_checks_before_we_are_described(void)
{
    struct bench *b = bench_new(false, NICE_AGENT_OPTION_NONE);
    uint64_t end = clock_now_us() + 300 * US_PER_MS;

    our_description(b);
    while (turn(b, end))
        ;
    g_assert_cmpint(ice_state(b->ice), ==, ICE_WAITING);
    their_credentials(b, false);
    wait_ready(b);
    media_flows(b);
    bench_free(b);
}

static void role_conflict_with_libnice_is_settled(void)
{
    for (unsigned both = 0; both < 2; both++) {
        struct bench *b = bench_new(both, NICE_AGENT_OPTION_NONE);

        g_object_set(b->agent, "controlling-mode", both, NULL);
        their_credentials(b, false);
        their_candidates(b);
        our_description(b);
        wait_ready(b);
        media_flows(b);
        bench_free(b);
    }
}

/* Media goes on while both change credentials, whoever begins. */
static void restart_with_libnice(bool we_begin)
{
    struct bench *b = bench_new(false, NICE_AGENT_OPTION_NONE);

    their_credentials(b, false);
    their_candidates(b);
    our_description(b);
    wait_ready(b);
    media_flows(b);
    for (unsigned i = 2; i < 5; i++) {
        uint64_t end = clock_now_us() + PATIENCE_US;

        if (we_begin) {
            ice_credentials_make(7, &b->creds);
            g_assert_cmpint(ice_set_local(b->ice, &b->creds, clock_now_us()), ==, GW_OK);
            media_flows(b);
            g_assert_true(nice_agent_restart(b->agent));
            media_flows(b);
            our_description(b);
            media_flows(b);
            their_credentials(b, false);
        } else {
            g_assert_true(nice_agent_restart(b->agent));
            their_credentials(b, false);
            media_flows(b);
            ice_credentials_make(7, &b->creds);
            g_assert_cmpint(ice_set_local(b->ice, &b->creds, clock_now_us()), ==, GW_OK);
            media_flows(b);
            our_description(b);
        }
        media_flows(b);
        while (b->selects < i)
            g_assert_true(turn(b, end));
        wait_ready(b);
        media_flows(b);
    }
    bench_free(b);
}

static void restart_we_begin_with_libnice(void)
{
    restart_with_libnice(true);
}

static void restart_libnice_begins(void)
{
    restart_with_libnice(false);
}

#define ADD(claim, fn) g_test_add_func("/media/ice_nice/" claim, fn)

void unit_media_ice_nice(void)
{
    ADD("libnice-nominates-aggressively", libnice_nominates_aggressively);
    ADD("libnice-nominates-regularly", libnice_nominates_regularly);
    ADD("we-nominate", we_nominate);
    ADD("libnice-asks-for-consent", libnice_asks_for_consent);
    ADD("lite-libnice-is-nominated-by-us", lite_libnice_is_nominated_by_us);
    ADD("lite-libnice-makes-us-controlling", lite_libnice_makes_us_controlling);
    ADD("libnice-is-learnt-without-candidates", libnice_is_learnt_without_candidates);
    ADD("libnice-checks-before-we-are-described", libnice_checks_before_we_are_described);
    ADD("role-conflict-with-libnice-is-settled", role_conflict_with_libnice_is_settled);
    ADD("restart-we-begin-with-libnice", restart_we_begin_with_libnice);
    ADD("restart-libnice-begins", restart_libnice_begins);
}
