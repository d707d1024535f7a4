/** A media engine on loopback and peers with real sockets, for tests. Waits end with a condition or
 * fail at a deadline. */
#pragma once

#include "base/clock.h"
#include "base/ids.h"
#include "media/desc_sdp.h"
#include "media/media.h"
#include "media/rtp.h"

#include <glib.h>

enum { WORLD_EVENTS = 512, WORLD_PACKET = 1600 };
#define WORLD_DEADLINE_US (10 * US_PER_S)

struct world {
    struct media *m;
    unsigned nevents;
    struct media_event event[WORLD_EVENTS];
};

/** One worker, 127.0.0.1, ports 20000-20999; @p tweak may change the configuration (or NULL). */
void world_open(struct world *w, void (*tweak)(struct media_config *c));
void world_close(struct world *w);
/** Run the main loop for up to 2 ms. */
void world_turn(void);
/** Events of this kind and leg so far. */
unsigned world_count(const struct world *w, struct media_id id, enum media_event_type type);
const struct media_event *world_last(const struct world *w, struct media_id id,
                                     enum media_event_type type);
/** Until @p n of them are there. */
void world_await(struct world *w, struct media_id id, enum media_event_type type, unsigned n);
struct media_stats world_stats(struct world *w, struct media_id id);
struct media_id world_leg(struct world *w, const struct desc_profile *profile,
                          struct media_id near);

/** A telephone: one or two UDP sockets. */
struct peer {
    int fd, rtcp_fd;
    struct net_addr addr, rtcp_addr; /* its own */
    struct net_addr to;              /* where it sends RTP */
    uint16_t seq;
    uint32_t ts, ssrc;
};
void peer_open(struct peer *p);
void peer_close(struct peer *p);
/** One RTP packet: @p n octets of payload, all @p fill. */
void peer_send(struct peer *p, uint8_t pt, uint8_t fill, size_t n);
void peer_send_raw(const struct peer *p, const void *data, size_t n);
/** The next datagram on @p fd while the world turns; 0 when none comes within @p wait_us. */
size_t peer_recv(int fd, uint8_t *buf, uint64_t wait_us);
/** The next RTP packet; fails the test at the deadline. */
struct rtp_header peer_expect(struct peer *p, uint8_t *buf);
/** Nothing is waiting: asks once everything sent before has gone through the worker. */
void peer_expect_none(struct world *w, struct peer *p);

/** An audio description of a plain peer: PCMU 0, telephone-event 101. */
struct desc *desc_plain(const struct peer *p);
/** Streams alone: what a leg is to be described with. */
struct desc *desc_audio(void);
void desc_add_opus(struct desc *d);
/** A plan of one audio stream both ways; the telephone-events too. */
void plan_audio(struct media_plan *plan, uint8_t pt_a, uint8_t pt_b);
/** Leg with a plain peer, answered. */
struct media_id world_plain(struct world *w, struct peer *p, struct media_id near);
