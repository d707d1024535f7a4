/* echo@domain: answers at once and has no media of its own, so the caller's comes back to him; and
 * so do messages. The smallest adapter there is, and the first thing every newcomer dials. */
#include "gateway/call.h"
#include "gateway/message.h"
#include "gateway/presence.h"

#include <string.h>

struct echo_leg {
    struct leg leg; /* first */
    struct desc *answer;
    guint source; /* the next thing it says: from the main loop, as every other leg does */
    bool gone;
};

struct echo_adapter {
    struct adapter ad; /* first */
    struct gateway *gw;
    GQueue letters; /* of struct echo_letter: answered from the main loop */
    guint source;
};

struct echo_letter {
    uint64_t delivery;
    char *to, *text;
};

struct desc *echo_mirror(const struct desc *offer)
{
    struct desc *d = desc_copy(offer);

    for (unsigned i = 0; i < d->nstreams; i++)
        d->stream[i].direction = desc_direction_reverse(d->stream[i].direction);
    return d;
}

static gboolean echo_say(gpointer data)
{
    struct echo_leg *e = data;
    struct leg_event ev = {.type = LEG_GONE};

    e->source = 0;
    if (!e->gone) {
        ev.type = LEG_ANSWERED;
        ev.desc = e->answer;
        e->answer = NULL;
    }
    leg_report(&e->leg, &ev);
    return G_SOURCE_REMOVE;
}

static void echo_soon(struct echo_leg *e)
{
    if (!e->source)
        e->source = g_idle_add(echo_say, e);
}

static void echo_hangup(struct leg *leg, const struct end_reason *why)
{
    struct echo_leg *e = (struct echo_leg *)leg;

    (void)why;
    e->gone = true;
    echo_soon(e);
}

static void echo_free(struct leg *leg)
{
    struct echo_leg *e = (struct echo_leg *)leg;

    if (e->source)
        g_source_remove(e->source);
    desc_free(e->answer);
    g_free(e);
}

static const struct leg_ops echo_leg_ops = {
    .name = "echo", .hangup = echo_hangup, .free = echo_free};

static unsigned echo_endpoints(struct adapter *ad, const char *address, struct endpoint *out,
                               unsigned max)
{
    const char *domain = gateway_config(((struct echo_adapter *)ad)->gw)->domain;
    g_autofree char *own = g_strconcat(ROUTE_ECHO, "@", domain, NULL);

    if (!max || g_ascii_strcasecmp(address, own) != 0)
        return 0;
    memset(out, 0, sizeof(*out));
    out->adapter = ad;
    g_strlcpy(out->label, ROUTE_ECHO, sizeof(out->label));
    return 1;
}

static enum gw_err echo_dial(struct adapter *ad, const struct dial_request *req, struct leg **out)
{
    struct echo_leg *e = g_new0(struct echo_leg, 1);

    (void)ad;
    e->leg.ops = &echo_leg_ops;
    e->answer = echo_mirror(req->offer);
    echo_soon(e);
    *out = &e->leg;
    return GW_OK;
}

/* ---- messages ---- */

static void letter_free(gpointer data)
{
    struct echo_letter *l = data;

    g_free(l->to);
    g_free(l->text);
    g_free(l);
}

static gboolean echo_write(gpointer data)
{
    struct echo_adapter *e = data;
    g_autofree char *own = g_strconcat(ROUTE_ECHO, "@", gateway_config(e->gw)->domain, NULL);
    struct echo_letter *l = g_queue_pop_head(&e->letters);
    struct message m = {
        .account = own, .from = own, .from_display = "Echo", .to = l->to, .text = l->text};

    gateway_message_result(e->gw, l->delivery, END_NONE);
    gateway_message(e->gw, &m, &e->ad, 0);
    letter_free(l);
    if (e->letters.length)
        return G_SOURCE_CONTINUE;
    e->source = 0;
    return G_SOURCE_REMOVE;
}

/* Only to whom we know to have sent it: anybody else would be told what he never said. */
static enum gw_err echo_message(struct adapter *ad, const struct endpoint *to,
                                const struct message *m, uint64_t delivery)
{
    struct echo_adapter *e = (struct echo_adapter *)ad;
    struct echo_letter *l;

    (void)to;
    if (!m->account || g_str_has_prefix(m->account, ROUTE_ECHO "@"))
        return GW_EUNSUPPORTED;
    l = g_new0(struct echo_letter, 1);
    l->delivery = delivery;
    l->to = g_strdup(m->account);
    l->text = g_strdup(m->text);
    g_queue_push_tail(&e->letters, l);
    if (!e->source)
        e->source = g_idle_add(echo_write, e);
    return GW_OK;
}

static void echo_stop(struct adapter *ad)
{
    struct echo_adapter *e = (struct echo_adapter *)ad;

    if (e->source)
        (void)g_source_remove(e->source);
    g_queue_clear_full(&e->letters, letter_free);
    g_free(e);
}

static const struct adapter_ops echo_ops = {.name = "echo",
                                            .endpoints = echo_endpoints,
                                            .dial = echo_dial,
                                            .message = echo_message,
                                            .stop = echo_stop};

struct adapter *echo_adapter_new(struct gateway *gw)
{
    struct echo_adapter *e = g_new0(struct echo_adapter, 1);
    g_autofree char *own = g_strconcat(ROUTE_ECHO, "@", gateway_config(gw)->domain, NULL);

    e->ad.ops = &echo_ops;
    e->gw = gw;
    gateway_publish(gw, &(struct publication){.ad = &e->ad, .id = 1, .address = own});
    return &e->ad;
}
