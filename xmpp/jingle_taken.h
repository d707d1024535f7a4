/** What handlers of Jingle actions share. Private to jingle_session.c (how sessions begin and end)
 * and jingle_change.c (what changes in them). Thread: call thread. */
#pragma once

#include "xmpp/leg.h"

/** One Jingle stanza of the peer, on its session; all borrowed. A handler answers the IQ first. */
struct taken {
    struct component *x;
    struct jleg *l;
    const struct stanza *iq;
    struct jingle *j;
};

extern const struct stanza_error taken_out_of_order;
void taken_refuse(const struct taken *t, const struct stanza_error *e);
/** The stream of this name in what is known of the peer, else of us; -1. */
int taken_stream(const struct jleg *l, const char *mid);
/** Streams of the peer's answer, in the order of our offer; what it left out is refused. */
struct desc *taken_in_order(const struct jleg *l, const struct desc *theirs);

void change_on_transport_info(struct taken *t);
void change_on_content_accept(struct taken *t);
void change_on_content_add(struct taken *t);
void change_on_content_modify(struct taken *t);
void change_on_content_reject(struct taken *t);
void change_on_content_remove(struct taken *t);
