#include "gateway/route.h"

#include <glib.h>

#include <string.h>

#define TEXT(s) ((char *)(guintptr)(s))

static char *any[] = {TEXT("anyone"), NULL};
static char *only_bob[] = {TEXT("bob"), NULL};
static char *to_bob[] = {TEXT("bob"), NULL};
static char *to_number[] = {TEXT("pbx-%n"), NULL};

static struct route_plan resolve(const struct config_route *routes, unsigned n, const char *caller,
                                 const char *dialled)
{
    struct config c = {.domain = TEXT("example.org"), .ring_s = 45};
    struct config_route copy[4];
    struct route_plan plan;

    memcpy(copy, routes, n * sizeof(*routes));
    c.nroutes = n;
    c.route = copy;
    route_resolve(&c, caller, dialled, &plan);
    return plan;
}

static void accounts_reach_each_other_without_a_route(void)
{
    struct config_route none = {.name = NULL};
    struct route_plan p = resolve(&none, 0, "alice@example.org", "Bob");

    g_assert_cmpint(p.refused, ==, END_NONE);
    g_assert_cmpuint(p.ntargets, ==, 1);
    g_assert_cmpstr(p.target[0], ==, "bob@example.org");
    g_assert_cmpuint(p.ring_s, ==, 45);
}

static void strangers_need_a_route_for_anyone(void)
{
    struct config_route r[] = {
        {.name = TEXT("in"), .match = ROUTE_EXACT, .pattern = TEXT("door"), .targets = to_bob},
        {.name = TEXT("public"),
         .match = ROUTE_EXACT,
         .pattern = TEXT("shop"),
         .from = any,
         .targets = to_bob}};

    g_assert_cmpint(resolve(r, 2, NULL, "bob").refused, ==, END_FORBIDDEN);
    g_assert_cmpint(resolve(r, 2, NULL, "door").refused, ==, END_FORBIDDEN);
    g_assert_cmpint(resolve(r, 2, NULL, "shop").refused, ==, END_NONE);
    g_assert_cmpstr(resolve(r, 2, NULL, "shop").target[0], ==, "bob@example.org");
}

static void a_route_for_some_is_closed_to_others(void)
{
    struct config_route r = {.name = TEXT("r"),
                             .match = ROUTE_EXACT,
                             .pattern = TEXT("vault"),
                             .from = only_bob,
                             .targets = to_bob};

    g_assert_cmpint(resolve(&r, 1, "bob@example.org", "vault").refused, ==, END_NONE);
    g_assert_cmpint(resolve(&r, 1, "alice@example.org", "vault").refused, ==, END_FORBIDDEN);
}

static void numbers_are_stripped_and_prepended_to(void)
{
    struct config_route r = {.name = TEXT("out"),
                             .match = ROUTE_PREFIX,
                             .pattern = TEXT("00"),
                             .strip = 2,
                             .prepend = TEXT("+"),
                             .targets = to_number,
                             .ring_s = 60};
    struct route_plan p = resolve(&r, 1, "alice@example.org", "0049301234");

    g_assert_cmpstr(p.target[0], ==, "pbx-+49301234@example.org");
    g_assert_cmpuint(p.ring_s, ==, 60);
    g_assert_cmpstr(p.name, ==, "out");
}

static void patterns_match_users_or_whole_addresses(void)
{
    struct config_route r[] = {
        {.name = TEXT("p"), .match = ROUTE_PATTERN, .pattern = TEXT("1??"), .targets = to_bob},
        {.name = TEXT("w"),
         .match = ROUTE_EXACT,
         .pattern = TEXT("info@example.org"),
         .targets = to_bob}};

    g_assert_cmpstr(resolve(r, 2, "alice@example.org", "123").name, ==, "p");
    g_assert_cmpstr(resolve(r, 2, "alice@example.org", "1234").name, ==, "");
    g_assert_cmpstr(resolve(r, 2, "alice@example.org", "INFO").name, ==, "w");
}

static void the_first_match_wins(void)
{
    struct config_route r[] = {
        {.name = TEXT("one"), .match = ROUTE_PREFIX, .pattern = TEXT("1"), .targets = to_bob},
        {.name = TEXT("two"), .match = ROUTE_EXACT, .pattern = TEXT("12"), .targets = to_bob}};

    g_assert_cmpstr(resolve(r, 2, "alice@example.org", "12").name, ==, "one");
}

static void addresses_that_are_none_reach_nobody(void)
{
    struct config_route none = {.name = NULL};

    g_assert_cmpint(resolve(&none, 0, "alice@example.org", "").refused, ==, END_NOT_FOUND);
    g_assert_cmpint(resolve(&none, 0, "alice@example.org", "a b").refused, ==, END_NOT_FOUND);
    g_assert_cmpint(resolve(&none, 0, "alice@example.org", "@").refused, ==, END_NOT_FOUND);
}

void unit_gateway_route(void);
void unit_gateway_route(void)
{
    g_test_add_func("/gateway/route/accounts-reach-each-other-without-a-route",
                    accounts_reach_each_other_without_a_route);
    g_test_add_func("/gateway/route/strangers-need-a-route-for-anyone",
                    strangers_need_a_route_for_anyone);
    g_test_add_func("/gateway/route/a-route-for-some-is-closed-to-others",
                    a_route_for_some_is_closed_to_others);
    g_test_add_func("/gateway/route/numbers-are-stripped-and-prepended-to",
                    numbers_are_stripped_and_prepended_to);
    g_test_add_func("/gateway/route/patterns-match-users-or-whole-addresses",
                    patterns_match_users_or_whole_addresses);
    g_test_add_func("/gateway/route/the-first-match-wins", the_first_match_wins);
    g_test_add_func("/gateway/route/addresses-that-are-none-reach-nobody",
                    addresses_that_are_none_reach_nobody);
}
