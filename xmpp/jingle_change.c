/* What a peer changes in a running session: paths, contents, directions. One change at a time goes
 * to the gateway, the next when that one is agreed. */
#include "base/log.h"
#include "xmpp/jingle_taken.h"

#include <string.h>

enum { HEARD_MAX = 32 }; /* changes that wait for another */

static const struct stanza_error tie_break = {
    "cancel", "conflict", "<tie-break xmlns='urn:xmpp:jingle:errors:1'/>", NULL};

/* ---- shared by all handlers ---- */

const struct stanza_error taken_out_of_order = {
    "wait", "unexpected-request", "<out-of-order xmlns='urn:xmpp:jingle:errors:1'/>", NULL};

void taken_refuse(const struct taken *t, const struct stanza_error *e)
{
    stanza_refuse(t->x, t->iq, "iq", e);
}

int taken_stream(const struct jleg *l, const char *mid)
{
    const struct desc *d = l->remote ? l->remote : l->local;

    for (unsigned i = 0; d && i < d->nstreams; i++)
        if (g_str_equal(d->stream[i].mid, mid))
            return (int)i;
    return -1;
}

struct desc *taken_in_order(const struct jleg *l, const struct desc *theirs)
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
    int known = taken_stream(l, j->desc->stream[i].mid);
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
        taken_refuse(t, &too_many);
        return;
    }
    stanza_result(t->x, t->iq);
    g_queue_push_tail(&t->l->heard, g_memdup2(t->j, sizeof(*t->j)));
    t->j->desc = NULL; /* now the queue's */
    jleg_offer_soon(t->l);
}

void change_on_transport_info(struct taken *t)
{
    struct jleg *l = t->l;

    if (l->state != JLEG_OFFERED && l->state != JLEG_INITIATING && l->state != JLEG_ACTIVE) {
        taken_refuse(t, &taken_out_of_order);
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
        int at = taken_stream(l, j->desc->stream[i].mid);

        if (!is_live(l, at) && !j->desc->stream[i].refused && !add_content(l, j, i, at))
            cannot |= 1U << i;
    }
    if (cannot)
        jses_reject(l, j->desc, cannot);
    return l->added != 0;
}

void change_on_content_add(struct taken *t)
{
    struct jleg *l = t->l;

    if (l->state != JLEG_ACTIVE)
        taken_refuse(t, &taken_out_of_order);
    else if (l->pen == PEN_OURS && !l->soon_answer && l->dialled)
        taken_refuse(t, &tie_break); /* both add: the initiator's goes first */
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
        taken_refuse(t, &taken_out_of_order);
        return;
    }
    stanza_result(t->x, t->iq);
    for (unsigned i = 0; i < t->j->desc->nstreams && accepted; i++) {
        int at = taken_stream(l, t->j->desc->stream[i].mid);

        if (!is_live(l, at))
            (void)add_content(l, t->j, i, at);
    }
    l->added = 0;
    jleg_agreed(l);
    d = taken_in_order(l, l->remote);
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

void change_on_content_accept(struct taken *t)
{
    on_content_answer(t, true);
}

void change_on_content_reject(struct taken *t)
{
    on_content_answer(t, false);
}

static bool change_remove(struct jleg *l, struct jingle *j)
{
    bool changed = false;

    for (unsigned i = 0; i < j->desc->nstreams; i++) {
        int stream = taken_stream(l, j->desc->stream[i].mid);

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
    int stream = taken_stream(l, mid);

    if (stream >= 0)
        l->added &= ~(1U << stream);
    for (GList *q = l->heard.head; q; q = q->next) {
        struct jingle *j = q->data;

        for (unsigned i = 0; i < j->desc->nstreams && j->action == JINGLE_CONTENT_ADD; i++)
            if (g_str_equal(j->desc->stream[i].mid, mid))
                j->desc->stream[i].refused = true;
    }
}

void change_on_content_remove(struct taken *t)
{
    if (t->l->state != JLEG_ACTIVE) {
        taken_refuse(t, &taken_out_of_order);
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
        int stream = taken_stream(l, j->desc->stream[i].mid);
        enum desc_direction d = j->desc->stream[i].direction;

        if (!is_live(l, stream) || l->remote->stream[stream].direction == d)
            continue;
        l->remote->stream[stream].direction = d;
        changed = true;
    }
    return changed;
}

void change_on_content_modify(struct taken *t)
{
    if (t->l->state == JLEG_ACTIVE)
        hear(t);
    else
        taken_refuse(t, &taken_out_of_order);
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
