/* room: sip */
#include "sip/digest.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reads as credentials can be said again and means the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char ha1[DIGEST_HEX_MAX], text[4096], want[DIGEST_HEX_MAX], got[DIGEST_HEX_MAX];
    struct digest d, again;

    if (!digest_read((struct span){(const char *)data, size}, &d))
        return 0;
    digest_ha1(d.algorithm, d.username, d.realm, "secret", ha1);
    digest_response(&d, ha1, "REGISTER", want);
    digest_credentials(&d, ha1, "REGISTER", text, sizeof(text));
    if (strpbrk(d.username, "\"\\") || strpbrk(d.realm, "\"\\") || strpbrk(d.nonce, "\"\\") ||
        strpbrk(d.uri, "\"\\") || strpbrk(d.cnonce, "\"\\") || strpbrk(d.qop, "\", \t\\") ||
        (d.qop[0] && !d.nc_text[0]))
        return 0; /* nothing of ours: values are written unescaped */
    g_assert_true(digest_read(span_of(text + strlen("Digest ")), &again));
    digest_response(&again, ha1, "REGISTER", got);
    g_assert_cmpstr(want, ==, got);
    return 0;
}
