/** A gateway with scripted legs, no media and a clock turned by hand. Accounts alice, bob, carol
 * and dave; bob has one device, carol three, the others none. */
#pragma once

#include "gateway/gateway.h"
#include "tests/fakes/leg.h"

struct bench {
    struct config config;
    struct account account[4];
    struct store *store;
    struct accounts *accounts;
    struct gateway *gw;
    struct adapter *ad;
    char *dir;
};

void bench_up(struct bench *b);
/** Every test ends with no call, no media leg and no timer left. */
void bench_down(struct bench *b);
/** What bench_down() does after the gateway has been freed. */
void bench_clear(struct bench *b);
/** A call by @p account (NULL: a stranger). Takes @p offer. */
struct fake_leg *place(struct bench *b, const char *account, const char *to, struct desc *offer);
struct fake_leg *alice_calls(struct bench *b, const char *to);
/** Alice dials 100, a route that rings bob for ten seconds and then carol. */
struct fake_leg *alice_calls_team(struct bench *b);
/** What a peer would answer to what it was offered: the same streams, its own transport. */
struct desc *answer_to(const struct desc *offer);
void answers(struct fake_leg *l);
/** Alice calls bob, who answers. */
void talk(struct bench *b, struct fake_leg **a, struct fake_leg **bob);

#define SAID(l, text) g_assert_cmpstr((l)->said->str, ==, text)
