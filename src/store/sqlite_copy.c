/* Whole SQLite databases: copying one while it is used, looking through one, replacing one. */
#include "base/file.h"
#include "store/sqlite.h"
#include "store/transfer.h"

#include <fcntl.h>
#include <unistd.h>

/* --- errors ------------------------------------------------------------------------------- */

static enum err explain(sqlite3 *db, int code, const char *what, const char *path,
                        struct error *error)
{
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return error_set(error, ERR_UNAVAILABLE, "cannot %s %s: no room left on the disk", what,
                         path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(error, ERR_VALIDATION, "cannot %s %s: the database is damaged (%s)", what,
                         path, sqlite3_errmsg(db));
    default:
        return error_set(error, ERR_UNAVAILABLE, "cannot %s %s: %s", what, path,
                         db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    }
}

/* --- copying ------------------------------------------------------------------------------ */

struct copying {
    const struct store_copy *copy;
    sqlite3 *from, *to;
    int fd; /* of the copy, for syncing it piece by piece */
};

/* Synced as it goes: left to the end, the disk would be busy with all of it at once, and commits
 * would wait behind. */
static enum err copy_pages(struct copying *c, sqlite3_backup *backup, struct error *error)
{
    const char *path = c->copy->path;
    int code;
    while ((code = sqlite3_backup_step(backup, STORE_COPY_PAGES)) == SQLITE_OK) {
        if (fdatasync(c->fd) != 0)
            return error_set_errno(error, ERR_IO, "cannot write %s", path);
        if (c->copy->go_on && !c->copy->go_on(c->copy->arg))
            return error_set(error, ERR_CLOSED, "the server is stopping: %s was not finished",
                             path);
    }
    return code == SQLITE_DONE ? ERR_OK : explain(c->to, code, "write", path, error);
}

/* The copy stands for itself: no log beside it, and it can be read where nothing can be written. */
static enum err finish_copy(struct copying *c, struct error *error)
{
    const char *path = c->copy->path;
    int code = sqlite3_exec(c->to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return explain(c->to, code, "write", path, error);
    if (fsync(c->fd) != 0)
        return error_set_errno(error, ERR_IO, "cannot write %s", path);
    return file_sync_folder_of(path, error);
}

static enum err copy_to(struct copying *c, struct error *error)
{
    const char *path = c->copy->path;
    int code = sqlite3_open_v2(path, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(c->to, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", NULL,
                            NULL, NULL);
    if (code != SQLITE_OK)
        return explain(c->to, code, "make", path, error);
    sqlite3_backup *backup = sqlite3_backup_init(c->to, "main", c->from, "main");
    if (!backup)
        return explain(c->to, sqlite3_errcode(c->to), "write", path, error);
    enum err err = copy_pages(c, backup, error);
    code = sqlite3_backup_finish(backup);
    if (!err && code != SQLITE_OK)
        err = explain(c->to, code, "write", path, error);
    return err ? err : finish_copy(c, error);
}

/* In one transaction of its own: the copy is of one moment, and needs not begin again when somebody
 * writes. */
enum err sqlite_copy(struct connection *base, const struct store_copy *copy, struct error *error)
{
    struct sqlite *source = sqlite_of(base);
    enum err err = sqlite_make_file(copy->path, error);
    if (err)
        return err;
    struct copying c = {.copy = copy, .from = source->db};
    c.fd = open(copy->path, O_RDWR | O_CLOEXEC);
    int code = sqlite3_exec(c.from, "BEGIN; SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
    if (c.fd < 0)
        err = error_set_errno(error, ERR_IO, "cannot open %s", copy->path);
    else if (code != SQLITE_OK)
        err = explain(c.from, code, "read the database for", copy->path, error);
    else
        err = copy_to(&c, error);
    if (!sqlite3_get_autocommit(c.from))
        sqlite3_exec(c.from, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(c.to);
    closep(&c.fd);
    if (err)
        sqlite_discard(copy->path);
    return err;
}

/* --- filling ------------------------------------------------------------------------------ */

/* Nothing is kept for a rollback or a crash: a file that was not finished is removed. */
enum err sqlite_begin_file(const char *path, struct connection **ret, struct error *error)
{
    struct sqlite *c;
    enum err err = sqlite_make_file(path, error);
    if (err)
        return err;
    err = sqlite_connect(path, false, &c, error);
    if (err) {
        sqlite_discard(path);
        return err;
    }
    int code = sqlite3_exec(c->db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", NULL,
                            NULL, NULL);
    if (code != SQLITE_OK) {
        err = explain(c->db, code, "make", path, error);
        sqlite_close(&c->base);
        sqlite_discard(path);
        return err;
    }
    *ret = &c->base;
    return ERR_OK;
}

enum err sqlite_finish_file(const char *path, struct error *error)
{
    _cleanup_(closep)
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return error_set_errno(error, ERR_IO, "cannot write %s", path);
    return file_sync_folder_of(path, error);
}

/* --- looking through ---------------------------------------------------------------------- */

struct looking {
    const char *path;
    struct arena *arena;
    struct store_facts *facts;
    struct store_table **end;
    sqlite3 *db;
    struct str problem; /* the first that was found */
};

/* integrity_check gives one text, "ok" or what is wrong; foreign_key_check the table of a row whose
 * parent is missing, and three columns more. */
static int take_problem(void *arg, int n, char **values, char **names)
{
    struct looking *l = arg;
    struct str says = str_from(values[0]);
    if (l->problem.len == 0 && (n > 1 || !str_eq(says, STR("ok"))))
        l->problem = n > 1
                         ? arena_printf(l->arena, "a row of %.*s without its parent", STR_FMT(says))
                         : arena_dup(l->arena, says);
    return SQLITE_OK;
}

static int take_table(void *arg, int n, char **values, char **names)
{
    struct looking *l = arg;
    struct store_table *table = ARENA_NEW(l->arena, struct store_table);
    if (!table)
        return 1;
    table->name = arena_dup(l->arena, str_from(values[0]));
    *l->end = table;
    l->end = &table->next;
    return table->name.ptr ? SQLITE_OK : 1;
}

static int read_number(sqlite3 *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_NOTADB : code;
}

static int count_rows(struct looking *l)
{
    int code = SQLITE_OK;
    for (struct store_table *t = l->facts->tables; t && code == SQLITE_OK; t = t->next) {
        char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%.*w\"", STR_FMT(t->name));
        code = sql ? read_number(l->db, sql, &t->rows) : SQLITE_NOMEM;
        sqlite3_free(sql);
    }
    return code;
}

static enum err look(struct looking *l, struct error *error)
{
    int code = sqlite3_exec(l->db, "PRAGMA integrity_check(1); PRAGMA foreign_key_check",
                            take_problem, l, NULL);
    if (code == SQLITE_OK && l->problem.len)
        return error_set(error, ERR_VALIDATION, "the database %s is damaged: %.*s", l->path,
                         STR_FMT(l->problem));
    if (code == SQLITE_OK)
        code = read_number(l->db, "SELECT max(version) FROM schema_version",
                           &l->facts->schema_version);
    if (code == SQLITE_OK)
        code = read_number(l->db, "SELECT min(applied_at) FROM schema_version", &l->facts->made_at);
    if (code == SQLITE_ERROR)
        return error_set(error, ERR_VALIDATION, "%s is not a database of hudhud", l->path);
    if (code == SQLITE_OK)
        code = sqlite3_exec(l->db,
                            "SELECT name FROM sqlite_schema WHERE type = 'table' "
                            "AND name NOT LIKE 'sqlite%' ORDER BY name",
                            take_table, l, NULL);
    if (code == SQLITE_OK)
        code = count_rows(l);
    return code == SQLITE_OK ? ERR_OK : explain(l->db, code, "read", l->path, error);
}

enum err sqlite_inspect(const char *path, struct store_facts *ret, struct error *error)
{
    struct sqlite *c;
    struct store_facts facts = {0};
    enum err err = sqlite_connect(path, true, &c, error);
    if (err)
        return err;
    struct looking l = {
        .path = path, .arena = error->arena, .facts = &facts, .end = &facts.tables, .db = c->db};
    err = look(&l, error);
    sqlite_close(&c->base);
    if (!err)
        *ret = facts;
    return err;
}

/* --- replacing ---------------------------------------------------------------------------- */

struct counters {
    sqlite3 *fresh;
    int code;
};

/* Never lower than it was. */
static int raise_counter(sqlite3 *db, struct str table, int64_t to)
{
    static const char sql[] =
        "INSERT INTO sqlite_sequence (rowid, name, seq) VALUES "
        "((SELECT rowid FROM sqlite_sequence WHERE name = ?1), ?1, ?2) "
        "ON CONFLICT (rowid) DO UPDATE SET seq = max(seq, excluded.seq)";
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text64(st, 1, table.ptr, table.len, SQLITE_STATIC, SQLITE_UTF8);
        sqlite3_bind_int64(st, 2, to);
        code = sqlite3_step(st);
    }
    sqlite3_finalize(st);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int keep_counter(void *arg, int n, char **values, char **names)
{
    struct counters *c = arg;
    int64_t seq;
    c->code = str_to_i64(str_from(values[1]), &seq)
                  ? raise_counter(c->fresh, str_from(values[0]), seq)
                  : SQLITE_CORRUPT;
    return c->code == SQLITE_OK ? 0 : 1;
}

/* An id that was given out is never given out again: a call that is under way may still hold it. */
static int keep_counters(sqlite3 *current, sqlite3 *fresh)
{
    struct counters c = {.fresh = fresh};
    int code =
        sqlite3_exec(current, "SELECT name, seq FROM sqlite_sequence", keep_counter, &c, NULL);
    return code == SQLITE_ABORT ? c.code : code;
}

enum err sqlite_last_id(struct connection *base, struct str table, int64_t *ret)
{
    const struct param name = p_text(table);
    return transfer_number(base, "SELECT seq FROM sqlite_sequence WHERE name = $1", &name, 1, ret);
}

enum err sqlite_raise_id(struct connection *base, struct str table, int64_t id)
{
    struct sqlite *c = sqlite_of(base);
    int code = raise_counter(c->db, table, id);
    return code == SQLITE_OK ? ERR_OK : sqlite_failed(c, code, "sqlite_sequence");
}

/* SQLite's own copying takes the write lock, writes every page into the WAL, and commits: a reader
 * sees what was there until then, and prepares its statements anew for what comes. */
static int replace_pages(struct sqlite *c, sqlite3 *fresh)
{
    sqlite3_backup *backup = sqlite3_backup_init(c->db, "main", fresh, "main");
    if (!backup)
        return sqlite3_extended_errcode(c->db);
    int code = sqlite3_backup_step(backup, -1);
    c->wal_pages += sqlite3_backup_pagecount(backup); /* no hook tells: it was no statement */
    int finished = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? finished : code;
}

enum err sqlite_replace(struct connection *base, const char *from, struct error *error)
{
    struct sqlite *c = sqlite_of(base), *fresh;
    enum err err = sqlite_connect(from, false, &fresh, error);
    if (err)
        return err;
    int code = keep_counters(c->db, fresh->db);
    if (code != SQLITE_OK)
        err = explain(fresh->db, code, "write", from, error);
    if (!err && (code = replace_pages(c, fresh->db)) != SQLITE_OK) {
        err = explain(c->db, code, "put into place", from, error);
        sqlite_overwrite_commit(c);
    }
    sqlite_close(&fresh->base);
    return err;
}
