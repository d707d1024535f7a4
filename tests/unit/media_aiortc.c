/* ICE, DTLS and SRTP against an implementation that shares no code with ours. */
#include "media_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void unit_media_aiortc(void);

#define PYTHON "/usr/bin/python3"
#define PEER_DEADLINE_US (30 * US_PER_S) /* the import alone takes seconds on a busy machine */

struct child {
    GPid pid;
    int in, out;
    GString *heard;
};

static bool have_aiortc(void)
{
    const char *argv[] = {PYTHON, "-c", "import aiortc, numpy, av", NULL};
    int status = -1;
    union { /* GLib wants its own idea of const */
        const char **ours;
        char **theirs;
    } u = {.ours = argv};

    return g_spawn_sync(NULL, u.theirs, NULL,
                        G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                        NULL, &status, NULL) &&
           status == 0;
}

static void child_start(struct child *c, const char *how)
{
    const char *argv[] = {PYTHON, TESTS_DIR "/unit/media_aiortc.py", how, NULL};
    union {
        const char **ours;
        char **theirs;
    } u = {.ours = argv};
    GError *err = NULL;

    c->heard = g_string_new(NULL);
    (void)g_spawn_async_with_pipes(NULL, u.theirs, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                   &c->pid, &c->in, &c->out, NULL, &err);
    g_assert_no_error(err);
    (void)fcntl(c->out, F_SETFL, O_NONBLOCK);
}

static void child_stop(struct child *c)
{
    (void)close(c->in);
    (void)close(c->out);
    (void)waitpid(c->pid, NULL, 0);
    g_string_free(c->heard, TRUE);
}

static void child_turn(struct child *c)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(c->out, buf, sizeof(buf))) > 0)
        g_string_append_len(c->heard, buf, n);
    g_assert_true(n < 0 && errno == EAGAIN); /* it lives */
    world_turn();
}

static struct desc *child_description(struct child *c)
{
    uint64_t end = clock_now_us() + PEER_DEADLINE_US;
    struct desc *d = NULL;

    for (;;) {
        char *body = strchr(c->heard->str, '\n');
        size_t n = body ? (size_t)strtoul(c->heard->str, NULL, 10) : 0;
        g_assert_cmpuint(clock_now_us(), <, end);
        if (body && c->heard->len >= (size_t)(body + 1 - c->heard->str) + n) {
            const char *why = NULL;
            enum gw_err err = desc_sdp_read((struct span){body + 1, n}, &d, &why);
            if (err)
                g_error("%s", why);
            g_string_erase(c->heard, 0, body + 1 - c->heard->str + (gssize)n);
            return d;
        }
        child_turn(c);
    }
}

static void child_tell(struct child *c, const struct desc *d)
{
    char *sdp = desc_sdp_write(d);
    char *text = g_strdup_printf("%zu\n%s", strlen(sdp), sdp);

    g_assert_cmpint(write(c->in, text, strlen(text)), ==, (ssize_t)strlen(text));
    g_free(sdp);
    g_free(text);
}

/* What it sends comes back to it; it must hear its tone. */
static void echo_until_heard(struct world *w, struct media_id id, struct child *c,
                             const struct desc *ours, const struct desc *theirs)
{
    uint64_t end = clock_now_us() + PEER_DEADLINE_US;
    struct media_plan plan;

    negotiate_plan_echo(ours, theirs, &plan);
    media_join(w->m, id, id, &plan);
    while (!strstr(c->heard->str, "heard 50\n")) {
        g_assert_cmpuint(clock_now_us(), <, end);
        g_assert_cmpuint(world_count(w, id, MEDIA_FAILED), ==, 0);
        child_turn(c);
    }
    g_assert_cmpuint(world_count(w, id, MEDIA_READY), ==, 1);
    g_assert_cmpuint(world_stats(w, id).rx_dropped, <, 5);
}

static struct desc *desc_opus(void)
{
    struct desc *d = desc_new();
    struct desc_stream *s = desc_add_stream(d, DESC_AUDIO);

    s->direction = DESC_SENDRECV;
    s->transport = -1;
    (void)desc_add_codec(s, 111, "opus", 48000, 2, NULL);
    return d;
}

static void it_answers_and_hears_itself(void)
{
    struct world w;
    struct child c;
    struct desc *ours = desc_opus(), *theirs;
    struct media_id id;

    if (!have_aiortc()) {
        g_test_skip("no aiortc under " PYTHON);
        desc_free(ours);
        return;
    }
    world_open(&w, NULL);
    child_start(&c, "answer");
    id = world_leg(&w, &desc_profile_webrtc, (struct media_id){0});
    g_assert_cmpint(media_leg_describe(w.m, id, NULL, false, ours), ==, GW_OK);
    child_tell(&c, ours);
    theirs = child_description(&c);
    media_leg_remote(w.m, id, theirs, false);
    echo_until_heard(&w, id, &c, ours, theirs);
    child_stop(&c);
    world_close(&w);
    desc_free(ours);
    desc_free(theirs);
}

static void it_offers_and_hears_itself(void)
{
    struct world w;
    struct child c;
    struct desc *ours = desc_opus(), *theirs;
    struct media_id id;

    if (!have_aiortc()) {
        g_test_skip("no aiortc under " PYTHON);
        desc_free(ours);
        return;
    }
    world_open(&w, NULL);
    child_start(&c, "offer");
    id = world_leg(&w, &desc_profile_webrtc, (struct media_id){0});
    theirs = child_description(&c);
    ours->stream[0].codec[0].pt = theirs->stream[0].codec[0].pt; /* opus is its first */
    g_assert_cmpint(media_leg_describe(w.m, id, theirs, false, ours), ==, GW_OK);
    child_tell(&c, ours);
    echo_until_heard(&w, id, &c, ours, theirs);
    child_stop(&c);
    world_close(&w);
    desc_free(ours);
    desc_free(theirs);
}

void unit_media_aiortc(void)
{
    g_test_add_func("/media/aiortc/answers", it_answers_and_hears_itself);
    g_test_add_func("/media/aiortc/offers", it_offers_and_hears_itself);
}
