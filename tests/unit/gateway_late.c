/* Callers whose offer comes only after the answer (XEP-0353), and those that cannot take a no to
 * one stream. */
#include "tests/fakes/bench.h"
#include "tests/fakes/media.h"

void unit_gateway_late(void);

static struct fake_leg *place_late(struct bench *b, const char *to, bool video)
{
    struct fake_leg *l = fake_leg_new(b->ad);
    struct incoming in = {.leg = &l->leg,
                          .account = "alice@example.org",
                          .from = "alice@example.org",
                          .to = to,
                          .profile = desc_profile_webrtc,
                          .offer_follows = true,
                          .video = video,
                          .source = "test"};

    gateway_incoming(b->gw, &in);
    return l;
}

/* What a browser-like caller offers; @p codec the only one of its voice. */
static struct desc *offer_of(const char *codec, uint32_t clock, bool video)
{
    struct desc *d = desc_new();
    struct desc_transport *t = desc_add_transport(d);
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    t->ice = t->rtcp_mux = true;
    t->security = DESC_DTLS;
    s->transport = 0;
    (void)desc_add_codec(s, 100, codec, clock, clock == 48000 ? 2 : 1, NULL);
    if (video) {
        s = desc_add_stream(d, DESC_VIDEO);
        s->transport = 0;
        (void)desc_add_codec(s, 96, "VP8", 90000, 1, NULL);
    }
    d->bundled = true;
    return d;
}

static void the_callee_has_said_enough(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = place_late(&b, "bob", false);
    bob = fake_adapter_leg(b.ad, 0);
    g_assert_cmpuint(bob->last->nstreams, ==, 1);
    answers(bob);
    SAID(a, "answer");
    g_assert_null(a->last); /* nothing to answer yet */
    g_assert_cmpuint(fake_media.joins, ==, 0);
    fake_leg_report(a, LEG_OFFER, offer_of("opus", 48000, false));
    SAID(a, "answer; respond");
    SAID(bob, "");                                             /* no re-INVITE */
    g_assert_cmpuint(a->last->stream[0].codec[0].pt, ==, 100); /* the caller's number */
    g_assert_cmpuint(fake_media.joins, ==, 1);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void another_codec_asks_the_callee_again(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc *only_opus;

    bench_up(&b);
    a = place_late(&b, "bob", false);
    bob = fake_adapter_leg(b.ad, 0);
    only_opus = answer_to(bob->last);
    for (unsigned i = 1; i < only_opus->stream[0].ncodecs; i++)
        g_free(only_opus->stream[0].codec[i].fmtp);
    only_opus->stream[0].ncodecs = 1;
    fake_leg_report(bob, LEG_ANSWERED, only_opus);
    fake_leg_report(a, LEG_OFFER, offer_of("PCMA", 8000, false));
    SAID(a, "answer");
    SAID(bob, "offer");
    fake_leg_report(bob, LEG_ANSWER, answer_to(bob->last));
    SAID(a, "answer; respond");
    g_assert_true(desc_codec_is(&a->last->stream[0].codec[0], "PCMA"));
    g_assert_cmpuint(fake_media.joins, >=, 1);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void an_offer_of_the_callee_waits_for_the_callers(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;
    struct desc *hold;

    bench_up(&b);
    a = place_late(&b, "bob", false);
    bob = fake_adapter_leg(b.ad, 0);
    answers(bob);
    hold = answer_to(bob->last);
    hold->stream[0].direction = DESC_SENDONLY;
    fake_leg_report(bob, LEG_OFFER, hold);
    SAID(bob, "glare"); /* 491: it tries again */
    SAID(a, "answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void video_is_asked_for_when_the_caller_brings_it(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = place_late(&b, "bob", true);
    bob = fake_adapter_leg(b.ad, 0);
    g_assert_cmpuint(bob->last->nstreams, ==, 2);
    g_assert_cmpint(bob->last->stream[1].kind, ==, DESC_VIDEO);
    answers(bob);
    fake_leg_report(a, LEG_OFFER, offer_of("opus", 48000, true));
    SAID(a, "answer; respond");
    g_assert_cmpint(a->last->stream[1].direction, ==, DESC_SENDRECV);
    g_assert_cmpuint(fake_media.plan.nways, ==, 4);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void video_alone_is_no_call(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    a = place_late(&b, "bob", true);
    bob = fake_adapter_leg(b.ad, 0);
    answers(bob);
    fake_leg_report(a, LEG_OFFER, offer_of("speex", 16000, true));
    SAID(bob, "offer"); /* speex is asked for once, with the video */
    fake_leg_report(bob, LEG_REFUSED, NULL);
    SAID(a, "answer; refuse");
    fake_leg_end(a, END_NO_CODEC);
    bench_down(&b);
}

static void echo_answers_a_late_offer(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = place_late(&b, "echo", false);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    SAID(a, "answer");
    fake_leg_report(a, LEG_OFFER, offer_of("opus", 48000, false));
    SAID(a, "answer; respond");
    g_assert_true(media_id_equal(fake_media.join_a, fake_media.join_b));
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

/* An address that is not an account's (a JID that may call in) has the usual limit. */
static void strangers_with_a_name_are_limited_too(void)
{
    struct bench b;
    struct fake_leg *l[4];

    bench_up(&b);
    for (unsigned i = 0; i < 4; i++)
        l[i] = place(&b, "ana@xmpp.example", "bob", negotiate_default_offer(false));
    SAID(l[2], "");
    SAID(l[3], "hangup limit");
    for (unsigned i = 0; i < 3; i++)
        fake_leg_end(l[i], END_NORMAL);
    bench_down(&b);
}

void unit_gateway_late(void)
{
    g_test_add_func("/gateway/late/the-callee-has-said-enough", the_callee_has_said_enough);
    g_test_add_func("/gateway/late/another-codec-asks-the-callee-again",
                    another_codec_asks_the_callee_again);
    g_test_add_func("/gateway/late/an-offer-of-the-callee-waits-for-the-callers",
                    an_offer_of_the_callee_waits_for_the_callers);
    g_test_add_func("/gateway/late/video-is-asked-for-when-the-caller-brings-it",
                    video_is_asked_for_when_the_caller_brings_it);
    g_test_add_func("/gateway/late/video-alone-is-no-call", video_alone_is_no_call);
    g_test_add_func("/gateway/late/echo-answers-a-late-offer", echo_answers_a_late_offer);
    g_test_add_func("/gateway/late/strangers-with-a-name-are-limited-too",
                    strangers_with_a_name_are_limited_too);
}
