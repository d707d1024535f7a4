/** JIDs (RFC 7622) and XEP-0106 escaping: how an address of Tandem looks in XMPP. Pure. Thread:
 * any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    JID_MAX = 640, /* full JID with NUL; longer ones (RFC 7622 allows 3071 bytes) are refused */
    JID_BARE_MAX = 192
};

struct jid {
    char bare[JID_BARE_MAX]; /* "user@domain" or "domain", lower case */
    const char *full;        /* borrowed: as it was given */
    const char *domain;      /* within bare */
    const char *resource;    /* within full; NULL: none */
    bool node;               /* there is a localpart */
};

/** False when @p text is NULL, malformed or too long. @p out->full borrows @p text. */
bool jid_parse(const char *text, struct jid *out);
/** "al'ice" -> "al\27ice" (XEP-0106): @p user as a localpart. False when it does not fit. */
bool jid_escape(const char *user, char *out, size_t size);
/** The user a localpart stands for, undone once; false when it does not fit. */
bool jid_unescape(const char *local, size_t n, char *out, size_t size);
/** The bare JID that @p address ("user@domain") has under @p component: addresses of @p domain give
 * user@component, others user\40elsewhere@component. False when it does not fit. */
bool jid_of_address(const char *address, const char *domain, const char *component,
                    char out[JID_BARE_MAX]);
/** And back: what is dialled by calling @p jid: "user" of our domain, or "user@elsewhere". */
bool jid_to_dialled(const struct jid *jid, char out[JID_BARE_MAX]);
