/* Proposals (XEP-0353): who says what when, and what must be heard by when. */
#include "tests/fakes/xmpp_world.h"

void unit_xmpp_invite(void);

/* ---- they call ---- */

static void a_call_rings_and_is_answered(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    SAID(l, "");
    ana("session-terminate", "<reason><success/></reason>");
    result();
    SAID(l, "hangup normal");
    world_down();
}

static void ringing_is_passed_on_at_once_and_again_every_30_s(void)
{
    struct fake_leg *l;

    world_up();
    world.b.config.ring_s = 300;
    l = ana_proposes();
    fake_leg_report(l, LEG_PROGRESS, NULL);
    says_message("ringing", PHONE, "s1");
    fake_leg_report(l, LEG_PROGRESS, NULL);
    wait_s(29);
    quiet();
    wait_s(2);
    says_message("ringing", PHONE, "s1");
    wait_s(30);
    says_message("ringing", PHONE, "s1");
    fake_leg_end(l, END_BUSY);
    says_message("reject", PHONE, "s1");
    wait_s(120);
    world_down();
}

static void a_silent_far_side_rings_after_10_s(void)
{
    world_up();
    world.b.config.ring_s = 300;
    (void)ana_proposes();
    wait_us(9900 * US_PER_MS);
    quiet();
    wait_us(200 * US_PER_MS);
    says_message("ringing", PHONE, "s1");
    wait_s(29);
    quiet();
    wait_s(1);
    says_message("ringing", PHONE, "s1");
    message(PHONE, OURS, "retract", "s1", "");
    wait_s(120);
    world_down();
}

static void nothing_rings_after_proceed(void)
{
    world_up();
    (void)ana_proceeds();
    wait_s(14);
    quiet();
    end_all();
    says_message("reject", PHONE, "s1");
    world_down();
}

static void a_second_copy_of_a_proposal_is_ignored(void)
{
    world_up();
    (void)ana_proposes();
    message(PHONE, BOB, "propose", "s1", VOICE);
    message(DESK, BOB, "propose", "s1", VOICE);
    quiet();
    g_assert_cmpuint(fake_adapter_legs(world.b.ad), ==, 1);
    end_all();
    says_message("reject", PHONE, "s1");
    world_down();
}

static void proposals_that_make_no_sense_are_no_calls(void)
{
    g_autofree char *long_sid = g_strnfill(200, 's');

    world_up();
    message(ANA, BOB, "propose", "s1", VOICE);                /* from no device */
    message(PHONE, COMPONENT, "propose", "s2", VOICE);        /* to nobody */
    message("jabber.example/x", BOB, "propose", "s3", VOICE); /* from a server */
    message(PHONE, BOB, "propose", long_sid, VOICE);
    message(PHONE, BOB, "propose", "", VOICE);
    message(PHONE, "bob@elsewhere.example", "propose", "s4", VOICE);
    hears("<message from='" PHONE "' to='" BOB "'><propose xmlns='urn:xmpp:jingle-message:0'/>"
          "</message>");
    hears("<message to='" BOB "'><propose xmlns='urn:xmpp:jingle-message:0' id='s5'/></message>");
    quiet();
    g_assert_cmpuint(calls(), ==, 0);
    world_down();
}

static void a_proposal_without_media_is_a_voice_call(void)
{
    world_up();
    message(PHONE, BOB, "propose", "s1", "");
    g_assert_cmpuint(bob(0)->last->nstreams, ==, 1);
    end_all();
    says_message("reject", PHONE, "s1");
    world_down();
}

static void a_proposal_with_video_offers_video(void)
{
    world_up();
    message(PHONE, BOB, "propose", "s1", VOICE VIDEO);
    g_assert_cmpuint(bob(0)->last->nstreams, ==, 2);
    g_assert_cmpint(bob(0)->last->stream[1].kind, ==, DESC_VIDEO);
    end_all();
    says_message("reject", PHONE, "s1");
    world_down();
}

static void a_retraction_ends_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_proposes();
    message(DESK, BOB, "retract", "s1", ""); /* not her call */
    message(MALLORY "/x", BOB, "retract", "s1", "");
    message(ANA, BOB, "retract", "s1", "");
    SAID(l, "");
    message(PHONE, BOB, "retract", "s1", "");
    SAID(l, "hangup cancelled");
    message(PHONE, BOB, "retract", "s1", "");
    world_down();
}

static void a_retraction_that_crosses_proceed_ends_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_proceeds();
    message(PHONE, OURS, "retract", "s1", "");
    SAID(l, "hangup cancelled");
    quiet();
    ana("session-initiate", AUDIO("0", "her1"));
    result();
    says_jingle("session-terminate", PHONE, "*<expired/>*");
    world_down();
}

static void proceed_without_a_session_ends_after_15_s(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_proceeds();
    wait_us(14900 * US_PER_MS);
    SAID(l, "");
    quiet();
    wait_us(200 * US_PER_MS);
    says_message("reject", PHONE, "s1");
    SAID(l, "hangup unreachable; free");
    ana("session-initiate", AUDIO("0", "her1"));
    result();
    says_jingle("session-terminate", PHONE, "*<expired/>*");
    g_assert_cmpuint(calls(), ==, 0);
    world_down();
}

/* ---- we call ---- */

static void a_call_by_us_is_proposed_and_answered(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_talks();
    fake_leg_end(l, END_NORMAL);
    says_jingle("session-terminate", PHONE, "*<success/>*");
    says_message("finish", PHONE, sid());
    world_down();
}

static void a_client_that_says_nothing_is_taken_to_ring(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_proposes();
    wait_us(1400 * US_PER_MS);
    SAID(l, "");
    wait_us(200 * US_PER_MS);
    SAID(l, "progress ringing");
    message(PHONE, ours(), "ringing", sid(), "");
    wait_s(5);
    SAID(l, "progress ringing");
    fake_leg_end(l, END_NORMAL);
    says_message("retract", ANA, sid());
    world_down();
}

static void ringing_is_heard_once(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_proposes();
    message(MALLORY "/x", ours(), "ringing", sid(), "");
    message(PHONE, ours(), "ringing", "another", "");
    SAID(l, "");
    message(PHONE, ours(), "ringing", sid(), "");
    SAID(l, "progress ringing");
    message(DESK, ours(), "ringing", sid(), "");
    wait_s(3);
    SAID(l, "progress ringing");
    fake_leg_end(l, END_NORMAL);
    says_message("retract", ANA, sid());
    world_down();
}

static void a_receipt_of_the_proposal_is_ringing(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_proposes();
    hears("<message from='" PHONE "' to='%s'><received xmlns='urn:xmpp:receipts' "
          "id='jm-propose-other'/></message>",
          ours());
    hears("<message from='" MALLORY "/x' to='%s'><received xmlns='urn:xmpp:receipts' "
          "id='jm-propose-%s'/></message>",
          ours(), sid());
    SAID(l, "");
    hears("<message from='" PHONE "' to='%s'><received xmlns='urn:xmpp:receipts' "
          "id='jm-propose-%s'/></message>",
          ours(), sid());
    SAID(l, "progress ringing");
    message(PHONE, ours(), "ringing", sid(), "");
    SAID(l, "progress ringing");
    fake_leg_end(l, END_NORMAL);
    says_message("retract", ANA, sid());
    world_down();
}

static void rejects(const char *reason, uint64_t after_s, const char *end)
{
    struct fake_leg *l;
    g_autofree char *want = g_strdup_printf("progress ringing; hangup %s", end);

    world_up();
    world.b.config.ring_s = 300;
    l = alice_proposes();
    message(PHONE, ours(), "ringing", sid(), "");
    wait_s(after_s);
    message(PHONE, ours(), "reject", sid(), reason);
    SAID(l, want);
    quiet(); /* she knows */
    world_down();
}

#define REASON(word) "<reason xmlns='urn:xmpp:jingle:1'><" word "/></reason>"

static void a_rejection_says_why(void)
{
    rejects("", 5, "declined");
    rejects(REASON("busy"), 5, "busy");
    rejects(REASON("decline"), 28, "declined");
    rejects(REASON("incompatible-parameters"), 5, "incompatible");
    rejects(REASON("made-up"), 5, "declined");
}

static void a_rejection_after_29_s_is_nobody(void)
{
    rejects("", 29, "no-answer");
    rejects(REASON("busy"), 31, "no-answer");
}

static void the_first_device_that_proceeds_has_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_proposes();
    message(ANA, ours(), "proceed", sid(), ""); /* no device */
    message(MALLORY "/x", ours(), "proceed", sid(), "");
    quiet();
    message(DESK, ours(), "proceed", sid(), "");
    says_jingle("session-initiate", DESK, "*setup='actpass'*");
    message(PHONE, ours(), "proceed", sid(), "");
    message(DESK, ours(), "proceed", sid(), "");
    message(PHONE, ours(), "reject", sid(), "");
    message(PHONE, ours(), "ringing", sid(), "");
    quiet();
    SAID(l, "");
    fake_leg_end(l, END_NORMAL);
    says_jingle("session-terminate", DESK, "*<cancel/>*");
    says_message("finish", DESK, sid());
    world_down();
}

static void bounces(const char *condition, const char *end)
{
    struct fake_leg *l;
    g_autofree char *want = g_strdup_printf("hangup %s", end);

    world_up();
    l = alice_proposes();
    hears("<message type='error' from='" MALLORY "' to='%s' id='jm-propose-%s'><error "
          "type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          ours(), sid());
    SAID(l, "");
    hears("<message type='error' from='" ANA "' to='%s' id='jm-propose-%s'><propose "
          "xmlns='urn:xmpp:jingle-message:0' id='%s'/><error type='cancel'><text "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>no</text><%s "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          ours(), sid(), sid(), condition);
    SAID(l, want);
    quiet();
    world_down();
}

static void an_error_to_the_proposal_ends_the_call(void)
{
    bounces("service-unavailable", "offline");
    bounces("recipient-unavailable", "offline");
    bounces("item-not-found", "not-found");
    bounces("remote-server-timeout", "unreachable");
    bounces("policy-violation", "forbidden");
    bounces("something-new", "internal");
}

static void an_error_after_proceed_is_not_about_the_call(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_initiates();
    hears("<message type='error' from='" ANA "' to='%s' id='jm-propose-%s'><error type='cancel'>"
          "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
          ours(), sid());
    SAID(l, "");
    end_all();
    hush();
    world_down();
}

static void a_session_nobody_accepts_ends_after_30_s(void)
{
    struct fake_leg *l;

    world_up();
    world.b.config.ring_s = 300;
    l = alice_initiates();
    wait_us(29900 * US_PER_MS);
    quiet();
    wait_us(200 * US_PER_MS);
    says_jingle("session-terminate", PHONE, "*<timeout/>*");
    says_message("finish", PHONE, sid());
    SAID(l, "hangup unreachable; free");
    world_down();
}

/* ---- too much ---- */

#define REFUSED(condition)                                                                         \
    "<message type='error' from='" BOB "' to='" PHONE                                              \
    "' id='jm-propose-*'><error type='wait'><" condition                                           \
    " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text *"

static void a_crowded_stream_begins_nothing(void)
{
    struct fake_leg *l;

    world_up();
    fake_conn.crowded = true;
    message(PHONE, BOB, "propose", "s1", VOICE);
    says(REFUSED("resource-constraint"));
    jingle(PHONE, OURS, "session-initiate", "s2", AUDIO("0", "her1"));
    result();
    says("*action='session-terminate' sid='s2'*<busy/>*");
    l = alice_calls(&world.b, ANA);
    SAID(l, "hangup unreachable");
    quiet();
    world_down();
}

static void done(void *arg)
{
    (void)arg;
}

static void nothing_begins_while_draining(void)
{
    world_up();
    (void)ana_proposes();
    gateway_drain(world.b.gw, 10 * US_PER_S, done, NULL);
    says_message("reject", PHONE, "s1");
    turn();
    message(PHONE, BOB, "propose", "s2", VOICE);
    says(REFUSED("resource-constraint"));
    jingle(PHONE, OURS, "session-initiate", "s3", AUDIO("0", "her1"));
    result();
    says("*action='session-terminate' sid='s3'*<busy/>*");
    world_down();
}

static void calls_of_one_person_are_limited(void)
{
    char id[16];

    world_up();
    world.b.config.calls_max = world.b.config.account_calls_max = 100;
    for (unsigned i = 0; i < 10; i++) {
        (void)g_snprintf(id, sizeof(id), "s%u", i);
        message(PHONE, BOB, "propose", id, VOICE);
    }
    quiet();
    message(DESK, BOB, "propose", "s10", VOICE);
    says("<message type='error' from='" BOB "' to='" DESK "' id='jm-propose-s10'>*"
         "<policy-violation *");
    g_assert_cmpuint(calls(), ==, 10);
    end_all();
    hush();
    wait_s(2);
    message(PHONE, BOB, "propose", "s11", VOICE);
    quiet();
    message(PHONE, BOB, "propose", "s12", VOICE);
    says("*<policy-violation *");
    end_all();
    says_message("reject", PHONE, "s11");
    world_down();
}

static void a_call_outlives_the_stream(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    fake_conn_down();
    wait_s(120);
    SAID(l, "");
    fake_conn_up();
    ana("session-terminate", "<reason><success/></reason>");
    result();
    SAID(l, "hangup normal");
    world_down();
}

static void a_copy_that_comes_late_rings_nobody(void)
{
    world_up();
    message(PHONE, BOB, "propose", "s1", VOICE);
    message(PHONE, BOB, "retract", "s1", "");
    g_assert_cmpuint(fake_adapter_legs(world.b.ad), ==, 1);
    message(PHONE, BOB, "propose", "s1", VOICE); /* from an archive, say */
    g_assert_cmpuint(fake_adapter_legs(world.b.ad), ==, 1);
    message(PHONE, BOB, "propose", "s2", VOICE);
    g_assert_cmpuint(fake_adapter_legs(world.b.ad), ==, 2);
    hush();
    message(PHONE, BOB, "retract", "s2", "");
    world_down();
}

static void without_a_stream_nobody_is_called(void)
{
    world_up();
    fake_conn_down();
    SAID(alice_calls(&world.b, ANA), "hangup unreachable"); /* she exists, but not for us now */
    SAID(alice_calls(&world.b, "eve@jabber.nowhere"), "hangup not-found");
    quiet();
    world_down();
}

/* Ana calls Dora: a leg of ours on either side. */
static void two_clients_call_each_other(void)
{
    static const char ana_here[] = "ana\\40jabber.example@" COMPONENT "/tandem";
    g_autofree char *id = NULL;

    world_up();
    message(PHONE, "dora@" COMPONENT, "propose", "s1", VOICE);
    says("<message type='chat' from='ana\\40jabber.example@" COMPONENT "/tandem' to='" DORA
         "' id='jm-propose-*'><propose *");
    id = said_attr("<propose", "id");
    message(DORA "/x", ana_here, "ringing", id, "");
    says("<message type='chat' from='dora@" COMPONENT "/tandem' to='" PHONE "' *><ringing *");
    message(DORA "/x", ana_here, "proceed", id, "");
    says("<iq type='set' from='ana*' to='" DORA "/x' *action='session-initiate'*");
    jingle(DORA "/x", ana_here, "session-accept", id, AUDIO("0", "hers"));
    result();
    says("<message type='chat' from='dora@" COMPONENT "/tandem' to='" PHONE "' *><proceed *");
    jingle(PHONE, "dora@" COMPONENT "/tandem", "session-initiate", "s1", AUDIO("0", "her1"));
    result();
    says("<iq type='set' from='dora@*' to='" PHONE "' *action='session-accept'*ufrag='to-her1'*");
    jingle(PHONE, "dora@" COMPONENT "/tandem", "transport-info", "s1",
           CONTENT("0", "", TRANSPORT("her2", "")));
    result();
    turn();
    says("<iq type='set' from='dora@*' to='" PHONE "' *action='transport-info'*'to-her2'*");
    quiet(); /* Dora hears nothing of it */
    jingle(DORA "/x", ana_here, "session-terminate", id, "<reason><success/></reason>");
    result();
    says("<iq type='set' from='dora@*' to='" PHONE "' *action='session-terminate'*<success/>*");
    says("<message type='chat' from='dora@*' to='" PHONE "' *><finish *");
    world_down();
}

void unit_xmpp_invite(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"a-call-rings-and-is-answered", a_call_rings_and_is_answered},
        {"ringing-is-passed-on-at-once-and-again-every-30-s",
         ringing_is_passed_on_at_once_and_again_every_30_s},
        {"a-silent-far-side-rings-after-10-s", a_silent_far_side_rings_after_10_s},
        {"nothing-rings-after-proceed", nothing_rings_after_proceed},
        {"a-second-copy-of-a-proposal-is-ignored", a_second_copy_of_a_proposal_is_ignored},
        {"proposals-that-make-no-sense-are-no-calls", proposals_that_make_no_sense_are_no_calls},
        {"a-proposal-without-media-is-a-voice-call", a_proposal_without_media_is_a_voice_call},
        {"a-proposal-with-video-offers-video", a_proposal_with_video_offers_video},
        {"a-retraction-ends-the-call", a_retraction_ends_the_call},
        {"a-retraction-that-crosses-proceed-ends-the-call",
         a_retraction_that_crosses_proceed_ends_the_call},
        {"proceed-without-a-session-ends-after-15-s", proceed_without_a_session_ends_after_15_s},
        {"a-call-by-us-is-proposed-and-answered", a_call_by_us_is_proposed_and_answered},
        {"a-client-that-says-nothing-is-taken-to-ring",
         a_client_that_says_nothing_is_taken_to_ring},
        {"ringing-is-heard-once", ringing_is_heard_once},
        {"a-receipt-of-the-proposal-is-ringing", a_receipt_of_the_proposal_is_ringing},
        {"a-rejection-says-why", a_rejection_says_why},
        {"a-rejection-after-29-s-is-nobody", a_rejection_after_29_s_is_nobody},
        {"the-first-device-that-proceeds-has-the-call",
         the_first_device_that_proceeds_has_the_call},
        {"an-error-to-the-proposal-ends-the-call", an_error_to_the_proposal_ends_the_call},
        {"an-error-after-proceed-is-not-about-the-call",
         an_error_after_proceed_is_not_about_the_call},
        {"a-session-nobody-accepts-ends-after-30-s", a_session_nobody_accepts_ends_after_30_s},
        {"a-crowded-stream-begins-nothing", a_crowded_stream_begins_nothing},
        {"nothing-begins-while-draining", nothing_begins_while_draining},
        {"calls-of-one-person-are-limited", calls_of_one_person_are_limited},
        {"two-clients-call-each-other", two_clients_call_each_other},
        {"a-call-outlives-the-stream", a_call_outlives_the_stream},
        {"a-copy-that-comes-late-rings-nobody", a_copy_that_comes_late_rings_nobody},
        {"without-a-stream-nobody-is-called", without_a_stream_nobody_is_called},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/invite/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
