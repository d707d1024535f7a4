/* Our transports, written into a description. */
#include "media/local.h"

#include <glib.h>

#include <string.h>

static const char mid_uri[] = "urn:ietf:params:rtp-hdrext:sdes:mid"; /* RFC 8843 15 */

static struct net_addr address_told(const struct media *m, const struct lane *lane, unsigned port)
{
    struct net_addr a = lane->local[port];

    if (m->config.advertise[lane->at].set) {
        a = m->config.advertise[lane->at];
        a.port = lane->local[port].port;
    }
    return a;
}

static void candidates_write(struct media *m, const struct media_leg *l, const struct lane *lane,
                             struct desc_transport *t)
{
    unsigned n;
    const struct sock *shared = worker_shared(m->worker[l->worker], &n);

    if (!lane->shared)
        n = lane->mux ? 1 : PORTS_MAX;
    for (unsigned i = 0; i < n; i++) {
        struct net_addr own = lane->shared ? shared[i].advertise : address_told(m, lane, i);
        struct desc_candidate *c = desc_add_candidate(t);
        if (!c)
            return;
        ice_host_candidate(&own, lane->shared ? i : 0, c);
        if (!lane->shared && i) { /* RFC 8445 5.1.2.1: lower for the second component */
            c->component = 2;
            c->priority--;
        }
    }
}

static void ice_write(struct media *m, const struct media_leg *l, struct lane *lane,
                      struct desc_transport *t)
{
    t->ice = true;
    t->ice_trickle = true;
    t->end_of_candidates = true;
    (void)g_strlcpy(t->ufrag, lane->credentials.ufrag, sizeof(t->ufrag));
    (void)g_strlcpy(t->pwd, lane->credentials.pwd, sizeof(t->pwd));
    candidates_write(m, l, lane, t);
}

static void crypto_add(struct desc_transport *t, struct lane *lane, uint32_t tag,
                       enum desc_suite suite)
{
    struct desc_crypto *c;

    if (t->ncrypto == DESC_CRYPTO_MAX)
        return;
    c = &t->crypto[t->ncrypto++];
    c->tag = tag;
    c->suite = suite;
    memcpy(c->key, lane_key(lane, suite), sizeof(c->key));
}

/* What every phone knows first (RFC 4568 6.2), then what costs us less. Tags are the suites', so
 * that an answer finds its key however often we offered. */
static void crypto_offer(struct desc_transport *t, struct lane *lane)
{
    static const enum desc_suite usual[] = {DESC_AES_CM_128_SHA1_80, DESC_AEAD_AES_128_GCM};
    bool used = lane->out.gen != 0;

    if (used)
        crypto_add(t, lane, (uint32_t)lane->out.suite + 1, lane->out.suite);
    for (unsigned i = 0; i < G_N_ELEMENTS(usual); i++)
        if (!used || usual[i] != lane->out.suite)
            crypto_add(t, lane, (uint32_t)usual[i] + 1, usual[i]);
}

static void security_write(struct media *m, struct lane *lane, bool answer,
                           struct desc_transport *t)
{
    t->security = lane->security;
    switch (lane->security) {
    case DESC_PLAIN: break;
    case DESC_SDES:
        if (answer)
            crypto_add(t, lane, lane->answer_tag, lane->out.suite);
        else
            crypto_offer(t, lane);
        break;
    case DESC_DTLS:
        t->setup = !answer ? DESC_ACTPASS : lane->dtls_active ? DESC_ACTIVE : DESC_PASSIVE;
        t->fingerprint[0] = *dtls_context_fingerprint(m->dtls);
        t->nfingerprints = 1;
        break;
    }
}

static void transport_write(struct media *m, struct media_leg *l, struct lane *lane,
                            const struct desc_transport *peer, struct desc_transport *t)
{
    unsigned n;

    t->feedback = peer ? peer->feedback : l->profile.feedback;
    t->rtcp_mux = peer ? peer->rtcp_mux : l->profile.rtcp_mux;
    t->rtp = lane->shared ? worker_shared(m->worker[l->worker], &n)[0].advertise
                          : address_told(m, lane, 0);
    if (!lane->shared && !lane->mux)
        t->rtcp = address_told(m, lane, 1);
    else if (t->rtcp_mux)
        t->rtcp = t->rtp;
    if (lane->ice && (!peer || peer->ice))
        ice_write(m, l, lane, t);
    security_write(m, lane, peer != NULL, t);
}

/* ---- streams ---- */

static bool id_taken(const struct desc *d, uint8_t id)
{
    for (unsigned i = 0; i < d->nstreams; i++)
        for (unsigned k = 0; k < d->stream[i].nextensions; k++)
            if (d->stream[i].extension[k].id == id)
                return true;
    return false;
}

static const struct desc_extension *mid_extension(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->nextensions; i++)
        if (s->extension[i].uri && strcmp(s->extension[i].uri, mid_uri) == 0)
            return &s->extension[i];
    return NULL;
}

/* One number for all streams of a bundle (RFC 8285 6); an answer repeats the offer's. */
static void mid_extensions_write(struct desc *d, const struct desc *peer)
{
    uint8_t id = 1;

    while (id < 15 && id_taken(d, id))
        id++;
    for (unsigned i = 0; i < d->nstreams; i++) {
        struct desc_stream *s = &d->stream[i];
        const struct desc_extension *theirs = peer ? mid_extension(&peer->stream[i]) : NULL;
        if (s->refused || s->transport < 0 || mid_extension(s) || (peer && !theirs) || id > 14)
            continue;
        (void)desc_add_extension(s, theirs ? theirs->id : id, mid_uri);
    }
}

static bool has_rtx(const struct desc_stream *s)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        if (desc_codec_is(&s->codec[i], "rtx"))
            return true;
    return false;
}

/* What a browser needs to know our SSRCs by, and to group tracks (RFC 5576, 8830). */
static void sources_write(const struct media_leg *l, const struct lane_stream *own,
                          struct desc_stream *s)
{
    struct desc_source *source;

    if (s->nsources || !(s->direction & DESC_SENDONLY))
        return;
    source = desc_add_source(s, own->ssrc, l->cname);
    if (source && has_rtx(s))
        source->rtx_ssrc = own->rtx_ssrc;
    if (!s->msid)
        s->msid = g_strdup_printf("%s %s", l->msid, own->track);
}

static void mid_write(struct desc *d, unsigned i, const struct desc *peer)
{
    struct desc_stream *s = &d->stream[i];

    if (s->mid[0])
        return;
    if (peer)
        (void)g_strlcpy(s->mid, peer->stream[i].mid, sizeof(s->mid));
    else if (d->bundled)
        (void)g_snprintf(s->mid, sizeof(s->mid), "%u", i);
}

void lanes_describe(struct media *m, struct media_leg *l, const struct desc *peer_offer,
                    struct desc *d)
{
    int8_t written[TRANSPORTS_MAX];

    memset(written, -1, sizeof(written));
    d->bundled = peer_offer ? peer_offer->bundled : l->profile.bundle;
    for (unsigned i = 0; i < d->nstreams; i++) {
        const struct lane_stream *own = &l->stream[i];
        struct desc_stream *s = &d->stream[i];
        const struct desc_transport *peer = NULL;
        struct lane *lane;
        mid_write(d, i, peer_offer && i < peer_offer->nstreams ? peer_offer : NULL);
        if (!own->used)
            continue;
        lane = &l->lane[own->lane];
        if (peer_offer)
            peer = &peer_offer->transport[peer_offer->stream[i].transport];
        if (written[own->lane] < 0) {
            written[own->lane] = (int8_t)d->ntransports;
            transport_write(m, l, lane, peer, desc_add_transport(d));
        }
        s->transport = written[own->lane];
        if (lane->ice && lane->security == DESC_DTLS)
            sources_write(l, own, s);
    }
    if (d->bundled)
        mid_extensions_write(d, peer_offer);
}
