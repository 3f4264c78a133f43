/* The settings: one table drives the configuration file, the HUDHUD_... variables, the command
 * line, --print-config, --help and the documentation.
 *
 * A later source wins: default, file, environment, command line. Owned by the thread that starts
 * the program, and read-only once it is loaded. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_INTEGER,  /* within min..max */
    SETTING_DURATION, /* seconds in memory; text such as "900", "900s", "15m", "2h" */
    SETTING_SWITCH,   /* "true" or "false" */
    SETTING_CHOICE,   /* one of `choices`, separated by '|' */
};

/* One row of a program's table. The name "graph-url" is --graph-url on the command line,
 * HUDHUD_GRAPH_URL in the environment and graph_url in the file. */
struct setting {
    const char *name;
    enum setting_kind kind;
    const char *fallback; /* the default, as text; NULL: none, and empty */
    int64_t min, max;     /* of INTEGER, and of DURATION in seconds */
    const char *choices;
    const char *placeholder; /* "URL", for --help */
    const char *help;        /* one sentence */
    bool secret;             /* --print-config shows "(set)" instead of the value */
    bool live;               /* a running program takes a change of it (config_reload) */
    /* Of a TEXT that has a form: is this one? And the form, to follow "'x' is not". */
    bool (*accepts)(struct str text);
    const char *form;
    /* Of a TEXT that may hold a secret: what of it people may see, in the arena; and whether it
     * holds one now, which a command line must not. NULL: it never does. */
    struct str (*show)(struct str text, struct arena *arena);
    bool (*holds_secret)(struct str text);
};

enum setting_source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_COMMAND_LINE };

struct setting_value {
    struct str text;
    int64_t number; /* INTEGER, DURATION (s), SWITCH (0 or 1) */
    enum setting_source source;
    size_t line; /* FROM_FILE */
};

struct config {
    const struct setting *table;
    size_t n;
    struct setting_value *values; /* beside the table, row by row; in the arena */
    struct arena *arena;
    const char *file; /* that config_load_file read; NULL: none */
};

void config_init(struct config *c, const struct setting *table, size_t n, struct arena *arena);
/* Sets one row from text; ERR_VALIDATION with a message that says what is accepted. */
enum err config_set(struct config *c, struct str name, struct str text, enum setting_source source,
                    struct error *error) MUST_USE;
/* "name = value" lines; '#' begins a comment line; names with '_' or '-'. Every wrong line is
 * reported with its number; an unknown name is an error that names the nearest one. */
enum err config_load_text(struct config *c, const char *origin, struct str text,
                          struct error *error) MUST_USE;
enum err config_load_file(struct config *c, const char *path, struct error *error) MUST_USE;
/* Every HUDHUD_... variable of the table. */
enum err config_load_environment(struct config *c, struct error *error) MUST_USE;
/* The same settings read once more, into `c` and its own arena: the file and the environment as
 * they are now, the command line as it was. */
enum err config_reload(struct config *c, const struct config *before, struct arena *arena,
                       struct error *error) MUST_USE;

/* `name` must be in the table: anything else is a fault of ours and aborts. */
struct str config_text(const struct config *c, const char *name);
const char *config_cstr(const struct config *c, const char *name); /* NULL when empty */
int64_t config_number(const struct config *c, const char *name);
bool config_switch(const struct config *c, const char *name);
/* Where its value comes from, for a message: "line 3 of /etc/hudhud.conf", "HUDHUD_LISTEN",
 * "--listen", "the default". */
struct str config_origin(const struct config *c, const char *name, struct arena *arena);
/* What people may see of the value of row i; empty: it is not set. */
struct str config_shown(const struct config *c, size_t i);

/* The outcome and where each value came from, a line a setting, for --print-config. */
void config_print(const struct config *c, struct buf *out);
/* The lines of --help. */
void config_print_help(const struct setting *table, size_t n, struct buf *out);
/* A file for a person to begin with: every row with its help, and its default commented out. */
void config_print_file(const struct setting *table, size_t n, struct buf *out);
