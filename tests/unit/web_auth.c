#include "tests/fakes/web_world.h"
#include "web/auth.h"
#include "web/limits.h"

#include <glib.h>

void unit_web_auth(void);

/* The worked example of docs/web-api.md. */
static void the_worked_example_holds(void)
{
    struct account a = {.user = "alice"};
    char proof[PROOF_SIZE];

    account_set_password(&a, "example.org", "correct horse");
    g_assert_cmpstr(a.ha1_sha256, ==,
                    "317b2aa0542c3c0eef7c5b974d69882c5ff43d5efc93a32ebd7032b58cb8a769");
    g_assert_true(proof_compute(a.ha1_sha256, "Zk3vT0qB9sLx2WcYp7RmN4aHd8JfUe5G",
                                "9f2c81d04be7a6350c1d", proof));
    g_assert_cmpstr(proof, ==, "d3a0f3448298b3191137c1db3503ea9d1efdf7755a904dea92c2398f9b6b83c0");
    g_assert_true(
        proof_check(&a, "Zk3vT0qB9sLx2WcYp7RmN4aHd8JfUe5G", "9f2c81d04be7a6350c1d", proof));
}

static void nothing_else_proves_anything(void)
{
    struct account a = {.user = "alice"}, unset = {.user = "carol"};
    char proof[PROOF_SIZE], nobodys[PROOF_SIZE];

    account_set_password(&a, "example.org", "correct horse");
    g_assert_true(proof_compute(a.ha1_sha256, "nonce-one", "cnonce-one", proof));
    g_assert_false(proof_check(&a, "nonce-two", "cnonce-one", proof));
    g_assert_false(proof_check(&a, "nonce-one", "cnonce-two", proof));
    g_assert_false(proof_check(&a, "nonce-one", "cnonce-one", ""));
    g_assert_false(proof_check(NULL, "nonce-one", "cnonce-one", proof));
    g_assert_false(proof_check(&unset, "nonce-one", "cnonce-one", proof));
    /* the stand-in key for unknown accounts opens nothing either */
    g_assert_true(proof_compute("0000000000000000000000000000000000000000000000000000000000000000",
                                "nonce-one", "cnonce-one", nobodys));
    g_assert_false(proof_check(NULL, "nonce-one", "cnonce-one", nobodys));
    g_assert_false(proof_check(&unset, "nonce-one", "cnonce-one", nobodys));
}

static void bad_keys_are_refused(void)
{
    char proof[PROOF_SIZE];

    g_assert_false(proof_compute("", "nonce-one", "cnonce-one", proof));
    g_assert_false(proof_compute("31", "nonce-one", "cnonce-one", proof));
    g_assert_false(proof_compute("x17b2aa0542c3c0eef7c5b974d69882c5ff43d5efc93a32ebd7032b58cb8a769",
                                 "nonce-one", "cnonce-one", proof));
}

static struct net_addr addr(const char *text)
{
    struct net_addr a;

    g_assert_true(net_addr_parse(span_of(text), &a));
    return a;
}

static void failures_are_counted_by_network_and_forgiven(void)
{
    struct guard *g = guard_new();
    struct net_addr one = addr("[2001:db8:1:2::1]:1000"), same = addr("[2001:db8:1:2:ff::9]:2000"),
                    other = addr("192.0.2.9:1000");

    for (unsigned i = 0; i < WEB_AUTH_FAILURES; i++) {
        g_assert_true(guard_allows(g, &one));
        guard_failed(g, &one);
    }
    g_assert_false(guard_allows(g, &one));
    g_assert_false(guard_allows(g, &same));
    g_assert_true(guard_allows(g, &other));
    world_turn(WEB_AUTH_FORGIVE_US);
    g_assert_true(guard_allows(g, &one));
    guard_failed(g, &one);
    g_assert_false(guard_allows(g, &one));
    guard_free(g);
}

void unit_web_auth(void)
{
    g_test_add_func("/web/auth/the-worked-example-holds", the_worked_example_holds);
    g_test_add_func("/web/auth/nothing-else-proves-anything", nothing_else_proves_anything);
    g_test_add_func("/web/auth/bad-keys-are-refused", bad_keys_are_refused);
    g_test_add_func("/web/auth/failures-are-counted-by-network-and-forgiven",
                    failures_are_counted_by_network_and_forgiven);
}
