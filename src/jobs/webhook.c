/* Making and changing a webhook: the URL proves that it wants to hear from us, and only then is it
 * written down (developer-api.md §8). */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/runner.h"
#include "model/idempotency.h"
#include "json/reader.h"
#include "json/writer.h"

#define CHALLENGE_LEN      32
#define CHALLENGE_BODY_MAX (4 * KIB)

struct saving {
    struct job_read read; /* first */
    struct job_write write;
    struct jobs *jobs;
    struct jobs_task *task;
    struct webhook webhook; /* as it stands; of a new one nothing */
    char challenge[CHALLENGE_LEN];
};

static void finish(struct saving *s, enum err e)
{
    struct jobs_task *task = s->task;
    s->jobs->n_pending--;
    free(s);
    job_task_done(task, e);
}

/* --- writing (store thread) --------------------------------------------------------------- */

static enum err insert(struct saving *s, struct tx *tx, int64_t now)
{
    struct jobs_task *task = s->task;
    const struct jobs_webhook *to = &task->webhook;
    const struct webhook w = {.workspace_id = task->workspace_id,
                              .url = to->url,
                              .events = to->events,
                              .disabled_at = to->enabled ? 0 : now,
                              .disabled_reason = to->enabled ? STR("") : STR(WEBHOOK_BY_HAND),
                              .created_at = now};
    struct str sealed;
    int64_t id;
    int64_t n;
    enum err e = webhook_count(tx, task->workspace_id, &n);
    if (!e && n >= WEBHOOKS_MAX)
        e = error_set(&task->error, ERR_CONFLICT, "There are %d webhooks, and there may be no more",
                      WEBHOOKS_MAX);
    if (!e)
        e = webhook_insert(tx, &w, &id);
    if (!e)
        e = webhook_make_secret(s->jobs->options.keyring, id, task->arena, &sealed);
    if (!e)
        e = webhook_set_secret(tx, id, sealed, 0, now);
    if (!e)
        task->account_id = id;
    return e;
}

static enum err update(struct saving *s, struct tx *tx, int64_t now)
{
    struct jobs_task *task = s->task;
    const struct jobs_webhook *to = &task->webhook;
    struct webhook w;
    enum err e = webhook_find(tx, task->workspace_id, to->id, task->arena, &w);
    if (e == ERR_NOT_FOUND)
        return error_set(&task->error, e, "Webhook not found");
    if (!e && (to->url.len || to->events.len))
        e = webhook_set_target(tx, to->id, to->url.len ? to->url : w.url,
                               to->events.len ? to->events : w.events, now);
    if (!e && to->enabled >= 0 && to->enabled != (w.disabled_at == 0))
        e = webhook_set_disabled(tx, to->id, to->enabled ? "" : WEBHOOK_BY_HAND, now);
    task->account_id = to->id;
    return e;
}

static enum err apply(struct store_write *w, struct tx *tx)
{
    struct saving *s = CONTAINER_OF(w, struct saving, write.write);
    struct jobs_task *task = s->task;
    int64_t now = clock_now_ms();
    enum err e = task->webhook.id ? update(s, tx, now) : insert(s, tx, now);
    if (e || !task->idempotency_id)
        return e;
    e = idempotency_set_applied(tx, task->idempotency_id, task->account_id);
    return e == ERR_IN_PROGRESS
               ? error_set(&task->error, e, "Another request with this key is being carried out")
               : e;
}

static void on_written(struct job_write *w)
{
    struct saving *s = CONTAINER_OF(w, struct saving, write);
    enum err e = w->write.err;
    if (e && !s->task->error.err)
        error_set(&s->task->error, e, "The webhook could not be saved");
    finish(s, e);
}

static void save(struct saving *s)
{
    s->write.write.apply = apply;
    s->write.done = on_written;
    job_write_submit(s->jobs, &s->write);
}

/* --- the challenge ------------------------------------------------------------------------ */

static enum err refuse(struct saving *s, const char *problem)
{
    struct error *error = &s->task->error;
    error_detail(error, "url", "%s", problem);
    return error_set(error, ERR_VALIDATION,
                     "The URL did not answer the verification: it gets a POST of "
                     "{\"type\": \"verification\", \"challenge\": \"...\"}, and must answer 200 "
                     "with {\"challenge\": \"...\"}, the same text");
}

static bool is_answered(struct saving *s, struct str body)
{
    struct json json;
    struct error ignored;
    error_init(&ignored, s->task->arena);
    if (json_parse_loose(body, s->task->arena, &json, &ignored) != ERR_OK)
        return false;
    return str_eq(json_as_str(json_get(json, "challenge"), STR("")),
                  str_make(s->challenge, CHALLENGE_LEN));
}

static void on_answer(void *arg, const struct http_client_answer *a)
{
    struct saving *s = arg;
    char problem[DELIVERY_ERROR_MAX];
    if (a->outcome == HTTP_CLIENT_CANCELLED) {
        finish(s, error_set(&s->task->error, ERR_UNAVAILABLE, "The server is shutting down"));
        return;
    }
    if (a->outcome != HTTP_CLIENT_OK)
        snprintf(problem, sizeof(problem), "could not be reached: %.*s", STR_FMT(a->why));
    else if (a->status != 200)
        snprintf(problem, sizeof(problem), "answered HTTP %d", a->status);
    else if (!is_answered(s, a->body))
        snprintf(problem, sizeof(problem), "answered 200, but not with the challenge");
    else {
        save(s);
        return;
    }
    finish(s, refuse(s, problem));
}

/* Unsigned: of a new one the secret is not known yet to whoever is asked. */
static void verify(struct saving *s)
{
    _cleanup_(buf_release)
    struct buf body;
    struct json_writer w;
    random_name(s->challenge, CHALLENGE_LEN);
    buf_init(&body, CHALLENGE_BODY_MAX);
    json_writer_init(&w, &body);
    json_open(&w, '{');
    json_member_cstr(&w, "type", "verification");
    json_member_str(&w, "challenge", str_make(s->challenge, CHALLENGE_LEN));
    json_close(&w, '}');
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    int timeout_ms = MIN(s->jobs->options.webhooks.timeout_ms, WEBHOOK_VERIFY_MS);
    const struct http_client_request request = {
        .method = HTTP_POST,
        .url = s->task->webhook.url,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .body = buf_str(&body),
        .timeout_ms = timeout_ms,
        .connect_timeout_ms = MIN(timeout_ms, DELIVERY_CONNECT_MS),
        .answer_max = DELIVERY_ANSWER_MAX,
        .keep_first = true,
        .done = on_answer,
        .arg = s,
    };
    http_client_send(s->jobs->lanes.client, &request);
}

/* --- what changes ------------------------------------------------------------------------- */

static enum err read_webhook(struct store_read *r, struct tx *tx)
{
    struct saving *s = CONTAINER_OF(r, struct saving, read.read);
    return webhook_find(tx, s->task->workspace_id, s->task->webhook.id, s->task->arena,
                        &s->webhook);
}

static void on_read(struct job_read *r)
{
    struct saving *s = CONTAINER_OF(r, struct saving, read);
    struct jobs_task *task = s->task;
    enum err e = r->read.err;
    bool moves = !e && task->webhook.url.len && !str_eq(task->webhook.url, s->webhook.url);
    if (e == ERR_NOT_FOUND)
        finish(s, error_set(&task->error, e, "Webhook not found"));
    else if (e)
        finish(s, e);
    else if (moves && s->jobs->lanes.client)
        verify(s);
    else if (moves)
        finish(s, error_set(&task->error, ERR_UNAVAILABLE, "The server is shutting down"));
    else
        save(s);
}

void job_webhook(struct jobs *j, struct jobs_task *task)
{
    struct saving *s = xcalloc(1, sizeof(*s));
    s->jobs = j;
    s->task = task;
    s->read.read.run = read_webhook;
    s->read.done = on_read;
    j->n_pending++;
    if (task->webhook.id)
        job_read_submit(j, &s->read);
    else
        verify(s);
}
