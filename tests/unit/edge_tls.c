/* TLS on a running edge: certificates, reload, versions, and peers that misbehave. */
#include "tests/edge/certs.h"
#include "tests/edge/rig.h"

#include <glib.h>

#include <string.h>

void unit_edge_tls(void);

static struct rig *tls_rig(struct net_addr *at)
{
    struct edge_config c = rig_tls_config();
    struct rig *r = rig_new_with(&c);

    g_assert_cmpint(rig_listen_web(r, true, at), ==, GW_OK);
    return r;
}

static char host[] = "example.test";
static const struct peer_tls example = {.sni = "example.test"};

static void check_page(struct peer *p)
{
    g_autofree char *answer = NULL;

    g_assert_nonnull(p->ssl);
    peer_say(p, "GET / HTTP/1.1\r\nHost: example.test\r\n\r\n");
    answer = peer_response(p, false);
    assert_status(answer, 200);
}

/* The common name a client gets for a server name. */
static char *name_for(const struct net_addr *at, const char *sni)
{
    struct peer p = peer_connect_tls(at, &(struct peer_tls){.sni = sni});
    char *name = g_malloc0(64);

    if (p.ssl)
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(p.ssl)),
                                        NID_commonName, name, 64);
    peer_close(&p);
    return name;
}

static void check_name(const struct net_addr *at, const char *sni, const char *want)
{
    g_autofree char *got = name_for(at, sni);

    g_assert_cmpstr(got, ==, want);
}

static void page_over_tls(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer p = peer_connect_tls(&at, &example); /* verified up to the root: the chain came */
    struct edge_event ev;

    check_page(&p);
    peer_say(&p, "POST /api/x HTTP/1.1\r\nHost: example.test\r\nContent-Length: 1\r\n\r\nx");
    ev = rig_event(r, EDGE_HTTP_REQUEST);
    g_assert_true(ev.tls);
    edge_event_clear(&ev);
    peer_close(&p);
    ev = rig_event(r, EDGE_HTTP_GONE);
    edge_event_clear(&ev);
    rig_free(r);
}

static void names(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);

    check_name(&at, "example.test", "example.test");
    check_name(&at, "other.test", "other.test");
    check_name(&at, "OTHER.test", "other.test");
    check_name(&at, "unknown.test", "example.test"); /* the default; refusing is the client's */
    check_name(&at, NULL, "example.test");
    rig_free(r);
}

static void alpn(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer old =
        peer_connect_tls(&at, &(struct peer_tls){.sni = "other.test", .alpn = "http/1.1"});
    struct peer two =
        peer_connect_tls(&at, &(struct peer_tls){.sni = "example.test", .alpn = "h2"});
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(old.ssl, &name, &len);
    g_assert_cmpuint(len, ==, 8);
    g_assert_cmpint(memcmp(name, "http/1.1", 8), ==, 0);
    SSL_get0_alpn_selected(two.ssl, &name, &len);
    g_assert_cmpuint(len, ==, 0);
    check_page(&two);
    peer_close(&old);
    peer_close(&two);
    rig_free(r);
}

static void versions(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer_tls how = example;
    struct edge_stats s;
    struct peer p;

    how.max_version = TLS1_2_VERSION;
    p = peer_connect_tls(&at, &how);
    check_page(&p);
    peer_close(&p);
    how.max_version = TLS1_1_VERSION;
    p = peer_connect_tls(&at, &how);
    g_assert_null(p.ssl);
    peer_close(&p);
    rig_settle(r);
    edge_stats(r->edge, &s);
    g_assert_cmpuint(s.tls_failed, ==, 1);
    rig_free(r);
}

static void reload(void)
{
    struct edge_cert other = {"", cert_path(CERT_OTHER), cert_path(CERT_OTHER_KEY)};
    struct edge_cert mismatch = {"", cert_path(CERT_CHAIN), cert_path(CERT_OTHER_KEY)};
    struct edge_cert missing = {"", "/nonexistent/cert.pem", cert_path(CERT_KEY)};
    struct edge_cert second_bad[2] = {other, mismatch};
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer live = peer_connect_tls(&at, &example);

    check_page(&live);
    g_assert_cmpint(edge_reload_tls(r->edge, 1, &mismatch, NULL), ==, GW_ECONFIG);
    check_name(&at, "example.test", "example.test");
    g_assert_cmpint(edge_reload_tls(r->edge, 1, &missing, NULL), ==, GW_ECONFIG);
    g_assert_cmpint(edge_reload_tls(r->edge, 2, second_bad, NULL), ==, GW_ECONFIG);
    g_assert_cmpint(edge_reload_tls(r->edge, 1, &other, "/nonexistent/ca.pem"), ==, GW_ECONFIG);
    check_name(&at, "example.test", "example.test");
    check_name(&at, "other.test", "other.test");
    g_assert_cmpint(edge_reload_tls(r->edge, 1, &other, NULL), ==, GW_OK);
    check_name(&at, "example.test", "other.test");
    check_page(&live); /* begun under the old certificate, still up */
    peer_close(&live);
    rig_free(r);
}

/* A handshake that began before a reload goes on with what it began with. */
static void reload_under_a_handshake(void)
{
    struct edge_cert other = {"", cert_path(CERT_OTHER), cert_path(CERT_OTHER_KEY)};
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer half = peer_connect(&at);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    char hello[4096], answer[8192];
    int n;

    SSL_set_bio(ssl, in, out);
    (void)SSL_set_tlsext_host_name(ssl, host);
    g_assert_cmpint(SSL_connect(ssl), ==, -1);
    n = BIO_read(out, hello, sizeof(hello));
    g_assert_cmpint(n, >, 100);
    peer_send(&half, hello, 50);
    rig_settle(r);
    g_assert_cmpint(edge_reload_tls(r->edge, 1, &other, NULL), ==, GW_OK);
    rig_settle(r);
    peer_send(&half, hello + 50, (size_t)n - 50);
    g_assert_cmpuint(peer_recv(&half, answer, sizeof(answer)), >, 50);
    g_assert_cmpint(answer[0], ==, 22); /* a handshake record, not an alert */
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    peer_close(&half);
    rig_free(r);
}

static void no_certificate_no_listener(void)
{
    struct edge_cert missing = {"", "/nonexistent/cert.pem", "/nonexistent/key.pem"};
    struct edge_cert mismatch = {"", cert_path(CERT_CHAIN), cert_path(CERT_OTHER_KEY)};
    struct edge_config c = rig_config();
    struct rig *r = rig_new();
    struct net_addr at;

    g_assert_cmpint(rig_listen_web(r, true, &at), ==, GW_ECONFIG);
    g_assert_cmpint(rig_listen_sip(r, true, false), ==, GW_ECONFIG);
    rig_free(r);
    c.ncerts = 1;
    c.cert = &missing;
    g_assert_null(edge_new(&c));
    c.cert = &mismatch;
    g_assert_null(edge_new(&c));
    c = rig_tls_config();
    c.client_ca = NULL;
    r = rig_new_with(&c);
    g_assert_cmpint(rig_listen_sip(r, true, true), ==, GW_ECONFIG); /* mutual needs a CA */
    rig_free(r);
}

static void slow_handshakes_are_closed(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer silent = peer_connect(&at), half = peer_connect(&at);

    peer_send(&half, "\x16\x03\x01\x02\x00\x01\x00", 7);
    rig_settle(r);
    rig_skip(r, 6);
    peer_expect_end(&silent);
    peer_expect_end(&half);
    peer_close(&silent);
    peer_close(&half);
    rig_free(r);
}

/* A client's RST while the edge writes TLS: SIGPIPE or a wrong state would end the process. */
static void reset_while_we_write(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer p;

    for (int i = 0; i < 20; i++) {
        char buf[1000];
        p = peer_connect_tls(&at, &example);
        g_assert_nonnull(p.ssl);
        for (int k = 0; k < 10; k++)
            peer_say(&p, "GET /big HTTP/1.1\r\nHost: example.test\r\n\r\n");
        g_assert_cmpuint(peer_recv(&p, buf, sizeof(buf)), >, 0);
        peer_reset(&p);
    }
    p = peer_connect_tls(&at, &example);
    check_page(&p);
    peer_close(&p);
    rig_free(r);
}

static void big_answers_arrive_whole(void)
{
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer p = peer_connect_tls(&at, &example);

    for (int i = 0; i < 3; i++) {
        g_autofree char *answer = NULL;
        peer_say(&p, "GET /big HTTP/1.1\r\nHost: example.test\r\n\r\n");
        answer = peer_response(&p, false);
        assert_status(answer, 200);
        g_assert_cmpuint(strspn(strstr(answer, "\r\n\r\n") + 4, "b"), ==, 600000);
    }
    peer_close(&p);
    rig_free(r);
}

/* Browsers come back with a session ticket; also after a reload it must not break them. */
static void sessions_resume_or_begin_anew(void)
{
    struct edge_cert same = {"", cert_path(CERT_CHAIN), cert_path(CERT_KEY)};
    struct net_addr at;
    struct rig *r = tls_rig(&at);
    struct peer p = peer_connect_tls(&at, &example), again;
    SSL_SESSION *session;

    check_page(&p);
    session = SSL_get1_session(p.ssl);
    for (int i = 0; i < 2; i++) {
        again = peer_connect(&at);
        again.ssl = SSL_new(p.ctx);
        (void)SSL_set_fd(again.ssl, again.fd);
        (void)SSL_set_tlsext_host_name(again.ssl, host);
        (void)SSL_set_session(again.ssl, session);
        g_assert_cmpint(SSL_connect(again.ssl), ==, 1);
        check_page(&again);
        peer_close(&again);
        g_assert_cmpint(edge_reload_tls(r->edge, 1, &same, NULL), ==, GW_OK);
    }
    SSL_SESSION_free(session);
    peer_close(&p);
    rig_free(r);
}

void unit_edge_tls(void)
{
    g_test_add_func("/edge/tls/page-over-tls", page_over_tls);
    g_test_add_func("/edge/tls/certificate-by-server-name", names);
    g_test_add_func("/edge/tls/alpn-is-http11-or-nothing", alpn);
    g_test_add_func("/edge/tls/versions-from-1.2", versions);
    g_test_add_func("/edge/tls/reload-is-all-or-nothing", reload);
    g_test_add_func("/edge/tls/reload-under-a-handshake", reload_under_a_handshake);
    g_test_add_func("/edge/tls/no-certificate-no-listener", no_certificate_no_listener);
    g_test_add_func("/edge/tls/slow-handshakes-are-closed", slow_handshakes_are_closed);
    g_test_add_func("/edge/tls/reset-while-we-write", reset_while_we_write);
    g_test_add_func("/edge/tls/big-answers-arrive-whole", big_answers_arrive_whole);
    g_test_add_func("/edge/tls/sessions-resume-or-begin-anew", sessions_resume_or_begin_anew);
}
