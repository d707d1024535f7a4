/* Messages of text (RFC 6121 5, RFC 7572), with receipts where they are true (XEP-0184). */
#include "gateway/message.h"

#include "base/log.h"
#include "xmpp/component.h"
#include "xmpp/reasons.h"
#include "xmpp/xml.h"

#include <string.h>

#define RECEIPTS_NS "urn:xmpp:receipts"
#define OMEMO_NS "eu.siacs.conversations.axolotl"
#define BOUNCE_US (1500 * US_PER_MS) /* by then a server has said that nobody is there */

struct in { /* from a user, until the gateway says what became of it */
    char *from, *to, *type, *id;
    bool receipt;
};

struct out { /* to a user, until a receipt or an error comes, or neither in time */
    char id[32];
    char bare[JID_BARE_MAX];
    uint64_t delivery, until_us;
};

struct messages_xmpp {
    struct component *x;
    GHashTable *in;  /* ref -> struct in, owned */
    GHashTable *out; /* id -> struct out, borrowed */
    GQueue order;    /* of struct out, owned; the oldest first */
    uint64_t next_ref;
    struct timer *bounce;
};

static void in_free(gpointer data)
{
    struct in *m = data;

    g_free(m->from);
    g_free(m->to);
    g_free(m->type);
    g_free(m->id);
    g_free(m);
}

struct messages_xmpp *message_table(struct component *x)
{
    struct messages_xmpp *t = g_new0(struct messages_xmpp, 1);

    t->x = x;
    t->in = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, in_free);
    t->out = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&t->order);
    return t;
}

void message_table_free(struct messages_xmpp *t)
{
    if (!t)
        return;
    timer_stop(&t->bounce);
    g_hash_table_destroy(t->in);
    g_hash_table_destroy(t->out);
    g_queue_clear_full(&t->order, g_free);
    g_free(t);
}

/* ---- from a user ---- */

static char *body_of(xmpp_stanza_t *xml)
{
    xmpp_stanza_t *body = xmpp_stanza_get_child_by_name(xml, "body");
    char *text = body ? xmpp_stanza_get_text(body) : NULL;
    char *copy = text && *text ? g_strdup(text) : NULL;

    if (text)
        xmpp_free(xmpp_stanza_get_context(xml), text);
    return copy;
}

static bool refused_here(struct component *x, const struct stanza *st, const char *text)
{
    static const struct stanza_error encrypted = {
        "modify", "not-acceptable", NULL,
        "This address cannot read encrypted messages. Turn OMEMO off for this chat."};
    static const struct stanza_error too_long = {"modify", "policy-violation", NULL,
                                                 "The message is too long."};

    if (xmpp_stanza_get_child_by_ns(st->xml, OMEMO_NS)) {
        stanza_refuse(x, st, "message", &encrypted);
        return true;
    }
    if (strlen(text) > MESSAGE_TEXT_MAX) {
        stanza_refuse(x, st, "message", &too_long);
        return true;
    }
    return false;
}

static void send_on(struct component *x, const struct stanza *st, const char *text)
{
    struct messages_xmpp *t = x->messages;
    const char *account = people_caller(x->people, st->from.bare);
    const struct account *a = account ? gateway_account(x->gw, account) : NULL;
    char to[JID_BARE_MAX];
    struct in *in = g_new0(struct in, 1);
    struct message m = {.account = account,
                        .from = account ? account : st->from.bare,
                        .from_display = a ? a->display : NULL,
                        .to = to,
                        .text = text,
                        .id = st->id,
                        .origin = &x->base,
                        .origin_id = g_str_hash(st->from.bare)};
    uint64_t ref = ++t->next_ref;

    if (!jid_to_dialled(&st->to, to))
        (void)g_strlcpy(to, "", sizeof(to));
    in->from = g_strdup(st->from.full);
    in->to = g_strdup(st->to.full);
    in->type = g_strdup(st->type);
    in->id = g_strdup(st->id);
    in->receipt =
        st->id && xmpp_stanza_get_child_by_name_and_ns(st->xml, "request", RECEIPTS_NS) != NULL;
    (void)g_hash_table_insert(t->in, g_memdup2(&ref, sizeof(ref)), in);
    gateway_message(x->gw, &m, &x->base, ref);
}

/* An answer to one of ours: an error, or the receipt we asked for. */
static bool take_answer(struct component *x, const struct stanza *st, const char *id, bool error)
{
    struct messages_xmpp *t = x->messages;
    struct out *o = id ? g_hash_table_lookup(t->out, id) : NULL;
    uint64_t delivery;

    if (!o || !g_str_equal(o->bare, st->from.bare))
        return false;
    delivery = o->delivery;
    (void)g_hash_table_remove(t->out, o->id);
    (void)g_queue_remove(&t->order, o);
    g_free(o);
    gateway_message_result(x->gw, delivery,
                           error ? reason_from_condition(reason_condition(st->xml)) : END_NONE);
    return true;
}

void message_take(struct component *x, const struct stanza *st)
{
    xmpp_stanza_t *receipt = xmpp_stanza_get_child_by_name_and_ns(st->xml, "received", RECEIPTS_NS);
    g_autofree char *text = NULL;

    if (st->type && g_str_equal(st->type, "error")) {
        (void)take_answer(x, st, st->id, true);
        return;
    }
    if (receipt) {
        (void)take_answer(x, st, xmpp_stanza_get_attribute(receipt, "id"), false);
        return;
    }
    if (st->type && !g_str_equal(st->type, "chat") && !g_str_equal(st->type, "normal"))
        return; /* headlines, rooms */
    text = body_of(st->xml);
    if (text && st->from.node && !refused_here(x, st, text))
        send_on(x, st, text);
}

void message_done(struct component *x, uint64_t ref, enum end_cause cause)
{
    struct messages_xmpp *t = x->messages;
    const struct in *in = g_hash_table_lookup(t->in, &ref);
    struct stanza st = {0};
    struct stanza_error e = {.text = end_message_sentence(cause)};
    GString *s;

    if (!in)
        return;
    if (cause != END_NONE && cause != END_NORMAL) {
        st.type = in->type;
        st.id = in->id;
        st.from.full = in->from;
        st.to.full = in->to;
        reason_to_condition(cause, &e.type, &e.condition);
        stanza_refuse(x, &st, "message", &e);
    } else if (in->receipt) {
        s = stanza_begin("message", in->type, in->to, in->from, NULL);
        g_string_append(s, "<received xmlns='" RECEIPTS_NS "'");
        xml_attr(s, "id", in->id);
        g_string_append(s, "/>");
        stanza_send(x, s, "message");
    }
    (void)g_hash_table_remove(t->in, &ref);
}

/* ---- to a user ---- */

static void no_bounce(void *arg)
{
    struct messages_xmpp *t = arg;
    uint64_t now = clock_now_us();
    struct out *o;

    while ((o = g_queue_peek_head(&t->order)) && o->until_us <= now) {
        uint64_t delivery = o->delivery;

        (void)g_queue_pop_head(&t->order);
        (void)g_hash_table_remove(t->out, o->id);
        g_free(o);
        gateway_message_result(t->x->gw, delivery, END_NONE); /* the server has taken it */
    }
    if (o && !t->bounce)
        timer_start(&t->bounce, o->until_us - now, no_bounce, t);
}

enum gw_err message_send(struct component *x, const char *bare, const struct message *m,
                         uint64_t delivery)
{
    struct messages_xmpp *t = x->messages;
    char ours[JID_BARE_MAX];
    struct out *o;
    GString *s;

    if (!conn_is_up(x->conn) || conn_is_crowded(x->conn))
        return GW_EIO;
    if (!jid_of_address(m->from, x->config->domain, x->config->xmpp_component, ours))
        return GW_EINVAL;
    o = g_new0(struct out, 1);
    stanza_id(x, o->id);
    (void)g_strlcpy(o->bare, bare, sizeof(o->bare));
    o->delivery = delivery;
    o->until_us = clock_now_us() + BOUNCE_US;
    (void)g_hash_table_insert(t->out, o->id, o);
    g_queue_push_tail(&t->order, o);
    if (!t->bounce)
        timer_start(&t->bounce, BOUNCE_US, no_bounce, t);
    s = stanza_begin("message", "chat", ours, bare, o->id);
    xml_leaf(s, "body", m->text);
    if (m->from_display && *m->from_display) {
        g_string_append(s, "<nick xmlns='http://jabber.org/protocol/nick'>");
        xml_text(s, m->from_display);
        g_string_append(s, "</nick>");
    }
    g_string_append(s, "<request xmlns='" RECEIPTS_NS "'/>");
    stanza_send(x, s, "message");
    return GW_OK;
}
