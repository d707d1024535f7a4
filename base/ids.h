/** Identifiers that may cross threads, and random tokens. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One media leg. The generation makes a stale id find nothing. {0,0} is "none". */
struct media_id {
    uint32_t slot;
    uint32_t gen; /* never 0 in a live id */
};

static inline bool media_id_set(struct media_id id)
{
    return id.gen != 0;
}

static inline bool media_id_equal(struct media_id a, struct media_id b)
{
    return a.slot == b.slot && a.gen == b.gen;
}

/** Fill @p buf from the kernel's generator; aborts when the kernel has none (nothing secure could
 * follow). */
void random_bytes(void *buf, size_t n);
uint32_t random_u32(void);
uint64_t random_u64(void);
/** @p n characters of [A-Za-z0-9] (5.95 bits each) plus NUL; @p buf holds n + 1. Valid as ice-char
 * (RFC 8839 5.4), SIP token and URL segment. */
void random_token(char *buf, size_t n);
/** Never reused in a process, hard to guess, never 0: for calls and connections. */
uint64_t id_next(void);
/** Compare secrets in constant time. */
bool secret_equal(const void *a, const void *b, size_t n);
