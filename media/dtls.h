/** DTLS-SRTP (RFC 5763, 5764; DTLS 1.2, RFC 6347) as a state machine on OpenSSL: the worker hands
 * in single datagrams and time, datagrams, keys and failures come back through struct dtls_ops,
 * always from inside one of the calls below.
 *
 *  Thread: the worker's. The context may be made on any thread and shared by all.
 *  Units:  microseconds, monotonic. (OpenSSL keeps its own retransmission clock: wall time.)
 *  Owner:  whoever called dtls_new(). Inside a callback only dtls_state() may be called: note what
 * happened, act afterwards.
 *
 *  Life: dtls_new -> dtls_set_fingerprints (any time) -> dtls_start once ICE has a valid path ->
 * keys or failed, once -> dtls_close, dtls_free. A new fingerprint, role or tls-id of the peer is a
 * new struct dtls; the old SRTP keys stay in use until the new handshake is done (RFC 8842 5.5).
 *
 *  What to feed: datagrams whose first octet is 20-63, from paths ICE has reported and no others.
 * For a ClientHello that comes earlier keep one or two datagrams (dtls_is_client_hello()) and feed
 * them when the path is reported: saves the peer's retransmission. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "media/desc.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DTLS_MTU = 1200,  /* of what we send, IP and UDP headers not counted */
    DTLS_KEY_MAX = 46 /* master key and salt, as struct desc_crypto.key */
};
#define DTLS_NEVER UINT64_MAX
#define DTLS_TIMEOUT_US UINT64_C(30000000) /* from dtls_start() to keys */

/** The process certificate (P-256, self-signed, fresh) and the OpenSSL context. About 7 ms. */
struct dtls_context;
/** NULL on failure, which has been logged. */
struct dtls_context *dtls_context_new(void);
void dtls_context_free(struct dtls_context *ctx); /* after its handshakes; takes NULL */
/** sha-256 of the process certificate, for our descriptions. */
const struct desc_fingerprint *dtls_context_fingerprint(const struct dtls_context *ctx);

enum dtls_state {
    DTLS_NEW,       /* dtls_start() not called, nothing received */
    DTLS_HANDSHAKE, /* under way */
    DTLS_PARKED,    /* done, but no fingerprint to check the peer against is known yet */
    DTLS_OPEN,      /* fingerprint checked, keys handed out */
    DTLS_FAILED,    /* see dtls_why */
    DTLS_CLOSED     /* by us or by the peer's close_notify */
};
enum dtls_why {
    DTLS_WHY_NONE,
    DTLS_WHY_TIMEOUT,     /* DTLS_TIMEOUT_US, or too many retransmissions */
    DTLS_WHY_ALERT,       /* the peer sent a fatal alert */
    DTLS_WHY_FINGERPRINT, /* the certificate is not the one in the description */
    DTLS_WHY_PROFILE,     /* no SRTP protection profile in common (RFC 5764 4.1.1) */
    DTLS_WHY_PROTOCOL     /* anything else: no cipher in common, broken messages */
};
const char *dtls_why_text(enum dtls_why why);

struct dtls_keys { /* wipe after use */
    enum desc_suite suite;
    uint8_t send[DTLS_KEY_MAX];    /* master key then salt, lengths by desc_suite_key_len() and */
    uint8_t receive[DTLS_KEY_MAX]; /* desc_suite_salt_len() */
};

struct dtls_ops {
    void (*send)(void *arg, struct span datagram); /* one datagram of at most DTLS_MTU octets */
    void (*keys)(void *arg, const struct dtls_keys *keys); /* once, fingerprint already checked */
    void (*failed)(void *arg, enum dtls_why why);          /* once, before or after keys */
    void (*closed)(void *arg);                             /* the peer sent close_notify */
};

struct dtls_params {
    const struct dtls_context *ctx; /* borrowed, outlives the handshake */
    const struct dtls_ops *ops;     /* borrowed; all set */
    void *arg;
    bool active;      /* we are the DTLS client (a=setup:active) */
    uint16_t mtu;     /* 0: DTLS_MTU; 256 at least */
    uint64_t call_id; /* for the log */
};
/** NULL when OpenSSL refuses (logged). */
struct dtls *dtls_new(const struct dtls_params *params);
/** Sends nothing. Takes NULL. */
void dtls_free(struct dtls *d);

/** What the description promised (RFC 8122): the certificate must match one fingerprint of the
 * strongest hash among them. sha-256, sha-384 and sha-512 count; sha-1 and sha-224 never do.
 * @p n 0: not known yet. Checked at once when keys are parked; after DTLS_OPEN another set is
 * GW_ESTATE (that is a new handshake), the same certificate again is fine. GW_EINVAL: no hash
 * usable; the handshake then fails with DTLS_WHY_FINGERPRINT. */
enum gw_err dtls_set_fingerprints(struct dtls *d, const struct desc_fingerprint *fp, unsigned n);

/** A path is there: the client sends its ClientHello, the server starts waiting. Again: no effect.
 */
void dtls_start(struct dtls *d, uint64_t now_us);
/** One datagram from the peer; starts a server that was not started yet. */
void dtls_input(struct dtls *d, struct span datagram, uint64_t now_us);
/** When dtls_timer() wants to be called; DTLS_NEVER when not. May change by any call. */
uint64_t dtls_next_due_us(const struct dtls *d, uint64_t now_us);
/** Retransmission and deadline. Early calls do nothing. */
void dtls_timer(struct dtls *d, uint64_t now_us);
/** close_notify (when the handshake got that far); nothing is reported afterwards. */
void dtls_close(struct dtls *d);

enum dtls_state dtls_state(const struct dtls *d);
enum dtls_why dtls_why(const struct dtls *d);
/** Does this datagram begin with (a fragment of) a ClientHello? Pure. */
bool dtls_is_client_hello(struct span datagram);
