#include "web/watches.h"

#include "base/ids.h"
#include "web/limits.h"

#include <glib.h>

struct watches {
    struct gateway *gw;
    struct adapter *adapter;
    struct websock *(*find)(struct adapter *ad, uint64_t id);
    GHashTable *all; /* ref -> struct watch; their sockets own them */
};

struct watch {
    struct watches *ws;
    uint64_t ref, socket;
    char to[192]; /* as the tab wrote it */
    char address[192];
};

struct watches *watches_new(struct gateway *gw, struct adapter *adapter,
                            struct websock *(*find)(struct adapter *ad, uint64_t id))
{
    struct watches *ws = g_new0(struct watches, 1);

    ws->gw = gw;
    ws->adapter = adapter;
    ws->find = find;
    ws->all = g_hash_table_new(g_int64_hash, g_int64_equal);
    return ws;
}

void watches_free(struct watches *ws)
{
    if (!ws)
        return;
    g_hash_table_unref(ws->all);
    g_free(ws);
}

static void watch_free(gpointer data)
{
    struct watch *w = data;

    gateway_unwatch(w->ws->gw, w->ws->adapter, w->ref);
    (void)g_hash_table_remove(w->ws->all, &w->ref);
    g_free(w);
}

/* ---- there, or not ---- */

static void publish(struct watches *ws, const struct websock *s, const struct presence *p)
{
    struct publication pub = {.ad = ws->adapter, .id = s->id, .address = s->address, .say = p};

    gateway_publish(ws->gw, &pub);
}

void watches_join(struct watches *ws, struct websock *s)
{
    s->watches = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watch_free);
    publish(ws, s, NULL);
}

void watches_leave(struct watches *ws, struct websock *s)
{
    if (!s->watches)
        return;
    g_clear_pointer(&s->watches, g_hash_table_unref);
    gateway_withdraw(ws->gw, ws->adapter, s->id);
}

void watches_say(struct watches *ws, struct websock *s, const struct web_msg *m)
{
    struct presence p;

    if (!presence_by_word(m->text[TEXT_SHOW], &p.show)) {
        websock_fault(s, "presence", NULL, "bad-message", "The field \"show\" has no such word.");
        return;
    }
    presence_set_note(&p, m->text[TEXT_NOTE]);
    publish(ws, s, &p);
}

/* ---- who watches ---- */

static void refuse(struct websock *s, const char *to, enum end_cause cause)
{
    struct web_msg m = {.type = WEB_UNWATCHED,
                        .text = {[TEXT_TO] = to,
                                 [TEXT_REASON] = end_word(cause),
                                 [TEXT_SENTENCE] = cause == END_LIMIT
                                                       ? "Too many addresses are watched."
                                                       : end_sentence(cause)}};

    (void)websock_send(s, &m);
}

void watches_begin(struct watches *ws, struct websock *s, const struct web_msg *m)
{
    const char *to = m->text[TEXT_TO];
    enum end_cause cause = END_LIMIT;
    struct watch *w;

    (void)g_hash_table_remove(s->watches, to); /* once more: it wants to be told again */
    if (g_hash_table_size(s->watches) >= WEB_WATCHES_MAX) {
        refuse(s, to, cause);
        return;
    }
    w = g_new0(struct watch, 1);
    w->ws = ws;
    w->ref = id_next();
    w->socket = s->id;
    (void)g_strlcpy(w->to, to, sizeof(w->to));
    (void)g_hash_table_insert(ws->all, &w->ref, w);
    (void)g_hash_table_insert(s->watches, w->to, w);
    cause = account_normalise(to, gateway_config(ws->gw)->domain, w->address)
                ? gateway_watch(ws->gw, ws->adapter, w->ref, s->address, to)
                : END_NOT_FOUND;
    if (cause) {
        (void)g_hash_table_remove(s->watches, to);
        refuse(s, to, cause);
    }
}

void watches_end(struct watches *ws, struct websock *s, const struct web_msg *m)
{
    (void)ws;
    (void)g_hash_table_remove(s->watches, m->text[TEXT_TO]);
}

void watches_tell(struct watches *ws, uint64_t ref, const struct presence *p)
{
    const struct watch *w = g_hash_table_lookup(ws->all, &ref);
    struct websock *s = w ? ws->find(ws->adapter, w->socket) : NULL;
    struct web_msg m = {.type = WEB_PRESENCE, .text = {[TEXT_SHOW] = presence_word(p->show)}};

    if (!s)
        return;
    m.text[TEXT_TO] = w->to;
    m.text[TEXT_ADDRESS] = w->address;
    m.text[TEXT_NOTE] = p->note[0] ? p->note : NULL;
    (void)websock_send(s, &m);
}
