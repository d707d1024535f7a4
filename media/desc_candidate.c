/* Candidate lines (RFC 8839 5.1, RFC 6544 4.5) and which candidate is the default one. */
#include "media/desc_sdp_private.h"

#include <glib.h>

#include <stdio.h>

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

static enum gw_err read_number(struct span text, uint64_t max, uint64_t *out)
{
    return span_u64(text, max, out) ? GW_OK : GW_EPARSE;
}

/* Behind the port: "typ host raddr 10.0.0.1 rport 9 tcptype active ufrag x", in any order. */
static enum gw_err read_attributes(struct span rest, struct desc_candidate *c, struct span *type,
                                   struct span *tcp)
{
    struct net_addr related = {0};
    uint64_t port = 0;

    while (!span_empty(span_trim(rest))) {
        struct span key = sdp_word(&rest);
        struct span value = sdp_word(&rest);
        if (span_equal_nocase(key, SPAN("typ")))
            *type = value;
        else if (span_equal_nocase(key, SPAN("tcptype")))
            *tcp = value;
        else if (span_equal_nocase(key, SPAN("raddr")))
            (void)net_addr_parse_ip(value, &related); /* hidden ones are names or 0.0.0.0 */
        else if (span_equal_nocase(key, SPAN("rport")))
            (void)span_u64(value, UINT16_MAX, &port);
        else if (span_equal_nocase(key, SPAN("ufrag")) &&
                 (!sdp_is_token(value) || !span_copy(value, c->ufrag, sizeof(c->ufrag))))
            return GW_EPARSE;
    }
    if (related.set && !net_addr_is_any(&related)) {
        c->related = related;
        c->related.port = (uint16_t)port;
    }
    return GW_OK;
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

enum gw_err desc_sdp_read_candidate(struct span text, struct desc_candidate *out)
{
    struct desc_candidate c = {0};
    struct span rest = span_trim(text), transport, address, type = {0}, tcp = {0};
    uint64_t component, priority, port;
    unsigned index;

    if (span_starts(rest, SPAN("a=")))
        rest = (struct span){rest.p + 2, rest.n - 2};
    if (rest.n < 10 || !span_equal_nocase((struct span){rest.p, 10}, SPAN("candidate:")))
        return GW_EPARSE;
    rest = (struct span){rest.p + 10, rest.n - 10};
    struct span foundation = sdp_word(&rest);
    if (!sdp_is_token(foundation) || !span_copy(foundation, c.foundation, sizeof(c.foundation)) ||
        read_number(sdp_word(&rest), 256, &component) || component == 0)
        return GW_EPARSE;
    transport = sdp_word(&rest);
    if (read_number(sdp_word(&rest), UINT32_MAX, &priority))
        return GW_EPARSE;
    address = sdp_word(&rest);
    if (!sdp_is_token(address) || read_number(sdp_word(&rest), UINT16_MAX, &port) ||
        read_attributes(rest, &c, &type, &tcp))
        return GW_EPARSE;
    if (span_empty(type))
        return GW_EPARSE;
    if (!net_addr_parse_ip(address, &c.addr) || net_addr_is_any(&c.addr) || component > 2 ||
        !find_name(type, type_names, G_N_ELEMENTS(type_names), &index))
        return GW_EUNSUPPORTED;
    c.type = (enum desc_candidate_type)index;
    index = DESC_UDP;
    if (span_equal_nocase(transport, SPAN("tcp")) &&
        (span_empty(tcp) || !find_name(tcp, tcp_names, G_N_ELEMENTS(tcp_names), &index)))
        return GW_EUNSUPPORTED; /* without tcptype: older than RFC 6544 */
    if (index == DESC_UDP && (!span_equal_nocase(transport, SPAN("udp")) || port == 0))
        return GW_EUNSUPPORTED;
    c.protocol = (enum desc_candidate_protocol)index;
    c.component = (uint8_t)component;
    c.priority = (uint32_t)priority;
    c.addr.port = (uint16_t)port;
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
