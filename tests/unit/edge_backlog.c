#include "edge/backlog.h"

void unit_edge_backlog(void);

static void order_is_kept_in_any_portions(void)
{
    for (size_t portion = 1; portion < 12; portion++) {
        struct backlog o = {.bytes = NULL};
        g_autoptr(GString) got = g_string_new(NULL);

        backlog_add(&o, "one ", 4);
        backlog_add(&o, "two ", 4);
        backlog_add(&o, "", 0);
        backlog_add_tail(&o, "three", 5);
        g_assert_cmpuint(backlog_size(&o), ==, 13);
        while (backlog_size(&o)) {
            struct span next = backlog_next(&o);
            size_t n = MIN(portion, next.n);
            (void)g_string_append_len(got, next.p, (gssize)n);
            backlog_sent(&o, n);
        }
        g_assert_cmpstr(got->str, ==, "one two three");
        g_assert_null(o.bytes);
        backlog_clear(&o);
    }
}

static void adding_while_sending(void)
{
    struct backlog o = {.bytes = NULL};

    backlog_add(&o, "abc", 3);
    backlog_sent(&o, 2);
    backlog_add(&o, "def", 3);
    g_assert_cmpuint(backlog_size(&o), ==, 4);
    g_assert_true(span_equal(backlog_next(&o), SPAN("cdef")));
    backlog_clear(&o);
    g_assert_cmpuint(backlog_size(&o), ==, 0);
    g_assert_true(span_empty(backlog_next(&o)));
}

void unit_edge_backlog(void)
{
    g_test_add_func("/edge/backlog/order-is-kept-in-any-portions", order_is_kept_in_any_portions);
    g_test_add_func("/edge/backlog/adding-while-sending", adding_while_sending);
}
