/** leg_ops over one SIP dialog. Thread: call. Owner: the call, once handed over. */
#pragma once

#include "gateway/leg.h"
#include "sip/stack.h"

struct sipleg { /* base first */
    struct leg base;
    uint64_t id; /* the dialog's */
    struct stack *stack;
    GHashTable *legs; /* the adapter's id -> leg, left at LEG_GONE */
    bool hung_up;
    uint64_t session_id, session_version; /* our o= line */
    char *sdp;                            /* the last description said */
};

struct sipleg *sipleg_new(struct stack *stack, GHashTable *legs, uint64_t id);
/** Description as text with this leg's origin; the version grows when it differs from the last. */
char *sipleg_sdp(struct sipleg *leg, const struct desc *desc);
/** Pass an event of the SIP thread on. */
void sipleg_event(struct sipleg *leg, const struct leg_event *ev);
