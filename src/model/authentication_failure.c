#include "model/authentication_failure.h"

enum err authentication_failure_put(struct tx *tx, const struct authentication_failure *f)
{
    return tx_exec(tx,
                   "INSERT INTO authentication_failures (address, started_at, requests) "
                   "VALUES ($1, $2, $3) ON CONFLICT (address) "
                   "DO UPDATE SET started_at = excluded.started_at, requests = excluded.requests",
                   PARAMS(p_text(f->address), p_i64(f->started_at), p_i64(f->requests)), NULL);
}

static enum err visit(struct rows *rows,
                      enum err (*each)(void *arg, const struct authentication_failure *f),
                      void *arg)
{
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(rows)) {
        const struct authentication_failure f = {row_text(rows, 0), row_i64(rows, 1),
                                                 row_i64(rows, 2)};
        stopped = each(arg, &f);
    }
    enum err e = rows_close(rows);
    return stopped ? stopped : e;
}

enum err authentication_failure_each(
    struct tx *tx, enum err (*each)(void *arg, const struct authentication_failure *f), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx, "SELECT address, started_at, requests FROM authentication_failures",
                          NO_PARAMS, &rows);
    return e ? e : visit(&rows, each, arg);
}

enum err authentication_failure_after(struct tx *tx, struct str after, int64_t max,
                                      enum err (*each)(void *arg,
                                                       const struct authentication_failure *f),
                                      void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT address, started_at, requests FROM authentication_failures "
                          "WHERE address > $1 ORDER BY address LIMIT $2",
                          PARAMS(p_text(after), p_i64(max)), &rows);
    return e ? e : visit(&rows, each, arg);
}

/* Four times as many as one write brings in: the table holds what one window has, and no more. */
enum err authentication_failure_sweep(struct tx *tx, int64_t before)
{
    return tx_exec(tx,
                   "DELETE FROM authentication_failures WHERE address IN "
                   "(SELECT address FROM authentication_failures WHERE started_at < $1 LIMIT $2)",
                   PARAMS(p_i64(before), p_i64(4 * SAVED_FAILURES_MAX)), NULL);
}
