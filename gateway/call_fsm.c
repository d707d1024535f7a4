#include "gateway/call_fsm.h"

#include <glib.h>

#define GO(state, actions)                                                                         \
    {                                                                                              \
        state, actions, 1                                                                          \
    }

// clang-format off
static const struct call_step table[CALL_STATES][CALL_EVENTS] = {
    [CALL_NEW][EV_DIAL]          = GO(CALL_DIALLING, DO_START_RING),
    [CALL_NEW][EV_EXHAUSTED]     = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_NEW][EV_ENDS]          = GO(CALL_ENDING, DO_HANGUP_ALL),

    [CALL_DIALLING][EV_DIAL]     = GO(CALL_DIALLING, DO_START_RING), /* the next target of a serial route */
    [CALL_DIALLING][EV_RINGS]    = GO(CALL_RINGING, DO_PROGRESS_A),
    [CALL_DIALLING][EV_EARLY]    = GO(CALL_EARLY, DO_EARLY_A),
    [CALL_DIALLING][EV_ANSWERS]  = GO(CALL_TALKING, DO_CONNECT),
    [CALL_DIALLING][EV_EXHAUSTED] = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_DIALLING][EV_ENDS]     = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_DIALLING][EV_TIMES_OUT] = GO(CALL_ENDING, DO_HANGUP_ALL),

    [CALL_RINGING][EV_DIAL]      = GO(CALL_RINGING, DO_START_RING),
    [CALL_RINGING][EV_RINGS]     = GO(CALL_RINGING, 0), /* 180 may repeat, and more targets may ring */
    [CALL_RINGING][EV_EARLY]     = GO(CALL_EARLY, DO_EARLY_A),
    [CALL_RINGING][EV_ANSWERS]   = GO(CALL_TALKING, DO_CONNECT),
    [CALL_RINGING][EV_EXHAUSTED] = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_RINGING][EV_ENDS]      = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_RINGING][EV_TIMES_OUT] = GO(CALL_ENDING, DO_HANGUP_ALL),

    [CALL_EARLY][EV_DIAL]        = GO(CALL_EARLY, DO_START_RING),
    [CALL_EARLY][EV_RINGS]       = GO(CALL_EARLY, 0),
    [CALL_EARLY][EV_EARLY]       = GO(CALL_EARLY, DO_EARLY_A),
    [CALL_EARLY][EV_ANSWERS]     = GO(CALL_TALKING, DO_CONNECT),
    [CALL_EARLY][EV_EXHAUSTED]   = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_EARLY][EV_ENDS]        = GO(CALL_ENDING, DO_HANGUP_ALL),
    [CALL_EARLY][EV_TIMES_OUT]   = GO(CALL_ENDING, DO_HANGUP_ALL),

    [CALL_TALKING][EV_RINGS]     = GO(CALL_TALKING, 0), /* a target that has not heard of the answer yet */
    [CALL_TALKING][EV_EARLY]     = GO(CALL_TALKING, 0),
    [CALL_TALKING][EV_ANSWERS]   = GO(CALL_TALKING, DO_HANGUP_LATE),
    [CALL_TALKING][EV_ENDS]      = GO(CALL_ENDING, DO_HANGUP_ALL),

    [CALL_ENDING][EV_RINGS]      = GO(CALL_ENDING, 0),
    [CALL_ENDING][EV_EARLY]      = GO(CALL_ENDING, 0),
    [CALL_ENDING][EV_ANSWERS]    = GO(CALL_ENDING, DO_HANGUP_LATE), /* 200 crossed CANCEL: ACK, BYE */
    [CALL_ENDING][EV_EXHAUSTED]  = GO(CALL_ENDING, 0),
    [CALL_ENDING][EV_ENDS]       = GO(CALL_ENDING, 0), /* both hang up at once */
    [CALL_ENDING][EV_ALL_GONE]   = GO(CALL_ENDING, DO_FREE),
}; /* an empty cell is a mistake of a peer or of ours: state kept, logged */
// clang-format on

struct call_step call_fsm(enum call_state state, enum call_event event)
{
    struct call_step step = {state, 0, 0};

    if (state < CALL_STATES && event < CALL_EVENTS && table[state][event].known)
        step = table[state][event];
    return step;
}

const char *call_state_name(enum call_state state)
{
    static const char *const names[CALL_STATES] = {"new",   "dialling", "ringing",
                                                   "early", "talking",  "ending"};

    return state < CALL_STATES ? names[state] : "?";
}

const char *call_event_name(enum call_event event)
{
    static const char *const names[CALL_EVENTS] = {"dial",      "rings", "early",     "answers",
                                                   "exhausted", "ends",  "times-out", "all-gone"};

    return event < CALL_EVENTS ? names[event] : "?";
}
