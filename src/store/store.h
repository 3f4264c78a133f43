/* The store: one SQL text, group commit, and readers with a snapshot each. Behind it stands SQLite,
 * a file that one process has for itself, or PostgreSQL, a server that several processes (replicas)
 * share. Nothing above asks which; model/ holds all SQL.
 *
 * SQL is written once for all engines: $1 parameters, ON CONFLICT, RETURNING, times as integer
 * milliseconds, JSON as text.
 *
 * Writes: any thread submits a `struct store_write`; the writer thread drains the queue into one
 * transaction, runs each `apply` under its own savepoint, commits (durably: an fsync), and only
 * then hands each write back to the queue it came from. While that commit runs the next batch
 * gathers. An apply that fails rolls back its own savepoint and nothing else. When the commit
 * itself fails, every write of the batch gets ERR_UNAVAILABLE and nothing of it is there.
 *
 * Reads: a thread opens a reader of its own. Between begin and end it sees one snapshot.
 *
 * Only the writer thread writes or checkpoints. */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "base/secret.h"

struct store;
struct store_reader;
struct tx; /* a transaction in progress, of a reader or of the writer */

struct store_options {
    const char *path; /* of the database file, or the postgres:// URL of a database */
    bool create;      /* make a new database; else it must exist */

    /* What only a server's database asks for. */
    const struct secret *password; /* NULL or empty: of the URL, PGPASSFILE or PGPASSWORD */
    int connections;               /* that read; 0: STORE_CONNECTIONS */
    bool waits;                    /* the process has one caller, who may wait: no threads read, and
                                      fewer connections are made */
    bool unprepared;               /* no statement outlives its transaction: for poolers that
                                      know no prepared statements */
    /* What one process at a time has, such as a folder that it locked, by a name that no other has:
     * a process that had it before us is gone, and what it held is free at once. At most
     * STORE_HOLDER_LEN bytes; NULL: nothing such. */
    const char *holder;

    /* For tests: each batch is undone once and run again before it is committed. */
    bool rehearses;
};

/* Is it the URL of a server, and no file? */
bool store_is_url(struct str path);
/* Is it one that libpq takes, and means by it what its writer did? A password with a bare '@' or
 * '/' would be taken for a host or a database, and be shown. */
bool store_url_is_valid(struct str url);
#define STORE_URL_FORM                                                                             \
    "a URL such as postgres://USER@HOST:5432/DATABASE (in a name or password, write @ as %40, / "  \
    "as %2F and % as %25)"
bool store_url_has_password(struct str url);
/* The URL as it may be shown: without a password. In the arena. A file's path is what it is. */
struct str store_show(struct str path, struct arena *arena);

/* Opens, checks and migrates. Errors say how to mend: a folder that is read-only, a database from a
 * newer version, a file that is no database. Starts the writer thread. */
enum err store_open(const struct store_options *options, struct store **ret,
                    struct error *error) MUST_USE;
/* Runs what is queued, checkpoints, joins the writer. Readers must be closed before. NULL is fine.
 */
void store_close(struct store *s);

/* --- writing ------------------------------------------------------------------------------ */
struct store_write {
    struct list node; /* first: what the queues link by */
    /* On the writer thread, inside the batch's transaction and this write's savepoint. Must not
     * block. Its memory is the caller's, which does not touch it until the write comes back. It may
     * be run again, from the start, when the batch was undone before its commit: only what the last
     * run did is there. */
    enum err (*apply)(struct store_write *w, struct tx *tx);
    /* What is written instead when apply failed: its effect is undone, w->err is why, and the
     * outcome is what this returns. The same rules hold for it. NULL: nothing. */
    enum err (*otherwise)(struct store_write *w, struct tx *tx);
    /* On the writer thread, once the commit succeeded or failed (then with the error), before any
     * other write is applied: for what must change together with the database. NULL: nothing. */
    void (*settled)(struct store_write *w, enum err err);
    bool single; /* a batch of its own, and never run again */
    /* Between batches, and apply is in no transaction: for the store's own (copy.h). */
    bool alone;
    int64_t submitted_us; /* the store's: monotonic */
    /* Where it comes back, after the commit; the node is pushed as it is. The queue lives until
     * store_close returned. If it is closed by then, the write is not handed back: whoever closed
     * the queue frees its memory after store_close. */
    struct queue *reply_to;
    enum err err; /* the outcome: apply's error (or otherwise's), or ERR_UNAVAILABLE */
};

/* Any thread. ERR_UNAVAILABLE when STORE_QUEUE_MAX writes wait or the store is closing: the write
 * then stays with the caller. */
enum err store_submit(struct store *s, struct store_write *w) MUST_USE;
/* Submits and waits: for commands and tests, never on a loop. Sets reply_to itself. */
enum err store_write_now(struct store *s, struct store_write *w) MUST_USE;

/* How many commits there were so far: a reader whose snapshot is older than this may be stale.
 * Moves before any write of that commit is handed back. Any thread; one atomic load. */
uint64_t store_generation(const struct store *s);

/* Told after each commit in which something was announced (tx_announce), and, where the store is
 * shared, when another process may have committed such: on the writer's or the watcher's thread, so
 * it must be quick and take no lock that a writer holds. Not told any more once store_unlisten has
 * returned. Any number a store; each lasts until then. */
struct store_listener {
    struct list node; /* the store's */
    void (*announced)(void *arg);
    void *arg;
};
void store_listen(struct store *s, struct store_listener *l);
/* Fine when it does not listen, or not any more. */
void store_unlisten(struct store *s, struct store_listener *l);

struct store_stats {
    uint64_t connects; /* to a server, the first ones too */
    uint64_t commits, writes, failed_commits, checkpoints;
    uint64_t waiting;                /* writes in the queue now */
    bool failing;                    /* the last commit that was tried failed */
    int64_t committed_us;            /* monotonic; when one last succeeded; 0: none yet */
    struct histogram_values batches; /* histogram_sizes: writes in a commit */
    struct histogram_values times;   /* histogram_times: how long a commit took */
};
struct store_stats store_stats(const struct store *s); /* any thread */

/* --- reading ------------------------------------------------------------------------------ */
enum err store_reader_open(struct store *s, struct store_reader **ret,
                           struct error *error) MUST_USE;
void store_reader_close(struct store_reader *r); /* NULL is fine */
/* A transaction with all that was committed before this call. It may be the one of the last call
 * while nothing was committed since: beginning again is then free. Valid until store_read_end. */
enum err store_read_begin(struct store_reader *r, struct tx **ret) MUST_USE;
/* Lets the snapshot go, so that the log can be checkpointed: at the end of a loop's turn. */
void store_read_end(struct store_reader *r);

/* Reading a file waits for nothing worth a word; reading from a server waits for it. Where this is
 * false no loop may read by itself: it submits. */
bool store_reads_inline(const struct store *s);

/* A read on a thread of the store's. */
struct store_read {
    struct list node; /* first: what the queues link by */
    /* On that thread, in a snapshot that is not older than the submission. Text of rows does not
     * outlive it. */
    enum err (*run)(struct store_read *r, struct tx *tx);
    struct queue *reply_to; /* as of struct store_write */
    enum err err;           /* the outcome: run's error, or ERR_UNAVAILABLE */
    int64_t submitted_us;   /* the store's: monotonic */
};
/* Any thread. Only where store_reads_inline is false. ERR_UNAVAILABLE as of store_submit. */
enum err store_submit_read(struct store *s, struct store_read *r) MUST_USE;

/* --- for people --------------------------------------------------------------------------- */
const char *store_engine_name(const struct store *s); /* "SQLite" */

struct store_server {
    int version;      /* PostgreSQL's form: 150004 is 15.4; 0: there is no server */
    int64_t clock_ms; /* its clock, now */
    bool encrypted;   /* the way to it */
    bool local;       /* it is on this machine: nobody is between */
};
/* All zeros where the store is a file. */
enum err tx_look_at_server(struct tx *tx, struct store_server *ret) MUST_USE;

/* --- replicas: processes that share one store ----------------------------------------------- */
/* May other processes write to it? */
bool store_is_shared(const struct store *s);
/* Our row in the table `replicas`: what leases refer to. 0 where the store is not shared, and while
 * the others may take us for dead (no heartbeat got through for STORE_DOUBT_MS). It is another one
 * after they did. */
int64_t store_replica(const struct store *s);
/* How many processes use the store now, this one too: at least 1. */
int64_t store_replicas(const struct store *s);

/* Told by the store's watcher thread, with a reader of its own, when another process may have
 * changed who may sign (the column `directory` of store_state moved) since the store was opened. */
struct store_watch {
    /* On an error it is told again, STORE_WATCH_MS later. */
    enum err (*directory_changed)(void *arg, struct store_reader *reader);
    void *arg;
};
/* Where the store is not shared nothing is ever told. Once a store; `w` outlives it, and lasts
 * until store_unwatch has returned. */
void store_watch(struct store *s, const struct store_watch *w);
void store_unwatch(struct store *s);

/* --- statements --------------------------------------------------------------------------- */
struct param {
    enum { PARAM_NULL, PARAM_I64, PARAM_TEXT, PARAM_BLOB } kind;
    int64_t number;
    struct str bytes; /* must stay valid until the statement is done */
};
static inline struct param p_i64(int64_t v)
{
    return (struct param){.kind = PARAM_I64, .number = v};
}
static inline struct param p_text(struct str s)
{
    return (struct param){.kind = PARAM_TEXT, .bytes = s};
}
/* The empty string becomes NULL. */
static inline struct param p_opt(struct str s)
{
    return (struct param){.kind = s.len ? PARAM_TEXT : PARAM_NULL, .bytes = s};
}
static inline struct param p_blob(struct str s)
{
    return (struct param){.kind = PARAM_BLOB, .bytes = s};
}
/* 0 becomes NULL: for times and references. */
static inline struct param p_opt_i64(int64_t v)
{
    return (struct param){.kind = v ? PARAM_I64 : PARAM_NULL, .number = v};
}
#define PARAMS(...)                                                                                \
    (const struct param[]){__VA_ARGS__}, ARRAY_LEN(((const struct param[]){__VA_ARGS__}))
#define NO_PARAMS NULL, 0

/* An open result. Text and blobs of a row are valid until the next row_next or rows_close. */
struct rows {
    struct tx *tx;
    void *statement; /* the engine's */
    enum err err;    /* what ended it early */
};

/* `sql` is a string literal: a connection prepares it once and finds it again by its address.
 * At most one open `rows` for one sql at a time on a connection. */
enum err tx_query(struct tx *tx, const char *sql, const struct param *params, size_t n,
                  struct rows *ret) MUST_USE;
/* True while there is a row. Afterwards rows_close tells whether all was well. */
bool rows_next(struct rows *r);
enum err rows_close(struct rows *r) MUST_USE;
int64_t row_i64(const struct rows *r, int column);     /* NULL: 0 */
struct str row_text(const struct rows *r, int column); /* NULL: empty */
struct str row_blob(const struct rows *r, int column);
bool row_is_null(const struct rows *r, int column);

/* In a write: who listens (store_listen) hears of it once it is committed. */
void tx_announce(struct tx *tx);

/* Runs a statement to its end. *ret_changes, unless NULL, is the number of rows it changed.
 * ERR_CONFLICT when a unique or foreign key stands against it; ERR_UNAVAILABLE when the store
 * cannot write (disk full, read-only, I/O error). */
enum err tx_exec(struct tx *tx, const char *sql, const struct param *params, size_t n,
                 int64_t *ret_changes) MUST_USE;
/* One row with one integer, as of INSERT ... RETURNING id or SELECT count(*); ERR_NOT_FOUND when
 * there is no row. */
enum err tx_i64(struct tx *tx, const char *sql, const struct param *params, size_t n,
                int64_t *ret) MUST_USE;
