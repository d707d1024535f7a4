/** One Jingle session, or the proposal of one, as the gateway's leg. Private to xmpp/. Thread: call
 * thread. Owner: the gateway's call, from gateway_incoming() or dial() to LEG_GONE. */
#pragma once

#include "gateway/leg.h"
#include "xmpp/component.h"
#include "xmpp/jingle.h"

struct timer;

/* XEP-0166 knows pending, active, ended; the proposal of XEP-0353 comes before. */
enum jleg_state {
    JLEG_PROPOSED,   /* they proposed; the gateway rings */
    JLEG_PROCEEDING, /* we told them to proceed: session-initiate is due */
    JLEG_OFFERED,    /* their session-initiate is here; session-accept is due from us */
    JLEG_PROPOSING,  /* we proposed */
    JLEG_INITIATING, /* one of them proceeded and has our session-initiate */
    JLEG_ACTIVE,
    JLEG_ENDED, /* LEG_ENDED reported; the call will hang up */
    JLEG_HUNG   /* hung up: LEG_GONE is due */
};

enum jleg_pen { PEN_FREE, PEN_OURS, PEN_THEIRS }; /* whose offer waits for an answer */

struct jleg {
    struct leg base;     /* first: leg_ops get it */
    struct component *x; /* borrowed, outlives it */
    char *key;           /* in x->legs; owned */
    char sid[XMPP_SID_MAX];
    char ours[JID_BARE_MAX + 16]; /* our full JID */
    char bare[JID_BARE_MAX];      /* the peer */
    char peer[JID_MAX];           /* its full JID; "" until one of its devices has proceeded */
    enum jleg_state state;        /* written by jleg_enter() alone */
    enum jleg_pen pen;
    enum jleg_state owed; /* the state we ended it in without the peer's knowing; else JLEG_ENDED */
    bool unanswerable;    /* the gateway has no answer to the first offer */
    bool dialled;         /* we called them: ours is session-initiate */
    bool proposed;        /* begun with XEP-0353 */
    bool rang;            /* the other side has been told that it rings */
    struct desc *remote;  /* what the gateway knows of the peer; owned; NULL before */
    struct desc *local;   /* what has been agreed on our side; owned; NULL before */
    struct desc *offering;    /* what the gateway offers and nobody has answered; owned; or NULL */
    struct desc *soon_answer; /* to an offer that needs no words on the wire; owned */
    enum desc_direction allows[DESC_STREAMS_MAX]; /* what the far side's last offer leaves of it */
    /* Changes of the peer wait here, of struct jingle, owned: one at a time goes to the gateway. */
    GQueue heard;
    struct desc *before; /* remote as it was before the one that is there; owned; or NULL */
    bool restarted;      /* it has new ICE credentials */
    uint32_t added;      /* it has these streams, which want content-accept */
    uint32_t rejected;   /* streams the gateway has refused: they may be added again */
    uint64_t begun_us;
    struct timer *soon;  /* for what must not be reported from within leg_ops */
    struct timer *guard; /* what must happen before it runs out depends on the state */
    struct timer *ring;  /* the next word about ringing */
};

/* ---- leg.c ---- */

struct jleg *jleg_new(struct component *x, const char *sid, const struct jid *peer,
                      const char *our_bare, enum jleg_state state);
/** What sessions are found by, also after their end; g_free. */
char *jleg_key(const char *sid, const char *peer_bare, const char *our_bare);
/** NULL when there is none. */
struct jleg *jleg_find(const struct component *x, const char *sid, const struct jid *peer,
                       const char *our_bare);
void jleg_enter(struct jleg *l, enum jleg_state state);
void jleg_end(struct jleg *l, enum end_cause cause, const char *text);
/** The same, where the peer has said so itself and need not be told. */
void jleg_ended_by_peer(struct jleg *l, enum end_cause cause, const char *text);
/** A request to the peer was answered with an error, or not at all. */
void jleg_request_failed(struct jleg *l, const char *condition);
/** A device that has subscribed is gone. Calls that it has placed and nobody has answered end; a
 * call that is up goes on, for media knows better (RFC 7675). */
void jleg_vanished(struct component *x, const struct jid *peer, const char *our_bare);
void jleg_guard(struct jleg *l, uint64_t after_us);
/** Our content-add was answered with an error. */
void jleg_offer_failed(struct jleg *l, const char *condition);
/** What the gateway offered holds from now on. */
void jleg_agreed(struct jleg *l);
/** Tell the gateway of what the peer changed, as soon as nothing else is being negotiated. */
void jleg_offer_soon(struct jleg *l);
/** Call the gateway: they have proposed, or initiated. Takes @p offer. */
void jleg_place(struct jleg *l, struct desc *offer, bool video);
enum gw_err jleg_dial(struct component *x, const struct dial_request *req, const char *bare,
                      struct leg **out);

/* ---- jingle_session.c: Jingle itself ---- */

/** <iq type='set'><jingle/></iq> came in. */
void jses_take(struct component *x, const struct stanza *iq, xmpp_stanza_t *element);
void jses_initiate(struct jleg *l);
void jses_accept(struct jleg *l, const struct desc *answer);
void jses_terminate(struct jleg *l, enum jingle_reason reason);
void jses_ringing(struct jleg *l);
/** Say what of @p answer the peer has to hear: accepted and rejected contents, new credentials. */
void jses_answer(struct jleg *l, const struct desc *answer);
/** Refuse the contents of @p d that @p refused names. */
void jses_reject(struct jleg *l, const struct desc *d, uint32_t refused);
/** Let the next change of the peer take effect on l->remote; false when there is none left. */
bool jses_change(struct jleg *l);
/** l->remote as far as the far side wants it (hold); desc_free(). */
struct desc *jses_remote(const struct jleg *l);
/** For l->heard. */
void jses_heard_free(gpointer data);
/** Offer the streams that are new in @p offer; false when there is none. */
bool jses_add(struct jleg *l, const struct desc *offer);
void jses_candidate(struct jleg *l, unsigned stream, const struct desc_candidate *c);
GHashTable *jses_memory(void);
/** After its end a session is remembered for a while, so that what crosses it is understood. */
void jses_remember(struct component *x, const struct jleg *l);
/** Was there such a session a moment ago? */
bool jses_was(const struct component *x, const char *sid, const struct stanza *st);
void jses_sweep(struct component *x, uint64_t now_us);

/* ---- invite.c: XEP-0353 ---- */

/** True when the message was about a proposal. */
bool invite_take(struct component *x, const struct stanza *message);
void invite_propose(struct jleg *l, const struct desc *offer);
void invite_ringing(struct jleg *l);
void invite_proceed(struct jleg *l);
void invite_reject(struct jleg *l, enum jingle_reason reason);
void invite_retract(struct jleg *l, enum jingle_reason reason);
void invite_finish(struct jleg *l, enum jingle_reason reason);
