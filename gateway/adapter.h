/** What a signalling kind (sip/, web/, later xmpp/) is to the gateway and what the gateway is to
 * it. Thread: call thread. Owner: main.c makes adapters from a table and stops them in reverse. */
#pragma once

#include "gateway/account.h"
#include "gateway/config.h"
#include "gateway/leg.h"

struct gateway;
struct adapter;
struct message;
struct presence;

enum { ENDPOINTS_MAX = 32 };

/** One way to ring an account: a registered phone, a browser tab. A value; may be stale when
 * dialled. */
struct endpoint {
    struct adapter *adapter;
    uint64_t id;        /* the adapter's own */
    char name[192];     /* the adapter's own too, where a number will not do; may be "" */
    unsigned nprofiles; /* what to offer, tried in order on END_NO_CODEC */
    struct desc_profile profile[ACCOUNT_PROFILES_MAX];
    char label[96]; /* for logs: "sip:bob@192.0.2.7:5060", "web tab 3" */
};

struct dial_request { /* all borrowed for the call */
    uint64_t call_id;
    const struct endpoint *endpoint;
    const char *from, *from_display; /* address and name of the caller */
    const char *to;                  /* dialled address */
    const struct desc *offer;
};

struct adapter_ops {
    const char *name;
    /** What can be rung for @p address now; at most @p max. */
    unsigned (*endpoints)(struct adapter *ad, const char *address, struct endpoint *out,
                          unsigned max);
    /** Ring one. The leg is the call's from then on. Failure after this is LEG_ENDED. */
    enum gw_err (*dial)(struct adapter *ad, const struct dial_request *req, struct leg **out);
    /** Give one endpoint a message (gateway/message.h, borrowed). gateway_message_result() follows
     * with this @p delivery, later, unless this fails. NULL: this kind cannot. */
    enum gw_err (*message)(struct adapter *ad, const struct endpoint *to, const struct message *m,
                           uint64_t delivery);
    /** What became of the message this adapter gave to gateway_message() with @p ref: END_NONE
     * when somebody took it. NULL: it does not want to know. */
    void (*message_done)(struct adapter *ad, uint64_t ref, enum end_cause cause);
    /** What @p ref, which this adapter gave to gateway_watch(), wants to know. May be called with
     * what it knows already. NULL: this kind never watches. */
    void (*watched)(struct adapter *ad, uint64_t ref, const struct presence *p);
    /** @p who begins (@p on) or ends to watch @p address, which is no account of ours: once for the
     * first and once for the last watch of these two. GW_OK: this adapter asks there, and will
     * gateway_publish() for it (not from within). Else it is somebody else's. NULL: it can ask
     * nowhere. */
    enum gw_err (*watch)(struct adapter *ad, const char *address, const char *who, bool on);
    /** @p a was added or changed; @p gone: removed (end what it authorised). May be NULL. Called
     * once for each account at start. */
    void (*account_changed)(struct adapter *ad, const struct account *a, bool gone);
    /** Stop taking new calls and registrations (503, close code), keep live legs working: SIGTERM's
     * first step. */
    void (*drain)(struct adapter *ad);
    /** Stop threads, close sockets, free. All legs are gone by then. */
    void (*stop)(struct adapter *ad);
};

struct adapter { /* embedded as first member */
    const struct adapter_ops *ops;
};

/** An incoming call attempt, authenticated or not. */
struct incoming {
    struct leg *leg;     /* now the gateway's; refusals reach it through ops->hangup() */
    const char *account; /* authenticated address, or NULL */
    const char *from, *from_display; /* caller's address as it shall be shown; for authenticated
                                        callers = account */
    const char *to;                  /* dialled: "bob", "bob@domain", "+1555...", "echo@domain" */
    struct desc *offer;              /* now the gateway's; NULL: offerless */
    struct desc_profile profile;     /* what to offer when offerless */
    bool offer_follows; /* offer is NULL, but one comes after ops->answer() (XEP-0353) ... */
    bool video;         /* ... with video in it */
    /* The endpoint that calls, as endpoints() would name it: it does not ring for its own call.
     * NULL: not known, or none that can be rung. */
    const struct adapter *origin;
    uint64_t origin_id;
    char source[96]; /* for logs: "udp 192.0.2.7:5060" */
};

/** Take a call. Sets leg->call and leg->call_id before anything else; everything after goes through
 * leg->ops. */
void gateway_incoming(struct gateway *gw, const struct incoming *in);

void gateway_add_adapter(struct gateway *gw, struct adapter *ad);
const struct config *gateway_config(const struct gateway *gw);
/** Borrowed until the main loop turns; NULL when there is none. @p address "user@domain" in lower
 * case. */
const struct account *gateway_account(struct gateway *gw, const char *address);

/** Store: rows that must survive a restart, written by a thread of their own (never blocks), read
 * only at start.
 *  @p table is one of the names in gateway/store.h; @p key unique in it; @p value NULL deletes. */
void gateway_store_put(struct gateway *gw, const char *table, const char *key, const char *value);
/** Call @p fn for each stored row; only legal while adapters start. */
void gateway_store_each(struct gateway *gw, const char *table,
                        void (*fn)(const char *key, const char *value, void *arg), void *arg);
