/** One call with one peer as SIP sees it: INVITE dialogs of both roles with their forks
 * (RFC 3261 12-15), offers inside them, session timers.
 *
 *  Thread: SIP. Owner: stack.dialogs, from creation until dialog_tick() finds that the call has let
 * go and no transaction is left. Every nta object of a dialog has the dialog as its magic pointer
 * and is destroyed with it, never later; a dialog is never freed inside a callback. */
#pragma once

#include "media/desc.h"
#include "sip/hop.h"
#include "sip/session_timer.h"

enum { DIALOG_FORKS_MAX = 12, DIALOG_TAG_MAX = 256 };

enum dialog_state {
    DIALOG_OFFERED,  /* their INVITE waits for our final answer */
    DIALOG_DIALING,  /* our INVITE waits for theirs */
    DIALOG_ACCEPTED, /* our 200 waits for its ACK */
    DIALOG_UP,
    DIALOG_OVER /* ended on the wire or about to: transactions run out */
};

struct fork { /* one early dialog of our INVITE */
    char tag[DIALOG_TAG_MAX];
    nta_leg_t *leg;
    nta_outgoing_t *orq; /* tagged twin of the INVITE: what this one says; may be NULL */
    struct desc *early;  /* the last SDP it sent */
};

/* A request that changes the session and has not come to its end. */
enum modify_state {
    MODIFY_NONE,
    MODIFY_ASKED,    /* theirs: the call has LEG_OFFER and will respond */
    MODIFY_ANSWERED, /* theirs: our 200 to a re-INVITE waits for its ACK */
    MODIFY_SENT,     /* ours: the call's offer, LEG_ANSWER or LEG_REFUSED will follow */
    MODIFY_REFRESH   /* ours: a session refresh, nobody's business */
};

struct modify {
    enum modify_state state;
    bool their_answer_in_ack; /* offerless re-INVITE: our description was the offer */
    bool swallow_response;    /* LEG_OFFER was made from an ACK: nothing left to respond to */
    nta_incoming_t *irq;      /* theirs */
    nta_outgoing_t *orq;      /* ours */
    uint64_t deadline_us;     /* ours: give up */
    char *held;               /* our next offer, waiting for the glare timer */
    su_timer_t *retry;        /* RFC 3261 14.1; NULL unless it runs */
};

struct dialog {
    uint64_t id, call_id;
    struct stack *stack;
    enum dialog_state state;
    bool placed;              /* we sent the INVITE: we own the Call-ID */
    bool released;            /* the call has hung up: report nothing more */
    bool told;                /* LEG_ENDED was reported */
    bool early_done;          /* 18x with this SDP was sent or seen */
    bool bye_on_ack;          /* RFC 3261 15: no BYE before the ACK */
    bool peer_update;         /* it allows UPDATE (RFC 3311) */
    uint64_t binding;         /* dialled: what the call went to */
    char *account;            /* who authorised the call, NULL nobody */
    char *contact, *instance; /* the phone, as it registers; NULL when not known */
    uint64_t heard_us;        /* when we learnt of the hop */
    struct hop hop;
    nta_leg_t *leg;
    nta_incoming_t *invite_irq; /* theirs, until the ACK */
    nta_outgoing_t *invite_orq; /* ours, kept 64*T1 after a 2xx for its retransmissions */
    nta_outgoing_t *bye;
    uint32_t invite_cseq;
    unsigned nforks;
    struct fork fork[DIALOG_FORKS_MAX];
    char *sdp; /* the last description we sent: answers offerless re-INVITEs and refreshes */
    struct modify modify;
    struct session_timer timer;
    struct end_reason why; /* sent in the BYE of bye_on_ack */
    uint64_t linger_us;    /* OVER: when to give up on open transactions */
    uint64_t settled_us;   /* not freed before */
};

/* ---- dialog.c ---- */

struct dialog *dialog_new(struct stack *s, uint64_t id, const struct hop *hop);
void dialog_free(void *dialog);
/** Once a second, for each; true: free it. */
bool dialog_tick(struct dialog *d, uint64_t now_us);
/** Transactions still run. */
bool dialog_is_open(const struct dialog *d);
/** Commands of the call. Unknown ids get LEG_GONE for a hangup, else nothing. */
void dialog_command(struct stack *s, struct sipcmd *cmd);
/** End it in whatever state with our word for @p why; idempotent. */
void dialog_hangup(struct dialog *d, const struct end_reason *why);
void dialog_report(struct dialog *d, struct leg_event *ev);
/** LEG_ENDED, once. */
void dialog_ended(struct dialog *d, const struct end_reason *why);
void dialog_over(struct dialog *d);
/** Before each request of ours: a phone that has reconnected or moved is where it registered last.
 */
void dialog_aim(struct dialog *d);
void dialog_send_bye(struct dialog *d, const struct end_reason *why);
/** What a message's Reason headers say, or @p otherwise. */
struct end_reason dialog_reason(const sip_t *sip, enum end_cause otherwise);
/** 0: a body we can read, or none (*out NULL); else the status to refuse with (@p warning set for
 * 488 and 400). */
int dialog_read_sdp(const sip_t *sip, struct desc **out, const char **warning);
/** Session-Expires of a request (RFC 4028 9): remembered until the 2xx, which starts it. */
void dialog_take_session_timer(struct dialog *d, const sip_t *sip);
/** Our 2xx goes out now. Writes its Session-Expires, "" for none; true: it needs Require: timer. */
bool dialog_start_session_timer(struct dialog *d, char *header, size_t size);
/** A 2xx to our INVITE or refresh came (RFC 4028 7.2). */
void dialog_follow_session_timer(struct dialog *d, const sip_t *sip);
int dialog_request(void *dialog, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip);
extern const char dialog_allow[], dialog_accept[], dialog_supported[];

/* ---- dialog_in.c: they call ---- */

/** A new INVITE; returns the status for nta's request callback, 0 when the call was told. */
int dialog_invited(struct stack *s, nta_incoming_t *irq, const sip_t *sip);
void dialog_progress(struct dialog *d, bool ringing, const char *sdp);
void dialog_answer(struct dialog *d, char *sdp);
/** Refuse the unanswered INVITE. */
void dialog_reject(struct dialog *d, const struct end_reason *why);

/* ---- dialog_out.c: we call ---- */

void dialog_dial(struct stack *s, struct sipcmd *cmd);
void dialog_cancel(struct dialog *d, const struct end_reason *why);
void dialog_ack(struct dialog *d, uint32_t cseq, const char *sdp);

/* ---- dialog_modify.c: offers inside the dialog ---- */

int modify_request(struct dialog *d, nta_incoming_t *irq, const sip_t *sip);
void modify_offer(struct dialog *d, char *sdp);
void modify_respond(struct dialog *d, char *sdp, bool glare);
/** How long to wait after a 491 (RFC 3261 14.1): who owns the Call-ID waits longer. Never 0, which
 * is no timer. */
unsigned modify_glare_ms(bool owner, uint32_t random);
/** Send a session refresh (RFC 4028 10). */
void modify_refresh(struct dialog *d);
/** Answer or forget what is open: the dialog ends. */
void modify_end(struct dialog *d);
void modify_clear(struct dialog *d);
void modify_tick(struct dialog *d, uint64_t now_us);
