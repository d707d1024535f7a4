#include "xmpp/adapter.h"

#include "base/ids.h"
#include "base/log.h"
#include "xmpp/leg.h"

#include <string.h>

#define SWEEP_US (5 * US_PER_S)

static struct component *component_of(struct adapter *ad)
{
    return (struct component *)ad;
}

/* ---- from the server ---- */

static void take_iq(struct component *x, const struct stanza *iq)
{
    static const struct stanza_error unknown = {"cancel", "service-unavailable", NULL, NULL};
    xmpp_stanza_t *jingle;

    if (!iq->type || !iq->id)
        return;
    if (g_str_equal(iq->type, "result") || g_str_equal(iq->type, "error")) {
        (void)request_answered(x, iq);
        return;
    }
    if (!g_str_equal(iq->type, "get") && !g_str_equal(iq->type, "set"))
        return;
    jingle = xmpp_stanza_get_child_by_name_and_ns(iq->xml, "jingle", JINGLE_NS);
    if (jingle && g_str_equal(iq->type, "set") && iq->to.node && iq->from.node)
        jses_take(x, iq, jingle);
    else if (!service_take(x, iq))
        stanza_refuse(x, iq, "iq", &unknown);
}

static void take_message(struct component *x, const struct stanza *m)
{
    if (!invite_take(x, m))
        message_take(x, m);
}

/* The door: addresses are checked once, here. */
static void on_stanza(xmpp_stanza_t *xml, void *arg)
{
    struct component *x = arg;
    const char *name = xmpp_stanza_get_name(xml);
    struct stanza st = {
        .xml = xml, .type = xmpp_stanza_get_type(xml), .id = xmpp_stanza_get_id(xml)};

    if (!jid_parse(xmpp_stanza_get_from(xml), &st.from) ||
        !jid_parse(xmpp_stanza_get_to(xml), &st.to) ||
        !g_str_equal(st.to.domain, x->config->xmpp_component)) {
        LOG_D(XMPP_MOD, "a stanza without proper addresses is dropped");
        return;
    }
    LOG_D(XMPP_MOD, "got %s type=%s from=%s to=%s id=%s", name, st.type ? st.type : "-",
          st.from.full, st.to.full, st.id ? st.id : "-");
    if (g_str_equal(name, "iq"))
        take_iq(x, &st);
    else if (g_str_equal(name, "message"))
        take_message(x, &st);
    else if (g_str_equal(name, "presence"))
        presence_take(x, &st);
}

static void on_up(void *arg)
{
    struct component *x = arg;

    if (!x->begun)
        presence_begin(x);
    x->begun = true;
    presence_up(x);
}

static void on_down(void *arg)
{
    presence_down(arg);
}

static void on_sweep(void *arg)
{
    struct component *x = arg;
    uint64_t now = clock_now_us();

    request_sweep(x, now);
    jses_sweep(x, now);
    timer_start(&x->sweep, SWEEP_US, on_sweep, x);
}

/* ---- from the gateway ---- */

static unsigned component_endpoints(struct adapter *ad, const char *address, struct endpoint *out,
                                    unsigned max)
{
    struct component *x = component_of(ad);
    const char *jids[ENDPOINTS_MAX];
    unsigned n = 0;

    if (x->draining)
        return 0; /* without a stream they are there all the same, but not to be reached */
    n = people_of(x->people, address, jids, MIN(max, ENDPOINTS_MAX));
    for (unsigned i = 0; i < n; i++) {
        out[i] = (struct endpoint){.adapter = ad, .id = g_str_hash(jids[i]), .nprofiles = 1};
        out[i].profile[0] = desc_profile_jingle;
        (void)g_strlcpy(out[i].name, jids[i], sizeof(out[i].name));
        (void)g_snprintf(out[i].label, sizeof(out[i].label), "xmpp:%s", jids[i]);
    }
    return n;
}

static enum gw_err component_dial(struct adapter *ad, const struct dial_request *req,
                                  struct leg **out)
{
    return jleg_dial(component_of(ad), req, req->endpoint->name, out);
}

static enum gw_err component_message(struct adapter *ad, const struct endpoint *to,
                                     const struct message *m, uint64_t delivery)
{
    return message_send(component_of(ad), to->name, m, delivery);
}

static void component_message_done(struct adapter *ad, uint64_t ref, enum end_cause cause)
{
    message_done(component_of(ad), ref, cause);
}

static void component_watched(struct adapter *ad, uint64_t ref, const struct presence *p)
{
    presence_watched(component_of(ad), ref, p);
}

static enum gw_err component_watch(struct adapter *ad, const char *address, const char *who,
                                   bool on)
{
    return presence_ask(component_of(ad), address, who, on);
}

static void component_account_changed(struct adapter *ad, const struct account *a, bool gone)
{
    people_account(component_of(ad)->people, a, gone);
}

static void component_drain(struct adapter *ad)
{
    struct component *x = component_of(ad);

    x->draining = true;
    presence_leave(x);
}

static void component_stop(struct adapter *ad)
{
    struct component *x = component_of(ad);

    timer_stop(&x->sweep);
    conn_free(x->conn);
    message_table_free(x->messages);
    presence_free(x->presence);
    people_free(x->people);
    g_hash_table_destroy(x->legs);
    g_hash_table_destroy(x->closed);
    g_hash_table_destroy(x->requests);
    g_free(x);
}

static const struct adapter_ops ops = {
    .name = "xmpp",
    .endpoints = component_endpoints,
    .dial = component_dial,
    .message = component_message,
    .message_done = component_message_done,
    .watched = component_watched,
    .watch = component_watch,
    .account_changed = component_account_changed,
    .drain = component_drain,
    .stop = component_stop,
};

/* ---- start ---- */

struct adapter *xmpp_adapter_start(struct gateway *gw)
{
    struct component *x = g_new0(struct component, 1);
    const struct config *c = gateway_config(gw);
    struct conn_config stream = {.server = c->xmpp_server,
                                 .domain = c->xmpp_component,
                                 .secret = c->xmpp_secret,
                                 .stanza = on_stanza,
                                 .up = on_up,
                                 .down = on_down,
                                 .arg = x};

    x->base.ops = &ops;
    x->gw = gw;
    x->config = c;
    random_token(x->id_prefix, sizeof(x->id_prefix) - 1);
    x->legs = g_hash_table_new(g_str_hash, g_str_equal);
    x->closed = jses_memory();
    x->requests = requests_new();
    x->people = people_new(x);
    x->messages = message_table(x);
    presence_new(x);
    timer_start(&x->sweep, SWEEP_US, on_sweep, x);
    x->conn = conn_new(&stream);
    if (!x->conn) {
        component_stop(&x->base);
        return NULL;
    }
    return &x->base;
}
