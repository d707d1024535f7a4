#include "xmpp/disco.h"

#include "xmpp/xml.h"

#include <string.h>

#define CAPS_NODE "urn:tandem:gateway"

struct identity {
    const char *category, *type, *name;
};

/* All of it sorted bytewise, as the hash wants it (XEP-0115 5.1); the test says when it is not. */
/* clang-format off */
static const struct identity gateway_identities[] = {
    {"gateway", "pstn", "Tandem"}, /* what Cheogram looks for before it shows a call button */
    {"gateway", "sip", "Tandem"},
};
static const char *const gateway_features[] = {
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "jabber:iq:gateway",
    "jabber:iq:register",
    "jabber:iq:version",
    "urn:xmpp:ping",
};
static const struct identity phone_identities[] = {
    {"client", "phone", "Tandem"},
};
static const char *const phone_features[] = {
    "http://jabber.org/protocol/caps",
    "http://jabber.org/protocol/disco#info",
    "urn:xmpp:jingle-message:0",
    "urn:xmpp:jingle:1",
    "urn:xmpp:jingle:apps:dtls:0",
    "urn:xmpp:jingle:apps:grouping:0",
    "urn:xmpp:jingle:apps:rtp:1",
    "urn:xmpp:jingle:apps:rtp:audio",
    "urn:xmpp:jingle:apps:rtp:rtcp-fb:0",
    "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0",
    "urn:xmpp:jingle:apps:rtp:ssma:0",
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:ice-udp:1",
    "urn:xmpp:ping",
    "urn:xmpp:receipts",
};

static const struct {
    const struct identity *identity;
    unsigned nidentities;
    const char *const *feature;
    unsigned nfeatures;
} kinds[DISCO_KINDS] = {
    [DISCO_GATEWAY] = {gateway_identities, G_N_ELEMENTS(gateway_identities),
                       gateway_features, G_N_ELEMENTS(gateway_features)},
    [DISCO_PHONE] = {phone_identities, G_N_ELEMENTS(phone_identities),
                     phone_features, G_N_ELEMENTS(phone_features)},
};
/* clang-format on */

char *disco_ver(enum disco_kind kind)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    g_autoptr(GString) text = g_string_new(NULL);
    guint8 digest[20];
    gsize n = sizeof(digest);

    for (unsigned i = 0; i < kinds[kind].nidentities; i++) {
        const struct identity *id = &kinds[kind].identity[i];

        g_string_append_printf(text, "%s/%s//%s<", id->category, id->type, id->name);
    }
    for (unsigned i = 0; i < kinds[kind].nfeatures; i++)
        g_string_append_printf(text, "%s<", kinds[kind].feature[i]);
    g_checksum_update(sum, (const guchar *)text->str, (gssize)text->len);
    g_checksum_get_digest(sum, digest, &n);
    g_checksum_free(sum);
    return g_base64_encode(digest, n);
}

bool disco_node_known(enum disco_kind kind, const char *node)
{
    g_autofree char *ver = NULL;
    g_autofree char *ours = NULL;

    if (!node || !*node)
        return true;
    ver = disco_ver(kind);
    ours = g_strconcat(CAPS_NODE "#", ver, NULL);
    return g_str_equal(node, ours);
}

void disco_info(GString *s, enum disco_kind kind, const char *node)
{
    g_string_append(s, "<query xmlns='http://jabber.org/protocol/disco#info'");
    xml_attr(s, "node", node);
    g_string_append_c(s, '>');
    for (unsigned i = 0; i < kinds[kind].nidentities; i++) {
        const struct identity *id = &kinds[kind].identity[i];

        g_string_append_printf(s, "<identity category='%s' type='%s' name='%s'/>", id->category,
                               id->type, id->name);
    }
    for (unsigned i = 0; i < kinds[kind].nfeatures; i++)
        g_string_append_printf(s, "<feature var='%s'/>", kinds[kind].feature[i]);
    g_string_append(s, "</query>");
}

void disco_caps(GString *s, enum disco_kind kind)
{
    g_autofree char *ver = disco_ver(kind);

    g_string_append_printf(s,
                           "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' "
                           "node='" CAPS_NODE "' ver='%s'/>",
                           ver);
}
