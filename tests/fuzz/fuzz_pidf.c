/* room: sip */
/* Whatever is read can be written, and reads the same again. */
#include "sip/pidf.h"

#include <glib.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct presence p, again;
    char *text;

    if (!pidf_read((struct span){(const char *)data, size}, &p))
        return 0;
    g_strstrip(p.note);
    text = pidf_write("sip:bob@example.org", &p);
    if (!pidf_read(span_of(text), &again) || !presence_equal(&p, &again))
        abort();
    g_free(text);
    return 0;
}
