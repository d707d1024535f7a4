#include "tests/fakes/web_world.h"
#include "web/limits.h"

#include <glib.h>

void unit_web_letters(void);

static void expect_answer(uint64_t socket, const char *type, const char *id, const char *reason)
{
    json_t *msg = world_heard(socket, type);

    g_assert_cmpstr(world_text(msg, "id"), ==, id);
    g_assert_cmpstr(world_text(msg, "reason"), ==, reason);
    g_assert_true(!reason || strlen(world_text(msg, "sentence")) > 0);
    json_decref(msg);
}

static void done(enum end_cause cause)
{
    world.web->ops->message_done(world.web, world.letter_ref, cause);
}

static void a_tab_writes_and_hears_what_became_of_it(void)
{
    world_start("");
    world_sign_in(1, "alice");
    world_say(1, "{\"type\":\"message\",\"id\":\"m1\",\"to\":\"bob\",\"body\":\"a\\nb\","
                 "\"from\":\"forged@example.org\"}");
    g_assert_cmpstr(world.letter_from, ==, "alice@example.org");
    g_assert_cmpstr(world.letter_to, ==, "bob");
    g_assert_cmpstr(world.letter_text, ==, "a\nb");
    g_assert_cmpuint(world.letter_origin, ==, 1);
    world_silent(1);
    done(END_NONE);
    expect_answer(1, "delivered", "m1", NULL);
    world_say(1, "{\"type\":\"message\",\"id\":\"m2\",\"to\":\"bob\",\"body\":\"x\"}");
    done(END_OFFLINE);
    expect_answer(1, "undelivered", "m2", "offline");
    done(END_NONE); /* nobody waits for it */
    world_silent(1);
    world_stop();
}

static void a_verdict_for_a_closed_tab_is_dropped(void)
{
    world_start("");
    world_sign_in(1, "alice");
    world_say(1, "{\"type\":\"message\",\"id\":\"m1\",\"to\":\"bob\",\"body\":\"x\"}");
    world_gone(1);
    done(END_NONE);
    world_sign_in(2, "alice");
    world_say(2, "{\"type\":\"message\",\"id\":\"m1\",\"to\":\"bob\",\"body\":\"x\"}");
    world_stop(); /* nor is one for a stopped server */
}

static void a_tab_gets_a_message(void)
{
    struct message m = {.from = "bob@example.org",
                        .from_display = "Bob",
                        .to = "alice@example.org",
                        .text = "hi\n\"there\"",
                        .id = "not an id"};
    struct endpoint e[2];
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    g_assert_cmpuint(world.web->ops->endpoints(world.web, "alice@example.org", e, 2), ==, 1);
    g_assert_cmpint(world.web->ops->message(world.web, e, &m, 77), ==, GW_OK);
    g_assert_cmpuint(world.results, ==, 0); /* never from within */
    msg = world_heard(1, "message");
    g_assert_cmpstr(world_text(msg, "from"), ==, "bob@example.org");
    g_assert_cmpstr(world_text(msg, "display"), ==, "Bob");
    g_assert_cmpstr(world_text(msg, "to"), ==, "alice@example.org");
    g_assert_cmpstr(world_text(msg, "body"), ==, "hi\n\"there\"");
    g_assert_null(world_text(msg, "id"));
    json_decref(msg);
    world_turn(0);
    g_assert_cmpuint(world.results, ==, 1);
    g_assert_cmpuint(world.result, ==, 77);
    world_gone(1);
    g_assert_cmpint(world.web->ops->message(world.web, e, &m, 78), ==, GW_ENOTFOUND);
    world_stop();
}

static void expect_fault(uint64_t socket, const char *code, const char *id)
{
    json_t *msg = world_heard(socket, "error");

    g_assert_cmpstr(world_text(msg, "code"), ==, code);
    g_assert_cmpstr(world_text(msg, "re"), ==, "message");
    g_assert_cmpstr(world_text(msg, "id"), ==, id);
    json_decref(msg);
}

static void faulty_ones_are_named(void)
{
    g_autofree char *body = g_strnfill(WEB_BODY_MAX + 1, 'x');

    world_start("");
    world_open(1, "192.0.2.7:40000");
    json_decref(world_heard(1, "hello"));
    world_say(1, "{\"type\":\"message\",\"id\":\"m1\",\"to\":\"bob\",\"body\":\"x\"}");
    expect_fault(1, "bad-state", NULL);
    world_sign_in(2, "alice");
    world_say(2, "{\"type\":\"message\",\"to\":\"bob\",\"body\":\"x\"}");
    expect_fault(2, "bad-message", NULL);
    world_say(2, "{\"type\":\"message\",\"id\":\"m1\",\"to\":\"bob\",\"body\":\"\"}");
    expect_fault(2, "bad-message", "m1");
    world_sayf(2, "{\"type\":\"message\",\"id\":\"m2\",\"to\":\"bob\",\"body\":\"%s\"}", body);
    expect_fault(2, "bad-message", "m2");
    world_say(2, "{\"type\":\"delivered\",\"id\":\"m1\"}");
    json_decref(world_heard(2, "error"));
    g_assert_cmpuint(world.letters, ==, 0);
    world_stop();
}

static void too_many_without_an_answer_are_refused(void)
{
    world_start("");
    world_sign_in(1, "alice");
    for (unsigned i = 0; i < WEB_LETTERS_MAX; i++)
        world_sayf(1, "{\"type\":\"message\",\"id\":\"m%u\",\"to\":\"bob\",\"body\":\"x\"}", i);
    world_silent(1);
    world_say(1, "{\"type\":\"message\",\"id\":\"one-more\",\"to\":\"bob\",\"body\":\"x\"}");
    expect_answer(1, "undelivered", "one-more", "limit");
    done(END_NONE);
    expect_answer(1, "delivered", "m31", NULL);
    world_say(1, "{\"type\":\"message\",\"id\":\"next\",\"to\":\"bob\",\"body\":\"x\"}");
    world_silent(1);
    g_assert_cmpuint(world.letters, ==, WEB_LETTERS_MAX + 1);
    world_stop();
}

void unit_web_letters(void)
{
    g_test_add_func("/web/letters/a-tab-writes-and-hears-what-became-of-it",
                    a_tab_writes_and_hears_what_became_of_it);
    g_test_add_func("/web/letters/a-verdict-for-a-closed-tab-is-dropped",
                    a_verdict_for_a_closed_tab_is_dropped);
    g_test_add_func("/web/letters/a-tab-gets-a-message", a_tab_gets_a_message);
    g_test_add_func("/web/letters/faulty-ones-are-named", faulty_ones_are_named);
    g_test_add_func("/web/letters/too-many-without-an-answer-are-refused",
                    too_many_without_an_answer_are_refused);
}
