/* The words of XEP-0166 and what both directions need. */
#include "xmpp/jingle.h"

#include "xmpp/jingle_private.h"
#include "xmpp/xml.h"

#include <string.h>

static const char *const actions[] = {
#define X(name, word) [name] = word,
    JINGLE_ACTION_LIST(X)
#undef X
};

static const char *const reasons[] = {
#define X(name, word) [name] = word,
    JINGLE_REASON_LIST(X)
#undef X
};

const char *jingle_action_word(enum jingle_action action)
{
    return actions[action];
}

const char *jingle_reason_word(enum jingle_reason reason)
{
    return reasons[reason];
}

void jingle_clear(struct jingle *j)
{
    g_clear_pointer(&j->desc, desc_free);
}

/* ---- elements ---- */

bool jingle_is(xmpp_stanza_t *element, const char *name, const char *ns)
{
    return g_strcmp0(xmpp_stanza_get_name(element), name) == 0 &&
           g_strcmp0(xmpp_stanza_get_ns(element), ns) == 0;
}

struct span jingle_attr(xmpp_stanza_t *element, const char *name)
{
    return span_of(xmpp_stanza_get_attribute(element, name));
}

bool jingle_is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

bool jingle_text(xmpp_stanza_t *element, char *buf, size_t size)
{
    size_t n = 0;

    buf[0] = '\0';
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(element); c; c = xmpp_stanza_get_next(c)) {
        if (!xmpp_stanza_is_text(c))
            continue;
        struct span text = span_of(xmpp_stanza_get_text_ptr(c));
        if (text.n >= size - n) {
            buf[0] = '\0';
            return false;
        }
        memcpy(buf + n, text.p, text.n);
        n += text.n;
        buf[n] = '\0';
    }
    g_strstrip(buf);
    return true;
}

/* ---- senders ---- */

/* Sessions have roles, descriptions have a describer: the initiator "sends" when senders= names it
 * or both, whoever says so. */
bool jingle_read_senders(struct span word, bool by_initiator, enum desc_direction *out)
{
    enum desc_direction d;

    if (span_empty(word) || span_equal(word, SPAN("both")))
        d = DESC_SENDRECV;
    else if (span_equal(word, SPAN("initiator")))
        d = DESC_SENDONLY;
    else if (span_equal(word, SPAN("responder")))
        d = DESC_RECVONLY;
    else if (span_equal(word, SPAN("none")))
        d = DESC_INACTIVE;
    else
        return false;
    *out = by_initiator ? d : desc_direction_reverse(d);
    return true;
}

const char *jingle_senders(enum desc_direction d, bool by_initiator)
{
    switch (by_initiator ? d : desc_direction_reverse(d)) {
    case DESC_SENDONLY: return "initiator";
    case DESC_RECVONLY: return "responder";
    case DESC_INACTIVE:
    case DESC_SENDRECV: break;
    }
    return NULL;
}

/* ---- reason ---- */

static enum jingle_reason reason_by_word(const char *word)
{
    for (unsigned i = JINGLE_NO_REASON + 1; i < JINGLE_REASONS; i++)
        if (strcmp(word, reasons[i]) == 0)
            return (enum jingle_reason)i;
    return JINGLE_NO_REASON;
}

/* As much as fits, ending where a character ends. */
static void copy_text(xmpp_stanza_t *element, char *text, size_t size)
{
    xmpp_stanza_t *c = xmpp_stanza_get_children(element);
    const char *all = c ? xmpp_stanza_get_text_ptr(c) : NULL; /* NULL for an element */
    const char *end;

    if (!all)
        return;
    g_strlcpy(text, all, size);
    if (!g_utf8_validate(text, -1, &end))
        text[end - text] = '\0';
}

enum jingle_reason jingle_reason_read(xmpp_stanza_t *reason, char *text, size_t size)
{
    enum jingle_reason found = JINGLE_NO_REASON;

    if (text)
        text[0] = '\0';
    if (!reason)
        return found;
    for (xmpp_stanza_t *c = xmpp_stanza_get_children(reason); c; c = xmpp_stanza_get_next(c)) {
        const char *name = xmpp_stanza_get_name(c);
        const char *ns = xmpp_stanza_get_ns(c);
        /* Conditions of an application have its own namespace and may have any name. In XEP-0353
         * some forget to change the namespace. */
        if (!name ||
            (g_strcmp0(ns, JINGLE_NS) != 0 && g_strcmp0(ns, xmpp_stanza_get_ns(reason)) != 0))
            continue;
        if (text && strcmp(name, "text") == 0)
            copy_text(c, text, size);
        else if (found == JINGLE_NO_REASON)
            found = reason_by_word(name);
    }
    return found;
}

void jingle_reason_write(GString *s, enum jingle_reason reason, const char *text)
{
    if (reason == JINGLE_NO_REASON)
        return;
    g_string_append_printf(s, "<reason xmlns='" JINGLE_NS "'><%s/>", reasons[reason]);
    if (text && text[0])
        xml_leaf(s, "text", text);
    g_string_append(s, "</reason>");
}
