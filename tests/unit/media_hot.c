/* A relayed packet takes no memory from the allocator and no lock (nor does it give any back). */
#include "media_hot.h"

#include "media_chain.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void unit_media_hot(void);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTING 0
#else
#define COUNTING 1
#endif
#else
#define COUNTING 1
#endif

static _Thread_local struct hot_counts here;
static _Thread_local bool known; /* has asked for its own counts */
static atomic_ulong allocations_elsewhere, locks_elsewhere;

bool hot_counting(void)
{
    return COUNTING;
}

struct hot_counts hot_here(void)
{
    known = true;
    return here;
}

struct hot_counts hot_elsewhere(void)
{
    return (struct hot_counts){atomic_load(&allocations_elsewhere), atomic_load(&locks_elsewhere)};
}

#if COUNTING
static void count_allocation(void)
{
    here.allocations++;
    if (!known)
        atomic_fetch_add(&allocations_elsewhere, 1);
}

static void count_lock(void)
{
    here.locks++;
    if (!known)
        atomic_fetch_add(&locks_elsewhere, 1);
}

/* glibc's own names for the real functions */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void __libc_free(void *p);

void *malloc(size_t n)
{
    count_allocation();
    return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    count_allocation();
    return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    count_allocation();
    return __libc_realloc(p, n);
}

void free(void *p)
{
    if (p)
        count_allocation();
    __libc_free(p);
}

/* A lock has no second name: the next library's is asked for, once for each. */
static int lock_next(_Atomic(void *) *next, const char *name, void *lock)
{
    int (*real)(void *lock);
    void *found = atomic_load(next);

    count_lock();
    if (!found)
        atomic_store(next, found = dlsym(RTLD_NEXT, name));
    memcpy(&real, &found, sizeof(real));
    return real(lock);
}

int pthread_mutex_lock(pthread_mutex_t *lock)
{
    static _Atomic(void *) next;
    return lock_next(&next, "pthread_mutex_lock", lock);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    static _Atomic(void *) next;
    return lock_next(&next, "pthread_rwlock_rdlock", lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    static _Atomic(void *) next;
    return lock_next(&next, "pthread_rwlock_wrlock", lock);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
#endif

/* A burst from each end, and all of it at the other one. */
static void burst(struct chain *c)
{
    uint8_t buf[WORLD_PACKET];

    for (unsigned from = 0; from < 2; from++) {
        for (unsigned i = 0; i < 10; i++)
            peer_send(&c->end[from], 0, (uint8_t)i, 160);
        for (unsigned i = 0; i < 10; i++)
            (void)peer_expect(&c->end[1 - from], buf);
    }
}

/* The workers' slow clocks (consent, reports) may tick within a round, but not in each. */
static void steady(const struct desc_profile *profile)
{
    enum { ROUNDS = 8, BURSTS = 10 };
    struct hot_counts begin, before, after;
    bool clean = false;
    struct chain c;

    (void)hot_here();
    if (!hot_counting()) {
        g_test_skip("a sanitizer owns the allocator");
        return;
    }
    begin = hot_elsewhere();
    chain_open(&c, profile, NULL);
    chain_ready(&c);
    chain_settle(&c, 0);
    chain_settle(&c, 1);
    before = hot_elsewhere();
    g_assert_cmpuint(before.allocations, >, begin.allocations); /* the counters count */
    g_assert_cmpuint(before.locks, >, begin.locks);
    for (unsigned round = 0; round < ROUNDS && !clean; round++) {
        before = hot_elsewhere();
        for (unsigned i = 0; i < BURSTS; i++)
            burst(&c);
        after = hot_elsewhere();
        clean = after.allocations == before.allocations && after.locks == before.locks;
        if (!clean)
            g_test_message("%lu allocations, %lu locks", after.allocations - before.allocations,
                           after.locks - before.locks);
    }
    g_assert_true(clean);
    chain_close(&c);
}

static void plain(void)
{
    steady(&desc_profile_plain);
}

static void sdes(void)
{
    steady(&desc_profile_sdes);
}

static void webrtc(void)
{
    steady(&desc_profile_webrtc);
}

void unit_media_hot(void)
{
    g_test_add_func("/media/hot/plain", plain);
    g_test_add_func("/media/hot/sdes", sdes);
    g_test_add_func("/media/hot/webrtc", webrtc);
}
