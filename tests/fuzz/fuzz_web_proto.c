/* room: web */
/* Read, write, read again: what we accepted once we accept again, and it says the same. */
#include "web/proto.h"

#include <glib.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct web_fault why;
    struct web_msg m, again;
    char *first, *second;

    if (web_msg_read((struct span){(const char *)data, size}, &m, &why))
        return 0;
    first = web_msg_write(&m);
    if (!first || web_msg_read(span_of(first), &again, &why))
        abort();
    second = web_msg_write(&again);
    if (!second || !g_str_equal(first, second))
        abort();
    g_free(first);
    g_free(second);
    web_msg_clear(&m);
    web_msg_clear(&again);
    return 0;
}
