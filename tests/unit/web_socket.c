#include "tests/fakes/web_world.h"
#include "web/limits.h"

#include <glib.h>
#include <glib/gstdio.h>

void unit_web_socket(void);

static void expect_error(uint64_t socket, const char *code, const char *re)
{
    json_t *msg = world_heard(socket, "error");

    g_assert_cmpstr(world_text(msg, "code"), ==, code);
    g_assert_cmpstr(world_text(msg, "re"), ==, re);
    g_assert_cmpuint(strlen(world_text(msg, "text")), >, 0);
    json_decref(msg);
}

static unsigned tabs_of(const char *address)
{
    struct endpoint e[ENDPOINTS_MAX];

    return world.web->ops->endpoints(world.web, address, e, ENDPOINTS_MAX);
}

static void hello_then_welcome(void)
{
    json_t *hello, *welcome;

    world_start("");
    world_open(1, "192.0.2.7:40000");
    hello = world_heard(1, "hello");
    g_assert_cmpstr(world_text(hello, "domain"), ==, WORLD_DOMAIN);
    g_assert_cmpint(json_integer_value(json_object_get(hello, "version")), ==, 1);
    g_assert_cmpuint(strlen(world_text(hello, "nonce")), ==, 32);
    g_assert_cmpuint(tabs_of("alice@example.org"), ==, 0);
    world_auth(1, hello, "alice", WORLD_PASSWORD);
    welcome = world_heard(1, "welcome");
    g_assert_cmpstr(world_text(welcome, "address"), ==, "alice@example.org");
    g_assert_cmpstr(world_text(welcome, "display"), ==, "alice's name");
    g_assert_cmpuint(tabs_of("alice@example.org"), ==, 1);
    json_decref(hello);
    json_decref(welcome);
    world_turn(20 * US_PER_S); /* the deadline was for strangers */
    world_silent(1);
    g_assert_cmpuint(world.close_code, ==, 0);
    world_gone(1);
    g_assert_cmpuint(tabs_of("alice@example.org"), ==, 0);
    world_stop();
}

static void a_wrong_password_costs_time_and_a_nonce(void)
{
    json_t *hello, *error, *welcome;

    world_start("");
    world_open(1, "192.0.2.7:40000");
    hello = world_heard(1, "hello");
    world_auth(1, hello, "alice", "wrong");
    world_silent(1);
    world_auth(1, hello, "alice", WORLD_PASSWORD); /* no second try meanwhile */
    expect_error(1, "bad-state", "auth");
    world_turn(WEB_AUTH_SLOW_US - 1);
    world_silent(1);
    world_turn(1);
    error = world_heard(1, "error");
    g_assert_cmpstr(world_text(error, "code"), ==, "not-authorized");
    g_assert_cmpstr(world_text(error, "text"), ==, "Wrong name or password.");
    g_assert_cmpstr(world_text(error, "nonce"), !=, world_text(hello, "nonce"));
    world_auth(1, error, "alice", WORLD_PASSWORD);
    welcome = world_heard(1, "welcome");
    json_decref(hello);
    json_decref(error);
    json_decref(welcome);
    world_stop();
}

static void three_wrong_passwords_end_it(void)
{
    static const char *const users[] = {"alice", "nobody", "no such@name@"};
    json_t *challenge;

    world_start("");
    world_open(1, "192.0.2.7:40000");
    challenge = world_heard(1, "hello");
    for (unsigned i = 0; i < WEB_AUTH_TRIES; i++) {
        g_assert_cmpuint(world.close_code, ==, 0);
        world_auth(1, challenge, users[i], "wrong");
        json_decref(challenge);
        world_turn((i + 1) * WEB_AUTH_SLOW_US);
        challenge = world_heard(1, "error");
        g_assert_cmpstr(world_text(challenge, "code"), ==, "not-authorized");
    }
    g_assert_null(world_text(challenge, "nonce"));
    g_assert_cmpuint(world.close_code, ==, 1008);
    json_decref(challenge);
    world_say(1, "{\"type\":\"ping\"}"); /* too late */
    world_silent(1);
    world_stop();
}

static void an_address_that_keeps_failing_waits(void)
{
    json_t *msg;

    world_start("");
    for (unsigned i = 0; i < WEB_AUTH_FAILURES; i++) {
        uint64_t id = 100 + i;

        world_open(id, "192.0.2.7:40000");
        msg = world_heard(id, "hello");
        world_auth(id, msg, "alice", "wrong");
        json_decref(msg);
        world_gone(id);
    }
    world_open(1, "192.0.2.7:40000");
    msg = world_heard(1, "hello");
    world_auth(1, msg, "alice", WORLD_PASSWORD);
    json_decref(msg);
    expect_error(1, "too-many-attempts", "auth");
    g_assert_cmpuint(world.close_code, ==, 1008);
    world_gone(1);
    world_turn(WEB_AUTH_FORGIVE_US);
    world_sign_in(2, "alice");
    world_stop();
}

static void strangers_may_not_stay_or_call(void)
{
    world_start("");
    world_open(1, "192.0.2.7:40000");
    json_decref(world_heard(1, "hello"));
    world_sayf(1, "{\"type\":\"call\",\"call\":\"c1\",\"to\":\"bob\",\"sdp\":%s}",
               world_quoted(world_sdp_offer));
    expect_error(1, "bad-state", "call");
    g_assert_null(world.leg);
    world_say(1, "{\"type\":\"ping\"}");
    json_decref(world_heard(1, "pong"));
    world_turn(WEB_AUTH_DEADLINE_US);
    g_assert_cmpuint(world.close_code, ==, 1008);
    world_stop();
}

static void nonsense_is_answered_then_shut_out(void)
{
    world_start("");
    world_sign_in(1, "alice");
    world_say(1, "{");
    expect_error(1, "malformed", NULL);
    world_say(1, "{\"type\":\"dance\"}");
    expect_error(1, "unknown-type", "dance");
    world_say(1, "{\"type\":\"pong\"}");
    expect_error(1, "unknown-type", "pong");
    world_say(1, "{\"type\":\"answer\",\"call\":\"c9\",\"sdp\":\"v=0\"}");
    expect_error(1, "unknown-call", "answer");
    world_say(1, "{\"type\":\"bye\",\"call\":\"c9\"}"); /* it crossed our ended */
    world_silent(1);
    for (unsigned i = 3; i < WEB_FAULTS_MAX; i++) {
        world_say(1, "{");
        expect_error(1, "malformed", NULL);
    }
    g_assert_cmpuint(world.close_code, ==, 0);
    world_say(1, "{");
    g_assert_cmpuint(world.close_code, ==, 1008);
    world_stop();
}

static void an_occasional_fault_is_forgiven(void)
{
    world_start("");
    world_sign_in(1, "alice");
    for (unsigned i = 0; i < 3 * WEB_FAULTS_MAX; i++) {
        world_say(1, "{");
        expect_error(1, "malformed", NULL);
        world_turn(WEB_FAULT_FORGIVE_US);
    }
    g_assert_cmpuint(world.close_code, ==, 0);
    world_stop();
}

static void a_changed_account_must_sign_in_again(void)
{
    struct account a = {.address = "alice@example.org", .user = "alice", .display = "Al"};

    world_start("");
    world_sign_in(1, "alice");
    account_set_password(&a, WORLD_DOMAIN, WORLD_PASSWORD);
    world.web->ops->account_changed(world.web, &a, false);
    g_assert_cmpuint(world.close_code, ==, 0); /* only the name is another */
    account_set_password(&a, WORLD_DOMAIN, "other");
    world.web->ops->account_changed(world.web, &a, false);
    expect_error(1, "not-authorized", NULL);
    g_assert_cmpuint(world.close_code, ==, 1008);
    g_assert_cmpuint(tabs_of("alice@example.org"), ==, 0);

    world.close_code = 0;
    world_sign_in(2, "alice");
    world.web->ops->account_changed(world.web, &a, true);
    g_assert_cmpuint(world.close_code, ==, 1008);
    world_stop();
}

static void draining_sends_idle_tabs_away(void)
{
    world_start("");
    world_sign_in(1, "alice");
    world.web->ops->drain(world.web);
    g_assert_cmpuint(world.close_code, ==, 1001);
    world_gone(1);
    world.close_code = 0;
    world_open(2, "192.0.2.7:40000");
    g_assert_cmpuint(world.close_code, ==, 1001);
    world_get("/healthz");
    g_assert_cmpuint(world.http_status, ==, 503);
    world_stop();
}

static void plain_paths_answer(void)
{
    json_t *body;

    world_start("");
    world_get("/healthz");
    g_assert_cmpuint(world.http_status, ==, 200);
    world_get("/config.json");
    g_assert_cmpuint(world.http_status, ==, 200);
    body = json_loads(world.http_body, 0, NULL);
    g_assert_cmpstr(world_text(body, "domain"), ==, WORLD_DOMAIN);
    g_assert_cmpstr(world_text(body, "websocket"), ==, "/ws");
    json_decref(body);
    world_get("/nothing");
    g_assert_cmpuint(world.http_status, ==, 404);
    world_stop();
}

void unit_web_socket(void)
{
    g_test_add_func("/web/socket/hello-then-welcome", hello_then_welcome);
    g_test_add_func("/web/socket/a-wrong-password-costs-time-and-a-nonce",
                    a_wrong_password_costs_time_and_a_nonce);
    g_test_add_func("/web/socket/three-wrong-passwords-end-it", three_wrong_passwords_end_it);
    g_test_add_func("/web/socket/an-address-that-keeps-failing-waits",
                    an_address_that_keeps_failing_waits);
    g_test_add_func("/web/socket/strangers-may-not-stay-or-call", strangers_may_not_stay_or_call);
    g_test_add_func("/web/socket/nonsense-is-answered-then-shut-out",
                    nonsense_is_answered_then_shut_out);
    g_test_add_func("/web/socket/an-occasional-fault-is-forgiven", an_occasional_fault_is_forgiven);
    g_test_add_func("/web/socket/a-changed-account-must-sign-in-again",
                    a_changed_account_must_sign_in_again);
    g_test_add_func("/web/socket/draining-sends-idle-tabs-away", draining_sends_idle_tabs_away);
    g_test_add_func("/web/socket/plain-paths-answer", plain_paths_answer);
}
