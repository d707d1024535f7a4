/** Messages from one address to another, in whatever dialect each side speaks (RFC 3428, 7572).
 * They are routed and authorised as calls are, every endpoint of the address but the sending one
 * gets a copy, and the sender hears once whether any took it. Nothing is kept: who is not there
 * does not get it. Texts never reach the log.
 *  Thread: call thread. Owner: the gateway keeps a copy of what it is given. */
#pragma once

#include "gateway/adapter.h"

enum { MESSAGE_TEXT_MAX = 16 * 1024 }; /* octets; adapters refuse more in their own words */

struct message {                     /* all borrowed */
    const char *account;             /* authenticated sender, or NULL */
    const char *from, *from_display; /* as they shall be shown; for accounts from = account.
                                        The name may be NULL */
    const char *to;   /* as typed; what adapters are given is the address where it is known */
    const char *text; /* UTF-8, not empty. What adapters are given has no control characters but
                         tab, LF and CR */
    const char *id;   /* the sender's own, or NULL */
    const struct adapter *origin; /* the endpoint that sends: it gets no copy. NULL: not known */
    uint64_t origin_id;
};

/** Send it on. @p from's message_done() hears of it with this @p ref exactly once, from the main
 * loop, never from within; not any more once the gateway stops. */
void gateway_message(struct gateway *gw, const struct message *m, struct adapter *from,
                     uint64_t ref);
/** What became of the copy that adapter_ops.message() was given: END_NONE or END_NORMAL when it was
 * taken. Never from within that operation. Unknown and late ones are ignored. */
void gateway_message_result(struct gateway *gw, uint64_t delivery, enum end_cause cause);
