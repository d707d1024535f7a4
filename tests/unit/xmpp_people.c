/* Who a JID is: by its account, by registration (XEP-0077), by its domain, or nobody. */
#include "tests/fakes/xmpp_world.h"

#include <string.h>

void unit_xmpp_people(void);

#define EVE "eve@evil.example" /* a stranger who knows dora's password */

static unsigned last_iq;

static void registers(const char *from, const char *inner)
{
    hears("<iq type='set' from='%s/x' to='" COMPONENT "' id='r%u'><query "
          "xmlns='jabber:iq:register'>%s</query></iq>",
          from, ++last_iq, inner);
}

static void tries(const char *from, const char *name, const char *password)
{
    g_autofree char *inner =
        g_strdup_printf("<username>%s</username><password>%s</password>", name, password);

    registers(from, inner);
}

static void is_registered(const char *from)
{
    g_autofree char *want = g_strdup_printf(
        "<iq type='result' from='" COMPONENT "' to='%s/x' id='r%u'></iq>", from, last_iq);

    says(want);
}

static void is_refused(const char *from, const char *condition)
{
    g_autofree char *want =
        g_strdup_printf("<iq type='error' from='" COMPONENT "' to='%s/x' id='r%u'><error *><%s *",
                        from, last_iq, condition);

    says(want);
}

/* Who the call of @p jid says it is from; NULL: it was rejected. */
static const char *calls_as(const char *jid)
{
    static char who[192];
    unsigned before = fake_adapter_legs(world.b.ad);
    g_autofree char *from = g_strconcat(jid, "/x", NULL);
    g_autofree char *id = g_strdup_printf("c%u", ++last_iq);

    who[0] = '\0';
    hears("<message type='chat' from='%s' to='" BOB "'><body>who</body></message>", from);
    message(from, BOB, "propose", id, VOICE);
    if (fake_adapter_legs(world.b.ad) > before) {
        const char *post = strrchr(fake_adapter_post(world.b.ad), ';');
        g_auto(GStrv) words = g_strsplit(post ? post + 2 : fake_adapter_post(world.b.ad), " ", 4);

        (void)g_strlcpy(who, words[2], sizeof(who));
    }
    turn();
    end_all();
    turn();
    hush();
    return who[0] ? who : NULL;
}

/* How many JIDs ring when @p address is called. */
static unsigned rings(const char *address)
{
    struct endpoint ep[ENDPOINTS_MAX];

    return world.xmpp->ops->endpoints(world.xmpp, address, ep, ENDPOINTS_MAX);
}

static void an_account_calls_as_itself_and_rings(void)
{
    world_up();
    g_assert_cmpstr(calls_as(DORA), ==, "dora@example.org");
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    g_assert_cmpuint(rings("bob@example.org"), ==, 0);
    (void)alice_calls(&world.b, "dora");
    says("<message type='chat' from='" ALICE "/tandem' to='" DORA "' *><propose *");
    end_all();
    says("*<retract *");
    world_down();
}

static void people_of_an_allowed_domain_call_as_themselves(void)
{
    world_up();
    g_assert_cmpstr(calls_as(ANA), ==, ANA);
    g_assert_cmpstr(calls_as("Ana@Jabber.example"), ==, ANA);
    g_assert_cmpuint(rings(ANA), ==, 1);
    world_down();
}

static void strangers_call_nobody(void)
{
    world_up();
    g_assert_cmpstr(calls_as(MALLORY), ==, NULL);
    g_assert_cmpuint(rings(MALLORY), ==, 0);
    g_assert_cmpstr(calls_as("mallory@jabber.example.evil.example"), ==, NULL);
    g_assert_cmpstr(calls_as("jabber.example@evil.example"), ==, NULL);
    message(MALLORY "/x", BOB, "propose", "s1", VOICE);
    says("<message type='chat' from='" OURS "' to='" MALLORY "/x' *><reject *<decline/>*");
    world_down();
}

static void a_device_does_not_ring_for_its_own_call(void)
{

    world_up();
    message(DORA "/x", "dora@" COMPONENT, "propose", "s1", VOICE);
    says("*<reject *"); /* she has no other */
    world_down();
}

static void an_account_loses_and_changes_its_jid(void)
{
    struct account dora;

    world_up();
    dora = *accounts_find(world.b.accounts, "dora@example.org");
    (void)g_strlcpy(dora.jid, "dora@elsewhere.example", sizeof(dora.jid));
    g_assert_cmpint(accounts_put(world.b.accounts, &dora), ==, GW_OK);
    g_assert_cmpstr(calls_as(DORA), ==, NULL);
    g_assert_cmpstr(calls_as("dora@elsewhere.example"), ==, "dora@example.org");
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    dora.jid[0] = '\0';
    g_assert_cmpint(accounts_put(world.b.accounts, &dora), ==, GW_OK);
    g_assert_cmpstr(calls_as("dora@elsewhere.example"), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 0);
    world_down();
}

static void a_removed_account_is_nobody(void)
{
    world_up();
    g_assert_cmpint(accounts_remove(world.b.accounts, "dora@example.org"), ==, GW_OK);
    g_assert_cmpstr(calls_as(DORA), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 0);
    world_down();
}

/* ---- registration ---- */

static void the_form_says_what_is_wanted(void)
{
    world_up();
    hears("<iq type='get' from='" EVE "/x' to='" COMPONENT "' id='f1'><query "
          "xmlns='jabber:iq:register'/></iq>");
    says("<iq type='result' from='" COMPONENT "' to='" EVE "/x' id='f1'><query "
         "xmlns='jabber:iq:register'><instructions>*</instructions><username></username>"
         "<password/></query></iq>");
    tries(EVE, "dora", DORA_PASSWORD);
    is_registered(EVE);
    hears("<iq type='get' from='" EVE "/x' to='" COMPONENT "' id='f2'><query "
          "xmlns='jabber:iq:register'/></iq>");
    says("*<registered/>*<username>dora@example.org</username>*");
    world_down();
}

static void the_right_password_registers(void)
{
    world_up();
    tries(EVE, " Dora ", DORA_PASSWORD);
    is_registered(EVE);
    g_assert_cmpstr(calls_as(EVE), ==, "dora@example.org");
    g_assert_cmpuint(rings("dora@example.org"), ==, 2);
    tries(EVE, "dora@example.org", DORA_PASSWORD); /* once more changes nothing */
    is_registered(EVE);
    g_assert_cmpuint(rings("dora@example.org"), ==, 2);
    world_down();
}

static void a_wrong_password_does_not(void)
{
    world_up();
    tries(EVE, "dora", "guess");
    is_refused(EVE, "not-authorized");
    tries(EVE, "nobody", DORA_PASSWORD);
    is_refused(EVE, "not-authorized");
    tries(EVE, "bob", "x"); /* an account without a password */
    is_refused(EVE, "not-authorized");
    tries(EVE, "dora@elsewhere.example", DORA_PASSWORD);
    is_refused(EVE, "not-authorized");
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    world_down();
}

static void half_a_form_is_a_bad_request(void)
{
    world_up();
    registers(EVE, "");
    is_refused(EVE, "bad-request");
    registers(EVE, "<username>dora</username>");
    is_refused(EVE, "bad-request");
    tries(EVE, "a b", "c");
    is_refused(EVE, "bad-request");
    hears("<iq type='set' from='" EVE "/x' to='" BOB "' id='r'><query "
          "xmlns='jabber:iq:register'/></iq>");
    says("<iq type='error' from='" BOB "' *<item-not-found *");
    hears("<iq type='get' from='evil.example' to='" COMPONENT "' id='r'><query "
          "xmlns='jabber:iq:register'/></iq>");
    says("<iq type='error' *<item-not-found *");
    world_down();
}

static void passwords_cannot_be_guessed_fast(void)
{
    world_up();
    for (unsigned i = 0; i < 5; i++) {
        tries(EVE, "dora", "guess");
        is_refused(EVE, "not-authorized");
    }
    tries(EVE, "dora", DORA_PASSWORD);
    is_refused(EVE, "policy-violation");
    tries("someone@jabber.example", "dora", "guess"); /* others may */
    is_refused("someone@jabber.example", "not-authorized");
    wait_s(20);
    tries(EVE, "dora", DORA_PASSWORD);
    is_registered(EVE);
    tries(EVE, "dora", DORA_PASSWORD);
    is_refused(EVE, "policy-violation");
    world_down();
}

static void a_registration_is_removed(void)
{
    world_up();
    tries(EVE, "dora", DORA_PASSWORD);
    is_registered(EVE);
    registers(EVE, "<remove/>");
    is_registered(EVE);
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    registers(EVE, "<remove/>"); /* of nothing */
    is_registered(EVE);
    world_down();
}

static void removing_does_not_take_the_accounts_own_jid(void)
{
    world_up();
    tries(DORA, "dora", DORA_PASSWORD);
    is_registered(DORA);
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    registers(DORA, "<remove/>");
    is_registered(DORA);
    g_assert_cmpstr(calls_as(DORA), ==, "dora@example.org");
    g_assert_cmpuint(rings("dora@example.org"), ==, 1);
    world_down();
}

static void a_registration_outlives_tandem(void)
{
    world_up();
    tries(EVE, "dora", DORA_PASSWORD);
    is_registered(EVE);
    world_restart();
    fake_conn_up();
    g_assert_cmpstr(calls_as(EVE), ==, "dora@example.org");
    registers(EVE, "<remove/>");
    is_registered(EVE);
    world_restart();
    fake_conn_up();
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    world_down();
}

/* Else the next who is given the address is rung, and spoken for, by who had it before. */
static void a_removed_account_has_no_registrations(void)
{
    struct account dora = {.display = "Another Dora"};

    world_up();
    tries(EVE, "dora", DORA_PASSWORD);
    is_registered(EVE);
    g_assert_cmpint(accounts_remove(world.b.accounts, "dora@example.org"), ==, GW_OK);
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 0);
    g_assert_true(account_set_address(&dora, "dora", "example.org"));
    account_default_profiles(&dora);
    account_set_password(&dora, "example.org", "another secret");
    g_assert_cmpint(accounts_put(world.b.accounts, &dora), ==, GW_OK);
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    g_assert_cmpuint(rings("dora@example.org"), ==, 0);
    world_restart();
    fake_conn_up();
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    world_down();
}

static void a_registration_with_an_account_that_is_no_more_is_nothing(void)
{
    world_up();
    store_put(world.b.store, STORE_JIDS, EVE, "ghost@example.org"); /* removed while we were down */
    world_restart();
    fake_conn_up();
    g_assert_cmpstr(calls_as(EVE), ==, NULL);
    g_assert_cmpuint(rings("ghost@example.org"), ==, 0);
    world_down();
}

void unit_xmpp_people(void)
{
    static const struct {
        const char *claim;
        void (*fn)(void);
    } tests[] = {
        {"an-account-calls-as-itself-and-rings", an_account_calls_as_itself_and_rings},
        {"people-of-an-allowed-domain-call-as-themselves",
         people_of_an_allowed_domain_call_as_themselves},
        {"strangers-call-nobody", strangers_call_nobody},
        {"a-device-does-not-ring-for-its-own-call", a_device_does_not_ring_for_its_own_call},
        {"an-account-loses-and-changes-its-jid", an_account_loses_and_changes_its_jid},
        {"a-removed-account-is-nobody", a_removed_account_is_nobody},
        {"the-form-says-what-is-wanted", the_form_says_what_is_wanted},
        {"the-right-password-registers", the_right_password_registers},
        {"a-wrong-password-does-not", a_wrong_password_does_not},
        {"half-a-form-is-a-bad-request", half_a_form_is_a_bad_request},
        {"passwords-cannot-be-guessed-fast", passwords_cannot_be_guessed_fast},
        {"a-registration-is-removed", a_registration_is_removed},
        {"removing-does-not-take-the-accounts-own-jid",
         removing_does_not_take_the_accounts_own_jid},
        {"a-registration-outlives-tandem", a_registration_outlives_tandem},
        {"a-removed-account-has-no-registrations", a_removed_account_has_no_registrations},
        {"a-registration-with-an-account-that-is-no-more-is-nothing",
         a_registration_with_an_account_that_is_no_more_is_nothing},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/xmpp/people/", tests[i].claim, NULL);

        g_test_add_func(path, tests[i].fn);
    }
}
