/* Inside the SQLite engine: what its files share. */
#pragma once

#include "store/engine.h"

#include <sqlite3.h>

enum control { BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK_TO, CONTROL_COUNT };

struct sqlite {
    struct connection base;
    sqlite3 *db;
    bool reader;
    sqlite3_stmt *control[CONTROL_COUNT];
    bool wrote;           /* a commit put pages into the WAL: set by wal_grew */
    int wal_pages;        /* in the WAL after the last commit */
    int checkpointed_at;  /* wal_pages when a checkpoint was tried last; 0: none since it restarted
                           */
    int64_t log_after_us; /* monotonic; until then "cannot write" is not logged again */
};

static inline struct sqlite *sqlite_of(struct connection *c)
{
    return CONTAINER_OF(c, struct sqlite, base);
}

/* sqlite.c */
enum err sqlite_make_file(const char *path, struct error *error) MUST_USE;
/* A connection to a file that nobody else has open. */
enum err sqlite_connect(const char *path, bool reader, struct sqlite **ret,
                        struct error *error) MUST_USE;
void sqlite_close(struct connection *base);
void sqlite_discard(const char *path);
/* A commit that failed stands in the WAL, as far as it got: makes that unreadable. */
void sqlite_overwrite_commit(struct sqlite *c);

/* Logs the cause of a result code, and says which error it is. */
enum err sqlite_failed(struct sqlite *c, int code, const char *sql);

/* sqlite_copy.c: a new file that is filled row by row, and that nobody else knows yet. Closed and
 * then finished it is durable, and stands for itself. */
enum err sqlite_begin_file(const char *path, struct connection **ret, struct error *error) MUST_USE;
enum err sqlite_finish_file(const char *path, struct error *error) MUST_USE;

/* The same, for the table of functions. */
enum err sqlite_last_id(struct connection *base, struct str table, int64_t *ret) MUST_USE;
enum err sqlite_raise_id(struct connection *base, struct str table, int64_t id) MUST_USE;
enum err sqlite_copy(struct connection *base, const struct store_copy *copy,
                     struct error *error) MUST_USE;
enum err sqlite_inspect(const char *path, struct store_facts *ret, struct error *error) MUST_USE;
enum err sqlite_replace(struct connection *base, const char *from, struct error *error) MUST_USE;
