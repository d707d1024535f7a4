/** Borrowed bytes or text: a pointer and a length, never NUL-terminated. Parsers take nothing else.
 * Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_empty(struct span s)
{
    return s.n == 0;
}

bool span_equal(struct span a, struct span b);
/** ASCII only, as in SIP and HTTP tokens. */
bool span_equal_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
/** Without leading and trailing spaces and tabs. */
struct span span_trim(struct span s);
/** Cut @p *rest at the first @p sep: returns what stands before it, leaves what stands after it.
 * Without a separator returns all and leaves an empty span. */
struct span span_cut(struct span *rest, char sep);
/** The next line of @p *rest, without its CRLF or LF. */
struct span span_line(struct span *rest);
/** Decimal digits only, at most @p max; false and *out untouched otherwise. */
bool span_u64(struct span s, uint64_t max, uint64_t *out);
/** As a new NUL-terminated string (g_free). */
char *span_dup(struct span s);
/** Copy into @p buf of @p size with NUL; false, and an empty string, when it does not fit or holds
 * a NUL. */
bool span_copy(struct span s, char *buf, size_t size);
