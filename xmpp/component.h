/** What the parts of the XMPP side share: the stream, the sessions, the requests that wait for an
 * answer. Private to xmpp/. Thread: call thread. Owner: adapter.c. */
#pragma once

#include "base/clock.h"
#include "gateway/adapter.h"
#include "xmpp/conn.h"
#include "xmpp/jid.h"

#include <glib.h>
#include <strophe.h>

#include <stdbool.h>

#define XMPP_MOD "xmpp"
#define XMPP_RESOURCE "tandem" /* ours, the same for every session (XEP-0353 wants one) */

enum {
    XMPP_SID_MAX = 128,       /* with NUL; longer ids are refused */
    XMPP_REQUESTS_MAX = 4096, /* IQs of ours without an answer */
    XMPP_CLOSED_MAX = 1024,   /* sessions remembered after their end */
    XMPP_PEERS_MAX = 4096     /* bare JIDs whose rates are remembered */
};
#define XMPP_CLOSED_US (60 * US_PER_S)
#define XMPP_REQUEST_US (15 * US_PER_S)

struct jleg;
struct presence_xmpp;
struct messages_xmpp;

struct component {
    struct adapter base; /* first: adapter_ops get it */
    struct gateway *gw;
    const struct config *config;
    struct conn *conn;
    struct people *people;
    GHashTable *legs;     /* session key -> struct jleg, borrowed: their calls own them */
    GHashTable *closed;   /* session key -> jingle_session.c's, owned */
    GHashTable *requests; /* id -> request.c's, owned */
    struct presence_xmpp *presence;
    struct messages_xmpp *messages;
    uint64_t next_id;
    char id_prefix[9]; /* of this process: nobody guesses the ids we wait for */
    bool draining;
    bool begun; /* it has been connected */
    struct timer *sweep;
};

/** A stanza that came in, taken apart at the door. All borrowed. */
struct stanza {
    xmpp_stanza_t *xml;
    const char *type, *id; /* NULL when absent */
    struct jid from, to;
};

/* ---- stanza.c: what goes out ---- */

struct stanza_error {      /* RFC 6120 8.3 */
    const char *type;      /* "cancel", "modify", "auth", "wait" */
    const char *condition; /* "item-not-found" */
    const char *extra;     /* application condition, XML as it is; NULL: none */
    const char *text;      /* for people; NULL: none */
};

/** "<name type= from= to= id=>"; NULL attributes are left out. */
GString *stanza_begin(const char *name, const char *type, const char *from, const char *to,
                      const char *id);
/** Closes the element and queues it. */
void stanza_send(struct component *x, GString *s, const char *name);
/** Empty result of an IQ; from is the JID it was sent to. */
void stanza_result(struct component *x, const struct stanza *iq);
/** Begins a result with a payload to come. */
GString *stanza_result_begin(const struct stanza *iq);
/** Answers an IQ or a message; never an error or a result. */
void stanza_refuse(struct component *x, const struct stanza *st, const char *name,
                   const struct stanza_error *e);
/** A new id, "" never. */
void stanza_id(struct component *x, char out[32]);

/* ---- request.c: IQs of ours that wait for an answer ---- */

enum request_what { REQUEST_SESSION, REQUEST_OFFER, REQUEST_INFO };

GHashTable *requests_new(void);
/** Remember IQ @p id to @p to on behalf of @p leg. */
void request_add(struct component *x, const char *id, const char *to, struct jleg *leg,
                 enum request_what what);
/** A result or an error came in; true when we waited for it. */
bool request_answered(struct component *x, const struct stanza *iq);
void request_forget(struct component *x, const struct jleg *leg);
void request_sweep(struct component *x, uint64_t now_us);

/* ---- people.c: who a bare JID is ---- */

struct people *people_new(struct component *x);
void people_free(struct people *p); /* takes NULL */
/** Whether @p bare may begin one more call now. */
bool people_may_call(struct people *p, const char *bare);
/** Whether it may try one more password now. */
bool people_may_try(struct people *p, const char *bare);
/** Who it is to the gateway: its account, itself where the config allows it, NULL for a stranger.
 * Borrowed for the moment. */
const char *people_caller(const struct people *p, const char *bare);
/** The JIDs that ring with account @p address; at most @p max, borrowed. */
unsigned people_of(const struct people *p, const char *address, const char **out, unsigned max);
/** The account's own jid has been read from config or store, or the account is gone. */
void people_account(struct people *p, const struct account *a, bool gone);
/** @p bare has shown that it is @p address, or (NULL) is no account any more. Survives a restart.
 */
void people_register(struct people *p, const char *bare, const char *address);
const char *people_registered(const struct people *p, const char *bare);

/* ---- presence.c ---- */

/** Reads who has subscribed. */
void presence_new(struct component *x);
/** Begins to watch for them, once the first connection is up. */
void presence_begin(struct component *x);
void presence_free(struct presence_xmpp *t); /* takes NULL */
void presence_take(struct component *x, const struct stanza *st);
/** adapter_ops.watched() and .watch() (gateway/adapter.h). */
void presence_watched(struct component *x, uint64_t ref, const struct presence *p);
enum gw_err presence_ask(struct component *x, const char *address, const char *who, bool on);
/** The stream is there: everybody who has subscribed is told, paced; or it is lost. */
void presence_up(struct component *x);
void presence_down(struct component *x);
/** Tell everybody that we are not there any more. */
void presence_leave(struct component *x);

/* ---- message.c ---- */

struct messages_xmpp *message_table(struct component *x);
void message_table_free(struct messages_xmpp *t); /* takes NULL */
/** A message that is about no call. */
void message_take(struct component *x, const struct stanza *st);
/** adapter_ops.message() and .message_done() (gateway/adapter.h). */
enum gw_err message_send(struct component *x, const char *bare, const struct message *m,
                         uint64_t delivery);
void message_done(struct component *x, uint64_t ref, enum end_cause cause);

/* ---- service.c: what anybody may ask (XEP-0030, 0077, 0092, 0100, 0199) ---- */

/** False: not ours to answer. */
bool service_take(struct component *x, const struct stanza *iq);
