#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

bool net_addr_parse_ip(struct span text, struct net_addr *out)
{
    char buf[INET6_ADDRSTRLEN + 1];
    struct net_addr a = {.set = 1};

    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
        text.p++;
        text.n -= 2;
        a.is_v6 = 1;
    }
    if (!span_copy(text, buf, sizeof(buf)))
        return false;
    if (!a.is_v6 && inet_pton(AF_INET, buf, a.ip) == 1) {
        *out = a;
        return true;
    }
    if (inet_pton(AF_INET6, buf, a.ip) != 1)
        return false;
    a.is_v6 = 1;
    if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)a.ip)) {
        memmove(a.ip, a.ip + 12, 4);
        memset(a.ip + 4, 0, 12);
        a.is_v6 = 0;
    }
    *out = a;
    return true;
}

bool net_addr_parse(struct span text, struct net_addr *out)
{
    size_t colon = text.n;
    struct net_addr a;
    uint64_t port;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2)
        return false;
    if (memchr(text.p, ':', colon - 1) && text.p[0] != '[')
        return false; /* bare IPv6 with a port is ambiguous */
    if (!net_addr_parse_ip((struct span){text.p, colon - 1}, &a) ||
        !span_u64((struct span){text.p + colon, text.n - colon}, 65535, &port))
        return false;
    a.port = (uint16_t)port;
    *out = a;
    return true;
}

const char *net_addr_ip(const struct net_addr *a, char buf[NET_ADDR_TEXT])
{
    if (!a->set || !inet_ntop(a->is_v6 ? AF_INET6 : AF_INET, a->ip, buf, NET_ADDR_TEXT))
        (void)snprintf(buf, NET_ADDR_TEXT, "-");
    return buf;
}

const char *net_addr_text(const struct net_addr *a, char buf[NET_ADDR_TEXT])
{
    char ip[NET_ADDR_TEXT];

    (void)net_addr_ip(a, ip);
    (void)snprintf(buf, NET_ADDR_TEXT, a->is_v6 ? "[%.46s]:%u" : "%.46s:%u", ip, a->port);
    return buf;
}

bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b)
{
    return a->set && b->set && a->is_v6 == b->is_v6 && memcmp(a->ip, b->ip, 16) == 0;
}

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
    return a->port == b->port && net_addr_same_ip(a, b);
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    static const uint8_t one[16] = {[15] = 1};

    return a->set && (a->is_v6 ? memcmp(a->ip, one, 16) == 0 : a->ip[0] == 127);
}

bool net_addr_is_any(const struct net_addr *a)
{
    static const uint8_t zero[16];

    return a->set && memcmp(a->ip, zero, 16) == 0;
}

bool net_addr_is_private(const struct net_addr *a)
{
    const uint8_t *ip = a->ip;

    if (net_addr_is_loopback(a))
        return true;
    if (a->is_v6)
        return (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
    return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
           (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
           (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

uint64_t net_addr_hash(const struct net_addr *a)
{
    uint64_t x;
    uint64_t y;
    uint64_t h;

    memcpy(&x, a->ip, 8);
    memcpy(&y, a->ip + 8, 8);
    h = (x ^ (y * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)a->port << 40)) *
        UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 32;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 29);
}

bool net_addr_from_sockaddr(const struct sockaddr *sa, struct net_addr *out)
{
    struct net_addr a = {.set = 1};

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        memcpy(a.ip, &in.sin_addr, 4);
        a.port = ntohs(in.sin_port);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        a.port = ntohs(in6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            memcpy(a.ip, in6.sin6_addr.s6_addr + 12, 4);
        } else {
            memcpy(a.ip, &in6.sin6_addr, 16);
            a.is_v6 = 1;
        }
    } else {
        return false;
    }
    *out = a;
    return true;
}

socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out)
{
    if (a->is_v6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&in6.sin6_addr, a->ip, 16);
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&in.sin_addr, a->ip, 4);
    memcpy(out, &in, sizeof(in));
    return sizeof(in);
}
