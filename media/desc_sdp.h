/** struct desc <-> SDP text (RFC 8866, 8839, 8842, 8843, 4568, 5576, 8285). Pure, fuzzed; the one
 * SDP reader and writer. Readers are lenient about line ends, order, missing s=/t=, letter case of
 * encoding names and unknown attributes, and strict about everything that would be acted upon.
 * Thread: any. */
#pragma once

#include "media/desc.h"

enum { DESC_SDP_MAX = 64 * 1024 };

/** Read an offer or answer. On failure *@p out is NULL and @p why (may be NULL) gets a static
 * sentence for the peer. Session-level attributes are spread over the streams; BUNDLE is resolved:
 * bundled streams share a transport. */
enum gw_err desc_sdp_read(struct span sdp, struct desc **out, const char **why);

/** Write; g_free the result. session_id/version in o= come from @p d. Streams whose transport is
 * bundled repeat the transport (Chrome and Firefox want it). Never fails on what desc_sdp_read() or
 * the desc_add_* functions made. */
char *desc_sdp_write(const struct desc *d);

/** "candidate:..." with or without "a=" (RFC 8839 5.1). GW_EUNSUPPORTED: well formed but of no use
 * here (mDNS name, other transport or address type): ignore it. */
enum gw_err desc_sdp_read_candidate(struct span text, struct desc_candidate *out);
/** Without "a="; g_free. */
char *desc_sdp_write_candidate(const struct desc_candidate *c);

/** The two parts of a fingerprint, "sha-256" and "AB:CD:..." (RFC 8122 5). GW_EUNSUPPORTED: a hash
 * not known here; another fingerprint may have a known one. */
enum gw_err desc_sdp_read_fingerprint(struct span hash, struct span hex,
                                      struct desc_fingerprint *out);
/** "AB:CD:..." */
enum { DESC_FINGERPRINT_TEXT = 64 * 3 };
const char *desc_sdp_fingerprint_text(const struct desc_fingerprint *f,
                                      char buf[DESC_FINGERPRINT_TEXT]);
/** "actpass" and so on (RFC 4145 4); false when it is none of them. */
bool desc_sdp_read_setup(struct span word, enum desc_setup *out);
/** NULL for DESC_SETUP_NONE. */
const char *desc_sdp_setup_word(enum desc_setup setup);
