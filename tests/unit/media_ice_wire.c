/* Messages as bytes: the vectors of RFC 5769, routing before cryptography, what is refused. */
#include "media/stun_wire.h"

#include <glib.h>

#include <string.h>

void unit_media_ice_wire(void);

static const char rfc_pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";
static const char pwd[] = "abcdefghijklmnopqrstuvwx";

static bool vector(const char *name, char *buf, size_t size, struct span *out)
{
    g_autofree char *path = g_build_filename(CORPUS_DIR, "stun", name, NULL);
    g_autofree char *hex = NULL;
    size_t n = 0;
    int high = -1;

    if (!g_file_get_contents(path, &hex, NULL, NULL)) {
        g_test_skip("the corpus of RFC 5769 vectors is not there");
        return false;
    }
    for (const char *c = hex; *c; c++) {
        int digit = g_ascii_xdigit_value(*c);

        if (digit < 0)
            continue;
        if (high < 0) {
            high = digit;
            continue;
        }
        g_assert_cmpuint(n, <, size);
        buf[n++] = (char)(high << 4 | digit);
        high = -1;
    }
    *out = (struct span){buf, n};
    return true;
}

static void rfc5769_request_is_read(void)
{
    struct wire *w = wire_new();
    struct wire_request r;
    struct ice_route route;
    struct span d;
    char buf[256];

    if (vector("rfc5769-2.1-request.hex", buf, sizeof(buf), &d)) {
        g_assert_true(ice_route(d, &route));
        g_assert_cmpint(route.kind, ==, ICE_REQUEST);
        g_assert_true(span_equal(route.ufrag, SPAN("evtj")));
        g_assert_true(wire_read_request(w, d, rfc_pwd, &r));
        g_assert_cmpuint(r.priority, ==, 0x6e0001ff);
        g_assert_cmpint(r.role, ==, WIRE_CONTROLLED);
        g_assert_cmpuint(r.tie_breaker, ==, UINT64_C(0x932ff9b151263b36));
        g_assert_false(r.use_candidate);
        g_assert_false(wire_read_request(w, d, pwd, &r));
    }
    wire_free(w);
}

static void read_response(const char *file, const char *mapped)
{
    struct wire *w = wire_new();
    struct wire_response r;
    struct ice_route route;
    struct net_addr expected;
    struct span d;
    char buf[256];

    g_assert_true(net_addr_parse(span_of(mapped), &expected));
    if (vector(file, buf, sizeof(buf), &d)) {
        g_assert_true(ice_route(d, &route));
        g_assert_cmpint(route.kind, ==, ICE_RESPONSE);
        g_assert_cmphex(route.tag, ==, 0xb7e7a701);
        g_assert_true(wire_read_response(w, d, rfc_pwd, &r));
        g_assert_cmpint(r.error, ==, 0);
        g_assert_true(net_addr_equal(&r.mapped, &expected));
        g_assert_false(wire_read_response(w, d, pwd, &r));
    }
    wire_free(w);
}

static void rfc5769_ipv4_response_is_read(void)
{
    read_response("rfc5769-2.2-response-ipv4.hex", "192.0.2.1:32853");
}

static void rfc5769_ipv6_response_is_read(void)
{
    read_response("rfc5769-2.3-response-ipv6.hex", "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

static void rfc5769_long_term_request_is_no_ice(void)
{
    struct wire *w = wire_new();
    struct wire_request r;
    struct ice_route route;
    struct span d;
    char buf[256];

    if (vector("rfc5769-2.4-request-longterm.hex", buf, sizeof(buf), &d)) {
        g_assert_false(ice_route(d, &route));                     /* no colon in USERNAME */
        g_assert_false(wire_read_request(w, d, "TheMatrIX", &r)); /* and no FINGERPRINT */
    }
    wire_free(w);
}

/* ---- our own ---- */

static const uint8_t id[WIRE_ID_LEN] = {0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8};

static struct span own_check(struct wire *w, bool nominate, uint8_t buf[ICE_DATAGRAM_MAX])
{
    size_t n = wire_write_check(w,
                                &(struct wire_check){.id = id,
                                                     .remote_ufrag = "theirs",
                                                     .local_ufrag = "ours",
                                                     .pwd = pwd,
                                                     .priority = 12345,
                                                     .tie_breaker = 99,
                                                     .controlling = nominate,
                                                     .use_candidate = nominate},
                                buf);

    g_assert_cmpuint(n, >, 0);
    return (struct span){(const char *)buf, n};
}

static void check_says_what_it_was_told(void)
{
    for (unsigned nominate = 0; nominate < 2; nominate++) {
        struct wire *w = wire_new();
        uint8_t buf[ICE_DATAGRAM_MAX];
        struct span d = own_check(w, nominate, buf);
        struct wire_request r;

        g_assert_true(wire_read_request(w, d, pwd, &r));
        g_assert_cmpuint(r.priority, ==, 12345);
        g_assert_cmpuint(r.tie_breaker, ==, 99);
        g_assert_cmpint(r.role, ==, nominate ? WIRE_CONTROLLING : WIRE_CONTROLLED);
        g_assert_cmpint(r.use_candidate, ==, nominate);
        g_assert_cmpint(memcmp(d.p + 8, id, sizeof(id)), ==, 0);
        wire_free(w);
    }
}

static void longest_ufrag_fits(void)
{
    struct wire *w = wire_new();
    uint8_t buf[ICE_DATAGRAM_MAX];
    char remote[DESC_ICE_MAX], local[ICE_UFRAG_MAX];
    struct wire_request r;
    size_t n;

    memset(remote, 'a', sizeof(remote) - 1);
    memset(local, 'b', sizeof(local) - 1);
    remote[sizeof(remote) - 1] = local[sizeof(local) - 1] = '\0';
    n = wire_write_check(
        w, &(struct wire_check){.id = id, .remote_ufrag = remote, .local_ufrag = local, .pwd = pwd},
        buf);
    g_assert_true(wire_read_request(w, (struct span){(const char *)buf, n}, pwd, &r));
    wire_free(w);
}

static void answers_are_read_back(void)
{
    static const int errors[] = {400, 401, 403, 487, 500};
    static const char *const addrs[] = {"192.0.2.1:1", "[2001:db8::1]:65535"};
    struct wire *w = wire_new();
    uint8_t ask[ICE_DATAGRAM_MAX], buf[ICE_DATAGRAM_MAX];
    struct span d = own_check(w, true, ask);
    struct wire_response r;

    for (unsigned i = 0; i < G_N_ELEMENTS(addrs); i++) {
        struct net_addr mapped;
        size_t n;

        g_assert_true(net_addr_parse(span_of(addrs[i]), &mapped));
        n = wire_write_success(w, d, pwd, &mapped, buf);
        g_assert_true(wire_read_response(w, (struct span){(const char *)buf, n}, pwd, &r));
        g_assert_cmpint(r.error, ==, 0);
        g_assert_true(net_addr_equal(&r.mapped, &mapped));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(errors); i++) {
        size_t n = wire_write_error(w, d, pwd, errors[i], buf);

        g_assert_cmpuint(n, >, 0);
        /* 400 and 401 come without integrity as a rule and prove nothing */
        g_assert_cmpint(wire_read_response(w, (struct span){(const char *)buf, n}, pwd, &r), ==,
                        errors[i] > 401);
        g_assert_true(errors[i] <= 401 || r.error == errors[i]);
    }
    wire_free(w);
}

/* libnice's own agent would refuse after 200. */
static void a_thousand_checks_can_be_made(void)
{
    struct wire *w = wire_new();
    uint8_t buf[ICE_DATAGRAM_MAX];

    for (unsigned i = 0; i < 1000; i++)
        (void)own_check(w, false, buf);
    wire_free(w);
}

static void every_cut_and_every_flipped_bit_is_refused(void)
{
    struct wire *w = wire_new();
    uint8_t ask[ICE_DATAGRAM_MAX], answer[ICE_DATAGRAM_MAX];
    struct span d = own_check(w, true, ask);
    struct net_addr mapped;
    struct wire_request request;
    struct wire_response response;
    size_t n;

    g_assert_true(net_addr_parse(SPAN("192.0.2.1:1"), &mapped));
    n = wire_write_success(w, d, pwd, &mapped, answer);
    for (size_t cut = 0; cut < d.n; cut++) {
        g_autofree char *exact = g_memdup2(ask, cut ? cut : 1); /* ASan guards its end */

        g_assert_false(wire_read_request(w, (struct span){exact, cut}, pwd, &request));
    }
    for (size_t cut = 0; cut < n; cut++) {
        g_autofree char *exact = g_memdup2(answer, cut ? cut : 1);

        g_assert_false(wire_read_response(w, (struct span){exact, cut}, pwd, &response));
    }
    for (size_t bit = 0; bit < 8 * d.n; bit++) {
        ask[bit / 8] ^= (uint8_t)(1 << bit % 8);
        g_assert_false(wire_read_request(w, d, pwd, &request));
        ask[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        g_assert_false(
            wire_read_response(w, (struct span){(const char *)answer, n}, pwd, &response));
        answer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    wire_free(w);
}

/* ---- routing ---- */

static void ufrag_carries_the_tag(void)
{
    static const uint32_t tags[] = {0, 1, 63, 64, 0xabcdef01, UINT32_MAX};

    for (unsigned i = 0; i < G_N_ELEMENTS(tags); i++) {
        struct ice_credentials c;
        uint32_t tag = ~tags[i];

        ice_credentials_make(tags[i], &c);
        g_assert_cmpuint(strlen(c.ufrag), ==, ICE_TAG_UFRAG_CHARS);
        g_assert_cmpuint(strlen(c.pwd), ==, ICE_TAG_PWD_CHARS);
        g_assert_true(ice_ufrag_tag(span_of(c.ufrag), &tag));
        g_assert_cmpuint(tag, ==, tags[i]);
    }
}

static void foreign_ufrags_have_no_tag(void)
{
    static const char *const bad[] = {"", "short", "muchtoolongforus", "AAA AAAAA0",
                                      "//////AAAA"}; /* more than 32 bits */
    uint32_t tag;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(ice_ufrag_tag(span_of(bad[i]), &tag));
    g_assert_false(ice_ufrag_tag((struct span){"AAAAA\0AAAA", 10}, &tag));
}

static void routing_survives_noise(void)
{
    GRand *rand = g_rand_new_with_seed(3);

    for (unsigned i = 0; i < 20000; i++) {
        size_t n = (size_t)g_rand_int_range(rand, 0, 120);
        g_autofree char *noise = g_malloc(n ? n : 1);
        struct ice_route route;

        for (size_t k = 0; k < n; k++)
            noise[k] = (char)g_rand_int(rand);
        if (n >= 20 && i % 2) { /* at least a header */
            memcpy(noise, "\0\1\0\0\x21\x12\xa4\x42", 8);
            noise[3] = (char)((n - 20) & ~3U);
            n = 20 + ((n - 20) & ~(size_t)3);
        }
        if (ice_route((struct span){noise, n}, &route) && route.kind == ICE_REQUEST)
            g_assert_true(route.ufrag.p > noise && route.ufrag.p + route.ufrag.n < noise + n);
    }
    g_rand_free(rand);
}

static void username_behind_the_seal_does_not_route(void)
{
    /* header, MESSAGE-INTEGRITY with 20 octets, then USERNAME "ab:c" */
    char d[20 + 24 + 8] = {0};
    struct ice_route route;

    memcpy(d, "\0\1\0\40\x21\x12\xa4\x42", 8);
    memcpy(d + 20, "\0\x08\0\x14", 4);
    memcpy(d + 44, "\0\x06\0\4ab:c", 8);
    g_assert_false(ice_route((struct span){d, sizeof(d)}, &route));
    memcpy(d + 20, "\x80\x22\0\x14", 4); /* SOFTWARE instead */
    g_assert_true(ice_route((struct span){d, sizeof(d)}, &route));
    g_assert_true(span_equal(route.ufrag, SPAN("ab")));
}

static void host_candidates_come_in_order(void)
{
    struct net_addr a;
    struct desc_candidate first, second;

    g_assert_true(net_addr_parse(SPAN("192.0.2.1:5000"), &a));
    ice_host_candidate(&a, 0, &first);
    ice_host_candidate(&a, 1, &second);
    g_assert_cmpuint(first.priority, ==, 2130706431); /* RFC 8445 5.1.2.1, as everyone has it */
    g_assert_cmpuint(second.priority, <, first.priority);
    g_assert_cmpstr(first.foundation, !=, second.foundation);
    g_assert_cmpuint(first.component, ==, 1);
    g_assert_true(net_addr_equal(&first.addr, &a));
}

#define ADD(claim, fn) g_test_add_func("/media/ice_wire/" claim, fn)

void unit_media_ice_wire(void)
{
    ADD("rfc5769-request-is-read", rfc5769_request_is_read);
    ADD("rfc5769-ipv4-response-is-read", rfc5769_ipv4_response_is_read);
    ADD("rfc5769-ipv6-response-is-read", rfc5769_ipv6_response_is_read);
    ADD("rfc5769-long-term-request-is-no-ice", rfc5769_long_term_request_is_no_ice);
    ADD("check-says-what-it-was-told", check_says_what_it_was_told);
    ADD("longest-ufrag-fits", longest_ufrag_fits);
    ADD("answers-are-read-back", answers_are_read_back);
    ADD("a-thousand-checks-can-be-made", a_thousand_checks_can_be_made);
    ADD("every-cut-and-every-flipped-bit-is-refused", every_cut_and_every_flipped_bit_is_refused);
    ADD("ufrag-carries-the-tag", ufrag_carries_the_tag);
    ADD("foreign-ufrags-have-no-tag", foreign_ufrags_have_no_tag);
    ADD("routing-survives-noise", routing_survives_noise);
    ADD("username-behind-the-seal-does-not-route", username_behind_the_seal_does_not_route);
    ADD("host-candidates-come-in-order", host_candidates_come_in_order);
}
