/* What stands behind the store: one table of functions an engine. Everything above it (the queue,
 * group commit, the statement cache, migrations) knows no engine.
 *
 * A connection and its statements belong to one thread at a time. An engine logs the cause of an
 * error where it happens, because only there the message is known; what it returns is one of
 * ERR_CONFLICT, ERR_UNAVAILABLE and ERR_INTERNAL. Opening fills a struct error instead. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "store/copy.h"

#include <stdatomic.h>

/* The engine's own struct begins with this one. */
struct connection {
    const struct engine *engine;
};

/* A prepared statement; the engine's own struct begins with this one. */
struct statement {
    const char *sql; /* the caller's literal: the statement is found again by this address */
    bool writes;     /* it may change rows */
    bool open;       /* a struct rows is on it */
};

/* This process among those that share a store; any thread. */
struct replica_facts {
    _Atomic int64_t id;      /* our row of `replicas`; 0: none */
    _Atomic int64_t n_alive; /* with us */
    _Atomic uint64_t connects;
};

enum checkpoint {
    CHECKPOINT_USUAL,
    CHECKPOINT_PATIENT, /* somebody reads one snapshot for long: waiting for readers is no use */
    CHECKPOINT_CLOSING, /* nothing else is open, leave everything in order */
};

struct engine {
    const char *name; /* for people */
    /* What the tokens {id}, {int}, {text}, {blob} and {strict} of a migration stand for. */
    const char *id_type, *int_type, *text_type, *blob_type, *strict;
    const char *skip_locked; /* {skip_locked}, behind a SELECT whose rows are claimed */
    bool shared;             /* other processes may write: a server, and reading waits for it */
    size_t batch_rows;       /* writes in one commit, at most */

    /* The connection that writes; makes the database when options->create. */
    enum err (*open)(const struct store_options *options, struct connection **ret,
                     struct error *error);
    /* A connection that only reads; the writer is open already. */
    enum err (*open_reader)(const struct store_options *options, struct connection **ret,
                            struct error *error);

    /* --- of a shared engine alone ------------------------------------------------------------- */
    /* A connection that hears what other processes do. It connects when it is used. */
    enum err (*open_watcher)(const struct store_options *options, struct connection **ret,
                             struct error *error);
    /* From now on the writer's commits carry our number among the replicas, by which the outcome of
     * one is found when the server was lost, and are told to the others. */
    void (*join)(struct connection *c, struct replica_facts *facts);
    /* An ordinary transaction, for single rows of our own: it follows no other, and others hear
     * nothing of it. Of the watcher's and the writer's connection. */
    enum err (*begin_own)(struct connection *c);
    enum err (*look_at_server)(struct connection *c, struct store_server *ret);
    /* The watcher's: until another process tells something, or the descriptor `wake` can be read,
     * or `ms` are over; true if it did. */
    bool (*wait_for_news)(struct connection *c, int wake, int ms);

    void (*close)(struct connection *c); /* its statements are finalized before; NULL is fine */
    /* Removes what a failed `open` with create has made. */
    void (*discard)(const char *path);

    /* --- transactions ------------------------------------------------------------------------- */
    enum err (*begin)(struct connection *c); /* the writer's takes the write lock at once */
    /* On an error the transaction may be open still. *ret_wrote: it made a new state of the
     * database, which is durable now. */
    enum err (*commit)(struct connection *c, bool *ret_wrote);
    void (*rollback)(struct connection *c); /* fine when there is no transaction */
    bool (*in_transaction)(struct connection *c);
    enum err (*savepoint)(struct connection *c); /* one at a time, never nested */
    enum err (*release)(struct connection *c);
    enum err (*rollback_to)(struct connection *c); /* and ends it, as release does */
    /* The first error of what run_later began in this savepoint, as far as it is known; `all`: once
     * all is known. One of an earlier savepoint is the whole transaction's. NULL: nothing is ever
     * begun and not ended. */
    enum err (*settle)(struct connection *c, bool all);

    /* --- statements --------------------------------------------------------------------------- */
    /* `sql` is what the statement is found again by, `text` what it says, with its tokens
     * replaced. */
    enum err (*prepare)(struct connection *c, const char *sql, const char *text,
                        struct statement **ret);
    void (*finalize)(struct statement *st);
    enum err (*bind)(struct statement *st, const struct param *params, size_t n);
    /* Lets a bound statement run while its caller does something else; step waits for it. NULL: it
     * runs when it is stepped. */
    enum err (*start)(struct statement *st);
    enum err (*step)(struct statement *st, bool *ret_row);
    void (*reset)(struct statement *st);
    /* Runs a bound statement whose rows and changes nobody asks for, without waiting for it; its
     * error is told by a later call. NULL: it is stepped. */
    enum err (*run_later)(struct statement *st);
    int64_t (*changes)(struct connection *c); /* of the writing statement that ran last */
    int64_t (*column_i64)(struct statement *st, int column);
    struct str (*column_text)(struct statement *st, int column);
    struct str (*column_blob)(struct statement *st, int column);
    bool (*column_is_null)(struct statement *st, int column);

    /* --- the schema --------------------------------------------------------------------------- */
    enum err (*has_table)(struct connection *c, const char *name, bool *ret);
    enum err (*run_script)(struct connection *c, const char *sql); /* several statements */

    /* Between batches, on the writer's thread: whatever keeps the engine tidy. True when it did
     * something. */
    bool (*checkpoint)(struct connection *c, enum checkpoint kind);

    /* --- rows of any table: transfer.h -------------------------------------------------------- */
    /* Adds a row to those that `load` takes. NULL, like that: rows are inserted one by one. */
    void (*load_add)(struct buf *rows, const struct param *values, size_t n);
    /* `into`: "table (column, ...)". All of them, or none and the transaction is lost. */
    enum err (*load)(struct connection *c, const char *into, struct str rows);
    /* The highest id that was ever given out in the table; 0: none. */
    enum err (*last_id)(struct connection *c, struct str table, int64_t *ret);
    /* It gives out no id up to this one from now on. */
    enum err (*raise_id)(struct connection *c, struct str table, int64_t id);
    /* Of a shared engine alone: from the next transaction on it may take minutes, and hold up the
     * other writers, or not any more. */
    void (*set_patient)(struct connection *c, bool patient);

    /* --- whole databases: copy.h. NULL: row by row ----------------------------------------------
     */
    /* Of a connection that is in no transaction. */
    enum err (*copy)(struct connection *c, const struct store_copy *copy, struct error *error);
    enum err (*inspect)(const char *path, struct store_facts *ret, struct error *error);
    /* The writer's connection, in no transaction: one of its own replaces everything. */
    enum err (*replace)(struct connection *c, const char *from, struct error *error);
};

extern const struct engine sqlite_engine;
extern const struct engine postgres_engine;
