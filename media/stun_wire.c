#include "media/stun_wire.h"

#include <glib.h>
#include <stun/stunagent.h>
#include <stun/stunmessage.h>

#include <arpa/inet.h>

enum { INTEGRITY_LEN = 20 };

struct wire {
    StunAgent agent;
};

/* Comprehension-required attributes that we understand (RFC 8489 14, RFC 8445 16.1). */
static const uint16_t known[] = {
    STUN_ATTRIBUTE_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_USERNAME,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_ERROR_CODE,
    STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE,
    0,
};

struct wire *wire_new(void)
{
    struct wire *w = g_new0(struct wire, 1);

    stun_agent_init(&w->agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return w;
}

void wire_free(struct wire *w)
{
    g_free(w);
}

static size_t finish(struct wire *w, StunMessage *msg, const char *pwd)
{
    return stun_agent_finish_message(&w->agent, msg, (const uint8_t *)pwd, strlen(pwd));
}

size_t wire_write_check(struct wire *w, const struct wire_check *c, uint8_t buf[ICE_DATAGRAM_MAX])
{
    char username[DESC_ICE_MAX + ICE_UFRAG_MAX];
    StunTransactionId id;
    StunMessage msg;
    size_t n;

    if (!stun_agent_init_request(&w->agent, &msg, buf, ICE_DATAGRAM_MAX, STUN_BINDING))
        return 0;
    memcpy(buf + WIRE_HEADER_LEN - WIRE_ID_LEN, c->id, WIRE_ID_LEN);
    n = (size_t)g_snprintf(username, sizeof(username), "%s:%s", c->remote_ufrag, c->local_ufrag);
    if (stun_message_append_bytes(&msg, STUN_ATTRIBUTE_USERNAME, username, n) ||
        stun_message_append32(&msg, STUN_ATTRIBUTE_PRIORITY, c->priority) ||
        stun_message_append64(
            &msg, c->controlling ? STUN_ATTRIBUTE_ICE_CONTROLLING : STUN_ATTRIBUTE_ICE_CONTROLLED,
            c->tie_breaker))
        return 0;
    if (c->use_candidate && stun_message_append_flag(&msg, STUN_ATTRIBUTE_USE_CANDIDATE))
        return 0;
    n = finish(w, &msg, c->pwd);
    /* The library would remember 200 requests and then refuse more; our agents keep their own. */
    stun_message_id(&msg, id);
    (void)stun_agent_forget_transaction(&w->agent, id);
    return n;
}

/* What the library takes on trust: MESSAGE-INTEGRITY must have 20 octets, since it compares that
 * many. Every attribute header is inside the datagram: ice_route() has seen to the lengths. */
static bool integrity_sound(const StunMessage *msg)
{
    uint16_t n = 0;

    return stun_message_find(msg, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &n) && n == INTEGRITY_LEN;
}

/* The library asks for writable memory where it only reads. */
static uint8_t *unconst(const char *p)
{
    union {
        const char *in;
        uint8_t *out;
    } u = {.in = p};

    return u.out;
}

static StunMessage message_of(struct wire *w, struct span datagram)
{
    return (StunMessage){
        .agent = &w->agent, .buffer = unconst(datagram.p), .buffer_len = datagram.n};
}

bool wire_read_request(struct wire *w, struct span datagram, const char *pwd,
                       struct wire_request *out)
{
    StunDefaultValidaterData allowed[2] = {{.password = unconst(pwd), .password_len = strlen(pwd)}};
    struct ice_route route;
    StunMessage msg;
    StunValidationStatus status;

    *out = (struct wire_request){0};
    if (!ice_route(datagram, &route) || route.kind != ICE_REQUEST)
        return false;
    msg = message_of(w, datagram);
    if (!integrity_sound(&msg))
        return false;
    allowed[0].username = unconst(route.ufrag.p); /* any: the caller has looked at it */
    allowed[0].username_len = route.ufrag.n + 1 + route.theirs.n;
    status = stun_agent_validate(&w->agent, &msg, msg.buffer, datagram.n,
                                 stun_agent_default_validater, allowed);
    if (status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE)
        out->unknown_attribute = true;
    else if (status != STUN_VALIDATION_SUCCESS)
        return false;
    if (stun_message_find64(&msg, STUN_ATTRIBUTE_ICE_CONTROLLING, &out->tie_breaker) ==
        STUN_MESSAGE_RETURN_SUCCESS)
        out->role = WIRE_CONTROLLING;
    else if (stun_message_find64(&msg, STUN_ATTRIBUTE_ICE_CONTROLLED, &out->tie_breaker) ==
             STUN_MESSAGE_RETURN_SUCCESS)
        out->role = WIRE_CONTROLLED;
    if (stun_message_find32(&msg, STUN_ATTRIBUTE_PRIORITY, &out->priority))
        out->priority = 0; /* pion's consent checks have none: not worth a refusal */
    out->use_candidate =
        stun_message_find_flag(&msg, STUN_ATTRIBUTE_USE_CANDIDATE) == STUN_MESSAGE_RETURN_SUCCESS;
    return true;
}

size_t wire_write_success(struct wire *w, struct span request, const char *pwd,
                          const struct net_addr *mapped, uint8_t buf[ICE_DATAGRAM_MAX])
{
    StunMessage req = message_of(w, request);
    StunMessage msg;
    struct sockaddr_storage sa;
    socklen_t n = net_addr_to_sockaddr(mapped, &sa);

    if (!stun_agent_init_response(&w->agent, &msg, buf, ICE_DATAGRAM_MAX, &req) ||
        stun_message_append_xor_addr(&msg, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &sa, n))
        return 0;
    return finish(w, &msg, pwd);
}

size_t wire_write_error(struct wire *w, struct span request, const char *pwd, int error,
                        uint8_t buf[ICE_DATAGRAM_MAX])
{
    StunMessage req = message_of(w, request);
    StunMessage msg;

    if (error == STUN_ERROR_UNKNOWN_ATTRIBUTE) {
        req.key = unconst(pwd);
        req.key_len = strlen(pwd);
        return stun_agent_build_unknown_attributes_error(&w->agent, &msg, buf, ICE_DATAGRAM_MAX,
                                                         &req);
    }
    if (!stun_agent_init_error(&w->agent, &msg, buf, ICE_DATAGRAM_MAX, &req, (StunError)error))
        return 0;
    return finish(w, &msg, pwd);
}

bool wire_read_response(struct wire *w, struct span datagram, const char *pwd,
                        struct wire_response *out)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    struct ice_route route;
    StunMessage msg;
    StunAgentSavedIds *slot = &w->agent.sent_ids[0];
    bool ok;

    *out = (struct wire_response){0};
    if (!ice_route(datagram, &route) || route.kind != ICE_RESPONSE)
        return false;
    msg = message_of(w, datagram);
    /* The library wants to have sent the request itself. */
    if (!integrity_sound(&msg))
        return false;
    stun_message_id(&msg, slot->id);
    slot->method = STUN_BINDING;
    slot->key = unconst(pwd);
    slot->key_len = strlen(pwd);
    slot->valid = true;
    /* It does not look at the integrity of 400 and 401, which then leave no key: to us they are
     * what anyone could have sent. */
    ok = stun_agent_validate(&w->agent, &msg, msg.buffer, datagram.n, NULL, NULL) ==
             STUN_VALIDATION_SUCCESS &&
         msg.key;
    *slot = (StunAgentSavedIds){0};
    if (!ok)
        return false;
    if (stun_message_get_class(&msg) == STUN_ERROR)
        return stun_message_find_error(&msg, &out->error) == STUN_MESSAGE_RETURN_SUCCESS &&
               out->error >= 300;
    return stun_message_find_xor_addr(&msg, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &sa, &n) ==
               STUN_MESSAGE_RETURN_SUCCESS &&
           net_addr_from_sockaddr((const struct sockaddr *)&sa, &out->mapped);
}
