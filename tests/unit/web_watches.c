#include "tests/fakes/web_world.h"
#include "web/limits.h"

#include <glib.h>

void unit_web_watches(void);

static void told(enum presence_show show, const char *note)
{
    struct presence p = {.show = show};

    presence_set_note(&p, note);
    world.web->ops->watched(world.web, world.watch, &p);
}

static void a_signed_in_tab_is_there_until_it_goes(void)
{
    world_start("");
    world_open(1, "192.0.2.7:40000");
    json_decref(world_heard(1, "hello"));
    world_say(1, "{\"type\":\"presence\",\"show\":\"dnd\"}");
    json_decref(world_heard(1, "error"));
    world_gone(1);
    g_assert_cmpstr(world.said, ==, "");
    world_sign_in(2, "alice");
    world_say(2, "{\"type\":\"presence\",\"show\":\"dnd\",\"note\":\" in a meeting\"}");
    world_say(2, "{\"type\":\"presence\",\"show\":\"asleep\"}");
    json_decref(world_heard(2, "error"));
    world_silent(2);
    world_gone(2);
    g_assert_cmpstr(world.said, ==,
                    "alice@example.org there; alice@example.org dnd in a meeting; 2 gone; ");
    world_stop();
}

static void a_tab_watches_and_is_told(void)
{
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    world_say(1, "{\"type\":\"watch\",\"to\":\"Bob\"}");
    g_assert_cmpstr(world.watched, ==, "Bob");
    told(PRESENCE_AWAY, "lunch");
    msg = world_heard(1, "presence");
    g_assert_cmpstr(world_text(msg, "to"), ==, "Bob");
    g_assert_cmpstr(world_text(msg, "address"), ==, "bob@example.org");
    g_assert_cmpstr(world_text(msg, "show"), ==, "away");
    g_assert_cmpstr(world_text(msg, "note"), ==, "lunch");
    json_decref(msg);
    told(PRESENCE_OFFLINE, "");
    msg = world_heard(1, "presence");
    g_assert_cmpstr(world_text(msg, "show"), ==, "offline");
    g_assert_null(world_text(msg, "note"));
    json_decref(msg);
    world_say(1, "{\"type\":\"watch\",\"to\":\"Bob\"}"); /* instead of the first */
    g_assert_cmpuint(world.watches, ==, 1);
    world_say(1, "{\"type\":\"unwatch\",\"to\":\"Bob\"}");
    world_say(1, "{\"type\":\"unwatch\",\"to\":\"Bob\"}");
    g_assert_cmpuint(world.watches, ==, 0);
    told(PRESENCE_AVAILABLE, "");
    world_silent(1);
    world_stop();
}

static void a_refused_watch_says_why(void)
{
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    world.watch_refused = END_NOT_FOUND;
    world_say(1, "{\"type\":\"watch\",\"to\":\"nobody\"}");
    msg = world_heard(1, "unwatched");
    g_assert_cmpstr(world_text(msg, "to"), ==, "nobody");
    g_assert_cmpstr(world_text(msg, "reason"), ==, "not-found");
    g_assert_cmpstr(world_text(msg, "sentence"), ==, "There is nobody at this address.");
    json_decref(msg);
    world_say(1, "{\"type\":\"watch\",\"to\":\"@@\"}");
    json_decref(world_heard(1, "unwatched"));
    world_stop();
}

static void what_a_tab_watches_ends_with_it_and_has_a_limit(void)
{
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    for (unsigned i = 0; i < WEB_WATCHES_MAX; i++)
        world_sayf(1, "{\"type\":\"watch\",\"to\":\"user%u\"}", i);
    world_silent(1);
    world_say(1, "{\"type\":\"watch\",\"to\":\"one-more\"}");
    msg = world_heard(1, "unwatched");
    g_assert_cmpstr(world_text(msg, "reason"), ==, "limit");
    json_decref(msg);
    g_assert_cmpuint(world.watches, ==, WEB_WATCHES_MAX);
    world_gone(1);
    g_assert_cmpuint(world.watches, ==, 0);
    told(PRESENCE_AVAILABLE, "");
    world_stop();
}

void unit_web_watches(void)
{
    g_test_add_func("/web/watches/a-signed-in-tab-is-there-until-it-goes",
                    a_signed_in_tab_is_there_until_it_goes);
    g_test_add_func("/web/watches/a-tab-watches-and-is-told", a_tab_watches_and_is_told);
    g_test_add_func("/web/watches/a-refused-watch-says-why", a_refused_watch_says_why);
    g_test_add_func("/web/watches/what-a-tab-watches-ends-with-it-and-has-a-limit",
                    what_a_tab_watches_ends_with_it_and_has_a_limit);
}
