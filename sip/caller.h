/** Who sent a request that is not about himself, and whom it is for: what INVITE, MESSAGE and
 * SUBSCRIBE have in common before they part. Thread: SIP. */
#pragma once

#include "sip/hop.h"
#include "sip/uri.h"

struct caller {
    struct stack *stack;
    const char *method;            /* for logs */
    struct hop hop;                /* hop_clear() it */
    const struct account *account; /* authenticated, or NULL; borrowed while the request is read */
    char from[ADDRESS_MAX], display[DISPLAY_MAX], to[ADDRESS_MAX];
};

/** Answer and log; returns @p status. */
int caller_refuse(const struct caller *c, nta_incoming_t *irq, int status, const char *phrase);
/** Sets to. False: nobody can have this address. */
bool caller_dials(struct caller *c, const url_t *to);
/** Sets from, display and account. 0, or the status of the refusal or challenge already sent. */
int caller_check(struct caller *c, nta_incoming_t *irq, const sip_t *sip);
