#include "base/clock.h"
#include "sip/limiter.h"
#include "sip/registrar.h"

#include <glib.h>

void unit_sip_registrar(void);

enum { NOW_S = 1000 };

struct world {
    struct registrar *r;
    unsigned made, gone;
    GString *contacts; /* of the last look */
};

static const uint64_t now_us = NOW_S * US_PER_S;

static void on_change(void *arg, const struct binding *b, bool gone)
{
    struct world *w = arg;

    g_assert_nonnull(b->contact);
    if (gone)
        w->gone++;
    else
        w->made++;
}

static void setup(struct world *w, const void *unused)
{
    const struct registrar_limits limits = {60, 3600, 7200};

    (void)unused;
    w->r = registrar_new(&limits, on_change, w);
    w->contacts = g_string_new(NULL);
}

static void teardown(struct world *w, const void *unused)
{
    (void)unused;
    registrar_free(w->r);
    (void)g_string_free(w->contacts, TRUE);
}

static struct registration one(const char *contact, uint32_t cseq)
{
    struct registration reg = {.address = "bob@example.org",
                               .call_id = "c1",
                               .cseq = cseq,
                               .ncontacts = 1,
                               .peer = {.set = 1, .port = 5060, .ip = {192, 0, 2, 7}},
                               .local = {.set = 1, .port = 5060, .ip = {192, 0, 2, 1}}};

    reg.contact[0].contact = contact;
    return reg;
}

static void add_contact(void *arg, const struct binding *b)
{
    g_string_append_printf(arg, "%s ", b->contact);
}

static const char *look(struct world *w)
{
    (void)g_string_truncate(w->contacts, 0);
    registrar_each(w->r, "bob@example.org", add_contact, w->contacts);
    return w->contacts->str;
}

static void a_contact_is_kept_until_it_expires(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 1);

    (void)unused;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpstr(look(w), ==, "sip:b@h ");
    registrar_expire(w->r, now_us + 3599 * US_PER_S);
    g_assert_cmpstr(look(w), ==, "sip:b@h ");
    registrar_expire(w->r, now_us + 3600 * US_PER_S);
    g_assert_cmpstr(look(w), ==, "");
    g_assert_cmpuint(w->gone, ==, 1);
}

static void too_brief_and_too_long(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 1);

    (void)unused;
    reg.contact[0].has_expires = true;
    reg.contact[0].expires_s = 59;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 423);
    g_assert_cmpstr(look(w), ==, "");
    reg.contact[0].expires_s = UINT32_MAX;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    registrar_expire(w->r, now_us + 7200 * US_PER_S);
    g_assert_cmpstr(look(w), ==, "");
}

static void the_contacts_own_expires_beats_the_header(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 1);

    (void)unused;
    reg.has_expires = true;
    reg.expires_s = 0;
    reg.contact[0].has_expires = true;
    reg.contact[0].expires_s = 600;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpstr(look(w), ==, "sip:b@h ");
}

static void an_old_cseq_changes_nothing(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 5);

    (void)unused;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    reg.cseq = 4;
    reg.has_expires = true;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 500);
    g_assert_cmpstr(look(w), ==, "sip:b@h ");
    reg.call_id = "c2"; /* the phone restarted: its counter is its own again */
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpstr(look(w), ==, "");
}

static void one_bad_contact_spoils_the_request(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 1);

    (void)unused;
    reg.ncontacts = 2;
    reg.contact[1] =
        (struct contact_update){.contact = "sip:c@h", .has_expires = true, .expires_s = 1};
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 423);
    g_assert_cmpstr(look(w), ==, "");
}

static void star_removes_all_and_only_with_zero(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h", 1);
    struct registration star = {
        .address = "bob@example.org", .call_id = "c1", .cseq = 2, .star = true};

    (void)unused;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpuint(registrar_apply(w->r, &star, now_us), ==, 400);
    star.has_expires = true;
    g_assert_cmpuint(registrar_apply(w->r, &star, now_us), ==, 200);
    g_assert_cmpstr(look(w), ==, "");
}

static void an_instance_has_one_contact(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h:1", 1);
    const struct binding *b;
    uint64_t id = 0;

    (void)unused;
    (void)id;
    reg.contact[0].instance = "<urn:uuid:1>";
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    reg.contact[0].contact = "sip:b@h:2";
    reg.cseq = 2;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpstr(look(w), ==, "sip:b@h:2 ");
    b = registrar_find(w->r, 12345);
    g_assert_null(b);
}

static void the_oldest_makes_room(struct world *w, const void *unused)
{
    (void)unused;
    for (unsigned i = 0; i <= REGISTRAR_CONTACTS_MAX; i++) {
        char *contact = g_strdup_printf("sip:b@h:%u", i);
        struct registration reg = one(contact, i + 1);

        g_assert_cmpuint(registrar_apply(w->r, &reg, now_us + i), ==, 200);
        g_free(contact);
    }
    g_assert_null(strstr(look(w), "h:0 "));
    g_assert_nonnull(strstr(look(w), "h:1 "));
    g_assert_nonnull(strstr(look(w), "h:10 "));
}

static void a_connection_tells_the_phone_while_it_has_one(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h:1", 1), other = one("sip:b@h:2", 2);

    (void)unused;
    reg.flow = other.flow = 77;
    g_assert_null(registrar_find_flow(w->r, "bob@example.org", 77));
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpstr(registrar_find_flow(w->r, "bob@example.org", 77)->contact, ==, "sip:b@h:1");
    g_assert_null(registrar_find_flow(w->r, "bob@example.org", 78));
    g_assert_null(registrar_find_flow(w->r, "eve@example.org", 77));
    g_assert_cmpuint(registrar_apply(w->r, &other, now_us), ==, 200);
    g_assert_null(registrar_find_flow(w->r, "bob@example.org", 77));
}

static void a_dead_connection_takes_its_bindings(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h:1", 1), other = one("sip:b@h:2", 2);

    (void)unused;
    reg.flow = 77;
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    g_assert_cmpuint(registrar_apply(w->r, &other, now_us), ==, 200);
    registrar_drop_flow(w->r, 77);
    g_assert_cmpstr(look(w), ==, "sip:b@h:2 ");
}

struct row {
    char *key, *text;
};

static void take_row(void *arg, const struct binding *b)
{
    struct row *row = arg;

    row->key = binding_key(b);
    row->text = binding_row(b, now_us, 5000);
}

static void rows_bring_a_binding_back(struct world *w, const void *unused)
{
    struct registration reg = one("sip:b@h:1;ob", 9);
    struct row row = {NULL, NULL};
    struct world again = {NULL, 0, 0, NULL};

    (void)unused;
    reg.contact[0].instance = "<urn:uuid:1>";
    g_assert_cmpuint(registrar_apply(w->r, &reg, now_us), ==, 200);
    registrar_each(w->r, "bob@example.org", take_row, &row);
    setup(&again, NULL);
    g_assert_true(registrar_restore(again.r, row.key, row.text, 7, 5000));
    g_assert_cmpstr(look(&again), ==, "sip:b@h:1;ob ");
    registrar_expire(again.r, 7 + 3599 * US_PER_S);
    g_assert_cmpstr(look(&again), ==, "sip:b@h:1;ob ");
    reg.cseq = 9;
    g_assert_cmpuint(registrar_apply(again.r, &reg, 8), ==, 500); /* the order is kept as well */
    g_assert_false(registrar_restore(again.r, row.key, row.text, 7, 5000 + 3600));
    teardown(&again, NULL);
    g_free(row.key);
    g_free(row.text);
}

static void rows_of_connections_and_nonsense_are_dropped(struct world *w, const void *unused)
{
    static const char *const rows[] = {"", "1", "1\t9999\t-\t-\tc\t1\t\tsip:b@h",
                                       "2\t9999\t192.0.2.7:1\t192.0.2.1:1\tc\t1\t\tsip:b@h",
                                       "1\tx\t192.0.2.7:1\t192.0.2.1:1\tc\t1\t\tsip:b@h"};

    (void)unused;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_false(registrar_restore(w->r, "bob@example.org sip:b@h", rows[i], 0, 1));
    g_assert_false(registrar_restore(w->r, "bob", "1\t9\t1.1.1.1:1\t1.1.1.1:1\tc\t1\t\tx", 0, 1));
    g_assert_cmpstr(look(w), ==, "");
}

static void guessing_is_slowed_down(void)
{
    struct limiter *l = limiter_new();
    struct net_addr a = {.set = 1, .port = 1, .ip = {192, 0, 2, 7}};
    struct net_addr b = {.set = 1, .port = 1, .ip = {192, 0, 2, 8}};
    unsigned n = 0;

    while (!limiter_failed(l, &a, now_us))
        n++;
    g_assert_cmpuint(n, ==, 29);
    g_assert_true(limiter_blocked(l, &a, now_us));
    a.port = 2;
    g_assert_true(limiter_blocked(l, &a, now_us)); /* an address, not a socket */
    g_assert_false(limiter_blocked(l, &b, now_us));
    g_assert_false(limiter_blocked(l, &a, now_us + 2 * US_PER_S));
    limiter_free(l);
}

void unit_sip_registrar(void)
{
#define CLAIM(path, fn) g_test_add(path, struct world, NULL, setup, fn, teardown)
    CLAIM("/sip/registrar/a-contact-is-kept-until-it-expires", a_contact_is_kept_until_it_expires);
    CLAIM("/sip/registrar/too-brief-and-too-long", too_brief_and_too_long);
    CLAIM("/sip/registrar/the-contacts-own-expires-beats-the-header",
          the_contacts_own_expires_beats_the_header);
    CLAIM("/sip/registrar/an-old-cseq-changes-nothing", an_old_cseq_changes_nothing);
    CLAIM("/sip/registrar/one-bad-contact-spoils-the-request", one_bad_contact_spoils_the_request);
    CLAIM("/sip/registrar/star-removes-all-and-only-with-zero",
          star_removes_all_and_only_with_zero);
    CLAIM("/sip/registrar/an-instance-has-one-contact", an_instance_has_one_contact);
    CLAIM("/sip/registrar/the-oldest-makes-room", the_oldest_makes_room);
    CLAIM("/sip/registrar/a-connection-tells-the-phone-while-it-has-one",
          a_connection_tells_the_phone_while_it_has_one);
    CLAIM("/sip/registrar/a-dead-connection-takes-its-bindings",
          a_dead_connection_takes_its_bindings);
    CLAIM("/sip/registrar/rows-bring-a-binding-back", rows_bring_a_binding_back);
    CLAIM("/sip/registrar/rows-of-connections-and-nonsense-are-dropped",
          rows_of_connections_and_nonsense_are_dropped);
#undef CLAIM
    g_test_add_func("/sip/limiter/guessing-is-slowed-down", guessing_is_slowed_down);
}
