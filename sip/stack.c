#include "sip/stack.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "edge/edge.h"
#include "sip/authn.h"
#include "sip/dialog.h"
#include "sip/event.h"
#include "sip/names.h"
#include "sip/pager.h"
#include "sip/publisher.h"
#include "sip/registration.h"
#include "sip/sockets.h"
#include "sip/uri.h"
#include "sip/watcher.h"

#include <poll.h>
#include <stdio.h>

enum {
    INBOX_LIMIT = 65536,
    INBOX_TURN = 256,
    PROCEEDING_MAX = 2000, /* unanswered INVITEs; more get 503 at once */
    MESSAGE_MAX = 65536,
    TICK_MS = 1000,
    STOP_TURN_MS = 20,
    STOP_MS = 500,
    HURRY_MS = 4000
};

extern su_log_t nta_log[], tport_log[]; /* the library declares them in no installed header */

/* ---- to and from the other threads ---- */

void stack_emit(struct stack *s, const struct sipev *ev)
{
    mailbox_post_always(s->outbox, ev);
}

bool stack_may_log(struct stack *s)
{
    return log_quota_pass(&s->refusals, clock_now_us(), "sip", "refused requests");
}

void stack_post(struct stack *s, const struct sipcmd *cmd)
{
    mailbox_post_always(s->inbox, cmd);
}

struct mailbox *stack_edge_events(struct stack *s)
{
    return s->edge_events;
}

void stack_drain_edge(struct stack *s)
{
    struct edge_event ev;

    while (mailbox_take(s->edge_events, &ev)) {
        flow_event(s, &ev);
        edge_event_clear(&ev);
    }
}

static int on_edge_events(su_root_magic_t *magic, su_wait_t *w, su_wakeup_arg_t *s)
{
    (void)magic;
    (void)w;
    stack_drain_edge(s);
    return 0;
}

static void forbid_calls_of(struct stack *s, const char *address)
{
    struct end_reason why = end_because(END_FORBIDDEN);
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->dialogs);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        struct dialog *d = value;
        if (d->state == DIALOG_OVER || g_strcmp0(d->account, address) != 0)
            continue;
        dialog_hangup(d, &why);
        dialog_ended(d, &why);
    }
}

static void account_command(struct stack *s, struct sipcmd *cmd)
{
    struct account *a = cmd->account;

    if (cmd->gone) {
        registrar_drop_address(s->registrar, a->address);
        forbid_calls_of(s, a->address);
        watchers_end(s, a->address, "rejected");
        publications_drop(s, a->address);
        (void)g_hash_table_remove(s->accounts, a->address);
    } else {
        authn_account(&s->decoy, a);
        (void)g_hash_table_replace(s->accounts, a->address, a);
        cmd->account = NULL;
    }
}

static void restore_command(struct stack *s, const struct sipcmd *cmd)
{
    struct sipev ev = {.type = SIPEV_BINDING};

    if (registrar_restore(s->registrar, cmd->key, cmd->row, clock_now_us(),
                          (uint64_t)g_get_real_time() / US_PER_S))
        return;
    ev.binding = g_new0(struct sipev_binding, 1);
    ev.binding->gone = true;
    ev.binding->key = g_strdup(cmd->key);
    ev.binding->address = g_strdup("");
    stack_emit(s, &ev);
}

static void stack_command(struct stack *s, struct sipcmd *cmd)
{
    switch (cmd->type) {
    case SIPCMD_ACCOUNT: account_command(s, cmd); break;
    case SIPCMD_RESTORE: restore_command(s, cmd); break;
    case SIPCMD_DIAL: dialog_dial(s, cmd); break;
    case SIPCMD_MESSAGE: pager_send(s, cmd); break;
    case SIPCMD_MESSAGE_DONE: pager_answer(s, cmd->id, cmd->why.cause); break;
    case SIPCMD_WATCHING: watcher_verdict(s, cmd->id, cmd->why.cause); break;
    case SIPCMD_WATCHED: watcher_tell(s, cmd->id, &cmd->presence); break;
    case SIPCMD_DRAIN: s->draining = true; break;
    case SIPCMD_STOP:
        s->stopping = true;
        su_root_break(s->root);
        break;
    case SIPCMD_PROGRESS:
    case SIPCMD_ANSWER:
    case SIPCMD_OFFER:
    case SIPCMD_RESPOND:
    case SIPCMD_KEYFRAME:
    case SIPCMD_HANGUP: dialog_command(s, cmd); break;
    }
}

static int on_inbox(su_root_magic_t *magic, su_wait_t *w, su_wakeup_arg_t *s)
{
    struct sipcmd cmd;

    (void)magic;
    (void)w;
    for (int i = 0; i < INBOX_TURN && mailbox_take(s->inbox, &cmd); i++) {
        LOG_CALL(cmd.call_id);
        stack_command(s, &cmd);
        sipcmd_clear(&cmd);
    }
    return 0;
}

/* ---- registrar and accounts ---- */

const struct account *stack_account(const struct stack *s, const char *address)
{
    return g_hash_table_lookup(s->accounts, address);
}

static void binding_changed(void *arg, const struct binding *b, bool gone)
{
    struct stack *s = arg;
    struct sipev ev = {.type = SIPEV_BINDING};
    struct sipev_binding *out = g_new0(struct sipev_binding, 1);
    char peer[NET_ADDR_TEXT];
    const char *at = strchr(b->address, '@');

    out->id = b->id;
    out->gone = gone;
    out->ws = b->ws || uri_over_websocket(span_of(b->contact));
    out->address = g_strdup(b->address);
    out->label = g_strdup_printf("sip:%.*s@%s", at ? (int)(at - b->address) : 0, b->address,
                                 net_addr_text(&b->peer, peer));
    out->expires_us = b->expires_us;
    out->key = binding_key(b);
    if (!gone)
        out->row = binding_row(b, clock_now_us(), (uint64_t)g_get_real_time() / US_PER_S);
    ev.binding = out;
    stack_emit(s, &ev);
}

/* ---- requests outside dialogs ---- */

bool stack_is_local(const struct stack *s, const char *host)
{
    struct net_addr a;

    if (g_ascii_strcasecmp(host, s->config->domain) == 0 ||
        (s->config->sip_public_host && g_ascii_strcasecmp(host, s->config->sip_public_host) == 0))
        return true;
    return net_addr_parse_ip(span_of(host), &a) && sockets_are_at(s, &a);
}

static int on_options(struct stack *s, nta_incoming_t *irq)
{
    (void)nta_incoming_treply(
        irq, SIP_200_OK, SIPTAG_ALLOW_STR(dialog_allow), SIPTAG_ACCEPT_STR(dialog_accept),
        SIPTAG_ACCEPT_ENCODING_STR("identity"), SIPTAG_SUPPORTED_STR(dialog_supported),
        SIPTAG_ALLOW_EVENTS_STR(event_names), SIPTAG_SERVER_STR(s->server), TAG_END());
    return 200;
}

static int refuse_method(struct stack *s, nta_incoming_t *irq, int status, const char *phrase)
{
    (void)nta_incoming_treply(irq, status, phrase, SIPTAG_ALLOW_STR(dialog_allow),
                              SIPTAG_SERVER_STR(s->server), TAG_END());
    return status;
}

static int on_request(void *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct stack *s = magic;
    const url_t *uri = sip->sip_request->rq_url;

    (void)leg;
    if (sip->sip_request->rq_method == sip_method_ack)
        return 200; /* for a call that is no more; an ACK is never answered */
    if (uri->url_type != url_sip && uri->url_type != url_sips &&
        !(uri->url_type == url_tel && (sip->sip_request->rq_method == sip_method_invite ||
                                       sip->sip_request->rq_method == sip_method_message)))
        return 416;
    if (nta_check_required(irq, sip, s->supported, TAG_END()))
        return 420;
    switch (sip->sip_request->rq_method) {
    case sip_method_invite: return sip->sip_to->a_tag ? 481 : dialog_invited(s, irq, sip);
    case sip_method_register: return registration_request(s, irq, sip);
    case sip_method_options: return on_options(s, irq);
    case sip_method_message: return sip->sip_to->a_tag ? 481 : pager_received(s, irq, sip, uri);
    case sip_method_subscribe: return sip->sip_to->a_tag ? 481 : watcher_subscribed(s, irq, sip);
    case sip_method_publish: return sip->sip_to->a_tag ? 481 : publisher_request(s, irq, sip);
    case sip_method_bye:
    case sip_method_cancel:
    case sip_method_update:
    case sip_method_info:
    case sip_method_prack: return 481;
    case sip_method_unknown: return refuse_method(s, irq, SIP_501_NOT_IMPLEMENTED);
    default: return refuse_method(s, irq, SIP_405_METHOD_NOT_ALLOWED);
    }
}

/* ---- time ---- */

/* Each request takes 10 KB until no repetition of it can come any more. A flood of them must not
 * take it all: then repetitions are waited for a shorter time, also of what is already there. */
static void hurry_in_a_flood(struct stack *s)
{
    unsigned patience_ms = (unsigned)(s->patience_us / US_PER_MS);
    usize_t now = 0;
    bool hurry;

    (void)nta_agent_get_stats(s->agent, NTATAG_S_IRQ_HASH_USED_REF(now), TAG_END());
    hurry = now >= (s->hurried ? s->transactions / 4 : s->transactions);
    if (hurry == s->hurried)
        return;
    s->hurried = hurry;
    LOG(hurry ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "sip", "%s: %zu transactions are remembered",
        hurry ? "a flood of requests" : "the flood of requests is over", (size_t)now);
    (void)nta_agent_set_params(
        s->agent, NTATAG_SIP_T1X64(hurry ? MIN(HURRY_MS, patience_ms) : patience_ms), TAG_END());
}

static void on_tick(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
    struct stack *s = arg;
    uint64_t now = clock_now_us();
    GHashTableIter it;
    void *value;

    (void)magic;
    (void)timer;
    hurry_in_a_flood(s);
    registrar_expire(s->registrar, now);
    g_hash_table_iter_init(&it, s->dialogs);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (dialog_tick(value, now))
            g_hash_table_iter_remove(&it);
    g_hash_table_iter_init(&it, s->watchers);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (watcher_tick(value, now))
            g_hash_table_iter_remove(&it);
    publications_expire(s, now);
}

/* ---- life ---- */

static void ATTR_PRINTF(2, 0) sofia_log(void *stream, char const *fmt, va_list args)
{
    char line[512];

    (void)stream;
    if (!log_wants(LOG_LEVEL_DEBUG))
        return;
    (void)g_vsnprintf(line, sizeof(line), fmt, args);
    LOG_D("sip", "sofia: %s", g_strchomp(line));
}

static bool make_agent(struct stack *s)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the library's word for "no socket yet" */
    url_string_t *none = (url_string_t *)-1;

    s->agent = nta_agent_create(
        s->root, none, NULL, NULL, NTATAG_UA(1), NTATAG_CLIENT_RPORT(1), NTATAG_SERVER_RPORT(2),
        NTATAG_MERGE_482(1), NTATAG_MAXSIZE(MESSAGE_MAX), NTATAG_MAX_PROCEEDING(PROCEEDING_MAX),
        NTATAG_TIMEOUT_408(1), NTATAG_CANCEL_487(0),
        NTATAG_SIP_T1X64((unsigned)(s->patience_us / US_PER_MS)), NTATAG_UDP_MTU(65535), TAG_END());
    if (!s->agent)
        return false;
    s->default_leg = nta_leg_tcreate(s->agent, on_request, s, NTATAG_NO_DIALOG(1), TAG_END());
    s->home = su_home_new(sizeof(su_home_t));
    s->supported = sip_supported_make(s->home, dialog_supported);
    return s->default_leg && s->supported && sockets_open(s);
}

static bool watch_mailboxes(struct stack *s)
{
    if (su_wait_create(&s->wait_inbox, mailbox_fd(s->inbox), SU_WAIT_IN) < 0 ||
        su_wait_create(&s->wait_edge, mailbox_fd(s->edge_events), SU_WAIT_IN) < 0)
        return false;
    s->reg_edge = su_root_register(s->root, &s->wait_edge, on_edge_events, s, 0);
    s->reg_inbox = su_root_register(s->root, &s->wait_inbox, on_inbox, s, 0);
    return s->reg_edge >= 0 && s->reg_inbox >= 0;
}

static bool stack_open(struct stack *s)
{
    struct registrar_limits limits = {.min_s = s->config->sip_expires_min_s,
                                      .default_s = s->config->sip_expires_default_s,
                                      .max_s = s->config->sip_expires_max_s};

    s->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    s->flows = g_hash_table_new_full(NULL, NULL, NULL, flow_free);
    s->dialogs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, dialog_free);
    s->published = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    s->watchers = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, watcher_free);
    s->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, page_free);
    s->registrar = registrar_new(&limits, binding_changed, s);
    s->nonces = nonces_new();
    s->limiter = limiter_new();
    s->reg_inbox = s->reg_edge = -1;
    (void)su_init();
    su_log_redirect(su_log_default, sofia_log, NULL);
    su_log_redirect(nta_log, sofia_log, NULL);
    su_log_redirect(tport_log, sofia_log, NULL);
    su_log_set_level(nta_log, 3);
    su_log_set_level(tport_log, 3);
    s->root = su_root_create(s);
    if (!names_are_numeric_only()) {
        LOG_E("sip", "another library resolves names for sofia: this build would block on DNS");
        return false;
    }
    if (!s->root || !make_agent(s) || !watch_mailboxes(s))
        return false;
    (void)su_root_threading(s->root, 0);
    s->tick = su_timer_create(su_root_task(s->root), TICK_MS);
    return s->tick && su_timer_run(s->tick, on_tick, s) == 0;
}

/* Let what we have just said reach the wire. */
static void stack_farewell(struct stack *s)
{
    struct end_reason why = end_because(END_SHUTDOWN);
    uint64_t deadline = clock_now_us() + STOP_MS * US_PER_MS;
    GHashTableIter it;
    void *value;
    bool open;

    g_hash_table_iter_init(&it, s->dialogs);
    while (g_hash_table_iter_next(&it, NULL, &value))
        dialog_hangup(value, &why);
    watchers_end(s, NULL, "probation");
    do {
        (void)su_root_step(s->root, STOP_TURN_MS);
        open = false;
        g_hash_table_iter_init(&it, s->dialogs);
        while (g_hash_table_iter_next(&it, NULL, &value))
            open = open || dialog_is_open(value);
    } while (open && clock_now_us() < deadline);
}

static void stack_close(struct stack *s)
{
    g_clear_pointer(&s->dialogs, g_hash_table_destroy);
    g_clear_pointer(&s->pages, g_hash_table_destroy);
    g_clear_pointer(&s->watchers, g_hash_table_destroy);
    g_clear_pointer(&s->published, g_hash_table_destroy);
    g_clear_pointer(&s->flows, g_hash_table_destroy);
    if (s->tick)
        su_timer_destroy(s->tick);
    if (s->default_leg)
        nta_leg_destroy(s->default_leg);
    if (s->agent)
        nta_agent_destroy(s->agent);
    if (s->reg_inbox >= 0)
        (void)su_root_deregister(s->root, s->reg_inbox);
    if (s->reg_edge >= 0)
        (void)su_root_deregister(s->root, s->reg_edge);
    if (s->root)
        su_root_destroy(s->root);
    if (s->home)
        (void)su_home_unref(s->home);
    su_deinit();
    g_clear_pointer(&s->accounts, g_hash_table_destroy);
    registrar_free(s->registrar);
    nonces_free(s->nonces);
    limiter_free(s->limiter);
}

static void *stack_main(void *arg)
{
    struct stack *s = arg;
    struct sipev started = {.type = SIPEV_STARTED};

    started.ok = stack_open(s);
    started.loopback = s->loopback;
    stack_emit(s, &started);
    if (started.ok) {
        while (!s->stopping)
            (void)su_root_run(s->root);
        stack_farewell(s);
    }
    stack_close(s);
    return NULL;
}

static void stack_free(struct stack *s)
{
    mailbox_free(s->inbox, sipcmd_clear);
    mailbox_free(s->edge_events, edge_event_clear);
    g_free(s);
}

/* The first event says whether the thread came up; blocking is legal while nothing else runs. */
static void await_event(struct mailbox *outbox, struct sipev *ev)
{
    struct pollfd p = {.fd = mailbox_fd(outbox), .events = POLLIN};

    while (!mailbox_take(outbox, ev))
        (void)poll(&p, 1, -1);
}

struct stack *stack_start(const struct stack_options *options, struct net_addr *loopback)
{
    struct stack *s = g_new0(struct stack, 1);
    struct sipev started = {.ok = false};

    s->config = options->config;
    s->edge = options->edge;
    s->outbox = options->outbox;
    s->patience_us = options->tuning.patience_ms * US_PER_MS;
    s->watch_min_s = options->tuning.watch_min_s;
    s->transactions = options->tuning.transactions;
    s->inbox = mailbox_new(sizeof(struct sipcmd), INBOX_LIMIT);
    s->edge_events = mailbox_new(sizeof(struct edge_event), INBOX_LIMIT);
    (void)snprintf(s->server, sizeof(s->server), "Tandem/%s", TANDEM_VERSION);
    if (pthread_create(&s->thread, NULL, stack_main, s) != 0) {
        stack_free(s);
        return NULL;
    }
    await_event(s->outbox, &started);
    if (!started.ok) {
        (void)pthread_join(s->thread, NULL);
        stack_free(s);
        return NULL;
    }
    *loopback = started.loopback;
    return s;
}

void stack_stop(struct stack *s)
{
    struct sipcmd cmd = {.type = SIPCMD_STOP};

    if (!s)
        return;
    stack_post(s, &cmd);
    (void)pthread_join(s->thread, NULL);
    if (s->edge) /* it posts to our mailbox until told otherwise */
        edge_detach(s->edge, s->edge_events);
    stack_free(s);
}
