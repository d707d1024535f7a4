#include "tests/fakes/leg.h"

#include <string.h>

struct fake_adapter {
    struct adapter ad;     /* first */
    GHashTable *addresses; /* address -> struct endpoint template; n in id */
    GPtrArray *all;        /* of struct fake_leg */
    GPtrArray *dialled;
    enum gw_err refusal, message_refusal;
    GString *post;
    GArray *deliveries; /* of uint64_t */
    const char *elsewhere;
};

static void leg_say(struct leg *leg, const char *what)
{
    struct fake_leg *l = (struct fake_leg *)leg;

    if (l->said->len)
        g_string_append(l->said, "; ");
    g_string_append(l->said, what);
}

static void leg_keep(struct leg *leg, const struct desc *d)
{
    struct fake_leg *l = (struct fake_leg *)leg;

    desc_free(l->last);
    l->last = d ? desc_copy(d) : NULL;
}

static void fake_progress(struct leg *leg, bool ringing, const struct desc *early)
{
    leg_say(leg, ringing ? "progress ringing" : "progress");
    if (early) {
        leg_say(leg, "early");
        leg_keep(leg, early);
    }
}

static void fake_answer(struct leg *leg, const struct desc *desc)
{
    leg_say(leg, "answer");
    leg_keep(leg, desc);
}

static void fake_offer(struct leg *leg, const struct desc *offer)
{
    leg_say(leg, "offer");
    leg_keep(leg, offer);
}

static void fake_respond(struct leg *leg, const struct desc *answer, bool glare)
{
    leg_say(leg, answer ? "respond" : glare ? "glare" : "refuse");
    leg_keep(leg, answer);
}

static void fake_dtmf(struct leg *leg, char digit, unsigned duration_ms)
{
    g_autofree char *text = g_strdup_printf("dtmf %c", digit);

    (void)duration_ms;
    leg_say(leg, text);
}

static void fake_hangup(struct leg *leg, const struct end_reason *why)
{
    struct fake_leg *l = (struct fake_leg *)leg;
    g_autofree char *text = g_strconcat("hangup ", end_word(why->cause), NULL);

    leg_say(leg, text);
    l->hung_up = true;
}

static void fake_free(struct leg *leg)
{
    leg_say(leg, "free");
}

static const struct leg_ops fake_leg_ops = {.name = "fake",
                                            .progress = fake_progress,
                                            .answer = fake_answer,
                                            .offer = fake_offer,
                                            .respond = fake_respond,
                                            .dtmf = fake_dtmf,
                                            .hangup = fake_hangup,
                                            .free = fake_free};

struct fake_leg *fake_leg_new(struct adapter *ad)
{
    struct fake_leg *l = g_new0(struct fake_leg, 1);

    l->leg.ops = &fake_leg_ops;
    l->said = g_string_new(NULL);
    g_ptr_array_add(((struct fake_adapter *)ad)->all, l);
    return l;
}

static unsigned fake_endpoints(struct adapter *ad, const char *address, struct endpoint *out,
                               unsigned max)
{
    const struct endpoint *e = g_hash_table_lookup(((struct fake_adapter *)ad)->addresses, address);
    unsigned n = e ? (unsigned)MIN(e->id, max) : 0;

    for (unsigned i = 0; i < n; i++) {
        out[i] = *e;
        out[i].id = i + 1;
    }
    return n;
}

static enum gw_err fake_dial(struct adapter *ad, const struct dial_request *req, struct leg **out)
{
    struct fake_leg *l;

    if (((struct fake_adapter *)ad)->refusal)
        return ((struct fake_adapter *)ad)->refusal;
    l = fake_leg_new(ad);
    leg_keep(&l->leg, req->offer);
    g_ptr_array_add(((struct fake_adapter *)ad)->dialled, l);
    *out = &l->leg;
    return GW_OK;
}

static enum gw_err fake_message(struct adapter *ad, const struct endpoint *to,
                                const struct message *m, uint64_t delivery)
{
    struct fake_adapter *f = (struct fake_adapter *)ad;

    if (f->message_refusal)
        return f->message_refusal;
    g_array_append_val(f->deliveries, delivery);
    g_string_append_printf(f->post, "%s%u from %s (%s) to %s: %s", f->post->len ? "; " : "",
                           (unsigned)to->id, m->from, m->from_display, m->to, m->text);
    return GW_OK;
}

static void fake_message_done(struct adapter *ad, uint64_t ref, enum end_cause cause)
{
    struct fake_adapter *f = (struct fake_adapter *)ad;

    g_string_append_printf(f->post, "%sdone %u %s", f->post->len ? "; " : "", (unsigned)ref,
                           cause ? end_word(cause) : "taken");
}

static void fake_watched(struct adapter *ad, uint64_t ref, const struct presence *p)
{
    struct fake_adapter *f = (struct fake_adapter *)ad;

    g_string_append_printf(f->post, "%s%u is %s", f->post->len ? "; " : "", (unsigned)ref,
                           presence_word(p->show));
    if (p->note[0])
        g_string_append_printf(f->post, " (%s)", p->note);
}

static enum gw_err fake_watch(struct adapter *ad, const char *address, const char *who, bool on)
{
    struct fake_adapter *f = (struct fake_adapter *)ad;

    if (!f->elsewhere || !g_str_has_suffix(address, f->elsewhere))
        return GW_ENOTFOUND;
    g_string_append_printf(f->post, "%sasks %s%s for %s", f->post->len ? "; " : "",
                           on ? "" : "no more ", address, who);
    return GW_OK;
}

static void fake_stop(struct adapter *ad)
{
    struct fake_adapter *f = (struct fake_adapter *)ad;

    for (guint i = 0; i < f->all->len; i++) {
        struct fake_leg *l = g_ptr_array_index(f->all, i);
        g_string_free(l->said, TRUE);
        desc_free(l->last);
        g_free(l);
    }
    g_ptr_array_unref(f->all);
    g_ptr_array_unref(f->dialled);
    g_hash_table_unref(f->addresses);
    g_string_free(f->post, TRUE);
    g_array_unref(f->deliveries);
    g_free(f);
}

static const struct adapter_ops fake_adapter_ops = {.name = "fake",
                                                    .endpoints = fake_endpoints,
                                                    .dial = fake_dial,
                                                    .message = fake_message,
                                                    .message_done = fake_message_done,
                                                    .watched = fake_watched,
                                                    .watch = fake_watch,
                                                    .stop = fake_stop};

struct adapter *fake_adapter_new(void)
{
    struct fake_adapter *f = g_new0(struct fake_adapter, 1);

    f->ad.ops = &fake_adapter_ops;
    f->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    f->all = g_ptr_array_new();
    f->dialled = g_ptr_array_new();
    f->post = g_string_new(NULL);
    f->deliveries = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    return &f->ad;
}

void fake_adapter_address(struct adapter *ad, const char *address, unsigned n,
                          const struct desc_profile *profile, unsigned nprofiles)
{
    struct endpoint *e = g_new0(struct endpoint, 1);

    e->adapter = ad;
    e->id = n;
    e->nprofiles = nprofiles;
    for (unsigned i = 0; i < nprofiles; i++)
        e->profile[i] = profile[i];
    g_strlcpy(e->label, address, sizeof(e->label));
    g_hash_table_replace(((struct fake_adapter *)ad)->addresses, g_strdup(address), e);
}

void fake_adapter_refuse(struct adapter *ad, enum gw_err err)
{
    ((struct fake_adapter *)ad)->refusal = err;
}

struct fake_leg *fake_adapter_leg(struct adapter *ad, unsigned i)
{
    GPtrArray *dialled = ((struct fake_adapter *)ad)->dialled;

    g_assert_cmpuint(i, <, dialled->len);
    return g_ptr_array_index(dialled, i);
}

unsigned fake_adapter_legs(struct adapter *ad)
{
    return ((struct fake_adapter *)ad)->dialled->len;
}

unsigned fake_adapter_settle(struct adapter *ad)
{
    GPtrArray *all = ((struct fake_adapter *)ad)->all;
    unsigned n = 0;

    for (guint i = 0; i < all->len; i++) {
        struct fake_leg *l = g_ptr_array_index(all, i);
        struct leg_event gone = {.type = LEG_GONE};
        if (!l->hung_up)
            continue;
        l->hung_up = false;
        n++;
        leg_report(&l->leg, &gone);
    }
    return n;
}

void fake_leg_report(struct fake_leg *l, enum leg_event_type type, struct desc *desc)
{
    struct leg_event ev = {.type = type, .desc = desc, .ringing = type == LEG_PROGRESS && !desc};

    leg_report(&l->leg, &ev);
}

void fake_leg_end(struct fake_leg *l, enum end_cause cause)
{
    struct leg_event ev = {.type = LEG_ENDED, .why = end_because(cause)};

    leg_report(&l->leg, &ev);
}

const char *fake_adapter_post(struct adapter *ad)
{
    return ((struct fake_adapter *)ad)->post->str;
}

uint64_t fake_adapter_delivery(struct adapter *ad, unsigned i)
{
    const GArray *all = ((struct fake_adapter *)ad)->deliveries;

    g_assert_cmpuint(i, <, all->len);
    return g_array_index(all, uint64_t, i);
}

void fake_adapter_refuse_messages(struct adapter *ad, enum gw_err err)
{
    ((struct fake_adapter *)ad)->message_refusal = err;
}

void fake_adapter_elsewhere(struct adapter *ad, const char *suffix)
{
    ((struct fake_adapter *)ad)->elsewhere = suffix;
}
