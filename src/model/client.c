#include "model/client.h"

enum err client_insert(struct tx *tx, int64_t workspace_id, struct str client_id, struct str name,
                       struct str sealed_secret, int64_t now)
{
    return tx_exec(tx,
                   "INSERT INTO clients (workspace_id, client_id, name, secret, created_at, "
                   "updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                   PARAMS(p_i64(workspace_id), p_text(client_id), p_text(name),
                          p_blob(sealed_secret), p_i64(now)),
                   NULL);
}

static enum err expect_one(enum err e, int64_t changes)
{
    return e ? e : changes == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err client_rotate(struct tx *tx, int64_t workspace_id, struct str client_id,
                       struct str sealed_secret, int64_t previous_until, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE clients SET secret = $3, updated_at = $5, "
                         "previous_secret = CASE WHEN CAST($4 AS bigint) IS NULL THEN NULL "
                         "ELSE secret END, "
                         "previous_until = $4 WHERE workspace_id = $1 AND client_id = $2",
                         PARAMS(p_i64(workspace_id), p_text(client_id), p_blob(sealed_secret),
                                p_opt_i64(previous_until), p_i64(now)),
                         &changes);
    return expect_one(e, changes);
}

enum err client_set_enabled(struct tx *tx, int64_t workspace_id, struct str client_id, bool enabled,
                            int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE clients SET updated_at = $4, disabled_at = CASE $3 WHEN 1 "
                         "THEN NULL ELSE coalesce(disabled_at, $4) END "
                         "WHERE workspace_id = $1 AND client_id = $2",
                         PARAMS(p_i64(workspace_id), p_text(client_id), p_i64(enabled), p_i64(now)),
                         &changes);
    return expect_one(e, changes);
}

enum err client_set_permissions(struct tx *tx, int64_t workspace_id, struct str client_id,
                                struct str permissions, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(
        tx,
        "UPDATE clients SET permissions = $3, updated_at = $4 "
        "WHERE workspace_id = $1 AND client_id = $2",
        PARAMS(p_i64(workspace_id), p_text(client_id), p_opt(permissions), p_i64(now)), &changes);
    return expect_one(e, changes);
}

#define SELECT_CLIENTS                                                                             \
    "SELECT c.id, c.workspace_id, w.domain, w.disabled_at IS NULL, c.client_id, c.name, "          \
    "c.secret, c.previous_secret, c.previous_until, c.disabled_at, c.created_at, c.updated_at, "   \
    "w.plan, c.permissions "                                                                       \
    "FROM clients c JOIN workspaces w ON w.id = c.workspace_id "

static struct client read_row(const struct rows *rows)
{
    return (struct client){
        .id = row_i64(rows, 0),
        .workspace_id = row_i64(rows, 1),
        .workspace_domain = row_text(rows, 2),
        .workspace_enabled = row_i64(rows, 3) != 0,
        .client_id = row_text(rows, 4),
        .name = row_text(rows, 5),
        .sealed_secret = row_blob(rows, 6),
        .sealed_previous = row_blob(rows, 7),
        .previous_until = row_i64(rows, 8),
        .disabled_at = row_i64(rows, 9),
        .created_at = row_i64(rows, 10),
        .updated_at = row_i64(rows, 11),
        .workspace_plan = row_text(rows, 12),
        .permissions = row_text(rows, 13),
    };
}

static enum err each_row(struct rows *rows, enum err (*each)(void *arg, const struct client *c),
                         void *arg)
{
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(rows)) {
        struct client c = read_row(rows);
        stopped = each(arg, &c);
    }
    enum err e = rows_close(rows);
    return stopped ? stopped : e;
}

struct copying {
    struct arena *arena;
    struct client *to;
    bool found;
};

static enum err copy_row(void *arg, const struct client *c)
{
    struct copying *copying = arg;
    struct str *texts[] = {&copying->to->workspace_domain, &copying->to->workspace_plan,
                           &copying->to->client_id, &copying->to->name, &copying->to->permissions};
    *copying->to = *c;
    copying->found = true;
    copying->to->sealed_secret = copying->to->sealed_previous = STR("");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(copying->arena, *texts[i]);
        if (!texts[i]->ptr)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

enum err client_find(struct tx *tx, int64_t workspace_id, struct str client_id, struct arena *arena,
                     struct client *ret)
{
    struct rows rows;
    struct copying copying = {.arena = arena, .to = ret};
    enum err e = tx_query(tx, SELECT_CLIENTS "WHERE c.workspace_id = $1 AND c.client_id = $2",
                          PARAMS(p_i64(workspace_id), p_text(client_id)), &rows);
    if (!e)
        e = each_row(&rows, copy_row, &copying);
    return e ? e : copying.found ? ERR_OK : ERR_NOT_FOUND;
}

enum err client_each(struct tx *tx, enum err (*each)(void *arg, const struct client *c), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx, SELECT_CLIENTS "ORDER BY c.workspace_id, c.id", NO_PARAMS, &rows);
    return e ? e : each_row(&rows, each, arg);
}

enum err client_each_of_workspace(struct tx *tx, int64_t workspace_id,
                                  enum err (*each)(void *arg, const struct client *c), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx, SELECT_CLIENTS "WHERE c.workspace_id = $1 ORDER BY c.id",
                          PARAMS(p_i64(workspace_id)), &rows);
    return e ? e : each_row(&rows, each, arg);
}
