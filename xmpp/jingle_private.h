/** What the files of the Jingle reader and writer share; nobody else includes this. */
#pragma once

#include "base/span.h"
#include "xmpp/jingle.h"

#include <stdint.h>

#define JINGLE_DTLS_NS "urn:xmpp:jingle:apps:dtls:0"
#define JINGLE_FB_NS "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
#define JINGLE_GROUP_NS "urn:xmpp:jingle:apps:grouping:0"
#define JINGLE_HDREXT_NS "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
#define JINGLE_ICE_OPTION_NS "http://gultsch.de/xmpp/drafts/jingle/transports/ice-udp/option"
#define JINGLE_INFO_NS "urn:xmpp:jingle:apps:rtp:info:1"
#define JINGLE_OMEMO_NS "http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification" /* sic */
#define JINGLE_SSMA_NS "urn:xmpp:jingle:apps:rtp:ssma:0"

struct jingle_reader {
    struct jingle *out;
    bool by_initiator;
    const char *why; /* set before a function returns an error */
    /* By content, before groups tie them together: */
    struct desc_transport transport[DESC_STREAMS_MAX];
    bool rtcp_mux[DESC_STREAMS_MAX];
    uint32_t groups[DESC_STREAMS_MAX]; /* bit n: named in the nth BUNDLE group */
};

/** Hand @p err back with a sentence for the peer. */
static inline enum gw_err jingle_refuse(struct jingle_reader *r, enum gw_err err, const char *why)
{
    r->why = why;
    return err;
}

/** Of this name and namespace; text is neither. */
bool jingle_is(xmpp_stanza_t *element, const char *name, const char *ns);
/** An attribute, borrowed; empty when it is not there. */
struct span jingle_attr(xmpp_stanza_t *element, const char *name);
/** Printable ASCII without spaces, at least one: what may become a word of SDP. */
bool jingle_is_token(struct span s);
/** The character data right inside, without white space around it. False, and an empty string, when
 * it does not fit. */
bool jingle_text(xmpp_stanza_t *element, char *buf, size_t size);

/** senders= (XEP-0166 7.3) <-> direction as the author sees it. Absent is both. */
bool jingle_read_senders(struct span word, bool by_initiator, enum desc_direction *out);
/** NULL for both and for none: neither is ever written. */
const char *jingle_senders(enum desc_direction d, bool by_initiator);

/** <description/> of content @p i (jingle_rtp.c). */
enum gw_err jingle_read_description(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i);
void jingle_write_description(GString *s, const struct desc *d, unsigned i, bool by_initiator);
/** <transport/> of content @p i (jingle_ice.c). */
enum gw_err jingle_read_transport(struct jingle_reader *r, xmpp_stanza_t *element, unsigned i);
void jingle_write_transport(GString *s, const struct desc_transport *t);
/** Once all contents and groups are read: move the transports into the description, one for those
 * that share it. */
void jingle_share_transports(struct jingle_reader *r);
