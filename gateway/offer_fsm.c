#include "gateway/offer_fsm.h"

#define GO(state, actions)                                                                         \
    {                                                                                              \
        state, actions, 1                                                                          \
    }

// clang-format off
static const struct offer_step table[OFFER_STATES][OFFER_EVENTS] = {
    [OFFER_STABLE][OFFER_EV_WANT]    = GO(OFFER_OURS, OFFER_DO_SEND),
    [OFFER_STABLE][OFFER_EV_PEER]    = GO(OFFER_THEIRS, OFFER_DO_TAKE),

    [OFFER_OURS][OFFER_EV_WANT]      = GO(OFFER_OURS, OFFER_DO_GLARE),
    [OFFER_OURS][OFFER_EV_PEER]      = GO(OFFER_OURS, OFFER_DO_GLARE),
    [OFFER_OURS][OFFER_EV_ANSWER]    = GO(OFFER_STABLE, OFFER_DO_TAKE),
    [OFFER_OURS][OFFER_EV_REFUSED]   = GO(OFFER_STABLE, OFFER_DO_TAKE),

    [OFFER_THEIRS][OFFER_EV_WANT]    = GO(OFFER_THEIRS, OFFER_DO_GLARE),
    [OFFER_THEIRS][OFFER_EV_PEER]    = GO(OFFER_THEIRS, OFFER_DO_GLARE),
    [OFFER_THEIRS][OFFER_EV_REPLIED] = GO(OFFER_STABLE, 0),
};
// clang-format on

struct offer_step offer_fsm(enum offer_state state, enum offer_event event)
{
    struct offer_step step = {state, 0, 0};

    if (state < OFFER_STATES && event < OFFER_EVENTS && table[state][event].known)
        step = table[state][event];
    return step;
}
