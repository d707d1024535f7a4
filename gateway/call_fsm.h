/** A call's life as a table: (state, event) -> (state, actions). Pure; the effects are in call.c.
 * Any thread. */
#pragma once

enum call_state {
    CALL_NEW,      /* being routed */
    CALL_DIALLING, /* targets asked, none rings yet */
    CALL_RINGING,
    CALL_EARLY, /* a target sends early media */
    CALL_TALKING,
    CALL_ENDING, /* every leg has been told to hang up */
    CALL_STATES
};

enum call_event {
    EV_DIAL,      /* targets are being rung */
    EV_RINGS,     /* a target rings */
    EV_EARLY,     /* a target sends early media */
    EV_ANSWERS,   /* a target picked up */
    EV_EXHAUSTED, /* no target is left to wait for */
    EV_ENDS,      /* a side in the conversation, the operator, media or a limit ends the call */
    EV_TIMES_OUT, /* rung long enough */
    EV_ALL_GONE,  /* no leg is left */
    CALL_EVENTS
};

enum call_action {
    DO_START_RING = 1 << 0,  /* start the ring timer */
    DO_PROGRESS_A = 1 << 1,  /* tell the caller it rings */
    DO_EARLY_A = 1 << 2,     /* give the caller early media */
    DO_CONNECT = 1 << 3,     /* answer the caller, join media, cancel the other targets */
    DO_HANGUP_LATE = 1 << 4, /* end the target that answered too late */
    DO_HANGUP_ALL = 1 << 5,  /* stop the timer, end every leg, stop media */
    DO_FREE = 1 << 6
};

struct call_step {
    enum call_state next;
    unsigned actions; /* of enum call_action; 0 with known == 0: the event makes no sense here */
    unsigned known;
};

struct call_step call_fsm(enum call_state state, enum call_event event);
const char *call_state_name(enum call_state state);
const char *call_event_name(enum call_event event);
