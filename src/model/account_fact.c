#include "model/account_fact.h"
#include "model/event.h"
#include "json/writer.h"

/* --- what is known ------------------------------------------------------------------------ */

struct known {
    struct buf value;
    int64_t known_at;
    bool there;
};

static enum err find(struct tx *tx, int64_t account_id, struct str field, struct known *ret)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT value, known_at FROM account_facts "
                          "WHERE account_id = $1 AND field = $2",
                          PARAMS(p_i64(account_id), p_text(field)), &rows);
    if (e)
        return e;
    ret->there = rows_next(&rows);
    if (ret->there) {
        buf_add(&ret->value, row_text(&rows, 0));
        ret->known_at = row_i64(&rows, 1);
    }
    e = rows_close(&rows);
    return !e && !buf_ok(&ret->value) ? ERR_NO_MEMORY : e;
}

static enum err put(struct tx *tx, int64_t account_id, const struct account_fact *f)
{
    return tx_exec(
        tx,
        "INSERT INTO account_facts (account_id, field, value, known_at) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, field) DO UPDATE "
        "SET value = excluded.value, known_at = excluded.known_at",
        PARAMS(p_i64(account_id), p_text(f->field), p_text(f->value), p_i64(f->known_at)), NULL);
}

static enum err record(struct tx *tx, int64_t account_id, struct str field, struct str from,
                       struct str to, const struct change_cause *cause)
{
    return tx_exec(tx,
                   "INSERT INTO account_changes (account_id, position, field, from_value, "
                   "to_value, source, at) VALUES ($1, (SELECT coalesce(max(position), 0) + 1 "
                   "FROM account_changes WHERE account_id = $1), $2, $3, $4, $5, $6)",
                   PARAMS(p_i64(account_id), p_text(field), p_opt(from), p_opt(to),
                          p_text(str_from(cause->source)), p_i64(cause->now)),
                   NULL);
}

/* --- the event ---------------------------------------------------------------------------- */

static enum err tell(struct tx *tx, const struct account *a, const struct account_fact *fact,
                     struct str previous, const struct account_news *news,
                     const struct change_cause *cause)
{
    char key[64];
    snprintf(key, sizeof(key), "account:%lld", (long long)a->id);
    _cleanup_(buf_release)
    struct buf data;
    struct json_writer w;
    buf_init(&data, EVENT_MAX);
    json_writer_init(&w, &data);
    json_open(&w, '{');
    json_member_str(&w, "waba_id", a->waba_id);
    json_member_str(&w, "name", a->name);
    json_member_opt(&w, "phone_number", news->phone_number);
    json_member_str(&w, "field", fact->field);
    json_member_opt(&w, "previous", previous);
    json_member_opt(&w, "current", fact->value);
    json_member_cstr(&w, "webhook", news->webhook);
    json_member_opt(&w, "webhook_event", news->event);
    json_key(&w, "details");
    json_raw(&w, news->value.len ? news->value : STR("null"));
    json_member_cstr(&w, "source", cause->source);
    json_member_time(&w, "at", cause->now);
    json_close(&w, '}');
    if (!buf_ok(&data))
        return ERR_NO_MEMORY;
    const struct new_event event = {.workspace_id = a->workspace_id,
                                    .name = "account.updated",
                                    .order_key = str_from(key),
                                    .data = buf_str(&data),
                                    .now = cause->now};
    return event_emit(tx, &event);
}

static enum err change(struct tx *tx, const struct account *a, const struct account_fact *fact,
                       struct str previous, const struct account_news *news,
                       const struct change_cause *cause)
{
    enum err e = put(tx, a->id, fact);
    if (!e)
        e = record(tx, a->id, fact->field, previous, fact->value, cause);
    return e ? e : tell(tx, a, fact, previous, news, cause);
}

enum err account_fact_put(struct tx *tx, const struct account *a, const struct account_fact *fact,
                          const struct account_news *news, const struct change_cause *cause,
                          bool *ret_changed)
{
    struct known known = {.there = false};
    buf_init(&known.value, EVENT_MAX);
    *ret_changed = false;
    enum err e = find(tx, a->id, fact->field, &known);
    bool older = known.there && fact->known_at + WEBHOOK_SECOND_MS < known.known_at;
    bool same = known.there && str_eq(buf_str(&known.value), fact->value);
    if (!e && !older && !same) {
        *ret_changed = true;
        e = change(tx, a, fact, buf_str(&known.value), news, cause);
    } else if (!e && same && fact->known_at > known.known_at) {
        e = put(tx, a->id, fact); /* what was so in between comes too late from now on */
    }
    buf_release(&known.value);
    return e;
}

enum err account_fact_each(struct tx *tx, int64_t account_id,
                           enum err (*each)(void *arg, const struct account_fact *f), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT field, value, known_at FROM account_facts WHERE account_id = $1 "
                          "ORDER BY field",
                          PARAMS(p_i64(account_id)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct account_fact f = {row_text(&rows, 0), row_text(&rows, 1), row_i64(&rows, 2)};
        stopped = each(arg, &f);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

/* --- history ------------------------------------------------------------------------------ */

enum err account_each_change(struct tx *tx, int64_t account_id, int64_t newest, int64_t limit,
                             enum err (*each)(void *arg, const struct change_entry *c), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT field, from_value, to_value, source, at FROM account_changes "
                          "WHERE account_id = $1 AND position <= $2 AND position > $3 "
                          "ORDER BY position DESC",
                          PARAMS(p_i64(account_id), p_i64(newest), p_i64(newest - limit)), &rows);
    return e ? e : change_each_row(&rows, each, arg);
}

enum err account_count_changes(struct tx *tx, int64_t account_id, int64_t *ret)
{
    return tx_i64(tx,
                  "SELECT coalesce(max(position), 0) FROM account_changes WHERE account_id = $1",
                  PARAMS(p_i64(account_id)), ret);
}

/* --- hints -------------------------------------------------------------------------------- */

enum err account_hint(struct tx *tx, int64_t account_id)
{
    tx_announce(tx);
    return tx_exec(tx, "UPDATE accounts SET hints = hints + 1 WHERE id = $1",
                   PARAMS(p_i64(account_id)), NULL);
}

enum err account_each_hinted(struct tx *tx, int64_t limit, enum err (*each)(void *arg, int64_t id),
                             void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT id FROM accounts WHERE hints <> hints_answered "
                          "AND unlinked_at IS NULL ORDER BY id LIMIT $1",
                          PARAMS(p_i64(limit)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows))
        stopped = each(arg, row_i64(&rows, 0));
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err account_answer_hints(struct tx *tx, int64_t account_id, int64_t hints)
{
    return tx_exec(tx, "UPDATE accounts SET hints_answered = $2 WHERE id = $1",
                   PARAMS(p_i64(account_id), p_i64(hints)), NULL);
}
