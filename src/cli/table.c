#include "cli/table.h"

#include "base/buf.h"

#define FIRST_STRONG_ISOLATE STR("\xE2\x81\xA8") /* U+2068 */
#define POP_ISOLATE          STR("\xE2\x81\xA9") /* U+2069 */
#define REPLACEMENT          STR("\xEF\xBF\xBD") /* U+FFFD */

struct cell {
    struct str text; /* clean */
    size_t columns;  /* on a terminal */
    bool right_to_left;
};

struct table_row {
    struct table_row *next;
    struct cell cells[];
};

/* --- text --------------------------------------------------------------------------------- */

/* Takes one code point off well-formed UTF-8. */
static uint32_t next_code_point(struct str *s)
{
    unsigned char lead = (unsigned char)s->ptr[0];
    size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t c = more ? lead & (0x3Fu >> more) : lead;
    for (size_t i = 1; i <= more && i < s->len; i++)
        c = c << 6 | ((unsigned char)s->ptr[i] & 0x3F);
    *s = str_skip(*s, MIN(more + 1, s->len));
    return c;
}

/* The blocks of the right-to-left scripts (Unicode 15, DerivedBidiClass: R and AL). */
static bool is_right_to_left(uint32_t c)
{
    return (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) ||
           (c >= 0xFE70 && c <= 0xFEFF) || (c >= 0x10800 && c <= 0x10FFF) ||
           (c >= 0x1E800 && c <= 0x1EFFF);
}

/* C0 and C1: a name that is shown must not be able to steer the terminal. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

/* Marks, embeddings, overrides and isolates: they could reach out of their cell. */
static bool is_bidi_control(uint32_t c)
{
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void clean_into(struct buf *clean, struct cell *cell, struct str text)
{
    while (text.len) {
        struct str before = text;
        uint32_t c = next_code_point(&text);
        if (is_bidi_control(c))
            continue;
        cell->right_to_left |= is_right_to_left(c);
        buf_add(clean, is_control(c) ? REPLACEMENT : str_make(before.ptr, before.len - text.len));
    }
}

static bool make_cell(struct cell *cell, struct str text, struct arena *arena)
{
    *cell = (struct cell){0};
    if (!str_is_utf8(text))
        text = REPLACEMENT;
    _cleanup_(buf_release)
    struct buf clean;
    buf_init(&clean, text.len * REPLACEMENT.len + 1);
    clean_into(&clean, cell, text);
    cell->text = arena_dup(arena, buf_str(&clean));
    cell->columns = str_columns(cell->text);
    return buf_ok(&clean) && cell->text.ptr;
}

static void print_cell(const struct cell *cell, FILE *out, bool terminal)
{
    bool isolate = terminal && cell->right_to_left;
    if (isolate)
        fprintf(out, "%.*s", STR_FMT(FIRST_STRONG_ISOLATE));
    fwrite(cell->text.ptr, 1, cell->text.len, out);
    if (isolate)
        fprintf(out, "%.*s", STR_FMT(POP_ISOLATE));
}

/* --- tables ------------------------------------------------------------------------------- */

void table_init(struct table *t, const struct column *columns, size_t n, struct arena *arena)
{
    *t = (struct table){.arena = arena, .columns = columns, .n_columns = n};
    if (n > CLI_TABLE_COLUMNS_MAX)
        die("a table has more columns than CLI_TABLE_COLUMNS_MAX");
    for (size_t i = 0; i < n; i++)
        t->widths[i] = strlen(columns[i].title);
}

static void add_row(struct table *t, const struct str *cells)
{
    struct table_row *row =
        arena_alloc(t->arena, sizeof(*row) + t->n_columns * sizeof(row->cells[0]));
    if (!row) {
        t->failed = true;
        return;
    }
    row->next = NULL;
    for (size_t i = 0; i < t->n_columns; i++) {
        t->failed |= !make_cell(&row->cells[i], cells[i], t->arena);
        t->widths[i] = MAX(t->widths[i], row->cells[i].columns);
    }
    if (t->last)
        t->last->next = row;
    else
        t->first = row;
    t->last = row;
}

void table_add_object(struct table *t, struct json object)
{
    struct str cells[CLI_TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < t->n_columns; i++)
        cells[i] = table_cell(object, t->columns[i].key, t->arena);
    add_row(t, cells);
}

/* The last column is not padded: lines end where their text ends. */
static void pad(const struct table *t, size_t column, size_t columns, FILE *out)
{
    if (column + 1 < t->n_columns)
        fprintf(out, "%*s", (int)(t->widths[column] - columns + 2), "");
    else
        fputc('\n', out);
}

enum err table_print(const struct table *t, FILE *out, bool terminal)
{
    if (t->failed)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < t->n_columns; i++) {
        fputs(t->columns[i].title, out);
        pad(t, i, strlen(t->columns[i].title), out);
    }
    for (const struct table_row *row = t->first; row; row = row->next) {
        for (size_t i = 0; i < t->n_columns; i++) {
            print_cell(&row->cells[i], out, terminal);
            pad(t, i, row->cells[i].columns, out);
        }
    }
    return ERR_OK;
}

enum err record_print(struct json object, const struct column *columns, size_t n, FILE *out,
                      bool terminal, struct arena *arena)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width = MAX(width, strlen(columns[i].title));
    for (size_t i = 0; i < n; i++) {
        struct cell cell;
        if (!make_cell(&cell, table_cell(object, columns[i].key, arena), arena))
            return ERR_NO_MEMORY;
        fprintf(out, "%-*s  ", (int)width, columns[i].title);
        print_cell(&cell, out, terminal);
        fputc('\n', out);
    }
    return ERR_OK;
}

enum err text_print(struct str text, FILE *out, bool terminal, struct arena *arena)
{
    while (text.len) {
        struct cell cell;
        if (!make_cell(&cell, str_split(&text, '\n'), arena))
            return ERR_NO_MEMORY;
        print_cell(&cell, out, terminal);
        fputc('\n', out);
    }
    return ERR_OK;
}

/* --- values ------------------------------------------------------------------------------- */

static struct json find_value(struct json object, const char *key, struct arena *arena)
{
    struct str rest = str_from(key);
    while (rest.len) {
        const char *step = arena_cstr(arena, str_split(&rest, '.'));
        object = step ? json_get(object, step) : (struct json){0};
    }
    return object;
}

/* A list of words and numbers, as a person writes it: "1, 2". */
static struct str join(struct json list, struct arena *arena)
{
    struct str joined = STR("");
    json_for_each (item, list) {
        struct str one = json_is_str(item) ? json_as_str(item, STR("")) : json_text(item, arena);
        joined =
            joined.len ? arena_printf(arena, "%.*s, %.*s", STR_FMT(joined), STR_FMT(one)) : one;
    }
    return joined.len ? joined : STR("none");
}

struct str table_cell(struct json object, const char *key, struct arena *arena)
{
    struct json value = find_value(object, key, arena);
    if (!json_present(value))
        return STR("-");
    if (json_is_str(value))
        return json_as_str(value, STR(""));
    if (json_is_array(value))
        return join(value, arena);
    struct str text = json_text(value, arena);
    if (str_eq(text, STR("true")))
        return STR("yes");
    if (str_eq(text, STR("false")))
        return STR("no");
    return text;
}
