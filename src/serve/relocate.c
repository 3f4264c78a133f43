#include "serve/relocate.h"
#include "gate/permissions.h"
#include "model/backup.h"
#include "model/relocation.h"
#include "model/sealed.h"
#include "model/workspace.h"
#include "serve/storage.h"

/* --- sides -------------------------------------------------------------------------------- */

struct place {
    const char *name; /* as it was given */
    struct folder folder;
    struct storage storage;
    struct keyring keyring; /* of the folder */
    bool has_key;
    struct transfer_side side;
};

static enum err open_folder(struct place *p, const struct config *config, struct error *error)
{
    enum err e = folder_name(&p->folder, p->name, error);
    if (!e)
        e = storage_of_folder(&p->storage, &p->folder, config, error);
    if (!e)
        e = folder_find(&p->folder, p->name, !p->storage.url[0], error);
    if (!e)
        e = folder_lock(&p->folder, p->name, error);
    if (!e)
        e = keyring_load(&p->keyring, p->folder.key, error);
    p->has_key = !e;
    return e;
}

static enum err open_place(struct place *p, const char *name, const struct config *config,
                           struct error *error)
{
    bool used = false;
    *p = (struct place){.name = name, .folder.lock_fd = -1};
    enum err e = store_is_url(str_from(name)) ? storage_of_url(&p->storage, name, config, error)
                                              : open_folder(p, config, error);
    if (!e)
        e = transfer_side_open(&p->side, &p->storage.options, error);
    if (!e && transfer_side_is_used(&p->side, &used))
        e = error_set(error, ERR_UNAVAILABLE, "cannot look who uses %s: see the log for the cause",
                      p->storage.shown);
    if (!e && used)
        e = error_set(error, ERR_BUSY,
                      "a server uses %s now: stop it first, and every other one on this database",
                      p->storage.shown);
    return e;
}

static void close_place(struct place *p)
{
    transfer_side_close(&p->side);
    storage_release(&p->storage);
    keyring_release(&p->keyring);
    folder_unlock(&p->folder);
}

/* --- keys --------------------------------------------------------------------------------- */

static enum err test_key(struct place *p, const struct keyring *keyring)
{
    struct tx *tx = &p->side.tx;
    enum err e = tx_begin(tx);
    if (!e)
        e = sealed_test_check(tx, keyring);
    tx->engine->rollback(tx->connection);
    return e;
}

static enum err choose_key(const struct relocate_options *o, const struct place *from,
                           const struct place *to, struct keyring *ret, struct error *error)
{
    if (o->key_file)
        return keyring_load(ret, o->key_file, error);
    if (!from->has_key && !to->has_key)
        return error_set(error, ERR_VALIDATION,
                         "say with --key-file which key both databases are sealed with: neither is "
                         "named by its data folder, which would have it");
    keyring_add_all(ret, from->has_key ? &from->keyring : &to->keyring);
    return ERR_OK;
}

/* Sealed values are copied as they are. Of a copy that goes on, the target may have no check yet.
 */
static enum err check_keys(const struct relocate_options *o, struct place *from, struct place *to,
                           bool begun, struct error *error)
{
    struct keyring keyring = {0};
    enum err e = choose_key(o, from, to, &keyring, error);
    enum err opens = e ? e : test_key(from, &keyring);
    if (!e && opens)
        e = error_set(error, opens, "the key does not open the database %s, or that is not whole",
                      from->storage.shown);
    if (!e && !begun && test_key(to, &keyring))
        e = error_set(
            error, ERR_CONFLICT,
            "%s is not sealed with the key of %s, or is not whole. Both need the same key: "
            "make the target anew, with a copy of the source's file `key` in the new "
            "folder before hudhud init",
            to->storage.shown, from->storage.shown);
    keyring_release(&keyring);
    return e;
}

/* --- what is copied ----------------------------------------------------------------------- */

static int64_t offset_of(const struct transfer *t, struct str table)
{
    for (size_t i = 0; i < t->schema->n; i++)
        if (str_eq(t->schema->tables[i].name, table))
            return t->offsets[i];
    return 0;
}

static enum err move_permissions(struct arena *arena, int64_t offset, struct param *value)
{
    struct permissions p;
    struct error ignored;
    arena_clear(arena);
    error_init(&ignored, arena);
    if (!offset || permissions_parse(value->bytes, arena, &p, &ignored))
        return ERR_OK; /* what this version does not know stays as it is */
    for (size_t i = 0; i < p.n_numbers; i++)
        p.numbers[i] += offset;
    struct str text = permissions_format(&p, arena);
    if (!text.ptr)
        return ERR_NO_MEMORY;
    if (text.len)
        value->bytes = text;
    return ERR_OK;
}

/* Ids that no key of the schema tells of: of the numbers that a client may use, of the account that
 * a request which was cut short has linked, and of an event that is gone. */
static enum err rewrite(void *arg, const struct transfer *t, const struct schema_table *table,
                        const struct schema_column *column, struct param *value)
{
    if (str_eq(column->name, STR("permissions")) && str_eq(table->name, STR("clients")))
        return move_permissions(arg, offset_of(t, STR("numbers")), value);
    if (str_eq(column->name, STR("result_id")) && str_eq(table->name, STR("idempotency")))
        value->number += offset_of(t, STR("accounts"));
    if (str_eq(column->name, STR("events_swept_id")) && str_eq(table->name, STR("workspaces")))
        value->number += offset_of(t, STR("events"));
    return ERR_OK;
}

/* --- the copy ----------------------------------------------------------------------------- */

struct relocation {
    const struct relocate_options *options;
    struct place from, to;
    struct transfer_run run;
    struct arena arena;
    struct error *error;
};

static enum err read_made_at(struct place *p, int64_t *ret)
{
    struct tx *tx = &p->side.tx;
    enum err e = tx_begin(tx);
    if (!e)
        e = backup_installation(tx, ret);
    tx->engine->rollback(tx->connection);
    return e;
}

static enum err find_workspace(struct relocation *r)
{
    struct tx *tx = &r->from.side.tx;
    struct workspace workspace;
    enum err e = tx_begin(tx);
    if (!e)
        e = workspace_find(tx, str_from(r->options->domain), r->error->arena, &workspace);
    tx->engine->rollback(tx->connection);
    if (e == ERR_NOT_FOUND)
        return error_set(r->error, e, "there is no workspace %s in %s", r->options->domain,
                         r->from.storage.shown);
    if (e)
        return e;
    r->run.root = "workspaces";
    r->run.root_id = workspace.id;
    r->run.rewrite = rewrite;
    r->run.rewrite_arg = &r->arena;
    return ERR_OK;
}

/* Which copy it is. Of a source that was changed by a newer version, it is another one. */
static enum err name_it(struct relocation *r)
{
    int64_t made_at = 0;
    enum err e = read_made_at(&r->from, &made_at);
    if (!e && r->options->domain)
        e = find_workspace(r);
    if (e)
        return e;
    const char *domain = r->options->domain;
    r->run.what = arena_printf(r->error->arena, "%s%s of installation %lld at version %lld",
                               domain ? "workspace " : "everything", domain ? domain : "",
                               (long long)made_at, (long long)store_schema_version());
    return r->run.what.ptr ? ERR_OK : ERR_NO_MEMORY;
}

static enum err check_target(struct relocation *r)
{
    struct tx *from = &r->from.side.tx, *to = &r->to.side.tx;
    bool empty = false;
    enum err e = tx_begin(from);
    if (!e)
        e = tx_begin(to);
    if (!e && r->run.root)
        e = relocation_check_names(from, to, r->run.root_id, r->error);
    else if (!e)
        e = relocation_is_empty(to, &empty);
    to->engine->rollback(to->connection);
    from->engine->rollback(from->connection);
    if (!e && !r->run.root && !empty)
        e = error_set(r->error, ERR_CONFLICT,
                      "%s holds workspaces already, and nothing was changed: everything is copied "
                      "into a new store only; one workspace, with --workspace, into any",
                      r->to.storage.shown);
    return e;
}

static enum err prepare(struct relocation *r)
{
    const struct relocate_options *o = r->options;
    struct str begun;
    enum err e = open_place(&r->from, o->from, o->config, r->error);
    if (!e && strcmp(o->from, o->to) == 0)
        return error_set(r->error, ERR_VALIDATION, "source and target are the same");
    if (!e)
        e = open_place(&r->to, o->to, o->config, r->error);
    if (!e)
        e = transfer_begun(&r->from.side, r->error->arena, &begun);
    if (!e && begun.len)
        return error_set(r->error, ERR_CONFLICT,
                         "%s is not whole itself: a copy into it was not "
                         "finished",
                         r->from.storage.shown);
    if (!e)
        e = transfer_begun(&r->to.side, r->error->arena, &begun);
    if (!e)
        e = check_keys(o, &r->from, &r->to, begun.len > 0, r->error);
    if (!e)
        e = name_it(r);
    return e || begun.len ? e : check_target(r);
}

enum err serve_relocate(const struct relocate_options *options, struct transfer_line **ret,
                        struct error *error)
{
    struct relocation *r = xcalloc(1, sizeof(*r));
    *r = (struct relocation){.options = options, .error = error};
    r->from.folder.lock_fd = r->to.folder.lock_fd = -1;
    r->run = (struct transfer_run){.from = &r->from.side,
                                   .to = &r->to.side,
                                   .tick = options->tick,
                                   .tick_arg = options->tick_arg};
    arena_init(&r->arena, PERMISSIONS_ARENA_MAX);
    enum err e = prepare(r);
    if (!e)
        e = transfer_run(&r->run, ret, error);
    close_place(&r->from);
    close_place(&r->to);
    arena_release(&r->arena);
    free(r);
    if (e && !error->err)
        error_set(error, e, "see the log for the cause");
    return e;
}

enum err serve_relocate_undo(const struct relocate_options *options, struct error *error)
{
    struct place *to = xcalloc(1, sizeof(*to));
    struct str begun = STR("");
    enum err e = open_place(to, options->to, options->config, error);
    if (!e)
        e = transfer_begun(&to->side, error->arena, &begun);
    if (!e && !begun.len)
        e = error_set(error, ERR_NOT_FOUND, "no copy into %s was begun and not finished",
                      to->storage.shown);
    if (!e)
        e = transfer_undo(&to->side, error);
    close_place(to);
    free(to);
    if (e && !error->err)
        error_set(error, e, "see the log for the cause");
    return e;
}
