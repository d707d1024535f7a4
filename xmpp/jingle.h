/** <jingle/> (XEP-0166 with 0167, 0176, 0293, 0294, 0320, 0338, 0339) <-> struct jingle. Pure,
 * fuzzed. The one place that knows how a description looks in XML; who may send what when is
 * leg.c's. Thread: any. */
#pragma once

#include "base/err.h"
#include "media/desc.h"

#include <glib.h>
#include <strophe.h>

#define JINGLE_NS "urn:xmpp:jingle:1"
#define JINGLE_RTP_NS "urn:xmpp:jingle:apps:rtp:1"
#define JINGLE_ICE_NS "urn:xmpp:jingle:transports:ice-udp:1"

enum { JINGLE_SID_MAX = 256 }; /* with NUL; longer is malformed */

/* name, action attribute */
#define JINGLE_ACTION_LIST(X)                                                                      \
    X(JINGLE_CONTENT_ACCEPT, "content-accept")                                                     \
    X(JINGLE_CONTENT_ADD, "content-add")                                                           \
    X(JINGLE_CONTENT_MODIFY, "content-modify")                                                     \
    X(JINGLE_CONTENT_REJECT, "content-reject")                                                     \
    X(JINGLE_CONTENT_REMOVE, "content-remove")                                                     \
    X(JINGLE_DESCRIPTION_INFO, "description-info")                                                 \
    X(JINGLE_SECURITY_INFO, "security-info")                                                       \
    X(JINGLE_SESSION_ACCEPT, "session-accept")                                                     \
    X(JINGLE_SESSION_INFO, "session-info")                                                         \
    X(JINGLE_SESSION_INITIATE, "session-initiate")                                                 \
    X(JINGLE_SESSION_TERMINATE, "session-terminate")                                               \
    X(JINGLE_TRANSPORT_ACCEPT, "transport-accept")                                                 \
    X(JINGLE_TRANSPORT_INFO, "transport-info")                                                     \
    X(JINGLE_TRANSPORT_REJECT, "transport-reject")                                                 \
    X(JINGLE_TRANSPORT_REPLACE, "transport-replace")

enum jingle_action {
#define X(name, word) name,
    JINGLE_ACTION_LIST(X)
#undef X
        JINGLE_ACTIONS
};

/* name, element of <reason/> (XEP-0166 7.4) */
#define JINGLE_REASON_LIST(X)                                                                      \
    X(JINGLE_ALTERNATIVE_SESSION, "alternative-session")                                           \
    X(JINGLE_BUSY, "busy")                                                                         \
    X(JINGLE_CANCEL, "cancel")                                                                     \
    X(JINGLE_CONNECTIVITY_ERROR, "connectivity-error")                                             \
    X(JINGLE_DECLINE, "decline")                                                                   \
    X(JINGLE_EXPIRED, "expired")                                                                   \
    X(JINGLE_FAILED_APPLICATION, "failed-application")                                             \
    X(JINGLE_FAILED_TRANSPORT, "failed-transport")                                                 \
    X(JINGLE_GENERAL_ERROR, "general-error")                                                       \
    X(JINGLE_GONE, "gone")                                                                         \
    X(JINGLE_INCOMPATIBLE_PARAMETERS, "incompatible-parameters")                                   \
    X(JINGLE_MEDIA_ERROR, "media-error")                                                           \
    X(JINGLE_SECURITY_ERROR, "security-error")                                                     \
    X(JINGLE_SUCCESS, "success")                                                                   \
    X(JINGLE_TIMEOUT, "timeout")                                                                   \
    X(JINGLE_UNSUPPORTED_APPLICATIONS, "unsupported-applications")                                 \
    X(JINGLE_UNSUPPORTED_TRANSPORTS, "unsupported-transports")

enum jingle_reason {
    JINGLE_NO_REASON, /* missing, or none of XEP-0166 */
#define X(name, word) name,
    JINGLE_REASON_LIST(X)
#undef X
        JINGLE_REASONS
};

/* Payload of session-info (XEP-0167 8). */
enum jingle_info {
    JINGLE_INFO_PING, /* empty */
    JINGLE_INFO_ACTIVE,
    JINGLE_INFO_HOLD,
    JINGLE_INFO_MUTE,
    JINGLE_INFO_RINGING,
    JINGLE_INFO_UNHOLD,
    JINGLE_INFO_UNMUTE,
    JINGLE_INFO_UNKNOWN
};

struct jingle_content { /* what a <content/> holds; its stream in desc has the same index */
    bool by_responder;  /* creator='responder' */
    bool description;   /* <description/> of XEP-0167 is there */
    bool transport;     /* <transport/> of XEP-0176 is there */
    bool omemo_only;    /* the only fingerprint is an encrypted one, which we cannot read */
    bool senders_set;   /* senders= is there; readers only */
    /* Writers only: no <content/>, just its name in <group/>. A content-accept must repeat the
     * names the session has: Conversations takes its group for that of the whole session. */
    bool group_only;
};

struct jingle {
    enum jingle_action action;
    char sid[JINGLE_SID_MAX];
    /* One stream a <content/>, in order: stream.mid is content.name, direction follows from senders
     * as seen from the author of the stanza. Contents of one BUNDLE group with the same ufrag, pwd
     * and keys share a transport, of others each has its own; a content without <transport/> has
     * -1. DESC_DTLS where there is a fingerprint; SDES is not read, so without one it is
     * DESC_PLAIN. Owned, never NULL after jingle_read(); no streams when there is no content. */
    struct desc *desc;
    struct jingle_content content[DESC_STREAMS_MAX];
    enum jingle_reason reason;    /* session-terminate, content-reject ... */
    char reason_text[128];        /* <text/> in <reason/>, cut; "" */
    enum jingle_info info;        /* session-info */
    char info_name[DESC_MID_MAX]; /* of mute, unmute: the content, "" all */
};

/** Read a <jingle/> element. @p by_initiator: its author is the session's initiator (senders= needs
 * it); for session-initiate it is taken as true whatever is passed. On failure @p *out needs no
 * clearing and @p why gets a static sentence for the peer: GW_EPARSE malformed, GW_ETOOBIG,
 * GW_EUNSUPPORTED an action XEP-0166 does not know. */
enum gw_err jingle_read(xmpp_stanza_t *element, bool by_initiator, struct jingle *out,
                        const char **why);
void jingle_clear(struct jingle *j);

/** Append the element. Of @p j: action, sid, reason (written when not JINGLE_NO_REASON) and
 * reason_text, info and info_name for session-info, and for each stream of desc (NULL: none) a
 * <content creator='initiator'> whose parts are those that content[] asks for: a description
 * without codecs has only media=, a transport of a stream that has none is empty (content-reject).
 * Left out, as some client cannot read it: candidates other than UDP, format parameters without
 * both name and value, those of telephone-event, keys other than fingerprints. DESC_INACTIVE is
 * written as "the other side sends". @p by_initiator as for reading. @p initiator, @p responder:
 * full JIDs or NULL. */
void jingle_write(GString *s, const struct jingle *j, bool by_initiator, const char *initiator,
                  const char *responder);

const char *jingle_action_word(enum jingle_action action);
/** NULL for JINGLE_NO_REASON. */
const char *jingle_reason_word(enum jingle_reason reason);
/** From the child elements of a <reason/>, wherever it stands (XEP-0353 uses it too); @p text may
 * be NULL. */
enum jingle_reason jingle_reason_read(xmpp_stanza_t *reason, char *text, size_t size);
/** "<reason xmlns='urn:xmpp:jingle:1'><busy/></reason>", fit for XEP-0353 too; nothing for
 * JINGLE_NO_REASON. */
void jingle_reason_write(GString *s, enum jingle_reason reason, const char *text);
