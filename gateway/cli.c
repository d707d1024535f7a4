#include "gateway/cli.h"

#include <glib.h>

#include <stddef.h>
#include <string.h>

enum { /* which options a command takes */
       TAKES_CONFIG = 1,
       TAKES_CLIENT = 2, /* --socket, --json */
       TAKES_USER = 4    /* those of `user add` */
};

static const struct command {
    const char *words, *argument; /* "user add", "ADDRESS" or NULL */
    enum cli_command command;
    unsigned takes;
    const char *help;
} commands[] = {
    {"run", NULL, CLI_RUN, TAKES_CONFIG, "run in the foreground until SIGTERM or Ctrl-C"},
    {"check", NULL, CLI_CHECK, TAKES_CONFIG, "tell every error of the configuration at once"},
    {"status", NULL, CLI_STATUS, TAKES_CONFIG | TAKES_CLIENT, "is it running, and what does it do"},
    {"calls", NULL, CLI_CALLS, TAKES_CONFIG | TAKES_CLIENT, "the calls of this moment"},
    {"hangup", "CALL", CLI_HANGUP, TAKES_CONFIG | TAKES_CLIENT, "end a call, by its id"},
    {"reload", NULL, CLI_RELOAD, TAKES_CONFIG | TAKES_CLIENT, "read the certificates again"},
    {"user add", "ADDRESS", CLI_USER_ADD, TAKES_CONFIG | TAKES_CLIENT | TAKES_USER,
     "add an account; its password is asked for"},
    {"user list", NULL, CLI_USER_LIST, TAKES_CONFIG | TAKES_CLIENT,
     "the accounts and where they can be reached"},
    {"user remove", "ADDRESS", CLI_USER_REMOVE, TAKES_CONFIG | TAKES_CLIENT, "remove an account"},
};

static const struct option {
    const char *name, *letter, *value; /* "--config", "-c", "FILE" or NULL for a switch */
    unsigned takes;
    size_t offset; /* of const char * or bool in struct cli */
    const char *help;
} options[] = {
    {"--config", "-c", "FILE", TAKES_CONFIG, offsetof(struct cli, config),
     "the configuration (default: " CLI_CONFIG_DEFAULT ")"},
    {"--socket", NULL, "PATH", TAKES_CLIENT, offsetof(struct cli, socket),
     "the control socket, instead of the configuration's"},
    {"--json", NULL, NULL, TAKES_CLIENT, offsetof(struct cli, json), "print JSON, for programs"},
    {"--display", NULL, "NAME", TAKES_USER, offsetof(struct cli, display), "the name others see"},
    {"--media", NULL, "LIST", TAKES_USER, offsetof(struct cli, media),
     "what its phones are offered: plain,sdes,dtls,webrtc"},
    {"--jid", NULL, "JID", TAKES_USER, offsetof(struct cli, jid),
     "the XMPP user who is this account too"},
    {"--calls", NULL, "N", TAKES_USER, offsetof(struct cli, calls), "calls at once"},
    {"--sha256", NULL, NULL, TAKES_USER, offsetof(struct cli, sha256),
     "challenge its phones with SHA-256 too"},
    {"--replace", NULL, NULL, TAKES_USER, offsetof(struct cli, replace),
     "it may exist already: new password, new settings"},
    {"--password-stdin", NULL, NULL, TAKES_USER, offsetof(struct cli, password_stdin),
     "read the password from standard input, one line"},
};

static const struct command *command_find(const char *words)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(words, commands[i].words))
            return &commands[i];
    return NULL;
}

static const struct option *option_find(const char *arg, size_t n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        const struct option *o = &options[i];

        if ((strlen(o->name) == n && strncmp(arg, o->name, n) == 0) ||
            (o->letter && strlen(o->letter) == n && strncmp(arg, o->letter, n) == 0))
            return o;
    }
    return NULL;
}

/* Consume the option at argv[*i], and its value. */
static bool option_take(int argc, char *const *argv, int *i, const struct command *cmd,
                        struct cli *out, char **error)
{
    const char *arg = argv[*i];
    const char *equals = g_str_has_prefix(arg, "--") ? strchr(arg, '=') : NULL;
    const struct option *o = option_find(arg, equals ? (size_t)(equals - arg) : strlen(arg));
    void *field;

    if (!o || !(o->takes & cmd->takes)) {
        *error = g_strdup_printf("tandem %s takes no option %s", cmd->words, arg);
        return false;
    }
    field = (char *)out + o->offset;
    if (!o->value && !equals) {
        *(bool *)field = true;
        return true;
    }
    if (!o->value || (!equals && *i + 1 >= argc)) {
        *error = g_strdup_printf("%s takes %s%s", o->name, o->value ? "a value: " : "no value",
                                 o->value ? o->value : "");
        return false;
    }
    *(const char **)field = equals ? equals + 1 : argv[++*i];
    return true;
}

/* The command's words; leaves *@p i at what follows them. */
static const struct command *command_take(int argc, char *const *argv, int *i, char **error)
{
    const struct command *cmd = command_find(argv[*i]);
    g_autofree char *two = *i + 1 < argc ? g_strconcat(argv[*i], " ", argv[*i + 1], NULL) : NULL;

    if (!cmd && two && (cmd = command_find(two)))
        ++*i;
    if (cmd)
        ++*i;
    else if (g_str_equal(argv[*i], "user"))
        *error = g_strdup("tandem user: add, list or remove?");
    else
        *error = g_strdup_printf("there is no command %s (tandem --help shows all)", argv[*i]);
    return cmd;
}

static bool parse_rest(int argc, char *const *argv, int i, const struct command *cmd,
                       struct cli *out, char **error)
{
    for (; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            if (!option_take(argc, argv, &i, cmd, out, error))
                return false;
        } else if (cmd->argument && !out->argument) {
            out->argument = argv[i];
        } else {
            *error = g_strdup_printf("tandem %s: what is \"%s\"?", cmd->words, argv[i]);
            return false;
        }
    }
    if (cmd->argument && !out->argument) {
        *error = g_strdup_printf("tandem %s %s: the %s is missing", cmd->words, cmd->argument,
                                 cmd->argument);
        return false;
    }
    return true;
}

static bool asks_for(int argc, char *const *argv, const char *name, const char *letter)
{
    for (int i = 1; i < argc; i++)
        if (g_str_equal(argv[i], name) || g_str_equal(argv[i], letter))
            return true;
    return false;
}

bool cli_parse(int argc, char *const *argv, struct cli *out, char **error)
{
    const struct command *cmd;
    int i = 1;

    *out = (struct cli){.command = CLI_HELP, .config = CLI_CONFIG_DEFAULT};
    *error = NULL;
    if (argc < 2) {
        *error = g_strdup("tell me what to do (tandem --help shows all)");
        return false;
    }
    if (asks_for(argc, argv, "--help", "-h") || g_str_equal(argv[1], "help"))
        return true;
    if (g_str_equal(argv[1], "--version") || g_str_equal(argv[1], "-V")) {
        out->command = CLI_VERSION;
        return true;
    }
    cmd = command_take(argc, argv, &i, error);
    if (!cmd)
        return false;
    out->command = cmd->command;
    return parse_rest(argc, argv, i, cmd, out, error);
}

char *cli_help(void)
{
    GString *s = g_string_new("tandem " TANDEM_VERSION
                              ": SIP phones, browsers and XMPP clients call each other\n\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *left =
            g_strdup_printf("tandem %s%s%s", commands[i].words, commands[i].argument ? " " : "",
                            commands[i].argument ? commands[i].argument : "");

        g_string_append_printf(s, "  %-27s %s\n", left, commands[i].help);
    }
    g_string_append(s, "\nOptions\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        const struct option *o = &options[i];
        g_autofree char *left =
            g_strdup_printf("%s%s%s%s%s", o->letter ? o->letter : "", o->letter ? ", " : "",
                            o->name, o->value ? " " : "", o->value ? o->value : "");

        if (i > 0 && o->takes == TAKES_USER && options[i - 1].takes != TAKES_USER)
            g_string_append(s, "\nOptions of user add\n");
        g_string_append_printf(s, "  %-27s %s\n", left, o->help);
    }
    g_string_append(s, "\nExit status: 0 done, 1 failed, 2 misunderstood, 3 tandem is not "
                       "running.\n");
    return g_string_free(s, FALSE);
}
