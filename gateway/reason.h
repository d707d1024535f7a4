/** Why calls end: the one vocabulary. Each adapter translates it to its dialect's exact words with
 * one table. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* name, Q.850 cause, word in JSON/logs, sentence for people. Order is stable. */
#define END_LIST(X)                                                                                \
    X(END_NORMAL, 16, "normal", "The call ended.")                                                 \
    X(END_BUSY, 17, "busy", "The person you called is on another call.")                           \
    X(END_DECLINED, 21, "declined", "The call was declined.")                                      \
    X(END_NO_ANSWER, 19, "no-answer", "Nobody answered.")                                          \
    X(END_CANCELLED, 16, "cancelled", "The caller gave up before anyone answered.")                \
    X(END_ANSWERED_ELSEWHERE, 26, "answered-elsewhere",                                            \
      "The call was answered on another device.")                                                  \
    X(END_NOT_FOUND, 1, "not-found", "There is nobody at this address.")                           \
    X(END_OFFLINE, 20, "offline", "The person you called is not reachable right now.")             \
    X(END_FORBIDDEN, 21, "forbidden", "You are not allowed to call this address.")                 \
    X(END_AUTH, 21, "not-authorized", "Wrong name or password.")                                   \
    X(END_NO_CODEC, 88, "incompatible", "The two devices have no audio format in common.")         \
    X(END_LIMIT, 34, "limit", "Too many calls at once. Try again in a moment.")                    \
    X(END_MEDIA_FAILED, 47, "media-failed", "No audio connection could be made.")                  \
    X(END_MEDIA_TIMEOUT, 41, "media-timeout", "The other side stopped sending audio.")             \
    X(END_UNREACHABLE, 27, "unreachable", "The device did not respond.")                           \
    X(END_REDIRECTED, 23, "redirected",                                                            \
      "The call was redirected to an address that cannot be followed.")                            \
    X(END_PROTOCOL, 111, "protocol-error", "The other side sent something that makes no sense.")   \
    X(END_UNSUPPORTED, 79, "unsupported", "The other side cannot do what was asked.")              \
    X(END_SHUTDOWN, 41, "shutdown", "The service is being restarted. Try again in a moment.")      \
    X(END_ADMIN, 16, "admin", "An operator ended the call.")                                       \
    X(END_INTERNAL, 41, "internal", "Something went wrong inside the gateway.")

enum end_cause {
    END_NONE, /* not ended */
#define X(name, q850, word, sentence) name,
    END_LIST(X)
#undef X
        END_CAUSES
};

enum end_side { END_SIDE_A, END_SIDE_B, END_SIDE_SELF };

struct end_reason {
    enum end_cause cause;
    enum end_side side; /* where it happened; set by the call */
    uint16_t code; /* the dialect's own number where it had one (SIP 486), for the log; 0 none */
    char text[64]; /* the peer's own words or a detail for the log; may be "" */
};

struct end_reason end_because(enum end_cause cause);
const char *end_word(enum end_cause cause);
const char *end_sentence(enum end_cause cause);
/** The same where a message (of text) was not taken. */
const char *end_message_sentence(enum end_cause cause);
unsigned end_q850(enum end_cause cause);
/** END_NONE for an unknown word. */
enum end_cause end_by_word(const char *word);
