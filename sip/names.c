/* The definition below stands before libsofia's own in symbol resolution, so its calls arrive here.
 */
#include "sip/names.h"

#include <sofia-sip/su_addrinfo.h>

#include <dlfcn.h>
#include <netdb.h>

typedef int lookup_fn(const char *node, const char *service, const su_addrinfo_t *hints,
                      su_addrinfo_t **res);

static lookup_fn *symbol(void *where)
{
    lookup_fn *fn;

    *(void **)&fn = dlsym(where, "su_getaddrinfo"); /* the cast POSIX dlsym() asks for */
    return fn;
}

int su_getaddrinfo(const char *node, const char *service, const su_addrinfo_t *hints,
                   su_addrinfo_t **res)
{
    lookup_fn *library = symbol(RTLD_NEXT);
    su_addrinfo_t numeric = {.ai_flags = 0};

    if (!library)
        return EAI_SYSTEM;
    if (hints)
        numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    return library(node, service, &numeric, res);
}

bool names_are_numeric_only(void)
{
    return symbol(RTLD_DEFAULT) == su_getaddrinfo && symbol(RTLD_NEXT) != NULL;
}
