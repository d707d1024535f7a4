/** What we say about ourselves: service discovery (XEP-0030), entity capabilities (XEP-0115).
 * Pure. Thread: any. */
#pragma once

#include <glib.h>

#include <stdbool.h>

/* What a JID of ours is. */
enum disco_kind {
    DISCO_GATEWAY, /* the component's domain */
    DISCO_PHONE,   /* user@component, with or without resource: somebody who can be called */
    DISCO_KINDS
};

/** Append <query xmlns='...disco#info'>; @p node is repeated when it is not NULL. */
void disco_info(GString *s, enum disco_kind kind, const char *node);
/** Is @p node one we have answers for: none, or our caps node with the present hash? */
bool disco_node_known(enum disco_kind kind, const char *node);
/** Append <c xmlns='http://jabber.org/protocol/caps' .../>. */
void disco_caps(GString *s, enum disco_kind kind);
/** The verification string of XEP-0115 5.1; g_free. */
char *disco_ver(enum disco_kind kind);
