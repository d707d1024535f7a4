#include "base/clock.h"
#include "sip/digest.h"
#include "sip/nonce.h"

#include <glib.h>

void unit_sip_digest(void);

static const char rfc7616[] =
    "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", ";

static void read_vector(const char *rest, struct digest *d)
{
    char *text = g_strconcat(rfc7616, rest, NULL);

    g_assert_true(digest_read(span_of(text), d));
    g_free(text);
}

static void rfc_7616_example_md5(void)
{
    char ha1[DIGEST_HEX_MAX];
    struct digest d;

    read_vector("algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"", &d);
    g_assert_cmpint(d.algorithm, ==, DIGEST_MD5);
    digest_ha1(DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life", ha1);
    g_assert_true(digest_verify(&d, ha1, "GET"));
    g_assert_false(digest_verify(&d, ha1, "PUT"));
    digest_ha1(DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of life", ha1);
    g_assert_false(digest_verify(&d, ha1, "GET"));
}

static void rfc_7616_example_sha256(void)
{
    char ha1[DIGEST_HEX_MAX];
    struct digest d;

    read_vector("algorithm=SHA-256, "
                "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"",
                &d);
    g_assert_cmpint(d.algorithm, ==, DIGEST_SHA256);
    digest_ha1(DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life", ha1);
    g_assert_true(digest_verify(&d, ha1, "GET"));
}

static void rfc_2617_without_qop(void)
{
    char ha1[DIGEST_HEX_MAX];
    struct digest d;

    /* RFC 2069's example with the response of its errata 749 */
    g_assert_true(digest_read(SPAN("username=\"Mufasa\", realm=\"testrealm@host.com\", "
                                   "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                                   "uri=\"/dir/index.html\", "
                                   "response=\"1949323746fe6a43ef61f9606e7febea\""),
                              &d));
    digest_ha1(DIGEST_MD5, "Mufasa", "testrealm@host.com", "CircleOfLife", ha1);
    g_assert_true(digest_verify(&d, ha1, "GET"));
}

static void our_own_credentials_pass_our_own_check(void)
{
    char ha1[DIGEST_HEX_MAX], text[1024];
    struct digest out = {.algorithm = DIGEST_SHA256, .nc_text = "00000003", .nc = 3};
    struct digest in;

    (void)g_strlcpy(out.username, "bob", sizeof(out.username));
    (void)g_strlcpy(out.realm, "example.org", sizeof(out.realm));
    (void)g_strlcpy(out.nonce, "n0", sizeof(out.nonce));
    (void)g_strlcpy(out.uri, "sip:example.org", sizeof(out.uri));
    (void)g_strlcpy(out.qop, "auth", sizeof(out.qop));
    (void)g_strlcpy(out.cnonce, "c0", sizeof(out.cnonce));
    digest_ha1(DIGEST_SHA256, "bob", "example.org", "pw", ha1);
    digest_credentials(&out, ha1, "REGISTER", text, sizeof(text));
    g_assert_true(g_str_has_prefix(text, "Digest "));
    g_assert_true(digest_read(span_of(text + strlen("Digest ")), &in));
    g_assert_true(digest_verify(&in, ha1, "REGISTER"));
}

static void a_challenge_names_its_algorithm_and_staleness(void)
{
    char text[256];
    struct digest d;

    digest_challenge(DIGEST_SHA256, "example.org", "abc", true, text, sizeof(text));
    g_assert_nonnull(strstr(text, "stale=true"));
    g_assert_true(digest_read(span_of(text + strlen("Digest ")), &d));
    g_assert_cmpint(d.algorithm, ==, DIGEST_SHA256);
    g_assert_cmpstr(d.nonce, ==, "abc");
    digest_challenge(DIGEST_MD5, "example.org", "abc", false, text, sizeof(text));
    g_assert_null(strstr(text, "stale"));
}

static void nonsense_is_refused(void)
{
    static const char *const bad[] = {
        "algorithm=MD5-sess",
        "nc=1",
        "nc=0000000g",
        "nc=000000001",
        "qop=auth-int-and-a-long-tail-of-it",
        "algorithm=\"SHA-512-256\"",
    };
    struct digest d;
    char *big = g_strnfill(400, 'x');
    char *text = g_strdup_printf("username=\"%s\"", big);

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(digest_read(span_of(bad[i]), &d));
    g_assert_false(digest_read(span_of(text), &d));
    g_free(text);
    g_free(big);
}

static void a_quoted_comma_does_not_end_a_parameter(void)
{
    struct digest d;

    g_assert_true(digest_read(SPAN("username=\"a,b\\\"c\",realm=r"), &d));
    g_assert_cmpstr(d.username, ==, "a,b\"c");
    g_assert_cmpstr(d.realm, ==, "r");
}

static const struct net_addr here = {.port = 5060, .set = 1, .ip = {192, 0, 2, 7}};

static void a_nonce_lives_five_minutes(void)
{
    struct nonces *n = nonces_new(), *other = nonces_new();
    char nonce[DIGEST_NONCE_MAX];
    uint64_t t = 1000 * US_PER_S;

    nonce_make(n, &here, t, nonce);
    g_assert_cmpint(nonce_check(n, &here, nonce, t + 299 * US_PER_S), ==, NONCE_GOOD);
    g_assert_cmpint(nonce_check(n, &here, nonce, t + 302 * US_PER_S), ==, NONCE_STALE);
    g_assert_cmpint(nonce_check(other, &here, nonce, t), ==, NONCE_FORGED);
    nonce[3] = nonce[3] == '0' ? '1' : '0';
    g_assert_cmpint(nonce_check(n, &here, nonce, t), ==, NONCE_FORGED);
    g_assert_cmpint(nonce_check(n, &here, "", t), ==, NONCE_FORGED);
    nonces_free(n);
    nonces_free(other);
}

static void a_count_is_good_once(void)
{
    struct nonces *n = nonces_new();
    char nonce[DIGEST_NONCE_MAX];

    nonce_make(n, &here, 0, nonce);
    g_assert_cmpint(nonce_use(n, nonce, 1, 0), ==, NONCE_GOOD);
    g_assert_cmpint(nonce_use(n, nonce, 1, 0), ==, NONCE_STALE);
    g_assert_cmpint(nonce_use(n, nonce, 2, 0), ==, NONCE_GOOD);
    g_assert_cmpint(nonce_use(n, nonce, 1, 0), ==, NONCE_STALE);
    nonces_free(n);
}

static void a_nonce_without_counts_is_good_once(void)
{
    struct nonces *n = nonces_new();
    char nonce[DIGEST_NONCE_MAX];

    nonce_make(n, &here, 0, nonce);
    g_assert_cmpint(nonce_use(n, nonce, 0, 0), ==, NONCE_GOOD);
    g_assert_cmpint(nonce_use(n, nonce, 0, 0), ==, NONCE_STALE);
    nonces_free(n);
}

static void a_nonce_is_no_good_at_another_address(void)
{
    struct nonces *n = nonces_new();
    struct net_addr there = here, port = here;
    char nonce[DIGEST_NONCE_MAX];

    there.ip[3] ^= 1;
    port.port++;
    nonce_make(n, &here, 0, nonce);
    g_assert_cmpint(nonce_check(n, &port, nonce, 0), ==, NONCE_GOOD);
    g_assert_cmpint(nonce_check(n, &there, nonce, 0), ==, NONCE_FORGED);
    nonces_free(n);
}

static void many_nonces_take_bounded_memory(void)
{
    struct nonces *n = nonces_new();
    char first[DIGEST_NONCE_MAX], nonce[DIGEST_NONCE_MAX];

    nonce_make(n, &here, 0, first);
    g_assert_cmpint(nonce_use(n, first, 5, 0), ==, NONCE_GOOD);
    for (unsigned i = 0; i < 9000; i++) {
        nonce_make(n, &here, 0, nonce);
        g_assert_cmpint(nonce_use(n, nonce, 1, 0), ==, NONCE_GOOD);
    }
    g_assert_cmpint(nonce_use(n, nonce, 1, 0), ==, NONCE_STALE); /* the last is remembered */
    nonces_free(n);
}

void unit_sip_digest(void)
{
    g_test_add_func("/sip/digest/rfc-7616-example-md5", rfc_7616_example_md5);
    g_test_add_func("/sip/digest/rfc-7616-example-sha256", rfc_7616_example_sha256);
    g_test_add_func("/sip/digest/rfc-2617-without-qop", rfc_2617_without_qop);
    g_test_add_func("/sip/digest/our-own-credentials-pass-our-own-check",
                    our_own_credentials_pass_our_own_check);
    g_test_add_func("/sip/digest/a-challenge-names-its-algorithm-and-staleness",
                    a_challenge_names_its_algorithm_and_staleness);
    g_test_add_func("/sip/digest/nonsense-is-refused", nonsense_is_refused);
    g_test_add_func("/sip/digest/a-quoted-comma-does-not-end-a-parameter",
                    a_quoted_comma_does_not_end_a_parameter);
    g_test_add_func("/sip/nonce/lives-five-minutes", a_nonce_lives_five_minutes);
    g_test_add_func("/sip/nonce/a-count-is-good-once", a_count_is_good_once);
    g_test_add_func("/sip/nonce/without-counts-is-good-once", a_nonce_without_counts_is_good_once);
    g_test_add_func("/sip/nonce/is-no-good-at-another-address",
                    a_nonce_is_no_good_at_another_address);
    g_test_add_func("/sip/nonce/many-take-bounded-memory", many_nonces_take_bounded_memory);
}
