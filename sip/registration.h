/** REGISTER requests: from a SIP message to the registrar's rules and back (RFC 3261 10.3).
 *  Thread: SIP. */
#pragma once

#include "sip/hop.h"

/** Answers @p irq; returns the status for nta's request callback. */
int registration_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip);
/** The URI of a Contact as it is written, and its instance (NULL when absent); g_free both. False:
 * not one to register. */
bool contact_read(const sip_contact_t *m, char **uri, char **instance);
