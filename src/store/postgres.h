/* Inside the PostgreSQL engine: a session with the server, and the commands that are under way on
 * it.
 *
 * Commands are pipelined: they are queued, answered in their order, and only who needs an answer
 * waits for it. After one that failed the server skips all others until a sync; postgres_drain
 * sends one. What is lost with the session (a statement that was prepared, a transaction) is known
 * by its number. One thread at a time. */
#pragma once

#include "store/engine.h"

#include <libpq-fe.h>
#include <stdatomic.h>

enum postgres_role {
    POSTGRES_WRITER,  /* its transactions follow those of all other writers */
    POSTGRES_READER,  /* its transactions are snapshots */
    POSTGRES_WATCHER, /* hears notifications; its transactions are its own */
};

struct postgres_statement {
    struct statement base;
    struct postgres *owner;
    char *text;
    char name[16];
    uint64_t session; /* in which it is prepared; 0: in none */
    enum { POSTGRES_IDLE, POSTGRES_BOUND, POSTGRES_ASKED, POSTGRES_ANSWERED } state;
    enum err said;   /* answered: what the server said of it */
    size_t n_params; /* that the text names */
    Oid types[STORE_PARAMS_MAX];
    const struct param *params; /* of bind: valid until it is sent */
    PGresult *result;
    int row; /* of result */
};

/* What the answer to a command is for. */
enum postgres_kind {
    POSTGRES_QUERY,   /* somebody waits for it */
    POSTGRES_LATER,   /* only an error counts, and belongs to the write that began it */
    POSTGRES_PREPARE, /* the same, of a statement's preparation */
    POSTGRES_CONTROL, /* BEGIN and the like: an error ends the transaction */
    POSTGRES_LOCK,    /* the same; its row says which generation this will be */
    POSTGRES_SYNC,    /* the end of skipping */
};

struct postgres_command {
    enum postgres_kind kind;
    struct postgres_statement *statement;
    uint32_t turn; /* the savepoint it is of */
};

struct postgres {
    struct connection base;
    enum postgres_role role;
    char *url;
    struct secret password;
    bool unprepared;
    bool patient;                /* see engine.h */
    struct replica_facts *facts; /* of this process; NULL: it has not joined yet */

    PGconn *session;                 /* NULL: none */
    uint64_t number;                 /* of the session */
    int64_t retry_us, retry_wait_ms; /* when to connect again, and how long after that */
    int64_t wait_ms;                 /* for one answer */
    int64_t log_after_us;            /* until then "cannot reach" is not logged again */

    struct postgres_command commands[STORE_COMMANDS_MAX]; /* a ring */
    size_t first, n;
    uint32_t turn;  /* counts savepoints */
    enum err later; /* of what was begun in this savepoint: its first error */
    bool skipping;  /* the server skips until a sync */
    bool unsynced;  /* something was queued behind the last sync */
    bool in_transaction;
    bool failed;    /* the transaction can only be rolled back */
    bool has_state; /* the table store_state is there, to be locked */
    bool own;       /* the transaction follows no other: see engine.h */
    bool wrote;     /* the transaction changed rows */
    bool saved;     /* there is a savepoint, */
    bool touched;   /* and there is something to roll back to it */
    int64_t changes;
    int64_t generation;                  /* of this transaction, once it is committed */
    struct postgres_statement *controls; /* POSTGRES_CONTROLS of them */
};

static inline struct postgres *postgres_of(struct connection *c)
{
    return CONTAINER_OF(c, struct postgres, base);
}

/* --- postgres_session.c ------------------------------------------------------------------- */
/* One attempt, within STORE_CONNECT_MS, or STORE_FIRST_CONNECT_MS before the process has joined.
 * Fills `error` with what a person can do. */
enum err postgres_connect(struct postgres *c, struct error *error) MUST_USE;
/* A session: the one there is, or another one. ERR_UNAVAILABLE at once while the last attempt was
 * just now. */
enum err postgres_ensure(struct postgres *c) MUST_USE;
/* The session is given up; what was under way is forgotten. */
void postgres_lose(struct postgres *c);
/* Queues a command; sends what the socket takes. ERR_UNAVAILABLE: the session is lost. */
enum err postgres_send(struct postgres *c, struct postgres_statement *st,
                       enum postgres_kind kind) MUST_USE;
/* Waits for the answers of all that is under way. The error is that of the session, not of a
 * command. */
enum err postgres_drain(struct postgres *c) MUST_USE;
/* Sends a statement that somebody will wait for; its answer may be taken with that of another. */
enum err postgres_ask(struct postgres *c, struct postgres_statement *st) MUST_USE;
/* Waits for the answer of one that was asked. The error is its own, or the session's. */
enum err postgres_wait(struct postgres *c, struct postgres_statement *st) MUST_USE;
/* Nobody waits for it any more; an error of it counts as of one that ran later. */
void postgres_forget(struct postgres *c, struct postgres_statement *st);
/* Several statements in one text, one after another; nothing may be under way. `data` is what a
 * COPY FROM STDIN among them reads. */
enum err postgres_run_text(struct postgres *c, const char *text, struct str data) MUST_USE;
/* All that was queued goes out; waits for nothing. */
void postgres_flush(struct postgres *c);
/* Waits until the server tells something, or `wake` can be read, or `ms` are over. True when
 * another process notified. */
bool postgres_listen(struct postgres *c, int wake, int ms);

/* --- postgres_rows.c, for the table of functions -------------------------------------------- */
void postgres_load_add(struct buf *rows, const struct param *values, size_t n);
enum err postgres_load(struct connection *base, const char *into, struct str rows) MUST_USE;
enum err postgres_last_id(struct connection *base, struct str table, int64_t *ret) MUST_USE;
enum err postgres_raise_id(struct connection *base, struct str table, int64_t id) MUST_USE;
void postgres_set_patient(struct connection *base, bool patient);
