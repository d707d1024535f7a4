#include "gateway/notify.h"

#include <glib.h>

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof(addr.sun_path) || (*path != '/' && *path != '@'))
        return;
    memcpy(addr.sun_path, path, n);
    if (*path == '@') /* abstract: its name begins with a NUL and has no other */
        addr.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    (void)close(fd);
}

uint64_t notify_watchdog_us(void)
{
    const char *every = g_getenv("WATCHDOG_USEC");
    const char *pid = g_getenv("WATCHDOG_PID");
    guint64 us = 0;
    guint64 whose = (guint64)getpid();

    if (!every || !g_ascii_string_to_unsigned(every, 10, 1, G_MAXINT64, &us, NULL))
        return 0;
    if (pid && !g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT32, &whose, NULL))
        return 0;
    return whose == (guint64)getpid() ? us / 2 : 0;
}
