#include "base/mailbox.h"

#include <glib-unix.h>
#include <glib.h>

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAILBOX_TURN_MAX = 64, MAILBOX_RING_MIN = 16 };

struct mailbox {
    pthread_mutex_t lock; /* guards ring, size, head, count, armed */
    char *ring;
    size_t size; /* slots in the ring, a power of two */
    size_t head, count;
    size_t msg_size, limit;
    bool armed; /* the eventfd has been written since the last empty take */
    int fd;
    void (*fn)(void *msg, void *arg); /* reader's only */
    void *arg;
    char *scratch; /* reader's only: the message being delivered by mailbox_watch() */
};

struct mailbox *mailbox_new(size_t msg_size, size_t limit)
{
    struct mailbox *mb = g_new0(struct mailbox, 1);

    mb->msg_size = msg_size;
    mb->limit = limit;
    mb->size = MAILBOX_RING_MIN;
    mb->ring = g_malloc(mb->size * msg_size);
    mb->scratch = g_malloc(msg_size);
    mb->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    g_assert(mb->fd >= 0);
    (void)pthread_mutex_init(&mb->lock, NULL);
    return mb;
}

void mailbox_free(struct mailbox *mb, void (*clear)(void *msg))
{
    if (!mb)
        return;
    while (mailbox_take(mb, mb->scratch))
        if (clear)
            clear(mb->scratch);
    (void)pthread_mutex_destroy(&mb->lock);
    (void)close(mb->fd);
    g_free(mb->ring);
    g_free(mb->scratch);
    g_free(mb);
}

static void mailbox_grow(struct mailbox *mb)
{
    char *ring = g_malloc(mb->size * 2 * mb->msg_size);

    for (size_t i = 0; i < mb->count; i++)
        memcpy(ring + i * mb->msg_size, mb->ring + ((mb->head + i) & (mb->size - 1)) * mb->msg_size,
               mb->msg_size);
    g_free(mb->ring);
    mb->ring = ring;
    mb->head = 0;
    mb->size *= 2;
}

static enum gw_err mailbox_put(struct mailbox *mb, const void *msg, bool always)
{
    bool wake;

    (void)pthread_mutex_lock(&mb->lock);
    if (!always && mb->count >= mb->limit) {
        (void)pthread_mutex_unlock(&mb->lock);
        return GW_EFULL;
    }
    if (mb->count == mb->size)
        mailbox_grow(mb);
    memcpy(mb->ring + ((mb->head + mb->count) & (mb->size - 1)) * mb->msg_size, msg, mb->msg_size);
    mb->count++;
    wake = !mb->armed;
    mb->armed = true;
    (void)pthread_mutex_unlock(&mb->lock);
    if (wake) {
        uint64_t one = 1;
        ssize_t n = write(mb->fd, &one, sizeof(one));
        g_assert(n == sizeof(one));
    }
    return GW_OK;
}

enum gw_err mailbox_post(struct mailbox *mb, const void *msg)
{
    return mailbox_put(mb, msg, false);
}

void mailbox_post_always(struct mailbox *mb, const void *msg)
{
    (void)mailbox_put(mb, msg, true);
}

bool mailbox_take(struct mailbox *mb, void *msg)
{
    bool got, reset = false;

    (void)pthread_mutex_lock(&mb->lock);
    got = mb->count > 0;
    if (got) {
        memcpy(msg, mb->ring + mb->head * mb->msg_size, mb->msg_size);
        mb->head = (mb->head + 1) & (mb->size - 1);
        mb->count--;
    } else {
        reset = mb->armed;
    }
    if (reset) {
        uint64_t n;
        mb->armed = read(mb->fd, &n, sizeof(n)) !=
                    sizeof(n); /* a poster may not have written yet: stay armed */
    }
    (void)pthread_mutex_unlock(&mb->lock);
    return got;
}

int mailbox_fd(const struct mailbox *mb)
{
    return mb->fd;
}

static gboolean mailbox_ready(gint fd, GIOCondition cond, gpointer data)
{
    struct mailbox *mb = data;

    (void)fd;
    (void)cond;
    for (int i = 0; i < MAILBOX_TURN_MAX && mailbox_take(mb, mb->scratch); i++)
        mb->fn(mb->scratch, mb->arg);
    return G_SOURCE_CONTINUE;
}

unsigned mailbox_watch(struct mailbox *mb, void (*fn)(void *msg, void *arg), void *arg)
{
    mb->fn = fn;
    mb->arg = arg;
    return g_unix_fd_add(mb->fd, G_IO_IN, mailbox_ready, mb);
}
