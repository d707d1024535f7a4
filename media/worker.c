#include "media/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "media/demux.h"
#include "media/session.h"

#include <glib.h>

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECV_BATCH = 64,
    RECV_ROUNDS = 4,    /* of RECV_BATCH a turn and socket: timers and commands get their turn */
    READY_MAX = 256,    /* sockets a turn */
    COMMANDS_MAX = 64,  /* a round */
    COMMAND_ROUNDS = 8, /* a turn */
    TIMERS_MAX = 512,   /* a turn */
    HANDSHAKES_MAX = 2, /* DTLS hellos a turn: 1.2 ms against 100 ms of socket buffer */
    WHEEL_SLOTS = 1024,
    SHARED_RCVBUF = 4 << 20
};
#define WHEEL_TICK_US (10 * US_PER_MS)
#define TURN_MAX_US (1 * US_PER_S)

struct worker {
    struct media_config config;
    const struct dtls_context *dtls;
    struct mailbox *events, *commands;
    struct stats_cell *cells;
    pthread_t thread;
    bool started;
    int epoll;
    unsigned nshared;
    struct sock shared[8];

    /* the worker's own thread's from here on */
    struct outbox *outbox;
    struct wheel *wheel;
    struct ice_shared *ice;
    struct tuple_table *tuples;
    struct session **session; /* by slot, config.legs_max */
    uint64_t now_us;          /* read once a turn */
    unsigned handshakes;      /* begun this turn */
    uint32_t sock_ids;        /* given so far */
    bool stop;
    struct slot *batch[RECV_BATCH];
    struct mmsghdr msg[RECV_BATCH];
    struct iovec iov[RECV_BATCH];
    struct sockaddr_storage name[RECV_BATCH];
};

uint64_t worker_now(const struct worker *w)
{
    return w->now_us;
}

struct wheel *worker_wheel(const struct worker *w)
{
    return w->wheel;
}

struct outbox *worker_outbox(const struct worker *w)
{
    return w->outbox;
}

struct tuple_table *worker_tuples(const struct worker *w)
{
    return w->tuples;
}

struct ice_shared *worker_ice(const struct worker *w)
{
    return w->ice;
}

const struct dtls_context *worker_dtls(const struct worker *w)
{
    return w->dtls;
}

const struct media_config *worker_config(const struct worker *w)
{
    return &w->config;
}

struct sock *worker_sock(struct worker *w, unsigned index)
{
    return &w->shared[index];
}

unsigned worker_nsocks(const struct worker *w)
{
    return w->nshared;
}

const struct sock *worker_shared(const struct worker *w, unsigned *n)
{
    *n = w->nshared;
    return w->shared;
}

bool worker_may_handshake(struct worker *w)
{
    return w->handshakes++ < HANDSHAKES_MAX;
}

void worker_post_event(struct worker *w, const struct media_event *ev)
{
    if (ev->type == MEDIA_READY || ev->type == MEDIA_FAILED)
        mailbox_post_always(w->events, ev);
    else
        (void)mailbox_post(w->events, ev); /* a flood of digits is not worth memory */
}

bool worker_watch(struct worker *w, struct sock *s)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

    s->id = w->sock_ids++;
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, s->fd, &ev) == 0;
}

/* Only called while commands are handled: no event in hand may name the socket. */
void worker_unwatch(struct worker *w, struct sock *s)
{
    outbox_flush(w->outbox);
    (void)close(s->fd); /* leaves the epoll set with it */
    g_free(s);
}

static struct session *session_find(const struct worker *w, struct media_id id)
{
    struct session *s = id.slot < w->config.legs_max ? w->session[id.slot] : NULL;

    return s && s->id.gen == id.gen ? s : NULL;
}

/* The port a tag names; the agent itself checks that the message is authentic. */
static struct port *port_of_tag(const struct worker *w, uint32_t tag)
{
    uint32_t slot = tag >> TAG_PORT_BITS;
    unsigned transport = tag >> 1 & (TRANSPORTS_MAX - 1);
    struct session *s = slot < w->config.legs_max ? w->session[slot] : NULL;

    return s && transport < s->ntransports ? s->transport[transport].port[tag & 1] : NULL;
}

static struct port *stun_port(const struct worker *w, struct span datagram)
{
    struct ice_route route;
    uint32_t tag;

    if (!ice_route(datagram, &route))
        return NULL;
    switch (route.kind) {
    case ICE_REQUEST: return ice_ufrag_tag(route.ufrag, &tag) ? port_of_tag(w, tag) : NULL;
    case ICE_RESPONSE: return port_of_tag(w, route.tag);
    case ICE_INDICATION: /* keeps a NAT open, asks nothing */
    case ICE_NOT_STUN: break;
    }
    return NULL;
}

static void shared_input(struct worker *w, struct sock *at, const struct net_addr *from,
                         struct slot *slot)
{
    struct span datagram = {(const char *)slot_data(slot), slot->n};
    struct port *p = NULL;

    switch (demux(slot_data(slot), slot->n)) {
    case PKT_STUN: p = stun_port(w, datagram); break;
    case PKT_DTLS:
    case PKT_RTP:
    case PKT_RTCP: p = tuple_get(w->tuples, at->id, from); break;
    case PKT_TURN_CHANNEL:
    case PKT_DROP: break;
    }
    if (p && !p->own)
        port_input(p, at, from, slot);
    else
        slot_give(w->outbox, slot);
}

/* The next datagram at place @p i of a batch goes into this slot. */
static void batch_place(struct worker *w, unsigned i, struct slot *slot)
{
    w->batch[i] = slot;
    w->iov[i] = (struct iovec){slot_data(slot), SLOT_BODY};
    w->msg[i].msg_hdr = (struct msghdr){.msg_name = &w->name[i],
                                        .msg_namelen = sizeof(w->name[i]),
                                        .msg_iov = &w->iov[i],
                                        .msg_iovlen = 1};
}

static void shared_drain(struct worker *w, struct sock *at)
{
    for (unsigned round = 0; round < RECV_ROUNDS; round++) {
        int n = recvmmsg(at->fd, w->msg, RECV_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            struct slot *slot = w->batch[i];
            bool whole = !(w->msg[i].msg_hdr.msg_flags & MSG_TRUNC);
            struct net_addr from;
            slot->n = (uint16_t)w->msg[i].msg_len;
            if (whole && net_addr_from_sockaddr((const struct sockaddr *)&w->name[i], &from)) {
                shared_input(w, at, &from, slot);
                slot = slot_take(w->outbox);
            }
            batch_place(w, (unsigned)i, slot);
        }
        outbox_flush(w->outbox);
        if (n < RECV_BATCH)
            return;
    }
}

/* One packet a turn: level-triggered epoll tells of the next, and an EAGAIN costs as much. */
static void own_recv(struct worker *w, struct sock *at)
{
    struct slot *slot = slot_take(w->outbox);
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);
    struct net_addr from;
    ssize_t n;

    if (!slot)
        return;
    n = recvfrom(at->fd, slot_data(slot), SLOT_BODY, MSG_DONTWAIT | MSG_TRUNC,
                 (struct sockaddr *)&name, &len);
    if (n < 0 || n > SLOT_BODY || !net_addr_from_sockaddr((const struct sockaddr *)&name, &from)) {
        slot_give(w->outbox, slot);
        return;
    }
    slot->n = (uint16_t)n;
    port_input(at->owner, at, &from, slot);
}

static void command_open(struct worker *w, const struct command *c)
{
    session_free(w->session[c->id.slot]);
    w->session[c->id.slot] = session_new(w, c, &w->cells[c->id.slot]);
}

static void command_run(struct worker *w, struct command *c)
{
    struct session *s = session_find(w, c->id);

    if (c->type == CMD_OPEN) {
        command_open(w, c);
        return;
    }
    if (c->type == CMD_STOP)
        w->stop = true;
    if (!s) {
        command_clear(c);
        return;
    }
    LOG_CALL(s->call_id);
    switch (c->type) {
    case CMD_LOCAL: session_set_local(s, c->u.local); break;
    case CMD_REMOTE: session_set_remote(s, c->u.remote); break;
    case CMD_CANDIDATE: session_candidate(s, c->transport, c->u.candidate); break;
    case CMD_JOIN: {
        struct session *b = session_find(w, c->other);
        if (b)
            session_join(s, b, c->u.plan);
        break;
    }
    case CMD_DTMF: keypad_push(s, c->digit, c->duration_ms); break;
    case CMD_KEYFRAME: session_keyframe(s); break;
    case CMD_CLOSE:
        session_free(s);
        w->session[c->id.slot] = NULL;
        break;
    case CMD_OPEN:
    case CMD_STOP: break;
    }
    command_clear(c);
}

static void commands_run(struct worker *w)
{
    struct command c;

    for (unsigned i = 0; i < COMMANDS_MAX && mailbox_take(w->commands, &c); i++)
        command_run(w, &c);
}

static void sockets_run(struct worker *w, const struct epoll_event *ev, int n)
{
    for (int i = 0; i < n; i++) {
        struct sock *at = ev[i].data.ptr;
        if (at && at->owner)
            own_recv(w, at);
        else if (at)
            shared_drain(w, at);
    }
    outbox_flush(w->outbox);
}

static bool commands_wait(const struct epoll_event *ev, int n)
{
    for (int i = 0; i < n; i++)
        if (!ev[i].data.ptr)
            return true;
    return false;
}

/* Commands go first, so that a packet never meets a leg older than the command posted before it was
 * sent. They may close sockets: what is readable is asked again, and with it whether commands came
 * in the meantime. Media waits for COMMAND_ROUNDS of them at most. */
static void worker_turn(struct worker *w)
{
    struct epoll_event ev[READY_MAX];
    uint64_t wait = wheel_wait_us(w->wheel, w->now_us, TURN_MAX_US); /* late by a turn at most */
    int n = epoll_wait(w->epoll, ev, READY_MAX, (int)((wait + 999) / 1000));

    w->now_us = clock_now_us();
    w->handshakes = 0;
    for (unsigned i = 0; i < COMMAND_ROUNDS && commands_wait(ev, n); i++) {
        commands_run(w);
        n = epoll_wait(w->epoll, ev, READY_MAX, 0);
    }
    sockets_run(w, ev, n);
    (void)wheel_run(w->wheel, w->now_us, TIMERS_MAX);
    outbox_flush(w->outbox);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    (void)prctl(PR_SET_TIMERSLACK, 50000UL, 0UL, 0UL, 0UL);
    while (!w->stop)
        worker_turn(w);
    for (unsigned i = 0; i < w->config.legs_max; i++)
        session_free(w->session[i]);
    return NULL;
}

static bool shared_bind(struct worker *w, unsigned i, uint16_t port)
{
    struct sock *s = &w->shared[i];
    struct net_addr want = w->config.addr[i];
    struct sockaddr_storage name;
    socklen_t len;
    int size = SHARED_RCVBUF;
    int on = 1;
    char text[NET_ADDR_TEXT];

    want.port = port;
    len = net_addr_to_sockaddr(&want, &name);
    s->fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        LOG_E("media", "no socket for ICE legs: %s", g_strerror(errno));
        return false;
    }
    w->nshared = i + 1;
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (want.is_v6)
        (void)setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(s->fd, (struct sockaddr *)&name, len) < 0) {
        LOG_E("media", "cannot listen on udp %s for ICE legs: %s", net_addr_text(&want, text),
              g_strerror(errno));
        return false;
    }
    len = sizeof(name);
    if (getsockname(s->fd, (struct sockaddr *)&name, &len) < 0 ||
        !net_addr_from_sockaddr((struct sockaddr *)&name, &s->local))
        return false;
    s->advertise = w->config.advertise[i].set ? w->config.advertise[i] : s->local;
    s->advertise.port = s->local.port;
    return worker_watch(w, s);
}

static struct ice_shared *ice_shared_make(const struct media_config *config)
{
    struct ice_options options = {.consent_us = config->consent_timeout_us,
                                  .timeout_us = config->ice_timeout_us};

    /* A gateway that listens on loopback serves peers there (demo, tests). */
    for (unsigned i = 0; i < config->naddrs; i++)
        options.allow_loopback |= net_addr_is_loopback(&config->addr[i]);
    return ice_shared_new(&options);
}

struct worker *worker_new(const struct worker_params *params)
{
    struct worker *w = g_new0(struct worker, 1);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    uint16_t port = params->config->ice_port;

    w->config = *params->config;
    w->dtls = params->dtls;
    w->events = params->events;
    w->cells = params->cells;
    w->commands = mailbox_new(sizeof(struct command), 65536);
    w->now_us = clock_now_us();
    w->outbox = outbox_new();
    for (unsigned i = 0; i < RECV_BATCH; i++)
        batch_place(w, i, slot_take(w->outbox));
    w->wheel = wheel_new(w->now_us, WHEEL_TICK_US, WHEEL_SLOTS);
    w->tuples = tuple_table_new();
    w->session = g_new0(struct session *, w->config.legs_max);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, mailbox_fd(w->commands), &ev) < 0)
        goto failed;
    for (unsigned i = 0; i < w->config.naddrs; i++)
        if (!shared_bind(w, i, (uint16_t)(port ? port + params->index : 0)))
            goto failed;
    w->ice = ice_shared_make(&w->config);
    if (!w->ice || pthread_create(&w->thread, NULL, worker_main, w) != 0)
        goto failed;
    w->started = true;
    return w;
failed:
    worker_free(w);
    return NULL;
}

void worker_post(struct worker *w, const struct command *c)
{
    mailbox_post_always(w->commands, c);
}

void worker_free(struct worker *w)
{
    struct command stop = {.type = CMD_STOP};

    if (!w)
        return;
    if (w->started) {
        worker_post(w, &stop);
        (void)pthread_join(w->thread, NULL);
    }
    outbox_free(w->outbox);
    for (unsigned i = 0; i < w->nshared; i++)
        (void)close(w->shared[i].fd);
    if (w->epoll >= 0)
        (void)close(w->epoll);
    mailbox_free(w->commands, command_clear);
    tuple_table_free(w->tuples);
    ice_shared_free(w->ice);
    wheel_free(w->wheel);
    g_free(w->session);
    g_free(w);
}
