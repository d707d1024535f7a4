#include "web/socket.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "edge/edge.h"
#include "media/desc_sdp.h"
#include "web/leg.h"
#include "web/letters.h"
#include "web/limits.h"
#include "web/watches.h"

#include <glib.h>

#include <string.h>

#define MOD "web"

static void deadline_passed(void *arg);

static void websock_enter(struct websock *s, enum websock_state state)
{
    timer_stop(&s->deadline);
    s->state = state;
    switch (state) {
    case WEBSOCK_GREETED:
        random_token(s->nonce, NONCE_SIZE - 1);
        timer_start(&s->deadline, WEB_AUTH_DEADLINE_US, deadline_passed, s);
        break;
    case WEBSOCK_SLOWED:
        timer_start(&s->deadline, s->tries * WEB_AUTH_SLOW_US, deadline_passed, s);
        break;
    case WEBSOCK_READY:
    case WEBSOCK_CLOSING: break;
    }
}

enum gw_err websock_send(struct websock *s, const struct web_msg *m)
{
    g_autofree char *text = web_msg_write(m);

    if (!text || strlen(text) > WEB_MESSAGE_MAX)
        return fail(GW_ETOOBIG, MOD, "%s does not fit into a message", web_type_word(m->type));
    if (s->state == WEBSOCK_CLOSING)
        return GW_OK; /* as if it were lost on the way */
    LOG_D(MOD, "to %s: %s", s->address, web_type_word(m->type));
    edge_ws_send(s->env->edge, s->id, text, strlen(text));
    return GW_OK;
}

static void legs_lose(struct websock *s)
{
    while (s->nlegs > 0)
        webleg_lost(s->leg[s->nlegs - 1]); /* detaches itself */
}

void websock_close(struct websock *s, uint16_t code, const char *reason)
{
    if (s->state == WEBSOCK_CLOSING)
        return;
    websock_enter(s, WEBSOCK_CLOSING);
    edge_ws_close(s->env->edge, s->id, code, reason);
    watches_leave(s->env->watches, s);
    legs_lose(s);
}

static void error_send(struct websock *s, const struct web_fault *f, const char *nonce)
{
    struct web_msg m = {.type = WEB_ERROR,
                        .text = {[TEXT_CODE] = f->code,
                                 [TEXT_TEXT] = f->text,
                                 [TEXT_RE] = f->re[0] ? f->re : NULL,
                                 [TEXT_CALL] = f->call[0] ? f->call : NULL,
                                 [TEXT_ID] = f->id[0] ? f->id : NULL,
                                 [TEXT_NONCE] = nonce}};

    (void)websock_send(s, &m);
}

/* A client that keeps sending what makes no sense is not worth its connection. */
static void fault_answer(struct websock *s, const struct web_fault *f)
{
    LOG_D(MOD, "from %s: %s: %s", s->address, f->code, f->text);
    error_send(s, f, NULL);
    if (!bucket_add(&s->faults, clock_now_us(), WEB_FAULT_FORGIVE_US, WEB_FAULTS_MAX))
        websock_close(s, 1008, "too many faulty messages");
}

void websock_fault(struct websock *s, const char *re, const char *call, const char *code,
                   const char *text)
{
    struct web_fault f = {.code = code};

    (void)g_strlcpy(f.re, re ? re : "", sizeof(f.re));
    (void)g_strlcpy(f.call, call ? call : "", sizeof(f.call));
    (void)g_strlcpy(f.text, text, sizeof(f.text));
    fault_answer(s, &f);
}

void websock_send_ended(struct websock *s, const char *call, const struct end_reason *why)
{
    struct web_msg m = {
        .type = WEB_ENDED,
        .text = {[TEXT_CALL] = call,
                 [TEXT_REASON] = end_word(why->cause),
                 [TEXT_SENTENCE] = end_sentence(why->cause)},
        .number = {[NUMBER_STATUS] = why->code >= 100 && why->code <= 999 ? why->code : 0}};

    (void)websock_send(s, &m);
}

struct websock *websock_new(struct websock_env *env, uint64_t id, const struct net_addr *peer)
{
    struct websock *s = g_new0(struct websock, 1);
    struct web_msg hello = {.type = WEB_HELLO,
                            .text = {[TEXT_SERVER] = "tandem " TANDEM_VERSION,
                                     [TEXT_DOMAIN] = gateway_config(env->gw)->domain},
                            .number = {[NUMBER_VERSION] = 1, [NUMBER_PING] = WEB_PING_S}};

    s->env = env;
    s->id = id;
    s->peer = *peer;
    websock_enter(s, WEBSOCK_GREETED);
    hello.text[TEXT_NONCE] = s->nonce;
    (void)websock_send(s, &hello);
    return s;
}

void websock_free(struct websock *s)
{
    websock_enter(s, WEBSOCK_CLOSING);
    watches_leave(s->env->watches, s);
    legs_lose(s);
    if (s->address[0])
        LOG_I(MOD, "%s signed out", s->address);
    explicit_bzero(s->ha1, sizeof(s->ha1));
    g_free(s);
}

void websock_revoke(struct websock *s)
{
    struct web_fault f = {.code = "not-authorized",
                          .text = "Your account was changed. Please sign in again."};

    error_send(s, &f, NULL);
    websock_close(s, 1008, "account changed");
}

void websock_drain(struct websock *s)
{
    if (s->nlegs == 0)
        websock_close(s, 1001, "restarting");
}

enum gw_err websock_attach(struct websock *s, struct webleg *leg)
{
    if (s->nlegs == WEB_CALLS_MAX)
        return GW_EFULL;
    s->leg[s->nlegs++] = leg;
    return GW_OK;
}

void websock_detach(struct websock *s, const struct webleg *leg)
{
    for (unsigned i = 0; i < s->nlegs; i++) {
        if (s->leg[i] != leg)
            continue;
        s->leg[i] = s->leg[--s->nlegs];
        break;
    }
    if (s->env->draining)
        websock_drain(s);
}

static struct webleg *leg_find(const struct websock *s, const char *call)
{
    for (unsigned i = 0; i < s->nlegs; i++)
        if (g_str_equal(webleg_call(s->leg[i]), call))
            return s->leg[i];
    return NULL;
}

/* ---- signing in ---- */

static void auth_refuse(struct websock *s)
{
    struct web_fault f = {.code = "not-authorized", .re = "auth"};
    bool last = s->tries >= WEB_AUTH_TRIES;

    (void)g_strlcpy(f.text, end_sentence(END_AUTH), sizeof(f.text));
    websock_enter(s, WEBSOCK_GREETED);
    error_send(s, &f, last ? NULL : s->nonce);
    if (last)
        websock_close(s, 1008, "too many attempts");
}

static void deadline_passed(void *arg)
{
    struct websock *s = arg;

    if (s->state == WEBSOCK_SLOWED)
        auth_refuse(s);
    else
        websock_close(s, 1008, "not signed in in time");
}

static void auth_accept(struct websock *s, const struct account *a)
{
    struct web_msg welcome = {.type = WEB_WELCOME,
                              .text = {[TEXT_ADDRESS] = s->address, [TEXT_DISPLAY] = s->display}};
    char peer[NET_ADDR_TEXT];

    websock_enter(s, WEBSOCK_READY);
    (void)g_strlcpy(s->address, a->address, sizeof(s->address));
    (void)g_strlcpy(s->display, a->display, sizeof(s->display));
    (void)g_strlcpy(s->ha1, a->ha1_sha256, sizeof(s->ha1));
    LOG_I(MOD, "%s signed in from %s", s->address, net_addr_text(&s->peer, peer));
    (void)websock_send(s, &welcome);
    watches_join(s->env->watches, s);
}

static void on_auth(struct websock *s, const struct web_msg *m)
{
    char address[192];
    char peer[NET_ADDR_TEXT];
    const struct account *a = NULL;

    if (s->state != WEBSOCK_GREETED) {
        websock_fault(s, "auth", NULL, "bad-state", "You cannot sign in now.");
        return;
    }
    if (!guard_allows(s->env->guard, &s->peer)) {
        struct web_fault f = {.code = "too-many-attempts",
                              .text = "Too many failed attempts. Wait a minute, then try again.",
                              .re = "auth"};
        error_send(s, &f, NULL);
        websock_close(s, 1008, "too many attempts");
        return;
    }
    if (account_normalise(m->text[TEXT_USER], gateway_config(s->env->gw)->domain, address))
        a = gateway_account(s->env->gw, address);
    if (proof_check(a, s->nonce, m->text[TEXT_CNONCE], m->text[TEXT_PROOF])) {
        auth_accept(s, a);
        return;
    }
    LOG_W(MOD, "wrong credentials for %s from %s", a ? a->address : "an unknown account",
          net_addr_text(&s->peer, peer));
    guard_failed(s->env->guard, &s->peer);
    s->tries++;
    websock_enter(s, WEBSOCK_SLOWED);
}

/* ---- messages ---- */

static void on_ping(struct websock *s, const struct web_msg *m)
{
    (void)m;
    (void)websock_send(s, &(struct web_msg){.type = WEB_PONG});
}

static void refuse_call(struct websock *s, const char *call, enum end_cause cause)
{
    struct end_reason why = end_because(cause);

    websock_send_ended(s, call, &why);
}

static void on_call(struct websock *s, const struct web_msg *m)
{
    const char *call = m->text[TEXT_CALL];
    const char *why = NULL;
    struct desc *offer = NULL;

    if (!web_call_id_is_clients(call))
        websock_fault(s, "call", call, "bad-message", "Ids that begin with s- are the server's.");
    else if (leg_find(s, call))
        websock_fault(s, "call", call, "call-exists", "There is a call of this id already.");
    else if (s->env->draining)
        refuse_call(s, call, END_SHUTDOWN);
    else if (s->nlegs == WEB_CALLS_MAX)
        refuse_call(s, call, END_LIMIT);
    else if (desc_sdp_read(span_of(m->text[TEXT_SDP]), &offer, &why)) {
        LOG_W(MOD, "offer of %s cannot be read: %s", s->address, why);
        refuse_call(s, call, END_PROTOCOL);
    } else
        webleg_place(s, m, offer);
}

/* It may have ended while the message was on its way: that is no fault of the client's, and worth a
 * word only where the client waits for one. */
static void unknown_call(struct websock *s, const struct web_msg *m)
{
    struct web_fault f = {.code = "unknown-call",
                          .text = "There is no call of this id (any more)."};

    if (m->type != WEB_OFFER && m->type != WEB_ANSWER)
        return;
    (void)g_strlcpy(f.re, web_type_word(m->type), sizeof(f.re));
    (void)g_strlcpy(f.call, m->text[TEXT_CALL], sizeof(f.call));
    error_send(s, &f, NULL);
}

static void on_call_message(struct websock *s, const struct web_msg *m)
{
    struct webleg *leg = leg_find(s, m->text[TEXT_CALL]);

    if (leg)
        webleg_take(leg, m);
    else
        unknown_call(s, m);
}

static void on_message(struct websock *s, const struct web_msg *m)
{
    letters_take(s->env->letters, s, m);
}

static void on_presence(struct websock *s, const struct web_msg *m)
{
    watches_say(s->env->watches, s, m);
}

static void on_watch(struct websock *s, const struct web_msg *m)
{
    watches_begin(s->env->watches, s, m);
}

static void on_unwatch(struct websock *s, const struct web_msg *m)
{
    watches_end(s->env->watches, s, m);
}

static void (*const handlers[WEB_TYPES])(struct websock *s, const struct web_msg *m) = {
    [WEB_AUTH] = on_auth,           [WEB_PING] = on_ping,
    [WEB_CALL] = on_call,           [WEB_RINGING] = on_call_message,
    [WEB_ANSWER] = on_call_message, [WEB_REJECT] = on_call_message,
    [WEB_OFFER] = on_call_message,  [WEB_CANDIDATE] = on_call_message,
    [WEB_REFUSE] = on_call_message, [WEB_DTMF] = on_call_message,
    [WEB_BYE] = on_call_message,    [WEB_MESSAGE] = on_message,
    [WEB_PRESENCE] = on_presence,   [WEB_WATCH] = on_watch,
    [WEB_UNWATCH] = on_unwatch,
}; /* an empty cell is the server's to send */

static void dispatch(struct websock *s, const struct web_msg *m)
{
    const char *word = web_type_word(m->type);

    if (!handlers[m->type])
        websock_fault(s, word, NULL, "unknown-type", "Only the server sends this message.");
    else if (s->state != WEBSOCK_READY && m->type != WEB_AUTH && m->type != WEB_PING)
        websock_fault(s, word, m->text[TEXT_CALL], "bad-state", "Sign in first.");
    else
        handlers[m->type](s, m);
}

void websock_take(struct websock *s, struct span json)
{
    struct web_fault why;
    struct web_msg m;

    if (s->state == WEBSOCK_CLOSING)
        return;
    if (web_msg_read(json, &m, &why)) {
        fault_answer(s, &why);
        return;
    }
    dispatch(s, &m);
    web_msg_clear(&m);
}
