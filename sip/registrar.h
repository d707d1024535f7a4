/** Where each account's phones are now: bindings and the rules of REGISTER (RFC 3261 10.3). Pure of
 * SIP messages and sockets. Thread: the SIP thread's. Units: monotonic microseconds. */
#pragma once

#include "base/addr.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { REGISTRAR_CONTACTS_MAX = 10, REGISTRAR_CONTACT_TEXT_MAX = 512 };

struct binding { /* owned by the registrar */
    uint64_t id;
    char *address;  /* "bob@example.org" */
    char *contact;  /* the URI as the phone wrote it, without brackets */
    char *instance; /* +sip.instance (RFC 5626 4.1), NULL when absent */
    char *call_id;
    uint32_t cseq;
    uint64_t expires_us;
    uint64_t heard_us;     /* when it last registered, 0: before we were started */
    uint64_t flow;         /* edge connection, 0 for UDP */
    bool ws;               /* ... which is a WebSocket */
    struct net_addr peer;  /* real source of the last REGISTER */
    struct net_addr local; /* our UDP address it came to */
};

struct contact_update {
    const char *contact, *instance;
    bool has_expires;
    uint32_t expires_s;
};

struct registration { /* one REGISTER, already authorised; borrowed */
    const char *address, *call_id;
    uint32_t cseq;
    bool star;        /* Contact: * */
    bool has_expires; /* an Expires header */
    uint32_t expires_s;
    unsigned ncontacts;
    struct contact_update contact[REGISTRAR_CONTACTS_MAX];
    uint64_t flow;
    bool ws;
    struct net_addr peer, local;
};

struct registrar_limits {
    uint32_t min_s, default_s, max_s;
};

struct registrar;

/** @p changed hears of each binding that was made, refreshed or (@p gone) removed; it must not call
 * back. */
struct registrar *registrar_new(const struct registrar_limits *limits,
                                void (*changed)(void *arg, const struct binding *b, bool gone),
                                void *arg);
void registrar_free(struct registrar *r); /* silent */
/** All or nothing. 200, 400 (bad combination), 423 (too brief) or 500 (out of order). */
unsigned registrar_apply(struct registrar *r, const struct registration *reg, uint64_t now_us);
void registrar_each(const struct registrar *r, const char *address,
                    void (*fn)(void *arg, const struct binding *b), void *arg);
/** NULL when it is gone. */
const struct binding *registrar_find(const struct registrar *r, uint64_t id);
/** Where the phone that was @p phone is now; NULL: not known. */
const struct binding *registrar_find_phone(const struct registrar *r, const char *address,
                                           const struct contact_update *phone);
/** The one binding of @p address that is on this connection; NULL when there are none or several.
 */
const struct binding *registrar_find_flow(const struct registrar *r, const char *address,
                                          uint64_t flow);
/** The one binding of @p address; NULL when there are none or several. */
const struct binding *registrar_find_only(const struct registrar *r, const char *address);
void registrar_drop(struct registrar *r, uint64_t id);
void registrar_drop_address(struct registrar *r, const char *address);
void registrar_drop_flow(struct registrar *r, uint64_t flow);
void registrar_expire(struct registrar *r, uint64_t now_us);

/** A row for the store; the key is unique among bindings and stays when one is refreshed. Times
 * become wall clock. g_free both. */
char *binding_key(const struct binding *b);
char *binding_row(const struct binding *b, uint64_t now_us, uint64_t unix_now_s);
/** False: malformed, expired, or bound to a connection that has died with the process. */
bool registrar_restore(struct registrar *r, const char *key, const char *row, uint64_t now_us,
                       uint64_t unix_now_s);
