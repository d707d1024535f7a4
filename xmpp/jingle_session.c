/* What a session hears: Jingle stanzas of the peer (XEP-0166), by action. */
#include "base/log.h"
#include "xmpp/jingle_taken.h"
#include "xmpp/reasons.h"

#include <string.h>

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

    if (g_hash_table_size(x->closed) >= XMPP_CLOSED_MAX) { /* any of them, but not this one */
        GHashTableIter it;

        g_hash_table_iter_init(&it, x->closed);
        if (g_hash_table_iter_next(&it, NULL, NULL))
            g_hash_table_iter_remove(&it);
    }
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

bool jses_was(const struct component *x, const char *sid, const struct stanza *st)
{
    g_autofree char *key = jleg_key(sid, st->from.bare, st->to.bare);

    return g_hash_table_contains(x->closed, key);
}

void jses_sweep(struct component *x, uint64_t now_us)
{
    (void)g_hash_table_foreach_remove(x->closed, is_forgotten, &now_us);
}

/* ---- in ---- */

static const struct stanza_error unknown_session = {
    "cancel", "item-not-found", "<unknown-session xmlns='urn:xmpp:jingle:errors:1'/>", NULL};
static const struct stanza_error unsupported_info = {
    "cancel", "feature-not-implemented", "<unsupported-info xmlns='urn:xmpp:jingle:errors:1'/>",
    NULL};
static const struct stanza_error unsupported = {"cancel", "feature-not-implemented", NULL, NULL};

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
        taken_refuse(t, &taken_out_of_order);
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

static void on_accept(struct taken *t)
{
    struct leg_event ev = {.type = LEG_ANSWERED};
    enum jingle_reason fault = fault_of(t->j);

    if (t->l->state == JLEG_ACTIVE) { /* Movim answers content-add like this */
        change_on_content_accept(t);
        return;
    }
    if (t->l->state != JLEG_INITIATING) {
        taken_refuse(t, &taken_out_of_order);
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
    ev.desc = taken_in_order(t->l, t->j->desc);
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

static void on_info(struct taken *t)
{
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = true};

    if (t->j->info == JINGLE_INFO_UNKNOWN) {
        taken_refuse(t, &unsupported_info);
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
    taken_refuse(t, &unsupported);
}

static void (*const handlers[JINGLE_ACTIONS])(struct taken *t) = {
    [JINGLE_CONTENT_ACCEPT] = change_on_content_accept,
    [JINGLE_CONTENT_ADD] = change_on_content_add,
    [JINGLE_CONTENT_MODIFY] = change_on_content_modify,
    [JINGLE_CONTENT_REJECT] = change_on_content_reject,
    [JINGLE_CONTENT_REMOVE] = change_on_content_remove,
    [JINGLE_DESCRIPTION_INFO] = on_acknowledged,
    [JINGLE_SECURITY_INFO] = on_acknowledged,
    [JINGLE_SESSION_ACCEPT] = on_accept,
    [JINGLE_SESSION_INFO] = on_info,
    [JINGLE_SESSION_INITIATE] = on_initiate,
    [JINGLE_SESSION_TERMINATE] = on_terminate,
    [JINGLE_TRANSPORT_ACCEPT] = on_acknowledged,
    [JINGLE_TRANSPORT_INFO] = change_on_transport_info,
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
    bool was = jses_was(x, j->sid, iq);

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
