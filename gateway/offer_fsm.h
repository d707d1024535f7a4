/** Who holds the pen on one leg (RFC 3264 4, RFC 3261 14.1): one offer at a time, and what happens
 * when both sides offer at once. Pure; any thread. */
#pragma once

enum offer_state {
    OFFER_STABLE,
    OFFER_OURS,   /* we offered, the peer owes an answer */
    OFFER_THEIRS, /* the peer offered, we owe an answer */
    OFFER_STATES
};

enum offer_event {
    OFFER_EV_WANT,    /* we want to offer */
    OFFER_EV_PEER,    /* the peer's offer came */
    OFFER_EV_ANSWER,  /* the peer answered ours */
    OFFER_EV_REFUSED, /* the peer refused ours */
    OFFER_EV_REPLIED, /* we answered or refused theirs */
    OFFER_EVENTS
};

enum offer_action {
    OFFER_DO_SEND = 1 << 0, /* send our offer now */
    OFFER_DO_GLARE =
        1 << 1, /* two offers at once: the one that came second must be tried again later (491) */
    OFFER_DO_TAKE = 1 << 2 /* act on what came */
};

struct offer_step {
    enum offer_state next;
    unsigned actions;
    unsigned known; /* 0: the event makes no sense in this state; nothing changes */
};

struct offer_step offer_fsm(enum offer_state state, enum offer_event event);
