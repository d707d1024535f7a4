#include "gateway/account.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

void unit_gateway_account(void);

static void ha1_is_that_of_the_rfc(void)
{
    struct account a = {0};

    /* RFC 7616 3.9.1: user Mufasa; A1 is hashed with the user as written. */
    (void)g_strlcpy(a.user, "Mufasa", sizeof(a.user));
    account_set_password(&a, "http-auth@example.org", "Circle of Life");
    g_assert_cmpstr(a.ha1_md5, ==, "3d78807defe7de2157e2b0b6573a855f");
    g_assert_cmpstr(a.ha1_sha256, ==,
                    "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
}

static void addresses_become_lower_case_and_whole(void)
{
    static const struct {
        const char *text, *whole;
    } cases[] = {
        {"bob", "bob@example.org"},
        {"Bob", "bob@example.org"},
        {"BOB@Example.ORG", "bob@example.org"},
        {"bob@192.0.2.7", "bob@192.0.2.7"},
        {"+15551234", "+15551234@example.org"},
        {"j\xc3\x96rg", "j\xc3\xb6rg@example.org"},
        {"jo\xcc\x88rg", "j\xc3\xb6rg@example.org"}, /* o and its dots apart */
        {"a.b-c_d~e", "a.b-c_d~e@example.org"},
        {"*43#", "*43#@example.org"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char out[192];
        g_assert_true(account_normalise(cases[i].text, "example.org", out));
        g_assert_cmpstr(out, ==, cases[i].whole);
    }
}

static void odd_addresses_are_refused(void)
{
    static const char *const cases[] = {
        "",           "@",        "@example.org", "bob@",    "bob smith",    "bob@a b",
        "a@b@c",      "\"bob\"",  "bob<x>",       "a/b",     "a:b",          "sip:bob@example.org",
        "a&b",        "a'b",      "bob\n",        "bob\x7f", "bob\xff",      "bob%40x",
        "bob;x=y",    "bob@x..y", "bob@.x",       "bob@-x",  "bob@exa_mple", "a\\b",
        "a\xc2\xa0z", /* no-break space */
    };
    char longest[300];
    char out[192];

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        if (account_normalise(cases[i], "example.org", out))
            g_error("\"%s\" was taken for %s", cases[i], out);
    memset(longest, 'a', sizeof(longest));
    longest[96] = '\0';
    g_assert_false(account_normalise(longest, "example.org", out));
    g_assert_cmpstr(out, ==, "");
    longest[95] = '\0';
    g_assert_true(account_normalise(longest, "example.org", out));
}

static void rows_survive_the_store(void)
{
    struct account a = {.sip_sha256 = true, .calls_max = 7};
    struct account b;
    char *row;

    g_assert_true(account_set_address(&a, "Bob", "example.org"));
    g_assert_cmpstr(a.user, ==, "bob");
    (void)g_strlcpy(a.display, "Bob \"B\" \xc3\x84pfel", sizeof(a.display));
    account_set_password(&a, "example.org", "secret");
    a.nprofiles = 2;
    a.profile[0] = desc_profile_dtls;
    a.profile[1] = desc_profile_webrtc;
    row = account_to_json(&a);
    g_assert_nonnull(row);
    g_assert_null(strstr(row, "secret"));
    g_assert_true(account_from_json("bob@example.org", row, &b));
    g_assert_cmpstr(b.address, ==, a.address);
    g_assert_cmpstr(b.user, ==, a.user);
    g_assert_cmpstr(b.display, ==, a.display);
    g_assert_cmpstr(b.ha1_md5, ==, a.ha1_md5);
    g_assert_cmpstr(b.ha1_sha256, ==, a.ha1_sha256);
    g_assert_true(b.sip_sha256);
    g_assert_false(b.from_config);
    g_assert_cmpuint(b.calls_max, ==, 7);
    g_assert_cmpuint(b.nprofiles, ==, 2);
    g_assert_cmpstr(account_profile_word(&b.profile[0]), ==, "dtls");
    g_assert_cmpstr(account_profile_word(&b.profile[1]), ==, "webrtc");
    free(row);
}

static void malformed_rows_are_refused(void)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"display\":1}",
        /* a hash of the wrong length, a medium nobody knows, a negative number of calls */
        "{\"display\":\"\",\"ha1_md5\":\"12\",\"ha1_sha256\":\"\",\"sip_sha256\":false,"
        "\"media\":[\"plain\"],\"calls\":0}",
        "{\"display\":\"\",\"ha1_md5\":\"\",\"ha1_sha256\":\"\",\"sip_sha256\":false,"
        "\"media\":[\"smoke\"],\"calls\":0}",
        "{\"display\":\"\",\"ha1_md5\":\"\",\"ha1_sha256\":\"\",\"sip_sha256\":false,"
        "\"media\":[],\"calls\":0}",
        "{\"display\":\"\",\"ha1_md5\":\"\",\"ha1_sha256\":\"\",\"sip_sha256\":false,"
        "\"media\":[\"plain\"],\"calls\":-1}",
        "{\"display\":\"\",\"ha1_md5\":\"\",\"ha1_sha256\":\"\",\"sip_sha256\":false,"
        "\"media\":[\"plain\",\"plain\",\"plain\",\"plain\",\"plain\"],\"calls\":1}",
    };
    struct account a;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        if (account_from_json("bob@example.org", rows[i], &a))
            g_error("taken: %s", rows[i]);
}

void unit_gateway_account(void)
{
    g_test_add_func("/gateway/account/ha1-is-that-of-the-rfc", ha1_is_that_of_the_rfc);
    g_test_add_func("/gateway/account/addresses-become-lower-case-and-whole",
                    addresses_become_lower_case_and_whole);
    g_test_add_func("/gateway/account/odd-addresses-are-refused", odd_addresses_are_refused);
    g_test_add_func("/gateway/account/rows-survive-the-store", rows_survive_the_store);
    g_test_add_func("/gateway/account/malformed-rows-are-refused", malformed_rows_are_refused);
}
