/* Proposals of calls: Jingle Message Initiation (XEP-0353). The id of a proposal becomes the sid of
 * its session. */
#include "base/log.h"
#include "xmpp/leg.h"
#include "xmpp/reasons.h"
#include "xmpp/xml.h"

#include <string.h>

#define JMI_NS "urn:xmpp:jingle-message:0"
#define PROPOSE_ID "jm-propose-" /* Conversations matches errors and receipts by this prefix */

/* ---- out ---- */

/* All are of type chat, for carbons, and kept by the server for devices that are away. */
static GString *begin(const struct jleg *l, const char *verb, const char *to)
{
    g_autofree char *id = g_strdup_printf("jm-%s-%s", verb, l->sid);
    GString *s = stanza_begin("message", "chat", l->ours, to, id);

    g_string_append_printf(s, "<%s xmlns='" JMI_NS "'", verb);
    xml_attr(s, "id", l->sid);
    g_string_append_c(s, '>');
    return s;
}

static void finish(struct jleg *l, GString *s, const char *verb)
{
    g_string_append_printf(s, "</%s><store xmlns='urn:xmpp:hints'/>", verb);
    stanza_send(l->x, s, "message");
}

void invite_propose(struct jleg *l, const struct desc *offer)
{
    GString *s = begin(l, "propose", l->bare);

    for (unsigned i = 0; i < offer->nstreams; i++)
        if (!offer->stream[i].refused)
            g_string_append_printf(s, "<description xmlns='" JINGLE_RTP_NS "' media='%s'/>",
                                   offer->stream[i].kind == DESC_VIDEO ? "video" : "audio");
    finish(l, s, "propose");
}

void invite_ringing(struct jleg *l)
{
    finish(l, begin(l, "ringing", l->peer), "ringing");
}

void invite_proceed(struct jleg *l)
{
    finish(l, begin(l, "proceed", l->peer), "proceed");
}

void invite_reject(struct jleg *l, enum jingle_reason reason)
{
    GString *s = begin(l, "reject", l->peer);

    jingle_reason_write(s, reason, NULL);
    finish(l, s, "reject");
}

void invite_retract(struct jleg *l, enum jingle_reason reason)
{
    GString *s = begin(l, "retract", l->bare);

    jingle_reason_write(s, reason, NULL);
    finish(l, s, "retract");
}

void invite_finish(struct jleg *l, enum jingle_reason reason)
{
    GString *s = begin(l, "finish", l->peer);

    jingle_reason_write(s, reason, NULL);
    finish(l, s, "finish");
}

/* ---- in ---- */

static const struct stanza_error too_many = {"wait", "policy-violation", NULL,
                                             "Too many calls at once. Try again in a moment."};
static const struct stanza_error not_now = {"wait", "resource-constraint", NULL,
                                            "The service is busy. Try again in a moment."};

static bool proposes(xmpp_stanza_t *propose, const char *media)
{
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(propose); c; c = xmpp_stanza_get_next(c)) {
        const char *name = xmpp_stanza_get_name(c);
        const char *ns = xmpp_stanza_get_ns(c);
        const char *said = xmpp_stanza_get_attribute(c, "media");

        if (name && ns && said && g_str_equal(name, "description") &&
            g_str_equal(ns, JINGLE_RTP_NS) && g_str_equal(said, media))
            return true;
    }
    return false;
}

static void on_propose(struct component *x, const struct stanza *m, xmpp_stanza_t *verb,
                       const char *sid)
{
    struct jleg *l;

    if (jleg_find(x, sid, &m->from, m->to.bare) || jses_was(x, sid, m))
        return; /* a second copy */
    if (!people_may_call(x->people, m->from.bare)) {
        stanza_refuse(x, m, "message", &too_many);
        return;
    }
    if (x->draining || conn_is_crowded(x->conn)) {
        stanza_refuse(x, m, "message", &not_now);
        return;
    }
    l = jleg_new(x, sid, &m->from, m->to.bare, JLEG_PROPOSED);
    (void)g_strlcpy(l->peer, m->from.full, sizeof(l->peer));
    l->proposed = true;
    jleg_place(l, NULL, proposes(verb, "video"));
}

static void ringing(struct jleg *l)
{
    struct leg_event ev = {.type = LEG_PROGRESS, .ringing = true};

    if (l->state != JLEG_PROPOSING || l->rang)
        return;
    l->rang = true;
    leg_report(&l->base, &ev);
}

static void on_ringing(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb)
{
    (void)m;
    (void)verb;
    ringing(l);
}

/* The first device wins; what the others say later finds another state. */
static void on_proceed(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb)
{
    (void)verb;
    if (l->state != JLEG_PROPOSING || !m->from.resource)
        return;
    (void)g_strlcpy(l->peer, m->from.full, sizeof(l->peer));
    jleg_enter(l, JLEG_INITIATING);
    jses_initiate(l);
    jleg_guard(l, 30 * US_PER_S);
}

/* Clients reject by themselves after half a minute, in the same words as a person. */
static void on_reject(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb)
{
    xmpp_stanza_t *element = xmpp_stanza_get_child_by_name(verb, "reason");
    enum jingle_reason reason = element ? jingle_reason_read(element, NULL, 0) : JINGLE_DECLINE;
    bool late = clock_now_us() - l->begun_us >= 29 * US_PER_S;

    (void)m;
    if (l->state != JLEG_PROPOSING)
        return;
    jleg_ended_by_peer(l, late ? END_NO_ANSWER : reason_from_jingle(reason, false, false), NULL);
}

static void on_retract(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb)
{
    (void)verb;
    if ((l->state != JLEG_PROPOSED && l->state != JLEG_PROCEEDING) ||
        !g_str_equal(m->from.full, l->peer))
        return;
    jleg_ended_by_peer(l, END_CANCELLED, NULL);
}

/* After the session's own end it says nothing new; without one it is the end. */
static void on_finish(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb)
{
    on_retract(l, m, verb);
}

static const struct {
    const char *verb;
    void (*fn)(struct jleg *l, const struct stanza *m, xmpp_stanza_t *verb);
} verbs[] = {
    {"ringing", on_ringing}, {"proceed", on_proceed}, {"reject", on_reject},
    {"retract", on_retract}, {"finish", on_finish},
};

static void take_verb(struct component *x, const struct stanza *m, xmpp_stanza_t *verb)
{
    const char *name = xmpp_stanza_get_name(verb);
    const char *sid = xmpp_stanza_get_attribute(verb, "id");
    struct jleg *l;

    if (!sid || !*sid || strlen(sid) >= XMPP_SID_MAX || !m->from.node || !m->to.node)
        return;
    if (g_str_equal(name, "propose")) {
        if (m->from.resource)
            on_propose(x, m, verb, sid);
        return;
    }
    l = jleg_find(x, sid, &m->from, m->to.bare);
    LOG_CALL(l ? l->base.call_id : 0);
    for (unsigned i = 0; l && i < G_N_ELEMENTS(verbs); i++)
        if (g_str_equal(name, verbs[i].verb))
            verbs[i].fn(l, m, verb);
}

/* An error in answer to our proposal, or a receipt for it, which says that a device has it. */
static bool take_echo(struct component *x, const struct stanza *m, const char *id, bool error)
{
    struct jleg *l;

    if (!id || !g_str_has_prefix(id, PROPOSE_ID))
        return false;
    l = jleg_find(x, id + strlen(PROPOSE_ID), &m->from, m->to.bare);
    LOG_CALL(l ? l->base.call_id : 0);
    if (!l || l->state != JLEG_PROPOSING)
        return true;
    if (error) {
        const char *condition = reason_condition(m->xml);

        jleg_ended_by_peer(l, reason_from_condition(condition), condition);
    } else {
        ringing(l);
    }
    return true;
}

bool invite_take(struct component *x, const struct stanza *m)
{
    xmpp_stanza_t *receipt =
        xmpp_stanza_get_child_by_name_and_ns(m->xml, "received", "urn:xmpp:receipts");
    xmpp_stanza_t *verb = xmpp_stanza_get_child_by_ns(m->xml, JMI_NS);

    if (m->type && g_str_equal(m->type, "error"))
        return take_echo(x, m, m->id, true) || verb != NULL;
    if (receipt && take_echo(x, m, xmpp_stanza_get_attribute(receipt, "id"), false))
        return true;
    if (verb)
        take_verb(x, m, verb);
    return verb != NULL;
}
