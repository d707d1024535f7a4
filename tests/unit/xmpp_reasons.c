/* Why calls end, in the words of XMPP. */
#include "tests/fakes/xmpp_world.h"
#include "xmpp/reasons.h"

#include <string.h>

void unit_xmpp_reasons(void);

static const char *const rfc6120[] = {"bad-request",
                                      "conflict",
                                      "feature-not-implemented",
                                      "forbidden",
                                      "gone",
                                      "item-not-found",
                                      "internal-server-error",
                                      "jid-malformed",
                                      "not-acceptable",
                                      "not-allowed",
                                      "not-authorized",
                                      "policy-violation",
                                      "recipient-unavailable",
                                      "redirect",
                                      "registration-required",
                                      "remote-server-not-found",
                                      "remote-server-timeout",
                                      "resource-constraint",
                                      "service-unavailable",
                                      "subscription-required",
                                      "undefined-condition",
                                      "unexpected-request"};

static bool is_condition(const char *word)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rfc6120); i++)
        if (g_str_equal(rfc6120[i], word))
            return true;
    return false;
}

static void every_cause_has_a_word_and_an_error(void)
{
    static const char *const types = " auth cancel continue modify wait ";

    for (unsigned c = END_NONE; c < END_CAUSES; c++) {
        const char *type = NULL;
        const char *condition = NULL;
        g_autofree char *padded = NULL;

        g_assert_nonnull(jingle_reason_word(reason_to_jingle((enum end_cause)c)));
        reason_to_condition((enum end_cause)c, &type, &condition);
        g_assert_nonnull(type);
        padded = g_strdup_printf(" %s ", type);
        g_assert_nonnull(strstr(types, padded));
        g_assert_true(is_condition(condition));
    }
}

static void every_reason_has_a_cause(void)
{
    for (unsigned r = JINGLE_NO_REASON; r < JINGLE_REASONS; r++)
        for (unsigned how = 0; how < 4; how++) {
            enum end_cause cause =
                reason_from_jingle((enum jingle_reason)r, how & 1, (how & 2) != 0);

            g_assert_cmpint(cause, !=, END_NONE);
            g_assert_cmpint(cause, <, END_CAUSES);
            if (how & 1) /* an answered call has been hung up, or has failed */
                g_assert_true(cause == END_NORMAL || cause == END_MEDIA_FAILED);
            else
                g_assert_cmpint(cause, !=, END_NORMAL);
            if (how == 0) /* who is called has nothing to cancel */
                g_assert_cmpint(cause, !=, END_CANCELLED);
        }
}

static void every_condition_has_a_cause(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rfc6120); i++)
        g_assert_cmpint(reason_from_condition(rfc6120[i]), !=, END_NONE);
    g_assert_cmpint(reason_from_condition(NULL), ==, END_INTERNAL);
    g_assert_cmpint(reason_from_condition("service-unavailable"), ==, END_OFFLINE);
    g_assert_cmpint(reason_from_condition("gone"), ==, END_NOT_FOUND);
    g_assert_cmpint(reason_from_condition("remote-server-not-found"), ==, END_UNREACHABLE);
    g_assert_cmpint(reason_from_condition("not-authorized"), ==, END_FORBIDDEN);
}

/* What one side says the other understands. */
static void what_is_said_before_the_answer_is_understood(void)
{
    static const enum end_cause same[] = {END_BUSY,        END_DECLINED,  END_NO_ANSWER,
                                          END_CANCELLED,   END_NOT_FOUND, END_NO_CODEC,
                                          END_MEDIA_FAILED};

    for (unsigned i = 0; i < G_N_ELEMENTS(same); i++)
        g_assert_cmpint(reason_from_jingle(reason_to_jingle(same[i]), false, true), ==, same[i]);
    g_assert_cmpint(reason_from_jingle(reason_to_jingle(END_CANCELLED), false, false), ==,
                    END_DECLINED);
}

static void the_words_are_those_the_clients_know(void)
{
    static const struct {
        enum end_cause cause;
        const char *word;
    } known[] = {
        {END_NORMAL, "success"},
        {END_BUSY, "busy"},
        {END_DECLINED, "decline"},
        {END_FORBIDDEN, "decline"},
        {END_NOT_FOUND, "gone"},
        {END_NO_ANSWER, "timeout"},
        {END_OFFLINE, "timeout"},
        {END_CANCELLED, "cancel"},
        {END_NO_CODEC, "incompatible-parameters"},
        {END_MEDIA_TIMEOUT, "connectivity-error"},
        {END_MEDIA_FAILED, "connectivity-error"},
        {END_INTERNAL, "general-error"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        g_assert_cmpstr(jingle_reason_word(reason_to_jingle(known[i].cause)), ==, known[i].word);
}

/* ---- on the wire ---- */

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

static void says_one_reason(enum end_cause cause)
{
    g_autofree char *element = g_strdup_printf("<reason xmlns='urn:xmpp:jingle:1'><%s/></reason>",
                                               jingle_reason_word(reason_to_jingle(cause)));

    g_assert_nonnull(strstr(said(), element));
    g_assert_cmpuint(count(said(), "<reason"), ==, 1);
}

static void a_proposal_is_rejected_with_every_cause(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        world_up();
        fake_leg_end(ana_proposes(), (enum end_cause)c);
        says_message("reject", PHONE, "s1");
        says_one_reason((enum end_cause)c);
        world_down();
    }
}

static void after_proceed_every_cause_is_a_rejection(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        world_up();
        fake_leg_end(ana_proceeds(), (enum end_cause)c);
        says_message("reject", PHONE, "s1");
        says_one_reason((enum end_cause)c);
        world_down();
    }
}

static void a_session_without_a_proposal_is_terminated_with_every_cause(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        world_up();
        fake_leg_end(ana_initiates(), (enum end_cause)c);
        says_jingle("session-terminate", PHONE, "*");
        says_one_reason((enum end_cause)c);
        world_down(); /* and nothing more: who has not proposed has nothing to finish */
    }
}

static void a_call_is_terminated_and_finished_with_every_cause(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        world_up();
        fake_leg_end(ana_talks(), (enum end_cause)c);
        says_jingle("session-terminate", PHONE, "*");
        says_one_reason((enum end_cause)c);
        says_message("finish", PHONE, "s1");
        says_one_reason((enum end_cause)c);
        world_down();
    }
}

static void a_proposal_of_ours_is_retracted_whatever_the_cause(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        world_up();
        fake_leg_end(alice_proposes(), (enum end_cause)c);
        says_message("retract", ANA, sid());
        says_one_reason(END_CANCELLED);
        world_down();
    }
}

/* A phone that still rings must not take it for something it did itself. */
static void a_session_of_ours_is_terminated_and_finished(void)
{
    for (unsigned c = END_NORMAL; c < END_CAUSES; c++) {
        enum end_cause heard = (enum end_cause)c;

        if (c == END_NORMAL || c == END_NO_ANSWER || c == END_DECLINED || c == END_BUSY ||
            c == END_UNREACHABLE)
            heard = END_CANCELLED;
        world_up();
        fake_leg_end(alice_initiates(), (enum end_cause)c);
        says_jingle("session-terminate", PHONE, "*");
        says_one_reason(heard);
        says_message("finish", PHONE, sid());
        says_one_reason(heard);
        world_down();
    }
}

static void a_peer_that_has_ended_is_told_nothing(void)
{
    struct fake_leg *l;

    for (unsigned r = JINGLE_NO_REASON; r < JINGLE_REASONS; r++) {
        const char *word = jingle_reason_word((enum jingle_reason)r);
        g_autofree char *reason = g_strdup_printf("<reason><%s/></reason>", word ? word : "odd");
        g_autofree char *want = g_strdup_printf(
            "answer; hangup %s", end_word(reason_from_jingle((enum jingle_reason)r, true, false)));

        world_up();
        l = alice_talks();
        ana("session-terminate", reason);
        result();
        SAID(l, want);
        world_down();
    }
}

void unit_xmpp_reasons(void)
{
    g_test_add_func("/xmpp/reasons/every-cause-has-a-word-and-an-error",
                    every_cause_has_a_word_and_an_error);
    g_test_add_func("/xmpp/reasons/every-reason-has-a-cause", every_reason_has_a_cause);
    g_test_add_func("/xmpp/reasons/every-condition-has-a-cause", every_condition_has_a_cause);
    g_test_add_func("/xmpp/reasons/what-is-said-before-the-answer-is-understood",
                    what_is_said_before_the_answer_is_understood);
    g_test_add_func("/xmpp/reasons/the-words-are-those-the-clients-know",
                    the_words_are_those_the_clients_know);
    g_test_add_func("/xmpp/reasons/a-proposal-is-rejected-with-every-cause",
                    a_proposal_is_rejected_with_every_cause);
    g_test_add_func("/xmpp/reasons/after-proceed-every-cause-is-a-rejection",
                    after_proceed_every_cause_is_a_rejection);
    g_test_add_func("/xmpp/reasons/a-session-without-a-proposal-is-terminated-with-every-cause",
                    a_session_without_a_proposal_is_terminated_with_every_cause);
    g_test_add_func("/xmpp/reasons/a-call-is-terminated-and-finished-with-every-cause",
                    a_call_is_terminated_and_finished_with_every_cause);
    g_test_add_func("/xmpp/reasons/a-proposal-of-ours-is-retracted-whatever-the-cause",
                    a_proposal_of_ours_is_retracted_whatever_the_cause);
    g_test_add_func("/xmpp/reasons/a-session-of-ours-is-terminated-and-finished",
                    a_session_of_ours_is_terminated_and_finished);
    g_test_add_func("/xmpp/reasons/a-peer-that-has-ended-is-told-nothing",
                    a_peer_that_has_ended_is_told_nothing);
}
