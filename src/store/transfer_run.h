/* A transfer that is committed page by page, and goes on where it was after any end.
 *
 * What it has done so far is in the target's table store_copy, written in the transactions of the
 * pages; store_open refuses a database that has this table. At the end both sides are read again:
 * only when their rows are the same does the table go. */
#pragma once

#include "store/transfer.h"
#include "store/tx.h"

/* A database that nobody else uses. */
struct transfer_side {
    struct tx tx;              /* that writes */
    struct connection *reader; /* of a source: one snapshot of it */
};
/* Opens and migrates; `error` says what is wrong. */
enum err transfer_side_open(struct transfer_side *side, const struct store_options *options,
                            struct error *error) MUST_USE;
void transfer_side_close(struct transfer_side *side); /* safe on a zeroed struct */
/* Whether processes other than this one use it now: it may take STORE_OTHERS_MS to see. */
enum err transfer_side_is_used(struct transfer_side *side, bool *ret) MUST_USE;
/* What was begun there and not ended, in the arena; empty: nothing. */
enum err transfer_begun(struct transfer_side *side, struct arena *arena, struct str *ret) MUST_USE;

struct transfer_progress {
    struct str table; /* that is being copied; empty: both sides are being compared */
    int64_t rows, total;
};

struct transfer_run {
    struct transfer_side *from, *to;
    struct str what;  /* which transfer this is: another one does not go on with it */
    const char *root; /* a table's name; NULL: everything */
    int64_t root_id;  /* in `from` */
    enum err (*rewrite)(void *arg, const struct transfer *t, const struct schema_table *table,
                        const struct schema_column *column, struct param *value);
    void *rewrite_arg;
    /* Between commits; false ends it there with ERR_CLOSED. */
    bool (*tick)(void *arg, const struct transfer_progress *progress);
    void *tick_arg;
};

struct transfer_line {
    struct transfer_line *next; /* in the order of the schema */
    struct str table;
    struct row_sum sum; /* of both sides */
};

/* The lines are in error->arena. ERR_CONFLICT: another transfer was begun there, or the source was
 * changed meanwhile; then it begins anew the next time. */
enum err transfer_run(const struct transfer_run *run, struct transfer_line **ret,
                      struct error *error) MUST_USE;
/* Takes back what a transfer that was not ended has put there. */
enum err transfer_undo(struct transfer_side *to, struct error *error) MUST_USE;
