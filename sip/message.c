#include "sip/message.h"

#include <glib.h>

void sipcmd_clear(void *msg)
{
    struct sipcmd *cmd = msg;

    if (cmd->dial) {
        g_free(cmd->dial->from);
        g_free(cmd->dial->from_display);
        g_free(cmd->dial->to);
        g_free(cmd->dial);
    }
    g_free(cmd->sdp);
    g_free(cmd->text);
    g_free(cmd->account);
    g_free(cmd->key);
    g_free(cmd->row);
}

void sipev_clear(void *msg)
{
    struct sipev *ev = msg;

    if (ev->binding) {
        g_free(ev->binding->address);
        g_free(ev->binding->label);
        g_free(ev->binding->key);
        g_free(ev->binding->row);
        g_free(ev->binding);
    }
    if (ev->in) {
        g_free(ev->in->account);
        g_free(ev->in->from);
        g_free(ev->in->from_display);
        g_free(ev->in->to);
        g_free(ev->in->text);
        desc_free(ev->in->offer);
        g_free(ev->in);
    }
    desc_free(ev->leg.desc);
}
