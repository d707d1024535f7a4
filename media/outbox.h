/** Packet memory of one worker, and what waits to be sent: slots are received into, worked on in
 * place and sent from. Outputs are bucketed by socket and leave in one sendmmsg() each.
 *
 *  Thread: the worker's. Owner: a slot belongs to whoever took it until outbox_add() hands it over;
 * the flush gives it back to the pool. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SLOT_HEAD = 64,   /* room before: RFC 4571 length, TURN framing */
    SLOT_BODY = 1500, /* the largest datagram taken */
    SLOT_TAIL = 160,  /* room behind: SRTP tag, SRTCP index */
    SLOT_COUNT = 4096,
    OUTBOX_MAX = 256 /* packets waiting; one more flushes first */
};

struct slot {
    struct slot *next; /* in the pool */
    uint16_t n;        /* octets at slot_data(); set by who fills it */
    uint16_t at;       /* slot_data(): SLOT_HEAD, until a header became shorter or longer */
    uint8_t bytes[SLOT_HEAD + SLOT_BODY + SLOT_TAIL];
};

static inline uint8_t *slot_data(struct slot *s)
{
    return s->bytes + s->at;
}

/** Octets there is room for at slot_data(). */
static inline size_t slot_room(const struct slot *s)
{
    return sizeof(s->bytes) - s->at;
}

struct port;

/** One bound UDP socket. */
struct sock {
    int fd;
    struct net_addr local;     /* as bound */
    struct net_addr advertise; /* as told to peers */
    uint32_t id;               /* of this worker's; shared sockets count from 0 */
    struct port *owner;        /* NULL: shared */
    uint16_t first, last;      /* the outbox's: its entries waiting, 1-based; 0 none */
    uint8_t queued;            /* the outbox's */
};

struct outbox;
struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);

/** NULL when the pool is empty even after a flush: never while fewer than SLOT_COUNT are held. */
struct slot *slot_take(struct outbox *o);
void slot_give(struct outbox *o, struct slot *s);

/** Send s->n octets from slot_data(); the slot is the outbox's now. */
void outbox_add(struct outbox *o, struct sock *from, const struct net_addr *to, struct slot *s);
/** Due before a socket with entries is closed. */
void outbox_flush(struct outbox *o);
