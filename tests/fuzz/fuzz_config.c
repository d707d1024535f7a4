/* room: gateway */
#include "gateway/config.h"

#include <glib.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes give either a configuration or errors, each error one line that names the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *errors = NULL;
    struct config *c = config_parse("f", (const char *)data, size, &errors);

    g_assert_true((c == NULL) == (errors != NULL));
    for (const char *line = errors; line && *line; line = strchr(line, '\n') + 1)
        g_assert_true(g_str_has_prefix(line, "f:") && strchr(line, '\n'));
    if (c) {
        g_assert_nonnull(c->domain);
        g_assert_cmpuint(c->media_rtp_min, <, c->media_rtp_max);
    }
    config_free(c);
    g_free(errors);
    return 0;
}
