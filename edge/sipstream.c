#include "edge/sipstream.h"

#include <glib.h>

enum phase { PHASE_BETWEEN, PHASE_HEAD, PHASE_BODY, PHASE_COMPLETE, PHASE_BAD };

enum field { FIELD_CALL_ID, FIELD_CSEQ, FIELD_FROM, FIELD_TO, FIELD_LENGTH, FIELD_VIA, FIELDS };

struct head {
    unsigned fields;
    unsigned count[FIELDS];
    size_t length;   /* Content-Length */
    size_t token_at; /* transport token of the topmost Via, in the message */
    size_t token_size;
};

struct sipstream {
    enum phase phase;
    unsigned crlf;    /* bytes of CRLFCRLF seen between messages */
    GString *message; /* NULL between messages: an idle stream holds no buffer */
    size_t line;      /* bytes in the current line of the head */
    bool cr;          /* the last byte was a CR */
    size_t size;      /* of the whole message, PHASE_BODY */
    struct head head;
    const char *why;
};

struct sipstream *sipstream_new(void)
{
    return g_new0(struct sipstream, 1);
}

void sipstream_next(struct sipstream *s)
{
    if (s->message)
        (void)g_string_free(s->message, TRUE);
    memset(s, 0, sizeof(*s));
}

void sipstream_free(struct sipstream *s)
{
    if (!s)
        return;
    sipstream_next(s);
    g_free(s);
}

static enum sipstream_state bad(struct sipstream *s, const char *why)
{
    s->phase = PHASE_BAD;
    s->why = why;
    return SIPSTREAM_BAD;
}

/* ---- the first line ---- */

static bool method_is_known(struct span m)
{
    static const char *const known[] = {"INVITE",   "ACK",    "BYE",       "CANCEL", "OPTIONS",
                                        "REGISTER", "PRACK",  "UPDATE",    "INFO",   "MESSAGE",
                                        "REFER",    "NOTIFY", "SUBSCRIBE", "PUBLISH"};

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (span_equal(m, span_of(known[i])))
            return true;
    return false;
}

static bool is_version(struct span s)
{
    return span_equal_nocase(s, SPAN("SIP/2.0"));
}

static const char *check_first_line(struct span line)
{
    struct span first = span_cut(&line, ' ');
    struct span second = span_cut(&line, ' ');
    uint64_t status;

    if (is_version(first))
        return second.n == 3 && span_u64(second, 699, &status) && status >= 100
                   ? NULL
                   : "the status line is malformed";
    if (!is_version(line) || !second.n)
        return "the first line is not SIP";
    return method_is_known(first) ? NULL : "the method is unknown";
}

/* ---- the header fields ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Values may be folded (RFC 3261 7.3.1), so line ends count as white space. */
static struct span trim_folded(struct span v)
{
    while (v.n && is_space(v.p[0])) {
        v.p++;
        v.n--;
    }
    while (v.n && is_space(v.p[v.n - 1]))
        v.n--;
    return v;
}

static enum field field_of(struct span name)
{
    static const struct {
        const char *name, *compact;
    } known[FIELDS] = {[FIELD_CALL_ID] = {"Call-ID", "i"},
                       [FIELD_CSEQ] = {"CSeq", "CSeq"},
                       [FIELD_FROM] = {"From", "f"},
                       [FIELD_TO] = {"To", "t"},
                       [FIELD_LENGTH] = {"Content-Length", "l"},
                       [FIELD_VIA] = {"Via", "v"}};

    for (unsigned i = 0; i < FIELDS; i++)
        if (span_equal_nocase(name, span_of(known[i].name)) ||
            span_equal_nocase(name, span_of(known[i].compact)))
            return i;
    return FIELDS;
}

static bool skip(struct span *s, struct span word)
{
    *s = trim_folded(*s);
    if (s->n < word.n || !span_equal_nocase((struct span){s->p, word.n}, word))
        return false;
    *s = (struct span){s->p + word.n, s->n - word.n};
    return true;
}

/* sent-protocol: "SIP" SLASH "2.0" SLASH transport, white space allowed around the slashes. */
static bool find_transport(struct sipstream *s, struct span value)
{
    size_t n = 0;

    if (!skip(&value, SPAN("SIP")) || !skip(&value, SPAN("/")) || !skip(&value, SPAN("2.0")) ||
        !skip(&value, SPAN("/")))
        return false;
    value = trim_folded(value);
    while (n < value.n && (g_ascii_isalnum(value.p[n]) || value.p[n] == '-'))
        n++;
    if (!n || n == value.n || !is_space(value.p[n]))
        return false;
    s->head.token_at = (size_t)(value.p - s->message->str);
    s->head.token_size = n;
    return true;
}

static const char *take_length(struct sipstream *s, struct span value)
{
    uint64_t length;

    if (!span_u64(trim_folded(value), SIPSTREAM_MESSAGE_MAX, &length))
        return "the Content-Length is malformed or too large";
    if (s->head.count[FIELD_LENGTH] > 1 && length != s->head.length)
        return "two Content-Lengths contradict each other";
    s->head.length = (size_t)length;
    return NULL;
}

static const char *take_field(struct sipstream *s, struct span name, struct span value)
{
    enum field field;

    if (++s->head.fields > SIPSTREAM_FIELDS_MAX)
        return "there are too many header fields";
    name = trim_folded(name);
    if (!name.n)
        return "a header line has no name";
    field = field_of(name);
    if (field == FIELDS)
        return NULL;
    s->head.count[field]++;
    if (field == FIELD_LENGTH)
        return take_length(s, value);
    if (field == FIELD_VIA && s->head.count[FIELD_VIA] == 1 && !find_transport(s, value))
        return "the topmost Via is malformed";
    return NULL;
}

static const char *check_counts(const struct head *h)
{
    for (unsigned i = FIELD_CALL_ID; i <= FIELD_TO; i++)
        if (h->count[i] != 1)
            return "it needs exactly one each of Call-ID, CSeq, From and To";
    return h->count[FIELD_VIA] ? NULL : "there is no Via";
}

/* Walks logical lines: a line that begins with white space continues the one before. */
static const char *check_fields(struct sipstream *s, struct span rest)
{
    while (rest.n) {
        const char *start = rest.p;
        struct span line = span_line(&rest);
        struct span value;
        struct span name;
        const char *why;

        if (!line.n)
            break;
        if (line.p[0] == ' ' || line.p[0] == '\t')
            return "a continuation line continues nothing";
        while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
            (void)span_line(&rest);
        value = (struct span){start, (size_t)(rest.p - start)};
        name = span_cut(&value, ':');
        if (name.n > line.n)
            return "a header line has no colon";
        why = take_field(s, name, value);
        if (why)
            return why;
    }
    return check_counts(&s->head);
}

static enum sipstream_state head_complete(struct sipstream *s)
{
    struct span rest = {s->message->str, s->message->len};
    const char *why = check_first_line(span_line(&rest));

    if (!why)
        why = check_fields(s, rest);
    if (why)
        return bad(s, why);
    s->size = s->message->len + s->head.length;
    if (s->size > SIPSTREAM_MESSAGE_MAX)
        return bad(s, "the message is too large");
    s->phase = s->head.length ? PHASE_BODY : PHASE_COMPLETE;
    return s->head.length ? SIPSTREAM_MORE : SIPSTREAM_MESSAGE;
}

/* ---- bytes ---- */

/* Line ends are CRLF and nothing else: the stack behind us would see other lines than we do. */
static const char *check_byte(const struct sipstream *s, char c)
{
    if (c == '\0')
        return "there is a NUL in the head";
    if (s->cr ? c != '\n' : c == '\n')
        return "a line ends without CRLF";
    return s->line > SIPSTREAM_LINE_MAX ? "a header line is too long" : NULL;
}

static enum sipstream_state feed_head(struct sipstream *s, const char *p, size_t n, size_t *used)
{
    if (!s->message)
        s->message = g_string_sized_new(MIN(n, SIPSTREAM_MESSAGE_MAX));
    for (size_t i = 0; i < n; i++) {
        const char *why = check_byte(s, p[i]);
        bool end = p[i] == '\n';

        if (!why && s->message->len + i + 1 > SIPSTREAM_MESSAGE_MAX)
            why = "the head is too large";
        if (why)
            return bad(s, why);
        s->cr = p[i] == '\r';
        if (end && s->line == 0) {
            *used = i + 1;
            (void)g_string_append_len(s->message, p, (gssize)(i + 1));
            return head_complete(s);
        }
        s->line = end ? 0 : s->line + !s->cr;
    }
    *used = n;
    (void)g_string_append_len(s->message, p, (gssize)n);
    return SIPSTREAM_MORE;
}

static enum sipstream_state feed_body(struct sipstream *s, const char *p, size_t n, size_t *used)
{
    *used = MIN(n, s->size - s->message->len);
    (void)g_string_append_len(s->message, p, (gssize)*used);
    if (s->message->len < s->size)
        return SIPSTREAM_MORE;
    s->phase = PHASE_COMPLETE;
    return SIPSTREAM_MESSAGE;
}

/* RFC 5626 3.5.1: CRLFCRLF is a ping, a single CRLF its answer, or nothing at all. */
static enum sipstream_state feed_between(struct sipstream *s, char c, size_t *used)
{
    bool want_lf = s->crlf & 1;

    *used = 1;
    if (c == (want_lf ? '\n' : '\r')) {
        s->crlf = (s->crlf + 1) % 4;
        return s->crlf ? SIPSTREAM_MORE : SIPSTREAM_PING;
    }
    if (want_lf)
        return bad(s, "a line ends without CRLF");
    *used = 0;
    s->crlf = 0;
    s->phase = PHASE_HEAD;
    return SIPSTREAM_MORE;
}

enum sipstream_state sipstream_feed(struct sipstream *s, const char *p, size_t n, size_t *used)
{
    enum sipstream_state state = SIPSTREAM_MORE;

    *used = 0;
    while (*used < n && state == SIPSTREAM_MORE) {
        size_t part = 0;
        switch (s->phase) {
        case PHASE_BETWEEN: state = feed_between(s, p[*used], &part); break;
        case PHASE_HEAD: state = feed_head(s, p + *used, n - *used, &part); break;
        case PHASE_BODY: state = feed_body(s, p + *used, n - *used, &part); break;
        case PHASE_COMPLETE: return SIPSTREAM_MESSAGE;
        case PHASE_BAD: return SIPSTREAM_BAD;
        }
        *used += part;
    }
    return state;
}

static enum sipstream_state take_rest(struct sipstream *s, const char *p, size_t n)
{
    char field[40];
    int len = g_snprintf(field, sizeof(field), "Content-Length: %zu\r\n", n);

    if (s->message->len + (size_t)len + n > SIPSTREAM_MESSAGE_MAX)
        return bad(s, "the message is too large");
    (void)g_string_insert_len(s->message, (gssize)s->message->len - 2, field, len);
    (void)g_string_append_len(s->message, p, (gssize)n);
    return SIPSTREAM_MESSAGE;
}

enum sipstream_state sipstream_whole(struct sipstream *s, const char *p, size_t n)
{
    enum sipstream_state state = SIPSTREAM_MORE;
    bool ping = false;
    size_t used;

    while (n && (state == SIPSTREAM_MORE || state == SIPSTREAM_PING)) {
        state = sipstream_feed(s, p, n, &used);
        ping = ping || state == SIPSTREAM_PING;
        p += used;
        n -= used;
    }
    if (state == SIPSTREAM_BAD)
        return state;
    if (state == SIPSTREAM_MESSAGE && sipstream_lacks_length(s))
        return take_rest(s, p, n);
    if (state == SIPSTREAM_MESSAGE)
        return n ? bad(s, "a WebSocket message goes on behind the SIP message") : state;
    if (s->phase != PHASE_BETWEEN || s->crlf & 1)
        return bad(s, "a WebSocket message ends within the SIP message");
    sipstream_next(s);
    return ping ? SIPSTREAM_PING : SIPSTREAM_MORE;
}

bool sipstream_partial(const struct sipstream *s)
{
    return s->phase == PHASE_HEAD || s->phase == PHASE_BODY;
}

struct span sipstream_message(const struct sipstream *s)
{
    return (struct span){s->message->str, s->message->len};
}

bool sipstream_lacks_length(const struct sipstream *s)
{
    return s->head.count[FIELD_LENGTH] == 0;
}

void sipstream_set_transport(struct sipstream *s, struct span token)
{
    size_t at = s->head.token_at;
    size_t old = s->head.token_size;

    if (old == token.n) { /* TLS, TCP: the common case, in place */
        memcpy(s->message->str + at, token.p, token.n);
        return;
    }
    (void)g_string_erase(s->message, (gssize)at, (gssize)old);
    (void)g_string_insert_len(s->message, (gssize)at, token.p, (gssize)token.n);
    s->head.token_size = token.n;
}

const char *sipstream_why(const struct sipstream *s)
{
    return s->why;
}
