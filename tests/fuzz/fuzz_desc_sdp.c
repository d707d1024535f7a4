/* room: media */
#include "../unit/media_desc_equal.h"
#include "media/desc_sdp.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was understood is said again so that it is understood alike. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct desc *d, *again;
    const char *why = NULL;

    if (desc_sdp_read((struct span){(const char *)data, size}, &d, NULL) != GW_OK)
        return 0;
    char *text = desc_sdp_write(d);
    if (desc_sdp_read(span_of(text), &again, &why) == GW_OK)
        why = desc_difference(d, again);
    if (why) {
        (void)fprintf(stderr, "differs: %s\n%s", why, text);
        abort();
    }
    g_free(text);
    desc_free(d);
    desc_free(again);
    return 0;
}
