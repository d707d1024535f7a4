#include "base/span.h"

#include <glib.h>

bool span_equal(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_equal_nocase(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || g_ascii_strncasecmp(a.p, b.p, a.n) == 0);
}

bool span_starts(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_equal((struct span){s.p, prefix.n}, prefix);
}

struct span span_trim(struct span s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct span span_cut(struct span *rest, char sep)
{
    struct span head = *rest;
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

    if (!at) {
        *rest = (struct span){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - rest->p);
    rest->n -= head.n + 1;
    rest->p = at + 1;
    return head;
}

struct span span_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');

    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

bool span_u64(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (!s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
        if (v > max)
            return false;
    }
    *out = v;
    return true;
}

char *span_dup(struct span s)
{
    return s.n ? g_strndup(s.p, s.n) : g_strdup("");
}

bool span_copy(struct span s, char *buf, size_t size)
{
    buf[0] = '\0';
    if (s.n >= size || (s.n && memchr(s.p, '\0', s.n)))
        return false;
    if (s.n)
        memcpy(buf, s.p, s.n);
    buf[s.n] = '\0';
    return true;
}
