#include "edge/response.h"

#include "edge/http.h"

#include <time.h>

const char *h1_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } known[] = {{100, "Continue"},
                 {101, "Switching Protocols"},
                 {200, "OK"},
                 {201, "Created"},
                 {204, "No Content"},
                 {304, "Not Modified"},
                 {307, "Temporary Redirect"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {415, "Unsupported Media Type"},
                 {417, "Expectation Failed"},
                 {422, "Unprocessable Content"},
                 {426, "Upgrade Required"},
                 {428, "Precondition Required"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {486, "Busy"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"},
                 {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].status == status)
            return known[i].text;
    return status < 400 ? "Success" : "Error";
}

bool h1_headers_ok(const char *headers)
{
    struct span rest = span_of(headers);

    while (rest.n) {
        struct span value = span_cut(&rest, '\n');
        struct span name;
        if (!value.n || value.p[value.n - 1] != '\r' || value.p[value.n] != '\n')
            return false;
        value.n--;
        name = span_cut(&value, ':');
        if (!h1_is_token(name))
            return false;
        for (size_t i = 0; i < value.n; i++)
            if (((unsigned char)value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
                return false;
    }
    return true;
}

static void append_date(GString *out)
{
    time_t now = time(NULL);
    char text[64];
    struct tm tm;

    if (gmtime_r(&now, &tm) &&
        strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm))
        (void)g_string_append(out, text);
}

void h1_write_head(GString *out, const struct h1_response *r)
{
    bool bodiless = r->status < 200 || r->status == 204 || r->status == 304;

    g_string_append_printf(out, "HTTP/1.1 %u %s\r\n", r->status, h1_reason(r->status));
    append_date(out);
    if (!bodiless)
        g_string_append_printf(out, "Content-Length: %zu\r\n", r->length);
    if (r->content_type)
        g_string_append_printf(out, "Content-Type: %s\r\n", r->content_type);
    if (!r->keep_alive || r->say_keep_alive)
        g_string_append_printf(out, "Connection: %s\r\n", r->keep_alive ? "keep-alive" : "close");
    /* connect-src: 'self' does not cover ws: and wss: in every browser. */
    (void)g_string_append(out, "Content-Security-Policy: default-src 'self'; "
                               "connect-src 'self' ws: wss:; base-uri 'none'; "
                               "frame-ancestors 'none'\r\n"
                               "X-Content-Type-Options: nosniff\r\n"
                               "Referrer-Policy: no-referrer\r\n");
    if (r->headers)
        (void)g_string_append(out, r->headers);
    (void)g_string_append(out, "\r\n");
}
