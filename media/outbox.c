#include "media/outbox.h"

#include <glib.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { BATCH_MAX = 64 }; /* packets of one sendmmsg(): beyond it the gain is flat */

struct entry {
    struct slot *slot;
    struct net_addr to;
    uint16_t next; /* of the same socket, 1-based */
};

struct outbox {
    struct slot *pool; /* mapped; pages are touched as slots come into use */
    struct slot *idle; /* last used first: few pages stay warm */
    unsigned fresh;    /* slots of the pool never taken yet begin here */
    unsigned n;
    struct entry entry[OUTBOX_MAX];
    unsigned nsocks;
    struct sock *sock[OUTBOX_MAX]; /* those with entries */
    struct mmsghdr msg[BATCH_MAX];
    struct iovec iov[BATCH_MAX];
    struct sockaddr_storage name[BATCH_MAX];
};

struct outbox *outbox_new(void)
{
    struct outbox *o = g_new0(struct outbox, 1);
    void *map = mmap(NULL, SLOT_COUNT * sizeof(struct slot), PROT_READ | PROT_WRITE,
                     /* cppcheck-suppress invalidFunctionArg ; no file: -1 is right */
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert(map != MAP_FAILED);
    o->pool = map;
    for (unsigned i = 0; i < BATCH_MAX; i++)
        o->msg[i].msg_hdr =
            (struct msghdr){.msg_name = &o->name[i], .msg_iov = &o->iov[i], .msg_iovlen = 1};
    return o;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    outbox_flush(o);
    (void)munmap(o->pool, SLOT_COUNT * sizeof(struct slot));
    g_free(o);
}

struct slot *slot_take(struct outbox *o)
{
    struct slot *s;

    if (!o->idle && o->fresh == SLOT_COUNT)
        outbox_flush(o);
    s = o->idle;
    if (s)
        o->idle = s->next;
    else if (o->fresh < SLOT_COUNT)
        s = &o->pool[o->fresh++];
    if (s)
        s->at = SLOT_HEAD;
    return s;
}

void slot_give(struct outbox *o, struct slot *s)
{
    s->next = o->idle;
    o->idle = s;
}

void outbox_add(struct outbox *o, struct sock *from, const struct net_addr *to, struct slot *s)
{
    struct entry *e;

    if (o->n == OUTBOX_MAX)
        outbox_flush(o);
    e = &o->entry[o->n++];
    e->slot = s;
    e->to = *to;
    e->next = 0;
    if (from->last)
        o->entry[from->last - 1].next = (uint16_t)o->n;
    else
        from->first = (uint16_t)o->n;
    from->last = (uint16_t)o->n;
    if (!from->queued) {
        from->queued = 1;
        o->sock[o->nsocks++] = from;
    }
}

/* A short count is no loss: the entry behind it failed, the rest is tried again. */
static void batch_send(struct outbox *o, int fd, unsigned n)
{
    unsigned done = 0;

    while (done < n) {
        int sent = sendmmsg(fd, o->msg + done, n - done, MSG_DONTWAIT);
        if (sent > 0) {
            done += (unsigned)sent;
        } else if (errno != EINTR) {
            done++;
        }
    }
}

static void sock_send(struct outbox *o, struct sock *from)
{
    unsigned n = 0;

    for (unsigned i = from->first; i; i = o->entry[i - 1].next) {
        struct entry *e = &o->entry[i - 1];
        o->iov[n] = (struct iovec){slot_data(e->slot), e->slot->n};
        o->msg[n].msg_hdr.msg_namelen = net_addr_to_sockaddr(&e->to, &o->name[n]);
        if (++n == BATCH_MAX) {
            batch_send(o, from->fd, n);
            n = 0;
        }
    }
    batch_send(o, from->fd, n);
    from->first = from->last = 0;
    from->queued = 0;
}

void outbox_flush(struct outbox *o)
{
    for (unsigned i = 0; i < o->nsocks; i++)
        sock_send(o, o->sock[i]);
    for (unsigned i = 0; i < o->n; i++)
        slot_give(o, o->entry[i].slot);
    o->nsocks = 0;
    o->n = 0;
}
