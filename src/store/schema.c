#include "store/schema.h"
#include "store/store.h"

/* What the processes that use a store know of each other there. */
static const char *const private_tables[] = {"store_state", "replicas"};

/* --- words -------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_mark(char c)
{
    return c == '(' || c == ')' || c == ',';
}

/* Takes the next word off the text; a parenthesis or comma is one too. Empty at the end. */
static struct str take_word(struct str *text)
{
    while (text->len && is_blank(text->ptr[0]))
        *text = str_skip(*text, 1);
    size_t len = text->len && is_mark(text->ptr[0]);
    while (!(len && is_mark(text->ptr[0])) && len < text->len && !is_blank(text->ptr[len]) &&
           !is_mark(text->ptr[len]))
        len++;
    struct str word = str_make(text->ptr, len);
    *text = str_skip(*text, len);
    return word;
}

/* Takes these words off the text if it begins with them. */
static bool take_words(struct str *text, const char *words)
{
    struct str rest = *text, wanted = str_from(words);
    while (wanted.len)
        if (!str_eq(take_word(&rest), str_split(&wanted, ' ')))
            return false;
    *text = rest;
    return true;
}

/* Takes what stands before the next comma that is in no parentheses, and the comma. */
static struct str take_item(struct str *text)
{
    size_t depth = 0, len = 0;
    while (len < text->len && (depth || text->ptr[len] != ',')) {
        depth += text->ptr[len] == '(';
        depth -= text->ptr[len] == ')' && depth;
        len++;
    }
    struct str item = str_trim(str_make(text->ptr, len));
    *text = str_skip(*text, MIN(len + 1, text->len));
    return item;
}

/* Takes "( ... )" and returns what is inside. */
static struct str take_parentheses(struct str *text)
{
    size_t depth = 0, at = str_find(*text, '('), end = at;
    for (; end < text->len; end++) {
        depth += text->ptr[end] == '(';
        depth -= text->ptr[end] == ')';
        if (!depth)
            break;
    }
    if (end >= text->len)
        return STR("");
    struct str inside = str_make(text->ptr + at + 1, end - at - 1);
    *text = str_skip(*text, end + 1);
    return inside;
}

/* --- tables ------------------------------------------------------------------------------- */

static int find_table(const struct schema *s, struct str name)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->tables[i].name, name))
            return (int)i;
    return -1;
}

static bool add_key(struct schema_table *t, struct str name)
{
    size_t i = 0;
    while (i < t->n && !str_eq(t->columns[i].name, name))
        i++;
    if (i == t->n || t->n_keys == SCHEMA_KEYS_MAX)
        return false;
    t->keys[t->n_keys++] = i;
    return true;
}

static bool read_type(struct schema_table *t, struct schema_column *column, struct str type)
{
    if (str_eq(type, STR("{id}"))) {
        t->counted = column->required = true;
        column->kind = PARAM_I64;
        return add_key(t, column->name);
    }
    column->kind = str_eq(type, STR("{int}"))    ? PARAM_I64
                   : str_eq(type, STR("{text}")) ? PARAM_TEXT
                   : str_eq(type, STR("{blob}")) ? PARAM_BLOB
                                                 : PARAM_NULL;
    return column->kind != PARAM_NULL;
}

/* What it refers to comes before it, or the order in which tables are copied would be another. */
static bool read_reference(struct schema *s, struct schema_table *t, struct schema_column *column,
                           struct str *rest)
{
    column->parent = find_table(s, take_word(rest));
    if (column->parent < 0 || !take_words(rest, "( id )"))
        return false;
    const struct schema_table *parent = &s->tables[column->parent];
    return parent->private || parent < t;
}

/* "name {type} NOT NULL PRIMARY KEY UNIQUE REFERENCES table (id) ON DELETE SET NULL" */
static bool read_column(struct schema *s, struct schema_table *t, struct str item)
{
    if (t->n == SCHEMA_COLUMNS_MAX)
        return false;
    struct schema_column *column = &t->columns[t->n++];
    *column = (struct schema_column){.name = take_word(&item), .parent = -1};
    if (!read_type(t, column, take_word(&item)))
        return false;
    while (item.len) {
        bool known = take_words(&item, "UNIQUE") || take_words(&item, "ON DELETE SET NULL") ||
                     take_words(&item, "ON DELETE CASCADE");
        if (take_words(&item, "NOT NULL"))
            column->required = known = true;
        else if (take_words(&item, "PRIMARY KEY"))
            known = add_key(t, column->name);
        else if (take_words(&item, "REFERENCES"))
            known = read_reference(s, t, column, &item);
        else if (take_words(&item, "DEFAULT"))
            known = take_word(&item).len > 0;
        if (!known)
            return false;
        item = str_trim(item);
    }
    return true;
}

static bool read_keys(struct schema_table *t, struct str names)
{
    while (names.len)
        if (!add_key(t, take_item(&names)))
            return false;
    return true;
}

/* Rows that cannot be without a private table's are private too. */
static void note_private(struct schema *s, struct schema_table *t)
{
    for (size_t i = 0; i < ARRAY_LEN(private_tables); i++)
        t->private = t->private || str_eq(t->name, str_from(private_tables[i]));
    for (size_t i = 0; i < t->n; i++)
        t->private = t->private || (t->columns[i].required && schema_is_cut(s, &t->columns[i]));
}

static bool read_table(struct schema *s, struct str rest)
{
    if (s->n == SCHEMA_TABLES_MAX)
        return false;
    struct schema_table *t = &s->tables[s->n];
    t->name = take_word(&rest);
    if (take_words(&rest, "AS")) { /* in a step that remakes a table, and drops this one again */
        t->private = true;
        s->n++;
        return true;
    }
    struct str items = take_parentheses(&rest);
    while (items.len) {
        struct str item = take_item(&items);
        bool good = take_words(&item, "PRIMARY KEY") ? read_keys(t, take_parentheses(&item))
                    : take_words(&item, "UNIQUE")    ? true
                                                     : read_column(s, t, item);
        if (!good)
            return false;
    }
    note_private(s, t);
    s->n++;
    return t->n_keys > 0;
}

static bool read_addition(struct schema *s, struct str rest)
{
    int i = find_table(s, take_word(&rest));
    return i >= 0 && take_words(&rest, "ADD COLUMN") && read_column(s, &s->tables[i], rest);
}

/* Its place stays: the tables behind it are known by theirs. */
static bool read_drop(struct schema *s, struct str rest)
{
    int i = find_table(s, take_word(&rest));
    if (i < 0)
        return false;
    s->tables[i] = (struct schema_table){.private = true};
    return true;
}

static bool read_statement(struct schema *s, struct str text)
{
    if (take_words(&text, "CREATE TABLE"))
        return read_table(s, text);
    if (take_words(&text, "ALTER TABLE"))
        return read_addition(s, text);
    if (take_words(&text, "DROP TABLE"))
        return read_drop(s, text);
    return take_words(&text, "CREATE INDEX") || take_words(&text, "CREATE UNIQUE INDEX") ||
           take_words(&text, "INSERT INTO") || take_words(&text, "UPDATE") ||
           take_words(&text, "DELETE FROM");
}

enum err schema_read(struct schema *ret, const char *const *steps, size_t n, struct error *error)
{
    *ret = (struct schema){0};
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_from(steps[i]);
        while (rest.len) {
            struct str statement = str_trim(str_split(&rest, ';'));
            if (statement.len && !read_statement(ret, statement))
                return error_set(error, ERR_INTERNAL, "migration %zu is not understood: %.*s",
                                 i + 1, STR_FMT(statement));
        }
    }
    return ERR_OK;
}

bool schema_is_cut(const struct schema *schema, const struct schema_column *column)
{
    return column->parent >= 0 && schema->tables[column->parent].private;
}
