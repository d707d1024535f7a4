/* What a session says: Jingle stanzas of ours (XEP-0166). */
#include "xmpp/leg.h"

#include <string.h>

static void send_jingle(struct jleg *l, const struct jingle *j, enum request_what what)
{
    const char *to = l->peer[0] ? l->peer : l->bare;
    char id[32];
    GString *s;

    stanza_id(l->x, id);
    s = stanza_begin("iq", "set", l->ours, to, id);
    jingle_write(s, j, l->dialled, l->dialled ? l->ours : NULL, NULL);
    request_add(l->x, id, to, l, what);
    stanza_send(l->x, s, "iq");
}

/* What is borrowed of @p d stays the caller's: jingle_clear() is not for this. */
static struct jingle jingle_of(const struct jleg *l, enum jingle_action action, struct desc *d)
{
    struct jingle j = {.action = action, .desc = d};

    (void)g_strlcpy(j.sid, l->sid, sizeof(j.sid));
    for (unsigned i = 0; d && i < d->nstreams; i++)
        j.content[i].description = j.content[i].transport = true;
    return j;
}

/* The streams of @p d that @p wanted names, with their transports. */
static struct desc *part_of(const struct desc *d, uint32_t wanted)
{
    struct desc *part = desc_copy(d);
    unsigned n = 0;

    for (unsigned i = 0; i < part->nstreams; i++)
        if (wanted & 1U << i) {
            struct desc_stream keep = part->stream[i];

            part->stream[i] = part->stream[n];
            part->stream[n++] = keep;
        }
    while (part->nstreams > n)
        desc_drop_last_stream(part);
    return part;
}

/* XEP-0166 has no refused contents: what a description refuses is left out. */
static uint32_t live_streams(const struct desc *d)
{
    uint32_t live = 0;

    for (unsigned i = 0; i < d->nstreams; i++)
        if (!d->stream[i].refused)
            live |= 1U << i;
    return live;
}

static void send_part(struct jleg *l, enum jingle_action action, const struct desc *d,
                      uint32_t wanted, enum request_what what)
{
    struct desc *part = part_of(d, live_streams(d));
    struct jingle j = jingle_of(l, action, part);
    unsigned n = 0;

    for (unsigned i = 0; i < d->nstreams; i++)
        if (live_streams(d) & 1U << i) /* the others are named in the group alone */
            j.content[n++].group_only = !(wanted & 1U << i);
    send_jingle(l, &j, what);
    desc_free(part);
}

void jses_initiate(struct jleg *l)
{
    send_part(l, JINGLE_SESSION_INITIATE, l->local, live_streams(l->local), REQUEST_SESSION);
}

void jses_accept(struct jleg *l, const struct desc *answer)
{
    send_part(l, JINGLE_SESSION_ACCEPT, answer, live_streams(answer), REQUEST_SESSION);
}

void jses_terminate(struct jleg *l, enum jingle_reason reason)
{
    struct jingle j = jingle_of(l, JINGLE_SESSION_TERMINATE, NULL);

    j.reason = reason;
    send_jingle(l, &j, REQUEST_INFO);
}

void jses_ringing(struct jleg *l)
{
    struct jingle j = jingle_of(l, JINGLE_SESSION_INFO, NULL);

    j.info = JINGLE_INFO_RINGING;
    send_jingle(l, &j, REQUEST_INFO);
}

/* transport-info for the streams in @p wanted, with at most @p most candidates each. */
static void send_transport(struct jleg *l, const struct desc *d, uint32_t wanted, unsigned most)
{
    struct desc *part = part_of(d, wanted);
    struct jingle j = jingle_of(l, JINGLE_TRANSPORT_INFO, part);

    for (unsigned i = 0; i < part->nstreams; i++)
        j.content[i].description = false;
    for (unsigned i = 0; i < part->ntransports; i++) {
        part->transport[i].ncandidates = MIN(part->transport[i].ncandidates, most);
        part->transport[i].nfingerprints = 0;
        part->transport[i].setup = DESC_SETUP_NONE;
    }
    send_jingle(l, &j, REQUEST_INFO);
    desc_free(part);
}

/* One content with one candidate: Dino takes no second content, Monal no second candidate. */
void jses_candidate(struct jleg *l, unsigned stream, const struct desc_candidate *c)
{
    struct desc *d = desc_copy(l->offering ? l->offering : l->local);
    int t = d->stream[stream].transport;

    if (t >= 0 && !d->stream[stream].refused) {
        d->transport[t].ncandidates = 0;
        *desc_add_candidate(&d->transport[t]) = *c;
        send_transport(l, d, 1U << stream, 1);
    }
    desc_free(d);
}

/* A refused content-add is repeated as it was, with an empty transport: Conversations ends the call
 * where one is missing. */
void jses_reject(struct jleg *l, const struct desc *d, uint32_t refused)
{
    struct desc *part = desc_new();
    struct jingle j;

    for (unsigned i = 0; i < d->nstreams; i++) {
        struct desc_stream *s =
            (refused & 1U << i) ? desc_add_stream(part, d->stream[i].kind) : NULL;

        if (!s)
            continue;
        (void)g_strlcpy(s->mid, d->stream[i].mid, sizeof(s->mid));
        s->direction = desc_direction_reverse(d->stream[i].direction);
        s->transport = -1;
    }
    j = jingle_of(l, JINGLE_CONTENT_REJECT, part);
    send_jingle(l, &j, REQUEST_INFO);
    desc_free(part);
}

/* Our new credentials with a candidate of each content: without one Conversations takes it for an
 * offer of ours. The rest follows by itself: checks of ours show where we are. */
static void answer_restart(struct jleg *l, const struct desc *answer)
{
    send_transport(l, answer, live_streams(answer), 1);
}

void jses_answer(struct jleg *l, const struct desc *answer)
{
    uint32_t live = answer ? live_streams(answer) : 0;
    uint32_t accepted = l->added & live;
    uint32_t refused = l->added & ~live;

    if (accepted)
        send_part(l, JINGLE_CONTENT_ACCEPT, answer, accepted, REQUEST_INFO);
    if (refused)
        jses_reject(l, l->remote, refused);
    if (l->restarted && answer)
        answer_restart(l, answer);
    l->rejected |= answer ? refused : 0;
    l->added = 0;
    l->restarted = false;
}

bool jses_add(struct jleg *l, const struct desc *offer)
{
    uint32_t was = live_streams(l->local);
    uint32_t fresh = live_streams(offer) & ~was;

    if (!fresh)
        return false;
    send_part(l, JINGLE_CONTENT_ADD, offer, fresh, REQUEST_OFFER);
    return true;
}
