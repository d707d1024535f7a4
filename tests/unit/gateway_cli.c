#include "gateway/cli.h"
#include "gateway/notify.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void unit_gateway_cli(void);

/* "tandem user add bob" -> what was understood, or the sentence why not. */
static bool parse(const char *line, struct cli *out, char **error)
{
    static char **argv; /* what the result borrows from */
    int argc = 0;

    g_strfreev(argv);
    argv = g_strsplit(line, " ", -1);
    while (argv[argc])
        argc++;
    return cli_parse(argc, argv, out, error);
}

static void commands_and_options_are_understood(void)
{
    g_autofree char *error = NULL;
    struct cli cli;

    g_assert_true(parse("tandem run", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_RUN);
    g_assert_cmpstr(cli.config, ==, "/etc/tandem/tandem.conf");
    g_assert_true(parse("tandem check -c my.conf", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_CHECK);
    g_assert_cmpstr(cli.config, ==, "my.conf");
    g_assert_true(parse("tandem status --config=x --json", &cli, &error));
    g_assert_cmpstr(cli.config, ==, "x");
    g_assert_true(cli.json);
    g_assert_true(parse("tandem hangup 7f3a --socket /run/s", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_HANGUP);
    g_assert_cmpstr(cli.argument, ==, "7f3a");
    g_assert_cmpstr(cli.socket, ==, "/run/s");
    g_assert_true(parse("tandem user list", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_USER_LIST);
    g_assert_true(parse("tandem user add --display Bob bob --media dtls,plain --calls 2 --sha256 "
                        "--replace --password-stdin",
                        &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_USER_ADD);
    g_assert_cmpstr(cli.argument, ==, "bob");
    g_assert_cmpstr(cli.display, ==, "Bob");
    g_assert_cmpstr(cli.media, ==, "dtls,plain");
    g_assert_cmpstr(cli.calls, ==, "2");
    g_assert_true(cli.sha256 && cli.replace && cli.password_stdin);
    g_assert_true(parse("tandem --version", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_VERSION);
    g_assert_true(parse("tandem user add --help", &cli, &error));
    g_assert_cmpint(cli.command, ==, CLI_HELP);
}

static void misunderstandings_get_a_sentence(void)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"tandem", "tell me what to do"},
        {"tandem dance", "no command dance"},
        {"tandem user", "add, list or remove"},
        {"tandem user dance", "add, list or remove"},
        {"tandem run now", "what is \"now\""},
        {"tandem run --json", "takes no option --json"},
        {"tandem status --display x", "takes no option --display"},
        {"tandem run --nonsense", "takes no option --nonsense"},
        {"tandem run -c", "takes a value: FILE"},
        {"tandem status --json=yes", "takes no value"},
        {"tandem hangup", "the CALL is missing"},
        {"tandem user add", "the ADDRESS is missing"},
        {"tandem user add bob secret", "what is \"secret\""}, /* never a password in argv */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *error = NULL;
        struct cli cli;

        if (parse(cases[i].line, &cli, &error) || !strstr(error, cases[i].words))
            g_error("%s: %s", cases[i].line, error);
    }
}

static void help_shows_every_command(void)
{
    static const char *const words[] = {"run",      "check",     "status",      "calls", "hangup",
                                        "user add", "user list", "user remove", "reload"};
    g_autofree char *help = cli_help();

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        g_assert_nonnull(strstr(help, words[i]));
}

static void requests_are_one_line_of_json(void)
{
    g_autofree char *error = NULL;
    g_autofree char *add = NULL;
    g_autofree char *hangup = NULL;
    struct cli cli;

    g_assert_true(parse("tandem user add bob --media dtls,plain --calls 2", &cli, &error));
    add = cli_request(&cli, "a\"b", &error);
    g_assert_cmpstr(add, ==,
                    "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"a\\\"b\","
                    "\"media\":[\"dtls\",\"plain\"],\"calls\":2}\n");
    g_assert_true(parse("tandem hangup 7f3a", &cli, &error));
    hangup = cli_request(&cli, NULL, &error);
    g_assert_cmpstr(hangup, ==, "{\"do\":\"hangup\",\"call\":\"7f3a\"}\n");
    g_assert_true(parse("tandem user add bob --calls many", &cli, &error));
    g_assert_null(cli_request(&cli, "x", &error));
    g_assert_nonnull(strstr(error, "--calls"));
}

static void expect(const char *line, const char *answer, bool did, const char *text)
{
    g_autofree char *error = NULL;
    g_autofree char *got = NULL;
    struct cli cli;
    bool ok;

    g_assert_true(parse(line, &cli, &error));
    got = cli_render(&cli, answer, &ok);
    g_assert_cmpstr(got, ==, text);
    g_assert_true(ok == did);
}

static void answers_become_tables(void)
{
    expect("tandem calls", "{\"ok\":true,\"calls\":[]}", true, "no calls\n");
    expect(
        "tandem calls",
        "{\"ok\":true,\"calls\":[{\"id\":\"7f3a\",\"from\":\"alice@example.org\",\"to\":\"bob\","
        "\"state\":\"talking\",\"a\":\"web\",\"b\":\"sip\",\"age_s\":75,\"talk_s\":60},"
        "{\"id\":\"1\",\"from\":\"\\u001b[2Jx\",\"to\":\"y\",\"state\":\"ringing\",\"a\":\"sip\","
        "\"b\":\"\",\"age_s\":90061,\"talk_s\":0}]}",
        true,
        "CALL  FROM               TO   STATE    LEGS     AGE          TALK\n"
        "7f3a  alice@example.org  bob  talking  web-sip  1:15         1:00\n"
        "1     ?[2Jx              y    ringing  sip-?    1 d 1:01:01  0:00\n");
    expect("tandem user list",
           "{\"ok\":true,\"users\":[{\"address\":\"j\xc3\xb6rg@example.org\",\"display\":\"\","
           "\"media\":[\"plain\",\"sdes\"],\"kept_in\":\"store\",\"endpoints\":[\"sip:a\",\"tab "
           "1\"]}]}",
           true,
           "ADDRESS           NAME  MEDIA       KEPT IN  REACHABLE AT\n"
           "j\xc3\xb6rg@example.org  -     plain,sdes  store    sip:a, tab 1\n");
    expect("tandem user add bob", "{\"ok\":true,\"address\":\"bob@x\",\"replaced\":false}", true,
           "bob@x has been added\n");
    expect("tandem hangup 7f3a", "{\"ok\":false,\"error\":\"There is no call 7f3a.\"}", false,
           "tandem: There is no call 7f3a.\n");
    expect("tandem hangup 7f3a --json", "{\"ok\":true}", true, "{\"ok\":true}\n");
    expect("tandem status", "garbage", false, "tandem: a senseless answer\n");
}

static void status_is_readable(void)
{
    expect("tandem status",
           "{\"ok\":true,\"state\":\"running\",\"version\":\"9\",\"pid\":7,\"domain\":\"x.org\","
           "\"config\":\"/c\",\"uptime_s\":3661,\"listen\":[\"sip/udp 1.2.3.4:5\",\"http "
           "1.2.3.4:6\"],"
           "\"accounts\":2,\"calls_now\":1,\"calls_total\":5,\"calls_answered\":3,"
           "\"calls_failed\":2}",
           true,
           "tandem 9 is running, pid 7, up 1:01:01\n"
           "config    /c\n"
           "domain    x.org\n"
           "listens   sip/udp 1.2.3.4:5\n"
           "          http 1.2.3.4:6\n"
           "accounts  2\n"
           "calls     1 now; 5 since the start, of which 3 answered, 2 not\n");
}

/* ---- systemd ---- */

static void systemd_hears_that_we_are_ready(void)
{
    g_autofree char *dir = g_dir_make_tmp("tandem-notify-XXXXXX", NULL);
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char got[64] = "";

    (void)g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_true(g_setenv("NOTIFY_SOCKET", addr.sun_path, TRUE));
    notify_send("READY=1");
    g_assert_cmpint(recv(fd, got, sizeof(got) - 1, 0), ==, 7);
    g_assert_cmpstr(got, ==, "READY=1");
    g_unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1"); /* goes nowhere */
    g_assert_cmpint(recv(fd, got, sizeof(got) - 1, 0), ==, -1);
    (void)close(fd);
    (void)g_unlink(addr.sun_path);
    (void)g_rmdir(dir);
}

static void the_watchdog_is_fed_twice_as_often(void)
{
    g_autofree char *me = g_strdup_printf("%d", (int)getpid());

    g_unsetenv("WATCHDOG_USEC");
    g_assert_cmpuint(notify_watchdog_us(), ==, 0);
    g_assert_true(g_setenv("WATCHDOG_USEC", "30000000", TRUE));
    g_assert_cmpuint(notify_watchdog_us(), ==, 15000000);
    g_assert_true(g_setenv("WATCHDOG_PID", me, TRUE));
    g_assert_cmpuint(notify_watchdog_us(), ==, 15000000);
    g_assert_true(g_setenv("WATCHDOG_PID", "1", TRUE)); /* meant for somebody else */
    g_assert_cmpuint(notify_watchdog_us(), ==, 0);
    g_unsetenv("WATCHDOG_PID");
    g_assert_true(g_setenv("WATCHDOG_USEC", "soon", TRUE));
    g_assert_cmpuint(notify_watchdog_us(), ==, 0);
    g_unsetenv("WATCHDOG_USEC");
}

void unit_gateway_cli(void)
{
    g_test_add_func("/gateway/cli/commands-and-options-are-understood",
                    commands_and_options_are_understood);
    g_test_add_func("/gateway/cli/misunderstandings-get-a-sentence",
                    misunderstandings_get_a_sentence);
    g_test_add_func("/gateway/cli/help-shows-every-command", help_shows_every_command);
    g_test_add_func("/gateway/cli/requests-are-one-line-of-json", requests_are_one_line_of_json);
    g_test_add_func("/gateway/cli/answers-become-tables", answers_become_tables);
    g_test_add_func("/gateway/cli/status-is-readable", status_is_readable);
    g_test_add_func("/gateway/notify/systemd-hears-that-we-are-ready",
                    systemd_hears_that_we_are_ready);
    g_test_add_func("/gateway/notify/the-watchdog-is-fed-twice-as-often",
                    the_watchdog_is_fed_twice_as_often);
}
