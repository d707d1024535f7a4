#include "edge/outbox.h"

void unit_edge_outbox(void);

static void order_is_kept_in_any_portions(void)
{
    for (size_t portion = 1; portion < 12; portion++) {
        struct outbox o = {.bytes = NULL};
        g_autoptr(GString) got = g_string_new(NULL);

        outbox_add(&o, "one ", 4);
        outbox_add(&o, "two ", 4);
        outbox_add(&o, "", 0);
        outbox_add_tail(&o, "three", 5);
        g_assert_cmpuint(outbox_size(&o), ==, 13);
        while (outbox_size(&o)) {
            struct span next = outbox_next(&o);
            size_t n = MIN(portion, next.n);
            (void)g_string_append_len(got, next.p, (gssize)n);
            outbox_sent(&o, n);
        }
        g_assert_cmpstr(got->str, ==, "one two three");
        g_assert_null(o.bytes);
        outbox_clear(&o);
    }
}

static void adding_while_sending(void)
{
    struct outbox o = {.bytes = NULL};

    outbox_add(&o, "abc", 3);
    outbox_sent(&o, 2);
    outbox_add(&o, "def", 3);
    g_assert_cmpuint(outbox_size(&o), ==, 4);
    g_assert_true(span_equal(outbox_next(&o), SPAN("cdef")));
    outbox_clear(&o);
    g_assert_cmpuint(outbox_size(&o), ==, 0);
    g_assert_true(span_empty(outbox_next(&o)));
}

void unit_edge_outbox(void)
{
    g_test_add_func("/edge/outbox/order-is-kept-in-any-portions", order_is_kept_in_any_portions);
    g_test_add_func("/edge/outbox/adding-while-sending", adding_while_sending);
}
