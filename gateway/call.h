/** One call: leg A placed it; branches ring; the one that answers becomes leg B. Private to
 * gateway/ (call*.c, gateway.c). Thread: call thread. Owner: the gateway's call table, from
 * call_new() until every leg is gone. */
#pragma once

#include "base/clock.h"
#include "gateway/adapter.h"
#include "gateway/call_fsm.h"
#include "gateway/offer_fsm.h"
#include "gateway/route.h"
#include "media/media.h"

#include <glib.h>

/** What a call knows of one side. */
struct party {
    struct call *call;
    struct leg *leg;       /* owned until LEG_GONE; NULL before dial and after */
    const char *kind;      /* the leg's ops->name, for when it is gone */
    struct media_id media; /* {0}: no media of its own (the caller's comes back to it) */
    struct desc_profile profile;
    struct desc *local;  /* what we last told it; owned */
    struct desc *remote; /* what it last told us; owned */
    enum offer_state pen;
    bool ended; /* it has been told to hang up, or said that it did */
};

struct branch {
    struct party party; /* first: a party of a branch is its branch */
    struct endpoint endpoint;
    unsigned profile;      /* index into endpoint.profile */
    char address[192];     /* whose endpoint it is */
    struct stream_map map; /* streams of the caller -> streams of this leg */
    bool failed;           /* no longer waited for */
};

struct call {
    uint64_t id;
    struct gateway *gw;
    enum call_state state; /* written by call_feed() alone */
    struct end_reason end; /* the first cause wins */
    struct party a;
    struct desc
        *source;    /* what branches are offered: A's offer, or our own when it made none; owned */
    bool a_offered; /* A made the offer; else ours goes out in the answer */
    bool a_offer_follows;      /* or A makes it once it is answered */
    GPtrArray *branches;       /* of struct branch, owned */
    struct branch *b;          /* the one that answered */
    struct branch *early;      /* the one whose early media A hears */
    struct end_reason refusal; /* the best reason any branch has given so far */
    struct route_plan plan;
    unsigned next_target; /* serial routes */
    struct timer *ring_timer;
    struct reoffer {           /* a mid-call offer on its way across */
        struct party *from;    /* NULL: none */
        struct desc *offer;    /* owned */
        struct stream_map map; /* streams of from -> streams of the other side's pending offer */
        struct desc *sent;     /* what we offered the other side; owned */
    } reoffer;
    char account[192];            /* authenticated caller, "" */
    const struct adapter *origin; /* the endpoint that calls (gateway/adapter.h) */
    uint64_t origin_id;
    char from[192], from_display[96], to[192];
    uint64_t started_us, answered_us;
};

struct call *call_new(struct gateway *gw, const struct incoming *in);
void call_free(struct call *c); /* every leg is gone */
/** Route and ring; refusals go the same way as every other end. */
void call_start(struct call *c, const struct incoming *in);
/** The one place where call.state changes. @p who: the branch the event is about, or NULL. */
void call_feed(struct call *c, enum call_event ev, struct branch *who);
/** End the call from outside (operator, drain). */
void call_end(struct call *c, enum end_cause cause);
void call_leg_event(struct call *c, struct leg *leg, const struct leg_event *ev);
void call_media_event(struct call *c, struct party *p, const struct media_event *ev);

/* call_dial.c: branches */
bool call_dial_next(struct call *c); /* false: nobody left to ring */
void branch_event(struct branch *b, const struct leg_event *ev);
void branch_fail(struct branch *b, const struct end_reason *why);
void branches_hangup(struct call *c, const struct branch *but, enum end_cause cause);

/* call_join.c: descriptions and media of the first offer/answer */
bool call_connect(struct call *c); /* false: END_* has been set */
void call_early(struct call *c, struct branch *b);
void call_join_media(struct call *c);
void call_caller_answer(struct call *c, struct desc *answer);

/* call_offer.c: later offers */
void call_offer_event(struct call *c, struct party *p, const struct leg_event *ev);

/* shared by the above */
void party_hangup(struct party *p, const struct end_reason *why);
struct party *party_far(struct party *p); /* the other side of a connected call, or NULL */
void party_open_media(struct party *p, const struct desc_profile *profile);
void party_close_media(struct party *p);
void party_set_remote(struct party *p, struct desc *d, bool is_offer); /* takes @p d */
/** The first cause wins. */
void call_set_end(struct call *c, const struct end_reason *why, enum end_side side);

/* gateway.c */
struct media *gateway_media(struct gateway *gw);
void gateway_watch_media(struct gateway *gw, struct media_id id,
                         struct party *p);                   /* NULL: forget */
void gateway_call_ended(struct gateway *gw, struct call *c); /* all legs gone: frees it soon */
unsigned gateway_calls_of(struct gateway *gw, const char *address);
void gateway_call_count(struct gateway *gw, const char *address, int by);
void gateway_call_answered(struct gateway *gw);

/* echo.c */
struct adapter *echo_adapter_new(struct gateway *gw);
/** What echo would answer to @p offer: the same streams the other way round. Caller frees. */
struct desc *echo_mirror(const struct desc *offer);
