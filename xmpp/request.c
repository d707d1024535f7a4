/* IQs of ours: their answers are known by id and by who sends them, and are not waited for for
 * ever. */
#include "base/log.h"
#include "xmpp/component.h"
#include "xmpp/leg.h"
#include "xmpp/reasons.h"

struct request {
    char id[32];
    char *to; /* owned */
    struct jleg *leg;
    enum request_what what;
    uint64_t until_us;
};

static void request_free(gpointer data)
{
    struct request *r = data;

    g_free(r->to);
    g_free(r);
}

GHashTable *requests_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, request_free);
}

void request_add(struct component *x, const char *id, const char *to, struct jleg *leg,
                 enum request_what what)
{
    struct request *r;

    if (g_hash_table_size(x->requests) >= XMPP_REQUESTS_MAX && what != REQUEST_SESSION)
        return; /* its answer will be taken for a late one */
    r = g_new0(struct request, 1);
    (void)g_strlcpy(r->id, id, sizeof(r->id));
    r->to = g_strdup(to);
    r->leg = leg;
    r->what = what;
    r->until_us = clock_now_us() + XMPP_REQUEST_US;
    (void)g_hash_table_replace(x->requests, r->id, r);
}

bool request_answered(struct component *x, const struct stanza *iq)
{
    struct request *r = iq->id ? g_hash_table_lookup(x->requests, iq->id) : NULL;
    enum request_what what;
    struct jleg *leg;

    if (!r || !g_str_equal(r->to, iq->from.full))
        return false;
    leg = r->leg;
    what = r->what;
    (void)g_hash_table_remove(x->requests, iq->id);
    if (g_str_equal(iq->type, "result"))
        return true;
    if (what == REQUEST_SESSION)
        jleg_request_failed(leg, reason_condition(iq->xml));
    else if (what == REQUEST_OFFER)
        jleg_offer_failed(leg, reason_condition(iq->xml));
    return true;
}

void request_forget(struct component *x, const struct jleg *leg)
{
    GHashTableIter it;
    gpointer value;

    g_hash_table_iter_init(&it, x->requests);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (((const struct request *)value)->leg == leg)
            g_hash_table_iter_remove(&it);
}

/* Ending a leg forgets its requests, so what has run out is collected first. */
void request_sweep(struct component *x, uint64_t now_us)
{
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    GHashTableIter it;
    gpointer value;

    g_hash_table_iter_init(&it, x->requests);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const struct request *r = value;

        if (r->until_us > now_us)
            continue;
        if (r->what == REQUEST_SESSION)
            g_ptr_array_add(late, r->leg);
        g_hash_table_iter_remove(&it);
    }
    for (guint i = 0; i < late->len; i++)
        jleg_request_failed(late->pdata[i], "remote-server-timeout");
}
