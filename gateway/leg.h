/** One endpoint's side of a call, as the call sees it: what may be asked of it (leg_ops) and what
 * it reports (leg_report). Reading gateway/call.c never reveals which protocols exist. Thread: call
 * thread, all of it. Nothing here blocks. Owner: an adapter makes a leg (embedding struct leg) and
 * hands it over with gateway_incoming() or as result of dial(); from then on the call owns it and
 * frees it with ops->free() after LEG_GONE. LEG_GONE is the last event of a leg, exactly once: by
 * then the adapter has let go of its dialog, session or socket, and no library holds a pointer to
 * the leg. */
#pragma once

#include "base/err.h"
#include "gateway/reason.h"
#include "media/desc.h"

struct leg;

/** What a call may ask of one side. Descriptions are borrowed and complete (streams and our
 * transports). */
struct leg_ops {
    const char *name; /* "sip", "web", "jingle", "echo": label in logs and metrics */
    /** To the leg that placed the call: it rings (@p early NULL), or there is early media (answer
     * that may still change). May be called again. */
    void (*progress)(struct leg *leg, bool ringing, const struct desc *early);
    /** To the leg that placed the call: the call was answered. @p desc answers its offer, or is our
     * offer if it made none; then LEG_ANSWER follows. NULL where the leg said that its offer
     * follows (incoming.offer_follows): now it may come, as LEG_OFFER. */
    void (*answer)(struct leg *leg, const struct desc *desc);
    /** It cannot take a no to one stream of its first offer (XEP-0166 6.5 as clients read it): what
     * the far side refused is accepted all the same, received and dropped. */
    bool takes_all;
    /** Mid-call offer of ours (hold, new stream, restart); LEG_ANSWER or LEG_REFUSED follows. NULL:
     * this kind cannot. */
    void (*offer)(struct leg *leg, const struct desc *offer);
    /** Answer to a LEG_OFFER; NULL @p answer refuses it (488), @p glare says "both at once, try
     * again" (491). */
    void (*respond)(struct leg *leg, const struct desc *answer, bool glare);
    /** A local candidate found late, for the transport of stream @p stream; @p c NULL: no more.
     * NULL op: cannot trickle. */
    void (*candidate)(struct leg *leg, unsigned stream, const struct desc_candidate *c);
    /** A digit the far side dialled, for a leg that cannot hear RFC 4733 in its media; NULL: it
     * can. */
    void (*dtmf)(struct leg *leg, char digit, unsigned duration_ms);
    /** A key frame is wanted from this side and its media has no feedback (SIP INFO); may be NULL.
     */
    void (*keyframe)(struct leg *leg);
    /** End this side, in whatever state, with this cause in its own words. Idempotent; LEG_GONE
     * follows (never from within the call to hangup()). */
    void (*hangup)(struct leg *leg, const struct end_reason *why);
    /** Legal only after LEG_GONE. */
    void (*free)(struct leg *leg);
};

struct call;

/** Embedded as first member by adapters. */
struct leg {
    const struct leg_ops *ops;
    struct call *call; /* set by the gateway; NULL before */
    uint64_t call_id;  /* for log lines and protocols */
};

enum leg_event_type {
    LEG_PROGRESS,  /* dialled leg: it rings, or sends early media */
    LEG_ANSWERED,  /* dialled leg: picked up; desc answers our offer */
    LEG_OFFER,     /* mid-call offer by the peer; answer with ops->respond() */
    LEG_ANSWER,    /* the peer's answer to ops->offer(), or to the offer in ops->answer() */
    LEG_REFUSED,   /* the peer refused ops->offer(): why.cause, glare when both offered at once */
    LEG_CANDIDATE, /* trickled by the peer */
    LEG_DTMF,      /* digit signalled outside the media (INFO, JSON) */
    LEG_KEYFRAME,  /* key frame request signalled outside the media */
    LEG_ENDED, /* this side hung up, refused, failed or vanished; ops->hangup() is still called and
                  LEG_GONE follows */
    LEG_GONE
};

struct leg_event {
    enum leg_event_type type;
    struct desc
        *desc;    /* LEG_PROGRESS (or NULL), LEG_ANSWERED, LEG_OFFER, LEG_ANSWER: now the call's */
    bool ringing; /* LEG_PROGRESS: alerting (180) and not just early media (183) */
    bool glare;   /* LEG_REFUSED */
    unsigned stream;                        /* LEG_CANDIDATE */
    const struct desc_candidate *candidate; /* LEG_CANDIDATE, borrowed; NULL: end of candidates */
    char digit;                             /* LEG_DTMF */
    unsigned duration_ms;
    struct end_reason why; /* LEG_ENDED, LEG_REFUSED */
};

/** The one way from a leg to its call. The call may call back into leg->ops before this returns
 * (not hangup's LEG_GONE); an adapter never reports from within leg_ops or dial(), but later, from
 * the main loop. Do not touch the leg after LEG_GONE. */
void leg_report(struct leg *leg, const struct leg_event *ev);
