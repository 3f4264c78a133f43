/* SQLite behind the store. What each setting is for stands beside it; docs/modules/store.md tells
 * the whole. */
#include "store/sqlite.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

struct sqlite_statement {
    struct statement base;
    struct sqlite *owner;
    sqlite3_stmt *handle;
    int n_params;
    int position[STORE_PARAMS_MAX]; /* of $1, $2, ...: SQLite numbers them as they first appear */
};

static struct sqlite_statement *statement_of(struct statement *st)
{
    return CONTAINER_OF(st, struct sqlite_statement, base);
}

/* --- errors ------------------------------------------------------------------------------- */

static enum err err_of(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY: return ERR_CONFLICT;
    default: break;
    }
    switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_BUSY: return ERR_UNAVAILABLE;
    default: return ERR_INTERNAL;
    }
}

/* Says the cause in the log, here, where it is known; never a parameter. A disk that stays full
 * would say so at each write, so that is limited. */
enum err sqlite_failed(struct sqlite *c, int code, const char *sql)
{
    enum err err = err_of(code);
    if (err == ERR_CONFLICT)
        return err;
    int64_t now = clock_monotonic_us();
    if (err == ERR_UNAVAILABLE && now < c->log_after_us)
        return err;
    if (err == ERR_UNAVAILABLE)
        c->log_after_us = now + STORE_LOG_MS * 1000LL;
    log_event(LOG_ERROR, "store_failed", LOG_CSTR("why", sqlite3_errmsg(c->db)),
              LOG_INT("code", code), LOG_INT("errno", sqlite3_system_errno(c->db)),
              LOG_STR("sql", str_make(sql, strcspn(sql, "\n"))));
    return err;
}

/* --- transactions ------------------------------------------------------------------------- */

static int run_control(struct sqlite *c, enum control which)
{
    sqlite3_stmt *handle = c->control[which];
    int code = sqlite3_step(handle);
    if (code != SQLITE_DONE)
        (void)sqlite_failed(c, code, sqlite3_sql(handle));
    sqlite3_reset(handle);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum err control(struct connection *base, enum control which)
{
    int code = run_control(sqlite_of(base), which);
    return code == SQLITE_OK ? ERR_OK : err_of(code);
}

static enum err sqlite_begin(struct connection *base)
{
    return control(base, BEGIN);
}

static bool sqlite_in_transaction(struct connection *base)
{
    return !sqlite3_get_autocommit(sqlite_of(base)->db);
}

static void sqlite_rollback(struct connection *base)
{
    if (sqlite_in_transaction(base))
        (void)control(base, ROLLBACK);
}

/* A commit whose sync failed stands whole in the WAL file, though not in the database: a crash now
 * would bring back what is about to be refused. Any other transaction begins at the same place of
 * the file and makes the rest unreadable; the smallest one sets a header field that nobody uses. It
 * is not synced, because syncs fail just now and it has nothing to lose. */
void sqlite_overwrite_commit(struct sqlite *c)
{
    sqlite_rollback(&c->base);
    int code =
        sqlite3_exec(c->db, "PRAGMA synchronous = OFF; PRAGMA user_version = 0", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        (void)sqlite_failed(c, code, "PRAGMA user_version = 0");
    if (sqlite3_exec(c->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        die("the store cannot make its commits durable again");
}

static enum err sqlite_commit(struct connection *base, bool *ret_wrote)
{
    struct sqlite *c = sqlite_of(base);
    c->wrote = false;
    int code = run_control(c, COMMIT);
    if (code == SQLITE_OK) {
        *ret_wrote = c->wrote;
        return ERR_OK;
    }
    if ((code & 0xFF) == SQLITE_IOERR)
        sqlite_overwrite_commit(c);
    return err_of(code);
}

static enum err sqlite_savepoint(struct connection *base)
{
    return control(base, SAVEPOINT);
}

static enum err sqlite_release(struct connection *base)
{
    return control(base, RELEASE);
}

static enum err sqlite_rollback_to(struct connection *base)
{
    enum err err = control(base, ROLLBACK_TO);
    return err ? err : control(base, RELEASE);
}

/* --- checkpoints -------------------------------------------------------------------------- */

/* SQLite calls this after each commit that wrote, and not after an empty one. */
static int wal_grew(void *arg, sqlite3 *db, const char *schema, int pages)
{
    struct sqlite *c = arg;
    c->wrote = true;
    if (pages < c->wal_pages)
        c->checkpointed_at = 0;
    c->wal_pages = pages;
    return SQLITE_OK;
}

static void checkpoint_now(struct sqlite *c, int mode)
{
    int code = sqlite3_wal_checkpoint_v2(c->db, "main", mode, NULL, NULL);
    c->checkpointed_at = c->wal_pages;
    /* Busy: a reader holds its snapshot; the next checkpoint goes further. */
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY)
        (void)sqlite_failed(c, code, "checkpoint");
}

/* A passive checkpoint waits for nobody, and the WAL starts again from its beginning as soon as no
 * reader is inside it. Readers that overlap all the time can keep that from happening: far over the
 * limit the writer waits for them, up to STORE_BUSY_MS. */
static bool sqlite_checkpoint(struct connection *base, enum checkpoint kind)
{
    struct sqlite *c = sqlite_of(base);
    if (kind == CHECKPOINT_CLOSING) {
        checkpoint_now(c, SQLITE_CHECKPOINT_TRUNCATE);
        return true;
    }
    if (c->wal_pages < c->checkpointed_at + STORE_CHECKPOINT_PAGES)
        return false;
    bool wait = kind == CHECKPOINT_USUAL && c->wal_pages >= STORE_WAL_PAGES_MAX;
    checkpoint_now(c, wait ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    return true;
}

/* --- statements --------------------------------------------------------------------------- */

/* "$7" is parameter 7. False when a parameter is anything else, or one is missing. */
static bool number_params(struct sqlite_statement *st)
{
    st->n_params = sqlite3_bind_parameter_count(st->handle);
    if (st->n_params > STORE_PARAMS_MAX)
        return false;
    for (int i = 1; i <= st->n_params; i++) {
        struct str name = str_from(sqlite3_bind_parameter_name(st->handle, i));
        uint64_t number;
        if (name.len < 2 || name.ptr[0] != '$' || !str_to_u64(str_skip(name, 1), &number) ||
            number < 1 || number > (uint64_t)st->n_params)
            return false;
        st->position[number - 1] = i;
    }
    return true;
}

static enum err wrong_statement(const char *sql, const char *why)
{
    log_event(LOG_ERROR, "store_fault", LOG_CSTR("why", why),
              LOG_STR("sql", str_make(sql, strcspn(sql, "\n"))));
    return ERR_INTERNAL;
}

static void sqlite_finalize(struct statement *base)
{
    struct sqlite_statement *st = statement_of(base);
    sqlite3_finalize(st->handle);
    free(st);
}

static enum err sqlite_prepare(struct connection *base, const char *sql, const char *text,
                               struct statement **ret)
{
    struct sqlite *c = sqlite_of(base);
    sqlite3_stmt *handle;
    int code = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
    if (code != SQLITE_OK)
        return sqlite_failed(c, code, sql);
    struct sqlite_statement *st = xcalloc(1, sizeof(*st));
    st->base = (struct statement){.sql = sql, .writes = !sqlite3_stmt_readonly(handle)};
    st->owner = c;
    st->handle = handle;
    if (!number_params(st)) {
        sqlite_finalize(&st->base);
        return wrong_statement(sql, "parameters are not $1 to $n");
    }
    if (c->reader && st->base.writes) {
        sqlite_finalize(&st->base);
        return wrong_statement(sql, "a reader cannot write");
    }
    *ret = &st->base;
    return ERR_OK;
}

/* The bytes are not copied: they stay valid until the statement is done. NULL would bind NULL. */
static int bind_one(sqlite3_stmt *handle, int position, const struct param *p)
{
    const char *bytes = p->bytes.ptr ? p->bytes.ptr : "";
    switch (p->kind) {
    case PARAM_I64: return sqlite3_bind_int64(handle, position, p->number);
    case PARAM_TEXT:
        return sqlite3_bind_text64(handle, position, bytes, p->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case PARAM_BLOB:
        return sqlite3_bind_blob64(handle, position, bytes, p->bytes.len, SQLITE_STATIC);
    case PARAM_NULL: break;
    }
    return sqlite3_bind_null(handle, position);
}

static enum err sqlite_bind(struct statement *base, const struct param *params, size_t n)
{
    struct sqlite_statement *st = statement_of(base);
    if (n != (size_t)st->n_params)
        return wrong_statement(base->sql, "wrong number of parameters");
    for (size_t i = 0; i < n; i++) {
        int code = bind_one(st->handle, st->position[i], &params[i]);
        if (code != SQLITE_OK)
            return sqlite_failed(st->owner, code, base->sql);
    }
    return ERR_OK;
}

static enum err sqlite_step(struct statement *base, bool *ret_row)
{
    struct sqlite_statement *st = statement_of(base);
    int code = sqlite3_step(st->handle);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_failed(st->owner, code, base->sql);
    *ret_row = code == SQLITE_ROW;
    return ERR_OK;
}

static void sqlite_reset(struct statement *base)
{
    sqlite3_reset(statement_of(base)->handle); /* its error was seen by step */
}

static int64_t sqlite_changes(struct connection *base)
{
    return sqlite3_changes64(sqlite_of(base)->db);
}

static int64_t sqlite_column_i64(struct statement *base, int column)
{
    return sqlite3_column_int64(statement_of(base)->handle, column);
}

static struct str sqlite_column_text(struct statement *base, int column)
{
    sqlite3_stmt *handle = statement_of(base)->handle;
    const char *text = (const char *)sqlite3_column_text(handle, column);
    return text ? str_make(text, (size_t)sqlite3_column_bytes(handle, column)) : STR("");
}

static struct str sqlite_column_blob(struct statement *base, int column)
{
    sqlite3_stmt *handle = statement_of(base)->handle;
    const char *blob = sqlite3_column_blob(handle, column);
    return blob ? str_make(blob, (size_t)sqlite3_column_bytes(handle, column)) : STR("");
}

static bool sqlite_column_is_null(struct statement *base, int column)
{
    return sqlite3_column_type(statement_of(base)->handle, column) == SQLITE_NULL;
}

/* --- the schema --------------------------------------------------------------------------- */

static enum err sqlite_has_table(struct connection *base, const char *name, bool *ret)
{
    struct sqlite *c = sqlite_of(base);
    int code =
        sqlite3_table_column_metadata(c->db, "main", name, NULL, NULL, NULL, NULL, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_ERROR)
        return sqlite_failed(c, code, name);
    *ret = code == SQLITE_OK; /* SQLITE_ERROR: there is none */
    return ERR_OK;
}

static enum err sqlite_run_script(struct connection *base, const char *script)
{
    struct sqlite *c = sqlite_of(base);
    int code = sqlite3_exec(c->db, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_failed(c, code, script);
}

/* --- opening and closing ------------------------------------------------------------------ */

void sqlite_close(struct connection *base)
{
    if (!base)
        return;
    struct sqlite *c = sqlite_of(base);
    for (int i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(c->control[i]);
    sqlite3_close(c->db);
    free(c);
}

/* The memory statistics would take one lock of the process at each allocation. */
static void configure_process(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int prepare_controls(struct sqlite *c)
{
    static const char *const writer_sql[CONTROL_COUNT] = {
        [BEGIN] = "BEGIN IMMEDIATE",   [COMMIT] = "COMMIT",       [ROLLBACK] = "ROLLBACK",
        [SAVEPOINT] = "SAVEPOINT one", [RELEASE] = "RELEASE one", [ROLLBACK_TO] = "ROLLBACK TO one",
    };
    int code = SQLITE_OK;
    for (int i = 0; i < CONTROL_COUNT && code == SQLITE_OK; i++) {
        const char *sql = c->reader && i == BEGIN ? "BEGIN" : writer_sql[i];
        code = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &c->control[i], NULL);
    }
    return code;
}

/* The file may have been made by anyone: nothing in it may run code, and pages are checked as they
 * are read. Quoted strings are strings, as the standard and PostgreSQL have it. */
static void distrust(struct sqlite *c)
{
    static const struct {
        int option, value;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},     {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        sqlite3_db_config(c->db, settings[i].option, settings[i].value, NULL);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    /* Only the writer checkpoints, or two connections could do so at one instant. */
    if (c->reader)
        sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static int configure(struct sqlite *c)
{
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, STORE_BUSY_MS);
    distrust(c);
    int code = sqlite3_exec(c->db,
                            "PRAGMA cell_size_check = ON;"
                            "PRAGMA mmap_size = 0;"       /* an I/O error would be a signal */
                            "PRAGMA temp_store = MEMORY;" /* savepoints touch no other file */
                            "PRAGMA synchronous = FULL;", /* a commit is an fsync */
                            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(c->db, c->reader ? "PRAGMA query_only = ON" : "PRAGMA journal_mode = WAL",
                         NULL, NULL, NULL);
    /* The first look into the file: here it shows whether it is a database at all. */
    if (code == SQLITE_OK)
        code = sqlite3_table_column_metadata(c->db, "main", "sqlite_schema", NULL, NULL, NULL, NULL,
                                             NULL, NULL);
    if (code == SQLITE_OK)
        code = prepare_controls(c);
    if (!c->reader)
        sqlite3_wal_hook(c->db, wal_grew, c); /* also turns the automatic checkpoint off */
    return code;
}

static enum err explain_open(struct sqlite *c, int code, const char *path, struct error *error)
{
    switch (code & 0xFF) {
    case SQLITE_NOTADB:
        return error_set(error, ERR_VALIDATION,
                         "%s is not a database: point --data to the right folder, or move the file "
                         "away and run hudhud init",
                         path);
    case SQLITE_CORRUPT:
        return error_set(error, ERR_IO, "the database %s is damaged (%s): restore a backup of it",
                         path, sqlite3_errmsg(c->db));
    case SQLITE_BUSY:
        return error_set(error, ERR_BUSY,
                         "another program is writing to the database %s: end it and try again",
                         path);
    case SQLITE_FULL:
        return error_set(error, ERR_UNAVAILABLE, "no room left on the disk of %s: free some", path);
    default:
        return error_set(error, ERR_IO, "cannot open the database %s: %s", path,
                         c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(code));
    }
}

enum err sqlite_connect(const char *path, bool reader, struct sqlite **ret, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_process);
    struct sqlite *c = xcalloc(1, sizeof(*c));
    c->base.engine = &sqlite_engine;
    c->reader = reader;
    int mode = reader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code = sqlite3_open_v2(path, &c->db, mode | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = configure(c);
    if (code != SQLITE_OK) {
        enum err err = explain_open(c, code, path, error);
        sqlite_close(&c->base);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

/* SQLite keeps files beside the database and would fall back to reading only, much later and with a
 * message that helps nobody. */
static enum err check_place(const char *path, bool create, struct error *error)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
        return error_set(error, ERR_LIMIT, "the path of the database is longer than %d bytes",
                         PATH_MAX - 1);
    const char *folder = dirname(copy);
    if (access(folder, F_OK) == 0 && access(folder, W_OK | X_OK) != 0)
        return error_set_errno(error, ERR_IO,
                               "cannot write to the folder %s: give this user write permission",
                               folder);
    if (create)
        return ERR_OK;
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(error, ERR_NOT_FOUND, "there is no database %s: run hudhud init --data %s",
                         path, folder);
    if (access(path, R_OK | W_OK) != 0)
        return error_set_errno(error, ERR_IO,
                               "cannot write to the database %s: give this user write permission",
                               path);
    return ERR_OK;
}

/* Made by us so that it is readable by us alone from its first instant; SQLite gives its other
 * files the same permissions. */
enum err sqlite_make_file(const char *path, struct error *error)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return error_set(error, ERR_CONFLICT, "there is a database %s already: nothing was changed",
                         path);
    if (fd < 0)
        return error_set_errno(error, ERR_IO, "cannot make the database %s", path);
    close(fd);
    return ERR_OK;
}

void sqlite_discard(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX + 16];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static enum err sqlite_open(const struct store_options *options, struct connection **ret,
                            struct error *error)
{
    enum err err = check_place(options->path, options->create, error);
    if (!err && options->create)
        err = sqlite_make_file(options->path, error);
    if (err)
        return err;
    struct sqlite *c;
    err = sqlite_connect(options->path, false, &c, error);
    if (err) {
        if (options->create)
            sqlite_discard(options->path);
        return err;
    }
    *ret = &c->base;
    return ERR_OK;
}

static enum err sqlite_open_reader(const struct store_options *options, struct connection **ret,
                                   struct error *error)
{
    struct sqlite *c;
    enum err err = sqlite_connect(options->path, true, &c, error);
    if (!err)
        *ret = &c->base;
    return err;
}

const struct engine sqlite_engine = {
    .name = "SQLite",
    .id_type = "INTEGER PRIMARY KEY AUTOINCREMENT",
    .int_type = "INTEGER",
    .text_type = "TEXT",
    .blob_type = "BLOB",
    .strict = "STRICT",
    .skip_locked = "",
    .batch_rows = STORE_BATCH_ROWS,
    .open = sqlite_open,
    .open_reader = sqlite_open_reader,
    .close = sqlite_close,
    .discard = sqlite_discard,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .in_transaction = sqlite_in_transaction,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to = sqlite_rollback_to,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .column_i64 = sqlite_column_i64,
    .column_text = sqlite_column_text,
    .column_blob = sqlite_column_blob,
    .column_is_null = sqlite_column_is_null,
    .has_table = sqlite_has_table,
    .run_script = sqlite_run_script,
    .checkpoint = sqlite_checkpoint,
    .last_id = sqlite_last_id,
    .raise_id = sqlite_raise_id,
    .copy = sqlite_copy,
    .inspect = sqlite_inspect,
    .replace = sqlite_replace,
};
