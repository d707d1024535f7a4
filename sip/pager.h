/** MESSAGE both ways: page-mode messages (RFC 3428), each a transaction of its own. Thread: SIP.
 *  Owner: stack.pages, until the answer has gone out or come in. */
#pragma once

#include "sip/stack.h"

struct page;

/** A MESSAGE came for @p to; returns the status for nta's request callback, 0 when the gateway was
 * told. */
int pager_received(struct stack *s, nta_incoming_t *irq, const sip_t *sip, const url_t *to);
/** SIPCMD_MESSAGE_DONE: answer it. */
void pager_answer(struct stack *s, uint64_t id, enum end_cause cause);
/** SIPCMD_MESSAGE: send one; SIPEV_MESSAGE_RESULT follows. */
void pager_send(struct stack *s, const struct sipcmd *cmd);
void page_free(void *page);
