#include "tests/edge/rig.h"

#include "tests/edge/certs.h"

#include <glib.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_S = 10, PEER_BUFFER = 262144 };

/* ---- the edge ---- */

struct edge_config rig_config(void)
{
    return (struct edge_config){.connections_max = 4000,
                                .connections_per_address = 8,
                                .connections_per_address_per_s = 20,
                                .exempt_loopback = true,
                                .dial_ca = cert_path(CERT_CA)};
}

struct edge_config rig_tls_config(void)
{
    static struct edge_cert certs[2];
    struct edge_config c = rig_config();

    certs[0] = (struct edge_cert){"", cert_path(CERT_CHAIN), cert_path(CERT_KEY)};
    certs[1] = (struct edge_cert){"other.test", cert_path(CERT_OTHER), cert_path(CERT_OTHER_KEY)};
    c.ncerts = 2;
    c.cert = certs;
    c.client_ca = cert_path(CERT_CA);
    return c;
}

enum gw_err rig_listen_web(struct rig *r, bool tls, struct net_addr *bound)
{
    static const char *const origins[] = {"https://friend.test", NULL};
    static const char *const protocols[] = {"tandem.v1", NULL};
    static const struct edge_route routes[] = {
        {"/api/*", EDGE_GET | EDGE_POST | EDGE_PUT | EDGE_DELETE}, {"/api/read", EDGE_GET}};
    static char big[600000];
    const struct edge_file files[] = {
        {"/", "text/html; charset=utf-8", "<!doctype html><p>hello</p>", 27},
        {"/app.js", "text/javascript", "export {};\n", 11},
        {"/big", "application/octet-stream", big, sizeof(big)}};
    struct edge_web_config c = {.tls = tls,
                                .origins = origins,
                                .nfiles = G_N_ELEMENTS(files),
                                .file = files,
                                .nroutes = G_N_ELEMENTS(routes),
                                .route = routes,
                                .ws_path = "/ws",
                                .ws_protocols = protocols,
                                .events = r->events};

    memset(big, 'b', sizeof(big));
    g_assert_true(net_addr_parse(SPAN("127.0.0.1:0"), &c.listen));
    return edge_listen_web(r->edge, &c, bound);
}

static void stack_listen(struct rig *r)
{
    struct sockaddr_storage sa;
    socklen_t len;

    g_assert_true(net_addr_parse(SPAN("127.0.0.1:0"), &r->stack_at));
    r->stack = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    len = net_addr_to_sockaddr(&r->stack_at, &sa);
    g_assert_cmpint(bind(r->stack, (struct sockaddr *)&sa, len), ==, 0);
    g_assert_cmpint(listen(r->stack, 128), ==, 0);
    len = sizeof(sa);
    g_assert_cmpint(getsockname(r->stack, (struct sockaddr *)&sa, &len), ==, 0);
    g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &r->stack_at));
}

enum gw_err rig_listen_sip(struct rig *r, bool tls, bool client_certificate)
{
    struct edge_sip_config c = {.tls = tls,
                                .client_certificate = client_certificate,
                                .loopback = r->stack_at,
                                .events = r->events};

    g_assert_true(net_addr_parse(SPAN("127.0.0.1:0"), &c.listen));
    return edge_listen_sip(r->edge, &c, &r->sip);
}

enum gw_err rig_listen_sip_ws(struct rig *r, bool tls)
{
    static const char *const origins[] = {"https://friend.test", NULL};
    struct edge_sip_config c = {
        .tls = tls, .ws = true, .origins = origins, .loopback = r->stack_at, .events = r->events};

    g_assert_true(net_addr_parse(SPAN("127.0.0.1:0"), &c.listen));
    return edge_listen_sip(r->edge, &c, &r->sip);
}

struct rig *rig_new_with(const struct edge_config *c)
{
    struct edge_config standard = rig_config();
    struct rig *r = g_new0(struct rig, 1);

    r->events = mailbox_new(sizeof(struct edge_event), 256);
    r->nobody = mailbox_new(sizeof(struct edge_event), 1);
    r->edge = edge_new(c ? c : &standard);
    g_assert_nonnull(r->edge);
    stack_listen(r);
    g_assert_cmpint(rig_listen_web(r, false, &r->web), ==, GW_OK);
    return r;
}

struct rig *rig_new(void)
{
    return rig_new_with(NULL);
}

void rig_free(struct rig *r)
{
    edge_free(r->edge);
    mailbox_free(r->events, edge_event_clear);
    mailbox_free(r->nobody, NULL);
    (void)close(r->stack);
    g_free(r);
}

void rig_skip(struct rig *r, unsigned seconds)
{
    clock_skip(seconds);
    edge_flow_close(r->edge, 0); /* any command wakes it */
}

struct edge_event rig_event(struct rig *r, enum edge_event_type type)
{
    struct pollfd wait = {.fd = mailbox_fd(r->events), .events = POLLIN};
    struct edge_event ev;

    while (!mailbox_take(r->events, &ev))
        g_assert_cmpint(poll(&wait, 1, DEADLINE_S * 1000), >, 0);
    g_assert_cmpint(ev.type, ==, type);
    return ev;
}

/* Detaching a mailbox nobody uses changes nothing, and is answered after all that came before. A
 * turn may accept, the next read, in any order beside the command: three turns have seen it all. */
void rig_settle(struct rig *r)
{
    for (int i = 0; i < 3; i++)
        edge_detach(r->edge, r->nobody);
}

void rig_no_event(struct rig *r)
{
    struct edge_event ev;

    rig_settle(r);
    g_assert_false(mailbox_take(r->events, &ev));
}

/* ---- clients ---- */

static void set_deadlines(int fd)
{
    struct timeval t = {.tv_sec = DEADLINE_S};
    int one = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

struct peer peer_connect(const struct net_addr *to)
{
    struct sockaddr_storage sa;
    socklen_t len = net_addr_to_sockaddr(to, &sa);
    struct peer p = {.fd = socket(to->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    g_assert_cmpint(p.fd, >=, 0);
    set_deadlines(p.fd);
    g_assert_cmpint(connect(p.fd, (struct sockaddr *)&sa, len), ==, 0);
    return p;
}

struct peer peer_connect_tls(const struct net_addr *to, const struct peer_tls *how)
{
    struct peer p = peer_connect(to);

    p.ctx = SSL_CTX_new(TLS_client_method());
    g_assert_cmpint(SSL_CTX_load_verify_locations(p.ctx, cert_path(CERT_CA), NULL), ==, 1);
    SSL_CTX_set_verify(p.ctx, SSL_VERIFY_PEER, NULL);
    if (how->max_version) {
        (void)SSL_CTX_set_min_proto_version(p.ctx, TLS1_VERSION);
        (void)SSL_CTX_set_max_proto_version(p.ctx, how->max_version);
        if (how->max_version < TLS1_2_VERSION) /* old versions need it in OpenSSL 3 */
            (void)SSL_CTX_set_cipher_list(p.ctx, "DEFAULT@SECLEVEL=0");
    }
    if (how->cert) {
        g_assert_cmpint(SSL_CTX_use_certificate_chain_file(p.ctx, how->cert), ==, 1);
        g_assert_cmpint(SSL_CTX_use_PrivateKey_file(p.ctx, how->key, SSL_FILETYPE_PEM), ==, 1);
    }
    p.ssl = SSL_new(p.ctx);
    (void)SSL_set_fd(p.ssl, p.fd);
    if (how->sni) {
        g_autofree char *sni = g_strdup(how->sni); /* OpenSSL's macro casts const away */
        (void)SSL_set_tlsext_host_name(p.ssl, sni);
    }
    if (how->alpn) {
        unsigned char wire[64] = {(unsigned char)strlen(how->alpn)};
        memcpy(wire + 1, how->alpn, wire[0]);
        g_assert_cmpint(SSL_set_alpn_protos(p.ssl, wire, wire[0] + 1u), ==, 0);
    }
    if (SSL_connect(p.ssl) != 1) {
        SSL_free(p.ssl);
        p.ssl = NULL;
    }
    return p;
}

void peer_close(struct peer *p)
{
    if (p->ssl) {
        (void)SSL_shutdown(p->ssl);
        SSL_free(p->ssl);
    }
    SSL_CTX_free(p->ctx);
    if (p->fd >= 0)
        (void)close(p->fd);
    *p = (struct peer){.fd = -1};
}

void peer_reset(struct peer *p)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    SSL_free(p->ssl);
    p->ssl = NULL;
    peer_close(p);
}

/* The edge may have closed on us already: that is seen by who reads. */
void peer_send(struct peer *p, const void *data, size_t n)
{
    const char *at = data;

    while (n) {
        ssize_t sent = p->ssl ? SSL_write(p->ssl, at, (int)n) : send(p->fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        n -= (size_t)sent;
    }
}

void peer_say(struct peer *p, const char *text)
{
    peer_send(p, text, strlen(text));
}

size_t peer_recv(struct peer *p, void *buf, size_t n)
{
    ssize_t got;

    if (p->ssl) {
        int r = SSL_read(p->ssl, buf, (int)n);
        return r > 0 ? (size_t)r : 0;
    }
    got = recv(p->fd, buf, n, 0);
    if (got < 0)
        g_assert_cmpint(errno, !=, EAGAIN); /* the deadline */
    return got > 0 ? (size_t)got : 0;
}

void peer_recv_all(struct peer *p, void *buf, size_t n)
{
    size_t have = 0;

    while (have < n) {
        size_t got = peer_recv(p, (char *)buf + have, n - have);
        g_assert_cmpuint(got, >, 0);
        have += got;
    }
}

char *peer_recv_rest(struct peer *p)
{
    GString *all = g_string_new(NULL);
    char buf[16384];
    size_t n;

    while ((n = peer_recv(p, buf, sizeof(buf))) > 0)
        (void)g_string_append_len(all, buf, (gssize)n);
    return g_string_free(all, FALSE);
}

static size_t content_length(const char *head)
{
    const char *at = strstr(head, "\r\nContent-Length: ");

    return at ? (size_t)g_ascii_strtoull(at + 18, NULL, 10) : 0;
}

char *peer_response(struct peer *p, bool head_only)
{
    GString *all = g_string_new(NULL);
    size_t body = 0, have;
    char c;

    while (!g_str_has_suffix(all->str, "\r\n\r\n")) {
        g_assert_cmpuint(peer_recv(p, &c, 1), ==, 1);
        (void)g_string_append_c(all, c);
    }
    have = all->len;
    if (!head_only)
        body = content_length(all->str);
    (void)g_string_set_size(all, have + body);
    if (body)
        peer_recv_all(p, all->str + have, body);
    return g_string_free(all, FALSE);
}

void peer_expect_end(struct peer *p)
{
    char buf[4096];

    while (peer_recv(p, buf, sizeof(buf)) > 0)
        continue;
}

char *rig_exchange(struct rig *r, const char *request)
{
    struct peer p = peer_connect(&r->web);
    char *answer;

    peer_say(&p, request);
    answer = peer_recv_rest(&p);
    peer_close(&p);
    return answer;
}

void assert_status(const char *response, unsigned status)
{
    char want[32];

    (void)snprintf(want, sizeof(want), "HTTP/1.1 %u ", status);
    if (!g_str_has_prefix(response, want))
        g_error("wanted %s, got: %.200s", want,
                *response ? response : "(closed without an answer)");
}

/* ---- WebSocket clients ---- */

struct peer rig_ws(struct rig *r, uint64_t *id)
{
    struct peer p = peer_connect(&r->web);
    g_autofree char *answer = NULL;
    struct edge_event ev;

    peer_say(&p, "GET /ws HTTP/1.1\r\nHost: example.test\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Protocol: tandem.v1\r\n\r\n");
    answer = peer_response(&p, true);
    assert_status(answer, 101);
    ev = rig_event(r, EDGE_WS_OPEN);
    *id = ev.id;
    edge_event_clear(&ev);
    return p;
}

void ws_frame(struct peer *p, unsigned first_byte, const void *data, size_t n)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    g_autoptr(GByteArray) f = g_byte_array_new();
    unsigned char head[14] = {(unsigned char)first_byte};
    unsigned len = 2;

    if (n < 126) {
        head[1] = (unsigned char)(0x80 | n);
    } else if (n < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(n >> 8);
        head[3] = (unsigned char)(n & 0xff);
        len = 4;
    } else {
        head[1] = 0x80 | 127;
        for (unsigned i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)((uint64_t)n >> (56 - 8 * i) & 0xff);
        len = 10;
    }
    memcpy(head + len, mask, 4);
    (void)g_byte_array_append(f, head, len + 4);
    (void)g_byte_array_append(f, data, (guint)n);
    for (size_t i = 0; i < n; i++)
        f->data[len + 4 + i] ^= mask[i % 4];
    peer_send(p, f->data, f->len);
}

unsigned ws_read(struct peer *p, char *buf, size_t size, size_t *n)
{
    unsigned char head[2], more[8];

    peer_recv_all(p, head, 2);
    g_assert_cmpuint(head[1] & 0x80, ==, 0); /* servers do not mask */
    *n = head[1];
    if (head[1] == 126) {
        peer_recv_all(p, more, 2);
        *n = (size_t)(more[0] << 8 | more[1]);
    } else if (head[1] == 127) {
        peer_recv_all(p, more, 8);
        *n = 0;
        for (unsigned i = 0; i < 8; i++)
            *n = *n << 8 | more[i];
    }
    g_assert_cmpuint(*n, <, size);
    peer_recv_all(p, buf, *n);
    buf[*n] = '\0';
    return head[0] & 0x0f;
}

unsigned ws_read_close(struct peer *p)
{
    g_autofree char *buf = g_malloc(PEER_BUFFER);
    size_t n;

    while (ws_read(p, buf, PEER_BUFFER, &n) != 8)
        continue;
    return n >= 2 ? (unsigned)((unsigned char)buf[0] << 8 | (unsigned char)buf[1]) : 1005;
}

/* ---- the SIP stack's stand-in ---- */

struct peer rig_stack_accept(struct rig *r)
{
    struct pollfd wait = {.fd = r->stack, .events = POLLIN};
    struct peer p = {0};

    g_assert_cmpint(poll(&wait, 1, DEADLINE_S * 1000), ==, 1);
    p.fd = accept4(r->stack, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(p.fd, >=, 0);
    set_deadlines(p.fd);
    return p;
}

void peer_expect(struct peer *p, const char *text)
{
    size_t n = strlen(text);
    g_autofree char *got = g_malloc0(n + 1);

    peer_recv_all(p, got, n);
    g_assert_cmpstr(got, ==, text);
}
