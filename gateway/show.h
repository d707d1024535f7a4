/** How an address is to be reached now, in the words all dialects share (RFC 3863, 4480, 6121).
 * Pure values. Any thread. */
#pragma once

#include <stdbool.h>

/* name, word in JSON and logs */
#define PRESENCE_LIST(X)                                                                           \
    X(PRESENCE_OFFLINE, "offline")                                                                 \
    X(PRESENCE_AVAILABLE, "available")                                                             \
    X(PRESENCE_AWAY, "away")                                                                       \
    X(PRESENCE_BUSY, "dnd")

enum presence_show {
#define X(name, word) name,
    PRESENCE_LIST(X)
#undef X
        PRESENCE_SHOWS
};

enum { PRESENCE_NOTE_MAX = 128 }; /* with NUL */

struct presence {
    enum presence_show show;
    char note[PRESENCE_NOTE_MAX]; /* one line of UTF-8 for people, "" none */
};

const char *presence_word(enum presence_show show);
/** False for an unknown word. */
bool presence_by_word(const char *word, enum presence_show *out);
bool presence_equal(const struct presence *a, const struct presence *b);
/** Set the note: mended to UTF-8, control characters as spaces, cut where it is too long. @p note
 * may be NULL. */
void presence_set_note(struct presence *p, const char *note);
