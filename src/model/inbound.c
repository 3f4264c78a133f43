#include "model/inbound.h"

enum err inbound_arrive(struct tx *tx, struct str digest, int64_t now, struct inbound_known *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, "SELECT id, state, received_at FROM inbound WHERE digest = $1",
                          PARAMS(p_blob(digest)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    *ret = (struct inbound_known){0};
    if (found) {
        ret->id = row_i64(&rows, 0);
        ret->applied = str_eq(row_text(&rows, 1), STR(INBOUND_APPLIED));
        ret->received_at = row_i64(&rows, 2);
    }
    e = rows_close(&rows);
    if (e || !found)
        return e;
    return tx_exec(tx, "UPDATE inbound SET arrivals = arrivals + 1, arrived_at = $2 WHERE id = $1",
                   PARAMS(p_i64(ret->id), p_i64(now)), NULL);
}

enum err inbound_insert(struct tx *tx, const struct inbound *in, int64_t *ret_id)
{
    return tx_i64(tx,
                  "INSERT INTO inbound (workspace_id, app_id, digest, body, state, changes, "
                  "unapplied, reasons, arrivals, received_at, arrived_at) "
                  "VALUES ($1, (SELECT id FROM apps WHERE id = $2), $3, $4, $5, $6, $7, $8, 1, $9, "
                  "$9) RETURNING id",
                  PARAMS(p_opt_i64(in->workspace_id), p_opt_i64(in->app_row_id), p_blob(in->digest),
                         p_blob(in->body), p_text(in->state), p_i64(in->changes),
                         p_i64(in->unapplied), p_text(in->reasons), p_i64(in->received_at)),
                  ret_id);
}

enum err inbound_set_outcome(struct tx *tx, int64_t id, struct str state, int64_t changes,
                             int64_t unapplied, struct str reasons)
{
    return tx_exec(
        tx,
        "UPDATE inbound SET state = $2, changes = $3, unapplied = $4, reasons = $5 "
        "WHERE id = $1",
        PARAMS(p_i64(id), p_text(state), p_i64(changes), p_i64(unapplied), p_text(reasons)), NULL);
}

/* --- reading ------------------------------------------------------------------------------ */

#define COLUMNS                                                                                               \
    "i.id, i.workspace_id, w.domain, a.app_id, i.digest, CAST(length(i.body) AS {int}), i.state, i.changes, " \
    "i.unapplied, i.reasons, i.arrivals, i.received_at, i.arrived_at "
#define FROM_INBOUND                                                                               \
    "FROM inbound i LEFT JOIN workspaces w ON w.id = i.workspace_id "                              \
    "LEFT JOIN apps a ON a.id = i.app_id "

static struct inbound read_row(const struct rows *rows)
{
    return (struct inbound){
        .id = row_i64(rows, 0),
        .workspace_id = row_i64(rows, 1),
        .workspace_domain = row_text(rows, 2),
        .app_id = row_text(rows, 3),
        .digest = row_blob(rows, 4),
        .size = row_i64(rows, 5),
        .state = row_text(rows, 6),
        .changes = row_i64(rows, 7),
        .unapplied = row_i64(rows, 8),
        .reasons = row_text(rows, 9),
        .arrivals = row_i64(rows, 10),
        .received_at = row_i64(rows, 11),
        .arrived_at = row_i64(rows, 12),
    };
}

static enum err copy_row(const struct rows *rows, struct arena *arena, struct inbound *ret)
{
    *ret = read_row(rows);
    ret->body = row_blob(rows, 13);
    struct str *texts[] = {&ret->workspace_domain, &ret->app_id, &ret->digest, &ret->state,
                           &ret->reasons,          &ret->body};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(arena, *texts[i]);
        if (!texts[i]->ptr)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

enum err inbound_find(struct tx *tx, int64_t id, struct arena *arena, struct inbound *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, "SELECT " COLUMNS ", i.body " FROM_INBOUND "WHERE i.id = $1",
                          PARAMS(p_i64(id)), &rows);
    if (e)
        return e;
    enum err copied = rows_next(&rows) ? copy_row(&rows, arena, ret) : ERR_NOT_FOUND;
    e = rows_close(&rows);
    return e ? e : copied;
}

enum err inbound_each(struct tx *tx, struct str state, int64_t before, int64_t limit,
                      enum err (*each)(void *arg, const struct inbound *in), void *arg)
{
    struct rows rows;
    int64_t end = before ? before : INT64_MAX;
    enum err e =
        state.len
            ? tx_query(tx,
                       "SELECT " COLUMNS FROM_INBOUND
                       "WHERE i.state = $1 AND i.id < $2 ORDER BY i.id DESC LIMIT $3",
                       PARAMS(p_text(state), p_i64(end), p_i64(limit)), &rows)
            : tx_query(tx,
                       "SELECT " COLUMNS FROM_INBOUND "WHERE i.id < $1 ORDER BY i.id DESC LIMIT $2",
                       PARAMS(p_i64(end), p_i64(limit)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        struct inbound in = read_row(&rows);
        stopped = each(arg, &in);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

/* One statement a state: the limit must be in the text for PostgreSQL to plan by the index. */
#define SWEEP(state)                                                                               \
    "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE state = '" state                \
    "' "                                                                                           \
    "AND received_at < $1 ORDER BY received_at LIMIT " STRINGIFY(UPKEEP_PURGE_ROWS) ")"

enum err inbound_sweep(struct tx *tx, int64_t applied_before, int64_t kept_before,
                       int64_t *ret_removed)
{
    int64_t applied, kept;
    enum err e = tx_exec(tx, SWEEP(INBOUND_APPLIED), PARAMS(p_i64(applied_before)), &applied);
    if (!e)
        e = tx_exec(tx, SWEEP(INBOUND_KEPT), PARAMS(p_i64(kept_before)), &kept);
    if (!e)
        *ret_removed = MAX(applied, kept);
    return e;
}
