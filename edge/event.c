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
