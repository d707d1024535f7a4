/** Fits a new offer to the m-lines a leg already has: RFC 3264 8 (streams are never removed or
 * reordered, a payload type never changes its meaning) and JSEP (mids stay). Pure; any thread. */
#pragma once

#include "media/desc.h"
#include "media/negotiate.h"

/** @p said: what we last told leg Y. @p fresh: what negotiate_offer() made of leg X's new offer,
 * with @p x_to_fresh.
 *  @p x_to_y: how X's streams were paired with Y's before (streams new in X: -1). Returns the offer
 * for Y (no transports) and in *@p map how X's streams are paired with its streams. */
struct desc *reoffer_align(const struct desc *said, const struct desc *fresh,
                           const struct stream_map *x_to_y, const struct stream_map *x_to_fresh,
                           struct stream_map *map);
/** b_of_a the other way round. */
struct stream_map stream_map_invert(const struct stream_map *map);
struct stream_map stream_map_none(void);
