/** The SIP thread: sofia's event root, its transaction agent, and everything that may touch them.
 *  Thread: stack_start(), stack_post() and stack_stop() on the call thread; all else the SIP
 * thread. */
#pragma once

#include "base/addr.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "gateway/config.h"
#include "sip/adapter.h"
#include "sip/limiter.h"
#include "sip/message.h"
#include "sip/nonce.h"
#include "sip/registrar.h"
#include "sip/sofia.h"

#include <glib.h>

#include <pthread.h>

struct edge;

enum { STACK_UDP_MAX = 32 };

struct decoy { /* what names without an account are challenged by; unset while no account differs */
    char address[192], key[65];
};

#define STACK_EDGE_IDENT "edge" /* of the loopback listener that the edge connects to */

struct stack_udp { /* one bound UDP address */
    struct net_addr addr;
    tport_t *tport; /* borrowed from the agent */
};

struct stack_options {
    const struct config *config;
    struct edge *edge;
    struct mailbox *outbox; /* of struct sipev */
    struct sip_tuning tuning;
};

struct stack {
    const struct config *config;
    struct edge *edge;
    struct mailbox *inbox;       /* of struct sipcmd */
    struct mailbox *edge_events; /* of struct edge_event */
    struct mailbox *outbox;      /* of struct sipev; the adapter's */
    pthread_t thread;

    su_root_t *root;
    nta_agent_t *agent;
    nta_leg_t *default_leg;
    su_timer_t *tick;
    su_wait_t wait_inbox, wait_edge;
    int reg_inbox, reg_edge;
    su_home_t *home;
    sip_supported_t *supported;
    unsigned nudp;
    struct stack_udp udp[STACK_UDP_MAX];
    struct net_addr loopback; /* where the edge connects to */
    char server[64];          /* User-Agent and Server */

    GHashTable *accounts; /* address -> struct account */
    struct decoy decoy;
    GHashTable *flows;     /* loopback port -> struct flow */
    GHashTable *dialogs;   /* id -> struct dialog */
    GHashTable *pages;     /* id -> struct page */
    GHashTable *published; /* entity tag -> struct published */
    GHashTable *watchers;  /* id -> struct watcher */
    struct registrar *registrar;
    struct nonces *nonces;
    struct limiter *limiter;
    struct log_quota refusals;
    uint64_t patience_us;  /* 64*T1: every transaction is over by then */
    unsigned watch_min_s;  /* sip_tuning's */
    unsigned transactions; /* from this many on, hurry */
    bool hurried;
    bool draining, stopping;
};

/** NULL on failure, which has been logged. @p loopback gets the address the edge shall connect to.
 */
struct stack *stack_start(const struct stack_options *options, struct net_addr *loopback);
void stack_post(struct stack *s, const struct sipcmd *cmd);
/** The mailbox for edge_listen_sip(). */
struct mailbox *stack_edge_events(struct stack *s);
/** Ends every call, waits for what that sends, joins the thread, frees. Takes NULL. */
void stack_stop(struct stack *s);

/* ---- SIP thread ---- */

void stack_emit(struct stack *s, const struct sipev *ev);
/** Whether to log that a stranger's request was refused. */
bool stack_may_log(struct stack *s);
/** Take every waiting edge event: a connection must be known before its first request. */
void stack_drain_edge(struct stack *s);
/** The domain, the public host, or one of our addresses. */
bool stack_is_local(const struct stack *s, const char *host);
/** Borrowed until the account changes; NULL when there is none. */
const struct account *stack_account(const struct stack *s, const char *address);
