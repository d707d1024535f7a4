/* GKeyFile reads values, but stops at the first error and knows no lines. So the file is first
 * walked line by line: what cannot be INI is reported and blanked, and the rest is GKeyFile's. */
#include "gateway/config_file.h"

#include <stdarg.h>
#include <string.h>

struct config_note {
    unsigned line;
    bool warning;
    char *text; /* owned */
};

/* ---- the report ---- */

static void note_clear(gpointer p)
{
    g_free(((struct config_note *)p)->text);
}

struct config_report *config_report_new(const char *file)
{
    struct config_report *r = g_new0(struct config_report, 1);

    r->file = file;
    r->notes = g_array_new(FALSE, FALSE, sizeof(struct config_note));
    g_array_set_clear_func(r->notes, note_clear);
    return r;
}

void config_report_free(struct config_report *r)
{
    (void)g_array_free(r->notes, TRUE);
    g_free(r);
}

static void report_add(struct config_report *r, struct config_note note, const char *fmt,
                       va_list args) ATTR_PRINTF(3, 0);
static void report_add(struct config_report *r, struct config_note note, const char *fmt,
                       va_list args)
{
    if (!note.warning)
        r->errors++;
    if (r->notes->len >= CONFIG_ERRORS_MAX)
        return;
    note.text = g_strdup_vprintf(fmt, args);
    for (char *p = note.text; *p; p++) /* a quoted value may hold "\\n": one note stays one line */
        if (g_ascii_iscntrl(*p))
            *p = '?';
    g_array_append_val(r->notes, note);
}

void config_error(struct config_report *r, unsigned line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report_add(r, (struct config_note){.line = line}, fmt, args);
    va_end(args);
}

void config_warning(struct config_report *r, unsigned line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report_add(r, (struct config_note){.line = line, .warning = true}, fmt, args);
    va_end(args);
}

static gint note_order(gconstpointer a, gconstpointer b)
{
    const struct config_note *x = a;
    const struct config_note *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

char *config_report_text(const struct config_report *r, bool warnings)
{
    GString *out = g_string_new(NULL);
    struct config_note *notes = (struct config_note *)(void *)r->notes->data;

    g_array_sort(r->notes, note_order); /* stable (GLib documents a merge sort) */
    for (unsigned i = 0; i < r->notes->len; i++) {
        if (notes[i].warning != warnings)
            continue;
        g_string_append(out, r->file);
        if (notes[i].line)
            g_string_append_printf(out, ":%u", notes[i].line);
        g_string_append_printf(out, ": %s%s\n", warnings ? "warning: " : "", notes[i].text);
    }
    return g_string_free(out, out->len == 0);
}

/* ---- the file ---- */

static void entry_clear(gpointer p)
{
    struct config_entry *e = p;

    g_free(e->key);
    g_free(e->value);
}

static void section_free(gpointer p)
{
    struct config_section *s = p;

    g_free(s->kind);
    g_free(s->name);
    (void)g_array_free(s->entries, TRUE);
    g_free(s);
}

void config_file_free(struct config_file *f)
{
    g_ptr_array_free(f->sections, TRUE);
    g_free(f);
}

const struct config_entry *config_entry_find(const struct config_section *s, const char *key)
{
    for (unsigned i = 0; i < s->entries->len; i++) {
        const struct config_entry *e = &g_array_index(s->entries, struct config_entry, i);

        if (g_str_equal(e->key, key))
            return e;
    }
    return NULL;
}

const struct config_section *config_section_find(const struct config_file *f, const char *kind)
{
    for (unsigned i = 0; i < f->sections->len; i++) {
        const struct config_section *s = f->sections->pdata[i];

        if (g_str_equal(s->kind, kind) && *s->name == '\0')
            return s;
    }
    return NULL;
}

unsigned config_line_of(const struct config_file *f, const char *kind, const char *key)
{
    const struct config_section *s = config_section_find(f, kind);
    const struct config_entry *e = s && key ? config_entry_find(s, key) : NULL;

    return e ? e->line : s ? s->line : 0;
}

/* ---- the scan ---- */

struct scan {
    struct config_report *report;
    struct config_file *file;
    GHashTable *seen; /* "kind name" of the sections so far */
    struct config_section *section;
    bool skipping;  /* below a section header that was refused */
    GString *clean; /* what GKeyFile gets: the same lines, the refused ones empty */
    unsigned line;
};

static bool scan_section(struct scan *s, struct span line)
{
    g_autofree char *header = span_dup(span_trim((struct span){line.p + 1, line.n - 1}));
    size_t n = strlen(header);
    char *blank;

    s->section = NULL;
    s->skipping = true;
    if (n == 0 || header[n - 1] != ']') {
        config_error(s->report, s->line, "a section is written [name]; the ] is missing");
        return false;
    }
    header[n - 1] = '\0';
    g_strstrip(header);
    if (*header == '\0' || strpbrk(header, "[]")) {
        config_error(s->report, s->line, "\"%s\" is no name for a section", header);
        return false;
    }
    if (s->file->sections->len >= CONFIG_SECTIONS_MAX) {
        config_error(s->report, s->line, "more than %d sections", CONFIG_SECTIONS_MAX);
        return false;
    }
    blank = strpbrk(header, " \t");
    s->section = g_new0(struct config_section, 1);
    s->section->kind = blank ? g_strndup(header, (gsize)(blank - header)) : g_strdup(header);
    s->section->name = g_strstrip(g_strdup(blank ? blank : ""));
    s->section->line = s->line;
    s->section->entries = g_array_new(FALSE, FALSE, sizeof(struct config_entry));
    g_array_set_clear_func(s->section->entries, entry_clear);
    if (!g_hash_table_add(s->seen, g_strconcat(s->section->kind, " ", s->section->name, NULL))) {
        config_error(s->report, s->line, "[%s] stands twice in this file", header);
        section_free(s->section);
        s->section = NULL;
        return false;
    }
    s->skipping = false;
    g_ptr_array_add(s->file->sections, s->section);
    /* A group of our own naming: GKeyFile forbids less than this in none of its versions. */
    g_string_append_printf(s->clean, "[%u]", s->file->sections->len - 1);
    return true;
}

static bool key_ok(const char *key)
{
    if (*key == '\0')
        return false;
    for (; *key; key++)
        if (!g_ascii_isalnum(*key) && *key != '_' && *key != '-')
            return false;
    return true;
}

static void scan_entry(struct scan *s, struct span line)
{
    struct config_entry e = {.line = s->line};
    struct span rest = line;
    g_autofree char *key = span_dup(span_trim(span_cut(&rest, '=')));

    if (!memchr(line.p, '=', line.n) || !key_ok(key)) {
        config_error(s->report, s->line,
                     "neither \"key = value\" nor \"[section]\" nor a comment (#)");
        return;
    }
    if (s->skipping)
        return; /* its section has been reported */
    if (!s->section) {
        config_error(s->report, s->line, "%s stands before the first [section]", key);
        return;
    }
    if (config_entry_find(s->section, key)) {
        config_error(s->report, s->line, "%s stands twice in [%s%s%s]", key, s->section->kind,
                     *s->section->name ? " " : "", s->section->name);
        return;
    }
    if (s->section->entries->len >= CONFIG_KEYS_MAX) {
        config_error(s->report, s->line, "more than %d keys in one section", CONFIG_KEYS_MAX);
        return;
    }
    e.key = g_steal_pointer(&key);
    g_array_append_val(s->section->entries, e);
    rest = span_trim(rest);
    g_string_append_printf(s->clean, "%s=", e.key);
    g_string_append_len(s->clean, rest.p, (gssize)rest.n);
}

static void scan_line(struct scan *s, struct span raw)
{
    struct span line = span_trim(raw);

    s->line++;
    if (!g_utf8_validate_len(raw.p, raw.n, NULL))
        config_error(s->report, s->line, "not valid UTF-8 text");
    else if (span_empty(line) || line.p[0] == '#')
        ; /* a comment */
    else if (line.p[0] == '[')
        (void)scan_section(s, line);
    else
        scan_entry(s, line);
    g_string_append_c(s->clean, '\n');
}

/* Undo the escapes of \s \n \t \r \\ (GKeyFile's rules). */
static void scan_values(struct scan *s)
{
    g_autoptr(GKeyFile) values = g_key_file_new();
    g_autoptr(GError) error = NULL;

    if (!g_key_file_load_from_data(values, s->clean->str, s->clean->len, G_KEY_FILE_NONE, &error)) {
        config_error(s->report, 0, "%s", error->message);
        return;
    }
    for (unsigned i = 0; i < s->file->sections->len; i++) {
        const struct config_section *section = s->file->sections->pdata[i];
        g_autofree char *group = g_strdup_printf("%u", i);

        for (unsigned k = 0; k < section->entries->len; k++) {
            struct config_entry *e = &g_array_index(section->entries, struct config_entry, k);

            g_autoptr(GError) bad = NULL; /* a malformed value is returned all the same */

            e->value = g_key_file_get_string(values, group, e->key, &bad);
            if (!bad)
                continue;
            config_error(s->report, e->line,
                         "%s: a backslash must be doubled (\\\\) or part of \\s \\t \\n \\r",
                         e->key);
            g_clear_pointer(&e->value, g_free);
        }
    }
}

struct config_file *config_scan(const char *text, size_t n, struct config_report *r)
{
    struct config_file *f = g_new0(struct config_file, 1);
    struct scan s = {.report = r, .file = f};
    struct span rest = {text, n};

    f->sections = g_ptr_array_new_with_free_func(section_free);
    if (n > CONFIG_FILE_MAX) {
        config_error(r, 0, "larger than %d MB", CONFIG_FILE_MAX >> 20);
        return f;
    }
    s.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    s.clean = g_string_sized_new(n);
    while (!span_empty(rest))
        scan_line(&s, span_line(&rest));
    scan_values(&s);
    (void)g_string_free(s.clean, TRUE);
    g_hash_table_destroy(s.seen);
    return f;
}
