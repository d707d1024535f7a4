/** A gateway without media for tests of sip/ alone: the real adapter, a scripted other side.
 *  What happens to a call depends on the dialled user:
 *    answer       rings, answers after 100 ms
 *    early        early media, then answers
 *    ring         rings until cancelled
 *    end-WORD     refused with this cause ("end-busy")
 *    bye          answers, hangs up 300 ms after the answer
 *    reoffer      answers, offers again 300 ms later (and once more after a glare)
 *    refuse       answers, refuses every later offer
 *    slow         answers, takes 700 ms to respond to a later offer
 *    anyone else  all registered phones of that account, joined as they are
 *  Messages: "taken" takes them, "end-WORD" refuses, anyone else is that account's first phone.
 *  Presence: "nobody" is not found, else everybody is what "show WORD NOTE" on stdin says last.
 *  Prints one line an event. Stops at end of file on stdin. */
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "edge/edge.h"
#include "gateway/message.h"
#include "gateway/presence.h"
#include "media/desc_sdp.h"
#include "sip/adapter.h"

#include <glib-unix.h>
#include <glib.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS_MAX = 4096 };

struct gateway {
    struct config config;
    struct adapter *sip;
    GHashTable *accounts; /* address -> struct account */
    GKeyFile *store;
    char *store_path;
    GMainLoop *loop;
    unsigned calls, gone;
    bool leaving;
    GList *live;          /* of struct call */
    struct presence show; /* of everybody */
    GArray *watches;      /* of uint64_t */
    struct timer *soon;
    GHashTable *letters; /* delivery of a message -> its sender's ref */
};

enum side { SIDE_A, SIDE_B };

struct call {
    struct gateway *gw;
    uint64_t id;
    char user[96];
    struct leg *leg[2]; /* B only when phones are joined */
    bool over[2], answered;
    struct desc *offer;
    struct timer *timer;
    unsigned offers;
};

static uint64_t call_ids;

static const char sdp_text[] = "v=0\r\no=rig 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                               "t=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
                               "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

static struct desc *own_desc(void)
{
    struct desc *d = NULL;
    enum gw_err err = desc_sdp_read(SPAN(sdp_text), &d, NULL);

    g_assert_cmpint(err, ==, GW_OK);
    d->session_id = 0;
    return d;
}

static void say(const struct call *c, enum side side, const char *what)
{
    (void)printf("%s %c %s\n", c->user, side == SIDE_A ? 'a' : 'b', what);
    (void)fflush(stdout);
}

/* ---- what gateway/ is to sip/ ---- */

const struct config *gateway_config(const struct gateway *gw)
{
    return &gw->config;
}

const struct account *gateway_account(struct gateway *gw, const char *address)
{
    return g_hash_table_lookup(gw->accounts, address);
}

void gateway_store_put(struct gateway *gw, const char *table, const char *key, const char *value)
{
    char *name = g_base64_encode((const guchar *)key, strlen(key));

    g_strdelimit(name, "=", '_'); /* not a key file's key character */
    if (value) {
        char *row = g_strdup_printf("%s\n%s", key, value);
        g_key_file_set_string(gw->store, table, name, row);
        g_free(row);
    } else {
        (void)g_key_file_remove_key(gw->store, table, name, NULL);
    }
    g_free(name);
    if (gw->store_path)
        (void)g_key_file_save_to_file(gw->store, gw->store_path, NULL);
}

void gateway_store_each(struct gateway *gw, const char *table,
                        void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
    char **keys = g_key_file_get_keys(gw->store, table, NULL, NULL);

    for (char **k = keys; k && *k; k++) {
        char *row = g_key_file_get_string(gw->store, table, *k, NULL);
        char *value = strchr(row, '\n');
        *value++ = '\0';
        fn(row, value, arg);
        g_free(row);
    }
    g_strfreev(keys);
}

static void call_after(struct call *c, uint64_t ms, void (*fn)(void *arg))
{
    timer_stop(&c->timer);
    timer_start(&c->timer, ms * US_PER_MS, fn, c);
}

static void call_hangup(struct call *c, enum end_cause cause)
{
    struct end_reason why = end_because(cause);

    for (unsigned i = 0; i < 2; i++)
        if (c->leg[i])
            c->leg[i]->ops->hangup(c->leg[i], &why);
}

static void on_timer_offer(void *arg)
{
    struct call *c = arg;
    struct desc *d = own_desc();

    c->offers++;
    say(c, SIDE_A, "offering");
    c->leg[SIDE_A]->ops->offer(c->leg[SIDE_A], d);
    desc_free(d);
}

static void on_timer_bye(void *arg)
{
    call_hangup(arg, END_NORMAL);
}

static void on_timer_respond(void *arg)
{
    struct call *c = arg;
    struct desc *d = own_desc();

    c->leg[SIDE_A]->ops->respond(c->leg[SIDE_A], d, false);
    desc_free(d);
}

static void on_timer_answer(void *arg)
{
    struct call *c = arg;
    struct leg *leg = c->leg[SIDE_A];
    struct desc *d = own_desc();

    leg->ops->answer(leg, d);
    desc_free(d);
    c->answered = true;
    if (g_str_equal(c->user, "bye"))
        call_after(c, 300, on_timer_bye);
    else if (g_str_equal(c->user, "reoffer"))
        call_after(c, 300, on_timer_offer);
}

static void call_script(struct call *c)
{
    struct leg *leg = c->leg[SIDE_A];
    struct desc *d = own_desc();

    if (g_str_has_prefix(c->user, "end-")) {
        call_hangup(c, end_by_word(c->user + 4));
    } else {
        bool early = g_str_equal(c->user, "early");
        leg->ops->progress(leg, !early, early ? d : NULL);
        if (!g_str_equal(c->user, "ring"))
            call_after(c, 100, on_timer_answer);
    }
    desc_free(d);
}

static bool is_script(const char *user)
{
    static const char *const names[] = {"answer",  "early",  "ring", "bye",
                                        "reoffer", "refuse", "slow", NULL};

    return g_strv_contains(names, user) || g_str_has_prefix(user, "end-");
}

static void call_dial(struct call *c, const struct incoming *in)
{
    struct endpoint e;
    char *address = g_strdup_printf("%s@%s", c->user, c->gw->config.domain);
    struct dial_request req = {.call_id = c->id,
                               .endpoint = &e,
                               .from = in->from,
                               .from_display = in->from_display,
                               .to = address,
                               .offer = in->offer};

    if (!g_hash_table_contains(c->gw->accounts, address))
        call_hangup(c, END_NOT_FOUND);
    else if (c->gw->sip->ops->endpoints(c->gw->sip, address, &e, 1) == 0)
        call_hangup(c, END_OFFLINE);
    else if (c->gw->sip->ops->dial(c->gw->sip, &req, &c->leg[SIDE_B]) == GW_OK)
        c->leg[SIDE_B]->call = c;
    g_free(address);
}

void gateway_incoming(struct gateway *gw, const struct incoming *in)
{
    struct call *c = g_new0(struct call, 1);
    const char *at = strchr(in->to, '@');

    c->gw = gw;
    gw->live = g_list_prepend(gw->live, c);
    c->id = ++call_ids;
    c->leg[SIDE_A] = in->leg;
    in->leg->call = c;
    in->leg->call_id = c->id;
    gw->calls++;
    (void)g_strlcpy(c->user, in->to, MIN(sizeof(c->user), (gsize)(at ? at - in->to + 1 : 96)));
    c->offer = in->offer;
    (void)printf("%s a incoming from=%s account=%s offer=%s\n", c->user, in->from,
                 in->account ? in->account : "-", in->offer ? "yes" : "no");
    (void)fflush(stdout);
    if (is_script(c->user))
        call_script(c);
    else
        call_dial(c, in);
}

void gateway_message(struct gateway *gw, const struct message *m, struct adapter *from,
                     uint64_t ref)
{
    char *user = g_strndup(m->to, (gsize)(strchr(m->to, '@') - m->to));
    enum end_cause cause = END_OFFLINE;
    uint64_t delivery = id_next();
    struct endpoint e;

    (void)printf("message %s from=%s name=%s account=%s origin=%s text=%s\n", m->to, m->from,
                 m->from_display, m->account ? m->account : "-", m->origin ? "phone" : "-",
                 m->text);
    (void)fflush(stdout);
    if (g_str_equal(user, "taken"))
        cause = END_NONE;
    else if (g_str_has_prefix(user, "end-"))
        cause = end_by_word(user + 4);
    else if (!g_hash_table_contains(gw->accounts, m->to))
        cause = END_NOT_FOUND;
    else if (from->ops->endpoints(from, m->to, &e, 1) &&
             from->ops->message(from, &e, m, delivery) == GW_OK) {
        (void)g_hash_table_insert(gw->letters, g_memdup2(&delivery, sizeof(delivery)),
                                  g_memdup2(&ref, sizeof(ref)));
        g_free(user);
        return;
    }
    from->ops->message_done(from, ref, cause);
    g_free(user);
}

void gateway_message_result(struct gateway *gw, uint64_t delivery, enum end_cause cause)
{
    (void)printf("result %s\n", cause ? end_word(cause) : "taken");
    (void)fflush(stdout);
    gw->sip->ops->message_done(gw->sip, *(uint64_t *)g_hash_table_lookup(gw->letters, &delivery),
                               cause);
    (void)g_hash_table_remove(gw->letters, &delivery);
}

void gateway_publish(struct gateway *gw, const struct publication *pub)
{
    (void)gw;
    (void)printf("publish %s %s %s\n", pub->address,
                 pub->say ? presence_word(pub->say->show) : "there",
                 pub->say ? pub->say->note : "");
    (void)fflush(stdout);
}

void gateway_withdraw(struct gateway *gw, const struct adapter *ad, uint64_t id)
{
    (void)gw;
    (void)ad;
    (void)id;
    (void)printf("withdraw\n");
    (void)fflush(stdout);
}

static void everybody_is(struct gateway *gw)
{
    for (unsigned i = 0; i < gw->watches->len; i++)
        gw->sip->ops->watched(gw->sip, g_array_index(gw->watches, uint64_t, i), &gw->show);
}

static void on_first_state(void *arg)
{
    everybody_is(arg);
}

enum end_cause gateway_watch(struct gateway *gw, struct adapter *ad, uint64_t ref, const char *who,
                             const char *address)
{
    (void)ad;
    (void)printf("watch %s by %s\n", address, who);
    (void)fflush(stdout);
    if (g_str_has_prefix(address, "nobody@"))
        return END_NOT_FOUND;
    g_array_append_val(gw->watches, ref);
    if (!gw->soon)
        timer_start(&gw->soon, 0, on_first_state, gw);
    return END_NONE;
}

void gateway_unwatch(struct gateway *gw, const struct adapter *ad, uint64_t ref)
{
    (void)ad;
    for (unsigned i = 0; i < gw->watches->len; i++)
        if (g_array_index(gw->watches, uint64_t, i) == ref)
            (void)g_array_remove_index(gw->watches, i);
    (void)printf("unwatch\n");
    (void)fflush(stdout);
}

static void call_gone(struct call *c, enum side side)
{
    c->leg[side]->ops->free(c->leg[side]);
    c->leg[side] = NULL;
    if (c->leg[SIDE_A] || c->leg[SIDE_B])
        return;
    timer_stop(&c->timer);
    desc_free(c->offer);
    c->gw->gone++;
    c->gw->live = g_list_remove(c->gw->live, c);
    if (c->gw->leaving && !c->gw->live)
        g_main_loop_quit(c->gw->loop);
    (void)printf("calls %u gone %u\n", c->gw->calls, c->gw->gone);
    (void)fflush(stdout);
    g_free(c);
}

/* Join two phones as they are. */
static void call_pass(struct call *c, enum side side, const struct leg_event *ev)
{
    struct leg *other = c->leg[!side];

    if (!other)
        return;
    switch (ev->type) {
    case LEG_PROGRESS: other->ops->progress(other, ev->ringing, ev->desc); break;
    case LEG_ANSWERED: other->ops->answer(other, ev->desc); break;
    case LEG_OFFER: other->ops->offer(other, ev->desc); break;
    case LEG_ANSWER: other->ops->respond(other, ev->desc, false); break;
    case LEG_REFUSED: other->ops->respond(other, NULL, ev->glare); break;
    case LEG_KEYFRAME: other->ops->keyframe(other); break;
    case LEG_CANDIDATE:
    case LEG_DTMF:
    case LEG_ENDED:
    case LEG_GONE: break;
    }
}

/* The scripted far side. */
static void call_react(struct call *c, const struct leg_event *ev)
{
    struct leg *leg = c->leg[SIDE_A];

    if (ev->type == LEG_OFFER) {
        struct desc *d = own_desc();
        if (g_str_equal(c->user, "slow"))
            call_after(c, 700, on_timer_respond);
        else
            leg->ops->respond(leg, g_str_equal(c->user, "refuse") ? NULL : d, false);
        desc_free(d);
    } else if (ev->type == LEG_REFUSED && ev->glare && c->offers < 2) {
        on_timer_offer(c);
    }
}

void leg_report(struct leg *leg, const struct leg_event *ev)
{
    static const char *const names[] = {"progress",  "answered", "offer",    "answer", "refused",
                                        "candidate", "dtmf",     "keyframe", "ended",  "gone"};
    struct call *c = leg->call;
    enum side side = leg == c->leg[SIDE_A] ? SIDE_A : SIDE_B;
    char line[128];

    (void)g_snprintf(line, sizeof(line), "%s", names[ev->type]);
    if (ev->type == LEG_ENDED || ev->type == LEG_REFUSED)
        (void)g_snprintf(line, sizeof(line), "%s %s%s", names[ev->type], end_word(ev->why.cause),
                         ev->glare ? " glare" : "");
    else if (ev->type == LEG_DTMF)
        (void)g_snprintf(line, sizeof(line), "dtmf %c %u", ev->digit, ev->duration_ms);
    say(c, side, line);
    if (ev->type == LEG_GONE) {
        call_gone(c, side);
        return;
    }
    if (ev->type == LEG_ENDED) {
        for (unsigned i = 0; i < 2; i++)
            if (c->leg[i])
                c->leg[i]->ops->hangup(c->leg[i], &ev->why);
    } else if (is_script(c->user)) {
        call_react(c, ev);
    } else {
        call_pass(c, side, ev);
    }
    desc_free(ev->desc);
}

/* ---- main ---- */

static void listen_add(struct config_listen *l, const char *text)
{
    bool ok = net_addr_parse(span_of(text), &l->addr[l->n++]);

    g_assert_true(ok);
}

static void account_add(struct gateway *gw, char *text) /* user:password[:sha256] */
{
    struct account *a = g_new0(struct account, 1);
    char **f = g_strsplit(text, ":", 3);

    (void)g_snprintf(a->address, sizeof(a->address), "%s@%s", f[0], gw->config.domain);
    (void)g_strlcpy(a->user, f[0], sizeof(a->user));
    account_set_password(a, gw->config.domain, f[1]);
    a->sip_sha256 = f[2] != NULL;
    (void)g_hash_table_insert(gw->accounts, a->address, a);
    g_strfreev(f);
}

static gboolean leave(gpointer data)
{
    struct gateway *gw = data;

    gw->leaving = true;
    for (GList *i = gw->live; i; i = i->next)
        call_hangup(i->data, END_SHUTDOWN);
    if (!gw->live)
        g_main_loop_quit(gw->loop);
    return G_SOURCE_REMOVE;
}

static gboolean on_stdin(gint fd, GIOCondition cond, gpointer data)
{
    struct gateway *gw = data;
    char line[256];
    ssize_t n = read(fd, line, sizeof(line) - 1);

    (void)cond;
    if (n > 0) {
        line[n] = '\0';
        if (g_str_has_prefix(line, "show ")) {
            char **f = g_strsplit(g_strchomp(line), " ", 3);
            (void)presence_by_word(f[1], &gw->show.show);
            presence_set_note(&gw->show, f[2]);
            g_strfreev(f);
            everybody_is(gw);
        }
        if (g_str_has_prefix(line, "drain"))
            gw->sip->ops->drain(gw->sip);
        if (g_str_has_prefix(line, "forget ")) {
            struct account *a = g_hash_table_lookup(gw->accounts, g_strchomp(line) + 7);
            gw->sip->ops->account_changed(gw->sip, a, true);
        }
        return G_SOURCE_CONTINUE;
    }
    (void)leave(gw);
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    struct gateway gw = {.config = {.sip_expires_min_s = 1,
                                    .sip_expires_default_s = 3600,
                                    .sip_expires_max_s = 7200}};
    char domain[] = "example.org", *certificate = NULL, *key = NULL;
    char **udp = NULL, **tcp = NULL, **tls = NULL, **accounts = NULL;
    gboolean sha256 = FALSE;
    struct sip_tuning tuning = sip_tuning_usual;
    gint patience = (gint)tuning.patience_ms;
    gint watch_min = (gint)tuning.watch_min_s;
    gint transactions = (gint)tuning.transactions;
    GOptionEntry options[] = {
        {"udp", 0, 0, G_OPTION_ARG_STRING_ARRAY, &udp, "address:port", NULL},
        {"tcp", 0, 0, G_OPTION_ARG_STRING_ARRAY, &tcp, "address:port", NULL},
        {"tls", 0, 0, G_OPTION_ARG_STRING_ARRAY, &tls, "address:port", NULL},
        {"certificate", 0, 0, G_OPTION_ARG_STRING, &certificate, "PEM file", NULL},
        {"key", 0, 0, G_OPTION_ARG_STRING, &key, "PEM file", NULL},
        {"account", 0, 0, G_OPTION_ARG_STRING_ARRAY, &accounts, "user:password[:sha256]", NULL},
        {"sha256", 0, 0, G_OPTION_ARG_NONE, &sha256, "for every account", NULL},
        {"patience", 0, 0, G_OPTION_ARG_INT, &patience, "milliseconds of 64*T1", NULL},
        {"watch-min", 0, 0, G_OPTION_ARG_INT, &watch_min, "seconds", NULL},
        {"transactions", 0, 0, G_OPTION_ARG_INT, &transactions, "that make a flood", NULL},
        {"store", 0, 0, G_OPTION_ARG_STRING, &gw.store_path, "file of bindings", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL}};
    GOptionContext *context = g_option_context_new(NULL);
    struct edge_cert cert;
    struct edge_config edge_config = {.connections_max = 1000,
                                      .connections_per_address = 1000,
                                      .connections_per_address_per_s = 1000,
                                      .exempt_loopback = true};
    struct edge *edge = NULL;
    GHashTableIter it;
    void *value;
    bool parsed;

    (void)signal(SIGPIPE, SIG_IGN);
    g_option_context_add_main_entries(context, options, NULL);
    parsed = g_option_context_parse(context, &argc, &argv, NULL);
    g_option_context_free(context);
    if (!parsed)
        return 2;
    if (g_getenv("RIG_DEBUG"))
        log_set_level(LOG_LEVEL_DEBUG);
    gw.config.domain = domain;
    gw.config.sip_sha256 = sha256;
    gw.accounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    gw.watches = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    gw.letters = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    gw.store = g_key_file_new();
    if (gw.store_path)
        (void)g_key_file_load_from_file(gw.store, gw.store_path, G_KEY_FILE_NONE, NULL);
    for (char **p = udp; p && *p; p++)
        listen_add(&gw.config.sip_udp, *p);
    for (char **p = tcp; p && *p; p++)
        listen_add(&gw.config.sip_tcp, *p);
    for (char **p = tls; p && *p; p++)
        listen_add(&gw.config.sip_tls, *p);
    for (char **p = accounts; p && *p; p++)
        account_add(&gw, *p);
    if (tcp || tls) {
        cert = (struct edge_cert){.name = "", .chain = certificate, .key = key};
        edge_config.ncerts = certificate != NULL;
        edge_config.cert = &cert;
        edge = edge_new(&edge_config);
        if (!edge)
            return 1;
    }
    gw.loop = g_main_loop_new(NULL, FALSE);
    tuning.patience_ms = (unsigned)patience;
    tuning.watch_min_s = (unsigned)watch_min;
    tuning.transactions = (unsigned)transactions;
    gw.sip = sip_adapter_start_tuned(&gw, edge, &tuning);
    if (!gw.sip)
        return 1;
    g_hash_table_iter_init(&it, gw.accounts);
    while (g_hash_table_iter_next(&it, NULL, &value))
        gw.sip->ops->account_changed(gw.sip, value, false);
    (void)printf("ready\n");
    (void)fflush(stdout);
    (void)g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_stdin, &gw);
    (void)g_unix_signal_add(SIGTERM, leave, &gw);
    g_main_loop_run(gw.loop);
    if (edge)
        edge_stop(edge);
    gw.sip->ops->stop(gw.sip);
    edge_free(edge);
    g_main_loop_unref(gw.loop);
    g_hash_table_destroy(gw.accounts);
    timer_stop(&gw.soon);
    g_array_unref(gw.watches);
    g_hash_table_destroy(gw.letters);
    g_key_file_free(gw.store);
    g_free(gw.store_path);
    g_strfreev(udp);
    g_strfreev(tcp);
    g_strfreev(tls);
    g_strfreev(accounts);
    g_free(certificate);
    g_free(key);
    return 0;
}
