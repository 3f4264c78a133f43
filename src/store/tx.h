/* A transaction in progress on a connection, and the statements that the connection has prepared.
 * One of these lives as long as its connection; whoever owns the connection begins and ends it. One
 * thread at a time. */
#pragma once

#include "base/buf.h"
#include "store/engine.h"

/* Twice the statements, so that a search in the open-addressing table soon meets a free place. */
#define TX_SLOTS (2 * STORE_STATEMENTS_MAX)

struct tx {
    const struct engine *engine;
    struct connection *connection; /* owned */
    /* The engine gave the transaction up under us (disk full, I/O error). Until the next begin
     * every call fails: a statement that ran now would be a transaction of its own. */
    bool broken;
    bool announced; /* tx_announce, since the writer's batch began */
    size_t open_rows;
    size_t n_statements;
    struct statement *slots[TX_SLOTS];
};

void tx_init(struct tx *tx, struct connection *c); /* takes the connection */
void tx_release(struct tx *tx);                    /* closes it; safe on a zeroed struct */

enum err tx_begin(struct tx *tx) MUST_USE;
enum err tx_begin_own(struct tx *tx) MUST_USE; /* engine.h: begin_own */
/* Closes every result that was left open, which is a fault of ours and is logged; true if any. */
bool tx_abandon_rows(struct tx *tx);

/* SQL with every token replaced by the engine's word for it; buf_ok tells whether it fitted. */
void engine_expand(struct buf *out, const struct engine *engine, const char *sql);
