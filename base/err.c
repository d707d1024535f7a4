#include "base/err.h"

#include <glib.h>

static const struct {
    const char *name, *text;
} errs[] = {
#define X(name, text) {#name, text},
    GW_ERR_LIST(X)
#undef X
};

const char *gw_err_name(enum gw_err err)
{
    return (unsigned)err < G_N_ELEMENTS(errs) ? errs[err].name : "GW_E?";
}

const char *gw_err_text(enum gw_err err)
{
    return (unsigned)err < G_N_ELEMENTS(errs) ? errs[err].text : "unknown error";
}
