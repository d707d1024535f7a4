/* What anybody may ask the component or one of its JIDs. */
#include "base/ids.h"
#include "base/log.h"
#include "xmpp/component.h"
#include "xmpp/disco.h"
#include "xmpp/xml.h"

#include <string.h>

static const struct stanza_error not_here = {"cancel", "item-not-found", NULL, NULL};
static const struct stanza_error bad = {"modify", "bad-request", NULL, NULL};

struct asked {
    struct component *x;
    const struct stanza *iq;
    xmpp_stanza_t *query;
    bool set;
};

static enum disco_kind kind_of(const struct stanza *iq)
{
    return iq->to.node ? DISCO_PHONE : DISCO_GATEWAY;
}

static void refuse(const struct asked *a, const struct stanza_error *e)
{
    stanza_refuse(a->x, a->iq, "iq", e);
}

static void on_disco_info(const struct asked *a)
{
    const char *node = xmpp_stanza_get_attribute(a->query, "node");
    GString *s;

    if (!disco_node_known(kind_of(a->iq), node)) {
        refuse(a, &not_here);
        return;
    }
    s = stanza_result_begin(a->iq);
    disco_info(s, kind_of(a->iq), node);
    stanza_send(a->x, s, "iq");
}

static void on_disco_items(const struct asked *a)
{
    const char *node = xmpp_stanza_get_attribute(a->query, "node");
    GString *s = stanza_result_begin(a->iq);

    g_string_append(s, "<query xmlns='http://jabber.org/protocol/disco#items'");
    xml_attr(s, "node", node);
    g_string_append(s, "/>");
    stanza_send(a->x, s, "iq");
}

static void on_ping(const struct asked *a)
{
    stanza_result(a->x, a->iq);
}

static void on_version(const struct asked *a)
{
    GString *s = stanza_result_begin(a->iq);

    g_string_append(s,
                    "<query xmlns='jabber:iq:version'><name>Tandem</name><version>" TANDEM_VERSION
                    "</version></query>");
    stanza_send(a->x, s, "iq");
}

static char *child_text(xmpp_stanza_t *parent, const char *name)
{
    xmpp_stanza_t *child = xmpp_stanza_get_child_by_name(parent, name);
    char *text = child ? xmpp_stanza_get_text(child) : NULL;
    char *copy = text ? g_strdup(text) : NULL;

    if (text)
        xmpp_free(xmpp_stanza_get_context(parent), text);
    return copy;
}

/* XEP-0100 6.3: from what is on a telephone's keys to a JID. */
static void on_gateway(const struct asked *a)
{
    g_autofree char *typed = a->set ? child_text(a->query, "prompt") : NULL;
    const char *prompt = typed ? g_strstrip(typed) : NULL;
    char local[JID_BARE_MAX];
    GString *s;

    if (a->set && (!prompt || !jid_escape(prompt, local, sizeof(local)))) {
        refuse(a, &bad);
        return;
    }
    s = stanza_result_begin(a->iq);
    g_string_append(s, "<query xmlns='jabber:iq:gateway'>");
    if (a->set) {
        g_string_append(s, "<jid>");
        xml_text(s, local);
        g_string_append_printf(s, "@%s</jid>", a->x->config->xmpp_component);
    } else {
        g_string_append(s, "<desc>Whom do you want to call?</desc><prompt>Number or name</prompt>");
    }
    g_string_append(s, "</query>");
    stanza_send(a->x, s, "iq");
}

/* ---- jabber:iq:register: a JID becomes an account's (XEP-0077, 0100 4.1) ---- */

static bool password_is(const struct component *x, const char *address, const char *password)
{
    const struct account *a = gateway_account(x->gw, address);
    struct account given = {.from_config = false};

    if (!a || !account_set_address(&given, address, x->config->domain))
        return false;
    account_set_password(&given, x->config->domain, password);
    if (a->ha1_sha256[0])
        return secret_equal(given.ha1_sha256, a->ha1_sha256, sizeof(a->ha1_sha256));
    return a->ha1_md5[0] && secret_equal(given.ha1_md5, a->ha1_md5, sizeof(a->ha1_md5));
}

static void register_form(const struct asked *a)
{
    const char *address = people_registered(a->x->people, a->iq->from.bare);
    GString *s = stanza_result_begin(a->iq);

    g_string_append(s, "<query xmlns='jabber:iq:register'>");
    if (address)
        g_string_append(s, "<registered/>");
    xml_leaf(s, "instructions",
             "Name and password of your telephone account. Calls to it then ring here, and your "
             "calls bear its number.");
    xml_leaf(s, "username", address ? address : "");
    g_string_append(s, "<password/></query>");
    stanza_send(a->x, s, "iq");
}

static void register_try(const struct asked *a)
{
    static const struct stanza_error wrong = {"auth", "not-authorized", NULL,
                                              "Wrong name or password."};
    static const struct stanza_error slow = {"wait", "policy-violation", NULL,
                                             "Too many attempts. Try again in a minute."};
    g_autofree char *user = child_text(a->query, "username");
    g_autofree char *password = child_text(a->query, "password");
    char address[192];

    if (!user || !password || !account_normalise(g_strstrip(user), a->x->config->domain, address)) {
        refuse(a, &bad);
        return;
    }
    if (!people_may_try(a->x->people, a->iq->from.bare)) {
        refuse(a, &slow);
        return;
    }
    if (!password_is(a->x, address, password)) {
        LOG_W(XMPP_MOD, "%s gave a wrong password for %s", a->iq->from.bare, address);
        refuse(a, &wrong);
        return;
    }
    people_register(a->x->people, a->iq->from.bare, address);
    stanza_result(a->x, a->iq);
}

static void on_register(const struct asked *a)
{
    if (a->iq->to.node || !a->iq->from.node) {
        refuse(a, &not_here);
    } else if (!a->set) {
        register_form(a);
    } else if (xmpp_stanza_get_child_by_name(a->query, "remove")) {
        people_register(a->x->people, a->iq->from.bare, NULL);
        stanza_result(a->x, a->iq);
    } else {
        register_try(a);
    }
}

static const struct {
    const char *name, *ns;
    bool get, set;
    void (*fn)(const struct asked *a);
} questions[] = {
    {"query", "http://jabber.org/protocol/disco#info", true, false, on_disco_info},
    {"query", "http://jabber.org/protocol/disco#items", true, false, on_disco_items},
    {"ping", "urn:xmpp:ping", true, false, on_ping},
    {"query", "jabber:iq:version", true, false, on_version},
    {"query", "jabber:iq:gateway", true, true, on_gateway},
    {"query", "jabber:iq:register", true, true, on_register},
};

bool service_take(struct component *x, const struct stanza *iq)
{
    bool set = g_str_equal(iq->type, "set");

    for (unsigned i = 0; i < G_N_ELEMENTS(questions); i++) {
        xmpp_stanza_t *q =
            (set ? questions[i].set : questions[i].get)
                ? xmpp_stanza_get_child_by_name_and_ns(iq->xml, questions[i].name, questions[i].ns)
                : NULL;
        struct asked a = {x, iq, q, set};

        if (!q)
            continue;
        questions[i].fn(&a);
        return true;
    }
    return false;
}
