/* Calls from the gateway's point of view: who rings, who wins, who hears what. Scripted legs, no
 * media, no time. */
#include "gateway/route.h"
#include "tests/fakes/bench.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/media.h"

static void rings_answers_and_ends(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = alice_calls(&b, "bob@example.org");
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 1);
    bob = fake_adapter_leg(b.ad, 0);
    fake_leg_report(bob, LEG_PROGRESS, NULL);
    SAID(a, "progress ringing");
    answers(bob);
    SAID(a, "progress ringing; answer");
    g_assert_true(media_id_equal(fake_media.join_a, (struct media_id){1, 1}));
    g_assert_true(media_id_equal(fake_media.join_b, (struct media_id){2, 1}));
    g_assert_cmpuint(fake_media.plan.nways, ==, 2);
    fake_leg_end(bob, END_NORMAL);
    SAID(a, "progress ringing; answer; hangup normal");
    SAID(bob, "hangup normal");
    bench_down(&b);
}

static void every_endpoint_rings_and_one_wins(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 3);
    fake_leg_report(fake_adapter_leg(b.ad, 0), LEG_PROGRESS, NULL);
    fake_leg_report(fake_adapter_leg(b.ad, 2), LEG_PROGRESS, NULL);
    SAID(a, "progress ringing");
    answers(fake_adapter_leg(b.ad, 1));
    SAID(fake_adapter_leg(b.ad, 0), "hangup answered-elsewhere");
    SAID(fake_adapter_leg(b.ad, 2), "hangup answered-elsewhere");
    SAID(fake_adapter_leg(b.ad, 1), "");
    g_assert_cmpuint(fake_media.open, ==, 2);
    fake_leg_end(a, END_NORMAL);
    SAID(fake_adapter_leg(b.ad, 1), "hangup normal");
    bench_down(&b);
}

static void an_answer_that_crosses_our_cancel_changes_nothing(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    answers(fake_adapter_leg(b.ad, 0));
    answers(fake_adapter_leg(b.ad, 1)); /* its 200 was on the way */
    SAID(a, "answer");
    SAID(fake_adapter_leg(b.ad, 1), "hangup answered-elsewhere");
    g_assert_cmpuint(fake_media.joins, ==, 1);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void caller_gives_up_and_ringing_stops(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    fake_leg_end(
        a, END_NORMAL); /* before the answer a hang-up is a cancel, whatever the dialect calls it */
    for (unsigned i = 0; i < 3; i++)
        SAID(fake_adapter_leg(b.ad, i), "hangup cancelled");
    bench_down(&b);
}

static void the_best_reason_reaches_the_caller(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    fake_leg_end(fake_adapter_leg(b.ad, 0), END_UNREACHABLE);
    fake_leg_end(fake_adapter_leg(b.ad, 1), END_BUSY);
    SAID(a, "");
    fake_leg_end(fake_adapter_leg(b.ad, 2), END_NO_ANSWER);
    SAID(a, "hangup busy");
    bench_down(&b);
}

static void a_decline_counts_for_all_devices(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    fake_leg_end(fake_adapter_leg(b.ad, 1), END_DECLINED);
    SAID(a, "hangup declined");
    SAID(fake_adapter_leg(b.ad, 0), "hangup cancelled");
    SAID(fake_adapter_leg(b.ad, 2), "hangup cancelled");
    bench_down(&b);
}

static void nobody_answers_in_time(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "bob");
    fake_clock_advance(29 * US_PER_S);
    SAID(a, "");
    fake_clock_advance(2 * US_PER_S);
    SAID(a, "hangup no-answer");
    SAID(fake_adapter_leg(b.ad, 0), "hangup cancelled");
    bench_down(&b);
}

static void unknown_and_offline_are_told_apart(void)
{
    struct bench b;

    bench_up(&b);
    SAID(alice_calls(&b, "nobody"), "hangup not-found");
    SAID(alice_calls(&b, "dave"), "hangup offline");
    SAID(alice_calls(&b, "bo b"), "hangup not-found");
    bench_down(&b);
}

static void strangers_reach_nobody_without_a_route(void)
{
    struct bench b;
    char *from[] = {(char *)(guintptr) "anyone", NULL};
    char *targets[] = {(char *)(guintptr) "bob", NULL};
    struct config_route route = {.name = (char *)(guintptr) "door",
                                 .match = ROUTE_EXACT,
                                 .pattern = (char *)(guintptr) "door",
                                 .from = from,
                                 .targets = targets};
    struct fake_leg *l;

    bench_up(&b);
    SAID(place(&b, NULL, "bob", negotiate_default_offer(false)), "hangup forbidden");
    SAID(place(&b, NULL, "echo", negotiate_default_offer(false)), "hangup forbidden");
    b.config.nroutes = 1;
    b.config.route = &route;
    l = place(&b, NULL, "door", negotiate_default_offer(false));
    SAID(l, "");
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 1);
    fake_leg_end(l, END_NORMAL);
    bench_down(&b);
}

static void a_serial_route_rings_one_after_the_other(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls_team(&b);
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 1);
    fake_clock_advance(11 * US_PER_S);
    SAID(fake_adapter_leg(b.ad, 0), "hangup cancelled");
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 4);
    answers(fake_adapter_leg(b.ad, 3));
    SAID(a, "answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void the_next_kind_of_media_is_tried(void)
{
    static const struct desc_profile two[] = {{.security = DESC_PLAIN}, {.security = DESC_SDES}};
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    fake_adapter_address(b.ad, "bob@example.org", 1, two, 2);
    a = alice_calls(&b, "bob");
    fake_leg_end(fake_adapter_leg(b.ad, 0), END_NO_CODEC);
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 2);
    SAID(a, "");
    fake_leg_end(fake_adapter_leg(b.ad, 1), END_NO_CODEC);
    SAID(a, "hangup incompatible");
    bench_down(&b);
}

static void an_answer_without_keys_is_no_answer(void)
{
    static const struct desc_profile two[] = {{.security = DESC_SDES}, {.security = DESC_PLAIN}};
    struct bench b;
    struct fake_leg *a;
    struct desc *bare;

    bench_up(&b);
    fake_adapter_address(b.ad, "bob@example.org", 1, two, 2);
    a = alice_calls(&b, "bob");
    bare = answer_to(fake_adapter_leg(b.ad, 0)->last);
    bare->transport[0].ncrypto = 0;
    fake_leg_report(fake_adapter_leg(b.ad, 0), LEG_ANSWERED, bare);
    SAID(a, "");
    SAID(fake_adapter_leg(b.ad, 0), "hangup incompatible");
    answers(fake_adapter_leg(b.ad, 1));
    SAID(a, "answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_answer_with_nothing_in_common_stops_no_other_phone(void)
{
    struct bench b;
    struct fake_leg *a;
    struct desc *useless;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    useless = answer_to(fake_adapter_leg(b.ad, 0)->last);
    useless->stream[0].refused = true;
    fake_leg_report(fake_adapter_leg(b.ad, 0), LEG_ANSWERED, useless);
    SAID(fake_adapter_leg(b.ad, 0), "hangup incompatible");
    SAID(fake_adapter_leg(b.ad, 1), "");
    SAID(a, "");
    answers(fake_adapter_leg(b.ad, 1));
    SAID(a, "answer");
    SAID(fake_adapter_leg(b.ad, 2), "hangup answered-elsewhere");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void limits_refuse_clearly(void)
{
    struct bench b;
    struct fake_leg *first;

    bench_up(&b);
    b.config.account_calls_max = 1;
    first = alice_calls(&b, "bob");
    SAID(alice_calls(&b, "bob"), "hangup limit");
    answers(fake_adapter_leg(b.ad, 0));
    SAID(place(&b, "carol@example.org", "bob", negotiate_default_offer(false)), "hangup busy");
    b.config.account_calls_max = 0;
    b.config.calls_max = 1;
    SAID(place(&b, "carol@example.org", "bob", negotiate_default_offer(false)), "hangup limit");
    b.config.calls_max = 10;
    fake_media.full = true;
    SAID(place(&b, "carol@example.org", "bob", negotiate_default_offer(false)), "hangup limit");
    fake_leg_end(first, END_NORMAL);
    bench_down(&b);
}

static void early_media_reaches_the_caller_and_the_answer_wins(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = alice_calls(&b, "bob");
    bob = fake_adapter_leg(b.ad, 0);
    fake_leg_report(bob, LEG_PROGRESS, answer_to(bob->last));
    SAID(a, "progress; early");
    g_assert_cmpuint(fake_media.joins, ==, 1);
    answers(bob);
    SAID(a, "progress; early; answer");
    g_assert_cmpuint(fake_media.joins, ==, 2);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_answer_without_description_uses_the_early_one(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = alice_calls(&b, "bob");
    bob = fake_adapter_leg(b.ad, 0);
    fake_leg_report(bob, LEG_PROGRESS, answer_to(bob->last));
    fake_leg_report(bob, LEG_ANSWERED, NULL);
    SAID(a, "progress; early; answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_answer_that_never_said_a_thing_is_a_failure(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "bob");
    fake_leg_report(fake_adapter_leg(b.ad, 0), LEG_ANSWERED, NULL);
    SAID(a, "hangup protocol-error");
    bench_down(&b);
}

static void an_offerless_caller_gets_our_offer(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = place(&b, "alice@example.org", "bob", NULL);
    answers(fake_adapter_leg(b.ad, 0));
    SAID(a, "answer");
    g_assert_cmpuint(a->last->nstreams, ==, 1);
    g_assert_cmpuint(fake_media.joins, ==, 0);
    fake_leg_report(a, LEG_ANSWER, answer_to(a->last)); /* in the ACK */
    g_assert_cmpuint(fake_media.joins, ==, 1);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void a_session_refresh_stays_on_its_hop(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    talk(&b, &a, &bob);
    fake_leg_report(bob, LEG_OFFER, answer_to(bob->last));
    SAID(bob, "respond");
    SAID(a, "answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_offer_media_cannot_follow_changes_nothing(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    unsigned joins;

    bench_up(&b);
    talk(&b, &a, &bob);
    joins = fake_media.joins;
    fake_media.unsupported = true;
    fake_leg_report(bob, LEG_OFFER, answer_to(bob->last));
    SAID(bob, "refuse");
    g_assert_cmpuint(fake_media.joins, ==, joins);
    fake_media.unsupported = false;
    fake_leg_report(a, LEG_OFFER, answer_to(a->last));
    SAID(a, "answer; respond"); /* and the call goes on */
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void hold_crosses_and_comes_back(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc *hold;

    bench_up(&b);
    talk(&b, &a, &bob);
    hold = answer_to(bob->last);
    hold->stream[0].direction = DESC_SENDONLY;
    fake_leg_report(bob, LEG_OFFER, hold);
    SAID(a, "answer; offer");
    g_assert_cmpint(a->last->stream[0].direction, ==, DESC_SENDONLY);
    SAID(bob, "");
    fake_leg_report(a, LEG_ANSWER, answer_to(a->last));
    SAID(bob, "respond");
    g_assert_cmpint(bob->last->stream[0].direction, ==, DESC_RECVONLY);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_offer_the_far_side_refuses_is_refused(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc *hold;
    struct leg_event refused = {.type = LEG_REFUSED, .why = end_because(END_NO_CODEC)};

    bench_up(&b);
    talk(&b, &a, &bob);
    hold = answer_to(bob->last);
    hold->stream[0].direction = DESC_INACTIVE;
    fake_leg_report(bob, LEG_OFFER, hold);
    leg_report(&a->leg, &refused);
    SAID(bob, "refuse");
    SAID(a, "answer; offer"); /* and the call goes on */
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void both_offering_at_once_is_glare(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc *hold;

    bench_up(&b);
    talk(&b, &a, &bob);
    hold = answer_to(bob->last);
    hold->stream[0].direction = DESC_SENDONLY;
    fake_leg_report(bob, LEG_OFFER, desc_copy(hold));
    fake_leg_report(a, LEG_OFFER, hold); /* it crossed ours */
    SAID(a, "answer; offer; glare");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void digits_cross_in_the_way_each_side_understands(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct leg_event digit = {.type = LEG_DTMF, .digit = '5', .duration_ms = 100};
    struct media_event heard = {.type = MEDIA_DTMF, .digit = '7', .duration_ms = 100};

    bench_up(&b);
    talk(&b, &a, &bob);
    leg_report(&a->leg, &digit);
    SAID(bob, "dtmf 5");
    heard.id = fake_media.join_b;
    fake_media_event(&heard);
    SAID(a, "answer; dtmf 7");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void echo_answers_with_the_callers_own_media(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "echo@example.org");
    while (g_main_context_iteration(NULL, FALSE))
        ;
    SAID(a, "answer");
    g_assert_cmpuint(fake_media.joins, ==, 1);
    g_assert_true(media_id_equal(fake_media.join_a, fake_media.join_b));
    g_assert_cmpuint(fake_media.plan.nways, ==, 1);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void echo_follows_a_hold(void)
{
    struct bench b;
    struct fake_leg *a;
    struct desc *hold = negotiate_default_offer(false);

    bench_up(&b);
    a = alice_calls(&b, "echo");
    while (g_main_context_iteration(NULL, FALSE))
        ;
    hold->stream[0].direction = DESC_SENDONLY;
    fake_leg_report(a, LEG_OFFER, hold);
    SAID(a, "answer; respond");
    g_assert_cmpint(a->last->stream[0].direction, ==, DESC_RECVONLY);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void dead_media_ends_the_call_and_says_so(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct media_event failed = {.type = MEDIA_FAILED, .why = MEDIA_WHY_ICE};

    bench_up(&b);
    talk(&b, &a, &bob);
    failed.id = fake_media.join_b;
    fake_media_event(&failed);
    SAID(a, "answer; hangup media-failed");
    SAID(bob, "hangup media-failed");
    bench_down(&b);
}

static void both_hang_up_at_once(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    talk(&b, &a, &bob);
    fake_leg_end(a, END_NORMAL);
    fake_leg_end(bob, END_NORMAL);
    SAID(a, "answer; hangup normal");
    SAID(bob, "hangup normal");
    bench_down(&b);
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void a_drain_ends_calls_and_refuses_new_ones(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    bool done = false;

    bench_up(&b);
    talk(&b, &a, &bob);
    gateway_drain(b.gw, 5 * US_PER_S, set_flag, &done);
    SAID(a, "answer; hangup shutdown");
    SAID(bob, "hangup shutdown");
    g_assert_false(done);
    SAID(alice_calls(&b, "bob"), "hangup shutdown");
    (void)fake_adapter_settle(b.ad);
    g_assert_true(done);
    bench_down(&b);
}

static void an_operator_can_end_a_call(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    talk(&b, &a, &bob);
    g_assert_cmpint(gateway_hangup(b.gw, a->leg.call_id + 1), ==, GW_ENOTFOUND);
    g_assert_cmpint(gateway_hangup(b.gw, a->leg.call_id), ==, GW_OK);
    SAID(bob, "hangup admin");
    bench_down(&b);
}

static void candidates_reach_the_legs_media(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc_candidate c = {.component = 1};
    struct leg_event ev = {.type = LEG_CANDIDATE, .candidate = &c};

    bench_up(&b);
    a = alice_calls(&b, "bob");
    bob = fake_adapter_leg(b.ad, 0);
    leg_report(&a->leg, &ev);
    leg_report(&bob->leg, &ev);
    g_assert_cmpuint(fake_media.candidates, ==, 2);
    fake_leg_end(a, END_NORMAL);
    leg_report(&a->leg, &ev); /* late: its media is closed */
    g_assert_cmpuint(fake_media.candidates, ==, 2);
    bench_down(&b);
}

void unit_gateway_call(void);
void unit_gateway_call(void)
{
#define T(fn, claim) g_test_add_func("/gateway/call/" claim, fn)
    T(rings_answers_and_ends, "rings-answers-and-ends");
    T(every_endpoint_rings_and_one_wins, "every-endpoint-rings-and-one-wins");
    T(an_answer_that_crosses_our_cancel_changes_nothing,
      "an-answer-that-crosses-our-cancel-changes-nothing");
    T(caller_gives_up_and_ringing_stops, "caller-gives-up-and-ringing-stops");
    T(the_best_reason_reaches_the_caller, "the-best-reason-reaches-the-caller");
    T(a_decline_counts_for_all_devices, "a-decline-counts-for-all-devices");
    T(nobody_answers_in_time, "nobody-answers-in-time");
    T(unknown_and_offline_are_told_apart, "unknown-and-offline-are-told-apart");
    T(strangers_reach_nobody_without_a_route, "strangers-reach-nobody-without-a-route");
    T(a_serial_route_rings_one_after_the_other, "a-serial-route-rings-one-after-the-other");
    T(the_next_kind_of_media_is_tried, "the-next-kind-of-media-is-tried");
    T(an_answer_without_keys_is_no_answer, "an-answer-without-keys-is-no-answer");
    T(an_answer_with_nothing_in_common_stops_no_other_phone,
      "an-answer-with-nothing-in-common-stops-no-other-phone");
    T(limits_refuse_clearly, "limits-refuse-clearly");
    T(early_media_reaches_the_caller_and_the_answer_wins,
      "early-media-reaches-the-caller-and-the-answer-wins");
    T(an_answer_without_description_uses_the_early_one,
      "an-answer-without-description-uses-the-early-one");
    T(an_answer_that_never_said_a_thing_is_a_failure,
      "an-answer-that-never-said-a-thing-is-a-failure");
    T(an_offerless_caller_gets_our_offer, "an-offerless-caller-gets-our-offer");
    T(a_session_refresh_stays_on_its_hop, "a-session-refresh-stays-on-its-hop");
    T(an_offer_media_cannot_follow_changes_nothing, "an-offer-media-cannot-follow-changes-nothing");
    T(hold_crosses_and_comes_back, "hold-crosses-and-comes-back");
    T(an_offer_the_far_side_refuses_is_refused, "an-offer-the-far-side-refuses-is-refused");
    T(both_offering_at_once_is_glare, "both-offering-at-once-is-glare");
    T(digits_cross_in_the_way_each_side_understands,
      "digits-cross-in-the-way-each-side-understands");
    T(echo_answers_with_the_callers_own_media, "echo-answers-with-the-callers-own-media");
    T(echo_follows_a_hold, "echo-follows-a-hold");
    T(dead_media_ends_the_call_and_says_so, "dead-media-ends-the-call-and-says-so");
    T(both_hang_up_at_once, "both-hang-up-at-once");
    T(a_drain_ends_calls_and_refuses_new_ones, "a-drain-ends-calls-and-refuses-new-ones");
    T(an_operator_can_end_a_call, "an-operator-can-end-a-call");
    T(candidates_reach_the_legs_media, "candidates-reach-the-legs-media");
#undef T
}
