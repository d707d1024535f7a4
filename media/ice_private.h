/** What the files of the agent share; no other file may include this.
 *
 *  ice.c       life, candidates, the clock
 *  ice_gen.c   credentials and the generations they make
 *  ice_pair.c  the table of pairs
 *  ice_check.c checks out, answers in; checks in, answers out (RFC 8445 7)
 *  ice_path.c  what is told of 5-tuples: nomination, selection, consent, roaming (RFC 8445 8) */
#pragma once

#include "media/ice.h"
#include "media/stun_wire.h"

#include <glib.h>

struct ice_shared {
    struct wire *wire;
    struct ice_options options;
};

/** The two slots of struct ice.gen; a pair of GEN_LATER waits for credentials not seen yet. */
enum { GENS = 2, GEN_LATER = GENS };

enum gen_use {
    GEN_FREE,
    GEN_CURRENT,  /* the one with the selected path, or the first */
    GEN_PENDING,  /* newer, nothing selected yet */
    GEN_LINGERING /* older, answers until due_us */
};

struct ice_gen {
    enum gen_use use;
    bool has_local, has_remote;
    bool borrowed; /* local is the other generation's: new ones may come, or never (forks) */
    struct ice_credentials local;
    char remote_ufrag[DESC_ICE_MAX], remote_pwd[DESC_ICE_MAX];
    uint64_t due_us;         /* unselected: give up; lingering: forget. ICE_NEVER until complete */
    uint64_t first_valid_us; /* controlling: when settling began; 0: nothing valid yet */
    bool cut_short;          /* due_us has passed while the old path lived on */
};

enum pair_state {
    PAIR_WAITING,  /* to be checked in its turn */
    PAIR_CHECKING, /* a check is out */
    PAIR_VALID,    /* has been answered (RFC 8445 7.2.5.3.2) */
    PAIR_FAILED
};

enum check_kind { CHECK_ORDINARY, CHECK_NOMINATE, CHECK_CONSENT };
struct ice_tx {       /* the check that is out */
    bool open;        /* to be retransmitted */
    bool controlling; /* as sent */
    enum check_kind kind;
    uint8_t sends;
    uint8_t id[8];     /* behind the tag; all zero: none */
    uint8_t before[8]; /* the one before, whose answer counts as well (RFC 8445 7.3.1.4) */
    uint32_t rto_us;   /* until the next retransmission */
    uint64_t sent_us;  /* first transmission */
    uint64_t due_us;   /* next one, or failure */
};

struct ice_pair {
    bool used;
    uint8_t gen; /* index, or GEN_LATER */
    uint8_t local;
    enum pair_state state;
    bool signalled; /* not peer-reflexive */
    bool triggered; /* checked before the others */
    bool nominate;  /* controlled: the peer nominated it before it was valid */
    bool moved;     /* controlling: the peer has moved here, to be nominated at once */
    bool told_checked, told_valid;
    uint32_t ufrag_hash; /* GEN_LATER: whose */
    uint32_t priority;   /* of the remote candidate */
    uint32_t turn;       /* order among triggered */
    struct net_addr remote;
    struct ice_tx tx;
    uint64_t made_us;
    uint64_t heard_us; /* last answer to us: consent (RFC 7675) */
    uint64_t asked_us; /* last authentic check of the peer */
    bool asked_use;    /* that one had USE-CANDIDATE */
};

struct ice {
    struct ice_params params;
    uint64_t tie_breaker;
    struct wire *wire;                 /* shared */
    const struct ice_options *options; /* shared */
    struct ice_gen gen[GENS];
    uint8_t current; /* index of GEN_CURRENT */
    bool remote_lite;
    enum ice_why why;          /* not NONE: failed */
    struct ice_pair *selected; /* of gen[current] */
    uint64_t selected_us;
    uint64_t consent_due_us;
    uint64_t consent_probe_us; /* no further one out of turn before */
    uint64_t pace_due_us;      /* no new check before */
    uint32_t turns;
    uint32_t srtt_us;
    uint32_t dropped;
    struct ice_pair *rival; /* a known pair that may replace the selected one */
    uint64_t rival_us;      /* controlling: selected was probed then */
    unsigned rival_uses;    /* controlled: nominations since the selected pair had one */
    struct ice_pair pair[ICE_PAIRS_MAX];
};

/* ice_pair.c */
struct ice_pair *pair_find(struct ice *ice, unsigned gen, unsigned local,
                           const struct net_addr *remote);
/** A new one; when full the least valuable unproven pair that is worth less makes room, else
 * NULL. */
struct ice_pair *pair_add(struct ice *ice, const struct ice_pair *like);
/** Tells GONE when no other pair has the tuple. */
void pair_drop(struct ice *ice, struct ice_pair *p);
void pair_drop_gen(struct ice *ice, unsigned gen);
uint64_t pair_priority(const struct ice *ice, const struct ice_pair *p); /* RFC 8445 6.1.2.3 */
void pair_trigger(struct ice *ice, struct ice_pair *p);
void pair_tell(struct ice *ice, struct ice_pair *p, enum ice_path_event what);
/** RFC 8445 5.1.2.1, of our side as a peer-reflexive candidate. */
uint32_t pair_local_priority(const struct ice_pair *p);
static inline const struct net_addr *pair_base(const struct ice *ice, const struct ice_pair *p)
{
    return &ice->params.locals[p->local];
}

/* ice_gen.c */
bool gen_credentials_ok(const struct ice_credentials *c);
/** For candidates and checks that name a generation of the peer before its description does. */
uint32_t gen_hash(struct span remote_ufrag);
bool gen_checks(const struct ice *ice, unsigned gen); /* complete, and may select a path */
static inline struct ice_pair *gen_selected(const struct ice *ice, unsigned gen)
{
    return ice->selected && ice->selected->gen == gen ? ice->selected : NULL;
}
/** Forget a generation and its pairs. */
void gen_clear(struct ice *ice, unsigned gen);

/* ice.c */
void ice_log(const struct ice *ice, const char *what, const struct ice_pair *p);

/* ice_check.c */
void check_send(struct ice *ice, struct ice_pair *p, enum check_kind kind, uint64_t now_us);
/** A retransmission or the end of the pair's check. */
void check_expire(struct ice *ice, struct ice_pair *p, uint64_t now_us);
void check_input_request(struct ice *ice, struct span datagram, unsigned local,
                         const struct net_addr *remote, uint64_t now_us);
void check_input_response(struct ice *ice, struct span datagram, unsigned local,
                          const struct net_addr *remote, uint64_t now_us);

/* ice_path.c */
/** The peer's authentic check arrived on @p p. */
void path_asked(struct ice *ice, struct ice_pair *p, bool use_candidate, uint64_t now_us);
/** Our check was answered; @p tx as it was. */
void path_answered(struct ice *ice, struct ice_pair *p, const struct ice_tx *tx, uint64_t now_us);
/** Nomination, rivals, consent: what is due. */
void path_run(struct ice *ice, uint64_t now_us);
uint64_t path_due_us(const struct ice *ice);
/** The current generation has lost its path, or never had one: the pending one takes its place, or
 * the agent fails. */
void path_lost(struct ice *ice, enum ice_why why, uint64_t now_us);
const struct ice_pair *path_best(const struct ice *ice);
