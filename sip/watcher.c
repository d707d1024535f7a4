#include "sip/watcher.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "sip/caller.h"
#include "sip/event.h"
#include "sip/pidf.h"
#include "sip/reasons.h"

#include <stdio.h>

enum {
    WATCHERS_MAX = 5000,
    EVENT_MAX = 128,
    RETRY_S = 5 /* for those whom a restart ends */
};

enum watcher_state {
    WATCHER_ASKED,  /* the gateway has not said yet whether it may */
    WATCHER_ACTIVE, /* 200 was sent */
    WATCHER_OVER    /* the last NOTIFY is out, or none is worth sending */
};

struct watcher {
    uint64_t id;
    struct stack *stack;
    enum watcher_state state;
    char *account;
    char entity[URI_MAX];  /* whom it watches */
    char event[EVENT_MAX]; /* as it wrote it: may bear an id */
    struct hop hop;
    nta_leg_t *leg;
    nta_incoming_t *irq; /* the first SUBSCRIBE, until the verdict */
    nta_outgoing_t *notify;
    uint32_t expires_s; /* of the last SUBSCRIBE */
    uint64_t expires_us;
    bool known;         /* the gateway has told its first state */
    bool due;           /* a NOTIFY is wanted as soon as the open one is answered */
    bool stillborn;     /* a NOTIFY could not even be sent */
    const char *ending; /* the reason, once the next NOTIFY is the last */
    struct presence now;
};

static void watcher_over(struct watcher *w)
{
    struct sipev ev = {.type = SIPEV_UNWATCH, .id = w->id};

    if (w->state == WATCHER_OVER)
        return;
    w->state = WATCHER_OVER;
    stack_emit(w->stack, &ev);
}

void watcher_free(void *watcher)
{
    struct watcher *w = watcher;

    if (w->irq)
        nta_incoming_destroy(w->irq);
    if (w->notify)
        nta_outgoing_destroy(w->notify);
    if (w->leg)
        nta_leg_destroy(w->leg);
    hop_clear(&w->hop);
    g_free(w->account);
    g_free(w);
}

/* ---- NOTIFY ---- */

static void notify_send(struct watcher *w);

static int on_notify_response(void *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct watcher *w = magic;
    int status = sip->sip_status->st_status;

    if (status < 200)
        return 0;
    if (orq != w->notify) { /* it failed at once, and is still being made */
        w->stillborn = true;
        return 0;
    }
    nta_outgoing_destroy(orq);
    w->notify = NULL;
    if (status >= 300) { /* RFC 6665 4.2.2: whoever refuses or is gone need not be told more */
        LOG_D("sip", "NOTIFY to %s over %s answered %d", w->account, w->hop.source, status);
        watcher_over(w);
    } else if (w->due) {
        notify_send(w);
    }
    return 0;
}

static void notify_state(const struct watcher *w, char *out, size_t size)
{
    uint64_t now = clock_now_us();
    uint64_t left = w->expires_us > now ? (w->expires_us - now + US_PER_S - 1) / US_PER_S : 0;

    if (!w->ending)
        (void)snprintf(out, size, "active;expires=%u", (unsigned)left);
    else if (g_str_equal(w->ending, "probation"))
        (void)snprintf(out, size, "terminated;reason=probation;retry-after=%d", RETRY_S);
    else
        (void)snprintf(out, size, "terminated;reason=%s", w->ending);
}

/* Each NOTIFY bears the whole state, so one that waits stands for all that came meanwhile. */
static void notify_send(struct watcher *w)
{
    g_autofree char *body = pidf_write(w->entity, &w->now);
    bool bare = w->ending && g_str_equal(w->ending, "rejected"); /* it may not know any more */
    char state[80];

    if (w->state != WATCHER_ACTIVE || !w->known)
        return;
    w->due = true;
    if (w->notify)
        return;
    w->due = false;
    notify_state(w, state, sizeof(state));
    w->notify = nta_outgoing_tcreate(
        w->leg, on_notify_response, w, hop_route(&w->hop), SIP_METHOD_NOTIFY, NULL,
        NTATAG_TPORT(w->hop.tport), SIPTAG_CONTACT_STR(w->hop.contact), SIPTAG_EVENT_STR(w->event),
        SIPTAG_SUBSCRIPTION_STATE_STR(state), TAG_IF(!bare, SIPTAG_CONTENT_TYPE_STR(PIDF_TYPE)),
        TAG_IF(!bare, SIPTAG_PAYLOAD_STR(body)), SIPTAG_USER_AGENT_STR(w->stack->server),
        TAG_END());
    if (w->stillborn) {
        nta_outgoing_destroy(w->notify);
        w->notify = NULL;
    }
    if (w->ending || !w->notify)
        watcher_over(w);
}

static void watcher_end(struct watcher *w, const char *reason)
{
    if (!w->ending)
        w->ending = reason;
    notify_send(w);
}

void watcher_tell(struct stack *s, uint64_t id, const struct presence *p)
{
    struct watcher *w = g_hash_table_lookup(s->watchers, &id);

    if (!w)
        return;
    w->now = *p;
    w->known = true;
    notify_send(w);
}

/* ---- SUBSCRIBE ---- */

static bool accepts_pidf(const sip_t *sip)
{
    if (!sip->sip_accept)
        return true;
    for (const sip_accept_t *a = sip->sip_accept; a; a = a->ac_next)
        if (a->ac_type && (g_ascii_strcasecmp(a->ac_type, PIDF_TYPE) == 0 ||
                           g_ascii_strcasecmp(a->ac_type, "application/*") == 0 ||
                           g_str_equal(a->ac_type, "*/*")))
            return true;
    return false;
}

static int check_headers(struct caller *c, nta_incoming_t *irq, const sip_t *sip)
{
    struct stack *s = c->stack;

    if (s->draining || g_hash_table_size(s->watchers) >= WATCHERS_MAX)
        return caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
    if (sip->sip_max_forwards && sip->sip_max_forwards->mf_count == 0)
        return caller_refuse(c, irq, SIP_483_TOO_MANY_HOPS);
    if (!event_fits(sip))
        return event_refuse(s, irq);
    if (!sip->sip_contact || sip->sip_contact->m_url->url_type == url_any)
        return caller_refuse(c, irq, 400, "Missing Contact");
    if (!accepts_pidf(sip))
        return caller_refuse(c, irq, SIP_406_NOT_ACCEPTABLE);
    if (!caller_dials(c, sip->sip_request->rq_url))
        return caller_refuse(c, irq, SIP_404_NOT_FOUND);
    return 0;
}

static void watcher_answer(struct watcher *w, nta_incoming_t *irq)
{
    char expires[16];

    (void)snprintf(expires, sizeof(expires), "%u", w->expires_s);
    (void)nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT_STR(w->hop.contact),
                              SIPTAG_EXPIRES_STR(expires), SIPTAG_ALLOW_EVENTS_STR(event_names),
                              SIPTAG_SERVER_STR(w->stack->server), TAG_END());
    w->expires_us = clock_now_us() + w->expires_s * US_PER_S;
}

/* The phone may have moved to another connection or address: it is told there from now on. */
static void watcher_follow(struct watcher *w, nta_incoming_t *irq)
{
    struct hop hop;

    if (!hop_of_request(w->stack, irq, &hop))
        return;
    hop_clear(&w->hop);
    w->hop = hop;
}

static int on_request(void *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    struct watcher *w = magic;
    int status;

    (void)leg;
    if (sip->sip_request->rq_method != sip_method_subscribe) {
        (void)nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR("SUBSCRIBE"),
                                  TAG_END());
        return 405;
    }
    if (w->state != WATCHER_ACTIVE || w->ending)
        return 481;
    if (!event_fits(sip))
        return event_refuse(w->stack, irq);
    status = event_expires(w->stack, irq, sip, &w->expires_s);
    if (status)
        return status;
    watcher_follow(w, irq);
    watcher_answer(w, irq);
    if (w->expires_s == 0)
        watcher_end(w, "timeout");
    else
        notify_send(w); /* RFC 6665 4.2.1.2: in answer to each refresh */
    return 200;
}

static bool make_dialog(struct watcher *w, nta_incoming_t *irq, const sip_t *sip)
{
    (void)nta_incoming_tag(irq, NULL);
    w->leg = nta_leg_tcreate(w->stack->agent, on_request, w, SIPTAG_CALL_ID(sip->sip_call_id),
                             SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from),
                             NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
    if (!w->leg)
        return false;
    (void)nta_leg_server_route(w->leg, sip->sip_record_route, sip->sip_contact);
    (void)nta_leg_tag(w->leg, nta_incoming_gettag(irq));
    return true;
}

static void event_keep(struct watcher *w, const sip_t *sip)
{
    const char *id = sip->sip_event->o_id;

    (void)g_strlcpy(w->event, event_names, sizeof(w->event));
    if (id && strlen(id) < EVENT_MAX - 20)
        (void)snprintf(w->event, sizeof(w->event), "%s;id=%s", event_names, id);
}

static int ask_gateway(struct caller *c, nta_incoming_t *irq, const sip_t *sip, uint32_t expires_s)
{
    struct stack *s = c->stack;
    struct watcher *w = g_new0(struct watcher, 1);
    struct sipev ev = {.type = SIPEV_WATCH};

    w->id = ev.id = id_next();
    w->stack = s;
    w->account = g_strdup(c->account->address);
    w->expires_s = expires_s;
    w->hop = c->hop;
    if (w->hop.tport)
        (void)tport_ref(w->hop.tport);
    event_keep(w, sip);
    (void)g_hash_table_insert(s->watchers, &w->id, w);
    ev.in = g_new0(struct sipev_incoming, 1);
    ev.in->account = g_strdup(w->account);
    ev.in->to = g_strdup(c->to);
    if (uri_of_address(c->to, s->config->domain, w->entity, sizeof(w->entity)) &&
        make_dialog(w, irq, sip) && mailbox_post(s->outbox, &ev) == GW_OK) {
        w->irq = irq;
        return 0;
    }
    sipev_clear(&ev);
    (void)g_hash_table_remove(s->watchers, &w->id);
    return caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
}

int watcher_subscribed(struct stack *s, nta_incoming_t *irq, const sip_t *sip)
{
    struct caller c = {.stack = s, .method = "SUBSCRIBE"};
    uint32_t expires_s = 0;
    int status;

    if (!hop_of_request(s, irq, &c.hop))
        return 403;
    status = check_headers(&c, irq, sip);
    if (status == 0)
        status = caller_check(&c, irq, sip);
    if (status == 0 && !c.account)
        status = caller_refuse(&c, irq, SIP_403_FORBIDDEN);
    if (status == 0)
        status = event_expires(s, irq, sip, &expires_s);
    if (status == 0)
        status = ask_gateway(&c, irq, sip, expires_s);
    hop_clear(&c.hop);
    return status;
}

void watcher_verdict(struct stack *s, uint64_t id, enum end_cause cause)
{
    struct watcher *w = g_hash_table_lookup(s->watchers, &id);
    const char *phrase;
    int status;

    if (!w || w->state != WATCHER_ASKED)
        return;
    if (cause) {
        status = (int)reason_status(cause, &phrase);
        (void)nta_incoming_treply(w->irq, status,
                                  cause == END_LIMIT ? "Too Many Subscriptions" : phrase,
                                  SIPTAG_SERVER_STR(s->server), TAG_END());
        w->state = WATCHER_OVER; /* the gateway has begun nothing */
        (void)g_hash_table_remove(s->watchers, &id);
        return;
    }
    w->state = WATCHER_ACTIVE;
    watcher_answer(w, w->irq);
    nta_incoming_destroy(w->irq);
    w->irq = NULL;
    if (w->expires_s == 0) /* RFC 6665 4.4.3: it wants to know once */
        w->ending = "timeout";
}

/* ---- the end ---- */

void watchers_end(struct stack *s, const char *account, const char *reason)
{
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->watchers);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        struct watcher *w = value;
        if (!account || g_str_equal(w->account, account))
            watcher_end(w, reason);
    }
}

bool watcher_tick(struct watcher *w, uint64_t now_us)
{
    if (w->state == WATCHER_ACTIVE && !w->ending && now_us >= w->expires_us)
        watcher_end(w, "timeout");
    return w->state == WATCHER_OVER && !w->notify;
}
