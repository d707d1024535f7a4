/** Two engines face each other: a plain peer on each end, and between them whatever a leg can
 * carry.
 *
 *   near peer -- plain leg, tested leg (engine 1) == tested leg, plain leg (engine 2) -- far peer
 */
#pragma once

#include "media_world.h"

struct chain {
    struct world w[2];
    struct peer end[2];
    struct media_id plain[2], leg[2];
    struct desc *said[2];               /* last description of each tested leg */
    bool video;                         /* from now on described beside the audio ... */
    bool refused;                       /* ... and refused by both */
    void (*forge)(struct desc *answer); /* what the next answers suffer on their way; or NULL */
};

/** Legs negotiated and joined with the peers'; engine 0 has offered. */
void chain_open(struct chain *c, const struct desc_profile *profile,
                void (*tweak)(struct media_config *));
void chain_close(struct chain *c);
/** A plain peer on each end, joined with the tested leg; chain_open() does it. */
void chain_media(struct chain *c);
void chain_negotiate(struct chain *c, unsigned offerer, bool restart);
/** Both tested legs may carry media. */
void chain_ready(struct chain *c);
/** Join and readiness have settled once a packet comes through. */
void chain_settle(struct chain *c, unsigned from);
/** A hundred packets, each as it was sent. */
void chain_carries(struct chain *c, unsigned from);
/** What crosses between the engines goes through text, as it would in a call. */
struct desc *chain_wire(const struct desc *d);
