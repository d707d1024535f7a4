#include "tests/edge/certs.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <stdio.h>

struct pair {
    X509 *cert;
    EVP_PKEY *key;
};

static char *folder;
static char *paths[CERT_FILES];

static void add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    g_assert_nonnull(ext);
    g_assert_cmpint(X509_add_ext(cert, ext, -1), ==, 1);
    X509_EXTENSION_free(ext);
}

static struct pair pair_new(const char *cn, const char *names, const struct pair *issuer, bool ca)
{
    static long serial = 1;
    struct pair p = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *name = X509_get_subject_name(p.cert);
    const struct pair *by = issuer ? issuer : &p;

    (void)X509_set_version(p.cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(p.cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(p.cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
                                     0);
    (void)X509_set_issuer_name(p.cert, X509_get_subject_name(by->cert));
    (void)X509_set_pubkey(p.cert, p.key);
    add_ext(p.cert, by->cert, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (names)
        add_ext(p.cert, by->cert, NID_subject_alt_name, names);
    g_assert_cmpint(X509_sign(p.cert, by->key, EVP_sha256()), >, 0);
    return p;
}

static void write_cert(enum cert_file to, const char *name, X509 *first, X509 *second)
{
    FILE *f;

    paths[to] = g_build_filename(folder, name, NULL);
    f = fopen(paths[to], "w");
    g_assert_nonnull(f);
    g_assert_cmpint(PEM_write_X509(f, first), ==, 1);
    if (second)
        g_assert_cmpint(PEM_write_X509(f, second), ==, 1);
    g_assert_cmpint(fclose(f), ==, 0);
}

static void write_key(enum cert_file to, const char *name, EVP_PKEY *key)
{
    FILE *f;

    paths[to] = g_build_filename(folder, name, NULL);
    f = fopen(paths[to], "w");
    g_assert_nonnull(f);
    g_assert_cmpint(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), ==, 1);
    g_assert_cmpint(fclose(f), ==, 0);
}

static void pair_free(struct pair *p)
{
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
}

static void remove_all(void)
{
    for (unsigned i = 0; i < CERT_FILES; i++) {
        (void)g_unlink(paths[i]);
        g_free(paths[i]);
    }
    (void)g_rmdir(folder);
    g_free(folder);
}

static void make_all(void)
{
    struct pair root = pair_new("Test Root", NULL, NULL, true);
    struct pair middle = pair_new("Test Intermediate", NULL, &root, true);
    struct pair leaf = pair_new("example.test", "DNS:example.test,IP:127.0.0.1", &middle, false);
    struct pair other = pair_new("other.test", "DNS:other.test", &root, false);
    struct pair client = pair_new("client", "DNS:client.test", &root, false);
    struct pair uri = pair_new("trunk", "URI:sip:trunk.test", &root, false);
    struct pair stranger = pair_new("example.test", "DNS:example.test", NULL, false);

    folder = g_dir_make_tmp("edge-certs-XXXXXX", NULL);
    write_cert(CERT_CA, "ca.pem", root.cert, NULL);
    write_cert(CERT_CHAIN, "chain.pem", leaf.cert, middle.cert);
    write_key(CERT_KEY, "key.pem", leaf.key);
    write_cert(CERT_OTHER, "other.pem", other.cert, NULL);
    write_key(CERT_OTHER_KEY, "other.key", other.key);
    write_cert(CERT_CLIENT, "client.pem", client.cert, NULL);
    write_key(CERT_CLIENT_KEY, "client.key", client.key);
    write_cert(CERT_URI, "uri.pem", uri.cert, NULL);
    write_key(CERT_URI_KEY, "uri.key", uri.key);
    write_cert(CERT_STRANGER, "stranger.pem", stranger.cert, NULL);
    write_key(CERT_STRANGER_KEY, "stranger.key", stranger.key);
    pair_free(&root);
    pair_free(&middle);
    pair_free(&leaf);
    pair_free(&other);
    pair_free(&client);
    pair_free(&uri);
    pair_free(&stranger);
    (void)atexit(remove_all);
}

const char *cert_path(enum cert_file which)
{
    if (!folder)
        make_all();
    return paths[which];
}
