#include "gateway/call_fsm.h"
#include "gateway/offer_fsm.h"
#include "gateway/reason.h"

#include <glib.h>

static void late_answer_hangs_up_again(void)
{
    struct call_step s = call_fsm(CALL_ENDING, EV_ANSWERS);

    g_assert_cmpint(s.next, ==, CALL_ENDING);
    g_assert_true(s.actions & DO_HANGUP_LATE); /* 200 crossed our CANCEL */
}

static void an_ending_call_never_lives_again(void)
{
    for (int ev = 0; ev < CALL_EVENTS; ev++)
        g_assert_cmpint(call_fsm(CALL_ENDING, (enum call_event)ev).next, ==, CALL_ENDING);
}

static void every_living_state_can_be_ended(void)
{
    for (int st = 0; st < CALL_ENDING; st++) {
        struct call_step s = call_fsm((enum call_state)st, EV_ENDS);
        g_assert_cmpint(s.next, ==, CALL_ENDING);
        g_assert_cmpuint(s.actions, ==, DO_HANGUP_ALL);
    }
}

static void legs_are_hung_up_exactly_on_the_way_into_ending(void)
{
    for (int st = 0; st < CALL_STATES; st++)
        for (int ev = 0; ev < CALL_EVENTS; ev++) {
            struct call_step s = call_fsm((enum call_state)st, (enum call_event)ev);
            g_assert_cmpint(s.known && s.next == CALL_ENDING && st != CALL_ENDING, ==,
                            (s.actions & DO_HANGUP_ALL) != 0);
        }
}

static void only_an_unanswered_call_can_be_connected(void)
{
    for (int st = 0; st < CALL_STATES; st++) {
        gboolean connects = (call_fsm((enum call_state)st, EV_ANSWERS).actions & DO_CONNECT) != 0;
        g_assert_cmpint(connects, ==,
                        st == CALL_DIALLING || st == CALL_RINGING || st == CALL_EARLY);
    }
}

static void nonsense_changes_nothing(void)
{
    struct call_step s = call_fsm(CALL_NEW, EV_ANSWERS);

    g_assert_cmpuint(s.known, ==, 0);
    g_assert_cmpint(s.next, ==, CALL_NEW);
    g_assert_cmpuint(s.actions, ==, 0);
    g_assert_cmpuint(call_fsm((enum call_state)99, EV_DIAL).known, ==, 0);
    g_assert_cmpstr(call_state_name(CALL_TALKING), ==, "talking");
    g_assert_cmpstr(call_event_name(EV_TIMES_OUT), ==, "times-out");
}

static void one_offer_at_a_time(void)
{
    for (int st = OFFER_OURS; st < OFFER_STATES; st++) {
        struct offer_step want = offer_fsm((enum offer_state)st, OFFER_EV_WANT);
        struct offer_step peer = offer_fsm((enum offer_state)st, OFFER_EV_PEER);
        g_assert_cmpuint(want.actions, ==, OFFER_DO_GLARE);
        g_assert_cmpuint(peer.actions, ==, OFFER_DO_GLARE);
        g_assert_cmpint(peer.next, ==, st);
    }
}

static void every_offer_comes_to_rest(void)
{
    g_assert_cmpint(offer_fsm(OFFER_STABLE, OFFER_EV_WANT).next, ==, OFFER_OURS);
    g_assert_cmpint(offer_fsm(OFFER_OURS, OFFER_EV_ANSWER).next, ==, OFFER_STABLE);
    g_assert_cmpint(offer_fsm(OFFER_OURS, OFFER_EV_REFUSED).next, ==, OFFER_STABLE);
    g_assert_cmpint(offer_fsm(OFFER_STABLE, OFFER_EV_PEER).next, ==, OFFER_THEIRS);
    g_assert_cmpint(offer_fsm(OFFER_THEIRS, OFFER_EV_REPLIED).next, ==, OFFER_STABLE);
    g_assert_cmpuint(offer_fsm(OFFER_STABLE, OFFER_EV_ANSWER).known, ==, 0);
}

static void every_cause_has_words_of_its_own(void)
{
    for (int i = END_NONE + 1; i < END_CAUSES; i++) {
        enum end_cause c = (enum end_cause)i;
        g_assert_cmpint(end_by_word(end_word(c)), ==, c);
        g_assert_cmpuint(strlen(end_sentence(c)), >, 10);
        g_assert_cmpuint(end_q850(c), >, 0);
        g_assert_cmpuint(end_q850(c), <, 128);
    }
    g_assert_cmpint(end_by_word("no such word"), ==, END_NONE);
    g_assert_cmpstr(end_word((enum end_cause)77), ==, end_word(END_INTERNAL));
}

void unit_gateway_fsm(void);
void unit_gateway_fsm(void)
{
    g_test_add_func("/gateway/call_fsm/late-answer-hangs-up-again", late_answer_hangs_up_again);
    g_test_add_func("/gateway/call_fsm/an-ending-call-never-lives-again",
                    an_ending_call_never_lives_again);
    g_test_add_func("/gateway/call_fsm/every-living-state-can-be-ended",
                    every_living_state_can_be_ended);
    g_test_add_func("/gateway/call_fsm/legs-are-hung-up-exactly-on-the-way-into-ending",
                    legs_are_hung_up_exactly_on_the_way_into_ending);
    g_test_add_func("/gateway/call_fsm/only-an-unanswered-call-can-be-connected",
                    only_an_unanswered_call_can_be_connected);
    g_test_add_func("/gateway/call_fsm/nonsense-changes-nothing", nonsense_changes_nothing);
    g_test_add_func("/gateway/offer_fsm/one-offer-at-a-time", one_offer_at_a_time);
    g_test_add_func("/gateway/offer_fsm/every-offer-comes-to-rest", every_offer_comes_to_rest);
    g_test_add_func("/gateway/reason/every-cause-has-words-of-its-own",
                    every_cause_has_words_of_its_own);
}
