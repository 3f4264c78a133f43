/* What the store's tests share: a folder that is removed again, a store in it, and writes that run
 * one statement. */
#pragma once

#include "base/log.h"
#include "base/queue.h"
#include "store/store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Defined before by who wants each batch to be undone once and run again (store_options). */
#ifndef FIXTURE_REHEARSES
#define FIXTURE_REHEARSES false
#endif

struct fixture {
    char folder[64];
    char path[96];
    struct arena arena;
    struct error error;
    struct store *store;
};

static inline void fixture_open(struct fixture *f, bool create)
{
    struct store_options options = {
        .path = f->path, .create = create, .rehearses = FIXTURE_REHEARSES};
    error_init(&f->error, &f->arena);
    if (store_open(&options, &f->store, &f->error))
        fail_msg("%.*s", STR_FMT(f->error.message));
}

static inline void fixture_close(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

/* A folder, and no store yet. */
static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    log_set_level(LOG_OFF);
    snprintf(f->folder, sizeof(f->folder), "/tmp/store-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/hudhud.db", f->folder);
    arena_init(&f->arena, 1 * MIB);
    error_init(&f->error, &f->arena);
}

static inline void remove_database(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char name[640];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static inline void fixture_release(struct fixture *f)
{
    fixture_close(f);
    remove_database(f->path);
    assert_int_equal(rmdir(f->folder), 0);
    arena_release(&f->arena);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = xmalloc(sizeof(*f));
    fixture_init(f);
    fixture_open(f, true);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_release(*state);
    free(*state);
    return 0;
}

/* --- a write of one setting --------------------------------------------------------------- */

struct put {
    struct store_write write;
    struct str name, value;
    enum err then; /* what apply returns after its statement */
};

#define PUT_SQL                                                                                    \
    "INSERT INTO settings (name, value) VALUES ($1, $2) "                                          \
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"

static inline enum err put_apply(struct store_write *w, struct tx *tx)
{
    static const char sql[] = PUT_SQL;
    struct put *put = CONTAINER_OF(w, struct put, write);
    enum err err = tx_exec(tx, sql, PARAMS(p_text(put->name), p_text(put->value)), NULL);
    return err ? err : put->then;
}

static inline enum err put_now(struct store *s, const char *name, const char *value)
{
    struct put put = {.write.apply = put_apply, .name = str_from(name), .value = str_from(value)};
    return store_write_now(s, &put.write);
}

/* The setting's value in a transaction, "" when there is none. */
static inline struct str get_setting(struct tx *tx, const char *name, char *out, size_t size)
{
    static const char sql[] = "SELECT value FROM settings WHERE name = $1";
    struct rows rows;
    assert_int_equal(tx_query(tx, sql, PARAMS(p_text(str_from(name))), &rows), ERR_OK);
    out[0] = '\0';
    if (rows_next(&rows))
        snprintf(out, size, "%.*s", STR_FMT(row_text(&rows, 0)));
    assert_int_equal(rows_close(&rows), ERR_OK);
    return str_from(out);
}

/* The file as a connection of our own sees it, beside the store or without one. */
static inline int64_t raw_i64(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

/* PRAGMA integrity_check and foreign_key_check. */
static inline void assert_sound(const char *path)
{
    assert_int_equal(raw_i64(path,
                             "SELECT count(*) FROM pragma_integrity_check "
                             "WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(raw_i64(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}
