#include "web/proto.h"

#include "base/attr.h"
#include "web/limits.h"

#include <glib.h>

#include <jansson.h>

enum text_class {
    CLASS_LINE,  /* no control characters */
    CLASS_TOKEN, /* A-Z a-z 0-9 _ . - */
    CLASS_HEX,   /* 0-9 a-f */
    CLASS_DIGIT, /* one of 0-9 * # A-D */
    CLASS_LINES  /* CR, LF and tab besides */
};

// clang-format off
static const struct text_field {
    const char *name;
    unsigned min, max; /* octets */
    enum text_class class;
} texts[WEB_TEXTS] = {
    [TEXT_CALL]      = {"call", 1, WEB_CALL_ID_MAX - 1, CLASS_TOKEN},
    [TEXT_SERVER]    = {"server", 0, 95, CLASS_LINE},
    [TEXT_DOMAIN]    = {"domain", 1, 191, CLASS_LINE},
    [TEXT_NONCE]     = {"nonce", 8, 64, CLASS_TOKEN},
    [TEXT_USER]      = {"user", 1, 191, CLASS_LINE},
    [TEXT_CNONCE]    = {"cnonce", 8, 64, CLASS_TOKEN},
    [TEXT_PROOF]     = {"proof", 64, 64, CLASS_HEX},
    [TEXT_ADDRESS]   = {"address", 1, 191, CLASS_LINE},
    [TEXT_DISPLAY]   = {"display", 0, 95, CLASS_LINE},
    [TEXT_FROM]      = {"from", 0, 191, CLASS_LINE},
    [TEXT_TO]        = {"to", 1, 191, CLASS_LINE},
    [TEXT_SDP]       = {"sdp", 1, WEB_SDP_TEXT_MAX, CLASS_LINES},
    [TEXT_CANDIDATE] = {"candidate", 0, 1024, CLASS_LINE},
    [TEXT_MID]       = {"mid", 0, 31, CLASS_LINE},
    [TEXT_DIGIT]     = {"digit", 1, 1, CLASS_DIGIT},
    [TEXT_REASON]    = {"reason", 1, 31, CLASS_TOKEN},
    [TEXT_SENTENCE]  = {"sentence", 0, 255, CLASS_LINE},
    [TEXT_CODE]      = {"code", 1, 31, CLASS_TOKEN},
    [TEXT_TEXT]      = {"text", 0, 255, CLASS_LINE},
    [TEXT_RE]        = {"re", 0, WEB_RE_MAX - 1, CLASS_LINE},
    [TEXT_ID]        = {"id", 1, WEB_ID_MAX - 1, CLASS_TOKEN},
    [TEXT_BODY]      = {"body", 1, WEB_BODY_MAX, CLASS_LINES},
    [TEXT_SHOW]      = {"show", 1, 15, CLASS_TOKEN},
    [TEXT_NOTE]      = {"note", 0, 127, CLASS_LINE},
};

static const struct number_field {
    const char *name;
    int min, max;
} numbers[WEB_NUMBERS] = {
    [NUMBER_VERSION] = {"version", 1, 1000},
    [NUMBER_PING]    = {"ping", 1, 3600},
    [NUMBER_INDEX]   = {"index", 0, 15},
    [NUMBER_MS]      = {"ms", 40, 6000},
    [NUMBER_STATUS]  = {"status", 100, 999},
};

_Static_assert((int)WEB_TEXTS + (int)WEB_NUMBERS <= 32, "each field has a bit in struct shape");
#define T(field) (UINT32_C(1) << TEXT_##field)
#define N(field) (UINT32_C(1) << (WEB_TEXTS + NUMBER_##field))
static const struct shape {
    const char *word;
    uint32_t must, may; /* bits of T() and N() */
} shapes[WEB_TYPES] = {
    [WEB_HELLO]     = {"hello", N(VERSION) | T(DOMAIN) | T(NONCE) | N(PING), T(SERVER)},
    [WEB_AUTH]      = {"auth", T(USER) | T(CNONCE) | T(PROOF), 0},
    [WEB_WELCOME]   = {"welcome", T(ADDRESS) | T(DISPLAY), 0},
    [WEB_CALL]      = {"call", T(CALL) | T(TO) | T(SDP), 0},
    [WEB_INCOMING]  = {"incoming", T(CALL) | T(FROM) | T(DISPLAY) | T(TO) | T(SDP), 0},
    [WEB_RINGING]   = {"ringing", T(CALL), 0},
    [WEB_PROGRESS]  = {"progress", T(CALL) | T(SDP), 0},
    [WEB_ANSWER]    = {"answer", T(CALL) | T(SDP), 0},
    [WEB_REJECT]    = {"reject", T(CALL), T(REASON)},
    [WEB_CANDIDATE] = {"candidate", T(CALL) | T(CANDIDATE) | N(INDEX), T(MID)},
    [WEB_OFFER]     = {"offer", T(CALL) | T(SDP), 0},
    [WEB_REFUSE]    = {"refuse", T(CALL) | T(REASON), T(SENTENCE)},
    [WEB_DTMF]      = {"dtmf", T(CALL) | T(DIGIT), N(MS)},
    [WEB_BYE]       = {"bye", T(CALL), T(REASON)},
    [WEB_ENDED]     = {"ended", T(CALL) | T(REASON) | T(SENTENCE), N(STATUS)},
    [WEB_MESSAGE]   = {"message", T(TO) | T(BODY), T(ID) | T(FROM) | T(DISPLAY)},
    [WEB_DELIVERED] = {"delivered", T(ID), 0},
    [WEB_UNDELIVERED] = {"undelivered", T(ID) | T(REASON) | T(SENTENCE), 0},
    [WEB_PRESENCE]  = {"presence", T(SHOW), T(TO) | T(ADDRESS) | T(NOTE)},
    [WEB_WATCH]     = {"watch", T(TO), 0},
    [WEB_UNWATCH]   = {"unwatch", T(TO), 0},
    [WEB_UNWATCHED] = {"unwatched", T(TO) | T(REASON) | T(SENTENCE), 0},
    [WEB_PING]      = {"ping", 0, 0},
    [WEB_PONG]      = {"pong", 0, 0},
    [WEB_ERROR]     = {"error", T(CODE) | T(TEXT), T(RE) | T(CALL) | T(ID) | T(NONCE)},
};
// clang-format on

/* A candidate may be null (no more of them) and is then still said to be there. */
#define NULLABLE T(CANDIDATE)

const char *web_type_word(enum web_type type)
{
    return shapes[type].word;
}

static bool char_fits(enum text_class class, unsigned char c)
{
    switch (class) {
    case CLASS_LINE: return c >= 0x20 && c != 0x7f;
    case CLASS_TOKEN: return g_ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
    case CLASS_HEX: return g_ascii_isdigit(c) || (c >= 'a' && c <= 'f');
    case CLASS_DIGIT: return g_ascii_isdigit(c) || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
    case CLASS_LINES: return c >= 0x20 ? c != 0x7f : c == '\r' || c == '\n' || c == '\t';
    }
    return false;
}

static bool text_fits(const struct text_field *f, const char *text)
{
    size_t n = strlen(text);

    if (n < f->min || n > f->max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!char_fits(f->class, (unsigned char)text[i]))
            return false;
    return true;
}

bool web_call_id_is_clients(const char *id)
{
    return text_fits(&texts[TEXT_CALL], id) && !g_str_has_prefix(id, "s-");
}

bool web_id_fits(const char *id)
{
    return text_fits(&texts[TEXT_ID], id);
}

static enum gw_err fault(struct web_fault *why, enum gw_err err, const char *code, const char *fmt,
                         ...) ATTR_PRINTF(4, 5);

static enum gw_err fault(struct web_fault *why, enum gw_err err, const char *code, const char *fmt,
                         ...)
{
    va_list args;

    why->code = code;
    va_start(args, fmt);
    (void)g_vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return err;
}

/* The library's own bound on recursion is far above what a message of ours can need. */
static bool depth_fits(struct span json)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];

        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > WEB_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static enum gw_err text_read(const json_t *root, enum web_text field, bool must,
                             struct web_msg *out, struct web_fault *why)
{
    const struct text_field *f = &texts[field];
    const json_t *value = json_object_get(root, f->name);
    bool nullable = NULLABLE & (UINT32_C(1) << field);

    if (!value || json_is_null(value)) {
        if (must && !(value && nullable))
            return fault(why, GW_EINVAL, "bad-message", "The field \"%s\" is missing.", f->name);
        return GW_OK;
    }
    if (!json_is_string(value))
        return fault(why, GW_EINVAL, "bad-message", "The field \"%s\" must be text.", f->name);
    if (!text_fits(f, json_string_value(value)))
        return fault(why, GW_EINVAL, "bad-message",
                     "The field \"%s\" has a wrong length or holds what it must not.", f->name);
    out->text[field] = json_string_value(value);
    return GW_OK;
}

static enum gw_err number_read(const json_t *root, enum web_number field, bool must,
                               struct web_msg *out, struct web_fault *why)
{
    const struct number_field *f = &numbers[field];
    const json_t *value = json_object_get(root, f->name);
    json_int_t n;

    if (!value || json_is_null(value)) {
        if (must)
            return fault(why, GW_EINVAL, "bad-message", "The field \"%s\" is missing.", f->name);
        return GW_OK;
    }
    if (!json_is_integer(value))
        return fault(why, GW_EINVAL, "bad-message", "The field \"%s\" must be a whole number.",
                     f->name);
    n = json_integer_value(value);
    if (n < f->min || n > f->max)
        return fault(why, GW_EINVAL, "bad-message", "The field \"%s\" must be from %d to %d.",
                     f->name, f->min, f->max);
    out->number[field] = (int)n;
    return GW_OK;
}

static enum gw_err fields_read(const json_t *root, struct web_msg *out, struct web_fault *why)
{
    const struct shape *shape = &shapes[out->type];

    for (unsigned i = 0; i < WEB_TEXTS + WEB_NUMBERS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        enum gw_err err;

        if (!((shape->must | shape->may) & bit))
            continue;
        err = i < WEB_TEXTS ? text_read(root, (enum web_text)i, shape->must & bit, out, why)
                            : number_read(root, (enum web_number)(i - WEB_TEXTS), shape->must & bit,
                                          out, why);
        if (err)
            return err;
    }
    return GW_OK;
}

/* What the answer to a faulty message can say it is about. */
static void fault_subject(struct web_fault *why, const char *word, const json_t *root)
{
    const char *call = json_string_value(json_object_get(root, "call"));
    const char *id = json_string_value(json_object_get(root, "id"));

    if (text_fits(&texts[TEXT_RE], word))
        (void)g_strlcpy(why->re, word, sizeof(why->re));
    if (call && text_fits(&texts[TEXT_CALL], call))
        (void)g_strlcpy(why->call, call, sizeof(why->call));
    if (id && text_fits(&texts[TEXT_ID], id))
        (void)g_strlcpy(why->id, id, sizeof(why->id));
}

static enum gw_err object_read(const json_t *root, struct web_msg *out, struct web_fault *why)
{
    const char *word = json_string_value(json_object_get(root, "type"));

    if (!json_is_object(root))
        return fault(why, GW_EPARSE, "malformed", "A message must be a JSON object.");
    if (!word)
        return fault(why, GW_EINVAL, "bad-message", "The field \"type\" is missing.");
    fault_subject(why, word, root);
    for (unsigned i = 0; i < WEB_TYPES; i++) {
        if (!g_str_equal(word, shapes[i].word))
            continue;
        out->type = (enum web_type)i;
        return fields_read(root, out, why);
    }
    return fault(why, GW_EUNSUPPORTED, "unknown-type", "There is no message of this type.");
}

enum gw_err web_msg_read(struct span json, struct web_msg *out, struct web_fault *why)
{
    enum gw_err err;
    json_t *root;

    *out = (struct web_msg){0};
    *why = (struct web_fault){0};
    if (json.n > WEB_MESSAGE_MAX || !depth_fits(json))
        return fault(why, GW_EPARSE, "malformed", "The message is too long or too deeply nested.");
    root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return fault(why, GW_EPARSE, "malformed", "The message is not valid JSON.");
    err = object_read(root, out, why);
    if (err) {
        json_decref(root);
        *out = (struct web_msg){0};
        return err;
    }
    out->root = root;
    return GW_OK;
}

void web_msg_clear(struct web_msg *m)
{
    json_decref(m->root);
    *m = (struct web_msg){0};
}

/* Valid UTF-8 of at most f->max octets without control characters; NULL when cutting would change
 * the meaning. */
static json_t *text_value(enum web_text field, const char *text)
{
    const struct text_field *f = &texts[field];
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    size_t n = strlen(valid);

    if (n > f->max) {
        if (field == TEXT_SDP || field == TEXT_CANDIDATE || field == TEXT_BODY)
            return NULL;
        n = (size_t)(g_utf8_find_prev_char(valid, valid + f->max + 1) - valid);
    }
    for (size_t i = 0; i < n; i++)
        if (!char_fits(f->class, (unsigned char)valid[i]))
            valid[i] = f->class == CLASS_LINE ? ' ' : '_';
    return json_stringn(valid, n);
}

char *web_msg_write(const struct web_msg *m)
{
    const struct shape *shape = &shapes[m->type];
    json_t *root = json_pack("{s:s}", "type", shape->word);
    char *out = NULL;

    for (unsigned i = 0; i < WEB_TEXTS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        bool must = shape->must & bit;

        if (!must && !((shape->may & bit) && m->text[i]))
            continue;
        if (!m->text[i] && !(NULLABLE & bit))
            goto out;
        if (json_object_set_new(root, texts[i].name,
                                m->text[i] ? text_value((enum web_text)i, m->text[i])
                                           : json_null()))
            goto out;
    }
    for (unsigned i = 0; i < WEB_NUMBERS; i++) {
        uint32_t bit = UINT32_C(1) << (WEB_TEXTS + i);

        if ((shape->must & bit) || ((shape->may & bit) && m->number[i] != 0))
            (void)json_object_set_new(root, numbers[i].name, json_integer(m->number[i]));
    }
    out = json_dumps(root, JSON_COMPACT);
out:
    json_decref(root);
    return out;
}
