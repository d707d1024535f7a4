#include "base/bucket.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/messages.h"
#include "gateway/route.h"

#include <glib.h>

#include <string.h>

#define MOD "message"
#define PATIENCE_US (20 * US_PER_S) /* less than SIP waits for an answer (RFC 3261 17.1.2.2) */
#define RATE_LEAK_US (US_PER_S / 10)

enum {
    PENDING_MAX = 1000,         /* on their way at once */
    COPIES_MAX = ENDPOINTS_MAX, /* of one message */
    RATE_BURST = 30,            /* of one sender */
    SENDERS_MAX = 4096          /* whose rate is known */
};

struct messages {
    struct gateway *gw;
    GHashTable *pending; /* of struct pending, owned */
    GHashTable *copies;  /* delivery -> struct pending, borrowed */
    GHashTable *senders; /* address -> uint64_t, the bucket */
    struct log_quota strangers;
};

struct pending { /* one message until its sender has heard of it */
    struct messages *all;
    struct adapter *from;
    uint64_t ref;
    GStringChunk *texts;
    struct message m; /* borrowed from texts */
    struct route_plan plan;
    unsigned next_target;
    unsigned ncopies, waiting;
    uint64_t copy[COPIES_MAX]; /* deliveries */
    enum end_cause cause;      /* the best reason so far not to have taken it; then the verdict */
    struct timer *timer;       /* to the deadline; once settled, to the next turn of the loop */
};

/* ---- the table ---- */

static void pending_free(gpointer data)
{
    struct pending *p = data;

    for (unsigned i = 0; i < p->ncopies; i++)
        (void)g_hash_table_remove(p->all->copies, &p->copy[i]);
    timer_stop(&p->timer);
    g_string_chunk_free(p->texts);
    g_free(p);
}

struct messages *messages_new(struct gateway *gw)
{
    struct messages *all = g_new0(struct messages, 1);

    all->gw = gw;
    all->pending = g_hash_table_new_full(NULL, NULL, NULL, pending_free);
    all->copies = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    all->senders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return all;
}

void messages_drop(struct messages *all)
{
    g_hash_table_remove_all(all->pending);
}

void messages_free(struct messages *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->pending);
    g_hash_table_unref(all->copies);
    g_hash_table_unref(all->senders);
    g_free(all);
}

/* ---- how much one may send ---- */

static gboolean sender_is_quiet(gpointer address, gpointer empty_at, gpointer now_us)
{
    (void)address;
    return *(uint64_t *)empty_at <= *(uint64_t *)now_us;
}

/* Strangers can have any name: they share one bucket. */
static bool sender_may(struct messages *all, const struct message *m)
{
    const char *who = m->account ? m->account : "";
    uint64_t now = clock_now_us();
    uint64_t *empty_at = g_hash_table_lookup(all->senders, who);

    if (!empty_at) {
        if (g_hash_table_size(all->senders) >= SENDERS_MAX)
            (void)g_hash_table_foreach_remove(all->senders, sender_is_quiet, &now);
        if (g_hash_table_size(all->senders) >= SENDERS_MAX)
            return false;
        empty_at = g_new0(uint64_t, 1);
        (void)g_hash_table_insert(all->senders, g_strdup(who), empty_at);
    }
    return bucket_add(empty_at, now, RATE_LEAK_US, RATE_BURST);
}

/* ---- the verdict ---- */

/* What a device said of the message is worth more than that another one is not there. */
static unsigned cause_weight(enum end_cause cause)
{
    switch (cause) {
    case END_NONE: return 0;
    case END_NOT_FOUND: return 1;
    case END_OFFLINE: return 2;
    case END_DECLINED:
    case END_FORBIDDEN:
    case END_LIMIT: return 5;
    case END_UNREACHABLE: return 3;
    default: return 4;
    }
}

static void pending_blame(struct pending *p, enum end_cause cause)
{
    if (cause_weight(cause) > cause_weight(p->cause))
        p->cause = cause;
}

static void pending_tell(void *arg)
{
    struct pending *p = arg;

    if (p->m.account ||
        log_quota_pass(&p->all->strangers, clock_now_us(), MOD, "messages of strangers"))
        LOG_I(MOD, "from=%s to=%s octets=%zu copies=%u %s", p->m.from, p->m.to, strlen(p->m.text),
              p->ncopies, p->cause ? end_word(p->cause) : "taken");
    if (p->from->ops->message_done)
        p->from->ops->message_done(p->from, p->ref, p->cause);
    (void)g_hash_table_remove(p->all->pending, p);
}

static void pending_settle(struct pending *p, enum end_cause cause)
{
    for (unsigned i = 0; i < p->ncopies; i++)
        (void)g_hash_table_remove(p->all->copies, &p->copy[i]);
    p->cause = cause;
    timer_stop(&p->timer);
    timer_start(&p->timer, 0, pending_tell, p);
}

static void pending_late(void *arg)
{
    struct pending *p = arg;

    pending_blame(p, END_UNREACHABLE);
    pending_settle(p, p->cause);
}

/* ---- on its way ---- */

static bool pending_copy(struct pending *p, const struct endpoint *ep)
{
    const struct adapter_ops *ops = ep->adapter->ops;
    uint64_t delivery = id_next();
    enum gw_err err;

    if (p->m.origin && ep->adapter == p->m.origin && ep->id == p->m.origin_id)
        return false;
    if (p->ncopies == COPIES_MAX) {
        pending_blame(p, END_LIMIT);
        return false;
    }
    err = ops->message ? ops->message(ep->adapter, ep, &p->m, delivery) : GW_EUNSUPPORTED;
    if (err) {
        LOG_D(MOD, "%s cannot be given it: %s", ep->label, gw_err_text(err));
        pending_blame(p, err == GW_EUNSUPPORTED ? END_UNSUPPORTED
                         : err == GW_EFULL      ? END_LIMIT
                                                : END_UNREACHABLE);
        return false;
    }
    p->copy[p->ncopies++] = delivery;
    (void)g_hash_table_insert(p->all->copies, g_memdup2(&delivery, sizeof(delivery)), p);
    return true;
}

static unsigned pending_address(struct pending *p, const char *address)
{
    struct gateway *gw = p->all->gw;
    struct endpoint ep[ENDPOINTS_MAX];
    unsigned n = gateway_endpoints(gw, address, ep, ENDPOINTS_MAX);
    unsigned sent = 0;

    for (unsigned i = 0; i < n; i++)
        sent += pending_copy(p, &ep[i]);
    if (!sent)
        pending_blame(p, n || gateway_account(gw, address) ? END_OFFLINE : END_NOT_FOUND);
    return sent;
}

static void pending_advance(struct pending *p)
{
    while (p->next_target < p->plan.ntargets && (!p->waiting || !p->plan.serial))
        p->waiting += pending_address(p, p->plan.target[p->next_target++]);
    if (!p->waiting)
        pending_settle(p, p->cause ? p->cause : END_NOT_FOUND);
}

static char *text_clean(const char *text)
{
    char *clean = g_utf8_make_valid(text, -1);

    for (char *c = clean; *c; c++)
        if (g_ascii_iscntrl(*c) && !strchr("\t\r\n", *c))
            *c = ' ';
    return clean;
}

static const char *text_keep(struct pending *p, const char *text)
{
    return text ? g_string_chunk_insert(p->texts, text) : NULL;
}

static struct pending *pending_new(struct messages *all, const struct message *m)
{
    struct pending *p = g_new0(struct pending, 1);
    g_autofree char *text = text_clean(m->text);

    p->all = all;
    p->texts = g_string_chunk_new(512);
    route_resolve(gateway_config(all->gw), m->account, m->to, &p->plan);
    p->m = (struct message){
        .account = text_keep(p, m->account),
        .from = text_keep(p, m->from),
        .from_display = text_keep(p, m->from_display ? m->from_display : ""),
        .to = text_keep(p, p->plan.ntargets == 1 ? p->plan.target[0] : m->to),
        .text = text_keep(p, text),
        .id = text_keep(p, m->id),
        .origin = m->origin,
        .origin_id = m->origin_id,
    };
    (void)g_hash_table_add(all->pending, p);
    return p;
}

static enum end_cause pending_admit(const struct pending *p)
{
    size_t octets = strlen(p->m.text);

    if (gateway_draining(p->all->gw))
        return END_SHUTDOWN;
    if (!sender_may(p->all, &p->m) || g_hash_table_size(p->all->pending) > PENDING_MAX)
        return END_LIMIT;
    if (octets == 0 || octets > MESSAGE_TEXT_MAX)
        return END_UNSUPPORTED;
    return p->plan.refused;
}

void gateway_message(struct gateway *gw, const struct message *m, struct adapter *from,
                     uint64_t ref)
{
    struct pending *p = pending_new(gateway_messages(gw), m);
    enum end_cause refused = pending_admit(p);

    p->from = from;
    p->ref = ref;
    if (refused) {
        pending_settle(p, refused);
        return;
    }
    timer_start(&p->timer, PATIENCE_US, pending_late, p);
    pending_advance(p);
}

void gateway_message_result(struct gateway *gw, uint64_t delivery, enum end_cause cause)
{
    GHashTable *copies = gateway_messages(gw)->copies;
    struct pending *p = g_hash_table_lookup(copies, &delivery);

    if (!p)
        return; /* another device took it, or it came too late: normal */
    (void)g_hash_table_remove(copies, &delivery);
    p->waiting--;
    if (cause == END_NONE || cause == END_NORMAL) {
        pending_settle(p, END_NONE);
        return;
    }
    pending_blame(p, cause);
    if (!p->waiting)
        pending_advance(p);
}
