/** Do two descriptions say the same? For tests and the fuzz target. */
#pragma once

#include "media/desc.h"

#include <glib.h>

static inline const char *desc_codec_difference(const struct desc_codec *a,
                                                const struct desc_codec *b)
{
    if (a->pt != b->pt || g_strcmp0(a->name, b->name) != 0)
        return "codec";
    if (a->clock_hz != b->clock_hz || a->channels != b->channels)
        return "codec clock or channels";
    if (g_strcmp0(a->fmtp, b->fmtp) != 0)
        return "fmtp";
    if (a->nfeedback != b->nfeedback)
        return "number of rtcp-fb";
    for (unsigned i = 0; i < a->nfeedback; i++)
        if (g_strcmp0(a->feedback[i], b->feedback[i]) != 0)
            return "rtcp-fb";
    return NULL;
}

static inline const char *desc_stream_difference(const struct desc_stream *a,
                                                 const struct desc_stream *b)
{
    if (a->kind != b->kind || a->refused != b->refused || a->bundle_only != b->bundle_only ||
        a->transport != b->transport)
        return "kind, refusal or transport";
    if (g_strcmp0(a->mid, b->mid) != 0 || g_strcmp0(a->media, b->media) != 0 ||
        g_strcmp0(a->protocol, b->protocol) != 0 || g_strcmp0(a->formats, b->formats) != 0)
        return "mid, media, protocol or formats";
    if (a->direction != b->direction)
        return "direction";
    if (a->ncodecs != b->ncodecs || a->nextensions != b->nextensions || a->nsources != b->nsources)
        return "number of codecs, extensions or sources";
    for (unsigned i = 0; i < a->ncodecs; i++) {
        const char *why = desc_codec_difference(&a->codec[i], &b->codec[i]);
        if (why)
            return why;
    }
    for (unsigned i = 0; i < a->nextensions; i++)
        if (a->extension[i].id != b->extension[i].id ||
            a->extension[i].direction != b->extension[i].direction ||
            g_strcmp0(a->extension[i].uri, b->extension[i].uri) != 0)
            return "extension";
    for (unsigned i = 0; i < a->nsources; i++)
        if (a->source[i].ssrc != b->source[i].ssrc ||
            a->source[i].rtx_ssrc != b->source[i].rtx_ssrc ||
            g_strcmp0(a->source[i].cname, b->source[i].cname) != 0)
            return "source";
    if (g_strcmp0(a->msid, b->msid) != 0)
        return "msid";
    if (a->ptime_ms != b->ptime_ms || a->maxptime_ms != b->maxptime_ms ||
        a->bandwidth_bps != b->bandwidth_bps || a->rtcp_reduced_size != b->rtcp_reduced_size)
        return "ptime, bandwidth or rsize";
    return NULL;
}

static inline bool desc_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
    return a->set == b->set && (!a->set || net_addr_equal(a, b));
}

static inline bool desc_candidate_equal(const struct desc_candidate *a,
                                        const struct desc_candidate *b)
{
    return g_strcmp0(a->foundation, b->foundation) == 0 && a->component == b->component &&
           a->protocol == b->protocol && a->priority == b->priority &&
           desc_addr_equal(&a->addr, &b->addr) && a->type == b->type &&
           desc_addr_equal(&a->related, &b->related) && g_strcmp0(a->ufrag, b->ufrag) == 0;
}

static inline const char *desc_transport_difference(const struct desc_transport *a,
                                                    const struct desc_transport *b)
{
    if (a->ice != b->ice || a->ice_lite != b->ice_lite || a->ice_trickle != b->ice_trickle ||
        a->end_of_candidates != b->end_of_candidates ||
        a->ice_renomination != b->ice_renomination || g_strcmp0(a->ufrag, b->ufrag) != 0 ||
        g_strcmp0(a->pwd, b->pwd) != 0)
        return "ICE";
    if (a->ncandidates != b->ncandidates)
        return "number of candidates";
    for (unsigned i = 0; i < a->ncandidates; i++)
        if (!desc_candidate_equal(&a->candidate[i], &b->candidate[i]))
            return "candidate";
    if (a->security != b->security || a->feedback != b->feedback || a->setup != b->setup ||
        g_strcmp0(a->tls_id, b->tls_id) != 0)
        return "security, feedback, setup or tls-id";
    if (a->nfingerprints != b->nfingerprints || a->ncrypto != b->ncrypto)
        return "number of fingerprints or crypto";
    for (unsigned i = 0; i < a->nfingerprints; i++)
        if (g_strcmp0(a->fingerprint[i].hash, b->fingerprint[i].hash) != 0 ||
            a->fingerprint[i].n != b->fingerprint[i].n ||
            memcmp(a->fingerprint[i].value, b->fingerprint[i].value, a->fingerprint[i].n) != 0)
            return "fingerprint";
    for (unsigned i = 0; i < a->ncrypto; i++)
        if (a->crypto[i].tag != b->crypto[i].tag || a->crypto[i].suite != b->crypto[i].suite ||
            memcmp(a->crypto[i].key, b->crypto[i].key, sizeof(a->crypto[i].key)) != 0)
            return "crypto";
    if (!desc_addr_equal(&a->rtp, &b->rtp) || !desc_addr_equal(&a->rtcp, &b->rtcp) ||
        a->rtcp_mux != b->rtcp_mux || a->rtcp_mux_only != b->rtcp_mux_only)
        return "addresses or rtcp-mux";
    return NULL;
}

/** NULL when equal, else a word for what differs first. */
static inline const char *desc_difference(const struct desc *a, const struct desc *b)
{
    const char *why = NULL;

    if (a->session_id != b->session_id || a->session_version != b->session_version)
        return "origin";
    if (a->nstreams != b->nstreams || a->ntransports != b->ntransports || a->bundled != b->bundled)
        return "number of streams, transports, or bundling";
    for (unsigned i = 0; i < a->nstreams && !why; i++)
        why = desc_stream_difference(&a->stream[i], &b->stream[i]);
    for (unsigned i = 0; i < a->ntransports && !why; i++)
        why = desc_transport_difference(&a->transport[i], &b->transport[i]);
    return why;
}
