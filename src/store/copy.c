#include "store/copy.h"
#include "store/internal.h"
#include "store/migrations.h"

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

/* --- on the writer thread ----------------------------------------------------------------- */

struct replace {
    struct store_write write;
    const char *from;
    const struct store_copy *safety;
    struct error *error; /* the waiting thread's, which does not touch it */
};

static enum err replace_apply(struct store_write *w, struct tx *tx)
{
    struct replace *r = CONTAINER_OF(w, struct replace, write);
    enum err err = tx->engine->copy(tx->connection, r->safety, r->error);
    return err ? err : tx->engine->replace(tx->connection, r->from, r->error);
}

enum err store_replace(struct store *s, const char *from, const struct store_copy *safety,
                       struct error *error)
{
    if (!s->engine->replace)
        return error_set(error, ERR_CONFLICT,
                         "the database is on a server: restore it with that server's own tools "
                         "(pg_restore)");
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
