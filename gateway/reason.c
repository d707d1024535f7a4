#include "gateway/reason.h"

#include <glib.h>

static const struct {
    unsigned q850;
    const char *word, *sentence;
} ends[END_CAUSES] = {[END_NONE] = {16, "none", ""},
#define X(name, q850, word, sentence) [name] = {q850, word, sentence},
                      END_LIST(X)
#undef X
};

struct end_reason end_because(enum end_cause cause)
{
    return (struct end_reason){.cause = cause, .side = END_SIDE_SELF};
}

const char *end_word(enum end_cause cause)
{
    return ends[cause < END_CAUSES ? cause : END_INTERNAL].word;
}

const char *end_sentence(enum end_cause cause)
{
    return ends[cause < END_CAUSES ? cause : END_INTERNAL].sentence;
}

const char *end_message_sentence(enum end_cause cause)
{
    if (cause == END_OFFLINE)
        return "This person is not reachable right now.";
    if (cause == END_FORBIDDEN)
        return "You are not allowed to write to this address.";
    if (cause == END_LIMIT)
        return "Too many messages at once. Try again in a moment.";
    if (cause == END_BUSY || cause == END_DECLINED)
        return "The message was declined.";
    if (cause == END_NO_CODEC || cause == END_UNSUPPORTED)
        return "The other device cannot take this message.";
    return end_sentence(cause);
}

unsigned end_q850(enum end_cause cause)
{
    return ends[cause < END_CAUSES ? cause : END_INTERNAL].q850;
}

enum end_cause end_by_word(const char *word)
{
    for (unsigned i = END_NONE + 1; i < END_CAUSES; i++)
        if (g_str_equal(word, ends[i].word))
            return (enum end_cause)i;
    return END_NONE;
}
