#include "model/job.h"

/* --- writing ------------------------------------------------------------------------------ */

enum err job_insert(struct tx *tx, const struct job *j, int64_t *ret_id)
{
    return tx_i64(tx,
                  "INSERT INTO jobs (workspace_id, kind, webhook_id, event_id, order_key, state, "
                  "attempts, due_at, created_at) VALUES ($1, $2, $3, $4, $5, "
                  "CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE webhook_id = $3 AND order_key = $5 "
                  "AND ended_at IS NULL) THEN 'behind' ELSE 'waiting' END, 0, $6, $7) RETURNING id",
                  PARAMS(p_i64(j->workspace_id), p_text(j->kind), p_i64(j->webhook_id),
                         p_i64(j->event_id), p_opt(j->order_key), p_i64(j->due_at),
                         p_i64(j->created_at)),
                  ret_id);
}

/* The next one of the order key is the first now. */
static enum err move_up(struct tx *tx, const struct job *j, int64_t now)
{
    if (!j->order_key.len)
        return ERR_OK;
    return tx_exec(tx,
                   "UPDATE jobs SET state = 'waiting', due_at = $3 WHERE id = (SELECT id FROM jobs "
                   "WHERE webhook_id = $1 AND order_key = $2 AND ended_at IS NULL "
                   "ORDER BY id LIMIT 1) AND state = 'behind'",
                   PARAMS(p_i64(j->webhook_id), p_text(j->order_key), p_i64(now)), NULL);
}

static enum err end(struct tx *tx, const struct job *j, const char *state, struct str error,
                    int64_t attempts, int64_t now)
{
    int64_t changes = 0;
    enum err e = tx_exec(
        tx,
        "UPDATE jobs SET state = $2, error = $3, attempts = $4, ended_at = $5 "
        "WHERE id = $1 AND ended_at IS NULL",
        PARAMS(p_i64(j->id), p_text(str_from(state)), p_opt(error), p_i64(attempts), p_i64(now)),
        &changes);
    if (e || changes != 1)
        return e ? e : ERR_NOT_FOUND;
    return move_up(tx, j, now);
}

/* A try that is on record already, because its commit was in doubt or because another replica was
 * quicker, changes nothing. */
static enum err put_off(struct tx *tx, const struct job *j, struct str error, int64_t attempts,
                        int64_t due_at)
{
    int64_t changes = 0;
    enum err e =
        tx_exec(tx,
                "UPDATE jobs SET error = $2, attempts = $3, due_at = $4 "
                "WHERE id = $1 AND ended_at IS NULL AND attempts < $3",
                PARAMS(p_i64(j->id), p_opt(error), p_i64(attempts), p_i64(due_at)), &changes);
    return e ? e : changes == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err job_settle(struct tx *tx, const struct job *j, const struct job_attempt *a,
                    const char *state, int64_t due_at, int64_t now)
{
    enum err e = strcmp(state, JOB_WAITING) == 0 ? put_off(tx, j, a->error, a->position, due_at)
                                                 : end(tx, j, state, a->error, a->position, now);
    if (e)
        return e;
    return tx_exec(tx,
                   "INSERT INTO job_attempts (job_id, position, at, us, status, error, answer) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (job_id, position) DO UPDATE "
                   "SET at = excluded.at, us = excluded.us, status = excluded.status, "
                   "error = excluded.error, answer = excluded.answer",
                   PARAMS(p_i64(j->id), p_i64(a->position), p_i64(a->at), p_i64(a->us),
                          p_opt_i64(a->status), p_opt(a->error), p_blob(a->answer)),
                   NULL);
}

/* --- running ------------------------------------------------------------------------------ */

enum err job_each_due(struct tx *tx, int64_t webhook_id, int64_t now, int64_t limit,
                      enum err (*each)(void *arg, const struct job *j), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT j.id, j.workspace_id, j.event_id, j.order_key, j.attempts, "
                          "j.created_at, e.name, e.event_id, e.body FROM jobs j "
                          "JOIN events e ON e.id = j.event_id "
                          "WHERE j.webhook_id = $1 AND j.state = 'waiting' AND j.due_at <= $2 "
                          "ORDER BY j.due_at LIMIT $3",
                          PARAMS(p_i64(webhook_id), p_i64(now), p_i64(limit)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct job j = {
            .id = row_i64(&rows, 0),
            .workspace_id = row_i64(&rows, 1),
            .kind = STR(JOB_DELIVER),
            .webhook_id = webhook_id,
            .event_id = row_i64(&rows, 2),
            .order_key = row_text(&rows, 3),
            .state = STR(JOB_WAITING),
            .attempts = row_i64(&rows, 4),
            .created_at = row_i64(&rows, 5),
            .event_name = row_text(&rows, 6),
            .event_uid = row_text(&rows, 7),
            .body = row_text(&rows, 8),
        };
        stopped = each(arg, &j);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

/* An endpoint of which nothing waits has NULL here. */
#define FIRST_DUE                                                                                  \
    "(SELECT j.due_at FROM jobs j WHERE j.webhook_id = e.id AND j.state = 'waiting' "              \
    "ORDER BY j.due_at LIMIT 1)"

enum err job_each_line(struct tx *tx, enum err (*each)(void *arg, const struct job_line *l),
                       void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT e.id, e.replica_id, " FIRST_DUE
                          " FROM webhooks e "
                          "WHERE e.disabled_at IS NULL AND e.deleted_at IS NULL ORDER BY e.id",
                          NO_PARAMS, &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct job_line line = {row_i64(&rows, 0), row_i64(&rows, 1), row_i64(&rows, 2)};
        if (!row_is_null(&rows, 2))
            stopped = each(arg, &line);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err job_next_due(struct tx *tx, int64_t webhook_id, int64_t now, int64_t *ret)
{
    *ret = 0;
    enum err e = tx_i64(tx,
                        "SELECT due_at FROM jobs WHERE webhook_id = $1 AND state = 'waiting' "
                        "AND due_at > $2 ORDER BY due_at LIMIT 1",
                        PARAMS(p_i64(webhook_id), p_i64(now)), ret);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Some of the new jobs, by endpoint; the cursor moves behind them. *ret_n: how many they are. */
static enum err each_new(struct tx *tx, int64_t *cursor, int64_t *ret_n,
                         enum err (*each)(void *arg, int64_t webhook_id, int64_t due_at), void *arg)
{
    struct rows rows;
    enum err e = tx_query(
        tx,
        "SELECT webhook_id, max(id), count(*), min(due_at) FROM (SELECT webhook_id, id, due_at "
        "FROM jobs WHERE id > $1 ORDER BY id LIMIT " STRINGIFY(
            JOBS_NEW_ROWS) ") n GROUP BY webhook_id",
        PARAMS(p_i64(*cursor)), &rows);
    if (e)
        return e;
    int64_t last = *cursor, n = 0;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        last = MAX(last, row_i64(&rows, 1));
        n += row_i64(&rows, 2);
        if (!row_is_null(&rows, 0))
            stopped = each(arg, row_i64(&rows, 0), row_i64(&rows, 3));
    }
    e = rows_close(&rows);
    if (stopped || e)
        return stopped ? stopped : e;
    *cursor = last;
    *ret_n = n;
    return ERR_OK;
}

enum err job_each_new(struct tx *tx, int64_t *cursor,
                      enum err (*each)(void *arg, int64_t webhook_id, int64_t due_at), void *arg)
{
    enum err e;
    int64_t n;
    do
        e = each_new(tx, cursor, &n, each, arg);
    while (!e && n == JOBS_NEW_ROWS);
    return e;
}

enum err job_last(struct tx *tx, int64_t *ret)
{
    return tx_i64(tx, "SELECT coalesce(max(id), 0) FROM jobs", NO_PARAMS, ret);
}

/* --- by hand ------------------------------------------------------------------------------ */

#define COLUMNS                                                                                    \
    "j.id, j.workspace_id, w.domain, j.kind, j.webhook_id, p.url, j.event_id, e.name, "            \
    "e.event_id, j.order_key, j.state, j.attempts, j.due_at, j.error, j.created_at, j.ended_at "
#define FROM_JOBS                                                                                  \
    "FROM jobs j JOIN workspaces w ON w.id = j.workspace_id "                                      \
    "LEFT JOIN webhooks p ON p.id = j.webhook_id LEFT JOIN events e ON e.id = j.event_id "

static struct job read_row(const struct rows *rows)
{
    return (struct job){
        .id = row_i64(rows, 0),
        .workspace_id = row_i64(rows, 1),
        .workspace_domain = row_text(rows, 2),
        .kind = row_text(rows, 3),
        .webhook_id = row_i64(rows, 4),
        .url = row_text(rows, 5),
        .event_id = row_i64(rows, 6),
        .event_name = row_text(rows, 7),
        .event_uid = row_text(rows, 8),
        .order_key = row_text(rows, 9),
        .state = row_text(rows, 10),
        .attempts = row_i64(rows, 11),
        .due_at = row_i64(rows, 12),
        .error = row_text(rows, 13),
        .created_at = row_i64(rows, 14),
        .ended_at = row_i64(rows, 15),
    };
}

static enum err each_row(struct rows *rows, enum err (*each)(void *arg, const struct job *j),
                         void *arg)
{
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(rows)) {
        struct job j = read_row(rows);
        stopped = each(arg, &j);
    }
    enum err e = rows_close(rows);
    return stopped ? stopped : e;
}

/* One statement a filter that there is an index for: jobs_webhook_state, _webhook, _state,
 * _workspace. */
static enum err query(struct tx *tx, const struct job_filter *f, int64_t before, int64_t limit,
                      struct rows *ret)
{
    if (f->webhook_id && f->state.len)
        return tx_query(tx,
                        "SELECT " COLUMNS FROM_JOBS
                        "WHERE j.webhook_id = $1 AND j.state = $2 "
                        "AND j.id < $3 ORDER BY j.id DESC LIMIT $4",
                        PARAMS(p_i64(f->webhook_id), p_text(f->state), p_i64(before), p_i64(limit)),
                        ret);
    if (f->webhook_id)
        return tx_query(tx,
                        "SELECT " COLUMNS FROM_JOBS
                        "WHERE j.webhook_id = $1 AND j.id < $2 ORDER BY j.id DESC LIMIT $3",
                        PARAMS(p_i64(f->webhook_id), p_i64(before), p_i64(limit)), ret);
    if (f->state.len)
        return tx_query(
            tx,
            "SELECT " COLUMNS FROM_JOBS
            "WHERE j.state = $1 AND j.id < $3 "
            "AND (CAST($2 AS {int}) IS NULL OR j.workspace_id = $2) "
            "ORDER BY j.id DESC LIMIT $4",
            PARAMS(p_text(f->state), p_opt_i64(f->workspace_id), p_i64(before), p_i64(limit)), ret);
    if (f->workspace_id)
        return tx_query(tx,
                        "SELECT " COLUMNS FROM_JOBS
                        "WHERE j.workspace_id = $1 AND j.id < $2 ORDER BY j.id DESC LIMIT $3",
                        PARAMS(p_i64(f->workspace_id), p_i64(before), p_i64(limit)), ret);
    return tx_query(tx, "SELECT " COLUMNS FROM_JOBS "WHERE j.id < $1 ORDER BY j.id DESC LIMIT $2",
                    PARAMS(p_i64(before), p_i64(limit)), ret);
}

enum err job_each(struct tx *tx, const struct job_filter *f, int64_t before, int64_t limit,
                  enum err (*each)(void *arg, const struct job *j), void *arg)
{
    struct rows rows;
    enum err e = query(tx, f, before ? before : INT64_MAX, limit, &rows);
    return e ? e : each_row(&rows, each, arg);
}

struct copying {
    struct arena *arena;
    struct job *to;
    bool found;
};

static enum err copy_row(void *arg, const struct job *j)
{
    struct copying *c = arg;
    *c->to = *j;
    struct str *texts[] = {&c->to->workspace_domain,
                           &c->to->kind,
                           &c->to->url,
                           &c->to->event_name,
                           &c->to->event_uid,
                           &c->to->order_key,
                           &c->to->state,
                           &c->to->error,
                           &c->to->body};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(c->arena, *texts[i]);
        if (!texts[i]->ptr)
            return ERR_NO_MEMORY;
    }
    c->found = true;
    return ERR_OK;
}

enum err job_find(struct tx *tx, int64_t id, struct arena *arena, struct job *ret)
{
    struct rows rows;
    struct copying c = {arena, ret, false};
    enum err e =
        tx_query(tx, "SELECT " COLUMNS FROM_JOBS "WHERE j.id = $1", PARAMS(p_i64(id)), &rows);
    if (!e)
        e = each_row(&rows, copy_row, &c);
    if (e || !c.found)
        return e ? e : ERR_NOT_FOUND;
    e = tx_query(tx, "SELECT body FROM events WHERE id = $1", PARAMS(p_i64(ret->event_id)), &rows);
    if (e)
        return e;
    ret->body = rows_next(&rows) ? arena_dup(arena, row_text(&rows, 0)) : STR("");
    e = rows_close(&rows);
    return !e && !ret->body.ptr ? ERR_NO_MEMORY : e;
}

enum err job_each_attempt(struct tx *tx, int64_t id,
                          enum err (*each)(void *arg, const struct job_attempt *a), void *arg)
{
    struct rows rows;
    enum err e = tx_query(tx,
                          "SELECT position, at, us, status, error, answer FROM job_attempts "
                          "WHERE job_id = $1 ORDER BY position",
                          PARAMS(p_i64(id)), &rows);
    if (e)
        return e;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct job_attempt a = {row_i64(&rows, 0), row_i64(&rows, 1),  row_i64(&rows, 2),
                                      row_i64(&rows, 3), row_text(&rows, 4), row_blob(&rows, 5)};
        stopped = each(arg, &a);
    }
    e = rows_close(&rows);
    return stopped ? stopped : e;
}

enum err job_repeat(struct tx *tx, const struct job *j, int64_t now, int64_t *ret_id)
{
    struct job again = *j;
    again.created_at = now;
    again.due_at = JOB_AT_ONCE;
    tx_announce(tx);
    return job_insert(tx, &again, ret_id);
}

/* Each event once, however often it was replayed before; of one order key the first is waiting,
 * unless another one is open, and the others are behind it. */
enum err job_repeat_range(struct tx *tx, int64_t webhook_id, int64_t from, int64_t to, int64_t now,
                          int64_t *ret_n)
{
    enum err e = tx_exec(
        tx,
        "INSERT INTO jobs (workspace_id, kind, webhook_id, event_id, order_key, state, attempts, "
        "due_at, created_at) SELECT r.workspace_id, '" JOB_DELIVER
        "', r.webhook_id, r.event_id, "
        "r.order_key, CASE WHEN r.order_key IS NOT NULL AND (r.place > 1 OR EXISTS (SELECT 1 "
        "FROM jobs o WHERE o.webhook_id = $1 AND o.order_key = r.order_key "
        "AND o.ended_at IS NULL)) THEN 'behind' ELSE 'waiting' END, 0, $4, $4 FROM ("
        "SELECT min(j.workspace_id) AS workspace_id, j.webhook_id, j.event_id, "
        "min(j.order_key) AS order_key, row_number() OVER (PARTITION BY min(j.order_key) "
        "ORDER BY j.event_id) AS place FROM jobs j WHERE j.webhook_id = $1 "
        "AND j.created_at >= $2 AND j.created_at < $3 GROUP BY j.webhook_id, j.event_id "
        "ORDER BY j.event_id LIMIT " STRINGIFY(JOBS_REPLAY_LIMIT) ") r ORDER BY r.event_id",
        PARAMS(p_i64(webhook_id), p_i64(from), p_i64(to), p_i64(now)), ret_n);
    tx_announce(tx);
    return !e && *ret_n > JOBS_REPLAY_MAX ? ERR_CONFLICT : e;
}

enum err job_hurry(struct tx *tx, int64_t id)
{
    int64_t changes = 0;
    enum err e = tx_exec(tx, "UPDATE jobs SET due_at = $2 WHERE id = $1 AND state = 'waiting'",
                         PARAMS(p_i64(id), p_i64(JOB_AT_ONCE)), &changes);
    tx_announce(tx);
    return e ? e : changes == 1 ? ERR_OK : ERR_CONFLICT;
}

enum err job_drop(struct tx *tx, const struct job *j, int64_t now)
{
    enum err e = end(tx, j, JOB_DROPPED, j->error, j->attempts, now);
    tx_announce(tx);
    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

/* --- sweeping ----------------------------------------------------------------------------- */

/* The limits are in the texts: PostgreSQL would take a parameter for a tenth of the table, and read
 * all of it. The three statements of a sweep must mean the same jobs, so those that ended in the
 * same millisecond are in the order of their ids. */
#define SWEPT                                                                                      \
    " FROM jobs WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY ended_at, id "               \
    "LIMIT " STRINGIFY(UPKEEP_PURGE_ROWS)
#define SWEPT_IDS "SELECT id" SWEPT

struct swept {
    int64_t events[UPKEEP_PURGE_ROWS];
    size_t n;
};

static enum err gather_swept(struct tx *tx, int64_t before, struct swept *ret)
{
    struct rows rows;
    enum err e = tx_query(tx, "SELECT event_id" SWEPT, PARAMS(p_i64(before)), &rows);
    if (e)
        return e;
    while (rows_next(&rows))
        ret->events[ret->n++] = row_i64(&rows, 0);
    return rows_close(&rows);
}

/* With the last job of an event nobody wants it any more: it goes by its age (event_sweep). */
enum err job_sweep(struct tx *tx, int64_t before, int64_t *ret_removed)
{
    enum err e = tx_exec(tx, "DELETE FROM job_attempts WHERE job_id IN (" SWEPT_IDS ")",
                         PARAMS(p_i64(before)), NULL);
    struct swept swept = {.n = 0};
    if (!e)
        e = gather_swept(tx, before, &swept);
    if (!e)
        e = tx_exec(tx, "DELETE FROM jobs WHERE id IN (" SWEPT_IDS ")", PARAMS(p_i64(before)),
                    ret_removed);
    for (size_t i = 0; !e && i < swept.n; i++)
        e = tx_exec(tx,
                    "UPDATE events SET wanted = 0 WHERE id = $1 "
                    "AND NOT EXISTS (SELECT 1 FROM jobs WHERE event_id = $1)",
                    PARAMS(p_i64(swept.events[i])), NULL);
    return e;
}

/* Gathered first: rows are changed meanwhile. */
struct stranded {
    struct arena *arena;
    struct stopped_webhook {
        int64_t id, before; /* of it, jobs that were made before this are dropped */
    } webhooks[UPKEEP_PURGE_ROWS];
    struct job jobs[UPKEEP_PURGE_ROWS];
    size_t n_webhooks, n;
};

static enum err gather_stopped(struct tx *tx, int64_t before, struct stranded *s)
{
    struct rows rows;
    enum err e = tx_query(
        tx,
        "SELECT e.id, e.deleted_at FROM webhooks e "
        "WHERE (e.disabled_at IS NOT NULL OR e.deleted_at IS NOT NULL) "
        "AND EXISTS (SELECT 1 FROM jobs j WHERE j.webhook_id = e.id AND j.ended_at IS NULL "
        "AND (e.deleted_at IS NOT NULL OR j.created_at < $1)) ORDER BY e.id LIMIT " STRINGIFY(
            UPKEEP_PURGE_ROWS),
        PARAMS(p_i64(before)), &rows);
    if (e)
        return e;
    while (rows_next(&rows)) {
        bool deleted = !row_is_null(&rows, 1);
        s->webhooks[s->n_webhooks++] =
            (struct stopped_webhook){row_i64(&rows, 0), deleted ? INT64_MAX : before};
    }
    return rows_close(&rows);
}

static enum err gather_stranded(struct tx *tx, const struct stopped_webhook *w, struct stranded *s)
{
    struct rows rows;
    enum err e = tx_query(
        tx,
        "SELECT id, order_key, attempts, error FROM jobs "
        "WHERE webhook_id = $1 AND ended_at IS NULL AND created_at < $2 "
        "ORDER BY created_at LIMIT $3",
        PARAMS(p_i64(w->id), p_i64(w->before), p_i64((int64_t)(UPKEEP_PURGE_ROWS - s->n))), &rows);
    if (e)
        return e;
    while (!e && rows_next(&rows)) {
        struct job *j = &s->jobs[s->n++];
        *j = (struct job){.id = row_i64(&rows, 0),
                          .webhook_id = w->id,
                          .order_key = arena_dup(s->arena, row_text(&rows, 1)),
                          .attempts = row_i64(&rows, 2),
                          .error = arena_dup(s->arena, row_text(&rows, 3))};
        if (!j->order_key.ptr || !j->error.ptr)
            e = ERR_NO_MEMORY;
    }
    enum err closed = rows_close(&rows);
    return e ? e : closed;
}

/* One by one, so that what was behind them moves up: an endpoint that was disabled may be enabled
 * again. */
enum err job_drop_stranded(struct tx *tx, int64_t before, int64_t now, int64_t *ret_dropped)
{
    struct arena arena;
    struct stranded s = {.arena = &arena};
    arena_init(&arena, REQUEST_ARENA_MAX);
    enum err e = gather_stopped(tx, before, &s);
    for (size_t i = 0; !e && i < s.n_webhooks && s.n < UPKEEP_PURGE_ROWS; i++)
        e = gather_stranded(tx, &s.webhooks[i], &s);
    for (size_t i = 0; !e && i < s.n; i++)
        e = end(tx, &s.jobs[i], JOB_DROPPED, s.jobs[i].error, s.jobs[i].attempts, now);
    if (!e)
        *ret_dropped = (int64_t)s.n;
    arena_release(&arena);
    return e;
}
