#include "model/account.h"

#define SELECT_ACCOUNTS                                                                            \
    "SELECT a.id, a.workspace_id, w.domain, a.waba_id, a.name, a.access_token, a.template_count, " \
    "a.state, a.state_reason, a.confirmed_at, a.linked_at, "                                       \
    "(SELECT count(*) FROM numbers n WHERE n.account_id = a.id AND n.unlinked_at IS NULL), "       \
    "a.replica_id, holder.name, a.revision, a.hints, a.hints_answered "                            \
    "FROM accounts a JOIN workspaces w ON w.id = a.workspace_id "                                  \
    "LEFT JOIN replicas holder ON holder.id = a.replica_id WHERE a.unlinked_at IS NULL "

static struct account read_row(const struct rows *r)
{
    return (struct account){
        .id = row_i64(r, 0),
        .workspace_id = row_i64(r, 1),
        .workspace_domain = row_text(r, 2),
        .waba_id = row_text(r, 3),
        .name = row_text(r, 4),
        .sealed_token = row_blob(r, 5),
        .template_count = row_i64(r, 6),
        .state = row_text(r, 7),
        .state_reason = row_text(r, 8),
        .confirmed_at = row_i64(r, 9),
        .linked_at = row_i64(r, 10),
        .n_numbers = row_i64(r, 11),
        .replica_id = row_i64(r, 12),
        .replica = row_text(r, 13),
        .revision = row_i64(r, 14),
        .hints = row_i64(r, 15),
        .hinted = row_i64(r, 15) != row_i64(r, 16),
    };
}

enum err account_each(struct tx *tx, enum err (*each)(void *arg, const struct account *a),
                      void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx, SELECT_ACCOUNTS "ORDER BY a.id", NO_PARAMS, &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        struct account a = read_row(&rows);
        stopped = each(arg, &a);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

static enum err keep(struct account *a, struct arena *arena)
{
    struct str *texts[] = {&a->workspace_domain, &a->waba_id, &a->name, &a->sealed_token, &a->state,
                           &a->state_reason,     &a->replica};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(arena, *texts[i]);
        if (!texts[i]->ptr)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum err find(struct tx *tx, const char *sql, struct param param, struct arena *arena,
                     struct account *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, sql, &param, 1, &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    struct account a = {0};
    enum err kept = ERR_OK;
    if (found) {
        a = read_row(&rows);
        kept = keep(&a, arena);
    }
    e = rows_close(&rows);
    if (!e)
        e = found ? kept : ERR_NOT_FOUND;
    if (!e)
        *ret = a;
    return e;
}

enum err account_find(struct tx *tx, int64_t id, struct arena *arena, struct account *ret)
{
    return find(tx, SELECT_ACCOUNTS "AND a.id = $1", p_i64(id), arena, ret);
}

enum err account_find_waba(struct tx *tx, struct str waba_id, struct arena *arena,
                           struct account *ret)
{
    return find(tx, SELECT_ACCOUNTS "AND a.waba_id = $1", p_text(waba_id), arena, ret);
}

enum err account_find_brief(struct tx *tx, struct str waba_id, struct arena *arena,
                            struct account *ret)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT id, workspace_id, waba_id, name FROM accounts "
                          "WHERE waba_id = $1 AND unlinked_at IS NULL",
                          PARAMS(p_text(waba_id)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows);
    if (found)
        *ret = (struct account){.id = row_i64(&rows, 0),
                                .workspace_id = row_i64(&rows, 1),
                                .waba_id = arena_dup(arena, row_text(&rows, 2)),
                                .name = arena_dup(arena, row_text(&rows, 3))};
    e = rows_close(&rows);
    if (e || !found)
        return e ? e : ERR_NOT_FOUND;
    return ret->waba_id.ptr && ret->name.ptr ? ERR_OK : ERR_NO_MEMORY;
}

enum err account_insert(struct tx *tx, int64_t workspace_id, struct str waba_id, struct str name,
                        struct str sealed_token, int64_t now, int64_t *ret_id)
{
    return tx_i64(tx,
                  "INSERT INTO accounts (workspace_id, waba_id, name, access_token, "
                  "template_count, state, confirmed_at, linked_at) "
                  "VALUES ($1, $2, $3, $4, 0, '" ACCOUNT_OK "', $5, $5) RETURNING id",
                  PARAMS(p_i64(workspace_id), p_text(waba_id), p_text(name), p_blob(sealed_token),
                         p_i64(now)),
                  ret_id);
}

enum err account_replace_token(struct tx *tx, int64_t id, struct str sealed_token)
{
    return tx_exec(tx, "UPDATE accounts SET access_token = $2 WHERE id = $1",
                   PARAMS(p_i64(id), p_blob(sealed_token)), NULL);
}

enum err account_unlink(struct tx *tx, int64_t id, int64_t now)
{
    return tx_exec(tx,
                   "UPDATE accounts SET unlinked_at = $2, access_token = $3, replica_id = NULL "
                   "WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(now), p_blob(STR(""))), NULL);
}

enum err account_count_numbers(struct tx *tx, int64_t id, int64_t *ret)
{
    return tx_i64(tx, "SELECT count(*) FROM numbers WHERE account_id = $1 AND unlinked_at IS NULL",
                  PARAMS(p_i64(id)), ret);
}

enum err account_update(struct tx *tx, const struct account *a)
{
    return tx_exec(tx,
                   "UPDATE accounts SET name = $2, template_count = $3, state = $4, "
                   "state_reason = $5, confirmed_at = $6, revision = revision + 1 WHERE id = $1",
                   PARAMS(p_i64(a->id), p_text(a->name), p_i64(a->template_count), p_text(a->state),
                          p_opt(a->state_reason), p_i64(a->confirmed_at)),
                   NULL);
}

enum err account_touch(struct tx *tx, int64_t id)
{
    return tx_exec(tx, "UPDATE accounts SET revision = revision + 1 WHERE id = $1",
                   PARAMS(p_i64(id)), NULL);
}

enum err account_write_confirmed(struct tx *tx, int64_t id, int64_t confirmed_at)
{
    return tx_exec(tx,
                   "UPDATE accounts SET confirmed_at = $2 WHERE id = $1 AND confirmed_at < $2 "
                   "AND unlinked_at IS NULL",
                   PARAMS(p_i64(id), p_i64(confirmed_at)), NULL);
}
