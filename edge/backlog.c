#include "edge/backlog.h"

void backlog_add(struct backlog *o, const void *data, size_t n)
{
    g_assert(!o->tail.n);
    if (!n)
        return;
    if (!o->bytes)
        o->bytes = g_byte_array_new();
    (void)g_byte_array_append(o->bytes, data, (guint)n);
}

void backlog_add_tail(struct backlog *o, const void *data, size_t n)
{
    g_assert(!o->tail.n);
    o->tail = (struct span){data, n};
}

struct span backlog_next(const struct backlog *o)
{
    if (o->bytes)
        return (struct span){(const char *)o->bytes->data + o->sent, o->bytes->len - o->sent};
    return o->tail;
}

/* What has been sent is cut off only when it is the larger part: linear in all. */
void backlog_sent(struct backlog *o, size_t n)
{
    if (!o->bytes) {
        o->tail = (struct span){o->tail.p + n, o->tail.n - n};
        return;
    }
    o->sent += n;
    if (o->sent == o->bytes->len) {
        (void)g_byte_array_free(o->bytes, TRUE);
        o->bytes = NULL;
        o->sent = 0;
    } else if (o->sent > o->bytes->len / 2) {
        (void)g_byte_array_remove_range(o->bytes, 0, (guint)o->sent);
        o->sent = 0;
    }
}

size_t backlog_size(const struct backlog *o)
{
    return (o->bytes ? o->bytes->len - o->sent : 0) + o->tail.n;
}

void backlog_clear(struct backlog *o)
{
    if (o->bytes)
        (void)g_byte_array_free(o->bytes, TRUE);
    *o = (struct backlog){.bytes = NULL};
}
