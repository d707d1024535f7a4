#include "sip/publisher.h"

#include "base/clock.h"
#include "base/ids.h"
#include "sip/caller.h"
#include "sip/event.h"
#include "sip/pidf.h"

#include <stdio.h>

enum { PUBLISHED_MAX = 5000, PUBLISHED_OF_ONE_MAX = 16, DOCUMENT_MAX = 8192, ETAG_SIZE = 17 };

struct published {
    char etag[ETAG_SIZE]; /* its key: another one with each change */
    uint64_t id;          /* the gateway's source */
    char address[ADDRESS_MAX];
    uint64_t expires_us;
};

static void tell_gone(struct stack *s, const struct published *p)
{
    struct sipev ev = {.type = SIPEV_UNPUBLISHED, .id = p->id};

    stack_emit(s, &ev);
}

static void tell_gateway(struct stack *s, const struct published *p, const struct presence *say)
{
    struct sipev ev = {.type = SIPEV_PUBLISHED, .id = p->id, .presence = *say};

    ev.in = g_new0(struct sipev_incoming, 1);
    ev.in->account = g_strdup(p->address);
    stack_emit(s, &ev);
}

static bool has_room(struct stack *s, const char *address)
{
    unsigned n = 0;
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->published);
    while (g_hash_table_iter_next(&it, NULL, &value))
        n += g_str_equal(((struct published *)value)->address, address);
    return n < PUBLISHED_OF_ONE_MAX && g_hash_table_size(s->published) < PUBLISHED_MAX;
}

/* 0, or the status of the refusal already sent. */
static int check_headers(struct caller *c, nta_incoming_t *irq, const sip_t *sip)
{
    if (c->stack->draining)
        return caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
    if (!event_fits(sip))
        return event_refuse(c->stack, irq);
    if (!caller_dials(c, sip->sip_request->rq_url))
        return caller_refuse(c, irq, SIP_404_NOT_FOUND);
    return 0;
}

static int check_owner(struct caller *c, nta_incoming_t *irq, const sip_t *sip)
{
    int status = caller_check(c, irq, sip);

    if (status)
        return status;
    if (!c->account || g_ascii_strcasecmp(c->to, c->account->address) != 0)
        return caller_refuse(c, irq, SIP_403_FORBIDDEN);
    return 0;
}

/* 0 with *@p said false: there is no body. */
static int read_document(const struct caller *c, nta_incoming_t *irq, const sip_t *sip,
                         struct presence *out, bool *said)
{
    const sip_payload_t *pl = sip->sip_payload;

    *said = pl && pl->pl_len > 0;
    if (!*said)
        return 0;
    if (!sip->sip_content_type || !sip->sip_content_type->c_type ||
        g_ascii_strcasecmp(sip->sip_content_type->c_type, PIDF_TYPE) != 0 ||
        (sip->sip_content_encoding && sip->sip_content_encoding->k_items)) {
        (void)nta_incoming_treply(irq, SIP_415_UNSUPPORTED_MEDIA, SIPTAG_ACCEPT_STR(PIDF_TYPE),
                                  TAG_END());
        return 415;
    }
    if (pl->pl_len > DOCUMENT_MAX)
        return caller_refuse(c, irq, SIP_413_REQUEST_TOO_LARGE);
    if (!pidf_read((struct span){pl->pl_data, pl->pl_len}, out))
        return caller_refuse(c, irq, 400, "Unreadable PIDF");
    return 0;
}

/* The one it is about, or a new one; NULL: refused, with *@p status. */
static struct published *find(const struct caller *c, nta_incoming_t *irq, const sip_t *sip,
                              bool said, int *status)
{
    struct stack *s = c->stack;
    const char *etag = sip->sip_if_match ? sip->sip_if_match->g_string : NULL;
    struct published *p = etag ? g_hash_table_lookup(s->published, etag) : NULL;

    if (p && g_str_equal(p->address, c->from))
        return p;
    if (etag)
        *status = caller_refuse(c, irq, SIP_412_PRECONDITION_FAILED);
    else if (!said)
        *status = caller_refuse(c, irq, 400, "Nothing To Publish");
    else if (!has_room(s, c->from))
        *status = caller_refuse(c, irq, SIP_503_SERVICE_UNAVAILABLE);
    if (*status)
        return NULL;
    p = g_new0(struct published, 1);
    p->id = id_next();
    (void)g_strlcpy(p->address, c->from, sizeof(p->address));
    return p;
}

static void keep(struct stack *s, nta_incoming_t *irq, struct published *p, uint32_t expires_s)
{
    char expires[16];

    if (p->etag[0])
        (void)g_hash_table_steal(s->published, p->etag);
    random_token(p->etag, ETAG_SIZE - 1);
    p->expires_us = clock_now_us() + expires_s * US_PER_S;
    (void)snprintf(expires, sizeof(expires), "%u", expires_s);
    (void)nta_incoming_treply(irq, SIP_200_OK, SIPTAG_EXPIRES_STR(expires),
                              SIPTAG_ETAG_STR(p->etag), SIPTAG_SERVER_STR(s->server), TAG_END());
    (void)g_hash_table_insert(s->published, p->etag, p);
    if (expires_s == 0) {
        tell_gone(s, p);
        (void)g_hash_table_remove(s->published, p->etag);
    }
}

static int publish(struct caller *c, nta_incoming_t *irq, const sip_t *sip)
{
    struct published *p;
    struct presence say;
    uint32_t expires_s = 0;
    bool said = false;
    int status = event_expires(c->stack, irq, sip, &expires_s);

    if (status == 0)
        status = read_document(c, irq, sip, &say, &said);
    if (status)
        return status;
    p = find(c, irq, sip, said, &status);
    if (!p)
        return status;
    if (said && expires_s)
        tell_gateway(c->stack, p, &say);
    keep(c->stack, irq, p, expires_s);
    return 200;
}

int publisher_request(struct stack *s, nta_incoming_t *irq, const sip_t *sip)
{
    struct caller c = {.stack = s, .method = "PUBLISH"};
    int status;

    if (!hop_of_request(s, irq, &c.hop))
        return 403;
    status = check_headers(&c, irq, sip);
    if (status == 0)
        status = check_owner(&c, irq, sip);
    if (status == 0)
        status = publish(&c, irq, sip);
    hop_clear(&c.hop);
    return status;
}

void publications_expire(struct stack *s, uint64_t now_us)
{
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->published);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const struct published *p = value;
        if (p->expires_us > now_us)
            continue;
        tell_gone(s, p);
        g_hash_table_iter_remove(&it);
    }
}

void publications_drop(struct stack *s, const char *account)
{
    GHashTableIter it;
    void *value;

    g_hash_table_iter_init(&it, s->published);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const struct published *p = value;
        if (!g_str_equal(p->address, account))
            continue;
        tell_gone(s, p);
        g_hash_table_iter_remove(&it);
    }
}
