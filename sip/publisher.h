/** PUBLISH: what a phone says of its account's presence (RFC 3903). Thread: SIP.
 *  Owner: stack.published, each until it expires; nothing survives a restart: a refresh then gets
 * 412 and the phone publishes anew (RFC 3903 4.4). */
#pragma once

#include "sip/stack.h"

/** Answers @p irq; returns the status for nta's request callback. */
int publisher_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip);
void publications_expire(struct stack *s, uint64_t now_us);
/** @p account is gone. */
void publications_drop(struct stack *s, const char *account);
