/** end_cause <-> the words of Jingle (XEP-0166 7.4), of stanza errors (RFC 6120 8.3.3) and back.
 * Pure. Thread: any. */
#pragma once

#include "gateway/reason.h"
#include "xmpp/jingle.h"

/** What a session or a proposal is ended with. */
enum jingle_reason reason_to_jingle(enum end_cause cause);
/** What a peer meant. @p active: the call was answered; then every end is a hang-up, and the reason
 * tells only of failures. @p caller: the peer is the one who called. */
enum end_cause reason_from_jingle(enum jingle_reason reason, bool active, bool caller);
/** What an error in answer to a proposal or a message means. @p condition NULL: none was given. */
enum end_cause reason_from_condition(const char *condition);
/** RFC 7247 5: how a refusal is said as a stanza error; type and condition are static. */
void reason_to_condition(enum end_cause cause, const char **type, const char **condition);
/** The first child of <error/> in the stanza errors' namespace; NULL when there is none. */
const char *reason_condition(xmpp_stanza_t *stanza);
