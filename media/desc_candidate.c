/* Candidate lines (RFC 8839 5.1, RFC 6544 4.5) and which candidate is the default one. */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <string.h>

struct span sdp_word(struct span *rest)
{
    *rest = span_trim(*rest);
    return span_cut(rest, ' ');
}

bool sdp_is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

static const char *const type_names[] = {
    [DESC_HOST] = "host", [DESC_SRFLX] = "srflx", [DESC_PRFLX] = "prflx", [DESC_RELAY] = "relay"};
static const char *const tcp_names[] = {[DESC_UDP] = "",
                                        [DESC_TCP_ACTIVE] = "active",
                                        [DESC_TCP_PASSIVE] = "passive",
                                        [DESC_TCP_SO] = "so"};

/* A line cut into words, not yet judged. */
struct words {
    struct span foundation, transport, address, type, tcptype, ufrag;
    uint64_t component, priority, port;
    struct net_addr related;
};

/* Behind the port: "typ host raddr 10.0.0.1 rport 9 tcptype active ufrag x", in any order. */
static void cut_attributes(struct span rest, struct words *w)
{
    uint64_t port = 0;

    while (!span_empty(span_trim(rest))) {
        struct span key = sdp_word(&rest);
        struct span value = sdp_word(&rest);
        if (span_equal_nocase(key, SPAN("typ")))
            w->type = value;
        else if (span_equal_nocase(key, SPAN("tcptype")))
            w->tcptype = value;
        else if (span_equal_nocase(key, SPAN("raddr")))
            (void)net_addr_parse_ip(value, &w->related); /* hidden ones are names or 0.0.0.0 */
        else if (span_equal_nocase(key, SPAN("rport")))
            (void)span_u64(value, UINT16_MAX, &port);
        else if (span_equal_nocase(key, SPAN("ufrag")))
            w->ufrag = value;
    }
    if (!w->related.set || net_addr_is_any(&w->related))
        w->related = (struct net_addr){0};
    else
        w->related.port = (uint16_t)port;
}

static bool cut_words(struct span rest, struct words *w)
{
    const size_t n = strlen("candidate:");

    if (span_starts(rest, SPAN("a=")))
        rest = (struct span){rest.p + 2, rest.n - 2};
    if (rest.n < n || !span_equal_nocase((struct span){rest.p, n}, SPAN("candidate:")))
        return false;
    rest = (struct span){rest.p + n, rest.n - n};
    w->foundation = sdp_word(&rest);
    if (!sdp_is_token(w->foundation) || !span_u64(sdp_word(&rest), 256, &w->component))
        return false;
    w->transport = sdp_word(&rest);
    if (!span_u64(sdp_word(&rest), UINT32_MAX, &w->priority))
        return false;
    w->address = sdp_word(&rest);
    if (!sdp_is_token(w->address) || !span_u64(sdp_word(&rest), UINT16_MAX, &w->port))
        return false;
    cut_attributes(rest, w);
    return w->component > 0 && !span_empty(w->type);
}

static bool find_name(struct span text, const char *const *names, size_t n, unsigned *out)
{
    for (unsigned i = 0; i < n; i++)
        if (span_equal_nocase(text, span_of(names[i]))) {
            *out = i;
            return true;
        }
    return false;
}

static bool find_protocol(const struct words *w, enum desc_candidate_protocol *out)
{
    unsigned index = DESC_UDP;

    if (span_equal_nocase(w->transport, SPAN("udp")))
        *out = DESC_UDP;
    else if (span_equal_nocase(w->transport, SPAN("tcp")) && !span_empty(w->tcptype) &&
             find_name(w->tcptype, tcp_names, G_N_ELEMENTS(tcp_names), &index))
        *out = (enum desc_candidate_protocol)index;
    else
        return false; /* TCP without tcptype is older than RFC 6544 */
    return *out != DESC_UDP || w->port != 0;
}

enum gw_err desc_sdp_read_candidate(struct span text, struct desc_candidate *out)
{
    struct desc_candidate c = {0};
    struct words w = {0};
    unsigned type;

    if (!cut_words(span_trim(text), &w) ||
        !span_copy(w.foundation, c.foundation, sizeof(c.foundation)) ||
        (w.ufrag.n && !sdp_is_token(w.ufrag)) || !span_copy(w.ufrag, c.ufrag, sizeof(c.ufrag)))
        return GW_EPARSE;
    if (!net_addr_parse_ip(w.address, &c.addr) || net_addr_is_any(&c.addr) || w.component > 2 ||
        !find_name(w.type, type_names, G_N_ELEMENTS(type_names), &type) ||
        !find_protocol(&w, &c.protocol))
        return GW_EUNSUPPORTED;
    c.type = (enum desc_candidate_type)type;
    c.component = (uint8_t)w.component;
    c.priority = (uint32_t)w.priority;
    c.addr.port = (uint16_t)w.port;
    c.related = w.related;
    *out = c;
    return GW_OK;
}

char *desc_sdp_write_candidate(const struct desc_candidate *c)
{
    char ip[NET_ADDR_TEXT];
    GString *s = g_string_new(NULL);

    g_string_printf(s, "candidate:%s %u %s %" G_GUINT32_FORMAT " %s %u typ %s", c->foundation,
                    c->component, c->protocol == DESC_UDP ? "udp" : "tcp", c->priority,
                    net_addr_ip(&c->addr, ip), c->addr.port, type_names[c->type]);
    if (c->related.set)
        g_string_append_printf(s, " raddr %s rport %u", net_addr_ip(&c->related, ip),
                               c->related.port);
    else if (c->type != DESC_HOST) /* RFC 8839 5.1: must be there; hidden when not known */
        g_string_append(s, c->addr.is_v6 ? " raddr :: rport 9" : " raddr 0.0.0.0 rport 9");
    if (c->protocol != DESC_UDP)
        g_string_append_printf(s, " tcptype %s", tcp_names[c->protocol]);
    if (c->ufrag[0])
        g_string_append_printf(s, " ufrag %s", c->ufrag);
    return g_string_free(s, FALSE);
}

/* The candidate a peer without ICE is most likely to reach: relayed before reflexive before host,
 * IPv4 before IPv6 (RFC 8839 4.2.1.2), the higher priority within those. */
static uint64_t default_rank(const struct desc_candidate *c)
{
    static const unsigned order[] = {
        [DESC_HOST] = 1, [DESC_PRFLX] = 0, [DESC_SRFLX] = 2, [DESC_RELAY] = 3};

    return ((uint64_t)!c->addr.is_v6 << 40) | ((uint64_t)order[c->type] << 36) | c->priority;
}

static struct net_addr default_candidate(const struct desc_transport *t, unsigned component)
{
    const struct desc_candidate *best = NULL;

    for (unsigned i = 0; i < t->ncandidates; i++) {
        const struct desc_candidate *c = &t->candidate[i];
        if (c->component == component && c->protocol == DESC_UDP &&
            (!best || default_rank(c) > default_rank(best)))
            best = c;
    }
    return best ? best->addr : (struct net_addr){0};
}

void sdp_default_addrs(const struct desc_transport *t, struct net_addr *rtp, struct net_addr *rtcp)
{
    *rtp = t->rtp;
    *rtcp = t->rtcp;
    if (!t->ice)
        return;
    if (!rtp->set)
        *rtp = default_candidate(t, 1);
    if (!rtcp->set && !t->rtcp_mux)
        *rtcp = default_candidate(t, 2);
}
