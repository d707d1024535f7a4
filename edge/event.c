#include "edge/core.h"
#include "edge/edge.h"

#include <glib.h>

void edge_event_clear(void *event)
{
    struct edge_event *ev = event;

    g_free(ev->path);
    g_free(ev->query);
    g_free(ev->headers);
    g_free(ev->body);
    g_free(ev->protocol);
    g_free(ev->why);
    ev->path = ev->query = ev->headers = ev->body = ev->protocol = ev->why = NULL;
}

char *edge_event_header(const struct edge_event *ev, const char *lower_case_name)
{
    struct span rest = span_of(ev->headers);

    while (rest.n) {
        struct span value = span_cut(&rest, '\n');
        struct span name = span_cut(&value, ':');
        if (span_equal(name, span_of(lower_case_name)))
            return span_dup(span_trim(value));
    }
    return NULL;
}

static char *headers_for_owner(const struct h1_request *r)
{
    static const char *const wanted[] = {"authorization", "content-type", "if-match",
                                         "if-none-match", "origin",       "accept",
                                         "last-event-id", "host"};
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < r->nfields; i++)
        for (size_t k = 0; k < G_N_ELEMENTS(wanted); k++)
            if (span_equal_nocase(r->field[i].name, span_of(wanted[k])))
                g_string_append_printf(out, "%s: %.*s\n", wanted[k], (int)r->field[i].value.n,
                                       r->field[i].value.p);
    return g_string_free(out, FALSE);
}

/* The nearest address in X-Forwarded-For that is not a proxy of ours: what stands further left may
 * have been written by the client. */
struct net_addr client_behind(const struct edge *e, const struct net_addr *peer,
                              const struct h1_request *r)
{
    struct net_addr client = *peer;

    for (unsigned i = r->nfields; i-- > 0 && edge_trusts(e, &client);) {
        struct span list = r->field[i].value;
        if (!span_equal_nocase(r->field[i].name, SPAN("x-forwarded-for")))
            continue;
        while (list.n && edge_trusts(e, &client)) {
            struct span last = list;
            struct net_addr a;
            while (last.n && last.p[last.n - 1] != ',')
                last.n--;
            list = (struct span){list.p + last.n, list.n - last.n};
            if (!net_addr_parse_ip(span_trim(list), &a) && !net_addr_parse(span_trim(list), &a))
                return client;
            client = a;
            list = (struct span){last.p, last.n ? last.n - 1 : 0};
        }
    }
    return client;
}

struct edge_event event_of_request(enum edge_event_type type, const struct h1_request *r)
{
    return (struct edge_event){.type = type,
                               .method = r->method == EDGE_HEAD ? EDGE_GET : r->method,
                               .path = g_strdup(r->path),
                               .query = g_strdup(r->query),
                               .headers = headers_for_owner(r)};
}
