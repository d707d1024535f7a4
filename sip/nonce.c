#include "sip/nonce.h"

#include "base/clock.h"
#include "base/ids.h"

#include <glib.h>

#include <stdio.h>

enum {
    NONCE_LIFE_S = 300,
    NONCE_STAMP = 24, /* hex: 8 of seconds, 16 random */
    NONCE_MAC = 32,
    NONCE_USED_MAX = 8192 /* counts kept; older ones are forgotten with their nonces */
};

struct nonce_count {
    char stamp[NONCE_STAMP + 1];
    uint32_t nc;
};

struct nonces {
    guint8 secret[32];
    GHashTable *used; /* stamp -> struct nonce_count, owned by order */
    GQueue order;     /* oldest first */
};

struct nonces *nonces_new(void)
{
    struct nonces *n = g_new0(struct nonces, 1);

    random_bytes(n->secret, sizeof(n->secret));
    n->used = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&n->order);
    return n;
}

void nonces_free(struct nonces *n)
{
    if (!n)
        return;
    g_hash_table_destroy(n->used);
    g_queue_clear_full(&n->order, g_free);
    memset(n->secret, 0, sizeof(n->secret));
    g_free(n);
}

static void nonce_mac(const struct nonces *n, const struct net_addr *source, const char *stamp,
                      char out[NONCE_MAC + 1])
{
    GHmac *mac = g_hmac_new(G_CHECKSUM_SHA256, n->secret, sizeof(n->secret));

    g_hmac_update(mac, (const guchar *)stamp, NONCE_STAMP);
    g_hmac_update(mac, source->ip, source->is_v6 ? 16 : 4);
    (void)g_strlcpy(out, g_hmac_get_string(mac), NONCE_MAC + 1);
    g_hmac_unref(mac);
}

void nonce_make(struct nonces *n, const struct net_addr *source, uint64_t now_us,
                char out[DIGEST_NONCE_MAX])
{
    char stamp[NONCE_STAMP + 1];
    char mac[NONCE_MAC + 1];

    (void)snprintf(stamp, sizeof(stamp), "%08x%016" G_GINT64_MODIFIER "x",
                   (unsigned)(now_us / US_PER_S), random_u64());
    nonce_mac(n, source, stamp, mac);
    (void)snprintf(out, DIGEST_NONCE_MAX, "%s%s", stamp, mac);
}

static enum nonce_verdict nonce_age(const char *nonce, uint64_t now_us)
{
    char seconds[9];
    uint32_t age;

    (void)g_strlcpy(seconds, nonce, sizeof(seconds));
    age = (uint32_t)(now_us / US_PER_S) - (uint32_t)strtoul(seconds, NULL, 16);
    return age <= NONCE_LIFE_S ? NONCE_GOOD : NONCE_STALE;
}

enum nonce_verdict nonce_check(const struct nonces *n, const struct net_addr *source,
                               const char *nonce, uint64_t now_us)
{
    char mac[NONCE_MAC + 1];

    if (strlen(nonce) != NONCE_STAMP + NONCE_MAC)
        return NONCE_FORGED;
    nonce_mac(n, source, nonce, mac);
    if (!secret_equal(mac, nonce + NONCE_STAMP, NONCE_MAC))
        return NONCE_FORGED;
    return nonce_age(nonce, now_us);
}

enum nonce_verdict nonce_use(struct nonces *n, const char *nonce, uint32_t nc, uint64_t now_us)
{
    enum nonce_verdict verdict = nonce_age(nonce, now_us);
    char stamp[NONCE_STAMP + 1];
    struct nonce_count *count;

    if (verdict != NONCE_GOOD)
        return verdict;
    nc = MAX(nc, 1);
    (void)g_strlcpy(stamp, nonce, sizeof(stamp));
    count = g_hash_table_lookup(n->used, stamp);
    if (count) {
        if (nc <= count->nc)
            return NONCE_STALE; /* a replay, or requests that overtook each other: ask again */
        count->nc = nc;
        return NONCE_GOOD;
    }
    if (n->order.length >= NONCE_USED_MAX) {
        count = g_queue_pop_head(&n->order);
        (void)g_hash_table_remove(n->used, count->stamp);
    } else {
        count = g_new(struct nonce_count, 1);
    }
    memcpy(count->stamp, stamp, sizeof(stamp));
    count->nc = nc;
    g_queue_push_tail(&n->order, count);
    (void)g_hash_table_insert(n->used, count->stamp, count);
    return NONCE_GOOD;
}
