#include "media/tuple.h"

#include <glib.h>

#include <string.h>

void unit_media_tuple(void);

struct port { /* the table never looks inside */
    unsigned n;
};

static struct net_addr remote(unsigned n)
{
    struct net_addr a = {.set = 1, .port = (uint16_t)(n & 0xffff)};

    a.ip[0] = 10;
    a.ip[3] = (uint8_t)(n >> 16);
    return a;
}

/* Against a plain array: puts, take-overs and drops in any order. */
static void as_a_list_would(void)
{
    enum { KEYS = 500, STEPS = 20000, OWNERS = 7 };
    struct tuple_table *t = tuple_table_new();
    struct port owner[OWNERS];
    struct port *list[KEYS] = {0};
    GRand *r = g_rand_new_with_seed(1);

    for (unsigned i = 0; i < STEPS; i++) {
        unsigned key = (unsigned)g_rand_int_range(r, 0, KEYS), sock = key % 3;
        struct port *p = &owner[g_rand_int_range(r, 0, OWNERS)];
        struct net_addr a = remote(key / 3);
        if (g_rand_boolean(r)) {
            tuple_put(t, sock, &a, p);
            list[key] = p;
        } else {
            tuple_drop(t, sock, &a, p);
            if (list[key] == p)
                list[key] = NULL;
        }
        key = (unsigned)g_rand_int_range(r, 0, KEYS);
        a = remote(key / 3);
        g_assert_true(tuple_get(t, key % 3, &a) == list[key]);
    }
    for (unsigned key = 0, n = 0; key < KEYS; key++) {
        struct net_addr a = remote(key / 3);
        g_assert_true(tuple_get(t, key % 3, &a) == list[key]);
        n += list[key] != NULL;
        if (key == KEYS - 1)
            g_assert_cmpuint(tuple_count(t), ==, n);
    }
    g_rand_free(r);
    tuple_table_free(t);
}

static void the_socket_is_part_of_the_key(void)
{
    struct tuple_table *t = tuple_table_new();
    struct port a = {1}, b = {2};
    struct net_addr r = remote(9);

    tuple_put(t, 0, &r, &a);
    tuple_put(t, 1, &r, &b);
    g_assert_true(tuple_get(t, 0, &r) == &a);
    g_assert_true(tuple_get(t, 1, &r) == &b);
    g_assert_null(tuple_get(t, 2, &r));
    tuple_drop(t, 0, &r, &b); /* not its own */
    g_assert_true(tuple_get(t, 0, &r) == &a);
    tuple_table_free(t);
}

void unit_media_tuple(void)
{
    g_test_add_func("/media/tuple/as-a-list-would", as_a_list_would);
    g_test_add_func("/media/tuple/socket-in-key", the_socket_is_part_of_the_key);
}
