#include "base/config.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/nearest.h"

#include <inttypes.h>
#include <stdlib.h>

#define HELP_COLUMN 26 /* where the explanation of a setting begins */

static const char *const source_names[] = {"default", "file", "environment", "command line"};

/* --- values ------------------------------------------------------------------------------- */

static bool is_choice(const struct setting *s, struct str text)
{
    struct str rest = str_from(s->choices);
    while (rest.len)
        if (str_eq(str_split(&rest, '|'), text))
            return true;
    return false;
}

static bool parse_value(const struct setting *s, struct str text, int64_t *ret)
{
    switch (s->kind) {
    case SETTING_TEXT: return !s->accepts || s->accepts(text);
    case SETTING_INTEGER: return str_to_i64(text, ret) && *ret >= s->min && *ret <= s->max;
    case SETTING_DURATION:
        return clock_parse_duration(text, ret) && *ret >= s->min && *ret <= s->max;
    case SETTING_SWITCH:
        *ret = str_eq(text, STR("true"));
        return *ret || str_eq(text, STR("false"));
    case SETTING_CHOICE: return is_choice(s, text);
    }
    return false;
}

/* The messages are how most people learn the settings: they say what would be taken. What is wrong
 * has no parts that could be told apart as secret or not. */
static struct str describe_wrong(const struct setting *s, struct str text, struct arena *arena)
{
    if (s->secret || s->show)
        text = STR("...");
    switch (s->kind) {
    case SETTING_INTEGER:
        return arena_printf(arena, "'%.*s' is not a whole number from %" PRId64 " to %" PRId64,
                            STR_FMT(text), s->min, s->max);
    case SETTING_DURATION:
        return arena_printf(arena,
                            "'%.*s' is not a duration from %" PRId64 " to %" PRId64
                            " seconds; use seconds or 30s, 15m, 2h",
                            STR_FMT(text), s->min, s->max);
    case SETTING_CHOICE:
        return arena_printf(arena, "'%.*s' is not one of %s", STR_FMT(text), s->choices);
    case SETTING_TEXT: return arena_printf(arena, "'%.*s' is not %s", STR_FMT(text), s->form);
    case SETTING_SWITCH: break;
    }
    return arena_printf(arena, "'%.*s' is neither true nor false", STR_FMT(text));
}

/* Fit to be shown to a person: it comes back in messages and --print-config. */
static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7F)
            return false;
    return str_is_utf8(text);
}

/* --- names -------------------------------------------------------------------------------- */

/* '_' and '-' are the same: graph_url in a file is --graph-url on the command line. */
static char plain(char c)
{
    return c == '_' ? '-' : c;
}

static bool is_name(const struct setting *s, struct str name)
{
    if (name.len != strlen(s->name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (plain(name.ptr[i]) != plain(s->name[i]))
            return false;
    return true;
}

/* NULL when none is near enough to be meant. `name` has at most CONFIG_NAME_MAX bytes. */
static const char *nearest_name(const struct config *c, struct str name)
{
    char typed[CONFIG_NAME_MAX];
    for (size_t i = 0; i < name.len; i++)
        typed[i] = plain(name.ptr[i]);
    struct nearest nearest;
    nearest_init(&nearest, str_make(typed, name.len));
    for (size_t i = 0; i < c->n; i++)
        nearest_offer(&nearest, c->table[i].name);
    return nearest.best;
}

/* Index of the row, or c->n. */
static size_t find_row(const struct config *c, struct str name)
{
    size_t i = 0;
    while (i < c->n && !is_name(&c->table[i], name))
        i++;
    return i;
}

/* --- setting ------------------------------------------------------------------------------ */

struct origin {
    enum setting_source source;
    size_t line; /* of a file */
};

/* Names the setting as the source spells it. */
static bool refuse(const struct config *c, size_t i, struct origin origin, struct str why,
                   struct str *problem)
{
    const char *dashes = origin.source == FROM_COMMAND_LINE ? "--" : "";
    *problem = arena_printf(c->arena, "%s%s: %.*s", dashes, c->table[i].name, STR_FMT(why));
    return false;
}

/* Sets row i. False, with *problem for a person, when the text is not accepted. What comes from an
 * earlier source than the value there is checked and left aside. */
static bool set_row(struct config *c, size_t i, struct str text, struct origin origin,
                    struct str *problem)
{
    const struct setting *s = &c->table[i];
    struct setting_value value = {.source = origin.source, .line = origin.line};
    if (text.len > CONFIG_VALUE_MAX)
        return refuse(c, i, origin,
                      arena_printf(c->arena, "longer than %d bytes", CONFIG_VALUE_MAX), problem);
    if (!is_printable(text))
        return refuse(c, i, origin, STR("not UTF-8, or with control characters"), problem);
    if (!parse_value(s, text, &value.number))
        return refuse(c, i, origin, describe_wrong(s, text, c->arena), problem);
    if (origin.source < c->values[i].source)
        return true;
    value.text = str_make(arena_cstr(c->arena, text), text.len);
    if (!value.text.ptr)
        return refuse(c, i, origin, STR("no memory for it"), problem);
    c->values[i] = value;
    return true;
}

static bool set_named(struct config *c, struct str name, struct str text, struct origin origin,
                      struct str *problem)
{
    size_t i = find_row(c, name);
    if (i < c->n)
        return set_row(c, i, text, origin, problem);
    if (name.len > CONFIG_NAME_MAX || !is_printable(name))
        name = STR("...");
    const char *nearest = nearest_name(c, name);
    *problem = arena_printf(c->arena, "unknown setting '%.*s'%s%s%s", STR_FMT(name),
                            nearest ? "; the nearest is '" : "", nearest ? nearest : "",
                            nearest ? "'" : "");
    return false;
}

void config_init(struct config *c, const struct setting *table, size_t n, struct arena *arena)
{
    *c = (struct config){.table = table, .n = n, .arena = arena};
    c->values = arena_calloc(arena, n, sizeof(*c->values));
    if (!c->values)
        die("no memory for the settings");
    for (size_t i = 0; i < n; i++) {
        struct str problem;
        c->values[i].text = STR("");
        if (strlen(table[i].name) > CONFIG_NAME_MAX ||
            (table[i].fallback &&
             !set_row(c, i, str_from(table[i].fallback), (struct origin){0}, &problem)))
            die(table[i].name);
    }
}

enum err config_set(struct config *c, struct str name, struct str text, enum setting_source source,
                    struct error *error)
{
    struct str problem;
    if (set_named(c, name, text, (struct origin){.source = source}, &problem))
        return ERR_OK;
    return error_set(error, ERR_VALIDATION, "%.*s", STR_FMT(problem));
}

/* --- the file ----------------------------------------------------------------------------- */

static bool load_line(struct config *c, struct str line, size_t number, struct str *problem)
{
    if (str_ends(line, STR("\r")))
        line.len--;
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    size_t equals = str_find(line, '=');
    struct str name = str_trim(str_make(line.ptr, equals));
    if (equals < line.len)
        return set_named(c, name, str_trim(str_skip(line, equals + 1)),
                         (struct origin){FROM_FILE, number}, problem);
    *problem = STR("no '=' in this line; write: name = value");
    return false;
}

enum err config_load_text(struct config *c, const char *origin, struct str text,
                          struct error *error)
{
    size_t wrong = 0;
    if (str_starts(text, STR("\xEF\xBB\xBF"))) /* the mark that editors of Windows begin with */
        text = str_skip(text, 3);
    for (size_t number = 1; text.len; number++) {
        struct str problem, line = str_split(&text, '\n');
        if (load_line(c, line, number, &problem))
            continue;
        struct str where = arena_printf(error->arena, "line %zu", number);
        if (++wrong <= CONFIG_COMPLAINTS_MAX && where.ptr)
            error_detail(error, where.ptr, "%.*s", STR_FMT(problem));
    }
    if (wrong == 0)
        return ERR_OK;
    return error_set(error, ERR_VALIDATION, "%zu wrong %s in %s", wrong,
                     wrong == 1 ? "line" : "lines", origin);
}

enum err config_load_file(struct config *c, const char *path, struct error *error)
{
    _cleanup_(buf_release)
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    c->file = arena_cstr(c->arena, str_from(path));
    enum err err = file_read(path, &text, error);
    return err ? err : config_load_text(c, path, buf_str(&text), error);
}

/* --- the environment ---------------------------------------------------------------------- */

#define ENVIRONMENT_PREFIX "HUDHUD_"

/* "graph-url" is HUDHUD_GRAPH_URL. */
static void environment_name(const struct setting *s,
                             char out[sizeof(ENVIRONMENT_PREFIX) + CONFIG_NAME_MAX])
{
    char *to = mempcpy(out, ENVIRONMENT_PREFIX, sizeof(ENVIRONMENT_PREFIX) - 1);
    for (const char *from = s->name; *from; from++)
        *to++ = *from == '-' ? '_' : *from >= 'a' && *from <= 'z' ? (char)(*from - 32) : *from;
    *to = '\0';
}

enum err config_load_environment(struct config *c, struct error *error)
{
    size_t wrong = 0;
    for (size_t i = 0; i < c->n; i++) {
        char name[sizeof(ENVIRONMENT_PREFIX) + CONFIG_NAME_MAX];
        environment_name(&c->table[i], name);
        const char *text = getenv(name);
        struct str problem;
        if (!text || set_row(c, i, str_from(text), (struct origin){FROM_ENVIRONMENT, 0}, &problem))
            continue;
        wrong++;
        const char *where = arena_cstr(error->arena, str_from(name));
        if (where)
            error_detail(error, where, "%.*s", STR_FMT(problem));
    }
    if (wrong == 0)
        return ERR_OK;
    return error_set(error, ERR_VALIDATION, "%zu wrong %s in the environment", wrong,
                     wrong == 1 ? "variable" : "variables");
}

/* --- once more ---------------------------------------------------------------------------- */

static bool keep_command_line(struct config *c, const struct config *before)
{
    for (size_t i = 0; i < c->n; i++) {
        if (before->values[i].source != FROM_COMMAND_LINE)
            continue;
        c->values[i] = before->values[i];
        struct str text = before->values[i].text;
        c->values[i].text = str_make(arena_cstr(c->arena, text), text.len);
        if (!c->values[i].text.ptr)
            return false;
    }
    return true;
}

enum err config_reload(struct config *c, const struct config *before, struct arena *arena,
                       struct error *error)
{
    config_init(c, before->table, before->n, arena);
    enum err e = before->file ? config_load_file(c, before->file, error) : ERR_OK;
    if (!e)
        e = config_load_environment(c, error);
    if (!e && !keep_command_line(c, before))
        e = error_set(error, ERR_NO_MEMORY, "no memory for the settings");
    return e;
}

/* --- asking ------------------------------------------------------------------------------- */

static const struct setting_value *find_value(const struct config *c, const char *name)
{
    size_t i = find_row(c, str_from(name));
    if (i == c->n)
        die(name);
    return &c->values[i];
}

struct str config_text(const struct config *c, const char *name)
{
    return find_value(c, name)->text;
}

const char *config_cstr(const struct config *c, const char *name)
{
    struct str text = config_text(c, name);
    return text.len ? text.ptr : NULL;
}

int64_t config_number(const struct config *c, const char *name)
{
    return find_value(c, name)->number;
}

bool config_switch(const struct config *c, const char *name)
{
    return config_number(c, name) != 0;
}

struct str config_origin(const struct config *c, const char *name, struct arena *arena)
{
    const struct setting_value *v = find_value(c, name);
    char variable[sizeof(ENVIRONMENT_PREFIX) + CONFIG_NAME_MAX];
    switch (v->source) {
    case FROM_FILE: return arena_printf(arena, "line %zu of %s", v->line, c->file ? c->file : "?");
    case FROM_ENVIRONMENT:
        environment_name(&c->table[v - c->values], variable);
        return arena_dup(arena, str_from(variable));
    case FROM_COMMAND_LINE: return arena_printf(arena, "--%s", name);
    case FROM_DEFAULT: break;
    }
    return STR("the default");
}

/* --- showing ------------------------------------------------------------------------------ */

struct str config_shown(const struct config *c, size_t i)
{
    const struct setting *s = &c->table[i];
    struct str text = c->values[i].text;
    if (text.len == 0)
        return text;
    if (s->secret)
        return STR("(set)");
    return s->show ? s->show(text, c->arena) : text;
}

static void add_source(const struct config *c, size_t i, struct buf *out)
{
    enum setting_source source = c->values[i].source;
    buf_printf(out, "  (%s", source_names[source]);
    if (source == FROM_ENVIRONMENT) {
        char name[sizeof(ENVIRONMENT_PREFIX) + CONFIG_NAME_MAX];
        environment_name(&c->table[i], name);
        buf_printf(out, " %s", name);
    }
    if (source == FROM_FILE)
        buf_printf(out, ", line %zu", c->values[i].line);
    buf_add(out, STR(")\n"));
}

void config_print(const struct config *c, struct buf *out)
{
    for (size_t i = 0; i < c->n; i++) {
        struct str text = config_shown(c, i);
        if (text.len == 0)
            text = STR("(not set)");
        buf_printf(out, "%s = %.*s", c->table[i].name, STR_FMT(text));
        add_source(c, i, out);
    }
}

void config_print_help(const struct setting *table, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct setting *s = &table[i];
        size_t begin = out->len;
        buf_printf(out, "  --%s %s", s->name, s->placeholder ? s->placeholder : "");
        size_t width = out->len - begin;
        if (width + 2 > HELP_COLUMN)
            buf_printf(out, "\n%*s", HELP_COLUMN, "");
        else
            buf_printf(out, "%*s", (int)(HELP_COLUMN - width), "");
        buf_add(out, str_from(s->help));
        if (s->fallback)
            buf_printf(out, " (default: %s)", s->fallback);
        if (s->live)
            buf_add(out, STR(" [live]"));
        buf_add_char(out, '\n');
    }
}

/* Names as people write them in a file: graph_url. */
static void add_file_name(const struct setting *s, struct buf *out)
{
    for (const char *c = s->name; *c; c++)
        buf_add_char(out, *c == '-' ? '_' : *c);
}

void config_print_file(const struct setting *table, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct setting *s = &table[i];
        buf_printf(out, "\n# %s%s\n#", s->help, s->live ? " [live]" : "");
        add_file_name(s, out);
        buf_printf(out, " =%s%s\n", s->fallback ? " " : "", s->fallback ? s->fallback : "");
    }
}
