/* What the control socket is asked, and what it says: a table of requests. */
#include "base/clock.h"
#include "base/log.h"
#include "gateway/control.h"

#include <glib.h>

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

struct request {
    const struct control_config *c;
    bool draining;
    json_t *in;  /* borrowed */
    json_t *out; /* the answer so far */
};

static void refuse(struct request *q, const char *fmt, ...) ATTR_PRINTF(2, 3);
static void refuse(struct request *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    (void)json_object_clear(q->out);
    (void)json_object_set_new(q->out, "ok", json_false());
    (void)json_object_set_new(q->out, "error", json_string(text));
}

static void set(struct request *q, const char *key, json_t *value)
{
    (void)json_object_set_new(q->out, key, value);
}

static json_t *seconds(uint64_t us)
{
    return json_integer((json_int_t)(us / US_PER_S));
}

/* ---- status and calls ---- */

static void add_listen(json_t *list, const char *what, const struct config_listen *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        char buf[NET_ADDR_TEXT];

        (void)json_array_append_new(list,
                                    json_sprintf("%s %s", what, net_addr_text(&l->addr[i], buf)));
    }
}

static void count_account(const struct account *account, void *arg)
{
    (void)account;
    (*(json_int_t *)arg)++;
}

static void on_status(struct request *q)
{
    const struct config *config = q->c->config;
    struct gateway_stats stats;
    json_int_t accounts = 0;
    json_t *listen = json_array();

    gateway_stats(q->c->gateway, &stats);
    accounts_each(q->c->accounts, count_account, &accounts);
    add_listen(listen, "sip/udp", &config->sip_udp);
    add_listen(listen, "sip/tcp", &config->sip_tcp);
    add_listen(listen, "sip/tls", &config->sip_tls);
    add_listen(listen, "sip/ws", &config->sip_ws);
    add_listen(listen, "sip/wss", &config->sip_wss);
    add_listen(listen, "http", &config->web_http);
    add_listen(listen, "https", &config->web_https);
    set(q, "state", json_string(q->draining ? "draining" : "running"));
    set(q, "version", json_string(TANDEM_VERSION));
    set(q, "pid", json_integer(getpid()));
    set(q, "domain", json_string(config->domain));
    set(q, "config", json_string(config->path));
    set(q, "uptime_s", seconds(clock_now_us() - stats.started_us));
    set(q, "listen", listen);
    set(q, "accounts", json_integer(accounts));
    set(q, "calls_now", json_integer(stats.calls_now));
    set(q, "calls_total", json_integer((json_int_t)stats.calls_total));
    set(q, "calls_answered", json_integer((json_int_t)stats.calls_answered));
    set(q, "calls_failed", json_integer((json_int_t)stats.calls_failed));
}

static void add_call(const struct call_info *info, void *arg)
{
    json_t *call = json_object();

    (void)json_object_set_new(call, "id", json_sprintf("%" G_GINT64_MODIFIER "x", info->id));
    (void)json_object_set_new(call, "from", json_string(info->from));
    (void)json_object_set_new(call, "to", json_string(info->to));
    (void)json_object_set_new(call, "state", json_string(info->state));
    (void)json_object_set_new(call, "a", json_string(info->kind_a));
    (void)json_object_set_new(call, "b", json_string(info->kind_b));
    (void)json_object_set_new(call, "age_s", seconds(info->age_us));
    (void)json_object_set_new(call, "talk_s", seconds(info->talk_us));
    (void)json_array_append_new(arg, call);
}

static void on_calls(struct request *q)
{
    json_t *calls = json_array();

    gateway_each_call(q->c->gateway, add_call, calls);
    set(q, "calls", calls);
}

static void on_hangup(struct request *q)
{
    const char *text = json_string_value(json_object_get(q->in, "call"));
    char *end = NULL;
    uint64_t id = text ? g_ascii_strtoull(text, &end, 16) : 0;

    if (!id || *end)
        refuse(q, "A call is named by its id, as `tandem calls` shows it.");
    else if (gateway_hangup(q->c->gateway, id))
        refuse(q, "There is no call %s (any more).", text);
    else
        LOG_I("control", "an operator ends call %s", text);
}

/* ---- accounts ---- */

/* Address of the request, whole and lower case; false when it has been refused. */
static bool user_address(struct request *q, char out[192])
{
    const char *text = json_string_value(json_object_get(q->in, "address"));
    const char *domain = q->c->config->domain;

    if (!text || !account_normalise(text, domain, out)) {
        refuse(q, "\"%s\" is no address like alice or alice@%s.", text ? text : "", domain);
        return false;
    }
    if (!g_str_equal(strchr(out, '@') + 1, domain)) {
        refuse(q, "%s is not of this domain, %s.", out, domain);
        return false;
    }
    return true;
}

static bool user_media(struct request *q, struct account *a)
{
    const json_t *media = json_object_get(q->in, "media");
    const json_t *word;
    size_t i;

    if (!media)
        return true;
    a->nprofiles = 0;
    json_array_foreach(media, i, word)
    {
        const char *text = json_string_value(word);

        if (!text || i >= ACCOUNT_PROFILES_MAX || !account_profile_by_word(text, &a->profile[i])) {
            refuse(q, "\"%s\" is none of plain, sdes, dtls, webrtc.", text ? text : "");
            return false;
        }
        a->nprofiles++;
    }
    if (!a->nprofiles)
        refuse(q, "media is a list of plain, sdes, dtls, webrtc.");
    return a->nprofiles > 0;
}

static bool user_details(struct request *q, struct account *a)
{
    const char *password = json_string_value(json_object_get(q->in, "password"));
    const char *display = json_string_value(json_object_get(q->in, "display"));
    const char *jid = json_string_value(json_object_get(q->in, "jid"));
    const json_t *calls = json_object_get(q->in, "calls");

    if (!password || !*password || strlen(password) > 256) {
        refuse(q, "A password has 1 to 256 bytes.");
        return false;
    }
    if (display && (strpbrk(display, "\"\\\r\n\t") ||
                    !span_copy(span_of(display), a->display, sizeof(a->display)))) {
        refuse(q, "A display name has at most %zu bytes, and no quotes or backslashes.",
               sizeof(a->display) - 1);
        return false;
    }
    if (jid && !account_normalise_jid(jid, a->jid)) {
        refuse(q, "A JID is written like ana@example.org.");
        return false;
    }
    if (calls && (!json_is_integer(calls) || json_integer_value(calls) < 0 ||
                  json_integer_value(calls) > ACCOUNT_CALLS_MAX)) {
        refuse(q, "calls is a number from 0 to %d.", ACCOUNT_CALLS_MAX);
        return false;
    }
    account_set_password(a, q->c->config->domain, password);
    a->calls_max = (unsigned)json_integer_value(calls);
    a->sip_sha256 = json_is_true(json_object_get(q->in, "sha256"));
    return user_media(q, a);
}

static void on_user_add(struct request *q)
{
    struct account a = {0};
    const struct account *there;

    if (!user_address(q, a.address))
        return;
    (void)account_set_address(&a, a.address, "");
    account_default_profiles(&a);
    there = accounts_find(q->c->accounts, a.address);
    if (g_str_equal(a.user, "echo"))
        refuse(q, "echo is built in: it answers every call with what it hears.");
    else if (there && there->from_config)
        refuse(q, "%s stands in the configuration file; change it there.", a.address);
    else if (there && !json_is_true(json_object_get(q->in, "replace")))
        refuse(q, "%s exists already (--replace gives it a new password and new settings).",
               a.address);
    else if (user_details(q, &a)) {
        (void)accounts_put(q->c->accounts, &a);
        LOG_I("control", "account %s %s", a.address, there ? "replaced" : "added");
        set(q, "address", json_string(a.address));
        set(q, "replaced", json_boolean(there != NULL));
    }
}

static void on_user_remove(struct request *q)
{
    char address[192];

    if (!user_address(q, address))
        return;
    switch (accounts_remove(q->c->accounts, address)) {
    case GW_OK:
        LOG_I("control", "account %s removed", address);
        set(q, "address", json_string(address));
        break;
    case GW_EFORBIDDEN:
        refuse(q, "%s stands in the configuration file; remove it there.", address);
        break;
    default: refuse(q, "There is no account %s.", address);
    }
}

static void add_user(const struct account *a, void *arg)
{
    struct request *q = arg;
    struct endpoint ep[ENDPOINTS_MAX];
    unsigned n = gateway_endpoints(q->c->gateway, a->address, ep, ENDPOINTS_MAX);
    json_t *user = json_object();
    json_t *media = json_array();
    json_t *endpoints = json_array();

    for (unsigned i = 0; i < a->nprofiles; i++)
        (void)json_array_append_new(media, json_string(account_profile_word(&a->profile[i])));
    for (unsigned i = 0; i < n; i++)
        (void)json_array_append_new(endpoints, json_string(ep[i].label));
    (void)json_object_set_new(user, "address", json_string(a->address));
    (void)json_object_set_new(user, "display", json_string(a->display));
    (void)json_object_set_new(user, "jid", json_string(a->jid));
    (void)json_object_set_new(user, "media", media);
    (void)json_object_set_new(user, "sha256", json_boolean(a->sip_sha256));
    (void)json_object_set_new(user, "calls", json_integer(a->calls_max));
    (void)json_object_set_new(user, "kept_in", json_string(a->from_config ? "config" : "store"));
    (void)json_object_set_new(user, "endpoints", endpoints);
    (void)json_array_append_new(json_object_get(q->out, "users"), user);
}

static void on_user_list(struct request *q)
{
    set(q, "users", json_array());
    accounts_each(q->c->accounts, add_user, q);
}

/* ---- the rest ---- */

static void on_reload(struct request *q)
{
    bool ok = false;
    g_autofree char *text = q->c->reload(&ok, q->c->arg);

    if (ok)
        set(q, "text", json_string(text));
    else
        refuse(q, "%s", text);
}

static const struct {
    const char *name;
    void (*answer)(struct request *q);
} requests[] = {
    {"status", on_status},     {"calls", on_calls},         {"hangup", on_hangup},
    {"user-add", on_user_add}, {"user-list", on_user_list}, {"user-remove", on_user_remove},
    {"reload", on_reload},
};

static void answer(struct request *q)
{
    const char *what = json_string_value(json_object_get(q->in, "do"));

    set(q, "ok", json_true());
    if (!what) {
        refuse(q, "A request is one line of JSON like {\"do\":\"status\"}.");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++)
        if (g_str_equal(what, requests[i].name)) {
            requests[i].answer(q);
            return;
        }
    refuse(q, "This version of tandem knows no request \"%.64s\".", what);
}

char *control_answer(const struct control_config *c, bool draining, const char *line, size_t n)
{
    struct request q = {.c = c, .draining = draining, .out = json_object()};
    char *text;
    char *out;

    q.in = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    answer(&q);
    text = json_dumps(q.out, JSON_COMPACT);
    out = g_strconcat(text, "\n", NULL);
    free(text);
    json_decref(q.in);
    json_decref(q.out);
    return out;
}
