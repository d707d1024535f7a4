#include "edge/http.h"

enum h1_phase {
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_CHUNK_SIZE,
    PHASE_CHUNK,
    PHASE_CHUNK_END,
    PHASE_TRAILER,
    PHASE_DONE,
    PHASE_BAD
};

struct h1_parser {
    enum h1_phase phase;
    GString *head; /* NULL between requests */
    size_t line;   /* bytes of the current line so far, without its end */
    bool cr;       /* the last byte was a CR */
    bool skipped;  /* one empty line before the request has been passed over */
    GString *body; /* NULL when there is none */
    uint64_t left; /* of the body or chunk */
    char size_line[H1_CHUNK_LINE_MAX];
    size_t trailer;  /* bytes of trailer so far */
    unsigned status; /* PHASE_BAD */
    const char *why;
    struct h1_request *request; /* NULL before the head is complete */
};

struct h1_parser *h1_new(void)
{
    return g_new0(struct h1_parser, 1);
}

void h1_reset(struct h1_parser *h)
{
    if (h->head)
        (void)g_string_free(h->head, TRUE);
    if (h->body)
        (void)g_string_free(h->body, TRUE);
    if (h->request) {
        g_free(h->request->path);
        g_free(h->request->query);
        g_free(h->request);
    }
    memset(h, 0, sizeof(*h));
}

void h1_free(struct h1_parser *h)
{
    if (!h)
        return;
    h1_reset(h);
    g_free(h);
}

static enum h1_state bad(struct h1_parser *h, unsigned status, const char *why)
{
    h->phase = PHASE_BAD;
    h->status = status;
    h->why = why;
    return H1_BAD;
}

/* ---- small recognisers ---- */

static bool is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool h1_is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

static bool is_host_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("-._~[]:%", c));
}

static bool is_host(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_host_char(s.p[i]))
            return false;
    return s.n > 0 && s.n <= 255;
}

bool h1_list_next(struct span *list, struct span *element)
{
    while (list->n) {
        *element = span_trim(span_cut(list, ','));
        if (element->n)
            return true;
    }
    return false;
}

struct span h1_field(const struct h1_request *r, const char *name)
{
    for (unsigned i = 0; i < r->nfields; i++)
        if (span_equal_nocase(r->field[i].name, span_of(name)))
            return r->field[i].value;
    return (struct span){NULL, 0};
}

unsigned h1_field_count(const struct h1_request *r, const char *name)
{
    unsigned count = 0;

    for (unsigned i = 0; i < r->nfields; i++)
        count += span_equal_nocase(r->field[i].name, span_of(name));
    return count;
}

bool h1_field_has(const struct h1_request *r, const char *name, const char *token)
{
    for (unsigned i = 0; i < r->nfields; i++) {
        struct span list = r->field[i].value;
        struct span element;
        if (!span_equal_nocase(r->field[i].name, span_of(name)))
            continue;
        while (h1_list_next(&list, &element))
            if (span_equal_nocase(element, span_of(token)))
                return true;
    }
    return false;
}

/* ---- the request line ---- */

static unsigned method_of(struct span s)
{
    static const struct {
        const char *name;
        enum edge_method method;
    } known[] = {{"GET", EDGE_GET},        {"HEAD", EDGE_HEAD},   {"POST", EDGE_POST},
                 {"PUT", EDGE_PUT},        {"PATCH", EDGE_PATCH}, {"DELETE", EDGE_DELETE},
                 {"OPTIONS", EDGE_OPTIONS}};

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (span_equal(s, span_of(known[i].name)))
            return known[i].method;
    return 0;
}

static bool has_dot_segment(const char *path)
{
    struct span rest = span_of(path);

    while (rest.n) {
        struct span segment = span_cut(&rest, '/');
        if (span_equal(segment, SPAN("..")) || span_equal(segment, SPAN(".")))
            return true;
    }
    return false;
}

/* Decoded exactly once; what could mean another path to somebody else is refused. */
static char *path_decode(struct span raw)
{
    g_autoptr(GString) out = g_string_sized_new(raw.n);

    for (size_t i = 0; i < raw.n; i++) {
        int high;
        int low;
        if (raw.p[i] != '%') {
            (void)g_string_append_c(out, raw.p[i]);
            continue;
        }
        if (raw.n - i < 3)
            return NULL;
        high = g_ascii_xdigit_value(raw.p[i + 1]);
        low = g_ascii_xdigit_value(raw.p[i + 2]);
        if (high < 0 || low < 0)
            return NULL;
        if (high * 16 + low < 0x20 || high * 16 + low == 0x7f || high * 16 + low == '/')
            return NULL;
        (void)g_string_append_c(out, (char)(high * 16 + low));
        i += 2;
    }
    if (strchr(out->str, '\\') || has_dot_segment(out->str) ||
        !g_utf8_validate(out->str, (gssize)out->len, NULL))
        return NULL;
    return g_strdup(out->str);
}

static bool target_is_visible(struct span target)
{
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= 0x20 || target.p[i] > 0x7e || target.p[i] == '#')
            return false;
    return target.n > 0;
}

/* RFC 9112 3.2: origin-form, absolute-form (the authority is left in *@p host), or "*". */
static bool parse_target(struct h1_request *r, struct span target, struct span *host)
{
    struct span path;

    if (!target_is_visible(target))
        return false;
    if (span_equal(target, SPAN("*")) && r->method == EDGE_OPTIONS) {
        r->path = g_strdup("*");
        r->query = g_strdup("");
        return true;
    }
    for (int i = 0; i < 2; i++) {
        struct span scheme = i ? SPAN("https://") : SPAN("http://");
        const char *slash;
        if (target.n < scheme.n || !span_equal_nocase((struct span){target.p, scheme.n}, scheme))
            continue;
        target = (struct span){target.p + scheme.n, target.n - scheme.n};
        slash = target.n ? memchr(target.p, '/', target.n) : NULL;
        host->p = target.p;
        host->n = slash ? (size_t)(slash - target.p) : target.n;
        target = slash ? (struct span){slash, target.n - host->n} : SPAN("/");
        break;
    }
    if (target.p[0] != '/')
        return false;
    path = span_cut(&target, '?');
    r->path = path_decode(path);
    r->query = span_dup(target);
    return r->path != NULL;
}

static enum h1_state parse_request_line(struct h1_parser *h, struct span line, struct span *host)
{
    struct h1_request *r = h->request;
    struct span method = span_cut(&line, ' ');
    struct span target = span_cut(&line, ' ');

    if (!h1_is_token(method))
        return bad(h, 400, "malformed request line");
    if (span_equal(line, SPAN("HTTP/1.1")))
        r->minor = 1;
    else if (!span_equal(line, SPAN("HTTP/1.0")))
        return line.n == 8 && span_starts(line, SPAN("HTTP/")) && g_ascii_isdigit(line.p[5])
                   ? bad(h, 505, "only HTTP/1.1 is spoken here")
                   : bad(h, 400, "malformed request line");
    r->method = method_of(method);
    if (!parse_target(r, target, host))
        return bad(h, 400, "malformed request target");
    return H1_MORE;
}

/* ---- the fields ---- */

static enum h1_state parse_field(struct h1_parser *h, struct span line)
{
    struct h1_request *r = h->request;
    struct span value = line;
    struct span name = span_cut(&value, ':');

    if (name.n == line.n)
        return bad(h, 400, "header line without a colon");
    if (!h1_is_token(name)) /* also folded lines, and a space before the colon */
        return bad(h, 400, "malformed header name");
    if (r->nfields == H1_FIELDS_MAX)
        return bad(h, 431, "too many header fields");
    r->field[r->nfields++] = (struct h1_field){name, span_trim(value)};
    return H1_MORE;
}

static enum h1_state check_host(struct h1_parser *h, struct span absolute)
{
    struct h1_request *r = h->request;
    unsigned hosts = h1_field_count(r, "host");

    if (hosts > 1 || (hosts == 0 && r->minor == 1))
        return bad(h, 400, "exactly one Host header is required");
    r->host = h1_field(r, "host");
    if (hosts && !is_host(r->host))
        return bad(h, 400, "malformed Host header");
    if (absolute.p && !span_equal_nocase(absolute, r->host))
        return bad(h, 400, "the request target names another host");
    return H1_MORE;
}

/* RFC 9112 6.3. A message framed twice is how requests are smuggled past a proxy: refused. */
static enum h1_state check_framing(struct h1_parser *h)
{
    struct h1_request *r = h->request;
    unsigned lengths = h1_field_count(r, "content-length");
    unsigned encodings = h1_field_count(r, "transfer-encoding");
    struct span length = h1_field(r, "content-length");

    if (lengths > 1 || (lengths && encodings) || (encodings && r->minor == 0))
        return bad(h, 400, "the length of the body is given twice");
    if (encodings) {
        if (encodings > 1 || !span_equal_nocase(h1_field(r, "transfer-encoding"), SPAN("chunked")))
            return bad(h, 501, "unknown Transfer-Encoding");
        r->chunked = true;
    }
    if (lengths && !span_u64(length, H1_BODY_MAX, &r->length)) {
        for (size_t i = 0; i < length.n; i++)
            if (!g_ascii_isdigit(length.p[i]))
                return bad(h, 400, "malformed Content-Length");
        return length.n ? bad(h, 413, "the body is too large")
                        : bad(h, 400, "malformed Content-Length");
    }
    return H1_MORE;
}

static enum h1_state check_connection(struct h1_parser *h)
{
    struct h1_request *r = h->request;
    struct span expect = h1_field(r, "expect");

    r->keep_alive = r->minor == 1 ? !h1_field_has(r, "connection", "close")
                                  : h1_field_has(r, "connection", "keep-alive");
    if (expect.p) {
        if (!span_equal_nocase(expect, SPAN("100-continue")))
            return bad(h, 417, "unknown expectation");
        r->expects_continue = r->minor == 1 && (r->chunked || r->length);
    }
    return H1_MORE;
}

static enum h1_state parse_head(struct h1_parser *h)
{
    struct span rest = {h->head->str, h->head->len};
    struct span absolute = {NULL, 0};
    struct span line = span_line(&rest);

    h->request = g_new0(struct h1_request, 1);
    if (parse_request_line(h, line, &absolute) == H1_BAD)
        return H1_BAD;
    for (line = span_line(&rest); line.n; line = span_line(&rest))
        if (parse_field(h, line) == H1_BAD)
            return H1_BAD;
    if (check_host(h, absolute) == H1_BAD || check_framing(h) == H1_BAD ||
        check_connection(h) == H1_BAD)
        return H1_BAD;
    h->left = h->request->length;
    h->phase = h->request->chunked ? PHASE_CHUNK_SIZE : h->left ? PHASE_BODY : PHASE_DONE;
    if (h->phase != PHASE_DONE)
        h->body = g_string_new(NULL);
    return H1_HEAD;
}

/* Line ends are CRLF and nothing else; control bytes appear nowhere (RFC 9112 2.2, 9110 5.5). */
static bool line_byte_is_bad(bool cr, char c)
{
    if (cr || c == '\n')
        return !(cr && c == '\n');
    return ((unsigned char)c < 0x20 && c != '\t' && c != '\r') || c == 0x7f;
}

static enum h1_state feed_head(struct h1_parser *h, const char *p, size_t n, size_t *used)
{
    size_t from = 0;

    if (!h->head)
        h->head = g_string_sized_new(MIN(n, H1_HEAD_MAX));
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (line_byte_is_bad(h->cr, c)) {
            *used = i + 1;
            return bad(h, 400, "control byte or bare line end in the head");
        }
        if (h->head->len + (i + 1 - from) > H1_HEAD_MAX) {
            *used = i + 1;
            return bad(h, 431, "the request head is too large");
        }
        h->cr = c == '\r';
        if (h->cr)
            continue;
        if (c != '\n') {
            h->line++;
            continue;
        }
        if (h->line == 0) {
            (void)g_string_append_len(h->head, p + from, (gssize)(i + 1 - from));
            from = *used = i + 1;
            if (h->head->len > 2)
                return parse_head(h);
            if (h->skipped)
                return bad(h, 400, "empty request line");
            h->skipped = true; /* RFC 9112 2.2: after the body of some old clients */
            (void)g_string_truncate(h->head, 0);
        }
        h->line = 0;
    }
    (void)g_string_append_len(h->head, p + from, (gssize)(n - from));
    *used = n;
    return H1_MORE;
}

/* ---- the body ---- */

static enum h1_state feed_bytes(struct h1_parser *h, const char *p, size_t n, size_t *used,
                                enum h1_phase then)
{
    size_t take = (size_t)MIN(h->left, (uint64_t)n);

    (void)g_string_append_len(h->body, p, (gssize)take);
    h->left -= take;
    *used = take;
    if (h->left == 0) {
        h->phase = then;
        h->line = 0;
    }
    return h->phase == PHASE_DONE ? H1_DONE : H1_MORE;
}

/* RFC 9112 7.1: 1*HEXDIG [ext]. Eight digits are more than any body we take. */
static enum h1_state parse_chunk_size(struct h1_parser *h)
{
    struct span line = {h->size_line, h->line};
    struct span digits = span_trim(span_cut(&line, ';'));
    uint64_t size = 0;

    if (!digits.n || digits.n > 8)
        return bad(h, 400, "malformed chunk size");
    for (size_t i = 0; i < digits.n; i++) {
        int v = g_ascii_xdigit_value(digits.p[i]);
        if (v < 0)
            return bad(h, 400, "malformed chunk size");
        size = size * 16 + (unsigned)v;
    }
    if (h->body->len + size > H1_BODY_MAX)
        return bad(h, 413, "the body is too large");
    h->left = size;
    h->line = 0;
    h->phase = size ? PHASE_CHUNK : PHASE_TRAILER;
    return H1_MORE;
}

static enum h1_state feed_chunk_size(struct h1_parser *h, char c)
{
    if (line_byte_is_bad(h->cr, c))
        return bad(h, 400, "malformed chunk size");
    h->cr = c == '\r';
    if (c == '\n')
        return parse_chunk_size(h);
    if (h->cr)
        return H1_MORE;
    if (h->line == sizeof(h->size_line))
        return bad(h, 400, "chunk size line too long");
    h->size_line[h->line++] = c;
    return H1_MORE;
}

static enum h1_state feed_chunk_end(struct h1_parser *h, char c)
{
    if (c != (h->cr ? '\n' : '\r'))
        return bad(h, 400, "chunk longer than it said");
    h->cr = c == '\r';
    if (!h->cr)
        h->phase = PHASE_CHUNK_SIZE;
    return H1_MORE;
}

/* Trailer fields are read past: nothing here may be decided by what came after the body. */
static enum h1_state feed_trailer(struct h1_parser *h, char c)
{
    if (line_byte_is_bad(h->cr, c))
        return bad(h, 400, "malformed trailer");
    if (++h->trailer > H1_TRAILER_MAX)
        return bad(h, 431, "the trailer is too large");
    h->cr = c == '\r';
    if (h->cr)
        return H1_MORE;
    if (c != '\n') {
        h->line++;
        return H1_MORE;
    }
    if (h->line == 0)
        h->phase = PHASE_DONE;
    h->line = 0;
    return h->phase == PHASE_DONE ? H1_DONE : H1_MORE;
}

static enum h1_state feed_part(struct h1_parser *h, const char *p, size_t n, size_t *used)
{
    *used = 1;
    switch (h->phase) {
    case PHASE_HEAD: return feed_head(h, p, n, used);
    case PHASE_BODY: return feed_bytes(h, p, n, used, PHASE_DONE);
    case PHASE_CHUNK: return feed_bytes(h, p, n, used, PHASE_CHUNK_END);
    case PHASE_CHUNK_SIZE: return feed_chunk_size(h, p[0]);
    case PHASE_CHUNK_END: return feed_chunk_end(h, p[0]);
    case PHASE_TRAILER: return feed_trailer(h, p[0]);
    case PHASE_DONE: *used = 0; return H1_DONE;
    case PHASE_BAD: *used = 0; return H1_BAD;
    }
    return H1_BAD;
}

enum h1_state h1_feed(struct h1_parser *h, const char *p, size_t n, size_t *used)
{
    enum h1_state state = H1_MORE;
    size_t part;

    *used = 0;
    if (h->phase == PHASE_DONE)
        return H1_DONE;
    while (*used < n && state == H1_MORE) {
        state = feed_part(h, p + *used, n - *used, &part);
        *used += part;
    }
    return state;
}

bool h1_begun(const struct h1_parser *h)
{
    return h->head && h->head->len > 0;
}

bool h1_in_body(const struct h1_parser *h)
{
    return h->phase != PHASE_HEAD && h->phase != PHASE_DONE && h->phase != PHASE_BAD;
}

const struct h1_request *h1_request(const struct h1_parser *h)
{
    return h->request;
}

struct span h1_body(const struct h1_parser *h)
{
    return h->body ? (struct span){h->body->str, h->body->len} : (struct span){NULL, 0};
}

char *h1_take_body(struct h1_parser *h, size_t *n)
{
    *n = h->body ? h->body->len : 0;
    if (!h->body)
        return g_strdup("");
    return g_string_free(g_steal_pointer(&h->body), FALSE);
}

unsigned h1_status(const struct h1_parser *h)
{
    return h->status;
}

const char *h1_why(const struct h1_parser *h)
{
    return h->why;
}
