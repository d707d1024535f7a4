/* Messages from the gateway's point of view: who gets a copy, what the sender hears. */
#include "gateway/message.h"
#include "tests/fakes/bench.h"
#include "tests/fakes/clock.h"

#define POST(b, text) g_assert_cmpstr(fake_adapter_post((b)->ad), ==, text)

static void writes(struct bench *b, const char *account, const char *to, const char *text)
{
    struct message m = {.account = account,
                        .from = account ? account : "stranger@elsewhere.example",
                        .from_display = "A",
                        .to = to,
                        .text = text};

    gateway_message(b->gw, &m, b->ad, 7);
}

static void alice_writes(struct bench *b, const char *to, const char *text)
{
    writes(b, "alice@example.org", to, text);
}

static void result(struct bench *b, unsigned copy, enum end_cause cause)
{
    gateway_message_result(b->gw, fake_adapter_delivery(b->ad, copy), cause);
    fake_clock_advance(0);
}

#define TO_BOB(text) "1 from alice@example.org (A) to bob@example.org: " text
#define TO_CAROL(n) n " from alice@example.org (A) to carol@example.org: hi"
#define TO_ALL_OF_CAROL TO_CAROL("1") "; " TO_CAROL("2") "; " TO_CAROL("3")

static void the_sender_hears_that_it_was_taken(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "bob", "hi");
    POST(&b, TO_BOB("hi"));
    gateway_message_result(b.gw, fake_adapter_delivery(b.ad, 0), END_NORMAL);
    POST(&b, TO_BOB("hi")); /* never from within */
    fake_clock_advance(0);
    POST(&b, TO_BOB("hi") "; done 7 taken");
    result(&b, 0, END_OFFLINE);
    POST(&b, TO_BOB("hi") "; done 7 taken");
    bench_down(&b);
}

static void one_device_is_enough(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "carol@example.org", "hi");
    POST(&b, TO_ALL_OF_CAROL);
    result(&b, 0, END_UNREACHABLE);
    result(&b, 2, END_NONE);
    POST(&b, TO_ALL_OF_CAROL "; done 7 taken");
    result(&b, 1, END_NONE);
    POST(&b, TO_ALL_OF_CAROL "; done 7 taken");
    bench_down(&b);
}

static void of_many_refusals_the_best_is_told(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "carol", "hi");
    result(&b, 0, END_UNREACHABLE);
    result(&b, 1, END_UNSUPPORTED);
    result(&b, 2, END_OFFLINE);
    POST(&b, TO_ALL_OF_CAROL "; done 7 unsupported");
    bench_down(&b);
}

static void the_sending_device_gets_no_copy(void)
{
    struct bench b;
    struct message m = {.account = "carol@example.org",
                        .from = "carol@example.org",
                        .to = "carol",
                        .text = "note",
                        .origin_id = 2};

    bench_up(&b);
    m.origin = b.ad;
    gateway_message(b.gw, &m, b.ad, 7);
    POST(&b, "1 from carol@example.org () to carol@example.org: note; "
             "3 from carol@example.org () to carol@example.org: note");
    result(&b, 0, END_NONE);
    bench_down(&b);
}

static void nobody_there_and_nobody_at_all_differ(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "dave", "hi");
    alice_writes(&b, "nobody", "hi");
    alice_writes(&b, "not an address@@", "hi");
    POST(&b, "");
    fake_clock_advance(0);
    POST(&b, "done 7 offline; done 7 not-found; done 7 not-found");
    bench_down(&b);
}

static void strangers_need_a_route(void)
{
    static char anyone[] = "anyone", desk[] = "desk", bob[] = "bob", name[] = "public";
    static char *from[] = {anyone, NULL}, *targets[] = {bob, NULL};
    static struct config_route route = {
        .name = name, .match = ROUTE_EXACT, .pattern = desk, .from = from, .targets = targets};
    struct bench b;

    bench_up(&b);
    b.config.nroutes = 1;
    b.config.route = &route;
    writes(&b, NULL, "bob", "hi");
    writes(&b, NULL, "desk", "hi");
    fake_clock_advance(0);
    POST(&b, "1 from stranger@elsewhere.example (A) to bob@example.org: hi; done 7 forbidden");
    result(&b, 0, END_NONE);
    bench_down(&b);
}

static void a_serial_route_goes_on_where_nobody_takes_it(void)
{
    static char bob[] = "bob", carol[] = "carol", team[] = "team", number[] = "100";
    static char *targets[] = {bob, carol, NULL};
    static struct config_route route = {
        .name = team, .match = ROUTE_EXACT, .serial = true, .pattern = number, .targets = targets};
    struct bench b;

    bench_up(&b);
    b.config.nroutes = 1;
    b.config.route = &route;
    alice_writes(&b, "100", "hi");
    POST(&b, "1 from alice@example.org (A) to 100: hi");
    result(&b, 0, END_UNSUPPORTED);
    POST(&b, "1 from alice@example.org (A) to 100: hi; 1 from alice@example.org (A) to 100: hi; "
             "2 from alice@example.org (A) to 100: hi; 3 from alice@example.org (A) to 100: hi");
    result(&b, 3, END_NONE);
    bench_down(&b);
}

static void silence_ends_in_words(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "bob", "hi");
    fake_clock_advance(19 * US_PER_S);
    POST(&b, TO_BOB("hi"));
    fake_clock_advance(2 * US_PER_S);
    fake_clock_advance(0);
    POST(&b, TO_BOB("hi") "; done 7 unreachable");
    bench_down(&b);
}

static void devices_that_cannot_say_so(void)
{
    struct bench b;

    bench_up(&b);
    fake_adapter_refuse_messages(b.ad, GW_EUNSUPPORTED);
    alice_writes(&b, "bob", "hi");
    fake_clock_advance(0);
    POST(&b, "done 7 unsupported");
    bench_down(&b);
}

static void too_many_at_once_are_refused_and_forgiven(void)
{
    struct bench b;
    unsigned refused = 0;

    bench_up(&b);
    for (unsigned i = 0; i < 32; i++)
        alice_writes(&b, "nobody", "hi");
    fake_clock_advance(0);
    for (const char *p = fake_adapter_post(b.ad); (p = strstr(p, "limit")); p++)
        refused++;
    g_assert_cmpuint(refused, ==, 2);
    writes(&b, "bob@example.org", "dave", "hi"); /* each sender by himself */
    fake_clock_advance(US_PER_S);
    alice_writes(&b, "dave", "hi");
    fake_clock_advance(0);
    g_assert_true(g_str_has_suffix(fake_adapter_post(b.ad), "done 7 offline; done 7 offline"));
    bench_down(&b);
}

static void texts_are_clean_and_not_too_long(void)
{
    g_autofree char *huge = g_strnfill(MESSAGE_TEXT_MAX + 1, 'x');
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "bob", "a\tb\r\n\x1b[31mc \xff\xc3\xb6");
    POST(&b, TO_BOB("a\tb\r\n [31mc \xef\xbf\xbd\xc3\xb6"));
    alice_writes(&b, "bob", huge);
    alice_writes(&b, "bob", "");
    result(&b, 0, END_NONE);
    g_assert_true(g_str_has_suffix(fake_adapter_post(b.ad),
                                   "; done 7 unsupported; done 7 unsupported; done 7 taken"));
    bench_down(&b);
}

static void echo_writes_back(void)
{
    struct bench b;

    bench_up(&b);
    fake_adapter_address(b.ad, "alice@example.org", 1, NULL, 0);
    alice_writes(&b, "echo", "anybody there?");
    POST(&b, "");
    while (g_main_context_iteration(NULL, FALSE))
        ;
    fake_clock_advance(0);
    POST(&b, "1 from echo@example.org (Echo) to alice@example.org: anybody there?; done 7 taken");
    result(&b, 0, END_NONE);
    bench_down(&b);
}

static void echo_does_not_talk_to_itself_or_to_strangers(void)
{
    static char anyone[] = "anyone", echo[] = "echo", name[] = "public";
    static char *from[] = {anyone, NULL}, *targets[] = {echo, NULL};
    static struct config_route route = {
        .name = name, .match = ROUTE_EXACT, .pattern = echo, .from = from, .targets = targets};
    struct bench b;

    bench_up(&b);
    b.config.nroutes = 1;
    b.config.route = &route;
    writes(&b, NULL, "echo", "hi");
    writes(&b, "echo@example.org", "echo", "hi");
    fake_clock_advance(0);
    POST(&b, "done 7 unsupported; done 7 unsupported");
    bench_down(&b);
}

static void stopping_tells_nobody(void)
{
    struct bench b;

    bench_up(&b);
    alice_writes(&b, "bob", "hi");
    alice_writes(&b, "echo", "hi");
    gateway_free(b.gw);
    g_assert_cmpuint(fake_clock_timers(), ==, 0);
    bench_clear(&b);
}

static void nothing_is_taken_while_draining(void)
{
    struct bench b;

    bench_up(&b);
    gateway_drain(b.gw, US_PER_S, NULL, NULL);
    alice_writes(&b, "bob", "hi");
    fake_clock_advance(2 * US_PER_S);
    POST(&b, "done 7 shutdown");
    bench_down(&b);
}

void unit_gateway_message(void);

void unit_gateway_message(void)
{
    static const struct {
        const char *path;
        void (*fn)(void);
    } tests[] = {
        {"the-sender-hears-that-it-was-taken", the_sender_hears_that_it_was_taken},
        {"one-device-is-enough", one_device_is_enough},
        {"of-many-refusals-the-best-is-told", of_many_refusals_the_best_is_told},
        {"the-sending-device-gets-no-copy", the_sending_device_gets_no_copy},
        {"nobody-there-and-nobody-at-all-differ", nobody_there_and_nobody_at_all_differ},
        {"strangers-need-a-route", strangers_need_a_route},
        {"a-serial-route-goes-on-where-nobody-takes-it",
         a_serial_route_goes_on_where_nobody_takes_it},
        {"silence-ends-in-words", silence_ends_in_words},
        {"devices-that-cannot-say-so", devices_that_cannot_say_so},
        {"too-many-at-once-are-refused-and-forgiven", too_many_at_once_are_refused_and_forgiven},
        {"texts-are-clean-and-not-too-long", texts_are_clean_and_not_too_long},
        {"echo-writes-back", echo_writes_back},
        {"echo-does-not-talk-to-itself-or-to-strangers",
         echo_does_not_talk_to_itself_or_to_strangers},
        {"stopping-tells-nobody", stopping_tells_nobody},
        {"nothing-is-taken-while-draining", nothing_is_taken_while_draining},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/gateway/message/", tests[i].path, NULL);
        g_test_add_func(path, tests[i].fn);
    }
}
