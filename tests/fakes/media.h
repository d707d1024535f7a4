/** Replaces the door media/media.h at link time: no sockets, no threads; remembers what was asked.
 */
#pragma once

#include "media/media.h"

struct fake_media {
    unsigned open, opened; /* legs now, legs ever */
    unsigned joins;
    struct media_id join_a, join_b;
    struct media_plan plan;
    unsigned remotes;           /* descriptions handed over */
    unsigned remote_candidates; /* of all transports of the last of them */
    unsigned candidates;
    char digits[32]; /* sent with media_leg_dtmf(), in order */
    struct media_id digits_to;
    unsigned keyframes;
    bool full;        /* media_leg_open() refuses */
    bool unsupported; /* media_leg_describe() refuses */
};

/** The state of the one fake there is. */
extern struct fake_media fake_media;
/** As a worker would report. */
void fake_media_event(const struct media_event *ev);
