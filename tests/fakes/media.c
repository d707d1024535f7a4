#include "tests/fakes/media.h"

#include <glib.h>

struct fake_media fake_media;

static void (*media_fn)(const struct media_event *ev, void *arg);
static void *media_arg;
static struct desc_profile profiles[256]; /* by slot */

struct media *media_new(const struct media_config *config,
                        void (*fn)(const struct media_event *ev, void *arg), void *arg)
{
    static int anything;

    (void)config;
    memset(&fake_media, 0, sizeof(fake_media));
    media_fn = fn;
    media_arg = arg;
    return (struct media *)(void *)&anything;
}

void media_free(struct media *m)
{
    (void)m;
}

void fake_media_event(const struct media_event *ev)
{
    media_fn(ev, media_arg);
}

enum gw_err media_leg_open(struct media *m, uint64_t call_id, const struct desc_profile *profile,
                           struct media_id near, struct media_id *id)
{
    (void)m;
    (void)call_id;
    (void)near;
    if (fake_media.full)
        return GW_EFULL;
    fake_media.open++;
    *id = (struct media_id){++fake_media.opened, 1};
    profiles[id->slot % G_N_ELEMENTS(profiles)] = *profile;
    return GW_OK;
}

/* With ICE the credentials name the peer's, so that a test sees which offer was answered. */
static void describe_ice(struct desc_transport *t, const struct desc *peer_offer, unsigned i)
{
    int from = peer_offer && i < peer_offer->nstreams ? peer_offer->stream[i].transport : -1;
    struct desc_candidate *c = desc_add_candidate(t);

    t->ice = t->rtcp_mux = true;
    (void)g_snprintf(t->ufrag, sizeof(t->ufrag), "to-%.64s",
                     from >= 0 ? peer_offer->transport[from].ufrag : "nobody");
    (void)g_strlcpy(t->pwd, "ourpasswordourpassword", sizeof(t->pwd));
    *c = (struct desc_candidate){
        .foundation = "1", .component = 1, .priority = 2130706431, .type = DESC_HOST};
    (void)net_addr_parse(SPAN("192.0.2.1:40000"), &c->addr);
}

static void describe_transport(struct desc_transport *t, const struct desc_profile *profile)
{
    t->security = profile->security;
    t->nfingerprints = profile->security == DESC_DTLS;
    t->ncrypto = profile->security == DESC_SDES;
    if (profile->security == DESC_DTLS) {
        t->fingerprint[0] = (struct desc_fingerprint){.hash = "sha-256", .n = 32};
        t->setup = DESC_ACTPASS;
    }
}

enum gw_err media_leg_describe(struct media *m, struct media_id id, const struct desc *peer_offer,
                               bool restart, struct desc *d)
{
    const struct desc_profile *profile = &profiles[id.slot % G_N_ELEMENTS(profiles)];

    (void)m;
    (void)restart;
    if (fake_media.unsupported)
        return GW_EUNSUPPORTED;
    desc_clear_transports(d);
    for (unsigned i = 0; i < d->nstreams; i++) {
        if (d->stream[i].refused)
            continue;
        d->stream[i].transport = (int8_t)d->ntransports;
        describe_transport(desc_add_transport(d), profile);
        if (profile->ice)
            describe_ice(&d->transport[d->ntransports - 1], peer_offer, i);
    }
    return GW_OK;
}

void media_leg_remote(struct media *m, struct media_id id, const struct desc *peer, bool is_offer)
{
    (void)m;
    (void)id;
    (void)is_offer;
    fake_media.remotes++;
    fake_media.remote_candidates = 0;
    for (unsigned i = 0; i < peer->ntransports; i++)
        fake_media.remote_candidates += peer->transport[i].ncandidates;
}

void media_leg_candidate(struct media *m, struct media_id id, unsigned stream,
                         const struct desc_candidate *c)
{
    (void)m;
    (void)id;
    (void)stream;
    (void)c;
    fake_media.candidates++;
}

void media_join(struct media *m, struct media_id a, struct media_id b,
                const struct media_plan *plan)
{
    (void)m;
    fake_media.joins++;
    fake_media.join_a = a;
    fake_media.join_b = b;
    fake_media.plan = *plan;
}

void media_leg_dtmf(struct media *m, struct media_id id, char digit, unsigned duration_ms)
{
    size_t n = strlen(fake_media.digits);

    (void)m;
    (void)duration_ms;
    g_assert_cmpuint(n + 1, <, sizeof(fake_media.digits));
    fake_media.digits[n] = digit;
    fake_media.digits_to = id;
}

void media_leg_keyframe(struct media *m, struct media_id id)
{
    (void)m;
    (void)id;
    fake_media.keyframes++;
}

bool media_leg_stats(struct media *m, struct media_id id, struct media_stats *out)
{
    (void)m;
    (void)id;
    (void)out;
    return false;
}

void media_leg_close(struct media *m, struct media_id id)
{
    (void)m;
    (void)id;
    fake_media.open--;
}
