/* docs/web-api.md promises that somebody can write a client from it alone: what it says must be
 * what the code does. */
#include "base/attr.h"
#include "gateway/reason.h"
#include "web/auth.h"
#include "web/proto.h"

#include <glib.h>

#include <string.h>

void unit_web_docs(void);

static char *page_text(void)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(TESTS_DIR "/../docs/web-api.md", &text, NULL, NULL));
    return text;
}

static void expect_row(const char *page, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void expect_row(const char *page, const char *fmt, ...)
{
    g_autofree char *row = NULL;
    va_list args;

    va_start(args, fmt);
    row = g_strdup_vprintf(fmt, args);
    va_end(args);
    if (!strstr(page, row))
        g_error("docs/web-api.md lacks \"%s\"", row);
}

static void every_message_and_every_reason_is_listed(void)
{
    g_autofree char *page = page_text();

    for (unsigned i = 0; i < WEB_TYPES; i++)
        expect_row(page, "\n| `%s` | ", web_type_word((enum web_type)i));
    for (unsigned i = END_NONE + 1; i < END_CAUSES; i++)
        expect_row(page, "\n| `%s` | %s |\n", end_word((enum end_cause)i),
                   end_sentence((enum end_cause)i));
}

static void every_sentence_about_messages_is_listed(void)
{
    g_autofree char *page = page_text();

    for (unsigned i = END_NONE + 1; i < END_CAUSES; i++)
        expect_row(page, "| %s |\n", end_message_sentence((enum end_cause)i));
}

/* Each line "-> {...}" or "<- {...}"; one of them is faulty on purpose and answered so. */
static void transcripts_are_what_we_read_and_write(void)
{
    g_autofree char *page = page_text();
    g_auto(GStrv) lines = g_strsplit(page, "\n", -1);
    unsigned good = 0, faulty = 0;

    for (unsigned i = 0; lines[i]; i++) {
        const char *end = strrchr(lines[i], '}');
        bool ours = g_str_has_prefix(lines[i], "← {");
        struct web_fault why;
        struct web_msg m;

        if (!end || !(ours || g_str_has_prefix(lines[i], "→ {")))
            continue;
        lines[i][end + 1 - lines[i]] = '\0';
        if (web_msg_read(span_of(strchr(lines[i], '{')), &m, &why)) {
            g_assert_false(ours);
            g_assert_nonnull(strstr(lines[i + 1], "\"sdp\\\" is missing"));
            faulty++;
            continue;
        }
        if (ours) {
            g_autofree char *written = web_msg_write(&m);

            g_assert_cmpstr(written, ==, strchr(lines[i], '{'));
        }
        web_msg_clear(&m);
        good++;
    }
    g_assert_cmpuint(good, >=, 30);
    g_assert_cmpuint(faulty, ==, 1);
}

static void proofs_in_transcripts_are_right(void)
{
    static const struct {
        const char *nonce, *cnonce;
    } tries[] = {{"Zk3vT0qB9sLx2WcYp7RmN4aHd8JfUe5G", "9f2c81d04be7a6350c1d"},
                 {"m4Qd81xTfaWcN0hYz2LsVbK7eRjU3Gp9", "81f3a90c55d2e6b4"}};
    g_autofree char *page = page_text();

    for (unsigned i = 0; i < G_N_ELEMENTS(tries); i++) {
        char proof[PROOF_SIZE];

        g_assert_true(
            proof_compute("317b2aa0542c3c0eef7c5b974d69882c5ff43d5efc93a32ebd7032b58cb8a769",
                          tries[i].nonce, tries[i].cnonce, proof));
        expect_row(page, "\"cnonce\":\"%s\",\"proof\":\"%s\"", tries[i].cnonce, proof);
    }
}

void unit_web_docs(void)
{
    g_test_add_func("/web/docs/every-message-and-every-reason-is-listed",
                    every_message_and_every_reason_is_listed);
    g_test_add_func("/web/docs/every-sentence-about-messages-is-listed",
                    every_sentence_about_messages_is_listed);
    g_test_add_func("/web/docs/transcripts-are-what-we-read-and-write",
                    transcripts_are_what_we_read_and_write);
    g_test_add_func("/web/docs/proofs-in-transcripts-are-right", proofs_in_transcripts_are_right);
}
