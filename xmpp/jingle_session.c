/* What a session hears: Jingle stanzas of the peer (XEP-0166), by action. */
#include "base/log.h"
#include "xmpp/leg.h"
#include "xmpp/reasons.h"

#include <string.h>

enum { HEARD_MAX = 32 }; /* changes that wait for another */

struct closed { /* a session that was: its key, and until when it is remembered */
    char *key;
    uint64_t until_us;
};

/* ---- sessions that were ---- */

static void closed_free(gpointer data)
{
    struct closed *c = data;

    g_free(c->key);
    g_free(c);
}

GHashTable *jses_memory(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, closed_free);
}

void jses_remember(struct component *x, const struct jleg *l)
{
    struct closed *c;

    if (g_hash_table_size(x->closed) >= XMPP_CLOSED_MAX)
        return;
    c = g_new0(struct closed, 1);
    c->key = g_strdup(l->key);
    c->until_us = clock_now_us() + XMPP_CLOSED_US;
    (void)g_hash_table_replace(x->closed, c->key, c);
}

static gboolean is_forgotten(gpointer key, gpointer value, gpointer now)
{
    (void)key;
    return ((struct closed *)value)->until_us <= *(uint64_t *)now;
}

void jses_sweep(struct component *x, uint64_t now_us)
{
    (void)g_hash_table_foreach_remove(x->closed, is_forgotten, &now_us);
}

/* ---- in ---- */

static const struct stanza_error out_of_order = {
    "wait", "unexpected-request", "<out-of-order xmlns='urn:xmpp:jingle:errors:1'/>", NULL};
static const struct stanza_error unknown_session = {
    "cancel", "item-not-found", "<unknown-session xmlns='urn:xmpp:jingle:errors:1'/>", NULL};
static const struct stanza_error tie_break = {
    "cancel", "conflict", "<tie-break xmlns='urn:xmpp:jingle:errors:1'/>", NULL};
static const struct stanza_error unsupported_info = {
    "cancel", "feature-not-implemented", "<unsupported-info xmlns='urn:xmpp:jingle:errors:1'/>",
    NULL};
static const struct stanza_error unsupported = {"cancel", "feature-not-implemented", NULL, NULL};

/* One Jingle stanza of the peer, on its session. */
struct taken {
    struct component *x;
    struct jleg *l;
    const struct stanza *iq;
    struct jingle *j;
};

static void refuse(const struct taken *t, const struct stanza_error *e)
{
    stanza_refuse(t->x, t->iq, "iq", e);
}

static int remote_stream(const struct jleg *l, const char *mid)
{
    const struct desc *d = l->remote ? l->remote : l->local;

    for (unsigned i = 0; d && i < d->nstreams; i++)
        if (g_str_equal(d->stream[i].mid, mid))
            return (int)i;
    return -1;
}

/* Why a session cannot be had, said after the result as the clients expect it. */
static enum jingle_reason fault_of(const struct jingle *j)
{
    bool audio = false;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        const struct desc_stream *s = &j->desc->stream[i];
        const struct desc_transport *t =
            s->transport >= 0 ? &j->desc->transport[s->transport] : NULL;

        if (!j->content[i].description)
            return JINGLE_UNSUPPORTED_APPLICATIONS;
        if (!j->content[i].transport || !t || !t->ice)
            return JINGLE_UNSUPPORTED_TRANSPORTS;
        if (j->content[i].omemo_only || t->security != DESC_DTLS || !t->nfingerprints)
            return JINGLE_SECURITY_ERROR;
        audio |= s->kind == DESC_AUDIO;
    }
    return audio ? JINGLE_NO_REASON : JINGLE_UNSUPPORTED_APPLICATIONS;
}

static struct desc *take_desc(struct jingle *j)
{
    struct desc *d = j->desc;

    j->desc = NULL;
    return d;
}

static void keep_remote(struct jleg *l, const struct desc *d)
{
    desc_free(l->remote);
    l->remote = desc_copy(d);
}

/* The end of a session that the gateway has never heard of. */
static void end_stillborn(struct component *x, const struct stanza *iq, const char *sid,
                          enum jingle_reason reason)
{
    struct jingle j = {.action = JINGLE_SESSION_TERMINATE, .reason = reason};
    char id[32];
    GString *s;

    (void)g_strlcpy(j.sid, sid, sizeof(j.sid));
    stanza_id(x, id);
    s = stanza_begin("iq", "set", iq->to.full, iq->from.full, id);
    jingle_write(s, &j, false, NULL, NULL);
    stanza_send(x, s, "iq");
}

static void on_initiate(struct taken *t)
{
    enum jingle_reason fault = fault_of(t->j);
    struct leg_event ev = {.type = LEG_OFFER};

    if (t->l->state != JLEG_PROCEEDING) {
        refuse(t, &out_of_order);
        return;
    }
    stanza_result(t->x, t->iq);
    jleg_enter(t->l, JLEG_OFFERED);
    if (fault) {
        LOG_W(XMPP_MOD, "%s: its session-initiate cannot be used: %s", t->l->peer,
              jingle_reason_word(fault));
        jses_terminate(t->l, fault);
        jleg_ended_by_peer(t->l, reason_from_jingle(fault, false, true), jingle_reason_word(fault));
        return;
    }
    keep_remote(t->l, t->j->desc);
    t->l->pen = PEN_THEIRS;
    ev.desc = take_desc(t->j);
    leg_report(&t->l->base, &ev);
}

/* Streams of the peer's answer, in the order of our offer; what it left out is refused. */
static struct desc *in_our_order(const struct jleg *l, const struct desc *theirs)
{
    struct desc *d = desc_copy(theirs);
    struct desc *left = desc_copy(l->local);
    struct desc_stream sorted[DESC_STREAMS_MAX] = {0};
    bool used[DESC_STREAMS_MAX] = {false};

    for (unsigned i = 0; i < left->nstreams; i++) {
        int found = -1;

        for (unsigned k = 0; k < d->nstreams; k++)
            if (!used[k] && g_str_equal(d->stream[k].mid, left->stream[i].mid))
                found = (int)k;
        if (found >= 0) {
            used[found] = true;
            sorted[i] = d->stream[found];
            sorted[i].refused |= left->stream[i].refused;
        } else {
            sorted[i] = left->stream[i];
            memset(&left->stream[i], 0, sizeof(left->stream[i]));
            sorted[i].refused = true;
            sorted[i].transport = -1;
            sorted[i].direction = DESC_INACTIVE;
        }
    }
    for (unsigned k = d->nstreams; k > 0; k--) /* contents we never offered */
        if (used[k - 1])
            memset(&d->stream[k - 1], 0, sizeof(d->stream[k - 1]));
    while (d->nstreams)
        desc_drop_last_stream(d);
    memcpy(d->stream, sorted, left->nstreams * sizeof(*sorted));
    d->nstreams = left->nstreams;
    desc_free(left);
    return d;
}

static void on_content_answer(struct taken *t, bool accepted);

static void on_accept(struct taken *t)
{
    struct leg_event ev = {.type = LEG_ANSWERED};
    enum jingle_reason fault = fault_of(t->j);

    if (t->l->state == JLEG_ACTIVE) { /* Movim answers content-add like this */
        on_content_answer(t, true);
        return;
    }
    if (t->l->state != JLEG_INITIATING) {
        refuse(t, &out_of_order);
        return;
    }
    stanza_result(t->x, t->iq);
    if (fault) {
        LOG_W(XMPP_MOD, "%s: its session-accept cannot be used: %s", t->l->peer,
              jingle_reason_word(fault));
        jses_terminate(t->l, fault);
        jleg_ended_by_peer(t->l, reason_from_jingle(fault, false, false),
                           jingle_reason_word(fault));
        return;
    }
    ev.desc = in_our_order(t->l, t->j->desc);
    keep_remote(t->l, ev.desc);
    jleg_enter(t->l, JLEG_ACTIVE);
    t->l->pen = PEN_FREE;
    leg_report(&t->l->base, &ev);
    jleg_offer_soon(t->l);
}

static void on_terminate(struct taken *t)
{
    bool active = t->l->state == JLEG_ACTIVE;
    enum end_cause cause = reason_from_jingle(t->j->reason, active, !t->l->dialled);
    const char *word = jingle_reason_word(t->j->reason);

    stanza_result(t->x, t->iq);
    jleg_ended_by_peer(t->l, cause, t->j->reason_text[0] ? t->j->reason_text : word);
}

/* ---- transports ---- */

static void report_candidates(struct jleg *l, unsigned stream, const struct desc_transport *t)
{
    for (unsigned k = 0; k < t->ncandidates && l->state < JLEG_ENDED; k++) {
        struct leg_event ev = {
            .type = LEG_CANDIDATE, .stream = stream, .candidate = &t->candidate[k]};

        leg_report(&l->base, &ev);
    }
}

/* New credentials of one content: those of its transport, which bundled contents share. */
static void take_credentials(struct jleg *l, unsigned stream, const struct desc_transport *from)
{
    struct desc_transport *t = &l->remote->transport[l->remote->stream[stream].transport];

    (void)g_strlcpy(t->ufrag, from->ufrag, sizeof(t->ufrag));
    (void)g_strlcpy(t->pwd, from->pwd, sizeof(t->pwd));
    t->ncandidates = 0;
}

static bool is_restart(const struct jleg *l, unsigned stream, const struct desc_transport *from)
{
    int t = l->remote ? l->remote->stream[stream].transport : -1;

    return t >= 0 && from->ufrag[0] && from->pwd[0] &&
           !g_str_equal(l->remote->transport[t].ufrag, from->ufrag);
}

static void keep_candidates(struct jleg *l, unsigned stream, const struct desc_transport *from)
{
    struct desc_transport *to = &l->remote->transport[l->remote->stream[stream].transport];

    for (unsigned k = 0; k < from->ncandidates; k++) {
        struct desc_candidate *c = desc_add_candidate(to);

        if (c)
            *c = from->candidate[k];
    }
}

/* Where the transport of content @p i of a transport-info belongs; NULL: nowhere, which is no error
 * as one would end the call. */
static const struct desc_transport *placed(const struct jleg *l, const struct jingle *j, unsigned i,
                                           unsigned *stream)
{
    int known = remote_stream(l, j->desc->stream[i].mid);
    int t = j->desc->stream[i].transport;

    *stream = known < 0 ? 0 : (unsigned)known;
    return known < 0 || t < 0 ? NULL : &j->desc->transport[t];
}

/* New credentials go to the gateway as an offer, with the candidates that came with them. */
static bool change_transport(struct jleg *l, struct jingle *j)
{
    const struct desc_transport *t;
    unsigned stream;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        t = placed(l, j, i, &stream);
        if (t && is_restart(l, stream, t)) {
            take_credentials(l, stream, t);
            l->restarted = true;
        }
    }
    for (unsigned i = 0; i < j->desc->nstreams && l->state < JLEG_ENDED; i++) {
        t = placed(l, j, i, &stream);
        if (t && l->restarted && l->remote->stream[stream].transport >= 0)
            keep_candidates(l, stream, t);
        else if (t)
            report_candidates(l, stream, t);
    }
    return l->restarted;
}

static bool must_wait(const struct jleg *l, const struct jingle *j)
{
    bool waits = l->heard.length > 0;

    for (unsigned i = 0; i < j->desc->nstreams && !waits; i++) {
        unsigned stream;
        const struct desc_transport *t = placed(l, j, i, &stream);

        waits = t && (is_restart(l, stream, t) || l->added & 1U << stream);
    }
    return waits;
}

/* ---- changes, one after the other ---- */

void jses_heard_free(gpointer data)
{
    struct jingle *j = data;

    jingle_clear(j);
    g_free(j);
}

static void hear(struct taken *t)
{
    static const struct stanza_error too_many = {"wait", "resource-constraint", NULL, NULL};

    if (t->l->heard.length >= HEARD_MAX) {
        refuse(t, &too_many);
        return;
    }
    stanza_result(t->x, t->iq);
    g_queue_push_tail(&t->l->heard, g_memdup2(t->j, sizeof(*t->j)));
    t->j->desc = NULL; /* now the queue's */
    jleg_offer_soon(t->l);
}

static void on_transport_info(struct taken *t)
{
    struct jleg *l = t->l;

    if (l->state != JLEG_OFFERED && l->state != JLEG_INITIATING && l->state != JLEG_ACTIVE) {
        refuse(t, &out_of_order);
    } else if (l->remote && must_wait(l, t->j)) {
        hear(t);
    } else {
        stanza_result(t->x, t->iq);
        (void)change_transport(l, t->j);
    }
}

/* ---- contents ---- */

/* The transport of a content of @p j: one we have, where they are bundled, or a new one. -1: it
 * cannot be used. */
static int add_transport(struct jleg *l, const struct jingle *j, unsigned i)
{
    int from = j->desc->stream[i].transport;
    const struct desc_transport *t = from >= 0 ? &j->desc->transport[from] : NULL;
    struct desc_transport *to;
    struct desc *copy;

    if (!t || !j->content[i].description)
        return -1;
    for (unsigned k = 0; k < l->remote->ntransports && l->remote->bundled; k++)
        if (g_str_equal(l->remote->transport[k].ufrag, t->ufrag))
            return (int)k;
    if (!t->ice || t->security != DESC_DTLS || !t->nfingerprints || j->content[i].omemo_only)
        return -1;
    to = desc_add_transport(l->remote);
    if (!to)
        return -1;
    copy = desc_copy(j->desc);
    *to = copy->transport[from];
    memset(&copy->transport[from], 0, sizeof(*to));
    desc_free(copy);
    return (int)l->remote->ntransports - 1;
}

/* In the place @p at of one that is no more, or (-1) at the end. */
static bool add_content(struct jleg *l, struct jingle *j, unsigned i, int at)
{
    struct desc *d = l->remote;
    int t = d->nstreams < DESC_STREAMS_MAX ? add_transport(l, j, i) : -1;
    unsigned place = at < 0 ? d->nstreams : (unsigned)at;

    if (t < 0)
        return false;
    d->stream[d->nstreams] = j->desc->stream[i];
    d->stream[d->nstreams++].transport = (int8_t)t;
    memset(&j->desc->stream[i], 0, sizeof(j->desc->stream[i]));
    if (at >= 0) {
        struct desc_stream old = d->stream[place];

        d->stream[place] = d->stream[d->nstreams - 1];
        d->stream[d->nstreams - 1] = old;
        desc_drop_last_stream(d);
    }
    l->added |= 1U << place;
    l->rejected &= ~(1U << place);
    return true;
}

static bool is_live(const struct jleg *l, int stream)
{
    return stream >= 0 && !l->remote->stream[stream].refused && !(l->rejected & 1U << stream);
}

static bool change_add(struct jleg *l, struct jingle *j)
{
    uint32_t cannot = 0;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        int at = remote_stream(l, j->desc->stream[i].mid);

        if (!is_live(l, at) && !j->desc->stream[i].refused && !add_content(l, j, i, at))
            cannot |= 1U << i;
    }
    if (cannot)
        jses_reject(l, j->desc, cannot);
    return l->added != 0;
}

static void on_content_add(struct taken *t)
{
    struct jleg *l = t->l;

    if (l->state != JLEG_ACTIVE)
        refuse(t, &out_of_order);
    else if (l->pen == PEN_OURS && !l->soon_answer && l->dialled)
        refuse(t, &tie_break); /* both add: the initiator's goes first */
    else
        hear(t);
}

/* To content-add of ours. Contents it does not name were refused. */
static void on_content_answer(struct taken *t, bool accepted)
{
    struct leg_event ev = {.type = LEG_ANSWER};
    struct jleg *l = t->l;
    struct desc *d;

    if (l->pen != PEN_OURS || l->soon_answer) {
        refuse(t, &out_of_order);
        return;
    }
    stanza_result(t->x, t->iq);
    for (unsigned i = 0; i < t->j->desc->nstreams && accepted; i++) {
        int at = remote_stream(l, t->j->desc->stream[i].mid);

        if (!is_live(l, at))
            (void)add_content(l, t->j, i, at);
    }
    l->added = 0;
    jleg_agreed(l);
    d = in_our_order(l, l->remote);
    desc_free(l->remote);
    l->remote = d;
    for (unsigned i = 0; i < l->local->nstreams; i++)
        l->local->stream[i].refused = l->remote->stream[i].refused;
    timer_stop(&l->guard);
    l->pen = PEN_FREE;
    ev.desc = jses_remote(l);
    leg_report(&l->base, &ev);
    jleg_offer_soon(l);
}

static void on_content_accept(struct taken *t)
{
    on_content_answer(t, true);
}

static void on_content_reject(struct taken *t)
{
    on_content_answer(t, false);
}

static bool change_remove(struct jleg *l, struct jingle *j)
{
    bool changed = false;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        int stream = remote_stream(l, j->desc->stream[i].mid);

        if (!is_live(l, stream))
            continue;
        l->remote->stream[stream].refused = true;
        l->remote->stream[stream].direction = DESC_INACTIVE;
        changed = true;
    }
    return changed;
}

/* What was added and has not been answered need not be any more: some clients end the call when
 * they are told that what they took back has been accepted. */
static void take_back(struct jleg *l, const char *mid)
{
    int stream = remote_stream(l, mid);

    if (stream >= 0)
        l->added &= ~(1U << stream);
    for (GList *q = l->heard.head; q; q = q->next) {
        struct jingle *j = q->data;

        for (unsigned i = 0; i < j->desc->nstreams && j->action == JINGLE_CONTENT_ADD; i++)
            if (g_str_equal(j->desc->stream[i].mid, mid))
                j->desc->stream[i].refused = true;
    }
}

static void on_content_remove(struct taken *t)
{
    if (t->l->state != JLEG_ACTIVE) {
        refuse(t, &out_of_order);
        return;
    }
    for (unsigned i = 0; i < t->j->desc->nstreams; i++)
        take_back(t->l, t->j->desc->stream[i].mid);
    hear(t);
}

static bool change_modify(struct jleg *l, struct jingle *j)
{
    bool changed = false;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        int stream = remote_stream(l, j->desc->stream[i].mid);
        enum desc_direction d = j->desc->stream[i].direction;

        if (!is_live(l, stream) || l->remote->stream[stream].direction == d)
            continue;
        l->remote->stream[stream].direction = d;
        changed = true;
    }
    return changed;
}

static void on_content_modify(struct taken *t)
{
    if (t->l->state == JLEG_ACTIVE)
        hear(t);
    else
        refuse(t, &out_of_order);
}

static bool change(struct jleg *l, struct jingle *j)
{
    switch (j->action) {
    case JINGLE_CONTENT_ADD: return change_add(l, j);
    case JINGLE_CONTENT_MODIFY: return change_modify(l, j);
    case JINGLE_CONTENT_REMOVE: return change_remove(l, j);
    default: return change_transport(l, j);
    }
}

bool jses_change(struct jleg *l)
{
    bool changed = false;

    while (!changed && l->heard.length) {
        struct jingle *j = g_queue_pop_head(&l->heard);
        struct desc *before = desc_copy(l->remote);

        changed = change(l, j);
        jses_heard_free(j);
        desc_free(changed ? l->before : before);
        if (changed)
            l->before = before;
    }
    return changed;
}

struct desc *jses_remote(const struct jleg *l)
{
    struct desc *d = desc_copy(l->remote);

    for (unsigned i = 0; i < d->nstreams; i++)
        d->stream[i].direction &= l->allows[i];
    return d;
}

static void on_info(struct taken *t)
{
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = true};

    if (t->j->info == JINGLE_INFO_UNKNOWN) {
        refuse(t, &unsupported_info);
        return;
    }
    stanza_result(t->x, t->iq);
    if (t->j->info == JINGLE_INFO_RINGING && t->l->state == JLEG_INITIATING && !t->l->rang) {
        t->l->rang = true;
        leg_report(&t->l->base, &ev);
    }
}

static void on_acknowledged(struct taken *t)
{
    stanza_result(t->x, t->iq);
}

static void on_unsupported(struct taken *t)
{
    refuse(t, &unsupported);
}

static void (*const handlers[JINGLE_ACTIONS])(struct taken *t) = {
    [JINGLE_CONTENT_ACCEPT] = on_content_accept,
    [JINGLE_CONTENT_ADD] = on_content_add,
    [JINGLE_CONTENT_MODIFY] = on_content_modify,
    [JINGLE_CONTENT_REJECT] = on_content_reject,
    [JINGLE_CONTENT_REMOVE] = on_content_remove,
    [JINGLE_DESCRIPTION_INFO] = on_acknowledged,
    [JINGLE_SECURITY_INFO] = on_acknowledged,
    [JINGLE_SESSION_ACCEPT] = on_accept,
    [JINGLE_SESSION_INFO] = on_info,
    [JINGLE_SESSION_INITIATE] = on_initiate,
    [JINGLE_SESSION_TERMINATE] = on_terminate,
    [JINGLE_TRANSPORT_ACCEPT] = on_acknowledged,
    [JINGLE_TRANSPORT_INFO] = on_transport_info,
    [JINGLE_TRANSPORT_REJECT] = on_acknowledged,
    [JINGLE_TRANSPORT_REPLACE] = on_unsupported,
};

/* session-initiate without a proposal: it rings until the gateway answers. */
static void begin(struct component *x, const struct stanza *iq, struct jingle *j)
{
    enum jingle_reason fault = fault_of(j);
    struct jleg *l;

    stanza_result(x, iq);
    if (fault || x->draining || conn_is_crowded(x->conn) ||
        !people_may_call(x->people, iq->from.bare)) {
        end_stillborn(x, iq, j->sid, fault ? fault : JINGLE_BUSY);
        return;
    }
    l = jleg_new(x, j->sid, &iq->from, iq->to.bare, JLEG_OFFERED);
    (void)g_strlcpy(l->peer, iq->from.full, sizeof(l->peer));
    keep_remote(l, j->desc);
    jleg_place(l, take_desc(j), false);
}

/* About a session we do not have, or no longer. */
static void take_stray(struct component *x, const struct stanza *iq, struct jingle *j)
{
    g_autofree char *key = g_strconcat(iq->from.bare, "\n", iq->to.bare, "\n", j->sid, NULL);
    bool was = g_hash_table_contains(x->closed, key);

    switch (j->action) {
    case JINGLE_SESSION_INITIATE:
        if (was) { /* it crossed our reject, or the retract of its own user */
            stanza_result(x, iq);
            end_stillborn(x, iq, j->sid, JINGLE_EXPIRED);
        } else {
            begin(x, iq, j);
        }
        return;
    case JINGLE_SESSION_TERMINATE:
        if (was) {
            stanza_result(x, iq);
            return;
        }
        break;
    default: break;
    }
    stanza_refuse(x, iq, "iq", &unknown_session);
}

void jses_take(struct component *x, const struct stanza *iq, xmpp_stanza_t *element)
{
    const char *sid = xmpp_stanza_get_attribute(element, "sid");
    struct jleg *l = sid ? jleg_find(x, sid, &iq->from, iq->to.bare) : NULL;
    struct stanza_error bad = {"modify", "bad-request", NULL, NULL};
    struct jingle j;
    struct taken t = {x, l, iq, &j};
    LOG_CALL(l ? l->base.call_id : 0);

    if (jingle_read(element, l ? !l->dialled : true, &j, &bad.text)) {
        LOG_W(XMPP_MOD, "a Jingle stanza of %s cannot be read: %s", iq->from.full, bad.text);
        stanza_refuse(x, iq, "iq", &bad);
        return;
    }
    if (l && (!g_str_equal(l->peer, iq->from.full) || l->state >= JLEG_ENDED))
        l = NULL; /* another device of the same person has no part in it */
    if (strlen(j.sid) >= XMPP_SID_MAX)
        stanza_refuse(x, iq, "iq", &bad);
    else if (l)
        handlers[j.action](&t);
    else if (t.l && t.l->state < JLEG_ENDED)
        stanza_refuse(x, iq, "iq", &unknown_session);
    else
        take_stray(x, iq, &j);
    jingle_clear(&j);
}
