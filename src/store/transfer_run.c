#include "store/transfer_run.h"
#include "base/clock.h"
#include "store/internal.h"
#include "store/migrations.h"

#include <endian.h>
#include <time.h>

/* --- sides -------------------------------------------------------------------------------- */

enum err transfer_side_open(struct transfer_side *side, const struct store_options *options,
                            struct error *error)
{
    const struct engine *engine = store_engine(str_from(options->path));
    struct connection *c;
    enum err err = engine->open(options, &c, error);
    if (err)
        return err;
    tx_init(&side->tx, c);
    struct str shown = store_show(str_from(options->path), error->arena);
    err = migrations_run(&side->tx, migrations, migrations_count, false,
                         arena_cstr(error->arena, shown), error);
    if (!err)
        err = engine->open_reader(options, &side->reader, error);
    if (!err && engine->set_patient)
        engine->set_patient(side->reader, true);
    return err;
}

void transfer_side_close(struct transfer_side *side)
{
    if (!side->tx.connection)
        return;
    const struct engine *engine = side->tx.engine;
    engine->close(side->reader);
    engine->checkpoint(side->tx.connection, CHECKPOINT_CLOSING);
    tx_release(&side->tx);
    *side = (struct transfer_side){0};
}

enum err transfer_side_is_used(struct transfer_side *side, bool *ret)
{
    const struct timespec pause = {.tv_nsec = STORE_WATCH_MS * 1000000L};
    int64_t until = clock_monotonic_us() + STORE_OTHERS_MS * INT64_C(1000);
    int64_t first = 0, now = 0;
    enum err err = side->tx.engine->shared ? replica_beats(&side->tx, &first) : ERR_OK;
    now = first;
    while (!err && first && now == first && clock_monotonic_us() < until) {
        nanosleep(&pause, NULL);
        err = replica_beats(&side->tx, &now);
    }
    *ret = now != first;
    return err;
}

/* --- what was done so far ----------------------------------------------------------------- */

#define TO_BE_CLEARED (-1) /* the position before that of the first table */
#define VERSION_TABLE 0    /* schema_version is the first of all */

struct state {
    const struct transfer_run *run;
    struct tx *to;
    struct schema schema;
    struct transfer t;
    struct error *error;
    int64_t step;     /* moves with each commit: two of us do not mix */
    int64_t position; /* of the schema's tables */
    struct buf place; /* in that table */
    int64_t rows, total;
};

static const struct schema_table *find_root(const struct schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n; i++)
        if (str_eq(schema->tables[i].name, str_from(name)))
            return &schema->tables[i];
    return NULL;
}

/* The target has a version at every moment, or nobody could open it to go on: it is not cleared and
 * copied with the rest. */
static enum err read_schema(struct schema *schema, struct error *error)
{
    enum err err = schema_read(schema, migrations, migrations_count, error);
    if (!err)
        schema->tables[VERSION_TABLE].private = true;
    return err;
}

static enum err commit(struct tx *tx, enum err err)
{
    bool wrote;
    if (!err)
        err = tx->engine->commit(tx->connection, &wrote);
    if (err)
        tx->engine->rollback(tx->connection);
    else
        tx->engine->checkpoint(tx->connection, CHECKPOINT_USUAL);
    return err;
}

static void pack_offsets(const struct state *s, uint64_t out[SCHEMA_TABLES_MAX])
{
    for (size_t i = 0; i < SCHEMA_TABLES_MAX; i++)
        out[i] = htobe64((uint64_t)s->t.offsets[i]);
}

static bool unpack_offsets(struct state *s, struct str packed)
{
    uint64_t words[SCHEMA_TABLES_MAX];
    if (packed.len != sizeof(words))
        return false;
    memcpy(words, packed.ptr, sizeof(words));
    for (size_t i = 0; i < SCHEMA_TABLES_MAX; i++)
        s->t.offsets[i] = (int64_t)be64toh(words[i]);
    return true;
}

static enum err make_table(struct tx *to)
{
    static const char sql[] =
        "CREATE TABLE store_copy ("
        "  id {int} PRIMARY KEY,"
        "  what {text} NOT NULL,"
        "  root {text} NOT NULL,"
        "  root_id {int} NOT NULL," /* in this database */
        "  offsets {blob} NOT NULL,"
        "  step {int} NOT NULL,"
        "  position {int} NOT NULL,"
        "  place {blob} NOT NULL,"
        "  n_rows {int} NOT NULL"
        ") {strict};";
    _cleanup_(buf_release)
    struct buf script;
    buf_init(&script, STORE_SQL_MAX);
    engine_expand(&script, to->engine, sql);
    buf_add_char(&script, '\0');
    return buf_ok(&script) ? to->engine->run_script(to->connection, script.ptr) : ERR_INTERNAL;
}

static enum err begin_anew(struct state *s)
{
    const struct transfer_run *run = s->run;
    uint64_t offsets[SCHEMA_TABLES_MAX];
    enum err err = tx_begin(s->to);
    if (!err)
        err = transfer_choose_offsets(&s->t);
    if (!err)
        err = make_table(s->to);
    pack_offsets(s, offsets);
    int64_t root_id = s->t.root ? s->t.root_id + s->t.offsets[s->t.root - s->schema.tables] : 0;
    s->position = TO_BE_CLEARED;
    if (!err)
        err = tx_exec(
            s->to,
            "INSERT INTO store_copy (id, what, root, root_id, offsets, step, position, place, n_rows) "
            "VALUES (1, $1, $2, $3, $4, 0, $5, $6, 0)",
            PARAMS(p_text(run->what), p_text(str_from(run->root ? run->root : "")), p_i64(root_id),
                   p_blob(str_make((const char *)offsets, sizeof(offsets))), p_i64(s->position),
                   p_blob(STR(""))),
            NULL);
    return commit(s->to, err);
}

static enum err read_state(struct state *s, struct str *ret_what, struct arena *arena)
{
    struct rows rows;
    enum err err = tx_query(s->to,
                            "SELECT what, offsets, step, position, place, n_rows FROM store_copy "
                            "WHERE id = 1",
                            NO_PARAMS, &rows);
    if (err)
        return err;
    bool good = rows_next(&rows) && unpack_offsets(s, row_blob(&rows, 1));
    if (good) {
        *ret_what = arena_dup(arena, row_text(&rows, 0));
        s->step = row_i64(&rows, 2);
        s->position = row_i64(&rows, 3);
        buf_clear(&s->place);
        buf_add(&s->place, row_blob(&rows, 4));
        s->rows = row_i64(&rows, 5);
    }
    err = rows_close(&rows);
    return err || good ? err : ERR_INTERNAL;
}

static enum err go_on(struct state *s)
{
    struct str what = STR("");
    enum err err = tx_begin(s->to);
    if (!err)
        err = read_state(s, &what, s->error->arena);
    s->to->engine->rollback(s->to->connection);
    if (!err && !str_eq(what, s->run->what))
        err = error_set(s->error, ERR_CONFLICT,
                        "another copy into it was begun and not ended: %.*s; run that command "
                        "again, or take it back with --undo",
                        STR_FMT(what));
    return err;
}

/* In the transaction of what was done. */
static enum err save_state(struct state *s, int64_t position, struct str place, int64_t rows)
{
    int64_t changed = 0;
    enum err err =
        tx_exec(s->to,
                "UPDATE store_copy SET step = step + 1, position = $2, place = $3, n_rows = $4 "
                "WHERE id = 1 AND step = $1",
                PARAMS(p_i64(s->step), p_i64(position), p_blob(place), p_i64(rows)), &changed);
    if (err || changed)
        return err;
    return error_set(s->error, ERR_CONFLICT, "another process copies into it at the same time");
}

/* --- copying ------------------------------------------------------------------------------ */

static enum err tick(struct state *s, struct str table)
{
    const struct transfer_progress progress = {table, s->rows, s->total};
    if (!s->run->tick || s->run->tick(s->run->tick_arg, &progress))
        return ERR_OK;
    return error_set(s->error, ERR_CLOSED, "it was ended; the same command goes on with it");
}

/* Some pages in one commit. */
static enum err copy_pages(struct state *s, struct table_transfer *table)
{
    int64_t before = table->sum.rows, next;
    enum err err = tx_begin(s->to);
    for (int i = 0; i < STORE_PAGES_A_COMMIT && !err && !table->done; i++)
        err = table_transfer_page(table);
    next = s->position + table->done;
    int64_t rows = s->rows + table->sum.rows - before;
    if (!err)
        err = save_state(s, next, table->done ? STR("") : buf_str(&table->place), rows);
    err = commit(s->to, err);
    if (err)
        return err;
    s->step++;
    s->position = next;
    s->rows = rows;
    return tick(s, table->table->name);
}

static enum err copy_table(struct state *s)
{
    const struct schema_table *table = &s->schema.tables[s->position];
    struct table_transfer t;
    enum err err = ERR_OK;
    if (!transfer_has(&s->t, table)) {
        s->position++; /* with the next commit */
        return ERR_OK;
    }
    table_transfer_init(&t, &s->t, table);
    buf_add(&t.place, buf_str(&s->place));
    buf_clear(&s->place);
    while (!err && !t.done)
        err = copy_pages(s, &t);
    table_transfer_release(&t);
    return err;
}

static enum err clear(struct state *s)
{
    size_t root = s->t.root ? (size_t)(s->t.root - s->schema.tables) : 0;
    enum err err = tx_begin(s->to);
    if (!err)
        err = transfer_clear(&s->t, s->t.root_id + s->t.offsets[root]);
    if (!err)
        err = save_state(s, 0, STR(""), 0);
    err = commit(s->to, err);
    if (err)
        return err;
    s->step++;
    s->position = s->rows = 0;
    return ERR_OK;
}

static enum err count_rows(struct state *s)
{
    enum err err = ERR_OK;
    s->total = 0;
    for (size_t i = 0; i < s->schema.n && !err; i++) {
        int64_t n = 0;
        if (!transfer_has(&s->t, &s->schema.tables[i]))
            continue;
        err = transfer_count(&s->t, &s->schema.tables[i], &n);
        s->total += n;
    }
    return err;
}

static enum err copy_tables(struct state *s)
{
    struct connection *from = s->t.from;
    enum err err = from->engine->begin(from);
    if (!err)
        err = count_rows(s);
    if (!err)
        err = tick(s, STR(""));
    if (!err && s->position == TO_BE_CLEARED)
        err = clear(s);
    while (!err && s->position < (int64_t)s->schema.n)
        err = copy_table(s);
    if (!err)
        err = tx_begin(s->to);
    if (!err)
        err = commit(s->to, transfer_counters(&s->t));
    from->engine->rollback(from);
    return err;
}

/* --- comparing ---------------------------------------------------------------------------- */

static enum err add_line(struct state *s, struct transfer_line ***end, struct str table,
                         const struct row_sum *sum)
{
    struct transfer_line *line = ARENA_NEW(s->error->arena, struct transfer_line);
    if (!line)
        return ERR_NO_MEMORY;
    *line = (struct transfer_line){.table = arena_dup(s->error->arena, table), .sum = *sum};
    **end = line;
    *end = &line->next;
    return ERR_OK;
}

/* The transfer by which the target's rows are read. */
static struct transfer target_of(const struct state *s)
{
    struct transfer back = {
        .schema = &s->schema, .from = s->t.to, .root = s->t.root, .error = s->error};
    if (back.root)
        back.root_id = s->t.root_id + s->t.offsets[back.root - s->schema.tables];
    return back;
}

/* *ret_differs: the first table whose rows are not the same. */
static enum err compare(struct state *s, struct transfer_line **ret, struct str *ret_differs)
{
    struct transfer read = s->t, back = target_of(s);
    enum err err = ERR_OK;
    read.to = NULL;
    for (size_t i = 0; i < s->schema.n && !err && !ret_differs->len; i++) {
        const struct schema_table *table = &s->schema.tables[i];
        struct row_sum one, two;
        if (!transfer_has(&s->t, table))
            continue;
        err = transfer_table(&read, table, NULL, &one);
        if (!err)
            err = transfer_table(&back, table, NULL, &two);
        if (!err && !row_sum_eq(&one, &two))
            *ret_differs = table->name;
        if (!err)
            err = add_line(s, &ret, table->name, &one);
        if (!err)
            err = tick(s, STR(""));
    }
    return err;
}

/* The copy of everything is the same installation. */
static enum err copy_version(struct state *s)
{
    struct row_sum ignored;
    enum err err = tx_exec(s->to, "DELETE FROM schema_version", NO_PARAMS, NULL);
    return err ? err : transfer_table(&s->t, &s->schema.tables[VERSION_TABLE], NULL, &ignored);
}

static enum err finish(struct state *s, struct str differs)
{
    if (differs.len)
        return save_state(s, TO_BE_CLEARED, STR(""), 0);
    enum err err = s->t.root ? ERR_OK : copy_version(s);
    return err ? err : s->to->engine->run_script(s->to->connection, "DROP TABLE store_copy;");
}

/* From a new snapshot of the source: a change that came meanwhile is seen. */
static enum err check(struct state *s, struct transfer_line **ret)
{
    struct connection *from = s->t.from;
    struct str differs = STR("");
    enum err err = from->engine->begin(from);
    if (!err)
        err = tx_begin(s->to);
    if (!err)
        err = compare(s, ret, &differs);
    if (!err)
        err = finish(s, differs);
    err = commit(s->to, err);
    from->engine->rollback(from);
    if (!err && differs.len)
        err = error_set(s->error, ERR_CONFLICT,
                        "the rows of %.*s are not the same on both sides: the source was changed "
                        "meanwhile. See that no server uses it, and run the same command again: it "
                        "begins anew",
                        STR_FMT(differs));
    return err;
}

/* --- the run ------------------------------------------------------------------------------ */

static enum err run_in(struct state *s, struct transfer_line **ret)
{
    const struct transfer_run *run = s->run;
    bool begun = false;
    enum err err = read_schema(&s->schema, s->error);
    s->t = (struct transfer){.schema = &s->schema,
                             .from = run->from->reader,
                             .to = run->to->tx.connection,
                             .root = run->root ? find_root(&s->schema, run->root) : NULL,
                             .root_id = run->root_id,
                             .rewrite = run->rewrite,
                             .rewrite_arg = run->rewrite_arg,
                             .error = s->error};
    if (!err)
        err = s->to->engine->has_table(s->to->connection, "store_copy", &begun);
    if (!err && begun)
        err = go_on(s);
    if (!err && !begun) {
        err = s->t.from->engine->begin(s->t.from);
        if (!err)
            err = begin_anew(s);
        s->t.from->engine->rollback(s->t.from);
    }
    if (!err)
        err = copy_tables(s);
    return err ? err : check(s, ret);
}

static enum err say(enum err err, struct error *error)
{
    if (!err || error->err)
        return err;
    return error_set(error, err,
                     err == ERR_CONFLICT ? "rows that are there already stand against it"
                                         : "see the log for the cause; the same command goes on "
                                           "with it");
}

enum err transfer_run(const struct transfer_run *run, struct transfer_line **ret,
                      struct error *error)
{
    struct state *s = xcalloc(1, sizeof(*s));
    struct transfer_line *lines = NULL;
    *s = (struct state){.run = run, .to = &run->to->tx, .error = error};
    buf_init(&s->place, STORE_ROW_MAX);
    enum err err = say(run_in(s, &lines), error);
    buf_release(&s->place);
    free(s);
    if (!err)
        *ret = lines;
    return err;
}

enum err transfer_begun(struct transfer_side *side, struct arena *arena, struct str *ret)
{
    bool begun = false;
    struct tx *tx = &side->tx;
    *ret = STR("");
    enum err err = tx->engine->has_table(tx->connection, "store_copy", &begun);
    if (err || !begun)
        return err;
    struct rows rows;
    err = tx_begin(tx);
    if (!err)
        err = tx_query(tx, "SELECT what FROM store_copy", NO_PARAMS, &rows);
    if (!err && rows_next(&rows))
        *ret = arena_dup(arena, row_text(&rows, 0));
    if (!err)
        err = rows_close(&rows);
    tx->engine->rollback(tx->connection);
    return err;
}

/* --- taking it back ----------------------------------------------------------------------- */

static enum err undo_in(struct tx *tx, struct transfer *t)
{
    struct rows rows;
    int64_t root_id = 0;
    enum err err = tx_query(tx, "SELECT root, root_id FROM store_copy", NO_PARAMS, &rows);
    if (err)
        return err;
    if (rows_next(&rows)) {
        char root[64];
        snprintf(root, sizeof(root), "%.*s", STR_FMT(row_text(&rows, 0)));
        t->root = root[0] ? find_root(t->schema, root) : NULL;
        root_id = row_i64(&rows, 1);
    }
    err = rows_close(&rows);
    if (!err)
        err = transfer_clear(t, root_id);
    return err ? err : tx->engine->run_script(tx->connection, "DROP TABLE store_copy;");
}

enum err transfer_undo(struct transfer_side *to, struct error *error)
{
    _cleanup_(freep)
    struct schema *schema = xcalloc(1, sizeof(*schema));
    struct transfer t = {.schema = schema, .to = to->tx.connection, .error = error};
    enum err err = read_schema(schema, error);
    if (!err)
        err = tx_begin(&to->tx);
    if (!err)
        err = commit(&to->tx, undo_in(&to->tx, &t));
    return say(err, error);
}
