#include "base/clock.h"
#include "base/log.h"
#include "media/local.h"

#include <glib.h>

#include <string.h>

enum { EVENTS_MAX = 16384, WORKERS_MAX = 64, STATS_TRIES = 64 };

struct media_leg *media_leg_find(struct media *m, struct media_id id)
{
    struct media_leg *l = id.slot < m->config.legs_max ? m->leg[id.slot] : NULL;

    return l && l->id.gen == id.gen ? l : NULL;
}

static void on_event(void *msg, void *arg)
{
    const struct media_event *ev = msg;
    struct media *m = arg;
    struct media_leg *l = media_leg_find(m, ev->id);

    if (!l) /* closed while this was under way */
        return;
    LOG_CALL(l->call_id);
    m->fn(ev, m->arg);
}

static void config_complete(struct media_config *c)
{
    if (!c->workers)
        c->workers = g_get_num_processors();
    c->workers = CLAMP(c->workers, 1, WORKERS_MAX);
    c->naddrs = MIN(c->naddrs, G_N_ELEMENTS(c->addr));
    c->legs_max = CLAMP(c->legs_max, 1, TAG_SLOT_MAX);
    if (!c->ice_timeout_us)
        c->ice_timeout_us = 30 * US_PER_S;
    if (!c->silence_timeout_us)
        c->silence_timeout_us = 60 * US_PER_S;
    if (!c->consent_timeout_us)
        c->consent_timeout_us = 30 * US_PER_S;
}

static void tables_make(struct media *m)
{
    unsigned n = m->config.legs_max;

    m->cells = g_new0(struct stats_cell, n);
    m->leg = g_new0(struct media_leg *, n);
    m->gen = g_new0(uint32_t, n);
    m->vacant = g_new(uint32_t, n);
    for (unsigned i = 0; i < n; i++)
        m->vacant[m->nvacant++] = n - 1 - i;
    m->range.min = m->config.rtp_min;
    m->range.max = m->config.rtp_max;
    m->range.next = (uint16_t)(random_u32() & 0x7fff); /* not where the last process began */
}

struct media *media_new(const struct media_config *config,
                        void (*fn)(const struct media_event *ev, void *arg), void *arg)
{
    struct media *m = g_new0(struct media, 1);

    m->config = *config;
    config_complete(&m->config);
    m->fn = fn;
    m->arg = arg;
    tables_make(m);
    m->events = mailbox_new(sizeof(struct media_event), EVENTS_MAX);
    m->watch = mailbox_watch(m->events, on_event, m);
    m->dtls = dtls_context_new();
    m->worker = g_new0(struct worker *, m->config.workers);
    m->load = g_new0(unsigned, m->config.workers);
    if (!m->config.naddrs || !m->dtls)
        goto failed;
    for (unsigned i = 0; i < m->config.workers; i++) {
        struct worker_params params = {.config = &m->config,
                                       .index = i,
                                       .dtls = m->dtls,
                                       .events = m->events,
                                       .cells = m->cells};
        m->worker[i] = worker_new(&params);
        if (!m->worker[i])
            goto failed;
        m->nworkers++;
    }
    return m;
failed:
    media_free(m);
    return NULL;
}

void media_free(struct media *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < m->config.legs_max; i++)
        if (m->leg[i])
            media_leg_close(m, m->leg[i]->id);
    for (unsigned i = 0; i < m->nworkers; i++)
        worker_free(m->worker[i]);
    (void)g_source_remove(m->watch);
    mailbox_free(m->events, NULL);
    dtls_context_free(m->dtls);
    g_free(m->worker);
    g_free(m->load);
    g_free(m->cells);
    g_free(m->leg);
    g_free(m->gen);
    g_free(m->vacant);
    g_free(m);
}

static unsigned worker_choose(struct media *m, struct media_id near)
{
    const struct media_leg *l = media_leg_find(m, near);
    unsigned best = 0;

    if (l)
        return l->worker;
    for (unsigned i = 1; i < m->nworkers; i++)
        if (m->load[i] < m->load[best])
            best = i;
    return best;
}

enum gw_err media_leg_open(struct media *m, uint64_t call_id, const struct desc_profile *profile,
                           struct media_id near, struct media_id *id)
{
    struct command c = {.type = CMD_OPEN, .call_id = call_id};
    struct media_leg *l;
    uint32_t slot;

    if (!m->nvacant)
        return fail(GW_EFULL, "media", "%u legs are open", m->config.legs_max);
    slot = m->vacant[--m->nvacant];
    if (++m->gen[slot] == 0)
        m->gen[slot] = 1;
    l = g_new0(struct media_leg, 1);
    l->id = (struct media_id){slot, m->gen[slot]};
    l->call_id = call_id;
    l->profile = *profile;
    l->worker = worker_choose(m, near);
    random_token(l->cname, 16); /* RFC 7022: says nothing about us */
    random_token(l->msid, sizeof(l->msid) - 1);
    m->leg[slot] = l;
    m->load[l->worker]++;
    c.id = *id = l->id;
    worker_post(m->worker[l->worker], &c);
    return GW_OK;
}

void media_leg_close(struct media *m, struct media_id id)
{
    struct media_leg *l = media_leg_find(m, id);
    struct command c = {.type = CMD_CLOSE, .id = id};

    if (!l)
        return;
    worker_post(m->worker[l->worker], &c);
    m->load[l->worker]--;
    m->leg[id.slot] = NULL;
    m->vacant[m->nvacant++] = id.slot;
    lanes_free(m, l);
    g_free(l->pending);
    g_free(l);
}

static void credentials_renew(struct media_leg *l)
{
    for (unsigned i = 0; i < l->nlanes; i++)
        if (l->lane[i].ice)
            ice_credentials_make(tag_make(l->id.slot, i, 0), &l->lane[i].credentials);
}

enum gw_err media_leg_describe(struct media *m, struct media_id id, const struct desc *peer_offer,
                               bool restart, struct desc *d)
{
    struct media_leg *l = media_leg_find(m, id);
    unsigned before;
    enum gw_err err;

    if (!l)
        return GW_ENOTFOUND;
    LOG_CALL(l->call_id);
    if (!l->described)
        l->controlling = !peer_offer;
    before = l->nlanes;
    desc_clear_transports(d);
    err = lanes_make(m, l, d, peer_offer);
    if (err)
        return err;
    if (restart && before)
        credentials_renew(l);
    l->described = true;
    if (peer_offer)
        lanes_settle(l, peer_offer, true);
    lanes_describe(m, l, peer_offer, d);
    lanes_send_local(m, l);
    if (peer_offer)
        lanes_send_remote(m, l, peer_offer);
    return GW_OK;
}

/* An offer takes effect when it is answered: one that is refused leaves everything as it was (RFC
 * 3264 8). Its answer is made by media_leg_describe(), which is given the offer again. */
void media_leg_remote(struct media *m, struct media_id id, const struct desc *peer, bool is_offer)
{
    struct media_leg *l = media_leg_find(m, id);

    if (!l || is_offer)
        return;
    LOG_CALL(l->call_id);
    if (l->profile.balanced && lanes_bundle(l, peer))
        lanes_send_local(m, l);
    lanes_settle(l, peer, false);
    lanes_send_remote(m, l, peer);
}

static void candidate_keep(struct media_leg *l, unsigned stream, const struct desc_candidate *c)
{
    if (l->npending == PENDING_MAX || stream >= DESC_STREAMS_MAX)
        return;
    if (!l->pending)
        l->pending = g_new(struct pending, PENDING_MAX);
    l->pending[l->npending].stream = (uint8_t)stream;
    l->pending[l->npending++].candidate = *c;
}

void media_leg_candidate(struct media *m, struct media_id id, unsigned stream,
                         const struct desc_candidate *c)
{
    struct media_leg *l = media_leg_find(m, id);
    struct command cmd = {.type = CMD_CANDIDATE, .id = id};
    const struct lane *lane;

    if (!l || !c) /* the agent waits for peer-reflexive ones anyway: an end changes nothing */
        return;
    lane = stream < l->nstreams && l->stream[stream].used ? &l->lane[l->stream[stream].lane] : NULL;
    if (!lane || !lane->remote_known || (c->ufrag[0] && strcmp(c->ufrag, lane->peer_ufrag) != 0)) {
        candidate_keep(l, stream, c);
        return;
    }
    cmd.transport = l->stream[stream].lane;
    cmd.u.candidate = g_memdup2(c, sizeof(*c));
    worker_post(m->worker[l->worker], &cmd);
}

void media_join(struct media *m, struct media_id a, struct media_id b,
                const struct media_plan *plan)
{
    struct media_leg *la = media_leg_find(m, a);
    struct media_leg *lb = media_leg_find(m, b);
    struct command c = {.type = CMD_JOIN, .id = a, .other = b};

    if (!la || !lb)
        return;
    LOG_CALL(la->call_id);
    if (la->worker != lb->worker) {
        (void)fail(GW_ESTATE, "media", "legs to be joined were not opened near each other");
        return;
    }
    c.u.plan = g_memdup2(plan, sizeof(*plan));
    worker_post(m->worker[la->worker], &c);
}

void media_leg_dtmf(struct media *m, struct media_id id, char digit, unsigned duration_ms)
{
    struct media_leg *l = media_leg_find(m, id);
    struct command c = {.type = CMD_DTMF, .id = id, .digit = digit, .duration_ms = duration_ms};

    if (l)
        worker_post(m->worker[l->worker], &c);
}

void media_leg_keyframe(struct media *m, struct media_id id)
{
    struct media_leg *l = media_leg_find(m, id);
    struct command c = {.type = CMD_KEYFRAME, .id = id};

    if (l)
        worker_post(m->worker[l->worker], &c);
}

bool media_leg_stats(struct media *m, struct media_id id, struct media_stats *out)
{
    struct stats_cell *c;

    memset(out, 0, sizeof(*out));
    if (!media_leg_find(m, id))
        return false;
    c = &m->cells[id.slot];
    for (unsigned i = 0; i < STATS_TRIES; i++) {
        unsigned seq = atomic_load(&c->seq);
        struct media_stats v = {
            .rx_packets = atomic_load(&c->rx_packets),
            .rx_bytes = atomic_load(&c->rx_bytes),
            .tx_packets = atomic_load(&c->tx_packets),
            .tx_bytes = atomic_load(&c->tx_bytes),
            .rx_lost = atomic_load(&c->rx_lost),
            .rx_dropped = atomic_load(&c->rx_dropped),
            .rx_jitter_us = atomic_load(&c->rx_jitter_us),
            .rtt_us = atomic_load(&c->rtt_us),
            .last_rx_us = atomic_load(&c->last_rx_us),
        };
        bool ours = atomic_load(&c->gen) == id.gen; /* else nothing was published yet: zeros */
        if (seq % 2 == 0 && seq == atomic_load(&c->seq)) {
            if (ours)
                *out = v;
            return true;
        }
    }
    return true; /* a writer that never rests cannot be: zeros */
}
