/** Text of SIP addresses: escapes, display names, header values (RFC 3261 19.1, 25.1). Pure, any
 * thread. */
#pragma once

#include "base/addr.h"
#include "base/span.h"

#include <stddef.h>

enum {
    ADDRESS_MAX = 192,
    DISPLAY_MAX = 96,
    URI_MAX = 512,
    URI_PARTY_MAX = 4 * ADDRESS_MAX + 2 * DISPLAY_MAX
};

/** Undo %XX once. False, and "", when it does not fit, is cut short, or would hold NUL or a control
 * character. */
bool uri_unescape(struct span raw, char *out, size_t size);
/** Escape what may not stand in the user part of a SIP URI. False when it does not fit. */
bool uri_escape_user(struct span user, char *out, size_t size);
/** "alice@example.org" as "sip:alice@example.org"; without an @ the whole is the user at @p domain.
 * False when it does not fit. */

bool uri_of_address(const char *address, const char *domain, char *out, size_t size);
/** The digits of a telephone-subscriber (RFC 3966 3): visual separators and parameters are left
 * out. In a SIP URI (@p tel false) only what begins with "+" is one; a user may be called "b.obby".
 * False: it is none. */
bool uri_number(struct span user, bool tel, char out[ADDRESS_MAX]);
/** "user@host" in lower-case host, the user unescaped; @p host replaced by @p domain when @p local.
 * False: no user, or unfit characters. */
bool uri_to_address(struct span user, struct span host, char out[ADDRESS_MAX]);
/** A display name without quotes and escapes, cut at the limit on a UTF-8 boundary; "" when it is
 * no UTF-8. */
void uri_display(const char *raw, char out[DISPLAY_MAX]);
/** "\"Name\" <uri>" with the name quoted as needed, or "<uri>". */
bool uri_name_addr(const char *display, const char *uri, char *out, size_t size);
/** Both of these: the value of a From or To for an address. */
bool uri_party(const char *address, const char *display, const char *domain,
               char out[URI_PARTY_MAX]);
/** "sip:192.0.2.1:5060", with ";transport=..." unless @p transport is NULL. */
void uri_of_addr(const struct net_addr *a, const char *transport, char *out, size_t size);
/** "sip:x@y;transport=ws", or wss: it is reached over WebSocket (RFC 7118 5.1), by us or by a proxy
 * between. */
bool uri_over_websocket(struct span uri);
/** A string may stand in a header line: no control characters, at most @p max. */
bool uri_is_line(struct span text, size_t max);
