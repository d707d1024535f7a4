#include "tests/fakes/xmpp_conn.h"

struct fake_conn fake_conn;

struct conn {
    struct conn_config config;
    xmpp_ctx_t *ctx;
};

static struct conn *the_one;

struct conn *conn_new(const struct conn_config *config)
{
    struct conn *c = g_new0(struct conn, 1);

    g_assert_null(the_one);
    c->config = *config;
    c->ctx = xmpp_ctx_new(NULL, NULL);
    fake_conn = (struct fake_conn){.sent = G_QUEUE_INIT};
    the_one = c;
    return c;
}

bool conn_send(struct conn *c, GString *xml)
{
    xmpp_stanza_t *parsed = xmpp_stanza_new_from_string(c->ctx, xml->str);

    g_assert_nonnull(parsed); /* else the server would close the stream */
    (void)xmpp_stanza_release(parsed);
    g_queue_push_tail(&fake_conn.sent, g_string_free(xml, FALSE));
    fake_conn.total++;
    return true;
}

bool conn_is_up(const struct conn *c)
{
    (void)c;
    return fake_conn.up;
}

bool conn_is_crowded(const struct conn *c)
{
    (void)c;
    return fake_conn.crowded;
}

void conn_free(struct conn *c)
{
    if (!c)
        return;
    g_queue_clear_full(&fake_conn.sent, g_free);
    xmpp_ctx_free(c->ctx);
    g_free(c);
    the_one = NULL;
}

void fake_conn_up(void)
{
    fake_conn.up = true;
    the_one->config.up(the_one->config.arg);
}

void fake_conn_down(void)
{
    fake_conn.up = false;
    the_one->config.down(the_one->config.arg);
}

void fake_conn_hear(const char *xml)
{
    xmpp_stanza_t *st = xmpp_stanza_new_from_string(the_one->ctx, xml);

    if (!st)
        g_error("the test is wrong, this is no XML: %s", xml);
    the_one->config.stanza(st, the_one->config.arg);
    (void)xmpp_stanza_release(st);
}
