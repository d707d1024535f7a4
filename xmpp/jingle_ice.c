/* <transport/> of XEP-0176 with the fingerprints of XEP-0320, and which contents share one. */
#include "media/desc_sdp.h"
#include "xmpp/jingle_private.h"
#include "xmpp/xml.h"

#include <inttypes.h>
#include <string.h>

enum {
    WORD_MAX = 64,             /* an attribute of a candidate */
    FINGERPRINT_TEXT_MAX = 512 /* with the white space of pretty printers */
};

/* ---- candidates ---- */

/* The attributes are put in the order of SDP, whose reader judges them. False: of no use here
 * (TCP, a name, an unknown type), which costs a path and not the call. */
static bool read_candidate(xmpp_stanza_t *element, struct desc_candidate *out)
{
    static const char *const names[] = {"foundation", "component", "protocol", "priority",
                                        "ip",         "port",      "type"};
    struct span related = jingle_attr(element, "rel-addr");
    struct span related_port = jingle_attr(element, "rel-port");
    struct span word[G_N_ELEMENTS(names)];
    char line[WORD_MAX * (G_N_ELEMENTS(names) + 3)];
    int n;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        word[i] = jingle_attr(element, names[i]);
        if (!jingle_is_token(word[i]) || word[i].n >= WORD_MAX)
            return false;
    }
    if (!span_equal_nocase(word[2], SPAN("udp")))
        return false;
    n = g_snprintf(line, sizeof(line), "candidate:%s %s %s %s %s %s typ %s", word[0].p, word[1].p,
                   word[2].p, word[3].p, word[4].p, word[5].p, word[6].p);
    if (jingle_is_token(related) && related.n < WORD_MAX && jingle_is_token(related_port) &&
        related_port.n < WORD_MAX)
        (void)g_snprintf(line + n, sizeof(line) - (size_t)n, " raddr %s rport %s", related.p,
                         related_port.p);
    return desc_sdp_read_candidate(span_of(line), out) == GW_OK;
}

static void add_candidate(struct desc_transport *t, const struct desc_candidate *c)
{
    struct desc_candidate *slot = desc_add_candidate(t);

    if (slot)
        *slot = *c;
}

/* ---- fingerprints ---- */

static enum gw_err read_fingerprint(struct jingle_reader *r, xmpp_stanza_t *element,
                                    struct desc_transport *t)
{
    struct span setup = jingle_attr(element, "setup");
    struct desc_fingerprint f;
    char hex[FINGERPRINT_TEXT_MAX];
    enum gw_err err = GW_EPARSE;

    if (setup.n && t->setup == DESC_SETUP_NONE && !desc_sdp_read_setup(setup, &t->setup))
        return jingle_refuse(r, GW_EPARSE, "setup is none of actpass, active, passive, holdconn");
    if (jingle_text(element, hex, sizeof(hex)))
        err = desc_sdp_read_fingerprint(jingle_attr(element, "hash"), span_of(hex), &f);
    if (err == GW_EUNSUPPORTED)
        return GW_OK; /* another one may have a known hash */
    if (err)
        return jingle_refuse(r, err, "a fingerprint is malformed or has the wrong length");
    if (t->nfingerprints < DESC_FINGERPRINTS_MAX)
        t->fingerprint[t->nfingerprints++] = f;
    return GW_OK;
}

static enum gw_err read_fingerprints(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i)
{
    struct desc_transport *t = &r->transport[i];
    bool omemo = false;
    bool plain = false;
    enum gw_err err = GW_OK;

    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c && !err;
         c = xmpp_stanza_get_next(c)) {
        if (jingle_is(c, "fingerprint", JINGLE_DTLS_NS)) {
            plain = true;
            err = read_fingerprint(r, c, t);
        } else if (jingle_is(c, "fingerprint", JINGLE_OMEMO_NS)) {
            omemo = true;
        }
    }
    if (!err && plain && !t->nfingerprints)
        return jingle_refuse(r, GW_EPARSE, "no fingerprint has a hash known here");
    r->out->content[i].omemo_only = omemo && !plain;
    if (omemo || plain)
        t->security = DESC_DTLS;
    return err;
}

/* ---- the transport ---- */

static bool read_credential(struct span word, char out[DESC_ICE_MAX])
{
    return word.n == 0 || (jingle_is_token(word) && span_copy(word, out, DESC_ICE_MAX));
}

enum gw_err jingle_read_transport(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i)
{
    struct desc_transport *t = &r->transport[i];
    struct desc_candidate candidate;

    if (!read_credential(jingle_attr(element, "ufrag"), t->ufrag) ||
        !read_credential(jingle_attr(element, "pwd"), t->pwd))
        return jingle_refuse(r, GW_EPARSE, "ufrag or pwd is malformed or too long");
    t->ice = t->ufrag[0] && t->pwd[0];
    if (!t->ice && (t->ufrag[0] || t->pwd[0]))
        return jingle_refuse(r, GW_EPARSE, "ufrag without pwd, or pwd without ufrag");
    t->ice_trickle = t->ice; /* XEP-0176 5.5: always */
    t->feedback = true;
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c; c = xmpp_stanza_get_next(c)) {
        if (jingle_is(c, "candidate", JINGLE_ICE_NS) && read_candidate(c, &candidate))
            add_candidate(t, &candidate);
        else if (jingle_is(c, "renomination", JINGLE_ICE_OPTION_NS))
            t->ice_renomination = true;
    }
    return read_fingerprints(r, element, i);
}

/* ---- sharing (XEP-0338) ---- */

static bool same_keys(const struct desc_transport *a, const struct desc_transport *b)
{
    if (!a->nfingerprints || !b->nfingerprints)
        return true; /* said once for all, or not at all as in an ICE restart */
    if (a->nfingerprints != b->nfingerprints || a->setup != b->setup)
        return false;
    for (unsigned i = 0; i < a->nfingerprints; i++)
        if (strcmp(a->fingerprint[i].hash, b->fingerprint[i].hash) != 0 ||
            memcmp(a->fingerprint[i].value, b->fingerprint[i].value, a->fingerprint[i].n) != 0)
            return false;
    return true;
}

/* The transport that content @p i may use together with one before it, or NULL. */
static struct desc_transport *find_shared(const struct jingle_reader *r, unsigned i)
{
    struct desc *d = r->out->desc;
    const struct desc_transport *own = &r->transport[i];

    for (unsigned k = 0; k < i; k++) {
        if (!(r->groups[k] & r->groups[i]) || d->stream[k].transport < 0 || !own->ice)
            continue;
        struct desc_transport *t = &d->transport[d->stream[k].transport];
        if (strcmp(t->ufrag, own->ufrag) == 0 && strcmp(t->pwd, own->pwd) == 0 && same_keys(t, own))
            return t;
    }
    return NULL;
}

static bool same_candidate(const struct desc_candidate *a, const struct desc_candidate *b)
{
    return a->component == b->component && a->type == b->type && a->priority == b->priority &&
           net_addr_equal(&a->addr, &b->addr);
}

/* Some describe a shared transport with each content, others with the first one alone. */
static void merge(struct desc_transport *into, const struct desc_transport *from)
{
    for (unsigned i = 0; i < from->ncandidates; i++) {
        bool known = false;
        for (unsigned k = 0; k < into->ncandidates && !known; k++)
            known = same_candidate(&into->candidate[k], &from->candidate[i]);
        if (!known)
            add_candidate(into, &from->candidate[i]);
    }
    if (!into->nfingerprints) {
        into->nfingerprints = from->nfingerprints;
        memcpy(into->fingerprint, from->fingerprint, sizeof(into->fingerprint));
        into->setup = from->setup;
    }
    into->ice_renomination |= from->ice_renomination;
    if (from->security == DESC_DTLS)
        into->security = DESC_DTLS;
}

void jingle_share_transports(struct jingle_reader *r)
{
    struct desc *d = r->out->desc;

    for (unsigned i = 0; i < d->nstreams; i++) {
        struct desc_transport *t = find_shared(r, i);
        if (!r->out->content[i].transport)
            continue;
        if (t) {
            merge(t, &r->transport[i]);
        } else {
            t = desc_add_transport(d); /* at most one a content: never NULL */
            *t = r->transport[i];
            r->transport[i].candidate = NULL; /* now the description's */
        }
        t->rtcp_mux |= r->rtcp_mux[i];
        d->stream[i].transport = (int8_t)(t - d->transport);
    }
}

/* ---- writing ---- */

/* All attributes always: Monal reads no candidate without generation, Dino none without the rest.
 */
static void write_candidate(GString *s, const struct desc_candidate *c)
{
    static const char *const types[] = {[DESC_HOST] = "host",
                                        [DESC_SRFLX] = "srflx",
                                        [DESC_PRFLX] = "prflx",
                                        [DESC_RELAY] = "relay"};
    char ip[NET_ADDR_TEXT];
    char id[32];

    if (c->protocol != DESC_UDP)
        return;
    (void)g_snprintf(id, sizeof(id), "%c%u%016" PRIx64, types[c->type][0], c->component,
                     net_addr_hash(&c->addr));
    g_string_append(s, "<candidate");
    xml_attr(s, "id", id); /* the same candidate has the same one in every stanza */
    xml_attr_number(s, "component", c->component);
    xml_attr(s, "foundation", c->foundation);
    xml_attr_number(s, "generation", 0);
    xml_attr_number(s, "network", 0);
    xml_attr(s, "protocol", "udp");
    xml_attr_number(s, "priority", c->priority);
    xml_attr(s, "ip", net_addr_ip(&c->addr, ip));
    xml_attr_number(s, "port", c->addr.port);
    xml_attr(s, "type", types[c->type]);
    if (c->related.set) {
        xml_attr(s, "rel-addr", net_addr_ip(&c->related, ip));
        xml_attr_number(s, "rel-port", c->related.port);
    } else if (c->type != DESC_HOST) { /* must be there; hidden when not known (RFC 8839 5.1) */
        xml_attr(s, "rel-addr", c->addr.is_v6 ? "::" : "0.0.0.0");
        xml_attr_number(s, "rel-port", 9);
    }
    g_string_append(s, "/>");
}

static void write_fingerprint(GString *s, const struct desc_fingerprint *f, enum desc_setup setup)
{
    char hex[DESC_FINGERPRINT_TEXT];

    g_string_append(s, "<fingerprint xmlns='" JINGLE_DTLS_NS "'");
    xml_attr(s, "hash", f->hash);
    xml_attr(s, "setup", desc_sdp_setup_word(setup));
    g_string_append_printf(s, ">%s</fingerprint>", desc_sdp_fingerprint_text(f, hex));
}

void jingle_write_transport(GString *s, const struct desc_transport *t)
{
    g_string_append(s, "<transport xmlns='" JINGLE_ICE_NS "'");
    if (!t) {
        g_string_append(s, "/>");
        return;
    }
    if (t->ice) {
        xml_attr(s, "ufrag", t->ufrag);
        xml_attr(s, "pwd", t->pwd);
    }
    g_string_append_c(s, '>');
    if (t->ice_renomination)
        g_string_append(s, "<renomination xmlns='" JINGLE_ICE_OPTION_NS "'/>");
    for (unsigned i = 0; i < t->nfingerprints; i++)
        write_fingerprint(s, &t->fingerprint[i], t->setup);
    for (unsigned i = 0; i < t->ncandidates; i++)
        write_candidate(s, &t->candidate[i]);
    g_string_append(s, "</transport>");
}
