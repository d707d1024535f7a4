/** Replaces xmpp/conn.c at link time: no server. What is sent is kept as text; a test says what
 * comes in and whether there is a stream. One at a time. */
#pragma once

#include "xmpp/conn.h"

struct fake_conn {
    bool up, crowded;
    GQueue sent;    /* of char *, owned, the oldest first */
    unsigned total; /* sent since the beginning */
};

extern struct fake_conn fake_conn;
void fake_conn_up(void);
void fake_conn_down(void);
/** One stanza comes in. It must be well-formed. */
void fake_conn_hear(const char *xml);
