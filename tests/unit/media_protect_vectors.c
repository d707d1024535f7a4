/* SRTP against the RFCs' own values: some typed in, the rest read from the corpus. */
#include "media/protect_internal.h"
#include "tests/unit/media_protect_packets.h"

#include <glib.h>

void unit_media_protect_vectors(void);

static size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = strlen(hex) / 2;
    g_assert_cmpuint(n, <=, cap);
    for (size_t i = 0; i < n; i++)
        out[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    return n;
}

static void assert_hex(const uint8_t *got, size_t n, const char *hex)
{
    uint8_t want[PACKET_CAP];
    size_t len = unhex(hex, want, sizeof(want));
    g_assert_cmpuint(n, ==, len);
    g_assert_true(memcmp(got, want, len) == 0);
}

/* RFC 3711 B.3 */
static const char master_hex[] = "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6";

static void the_session_keys_of_rfc3711_b3(void)
{
    uint8_t master[46];
    struct protect_session s;
    (void)unhex(master_hex, master, sizeof(master));
    g_assert_true(protect_derive(DESC_AES_CM_128_SHA1_80, master, false, &s));
    assert_hex(s.cipher, 16, "c61e7a93744f39ee10734afe3ff7a087");
    assert_hex(s.salt, 14, "30cbbc08863d8c85d49db34a9ae1");
    assert_hex(s.auth, 20, "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
}

/* RFC 7714 16.1.1 */
static void the_gcm_packet_of_rfc7714_16(void)
{
    struct protect_session s = {{0}, {0}, {0}};
    struct packet k = {0};
    (void)unhex("000102030405060708090a0b0c0d0e0f", s.cipher, sizeof(s.cipher));
    (void)unhex("517569642070726f2071756f", s.salt, sizeof(s.salt));
    k.len = unhex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e"
                  "207061727465732074726573",
                  k.p, sizeof(k.p));
    struct protect_key *key = protect_key_new(DESC_AEAD_AES_128_GCM, PROTECT_OUT, false, &s);
    struct protect_unit u = {
        .p = k.p, .clear = 12, .len = k.len, .ssrc = 0x5501a0b2, .index = 0xf17b};
    g_assert_true(protect_key_seal(key, &u, k.p + k.len));
    assert_hex(
        k.p, k.len + PROTECT_GCM_TAG,
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7"
        "d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce");
    protect_key_free(key);
}

/** A corpus file, or NULL when the corpus is not there: the test is then skipped, and says so. */
static char *corpus(const char *name)
{
    char *path = g_build_filename(CORPUS_DIR, "srtp", name, NULL);
    char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        g_test_skip("no corpus of SRTP vectors");
    g_free(path);
    return text;
}

/** Behind @p at: the value of the first line "name = hex"; NULL when there is none. */
static char *value(const char *at, const char *name)
{
    char *pattern = g_strdup_printf("\n%s = ", name);
    const char *line = strstr(at, pattern);
    char *hex = NULL;
    if (line) {
        line += strlen(pattern);
        hex = g_strndup(line, strcspn(line, "\n"));
    }
    g_free(pattern);
    return hex;
}

static void assert_value(const uint8_t *got, size_t n, const char *text, const char *name)
{
    char *hex = value(text, name);
    g_assert_nonnull(hex);
    assert_hex(got, n, hex);
    g_free(hex);
}

static size_t value_bytes(const char *text, const char *name, uint8_t *out, size_t cap)
{
    char *hex = value(text, name);
    g_assert_nonnull(hex);
    size_t n = unhex(hex, out, cap);
    g_free(hex);
    return n;
}

static void the_keys_of_the_corpus(void)
{
    char *text = corpus("rfc3711-b3-key-derivation.txt");
    uint8_t master[46];
    struct protect_session s;
    if (!text)
        return;
    size_t n = value_bytes(text, "master_key", master, sizeof(master));
    (void)value_bytes(text, "master_salt", master + n, sizeof(master) - n);
    g_assert_true(protect_derive(DESC_AES_CM_128_SHA1_80, master, false, &s));
    assert_value(s.cipher, 16, text, "rtp_cipher_key");
    assert_value(s.salt, 14, text, "rtp_cipher_salt");
    assert_value(s.auth, 20, text, "rtp_auth_key");
    g_assert_true(protect_derive(DESC_AES_CM_128_SHA1_80, master, true, &s));
    assert_value(s.cipher, 16, text, "rtcp_cipher_key");
    assert_value(s.salt, 14, text, "rtcp_cipher_salt");
    assert_value(s.auth, 20, text, "rtcp_auth_key");
    g_free(text);
}

static void the_key_stream_of_the_corpus(void)
{
    enum { BLOCKS = 0xff02 };
    char *text = corpus("rfc3711-b2-aes-cm-keystream.txt");
    struct protect_session s = {{0}, {0}, {0}};
    if (!text)
        return;
    (void)value_bytes(text, "session_key", s.cipher, sizeof(s.cipher));
    (void)value_bytes(text, "session_salt", s.salt, sizeof(s.salt));
    uint8_t *stream = g_malloc0(BLOCKS * 16UL + 10);
    struct protect_key *key = protect_key_new(DESC_AES_CM_128_SHA1_80, PROTECT_OUT, false, &s);
    struct protect_unit u = {.p = stream,
                             .len = BLOCKS * 16UL}; /* all encrypted, SSRC and index 0 */
    g_assert_true(protect_key_seal(key, &u, stream + u.len));
    static const unsigned blocks[] = {0, 1, 2, 0xfeff, 0xff00, 0xff01};
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
        char *name = g_strdup_printf("block_%04x", blocks[i]);
        assert_value(stream + 16UL * blocks[i], 16, text, name);
        g_free(name);
    }
    protect_key_free(key);
    g_free(stream);
    g_free(text);
}

/** Seals @p name's packet after @p before have moved the roll-over counter, and opens it again. */
static void whole_packet(const char *text, enum desc_suite suite, bool second_cycle,
                         const char *name)
{
    uint8_t master[46];
    size_t n = value_bytes(text, "master_key", master, sizeof(master));
    (void)value_bytes(text, "master_salt", master + n, sizeof(master) - n);
    struct protect *out = protect_new(MEDIA_SRTP_OWN, PROTECT_OUT, suite, master);
    struct protect *in = protect_new(MEDIA_SRTP_OWN, PROTECT_IN, suite, master);
    struct packet k;
    if (second_cycle)
        for (unsigned i = 0; i < 2; i++) {
            packet_audio(&k, 0xcafebabe, i ? 0xf000 : 0x7800);
            g_assert_cmpint(packet_seal(out, &k), ==, GW_OK);
            g_assert_cmpint(packet_open(in, &k), ==, GW_OK);
        }
    k.len = value_bytes(text, "rtp", k.p, sizeof(k.p));
    g_assert_cmpint(packet_seal(out, &k), ==, GW_OK);
    assert_value(k.p, k.len, text, name);
    g_assert_cmpint(packet_open(in, &k), ==, GW_OK);
    assert_value(k.p, k.len, text, "rtp");
    protect_free(out);
    protect_free(in);
}

static void the_packets_of_the_corpus(void)
{
    char *text = corpus("rfc3711-packets.txt");
    if (!text)
        return;
    whole_packet(text, DESC_AES_CM_128_SHA1_80, false, "srtp_80_roc0");
    whole_packet(text, DESC_AES_CM_128_SHA1_80, true, "srtp_80_roc1");
    whole_packet(text, DESC_AES_CM_128_SHA1_32, false, "srtp_32_roc0");
    g_free(text);
}

/** With either suite of CM: SRTCP's tag is the long one (RFC 4568 6.2.2). */
static void the_srtcp_packet_of_the_corpus(void)
{
    static const enum desc_suite suites[] = {DESC_AES_CM_128_SHA1_80, DESC_AES_CM_128_SHA1_32};
    char *text = corpus("rfc3711-packets.txt");
    uint8_t master[46];
    if (!text)
        return;
    size_t n = value_bytes(text, "master_key", master, sizeof(master));
    (void)value_bytes(text, "master_salt", master + n, sizeof(master) - n);
    for (size_t i = 0; i < G_N_ELEMENTS(suites); i++) {
        struct protect *out = protect_new(MEDIA_SRTP_OWN, PROTECT_OUT, suites[i], master);
        struct protect *in = protect_new(MEDIA_SRTP_OWN, PROTECT_IN, suites[i], master);
        struct packet k;
        for (unsigned index = 0; index < 2; index++) {
            k.len = value_bytes(text, "rtcp", k.p, sizeof(k.p));
            g_assert_cmpint(packet_seal_rtcp(out, &k), ==, GW_OK);
        }
        assert_value(k.p, k.len, text, "srtcp_80_index1");
        g_assert_cmpint(packet_open_rtcp(in, &k), ==, GW_OK);
        assert_value(k.p, k.len, text, "rtcp");
        protect_free(out);
        protect_free(in);
    }
    g_free(text);
}

/** One section of the RFC 7714 files, sealed and opened with session keys. @p word: SRTCP only. */
static void gcm_section(const char *text, const char *section, bool rtcp)
{
    struct protect_session s = {{0}, {0}, {0}};
    uint8_t aad[PACKET_CAP];
    struct packet k = {0};
    (void)value_bytes(text, "salt", s.salt, sizeof(s.salt));
    size_t key_len = value_bytes(section, "key", s.cipher, sizeof(s.cipher));
    size_t aad_len = value_bytes(section, "aad", aad, sizeof(aad));
    k.len = value_bytes(section, "plain", k.p, sizeof(k.p));
    enum desc_suite suite = key_len == 32 ? DESC_AEAD_AES_256_GCM : DESC_AEAD_AES_128_GCM;
    struct protect_unit u = {.p = k.p, .clear = aad_len, .len = k.len};
    if (rtcp) {
        const uint8_t *word = aad + aad_len - 4;
        u.clear -= 4;
        u.word =
            (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 | (uint32_t)word[2] << 8 | word[3];
        u.index = 0x5d4;
        u.ssrc = 0x4d617273;
    } else {
        u.index = 0xf17b;
        u.ssrc = 0x5501a0b2;
    }
    struct protect_key *seal = protect_key_new(suite, PROTECT_OUT, rtcp, &s);
    struct protect_key *open = protect_key_new(suite, PROTECT_IN, rtcp, &s);
    g_assert_true(protect_key_seal(seal, &u, k.p + k.len));
    size_t n = k.len + PROTECT_GCM_TAG;
    if (rtcp) { /* on the wire the word comes last */
        packet_put32(k.p + n, u.word);
        n += 4;
    }
    assert_value(k.p, n, section, "protected");
    g_assert_true(protect_key_open(open, &u, k.p + k.len));
    assert_value(k.p, k.len, section, "plain");
    k.p[k.len] ^= 1;
    g_assert_false(protect_key_open(open, &u, k.p + k.len));
    protect_key_free(seal);
    protect_key_free(open);
}

static void gcm_file(const char *name, bool rtcp, unsigned sections)
{
    char *text = corpus(name);
    unsigned n = 0;
    if (!text)
        return;
    for (const char *at = strstr(text, "\nkey = "); at; at = strstr(at + 1, "\nkey = ")) {
        gcm_section(text, at, rtcp);
        n++;
    }
    g_assert_cmpuint(n, ==, sections);
    g_free(text);
}

static void the_gcm_packets_of_the_corpus(void)
{
    gcm_file("rfc7714-16-srtp-gcm.txt", false, 8);
}

static void the_gcm_srtcp_packets_of_the_corpus(void)
{
    gcm_file("rfc7714-17-srtcp-gcm.txt", true, 4);
}

void unit_media_protect_vectors(void)
{
    g_test_add_func("/media/protect_vectors/the-session-keys-of-rfc3711-b3",
                    the_session_keys_of_rfc3711_b3);
    g_test_add_func("/media/protect_vectors/the-gcm-packet-of-rfc7714-16",
                    the_gcm_packet_of_rfc7714_16);
    g_test_add_func("/media/protect_vectors/the-keys-of-the-corpus", the_keys_of_the_corpus);
    g_test_add_func("/media/protect_vectors/the-key-stream-of-the-corpus",
                    the_key_stream_of_the_corpus);
    g_test_add_func("/media/protect_vectors/the-packets-of-the-corpus", the_packets_of_the_corpus);
    g_test_add_func("/media/protect_vectors/the-srtcp-packet-of-the-corpus",
                    the_srtcp_packet_of_the_corpus);
    g_test_add_func("/media/protect_vectors/the-gcm-packets-of-the-corpus",
                    the_gcm_packets_of_the_corpus);
    g_test_add_func("/media/protect_vectors/the-gcm-srtcp-packets-of-the-corpus",
                    the_gcm_srtcp_packets_of_the_corpus);
}
