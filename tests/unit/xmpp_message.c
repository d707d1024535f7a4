/* Messages of text: who hears what became of them, and when (RFC 6121, XEP-0184). */
#include "tests/fakes/xmpp_world.h"

#include <string.h>

void unit_xmpp_message(void);

#define WANTS_RECEIPT "<request xmlns='urn:xmpp:receipts'/>"

static void writes(const char *from, const char *to, const char *inner)
{
    hears("<message type='chat' from='%s' to='%s' id='m1'>%s</message>", from, to, inner);
}

static const char *post(void)
{
    return fake_adapter_post(world.b.ad);
}

/* Alice's phone, which is the fake adapter, writes to Ana. */
static void alice_writes(const char *text)
{
    struct message m = {.account = "alice@example.org",
                        .from = "alice@example.org",
                        .from_display = "Alice <3",
                        .to = ANA,
                        .text = text};

    gateway_message(world.b.gw, &m, world.b.ad, 7);
}

/* ---- from a user ---- */

static void a_message_is_given_on_and_its_receipt_comes_when_it_was_taken(void)
{
    world_up();
    writes(PHONE, BOB, "<body>Hi &amp; bye</body>" WANTS_RECEIPT);
    g_assert_cmpstr(post(), ==, "1 from ana@jabber.example () to bob@example.org: Hi & bye");
    turn();
    quiet();
    gateway_message_result(world.b.gw, fake_adapter_delivery(world.b.ad, 0), END_NONE);
    turn();
    says("<message type='chat' from='" BOB "' to='" PHONE
         "'><received xmlns='urn:xmpp:receipts' id='m1'/></message>");
    world_down();
}

static void without_a_request_there_is_no_receipt(void)
{
    world_up();
    writes(PHONE, BOB, "<body>Hi</body>");
    gateway_message_result(world.b.gw, fake_adapter_delivery(world.b.ad, 0), END_NONE);
    turn();
    world_down();
}

static void an_account_writes_as_itself(void)
{
    world_up();
    writes(DORA "/x", BOB, "<body>Hi</body>");
    g_assert_cmpstr(post(), ==, "1 from dora@example.org (Dora) to bob@example.org: Hi");
    gateway_message_result(world.b.gw, fake_adapter_delivery(world.b.ad, 0), END_NONE);
    world_down();
}

#define ERROR_TO(to, type, condition)                                                              \
    "<message type='error' from='" BOB "' to='" to "' id='m1'><error type='" type "'><" condition  \
    " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"

static void what_was_not_taken_comes_back(enum end_cause cause, const char *pattern)
{
    world_up();
    writes(PHONE, BOB, "<body>Hi</body>" WANTS_RECEIPT);
    gateway_message_result(world.b.gw, fake_adapter_delivery(world.b.ad, 0), cause);
    turn();
    says(pattern);
    world_down();
}

static void a_failure_comes_back_as_an_error_with_words(void)
{
    what_was_not_taken_comes_back(
        END_OFFLINE,
        ERROR_TO(PHONE, "wait", "recipient-unavailable") "<text *>This person is not "
                                                         "reachable right now.</text>*");
    what_was_not_taken_comes_back(END_NOT_FOUND,
                                  ERROR_TO(PHONE, "cancel", "item-not-found") "<text *");
    what_was_not_taken_comes_back(
        END_FORBIDDEN, ERROR_TO(PHONE, "auth", "forbidden") "<text *>You are not allowed "
                                                            "to write *");
    what_was_not_taken_comes_back(END_UNREACHABLE,
                                  ERROR_TO(PHONE, "wait", "remote-server-timeout") "<text *");
    what_was_not_taken_comes_back(END_DECLINED,
                                  ERROR_TO(PHONE, "wait", "recipient-unavailable") "<text *>The "
                                                                                   "message was *");
}

static void strangers_may_not_write(void)
{
    world_up();
    writes(MALLORY "/x", BOB, "<body>Buy</body>" WANTS_RECEIPT);
    turn();
    says(ERROR_TO(MALLORY "/x", "auth", "forbidden") "*");
    g_assert_cmpstr(post(), ==, "");
    world_down();
}

static void nobody_is_at_the_domain_or_elsewhere(void)
{
    world_up();
    writes(PHONE, COMPONENT, "<body>Hi</body>");
    turn();
    says("<message type='error' from='" COMPONENT "' to='" PHONE "' id='m1'>*<item-not-found *");
    writes(PHONE, "nobody@" COMPONENT, "<body>Hi</body>");
    turn();
    says("<message type='error' from='nobody@" COMPONENT "' to='" PHONE
         "' id='m1'>*<item-not-found *");
    world_down();
}

static void encrypted_messages_are_refused_with_advice(void)
{
    world_up();
    writes(PHONE, BOB,
           "<encrypted xmlns='eu.siacs.conversations.axolotl'/><body>This is OMEMO</body>");
    says(ERROR_TO(PHONE, "modify", "not-acceptable") "<text *OMEMO*");
    g_assert_cmpstr(post(), ==, "");
    world_down();
}

static void a_message_too_long_is_refused(void)
{
    g_autofree char *text = g_strnfill(MESSAGE_TEXT_MAX + 1, 'x');
    g_autofree char *body = g_strdup_printf("<body>%s</body>", text);

    world_up();
    writes(PHONE, BOB, body);
    says(ERROR_TO(PHONE, "modify", "policy-violation") "<text *");
    world_down();
}

static void what_is_no_message_of_text_is_ignored(void)
{
    world_up();
    writes(PHONE, BOB, "<active xmlns='http://jabber.org/protocol/chatstates'/>");
    writes(PHONE, BOB, "<body/>");
    writes(PHONE, BOB, "<received xmlns='urn:xmpp:receipts' id='x'/><body>odd</body>");
    hears("<message type='groupchat' from='" PHONE "' to='" BOB "'><body>Hi</body></message>");
    hears("<message type='headline' from='" PHONE "' to='" BOB "'><body>Hi</body></message>");
    hears("<message type='error' from='" PHONE "' to='" BOB "'><body>Hi</body></message>");
    hears("<message type='chat' from='jabber.example' to='" BOB "'><body>Hi</body></message>");
    turn();
    g_assert_cmpstr(post(), ==, "");
    world_down();
}

static void a_message_without_type_or_id_is_one(void)
{
    world_up();
    hears("<message from='" PHONE "' to='" BOB "'><body>Hi</body>" WANTS_RECEIPT "</message>");
    g_assert_cmpstr(post(), !=, "");
    gateway_message_result(world.b.gw, fake_adapter_delivery(world.b.ad, 0), END_NONE);
    turn();
    quiet(); /* nothing a receipt could name */
    hears("<message from='" PHONE "' to='nobody@" COMPONENT "'><body>Hi</body></message>");
    turn();
    says("<message type='error' from='nobody@" COMPONENT "' to='" PHONE "'>*");
    world_down();
}

/* ---- to a user ---- */

static char *her_id(void)
{
    says("<message type='chat' from='" ALICE "' to='" ANA
         "' id='*'><body>Hi</body><nick *>Alice &lt;3</nick>" WANTS_RECEIPT "</message>");
    return said_attr("<message", "id");
}

static void without_a_bounce_it_was_taken_after_a_moment(void)
{
    g_autofree char *id = NULL;

    world_up();
    alice_writes("Hi");
    id = her_id();
    wait_us(1400 * US_PER_MS);
    g_assert_cmpstr(post(), ==, "");
    wait_us(200 * US_PER_MS);
    g_assert_cmpstr(post(), ==, "done 7 taken");
    hears("<message type='error' from='" ANA "' to='" ALICE "' id='%s'><error type='cancel'>"
          "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          id); /* too late */
    turn();
    g_assert_cmpstr(post(), ==, "done 7 taken");
    world_down();
}

static void bounces(const char *condition, const char *done)
{
    g_autofree char *id = NULL;

    world_up();
    alice_writes("Hi");
    id = her_id();
    hears("<message type='error' from='" MALLORY "' to='" ALICE "' id='%s'><error type='cancel'>"
          "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          id);
    turn();
    g_assert_cmpstr(post(), ==, "");
    hears("<message type='error' from='" ANA "' to='" ALICE "' id='%s'><error type='cancel'>"
          "<%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          id, condition);
    turn();
    g_assert_cmpstr(post(), ==, done);
    wait_s(3);
    g_assert_cmpstr(post(), ==, done);
    world_down();
}

static void a_bounce_is_the_answer(void)
{
    bounces("service-unavailable", "done 7 offline");
    bounces("item-not-found", "done 7 not-found");
    bounces("policy-violation", "done 7 forbidden");
    bounces("remote-server-timeout", "done 7 unreachable");
}

static void a_receipt_is_the_answer(void)
{
    g_autofree char *id = NULL;

    world_up();
    alice_writes("Hi");
    id = her_id();
    hears("<message from='" MALLORY "' to='" ALICE "'><received xmlns='urn:xmpp:receipts' "
          "id='%s'/></message>",
          id);
    hears("<message from='" PHONE "' to='" ALICE "'><received xmlns='urn:xmpp:receipts' "
          "id='other'/></message>");
    hears("<message from='" PHONE "' to='" ALICE "'><received xmlns='urn:xmpp:receipts'/>"
          "</message>");
    turn();
    g_assert_cmpstr(post(), ==, "");
    hears("<message from='" PHONE "' to='" ALICE "'><received xmlns='urn:xmpp:receipts' "
          "id='%s'/></message>",
          id);
    turn();
    g_assert_cmpstr(post(), ==, "done 7 taken");
    wait_s(3);
    g_assert_cmpstr(post(), ==, "done 7 taken");
    world_down();
}

static void each_of_several_waits_its_own_time(void)
{
    world_up();
    alice_writes("Hi");
    g_free(her_id());
    wait_s(1);
    alice_writes("Hi");
    g_free(her_id());
    wait_us(600 * US_PER_MS);
    g_assert_cmpstr(post(), ==, "done 7 taken");
    wait_s(1);
    g_assert_cmpstr(post(), ==, "done 7 taken; done 7 taken");
    world_down();
}

static void without_a_stream_nothing_is_taken(void)
{
    world_up();
    fake_conn_down();
    alice_writes("Hi");
    turn();
    g_assert_true(g_str_has_prefix(post(), "done 7 "));
    g_assert_null(strstr(post(), "taken"));
    world_down();
}

static void a_crowded_stream_takes_nothing(void)
{
    world_up();
    fake_conn.crowded = true;
    alice_writes("Hi");
    turn();
    g_assert_true(g_str_has_prefix(post(), "done 7 "));
    g_assert_null(strstr(post(), "taken"));
    world_down();
}

static void the_end_of_tandem_loses_only_what_waits(void)
{
    world_up();
    alice_writes("Hi");
    g_free(her_id());
    writes(PHONE, BOB, "<body>Hi</body>");
    world_down(); /* nothing leaks */
}

void unit_xmpp_message(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"a-message-is-given-on-and-its-receipt-comes-when-it-was-taken",
         a_message_is_given_on_and_its_receipt_comes_when_it_was_taken},
        {"without-a-request-there-is-no-receipt", without_a_request_there_is_no_receipt},
        {"an-account-writes-as-itself", an_account_writes_as_itself},
        {"a-failure-comes-back-as-an-error-with-words",
         a_failure_comes_back_as_an_error_with_words},
        {"strangers-may-not-write", strangers_may_not_write},
        {"nobody-is-at-the-domain-or-elsewhere", nobody_is_at_the_domain_or_elsewhere},
        {"encrypted-messages-are-refused-with-advice", encrypted_messages_are_refused_with_advice},
        {"a-message-too-long-is-refused", a_message_too_long_is_refused},
        {"what-is-no-message-of-text-is-ignored", what_is_no_message_of_text_is_ignored},
        {"a-message-without-type-or-id-is-one", a_message_without_type_or_id_is_one},
        {"without-a-bounce-it-was-taken-after-a-moment",
         without_a_bounce_it_was_taken_after_a_moment},
        {"a-bounce-is-the-answer", a_bounce_is_the_answer},
        {"a-receipt-is-the-answer", a_receipt_is_the_answer},
        {"each-of-several-waits-its-own-time", each_of_several_waits_its_own_time},
        {"without-a-stream-nothing-is-taken", without_a_stream_nothing_is_taken},
        {"a-crowded-stream-takes-nothing", a_crowded_stream_takes_nothing},
        {"the-end-of-tandem-loses-only-what-waits", the_end_of_tandem_loses_only_what_waits},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/message/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
