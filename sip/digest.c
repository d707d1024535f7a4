#include "sip/digest.h"

#include "base/ids.h"

#include <glib.h>

#include <stdio.h>

static GChecksumType checksum_of(enum digest_algorithm alg)
{
    return alg == DIGEST_SHA256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5;
}

/* H(a:b:c...) of a NULL-terminated list. */
static void digest_hash(enum digest_algorithm alg, const char *const *parts,
                        char out[DIGEST_HEX_MAX])
{
    GChecksum *sum = g_checksum_new(checksum_of(alg));

    for (const char *const *p = parts; *p; p++) {
        if (p != parts)
            g_checksum_update(sum, (const guchar *)":", 1);
        g_checksum_update(sum, (const guchar *)*p, (gssize)strlen(*p));
    }
    (void)g_strlcpy(out, g_checksum_get_string(sum), DIGEST_HEX_MAX);
    g_checksum_free(sum);
}

static bool value_unquote(struct span v, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    if (v.n < 2 || v.p[0] != '"' || v.p[v.n - 1] != '"')
        return span_copy(v, out, size);
    for (size_t i = 1; i + 1 < v.n; i++) {
        if (v.p[i] == '\\' && i + 2 < v.n)
            i++;
        if (n + 1 >= size || v.p[i] == '\0')
            return false;
        out[n++] = v.p[i];
    }
    out[n] = '\0';
    return true;
}

static bool param_nc(struct digest *d, struct span v)
{
    char *end;

    if (!value_unquote(v, d->nc_text, sizeof(d->nc_text)) || strlen(d->nc_text) != 8)
        return false;
    d->nc = (uint32_t)strtoul(d->nc_text, &end, 16);
    return *end == '\0';
}

static bool param_algorithm(struct digest *d, struct span v)
{
    char name[16];

    if (!value_unquote(v, name, sizeof(name)))
        return false;
    if (g_ascii_strcasecmp(name, "MD5") == 0)
        d->algorithm = DIGEST_MD5;
    else if (g_ascii_strcasecmp(name, "SHA-256") == 0)
        d->algorithm = DIGEST_SHA256;
    else
        return false; /* -sess and SHA-512-256 were never offered */
    return true;
}

bool digest_param(struct digest *d, struct span param)
{
    const struct {
        struct span name;
        char *out;
        size_t size;
    } texts[] = {
        {SPAN("username"), d->username, sizeof(d->username)},
        {SPAN("realm"), d->realm, sizeof(d->realm)},
        {SPAN("nonce"), d->nonce, sizeof(d->nonce)},
        {SPAN("uri"), d->uri, sizeof(d->uri)},
        {SPAN("response"), d->response, sizeof(d->response)},
        {SPAN("cnonce"), d->cnonce, sizeof(d->cnonce)},
        {SPAN("opaque"), d->opaque, sizeof(d->opaque)},
        {SPAN("qop"), d->qop, sizeof(d->qop)},
    };
    struct span value = param;
    struct span name = span_trim(span_cut(&value, '='));

    value = span_trim(value);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (span_equal_nocase(name, texts[i].name))
            return value_unquote(value, texts[i].out, texts[i].size);
    if (span_equal_nocase(name, SPAN("nc")))
        return param_nc(d, value);
    if (span_equal_nocase(name, SPAN("algorithm")))
        return param_algorithm(d, value);
    return true;
}

/* Cut at the next comma outside quotes. */
static struct span param_next(struct span *rest)
{
    bool quoted = false;
    size_t i;
    struct span param;

    for (i = 0; i < rest->n; i++) {
        if (quoted && rest->p[i] == '\\')
            i++;
        else if (rest->p[i] == '"')
            quoted = !quoted;
        else if (rest->p[i] == ',' && !quoted)
            break;
    }
    i = MIN(i, rest->n);
    param = (struct span){rest->p, i};
    i = MIN(i + 1, rest->n);
    *rest = (struct span){rest->p ? rest->p + i : NULL, rest->n - i};
    return param;
}

bool digest_read(struct span text, struct digest *d)
{
    memset(d, 0, sizeof(*d));
    while (text.n)
        if (!digest_param(d, param_next(&text)))
            return false;
    return true;
}

void digest_ha1(enum digest_algorithm alg, const char *user, const char *realm,
                const char *password, char out[DIGEST_HEX_MAX])
{
    const char *const parts[] = {user, realm, password, NULL};

    digest_hash(alg, parts, out);
}

void digest_response(const struct digest *d, const char *ha1, const char *method,
                     char out[DIGEST_HEX_MAX])
{
    char ha2[DIGEST_HEX_MAX];
    const char *const a2[] = {method, d->uri, NULL};
    const char *const with_qop[] = {ha1, d->nonce, d->nc_text, d->cnonce, d->qop, ha2, NULL};
    const char *const without[] = {ha1, d->nonce, ha2, NULL};

    digest_hash(d->algorithm, a2, ha2);
    digest_hash(d->algorithm, d->qop[0] ? with_qop : without, out);
}

bool digest_verify(const struct digest *d, const char *ha1, const char *method)
{
    char want[DIGEST_HEX_MAX];
    char got[DIGEST_HEX_MAX];
    size_t n;

    digest_response(d, ha1, method, want);
    n = strlen(want);
    if (strlen(d->response) != n)
        return false;
    for (size_t i = 0; i <= n; i++)
        got[i] = g_ascii_tolower(d->response[i]);
    return secret_equal(want, got, n);
}

void digest_challenge(enum digest_algorithm alg, const char *realm, const char *nonce, bool stale,
                      char *out, size_t size)
{
    (void)snprintf(out, size, "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s",
                   realm, nonce, alg == DIGEST_SHA256 ? "SHA-256" : "MD5",
                   stale ? ", stale=true" : "");
}

void digest_credentials(const struct digest *d, const char *ha1, const char *method, char *out,
                        size_t size)
{
    char response[DIGEST_HEX_MAX];
    int n;

    digest_response(d, ha1, method, response);
    n = snprintf(out, size,
                 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
                 "algorithm=%s",
                 d->username, d->realm, d->nonce, d->uri, response,
                 d->algorithm == DIGEST_SHA256 ? "SHA-256" : "MD5");
    if (d->qop[0] && n > 0 && (size_t)n < size)
        (void)snprintf(out + n, size - (size_t)n, ", qop=%s, nc=%s, cnonce=\"%s\"", d->qop,
                       d->nc_text, d->cnonce);
}
