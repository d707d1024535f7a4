#include "web/auth.h"

#include "base/clock.h"
#include "base/ids.h"
#include "web/limits.h"

#include <glib.h>

#include <string.h>

enum { HA1_OCTETS = 32, HA1_HEX = 64, GUARD_SLOTS = 4096 };

/* Unrelated addresses may share a slot; the salt keeps anybody from choosing with whom. */
struct guard {
    uint64_t salt;
    uint64_t empty_at[GUARD_SLOTS];
};

static bool hex_read(const char *hex, uint8_t out[HA1_OCTETS])
{
    if (strlen(hex) != HA1_HEX)
        return false;
    for (size_t i = 0; i < HA1_OCTETS; i++) {
        int high = g_ascii_xdigit_value(hex[2 * i]);
        int low = g_ascii_xdigit_value(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)((high << 4) | low);
    }
    return true;
}

bool proof_compute(const char *ha1_hex, const char *nonce, const char *cnonce, char out[PROOF_SIZE])
{
    uint8_t key[HA1_OCTETS];
    g_autofree char *message = g_strdup_printf("tandem.v1:%s:%s", nonce, cnonce);
    g_autofree char *hex = NULL;

    if (!hex_read(ha1_hex, key))
        return false;
    hex = g_compute_hmac_for_string(G_CHECKSUM_SHA256, key, sizeof(key), message, -1);
    explicit_bzero(key, sizeof(key));
    (void)g_strlcpy(out, hex, PROOF_SIZE);
    return true;
}

bool proof_check(const struct account *account, const char *nonce, const char *cnonce,
                 const char *proof)
{
    /* nobody's: any 32 octets do, for the result is thrown away */
    static const char nobody[] = "0000000000000000000000000000000000000000000000000000000000000000";
    bool known = account && account->ha1_sha256[0] != '\0';
    char want[PROOF_SIZE];

    if (!proof_compute(known ? account->ha1_sha256 : nobody, nonce, cnonce, want))
        return false;
    return strlen(proof) == PROOF_SIZE - 1 && secret_equal(proof, want, PROOF_SIZE - 1) && known;
}

struct guard *guard_new(void)
{
    struct guard *g = g_new0(struct guard, 1);

    g->salt = random_u64();
    return g;
}

void guard_free(struct guard *g)
{
    g_free(g);
}

static unsigned guard_slot(const struct guard *g, const struct net_addr *peer)
{
    struct net_addr network = *peer;
    uint64_t hash;

    network.port = 0;
    if (network.is_v6)
        memset(network.ip + 8, 0, 8); /* a /64 is one customer (edge.h counts the same way) */
    hash = (net_addr_hash(&network) ^ g->salt) * UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(hash >> 32) % GUARD_SLOTS;
}

bool guard_allows(const struct guard *g, const struct net_addr *peer)
{
    return !bucket_full(g->empty_at[guard_slot(g, peer)], clock_now_us(), WEB_AUTH_FORGIVE_US,
                        WEB_AUTH_FAILURES);
}

void guard_failed(struct guard *g, const struct net_addr *peer)
{
    (void)bucket_add(&g->empty_at[guard_slot(g, peer)], clock_now_us(), WEB_AUTH_FORGIVE_US,
                     WEB_AUTH_FAILURES);
}
