/* The control socket: what is asked and answered, and that nobody can hurt it. */
#include "gateway/control.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/leg.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void unit_gateway_control(void);

struct fixture {
    char *dir;
    struct config *config;
    struct store *store;
    struct accounts *accounts;
    struct gateway *gw;
    struct adapter *ad;
    struct control_config control;
    bool reload_fails;
};

static char *on_reload(bool *ok, void *arg)
{
    *ok = !((struct fixture *)arg)->reload_fails;
    return g_strdup(*ok ? "done" : "t.conf:1: no");
}

static void setup(struct fixture *f, gconstpointer arg)
{
    g_autofree char *text = NULL;
    g_autofree char *db = NULL;
    char *errors = NULL;

    (void)arg;
    f->dir = g_dir_make_tmp("tandem-control-XXXXXX", NULL);
    db = g_build_filename(f->dir, "tandem.db", NULL);
    text = g_strdup_printf("[tandem]\ndomain = example.org\nstate_dir = %s\n"
                           "[sip]\nudp = 127.0.0.1:5060\n"
                           "[account alice]\npassword = a\n",
                           f->dir);
    f->config = config_parse("t.conf", text, strlen(text), &errors);
    g_assert_cmpstr(errors, ==, NULL);
    f->store = store_open(db);
    f->accounts = accounts_new(f->config, f->store);
    f->gw = gateway_new(f->config, f->accounts, f->store);
    f->ad = fake_adapter_new();
    gateway_add_adapter(f->gw, f->ad);
    fake_adapter_address(f->ad, "alice@example.org", 2, &desc_profile_plain, 1);
    f->control = (struct control_config){f->config, f->accounts, f->gw, on_reload, f};
}

static void teardown(struct fixture *f, gconstpointer arg)
{
    g_autofree char *db = g_build_filename(f->dir, "tandem.db", NULL);

    (void)arg;
    gateway_free(f->gw);
    accounts_free(f->accounts);
    store_close(f->store);
    config_free(f->config);
    (void)g_unlink(db);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
}

static json_t *ask(struct fixture *f, const char *line)
{
    g_autofree char *text = control_answer(&f->control, false, line, strlen(line));
    json_t *a = json_loads(text, 0, NULL);

    g_assert_true(g_str_has_suffix(text, "\n"));
    g_assert_true(json_is_object(a));
    return a;
}

static void expect_refusal(struct fixture *f, const char *line, const char *words)
{
    json_t *a = ask(f, line);
    const char *error = json_string_value(json_object_get(a, "error"));

    g_assert_true(json_is_false(json_object_get(a, "ok")));
    if (!error || !strstr(error, words))
        g_error("%s: \"%s\" does not say \"%s\"", line, error, words);
    json_decref(a);
}

static void expect_ok(struct fixture *f, const char *line)
{
    json_t *a = ask(f, line);

    if (!json_is_true(json_object_get(a, "ok")))
        g_error("%s: %s", line, json_string_value(json_object_get(a, "error")));
    json_decref(a);
}

static void status_tells_what_runs(struct fixture *f, gconstpointer arg)
{
    json_t *a = ask(f, "{\"do\":\"status\"}");
    const char *state, *domain, *listen;
    int ok = 0, pid = 0, accounts = 0, calls = -1;

    (void)arg;
    g_assert_cmpint(json_unpack(a, "{s:b,s:s,s:s,s:i,s:i,s:i,s:[s]}", "ok", &ok, "state", &state,
                                "domain", &domain, "pid", &pid, "accounts", &accounts, "calls_now",
                                &calls, "listen", &listen),
                    ==, 0);
    g_assert_true(ok);
    g_assert_cmpstr(state, ==, "running");
    g_assert_cmpstr(domain, ==, "example.org");
    g_assert_cmpint(pid, ==, getpid());
    g_assert_cmpint(accounts, ==, 1);
    g_assert_cmpint(calls, ==, 0);
    g_assert_cmpstr(listen, ==, "sip/udp 127.0.0.1:5060");
    json_decref(a);
}

static void nonsense_gets_a_sentence(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    expect_refusal(f, "", "one line of JSON");
    expect_refusal(f, "status", "one line of JSON");
    expect_refusal(f, "[1]", "one line of JSON");
    expect_refusal(f, "{\"do\":7}", "one line of JSON");
    expect_refusal(f, "{\"do\":\"status\",\"do\":\"calls\"}", "one line of JSON");
    expect_refusal(f, "{\"do\":\"dance\"}", "no request \"dance\"");
    expect_refusal(f, "{\"do\":\"hangup\"}", "by its id");
    expect_refusal(f, "{\"do\":\"hangup\",\"call\":\"12x\"}", "by its id");
    expect_refusal(f, "{\"do\":\"hangup\",\"call\":\"7f3a\"}", "no call 7f3a");
}

static void a_call_is_listed_and_hung_up(struct fixture *f, gconstpointer arg)
{
    struct fake_leg *leg = fake_leg_new(f->ad);
    struct incoming in = {
        .leg = &leg->leg,
        .account = "alice@example.org",
        .from = "alice@example.org",
        .to = "alice@example.org",
        .offer = desc_new(),
    };
    const char *id, *from, *state;
    g_autofree char *hangup = NULL;
    json_t *a;

    (void)arg;
    g_assert_nonnull(
        desc_add_codec(desc_add_stream(in.offer, DESC_AUDIO), 0, "PCMU", 8000, 1, NULL));
    gateway_incoming(f->gw, &in);
    a = ask(f, "{\"do\":\"calls\"}");
    g_assert_cmpint(
        json_unpack(a, "{s:[{s:s,s:s,s:s}]}", "calls", "id", &id, "from", &from, "state", &state),
        ==, 0);
    g_assert_cmpstr(from, ==, "alice@example.org");
    hangup = g_strdup_printf("{\"do\":\"hangup\",\"call\":\"%s\"}", id);
    json_decref(a);
    expect_ok(f, hangup);
    (void)fake_adapter_settle(f->ad);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    fake_clock_advance(US_PER_S);
    (void)fake_adapter_settle(f->ad);
    a = ask(f, "{\"do\":\"calls\"}");
    g_assert_cmpuint(json_array_size(json_object_get(a, "calls")), ==, 0);
    json_decref(a);
}

static void users_are_added_listed_and_removed(struct fixture *f, gconstpointer arg)
{
    const struct account *bob;
    json_t *a;

    (void)arg;
    expect_ok(f, "{\"do\":\"user-add\",\"address\":\"Bob\",\"password\":\"builder\","
                 "\"display\":\"Bob B\",\"media\":[\"dtls\",\"sdes\"],\"sha256\":true,"
                 "\"calls\":3}");
    bob = accounts_find(f->accounts, "bob@example.org");
    g_assert_nonnull(bob);
    g_assert_cmpstr(bob->user, ==, "bob");
    g_assert_cmpstr(bob->display, ==, "Bob B");
    g_assert_cmpstr(bob->ha1_md5, ==, "b70615a74a524becc6960f540634bb00");
    g_assert_true(bob->sip_sha256);
    g_assert_cmpuint(bob->calls_max, ==, 3);
    g_assert_cmpuint(bob->nprofiles, ==, 2);
    a = ask(f, "{\"do\":\"user-list\"}");
    g_assert_cmpuint(json_array_size(json_object_get(a, "users")), ==, 2);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(json_object_get(a, "users"), 0),
                                                     "endpoints")),
                     ==, 2);
    json_decref(a);
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\"}", "exists");
    expect_ok(f, "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\",\"replace\":true}");
    expect_ok(f, "{\"do\":\"user-remove\",\"address\":\"bob@example.org\"}");
    g_assert_null(accounts_find(f->accounts, "bob@example.org"));
    expect_refusal(f, "{\"do\":\"user-remove\",\"address\":\"bob\"}", "no account");
}

static void odd_users_are_refused(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    expect_refusal(f, "{\"do\":\"user-add\",\"password\":\"x\"}", "no address");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"a b\",\"password\":\"x\"}", "no address");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"a@b.example\",\"password\":\"x\"}",
                   "not of this domain");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"echo\",\"password\":\"x\"}", "built in");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"alice\",\"password\":\"x\"}",
                   "configuration file");
    expect_refusal(f, "{\"do\":\"user-remove\",\"address\":\"alice\"}", "configuration file");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"bob\"}", "password");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"\"}", "password");
    expect_refusal(f,
                   "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\","
                   "\"display\":\"\\\"\"}",
                   "display");
    expect_refusal(f,
                   "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\","
                   "\"media\":[\"tin\"]}",
                   "none of plain");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\",\"media\":[]}",
                   "list");
    expect_refusal(f, "{\"do\":\"user-add\",\"address\":\"bob\",\"password\":\"x\",\"calls\":-1}",
                   "number");
    g_assert_null(accounts_find(f->accounts, "bob@example.org"));
}

static void reload_says_what_came_of_it(struct fixture *f, gconstpointer arg)
{
    (void)arg;
    expect_ok(f, "{\"do\":\"reload\"}");
    f->reload_fails = true;
    expect_refusal(f, "{\"do\":\"reload\"}", "t.conf:1: no");
}

/* ---- over the socket ---- */

static int dial(const struct fixture *f)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)g_strlcpy(addr.sun_path, f->config->control_socket, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void turn(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* Turns the loop until the peer has said a whole line, or has closed (""). */
static char *hear(int fd)
{
    GString *line = g_string_new(NULL);
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

    while (g_get_monotonic_time() < deadline && !strchr(line->str, '\n')) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char buf[4096];
        ssize_t n;

        turn();
        if (poll(&p, 1, 1) <= 0)
            continue;
        n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            break;
        g_string_append_len(line, buf, n);
    }
    return g_string_free(line, FALSE);
}

static void say(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
    turn();
}

static void requests_in_pieces_and_in_rows_are_answered(struct fixture *f, gconstpointer arg)
{
    struct control *c = control_start(&f->control);
    int fd;
    g_autofree char *one = NULL;
    g_autofree char *rest = NULL;

    (void)arg;
    g_assert_nonnull(c);
    fd = dial(f);
    say(fd, "{\"do\":");
    say(fd, "\"status\"}\n");
    one = hear(fd);
    g_assert_nonnull(strstr(one, "\"state\":\"running\""));
    control_set_draining(c);
    say(fd, "{\"do\":\"status\"}\nnonsense\n");
    rest = hear(fd);
    if (!strstr(rest, "one line of JSON")) {
        g_autofree char *more = hear(fd);
        char *both = g_strconcat(rest, more, NULL);

        g_free(rest);
        rest = both;
    }
    g_assert_nonnull(strstr(rest, "\"state\":\"draining\""));
    g_assert_nonnull(strstr(rest, "one line of JSON"));
    g_assert_cmpint(close(fd), ==, 0);
    turn();
    control_stop(c);
}

static void the_socket_is_private_and_leaves_nothing(struct fixture *f, gconstpointer arg)
{
    struct control *c;
    struct stat st;

    (void)arg;
    g_assert_true(g_file_set_contents(f->config->control_socket, "left by a crash", -1, NULL));
    c = control_start(&f->control);
    g_assert_nonnull(c);
    g_assert_cmpint(g_stat(f->config->control_socket, &st), ==, 0);
    g_assert_true(S_ISSOCK(st.st_mode));
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    control_stop(c);
    g_assert_false(g_file_test(f->config->control_socket, G_FILE_TEST_EXISTS));
}

static void endless_lines_and_crowds_are_cut_off(struct fixture *f, gconstpointer arg)
{
    struct control *c = control_start(&f->control);
    g_autofree char *flood = g_strnfill(16384, 'x');
    int fd[CONTROL_CLIENTS_MAX + 1];
    g_autofree char *said = NULL;

    (void)arg;
    for (unsigned i = 0; i < G_N_ELEMENTS(fd); i++) {
        fd[i] = dial(f);
        turn();
    }
    said = hear(fd[CONTROL_CLIENTS_MAX]); /* one too many */
    g_assert_cmpstr(said, ==, "");
    for (int i = 0; i < 4; i++)
        say(fd[0], flood);
    (void)send(fd[0], "x", 1, MSG_NOSIGNAL);
    g_free(said);
    said = hear(fd[0]);
    g_assert_cmpstr(said, ==, "");
    say(fd[1], "{\"do\":\"calls\"}\n");
    g_free(said);
    said = hear(fd[1]);
    g_assert_cmpstr(said, ==, "{\"ok\":true,\"calls\":[]}\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(fd); i++)
        g_assert_cmpint(close(fd[i]), ==, 0);
    turn();
    control_stop(c);
}

static void silent_clients_are_let_go(struct fixture *f, gconstpointer arg)
{
    struct control *c = control_start(&f->control);
    g_autofree char *said = NULL;
    int fd = dial(f);

    (void)arg;
    turn();
    fake_clock_advance(31 * US_PER_S);
    said = hear(fd);
    g_assert_cmpstr(said, ==, "");
    g_assert_cmpint(close(fd), ==, 0);
    control_stop(c);
}

static void add(const char *path, void (*fn)(struct fixture *f, gconstpointer arg))
{
    g_test_add(path, struct fixture, NULL, setup, fn, teardown);
}

void unit_gateway_control(void)
{
    add("/gateway/control/status-tells-what-runs", status_tells_what_runs);
    add("/gateway/control/nonsense-gets-a-sentence", nonsense_gets_a_sentence);
    add("/gateway/control/a-call-is-listed-and-hung-up", a_call_is_listed_and_hung_up);
    add("/gateway/control/users-are-added-listed-and-removed", users_are_added_listed_and_removed);
    add("/gateway/control/odd-users-are-refused", odd_users_are_refused);
    add("/gateway/control/reload-says-what-came-of-it", reload_says_what_came_of_it);
    add("/gateway/control/requests-in-pieces-and-in-rows-are-answered",
        requests_in_pieces_and_in_rows_are_answered);
    add("/gateway/control/the-socket-is-private-and-leaves-nothing",
        the_socket_is_private_and_leaves_nothing);
    add("/gateway/control/endless-lines-and-crowds-are-cut-off",
        endless_lines_and_crowds_are_cut_off);
    add("/gateway/control/silent-clients-are-let-go", silent_clients_are_let_go);
}
