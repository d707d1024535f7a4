/** One leg's media on its worker: streams over transports, each transport one or two ports. Private
 * to media/; the pieces of the data path see each other's structs.
 *
 *  Thread: the worker's. Owner: the worker's table, from CMD_OPEN to CMD_CLOSE. Nothing is freed in
 * between, so callbacks of ICE and DTLS may touch everything they can reach. */
#pragma once

#include "base/wheel.h"
#include "media/command.h"
#include "media/dtmf.h"
#include "media/media.h"
#include "media/port.h"
#include "media/rtcp.h"
#include "media/rtp.h"

struct worker;
struct session;

enum {
    SOURCES_MAX = 24, /* SSRCs of one leg that are remembered; then the quietest is forgotten */
    KEYPAD_MAX = 32   /* digits waiting */
};

/** One SSRC of the peer. */
struct source {
    uint32_t ssrc;
    uint8_t stream;
    bool rtx;
    struct rtp_receiver rx;
    struct rtcp_stamp sr;
    uint64_t last_us;
};

/** One SSRC of ours. */
struct out {
    struct rtp_rewriter w;
    struct rtcp_stamp sr;
    uint64_t relayed_us; /* the sender's last SR was passed on; 0: none of this source */
    uint32_t clock_hz;   /* of the last audio or video packet; 0: none yet */
};

/** How packets of a stream leave for the other leg; a plan_way made fast. */
struct way {
    struct plan_way plan;
    uint8_t codec[128]; /* payload type received -> index into plan.codec, or WAY_NONE */
    uint32_t clock_hz;  /* of audio or video */
};
enum { WAY_NONE = 255 };

struct stream {
    bool used, video, heard;
    uint8_t transport;
    bool peer_talks; /* its last description says so: silence would be odd */
    char mid[DESC_MID_MAX];
    uint8_t mid_id;
    struct out out, rtx;
    struct way *way; /* owned; what we receive goes there; NULL: not joined */
    int8_t fed_by;   /* stream of session->peer whose way ends here; -1 */
    struct dtmf_receiver digits;
    uint8_t fir_seq;
    uint64_t asked_us; /* last key frame request to the peer */
    bool pli, fir;     /* feedback the peer understands */
    unsigned nsources;
    struct remote_source *source; /* owned; signalled SSRCs */
    unsigned nevents;
    struct {
        uint8_t pt;
        uint32_t clock_hz;
    } event[EVENT_PTS_MAX];
    uint32_t clock_hz; /* of the peer's first codec */
};

struct keypad {              /* digits we were asked to send */
    struct session *session; /* borrowed */
    struct {
        char digit;
        uint16_t duration_ms;
    } queue[KEYPAD_MAX];
    uint8_t head, count;
    bool sending, begun; /* an event is under way; its first packet has left */
    uint8_t stream, pt;
    uint32_t event_hz;
    struct dtmf_sender sender;
    uint32_t ts; /* of the event's beginning */
    struct wheel_timer timer;
};

enum session_state { SESSION_WAITING, SESSION_READY, SESSION_FAILED };

struct session {
    struct worker *worker; /* borrowed */
    struct media_id id;
    uint64_t call_id;
    enum session_state state; /* written by session_ready() and session_fail() alone */
    unsigned ntransports, nstreams;
    struct transport *transport; /* owned, ntransports */
    struct stream *stream;       /* owned, nstreams; pointers to it live no longer than a packet */
    char cname[CNAME_MAX];
    unsigned nsources;
    struct source *source; /* owned; grows to SOURCES_MAX */
    unsigned hint;         /* source of the last packet */
    struct session *peer;  /* joined with; itself for an echo; NULL */
    struct keypad *keypad; /* owned; NULL until the first digit */
    uint64_t remote_us;    /* first remote description */
    uint64_t alive_us;     /* last authentic packet, or since when it should send */
    uint64_t report_us;    /* next RTCP report */
    uint32_t rtt_us;
    struct media_stats stats;
    struct stats_cell *cell; /* borrowed from struct media */
    struct wheel_timer tick;
};

struct session *session_new(struct worker *w, const struct command *open, struct stats_cell *cell);
void session_free(struct session *s);
void session_set_local(struct session *s, struct local_set *local);
void session_set_remote(struct session *s, const struct remote_set *remote);
void session_candidate(struct session *s, unsigned transport, const struct desc_candidate *c);
void session_join(struct session *a, struct session *b, const struct media_plan *plan);
void session_keyframe(struct session *s);
/** Called whenever a port may have become usable: reports MEDIA_READY once. */
void session_ready(struct session *s);
/** At most one MEDIA_FAILED; afterwards nothing passes. */
void session_fail(struct session *s, enum media_why why, const char *text);
void session_event(struct session *s, const struct media_event *ev);

/* relay.c */
/** May the peer send this payload type, as far as is known? */
bool relay_expects(const struct session *s, unsigned transport, uint8_t pt);
/** A clear RTP packet of an authentic source; the slot is the relay's now, and @p h its to change.
 */
void relay_input(struct port *p, struct slot *slot, struct rtp_header *h);
/** The source of this SSRC on this transport, NULL when nothing came from it. */
struct source *source_find(struct session *s, unsigned transport, uint32_t ssrc);

/* report.c: RTCP */
void report_input(struct port *p, const uint8_t *pkt, size_t n);
void report_tick(struct session *s);
/** Ask the peer for a key frame of its stream. */
void report_want_keyframe(struct session *s, unsigned stream);

/* keypad.c */
void keypad_push(struct session *s, char digit, unsigned duration_ms);
/** A generated event is going out in this stream: its audio waits. */
bool keypad_busy(const struct session *s, unsigned stream);
/** A digit the peer sent has ended. */
void keypad_received(struct session *s, unsigned stream, const struct dtmf_digit *d);
