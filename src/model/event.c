#include "model/event.h"
#include "base/clock.h"
#include "base/random.h"
#include "model/job.h"
#include "model/webhook.h"
#include "json/writer.h"

const char *const event_names[] = {EVENT_NAMES, NULL};

_Static_assert(ARRAY_LEN(event_names) <= EVENT_NAMES_MAX, "a set of them has a bit for each");

int event_index(struct str name)
{
    for (int i = 0; event_names[i]; i++)
        if (str_eq(name, str_from(event_names[i])))
            return i;
    return -1;
}

/* --- writing ------------------------------------------------------------------------------ */

static void write_envelope(struct buf *out, const struct new_event *e)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_open(&w, '{');
    json_member_cstr(&w, "event", e->name);
    json_member_time(&w, "timestamp", e->now);
    json_key(&w, "data");
    json_raw(&w, e->data);
    json_close(&w, '}');
}

static enum err insert(struct tx *tx, const struct new_event *e, bool wanted, int64_t *ret)
{
    char event_id[EVENT_ID_LEN] = "evt_";
    random_name(event_id + 4, EVENT_ID_LEN - 4);
    _cleanup_(buf_release)
    struct buf body;
    buf_init(&body, EVENT_MAX);
    write_envelope(&body, e);
    if (!buf_ok(&body))
        return ERR_NO_MEMORY;
    return tx_i64(tx,
                  "INSERT INTO events (workspace_id, event_id, name, body, wanted, created_at) "
                  "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
                  PARAMS(p_i64(e->workspace_id), p_text(str_make(event_id, EVENT_ID_LEN)),
                         p_text(str_from(e->name)), p_text(buf_str(&body)), p_i64(wanted),
                         p_i64(e->now)),
                  ret);
}

/* Who wants the event. Gathered first: jobs are written meanwhile. */
struct wanting {
    size_t n;
    int64_t ids[WEBHOOKS_MAX];
};

static enum err gather(void *arg, int64_t webhook_id)
{
    struct wanting *w = arg;
    if (w->n < WEBHOOKS_MAX)
        w->ids[w->n++] = webhook_id;
    return ERR_OK;
}

static struct job job_for(const struct new_event *e, int64_t event_id, int64_t webhook_id)
{
    return (struct job){
        .workspace_id = e->workspace_id,
        .kind = STR(JOB_DELIVER),
        .webhook_id = webhook_id,
        .event_id = event_id,
        .order_key = e->order_key,
        .due_at = e->now,
        .created_at = e->now,
    };
}

enum err event_emit(struct tx *tx, const struct new_event *e)
{
    int64_t id, job_id;
    struct wanting wanting;
    wanting.n = 0; /* and the rest is not cleared: it is long */
    enum err err = webhook_each_wanting(tx, e->workspace_id, str_from(e->name), gather, &wanting);
    if (!err)
        err = insert(tx, e, wanting.n > 0, &id);
    for (size_t i = 0; !err && i < wanting.n; i++) {
        const struct job job = job_for(e, id, wanting.ids[i]);
        err = job_insert(tx, &job, &job_id);
    }
    tx_announce(tx);
    return err;
}

enum err event_emit_to(struct tx *tx, const struct new_event *e, int64_t webhook_id,
                       int64_t *ret_job)
{
    int64_t id;
    enum err err = insert(tx, e, true, &id);
    if (err)
        return err;
    struct job job = job_for(e, id, webhook_id);
    job.due_at = JOB_AT_ONCE;
    tx_announce(tx);
    return job_insert(tx, &job, ret_job);
}

/* --- reading ------------------------------------------------------------------------------ */

enum err event_each_after(struct tx *tx, int64_t workspace_id, int64_t after, int64_t limit,
                          enum err (*each)(void *arg, const struct event *e), void *arg)
{
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT id, workspace_id, event_id, name, body, created_at FROM events "
                            "WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                            PARAMS(p_i64(workspace_id), p_i64(after), p_i64(limit)), &rows);
    if (err)
        return err;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        const struct event e = {
            .id = row_i64(&rows, 0),
            .workspace_id = row_i64(&rows, 1),
            .event_id = row_text(&rows, 2),
            .name = row_text(&rows, 3),
            .body = row_text(&rows, 4),
            .created_at = row_i64(&rows, 5),
        };
        stopped = each(arg, &e);
    }
    err = rows_close(&rows);
    return stopped ? stopped : err;
}

enum err event_last(struct tx *tx, int64_t workspace_id, char ret_event_id[EVENT_ID_LEN],
                    int64_t *ret)
{
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT id, event_id FROM events WHERE workspace_id = $1 "
                            "ORDER BY id DESC LIMIT 1",
                            PARAMS(p_i64(workspace_id)), &rows);
    if (err)
        return err;
    bool found = rows_next(&rows);
    if (found) {
        struct str event_id = row_text(&rows, 1);
        *ret = row_i64(&rows, 0);
        memcpy(ret_event_id, event_id.ptr, MIN(event_id.len, (size_t)EVENT_ID_LEN));
    }
    err = rows_close(&rows);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err event_newest(struct tx *tx, int64_t *ret)
{
    return tx_i64(tx, "SELECT coalesce(max(id), 0) FROM events", NO_PARAMS, ret);
}

enum err event_each_new(struct tx *tx, int64_t *cursor, int64_t *ret_n,
                        enum err (*each)(void *arg, int64_t workspace_id), void *arg)
{
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT workspace_id, max(id), count(*) FROM (SELECT workspace_id, id "
                            "FROM events WHERE id > $1 ORDER BY id LIMIT " STRINGIFY(
                                EVENT_LOOK_ROWS) ") n GROUP BY workspace_id",
                            PARAMS(p_i64(*cursor)), &rows);
    if (err)
        return err;
    int64_t last = *cursor, n = 0;
    enum err stopped = ERR_OK;
    while (!stopped && rows_next(&rows)) {
        last = MAX(last, row_i64(&rows, 1));
        n += row_i64(&rows, 2);
        stopped = each(arg, row_i64(&rows, 0));
    }
    err = rows_close(&rows);
    if (stopped || err)
        return stopped ? stopped : err;
    *cursor = last;
    *ret_n = n;
    return ERR_OK;
}

enum err event_find(struct tx *tx, int64_t workspace_id, struct str event_id, int64_t *ret,
                    bool *ret_whole)
{
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT e.id, w.events_swept_id FROM events e "
                            "JOIN workspaces w ON w.id = e.workspace_id "
                            "WHERE e.event_id = $1 AND e.workspace_id = $2",
                            PARAMS(p_text(event_id), p_i64(workspace_id)), &rows);
    if (err)
        return err;
    bool found = rows_next(&rows);
    if (found) {
        *ret = row_i64(&rows, 0);
        *ret_whole = *ret > row_i64(&rows, 1);
    }
    err = rows_close(&rows);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- sweeping ----------------------------------------------------------------------------- */

/* The same rows, whichever statement it is in. */
#define SWEPT(columns)                                                                             \
    "SELECT " columns                                                                              \
    " FROM events e WHERE e.wanted = 0 AND e.created_at < $1 "                                     \
    "AND e.id < (SELECT max(n.id) FROM events n WHERE n.workspace_id = e.workspace_id) "           \
    "ORDER BY e.created_at, e.id LIMIT " STRINGIFY(UPKEEP_PURGE_ROWS)

struct swept {
    struct {
        int64_t workspace_id, last_id;
    } rows[UPKEEP_PURGE_ROWS];
    size_t n;
};

static enum err gather_swept(struct tx *tx, int64_t before, struct swept *ret)
{
    struct rows rows;
    enum err err = tx_query(tx,
                            "SELECT s.workspace_id, max(s.id) FROM (" SWEPT(
                                "e.id, e.workspace_id") ") s GROUP BY s.workspace_id",
                            PARAMS(p_i64(before)), &rows);
    if (err)
        return err;
    for (; rows_next(&rows) && ret->n < ARRAY_LEN(ret->rows); ret->n++) {
        ret->rows[ret->n].workspace_id = row_i64(&rows, 0);
        ret->rows[ret->n].last_id = row_i64(&rows, 1);
    }
    return rows_close(&rows);
}

/* The workspace remembers up to where events may be missing: what is older and still there, since a
 * job is for it, is no place to go on from. */
enum err event_sweep(struct tx *tx, int64_t before, int64_t *ret_removed)
{
    struct swept swept = {.n = 0};
    enum err err = gather_swept(tx, before, &swept);
    for (size_t i = 0; !err && i < swept.n; i++)
        err = tx_exec(
            tx, "UPDATE workspaces SET events_swept_id = $2 WHERE id = $1 AND events_swept_id < $2",
            PARAMS(p_i64(swept.rows[i].workspace_id), p_i64(swept.rows[i].last_id)), NULL);
    if (err || !swept.n) {
        *ret_removed = 0;
        return err;
    }
    return tx_exec(tx, "DELETE FROM events WHERE id IN (" SWEPT("e.id") ")", PARAMS(p_i64(before)),
                   ret_removed);
}
