/* What anybody may ask: discovery, capabilities, ping, version, numbers as JIDs. */
#include "tests/fakes/xmpp_world.h"

#include <stdio.h>
#include <string.h>

void unit_xmpp_service(void);

static void asks(const char *to, const char *payload)
{
    hears("<iq type='get' from='" PHONE "' to='%s' id='q1'>%s</iq>", to, payload);
}

#define INFO(node) "<query xmlns='http://jabber.org/protocol/disco#info'" node "/>"
#define ANSWER(from) "<iq type='result' from='" from "' to='" PHONE "' id='q1'>"

static void has(const char *const *features, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *element = g_strdup_printf("<feature var='%s'/>", features[i]);

        if (!strstr(said(), element))
            g_error("%s is not in %s", features[i], said());
    }
}

static void a_number_is_a_phone(void)
{
    static const char *const wanted[] = {"http://jabber.org/protocol/caps",
                                         "http://jabber.org/protocol/disco#info",
                                         "urn:xmpp:jingle:1",
                                         "urn:xmpp:jingle:apps:rtp:1",
                                         "urn:xmpp:jingle:apps:rtp:audio",
                                         "urn:xmpp:jingle:apps:rtp:video",
                                         "urn:xmpp:jingle:apps:dtls:0",
                                         "urn:xmpp:jingle:transports:ice-udp:1",
                                         "urn:xmpp:jingle-message:0",
                                         "urn:xmpp:ping"};

    world_up();
    asks(BOB, INFO(""));
    says(ANSWER(BOB) "<query xmlns='http://jabber.org/protocol/disco#info'><identity "
                     "category='client' type='phone' *");
    has(wanted, G_N_ELEMENTS(wanted));
    asks(OURS, INFO(""));
    says(ANSWER(OURS) "*category='client' type='phone'*");
    has(wanted, G_N_ELEMENTS(wanted));
    g_assert_null(strstr(said(), "rfc:3264")); /* Conversations would no longer trickle */
    world_down();
}

static void the_domain_is_a_gateway(void)
{
    static const char *const wanted[] = {"http://jabber.org/protocol/disco#info",
                                         "http://jabber.org/protocol/disco#items",
                                         "jabber:iq:gateway",
                                         "jabber:iq:register",
                                         "urn:xmpp:ping",
                                         "jabber:iq:version"};

    world_up();
    asks(COMPONENT, INFO(""));
    says(ANSWER(COMPONENT) "*category='gateway' type='pstn'*category='gateway' type='sip'*");
    has(wanted, G_N_ELEMENTS(wanted));
    world_down();
}

/* What a client does: it hashes what it is told (XEP-0115 5.1), in the order it was told. */
static char *hash_of(const char *xml)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GPtrArray) features = g_ptr_array_new_with_free_func(g_free);
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize n = sizeof(digest);
    const char *p = xml;

    while ((p = strstr(p, "<identity "))) {
        char category[32];
        char type[32];
        char name[32];

        g_assert_cmpint(sscanf(p, "<identity category='%31[^']' type='%31[^']' name='%31[^']'/>",
                               category, type, name),
                        ==, 3);
        g_string_append_printf(text, "%s/%s//%s<", category, type, name);
        p++;
    }
    for (p = xml; (p = strstr(p, "<feature var='")); p++) {
        const char *from = p + strlen("<feature var='");

        g_ptr_array_add(features, g_strndup(from, strcspn(from, "'")));
        if (features->len > 1) /* sorted, and none twice */
            g_assert_cmpint(
                strcmp(features->pdata[features->len - 2], features->pdata[features->len - 1]), <,
                0);
        g_string_append_printf(text, "%s<", (char *)features->pdata[features->len - 1]);
    }
    g_checksum_update(sum, (const guchar *)text->str, (gssize)text->len);
    g_checksum_get_digest(sum, digest, &n);
    g_checksum_free(sum);
    return g_base64_encode(digest, n);
}

static void caps_are_what_is_discovered(const char *jid, const char *from)
{
    g_autofree char *node = NULL;
    g_autofree char *ver = NULL;
    g_autofree char *hash = NULL;
    g_autofree char *want = g_strdup_printf("<presence from='%s' to='" ANA "'>*<c *", from);

    world_up();
    hears("<presence type='subscribe' from='" ANA "' to='%s'/>", jid);
    says("<presence type='subscribed' *");
    says(want);
    node = said_attr("<c ", "node");
    ver = said_attr("<c ", "ver");
    hush();
    hears("<iq type='get' from='" PHONE "' to='%s' id='q1'><query "
          "xmlns='http://jabber.org/protocol/disco#info' node='%s#%s'/></iq>",
          from, node, ver);
    says("<iq type='result' *");
    g_assert_nonnull(strstr(said(), node)); /* it is echoed */
    hash = hash_of(said());
    g_assert_cmpstr(ver, ==, hash);
    world_down();
}

static void the_caps_of_a_number_are_what_is_discovered(void)
{
    caps_are_what_is_discovered("+15551234@" COMPONENT, "+15551234@" COMPONENT "/tandem");
}

static void the_caps_of_the_domain_are_what_is_discovered(void)
{
    caps_are_what_is_discovered(COMPONENT, COMPONENT);
}

static void other_nodes_are_not_found(void)
{
    world_up();
    asks(BOB, INFO(" node='urn:tandem:gateway#old'"));
    says("<iq type='error' from='" BOB "' to='" PHONE "' id='q1'>*<item-not-found *");
    asks(BOB, INFO(" node=''"));
    says(ANSWER(BOB) "*");
    world_down();
}

static void there_are_no_items(void)
{
    world_up();
    asks(COMPONENT, "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>");
    says(ANSWER(COMPONENT) "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/></iq>");
    world_down();
}

static void pings_are_answered_wherever_they_go(void)
{
    world_up();
    asks(COMPONENT, "<ping xmlns='urn:xmpp:ping'/>");
    says(ANSWER(COMPONENT) "</iq>");
    asks(OURS, "<ping xmlns='urn:xmpp:ping'/>");
    says(ANSWER(OURS) "</iq>");
    hears("<iq type='get' from='jabber.example' to='" COMPONENT
          "' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
    says("<iq type='result' from='" COMPONENT "' to='jabber.example' id='p'></iq>");
    world_down();
}

static void the_version_is_told(void)
{
    world_up();
    asks(COMPONENT, "<query xmlns='jabber:iq:version'/>");
    says(ANSWER(COMPONENT) "*<name>Tandem</name><version>" TANDEM_VERSION "</version>*");
    world_down();
}

static void becomes(const char *typed, const char *jid)
{
    g_autofree char *want =
        g_strdup_printf("<iq type='result' from='" COMPONENT "' to='" PHONE
                        "' id='q1'><query xmlns='jabber:iq:gateway'><jid>%s</jid></query></iq>",
                        jid);

    hears("<iq type='set' from='" PHONE "' to='" COMPONENT "' id='q1'><query "
          "xmlns='jabber:iq:gateway'><prompt>%s</prompt></query></iq>",
          typed);
    says(want);
}

static void what_is_typed_becomes_a_jid(void)
{
    world_up();
    asks(COMPONENT, "<query xmlns='jabber:iq:gateway'/>");
    says("*<desc>*</desc><prompt>*</prompt>*");
    becomes("+15551234", "+15551234@" COMPONENT);
    becomes(" bob ", BOB);
    becomes("carol@far.example", "carol\\40far.example@" COMPONENT);
    becomes("o'neill &amp; co", "o\\27neill\\20\\26\\20co@" COMPONENT);
    hears("<iq type='set' from='" PHONE "' to='" COMPONENT "' id='q1'><query "
          "xmlns='jabber:iq:gateway'/></iq>");
    says("*<bad-request *");
    hears("<iq type='set' from='" PHONE "' to='" COMPONENT "' id='q1'><query "
          "xmlns='jabber:iq:gateway'><prompt>  </prompt></query></iq>");
    says("*<bad-request *");
    world_down();
}

static void what_can_only_be_read_is_not_set(void)
{
    world_up();
    hears("<iq type='set' from='" PHONE "' to='" COMPONENT "' id='q1'>" INFO("") "</iq>");
    says("<iq type='error' *<service-unavailable *");
    world_down();
}

void unit_xmpp_service(void)
{
    g_test_add_func("/xmpp/service/a-number-is-a-phone", a_number_is_a_phone);
    g_test_add_func("/xmpp/service/the-domain-is-a-gateway", the_domain_is_a_gateway);
    g_test_add_func("/xmpp/service/the-caps-of-a-number-are-what-is-discovered",
                    the_caps_of_a_number_are_what_is_discovered);
    g_test_add_func("/xmpp/service/the-caps-of-the-domain-are-what-is-discovered",
                    the_caps_of_the_domain_are_what_is_discovered);
    g_test_add_func("/xmpp/service/other-nodes-are-not-found", other_nodes_are_not_found);
    g_test_add_func("/xmpp/service/there-are-no-items", there_are_no_items);
    g_test_add_func("/xmpp/service/pings-are-answered-wherever-they-go",
                    pings_are_answered_wherever_they_go);
    g_test_add_func("/xmpp/service/the-version-is-told", the_version_is_told);
    g_test_add_func("/xmpp/service/what-is-typed-becomes-a-jid", what_is_typed_becomes_a_jid);
    g_test_add_func("/xmpp/service/what-can-only-be-read-is-not-set",
                    what_can_only_be_read_is_not_set);
}
