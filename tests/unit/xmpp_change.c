/* What changes during a call: new transports (XEP-0176), contents that come and go (XEP-0166), and
 * two changes at once. */
#include "tests/fakes/xmpp_world.h"

#include <string.h>

void unit_xmpp_change(void);

/* New credentials and nothing else: what Conversations sends after a change of network. */
#define RESTART(name, ufrag) CONTENT(name, "", TRANSPORT(ufrag, ""))
#define GROUP(names)                                                                               \
    "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>" names "</group>"
#define NAMED(name) "<content name='" name "'/>"

static void over(struct fake_leg *l)
{
    (void)l;
    end_all();
    hush();
    world_down();
}

/* ---- new transports ---- */

static void a_restart_is_answered_here(void)
{
    struct fake_leg *l;
    unsigned remotes;

    world_up();
    l = ana_talks();
    remotes = fake_media.remotes;
    ana("transport-info", RESTART("0", "her2"));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*<candidate *");
    g_assert_null(strstr(said(), "<fingerprint"));
    g_assert_null(strstr(said(), "<description"));
    quiet();
    SAID(l, "");
    g_assert_cmpuint(fake_media.remotes, ==, remotes + 1);
    ana("transport-info", CONTENT("0", "", TRANSPORT("her2", CANDIDATE)));
    result();
    turn();
    quiet(); /* a candidate of theirs is no further restart */
    g_assert_cmpuint(fake_media.candidates, ==, 1);
    over(l);
}

static void a_restart_with_candidates_is_answered_once(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_talks();
    fake_media.candidates = 0;
    ana("transport-info", CONTENT("0", "", TRANSPORT("her2", CANDIDATE)));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*ufrag='to-her2'*");
    quiet();
    g_assert_cmpuint(fake_media.candidates, ==, 0); /* they were in the offer */
    g_assert_cmpuint(fake_media.remote_candidates, ==, 1);
    SAID(l, "answer");
    over(l);
}

static struct fake_leg *ana_talks_with_video(const char *group)
{
    g_autofree char *both = g_strconcat(AUDIO("0", "her1"), CAMERA("1", "her1"), group, NULL);
    struct fake_leg *l;

    message(PHONE, BOB, "propose", "s1", VOICE VIDEO);
    l = bob(0);
    answers(l);
    says_message("proceed", PHONE, "s1");
    ana("session-initiate", both);
    result();
    says_jingle("session-accept", PHONE, "*name='0'*name='1'*");
    they_answer(PHONE, true);
    quiet();
    return l;
}

static void a_restart_of_all_contents_is_one(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks_with_video(GROUP(NAMED("0") NAMED("1")));
    ana("transport-info", RESTART("0", "her2") RESTART("1", "her2") GROUP(NAMED("0") NAMED("1")));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*name='1'*ufrag='to-her2'*");
    quiet();
    SAID(l, "");
    over(l);
}

static void a_restart_without_a_bundle_is_one(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks_with_video("");
    ana("transport-info", RESTART("0", "her2") RESTART("1", "her3"));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*name='1'*ufrag='to-her3'*");
    quiet();
    SAID(l, "");
    over(l);
}

static struct desc *hold_of(struct fake_leg *l)
{
    struct desc *d = answer_to(l->last);

    d->stream[0].direction = DESC_SENDONLY;
    return d;
}

static void a_restart_while_on_hold_is_no_news_to_the_far_side(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    fake_leg_report(l, LEG_OFFER, hold_of(l));
    turn();
    SAID(l, "respond");
    ana("transport-info", RESTART("0", "her2"));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*ufrag='to-her2'*");
    SAID(l, "respond");
    over(l);
}

/* ---- they add and remove ---- */

static struct fake_leg *ana_adds_a_camera(void)
{
    struct fake_leg *l = ana_talks();

    ana("content-add", CAMERA("1", "cam"));
    result();
    turn();
    SAID(l, "offer");
    g_assert_cmpuint(l->last->nstreams, ==, 2);
    quiet();
    return l;
}

static void a_new_content_is_accepted(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*name='1'*media='video'*ufrag='to-cam'*");
    g_assert_null(strstr(said(), "name='0'><"));
    turn();
    quiet();
    ana("transport-info", RESTART("0", "her2") RESTART("1", "cam2"));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*");
    over(l);
}

#define REJECTED                                                                                   \
    "*<content creator='initiator' name='1'*media='video'*"                                        \
    "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/>*"

static void a_new_content_is_refused(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    fake_leg_report(l, LEG_REFUSED, NULL);
    says_jingle("content-reject", PHONE, REJECTED);
    turn();
    quiet();
    over(l);
}

static void a_new_content_the_far_side_leaves_out_is_refused(void)
{
    struct fake_leg *l;
    struct desc *d;

    world_up();
    l = ana_adds_a_camera();
    d = answer_to(l->last);
    d->stream[1].refused = true;
    d->stream[1].transport = -1;
    fake_leg_report(l, LEG_ANSWER, d);
    says_jingle("content-reject", PHONE, REJECTED);
    turn();
    quiet();
    ana("transport-info", RESTART("0", "her2"));
    result();
    turn();
    says_jingle("transport-info", PHONE, "*ufrag='to-her2'*");
    SAID(l, "offer");
    ana("content-add", CAMERA("1", "cam2")); /* the same again: an answer there is */
    result();
    turn();
    says_jingle("content-reject", PHONE, REJECTED);
    over(l);
}

static void a_refused_content_may_be_added_again(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    fake_leg_report(l, LEG_REFUSED, NULL);
    says_jingle("content-reject", PHONE, REJECTED);
    turn();
    ana("content-add", CAMERA("1", "cam2")); /* under the same name, as a browser would */
    result();
    turn();
    SAID(l, "offer; offer");
    g_assert_false(l->last->stream[1].refused);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*name='1'*media='video'*ufrag='to-cam2'*");
    over(l);
}

static void a_new_content_without_keys_is_refused(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    ana("content-add", CONTENT("1", "", RTP("video", VP8) TRANSPORT("cam", CANDIDATE)));
    result();
    turn();
    says_jingle("content-reject", PHONE, REJECTED);
    SAID(l, "");
    ana("content-add", CONTENT("1", "", RTP("video", VP8)));
    result();
    turn();
    says_jingle("content-reject", PHONE, REJECTED);
    SAID(l, "");
    over(l);
}

static void a_content_is_removed(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    hush();
    ana("content-remove", CONTENT("1", "", ""));
    result();
    turn();
    SAID(l, "offer; offer");
    g_assert_true(l->last->stream[1].refused);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    turn();
    quiet();
    over(l);
}

static void a_content_removed_before_its_answer_is_not_accepted(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    ana("content-remove", CONTENT("1", "", ""));
    result();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    turn();
    quiet();
    SAID(l, "offer; offer"); /* the second takes it back */
    g_assert_true(l->last->stream[1].refused);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    turn();
    over(l);
}

static void a_turned_direction_reaches_the_far_side(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks(); /* she is the initiator */
    ana("content-modify", CONTENT("0", " senders='initiator'", ""));
    result();
    turn();
    SAID(l, "offer");
    g_assert_cmpint(l->last->stream[0].direction, ==, DESC_SENDONLY);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    ana("content-modify", CONTENT("0", " senders='both'", ""));
    result();
    turn();
    SAID(l, "offer; offer");
    g_assert_cmpint(l->last->stream[0].direction, ==, DESC_SENDRECV);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    turn();
    quiet();
    ana("content-modify", CONTENT("0", " senders='both'", "")); /* nothing new */
    result();
    turn();
    SAID(l, "offer; offer");
    over(l);
}

static void the_responder_turns_directions_too(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_talks(); /* we are the initiator */
    ana("content-modify", CONTENT("0", " senders='initiator'", ""));
    result();
    turn();
    SAID(l, "answer; offer");
    g_assert_cmpint(l->last->stream[0].direction, ==, DESC_RECVONLY);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    over(l);
}

/* ---- the far side changes ---- */

static void a_hold_is_answered_without_a_word(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    fake_leg_report(l, LEG_OFFER, hold_of(l));
    turn();
    SAID(l, "respond");
    g_assert_cmpint(l->last->stream[0].direction, ==, DESC_RECVONLY);
    quiet();
    fake_leg_report(l, LEG_OFFER, answer_to(bob(0)->last));
    turn();
    quiet();
    over(l);
}

static void a_resumed_call_runs_both_ways(void)
{
    struct fake_leg *l;
    struct desc *d;

    world_up();
    l = ana_talks();
    fake_leg_report(l, LEG_OFFER, hold_of(l));
    turn();
    d = answer_to(l->last);
    d->stream[0].direction = DESC_SENDRECV;
    fake_leg_report(l, LEG_OFFER, d);
    turn();
    SAID(l, "respond; respond");
    g_assert_cmpint(l->last->stream[0].direction, ==, DESC_SENDRECV);
    quiet();
    over(l);
}

/* What bob offers who turns his camera on. */
static struct desc *with_camera(struct fake_leg *l)
{
    struct desc *d = l->last ? answer_to(l->last) : negotiate_default_offer(false);
    struct desc_stream *s = NULL;

    if (d->nstreams < 2) {
        s = desc_add_stream(d, DESC_VIDEO);
        (void)desc_add_codec(s, 96, "VP8", 90000, 1, NULL);
        (void)g_strlcpy(s->mid, "1", sizeof(s->mid));
    }
    d->stream[1].refused = false;
    d->stream[1].direction = DESC_SENDRECV;
    d->stream[1].transport = 0;
    return d;
}

static struct desc *without_camera(struct fake_leg *l)
{
    struct desc *d = with_camera(l);

    d->stream[1].refused = true;
    d->stream[1].transport = -1;
    return d;
}

static char added[16]; /* the name it has been given */

static struct fake_leg *adds_a_camera(struct fake_leg *l)
{
    g_autofree char *name = NULL;

    fake_leg_report(l, LEG_OFFER, with_camera(l));
    says_jingle("content-add", PHONE, "*media='video'*");
    g_assert_null(strstr(said(), "media='audio'"));
    name = said_attr("<content", "name");
    (void)g_strlcpy(added, name, sizeof(added));
    turn();
    quiet();
    return l;
}

static void ana_answers(const char *action)
{
    g_autofree char *content = g_strdup_printf(CAMERA("%s", "cam"), added);

    ana(action, content);
}

static void an_added_content_is_accepted(const char *action)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    they_answer(PHONE, true);
    SAID(l, "");
    ana_answers(action);
    result();
    SAID(l, "respond");
    g_assert_cmpuint(l->last->nstreams, ==, 2);
    g_assert_false(l->last->stream[1].refused);
    wait_s(30);
    quiet();
    SAID(l, "respond");
    over(l);
}

static void our_new_content_is_accepted(void)
{
    an_added_content_is_accepted("content-accept");
}

static void session_accept_accepts_it_too(void)
{
    an_added_content_is_accepted("session-accept"); /* Movim */
}

static void our_new_content_is_refused(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    they_answer(PHONE, true);
    ana_answers("content-reject");
    result();
    SAID(l, "respond");
    g_assert_true(l->last->stream[1].refused);
    fake_leg_report(l, LEG_OFFER, without_camera(l)); /* he gives up */
    turn();
    quiet();
    SAID(l, "respond; respond");
    (void)adds_a_camera(l); /* and tries again */
    ana_answers("content-accept");
    result();
    SAID(l, "respond; respond; respond");
    g_assert_false(l->last->stream[1].refused);
    over(l);
}

static void our_new_content_without_an_answer_is_refused_after_20_s(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    they_answer(PHONE, true);
    wait_us(19900 * US_PER_MS);
    SAID(l, "");
    wait_us(200 * US_PER_MS);
    SAID(l, "refuse");
    quiet();
    ana_answers("content-accept"); /* too late */
    refused("unexpected-request", "out-of-order");
    (void)adds_a_camera(l); /* he tries again */
    ana_answers("content-accept");
    result();
    SAID(l, "refuse; respond");
    over(l);
}

static void an_error_to_our_new_content_refuses_it(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    they_refuse(DESK, "feature-not-implemented", "");
    SAID(l, "");
    they_refuse(PHONE, "feature-not-implemented", "");
    SAID(l, "refuse");
    turn();
    quiet();
    over(l);
}

/* ---- at once ---- */

static void candidates_of_a_new_content_wait_for_its_answer(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    fake_media.candidates = 0;
    ana("transport-info", CONTENT("1", "", TRANSPORT("cam", CANDIDATE)));
    result();
    turn();
    g_assert_cmpuint(fake_media.candidates, ==, 0); /* the media knows no such stream yet */
    ana("transport-info", CONTENT("0", "", TRANSPORT("her1", CANDIDATE)));
    result();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*");
    turn();
    g_assert_cmpuint(fake_media.candidates, ==, 2);
    over(l);
}

static void too_many_changes_at_once_are_refused(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    for (unsigned i = 0; i < 32; i++) {
        ana("content-modify", CONTENT("0", " senders='initiator'", ""));
        result();
    }
    ana("content-modify", CONTENT("0", " senders='initiator'", ""));
    refused("resource-constraint", "");
    over(l);
}

static void a_content_taken_back_before_its_turn_is_never_offered(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    ana("content-modify", CONTENT("0", " senders='initiator'", ""));
    result();
    turn();
    SAID(l, "offer");
    ana("content-add", CAMERA("1", "cam"));
    result();
    ana("content-remove", CONTENT("1", "", ""));
    result();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    turn();
    SAID(l, "offer");
    quiet();
    over(l);
}

static void the_responder_gives_way_when_both_add(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(alice_talks()); /* we are the initiator: ours goes first */
    ana("content-add", CAMERA("x", "cam"));
    refused("conflict", "tie-break");
    ana_answers("content-accept");
    result();
    SAID(l, "answer; respond");
    over(l);
}

static void we_give_way_when_the_initiator_adds_too(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    ana("content-add", CAMERA("x", "cam"));
    result();
    turn();
    SAID(l, "");
    they_refuse(PHONE, "conflict", "<tie-break xmlns='urn:xmpp:jingle:errors:1'/>");
    turn();
    SAID(l, "glare; offer"); /* his is to be tried again, hers is before him */
    g_assert_cmpuint(l->last->nstreams, ==, 2);
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*name='x'*media='video'*");
    over(l);
}

static void a_restart_waits_for_a_content_of_theirs(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    ana("transport-info", RESTART("0", "her2"));
    result();
    turn();
    quiet();
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*name='1'*ufrag='to-cam'*");
    quiet();
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*<candidate *");
    quiet();
    SAID(l, "offer");
    over(l);
}

static void a_restart_waits_for_a_refused_content_of_theirs(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_adds_a_camera();
    ana("transport-info", RESTART("0", "her2"));
    result();
    fake_leg_report(l, LEG_REFUSED, NULL);
    says_jingle("content-reject", PHONE, REJECTED);
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*<candidate *");
    quiet();
    over(l);
}

static void a_restart_waits_for_a_content_of_ours(void)
{
    struct fake_leg *l;

    world_up();
    l = adds_a_camera(ana_talks());
    ana("transport-info", RESTART("0", "her2"));
    result();
    turn();
    quiet();
    ana_answers("content-accept");
    result();
    SAID(l, "respond");
    turn();
    says_jingle("transport-info", PHONE, "*name='0'*ufrag='to-her2'*<candidate *");
    quiet();
    SAID(l, "respond");
    over(l);
}

static void a_content_waits_for_a_turned_direction(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    ana("content-modify", CONTENT("0", " senders='initiator'", ""));
    result();
    turn();
    SAID(l, "offer");
    ana("content-add", CAMERA("1", "cam"));
    result();
    turn();
    SAID(l, "offer");
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    quiet();
    turn();
    SAID(l, "offer; offer");
    fake_leg_report(l, LEG_ANSWER, answer_to(l->last));
    says_jingle("content-accept", PHONE, "*name='1'*");
    quiet();
    over(l);
}

static void a_change_during_the_first_answer_follows_it(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_initiates();
    ana("transport-info", RESTART("0", "her2"));
    result();
    answers(l);
    says_jingle("session-accept", PHONE, "*");
    they_answer(PHONE, true);
    turn();
    says_jingle("transport-info", PHONE, "*ufrag='to-her2'*");
    over(l);
}

void unit_xmpp_change(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"a-restart-is-answered-here", a_restart_is_answered_here},
        {"a-restart-with-candidates-is-answered-once", a_restart_with_candidates_is_answered_once},
        {"a-restart-of-all-contents-is-one", a_restart_of_all_contents_is_one},
        {"a-restart-without-a-bundle-is-one", a_restart_without_a_bundle_is_one},
        {"a-restart-while-on-hold-is-no-news-to-the-far-side",
         a_restart_while_on_hold_is_no_news_to_the_far_side},
        {"a-new-content-is-accepted", a_new_content_is_accepted},
        {"a-new-content-is-refused", a_new_content_is_refused},
        {"a-new-content-the-far-side-leaves-out-is-refused",
         a_new_content_the_far_side_leaves_out_is_refused},
        {"a-refused-content-may-be-added-again", a_refused_content_may_be_added_again},
        {"a-new-content-without-keys-is-refused", a_new_content_without_keys_is_refused},
        {"a-content-is-removed", a_content_is_removed},
        {"a-content-removed-before-its-answer-is-not-accepted",
         a_content_removed_before_its_answer_is_not_accepted},
        {"a-turned-direction-reaches-the-far-side", a_turned_direction_reaches_the_far_side},
        {"the-responder-turns-directions-too", the_responder_turns_directions_too},
        {"a-hold-is-answered-without-a-word", a_hold_is_answered_without_a_word},
        {"a-resumed-call-runs-both-ways", a_resumed_call_runs_both_ways},
        {"our-new-content-is-accepted", our_new_content_is_accepted},
        {"session-accept-accepts-it-too", session_accept_accepts_it_too},
        {"our-new-content-is-refused", our_new_content_is_refused},
        {"our-new-content-without-an-answer-is-refused-after-20-s",
         our_new_content_without_an_answer_is_refused_after_20_s},
        {"an-error-to-our-new-content-refuses-it", an_error_to_our_new_content_refuses_it},
        {"candidates-of-a-new-content-wait-for-its-answer",
         candidates_of_a_new_content_wait_for_its_answer},
        {"too-many-changes-at-once-are-refused", too_many_changes_at_once_are_refused},
        {"a-content-taken-back-before-its-turn-is-never-offered",
         a_content_taken_back_before_its_turn_is_never_offered},
        {"the-responder-gives-way-when-both-add", the_responder_gives_way_when_both_add},
        {"we-give-way-when-the-initiator-adds-too", we_give_way_when_the_initiator_adds_too},
        {"a-restart-waits-for-a-content-of-theirs", a_restart_waits_for_a_content_of_theirs},
        {"a-restart-waits-for-a-refused-content-of-theirs",
         a_restart_waits_for_a_refused_content_of_theirs},
        {"a-restart-waits-for-a-content-of-ours", a_restart_waits_for_a_content_of_ours},
        {"a-content-waits-for-a-turned-direction", a_content_waits_for_a_turned_direction},
        {"a-change-during-the-first-answer-follows-it",
         a_change_during_the_first_answer_follows_it},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/change/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
