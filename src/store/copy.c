#include "store/copy.h"
#include "store/internal.h"
#include "store/migrations.h"
#include "store/sqlite.h"
#include "store/transfer.h"

int64_t store_schema_version(void)
{
    return (int64_t)migrations_count;
}

enum err store_inspect(const char *path, struct store_facts *ret, struct error *error)
{
    return sqlite_engine.inspect(path, ret, error);
}

void store_discard(const char *path)
{
    sqlite_engine.discard(path);
}

/* --- row by row --------------------------------------------------------------------------- */

static enum err compare(const struct transfer *t, const struct schema_table *table,
                        const struct row_sum *read)
{
    const struct transfer again = {.schema = t->schema, .from = t->to, .error = t->error};
    struct row_sum written;
    enum err err = transfer_table(&again, table, NULL, &written);
    if (!err && !row_sum_eq(read, &written))
        err = error_set(t->error, ERR_INTERNAL,
                        "the rows of %.*s that were written are not those that were read",
                        STR_FMT(table->name));
    return err;
}

/* All rows, and the counters; both sides are in a transaction. `copy` NULL: nobody is asked whether
 * to go on. */
static enum err copy_rows(const struct transfer *t, const struct store_copy *copy)
{
    enum err err = transfer_clear(t, 0);
    for (size_t i = 0; i < t->schema->n && !err; i++) {
        struct row_sum sum;
        if (t->schema->tables[i].private)
            continue;
        err = transfer_table(t, &t->schema->tables[i], copy, &sum);
        if (!err)
            err = compare(t, &t->schema->tables[i], &sum);
    }
    return err ? err : transfer_counters(t);
}

static enum err fill_file(const struct transfer *t, struct tx *to, const struct store_copy *copy)
{
    struct error ignored; /* it speaks of a database that nobody knows */
    bool wrote;
    error_init(&ignored, t->error->arena);
    enum err err = migrations_run(to, migrations, migrations_count, true, copy->path, &ignored);
    if (!err)
        err = tx_begin(to);
    if (!err)
        err = copy_rows(t, copy);
    return err ? err : to->engine->commit(to->connection, &wrote);
}

/* The connection is in a transaction: what it sees there goes to the file. */
static enum err copy_to_file(struct connection *from, const struct schema *schema,
                             const struct store_copy *copy, struct error *error)
{
    struct connection *file;
    struct tx to;
    enum err err = sqlite_begin_file(copy->path, &file, error);
    if (err)
        return err;
    tx_init(&to, file);
    const struct transfer t = {.schema = schema, .from = from, .to = file, .error = error};
    err = fill_file(&t, &to, copy);
    tx_release(&to);
    if (!err)
        err = sqlite_finish_file(copy->path, error);
    if (err)
        sqlite_discard(copy->path);
    if (err && !error->err)
        error_set(error, err,
                  "cannot copy the database to %s: see the log for the cause (is the disk full?)",
                  copy->path);
    return err;
}

static enum err say(enum err err, const char *what, struct error *error)
{
    return err && !error->err ? error_set(error, err, "%s: see the log for the cause", what) : err;
}

enum err copy_connection(struct connection *c, const struct store_copy *copy, struct error *error)
{
    _cleanup_(freep)
    struct schema *schema = xcalloc(1, sizeof(*schema));
    if (c->engine->copy)
        return c->engine->copy(c, copy, error);
    c->engine->set_patient(c, true);
    enum err err = schema_read(schema, migrations, migrations_count, error);
    if (!err)
        err = c->engine->begin(c);
    if (!err)
        err = copy_to_file(c, schema, copy, error);
    c->engine->rollback(c);
    return say(err, "the database cannot be read", error);
}

/* --- on the writer thread ----------------------------------------------------------------- */

struct replace {
    struct store_write write;
    const char *from;
    const struct store_copy *safety;
    struct error *error; /* the waiting thread's, which does not touch it */
};

/* In the connection's transaction, which keeps the other writers out: what is there goes to the
 * safety copy, what is in the file comes into its place. Who reads meanwhile sees what was there.
 */
static enum err exchange_rows(struct connection *c, struct connection *file,
                              const struct schema *schema, struct replace *r)
{
    const struct transfer t = {.schema = schema, .from = file, .to = c, .error = r->error};
    enum err err = copy_to_file(c, schema, r->safety, r->error);
    if (!err)
        err = file->engine->begin(file);
    if (!err)
        err = copy_rows(&t, NULL);
    file->engine->rollback(file);
    return err ? err : replica_directory_changed(c);
}

static enum err replace_rows(struct connection *c, struct replace *r)
{
    _cleanup_(freep)
    struct schema *schema = xcalloc(1, sizeof(*schema));
    const struct store_options options = {.path = r->from};
    struct connection *file = NULL;
    bool wrote;
    enum err err = schema_read(schema, migrations, migrations_count, r->error);
    if (!err)
        err = sqlite_engine.open_reader(&options, &file, r->error);
    if (err)
        return err;
    c->engine->set_patient(c, true);
    err = c->engine->begin(c);
    if (!err)
        err = exchange_rows(c, file, schema, r);
    if (!err)
        err = c->engine->commit(c, &wrote);
    if (err)
        c->engine->rollback(c);
    c->engine->set_patient(c, false);
    sqlite_close(file);
    return say(err, "the database cannot be written", r->error);
}

static enum err replace_apply(struct store_write *w, struct tx *tx)
{
    struct replace *r = CONTAINER_OF(w, struct replace, write);
    if (!tx->engine->replace)
        return replace_rows(tx->connection, r);
    enum err err = tx->engine->copy(tx->connection, r->safety, r->error);
    return err ? err : tx->engine->replace(tx->connection, r->from, r->error);
}

enum err store_replace(struct store *s, const char *from, const struct store_copy *safety,
                       struct error *error)
{
    struct replace r = {.write.apply = replace_apply,
                        .write.alone = true,
                        .from = from,
                        .safety = safety,
                        .error = error};
    enum err err = store_write_now(s, &r.write);
    if (err && !error->err)
        error_set(error, err, "the database cannot be written now");
    return err;
}
