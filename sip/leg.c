#include "sip/leg.h"

#include "base/ids.h"
#include "base/log.h"
#include "media/desc_sdp.h"

static struct sipleg *sipleg_of(struct leg *leg)
{
    return (struct sipleg *)(void *)leg;
}

char *sipleg_sdp(struct sipleg *l, const struct desc *desc)
{
    struct desc *own = desc_copy(desc);
    char *text;

    own->session_id = l->session_id;
    own->session_version = l->session_version;
    text = desc_sdp_write(own);
    if (g_strcmp0(text, l->sdp) != 0) { /* RFC 3264 8: one up with each change, and only then */
        own->session_version = ++l->session_version;
        g_free(text);
        text = desc_sdp_write(own);
        g_free(l->sdp);
        l->sdp = g_strdup(text);
    }
    desc_free(own);
    return text;
}

static void sipleg_post(struct sipleg *l, struct sipcmd *cmd)
{
    cmd->id = l->id;
    cmd->call_id = l->base.call_id;
    stack_post(l->stack, cmd);
}

static void sipleg_progress(struct leg *leg, bool ringing, const struct desc *early)
{
    struct sipleg *l = sipleg_of(leg);
    struct sipcmd cmd = {.type = SIPCMD_PROGRESS, .ringing = ringing};

    cmd.sdp = early ? sipleg_sdp(l, early) : NULL;
    sipleg_post(l, &cmd);
}

static void sipleg_answer(struct leg *leg, const struct desc *desc)
{
    struct sipleg *l = sipleg_of(leg);
    struct sipcmd cmd = {.type = SIPCMD_ANSWER, .sdp = sipleg_sdp(l, desc)};

    sipleg_post(l, &cmd);
}

static void sipleg_offer(struct leg *leg, const struct desc *offer)
{
    struct sipleg *l = sipleg_of(leg);
    struct sipcmd cmd = {.type = SIPCMD_OFFER, .sdp = sipleg_sdp(l, offer)};

    sipleg_post(l, &cmd);
}

static void sipleg_respond(struct leg *leg, const struct desc *answer, bool glare)
{
    struct sipleg *l = sipleg_of(leg);
    struct sipcmd cmd = {.type = SIPCMD_RESPOND, .glare = glare};

    cmd.sdp = answer ? sipleg_sdp(l, answer) : NULL;
    sipleg_post(l, &cmd);
}

static void sipleg_keyframe(struct leg *leg)
{
    struct sipcmd cmd = {.type = SIPCMD_KEYFRAME};

    sipleg_post(sipleg_of(leg), &cmd);
}

static void sipleg_hangup(struct leg *leg, const struct end_reason *why)
{
    struct sipleg *l = sipleg_of(leg);
    struct sipcmd cmd = {.type = SIPCMD_HANGUP, .why = *why};

    if (l->hung_up)
        return;
    l->hung_up = true;
    sipleg_post(l, &cmd);
}

static void sipleg_free(struct leg *leg)
{
    struct sipleg *l = sipleg_of(leg);

    g_free(l->sdp);
    g_free(l);
}

static const struct leg_ops sipleg_ops = {
    .name = "sip",
    .progress = sipleg_progress,
    .answer = sipleg_answer,
    .offer = sipleg_offer,
    .respond = sipleg_respond,
    .keyframe = sipleg_keyframe,
    .hangup = sipleg_hangup,
    .free = sipleg_free,
};

struct sipleg *sipleg_new(struct stack *stack, GHashTable *legs, uint64_t id)
{
    struct sipleg *l = g_new0(struct sipleg, 1);

    l->base.ops = &sipleg_ops;
    l->id = id;
    l->stack = stack;
    l->legs = legs;
    l->session_id = random_u64() >> 2; /* RFC 8866 5.2: a number that others can hold */
    (void)g_hash_table_insert(legs, &l->id, l);
    return l;
}

void sipleg_event(struct sipleg *l, const struct leg_event *ev)
{
    LOG_CALL(l->base.call_id);

    if (ev->type == LEG_GONE)
        (void)g_hash_table_remove(l->legs, &l->id);
    leg_report(&l->base, ev);
}
