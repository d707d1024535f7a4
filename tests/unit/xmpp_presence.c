/* Presence: who is told what of ours, what users say to ours, and what a lost stream does to both.
 */
#include "tests/fakes/xmpp_world.h"

#include <string.h>

void unit_xmpp_presence(void);

#define NUMBER "+15551234@" COMPONENT
#define SUBSCRIBED(to, ours) "<presence type='subscribed' from='" ours "' to='" to "'></presence>"
#define HERE(to, full)                                                                             \
    "<presence from='" full "' to='" to "'><c xmlns='http://jabber.org/protocol/caps' *"
#define GONE(to, full) "<presence type='unavailable' from='" full "' to='" to "'></presence>"
#define WANTS(to, ours) "<presence type='subscribe' from='" ours "' to='" to "'></presence>"

static void presence(const char *type, const char *from, const char *to)
{
    hears("<presence type='%s' from='%s' to='%s'/>", type, from, to);
}

/* ---- users who watch ours ---- */

static void a_number_is_always_there(void)
{
    world_up();
    presence("subscribe", ANA, NUMBER);
    says(SUBSCRIBED(ANA, NUMBER));
    says(HERE(ANA, NUMBER "/tandem"));
    says(WANTS(ANA, NUMBER)); /* Monal rings for those alone who may see its user */
    turn();
    quiet();
    presence("subscribe", ANA, NUMBER); /* again, as after a new login */
    says(SUBSCRIBED(ANA, NUMBER));
    says(HERE(ANA, NUMBER "/tandem"));
    world_down();
}

static void the_domain_is_always_there(void)
{
    world_up();
    presence("subscribe", ANA, COMPONENT);
    says(SUBSCRIBED(ANA, COMPONENT));
    says(HERE(ANA, COMPONENT));
    turn();
    quiet();
    presence("probe", PHONE, COMPONENT);
    says(HERE(PHONE, COMPONENT));
    world_down();
}

static void bob_says(enum presence_show show, const char *note)
{
    struct presence p = {.show = show};
    struct publication pub = {.ad = world.b.ad, .id = 1, .address = "bob@example.org", .say = &p};

    presence_set_note(&p, note);
    gateway_publish(world.b.gw, &pub);
    wait_s(2);
}

static void an_account_is_what_it_says(void)
{
    world_up();
    presence("subscribe", ANA, BOB);
    says(SUBSCRIBED(ANA, BOB));
    says(WANTS(ANA, BOB));
    turn();
    says(GONE(ANA, OURS)); /* no device has said anything */
    bob_says(PRESENCE_AVAILABLE, NULL);
    says(HERE(ANA, OURS));
    bob_says(PRESENCE_BUSY, "in a <meeting>");
    says("<presence from='" OURS "' to='" ANA
         "'><show>dnd</show><status>in a &lt;meeting&gt;</status><c *");
    bob_says(PRESENCE_AWAY, NULL);
    says("<presence from='" OURS "' to='" ANA "'><show>away</show><c *");
    presence("probe", PHONE, BOB);
    says("<presence from='" OURS "' to='" PHONE "'><show>away</show><c *");
    gateway_withdraw(world.b.gw, world.b.ad, 1);
    wait_s(2);
    says(GONE(ANA, OURS));
    world_down();
}

static void strangers_see_nobody(void)
{
    world_up();
    presence("subscribe", MALLORY, NUMBER);
    says("<presence type='unsubscribed' from='" NUMBER "' to='" MALLORY "'></presence>");
    presence("subscribe", MALLORY, BOB);
    says("<presence type='unsubscribed' *");
    presence("probe", MALLORY "/x", NUMBER);
    presence("probe", MALLORY "/x", BOB);
    bob_says(PRESENCE_AVAILABLE, NULL);
    world_down();
}

static void who_unsubscribes_hears_no_more(void)
{
    world_up();
    bob_says(PRESENCE_AVAILABLE, NULL);
    presence("subscribe", ANA, BOB);
    turn();
    hush();
    presence("unsubscribe", ANA, BOB);
    says(GONE(ANA, OURS));
    says("<presence type='unsubscribed' from='" BOB "' to='" ANA "'></presence>");
    bob_says(PRESENCE_BUSY, NULL);
    quiet();
    fake_conn_down();
    fake_conn_up();
    wait_s(1);
    world_down();
}

/* Its server would not ask unless it knew of a subscription. */
static void a_probe_brings_a_lost_subscription_back(void)
{
    world_up();
    presence("probe", PHONE, NUMBER);
    says("*type='subscribed'*");
    says("*<c *");
    hush();
    fake_conn_down();
    fake_conn_up();
    says(HERE(ANA, NUMBER "/tandem"));
    world_down();
}

static void subscriptions_outlive_tandem(void)
{
    world_up();
    presence("subscribe", ANA, NUMBER);
    presence("subscribe", ANA, BOB);
    turn();
    hush();
    world_restart();
    bob_says(PRESENCE_AVAILABLE, NULL);
    quiet();
    fake_conn_up();
    wait_s(1);
    for (unsigned i = 0; i < 2; i++)
        says("<presence from='*/tandem' to='" ANA "'><c *");
    quiet();
    presence("unsubscribe", ANA, NUMBER);
    hush();
    world_restart();
    fake_conn_up();
    wait_s(1);
    says(GONE(ANA, OURS)); /* only bob is left, and has not come back yet */
    world_down();
}

static void everybody_is_greeted_after_a_reconnect_bit_by_bit(void)
{
    enum { MANY = 250 };
    g_autoptr(GHashTable) greeted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    unsigned first;

    world_up();
    for (unsigned i = 0; i < MANY; i++) {
        g_autofree char *from = g_strdup_printf("u%u@jabber.example", i);

        presence("subscribe", from, NUMBER);
    }
    hush();
    fake_conn_down();
    fake_conn_up();
    first = fake_conn.sent.length;
    g_assert_cmpuint(first, >, 0);
    g_assert_cmpuint(first, <=, 100);
    wait_us(60 * US_PER_MS);
    g_assert_cmpuint(fake_conn.sent.length, <=, 200);
    wait_s(1);
    g_assert_cmpuint(fake_conn.sent.length, ==, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        says("<presence from='" NUMBER "/tandem' to='u*@jabber.example'><c *");
        (void)g_hash_table_add(greeted, said_attr("<presence", "to"));
    }
    g_assert_cmpuint(g_hash_table_size(greeted), ==, MANY);
    world_down();
}

static void a_stream_lost_while_greeting_begins_again(void)
{
    enum { MANY = 150 };

    world_up();
    for (unsigned i = 0; i < MANY; i++) {
        g_autofree char *from = g_strdup_printf("u%u@jabber.example", i);

        presence("subscribe", from, NUMBER);
    }
    hush();
    fake_conn_down();
    fake_conn_up();
    fake_conn_down();
    hush();
    wait_s(5);
    quiet();
    fake_conn_up();
    wait_s(1);
    g_assert_cmpuint(fake_conn.sent.length, ==, MANY);
    hush();
    world_down();
}

static void done(void *arg)
{
    (void)arg;
}

static void everybody_is_told_that_tandem_leaves(void)
{
    world_up();
    presence("subscribe", ANA, NUMBER);
    presence("subscribe", ANA, BOB); /* who is not there: nothing to tell */
    turn();
    hush();
    gateway_drain(world.b.gw, US_PER_S, done, NULL);
    says(GONE(ANA, NUMBER "/tandem"));
    presence("probe", PHONE, NUMBER);
    says(GONE(PHONE, NUMBER "/tandem"));
    quiet();
    bob_says(PRESENCE_AVAILABLE, NULL);
    says(GONE(ANA, OURS));
    world_down();
}

/* ---- users whom ours watch ---- */

static const char *post(void)
{
    return fake_adapter_post(world.b.ad);
}

static void alice_watches_ana(void)
{
    g_assert_cmpint(gateway_watch(world.b.gw, world.b.ad, 5, "alice@example.org", ANA), ==,
                    END_NONE);
    says(WANTS(ANA, ALICE));
    quiet(); /* a probe would withdraw the request at some servers */
    presence("subscribed", ANA, ALICE);
    says("<presence type='probe' from='" ALICE "' to='" ANA "'></presence>");
    wait_s(2);
}

static void what_a_user_says_reaches_who_asked(void)
{
    world_up();
    alice_watches_ana();
    g_assert_cmpstr(post(), ==, "5 is offline");
    hears("<presence from='" PHONE "' to='" ALICE "'><show>xa</show><status>Zzz</status>"
          "</presence>");
    wait_s(2);
    g_assert_cmpstr(post(), ==, "5 is offline; 5 is away (Zzz)");
    hears("<presence from='" PHONE "' to='" ALICE "'><show>dnd</show></presence>");
    wait_s(2);
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    wait_s(2);
    presence("unavailable", PHONE, ALICE);
    wait_s(2);
    g_assert_cmpstr(post(), ==,
                    "5 is offline; 5 is away (Zzz); 5 is dnd; 5 is available; 5 is offline");
    world_down();
}

static void of_two_devices_one_may_leave(void)
{
    world_up();
    alice_watches_ana();
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    hears("<presence from='" DESK "' to='" ALICE "'/>");
    wait_s(2);
    presence("unavailable", DESK, ALICE);
    wait_s(2);
    g_assert_cmpstr(post(), ==, "5 is offline; 5 is available");
    world_down();
}

static void it_reaches_nobody_else(void)
{
    world_up();
    alice_watches_ana();
    g_assert_cmpint(gateway_watch(world.b.gw, world.b.ad, 6, "carol@example.org", ANA), ==,
                    END_NONE);
    hush();
    wait_s(2);
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    hears("<presence from='" PHONE "' to='" BOB "'/>"); /* who has not asked */
    hears("<presence from='" MALLORY "/x' to='" ALICE "'><show>dnd</show></presence>");
    wait_s(2);
    g_assert_cmpstr(post(), ==, "5 is offline; 6 is offline; 5 is available");
    world_down();
}

static void what_is_said_unasked_is_forgotten(void)
{
    world_up();
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    alice_watches_ana();
    g_assert_cmpstr(post(), ==, "5 is offline");
    world_down();
}

static void strangers_cannot_be_watched(void)
{
    world_up();
    g_assert_cmpint(gateway_watch(world.b.gw, world.b.ad, 5, "alice@example.org", MALLORY), !=,
                    END_NONE);
    world_down();
}

static void who_watches_no_more_says_so(void)
{
    world_up();
    alice_watches_ana();
    gateway_unwatch(world.b.gw, world.b.ad, 5);
    says("<presence type='unsubscribe' from='" ALICE "' to='" ANA "'></presence>");
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    wait_s(2);
    g_assert_cmpstr(post(), ==, "5 is offline");
    world_down();
}

static void a_lost_stream_leaves_nobody_there(void)
{
    world_up();
    alice_watches_ana();
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    wait_s(2);
    fake_conn_down();
    wait_s(2);
    g_assert_cmpstr(post(), ==, "5 is offline; 5 is available; 5 is offline");
    fake_conn_up(); /* and asks again */
    says(WANTS(ANA, ALICE));
    presence("subscribed", ANA, ALICE);
    presence("subscribed", MALLORY, ALICE); /* nobody asked him */
    says("<presence type='probe' from='" ALICE "' to='" ANA "'></presence>");
    quiet();
    hears("<presence from='" PHONE "' to='" ALICE "'/>");
    wait_s(2);
    g_assert_true(g_str_has_suffix(post(), "5 is available"));
    world_down();
}

static void who_begins_to_watch_without_a_stream_asks_when_there_is_one(void)
{
    world_up();
    fake_conn_down();
    g_assert_cmpint(gateway_watch(world.b.gw, world.b.ad, 5, "alice@example.org", ANA), ==,
                    END_NONE);
    quiet();
    fake_conn_up();
    says(WANTS(ANA, ALICE));
    world_down();
}

void unit_xmpp_presence(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"a-number-is-always-there", a_number_is_always_there},
        {"the-domain-is-always-there", the_domain_is_always_there},
        {"an-account-is-what-it-says", an_account_is_what_it_says},
        {"strangers-see-nobody", strangers_see_nobody},
        {"who-unsubscribes-hears-no-more", who_unsubscribes_hears_no_more},
        {"a-probe-brings-a-lost-subscription-back", a_probe_brings_a_lost_subscription_back},
        {"subscriptions-outlive-tandem", subscriptions_outlive_tandem},
        {"everybody-is-greeted-after-a-reconnect-bit-by-bit",
         everybody_is_greeted_after_a_reconnect_bit_by_bit},
        {"a-stream-lost-while-greeting-begins-again", a_stream_lost_while_greeting_begins_again},
        {"everybody-is-told-that-tandem-leaves", everybody_is_told_that_tandem_leaves},
        {"what-a-user-says-reaches-who-asked", what_a_user_says_reaches_who_asked},
        {"of-two-devices-one-may-leave", of_two_devices_one_may_leave},
        {"it-reaches-nobody-else", it_reaches_nobody_else},
        {"what-is-said-unasked-is-forgotten", what_is_said_unasked_is_forgotten},
        {"strangers-cannot-be-watched", strangers_cannot_be_watched},
        {"who-watches-no-more-says-so", who_watches_no_more_says_so},
        {"a-lost-stream-leaves-nobody-there", a_lost_stream_leaves_nobody_there},
        {"who-begins-to-watch-without-a-stream-asks-when-there-is-one",
         who_begins_to_watch_without_a_stream_asks_when_there_is_one},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/presence/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
