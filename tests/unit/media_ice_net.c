#include "tests/unit/media_ice_net.h"

#include <string.h>

void unit_media_ice_net(void);

struct packet {
    uint64_t due_us;
    struct net_addr source, to;
    bool stun;
    size_t n;
    char data[];
};

static int by_time(gconstpointer a, gconstpointer b, gpointer arg)
{
    const struct packet *x = a, *y = b;

    (void)arg;
    return (x->due_us > y->due_us) - (x->due_us < y->due_us);
}

static void enqueue(struct icenet *net, const char *data, size_t n, const struct net_addr *source,
                    const struct net_addr *to)
{
    struct packet *p = g_malloc(sizeof(*p) + n);

    *p = (struct packet){.due_us = net->now_us + net->latency_us,
                         .source = *source,
                         .to = *to,
                         .stun = (unsigned char)data[0] <= 3,
                         .n = n};
    memcpy(p->data, data, n);
    if (net->jitter_us)
        p->due_us += (uint64_t)g_rand_int_range(net->rand, 0, (gint32)net->jitter_us);
    g_queue_insert_sorted(&net->queue, p, by_time, NULL);
}

void icenet_inject(struct icenet *net, const char *data, size_t n, const struct net_addr *source,
                   const struct net_addr *to)
{
    enqueue(net, data, n, source, to);
}

static bool percent(struct icenet *net, unsigned p)
{
    return p && g_rand_int_range(net->rand, 0, 100) < (gint32)p;
}

static void emit(struct icenode *from, const char *data, size_t n, const struct net_addr *local,
                 const struct net_addr *remote)
{
    struct icenet *net = from->net;
    struct net_addr source = *local;
    char copy[ICE_DATAGRAM_MAX];
    bool stun = (unsigned char)data[0] <= 3;

    if (from->unplugged)
        return;
    if (from->nat.set && net_addr_equal(local, &from->locals[0])) {
        source = from->nat;
        if (from->nholes < G_N_ELEMENTS(from->holes))
            from->holes[from->nholes++] = *remote;
    }
    g_assert_cmpuint(n, <=, sizeof(copy));
    memcpy(copy, data, n);
    if (stun && net->tap && !net->tap(net, from, copy, &n, &source))
        return;
    if (stun && percent(net, net->loss_percent))
        return;
    enqueue(net, copy, n, &source, remote);
    if (stun && percent(net, net->duplicate_percent))
        enqueue(net, copy, n, &source, remote);
}

static void on_send(void *arg, struct span datagram, const struct net_addr *local,
                    const struct net_addr *remote)
{
    struct icenode *n = arg;

    n->sent++;
    emit(n, datagram.p, datagram.n, local, remote);
}

static struct icenet_tuple *tuple_find(const struct icenode *n, const struct net_addr *local,
                                       const struct net_addr *remote)
{
    for (unsigned i = 0; i < n->ntuples; i++) {
        if (net_addr_equal(&n->tuple[i].local, local) &&
            net_addr_equal(&n->tuple[i].remote, remote))
            return (struct icenet_tuple *)(uintptr_t)&n->tuple[i];
    }
    return NULL;
}

bool icenode_knows(const struct icenode *n, const struct net_addr *local,
                   const struct net_addr *remote)
{
    return tuple_find(n, local, remote) != NULL;
}

static void on_path(void *arg, enum ice_path_event what, const struct net_addr *local,
                    const struct net_addr *remote)
{
    struct icenode *n = arg;
    struct icenet_tuple *t = tuple_find(n, local, remote);

    if (!t && what != ICE_PATH_GONE) {
        g_assert_cmpuint(n->ntuples, <, ICENET_TUPLES);
        t = &n->tuple[n->ntuples++];
        *t = (struct icenet_tuple){*local, *remote, false};
    }
    g_assert_nonnull(t);
    switch (what) {
    case ICE_PATH_CHECKED: n->checkeds++; break;
    case ICE_PATH_VALID:
        g_assert_false(t->valid); /* told once */
        t->valid = true;
        n->valids++;
        break;
    case ICE_PATH_SELECTED:
        g_assert_true(t->valid); /* never before VALID */
        n->selects++;
        n->selected_local = *local;
        n->selected_remote = *remote;
        n->selected_at_us = n->net->now_us;
        break;
    case ICE_PATH_GONE:
        n->gones++;
        *t = n->tuple[--n->ntuples];
        break;
    }
}

static void on_failed(void *arg, enum ice_why why)
{
    struct icenode *n = arg;

    g_assert_cmpuint(n->ntuples, ==, 0); /* GONE first */
    n->fails++;
    n->why = why;
}

static const struct ice_ops ops = {.send = on_send, .path = on_path, .failed = on_failed};

struct icenet *icenet_new(uint32_t seed, const struct ice_options *options)
{
    struct icenet *net = g_new0(struct icenet, 1);

    net->now_us = 1000 * ICENET_S;
    net->latency_us = 5 * ICENET_MS;
    net->rand = g_rand_new_with_seed(seed);
    net->shared = ice_shared_new(options);
    g_queue_init(&net->queue);
    return net;
}

void icenet_free(struct icenet *net)
{
    for (unsigned i = 0; i < ICENET_NODES; i++)
        ice_free(net->node[i].ice);
    g_queue_clear_full(&net->queue, g_free);
    ice_shared_free(net->shared);
    g_rand_free(net->rand);
    g_free(net);
}

struct net_addr icenet_addr(const char *text)
{
    struct net_addr a;

    g_assert_true(net_addr_parse(span_of(text), &a));
    return a;
}

struct icenode *icenet_agent(struct icenet *net, unsigned i, const char *locals, bool controlling)
{
    g_auto(GStrv) text = g_strsplit(locals, " ", 4);
    struct icenode *n = &net->node[i];
    struct ice_params params = {.shared = net->shared,
                                .ops = &ops,
                                .arg = n,
                                .tag = 0xabcd0000 + i,
                                .controlling = controlling};

    n->net = net;
    ice_credentials_make(params.tag, &n->creds);
    params.local = n->creds;
    for (; text[n->nlocals]; n->nlocals++)
        params.locals[n->nlocals] = n->locals[n->nlocals] = icenet_addr(text[n->nlocals]);
    params.nlocals = n->nlocals;
    n->ice = ice_new(&params);
    g_assert_nonnull(n->ice);
    return n;
}

void icenet_describe(struct icenode *from, struct icenode *to)
{
    g_assert_cmpint(
        ice_set_remote(to->ice, from->creds.ufrag, from->creds.pwd, from->lite, to->net->now_us),
        ==, GW_OK);
}

void icenet_candidates(struct icenode *from, struct icenode *to)
{
    for (unsigned i = 0; i < from->nlocals; i++) {
        struct desc_candidate c;

        ice_host_candidate(&from->locals[i], i, &c);
        (void)ice_add_candidate(to->ice, &c, to->net->now_us);
        if (i || !from->nat.set)
            continue;
        c.type = DESC_SRFLX;
        c.addr = from->nat;
        c.priority = UINT32_C(100) << 24 | 0xffffff;
        (void)ice_add_candidate(to->ice, &c, to->net->now_us);
    }
}

void icenet_restart(struct icenode *n)
{
    ice_credentials_make(0xabcd0000, &n->creds);
    g_assert_cmpint(ice_set_local(n->ice, &n->creds, n->net->now_us), ==, GW_OK);
}

/* ---- the wire ---- */

static bool hole_for(const struct icenode *n, const struct net_addr *source)
{
    for (unsigned i = 0; i < n->nholes; i++) {
        if (net_addr_equal(&n->holes[i], source))
            return true;
    }
    return !n->nat_closed;
}

static void receive(struct icenode *n, const struct packet *p, const struct net_addr *local)
{
    if (n->unplugged)
        return;
    if (!p->stun) {
        /* A worker takes media from the tuples it was told of only. */
        n->media_got += icenode_knows(n, local, &p->source);
        return;
    }
    n->received++;
    n->last_n = p->n;
    memcpy(n->last, p->data, p->n);
    n->last_local = *local;
    n->last_remote = p->source;
    ice_input(n->ice, (struct span){p->data, p->n}, local, &p->source, n->net->now_us);
}

static void deliver(struct icenet *net, const struct packet *p)
{
    for (unsigned i = 0; i < ICENET_NODES; i++) {
        struct icenode *n = &net->node[i];

        if (!n->ice)
            continue;
        if (n->nat.set && net_addr_equal(&p->to, &n->nat)) {
            if (hole_for(n, &p->source))
                receive(n, p, &n->locals[0]);
            return;
        }
        for (unsigned k = n->nat.set ? 1 : 0; k < n->nlocals; k++) {
            if (net_addr_equal(&p->to, &n->locals[k])) {
                receive(n, p, &n->locals[k]);
                return;
            }
        }
    }
}

static void send_media(struct icenode *n)
{
    struct net_addr local, remote;

    n->media_due_us += 20 * ICENET_MS;
    n->media_sent++;
    if (ice_send_path(n->ice, &local, &remote))
        emit(n, "\x80media", 6, &local, &remote);
    else
        n->media_lost++;
}

static uint64_t next_us(struct icenet *net)
{
    const struct packet *p = g_queue_peek_head(&net->queue);
    uint64_t due = p ? p->due_us : ICE_NEVER;

    for (unsigned i = 0; i < ICENET_NODES; i++) {
        struct icenode *n = &net->node[i];

        if (!n->ice)
            continue;
        due = MIN(due, ice_next_due_us(n->ice));
        if (n->media)
            due = MIN(due, n->media_due_us = MAX(n->media_due_us, net->now_us));
    }
    return MAX(due, net->now_us);
}

static void step(struct icenet *net)
{
    struct packet *p;

    while ((p = g_queue_peek_head(&net->queue)) && p->due_us <= net->now_us) {
        (void)g_queue_pop_head(&net->queue);
        deliver(net, p);
        g_free(p);
    }
    for (unsigned i = 0; i < ICENET_NODES; i++) {
        struct icenode *n = &net->node[i];

        if (!n->ice)
            continue;
        if (n->media && n->media_due_us <= net->now_us)
            send_media(n);
        if (ice_next_due_us(n->ice) > net->now_us)
            continue;
        ice_timer(n->ice, net->now_us);
        g_assert_cmpuint(ice_next_due_us(n->ice), >, net->now_us); /* or a worker would spin */
    }
}

void icenet_run(struct icenet *net, uint64_t for_us)
{
    uint64_t end = net->now_us + for_us, next;

    while ((next = next_us(net)) <= end) {
        net->now_us = next;
        step(net);
    }
    net->now_us = end;
}

bool icenet_connect(struct icenode *a, struct icenode *b, uint64_t most_us)
{
    uint64_t end = a->net->now_us + most_us;

    while (a->net->now_us < end) {
        if (ice_state(a->ice) == ICE_READY && ice_state(b->ice) == ICE_READY)
            return true;
        icenet_run(a->net, ICENET_MS);
    }
    return false;
}

static struct net_addr seen(const struct icenode *n, const struct net_addr *local)
{
    return n->nat.set && net_addr_equal(local, &n->locals[0]) ? n->nat : *local;
}

bool icenet_agree(const struct icenode *a, const struct icenode *b)
{
    struct net_addr al, ar, bl, br, as, bs;

    if (!ice_send_path(a->ice, &al, &ar) || !ice_send_path(b->ice, &bl, &br))
        return false;
    as = seen(a, &al);
    bs = seen(b, &bl);
    return net_addr_equal(&ar, &bs) && net_addr_equal(&br, &as) && icenode_knows(a, &al, &ar) &&
           icenode_knows(b, &bl, &br);
}

/* ---- the plain case, of the network as well as of the agents ---- */

static void two_agents_connect(void)
{
    struct icenet *net = icenet_new(1, NULL);
    struct icenode *a = icenet_agent(net, 0, "10.0.0.1:5000", true);
    struct icenode *b = icenet_agent(net, 1, "10.0.0.2:6000", false);
    uint64_t start = net->now_us;

    icenet_describe(a, b);
    icenet_describe(b, a);
    icenet_candidates(a, b);
    icenet_candidates(b, a);
    g_assert_true(icenet_connect(a, b, 2 * ICENET_S));
    g_assert_true(icenet_agree(a, b));
    /* a check and a nomination: two round trips of 10 ms, and half for the other side */
    g_assert_cmpuint(net->now_us - start, <=, 40 * ICENET_MS);
    g_assert_true(ice_controlling(a->ice));
    g_assert_false(ice_controlling(b->ice));
    g_assert_cmpuint(ice_rtt_us(a->ice), ==, 10 * ICENET_MS);
    icenet_free(net);
}

static void media_crosses_both_ways(void)
{
    struct icenet *net = icenet_new(2, NULL);
    struct icenode *a = icenet_agent(net, 0, "10.0.0.1:5000", true);
    struct icenode *b = icenet_agent(net, 1, "10.0.0.2:6000", false);

    icenet_describe(a, b);
    icenet_describe(b, a);
    icenet_candidates(b, a);
    g_assert_true(icenet_connect(a, b, 2 * ICENET_S));
    a->media = b->media = true;
    icenet_run(net, 10 * ICENET_S);
    a->media = b->media = false;
    icenet_run(net, ICENET_S);
    g_assert_cmpuint(a->media_sent, >, 490);
    g_assert_cmpuint(a->media_sent, ==, b->media_got);
    g_assert_cmpuint(b->media_sent, ==, a->media_got);
    icenet_free(net);
}

static void agent_is_small(void)
{
    g_assert_cmpuint(ice_size(), <=, 10 * 1024);
}

void unit_media_ice_net(void)
{
    g_test_add_func("/media/ice_net/two-agents-connect", two_agents_connect);
    g_test_add_func("/media/ice_net/media-crosses-both-ways", media_crosses_both_ways);
    g_test_add_func("/media/ice_net/agent-is-small", agent_is_small);
}
