/* What stands behind the store: one table of functions an engine. Everything above it (the queue,
 * group commit, the statement cache, migrations) knows no engine.
 *
 * A connection and its statements belong to one thread at a time. An engine logs the cause of an
 * error where it happens, because only there the message is known; what it returns is one of
 * ERR_CONFLICT, ERR_UNAVAILABLE and ERR_INTERNAL. Opening fills a struct error instead. */
#pragma once

#include "base/err.h"
#include "store/copy.h"

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

enum checkpoint {
    CHECKPOINT_USUAL,
    CHECKPOINT_PATIENT, /* somebody reads one snapshot for long: waiting for readers is no use */
    CHECKPOINT_CLOSING, /* nothing else is open, leave everything in order */
};

struct engine {
    /* What the tokens {id}, {int}, {blob} and {strict} of a migration stand for. */
    const char *id_type, *int_type, *blob_type, *strict;

    /* The connection that writes; makes the database when options->create. */
    enum err (*open)(const struct store_options *options, struct connection **ret,
                     struct error *error);
    /* A connection that only reads; the writer is open already. */
    enum err (*open_reader)(const char *path, struct connection **ret, struct error *error);
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
    enum err (*rollback_to)(struct connection *c); /* and releases it */

    /* --- statements --------------------------------------------------------------------------- */
    enum err (*prepare)(struct connection *c, const char *sql, struct statement **ret);
    void (*finalize)(struct statement *st);
    enum err (*bind)(struct statement *st, const struct param *params, size_t n);
    enum err (*step)(struct statement *st, bool *ret_row);
    void (*reset)(struct statement *st);
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

    /* --- whole databases: copy.h -------------------------------------------------------------- */
    /* Of a connection that is in no transaction. */
    enum err (*copy)(struct connection *c, const struct store_copy *copy, struct error *error);
    enum err (*inspect)(const char *path, struct store_facts *ret, struct error *error);
    /* The writer's connection, in no transaction: one of its own replaces everything. */
    enum err (*replace)(struct connection *c, const char *from, struct error *error);
};

extern const struct engine sqlite_engine;
