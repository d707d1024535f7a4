#include "gateway/show.h"

#include <glib.h>

#include <string.h>

static const char *const words[PRESENCE_SHOWS] = {
#define X(name, word) [name] = word,
    PRESENCE_LIST(X)
#undef X
};

const char *presence_word(enum presence_show show)
{
    return words[show < PRESENCE_SHOWS ? show : PRESENCE_OFFLINE];
}

bool presence_by_word(const char *word, enum presence_show *out)
{
    for (unsigned i = 0; i < PRESENCE_SHOWS; i++) {
        if (!g_str_equal(word, words[i]))
            continue;
        *out = (enum presence_show)i;
        return true;
    }
    return false;
}

bool presence_equal(const struct presence *a, const struct presence *b)
{
    return a->show == b->show && g_str_equal(a->note, b->note);
}

void presence_set_note(struct presence *p, const char *note)
{
    g_autofree char *valid = g_utf8_make_valid(note ? note : "", -1);
    size_t n = strlen(valid);

    if (n >= PRESENCE_NOTE_MAX)
        n = (size_t)(g_utf8_find_prev_char(valid, valid + PRESENCE_NOTE_MAX) - valid);
    memcpy(p->note, valid, n);
    p->note[n] = '\0';
    for (char *c = p->note; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
}
