#include "model/rate_window.h"

/* A restored backup may not know a client that just called. */
enum err rate_window_put(struct tx *tx, int64_t client_row_id, struct str endpoint,
                         int64_t started_at, int64_t requests)
{
    return tx_exec(
        tx,
        "INSERT INTO rate_windows (client_id, endpoint, started_at, requests) "
        "SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM clients WHERE id = $1) "
        "ON CONFLICT (client_id, endpoint) "
        "DO UPDATE SET started_at = excluded.started_at, requests = excluded.requests",
        PARAMS(p_i64(client_row_id), p_text(endpoint), p_i64(started_at), p_i64(requests)), NULL);
}

_Static_assert(RATE_WINDOWS_READ == 16 && 2 * RATE_WINDOWS_READ <= STORE_PARAMS_MAX,
               "the statement below has a place for each");

static void keep_row(const struct rows *rows, const struct rate_window_key *keys, size_t n,
                     struct rate_window_count *ret)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].client_row_id == row_i64(rows, 0) &&
            str_eq(keys[i].endpoint, row_text(rows, 1)))
            ret[i] = (struct rate_window_count){row_i64(rows, 2), row_i64(rows, 3)};
}

/* One statement for any number of them, so that it is prepared once: the last key fills the rest.
 * Of the rows that it finds beside those of the keys there are few, and they lie near. */
enum err rate_window_find(struct tx *tx, const struct rate_window_key *keys, size_t n,
                          struct rate_window_count *ret)
{
    struct param params[2 * RATE_WINDOWS_READ];
    for (size_t i = 0; i < RATE_WINDOWS_READ; i++) {
        params[i] = p_i64(keys[MIN(i, n - 1)].client_row_id);
        params[RATE_WINDOWS_READ + i] = p_text(keys[MIN(i, n - 1)].endpoint);
    }
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT client_id, endpoint, started_at, requests FROM rate_windows "
                          "WHERE client_id IN ($1, $2, $3, $4, $5, $6, $7, $8, "
                          "$9, $10, $11, $12, $13, $14, $15, $16) "
                          "AND endpoint IN ($17, $18, $19, $20, $21, $22, $23, $24, "
                          "$25, $26, $27, $28, $29, $30, $31, $32)",
                          params, ARRAY_LEN(params), &rows);
    if (e)
        return e;
    memset(ret, 0, n * sizeof(*ret));
    while (rows_next(&rows))
        keep_row(&rows, keys, n, ret);
    return rows_close(&rows);
}

enum err rate_window_each(struct tx *tx, int64_t since,
                          enum err (*each)(void *arg, const struct rate_window *w), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT c.client_id, r.endpoint, r.started_at, r.requests "
                          "FROM rate_windows r JOIN clients c ON c.id = r.client_id "
                          "WHERE r.started_at >= $1",
                          PARAMS(p_i64(since)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct rate_window w = {
            .client_id = row_text(&rows, 0),
            .endpoint = row_text(&rows, 1),
            .started_at = row_i64(&rows, 2),
            .requests = row_i64(&rows, 3),
        };
        stopped = each(arg, &w);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

/* By the primary key, a few clients at a time: no index on the time has to be kept for it. */
enum err rate_window_sweep(struct tx *tx, int64_t before, int64_t *cursor)
{
    int64_t last, to = *cursor + SAVED_COUNTS_SWEEP;
    enum err e = tx_exec(tx,
                         "DELETE FROM rate_windows WHERE client_id > $1 AND client_id <= $2 "
                         "AND started_at < $3",
                         PARAMS(p_i64(*cursor), p_i64(to), p_i64(before)), NULL);
    if (!e)
        e = tx_i64(tx, "SELECT coalesce(max(client_id), 0) FROM rate_windows", NO_PARAMS, &last);
    if (!e)
        *cursor = to < last ? to : 0;
    return e;
}
