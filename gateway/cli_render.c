/* The daemon's answers as tables for people. */
#include "gateway/cli.h"

#include <glib.h>

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

enum { COLUMNS_MAX = 8 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "1 d 4:05:06", "4:05" */
static char *duration(json_int_t s)
{
    if (s >= 86400)
        return g_strdup_printf("%d d %d:%02d:%02d", (int)(s / 86400), (int)(s / 3600 % 24),
                               (int)(s / 60 % 60), (int)(s % 60));
    if (s >= 3600)
        return g_strdup_printf("%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    return g_strdup_printf("%d:%02d", (int)(s / 60), (int)(s % 60));
}

/* ---- tables ---- */

struct table {
    unsigned columns;
    GPtrArray *cells; /* char *, row by row, the heads first */
};

static struct table table_new(unsigned columns, ...)
{
    struct table t = {columns, g_ptr_array_new_with_free_func(g_free)};
    va_list heads;

    va_start(heads, columns);
    for (unsigned i = 0; i < columns; i++)
        g_ptr_array_add(t.cells, g_strdup(va_arg(heads, const char *)));
    va_end(heads);
    return t;
}

static void table_add(struct table *t, const char *text)
{
    g_ptr_array_add(t->cells, g_strdup(*text ? text : "-"));
}

static void table_take(struct table *t, char *text)
{
    g_ptr_array_add(t->cells, text);
}

static char *table_print(struct table *t)
{
    GString *out = g_string_new(NULL);
    glong width[COLUMNS_MAX] = {0};

    for (unsigned i = 0; i < t->cells->len; i++)
        width[i % t->columns] = MAX(width[i % t->columns], g_utf8_strlen(t->cells->pdata[i], -1));
    for (unsigned i = 0; i < t->cells->len; i++) {
        const char *cell = t->cells->pdata[i];
        bool last = i % t->columns == t->columns - 1;

        g_string_append(out, cell);
        for (glong n = g_utf8_strlen(cell, -1); !last && n < width[i % t->columns] + 2; n++)
            g_string_append_c(out, ' ');
        if (last)
            g_string_append_c(out, '\n');
    }
    g_ptr_array_free(t->cells, TRUE);
    return g_string_free(out, FALSE);
}

static char *joined(const json_t *list, const char *between)
{
    GString *out = g_string_new(NULL);
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        g_string_append_printf(out, "%s%s", i ? between : "", json_string_value(item));
    }
    return g_string_free(out, FALSE);
}

/* ---- one for each command ---- */

static char *render_status(const json_t *a)
{
    g_autofree char *up = duration(number_of(a, "uptime_s"));
    g_autofree char *listen = joined(json_object_get(a, "listen"), "\n          ");

    return g_strdup_printf("tandem %s is %s, pid %d, up %s\n"
                           "config    %s\n"
                           "domain    %s\n"
                           "listens   %s\n"
                           "accounts  %d\n"
                           "calls     %d now; %d since the start, of which %d answered, %d not\n",
                           text_of(a, "version"), text_of(a, "state"), (int)number_of(a, "pid"), up,
                           text_of(a, "config"), text_of(a, "domain"), listen,
                           (int)number_of(a, "accounts"), (int)number_of(a, "calls_now"),
                           (int)number_of(a, "calls_total"), (int)number_of(a, "calls_answered"),
                           (int)number_of(a, "calls_failed"));
}

static char *render_calls(const json_t *a)
{
    const json_t *calls = json_object_get(a, "calls");
    const json_t *call;
    struct table t;
    size_t i;

    if (json_array_size(calls) == 0)
        return g_strdup("no calls\n");
    t = table_new(7, "CALL", "FROM", "TO", "STATE", "LEGS", "AGE", "TALK");
    json_array_foreach(calls, i, call)
    {
        table_add(&t, text_of(call, "id"));
        table_add(&t, text_of(call, "from"));
        table_add(&t, text_of(call, "to"));
        table_add(&t, text_of(call, "state"));
        table_take(&t, g_strdup_printf("%s-%s", text_of(call, "a"),
                                       *text_of(call, "b") ? text_of(call, "b") : "?"));
        table_take(&t, duration(number_of(call, "age_s")));
        table_take(&t, duration(number_of(call, "talk_s")));
    }
    return table_print(&t);
}

static char *render_users(const json_t *a)
{
    const json_t *users = json_object_get(a, "users");
    const json_t *user;
    struct table t;
    size_t i;

    if (json_array_size(users) == 0)
        return g_strdup("no accounts (tandem user add ADDRESS makes one)\n");
    t = table_new(5, "ADDRESS", "NAME", "MEDIA", "KEPT IN", "REACHABLE AT");
    json_array_foreach(users, i, user)
    {
        g_autofree char *endpoints = joined(json_object_get(user, "endpoints"), ", ");

        table_add(&t, text_of(user, "address"));
        table_add(&t, text_of(user, "display"));
        table_take(&t, joined(json_object_get(user, "media"), ","));
        table_add(&t, text_of(user, "kept_in"));
        table_add(&t, endpoints);
    }
    return table_print(&t);
}

static char *render_done(const struct cli *cli, const json_t *a)
{
    switch (cli->command) {
    case CLI_STATUS: return render_status(a);
    case CLI_CALLS: return render_calls(a);
    case CLI_USER_LIST: return render_users(a);
    case CLI_HANGUP: return g_strdup_printf("call %s is ended\n", cli->argument);
    case CLI_RELOAD: return g_strdup_printf("%s\n", text_of(a, "text"));
    case CLI_USER_ADD:
        return g_strdup_printf("%s %s\n", text_of(a, "address"),
                               json_is_true(json_object_get(a, "replaced")) ? "has been replaced"
                                                                            : "has been added");
    case CLI_USER_REMOVE: return g_strdup_printf("%s has been removed\n", text_of(a, "address"));
    case CLI_HELP:
    case CLI_VERSION:
    case CLI_RUN:
    case CLI_CHECK: break; /* these ask nobody */
    }
    return g_strdup("");
}

/* Names come from callers, who may not drive the operator's terminal. */
static char *harmless(char *text)
{
    for (char *p = text; *p; p++)
        if (g_ascii_iscntrl(*p) && *p != '\n')
            *p = '?';
    return text;
}

char *cli_render(const struct cli *cli, const char *answer, bool *ok)
{
    json_t *a = json_loads(answer, 0, NULL);
    char *text;

    *ok = json_is_true(json_object_get(a, "ok"));
    if (cli->json)
        text = g_strconcat(answer, "\n", NULL);
    else if (*ok)
        text = render_done(cli, a);
    else
        text = g_strdup_printf("tandem: %s\n",
                               *text_of(a, "error") ? text_of(a, "error") : "a senseless answer");
    json_decref(a);
    return harmless(text);
}
