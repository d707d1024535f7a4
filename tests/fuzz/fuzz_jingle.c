/* room: xmpp */
/* What was understood is said again so that it is understood alike: the second text is the first
 * one. */
#include "xmpp/jingle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum gw_err read_text(xmpp_ctx_t *ctx, const char *text, struct jingle *out)
{
    xmpp_stanza_t *e = xmpp_stanza_new_from_string(ctx, text);
    enum gw_err err = e ? jingle_read(e, false, out, NULL) : GW_EPARSE;

    if (e)
        (void)xmpp_stanza_release(e);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
    g_autofree char *text = g_strndup((const char *)data, size);
    GString *said[2] = {g_string_new(NULL), g_string_new(NULL)};
    struct jingle j;

    for (int i = 0; i < 2 && read_text(ctx, i ? said[0]->str : text, &j) == GW_OK; i++) {
        jingle_write(said[i], &j, false, NULL, NULL);
        jingle_clear(&j);
    }
    if (!g_string_equal(said[0], said[1]))
        abort();
    g_string_free(said[0], TRUE);
    g_string_free(said[1], TRUE);
    xmpp_ctx_free(ctx);
    return 0;
}
