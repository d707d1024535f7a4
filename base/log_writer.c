#include "base/log_writer.h"

#include "base/mailbox.h"

#include <glib.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_STOP_MS = 2000, LOG_POLL_MS = 100 };

struct log_line {
    size_t n; /* 0: no more lines follow */
    char text[LOG_LINE_MAX];
};

static struct writer {
    struct mailbox *lines;
    pthread_t thread;
    atomic_ulong lost;
    atomic_bool stopping;
    unsigned patience; /* polls left once stopping; the writer thread's */
} writer;              /* the one global: every line of the process goes to the one stderr */

/* Waits for the reader, but not for ever once the process wants to end. */
static void write_out(const char *p, size_t n)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    while (n) {
        ssize_t done;
        if (poll(&out, 1, writer.patience ? LOG_POLL_MS : 0) == 0) {
            if (!atomic_load(&writer.stopping))
                continue;
            if (writer.patience == 0)
                return;
            writer.patience--;
            continue;
        }
        done = write(STDERR_FILENO, p, n);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return; /* nowhere left to say so */
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
}

static void say_lost(void)
{
    unsigned long lost = atomic_exchange(&writer.lost, 0);
    char text[128];
    int n;

    if (!lost)
        return;
    n = snprintf(text, sizeof(text), "%lu log lines are lost: whoever reads them was too slow\n",
                 lost);
    write_out(text, (size_t)n);
}

static void *writer_main(void *arg)
{
    struct pollfd wake = {.fd = mailbox_fd(writer.lines), .events = POLLIN};
    struct log_line line;

    (void)arg;
    for (;;) {
        while (mailbox_take(writer.lines, &line)) {
            if (line.n == 0)
                return NULL;
            write_out(line.text, line.n);
            say_lost();
        }
        (void)poll(&wake, 1, -1);
    }
}

void log_writer_start(void)
{
    g_assert(!writer.lines);
    writer.lines = mailbox_new(sizeof(struct log_line), LOG_QUEUE_MAX);
    writer.patience = LOG_STOP_MS / LOG_POLL_MS;
    atomic_store(&writer.stopping, false);
    if (pthread_create(&writer.thread, NULL, writer_main, NULL) == 0)
        return;
    mailbox_free(writer.lines, NULL);
    writer.lines = NULL;
}

void log_writer_stop(void)
{
    static const struct log_line last = {.n = 0};

    if (!writer.lines)
        return;
    atomic_store(&writer.stopping, true);
    mailbox_post_always(writer.lines, &last);
    (void)pthread_join(writer.thread, NULL);
    mailbox_free(writer.lines, NULL);
    writer.lines = NULL;
}

void log_writer_put(const char *text, size_t n)
{
    struct log_line line = {.n = n};

    if (!writer.lines) {
        if (write(STDERR_FILENO, text, n) < 0)
            return; /* nowhere left to say so */
        return;
    }
    memcpy(line.text, text, n);
    if (mailbox_post(writer.lines, &line) != GW_OK)
        atomic_fetch_add(&writer.lost, 1);
}
