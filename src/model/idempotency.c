#include "model/idempotency.h"

static const struct str states[] = {
    [IDEMPOTENCY_RUNNING] = STR_INIT("running"),
    [IDEMPOTENCY_APPLIED] = STR_INIT("applied"),
    [IDEMPOTENCY_DONE] = STR_INIT("done"),
};

static enum err read_state(struct str text, enum idempotency_state *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (!str_eq(text, states[i]))
            continue;
        *ret = (enum idempotency_state)i;
        return ERR_OK;
    }
    return ERR_INTERNAL;
}

static int64_t running_since(int64_t now)
{
    return now - IDEMPOTENCY_RUNNING_S * INT64_C(1000);
}

/* Does somebody still carry it out? A claim is over with its time, or with its replica. */
#define RUNS(since)                                                                                \
    "(created_at > " since                                                                         \
    " AND (replica_id IS NULL OR EXISTS "                                                          \
    "(SELECT 1 FROM replicas WHERE replicas.id = idempotency.replica_id)))"

static enum err read_row(const struct rows *rows, const struct idempotency_key *key,
                         struct idempotency *ret, struct buf *body)
{
    *ret = (struct idempotency){
        .id = row_i64(rows, 0),
        .same = str_eq(row_blob(rows, 2), key->fingerprint),
        .result_id = row_i64(rows, 3),
        .status = (int)row_i64(rows, 4),
    };
    buf_add(body, row_text(rows, 5));
    return buf_ok(body) ? read_state(row_text(rows, 1), &ret->state) : ERR_NO_MEMORY;
}

enum err idempotency_ask(struct tx *tx, const struct idempotency_key *key, int64_t now,
                         struct rows *ret)
{
    /* 'key:...' comes before 'signature:...' */
    return tx_query(tx,
                    "SELECT id, CASE WHEN state = 'running' AND body IS NOT NULL "
                    "AND NOT " RUNS("$5") " THEN 'done' ELSE state END, "
                    "fingerprint, result_id, status, body, "
                    "CASE state WHEN 'running' THEN " RUNS("$5") " "
                    "OR (body IS NOT NULL AND expires_at > $4) ELSE expires_at > $4 END "
                    "FROM idempotency WHERE client_id = $1 AND key IN ($2, $3) ORDER BY key",
                    PARAMS(p_i64(key->client_id), p_text(key->key), p_text(key->signature),
                           p_i64(now), p_i64(running_since(now))),
                    ret);
}

enum err idempotency_read(struct rows *rows, struct idempotency_key *key, struct idempotency *ret,
                          struct buf *body)
{
    enum err row = ERR_NOT_FOUND;
    key->has_old = false;
    while (row == ERR_NOT_FOUND && rows_next(rows)) {
        if (row_i64(rows, 6))
            row = read_row(rows, key, ret, body);
        else
            key->has_old = true;
    }
    enum err e = rows_close(rows);
    return e ? e : row;
}

enum err idempotency_find(struct tx *tx, struct idempotency_key *key, int64_t now,
                          struct idempotency *ret, struct buf *body)
{
    struct rows rows;
    enum err e = idempotency_ask(tx, key, now, &rows);
    return e ? e : idempotency_read(&rows, key, ret, body);
}

/* Ids are never given twice: who claimed it, and was too slow, finds it no more. */
static enum err make_room(struct tx *tx, const struct idempotency_key *key, int64_t now)
{
    if (!key->has_old)
        return ERR_OK;
    return tx_exec(
        tx,
        "DELETE FROM idempotency WHERE client_id = $1 AND key = $2 "
        "AND CASE state WHEN 'running' THEN NOT " RUNS("$4") " "
        "ELSE expires_at <= $3 END",
        PARAMS(p_i64(key->client_id), p_text(key->key), p_i64(now), p_i64(running_since(now))),
        NULL);
}

enum err idempotency_claim(struct tx *tx, const struct idempotency_key *key, int64_t now,
                           int64_t *ret_id)
{
    enum err e = make_room(tx, key, now);
    return e ? e
             : tx_i64(tx,
                      "INSERT INTO idempotency (client_id, key, fingerprint, state, created_at, "
                      "expires_at, replica_id) VALUES ($1, $2, $3, 'running', $4, $5, $6) "
                      "RETURNING id",
                      PARAMS(p_i64(key->client_id), p_text(key->key), p_blob(key->fingerprint),
                             p_i64(now), p_i64(key->expires_at), p_opt_i64(key->replica)),
                      ret_id);
}

enum err idempotency_set_last_word(struct tx *tx, int64_t id, int status, struct str body)
{
    return tx_exec(tx, "UPDATE idempotency SET status = $2, body = $3 WHERE id = $1",
                   PARAMS(p_i64(id), p_i64(status), p_text(body)), NULL);
}

enum err idempotency_keep(struct tx *tx, const struct idempotency_key *key, int64_t now, int status,
                          struct str body)
{
    enum err e = make_room(tx, key, now);
    return e ? e
             : tx_exec(tx,
                       "INSERT INTO idempotency (client_id, key, fingerprint, state, status, body, "
                       "created_at, expires_at) VALUES ($1, $2, $3, 'done', $4, $5, $6, $7)",
                       PARAMS(p_i64(key->client_id), p_text(key->key), p_blob(key->fingerprint),
                              p_i64(status), p_text(body), p_i64(now), p_i64(key->expires_at)),
                       NULL);
}

static enum err expect_one(enum err e, int64_t changes, enum err otherwise)
{
    return e ? e : changes == 1 ? ERR_OK : otherwise;
}

enum err idempotency_set_applied(struct tx *tx, int64_t id, int64_t result_id)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE idempotency SET state = 'applied', result_id = $2 "
                         "WHERE id = $1 AND state = 'running'",
                         PARAMS(p_i64(id), p_i64(result_id)), &changes);
    return expect_one(e, changes, ERR_IN_PROGRESS);
}

enum err idempotency_set_done(struct tx *tx, int64_t id, int status, struct str body)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx,
                         "UPDATE idempotency SET state = 'done', status = $2, body = $3 "
                         "WHERE id = $1 AND state <> 'done'",
                         PARAMS(p_i64(id), p_i64(status), p_text(body)), &changes);
    return expect_one(e, changes, ERR_NOT_FOUND);
}

enum err idempotency_release(struct tx *tx, int64_t id)
{
    return tx_exec(tx, "DELETE FROM idempotency WHERE id = $1 AND state = 'running'",
                   PARAMS(p_i64(id)), NULL);
}

enum err idempotency_forget_running(struct tx *tx)
{
    enum err e = tx_exec(tx, "DELETE FROM idempotency WHERE state = 'running' AND body IS NULL",
                         NO_PARAMS, NULL);
    return e ? e
             : tx_exec(tx, "UPDATE idempotency SET state = 'done' WHERE state = 'running'",
                       NO_PARAMS, NULL);
}

/* The number of rows stands in the text: PostgreSQL would plan for a tenth of them all, and read
 * the table. */
enum err idempotency_purge(struct tx *tx, int64_t now, int64_t *ret_n)
{
    return tx_exec(tx,
                   "DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency "
                   "WHERE expires_at <= $1 AND (state <> 'running' OR created_at <= $2) "
                   "ORDER BY expires_at LIMIT " STRINGIFY(UPKEEP_PURGE_ROWS) ")",
                   PARAMS(p_i64(now), p_i64(running_since(now))), ret_n);
}
