/* room: media */
/* Hostile datagrams and a hostile peer into an ICE agent: the input is a list of steps, see step().
 * Steps that need the password are sealed here, so that they get past the HMAC. */
#include "media/ice.h"
#include "media/stun_wire.h"

#include <glib.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TUPLES = 2 * ICE_PAIRS_MAX, STEPS = 400 };

struct bench {
    struct ice *ice;
    struct wire *wire;
    uint64_t now_us;
    struct net_addr local[2], to; /* to: of the last check sent */
    uint8_t check[ICE_DATAGRAM_MAX];
    size_t check_n;
    unsigned local_of_check;
    struct net_addr told[TUPLES]; /* remote halves; port of the local one in is_v6's place */
    unsigned ntold, fails;
};

static const struct ice_credentials ours = {"ours", "ourpasswordourpassword00"};
static const char their_pwd[] = "theirpasswordtheirpassword";

static void on_send(void *arg, struct span d, const struct net_addr *local,
                    const struct net_addr *remote)
{
    struct bench *b = arg;

    g_assert(d.n >= WIRE_HEADER_LEN && d.n <= ICE_DATAGRAM_MAX && remote->port);
    if (d.p[0] != 0)
        return;
    memcpy(b->check, d.p, d.n);
    b->check_n = d.n;
    b->to = *remote;
    b->local_of_check = net_addr_equal(local, &b->local[1]);
}

static void on_path(void *arg, enum ice_path_event what, const struct net_addr *local,
                    const struct net_addr *remote)
{
    struct bench *b = arg;
    struct net_addr key = *remote;
    unsigned at = 0;

    key.ip[15] = (uint8_t)(net_addr_equal(local, &b->local[1]) ? 2 : 1);
    while (at < b->ntold && !net_addr_equal(&b->told[at], &key))
        at++;
    if (what == ICE_PATH_GONE) {
        g_assert(at < b->ntold);
        b->told[at] = b->told[--b->ntold];
    } else if (at == b->ntold) {
        g_assert(b->ntold < ICE_PAIRS_MAX && what != ICE_PATH_SELECTED);
        b->told[b->ntold++] = key;
    }
}

static void on_failed(void *arg, enum ice_why why)
{
    struct bench *b = arg;

    g_assert(b->ntold == 0 && why != ICE_WHY_NONE);
    b->fails++;
}

static const struct ice_ops ops = {.send = on_send, .path = on_path, .failed = on_failed};

static struct net_addr address(uint8_t seed)
{
    return (struct net_addr){.set = 1, .ip = {192, 0, 2, (uint8_t)(seed & 63)}, .port = 5000};
}

static void credentials(struct bench *b, uint8_t arg)
{
    struct ice_credentials c = ours;

    c.ufrag[3] = (char)('s' - (arg >> 1) % 4);
    if (arg & 1)
        (void)ice_set_local(b->ice, &c, b->now_us);
    else
        (void)ice_set_remote(b->ice, c.ufrag, their_pwd, arg & 128, b->now_us);
}

static void candidate(struct bench *b, uint8_t arg)
{
    struct net_addr a = address(arg);
    struct desc_candidate c;

    ice_host_candidate(&a, arg, &c);
    if (arg & 64)
        (void)g_snprintf(c.ufrag, sizeof(c.ufrag), "our%c", 's' - arg % 4);
    (void)ice_add_candidate(b->ice, &c, b->now_us);
}

static void peer_check(struct bench *b, uint8_t arg, uint8_t from)
{
    static const uint8_t id[WIRE_ID_LEN] = {1};
    char ufrag[] = "ours", theirs[] = "ours";
    struct net_addr source = address(from);
    uint8_t buf[ICE_DATAGRAM_MAX];
    size_t n;

    ufrag[3] = (char)('s' - (arg >> 4) % 4);
    theirs[3] = (char)('s' - (arg >> 6) % 4);
    n = wire_write_check(b->wire,
                         &(struct wire_check){.id = id,
                                              .remote_ufrag = ufrag,
                                              .local_ufrag = theirs,
                                              .pwd = ours.pwd,
                                              .priority = from,
                                              .tie_breaker = arg & 8 ? UINT64_MAX : 0,
                                              .controlling = arg & 1,
                                              .use_candidate = arg & 2},
                         buf);
    ice_input(b->ice, (struct span){(const char *)buf, n}, &b->local[arg >> 2 & 1], &source,
              b->now_us);
}

static void peer_answer(struct bench *b, uint8_t arg)
{
    static const int errors[] = {400, 401, 403, 420, 487, 500};
    struct span check = {(const char *)b->check, b->check_n};
    uint8_t buf[ICE_DATAGRAM_MAX];
    size_t n;

    if (!b->check_n)
        return;
    n = arg & 1 ? wire_write_error(b->wire, check, their_pwd, errors[(arg >> 1) % 6], buf)
                : wire_write_success(b->wire, check, their_pwd, &b->to, buf);
    ice_input(b->ice, (struct span){(const char *)buf, n}, &b->local[b->local_of_check], &b->to,
              b->now_us);
}

/* One octet of what, one or two of how; kind 0 takes a length and so many octets as they are. */
static size_t step(struct bench *b, const uint8_t *p, size_t left)
{
    struct net_addr source = address(p[0]);
    size_t n;

    switch (p[0] >> 6) {
    case 0:
        n = MIN(left - 2, (size_t)p[1]);
        ice_input(b->ice, (struct span){(const char *)p + 2, n}, &b->local[0], &source, b->now_us);
        return 2 + n;
    case 1:
        if (p[0] & 32)
            credentials(b, p[1]);
        else
            candidate(b, p[1]);
        return 2;
    case 2: peer_check(b, p[1], p[0]); return 2;
    default:
        if (p[0] & 32)
            peer_answer(b, p[1]);
        else
            b->now_us += (uint64_t)p[1] << (p[0] & 31) % 20;
        return 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ice_shared *shared;
    struct bench b = {.now_us = 1000000000};
    struct ice_params params = {.ops = &ops, .arg = &b, .local = ours, .nlocals = 2};
    unsigned steps = 0;

    if (!shared)
        shared = ice_shared_new(NULL);
    b.wire = wire_new();
    for (unsigned i = 0; i < 2; i++) {
        b.local[i] = (struct net_addr){.set = 1, .ip = {198, 51, 100, (uint8_t)i}, .port = 4000};
        params.locals[i] = b.local[i];
    }
    params.shared = shared;
    params.controlling = size && (data[0] & 1);
    b.ice = ice_new(&params);
    while (size >= 2 && steps++ < STEPS) {
        size_t n = step(&b, data, size);

        data += n;
        size -= n;
        ice_timer(b.ice, b.now_us);
        g_assert(ice_next_due_us(b.ice) > b.now_us);
        g_assert((ice_state(b.ice) == ICE_FAILED) == (ice_why(b.ice) != ICE_WHY_NONE));
    }
    ice_free(b.ice);
    wire_free(b.wire);
    return 0;
}
