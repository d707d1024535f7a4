/** A full ICE agent (RFC 8445, trickle RFC 8838, consent RFC 7675), one per transport, as a state
 * machine: no sockets, no clock, no allocation after ice_new(). The worker feeds it datagrams and
 * time; it answers through struct ice_ops, always from inside one of the calls below.
 *
 *  Thread: the worker's; agents of one worker share one struct ice_shared.
 *  Units:  microseconds, monotonic; every call that takes now_us may send and report.
 *  Owner:  whoever called ice_new(). Inside a callback any function that takes a const agent may be
 * called, and none of the others: note what happened and act afterwards.
 *
 *  Life: ice_new (local credentials) -> ice_set_remote, ice_add_candidate, in either order ->
 * ICE_PATH_VALID, ICE_PATH_SELECTED, ... -> ice_free. Checks of the peer that come before the
 * remote description are answered and remembered (RFC 8445 7.3).
 *
 *  Routing on a shared port: ice_route() tells of a datagram which agent it is for without any
 * cryptography: requests by the local ufrag in USERNAME, responses by the tag in the transaction
 * id. What finds no agent is dropped without an answer.
 *
 *  Restart (RFC 8445 9): ice_set_local() and ice_set_remote() with new credentials, in either
 * order, make a new generation. The old one keeps its selected path, answers checks and keeps its
 * consent until the new one selects a path; then the old one still answers for ICE_LINGER_US. New
 * remote credentials alone, as of another fork's answer (RFC 8839 4.4.4), are tried with our old
 * ones until new ones come. A new
 * generation that never selects anything does no harm while the old path has consent. */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/span.h"
#include "media/desc.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ICE_LOCALS_MAX = 16,      /* host candidates: worker sockets */
    ICE_PAIRS_MAX = 40,       /* of all generations, peer-reflexive ones too */
    ICE_CHECKED_MAX = 20,     /* pairs of signalled candidates a generation checks by itself */
    ICE_UFRAG_MAX = 33,       /* ours, with NUL; the peer's may be DESC_ICE_MAX */
    ICE_PWD_MAX = 65,         /* ours, with NUL */
    ICE_DATAGRAM_MAX = 700,   /* no check or answer we send is longer */
    ICE_TAG_UFRAG_CHARS = 10, /* what ice_credentials_make() writes */
    ICE_TAG_PWD_CHARS = 24
};
#define ICE_LINGER_US UINT64_C(10000000)
#define ICE_NEVER UINT64_MAX /* ice_next_due_us(): nothing to wait for */

/** What all agents of a worker share: the STUN coder and the settings. */
struct ice_options {
    uint64_t pace_us;    /* between two ordinary checks (Ta, RFC 8445 14.2); 0: 20 ms */
    uint64_t rto_us;     /* first retransmission of a check (RFC 8445 14.3); 0: 500 ms */
    uint64_t settle_us;  /* controlling: how long a valid pair waits for a better one; 0: 50 ms */
    uint64_t consent_us; /* RFC 7675 5.1: lost after so long without an answer; 0: 30 s */
    uint64_t consent_every; /* mean time between consent checks, +-20 %; 0: 5 s */
    uint64_t timeout_us;    /* from remote credentials to the first selected path; 0: 30 s */
    bool allow_loopback;    /* check 127/8 and ::1 candidates of peers too (demo, tests) */
};
struct ice_shared;
/** @p options may be NULL: all defaults. */
struct ice_shared *ice_shared_new(const struct ice_options *options);
void ice_shared_free(struct ice_shared *s); /* after its agents; takes NULL */

struct ice_credentials {
    char ufrag[ICE_UFRAG_MAX];
    char pwd[ICE_PWD_MAX];
};
/** Fresh credentials whose ufrag carries @p tag, readable by ice_ufrag_tag(). Any thread. */
void ice_credentials_make(uint32_t tag, struct ice_credentials *out);
/** The tag of a ufrag made by ice_credentials_make(); false for other shapes. A true answer is a
 * guess made by the peer until ice_input() has checked it. Any thread, pure. */
bool ice_ufrag_tag(struct span ufrag, uint32_t *tag);

/** The host candidate of a socket as signalled (RFC 8445 5.1.2.1). @p addr is what the peer shall
 * see (an advertised address where that differs), @p index the place of the socket in
 * ice_params.local: earlier ones are preferred. Any thread, pure. */
void ice_host_candidate(const struct net_addr *addr, unsigned index, struct desc_candidate *out);

enum ice_kind { ICE_NOT_STUN, ICE_REQUEST, ICE_RESPONSE, ICE_INDICATION };
struct ice_route {
    enum ice_kind kind;
    struct span ufrag;  /* ICE_REQUEST: ours, from "ours:theirs"; points into the datagram */
    struct span theirs; /* ICE_REQUEST: the other half */
    uint32_t tag;       /* ICE_RESPONSE: ice_params.tag of the agent that asked */
};
/** Look at a datagram whose first octet is 0-3 (RFC 7983). Bounds-checked, no cryptography. False:
 * not for any agent (malformed, no USERNAME, no method we know): drop it silently. */
bool ice_route(struct span datagram, struct ice_route *out);

enum ice_state {
    ICE_WAITING,    /* no remote credentials yet */
    ICE_CHECKING,   /* no selected path yet */
    ICE_READY,      /* a selected path, consent is fresh */
    ICE_RESTARTING, /* the old path carries media, a new generation is being checked or awaited */
    ICE_FAILED      /* see ice_why; close the agent, or restart it */
};
enum ice_why { ICE_WHY_NONE, ICE_WHY_NO_PAIR /* timeout_us */, ICE_WHY_CONSENT };

/** A 5-tuple's life. CHECKED and VALID are reported once each, SELECTED on every move, GONE last.
 */
enum ice_path_event {
    ICE_PATH_CHECKED, /* an authentic check came from there: take its DTLS and media (add the tuple)
                       */
    ICE_PATH_VALID,   /* a check of ours was answered: may be sent to, DTLS may start */
    ICE_PATH_SELECTED, /* send there from now on; other tuples stay good for receiving */
    ICE_PATH_GONE /* remove the tuple; the selected one only before failed, or when its consent ends
                     during a restart, which goes on */
};

struct ice_ops {
    /** One datagram out. @p local is one of ice_params.local. Borrowed. */
    void (*send)(void *arg, struct span datagram, const struct net_addr *local,
                 const struct net_addr *remote);
    void (*path)(void *arg, enum ice_path_event what, const struct net_addr *local,
                 const struct net_addr *remote);
    /** At most once until the next restart. Paths are reported GONE first. */
    void (*failed)(void *arg, enum ice_why why);
};

struct ice_params {
    struct ice_shared *shared; /* borrowed, outlives the agent */
    const struct ice_ops *ops; /* borrowed; all set */
    void *arg;
    uint32_t tag;     /* first 32 bits of our transaction ids: the worker's route to this agent */
    bool controlling; /* we made the first offer (RFC 8445 6.1.1); an ice-lite peer makes it true */
    struct ice_credentials local;
    unsigned nlocals;
    struct net_addr locals[ICE_LOCALS_MAX]; /* addresses of the sockets (bases), best first */
    uint64_t call_id;                       /* for the log */
};
/** @p params is copied. NULL when credentials or locals are missing or too long. */
struct ice *ice_new(const struct ice_params *params);
/** Reports nothing. Takes NULL. */
void ice_free(struct ice *ice);

/** New local credentials: a restart. The ones already in use change nothing. GW_EINVAL: too short
 * (RFC 8839 5.4) or too long. */
enum gw_err ice_set_local(struct ice *ice, const struct ice_credentials *local, uint64_t now_us);
/** The peer's credentials. New ones restart; known ones change nothing but @p lite. GW_EINVAL as
 * above. */
enum gw_err ice_set_remote(struct ice *ice, const char *ufrag, const char *pwd, bool lite,
                           uint64_t now_us);
/** A candidate of the peer; before ice_set_remote() it is kept. With a ufrag it belongs to that
 * generation, else to the newest. Component 2, TCP and addresses nobody may be made to send to
 * (any, multicast, port 0, loopback unless allowed, families we have no socket for) are ignored
 * with GW_EUNSUPPORTED; GW_EFULL: no pair left that is worth less, ignored. */
enum gw_err ice_add_candidate(struct ice *ice, const struct desc_candidate *c, uint64_t now_us);

/** A STUN datagram that ice_route() led here. Anything unauthentic is dropped silently and counted.
 * @p local must be one of ice_params.locals. */
void ice_input(struct ice *ice, struct span datagram, const struct net_addr *local,
               const struct net_addr *remote, uint64_t now_us);

/** When ice_timer() wants to be called; ICE_NEVER when not. May change by any call. */
uint64_t ice_next_due_us(const struct ice *ice);
/** Checks, retransmissions, nomination, consent, deadlines. Early calls do nothing. */
void ice_timer(struct ice *ice, uint64_t now_us);

enum ice_state ice_state(const struct ice *ice);
enum ice_why ice_why(const struct ice *ice);
bool ice_controlling(const struct ice *ice);
/** Where to send now: the selected path, before that the best valid one (RFC 8445 12.1). False:
 * nowhere yet. */
bool ice_send_path(const struct ice *ice, struct net_addr *local, struct net_addr *remote);
/** Smoothed round trip of the selected path; 0: unknown. */
uint32_t ice_rtt_us(const struct ice *ice);
/** Datagrams dropped by ice_input(). */
uint32_t ice_dropped(const struct ice *ice);
/** Octets of one agent, for the memory budget. */
size_t ice_size(void);
