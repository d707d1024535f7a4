#include "base/log.h"

#include <glib.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What @p fn makes the log say. The log writes to descriptor 2, so that is a file meanwhile. */
static char *said(void (*fn)(void))
{
    char *text;
    gsize n;
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();

    g_assert_nonnull(file);
    g_assert_cmpint(dup2(fileno(file), STDERR_FILENO), ==, STDERR_FILENO);
    fn();
    g_assert_cmpint(dup2(saved, STDERR_FILENO), ==, STDERR_FILENO);
    (void)close(saved);
    (void)fseek(file, 0, SEEK_END);
    n = (gsize)ftell(file);
    text = g_malloc0(n + 1);
    rewind(file);
    g_assert_cmpuint(fread(text, 1, n, file), ==, n);
    (void)fclose(file);
    return text;
}

/* The lines without their times. */
static void expect(void (*fn)(void), const char *want)
{
    g_autofree char *text = said(fn);
    g_autoptr(GRegex) time =
        g_regex_new("^[0-9:.]+ ", G_REGEX_MULTILINE | G_REGEX_RAW, (GRegexMatchFlags)0, NULL);
    g_autofree char *bare =
        g_regex_replace_literal(time, text, -1, 0, "", (GRegexMatchFlags)0, NULL);

    g_assert_cmpstr(bare, ==, want);
}

static void say_nasty(void)
{
    LOG_I("test", "a%s", "\nb\033[2Jc\x7f.\xc2\x9b[2J\xc2\xa0\xc3\x9bz\xff\xc3_\xed\xa0\x80");
}

static void text_from_the_wire_stays_on_its_line(void)
{
    expect(say_nasty, "I mod=test a b [2Jc .  [2J\xc2\xa0\xc3\x9bz?\?_?\?\?\n");
}

static void say_at_all_levels(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    LOG_E("test", "one");
    LOG_W("test", "two");
    (void)fail(GW_EPEER, "test", "three");
    log_set_level(LOG_LEVEL_WARN);
    LOG_W("test", "four");
    LOG_I("test", "five");
    log_set_level(LOG_LEVEL_INFO);
    LOG_D("test", "six");
}

static void a_level_leaves_the_lesser_ones_out(void)
{
    expect(say_at_all_levels, "E mod=test one\nW mod=test four\n");
}

static void say_of_calls(void)
{
    LOG_I("test", "outside");
    {
        LOG_CALL(0xabc);
        LOG_I("test", "inside");
    }
    LOG_I("test", "outside again");
}

static void a_call_marks_its_lines(void)
{
    expect(say_of_calls,
           "I mod=test outside\nI call=abc mod=test inside\nI mod=test outside again\n");
}

static void say_too_much(void)
{
    g_autofree char *text = g_strnfill(5000, 'x');

    LOG_I("test", "%s", text);
    (void)fail(GW_EPEER, "test", "%s", text);
}

static void long_lines_are_cut(void)
{
    g_autofree char *text = said(say_too_much);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint(strlen(lines[i]), >, 1000);
        g_assert_cmpuint(strlen(lines[i]), <, 1024);
    }
    g_assert_cmpstr(lines[2], ==, "");
}

void unit_base_log(void);
void unit_base_log(void)
{
    g_test_add_func("/base/log/text-from-the-wire-stays-on-its-line",
                    text_from_the_wire_stays_on_its_line);
    g_test_add_func("/base/log/a-level-leaves-the-lesser-ones-out",
                    a_level_leaves_the_lesser_ones_out);
    g_test_add_func("/base/log/a-call-marks-its-lines", a_call_marks_its_lines);
    g_test_add_func("/base/log/long-lines-are-cut", long_lines_are_cut);
}
