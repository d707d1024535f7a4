#include "media/command.h"

#include <glib.h>

#include <unistd.h>

void remote_set_free(struct remote_set *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->ntransports; i++)
        g_free(r->transport[i].candidate);
    /* It held SRTP keys (RFC 4568). */
    explicit_bzero(r, sizeof(*r) + r->ntransports * sizeof(r->transport[0]));
    g_free(r);
}

static void local_set_clear(struct local_set *l)
{
    for (unsigned i = 0; i < l->ntransports; i++)
        for (unsigned k = 0; k < PORTS_MAX; k++)
            if (l->transport[i].fd[k] >= 0)
                (void)close(l->transport[i].fd[k]);
    g_free(l);
}

void command_clear(void *command)
{
    struct command *c = command;

    switch (c->type) {
    case CMD_LOCAL: local_set_clear(c->u.local); break;
    case CMD_REMOTE: remote_set_free(c->u.remote); break;
    case CMD_CANDIDATE: g_free(c->u.candidate); break;
    case CMD_JOIN: g_free(c->u.plan); break;
    case CMD_OPEN:
    case CMD_DTMF:
    case CMD_KEYFRAME:
    case CMD_CLOSE:
    case CMD_STOP: break;
    }
}
