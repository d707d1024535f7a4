/** end_cause <-> SIP status and Reason header (RFC 3261 21, RFC 3326, RFC 3398). Pure, any thread.
 */
#pragma once

#include "gateway/reason.h"

#include <stddef.h>

/** Final status of an INVITE that ends for @p cause; a phrase stays valid for ever. */
unsigned reason_status(enum end_cause cause, const char **phrase);
/** What a final status 300-699 to our INVITE means. */
enum end_cause reason_cause(unsigned status);
/** Value of a Reason header: Q.850, or SIP;cause=200 for a call answered elsewhere. */
void reason_header(const struct end_reason *why, char *out, size_t size);
/** What one Reason value ("Q.850", "SIP" with its cause) says; END_NONE when it says nothing we
 * know. */
enum end_cause reason_read(const char *protocol, const char *cause);
