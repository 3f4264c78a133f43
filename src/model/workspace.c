#include "model/workspace.h"

#define COLUMNS                                                                                    \
    "w.id, w.domain, w.name, w.disabled_at, w.created_at, w.updated_at, "                          \
    "(SELECT count(*) FROM clients c WHERE c.workspace_id = w.id), "                               \
    "(SELECT count(*) FROM numbers n WHERE n.workspace_id = w.id AND n.unlinked_at IS NULL) "

bool workspace_domain_is_valid(struct str domain)
{
    if (domain.len == 0 || domain.len > DOMAIN_MAX)
        return false;
    if (domain.ptr[0] == '-' || domain.ptr[domain.len - 1] == '-')
        return false;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

enum err workspace_insert(struct tx *tx, struct str domain, struct str name, int64_t now,
                          int64_t *ret_id)
{
    return tx_i64(tx,
                  "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                  "VALUES ($1, $2, $3, $3) RETURNING id",
                  PARAMS(p_text(domain), p_text(name), p_i64(now)), ret_id);
}

enum err workspace_update(struct tx *tx, struct str domain, struct str name, int enabled,
                          int64_t now)
{
    int64_t changes;
    enum err e = tx_exec(tx,
                         "UPDATE workspaces SET name = coalesce($2, name), updated_at = $4, "
                         "disabled_at = CASE $3 WHEN 1 THEN NULL "
                         "WHEN 0 THEN coalesce(disabled_at, $4) ELSE disabled_at END "
                         "WHERE domain = $1",
                         PARAMS(p_text(domain), p_opt(name), p_i64(enabled), p_i64(now)), &changes);
    if (!e && changes == 0)
        e = ERR_NOT_FOUND;
    return e;
}

enum err workspace_get_plan(struct tx *tx, int64_t id, struct arena *arena, struct str *ret)
{
    struct rows rows;
    enum err e =
        tx_query(tx, "SELECT plan FROM workspaces WHERE id = $1", PARAMS(p_i64(id)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    struct str plan = found ? arena_dup(arena, row_text(&rows, 0)) : STR("");
    e = rows_close(&rows);
    if (e)
        return e;
    if (!found)
        return ERR_NOT_FOUND;
    *ret = plan;
    return plan.ptr ? ERR_OK : ERR_NO_MEMORY;
}

enum err workspace_set_plan(struct tx *tx, int64_t id, struct str plan, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx, "UPDATE workspaces SET plan = $2, updated_at = $3 WHERE id = $1",
                         PARAMS(p_i64(id), p_opt(plan), p_i64(now)), &changes);
    return e ? e : changes ? ERR_OK : ERR_NOT_FOUND;
}

static struct workspace read_row(const struct rows *rows)
{
    return (struct workspace){
        .id = row_i64(rows, 0),
        .domain = row_text(rows, 1),
        .name = row_text(rows, 2),
        .disabled_at = row_i64(rows, 3),
        .created_at = row_i64(rows, 4),
        .updated_at = row_i64(rows, 5),
        .n_clients = row_i64(rows, 6),
        .n_numbers = row_i64(rows, 7),
    };
}

enum err workspace_find(struct tx *tx, struct str domain, struct arena *arena,
                        struct workspace *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, "SELECT " COLUMNS "FROM workspaces w WHERE w.domain = $1",
                          PARAMS(p_text(domain)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    struct workspace w = {0};
    if (found) {
        w = read_row(&rows);
        w.domain = arena_dup(arena, w.domain);
        w.name = arena_dup(arena, w.name);
    }
    e = rows_close(&rows);
    if (e)
        return e;
    if (!found)
        return ERR_NOT_FOUND;
    *ret = w;
    return w.domain.ptr && w.name.ptr ? ERR_OK : ERR_NO_MEMORY;
}

enum err workspace_each(struct tx *tx, enum err (*each)(void *arg, const struct workspace *w),
                        void *arg)
{
    struct rows rows;
    enum err e =
        tx_query(tx, "SELECT " COLUMNS "FROM workspaces w ORDER BY w.id", NO_PARAMS, &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        struct workspace w = read_row(&rows);
        stopped = each(arg, &w);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}
