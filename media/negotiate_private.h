/** What negotiate.c and negotiate_plan.c share: which formats of two sides are the same thing. */
#pragma once

#include "media/negotiate.h"

bool negotiate_is_dtmf(const struct desc_codec *c);
bool negotiate_is_rtx(const struct desc_codec *c);
bool negotiate_is_red(const struct desc_codec *c);
/** A format that carries a stream by itself: no event, repair or comfort noise. */
bool negotiate_is_primary(const struct desc_codec *c);
bool negotiate_has_primary(const struct desc_stream *s);
/** Some primary format has this clock. */
bool negotiate_uses_clock(const struct desc_stream *s, uint32_t clock_hz);
/** The codec an rtx format repairs (RFC 4588 8.1), NULL for others and dangling ones. */
const struct desc_codec *negotiate_repaired(const struct desc_stream *s,
                                            const struct desc_codec *c);
/** Not refused, audio or video, and in a format that could cross. */
bool negotiate_carries_over(const struct desc_stream *a);
/** A header extension whose meaning survives the crossing (DESIGN 6). */
bool negotiate_extension_crosses(const char *uri);
bool negotiate_has_feedback(const struct desc_codec *c, const char *what);
void negotiate_add_feedback(struct desc_codec *c, const char *what);
/** The format of @p far that is @p c of @p near: the same codec, for rtx the one that repairs the
 * same codec, for red with the same payload types inside. Prefers the same payload type. NULL when
 * there is none; telephone-event needs the same clock here. */
const struct desc_codec *negotiate_find(const struct desc_stream *near, const struct desc_codec *c,
                                        const struct desc_stream *far);
