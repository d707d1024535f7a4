#include "tests/fakes/xmpp_world.h"

#include "xmpp/adapter.h"

#include <string.h>

struct world world;

static char the_sid[64], our_jid[128], last_to[128], last_from[128], last_id[32];
static unsigned last_number;
static char *last_said;

/* ---- life ---- */

static void start(void)
{
    static char component[] = COMPONENT, allowed[] = "jabber.example";
    static char *allow[] = {allowed, NULL};

    world.b.config.xmpp_component = component;
    world.b.config.xmpp_allow = allow;
    world.xmpp = xmpp_adapter_start(world.b.gw);
    g_assert_nonnull(world.xmpp);
    gateway_add_adapter(world.b.gw, world.xmpp);
}

void world_up(void)
{
    struct account dora = {.display = "Dora", .jid = DORA};

    bench_up(&world.b);
    g_assert_true(account_set_address(&dora, "dora", "example.org"));
    account_default_profiles(&dora);
    account_set_password(&dora, "example.org", DORA_PASSWORD);
    g_assert_cmpint(accounts_put(world.b.accounts, &dora), ==, GW_OK);
    start();
    fake_conn_up();
    (void)g_strlcpy(the_sid, "s1", sizeof(the_sid));
    (void)g_strlcpy(our_jid, OURS, sizeof(our_jid));
}

void world_restart(void)
{
    struct bench *b = &world.b;
    g_autofree char *db = g_build_filename(b->dir, "tandem.db", NULL);

    gateway_free(b->gw);
    accounts_free(b->accounts);
    store_close(b->store);
    b->store = store_open(db);
    b->accounts = accounts_new(&b->config, b->store);
    b->gw = gateway_new(&b->config, b->accounts, b->store);
    b->ad = fake_adapter_new();
    gateway_add_adapter(b->gw, b->ad);
    fake_adapter_address(b->ad, "bob@example.org", 1, &desc_profile_webrtc, 1);
    start();
}

void wait_us(uint64_t us)
{
    fake_clock_advance(us);
    while (fake_adapter_settle(world.b.ad) || g_main_context_iteration(NULL, FALSE))
        ;
}

void turn(void)
{
    wait_us(0);
}

static void end_one(const struct call_info *info, void *arg)
{
    (void)arg;
    (void)gateway_hangup(world.b.gw, info->id);
}

void end_all(void)
{
    gateway_each_call(world.b.gw, end_one, NULL);
}

unsigned calls(void)
{
    struct gateway_stats stats;

    gateway_stats(world.b.gw, &stats);
    return stats.calls_now;
}

void world_down(void)
{
    turn();
    turn();
    quiet();
    g_assert_cmpuint(calls(), ==, 0);
    g_assert_cmpuint(fake_media.open, ==, 0);
    gateway_free(world.b.gw);
    g_assert_cmpuint(fake_clock_timers(), ==, 0);
    bench_clear(&world.b);
    g_clear_pointer(&last_said, g_free);
}

/* ---- in ---- */

void hears(const char *fmt, ...)
{
    g_autofree char *xml = NULL;
    va_list args;

    va_start(args, fmt);
    xml = g_strdup_vprintf(fmt, args);
    va_end(args);
    fake_conn_hear(xml);
}

void message(const char *from, const char *to, const char *verb, const char *id, const char *inner)
{
    hears("<message type='chat' from='%s' to='%s' id='jm-%s-%s'><%s "
          "xmlns='urn:xmpp:jingle-message:0' id='%s'>%s</%s><store xmlns='urn:xmpp:hints'/>"
          "</message>",
          from, to, verb, id, verb, id, inner, verb);
}

void jingle(const char *from, const char *to, const char *action, const char *id, const char *inner)
{
    (void)g_strlcpy(last_from, from, sizeof(last_from));
    (void)g_strlcpy(last_to, to, sizeof(last_to));
    last_number++;
    hears("<iq type='set' from='%s' to='%s' id='j%u'><jingle xmlns='urn:xmpp:jingle:1' "
          "action='%s' sid='%s'>%s</jingle></iq>",
          from, to, last_number, action, id, inner);
}

void ana(const char *action, const char *inner)
{
    jingle(PHONE, our_jid, action, the_sid, inner);
}

void they_answer(const char *from, bool ok)
{
    hears("<iq type='%s' from='%s' to='%s' id='%s'/>", ok ? "result" : "error", from, our_jid,
          last_id);
}

void they_refuse(const char *from, const char *condition, const char *extra)
{
    hears("<iq type='error' from='%s' to='%s' id='%s'><error type='cancel'><%s "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>%s</error></iq>",
          from, our_jid, last_id, condition, extra);
}

/* ---- out ---- */

const char *said(void)
{
    return last_said;
}

char *said_attr(const char *after, const char *name)
{
    const char *from = strstr(last_said, after);
    g_autofree char *start_of = g_strconcat(" ", name, "='", NULL);

    from = from ? strstr(from, start_of) : NULL;
    if (!from)
        return NULL;
    from += strlen(start_of);
    return g_strndup(from, strcspn(from, "'"));
}

void says(const char *pattern)
{
    g_free(last_said);
    last_said = g_queue_pop_head(&fake_conn.sent);
    if (!last_said)
        g_error("nothing was said, not %s", pattern);
    if (!g_pattern_match_simple(pattern, last_said))
        g_error("\n    said     %s\n    where it should %s", last_said, pattern);
    if (g_str_has_prefix(last_said, "<iq type='set'")) {
        g_autofree char *id = said_attr("<iq", "id");

        (void)g_strlcpy(last_id, id, sizeof(last_id));
    }
}

void quiet(void)
{
    g_assert_cmpstr(g_queue_peek_head(&fake_conn.sent), ==, NULL);
}

void hush(void)
{
    g_queue_clear_full(&fake_conn.sent, g_free);
}

void result(void)
{
    g_autofree char *want = g_strdup_printf("<iq type='result' from='%s' to='%s' id='j%u'></iq>",
                                            last_to, last_from, last_number);

    says(want);
}

void refused(const char *condition, const char *extra)
{
    g_autofree char *tail =
        *extra ? g_strdup_printf("<%s xmlns='urn:xmpp:jingle:errors:1'/>*", extra) : g_strdup("*");
    g_autofree char *want =
        g_strdup_printf("<iq type='error' from='%s' to='%s' id='j%u'><error type='*'><%s "
                        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>%s",
                        last_to, last_from, last_number, condition, tail);

    says(want);
}

void says_message(const char *verb, const char *to, const char *id)
{
    g_autofree char *want = g_strdup_printf(
        "<message type='chat' from='%s' to='%s' id='jm-%s-%s'><%s "
        "xmlns='urn:xmpp:jingle-message:0' id='%s'>*</%s><store xmlns='urn:xmpp:hints'/></message>",
        our_jid, to, verb, id, verb, id, verb);

    says(want);
}

void says_jingle(const char *action, const char *to, const char *inner)
{
    g_autofree char *want =
        g_strdup_printf("<iq type='set' from='%s' to='%s' id='*'><jingle "
                        "xmlns='urn:xmpp:jingle:1' action='%s' sid='%s'%s</jingle></iq>",
                        our_jid, to, action, the_sid, inner);

    says(want);
}

/* ---- stories ---- */

const char *sid(void)
{
    return the_sid;
}

const char *ours(void)
{
    return our_jid;
}

struct fake_leg *bob(unsigned n)
{
    return fake_adapter_leg(world.b.ad, n);
}

struct fake_leg *ana_proposes(void)
{
    message(PHONE, BOB, "propose", "s1", VOICE);
    quiet();
    return bob(fake_adapter_legs(world.b.ad) - 1);
}

struct fake_leg *ana_proceeds(void)
{
    struct fake_leg *l = ana_proposes();

    answers(l);
    says_message("proceed", PHONE, "s1");
    quiet();
    return l;
}

struct fake_leg *ana_talks(void)
{
    struct fake_leg *l = ana_proceeds();

    ana("session-initiate", AUDIO("0", "her1"));
    result();
    says_jingle("session-accept", PHONE, "*ufrag='to-her1'*");
    they_answer(PHONE, true);
    quiet();
    return l;
}

struct fake_leg *ana_initiates(void)
{
    ana("session-initiate", AUDIO("0", "her1"));
    result();
    return bob(fake_adapter_legs(world.b.ad) - 1);
}

struct fake_leg *alice_proposes(void)
{
    struct fake_leg *l = alice_calls(&world.b, ANA);
    g_autofree char *id = NULL;

    says("<message type='chat' from='" ALICE "/tandem' to='" ANA "' id='jm-propose-*'><propose *");
    id = said_attr("<propose", "id");
    (void)g_strlcpy(the_sid, id, sizeof(the_sid));
    (void)g_strlcpy(our_jid, ALICE "/tandem", sizeof(our_jid));
    quiet();
    return l;
}

struct fake_leg *alice_initiates(void)
{
    struct fake_leg *l = alice_proposes();

    message(PHONE, our_jid, "proceed", the_sid, "");
    says_jingle("session-initiate", PHONE, "*");
    they_answer(PHONE, true);
    quiet();
    return l;
}

struct fake_leg *alice_talks(void)
{
    struct fake_leg *l = alice_initiates();

    ana("session-accept", AUDIO("0", "her1"));
    result();
    SAID(l, "answer");
    quiet();
    return l;
}
