/** What crosses between the call thread (adapter.c, leg.c) and the SIP thread (stack.c): values and
 * ids. A pointer inside a message is the receiver's once posted. */
#pragma once

#include "gateway/account.h"
#include "gateway/leg.h"
#include "gateway/show.h"

enum sipcmd_type {                      /* call thread -> SIP thread */
                   SIPCMD_ACCOUNT,      /* account, gone */
                   SIPCMD_RESTORE,      /* key, row */
                   SIPCMD_DIAL,         /* id, dial, sdp: the offer */
                   SIPCMD_PROGRESS,     /* id, ringing, sdp: early answer or NULL */
                   SIPCMD_ANSWER,       /* id, sdp */
                   SIPCMD_OFFER,        /* id, sdp */
                   SIPCMD_RESPOND,      /* id, sdp: the answer, NULL refuses; glare */
                   SIPCMD_KEYFRAME,     /* id */
                   SIPCMD_HANGUP,       /* id, why; LEG_GONE follows */
                   SIPCMD_MESSAGE,      /* id, dial, text; SIPEV_MESSAGE_RESULT follows */
                   SIPCMD_MESSAGE_DONE, /* id, why: answers SIPEV_MESSAGE */
                   SIPCMD_WATCHING,     /* id, why: answers SIPEV_WATCH */
                   SIPCMD_WATCHED,      /* id, presence */
                   SIPCMD_DRAIN,
                   SIPCMD_STOP
};

struct sipcmd_dial {
    uint64_t binding;
    char *from, *from_display, *to;
};

struct sipcmd {
    enum sipcmd_type type;
    uint64_t id;      /* the leg's */
    uint64_t call_id; /* for log lines */
    char *sdp, *text;
    bool ringing, glare, gone;
    struct end_reason why;
    struct sipcmd_dial *dial;
    struct presence presence;
    struct account *account;
    char *key, *row;
};
/** Frees what the command owns. Usable as the clear function of mailbox_free(). */
void sipcmd_clear(void *msg);

enum sipev_type {                       /* SIP thread -> call thread */
                  SIPEV_STARTED,        /* ok, loopback */
                  SIPEV_BINDING,        /* binding */
                  SIPEV_INCOMING,       /* id, in */
                  SIPEV_LEG,            /* id, leg */
                  SIPEV_MESSAGE,        /* id, in: without offer and profile */
                  SIPEV_MESSAGE_RESULT, /* id, cause: END_NONE when it was taken */
                  SIPEV_WATCH,          /* id, in: account and to alone */
                  SIPEV_UNWATCH,        /* id */
                  SIPEV_PUBLISHED,      /* id, in: account alone, presence */
                  SIPEV_UNPUBLISHED     /* id */
};

struct sipev_binding {
    uint64_t id;
    bool gone, ws; /* ws: at the other end of a WebSocket */
    char *address, *label;
    uint64_t expires_us;
    char *key, *row; /* for the store */
};

struct sipev_incoming {
    char *account, *from, *from_display, *to; /* account may be NULL */
    char *text;                               /* SIPEV_MESSAGE */
    struct desc *offer;                       /* may be NULL */
    struct desc_profile profile;
    char source[96];
    uint64_t phone; /* the caller's own binding, 0: not registered here */
};

struct sipev {
    enum sipev_type type;
    bool ok;
    struct net_addr loopback;
    uint64_t id;
    enum end_cause cause;
    struct presence presence;
    struct leg_event leg; /* desc is the receiver's; no candidate */
    struct sipev_binding *binding;
    struct sipev_incoming *in;
};
void sipev_clear(void *msg);
