/* Whose devices ring, and what those hear that still ring when it ends. */
#include "gateway/route.h"
#include "tests/fakes/bench.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/media.h"

/* Carol calls from one of her devices. */
static struct fake_leg *carol_calls(struct bench *b, const char *to, uint64_t device)
{
    struct fake_leg *l = fake_leg_new(b->ad);
    struct incoming in = {.leg = &l->leg,
                          .account = "carol@example.org",
                          .from = "carol@example.org",
                          .to = to,
                          .offer = negotiate_default_offer(false),
                          .origin = b->ad,
                          .origin_id = device,
                          .source = "test"};

    gateway_incoming(b->gw, &in);
    return l;
}

static void a_device_does_not_ring_for_its_own_call(void)
{
    struct bench b;
    struct fake_leg *l;

    bench_up(&b);
    l = carol_calls(&b, "carol", 2);
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 2);
    answers(fake_adapter_leg(b.ad, 1));
    SAID(fake_adapter_leg(b.ad, 0), "hangup answered-elsewhere");
    SAID(l, "answer");
    fake_leg_end(l, END_NORMAL);
    bench_down(&b);
}

static void without_another_device_the_own_address_is_offline(void)
{
    struct bench b;

    bench_up(&b);
    fake_adapter_address(b.ad, "carol@example.org", 1, &desc_profile_webrtc, 1);
    SAID(carol_calls(&b, "carol", 1), "hangup offline");
    g_assert_cmpuint(fake_adapter_legs(b.ad), ==, 0);
    bench_down(&b);
}

static void each_target_of_a_serial_route_may_have_early_media(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls_team(&b);
    fake_leg_report(fake_adapter_leg(b.ad, 0), LEG_PROGRESS,
                    answer_to(fake_adapter_leg(b.ad, 0)->last));
    SAID(a, "progress; early");
    fake_clock_advance(11 * US_PER_S);
    fake_leg_report(fake_adapter_leg(b.ad, 1), LEG_PROGRESS,
                    answer_to(fake_adapter_leg(b.ad, 1)->last));
    SAID(a, "progress; early; progress; early");
    g_assert_cmpuint(fake_media.joins, ==, 2);
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

static void early_media_that_fails_makes_way_for_another(void)
{
    struct bench b;
    struct fake_leg *a;

    bench_up(&b);
    a = alice_calls(&b, "carol");
    for (unsigned i = 0; i < 2; i++)
        fake_leg_report(fake_adapter_leg(b.ad, i), LEG_PROGRESS,
                        answer_to(fake_adapter_leg(b.ad, i)->last));
    SAID(a, "progress; early"); /* one voice at a time */
    fake_leg_end(fake_adapter_leg(b.ad, 0), END_BUSY);
    fake_leg_report(fake_adapter_leg(b.ad, 1), LEG_PROGRESS,
                    answer_to(fake_adapter_leg(b.ad, 1)->last));
    SAID(a, "progress; early; progress; early");
    answers(fake_adapter_leg(b.ad, 2));
    SAID(a, "progress; early; progress; early; answer");
    fake_leg_end(a, END_NORMAL);
    bench_down(&b);
}

/* To a device that still rings, a caller whose connection broke has given up. */
static void ringing_devices_hear_words_that_fit_them(void)
{
    static const struct {
        enum end_cause caller, ringing;
    } said[] = {
        {END_NORMAL, END_CANCELLED},      {END_CANCELLED, END_CANCELLED},
        {END_UNREACHABLE, END_CANCELLED}, {END_MEDIA_FAILED, END_MEDIA_FAILED},
        {END_PROTOCOL, END_PROTOCOL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(said); i++) {
        g_autofree char *want = g_strconcat("hangup ", end_word(said[i].ringing), NULL);
        struct bench b;

        bench_up(&b);
        fake_leg_end(alice_calls(&b, "bob"), said[i].caller);
        SAID(fake_adapter_leg(b.ad, 0), want);
        bench_down(&b);
    }
}

static void a_device_that_cannot_be_dialled_is_gone_or_busy(void)
{
    struct bench b;

    bench_up(&b);
    fake_adapter_refuse(b.ad, GW_ENOTFOUND);
    SAID(alice_calls(&b, "carol"), "hangup unreachable");
    fake_adapter_refuse(b.ad, GW_EFULL);
    SAID(alice_calls(&b, "bob"), "hangup busy");
    bench_down(&b);
}

/* The drain's deadline passed and the legs never said they were gone. */
static void a_gateway_can_be_freed_in_the_middle_of_calls(void)
{
    struct bench b;
    struct fake_leg *a;
    struct fake_leg *bob;

    bench_up(&b);
    talk(&b, &a, &bob);
    (void)alice_calls(&b, "carol");
    gateway_free(b.gw);
    g_assert_cmpuint(fake_media.open, ==, 0);
    g_assert_cmpuint(fake_clock_timers(), ==, 0);
    bench_clear(&b);
}

void unit_gateway_ring(void);
void unit_gateway_ring(void)
{
#define T(fn, claim) g_test_add_func("/gateway/ring/" claim, fn)
    T(a_device_does_not_ring_for_its_own_call, "a-device-does-not-ring-for-its-own-call");
    T(without_another_device_the_own_address_is_offline,
      "without-another-device-the-own-address-is-offline");
    T(each_target_of_a_serial_route_may_have_early_media,
      "each-target-of-a-serial-route-may-have-early-media");
    T(early_media_that_fails_makes_way_for_another, "early-media-that-fails-makes-way-for-another");
    T(ringing_devices_hear_words_that_fit_them, "ringing-devices-hear-words-that-fit-them");
    T(a_device_that_cannot_be_dialled_is_gone_or_busy,
      "a-device-that-cannot-be-dialled-is-gone-or-busy");
    T(a_gateway_can_be_freed_in_the_middle_of_calls,
      "a-gateway-can-be-freed-in-the-middle-of-calls");
#undef T
}
