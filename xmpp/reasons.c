#include "xmpp/reasons.h"

#include <string.h>

/* clang-format off */
static const struct {
    enum jingle_reason jingle;
    const char *type, *condition;
} words[END_CAUSES] = {
    [END_NONE]               = {JINGLE_SUCCESS,                 "cancel", "undefined-condition"},
    [END_NORMAL]             = {JINGLE_SUCCESS,                 "cancel", "undefined-condition"},
    [END_BUSY]               = {JINGLE_BUSY,                    "wait",   "recipient-unavailable"},
    [END_DECLINED]           = {JINGLE_DECLINE,                 "wait",   "recipient-unavailable"},
    [END_NO_ANSWER]          = {JINGLE_TIMEOUT,                 "wait",   "recipient-unavailable"},
    [END_CANCELLED]          = {JINGLE_CANCEL,                  "cancel", "recipient-unavailable"},
    [END_ANSWERED_ELSEWHERE] = {JINGLE_CANCEL,                  "cancel", "recipient-unavailable"},
    [END_NOT_FOUND]          = {JINGLE_GONE,                    "cancel", "item-not-found"},
    [END_OFFLINE]            = {JINGLE_TIMEOUT,                 "wait",   "recipient-unavailable"},
    [END_FORBIDDEN]          = {JINGLE_DECLINE,                 "auth",   "forbidden"},
    [END_AUTH]               = {JINGLE_DECLINE,                 "auth",   "not-authorized"},
    [END_NO_CODEC]           = {JINGLE_INCOMPATIBLE_PARAMETERS, "modify", "not-acceptable"},
    [END_LIMIT]              = {JINGLE_BUSY,                    "wait",   "resource-constraint"},
    [END_MEDIA_FAILED]       = {JINGLE_CONNECTIVITY_ERROR,      "cancel", "recipient-unavailable"},
    [END_MEDIA_TIMEOUT]      = {JINGLE_CONNECTIVITY_ERROR,      "cancel", "recipient-unavailable"},
    [END_UNREACHABLE]        = {JINGLE_TIMEOUT,                 "wait",   "remote-server-timeout"},
    [END_REDIRECTED]         = {JINGLE_GONE,                    "cancel", "gone"},
    [END_PROTOCOL]           = {JINGLE_GENERAL_ERROR,           "modify", "bad-request"},
    [END_UNSUPPORTED]        = {JINGLE_UNSUPPORTED_APPLICATIONS, "cancel", "feature-not-implemented"},
    [END_SHUTDOWN]           = {JINGLE_GONE,                    "wait",   "service-unavailable"},
    [END_ADMIN]              = {JINGLE_SUCCESS,                 "cancel", "undefined-condition"},
    [END_INTERNAL]           = {JINGLE_GENERAL_ERROR,           "wait",   "internal-server-error"},
};

static const enum end_cause before_answer[JINGLE_REASONS] = {
    [JINGLE_NO_REASON]               = END_CANCELLED,
    [JINGLE_ALTERNATIVE_SESSION]     = END_REDIRECTED,
    [JINGLE_BUSY]                    = END_BUSY,
    [JINGLE_CANCEL]                  = END_CANCELLED,
    [JINGLE_CONNECTIVITY_ERROR]      = END_MEDIA_FAILED,
    [JINGLE_DECLINE]                 = END_DECLINED,
    [JINGLE_EXPIRED]                 = END_NO_ANSWER,
    [JINGLE_FAILED_APPLICATION]      = END_INTERNAL,
    [JINGLE_FAILED_TRANSPORT]        = END_MEDIA_FAILED,
    [JINGLE_GENERAL_ERROR]           = END_INTERNAL,
    [JINGLE_GONE]                    = END_NOT_FOUND,
    [JINGLE_INCOMPATIBLE_PARAMETERS] = END_NO_CODEC,
    [JINGLE_MEDIA_ERROR]             = END_INTERNAL,
    [JINGLE_SECURITY_ERROR]          = END_FORBIDDEN,
    [JINGLE_SUCCESS]                 = END_CANCELLED,
    [JINGLE_TIMEOUT]                 = END_NO_ANSWER,
    [JINGLE_UNSUPPORTED_APPLICATIONS] = END_NO_CODEC,
    [JINGLE_UNSUPPORTED_TRANSPORTS]  = END_NO_CODEC,
};

static const struct {
    const char *condition;
    enum end_cause cause;
} conditions[] = {
    {"service-unavailable", END_OFFLINE},
    {"recipient-unavailable", END_OFFLINE},
    {"item-not-found", END_NOT_FOUND},
    {"gone", END_NOT_FOUND},
    {"remote-server-not-found", END_UNREACHABLE},
    {"remote-server-timeout", END_UNREACHABLE},
    {"forbidden", END_FORBIDDEN},
    {"not-authorized", END_FORBIDDEN},
    {"policy-violation", END_FORBIDDEN},
    {"resource-constraint", END_LIMIT},
    {"not-acceptable", END_NO_CODEC},
    {"feature-not-implemented", END_UNSUPPORTED},
};
/* clang-format on */

enum jingle_reason reason_to_jingle(enum end_cause cause)
{
    return words[cause].jingle;
}

enum end_cause reason_from_jingle(enum jingle_reason reason, bool active, bool caller)
{
    switch (reason) {
    case JINGLE_CONNECTIVITY_ERROR:
    case JINGLE_FAILED_TRANSPORT:
    case JINGLE_FAILED_APPLICATION:
    case JINGLE_MEDIA_ERROR:
        if (active)
            return END_MEDIA_FAILED;
        break;
    default:
        if (active)
            return END_NORMAL;
        break;
    }
    /* A callee has nothing to cancel: its user did not want the call (Dino says so too). */
    if (!caller && before_answer[reason] == END_CANCELLED)
        return END_DECLINED;
    return before_answer[reason];
}

enum end_cause reason_from_condition(const char *condition)
{
    for (size_t i = 0; condition && i < sizeof(conditions) / sizeof(*conditions); i++)
        if (strcmp(conditions[i].condition, condition) == 0)
            return conditions[i].cause;
    return END_INTERNAL;
}

void reason_to_condition(enum end_cause cause, const char **type, const char **condition)
{
    *type = words[cause].type;
    *condition = words[cause].condition;
}

const char *reason_condition(xmpp_stanza_t *stanza)
{
    xmpp_stanza_t *error = xmpp_stanza_get_child_by_name(stanza, "error");

    for (xmpp_stanza_t *c = error ? xmpp_stanza_get_children(error) : NULL; c;
         c = xmpp_stanza_get_next(c)) {
        const char *name = xmpp_stanza_get_name(c);
        const char *ns = xmpp_stanza_get_ns(c);

        if (name && ns && strcmp(ns, "urn:ietf:params:xml:ns:xmpp-stanzas") == 0 &&
            strcmp(name, "text") != 0)
            return name;
    }
    return NULL;
}
