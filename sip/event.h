/** What SUBSCRIBE and PUBLISH have in common (RFC 6665, 3903). Thread: SIP. */
#pragma once

#include "sip/stack.h"

enum { EVENT_EXPIRES_MAX_S = 3600 };

extern const char event_names[]; /* for Allow-Events */

bool event_fits(const sip_t *sip);
/** 489; returns it. */
int event_refuse(struct stack *s, nta_incoming_t *irq);
/** How long it wants to last, 0 included. 0, or the status of the refusal already sent. */
int event_expires(struct stack *s, nta_incoming_t *irq, const sip_t *sip, uint32_t *out);
