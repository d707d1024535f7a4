/* Sessions (XEP-0166): every action in every state, whose words count, and what is forgotten when.
 */
#include "tests/fakes/xmpp_world.h"
#include "xmpp/jingle.h"

#include <string.h>

void unit_xmpp_session(void);

/* ---- every action in every state ---- */

static void proposed(void)
{
    (void)ana_proposes();
}

static void proceeding(void)
{
    (void)ana_proceeds();
}

static void offered(void)
{
    (void)ana_initiates();
}

static void talking(void)
{
    (void)ana_talks();
}

static void proposing(void)
{
    (void)alice_proposes();
}

static void initiating(void)
{
    (void)alice_initiates();
}

static void talking_by_us(void)
{
    (void)alice_talks();
}

static void hung(void)
{
    fake_leg_end(ana_talks(), END_NORMAL);
    hush();
}

static void closed(void)
{
    hung();
    turn();
    wait_s(55);
}

static void forgotten(void)
{
    hung();
    turn();
    wait_s(66);
}

static void never_begun(void)
{
}

/* Reply to each action, in the order of JINGLE_ACTION_LIST: r result, o out-of-order, u
 * unknown-session, n feature-not-implemented. */
static const struct {
    const char *name;
    void (*reach)(void);
    const char *replies;
} states[] = {
    {"proposed", proposed, "ooooorrororrorn"},
    {"proceeding", proceeding, "ooooorrorrrrorn"},
    {"offered", offered, "ooooorrororrrrn"},
    {"talking", talking, "orrorrrororrrrn"},
    {"proposing", proposing, "uuuuuuuuuuuuuuu"},
    {"initiating", initiating, "ooooorrrrorrrrn"},
    {"talking, called by us", talking_by_us, "orrorrrororrrrn"},
    {"hung up", hung, "uuuuuuuuurruuuu"},
    {"closed", closed, "uuuuuuuuurruuuu"},
    {"forgotten", forgotten, "uuuuuuuuuruuuuu"},
    {"never begun", never_begun, "uuuuuuuuuruuuuu"},
};

static void reply_is(char want)
{
    switch (want) {
    case 'r': result(); return;
    case 'o': refused("unexpected-request", "out-of-order"); return;
    case 'u': refused("item-not-found", "unknown-session"); return;
    case 'n': refused("feature-not-implemented", ""); return;
    default: g_assert_not_reached();
    }
}

static const char *inner_of(enum jingle_action action)
{
    switch (action) {
    case JINGLE_CONTENT_ADD: return CAMERA("9", "cam");
    case JINGLE_SESSION_TERMINATE: return "<reason><success/></reason>";
    case JINGLE_SESSION_INFO: return "";
    default: return AUDIO("0", "her1");
    }
}

static void every_action_has_its_reply_in_every_state(void)
{
    for (unsigned s = 0; s < G_N_ELEMENTS(states); s++) {
        g_assert_cmpuint(strlen(states[s].replies), ==, JINGLE_ACTIONS);
        for (unsigned a = 0; a < JINGLE_ACTIONS; a++) {
            const char *word = jingle_action_word((enum jingle_action)a);

            g_test_message("%s: %s", states[s].name, word);
            world_up();
            states[s].reach();
            ana(word, inner_of((enum jingle_action)a));
            reply_is(states[s].replies[a]);
            wait_us(1);
            end_all();
            hush();
            world_down();
        }
    }
}

/* The same from another device of hers, which has no part in any of them. */
static void another_device_has_no_part_in_a_session(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    for (unsigned a = 0; a < JINGLE_ACTIONS; a++) {
        jingle(DESK, OURS, jingle_action_word((enum jingle_action)a), "s1",
               inner_of((enum jingle_action)a));
        refused("item-not-found", "unknown-session");
        if (a == JINGLE_SESSION_INITIATE)
            continue; /* of a session of their own */
        jingle(MALLORY "/x", OURS, jingle_action_word((enum jingle_action)a), "s1",
               inner_of((enum jingle_action)a));
        refused("item-not-found", "unknown-session");
    }
    turn();
    SAID(l, "");
    fake_leg_end(l, END_NORMAL);
    hush();
    world_down();
}

static void every_message_is_survived_in_every_state(void)
{
    static const char *const verbs[] = {"propose", "ringing", "proceed", "accept",
                                        "reject",  "retract", "finish",  "made-up"};

    for (unsigned s = 0; s < G_N_ELEMENTS(states); s++)
        for (unsigned v = 0; v < G_N_ELEMENTS(verbs); v++)
            for (unsigned from = 0; from < 3; from++) {
                static const char *const who[] = {PHONE, DESK, ANA};

                g_test_message("%s: %s from %s", states[s].name, verbs[v], who[from]);
                world_up();
                states[s].reach();
                message(who[from], ours(), verbs[v], sid(), VOICE);
                wait_us(1);
                end_all();
                hush();
                world_down();
            }
}

/* ---- what is not about a session ---- */

static void requests_nobody_knows_are_refused(void)
{
    world_up();
    hears("<iq type='set' from='" PHONE "' to='" OURS "' id='q1'><odd xmlns='x'/></iq>");
    says("<iq type='error' from='" OURS "' to='" PHONE "' id='q1'>*<service-unavailable *");
    hears("<iq type='get' from='" PHONE "' to='" COMPONENT "' id='q2'/>");
    says("<iq type='error' from='" COMPONENT "' to='" PHONE "' id='q2'>*<service-unavailable *");
    jingle(PHONE, COMPONENT, "session-initiate", "s1", AUDIO("0", "her1"));
    refused("service-unavailable", "");
    hears("<iq type='result' from='" PHONE "' to='" OURS "' id='q3'/>");
    hears("<iq type='error' from='" PHONE "' to='" OURS "' id='q4'/>");
    hears("<iq from='" PHONE "' to='" OURS "' id='q5'/>");
    hears("<iq type='set' from='" PHONE "' to='" OURS "'><odd xmlns='x'/></iq>");
    hears("<iq type='set' from='" PHONE "' to='bob@elsewhere.example' id='q6'/>");
    hears("<iq type='set' to='" OURS "' id='q7'/>");
    hears("<odd/>");
    world_down();
}

static void jingle_that_cannot_be_read_is_a_bad_request(void)
{
    g_autofree char *long_sid = g_strnfill(200, 's');
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    ana("made-up", "");
    refused("bad-request", "");
    ana("content-add", CONTENT("a b", "", ""));
    refused("bad-request", "");
    jingle(PHONE, OURS, "session-initiate", long_sid, AUDIO("0", "her1"));
    refused("bad-request", "");
    hears("<iq type='set' from='" PHONE "' to='" OURS "' id='q1'>"
          "<jingle xmlns='urn:xmpp:jingle:1' action='session-info'/></iq>");
    says("<iq type='error' from='" OURS "' to='" PHONE "' id='q1'>*<bad-request *");
    SAID(l, "");
    end_all();
    hush();
    world_down();
}

/* ---- beginning ---- */

static void a_call_without_a_proposal_rings_and_is_answered(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_initiates();
    quiet();
    fake_leg_report(l, LEG_PROGRESS, NULL);
    says_jingle("session-info", PHONE, "*<ringing *");
    fake_leg_report(l, LEG_PROGRESS, NULL);
    wait_s(12);
    quiet();
    answers(l);
    says_jingle("session-accept", PHONE, "*name='0'*ufrag='to-her1'*");
    they_answer(PHONE, true);
    ana("session-terminate", "");
    result();
    SAID(l, "hangup normal");
    world_down();
}

static void cannot_begin(const char *content, const char *reason)
{
    g_autofree char *want = g_strdup_printf("*<reason xmlns='urn:xmpp:jingle:1'><%s/>*", reason);
    struct fake_leg *l;

    world_up();
    ana("session-initiate", content);
    result();
    says_jingle("session-terminate", PHONE, want);
    g_assert_cmpuint(calls(), ==, 0);
    world_down();

    world_up();
    l = ana_proceeds();
    ana("session-initiate", content);
    result();
    says_jingle("session-terminate", PHONE, want);
    g_assert_true(l->hung_up);
    world_down();

    world_up();
    l = alice_initiates();
    ana("session-accept", content);
    result();
    says_jingle("session-terminate", PHONE, want);
    g_assert_true(g_str_has_prefix(l->said->str, "hangup "));
    world_down();
}

static void a_session_that_cannot_be_is_ended_after_its_result(void)
{
    cannot_begin("", "unsupported-applications");
    cannot_begin(CAMERA("0", "her1"), "unsupported-applications");
    cannot_begin(CONTENT("0", "", "<description xmlns='file'/>"), "unsupported-applications");
    cannot_begin(CONTENT("0", "", RTP("audio", OPUS)), "unsupported-transports");
    cannot_begin(CONTENT("0", "", RTP("audio", OPUS) TRANSPORT("her1", "")), "security-error");
    cannot_begin(CONTENT("0", "",
                         RTP("audio", OPUS) TRANSPORT(
                             "her1", "<fingerprint xmlns='http://gultsch.de/xmpp/drafts/omemo/"
                                     "dlts-srtp-verification'>x</fingerprint>")),
                 "security-error");
}

#define SPEEX "<payload-type id='112' name='speex' clockrate='16000'/>"

static void nothing_in_common_after_proceed_ends_the_session(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_proceeds();
    ana("session-initiate", CONTENT("0", "", RTP("audio", SPEEX) TRANSPORT("her1", FINGERPRINT)));
    result();
    if (strcmp(l->said->str, "offer") == 0) /* he is asked once more */
        fake_leg_report(l, LEG_REFUSED, NULL);
    turn();
    says_jingle("session-terminate", PHONE, "*<incompatible-parameters/>*");
    says_message("finish", PHONE, "s1");
    world_down();
}

/* ---- whose words count ---- */

static void every_reply_comes_from_whom_it_was_sent_to(void)
{
    world_up();
    jingle(PHONE, BOB, "session-info", "nothing", ""); /* to the bare JID */
    refused("item-not-found", "unknown-session");
    jingle(PHONE, BOB "/other", "session-info", "nothing", "");
    refused("item-not-found", "unknown-session");
    jingle(PHONE, "Bob@" COMPONENT "/tandem", "session-info", "nothing", "");
    refused("item-not-found", "unknown-session");
    world_down();
}

static void an_error_to_session_initiate_ends_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_proposes();
    message(PHONE, ours(), "proceed", sid(), "");
    says_jingle("session-initiate", PHONE, "*");
    they_refuse(DESK, "service-unavailable", ""); /* who has not been asked */
    they_refuse(ANA, "service-unavailable", "");
    SAID(l, "");
    quiet();
    they_refuse(PHONE, "service-unavailable", "");
    SAID(l, "hangup offline");
    says_jingle("session-terminate", PHONE, "*");
    says_message("finish", PHONE, sid());
    world_down();
}

static void a_session_initiate_without_a_result_ends_the_call(void)
{
    struct fake_leg *l;

    world_up();
    world.b.config.ring_s = 300;
    l = alice_proposes();
    message(PHONE, ours(), "proceed", sid(), "");
    says_jingle("session-initiate", PHONE, "*");
    they_answer(DESK, true);
    wait_us(14900 * US_PER_MS);
    quiet();
    wait_us(5200 * US_PER_MS);
    SAID(l, "hangup unreachable; free");
    says_jingle("session-terminate", PHONE, "*");
    says_message("finish", PHONE, sid());
    they_answer(PHONE, true); /* too late */
    they_refuse(PHONE, "service-unavailable", "");
    world_down();
}

static void a_session_accept_without_a_result_ends_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_proceeds();
    ana("session-initiate", AUDIO("0", "her1"));
    result();
    says_jingle("session-accept", PHONE, "*");
    wait_us(14900 * US_PER_MS);
    quiet();
    wait_us(5200 * US_PER_MS);
    SAID(l, "hangup media-failed; free");
    says_jingle("session-terminate", PHONE, "*<connectivity-error/>*");
    says_message("finish", PHONE, "s1");
    world_down();
}

static void errors_to_what_is_only_information_end_nothing(void)
{
    struct media_event ev = {.type = MEDIA_CANDIDATE, .transport = 0};
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    ev.candidate = (struct desc_candidate){.foundation = "2", .component = 1, .type = DESC_HOST};
    (void)net_addr_parse(SPAN("192.0.2.1:40001"), &ev.candidate.addr);
    ev.id = (struct media_id){1, 1};
    fake_media_event(&ev);
    says_jingle("transport-info", PHONE, "*ufrag='to-her1'*port='40001'*");
    they_refuse(PHONE, "item-not-found", "<unknown-session xmlns='urn:xmpp:jingle:errors:1'/>");
    SAID(l, "");
    fake_media_event(&ev);
    says_jingle("transport-info", PHONE, "*");
    wait_s(30); /* no answer is none either */
    SAID(l, "");
    quiet();
    end_all();
    hush();
    world_down();
}

/* ---- candidates ---- */

static void candidates_reach_the_media_in_every_state_that_has_some(void)
{
    static const struct {
        void (*reach)(void);
    } reached[] = {{offered}, {initiating}, {talking}, {talking_by_us}};

    for (unsigned i = 0; i < G_N_ELEMENTS(reached); i++) {
        world_up();
        reached[i].reach();
        fake_media.candidates = 0;
        ana("transport-info", CONTENT("0", "", TRANSPORT("her1", CANDIDATE CANDIDATE)));
        result();
        g_assert_cmpuint(fake_media.candidates, >=, 1);
        ana("transport-info", CONTENT("7", "", TRANSPORT("her1", CANDIDATE))); /* of nothing */
        result();
        ana("transport-info", CONTENT("0", "", ""));
        result();
        ana("transport-info", "");
        result();
        end_all();
        hush();
        world_down();
    }
}

/* ---- what is said in between ---- */

static void session_info_is_acknowledged_or_refused(void)
{
    world_up();
    (void)ana_talks();
    ana("session-info", "");
    result();
    ana("session-info", "<mute xmlns='urn:xmpp:jingle:apps:rtp:info:1' name='0'/>");
    result();
    ana("session-info", "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>");
    result();
    ana("session-info", "<odd xmlns='urn:example:odd'/>");
    refused("feature-not-implemented", "unsupported-info");
    end_all();
    hush();
    world_down();
}

static void ringing_in_the_session_counts(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_initiates();
    ana("session-info", "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>");
    result();
    ana("session-info", "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>");
    result();
    SAID(l, "progress ringing");
    end_all();
    hush();
    world_down();
}

/* ---- the end ---- */

static void a_crossing_terminate_is_acknowledged_for_a_minute(void)
{
    world_up();
    fake_leg_end(ana_talks(), END_NORMAL);
    hush();
    ana("session-terminate", "<reason><success/></reason>");
    result();
    turn();
    wait_s(59);
    ana("session-terminate", "<reason><success/></reason>");
    result();
    ana("session-terminate", "");
    result();
    wait_s(7);
    ana("session-terminate", "<reason><success/></reason>");
    refused("item-not-found", "unknown-session");
    world_down();
}

static void a_terminate_without_a_reason_is_an_end(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_initiates();
    ana("session-terminate", "");
    result();
    SAID(l, "hangup declined");
    world_down();

    world_up();
    l = ana_initiates();
    ana("session-terminate", "<reason><application-error/></reason>");
    result();
    SAID(l, "hangup cancelled");
    world_down();
}

void unit_xmpp_session(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"every-action-has-its-reply-in-every-state", every_action_has_its_reply_in_every_state},
        {"another-device-has-no-part-in-a-session", another_device_has_no_part_in_a_session},
        {"every-message-is-survived-in-every-state", every_message_is_survived_in_every_state},
        {"requests-nobody-knows-are-refused", requests_nobody_knows_are_refused},
        {"jingle-that-cannot-be-read-is-a-bad-request",
         jingle_that_cannot_be_read_is_a_bad_request},
        {"a-call-without-a-proposal-rings-and-is-answered",
         a_call_without_a_proposal_rings_and_is_answered},
        {"a-session-that-cannot-be-is-ended-after-its-result",
         a_session_that_cannot_be_is_ended_after_its_result},
        {"nothing-in-common-after-proceed-ends-the-session",
         nothing_in_common_after_proceed_ends_the_session},
        {"every-reply-comes-from-whom-it-was-sent-to", every_reply_comes_from_whom_it_was_sent_to},
        {"an-error-to-session-initiate-ends-the-call", an_error_to_session_initiate_ends_the_call},
        {"a-session-initiate-without-a-result-ends-the-call",
         a_session_initiate_without_a_result_ends_the_call},
        {"a-session-accept-without-a-result-ends-the-call",
         a_session_accept_without_a_result_ends_the_call},
        {"errors-to-what-is-only-information-end-nothing",
         errors_to_what_is_only_information_end_nothing},
        {"candidates-reach-the-media-in-every-state-that-has-some",
         candidates_reach_the_media_in_every_state_that_has_some},
        {"session-info-is-acknowledged-or-refused", session_info_is_acknowledged_or_refused},
        {"ringing-in-the-session-counts", ringing_in_the_session_counts},
        {"a-crossing-terminate-is-acknowledged-for-a-minute",
         a_crossing_terminate_is_acknowledged_for_a_minute},
        {"a-terminate-without-a-reason-is-an-end", a_terminate_without_a_reason_is_an_end},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/session/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
