#include "gateway/control.h"

#include "base/clock.h"
#include "base/log.h"

#include <glib-unix.h>
#include <glib.h>

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const uint64_t CLIENT_IDLE_US = 30 * US_PER_S;

struct client {
    struct control *control;
    int fd;
    guint source;      /* waits for the one thing this client may do now */
    GString *in, *out; /* request so far; answer not yet sent, from out_at on */
    size_t out_at;
    struct timer *idle; /* a client that stays silent or reads nothing is let go */
};

struct control {
    struct control_config config;
    bool draining;
    int fd;
    guint source;
    char *path;
    GPtrArray *clients; /* struct client, owned */
};

static gboolean client_ready(gint fd, GIOCondition what, gpointer data);

static void client_free(gpointer data)
{
    struct client *cl = data;

    if (cl->source)
        (void)g_source_remove(cl->source);
    timer_stop(&cl->idle);
    (void)g_string_free(cl->in, TRUE);
    (void)g_string_free(cl->out, TRUE);
    (void)close(cl->fd);
    g_free(cl);
}

static void client_close(struct client *cl)
{
    (void)g_ptr_array_remove_fast(cl->control->clients, cl);
}

static void client_idle(void *arg)
{
    client_close(arg);
}

/* Requests are read only while no answer waits, so a client cannot make us hoard answers. */
static void client_wait(struct client *cl)
{
    GIOCondition what = cl->out->len ? G_IO_OUT : G_IO_IN;

    if (cl->source)
        (void)g_source_remove(cl->source);
    cl->source = g_unix_fd_add(cl->fd, what | G_IO_HUP | G_IO_ERR, client_ready, cl);
    timer_stop(&cl->idle);
    timer_start(&cl->idle, CLIENT_IDLE_US, client_idle, cl);
}

/* False: the connection is of no use any more. */
static bool client_read(struct client *cl)
{
    char buf[4096];
    ssize_t n = read(cl->fd, buf, sizeof(buf));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0 || cl->in->len + (size_t)n > CONTROL_LINE_MAX)
        return false;
    g_string_append_len(cl->in, buf, n);
    return true;
}

static bool client_write(struct client *cl)
{
    ssize_t n = send(cl->fd, cl->out->str + cl->out_at, cl->out->len - cl->out_at, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    cl->out_at += (size_t)n;
    if (cl->out_at == cl->out->len) {
        g_string_truncate(cl->out, 0);
        cl->out_at = 0;
    }
    return true;
}

static void client_answer(struct client *cl)
{
    const struct control *c = cl->control;
    const char *end = memchr(cl->in->str, '\n', cl->in->len);
    g_autofree char *answer = NULL;

    if (!end || cl->out->len)
        return;
    answer = control_answer(&c->config, c->draining, cl->in->str, (size_t)(end - cl->in->str));
    g_string_assign(cl->out, answer);
    g_string_erase(cl->in, 0, end + 1 - cl->in->str);
}

static gboolean client_ready(gint fd, GIOCondition what, gpointer data)
{
    struct client *cl = data;
    bool alive = cl->out->len ? client_write(cl) : client_read(cl);

    (void)fd;
    (void)what; /* hang-ups and errors show in read() and send() */
    cl->source = 0;
    if (alive) {
        client_answer(cl);
        client_wait(cl);
    } else {
        client_close(cl);
    }
    return G_SOURCE_REMOVE;
}

static gboolean control_accept(gint fd, GIOCondition what, gpointer data)
{
    struct control *c = data;
    struct client *cl;
    int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)what;
    if (conn < 0)
        return G_SOURCE_CONTINUE;
    if (c->clients->len >= CONTROL_CLIENTS_MAX) {
        (void)close(conn);
        return G_SOURCE_CONTINUE;
    }
    cl = g_new0(struct client, 1);
    cl->control = c;
    cl->fd = conn;
    cl->in = g_string_new(NULL);
    cl->out = g_string_new(NULL);
    g_ptr_array_add(c->clients, cl);
    client_wait(cl);
    return G_SOURCE_CONTINUE;
}

/* The mode is set before anybody can connect: between bind() and listen(). */
static bool control_bind(struct control *c)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (g_strlcpy(addr.sun_path, c->path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path))
        return false; /* config_check() has refused such paths */
    (void)unlink(c->path);
    return bind(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
           chmod(c->path, S_IRUSR | S_IWUSR) == 0 && listen(c->fd, CONTROL_CLIENTS_MAX) == 0;
}

struct control *control_start(const struct control_config *config)
{
    struct control *c = g_new0(struct control, 1);

    c->config = *config;
    c->clients = g_ptr_array_new_with_free_func(client_free);
    c->path = g_strdup(config->config->control_socket);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || !control_bind(c)) {
        LOG_E("control", "cannot listen on %s: %s", c->path, g_strerror(errno));
        control_stop(c);
        return NULL;
    }
    c->source = g_unix_fd_add(c->fd, G_IO_IN, control_accept, c);
    return c;
}

void control_stop(struct control *c)
{
    if (!c)
        return;
    g_ptr_array_free(c->clients, TRUE);
    if (c->source) {
        (void)g_source_remove(c->source);
        (void)unlink(c->path);
    }
    if (c->fd >= 0)
        (void)close(c->fd);
    g_free(c->path);
    g_free(c);
}

void control_set_draining(struct control *c)
{
    c->draining = true;
}
