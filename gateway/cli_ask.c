/* The client half of the control socket: one request line out, one answer line in. */
#include "gateway/cli.h"
#include "gateway/config.h"

#include <glib.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 << 20, ANSWER_WAIT_S = 10, PASSWORD_MAX = 256 };

/* ---- the request ---- */

static bool add_user_options(const struct cli *cli, json_t *q, char **error)
{
    if (cli->display)
        (void)json_object_set_new(q, "display", json_string(cli->display));
    if (cli->jid)
        (void)json_object_set_new(q, "jid", json_string(cli->jid));
    if (cli->sha256)
        (void)json_object_set_new(q, "sha256", json_true());
    if (cli->replace)
        (void)json_object_set_new(q, "replace", json_true());
    if (cli->media) {
        g_auto(GStrv) words = g_strsplit_set(cli->media, ", ", -1);
        json_t *list = json_array();

        for (char **w = words; *w; w++)
            if (**w)
                (void)json_array_append_new(list, json_string(*w));
        (void)json_object_set_new(q, "media", list);
    }
    if (cli->calls) {
        guint64 n;

        if (!g_ascii_string_to_unsigned(cli->calls, 10, 0, ACCOUNT_CALLS_MAX, &n, NULL)) {
            *error = g_strdup_printf("--calls: \"%s\" is no number from 0 to %d", cli->calls,
                                     ACCOUNT_CALLS_MAX);
            return false;
        }
        (void)json_object_set_new(q, "calls", json_integer((json_int_t)n));
    }
    return true;
}

char *cli_request(const struct cli *cli, const char *password, char **error)
{
    static const char *const words[] = {
        [CLI_STATUS] = "status",           [CLI_CALLS] = "calls",
        [CLI_HANGUP] = "hangup",           [CLI_RELOAD] = "reload",
        [CLI_USER_ADD] = "user-add",       [CLI_USER_LIST] = "user-list",
        [CLI_USER_REMOVE] = "user-remove",
    };
    json_t *q = json_object();
    char *text = NULL;
    char *line = NULL;

    (void)json_object_set_new(q, "do", json_string(words[cli->command]));
    if (cli->argument && cli->command == CLI_HANGUP)
        (void)json_object_set_new(q, "call", json_string(cli->argument));
    else if (cli->argument)
        (void)json_object_set_new(q, "address", json_string(cli->argument));
    if (password)
        (void)json_object_set_new(q, "password", json_string(password));
    if (add_user_options(cli, q, error)) {
        text = json_dumps(q, JSON_COMPACT);
        line = g_strconcat(text, "\n", NULL);
        free(text);
    }
    json_decref(q);
    return line;
}

/* ---- the password: from the terminal without echo, or one line of standard input ---- */

static bool read_line(char *buf, size_t size)
{
    size_t n;

    if (!fgets(buf, (int)size, stdin))
        return false;
    n = strlen(buf);
    if (n == 0 || buf[n - 1] != '\n')
        return n + 1 < size; /* the last line of a file, or one that is too long */
    buf[n - 1] = '\0';
    return true;
}

static bool read_hidden(const char *prompt, char *buf, size_t size)
{
    struct termios old;
    struct termios hidden;
    bool ok;

    if (tcgetattr(STDIN_FILENO, &old) != 0)
        return false;
    hidden = old;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* dying now would leave a terminal without echo */
    (void)fputs(prompt, stderr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    ok = read_line(buf, size);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    (void)fputs("\n", stderr);
    for (const char *p = buf; ok && *p; p++)
        ok = !g_ascii_iscntrl(*p); /* Ctrl-C, then Return */
    return ok;
}

/* NULL: a sentence has been printed. */
static char *read_password(const struct cli *cli)
{
    char one[PASSWORD_MAX + 2];
    char two[PASSWORD_MAX + 2];
    char *password = NULL;

    if (cli->password_stdin || !isatty(STDIN_FILENO)) {
        if (read_line(one, sizeof(one)) && *one)
            password = g_strdup(one);
        else
            (void)fprintf(stderr, "tandem: no password of 1 to %d bytes on standard input\n",
                          PASSWORD_MAX);
    } else if (!read_hidden("Password: ", one, sizeof(one)) || !*one) {
        (void)fprintf(stderr, "tandem: a password has 1 to %d bytes\n", PASSWORD_MAX);
    } else if (!read_hidden("Again: ", two, sizeof(two)) || !g_str_equal(one, two)) {
        (void)fputs("tandem: these were two different passwords\n", stderr);
    } else {
        password = g_strdup(one);
    }
    explicit_bzero(one, sizeof(one));
    explicit_bzero(two, sizeof(two));
    return password;
}

/* ---- the socket ---- */

static int dial(const char *path)
{
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    if (g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
        int why = errno;

        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text += sent;
        n -= (size_t)sent;
    }
    return true;
}

static char *receive_line(int fd)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char buf[16384];

    while (line->len < ANSWER_MAX) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        g_string_append_len(line, buf, n);
        if (line->str[line->len - 1] == '\n')
            return g_strndup(line->str, line->len - 1);
    }
    return NULL;
}

/* The socket asked for, or the one the configuration names; NULL: a sentence has been printed. */
static char *socket_path(const struct cli *cli)
{
    g_autofree char *errors = NULL;
    struct config *c;
    char *path;

    if (cli->socket)
        return g_strdup(cli->socket);
    c = config_read(cli->config, &errors);
    if (!c) {
        (void)fprintf(stderr,
                      "%standem: which control socket? Mend the configuration, or name the "
                      "socket with --socket\n",
                      errors);
        return NULL;
    }
    path = g_strdup(c->control_socket);
    config_free(c);
    return path;
}

static int exchange(const struct cli *cli, const char *path, const char *request)
{
    g_autofree char *answer = NULL;
    g_autofree char *text = NULL;
    bool ok = false;
    int fd = dial(path);

    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        (void)fprintf(stderr, "tandem is not running: nothing answers on %s\n", path);
        return CLI_EXIT_NOT_RUNNING;
    }
    if (fd < 0) {
        (void)fprintf(stderr, "tandem: cannot reach %s: %s\n", path, g_strerror(errno));
        return CLI_EXIT_FAILED;
    }
    if (send_all(fd, request))
        answer = receive_line(fd);
    (void)close(fd);
    if (!answer) {
        (void)fprintf(stderr, "tandem: the daemon gave no answer within %d s\n", ANSWER_WAIT_S);
        return CLI_EXIT_FAILED;
    }
    text = cli_render(cli, answer, &ok);
    (void)fputs(text, ok || cli->json ? stdout : stderr);
    return ok ? 0 : CLI_EXIT_FAILED;
}

int cli_ask(const struct cli *cli)
{
    g_autofree char *path = socket_path(cli);
    g_autofree char *error = NULL;
    g_autofree char *request = NULL;
    char *password = NULL;
    int rc;

    if (!path)
        return CLI_EXIT_FAILED;
    if (cli->command == CLI_USER_ADD && !(password = read_password(cli)))
        return CLI_EXIT_FAILED;
    request = cli_request(cli, password, &error);
    if (request) {
        rc = exchange(cli, path, request);
        explicit_bzero(request, strlen(request));
    } else {
        (void)fprintf(stderr, "tandem: %s\n", error);
        rc = CLI_EXIT_USAGE;
    }
    if (password)
        explicit_bzero(password, strlen(password));
    g_free(password);
    return rc;
}
