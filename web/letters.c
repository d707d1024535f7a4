#include "web/letters.h"

#include "base/clock.h"
#include "base/ids.h"
#include "web/limits.h"

#include <glib.h>

_Static_assert((int)WEB_BODY_MAX == (int)MESSAGE_TEXT_MAX, "what one side takes the other must");

struct letters {
    struct gateway *gw;
    struct adapter *adapter;
    struct websock *(*find)(struct adapter *ad, uint64_t id);
    GHashTable *waiting;  /* ref -> struct letter, owned: sent by a tab, verdict still to come */
    GArray *given;        /* of uint64_t: deliveries written to a tab, not reported yet */
    struct timer *report; /* while there are any */
};

struct letter {
    uint64_t ref, socket;
    char id[WEB_ID_MAX]; /* the tab's own */
};

struct letters *letters_new(struct gateway *gw, struct adapter *adapter,
                            struct websock *(*find)(struct adapter *ad, uint64_t id))
{
    struct letters *l = g_new0(struct letters, 1);

    l->gw = gw;
    l->adapter = adapter;
    l->find = find;
    l->waiting = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    l->given = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return l;
}

void letters_free(struct letters *l)
{
    if (!l)
        return;
    timer_stop(&l->report);
    g_hash_table_unref(l->waiting);
    g_array_unref(l->given);
    g_free(l);
}

static void tell(struct websock *s, const char *id, enum end_cause cause)
{
    struct web_msg m = {.type = cause ? WEB_UNDELIVERED : WEB_DELIVERED, .text = {[TEXT_ID] = id}};

    if (cause) {
        m.text[TEXT_REASON] = end_word(cause);
        m.text[TEXT_SENTENCE] = end_message_sentence(cause);
    }
    (void)websock_send(s, &m);
}

void letters_take(struct letters *l, struct websock *s, const struct web_msg *m)
{
    struct message out = {.account = s->address,
                          .from = s->address,
                          .from_display = s->display,
                          .to = m->text[TEXT_TO],
                          .text = m->text[TEXT_BODY],
                          .id = m->text[TEXT_ID],
                          .origin = l->adapter,
                          .origin_id = s->id};
    struct letter *letter;

    if (!m->text[TEXT_ID]) {
        websock_fault(s, "message", NULL, "bad-message", "The field \"id\" is missing.");
        return;
    }
    if (s->nletters == WEB_LETTERS_MAX) {
        tell(s, m->text[TEXT_ID], END_LIMIT);
        return;
    }
    letter = g_new0(struct letter, 1);
    letter->ref = id_next();
    letter->socket = s->id;
    (void)g_strlcpy(letter->id, m->text[TEXT_ID], sizeof(letter->id));
    (void)g_hash_table_insert(l->waiting, &letter->ref, letter);
    s->nletters++;
    gateway_message(l->gw, &out, l->adapter, letter->ref);
}

void letters_done(struct letters *l, uint64_t ref, enum end_cause cause)
{
    const struct letter *letter = g_hash_table_lookup(l->waiting, &ref);
    struct websock *s = letter ? l->find(l->adapter, letter->socket) : NULL;

    if (s) {
        s->nletters--;
        tell(s, letter->id, cause);
    }
    (void)g_hash_table_remove(l->waiting, &ref);
}

/* ---- to a tab ---- */

static void report(void *arg)
{
    struct letters *l = arg;
    GArray *given = l->given;

    l->given = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (guint i = 0; i < given->len; i++)
        gateway_message_result(l->gw, g_array_index(given, uint64_t, i), END_NONE);
    g_array_unref(given);
}

/* Written to the tab is as good as taken: TCP carries it, and a page has nobody to refuse it. */
enum gw_err letters_deliver(struct letters *l, struct websock *s, const struct message *m,
                            uint64_t delivery)
{
    struct web_msg out = {.type = WEB_MESSAGE,
                          .text = {[TEXT_ID] = m->id && web_id_fits(m->id) ? m->id : NULL,
                                   [TEXT_FROM] = m->from,
                                   [TEXT_DISPLAY] = m->from_display,
                                   [TEXT_TO] = m->to,
                                   [TEXT_BODY] = m->text}};
    enum gw_err err = websock_send(s, &out);

    if (err)
        return err;
    g_array_append_val(l->given, delivery);
    if (!l->report)
        timer_start(&l->report, 0, report, l);
    return GW_OK;
}
