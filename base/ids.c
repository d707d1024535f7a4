#include "base/ids.h"

#include <glib.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>

void random_bytes(void *buf, size_t n)
{
    char *p = buf;

    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        g_assert(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

uint32_t random_u32(void)
{
    uint32_t v;

    random_bytes(&v, sizeof(v));
    return v;
}

uint64_t random_u64(void)
{
    uint64_t v;

    random_bytes(&v, sizeof(v));
    return v;
}

void random_token(char *buf, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t at = 0;

    while (at < n) {
        unsigned char raw[32];
        random_bytes(raw, sizeof(raw));
        for (size_t i = 0; i < sizeof(raw) && at < n; i++)
            if (raw[i] < 248) /* 4 * 62: no modulo bias */
                buf[at++] = alphabet[raw[i] % 62];
    }
    buf[n] = '\0';
}

uint64_t id_next(void)
{
    /* A counter above random low bits: unique in the process, not enumerable from outside. */
    static atomic_uint_fast64_t counter;
    uint64_t n = atomic_fetch_add(&counter, 1) + 1;

    return (n << 24) | (random_u32() & 0xffffff);
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned diff = 0;

    for (size_t i = 0; i < n; i++)
        diff |= (unsigned)(x[i] ^ y[i]);
    return diff == 0;
}
