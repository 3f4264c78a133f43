#include "model/lease.h"

enum err lease_look(struct tx *tx, int64_t replica, struct lease_view *ret)
{
    struct rows rows;
    enum err e =
        tx_query(tx,
                 "SELECT (SELECT count(*) FROM accounts WHERE replica_id = $1), "
                 "EXISTS (SELECT id FROM accounts WHERE replica_id IS NULL "
                 "AND unlinked_at IS NULL), (SELECT count(*) FROM replicas WHERE syncs = 1), "
                 "EXISTS (SELECT id FROM replicas WHERE id = $1 AND syncs = 1)",
                 PARAMS(p_i64(replica)), &rows);
    if (e)
        return e;
    if (rows_next(&rows))
        *ret = (struct lease_view){row_i64(&rows, 0), row_i64(&rows, 1) != 0, row_i64(&rows, 2),
                                   row_i64(&rows, 3) != 0};
    return rows_close(&rows);
}

enum err lease_count(struct tx *tx, int64_t *ret)
{
    return tx_i64(tx, "SELECT count(*) FROM accounts WHERE unlinked_at IS NULL", NO_PARAMS, ret);
}

enum err lease_each(struct tx *tx, int64_t replica,
                    enum err (*each)(void *arg, int64_t account_id, int64_t confirmed_at),
                    void *arg)
{
    struct rows rows;
    enum err e =
        tx_query(tx, "SELECT id, confirmed_at FROM accounts WHERE replica_id = $1 ORDER BY id",
                 PARAMS(p_i64(replica)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows))
        stopped = each(arg, row_i64(&rows, 0), row_i64(&rows, 1));
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err lease_join(struct tx *tx, int64_t replica)
{
    return tx_exec(tx, "UPDATE replicas SET syncs = 1 WHERE id = $1", PARAMS(p_i64(replica)), NULL);
}

/* Writes follow one another, so that only the removal of a dead replica can have locked a row: its
 * accounts are claimed the next time. */
enum err lease_claim(struct tx *tx, int64_t replica, int64_t limit, int64_t *ret_claimed)
{
    return tx_exec(tx,
                   "UPDATE accounts SET replica_id = $1 WHERE id IN (SELECT id FROM accounts "
                   "WHERE replica_id IS NULL AND unlinked_at IS NULL ORDER BY id LIMIT $2 "
                   "{skip_locked})",
                   PARAMS(p_i64(replica), p_i64(limit)), ret_claimed);
}

enum err lease_take(struct tx *tx, int64_t account_id, int64_t replica)
{
    return tx_exec(tx,
                   "UPDATE accounts SET replica_id = (SELECT id FROM replicas WHERE id = $2) "
                   "WHERE id = $1",
                   PARAMS(p_i64(account_id), p_i64(replica)), NULL);
}

enum err lease_give_back(struct tx *tx, int64_t account_id, int64_t replica)
{
    return tx_exec(tx, "UPDATE accounts SET replica_id = NULL WHERE id = $1 AND replica_id = $2",
                   PARAMS(p_i64(account_id), p_i64(replica)), NULL);
}

enum err lease_leave(struct tx *tx, int64_t replica)
{
    enum err e = tx_exec(tx, "UPDATE accounts SET replica_id = NULL WHERE replica_id = $1",
                         PARAMS(p_i64(replica)), NULL);
    return e ? e
             : tx_exec(tx, "UPDATE replicas SET syncs = 0 WHERE id = $1", PARAMS(p_i64(replica)),
                       NULL);
}
