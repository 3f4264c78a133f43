/* Its SQL is made of names that the migrations hold, and of nothing else: no table is known by name
 * here, which is why this file has SQL though it is not of the model. */
#include "store/transfer.h"
#include "crypto/sha256.h"

#include <endian.h>

/* --- rows as bytes ------------------------------------------------------------------------ */

static void add_u64(struct buf *out, uint64_t value)
{
    uint64_t word = htobe64(value);
    buf_add(out, str_make((const char *)&word, sizeof(word)));
}

static void encode(struct buf *out, const struct param *p)
{
    buf_add_char(out, (char)('0' + p->kind));
    if (p->kind == PARAM_I64)
        add_u64(out, (uint64_t)p->number);
    if (p->kind != PARAM_TEXT && p->kind != PARAM_BLOB)
        return;
    add_u64(out, p->bytes.len);
    buf_add(out, p->bytes);
}

static bool take_u64(struct str *in, uint64_t *ret)
{
    uint64_t word;
    if (in->len < sizeof(word))
        return false;
    memcpy(&word, in->ptr, sizeof(word));
    *in = str_skip(*in, sizeof(word));
    *ret = be64toh(word);
    return true;
}

static bool decode(struct str *in, struct param *ret)
{
    uint64_t word;
    if (in->len < 1)
        return false;
    *ret = (struct param){.kind = (unsigned char)in->ptr[0] - '0'};
    *in = str_skip(*in, 1);
    if (ret->kind == PARAM_NULL)
        return true;
    if (!take_u64(in, &word))
        return false;
    ret->number = (int64_t)word;
    if (ret->kind == PARAM_I64)
        return true;
    if (word > in->len)
        return false;
    ret->bytes = str_make(in->ptr, word);
    *in = str_skip(*in, word);
    return true;
}

static uint64_t read_u64(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return be64toh(word);
}

static void add_to_sum(struct row_sum *sum, struct str row)
{
    unsigned char digest[SHA256_LEN];
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, row);
    sha256_end(&hash, digest);
    uint64_t low = read_u64(&digest[8]);
    sum->rows++;
    sum->low += low;
    sum->high += read_u64(digest) + (sum->low < low);
}

/* --- SQL ---------------------------------------------------------------------------------- */

static void add_columns(struct buf *sql, const struct schema_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        buf_printf(sql, i ? ", %.*s" : "%.*s", STR_FMT(table->columns[i].name));
}

static void add_keys(struct buf *sql, const struct schema_table *table)
{
    for (size_t i = 0; i < table->n_keys; i++)
        buf_printf(sql, i ? ", %.*s" : "%.*s", STR_FMT(table->columns[table->keys[i]].name));
}

static const struct schema_table *parent_of(const struct transfer *t,
                                            const struct schema_column *column)
{
    return column->parent < 0 ? NULL : &t->schema->tables[column->parent];
}

/* The column by which a row belongs to the root, or NULL. */
static const struct schema_column *owner_of(const struct transfer *t,
                                            const struct schema_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct schema_column *column = &table->columns[i];
        const struct schema_table *parent = parent_of(t, column);
        if (column->required && parent && (parent == t->root || owner_of(t, parent)))
            return column;
    }
    return NULL;
}

bool transfer_has(const struct transfer *t, const struct schema_table *table)
{
    return !table->private && (!t->root || table == t->root || owner_of(t, table));
}

/* Which rows belong to the root, whose id is $1. */
static void add_condition(struct buf *sql, const struct transfer *t,
                          const struct schema_table *table)
{
    const struct schema_column *owner = table == t->root ? NULL : owner_of(t, table);
    if (!owner) {
        buf_add(sql, STR("id = $1"));
        return;
    }
    const struct schema_table *parent = parent_of(t, owner);
    if (parent == t->root) {
        buf_printf(sql, "%.*s = $1", STR_FMT(owner->name));
        return;
    }
    buf_printf(sql, "%.*s IN (SELECT id FROM %.*s WHERE ", STR_FMT(owner->name),
               STR_FMT(parent->name));
    add_condition(sql, t, parent);
    buf_add_char(sql, ')');
}

/* "SELECT max(id) FROM table WHERE ...": `what` is all before the table. ERR_INTERNAL: too long. */
static enum err ask(const struct transfer *t, struct connection *c, const char *what,
                    const struct schema_table *table, int64_t root_id, int64_t *ret)
{
    const struct param root = p_i64(root_id);
    _cleanup_(buf_release)
    struct buf sql;
    buf_init(&sql, STORE_SQL_MAX);
    buf_printf(&sql, "%s %.*s", what, STR_FMT(table->name));
    if (t->root) {
        buf_add(&sql, STR(" WHERE "));
        add_condition(&sql, t, table);
    }
    buf_add_char(&sql, '\0');
    return buf_ok(&sql) ? transfer_number(c, sql.ptr, &root, t->root != NULL, ret) : ERR_INTERNAL;
}

/* Of the first page, or of one behind a place. */
static void add_select(struct buf *sql, const struct table_transfer *t, bool behind)
{
    size_t n = t->transfer->root != NULL;
    buf_add(sql, STR("SELECT "));
    add_columns(sql, t->table);
    buf_printf(sql, " FROM %.*s", STR_FMT(t->table->name));
    if (t->transfer->root) {
        buf_add(sql, STR(" WHERE "));
        add_condition(sql, t->transfer, t->table);
    }
    if (behind) {
        buf_add(sql, t->transfer->root ? STR(" AND (") : STR(" WHERE ("));
        add_keys(sql, t->table);
        buf_add(sql, STR(") > ("));
        for (size_t i = 0; i < t->table->n_keys; i++)
            buf_printf(sql, i ? ", $%zu" : "$%zu", ++n);
        buf_add_char(sql, ')');
    }
    buf_add(sql, STR(" ORDER BY "));
    add_keys(sql, t->table);
    buf_printf(sql, " LIMIT %d", STORE_PAGE_ROWS);
}

static void add_insert(struct buf *sql, const struct schema_table *table)
{
    buf_printf(sql, "INSERT INTO %.*s (", STR_FMT(table->name));
    add_columns(sql, table);
    buf_add(sql, STR(") VALUES ("));
    for (size_t i = 0; i < table->n; i++)
        buf_printf(sql, i ? ", $%zu" : "$%zu", i + 1);
    buf_add_char(sql, ')');
}

/* The text lives as long as the statement: it is known by it in the log. */
static enum err prepare(struct connection *c, struct buf *text, struct statement **ret)
{
    buf_add_char(text, '\0');
    return buf_ok(text) ? c->engine->prepare(c, text->ptr, text->ptr, ret) : ERR_INTERNAL;
}

enum err transfer_number(struct connection *c, const char *sql, const struct param *params,
                         size_t n, int64_t *ret)
{
    struct statement *st;
    bool row = false;
    enum err err = c->engine->prepare(c, sql, sql, &st);
    if (err)
        return err;
    err = c->engine->bind(st, params, n);
    if (!err)
        err = c->engine->step(st, &row);
    if (!err && ret)
        *ret = row ? c->engine->column_i64(st, 0) : 0;
    c->engine->reset(st);
    c->engine->finalize(st);
    return err;
}

/* --- reading ------------------------------------------------------------------------------ */

void table_transfer_init(struct table_transfer *t, const struct transfer *transfer,
                         const struct schema_table *table)
{
    *t = (struct table_transfer){.transfer = transfer, .table = table};
    for (size_t i = 0; i < ARRAY_LEN(t->texts); i++)
        buf_init(&t->texts[i], STORE_SQL_MAX);
    buf_init(&t->place, STORE_ROW_MAX);
    buf_init(&t->bound, STORE_ROW_MAX);
    buf_init(&t->row, STORE_ROW_MAX);
    buf_init(&t->loaded, STORE_PAGE_MAX);
}

static void finalize(struct connection *c, struct statement *st)
{
    if (st)
        c->engine->finalize(st);
}

void table_transfer_release(struct table_transfer *t)
{
    finalize(t->transfer->from, t->first);
    finalize(t->transfer->from, t->next);
    finalize(t->transfer->to, t->insert);
    for (size_t i = 0; i < ARRAY_LEN(t->texts); i++)
        buf_release(&t->texts[i]);
    buf_release(&t->place);
    buf_release(&t->bound);
    buf_release(&t->row);
    buf_release(&t->loaded);
}

/* Binds the root and the place that was reached. */
static enum err bind_select(struct table_transfer *t, struct statement *st, bool behind)
{
    size_t n = 0;
    if (t->transfer->root)
        t->params[n++] = p_i64(t->transfer->root_id);
    buf_clear(&t->bound);
    buf_add(&t->bound, buf_str(&t->place));
    struct str place = buf_str(&t->bound);
    while (behind && place.len)
        if (n == ARRAY_LEN(t->params) || !decode(&place, &t->params[n++]))
            return ERR_INTERNAL;
    return t->transfer->from->engine->bind(st, t->params, n);
}

static struct param read_column(const struct table_transfer *t, struct statement *st, size_t i)
{
    const struct transfer *transfer = t->transfer;
    const struct engine *engine = transfer->from->engine;
    const struct schema_column *column = &t->table->columns[i];
    const struct schema_table *parent = parent_of(transfer, column);
    if (engine->column_is_null(st, (int)i) || schema_is_cut(transfer->schema, column))
        return (struct param){.kind = PARAM_NULL};
    if (column->kind == PARAM_BLOB)
        return p_blob(engine->column_blob(st, (int)i));
    if (column->kind == PARAM_TEXT)
        return p_text(engine->column_text(st, (int)i));
    int64_t number = engine->column_i64(st, (int)i);
    if (t->table->counted && i == t->table->keys[0])
        parent = t->table;
    return p_i64(parent ? number + transfer->offsets[parent - transfer->schema->tables] : number);
}

static enum err read_value(const struct table_transfer *t, struct statement *st, size_t i,
                           struct param *ret)
{
    const struct transfer *transfer = t->transfer;
    *ret = read_column(t, st, i);
    return transfer->rewrite && ret->kind != PARAM_NULL
               ? transfer->rewrite(transfer->rewrite_arg, transfer, t->table, &t->table->columns[i],
                                   ret)
               : ERR_OK;
}

/* No engine of ours writes such text, but the file may have been in other hands. */
static enum err check_text(const struct table_transfer *t, const struct param *values, size_t i)
{
    struct str text = values[i].bytes;
    if (values[i].kind != PARAM_TEXT || (str_is_utf8(text) && str_find(text, '\0') == text.len))
        return ERR_OK;
    const struct param *key = &values[t->table->keys[0]];
    return error_set(t->transfer->error, ERR_VALIDATION,
                     "a row of %.*s (%.*s %lld) holds text in %.*s that is no UTF-8, or has a NUL",
                     STR_FMT(t->table->name), STR_FMT(t->table->columns[t->table->keys[0]].name),
                     (long long)key->number, STR_FMT(t->table->columns[i].name));
}

/* The place is the source's: its ids, not those of the copy. */
static void note_place(struct table_transfer *t, struct statement *st)
{
    const struct engine *engine = t->transfer->from->engine;
    buf_clear(&t->place);
    for (size_t i = 0; i < t->table->n_keys; i++) {
        int at = (int)t->table->keys[i];
        struct param p = {.kind = t->table->columns[at].kind};
        if (p.kind == PARAM_I64)
            p.number = engine->column_i64(st, at);
        else
            p.bytes = engine->column_text(st, at);
        encode(&t->place, &p);
    }
}

/* --- writing ------------------------------------------------------------------------------ */

static enum err put_row(struct table_transfer *t, const struct param *values)
{
    struct connection *to = t->transfer->to;
    const struct engine *engine = to->engine;
    if (engine->load) {
        engine->load_add(&t->loaded, values, t->table->n);
        return buf_ok(&t->loaded) ? ERR_OK : ERR_LIMIT;
    }
    bool row;
    enum err err = ERR_OK;
    if (!t->insert) {
        add_insert(&t->texts[2], t->table);
        err = prepare(to, &t->texts[2], &t->insert);
    }
    if (!err)
        err = engine->bind(t->insert, values, t->table->n);
    if (!err)
        err = engine->step(t->insert, &row);
    if (t->insert)
        engine->reset(t->insert);
    return err;
}

static enum err load_page(struct table_transfer *t)
{
    struct connection *to = t->transfer->to;
    if (!t->loaded.len)
        return ERR_OK;
    if (!t->texts[2].len) {
        buf_printf(&t->texts[2], "%.*s (", STR_FMT(t->table->name));
        add_columns(&t->texts[2], t->table);
        buf_add(&t->texts[2], STR(")"));
        buf_add_char(&t->texts[2], '\0');
    }
    if (!buf_ok(&t->texts[2]))
        return ERR_INTERNAL;
    enum err err = to->engine->load(to, t->texts[2].ptr, buf_str(&t->loaded));
    buf_clear(&t->loaded);
    return err;
}

static enum err take_row(struct table_transfer *t, struct statement *st)
{
    struct param values[SCHEMA_COLUMNS_MAX];
    enum err err = ERR_OK;
    buf_clear(&t->row);
    for (size_t i = 0; i < t->table->n && !err; i++) {
        err = read_value(t, st, i, &values[i]);
        if (!err)
            err = check_text(t, values, i);
        encode(&t->row, &values[i]);
    }
    if (err)
        return err;
    note_place(t, st);
    if (!buf_ok(&t->row) || !buf_ok(&t->place))
        return error_set(t->transfer->error, ERR_LIMIT, "a row of %.*s is longer than %d bytes",
                         STR_FMT(t->table->name), STORE_ROW_MAX);
    add_to_sum(&t->sum, buf_str(&t->row));
    return t->transfer->to ? put_row(t, values) : ERR_OK;
}

/* --- tables ------------------------------------------------------------------------------- */

enum err table_transfer_page(struct table_transfer *t)
{
    struct connection *from = t->transfer->from;
    bool behind = t->place.len > 0, row = true;
    struct statement **st = behind ? &t->next : &t->first;
    struct buf *text = &t->texts[behind];
    enum err err = ERR_OK;
    if (!*st) {
        add_select(text, t, behind);
        err = prepare(from, text, st);
    }
    if (!err)
        err = bind_select(t, *st, behind);
    size_t n = 0;
    while (!err && !(err = from->engine->step(*st, &row)) && row) {
        err = take_row(t, *st);
        n++;
    }
    if (*st)
        from->engine->reset(*st);
    if (!err && t->transfer->to)
        err = load_page(t);
    t->done = !err && n < STORE_PAGE_ROWS;
    return err;
}

enum err transfer_table(const struct transfer *transfer, const struct schema_table *table,
                        const struct store_copy *copy, struct row_sum *ret)
{
    struct table_transfer t;
    enum err err = ERR_OK;
    table_transfer_init(&t, transfer, table);
    while (!err && !t.done) {
        err = table_transfer_page(&t);
        if (!err && copy && copy->go_on && !copy->go_on(copy->arg))
            err = error_set(transfer->error, ERR_CLOSED,
                            "the server is stopping: %s was not finished", copy->path);
    }
    *ret = t.sum;
    table_transfer_release(&t);
    return err;
}

/* The last id that was given out; PostgreSQL does not count those that came with their rows. */
static enum err last_id(struct connection *c, const struct schema_table *table, int64_t *ret)
{
    const struct transfer everything = {0};
    int64_t highest = 0;
    enum err err = c->engine->last_id(c, table->name, ret);
    if (!err)
        err = ask(&everything, c, "SELECT max(id) FROM", table, 0, &highest);
    *ret = MAX(*ret, highest);
    return err;
}

/* Also of tables that stay behind: a row may name a replica, and must not mean another one by it.
 */
enum err transfer_counters(const struct transfer *t)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < t->schema->n && !err; i++) {
        const struct schema_table *table = &t->schema->tables[i];
        int64_t given = 0, last = 0;
        if (!table->counted || (!table->private && !transfer_has(t, table)))
            continue;
        if (!t->root || table->private)
            err = last_id(t->from, table, &given);
        if (!err)
            err = last_id(t->to, table, &last);
        last = MAX(last, given);
        if (!err && last > 0)
            err = t->to->engine->raise_id(t->to, table->name, last);
    }
    return err;
}

enum err transfer_clear(const struct transfer *t, int64_t root_id)
{
    enum err err = ERR_OK;
    for (size_t i = t->schema->n; i-- > 0 && !err;)
        if (transfer_has(t, &t->schema->tables[i]))
            err = ask(t, t->to, "DELETE FROM", &t->schema->tables[i], root_id, NULL);
    return err;
}

enum err transfer_count(const struct transfer *t, const struct schema_table *table, int64_t *ret)
{
    return ask(t, t->from, "SELECT count(*) FROM", table, t->root_id, ret);
}

enum err transfer_choose_offsets(struct transfer *t)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < t->schema->n && !err; i++) {
        const struct schema_table *table = &t->schema->tables[i];
        int64_t last = 0, lowest = 0;
        t->offsets[i] = 0;
        if (!t->root || !table->counted || !transfer_has(t, table))
            continue;
        err = last_id(t->to, table, &last);
        if (!err)
            err = ask(t, t->from, "SELECT min(id) FROM", table, t->root_id, &lowest);
        t->offsets[i] = lowest > last ? 0 : last;
    }
    return err;
}
