/* Ringing: the branches of a call, until one answers or none is left. */
#include "base/log.h"
#include "gateway/call.h"
#include "gateway/gateway.h"

static bool branch_start(struct call *c, const char *address, const struct endpoint *ep,
                         unsigned profile)
{
    struct branch *b = g_new0(struct branch, 1);
    struct party *p = &b->party;
    struct desc_profile want = ep->nprofiles ? ep->profile[profile] : c->a.profile;
    struct dial_request req = {.call_id = c->id,
                               .endpoint = &b->endpoint,
                               .from = c->from,
                               .from_display = c->from_display,
                               .to = c->to};
    struct end_reason why = end_because(END_NO_CODEC);
    enum gw_err err = GW_OK;

    p->call = c;
    b->endpoint = *ep;
    b->profile = profile;
    g_strlcpy(b->address, address, sizeof(b->address));
    g_ptr_array_add(c->branches, b);
    p->local = negotiate_offer(c->source, &want, &b->map);
    if (!p->local || p->local->nstreams == 0)
        goto refused;
    if (ep->nprofiles) {
        why = end_because(END_LIMIT);
        party_open_media(p, &want);
        if (!media_id_set(p->media) ||
            media_leg_describe(gateway_media(c->gw), p->media, NULL, false, p->local) != GW_OK)
            goto refused;
    }
    p->pen = OFFER_OURS;
    req.offer = p->local;
    why = end_because(END_UNREACHABLE);
    err = ep->adapter->ops->dial(ep->adapter, &req, &p->leg);
    if (err) {
        why = end_because(err == GW_EFULL ? END_BUSY : why.cause);
        goto refused;
    }
    p->kind = p->leg->ops->name;
    p->leg->call = c;
    p->leg->call_id = c->id;
    LOG_I("call", "ringing %s", ep->label);
    return true;
refused:
    LOG_W("call", "cannot ring %s: %s", ep->label, end_sentence(why.cause));
    b->failed = true;
    party_close_media(p);
    if (c->refusal.cause == END_NONE)
        c->refusal = why;
    return false;
}

/* A busy answer says more than a dead phone, a person's no more than both. */
static unsigned reason_weight(enum end_cause cause)
{
    switch (cause) {
    case END_DECLINED: return 6;
    case END_BUSY: return 5;
    case END_NO_ANSWER: return 4;
    case END_NO_CODEC: return 3;
    case END_FORBIDDEN:
    case END_LIMIT: return 2;
    default: return cause == END_NONE ? 0 : 1;
    }
}

/* What can be rung for @p address, less the device that calls: it may call its own account's
 * others. */
static unsigned others_of(const struct call *c, const char *address,
                          struct endpoint ep[ENDPOINTS_MAX])
{
    unsigned n = gateway_endpoints(c->gw, address, ep, ENDPOINTS_MAX);
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++)
        if (!c->origin || ep[i].adapter != c->origin || ep[i].id != c->origin_id)
            ep[kept++] = ep[i];
    return kept;
}

static unsigned ring_address(struct call *c, const char *address)
{
    struct endpoint ep[ENDPOINTS_MAX];
    const struct account *a = gateway_account(c->gw, address);
    unsigned most = a && a->calls_max ? a->calls_max : gateway_config(c->gw)->account_calls_max;
    unsigned n = others_of(c, address, ep);
    unsigned rung = 0;
    struct end_reason why = end_because(a || n ? END_OFFLINE : END_NOT_FOUND);

    if (a && most && gateway_calls_of(c->gw, address) >= most) {
        why = end_because(END_BUSY);
        n = 0;
    }
    for (unsigned i = 0; i < n; i++)
        rung += branch_start(c, address, &ep[i], 0);
    if (!n && reason_weight(why.cause) >= reason_weight(c->refusal.cause))
        c->refusal = why;
    return rung;
}

bool call_dial_next(struct call *c)
{
    unsigned rung = 0;

    while (c->next_target < c->plan.ntargets && (!rung || !c->plan.serial))
        rung += ring_address(c, c->plan.target[c->next_target++]);
    if (rung)
        call_feed(c, EV_DIAL, NULL);
    return rung > 0;
}

void branches_hangup(struct call *c, const struct branch *but, enum end_cause cause)
{
    struct end_reason why = end_because(cause);

    for (guint i = 0; i < c->branches->len; i++) {
        struct branch *b = g_ptr_array_index(c->branches, i);
        if (b == but)
            continue;
        b->failed = true;
        if (c->early == b)
            c->early = NULL;
        party_hangup(&b->party, &why);
    }
}

static bool branches_waiting(const struct call *c)
{
    for (guint i = 0; i < c->branches->len; i++)
        if (!((struct branch *)g_ptr_array_index(c->branches, i))->failed)
            return true;
    return false;
}

void branch_fail(struct branch *b, const struct end_reason *why)
{
    struct call *c = b->party.call;
    bool waited = !b->failed && !c->b && c->state != CALL_ENDING;

    b->failed = true;
    if (c->early == b)
        c->early = NULL;
    party_hangup(&b->party, why);
    if (!waited)
        return;
    LOG_I("call", "%s said no: %s%s%s", b->endpoint.label, end_word(why->cause),
          why->text[0] ? ", " : "", why->text);
    if (why->cause == END_NO_CODEC && b->profile + 1 < b->endpoint.nprofiles &&
        branch_start(c, b->address, &b->endpoint, b->profile + 1))
        return;
    if (reason_weight(why->cause) > reason_weight(c->refusal.cause))
        c->refusal = *why;
    if (why->cause == END_DECLINED) { /* a person's no counts for all devices (RFC 3261 21.6.2) */
        call_feed(c, EV_EXHAUSTED, NULL);
        return;
    }
    if (!branches_waiting(c) && !call_dial_next(c))
        call_feed(c, EV_EXHAUSTED, NULL);
}

static void branch_progress(struct branch *b, const struct leg_event *ev)
{
    struct call *c = b->party.call;

    if (b->failed) {
        desc_free(ev->desc);
        return;
    }
    if (ev->desc)
        party_set_remote(&b->party, ev->desc, false);
    if (ev->ringing)
        call_feed(c, EV_RINGS, b);
    if (ev->desc)
        call_feed(c, EV_EARLY, b);
}

/* A peer that answers an offer of SRTP without keys will send nothing usable, whatever it agreed
 * to. */
static bool answer_is_keyed(const struct party *p)
{
    if (!media_id_set(p->media) || p->profile.security == DESC_PLAIN)
        return true;
    for (unsigned i = 0; i < p->remote->nstreams; i++) {
        const struct desc_stream *s = &p->remote->stream[i];
        const struct desc_transport *t =
            s->transport >= 0 ? &p->remote->transport[s->transport] : NULL;
        if (s->refused || !t)
            continue;
        if (t->security != p->profile.security ||
            (t->security == DESC_SDES ? t->ncrypto : t->nfingerprints) == 0)
            return false;
    }
    return true;
}

/* Judged before the other phones stop ringing: one that answers with nothing the caller can use is
 * not the one who answers the call. */
static bool answer_is_usable(const struct branch *b, struct end_reason *why)
{
    const struct call *c = b->party.call;
    struct desc *d = NULL;

    *why = end_because(END_NO_CODEC);
    if (!answer_is_keyed(&b->party)) {
        g_strlcpy(why->text, "it answered without the keys it was asked for", sizeof(why->text));
        return false;
    }
    if (!c->a_offered || negotiate_answer(c->a.remote, b->party.remote, &b->map, &d) == GW_OK) {
        desc_free(d);
        return true;
    }
    g_strlcpy(why->text, "it answered with nothing that was offered", sizeof(why->text));
    return false;
}

void branch_event(struct branch *b, const struct leg_event *ev)
{
    struct end_reason why;
    struct call *c = b->party.call;

    if (ev->type == LEG_PROGRESS) {
        branch_progress(b, ev);
        return;
    }
    if (b->failed) { /* its 200 crossed our hang-up: the adapter ends it */
        desc_free(ev->desc);
        return;
    }
    if (ev->desc)
        party_set_remote(&b->party, ev->desc, false);
    if (!b->party.remote) { /* answered without ever describing itself */
        why = end_because(END_PROTOCOL);
        branch_fail(b, &why);
        return;
    }
    if (!answer_is_usable(b, &why)) {
        branch_fail(b, &why);
        return;
    }
    b->party.pen = OFFER_STABLE;
    call_feed(c, EV_ANSWERS, b);
}
