#include "tests/fakes/bench.h"

#include "tests/fakes/clock.h"
#include "tests/fakes/media.h"

#include <stdio.h>

static void bench_account(struct bench *b, unsigned i, const char *user)
{
    struct account *a = &b->account[i];

    memset(a, 0, sizeof(*a));
    g_snprintf(a->address, sizeof(a->address), "%s@example.org", user);
    g_strlcpy(a->user, user, sizeof(a->user));
    a->from_config = true;
}

void bench_up(struct bench *b)
{
    g_autofree char *db = NULL;

    memset(b, 0, sizeof(*b));
    b->dir = g_dir_make_tmp("tandem-call-XXXXXX", NULL);
    db = g_build_filename(b->dir, "tandem.db", NULL);
    b->config.domain = g_strdup("example.org");
    b->config.calls_max = 10;
    b->config.account_calls_max = 3;
    b->config.ring_s = 30;
    bench_account(b, 0, "alice");
    bench_account(b, 1, "bob");
    bench_account(b, 2, "carol");
    bench_account(b, 3, "dave");
    b->config.naccounts = 4;
    b->config.account = b->account;
    b->store = store_open(db);
    g_assert_nonnull(b->store);
    b->accounts = accounts_new(&b->config, b->store);
    b->gw = gateway_new(&b->config, b->accounts, b->store);
    g_assert_nonnull(b->gw);
    b->ad = fake_adapter_new();
    gateway_add_adapter(b->gw, b->ad);
    fake_adapter_address(b->ad, "bob@example.org", 1, &desc_profile_webrtc, 1);
    fake_adapter_address(b->ad, "carol@example.org", 3, &desc_profile_webrtc, 1);
}

static void bench_remove_dir(const char *path)
{
    GDir *d = g_dir_open(path, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        (void)remove(file);
    }
    if (d)
        g_dir_close(d);
    (void)remove(path);
}

void bench_down(struct bench *b)
{
    struct gateway_stats stats;

    while (fake_adapter_settle(b->ad) || g_main_context_iteration(NULL, FALSE))
        ;
    gateway_stats(b->gw, &stats);
    g_assert_cmpuint(stats.calls_now, ==, 0);
    g_assert_cmpuint(fake_media.open, ==, 0);
    g_assert_cmpuint(fake_clock_timers(), ==, 0);
    gateway_free(b->gw);
    bench_clear(b);
}

void bench_clear(struct bench *b)
{
    accounts_free(b->accounts);
    store_close(b->store);
    bench_remove_dir(b->dir);
    g_free(b->dir);
    g_free(b->config.domain);
}

struct fake_leg *place(struct bench *b, const char *account, const char *to, struct desc *offer)
{
    struct fake_leg *l = fake_leg_new(b->ad);
    struct incoming in = {.leg = &l->leg,
                          .account = account,
                          .from = account,
                          .to = to,
                          .offer = offer,
                          .profile = desc_profile_plain,
                          .source = "test"};

    gateway_incoming(b->gw, &in);
    return l;
}

struct fake_leg *alice_calls(struct bench *b, const char *to)
{
    return place(b, "alice@example.org", to, negotiate_default_offer(false));
}

struct fake_leg *alice_calls_team(struct bench *b)
{
    static char bob[] = "bob", carol[] = "carol", team[] = "team", number[] = "100";
    static char *targets[] = {bob, carol, NULL};
    static struct config_route route = {.name = team,
                                        .match = ROUTE_EXACT,
                                        .ring_s = 10,
                                        .serial = true,
                                        .pattern = number,
                                        .targets = targets};

    b->config.nroutes = 1;
    b->config.route = &route;
    return alice_calls(b, number);
}

struct desc *answer_to(const struct desc *offer)
{
    struct desc *d = desc_copy(offer);

    for (unsigned i = 0; i < d->nstreams; i++)
        d->stream[i].direction = desc_direction_reverse(d->stream[i].direction);
    return d;
}

void answers(struct fake_leg *l)
{
    fake_leg_report(l, LEG_ANSWERED, answer_to(l->last));
}

void talk(struct bench *b, struct fake_leg **a, struct fake_leg **bob)
{
    *a = alice_calls(b, "bob");
    *bob = fake_adapter_leg(b->ad, 0);
    answers(*bob);
    SAID(*a, "answer");
    g_assert_cmpuint(fake_media.joins, ==, 1);
}
