/** Offer/answer between two legs (RFC 3264): which streams and codecs are left, and how payload
 * types map. Pure. Thread: any. Nothing is decoded: a codec is common when both sides name the same
 * format. */
#pragma once

#include "media/desc.h"

/** Which stream of the far description belongs to which of ours; -1 none. */
struct stream_map {
    int8_t b_of_a[DESC_STREAMS_MAX];
};

/** What Tandem itself offers when nobody made an offer (offerless INVITE): one audio stream with
 * opus, G722, PCMU, PCMA and telephone-event; @p video: and one with VP8 and H264; SENDRECV. No
 * transports. */
struct desc *negotiate_default_offer(bool video);

/** Leg A offered @p a: the streams to offer to a leg B of @p profile. Codecs keep A's payload types
 * where free of clashes, known static ones theirs. Only audio and video streams are carried over;
 * only formats both sides could forward (rtx and audio red only with @p profile.feedback; CN,
 * ulpfec and flexfec never; extensions about one hop like MID and transport-cc never cross). No
 * transports, no SSRCs, no msid: media adds its own. @p map says which stream became which. For a
 * telephone: telephone-event/8000 is added where any audio codec needs it (RFC 4733), so that every
 * answer can carry DTMF. */
struct desc *negotiate_offer(const struct desc *a, const struct desc_profile *profile,
                             struct stream_map *map);

/** Leg A offered @p a, leg B answered @p b (to what negotiate_offer() made with @p map): the
 * streams of A's answer, one for each of A's, in A's order, payload types of A's offer, codecs that
 * B accepted, B's fmtp, refused streams repeated as refused, directions crossed over,
 * telephone-event kept for every clock rate in use that A offered. GW_ENOCODEC when no stream is
 * left. No transports. */
enum gw_err negotiate_answer(const struct desc *a, const struct desc *b,
                             const struct stream_map *map, struct desc **out);

/** For a peer that cannot take a no to one stream: what @p answer refused of @p offer's audio and
 * video is accepted in one format, to be received and dropped, or inactive where the peer would not
 * send. */
void negotiate_sink(const struct desc *offer, struct desc *answer);

/** Pair the streams of @p a with those of @p b by kind, in order; -1 where one is left over. */
struct stream_map negotiate_pair(const struct desc *a, const struct desc *b);

/** Answer @p offer from @p current, what we last said to that leg for the same streams (the
 * mid-call firewall: session refresh, port change, ICE restart). GW_ESTATE when the offer differs
 * end to end (streams added, removed, other codecs, other direction): ask the far leg. @p
 * last_offer is the peer's previous description. */
enum gw_err negotiate_refresh(const struct desc *last_remote, const struct desc *offer,
                              const struct desc *current, struct desc **out);

/** How packets of one stream cross from leg A to leg B and back; made once a negotiation, obeyed by
 * the worker. */
enum {
    PLAN_CODECS_MAX = 16,
    PLAN_EXTENSIONS_MAX = 8,
    PLAN_PT_CONSUME = 255 /* pt_out of a telephone-event the far side did not take: not forwarded,
                             but detected (MEDIA_DTMF); declared so that a browser has its keypad */
};
struct plan_codec {
    uint8_t pt_in, pt_out;        /* as received from one leg; as sent to the other */
    uint32_t clock_in, clock_out; /* differ only for telephone-event: durations are scaled */
    bool dtmf, rtx, video;
};
struct plan_extension {
    uint8_t id_in, id_out;
};
struct plan_way { /* one stream, one direction */
    int8_t from_stream, to_stream;
    bool open; /* directions of both sides allow it; closed: packets are counted and dropped */
    unsigned ncodecs;
    struct plan_codec codec[PLAN_CODECS_MAX];
    unsigned nextensions;
    struct plan_extension extension[PLAN_EXTENSIONS_MAX]; /* others are blanked in place */
    bool far_pli, far_fir, far_nack; /* feedback the sender of this way understands */
};
struct media_plan {
    unsigned nways;
    struct plan_way way[2 * DESC_STREAMS_MAX]; /* A to B and B to A; for an echo leg only A to A */
    unsigned na_to_b; /* the first this many go from A to B, the rest from B to A */
};

/** From what each side declared it wants to receive (@p a_remote, @p b_remote: the peers'
 * descriptions; @p a_local, @p b_local: what we told them). */
void negotiate_plan(const struct desc *a_local, const struct desc *a_remote,
                    const struct desc *b_local, const struct desc *b_remote,
                    const struct stream_map *map, struct media_plan *out);
/** For echo: everything a leg sends comes back to it. */
void negotiate_plan_echo(const struct desc *local, const struct desc *remote,
                         struct media_plan *out);
