/* Our handshake against the openssl program, over UDP on loopback, in both roles. It prints the
 * keying material, so both sides' keys are compared. */
#include "base/addr.h"
#include "base/clock.h"
#include "media/dtls.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

void unit_media_dtls_openssl(void);

#define PATIENCE_US (20 * US_PER_S)

struct bench {
    struct dtls_context *ctx;
    struct dtls *d;
    int fd;
    struct net_addr peer; /* where we send */
    unsigned keys, fails;
    struct dtls_keys got;
    char *dir;
    GSubprocess *openssl;
    char *output;
};

static void on_send(void *arg, struct span datagram)
{
    struct bench *b = arg;
    struct sockaddr_storage sa;
    socklen_t n = net_addr_to_sockaddr(&b->peer, &sa);

    /* ECONNREFUSED: the program is not listening yet; the handshake sends again */
    (void)sendto(b->fd, datagram.p, datagram.n, 0, (struct sockaddr *)&sa, n);
}

static void on_keys(void *arg, const struct dtls_keys *keys)
{
    struct bench *b = arg;

    b->keys++;
    b->got = *keys;
}

static void on_failed(void *arg, enum dtls_why why)
{
    (void)why;
    ((struct bench *)arg)->fails++;
}

static void on_closed(void *arg)
{
    (void)arg;
}

static const struct dtls_ops ops = {
    .send = on_send, .keys = on_keys, .failed = on_failed, .closed = on_closed};

static uint16_t port_of(int fd)
{
    struct sockaddr_in sa;
    socklen_t n = sizeof(sa);

    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&sa, &n), ==, 0);
    return ntohs(sa.sin_port);
}

static int bound_socket(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&any, sizeof(any)), ==, 0);
    return fd;
}

static char *in_dir(const struct bench *b, const char *name)
{
    return g_build_filename(b->dir, name, NULL);
}

/* The program's certificate; false when there is no such program. */
static bool make_certificate(const struct bench *b)
{
    g_autofree char *openssl = g_find_program_in_path("openssl");
    g_autofree char *cert = in_dir(b, "cert.pem"), *key = in_dir(b, "key.pem");
    const char *argv[] = {
        "openssl", "req",   "-x509",    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-subj", "/CN=peer", "-keyout", key,  "-out",     cert,
        NULL};
    g_autoptr(GSubprocess) p = NULL;

    if (!openssl)
        return false;
    p = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
    return p && g_subprocess_wait_check(p, NULL, NULL);
}

/* Its fingerprint, as a description would say it. */
static void learn_fingerprint(const struct bench *b, struct desc_fingerprint *out)
{
    g_autofree char *cert = in_dir(b, "cert.pem"), *text = NULL;
    const char *argv[] = {"openssl", "x509",         "-in",     cert,
                          "-noout",  "-fingerprint", "-sha256", NULL};
    g_autoptr(GSubprocess) p = g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
    const char *hex;

    g_assert_true(g_subprocess_communicate_utf8(p, NULL, NULL, &text, NULL, NULL));
    hex = strchr(text, '=');
    g_assert_nonnull(hex);
    (void)g_strlcpy(out->hash, "sha-256", sizeof(out->hash));
    for (out->n = 0; out->n < 32; out->n++)
        out->value[out->n] = (uint8_t)(g_ascii_xdigit_value(hex[1 + 3 * out->n]) << 4 |
                                       g_ascii_xdigit_value(hex[2 + 3 * out->n]));
}

static bool bench_open(struct bench *b, bool active, bool lie)
{
    struct desc_fingerprint fp = {.n = 0};

    b->dir = g_dir_make_tmp("tandem-dtls-XXXXXX", NULL);
    g_assert_nonnull(b->dir);
    if (!make_certificate(b)) {
        g_test_skip("no openssl program");
        return false;
    }
    learn_fingerprint(b, &fp);
    fp.value[0] ^= lie;
    b->output = g_strdup("");
    b->fd = bound_socket();
    b->ctx = dtls_context_new();
    b->d = dtls_new(&(struct dtls_params){.ctx = b->ctx, .ops = &ops, .arg = b, .active = active});
    g_assert_cmpint(dtls_set_fingerprints(b->d, &fp, 1), ==, GW_OK);
    return true;
}

static void spawn(struct bench *b, bool server, uint16_t port, const char *profiles)
{
    g_autofree char *cert = in_dir(b, "cert.pem"), *key = in_dir(b, "key.pem");
    g_autofree char *number = g_strdup_printf("127.0.0.1:%u", port);
    const char *argv[] = {"openssl",
                          server ? "s_server" : "s_client",
                          "-dtls1_2",
                          server ? "-accept" : "-connect",
                          number,
                          server ? "-Verify" : "-verify",
                          "1",
                          "-cert",
                          cert,
                          "-key",
                          key,
                          "-use_srtp",
                          profiles,
                          "-keymatexport",
                          "EXTRACTOR-dtls_srtp",
                          "-keymatexportlen",
                          "60",
                          NULL};
    g_autofree char *out = in_dir(b, "out");
    GSubprocessLauncher *l =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);

    g_subprocess_launcher_set_stdout_file_path(l, out);
    b->openssl = g_subprocess_launcher_spawnv(l, argv, NULL);
    g_assert_nonnull(b->openssl);
    g_object_unref(l);
}

static void read_output(struct bench *b)
{
    g_autofree char *out = in_dir(b, "out");

    g_clear_pointer(&b->output, g_free);
    if (!g_file_get_contents(out, &b->output, NULL, NULL))
        b->output = g_strdup("");
}

static void turn(struct bench *b)
{
    struct pollfd fd = {.fd = b->fd, .events = POLLIN};
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char buf[2048];
    ssize_t n;

    (void)poll(&fd, 1, 10);
    while ((n = recvfrom(b->fd, buf, sizeof(buf), 0, (struct sockaddr *)&sa, &len)) > 0) {
        g_assert_true(net_addr_from_sockaddr((struct sockaddr *)&sa, &b->peer));
        dtls_input(b->d, (struct span){buf, (size_t)n}, clock_now_us());
        len = sizeof(sa);
    }
    if (dtls_next_due_us(b->d, clock_now_us()) <= clock_now_us())
        dtls_timer(b->d, clock_now_us());
    read_output(b);
}

static void bench_close(struct bench *b)
{
    static const char *const names[] = {"cert.pem", "key.pem", "out"};

    if (b->openssl) {
        g_subprocess_force_exit(b->openssl);
        g_assert_true(g_subprocess_wait(b->openssl, NULL, NULL));
        g_object_unref(b->openssl);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = in_dir(b, names[i]);

        (void)g_unlink(path);
    }
    (void)g_rmdir(b->dir);
    g_free(b->dir);
    if (b->output) {
        dtls_free(b->d);
        dtls_context_free(b->ctx);
        (void)close(b->fd);
        g_free(b->output);
    }
}

static const char material[] = "Keying material: ";

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static void compare_keys(const struct bench *b, bool active)
{
    size_t key = desc_suite_key_len(b->got.suite), salt = desc_suite_salt_len(b->got.suite);
    const uint8_t *client = active ? b->got.send : b->got.receive;
    const uint8_t *server = active ? b->got.receive : b->got.send;
    const char *at = strstr(b->output, material) + strlen(material);
    GString *expected = g_string_new(NULL);

    for (size_t i = 0; i < 2 * (key + salt); i++) {
        uint8_t octet = i < key              ? client[i]
                        : i < 2 * key        ? server[i - key]
                        : i < 2 * key + salt ? client[i - key]
                                             : server[i - key - salt];

        g_string_append_printf(expected, "%02X", octet);
    }
    g_assert_cmpint(strncmp(at, expected->str, expected->len), ==, 0);
    (void)g_string_free(expected, TRUE);
}

static bool exported(const struct bench *b)
{
    const char *at = strstr(b->output, material);

    return at && strchr(at, '\n');
}

static void handshake(bool active, const char *profiles, enum desc_suite expected)
{
    struct bench b = {.fd = -1};
    uint64_t end = clock_now_us() + PATIENCE_US;

    if (bench_open(&b, active, false)) {
        int scout = bound_socket(); /* a free port for the program, if it is the server */
        uint16_t port = active ? port_of(scout) : port_of(b.fd);

        (void)close(scout);
        b.peer = (struct net_addr){.set = 1, .ip = {127, 0, 0, 1}, .port = port};
        spawn(&b, active, port, profiles);
        dtls_start(b.d, clock_now_us());
        while (!b.keys || !exported(&b)) {
            g_assert_cmpuint(b.fails, ==, 0);
            g_assert_true(clock_now_us() < end);
            turn(&b);
        }
        g_assert_cmpint(b.got.suite, ==, expected);
        compare_keys(&b, active);
    }
    bench_close(&b);
}

#define GCM "SRTP_AEAD_AES_128_GCM"
#define CM "SRTP_AES128_CM_SHA1_80"

static void openssl_is_the_server(void)
{
    handshake(true, GCM ":" CM, DESC_AEAD_AES_128_GCM);
}

static void openssl_is_the_client(void)
{
    handshake(false, CM, DESC_AES_CM_128_SHA1_80);
}

static void openssl_knows_the_old_profile_only(void)
{
    handshake(true, CM, DESC_AES_CM_128_SHA1_80);
}

static void openssl_has_another_certificate(void)
{
    struct bench b = {.fd = -1};
    uint64_t end = clock_now_us() + PATIENCE_US;

    if (bench_open(&b, false, true)) {
        spawn(&b, false, port_of(b.fd), GCM ":" CM);
        while (!b.fails) {
            g_assert_cmpuint(b.keys, ==, 0);
            g_assert_true(clock_now_us() < end);
            turn(&b);
        }
        g_assert_cmpint(dtls_why(b.d), ==, DTLS_WHY_FINGERPRINT);
    }
    bench_close(&b);
}

static void no_profile_in_common_fails(void)
{
    struct bench b = {.fd = -1};
    uint64_t end = clock_now_us() + PATIENCE_US;

    if (bench_open(&b, false, false)) {
        spawn(&b, false, port_of(b.fd), "SRTP_AES128_CM_SHA1_32");
        while (!b.fails) {
            g_assert_cmpuint(b.keys, ==, 0);
            g_assert_true(clock_now_us() < end);
            turn(&b);
        }
        g_assert_cmpint(dtls_why(b.d), ==, DTLS_WHY_PROFILE);
    }
    bench_close(&b);
}

#define ADD(claim, fn) g_test_add_func("/media/dtls_openssl/" claim, fn)

void unit_media_dtls_openssl(void)
{
    ADD("openssl-is-the-server", openssl_is_the_server);
    ADD("openssl-is-the-client", openssl_is_the_client);
    ADD("openssl-knows-the-old-profile-only", openssl_knows_the_old_profile_only);
    ADD("openssl-has-another-certificate", openssl_has_another_certificate);
    ADD("no-profile-in-common-fails", no_profile_in_common_fails);
}
