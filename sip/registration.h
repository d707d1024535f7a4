/** REGISTER requests: from a SIP message to the registrar's rules and back (RFC 3261 10.3).
 *  Thread: SIP. */
#pragma once

#include "sip/hop.h"

/** Answers @p irq; returns the status for nta's request callback. */
int registration_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip);
