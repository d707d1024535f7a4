#include "base/log.h"

#include "base/clock.h"
#include "base/log_writer.h"

#include <glib.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOG_QUOTA_LINES = 20, LOG_QUOTA_S = 10 };

static atomic_int log_level_now = LOG_LEVEL_INFO;
static _Thread_local uint64_t log_call_id;

void log_set_level(enum log_level level)
{
    atomic_store(&log_level_now, (int)level);
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

/* Text from the wire must not forge a second line or drive a terminal: no control characters, in
 * UTF-8 neither (U+0080 to U+009F are two octets). */
static void log_clean(char *line, size_t n)
{
    char *at = line;

    while (at < line + n) {
        gunichar c = g_utf8_get_char_validated(at, line + n - at);
        bool text = c < (gunichar)-2; /* else: no UTF-8, or cut off */
        char *next = text ? at + g_unichar_to_utf8(c, NULL) : at + 1;

        if (!text)
            *at = '?';
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            memset(at, ' ', (size_t)(next - at));
        at = next;
    }
}

static size_t log_head(char *line, enum log_level level, const char *mod)
{
    static const char letters[] = "EWID";
    struct timespec now;
    struct tm tm;
    int n;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &tm);
    n = snprintf(line, LOG_LINE_MAX, "%02d:%02d:%02d.%03ld %c ", tm.tm_hour, tm.tm_min, tm.tm_sec,
                 now.tv_nsec / 1000000, letters[level]);
    if (log_call_id)
        n += snprintf(line + n, LOG_LINE_MAX - (size_t)n, "call=%" G_GINT64_MODIFIER "x ",
                      log_call_id);
    n += snprintf(line + n, LOG_LINE_MAX - (size_t)n, "mod=%s ", mod);
    return (size_t)n;
}

static void log_out(char *line, size_t n)
{
    n = MIN(n, (size_t)LOG_LINE_MAX - 2);
    log_clean(line, n);
    line[n++] = '\n';
    log_writer_put(line, n);
}

static size_t log_body(char *line, size_t at, const char *fmt, va_list args) ATTR_PRINTF(3, 0);

static size_t log_body(char *line, size_t at, const char *fmt, va_list args)
{
    int n = vsnprintf(line + at, LOG_LINE_MAX - at, fmt, args);

    return MIN(at + (n > 0 ? (size_t)n : 0), (size_t)LOG_LINE_MAX - 1);
}

void log_write(enum log_level level, const char *mod, const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    size_t n = log_head(line, level, mod);
    va_list args;

    va_start(args, fmt);
    n = log_body(line, n, fmt, args);
    va_end(args);
    log_out(line, n);
}

enum gw_err log_fail(enum gw_err err, const char *mod, const char *file, int at_line,
                     const char *fmt, ...)
{
    char line[LOG_LINE_MAX];
    size_t n;
    va_list args;
    int tail;
    const char *room = strrchr(file, '/');

    if (!log_wants(LOG_LEVEL_WARN))
        return err;
    while (room && room > file &&
           room[-1] != '/') /* keep "folder/file.c" of whatever path the build used */
        room--;
    n = log_head(line, LOG_LEVEL_WARN, mod);
    va_start(args, fmt);
    n = log_body(line, n, fmt, args);
    va_end(args);
    tail = snprintf(line + n, LOG_LINE_MAX - n, " err=%s at=%s:%d", gw_err_name(err),
                    room ? room : file, at_line);
    log_out(line, n + (tail > 0 ? (size_t)tail : 0));
    return err;
}

bool log_quota_pass(struct log_quota *q, uint64_t now_us, const char *mod, const char *about)
{
    uint64_t period = now_us / (LOG_QUOTA_S * US_PER_S);

    if (period != q->period) {
        if (q->hidden)
            LOG_I(mod, "%s: %u more not shown", about, q->hidden);
        *q = (struct log_quota){.period = period};
    }
    if (q->lines < LOG_QUOTA_LINES) {
        q->lines++;
        return true;
    }
    q->hidden++;
    return false;
}

struct log_scope log_scope_enter(uint64_t call_id)
{
    struct log_scope scope = {log_call_id};

    log_call_id = call_id;
    return scope;
}

void log_scope_leave(struct log_scope *scope)
{
    log_call_id = scope->outer;
}
