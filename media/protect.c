/* SRTP's state: which packet index a sequence number means, what was seen or sent before, for which
 * source. The cryptography is in protect_evp.c. */
#include "media/protect.h"

#include "media/protect_internal.h"
#include "media/rtcp.h"

#include <openssl/crypto.h>

#include <stdlib.h>

enum {
    RTCP_CLEAR = 8, /* head and SSRC */
    RTCP_INDEX = 4, /* E bit and index */
    LEN_MAX = 65535,
    SOURCES_FIRST = 4 /* audio and video, each with its rtx */
};
#define E_BIT UINT32_C(0x80000000)
#define INDEX_END (UINT64_C(1) << 48) /* RFC 3711 9.2: packets of one key and SSRC */
#define RTCP_INDEX_END (UINT64_C(1) << 31)

/** The highest index and which of the PROTECT_WINDOW up to it were used (RFC 3711 3.3.2). */
struct window {
    bool used;
    uint64_t high;
    uint64_t bits[2]; /* bit 0 of [0] is high itself */
};

struct source {
    uint32_t ssrc;
    uint64_t last_use; /* for replacing the least recently used */
    struct window rtp, rtcp;
};

struct protect {
    enum protect_direction direction;
    struct protect_lib *lib; /* the other backend; then nothing below is used */
    struct protect_key *rtp, *rtcp;
    uint64_t uses;
    unsigned recent; /* index of the source used last */
    unsigned nsources, room, sources_max;
    struct source *source; /* room for a few; doubled as SSRCs come, up to sources_max */
};

static struct protect_key *key_make(enum desc_suite suite, enum protect_direction direction,
                                    bool rtcp, const uint8_t *master)
{
    struct protect_session session;
    struct protect_key *k = NULL;
    if (protect_derive(suite, master, rtcp, &session))
        k = protect_key_new(suite, direction, rtcp, &session);
    OPENSSL_cleanse(&session, sizeof(session));
    return k;
}

struct protect *protect_new(enum media_srtp backend, enum protect_direction direction,
                            enum desc_suite suite, const uint8_t *key)
{
    bool own = backend == MEDIA_SRTP_OWN;
    struct protect *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->direction = direction;
    p->sources_max = direction == PROTECT_OUT ? PROTECT_SSRCS_OUT : PROTECT_SSRCS_IN;
    if (own) {
        p->room = SOURCES_FIRST;
        p->source = calloc(p->room, sizeof(*p->source));
        p->rtp = key_make(suite, direction, false, key);
        p->rtcp = key_make(suite, direction, true, key);
    } else {
        p->lib = protect_lib_new(direction, suite, key);
    }
    if (own ? !p->source || !p->rtp || !p->rtcp : !p->lib) {
        protect_free(p);
        return NULL;
    }
    return p;
}

void protect_free(struct protect *p)
{
    if (!p)
        return;
    protect_key_free(p->rtp);
    protect_key_free(p->rtcp);
    protect_lib_free(p->lib);
    free(p->source);
    free(p);
}

/** NULL when nothing is known of it. */
static struct source *source_find(struct protect *p, uint32_t ssrc)
{
    if (p->recent < p->nsources && p->source[p->recent].ssrc == ssrc)
        return &p->source[p->recent];
    for (unsigned i = 0; i < p->nsources; i++)
        if (p->source[i].ssrc == ssrc) {
            p->recent = i;
            return &p->source[i];
        }
    return NULL;
}

/** Room for one more; false at the limit. The first packet of an SSRC may come here, no other. */
static bool source_room(struct protect *p)
{
    if (p->nsources < p->room)
        return true;
    if (p->room == p->sources_max)
        return false;
    unsigned room = p->room ? p->room * 2 : SOURCES_FIRST; /* the limits are powers of two */
    struct source *more = realloc(p->source, room * sizeof(*more));
    if (!more)
        return false;
    p->source = more;
    p->room = room;
    return true;
}

/** A slot for a new source: a free one, inbound else the least recently used; NULL outbound. */
static struct source *source_add(struct protect *p, uint32_t ssrc)
{
    unsigned at = p->nsources;
    if (source_room(p)) {
        p->nsources++;
    } else if (p->direction == PROTECT_OUT) {
        return NULL;
    } else {
        at = 0;
        for (unsigned i = 1; i < p->nsources; i++)
            if (p->source[i].last_use < p->source[at].last_use)
                at = i;
    }
    p->source[at] = (struct source){.ssrc = ssrc};
    p->recent = at;
    return &p->source[at];
}

static enum gw_err window_check(const struct window *w, uint64_t index)
{
    if (!w->used || index > w->high)
        return GW_OK;
    uint64_t behind = w->high - index;
    if (behind >= PROTECT_WINDOW)
        return GW_EREPLAY;
    return w->bits[behind / 64] >> (behind % 64) & 1 ? GW_EREPLAY : GW_OK;
}

static void window_advance(struct window *w, uint64_t by)
{
    if (by >= PROTECT_WINDOW) {
        w->bits[0] = w->bits[1] = 0;
    } else if (by >= 64) {
        w->bits[1] = w->bits[0] << (by - 64);
        w->bits[0] = 0;
    } else if (by > 0) {
        w->bits[1] = w->bits[1] << by | w->bits[0] >> (64 - by);
        w->bits[0] <<= by;
    }
}

/** @p index has passed window_check() and, inbound, authentication. */
static void window_mark(struct window *w, uint64_t index)
{
    if (!w->used) {
        *w = (struct window){.used = true, .high = index, .bits = {1, 0}};
        return;
    }
    if (index > w->high) {
        window_advance(w, index - w->high);
        w->high = index;
    }
    uint64_t behind = w->high - index;
    w->bits[behind / 64] |= UINT64_C(1) << (behind % 64);
}

/** RFC 3711 3.3.1 and appendix A: the 48-bit index nearest to the highest one. Where that would lie
 * before the first cycle there is no such packet: inbound it can then only be one far ahead in the
 * first cycle (authentication decides), outbound it is one too late to send. */
static enum gw_err index_guess(const struct protect *p, const struct window *w, uint16_t seq,
                               uint64_t *out)
{
    uint64_t roc = w->high >> 16;
    uint16_t high = (uint16_t)w->high;
    if (!w->used) {
        roc = 0;
    } else if (high < 0x8000 && seq > high + 0x8000) {
        if (roc > 0)
            roc--;
        else if (p->direction == PROTECT_OUT)
            return GW_EREPLAY;
    } else if (high >= 0x8000 && seq < high - 0x8000) {
        roc++;
    }
    *out = roc << 16 | seq;
    if (*out >= INDEX_END)
        return p->direction == PROTECT_OUT ? GW_EFULL : GW_EREPLAY;
    return GW_OK;
}

static bool is_rtcp(const uint8_t *pkt, size_t len)
{
    return len >= RTCP_CLEAR && len <= LEN_MAX && pkt[0] >> 6 == 2;
}

static const struct window unseen;

enum gw_err protect_rtp(struct protect *p, uint8_t *pkt, size_t *len, size_t cap)
{
    size_t head = *len <= LEN_MAX ? rtp_header_len(pkt, *len) : 0;
    if (!head)
        return GW_EPARSE;
    if (p->direction != PROTECT_OUT)
        return GW_ESTATE;
    if (cap < *len + PROTECT_TAIL)
        return GW_ETOOBIG;
    if (p->lib)
        return protect_lib_seal(p->lib, false, pkt, len);
    struct protect_unit u = {.p = pkt, .clear = head, .len = *len, .ssrc = rtp_ssrc(pkt)};
    struct source *s = source_find(p, u.ssrc);
    const struct window *w = s ? &s->rtp : &unseen;
    enum gw_err err = index_guess(p, w, rtp_seq(pkt), &u.index);
    if (!err)
        err = window_check(w, u.index);
    if (!err && !s && !(s = source_add(p, u.ssrc)))
        err = GW_EFULL;
    if (err)
        return err;
    window_mark(&s->rtp, u.index); /* before encryption: whatever follows, never again */
    u.word = (uint32_t)(u.index >> 16);
    if (!protect_key_seal(p->rtp, &u, pkt + u.len))
        return GW_ECRYPTO;
    *len += protect_key_tag_len(p->rtp);
    return GW_OK;
}

enum gw_err unprotect_rtp(struct protect *p, uint8_t *pkt, size_t *len)
{
    size_t head = *len <= LEN_MAX ? rtp_header_len(pkt, *len) : 0;
    if (!head)
        return GW_EPARSE;
    if (p->direction != PROTECT_IN)
        return GW_ESTATE;
    if (p->lib)
        return protect_lib_open(p->lib, false, pkt, len);
    size_t tag_len = protect_key_tag_len(p->rtp);
    if (*len < head + tag_len)
        return GW_EPARSE;
    struct protect_unit u = {.p = pkt, .clear = head, .len = *len - tag_len, .ssrc = rtp_ssrc(pkt)};
    struct source *s = source_find(p, u.ssrc);
    const struct window *w = s ? &s->rtp : &unseen;
    enum gw_err err = index_guess(p, w, rtp_seq(pkt), &u.index);
    if (!err)
        err = window_check(w, u.index);
    if (err)
        return err;
    u.word = (uint32_t)(u.index >> 16);
    if (!protect_key_open(p->rtp, &u, pkt + u.len))
        return GW_ECRYPTO;
    if (!s)
        s = source_add(p, u.ssrc);
    s->last_use = ++p->uses;
    window_mark(&s->rtp, u.index);
    *len = u.len;
    return GW_OK;
}

/** SRTCP on the wire: CM packet, index, tag (RFC 3711 3.4); GCM packet, tag, index (RFC 7714 9). */
struct rtcp_layout {
    size_t tag, index;
};

static struct rtcp_layout rtcp_layout(const struct protect *p, size_t len)
{
    size_t tag_len = protect_key_tag_len(p->rtcp);
    if (tag_len == PROTECT_GCM_TAG)
        return (struct rtcp_layout){.tag = len, .index = len + tag_len};
    return (struct rtcp_layout){.index = len, .tag = len + RTCP_INDEX};
}

enum gw_err protect_rtcp(struct protect *p, uint8_t *pkt, size_t *len, size_t cap)
{
    if (!is_rtcp(pkt, *len))
        return GW_EPARSE;
    if (p->direction != PROTECT_OUT)
        return GW_ESTATE;
    if (cap < *len + PROTECT_TAIL)
        return GW_ETOOBIG;
    if (p->lib)
        return protect_lib_seal(p->lib, true, pkt, len);
    struct protect_unit u = {.p = pkt, .clear = RTCP_CLEAR, .len = *len, .ssrc = rtcp_sender(pkt)};
    struct source *s = source_find(p, u.ssrc);
    if (!s && !(s = source_add(p, u.ssrc)))
        return GW_EFULL;
    u.index = s->rtcp.used ? s->rtcp.high + 1 : 0;
    if (u.index >= RTCP_INDEX_END)
        return GW_EFULL;
    window_mark(&s->rtcp, u.index);
    u.word = E_BIT | (uint32_t)u.index;
    struct rtcp_layout at = rtcp_layout(p, u.len);
    if (!protect_key_seal(p->rtcp, &u, pkt + at.tag))
        return GW_ECRYPTO;
    octets_put32(pkt + at.index, u.word);
    *len += protect_key_tag_len(p->rtcp) + RTCP_INDEX;
    return GW_OK;
}

enum gw_err unprotect_rtcp(struct protect *p, uint8_t *pkt, size_t *len)
{
    if (!is_rtcp(pkt, *len))
        return GW_EPARSE;
    if (p->direction != PROTECT_IN)
        return GW_ESTATE;
    if (p->lib)
        return protect_lib_open(p->lib, true, pkt, len);
    size_t trailer = protect_key_tag_len(p->rtcp) + RTCP_INDEX;
    if (*len < RTCP_CLEAR + trailer)
        return GW_EPARSE;
    struct protect_unit u = {
        .p = pkt, .clear = RTCP_CLEAR, .len = *len - trailer, .ssrc = rtcp_sender(pkt)};
    struct rtcp_layout at = rtcp_layout(p, u.len);
    u.word = octets_get32(pkt + at.index);
    u.index = u.word & ~E_BIT;
    if (!(u.word & E_BIT)) /* unencrypted SRTCP is negotiated (RFC 4568 6.3.2), and never by us */
        return GW_ECRYPTO;
    struct source *s = source_find(p, u.ssrc);
    enum gw_err err = window_check(s ? &s->rtcp : &unseen, u.index);
    if (err)
        return err;
    if (!protect_key_open(p->rtcp, &u, pkt + at.tag))
        return GW_ECRYPTO;
    if (!s)
        s = source_add(p, u.ssrc);
    s->last_use = ++p->uses;
    window_mark(&s->rtcp, u.index);
    *len = u.len;
    return GW_OK;
}
