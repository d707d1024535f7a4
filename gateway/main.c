/* The composition root: the only file that knows every room. Brings them up in order, runs the call
 * thread's loop, and takes them down in reverse (docs/architecture.md). */
#include "base/clock.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "edge/edge.h"
#include "gateway/cli.h"
#include "gateway/control.h"
#include "gateway/gateway.h"
#include "gateway/notify.h"
#include "sip/adapter.h"
#include "web/adapter.h"
#include "xmpp/adapter.h"

#include <glib-unix.h>
#include <glib.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t DRAIN_US = 10 * US_PER_S; /* the unit's TimeoutStopSec leaves more */

struct service {
    struct config *config;
    int state_fd; /* the state folder, locked */
    struct store *store;
    struct accounts *accounts;
    struct gateway *gateway;
    struct edge *edge;
    struct control *control;
    struct timer *watchdog;
    GMainLoop *loop;
    bool draining;
};

static struct adapter *xmpp_start(struct gateway *gw, struct edge *edge)
{
    (void)edge; /* its one connection is its own */
    return xmpp_adapter_start(gw);
}

static bool wants_xmpp(const struct config *c)
{
    return c->xmpp_component != NULL;
}

/* In order of their start. */
static const struct {
    struct adapter *(*start)(struct gateway *gw, struct edge *edge);
    bool (*wanted)(const struct config *c); /* NULL: always */
} adapters[] = {
    {sip_adapter_start, NULL},
    {web_adapter_start, NULL},
    {xmpp_start, wants_xmpp},
};

/* ---- certificates ---- */

static struct edge_cert *certificates(const struct config *c)
{
    struct edge_cert *certs = g_new0(struct edge_cert, c->ntls + 1);

    for (unsigned i = 0; i < c->ntls; i++)
        certs[i] = (struct edge_cert){c->tls[i].name, c->tls[i].certificate, c->tls[i].key};
    return certs;
}

static struct edge *edge_start(const struct config *c)
{
    g_autofree struct edge_cert *certs = certificates(c);
    struct edge_config e = {
        .ncerts = c->ntls,
        .cert = certs,
        .client_ca = c->tls_client_ca,
        .connections_max = c->connections_max,
        .connections_per_address = c->connections_per_address,
        .connections_per_address_per_s = c->connections_per_address_per_s,
        .exempt_loopback = true,
    };

    for (char **p = c->web_trusted_proxies; p && *p && e.nproxies < G_N_ELEMENTS(e.proxy); p++)
        if (net_addr_parse_ip(span_of(*p), &e.proxy[e.nproxies]))
            e.nproxies++;
    return edge_new(&e);
}

/* Reads the file again, but takes only its certificates over: calls, sockets and accounts were
 * built from the rest. */
static char *service_reload(bool *ok, void *arg)
{
    struct service *s = arg;
    char *errors = NULL;
    struct config *fresh = config_read(s->config->path, &errors);
    g_autofree struct edge_cert *certs = NULL;

    *ok = false;
    if (!fresh) {
        char *text = g_strdup_printf("nothing was reloaded, the configuration has errors:\n%s",
                                     g_strchomp(errors));
        g_free(errors);
        return text;
    }
    certs = certificates(fresh);
    *ok =
        !fresh->ntls || edge_reload_tls(s->edge, fresh->ntls, certs, fresh->tls_client_ca) == GW_OK;
    config_free(fresh);
    return g_strdup(*ok ? "certificates have been read again; any other change of the "
                          "configuration waits for a restart"
                        : "the certificates are unusable (the log says why); the old ones stay");
}

/* ---- signals ---- */

static void service_drained(void *arg)
{
    g_main_loop_quit(((struct service *)arg)->loop);
}

static gboolean on_stop(gpointer data)
{
    struct service *s = data;

    if (s->draining) {
        LOG_I("main", "asked twice to stop: not waiting for calls any more");
        g_main_loop_quit(s->loop);
        return G_SOURCE_CONTINUE;
    }
    LOG_I("main", "stopping: no new calls, ending the live ones");
    notify_send("STOPPING=1");
    s->draining = true;
    control_set_draining(s->control);
    gateway_drain(s->gateway, DRAIN_US, service_drained, s);
    return G_SOURCE_CONTINUE;
}

static gboolean on_hup(gpointer data)
{
    bool ok = false;
    g_autofree char *text = service_reload(&ok, data);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **l = lines; *l; l++)
        LOG(ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "main", "reload: %s", *l);
    return G_SOURCE_CONTINUE;
}

static void on_watchdog(void *arg)
{
    struct service *s = arg;

    notify_send("WATCHDOG=1");
    timer_start(&s->watchdog, notify_watchdog_us(), on_watchdog, s);
}

/* ---- process ---- */

/* A call may take a dozen descriptors; the soft limit is only a default for programs that use
 * select(). */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        LOG_W("main", "the limit of open files stays low: %s", g_strerror(errno));
}

/* The lock is on the folder itself, so nothing is left behind by a crash. */
static int state_open(const char *path)
{
    int fd;

    if (g_mkdir_with_parents(path, S_IRWXU) != 0) {
        LOG_E("main", "cannot make the state folder %s: %s", path, g_strerror(errno));
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        LOG_E("main", "cannot open the state folder %s: %s", path, g_strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        LOG_E("main", "another tandem runs with the state folder %s", path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* ---- life ---- */

static bool adapters_start(struct service *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(adapters); i++) {
        struct adapter *ad;

        if (adapters[i].wanted && !adapters[i].wanted(s->config))
            continue;
        ad = adapters[i].start(s->gateway, s->edge);
        if (!ad)
            return false;
        gateway_add_adapter(s->gateway, ad);
    }
    return true;
}

static bool service_start(struct service *s)
{
    const struct config *c = s->config;
    g_autofree char *db = g_build_filename(c->state_dir, "tandem.db", NULL);
    struct control_config control = {.config = c, .reload = service_reload, .arg = s};

    s->state_fd = state_open(c->state_dir);
    if (s->state_fd < 0 || !(s->store = store_open(db)))
        return false;
    s->accounts = accounts_new(c, s->store);
    s->gateway = gateway_new(c, s->accounts, s->store);
    if (!s->gateway || !(s->edge = edge_start(c)) || !adapters_start(s))
        return false;
    control.accounts = s->accounts;
    control.gateway = s->gateway;
    s->control = control_start(&control);
    return s->control != NULL;
}

/* The edge's thread ends before the adapters, whose mailboxes it posts to; it is freed after them,
 * because they may still send. The store is last: everybody writes to it. */
static void service_stop(struct service *s)
{
    timer_stop(&s->watchdog);
    control_stop(s->control);
    if (s->edge)
        edge_stop(s->edge);
    gateway_free(s->gateway);
    if (s->edge)
        edge_free(s->edge);
    accounts_free(s->accounts);
    store_close(s->store);
    if (s->state_fd >= 0)
        (void)close(s->state_fd);
}

static void say_ready(const struct service *s)
{
    const struct config *c = s->config;

    LOG_I("main",
          "ready version=" TANDEM_VERSION " pid=%d domain=%s sip_listeners=%u web_listeners=%u "
          "media_addresses=%u control=%s",
          (int)getpid(), c->domain, config_sip_listeners(c), c->web_http.n + c->web_https.n,
          c->media_addr.n, c->control_socket);
    notify_send("READY=1");
}

static int service_loop(struct service *s)
{
    guint sources[] = {
        g_unix_signal_add(SIGTERM, on_stop, s),
        g_unix_signal_add(SIGINT, on_stop, s),
        g_unix_signal_add(SIGHUP, on_hup, s),
    };

    s->loop = g_main_loop_new(NULL, FALSE);
    if (notify_watchdog_us())
        timer_start(&s->watchdog, notify_watchdog_us(), on_watchdog, s);
    say_ready(s);
    g_main_loop_run(s->loop);
    for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
        (void)g_source_remove(sources[i]);
    g_main_loop_unref(s->loop);
    return 0;
}

/* ---- commands ---- */

static struct config *read_or_tell(const char *path)
{
    g_autofree char *errors = NULL;
    struct config *c = config_read(path, &errors);

    if (!c)
        (void)fputs(errors, stderr);
    return c;
}

static int run(const struct cli *cli)
{
    struct service s = {.config = read_or_tell(cli->config), .state_fd = -1};
    int rc = CLI_EXIT_FAILED;

    if (!s.config)
        return rc;
    (void)umask(S_IRWXG | S_IRWXO);
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level((enum log_level)s.config->log_level);
    raise_file_limit();
    log_writer_start();
    if (service_start(&s))
        rc = service_loop(&s);
    service_stop(&s);
    if (rc == 0)
        LOG_I("main", "stopped");
    log_writer_stop();
    config_free(s.config);
    return rc;
}

/* Whether key and certificate belong together only OpenSSL can tell: the edge is built and thrown
 * away. */
static bool certificates_work(const struct config *c)
{
    struct edge *e;

    if (!c->ntls)
        return true;
    e = edge_start(c);
    if (e)
        edge_free(e);
    return e != NULL;
}

static int check(const struct cli *cli)
{
    struct config *c = read_or_tell(cli->config);
    int rc = CLI_EXIT_FAILED;

    if (!c)
        return rc;
    if (c->warnings)
        (void)fputs(c->warnings, stdout);
    log_set_level(LOG_LEVEL_WARN);
    if (certificates_work(c)) {
        (void)printf("%s: ok\n", cli->config);
        rc = 0;
    } else {
        (void)fprintf(stderr, "%s: the certificates are unusable, see above\n", cli->config);
    }
    config_free(c);
    return rc;
}

int main(int argc, char **argv)
{
    g_autofree char *error = NULL;
    g_autofree char *help = cli_help();
    struct cli cli;

    if (!cli_parse(argc, argv, &cli, &error)) {
        (void)fprintf(stderr, "tandem: %s\n", error);
        return CLI_EXIT_USAGE;
    }
    switch (cli.command) {
    case CLI_HELP: (void)fputs(help, stdout); return 0;
    case CLI_VERSION: (void)puts("tandem " TANDEM_VERSION); return 0;
    case CLI_RUN: return run(&cli);
    case CLI_CHECK: return check(&cli);
    case CLI_STATUS:
    case CLI_CALLS:
    case CLI_HANGUP:
    case CLI_RELOAD:
    case CLI_USER_ADD:
    case CLI_USER_LIST:
    case CLI_USER_REMOVE: break;
    }
    return cli_ask(&cli);
}
