/** Private to config*.c: the file as sections and keys with their line numbers, the errors found so
 * far, and the parsers of single values. Pure; any thread. */
#pragma once

#include "base/attr.h"
#include "gateway/config.h"

#include <glib.h>

enum {
    CONFIG_FILE_MAX = 4 << 20, /* bytes */
    CONFIG_ERRORS_MAX = 100,   /* reported; a file of garbage needs no more */
    CONFIG_SECTIONS_MAX = 20000,
    CONFIG_SOCKET_MAX = 107, /* sockaddr_un.sun_path without its NUL */
    CONFIG_KEYS_MAX = 64,    /* of one section */
    CONFIG_LIST_MAX = 32     /* words in one list */
};

struct config_entry {
    char *key, *value; /* owned; escapes undone, no blanks around; NULL: malformed and reported */
    unsigned line;
};

struct config_section {
    char *kind, *name; /* owned: "[route to bob]" is "route" and "to bob"; name "" when absent */
    unsigned line;
    GArray *entries; /* struct config_entry */
};

struct config_report {
    const char *file; /* borrowed: said in front of each line */
    GArray *notes;    /* struct config_note */
    unsigned errors;
};

struct config_file {
    GPtrArray *sections; /* struct config_section, in file order */
};

/** @p line 0: about the file as a whole. */
void config_error(struct config_report *r, unsigned line, const char *fmt, ...) ATTR_PRINTF(3, 4);
void config_warning(struct config_report *r, unsigned line, const char *fmt, ...) ATTR_PRINTF(3, 4);
struct config_report *config_report_new(const char *file);
void config_report_free(struct config_report *r);
/** All errors, or all warnings, in order of their lines; NULL when there are none (g_free). */
char *config_report_text(const struct config_report *r, bool warnings);

/** Never NULL; what does not read as INI has been reported and is left out. */
struct config_file *config_scan(const char *text, size_t n, struct config_report *r);
void config_file_free(struct config_file *f);
/** [kind] without a name; NULL when it is not there. */
const struct config_section *config_section_find(const struct config_file *f, const char *kind);
/** NULL when it is not there. */
const struct config_entry *config_entry_find(const struct config_section *s, const char *key);
/** Line of [kind] key, of [kind], or 0. */
unsigned config_line_of(const struct config_file *f, const char *kind, const char *key);

/** One key of a section: how its value is read, and where it goes. */
struct config_key {
    const char *name;
    /** False with a sentence in @p why (g_free): what is wrong with @p value. */
    bool (*parse)(const char *value, const struct config_key *k, void *field, char **why);
    size_t offset;      /* of the field in the section's struct */
    unsigned low, high; /* numbers: the range; texts: high is the most characters */
};

/** Read every entry of @p s by the table; unknown keys are errors. */
void config_apply(const struct config_section *s, const struct config_key *keys, size_t nkeys,
                  void *object, struct config_report *r);

bool value_text(const char *value, const struct config_key *k, void *field, char **why);
bool value_path(const char *value, const struct config_key *k, void *field, char **why);
bool value_display(const char *value, const struct config_key *k, void *field, char **why);
bool value_domain(const char *value, const struct config_key *k, void *field, char **why);
bool value_host(const char *value, const struct config_key *k, void *field, char **why);
bool value_bool(const char *value, const struct config_key *k, void *field, char **why);
bool value_number(const char *value, const struct config_key *k, void *field, char **why);
bool value_port(const char *value, const struct config_key *k, void *field, char **why);
bool value_level(const char *value, const struct config_key *k, void *field, char **why);
bool value_srtp(const char *value, const struct config_key *k, void *field, char **why);
bool value_listen(const char *value, const struct config_key *k, void *field, char **why);
bool value_addresses(const char *value, const struct config_key *k, void *field, char **why);
bool value_advertise(const char *value, const struct config_key *k, void *field, char **why);
bool value_ip_list(const char *value, const struct config_key *k, void *field, char **why);
bool value_origins(const char *value, const struct config_key *k, void *field, char **why);
bool value_words(const char *value, const struct config_key *k, void *field, char **why);
bool value_profiles(const char *value, const struct config_key *k, void *field, char **why);
bool value_jid(const char *value, const struct config_key *k, void *field, char **why);
bool value_jids(const char *value, const struct config_key *k, void *field, char **why);
bool value_address(const char *value, const struct config_key *k, void *field, char **why);
bool value_ha1(const char *value, const struct config_key *k, void *field, char **why);

/** Fill media_advertise from a value that value_advertise() has passed, for media_addr as it is
 * now.
 */
void config_pair_advertised(const char *value, struct config *c);

/** The domain, or a stand-in while it is missing, so that the rest can still be checked. */
const char *config_domain(const struct config *c);
/** An address of another domain than ours; never while ours is missing. */
bool config_is_foreign(const struct config *c, const char *address);

/** The parts of config_parse(): one file each. */
void config_read_accounts(const struct config_file *f, struct config *c, struct config_report *r);
void config_read_routes(const struct config_file *f, struct config *c, struct config_report *r);
/** What only the whole file shows: overlapping ports, TLS without certificate, ranges upside down.
 */
void config_check(const struct config_file *f, const struct config *c, struct config_report *r);
/** What only this machine shows: files, folders, interfaces; expands "any" media addresses. */
void config_check_host(const struct config_file *f, struct config *c, struct config_report *r);
