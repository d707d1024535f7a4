#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "base/mailbox.h"
#include "base/span.h"
#include "base/wheel.h"

#include <glib.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* ---- span ---- */

static void spans_cut_at_separators(void)
{
    struct span rest = SPAN("a,b,,c");

    g_assert_true(span_equal(span_cut(&rest, ','), SPAN("a")));
    g_assert_true(span_equal(span_cut(&rest, ','), SPAN("b")));
    g_assert_true(span_empty(span_cut(&rest, ',')));
    g_assert_true(span_equal(span_cut(&rest, ','), SPAN("c")));
    g_assert_true(span_empty(rest));
    g_assert_true(span_empty(span_cut(&rest, ',')));
}

static void lines_end_with_lf_or_crlf(void)
{
    struct span rest = SPAN("one\r\ntwo\nthree");

    g_assert_true(span_equal(span_line(&rest), SPAN("one")));
    g_assert_true(span_equal(span_line(&rest), SPAN("two")));
    g_assert_true(span_equal(span_line(&rest), SPAN("three")));
}

static void numbers_are_digits_within_bounds(void)
{
    uint64_t v = 7;

    g_assert_true(span_u64(SPAN("65535"), 65535, &v));
    g_assert_cmpuint(v, ==, 65535);
    g_assert_false(span_u64(SPAN("65536"), 65535, &v));
    g_assert_false(span_u64(SPAN(""), 9, &v));
    g_assert_false(span_u64(SPAN("-1"), 9, &v));
    g_assert_false(span_u64(SPAN("+1"), 9, &v));
    g_assert_false(span_u64(SPAN("1 "), 9, &v));
    g_assert_true(span_u64(SPAN("18446744073709551615"), UINT64_MAX, &v));
    g_assert_false(span_u64(SPAN("18446744073709551616"), UINT64_MAX, &v));
}

static void copies_are_whole_or_refused(void)
{
    char buf[4];

    g_assert_true(span_copy(SPAN("abc"), buf, sizeof(buf)));
    g_assert_cmpstr(buf, ==, "abc");
    g_assert_false(span_copy(SPAN("abcd"), buf, sizeof(buf)));
    g_assert_cmpstr(buf, ==, "");
    g_assert_false(span_copy((struct span){"a\0b", 3}, buf, sizeof(buf)));
    g_assert_true(span_equal_nocase(SPAN("OPUS"), SPAN("opus")));
    g_assert_true(span_equal(span_trim(SPAN(" \tx ")), SPAN("x")));
}

/* ---- addresses ---- */

static void addresses_read_and_print(void)
{
    static const struct {
        const char *in, *out;
    } good[] = {{"192.0.2.1:5060", "192.0.2.1:5060"},
                {"[2001:db8::1]:5061", "[2001:db8::1]:5061"},
                {"[::ffff:192.0.2.1]:9", "192.0.2.1:9"}};
    static const char *const bad[] = {"192.0.2.1",     "192.0.2.1:65536",
                                      "192.0.2.256:1", "2001:db8::1:5060",
                                      "host:1",        ":1",
                                      "[::1]",         "",
                                      "1.2.3.4:"};
    char text[NET_ADDR_TEXT];
    struct net_addr a;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(net_addr_parse(span_of(good[i].in), &a));
        g_assert_cmpstr(net_addr_text(&a, text), ==, good[i].out);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(net_addr_parse(span_of(bad[i]), &a));
}

static void addresses_survive_the_socket_form(void)
{
    static const char *const all[] = {"192.0.2.1:5060", "[2001:db8::1]:5061"};

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        struct sockaddr_storage ss;
        struct net_addr a;
        struct net_addr b;
        g_assert_true(net_addr_parse(span_of(all[i]), &a));
        (void)net_addr_to_sockaddr(&a, &ss);
        g_assert_true(net_addr_from_sockaddr((const struct sockaddr *)&ss, &b));
        g_assert_true(net_addr_equal(&a, &b));
        g_assert_cmpuint(net_addr_hash(&a), ==, net_addr_hash(&b));
    }
}

static void private_addresses_are_known(void)
{
    static const char *const inside[] = {"10.0.0.5",   "172.31.0.1",  "192.168.1.1",
                                         "100.64.0.1", "169.254.1.1", "127.0.0.1",
                                         "::1",        "fd00::1",     "fe80::1"};
    static const char *const outside[] = {"192.0.2.1", "172.32.0.1", "100.128.0.1", "2001:db8::1"};
    struct net_addr a;

    for (size_t i = 0; i < G_N_ELEMENTS(inside); i++) {
        g_assert_true(net_addr_parse_ip(span_of(inside[i]), &a));
        g_assert_true(net_addr_is_private(&a));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_assert_true(net_addr_parse_ip(span_of(outside[i]), &a));
        g_assert_false(net_addr_is_private(&a));
    }
}

/* ---- ids ---- */

static void ids_are_never_alike(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    char token[23];

    for (int i = 0; i < 10000; i++) {
        uint64_t id = id_next();
        g_assert_cmpuint(id, !=, 0);
        g_assert_true(g_hash_table_add(seen, g_memdup2(&id, sizeof(id))));
    }
    random_token(token, 22);
    g_assert_cmpuint(strlen(token), ==, 22);
    for (int i = 0; i < 22; i++)
        g_assert_true(g_ascii_isalnum(token[i]));
    g_assert_true(secret_equal("abc", "abc", 3));
    g_assert_false(secret_equal("abc", "abd", 3));
}

/* ---- mailbox ---- */

static bool readable(const struct mailbox *mb)
{
    struct pollfd p = {.fd = mailbox_fd(mb), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void a_mailbox_keeps_order_and_wakes_its_reader(void)
{
    struct mailbox *mb = mailbox_new(sizeof(int), 1000);
    int out;

    g_assert_false(readable(mb));
    for (int i = 0; i < 100; i++)
        g_assert_cmpint(mailbox_post(mb, &i), ==, GW_OK);
    g_assert_true(readable(mb));
    for (int i = 0; i < 100; i++) {
        g_assert_true(mailbox_take(mb, &out));
        g_assert_cmpint(out, ==, i);
    }
    g_assert_false(mailbox_take(mb, &out));
    g_assert_false(readable(mb));
    mailbox_free(mb, NULL);
}

static void a_full_mailbox_refuses_all_but_what_must_arrive(void)
{
    struct mailbox *mb = mailbox_new(sizeof(int), 2);
    int v = 1;

    g_assert_cmpint(mailbox_post(mb, &v), ==, GW_OK);
    g_assert_cmpint(mailbox_post(mb, &v), ==, GW_OK);
    g_assert_cmpint(mailbox_post(mb, &v), ==, GW_EFULL);
    mailbox_post_always(mb, &v);
    for (int i = 0; i < 3; i++)
        g_assert_true(mailbox_take(mb, &v));
    g_assert_false(mailbox_take(mb, &v));
    mailbox_free(mb, NULL);
}

enum { WRITERS = 4, MESSAGES = 20000 };

static void *writer(void *arg)
{
    for (int i = 0; i < MESSAGES; i++)
        mailbox_post_always(arg, &i);
    return NULL;
}

static void nothing_is_lost_between_threads(void)
{
    struct mailbox *mb = mailbox_new(sizeof(int), 16);
    pthread_t threads[WRITERS];
    int got = 0;
    int v;

    for (int i = 0; i < WRITERS; i++)
        g_assert_cmpint(pthread_create(&threads[i], NULL, writer, mb), ==, 0);
    while (got < WRITERS * MESSAGES) {
        struct pollfd p = {.fd = mailbox_fd(mb), .events = POLLIN};
        g_assert_cmpint(poll(&p, 1, 10000), ==, 1); /* a lost wake-up fails here */
        while (mailbox_take(mb, &v))
            got++;
    }
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    g_assert_false(mailbox_take(mb, &v));
    mailbox_free(mb, NULL);
}

static unsigned cleared;

static void count_clear(void *msg)
{
    cleared += *(unsigned *)msg;
}

static void what_is_left_inside_is_cleared(void)
{
    struct mailbox *mb = mailbox_new(sizeof(unsigned), 16);
    unsigned one = 1;

    cleared = 0;
    mailbox_post_always(mb, &one);
    mailbox_post_always(mb, &one);
    mailbox_free(mb, count_clear);
    g_assert_cmpuint(cleared, ==, 2);
}

/* ---- wheel ---- */

struct alarm {
    struct wheel_timer t;
    unsigned fired;
    struct wheel *again; /* set: rearms itself once a second */
    uint64_t now;
};

static void alarm_fn(struct wheel_timer *t)
{
    struct alarm *a = WHEEL_OWNER(t, struct alarm, t);

    a->fired++;
    if (a->again)
        wheel_set(a->again, t, t->due_us + US_PER_S, alarm_fn);
}

static void timers_fire_when_due_and_not_before(void)
{
    struct wheel *w = wheel_new(0, 10 * US_PER_MS, 64);
    struct alarm near = {.fired = 0};
    struct alarm far = {.fired = 0};

    wheel_set(w, &near.t, 25 * US_PER_MS, alarm_fn);
    wheel_set(w, &far.t, 5 * US_PER_S, alarm_fn);                        /* several rounds away */
    g_assert_cmpuint(wheel_wait_us(w, 0, US_PER_S), ==, 30 * US_PER_MS); /* a tick has 10 */
    for (uint64_t now = 0; now < 20 * US_PER_MS; now += 1000)
        g_assert_cmpuint(wheel_run(w, now, 100), ==, 0);
    g_assert_cmpuint(wheel_run(w, 30 * US_PER_MS, 100), ==, 1);
    g_assert_cmpuint(near.fired, ==, 1);
    for (uint64_t now = 30 * US_PER_MS; now < 5 * US_PER_S; now += 7 * US_PER_MS)
        g_assert_cmpuint(wheel_run(w, now, 100), ==, 0);
    g_assert_cmpuint(wheel_run(w, 5 * US_PER_S + 10 * US_PER_MS, 100), ==, 1);
    g_assert_cmpuint(far.fired, ==, 1);
    g_assert_cmpuint(wheel_wait_us(w, 6 * US_PER_S, 77), ==, 77);
    wheel_free(w);
}

/* A loop that sleeps as long as the wheel says must find something to fire when it wakes: else it
 * spins. */
static void a_loop_that_sleeps_as_told_never_spins(void)
{
    struct wheel *w = wheel_new(0, 10 * US_PER_MS, 64);
    struct alarm a[50];
    uint64_t now = 3333;
    unsigned fired = 0;
    unsigned turns = 0;

    memset(a, 0, sizeof(a));
    for (unsigned i = 0; i < 50; i++)
        wheel_set(w, &a[i].t, 1000 + i * 13337, alarm_fn);
    while (fired < 50) {
        unsigned n;
        now += wheel_wait_us(w, now, US_PER_S);
        n = wheel_run(w, now, 100);
        g_assert_cmpuint(n, >, 0);
        fired += n;
        turns++;
    }
    g_assert_cmpuint(turns, <=, 50);
    wheel_free(w);
}

static void a_cancelled_timer_stays_silent_and_a_moved_one_moves(void)
{
    struct wheel *w = wheel_new(0, 10 * US_PER_MS, 64);
    struct alarm a = {.fired = 0};
    struct alarm b = {.fired = 0};

    wheel_set(w, &a.t, 20 * US_PER_MS, alarm_fn);
    wheel_set(w, &b.t, 20 * US_PER_MS, alarm_fn);
    wheel_cancel(w, &a.t);
    wheel_cancel(w, &a.t);
    wheel_set(w, &b.t, 200 * US_PER_MS, alarm_fn);
    g_assert_false(wheel_is_set(&a.t));
    (void)wheel_run(w, 100 * US_PER_MS, 100);
    g_assert_cmpuint(a.fired + b.fired, ==, 0);
    (void)wheel_run(w, 210 * US_PER_MS, 100);
    g_assert_cmpuint(b.fired, ==, 1);
    wheel_free(w);
}

static void a_stall_loses_no_timer(void)
{
    struct wheel *w = wheel_new(0, 10 * US_PER_MS, 16);
    struct alarm a[100];

    memset(a, 0, sizeof(a));
    for (unsigned i = 0; i < 100; i++)
        wheel_set(w, &a[i].t, i * 17 * US_PER_MS, alarm_fn);
    g_assert_cmpuint(wheel_run(w, 60 * US_PER_S, 40), ==, 40); /* bounded work a turn */
    g_assert_cmpuint(wheel_run(w, 60 * US_PER_S, 100), ==, 60);
    for (unsigned i = 0; i < 100; i++)
        g_assert_cmpuint(a[i].fired, ==, 1);
    wheel_free(w);
}

static void a_timer_may_set_itself_again(void)
{
    struct wheel *w = wheel_new(0, 10 * US_PER_MS, 64);
    struct alarm a = {.again = w};

    wheel_set(w, &a.t, US_PER_S, alarm_fn);
    for (uint64_t now = 0; now <= 10 * US_PER_S + 20 * US_PER_MS; now += 10 * US_PER_MS)
        (void)wheel_run(w, now, 100);
    g_assert_cmpuint(a.fired, ==, 10);
    wheel_free(w);
}

/* ---- log ---- */

static void *log_much(void *arg)
{
    for (int i = 0; i < 3 * LOG_QUEUE_MAX; i++)
        LOG_W("test", "line %d of many, long enough to fill a pipe soon: %s", i,
              "................");
    *(bool *)arg = true;
    return NULL;
}

/* stderr is a pipe that nobody reads until the writers have finished. */
static void a_reader_who_does_not_read_blocks_nobody(void)
{
    int kept = dup(STDERR_FILENO);
    int ends[2];
    g_autoptr(GString) got = g_string_new(NULL);
    pthread_t thread;
    bool done = false;
    char buf[4096];
    ssize_t n;

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(dup2(ends[1], STDERR_FILENO), ==, STDERR_FILENO);
    (void)close(ends[1]);
    log_writer_start();
    g_assert_cmpint(pthread_create(&thread, NULL, log_much, &done), ==, 0);
    (void)pthread_join(thread, NULL); /* for ever, were a full pipe to block it */
    g_assert_true(done);
    while (!strstr(got->str, "log lines are lost")) {
        n = read(ends[0], buf, sizeof(buf));
        g_assert_cmpint(n, >, 0);
        g_string_append_len(got, buf, n);
    }
    log_writer_stop();
    g_assert_cmpint(dup2(kept, STDERR_FILENO), ==, STDERR_FILENO);
    (void)close(kept);
    (void)close(ends[0]);
    g_assert_nonnull(strstr(got->str, "line 0 of many"));
}

/* ---- err, clock ---- */

static void errors_have_names_and_words(void)
{
    g_assert_cmpstr(gw_err_name(GW_EPEER), ==, "GW_EPEER");
    g_assert_cmpstr(gw_err_text(GW_OK), ==, "ok");
    g_assert_cmpstr(gw_err_name((enum gw_err)999), ==, "GW_E?");
}

static void note(void *arg)
{
    ++*(int *)arg;
}

static void call_thread_timers_fire_once(void)
{
    struct timer *t = NULL;
    struct timer *never = NULL;
    int fired = 0;

    timer_start(&t, 1000, note, &fired);
    timer_start(&never, 1000, note, &fired);
    timer_stop(&never);
    g_assert_null(never);
    while (!fired)
        (void)g_main_context_iteration(NULL, TRUE);
    g_assert_null(t);
    g_assert_cmpint(fired, ==, 1);
}

void unit_base_base(void);
void unit_base_base(void)
{
    g_test_add_func("/base/span/spans-cut-at-separators", spans_cut_at_separators);
    g_test_add_func("/base/span/lines-end-with-lf-or-crlf", lines_end_with_lf_or_crlf);
    g_test_add_func("/base/span/numbers-are-digits-within-bounds",
                    numbers_are_digits_within_bounds);
    g_test_add_func("/base/span/copies-are-whole-or-refused", copies_are_whole_or_refused);
    g_test_add_func("/base/addr/addresses-read-and-print", addresses_read_and_print);
    g_test_add_func("/base/addr/addresses-survive-the-socket-form",
                    addresses_survive_the_socket_form);
    g_test_add_func("/base/addr/private-addresses-are-known", private_addresses_are_known);
    g_test_add_func("/base/ids/ids-are-never-alike", ids_are_never_alike);
    g_test_add_func("/base/mailbox/keeps-order-and-wakes-its-reader",
                    a_mailbox_keeps_order_and_wakes_its_reader);
    g_test_add_func("/base/mailbox/full-refuses-all-but-what-must-arrive",
                    a_full_mailbox_refuses_all_but_what_must_arrive);
    g_test_add_func("/base/mailbox/nothing-is-lost-between-threads",
                    nothing_is_lost_between_threads);
    g_test_add_func("/base/mailbox/what-is-left-inside-is-cleared", what_is_left_inside_is_cleared);
    g_test_add_func("/base/wheel/timers-fire-when-due-and-not-before",
                    timers_fire_when_due_and_not_before);
    g_test_add_func("/base/wheel/a-loop-that-sleeps-as-told-never-spins",
                    a_loop_that_sleeps_as_told_never_spins);
    g_test_add_func("/base/wheel/a-cancelled-timer-stays-silent",
                    a_cancelled_timer_stays_silent_and_a_moved_one_moves);
    g_test_add_func("/base/wheel/a-stall-loses-no-timer", a_stall_loses_no_timer);
    g_test_add_func("/base/wheel/a-timer-may-set-itself-again", a_timer_may_set_itself_again);
    g_test_add_func("/base/log/a-reader-who-does-not-read-blocks-nobody",
                    a_reader_who_does_not_read_blocks_nobody);
    g_test_add_func("/base/err/errors-have-names-and-words", errors_have_names_and_words);
    g_test_add_func("/base/clock/call-thread-timers-fire-once", call_thread_timers_fire_once);
}
