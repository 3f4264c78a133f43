#include "model/webhook.h"
#include "base/random.h"
#include "crypto/base64.h"

enum err webhook_make_secret(const struct keyring *keyring, int64_t id, struct arena *arena,
                             struct str *ret_sealed)
{
    unsigned char bytes[WEBHOOK_SECRET_BYTES];
    char text[sizeof(WEBHOOK_SECRET_PREFIX) - 1 + BASE64_SIZE(WEBHOOK_SECRET_BYTES)] =
        WEBHOOK_SECRET_PREFIX;
    random_bytes(bytes, sizeof(bytes));
    base64_encode(bytes, sizeof(bytes), text + sizeof(WEBHOOK_SECRET_PREFIX) - 1);
    struct str context = arena_printf(arena, WEBHOOK_SEAL_CONTEXT, (long long)id);
    *ret_sealed =
        context.ptr ? seal(keyring, context, str_from(text), arena) : (struct str){NULL, 0};
    wipe(bytes, sizeof(bytes));
    wipe(text, sizeof(text));
    return ret_sealed->ptr ? ERR_OK : ERR_NO_MEMORY;
}

/* --- who wants what ------------------------------------------------------------------------- */

static enum err subscribe(struct tx *tx, int64_t id, int64_t workspace_id, struct str event)
{
    return tx_exec(tx,
                   "INSERT INTO subscriptions (workspace_id, event, webhook_id) "
                   "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                   PARAMS(p_i64(workspace_id), p_text(event), p_i64(id)), NULL);
}

static enum err unsubscribe(struct tx *tx, int64_t id)
{
    return tx_exec(tx, "DELETE FROM subscriptions WHERE webhook_id = $1", PARAMS(p_i64(id)), NULL);
}

/* As the webhook is now: one that is disabled hears of nothing. */
static enum err resubscribe(struct tx *tx, int64_t id)
{
    struct arena arena;
    struct webhook w;
    arena_init(&arena, REQUEST_ARENA_MAX);
    enum err e = unsubscribe(tx, id);
    if (!e)
        e = webhook_find(tx, 0, id, &arena, &w);
    struct str rest = e || w.disabled_at ? STR("") : w.events;
    while (!e && rest.len)
        e = subscribe(tx, id, w.workspace_id, str_split(&rest, ' '));
    arena_release(&arena);
    return e;
}

/* --- writing ------------------------------------------------------------------------------ */

static enum err expect_one(enum err e, int64_t changes)
{
    return e ? e : changes == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err webhook_insert(struct tx *tx, const struct webhook *e, int64_t *ret_id)
{
    enum err err =
        tx_i64(tx,
               "INSERT INTO webhooks (workspace_id, url, events, secret, disabled_at, "
               "disabled_reason, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) "
               "RETURNING id",
               PARAMS(p_i64(e->workspace_id), p_text(e->url), p_text(e->events), p_blob(STR("")),
                      p_opt_i64(e->disabled_at), p_opt(e->disabled_reason), p_i64(e->created_at)),
               ret_id);
    return err ? err : resubscribe(tx, *ret_id);
}

enum err webhook_set_secret(struct tx *tx, int64_t id, struct str sealed_secret,
                            int64_t previous_until, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(
        tx,
        "UPDATE webhooks SET secret = $2, updated_at = $4, "
        "previous_secret = CASE WHEN CAST($3 AS bigint) IS NULL THEN NULL "
        "ELSE secret END, previous_until = $3 "
        "WHERE id = $1 AND deleted_at IS NULL",
        PARAMS(p_i64(id), p_blob(sealed_secret), p_opt_i64(previous_until), p_i64(now)), &changes);
    return expect_one(e, changes);
}

enum err webhook_set_target(struct tx *tx, int64_t id, struct str url, struct str events,
                            int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE webhooks SET url = $2, events = $3, updated_at = $4, "
                         "failing_since = CASE WHEN url = $2 THEN failing_since END "
                         "WHERE id = $1 AND deleted_at IS NULL",
                         PARAMS(p_i64(id), p_text(url), p_text(events), p_i64(now)), &changes);
    e = expect_one(e, changes);
    return e ? e : resubscribe(tx, id);
}

enum err webhook_set_disabled(struct tx *tx, int64_t id, const char *reason, int64_t now)
{
    int64_t changes = 0;
    int64_t disabled_at = *reason ? now : 0;
    enum err e = tx_exec(
        tx,
        "UPDATE webhooks SET disabled_at = $2, disabled_reason = $3, "
        "failing_since = CASE WHEN CAST($2 AS bigint) IS NULL THEN NULL "
        "ELSE failing_since END, updated_at = $4 "
        "WHERE id = $1 AND deleted_at IS NULL",
        PARAMS(p_i64(id), p_opt_i64(disabled_at), p_opt(str_from(reason)), p_i64(now)), &changes);
    tx_announce(tx); /* what waited for it may go on */
    e = expect_one(e, changes);
    return e ? e : resubscribe(tx, id);
}

enum err webhook_set_failing(struct tx *tx, int64_t id, int64_t since)
{
    return tx_exec(tx, "UPDATE webhooks SET failing_since = $2 WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(since)), NULL);
}

/* Nearly always it is known to work, and nothing is written. */
enum err webhook_set_working(struct tx *tx, int64_t id)
{
    return tx_exec(tx,
                   "UPDATE webhooks SET failing_since = NULL "
                   "WHERE id = $1 AND failing_since IS NOT NULL",
                   PARAMS(p_i64(id)), NULL);
}

enum err webhook_delete(struct tx *tx, int64_t id, int64_t now)
{
    enum err e = unsubscribe(tx, id);
    return e ? e
             : tx_exec(tx,
                       "UPDATE webhooks SET deleted_at = $2, secret = $3, previous_secret = NULL "
                       "WHERE id = $1",
                       PARAMS(p_i64(id), p_i64(now), p_blob(STR(""))), NULL);
}

/* --- reading ------------------------------------------------------------------------------ */

#define SELECT_ENDPOINTS                                                                           \
    "SELECT e.id, e.workspace_id, w.domain, e.url, e.events, e.secret, e.previous_secret, "        \
    "e.previous_until, e.disabled_at, e.disabled_reason, e.failing_since, e.replica_id, "          \
    "e.created_at, e.updated_at FROM webhooks e JOIN workspaces w ON w.id = e.workspace_id "

static struct webhook read_row(const struct rows *rows)
{
    return (struct webhook){
        .id = row_i64(rows, 0),
        .workspace_id = row_i64(rows, 1),
        .workspace_domain = row_text(rows, 2),
        .url = row_text(rows, 3),
        .events = row_text(rows, 4),
        .sealed_secret = row_blob(rows, 5),
        .sealed_previous = row_blob(rows, 6),
        .previous_until = row_i64(rows, 7),
        .disabled_at = row_i64(rows, 8),
        .disabled_reason = row_text(rows, 9),
        .failing_since = row_i64(rows, 10),
        .replica_id = row_i64(rows, 11),
        .created_at = row_i64(rows, 12),
        .updated_at = row_i64(rows, 13),
    };
}

static bool copy_row(const struct webhook *from, struct arena *arena, struct webhook *ret)
{
    *ret = *from;
    struct str *texts[] = {&ret->workspace_domain, &ret->url,
                           &ret->events,           &ret->sealed_secret,
                           &ret->sealed_previous,  &ret->disabled_reason};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(arena, *texts[i]);
        if (!texts[i]->ptr)
            return false;
    }
    return true;
}

enum err webhook_find(struct tx *tx, int64_t workspace_id, int64_t id, struct arena *arena,
                      struct webhook *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, SELECT_ENDPOINTS "WHERE e.id = $1 AND e.deleted_at IS NULL",
                          PARAMS(p_i64(id)), &rows);
    if (e)
        return e;
    bool found = rows_next(&rows), fits = true;
    if (found) {
        struct webhook row = read_row(&rows);
        found = !workspace_id || row.workspace_id == workspace_id;
        fits = copy_row(&row, arena, ret);
    }
    e = rows_close(&rows);
    if (!e && !fits)
        e = ERR_NO_MEMORY;
    return e ? e : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err webhook_each(struct tx *tx, int64_t workspace_id,
                      enum err (*each)(void *arg, const struct webhook *e), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          SELECT_ENDPOINTS
                          "WHERE e.workspace_id = $1 AND e.deleted_at IS NULL "
                          "ORDER BY e.id",
                          PARAMS(p_i64(workspace_id)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        struct webhook row = read_row(&rows);
        stopped = each(arg, &row);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err webhook_each_wanting(struct tx *tx, int64_t workspace_id, struct str event,
                              enum err (*each)(void *arg, int64_t webhook_id), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT webhook_id FROM subscriptions "
                          "WHERE workspace_id = $1 AND event IN ($2, '*')",
                          PARAMS(p_i64(workspace_id), p_text(event)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows))
        stopped = each(arg, row_i64(&rows, 0));
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err webhook_count(struct tx *tx, int64_t workspace_id, int64_t *ret)
{
    return tx_i64(tx,
                  "SELECT count(*) FROM webhooks WHERE workspace_id = $1 AND deleted_at IS NULL",
                  PARAMS(p_i64(workspace_id)), ret);
}

/* --- who delivers ------------------------------------------------------------------------- */

enum err webhook_claim(struct tx *tx, int64_t id, int64_t replica, bool *ret)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE webhooks SET replica_id = $2 WHERE id = $1 "
                         "AND (replica_id IS NULL OR replica_id = $2) "
                         "AND EXISTS (SELECT 1 FROM replicas WHERE id = $2)",
                         PARAMS(p_i64(id), p_i64(replica)), &changes);
    *ret = changes == 1;
    return e;
}

enum err webhook_leave_all(struct tx *tx, int64_t replica)
{
    return tx_exec(tx, "UPDATE webhooks SET replica_id = NULL WHERE replica_id = $1",
                   PARAMS(p_i64(replica)), NULL);
}
