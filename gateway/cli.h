/** The command line: what was asked (pure), and the client half of gateway/control.h.
 *  Thread: the only one, before any other is started. */
#pragma once

#include <stdbool.h>

#define CLI_CONFIG_DEFAULT "/etc/tandem/tandem.conf"

enum cli_command {
    CLI_HELP,
    CLI_VERSION,
    CLI_RUN,
    CLI_CHECK,
    CLI_STATUS,
    CLI_CALLS,
    CLI_HANGUP,
    CLI_RELOAD,
    CLI_USER_ADD,
    CLI_USER_LIST,
    CLI_USER_REMOVE
};

/* Exit codes besides 0. */
enum { CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2, CLI_EXIT_NOT_RUNNING = 3 };

struct cli { /* texts are borrowed from argv */
    enum cli_command command;
    const char *config, *socket; /* socket NULL: the one the configuration names */
    const char *argument;        /* CALL, ADDRESS or NULL */
    const char *display, *media, *calls, *jid;
    bool json, password_stdin, sha256, replace;
};

/** False with a sentence in @p error (g_free) when @p argv makes no sense. */
bool cli_parse(int argc, char *const *argv, struct cli *out, char **error);
/** All commands and options. */
char *cli_help(void);
/** Run a command that asks the daemon: prints what it says; returns the exit code. */
int cli_ask(const struct cli *cli);

/** The request line for the daemon (g_free), or NULL with a sentence in @p error. @p password only
 * for CLI_USER_ADD. */
char *cli_request(const struct cli *cli, const char *password, char **error);
/** The daemon's answer for people (g_free); *@p ok: whether it did what was asked. */
char *cli_render(const struct cli *cli, const char *answer, bool *ok);
