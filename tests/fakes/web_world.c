#include "tests/fakes/web_world.h"

#include "base/clock.h"
#include "media/desc_sdp.h"
#include "web/adapter.h"
#include "web/auth.h"

#include <glib.h>

struct world world;

struct gateway {
    struct config config;
    struct account account[2];
};

struct sent {
    uint64_t socket;
    char *text;
};

static struct gateway gateway;
static struct mailbox *events;
static GQueue sent = G_QUEUE_INIT, reported = G_QUEUE_INIT;

/* ---- clock ---- */

struct timer {
    struct timer **slot;
    uint64_t due_us;
    void (*fn)(void *arg);
    void *arg;
};

static uint64_t now_us = 1000 * US_PER_S;
static GList *timers;

uint64_t clock_now_us(void)
{
    return now_us;
}

void timer_start(struct timer **slot, uint64_t after_us, void (*fn)(void *arg), void *arg)
{
    struct timer *t = g_new0(struct timer, 1);

    g_assert_null(*slot);
    *t = (struct timer){slot, now_us + after_us, fn, arg};
    *slot = t;
    timers = g_list_append(timers, t);
}

void timer_stop(struct timer **slot)
{
    if (!*slot)
        return;
    timers = g_list_remove(timers, *slot);
    g_free(*slot);
    *slot = NULL;
}

static struct timer *timer_due(void)
{
    for (GList *l = timers; l; l = l->next)
        if (((struct timer *)l->data)->due_us <= now_us)
            return l->data;
    return NULL;
}

static void deliver(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

void world_turn(uint64_t us)
{
    struct timer *due;

    now_us += us;
    deliver();
    while ((due = timer_due())) {
        struct timer t = *due;

        timer_stop(t.slot);
        t.fn(t.arg);
    }
}

/* ---- edge ---- */

enum gw_err edge_listen_web(struct edge *e, const struct edge_web_config *c, struct net_addr *bound)
{
    (void)e;
    g_assert_cmpstr(c->ws_path, ==, "/ws");
    events = c->events;
    *bound = c->listen;
    return GW_OK;
}

void edge_detach(struct edge *e, const struct mailbox *mb)
{
    (void)e;
    g_assert_true(mb == events);
    events = NULL;
}

void edge_ws_send(struct edge *e, uint64_t id, const char *text, size_t n)
{
    struct sent *s = g_new0(struct sent, 1);

    (void)e;
    s->socket = id;
    s->text = g_strndup(text, n);
    g_queue_push_tail(&sent, s);
}

void edge_ws_close(struct edge *e, uint64_t id, uint16_t code, const char *reason)
{
    (void)e;
    (void)id;
    g_assert_cmpuint(strlen(reason), <, 120);
    world.close_code = code;
}

void edge_http_respond(struct edge *e, uint64_t id, unsigned status, const char *headers,
                       const char *content_type, struct span body)
{
    (void)e;
    (void)id;
    (void)headers;
    (void)content_type;
    world.http_status = status;
    (void)g_strlcpy(world.http_body, body.p, MIN(body.n + 1, sizeof(world.http_body)));
}

void edge_event_clear(void *event)
{
    struct edge_event *ev = event;

    g_free(ev->path);
    g_free(ev->body);
}

static void post(struct edge_event *ev)
{
    (void)net_addr_parse(SPAN("192.0.2.7:40000"), &ev->peer);
    g_assert_cmpint(mailbox_post(events, ev), ==, GW_OK);
    deliver();
}

void world_open(uint64_t socket, const char *peer)
{
    struct edge_event ev = {.type = EDGE_WS_OPEN, .id = socket, .path = g_strdup("/ws")};

    g_assert_true(net_addr_parse(span_of(peer), &ev.peer));
    g_assert_cmpint(mailbox_post(events, &ev), ==, GW_OK);
    deliver();
}

void world_say(uint64_t socket, const char *json)
{
    post(&(struct edge_event){
        .type = EDGE_WS_TEXT, .id = socket, .body = g_strdup(json), .body_len = strlen(json)});
}

void world_sayf(uint64_t socket, const char *fmt, ...)
{
    g_autofree char *json = NULL;
    va_list args;

    va_start(args, fmt);
    json = g_strdup_vprintf(fmt, args);
    va_end(args);
    world_say(socket, json);
}

void world_gone(uint64_t socket)
{
    post(&(struct edge_event){.type = EDGE_WS_CLOSED, .id = socket, .code = 1006});
}

void world_get(const char *path)
{
    post(&(struct edge_event){
        .type = EDGE_HTTP_REQUEST, .id = 77, .method = EDGE_GET, .path = g_strdup(path)});
}

static struct sent *sent_take(uint64_t socket)
{
    for (GList *l = sent.head; l; l = l->next) {
        struct sent *s = l->data;

        if (s->socket != socket)
            continue;
        g_queue_delete_link(&sent, l);
        return s;
    }
    return NULL;
}

json_t *world_heard(uint64_t socket, const char *type)
{
    struct sent *s = sent_take(socket);
    json_t *msg;

    g_assert_nonnull(s);
    msg = json_loads(s->text, 0, NULL);
    g_assert_nonnull(msg);
    g_assert_cmpstr(world_text(msg, "type"), ==, type);
    g_free(s->text);
    g_free(s);
    return msg;
}

void world_silent(uint64_t socket)
{
    struct sent *s = sent_take(socket);

    g_assert_cmpstr(s ? s->text : NULL, ==, NULL);
}

const char *world_text(const json_t *msg, const char *field)
{
    return json_string_value(json_object_get(msg, field));
}

/* ---- gateway ---- */

const struct config *gateway_config(const struct gateway *gw)
{
    return &gw->config;
}

const struct account *gateway_account(struct gateway *gw, const char *address)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(gw->account); i++)
        if (g_str_equal(gw->account[i].address, address))
            return &gw->account[i];
    return NULL;
}

void gateway_incoming(struct gateway *gw, const struct incoming *in)
{
    struct end_reason why = end_because((enum end_cause)world.incoming_refused);

    (void)gw;
    world.leg = in->leg;
    in->leg->call_id = 0x7f3a;
    (void)g_strlcpy(world.from, in->from, sizeof(world.from));
    (void)g_strlcpy(world.to, in->to, sizeof(world.to));
    (void)g_strlcpy(world.account, in->account, sizeof(world.account));
    world.origin_id = in->origin == world.web ? in->origin_id : 0;
    desc_free(world.offer);
    world.offer = in->offer;
    if (world.incoming_refused)
        in->leg->ops->hangup(in->leg, &why);
}

void gateway_message(struct gateway *gw, const struct message *m, struct adapter *from,
                     uint64_t ref)
{
    (void)gw;
    g_assert_true(from == world.web);
    g_assert_cmpstr(m->account, ==, m->from);
    (void)g_strlcpy(world.letter_from, m->from, sizeof(world.letter_from));
    (void)g_strlcpy(world.letter_to, m->to, sizeof(world.letter_to));
    (void)g_strlcpy(world.letter_text, m->text, sizeof(world.letter_text));
    world.letter_ref = ref;
    world.letter_origin = m->origin == world.web ? m->origin_id : 0;
    world.letters++;
}

void gateway_message_result(struct gateway *gw, uint64_t delivery, enum end_cause cause)
{
    (void)gw;
    g_assert_cmpint(cause, ==, END_NONE);
    world.result = delivery;
    world.results++;
}

static void say(const char *fmt, ...) ATTR_PRINTF(1, 2);

static void say(const char *fmt, ...)
{
    size_t n = strlen(world.said);
    va_list args;

    va_start(args, fmt);
    (void)g_vsnprintf(world.said + n, sizeof(world.said) - n, fmt, args);
    va_end(args);
}

void gateway_publish(struct gateway *gw, const struct publication *pub)
{
    (void)gw;
    g_assert_true(pub->ad == world.web && !pub->only_to);
    say("%s %s%s; ", pub->address, pub->say ? presence_word(pub->say->show) : "there",
        pub->say ? pub->say->note : "");
}

void gateway_withdraw(struct gateway *gw, const struct adapter *ad, uint64_t id)
{
    (void)gw;
    (void)ad;
    say("%u gone; ", (unsigned)id);
}

enum end_cause gateway_watch(struct gateway *gw, struct adapter *ad, uint64_t ref, const char *who,
                             const char *address)
{
    (void)gw;
    (void)ad;
    g_assert_true(g_str_has_suffix(who, "@" WORLD_DOMAIN));
    if (world.watch_refused)
        return (enum end_cause)world.watch_refused;
    world.watch = ref;
    world.watches++;
    (void)g_strlcpy(world.watched, address, sizeof(world.watched));
    return END_NONE;
}

void gateway_unwatch(struct gateway *gw, const struct adapter *ad, uint64_t ref)
{
    (void)gw;
    (void)ad;
    (void)ref;
    if (!world.watch_refused)
        world.watches--;
}

void leg_report(struct leg *leg, const struct leg_event *ev)
{
    struct world_event *seen = g_new0(struct world_event, 1);

    *seen = (struct world_event){.type = ev->type,
                                 .digit = ev->digit,
                                 .duration_ms = ev->duration_ms,
                                 .stream = ev->stream,
                                 .ringing = ev->ringing,
                                 .glare = ev->glare,
                                 .has_candidate = ev->candidate != NULL,
                                 .cause = ev->why.cause,
                                 .desc = ev->desc};
    g_queue_push_tail(&reported, seen);
    if (ev->type == LEG_ENDED)
        leg->ops->hangup(leg, &ev->why);
    if (ev->type == LEG_GONE) {
        world.legs_gone++;
        if (world.leg == leg)
            world.leg = NULL;
        leg->ops->free(leg);
    }
}

struct world_event world_reported(enum leg_event_type type)
{
    struct world_event *first = g_queue_pop_head(&reported);
    struct world_event ev;

    g_assert_nonnull(first);
    ev = *first;
    g_free(first);
    g_assert_cmpint(ev.type, ==, type);
    desc_free(ev.desc);
    ev.desc = NULL;
    return ev;
}

void world_nothing_reported(void)
{
    g_assert_cmpuint(reported.length, ==, 0);
}

/* ---- life ---- */

static void account_make(struct account *a, const char *user)
{
    *a = (struct account){0};
    (void)g_snprintf(a->address, sizeof(a->address), "%s@" WORLD_DOMAIN, user);
    (void)g_strlcpy(a->user, user, sizeof(a->user));
    (void)g_snprintf(a->display, sizeof(a->display), "%s's name", user);
    account_set_password(a, WORLD_DOMAIN, WORLD_PASSWORD);
}

void world_start(const char *web_root)
{
    world = (struct world){0};
    gateway = (struct gateway){0};
    gateway.config.domain = g_strdup(WORLD_DOMAIN);
    gateway.config.web_root = g_strdup(web_root);
    gateway.config.web_http.n = 1;
    (void)net_addr_parse(SPAN("127.0.0.1:0"), &gateway.config.web_http.addr[0]);
    account_make(&gateway.account[0], "alice");
    account_make(&gateway.account[1], "bob");
    world.web = web_adapter_start(&gateway, NULL);
    g_assert_nonnull(world.web);
}

static void sent_free(gpointer data)
{
    struct sent *s = data;

    g_free(s->text);
    g_free(s);
}

static void event_free(gpointer data)
{
    struct world_event *ev = data;

    desc_free(ev->desc);
    g_free(ev);
}

void world_stop(void)
{
    world.web->ops->stop(world.web);
    world_turn(0); /* the last LEG_GONE */
    g_assert_null(timers);
    g_queue_clear_full(&sent, sent_free);
    g_queue_clear_full(&reported, event_free);
    desc_free(world.offer);
    g_free(gateway.config.domain);
    g_free(gateway.config.web_root);
}

void world_auth(uint64_t socket, const json_t *hello, const char *user, const char *password)
{
    struct account a = {0};
    char proof[PROOF_SIZE];

    (void)g_strlcpy(a.user, user, sizeof(a.user));
    account_set_password(&a, WORLD_DOMAIN, password);
    g_assert_true(
        proof_compute(a.ha1_sha256, world_text(hello, "nonce"), "cnonce-0123456789", proof));
    world_sayf(socket,
               "{\"type\":\"auth\",\"user\":\"%s\",\"cnonce\":\"cnonce-0123456789\","
               "\"proof\":\"%s\"}",
               user, proof);
}

void world_sign_in(uint64_t socket, const char *user)
{
    json_t *msg;

    world_open(socket, "192.0.2.7:40000");
    msg = world_heard(socket, "hello");
    world_auth(socket, msg, user, WORLD_PASSWORD);
    json_decref(msg);
    msg = world_heard(socket, "welcome");
    json_decref(msg);
}

/* ---- descriptions ---- */

#define SDP_HEAD(id)                                                                               \
    "v=0\r\no=- " id " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio video\r\n"
#define SDP_STREAM(kind, codec, setup)                                                             \
    "m=" kind " 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:Ab12\r\n"  \
    "a=ice-pwd:0123456789abcdefghijklmn\r\na=ice-options:trickle\r\n"                              \
    "a=fingerprint:sha-256 "                                                                       \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"   \
    "EE:FF\r\na=setup:" setup "\r\na=mid:" kind "\r\na=sendrecv\r\na=rtpmap:96 " codec "\r\n"

const char world_sdp_offer[] = SDP_HEAD("1") SDP_STREAM("audio", "opus/48000/2", "actpass")
    SDP_STREAM("video", "VP8/90000", "actpass");
const char world_sdp_answer[] = SDP_HEAD("2") SDP_STREAM("audio", "opus/48000/2", "active")
    SDP_STREAM("video", "VP8/90000", "active");

const char *world_quoted(const char *text)
{
    static char *quoted;
    json_t *value = json_string(text);

    g_free(quoted);
    quoted = json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    return quoted;
}

struct desc *world_desc(const char *sdp)
{
    struct desc *d = NULL;

    g_assert_cmpint(desc_sdp_read(span_of(sdp), &d, NULL), ==, GW_OK);
    return d;
}
