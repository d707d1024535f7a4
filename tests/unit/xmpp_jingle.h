/** For the tests of the Jingle codec: stanzas in and out as text. */
#pragma once

#include "xmpp/jingle.h"

#include <string.h>

/* One content around @p parts of a description and of a transport. */
#define ACTION(action, inner)                                                                      \
    "<jingle xmlns='urn:xmpp:jingle:1' action='" action "' sid='s1'>" inner "</jingle>"
#define CONTENT(attrs, inner) "<content creator='initiator' name='0'" attrs ">" inner "</content>"
#define AUDIO(inner)                                                                               \
    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>" inner "</description>"
#define ICE(attrs, inner)                                                                          \
    "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'" attrs ">" inner "</transport>"
#define CREDENTIALS " ufrag='u1' pwd='p1'"
#define OFFER(inner) ACTION("session-initiate", CONTENT("", AUDIO(inner)))
#define OFFER_ICE(inner) ACTION("session-initiate", CONTENT("", ICE(CREDENTIALS, inner)))

static inline enum gw_err jingle_from(const char *text, bool by_initiator, struct jingle *out,
                                      const char **why)
{
    xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
    xmpp_stanza_t *e = xmpp_stanza_new_from_string(ctx, text);
    enum gw_err err;

    g_assert_nonnull(e);
    err = jingle_read(e, by_initiator, out, why);
    (void)xmpp_stanza_release(e);
    xmpp_ctx_free(ctx);
    return err;
}

/* Must be readable. */
static inline struct jingle jingle_take(const char *text, bool by_initiator)
{
    struct jingle j;
    const char *why = NULL;
    enum gw_err err = jingle_from(text, by_initiator, &j, &why);

    g_assert_cmpstr(why, ==, NULL);
    g_assert_cmpint(err, ==, GW_OK);
    return j;
}

/* Must not; and the peer gets a sentence. */
static inline void jingle_refused(const char *text, enum gw_err expected)
{
    struct jingle j;
    const char *why = NULL;

    g_assert_cmpint(jingle_from(text, true, &j, &why), ==, expected);
    g_assert_nonnull(why);
}

/* g_free */
static inline char *jingle_said(const struct jingle *j, bool by_initiator)
{
    GString *s = g_string_new(NULL);

    jingle_write(s, j, by_initiator, NULL, NULL);
    return g_string_free(s, FALSE);
}

static inline void said_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("%s\nis not in\n%s", part, text);
}

static inline void said_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        g_error("%s\nis in\n%s", part, text);
}

static inline unsigned said_times(const char *text, const char *part)
{
    unsigned n = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        n++;
    return n;
}

/* A stanza as the named client writes it, from the corpus of the fuzzer. */
static inline struct jingle jingle_of_client(const char *name, bool by_initiator)
{
    g_autofree char *path = g_build_filename(TESTS_DIR, "fuzz/corpus/jingle", name, NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return jingle_take(text, by_initiator);
}
