#include "tests/fakes/web_world.h"
#include "web/limits.h"
#include "web/socket.h"

#include <glib.h>

void unit_web_leg(void);

static void place(uint64_t socket, const char *call)
{
    world_sayf(socket, "{\"type\":\"call\",\"call\":\"%s\",\"to\":\"bob\",\"sdp\":%s}", call,
               world_quoted(world_sdp_offer));
}

/* Rings the only tab of alice; the leg is what the call would hold. */
static struct leg *dial(void)
{
    struct endpoint e[ENDPOINTS_MAX];
    struct desc *offer = world_desc(world_sdp_offer);
    struct dial_request req = {.call_id = 0x51,
                               .endpoint = e,
                               .from = "bob@example.org",
                               .from_display = "Bob",
                               .to = "alice@example.org",
                               .offer = offer};
    struct leg *leg = NULL;

    g_assert_cmpuint(world.web->ops->endpoints(world.web, "alice@example.org", e, ENDPOINTS_MAX),
                     ==, 1);
    g_assert_true(e[0].profile[0].ice);
    g_assert_cmpint(world.web->ops->dial(world.web, &req, &leg), ==, GW_OK);
    desc_free(offer);
    return leg;
}

static void hang_up(struct leg *leg, enum end_cause cause)
{
    struct end_reason why = end_because(cause);

    leg->ops->hangup(leg, &why);
}

static void expect_ended(uint64_t socket, const char *call, const char *reason)
{
    json_t *msg = world_heard(socket, "ended");

    g_assert_cmpstr(world_text(msg, "call"), ==, call);
    g_assert_cmpstr(world_text(msg, "reason"), ==, reason);
    g_assert_cmpuint(strlen(world_text(msg, "sentence")), >, 0);
    json_decref(msg);
}

static void expect_sdp(uint64_t socket, const char *type)
{
    json_t *msg = world_heard(socket, type);

    g_assert_true(g_str_has_prefix(world_text(msg, "sdp"), "v=0\r\n"));
    json_decref(msg);
}

static void expect_error(uint64_t socket, const char *code)
{
    json_t *msg = world_heard(socket, "error");

    g_assert_cmpstr(world_text(msg, "code"), ==, code);
    json_decref(msg);
}

static void expect_gone(void)
{
    world_turn(0);
    (void)world_reported(LEG_GONE);
    world_nothing_reported();
}

/* A call of the tab that was answered. */
static struct leg *talk(void)
{
    struct desc *answer = world_desc(world_sdp_answer);
    struct leg *leg;

    place(1, "c1");
    leg = world.leg;
    leg->ops->answer(leg, answer);
    expect_sdp(1, "answer");
    desc_free(answer);
    return leg;
}

static void a_call_rings_plays_early_media_and_is_answered(void)
{
    struct endpoint self;
    struct desc *answer;
    struct leg *leg;

    world_start("");
    world_sign_in(1, "alice");
    place(1, "c1");
    leg = world.leg;
    g_assert_nonnull(leg);
    g_assert_cmpstr(world.from, ==, "alice@example.org");
    g_assert_cmpstr(world.account, ==, "alice@example.org");
    g_assert_cmpstr(world.to, ==, "bob");
    g_assert_cmpuint(world.web->ops->endpoints(world.web, world.from, &self, 1), ==, 1);
    g_assert_cmpuint(world.origin_id, ==, self.id); /* so that it does not ring itself */
    g_assert_cmpuint(world.offer->nstreams, ==, 2);
    answer = world_desc(world_sdp_answer);
    leg->ops->progress(leg, true, NULL);
    json_decref(world_heard(1, "ringing"));
    leg->ops->progress(leg, false, answer);
    expect_sdp(1, "progress");
    leg->ops->answer(leg, answer);
    expect_sdp(1, "answer");
    leg->ops->progress(leg, true, NULL); /* late */
    world_silent(1);
    hang_up(leg, END_NORMAL);
    hang_up(leg, END_NORMAL);
    expect_ended(1, "c1", "normal");
    world_silent(1);
    expect_gone();
    desc_free(answer);
    world_stop();
}

static void a_refusal_has_its_word_its_sentence_and_its_number(void)
{
    struct end_reason why = {.cause = END_BUSY, .code = 486};
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    place(1, "c1");
    world.leg->ops->hangup(world.leg, &why);
    msg = world_heard(1, "ended");
    g_assert_cmpstr(world_text(msg, "reason"), ==, "busy");
    g_assert_cmpstr(world_text(msg, "sentence"), ==, "The person you called is on another call.");
    g_assert_cmpint(json_integer_value(json_object_get(msg, "status")), ==, 486);
    json_decref(msg);
    expect_gone();

    world.incoming_refused = END_NOT_FOUND; /* from within gateway_incoming() */
    place(1, "c1");                         /* the id is free again */
    expect_ended(1, "c1", "not-found");
    expect_gone();
    world_stop();
}

static void giving_up_and_hanging_up_differ(void)
{
    world_start("");
    world_sign_in(1, "alice");
    place(1, "c1");
    world_say(1, "{\"type\":\"bye\",\"call\":\"c1\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_CANCELLED);
    expect_ended(1, "c1", "cancelled");
    expect_gone();
    (void)talk();
    world_say(1, "{\"type\":\"bye\",\"call\":\"c1\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_NORMAL);
    expect_ended(1, "c1", "normal");
    expect_gone();
    (void)talk();
    world_say(1, "{\"type\":\"bye\",\"call\":\"c1\",\"reason\":\"media-failed\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_MEDIA_FAILED);
    expect_ended(1, "c1", "media-failed");
    expect_gone();
    world_stop();
}

static void offers_that_make_no_sense_end_the_call(void)
{
    world_start("");
    world_sign_in(1, "alice");
    world_say(1, "{\"type\":\"call\",\"call\":\"c1\",\"to\":\"bob\",\"sdp\":\"hello\"}");
    expect_ended(1, "c1", "protocol-error");
    g_assert_null(world.leg);
    (void)talk();
    world_say(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":\"hello\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_PROTOCOL);
    expect_ended(1, "c1", "protocol-error");
    expect_gone();
    world_stop();
}

static void an_answer_too_long_to_be_said_ends_the_call(void)
{
    g_autofree char *fmtp = g_strnfill(DESC_TEXT_MAX - 1, 'x');
    struct desc *answer;

    world_start("");
    world_sign_in(1, "alice");
    place(1, "c1");
    answer = world_desc(world_sdp_answer);
    for (uint8_t pt = 0; pt < DESC_CODECS_MAX - 1; pt++)
        (void)desc_add_codec(&answer->stream[0], pt, "opus", 48000, 2, fmtp);
    world.leg->ops->answer(world.leg, answer);
    world_silent(1);
    world_nothing_reported();
    world_turn(0);
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_PROTOCOL);
    expect_ended(1, "c1", "protocol-error");
    expect_gone();
    desc_free(answer);
    world_stop();
}

static void ids_and_limits_of_calls(void)
{
    world_start("");
    world_sign_in(1, "alice");
    place(1, "s-1");
    expect_error(1, "bad-message");
    for (unsigned i = 0; i < WEB_CALLS_MAX; i++) {
        g_autofree char *call = g_strdup_printf("c%u", i);

        place(1, call);
        world_silent(1);
    }
    place(1, "c0");
    expect_error(1, "call-exists");
    place(1, "one-more");
    expect_ended(1, "one-more", "limit");
    world_gone(1);
    for (unsigned i = 0; i < WEB_CALLS_MAX; i++)
        g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_UNREACHABLE);
    world_turn(0);
    g_assert_cmpuint(world.legs_gone, ==, WEB_CALLS_MAX);
    world_stop();
}

static void a_tab_rings_and_answers(void)
{
    struct leg *leg;
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    leg = dial();
    msg = world_heard(1, "incoming");
    g_assert_cmpstr(world_text(msg, "call"), ==, "s-1");
    g_assert_cmpstr(world_text(msg, "from"), ==, "bob@example.org");
    g_assert_cmpstr(world_text(msg, "display"), ==, "Bob");
    g_assert_cmpstr(world_text(msg, "to"), ==, "alice@example.org");
    g_assert_nonnull(world_text(msg, "sdp"));
    json_decref(msg);
    world_say(1, "{\"type\":\"ringing\",\"call\":\"s-1\"}");
    g_assert_true(world_reported(LEG_PROGRESS).ringing);
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"s-1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    (void)world_reported(LEG_ANSWERED);
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"s-1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    expect_error(1, "bad-state");
    world_say(1, "{\"type\":\"reject\",\"call\":\"s-1\"}");
    expect_error(1, "bad-state");
    world_nothing_reported();
    hang_up(leg, END_NORMAL);
    expect_ended(1, "s-1", "normal");
    expect_gone();
    world_stop();
}

static void a_tab_declines_is_busy_or_too_late(void)
{
    world_start("");
    world_sign_in(1, "alice");
    (void)dial();
    json_decref(world_heard(1, "incoming"));
    world_say(1, "{\"type\":\"reject\",\"call\":\"s-1\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_DECLINED);
    expect_ended(1, "s-1", "declined");
    expect_gone();
    (void)dial();
    json_decref(world_heard(1, "incoming"));
    world_say(1, "{\"type\":\"reject\",\"call\":\"s-2\",\"reason\":\"busy\"}");
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_BUSY);
    expect_ended(1, "s-2", "busy");
    expect_gone();
    hang_up(dial(), END_ANSWERED_ELSEWHERE);
    json_decref(world_heard(1, "incoming"));
    expect_ended(1, "s-3", "answered-elsewhere");
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"s-3\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    expect_error(1, "unknown-call");
    expect_gone();
    world_stop();
}

static void candidates_find_their_stream(void)
{
    static const char line[] = "candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host";
    struct world_event ev;

    world_start("");
    world_sign_in(1, "alice");
    (void)talk();
    world_sayf(1,
               "{\"type\":\"candidate\",\"call\":\"c1\",\"mid\":\"video\",\"index\":0,"
               "\"candidate\":\"%s\"}",
               line);
    ev = world_reported(LEG_CANDIDATE);
    g_assert_cmpuint(ev.stream, ==, 1);
    g_assert_true(ev.has_candidate);
    world_sayf(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"index\":1,\"candidate\":\"%s\"}",
               line);
    g_assert_cmpuint(world_reported(LEG_CANDIDATE).stream, ==, 1);
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"mid\":\"audio\",\"index\":0,"
                 "\"candidate\":null}");
    ev = world_reported(LEG_CANDIDATE);
    g_assert_cmpuint(ev.stream, ==, 0);
    g_assert_false(ev.has_candidate);
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"index\":0,\"candidate\":\"\"}");
    g_assert_false(world_reported(LEG_CANDIDATE).has_candidate);
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"mid\":\"audio\",\"index\":0,"
                 "\"candidate\":\"candidate:1 1 udp 2122260223 "
                 "0b5ce8a8-6d1b-4b0e-a4a0-2f1c1f2d3e4f.local 5000 typ host\"}");
    world_silent(1); /* mDNS: of no use, and no fault */
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"index\":0,\"candidate\":\"rubbish\"}");
    expect_error(1, "bad-message");
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"index\":2,\"candidate\":null}");
    expect_error(1, "bad-message");
    world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"mid\":\"data\",\"index\":0,"
                 "\"candidate\":null}");
    expect_error(1, "bad-message");
    world_nothing_reported();
    world_gone(1);
    world_stop();
}

static void a_flood_of_candidates_is_cut(void)
{
    world_start("");
    world_sign_in(1, "alice");
    (void)talk();
    for (unsigned i = 0; i < 2 * WEB_CANDIDATES_MAX; i++)
        world_say(1, "{\"type\":\"candidate\",\"call\":\"c1\",\"index\":0,\"candidate\":null}");
    for (unsigned i = 0; i < WEB_CANDIDATES_MAX; i++)
        (void)world_reported(LEG_CANDIDATE);
    world_nothing_reported();
    world_silent(1);
    world_gone(1);
    world_stop();
}

static void our_candidates_trickle(void)
{
    struct desc_candidate c = {.foundation = "1", .component = 1, .priority = 9};
    struct leg *leg;
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    g_assert_true(net_addr_parse(SPAN("192.0.2.1:5000"), &c.addr));
    leg->ops->candidate(leg, 1, &c);
    msg = world_heard(1, "candidate");
    g_assert_cmpstr(world_text(msg, "mid"), ==, "video");
    g_assert_cmpint(json_integer_value(json_object_get(msg, "index")), ==, 1);
    g_assert_true(g_str_has_prefix(world_text(msg, "candidate"), "candidate:1 1 "));
    json_decref(msg);
    leg->ops->candidate(leg, 0, NULL);
    msg = world_heard(1, "candidate");
    g_assert_true(json_is_null(json_object_get(msg, "candidate")));
    json_decref(msg);
    leg->ops->candidate(leg, 7, NULL);
    world_silent(1);
    world_gone(1);
    world_stop();
}

static void a_call_changes_both_ways(void)
{
    struct desc *offer, *answer;
    struct leg *leg;
    struct world_event ev;
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    offer = world_desc(world_sdp_offer);
    answer = world_desc(world_sdp_answer);

    world_sayf(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":%s}", world_quoted(world_sdp_offer));
    (void)world_reported(LEG_OFFER);
    world_sayf(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":%s}", world_quoted(world_sdp_offer));
    expect_error(1, "bad-state"); /* one at a time */
    leg->ops->respond(leg, answer, false);
    expect_sdp(1, "answer");

    world_sayf(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":%s}", world_quoted(world_sdp_offer));
    (void)world_reported(LEG_OFFER);
    leg->ops->respond(leg, NULL, false);
    msg = world_heard(1, "refuse");
    g_assert_cmpstr(world_text(msg, "reason"), ==, "incompatible");
    json_decref(msg);

    leg->ops->offer(leg, offer);
    expect_sdp(1, "offer");
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"c1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    (void)world_reported(LEG_ANSWER);
    leg->ops->offer(leg, offer);
    expect_sdp(1, "offer");
    world_say(1, "{\"type\":\"refuse\",\"call\":\"c1\",\"reason\":\"incompatible\"}");
    ev = world_reported(LEG_REFUSED);
    g_assert_false(ev.glare);
    g_assert_cmpint(ev.cause, ==, END_NO_CODEC);
    world_say(1, "{\"type\":\"refuse\",\"call\":\"c1\",\"reason\":\"incompatible\"}");
    expect_error(1, "bad-state");
    world_nothing_reported();

    desc_free(offer);
    desc_free(answer);
    world_gone(1);
    world_stop();
}

static void in_a_glare_the_servers_offer_wins(void)
{
    struct desc *offer, *answer;
    struct leg *leg;
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    offer = world_desc(world_sdp_offer);
    answer = world_desc(world_sdp_answer);

    leg->ops->offer(leg, offer); /* ours first, theirs crosses it */
    expect_sdp(1, "offer");
    world_sayf(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":%s}", world_quoted(world_sdp_offer));
    msg = world_heard(1, "refuse");
    g_assert_cmpstr(world_text(msg, "reason"), ==, "glare");
    json_decref(msg);
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"c1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    (void)world_reported(LEG_ANSWER);

    world_sayf(1, "{\"type\":\"offer\",\"call\":\"c1\",\"sdp\":%s}", world_quoted(world_sdp_offer));
    (void)world_reported(LEG_OFFER); /* theirs first, ours before its answer */
    leg->ops->offer(leg, offer);
    json_decref(world_heard(1, "refuse"));
    expect_sdp(1, "offer");
    leg->ops->respond(leg, answer, false); /* has been said already */
    world_silent(1);

    desc_free(offer);
    desc_free(answer);
    world_gone(1);
    world_stop();
}

static void an_offer_nobody_answers_is_refused(void)
{
    struct desc *offer;
    struct world_event ev;
    struct leg *leg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    offer = world_desc(world_sdp_offer);
    leg->ops->offer(leg, offer);
    expect_sdp(1, "offer");
    world_turn(WEB_OFFER_PATIENCE_US - 1);
    world_nothing_reported();
    world_turn(1);
    ev = world_reported(LEG_REFUSED);
    g_assert_cmpint(ev.cause, ==, END_UNREACHABLE);
    g_assert_false(ev.glare);
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"c1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    expect_error(1, "bad-state"); /* too late */

    leg->ops->offer(leg, offer); /* one that is answered is not refused afterwards */
    expect_sdp(1, "offer");
    world_sayf(1, "{\"type\":\"answer\",\"call\":\"c1\",\"sdp\":%s}",
               world_quoted(world_sdp_answer));
    (void)world_reported(LEG_ANSWER);
    world_turn(WEB_OFFER_PATIENCE_US);
    world_nothing_reported();

    desc_free(offer);
    world_gone(1);
    world_stop();
}

static void digits_cross_both_ways(void)
{
    struct world_event ev;
    struct leg *leg;
    json_t *msg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    world_say(1, "{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"#\",\"ms\":100}");
    ev = world_reported(LEG_DTMF);
    g_assert_cmpint(ev.digit, ==, '#');
    g_assert_cmpuint(ev.duration_ms, ==, 100);
    world_say(1, "{\"type\":\"dtmf\",\"call\":\"c1\",\"digit\":\"5\"}");
    g_assert_cmpuint(world_reported(LEG_DTMF).duration_ms, ==, 160);
    leg->ops->dtmf(leg, '7', 20);
    msg = world_heard(1, "dtmf");
    g_assert_cmpstr(world_text(msg, "digit"), ==, "7");
    g_assert_cmpint(json_integer_value(json_object_get(msg, "ms")), ==, 40);
    json_decref(msg);
    world_gone(1);
    world_stop();
}

static void a_lost_connection_ends_its_calls(void)
{
    struct desc *answer;
    struct leg *leg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    answer = world_desc(world_sdp_answer);
    world_gone(1);
    g_assert_cmpint(world_reported(LEG_ENDED).cause, ==, END_UNREACHABLE);
    leg->ops->offer(leg, answer); /* before LEG_GONE anything may still be asked of it */
    leg->ops->respond(leg, answer, false);
    leg->ops->candidate(leg, 0, NULL);
    leg->ops->dtmf(leg, '1', 100);
    hang_up(leg, END_NORMAL);
    world_silent(1);
    expect_gone();
    desc_free(answer);
    world_stop();
}

static void draining_lets_calls_end(void)
{
    struct leg *leg;

    world_start("");
    world_sign_in(1, "alice");
    leg = talk();
    world.web->ops->drain(world.web);
    g_assert_cmpuint(world.close_code, ==, 0);
    place(1, "c2");
    expect_ended(1, "c2", "shutdown");
    hang_up(leg, END_SHUTDOWN);
    expect_ended(1, "c1", "shutdown");
    g_assert_cmpuint(world.close_code, ==, 1001);
    expect_gone();
    world_stop();
}

void unit_web_leg(void)
{
    g_test_add_func("/web/leg/a-call-rings-plays-early-media-and-is-answered",
                    a_call_rings_plays_early_media_and_is_answered);
    g_test_add_func("/web/leg/a-refusal-has-its-word-its-sentence-and-its-number",
                    a_refusal_has_its_word_its_sentence_and_its_number);
    g_test_add_func("/web/leg/giving-up-and-hanging-up-differ", giving_up_and_hanging_up_differ);
    g_test_add_func("/web/leg/offers-that-make-no-sense-end-the-call",
                    offers_that_make_no_sense_end_the_call);
    g_test_add_func("/web/leg/an-answer-too-long-to-be-said-ends-the-call",
                    an_answer_too_long_to_be_said_ends_the_call);
    g_test_add_func("/web/leg/ids-and-limits-of-calls", ids_and_limits_of_calls);
    g_test_add_func("/web/leg/a-tab-rings-and-answers", a_tab_rings_and_answers);
    g_test_add_func("/web/leg/a-tab-declines-is-busy-or-too-late",
                    a_tab_declines_is_busy_or_too_late);
    g_test_add_func("/web/leg/candidates-find-their-stream", candidates_find_their_stream);
    g_test_add_func("/web/leg/a-flood-of-candidates-is-cut", a_flood_of_candidates_is_cut);
    g_test_add_func("/web/leg/our-candidates-trickle", our_candidates_trickle);
    g_test_add_func("/web/leg/a-call-changes-both-ways", a_call_changes_both_ways);
    g_test_add_func("/web/leg/in-a-glare-the-servers-offer-wins",
                    in_a_glare_the_servers_offer_wins);
    g_test_add_func("/web/leg/an-offer-nobody-answers-is-refused",
                    an_offer_nobody_answers_is_refused);
    g_test_add_func("/web/leg/digits-cross-both-ways", digits_cross_both_ways);
    g_test_add_func("/web/leg/a-lost-connection-ends-its-calls", a_lost_connection_ends_its_calls);
    g_test_add_func("/web/leg/draining-lets-calls-end", draining_lets_calls_end);
}
