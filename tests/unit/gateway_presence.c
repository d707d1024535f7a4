/* Presence from the gateway's point of view: what is said of an address, and who hears of it. */
#include "gateway/presence.h"
#include "tests/fakes/bench.h"
#include "tests/fakes/clock.h"

#define TOLD(b, text) g_assert_cmpstr(fake_adapter_post((b)->ad), ==, text)
#define ALICE "alice@example.org"

static void says_to(struct bench *b, uint64_t id, const char *only_to, enum presence_show show,
                    const char *note)
{
    struct presence p = {.show = show};
    struct publication pub = {
        .ad = b->ad, .id = id, .address = "bob@example.org", .only_to = only_to, .say = &p};

    presence_set_note(&p, note);
    gateway_publish(b->gw, &pub);
    fake_clock_advance(0);
}

static void says(struct bench *b, uint64_t id, enum presence_show show, const char *note)
{
    says_to(b, id, NULL, show, note);
}

static void is_there(struct bench *b, uint64_t id)
{
    gateway_publish(b->gw,
                    &(struct publication){.ad = b->ad, .id = id, .address = "bob@example.org"});
    fake_clock_advance(0);
}

static void gone(struct bench *b, uint64_t id)
{
    gateway_withdraw(b->gw, b->ad, id);
    fake_clock_advance(0);
}

static enum end_cause watch(struct bench *b, uint64_t ref, const char *who, const char *address)
{
    enum end_cause cause = gateway_watch(b->gw, b->ad, ref, who, address);

    fake_clock_advance(0);
    return cause;
}

static void a_watcher_hears_at_once_and_of_each_change(void)
{
    struct bench b;

    bench_up(&b);
    g_assert_cmpint(gateway_watch(b.gw, b.ad, 1, ALICE, "bob"), ==, END_NONE);
    TOLD(&b, ""); /* never from within */
    fake_clock_advance(0);
    TOLD(&b, "1 is offline");
    is_there(&b, 10);
    TOLD(&b, "1 is offline; 1 is available");
    fake_clock_advance(US_PER_S);
    says(&b, 10, PRESENCE_BUSY, "in a\nmeeting");
    says(&b, 10, PRESENCE_BUSY, "in a\nmeeting");
    is_there(&b, 10); /* it registers again: what it said still holds */
    TOLD(&b, "1 is offline; 1 is available; 1 is dnd (in a meeting)");
    fake_clock_advance(US_PER_S);
    gone(&b, 10);
    gone(&b, 10);
    TOLD(&b, "1 is offline; 1 is available; 1 is dnd (in a meeting); 1 is offline");
    gateway_unwatch(b.gw, b.ad, 1);
    gateway_unwatch(b.gw, b.ad, 1);
    is_there(&b, 10);
    gone(&b, 10);
    TOLD(&b, "1 is offline; 1 is available; 1 is dnd (in a meeting); 1 is offline");
    bench_down(&b);
}

static void what_was_said_last_counts(void)
{
    struct bench b;

    bench_up(&b);
    is_there(&b, 10);
    says(&b, 11, PRESENCE_AWAY, "");
    is_there(&b, 12);
    (void)watch(&b, 1, ALICE, "bob");
    TOLD(&b, "1 is away");
    says(&b, 12, PRESENCE_BUSY, "");
    TOLD(&b, "1 is away; 1 is dnd");
    fake_clock_advance(US_PER_S);
    gone(&b, 12);
    TOLD(&b, "1 is away; 1 is dnd; 1 is away");
    fake_clock_advance(US_PER_S);
    gone(&b, 11);
    TOLD(&b, "1 is away; 1 is dnd; 1 is away; 1 is available");
    gateway_unwatch(b.gw, b.ad, 1);
    gone(&b, 10);
    bench_down(&b);
}

static void changes_are_told_once_a_second(void)
{
    struct bench b;

    bench_up(&b);
    (void)watch(&b, 1, ALICE, "bob");
    says(&b, 10, PRESENCE_AWAY, "");
    says(&b, 10, PRESENCE_BUSY, "");
    says(&b, 10, PRESENCE_AVAILABLE, "");
    TOLD(&b, "1 is offline; 1 is away");
    (void)watch(&b, 2, "carol@example.org", "bob@example.org"); /* beginners do not wait */
    TOLD(&b, "1 is offline; 1 is away; 2 is available");
    fake_clock_advance(US_PER_S);
    TOLD(&b, "1 is offline; 1 is away; 2 is available; 1 is available");
    gateway_unwatch(b.gw, b.ad, 1);
    gateway_unwatch(b.gw, b.ad, 2);
    gone(&b, 10);
    bench_down(&b);
}

static void what_is_meant_for_one_the_others_do_not_hear(void)
{
    struct bench b;

    bench_up(&b);
    (void)watch(&b, 1, ALICE, "bob");
    (void)watch(&b, 2, "carol@example.org", "bob");
    says_to(&b, 10, ALICE, PRESENCE_AWAY, "lunch");
    TOLD(&b, "1 is offline; 2 is offline; 1 is away (lunch)");
    gone(&b, 10);
    gateway_unwatch(b.gw, b.ad, 1);
    gateway_unwatch(b.gw, b.ad, 2);
    bench_down(&b);
}

static void strangers_and_unknown_addresses_are_refused(void)
{
    struct bench b;

    bench_up(&b);
    g_assert_cmpint(watch(&b, 1, NULL, "bob"), ==, END_FORBIDDEN);
    g_assert_cmpint(watch(&b, 1, ALICE, "nobody"), ==, END_NOT_FOUND);
    g_assert_cmpint(watch(&b, 1, ALICE, "x@far.example"), ==, END_NOT_FOUND);
    g_assert_cmpint(watch(&b, 1, ALICE, "@@"), ==, END_NOT_FOUND);
    TOLD(&b, "");
    g_assert_cmpint(watch(&b, 1, ALICE, "echo"), ==, END_NONE);
    TOLD(&b, "1 is available");
    gateway_unwatch(b.gw, b.ad, 1);
    bench_down(&b);
}

static void elsewhere_is_asked_once_for_each_who_watches(void)
{
    struct bench b;
    struct presence away = {.show = PRESENCE_AWAY};

    bench_up(&b);
    fake_adapter_elsewhere(b.ad, "@far.example");
    (void)watch(&b, 1, ALICE, "c@far.example");
    (void)watch(&b, 2, ALICE, "c@far.example");
    (void)watch(&b, 3, "bob@example.org", "c@far.example");
    TOLD(&b, "asks c@far.example for " ALICE "; 1 is offline; 2 is offline; "
             "asks c@far.example for bob@example.org; 3 is offline");
    gateway_publish(
        b.gw,
        &(struct publication){
            .ad = b.ad, .id = 10, .address = "c@far.example", .only_to = ALICE, .say = &away});
    fake_clock_advance(0);
    g_assert_true(g_str_has_suffix(fake_adapter_post(b.ad), "3 is offline; 1 is away; 2 is away"));
    gateway_unwatch(b.gw, b.ad, 1);
    g_assert_null(strstr(fake_adapter_post(b.ad), "no more"));
    gateway_unwatch(b.gw, b.ad, 2);
    g_assert_true(
        g_str_has_suffix(fake_adapter_post(b.ad), "; asks no more c@far.example for " ALICE));
    gateway_unwatch(b.gw, b.ad, 3);
    gateway_withdraw(b.gw, b.ad, 10);
    bench_down(&b);
}

static void nobody_watches_without_end(void)
{
    struct bench b;
    uint64_t n = 0;

    bench_up(&b);
    while (n < 1000 && gateway_watch(b.gw, b.ad, n + 1, ALICE, "bob") == END_NONE)
        n++;
    g_assert_cmpuint(n, ==, 500);
    g_assert_cmpint(gateway_watch(b.gw, b.ad, 9999, ALICE, "bob"), ==, END_LIMIT);
    gateway_unwatch(b.gw, b.ad, 1);
    g_assert_cmpint(gateway_watch(b.gw, b.ad, 9999, ALICE, "bob"), ==, END_NONE);
    for (uint64_t i = 0; i < 200; i++) /* nor is there an end of devices */
        is_there(&b, 10000 + i);
    gateway_free(b.gw); /* and nobody is told when all stops */
    g_assert_cmpuint(fake_clock_timers(), ==, 0);
    bench_clear(&b);
}

static void words_and_notes(void)
{
    enum presence_show show;
    struct presence p;
    g_autofree char *fill = g_strnfill(PRESENCE_NOTE_MAX - 2, 'x');
    g_autofree char *long_note = g_strconcat(fill, "\xc3\xb6", NULL);

    for (unsigned i = 0; i < PRESENCE_SHOWS; i++) {
        g_assert_true(presence_by_word(presence_word((enum presence_show)i), &show));
        g_assert_cmpuint(show, ==, i);
    }
    g_assert_false(presence_by_word("here", &show));
    presence_set_note(&p, long_note);
    g_assert_cmpstr(p.note, ==, fill);
    presence_set_note(&p, "a\x01\xff");
    g_assert_cmpstr(p.note, ==, "a \xef\xbf\xbd");
    presence_set_note(&p, NULL);
    g_assert_cmpstr(p.note, ==, "");
}

void unit_gateway_presence(void);

void unit_gateway_presence(void)
{
    g_test_add_func("/gateway/presence/a-watcher-hears-at-once-and-of-each-change",
                    a_watcher_hears_at_once_and_of_each_change);
    g_test_add_func("/gateway/presence/what-was-said-last-counts", what_was_said_last_counts);
    g_test_add_func("/gateway/presence/changes-are-told-once-a-second",
                    changes_are_told_once_a_second);
    g_test_add_func("/gateway/presence/what-is-meant-for-one-the-others-do-not-hear",
                    what_is_meant_for_one_the_others_do_not_hear);
    g_test_add_func("/gateway/presence/strangers-and-unknown-addresses-are-refused",
                    strangers_and_unknown_addresses_are_refused);
    g_test_add_func("/gateway/presence/elsewhere-is-asked-once-for-each-who-watches",
                    elsewhere_is_asked_once_for_each_who_watches);
    g_test_add_func("/gateway/presence/nobody-watches-without-end", nobody_watches_without_end);
    g_test_add_func("/gateway/presence/words-and-notes", words_and_notes);
}
