#include "media/local.h"

#include <glib.h>

#include <string.h>
#include <unistd.h>

const uint8_t *lane_key(struct lane *lane, enum desc_suite suite)
{
    if (!lane->suite_ready[suite])
        random_bytes(lane->key[suite], sizeof(lane->key[suite]));
    lane->suite_ready[suite] = true;
    return lane->key[suite];
}

const struct desc_transport *lane_peer(const struct media_leg *l, unsigned i,
                                       const struct desc *peer)
{
    for (unsigned k = 0; k < l->nstreams && k < peer->nstreams; k++) {
        const struct desc_stream *s = &peer->stream[k];
        if (l->stream[k].used && l->stream[k].lane == i && !s->refused && s->transport >= 0 &&
            (unsigned)s->transport < peer->ntransports)
            return &peer->transport[s->transport];
    }
    return NULL;
}

/* Of our addresses the one the peer can reach: its family, and loopback only for loopback. */
static unsigned addr_towards(const struct media *m, const struct net_addr *peer)
{
    unsigned best = 0;
    unsigned best_score = 0;

    for (unsigned i = 0; peer && peer->set && i < m->config.naddrs; i++) {
        const struct net_addr *a = &m->config.addr[i];
        unsigned score = 2U * (a->is_v6 == peer->is_v6) +
                         (net_addr_is_loopback(a) == net_addr_is_loopback(peer));
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

/* A share of the shared port is for browsers. What may fall back to plain addresses or to a second
 * port gets its own; so does a peer that does not bundle: it may be a server that itself has one
 * port for all, and between two such ports calls could not be told apart. */
static bool lane_shared(const struct media_leg *l, const struct desc *peer,
                        const struct desc_transport *t)
{
    return peer ? t->ice && t->rtcp_mux && peer->bundled : l->profile.ice && l->profile.bundle;
}

static enum gw_err lane_open(struct media *m, const struct media_leg *l, const struct desc *offer,
                             const struct desc_transport *peer, struct lane *lane)
{
    const struct desc_profile *p = &l->profile;
    bool mux = peer ? peer->rtcp_mux : p->rtcp_mux;
    enum gw_err err;

    memset(lane, 0, sizeof(*lane));
    lane->fd[0] = lane->fd[1] = -1;
    lane->ice = peer ? peer->ice : p->ice;
    lane->security = peer ? peer->security : p->security;
    lane->shared = lane_shared(l, offer, peer);
    lane->mux = peer && mux;
    if (!lane->shared) {
        lane->at = addr_towards(m, peer ? &peer->rtp : NULL);
        err = range_take(&m->range, &m->config.addr[lane->at], lane->at, !lane->mux, lane->fd,
                         lane->local);
        if (err)
            return err;
    }
    ice_credentials_make(tag_make(l->id.slot, l->nlanes, 0), &lane->credentials);
    return GW_OK;
}

static void lane_close(struct media *m, struct lane *lane)
{
    for (unsigned k = 0; k < PORTS_MAX; k++)
        if (lane->fd[k] >= 0)
            (void)close(lane->fd[k]);
    if (!lane->shared)
        range_give(&m->range, lane->at, lane->local);
    explicit_bzero(lane, sizeof(*lane));
}

/* Bundled streams go where the first of them goes (RFC 8843 7). */
static int lane_sharing(const struct media_leg *l, const struct desc *d, unsigned i,
                        const struct desc *peer)
{
    for (unsigned k = 0; k < i; k++) {
        bool together = peer ? peer->stream[k].transport == peer->stream[i].transport
                             : l->profile.bundle && (!l->profile.balanced || l->bundled);
        if (!d->stream[k].refused && l->stream[k].used && together)
            return l->stream[k].lane;
    }
    return -1;
}

static bool lane_fits(const struct lane *lane, const struct desc_transport *peer)
{
    return !peer || lane->security == peer->security;
}

static const struct desc_transport *offered(const struct desc *peer, unsigned i)
{
    return peer ? &peer->transport[peer->stream[i].transport] : NULL;
}

static enum gw_err stream_place(struct media *m, struct media_leg *l, const struct desc *d,
                                unsigned i, const struct desc *peer)
{
    const struct desc_transport *t = offered(peer, i);
    struct lane_stream *s = &l->stream[i];
    struct lane lane;
    enum gw_err err;
    int shared;

    if (t && !lane_understands(t))
        return GW_EUNSUPPORTED;
    if (s->used && lane_fits(&l->lane[s->lane], t))
        return GW_OK;
    shared = lane_sharing(l, d, i, peer);
    if (shared < 0) {
        if (l->nlanes == TRANSPORTS_MAX)
            return GW_EFULL;
        err = lane_open(m, l, peer, t, &lane);
        if (err)
            return err;
        shared = (int)l->nlanes;
        l->lane = g_renew(struct lane, l->lane, l->nlanes + 1);
        l->lane[l->nlanes++] = lane;
    }
    if (!s->ssrc) {
        s->ssrc = random_u32();
        s->rtx_ssrc = random_u32();
        random_token(s->track, sizeof(s->track) - 1);
    }
    s->lane = (uint8_t)shared;
    s->video = d->stream[i].kind == DESC_VIDEO;
    s->used = true;
    return GW_OK;
}

/* Only what packets can be relayed of, and only where the peer said where. */
static bool stream_carried(const struct desc *d, const struct desc *peer, unsigned i)
{
    const struct desc_stream *s = &d->stream[i];

    if (s->refused || (s->kind != DESC_AUDIO && s->kind != DESC_VIDEO))
        return false;
    return !peer || (i < peer->nstreams && peer->stream[i].transport >= 0 &&
                     (unsigned)peer->stream[i].transport < peer->ntransports);
}

enum gw_err lanes_make(struct media *m, struct media_leg *l, const struct desc *d,
                       const struct desc *peer_offer)
{
    struct lane_stream before[DESC_STREAMS_MAX];
    unsigned lanes = l->nlanes;
    enum gw_err err = GW_OK;

    memcpy(before, l->stream, sizeof(before));
    l->nstreams = MAX(l->nstreams, d->nstreams);
    for (unsigned i = 0; i < d->nstreams && !err; i++) {
        if (stream_carried(d, peer_offer, i))
            err = stream_place(m, l, d, i, peer_offer);
        else
            l->stream[i].used = false;
    }
    if (!err)
        return GW_OK;
    memcpy(l->stream, before, sizeof(before));
    while (l->nlanes > lanes)
        lane_close(m, &l->lane[--l->nlanes]);
    return err;
}

/* What the answer bundles goes over the first one's transport; those of the others stay unused. */
bool lanes_bundle(struct media_leg *l, const struct desc *answer)
{
    bool moved = false;

    l->bundled = answer->bundled;
    for (unsigned i = 1; i < l->nstreams && i < answer->nstreams; i++)
        for (unsigned k = 0; k < i; k++) {
            struct lane_stream *s = &l->stream[i];

            if (!s->used || !l->stream[k].used || answer->stream[i].transport < 0 ||
                answer->stream[i].transport != answer->stream[k].transport ||
                s->lane == l->stream[k].lane)
                continue;
            s->lane = l->stream[k].lane;
            moved = true;
        }
    return moved;
}

void lanes_free(struct media *m, struct media_leg *l)
{
    while (l->nlanes)
        lane_close(m, &l->lane[--l->nlanes]);
    g_free(l->lane);
    l->lane = NULL;
}

void lanes_send_local(struct media *m, struct media_leg *l)
{
    struct local_set *set = g_malloc0(sizeof(*set) + l->nlanes * sizeof(set->transport[0]));
    struct command c = {.type = CMD_LOCAL, .id = l->id, .u.local = set};

    set->nstreams = l->nstreams;
    set->ntransports = l->nlanes;
    for (unsigned i = 0; i < l->nstreams; i++) {
        struct lane_stream *s = &l->stream[i];
        set->stream[i] =
            (struct local_stream){s->used, s->video, s->lane, s->ssrc, s->rtx_ssrc, {0}};
        memcpy(set->stream[i].cname, l->cname, sizeof(l->cname));
    }
    for (unsigned i = 0; i < l->nlanes; i++) {
        struct lane *lane = &l->lane[i];
        struct local_transport *t = &set->transport[i];
        *t = (struct local_transport){.ice = lane->ice,
                                      .controlling = l->controlling,
                                      .shared = lane->shared,
                                      .credentials = lane->credentials,
                                      .mux = lane->mux,
                                      .security = lane->security};
        memcpy(t->local, lane->local, sizeof(t->local));
        memcpy(t->fd, lane->fd, sizeof(t->fd));
        lane->fd[0] = lane->fd[1] = -1; /* the worker's now */
    }
    worker_post(m->worker[l->worker], &c); /* NOLINT(clang-analyzer-unix.Malloc): its set now */
}
