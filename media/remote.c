/* The peer's transports, and what they decide about ours. */
#include "base/log.h"
#include "media/local.h"

#include <glib.h>

#include <string.h>

static const char mid_uri[] = "urn:ietf:params:rtp-hdrext:sdes:mid";

bool lane_understands(const struct desc_transport *peer)
{
    switch (peer->security) {
    case DESC_PLAIN: return true;
    case DESC_SDES: return peer->ncrypto > 0;
    case DESC_DTLS: return peer->nfingerprints > 0;
    }
    return false;
}

/* ---- DTLS ---- */

static bool role_of(const struct lane *lane, const struct desc_transport *peer, bool is_offer,
                    bool same_peer)
{
    switch (peer->setup) {
    case DESC_ACTIVE: return false;
    case DESC_PASSIVE: return true;
    case DESC_ACTPASS:
    case DESC_HOLDCONN:
        if (!is_offer)
            return false; /* no answer at all (RFC 5763 5): it has offered to connect, at least */
        return same_peer && lane->dtls_gen ? lane->dtls_active : true;
    case DESC_SETUP_NONE: return false; /* RFC 4145 4: an offer's default is active */
    }
    return false;
}

/* A new association begins with another certificate, tls-id or role (RFC 8842 5.1). */
static void association_settle(struct lane *lane, const struct desc_transport *peer, bool is_offer)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    uint8_t now[PEER_KEY_MAX];
    gsize n = PEER_KEY_MAX - 1;
    bool same_peer;

    for (unsigned i = 0; i < peer->nfingerprints; i++)
        g_checksum_update(sum, peer->fingerprint[i].value, peer->fingerprint[i].n);
    g_checksum_update(sum, (const guchar *)peer->tls_id, (gssize)strlen(peer->tls_id));
    g_checksum_get_digest(sum, now, &n);
    g_checksum_free(sum);
    same_peer = memcmp(now, lane->association, PEER_KEY_MAX - 1) == 0;
    now[PEER_KEY_MAX - 1] = role_of(lane, peer, is_offer, same_peer);
    if (lane->dtls_gen && memcmp(now, lane->association, PEER_KEY_MAX) == 0)
        return;
    memcpy(lane->association, now, PEER_KEY_MAX);
    lane->dtls_active = now[PEER_KEY_MAX - 1];
    lane->dtls_gen++;
}

/* ---- SDES ---- */

/* The line to accept of an offer: the suite already in use, else the peer's first choice. */
static const struct desc_crypto *crypto_choose(const struct lane *lane,
                                               const struct desc_transport *peer)
{
    for (unsigned i = 0; lane->out.gen && i < peer->ncrypto; i++)
        if (peer->crypto[i].suite == lane->out.suite)
            return &peer->crypto[i];
    return peer->ncrypto ? &peer->crypto[0] : NULL;
}

static void key_adopt(struct key_params *k, enum desc_suite suite, const uint8_t *key)
{
    if (k->gen && k->suite == suite && memcmp(k->key, key, sizeof(k->key)) == 0)
        return;
    k->gen++;
    k->suite = suite;
    memcpy(k->key, key, sizeof(k->key));
}

static bool crypto_settle(struct lane *lane, const struct desc_transport *peer, bool is_offer)
{
    const struct desc_crypto *c = is_offer ? crypto_choose(lane, peer) : &peer->crypto[0];

    if (!c || !peer->ncrypto || (!is_offer && c->tag != (uint32_t)c->suite + 1))
        return false; /* an answer must name one of our lines (RFC 4568 5.1.3) */
    if (lane->out.gen && lane->out.suite != c->suite)
        lane->suite_ready[lane->out.suite] = false; /* never twice: its packets are counted */
    lane->answer_tag = c->tag;
    key_adopt(&lane->in, c->suite, c->key);
    key_adopt(&lane->out, c->suite, lane_key(lane, c->suite));
    return true;
}

void lanes_settle(struct media_leg *l, const struct desc *peer, bool is_offer)
{
    for (unsigned i = 0; i < l->nlanes; i++) {
        const struct desc_transport *t = lane_peer(l, i, peer);
        struct lane *lane = &l->lane[i];
        if (!t)
            continue;
        lane->remote_known = t->security == lane->security && lane_understands(t);
        if (!lane->remote_known)
            continue;
        if (lane->security == DESC_DTLS)
            association_settle(lane, t, is_offer);
        else if (lane->security == DESC_SDES)
            lane->remote_known = crypto_settle(lane, t, is_offer);
        /* An offer with new credentials is answered with new ones (RFC 8839 4.4.3); those of an
         * answer go with what we offered. */
        if (is_offer && lane->ice && lane->peer_ufrag[0] && t->ice &&
            strcmp(lane->peer_ufrag, t->ufrag) != 0)
            ice_credentials_make(tag_make(l->id.slot, i, 0), &lane->credentials);
        (void)g_strlcpy(lane->peer_ufrag, t->ufrag, sizeof(lane->peer_ufrag));
    }
}

/* ---- to the worker ---- */

static void transport_remote(const struct lane *lane, const struct desc_transport *t,
                             struct remote_transport *r)
{
    r->usable = t && lane->remote_known;
    r->broken = t && !lane->remote_known;
    if (!r->usable)
        return;
    r->ice = lane->ice && t->ice;
    r->lite = t->ice_lite;
    r->mux = t->rtcp_mux;
    memcpy(r->ufrag, t->ufrag, sizeof(r->ufrag));
    memcpy(r->pwd, t->pwd, sizeof(r->pwd));
    r->dtls_gen = lane->dtls_gen;
    r->dtls_active = lane->dtls_active;
    r->nfingerprints = t->nfingerprints;
    memcpy(r->fingerprint, t->fingerprint, sizeof(r->fingerprint));
    r->sdes_in = lane->in;
    r->sdes_out = lane->out;
    r->rtp = t->rtp;
    r->rtcp = t->rtcp;
    if (r->ice && t->ncandidates) {
        r->ncandidates = t->ncandidates;
        r->candidate = g_memdup2(t->candidate, t->ncandidates * sizeof(t->candidate[0]));
    }
}

static bool feedback_has(const struct desc_stream *s, const char *what)
{
    for (unsigned i = 0; i < s->ncodecs; i++)
        for (unsigned k = 0; k < s->codec[i].nfeedback; k++)
            if (g_ascii_strcasecmp(s->codec[i].feedback[k], what) == 0)
                return true;
    return false;
}

static void codecs_remote(const struct desc_stream *s, struct remote_stream *r)
{
    for (unsigned i = 0; i < s->ncodecs; i++) {
        const struct desc_codec *c = &s->codec[i];
        if (!desc_codec_is(c, "telephone-event")) {
            if (!r->clock_hz)
                r->clock_hz = c->clock_hz;
        } else if (r->nevents < EVENT_PTS_MAX && c->clock_hz) {
            r->event[r->nevents].pt = c->pt;
            r->event[r->nevents++].clock_hz = c->clock_hz;
        }
    }
}

static void stream_remote(const struct desc_stream *s, struct remote_stream *r)
{
    if (s->refused)
        return;
    r->talks = s->direction == DESC_SENDRECV;
    memcpy(r->mid, s->mid, sizeof(r->mid));
    for (unsigned i = 0; i < s->nextensions; i++)
        if (s->extension[i].uri && strcmp(s->extension[i].uri, mid_uri) == 0 && s->mid[0])
            r->mid_id = s->extension[i].id;
    for (unsigned i = 0; i < s->nsources && i < DESC_SOURCES_MAX; i++)
        r->source[r->nsources++] = (struct remote_source){s->source[i].ssrc, s->source[i].rtx_ssrc};
    codecs_remote(s, r);
    r->pli = feedback_has(s, "nack pli");
    r->fir = feedback_has(s, "ccm fir");
}

static void pending_flush(struct media *m, struct media_leg *l)
{
    unsigned n = l->npending;
    struct pending *p = l->pending;
    struct media_id id = l->id;

    l->npending = 0;
    l->pending = NULL;
    for (unsigned i = 0; i < n; i++) /* those whose time has not come are kept again */
        media_leg_candidate(m, id, p[i].stream, &p[i].candidate);
    g_free(p);
}

void lanes_send_remote(struct media *m, struct media_leg *l, const struct desc *peer)
{
    struct remote_set *set = g_malloc0(sizeof(*set) + l->nlanes * sizeof(set->transport[0]));
    struct command c = {.type = CMD_REMOTE, .id = l->id, .u.remote = set};

    set->nstreams = MIN(l->nstreams, peer->nstreams);
    set->ntransports = l->nlanes;
    for (unsigned i = 0; i < set->nstreams; i++)
        stream_remote(&peer->stream[i], &set->stream[i]);
    for (unsigned i = 0; i < l->nlanes; i++)
        transport_remote(&l->lane[i], lane_peer(l, i, peer), &set->transport[i]);
    worker_post(m->worker[l->worker], &c); /* NOLINT(clang-analyzer-unix.Malloc): its set now */
    pending_flush(m, l);
}
