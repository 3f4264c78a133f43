#include "model/app.h"

static enum err expect_one(enum err e, int64_t changes)
{
    return e ? e : changes == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err app_insert(struct tx *tx, const struct app *a)
{
    int64_t added = 0;
    enum err e =
        tx_exec(tx,
                "INSERT INTO apps (workspace_id, app_id, name, secret, verify_token, created_at, "
                "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (app_id) DO NOTHING",
                PARAMS(p_opt_i64(a->workspace_id), p_text(a->app_id), p_text(a->name),
                       p_blob(a->sealed_secret), p_blob(a->sealed_token), p_i64(a->created_at)),
                &added);
    return e ? e : added ? ERR_OK : ERR_CONFLICT;
}

enum err app_rotate(struct tx *tx, struct str app_id, struct str sealed_secret,
                    int64_t previous_until, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(
        tx,
        "UPDATE apps SET secret = $2, updated_at = $4, "
        "previous_secret = CASE WHEN CAST($3 AS bigint) IS NULL THEN NULL "
        "ELSE secret END, previous_until = $3 WHERE app_id = $1",
        PARAMS(p_text(app_id), p_blob(sealed_secret), p_opt_i64(previous_until), p_i64(now)),
        &changes);
    return expect_one(e, changes);
}

enum err app_set_token(struct tx *tx, struct str app_id, struct str sealed_token, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx, "UPDATE apps SET verify_token = $2, updated_at = $3 WHERE app_id = $1",
                         PARAMS(p_text(app_id), p_blob(sealed_token), p_i64(now)), &changes);
    return expect_one(e, changes);
}

enum err app_remove(struct tx *tx, struct str app_id)
{
    int64_t changes = 0;
    enum err e =
        tx_exec(tx, "DELETE FROM apps WHERE app_id = $1", PARAMS(p_text(app_id)), &changes);
    return expect_one(e, changes);
}

enum err app_each(struct tx *tx, enum err (*each)(void *arg, const struct app *a), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT a.id, a.workspace_id, w.domain, a.app_id, a.name, a.secret, "
                          "a.previous_secret, a.previous_until, a.verify_token, a.created_at, "
                          "a.updated_at FROM apps a LEFT JOIN workspaces w "
                          "ON w.id = a.workspace_id ORDER BY a.id",
                          NO_PARAMS, &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct app a = {
            .id = row_i64(&rows, 0),
            .workspace_id = row_i64(&rows, 1),
            .workspace_domain = row_text(&rows, 2),
            .app_id = row_text(&rows, 3),
            .name = row_text(&rows, 4),
            .sealed_secret = row_blob(&rows, 5),
            .sealed_previous = row_blob(&rows, 6),
            .previous_until = row_i64(&rows, 7),
            .sealed_token = row_blob(&rows, 8),
            .created_at = row_i64(&rows, 9),
            .updated_at = row_i64(&rows, 10),
        };
        stopped = each(arg, &a);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}
