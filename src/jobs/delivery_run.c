/* One try: the request, what its answer means, and what is written of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "jobs/lanes.h"
#include "model/event.h"
#include "json/writer.h"

#include <time.h>

struct delivery_run *delivery_run_new(const struct job *j)
{
    struct delivery_run *run = xcalloc(1, sizeof(*run));
    list_init(&run->unwritten);
    arena_init(&run->arena, 2 * EVENT_MAX);
    run->job = *j;
    struct str *texts[] = {&run->job.order_key, &run->job.event_name, &run->job.event_uid,
                           &run->job.body};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_dup(&run->arena, *texts[i]);
        if (!texts[i]->ptr) {
            delivery_run_free(run);
            return NULL;
        }
    }
    return run;
}

void delivery_run_free(struct delivery_run *run)
{
    arena_release(&run->arena);
    free(run);
}

/* --- writing (store thread) --------------------------------------------------------------- */

static enum err tell_disabled(struct tx *tx, const struct webhook *w, const char *reason,
                              const struct delivery_run *run, int64_t now)
{
    _cleanup_(buf_release)
    struct buf data;
    struct json_writer out;
    buf_init(&data, EVENT_MAX);
    json_writer_init(&out, &data);
    json_open(&out, '{');
    json_member_i64(&out, "webhook_id", w->id);
    json_member_str(&out, "url", w->url);
    json_member_cstr(&out, "reason", reason);
    json_member_opt(&out, "error", run->attempt.error);
    json_member_time(&out, "failing_since", w->failing_since);
    json_member_time(&out, "at", now);
    json_close(&out, '}');
    const struct new_event event = {.workspace_id = w->workspace_id,
                                    .name = "webhook.disabled",
                                    .data = buf_str(&data),
                                    .now = now};
    return buf_ok(&data) ? event_emit(tx, &event) : ERR_NO_MEMORY;
}

static const char *why_disable(const struct delivery_run *run, const struct webhook *w, int64_t now)
{
    int64_t after_ms = run->jobs->options.webhooks.disable_after_s * 1000;
    if (run->attempt.status == 410)
        return WEBHOOK_GONE;
    return w->failing_since && now - w->failing_since >= after_ms ? WEBHOOK_FAILING : NULL;
}

/* Whoever wanted to hear of it is told by the webhooks that work. What a URL did that the webhook
 * has no more says nothing of the webhook. */
static enum err judge_failure(struct delivery_run *run, struct tx *tx, int64_t now)
{
    struct arena arena;
    struct webhook w;
    arena_init(&arena, JOBS_ARENA_MAX);
    run->disable = NULL;
    enum err e = webhook_find(tx, run->job.workspace_id, run->job.webhook_id, &arena, &w);
    if (!e && !w.disabled_at && str_eq(w.url, run->url)) {
        run->disable = why_disable(run, &w, now);
        if (run->disable)
            e = webhook_set_disabled(tx, w.id, run->disable, now);
        else if (!w.failing_since)
            e = webhook_set_failing(tx, w.id, run->began_at);
        if (!e && run->disable)
            e = tell_disabled(tx, &w, run->disable, run, now);
    }
    arena_release(&arena);
    return e == ERR_NOT_FOUND ? ERR_OK : e; /* deleted meanwhile */
}

static enum err apply(struct store_write *w, struct tx *tx)
{
    struct delivery_run *run = CONTAINER_OF(w, struct delivery_run, write.write);
    int64_t now = clock_now_ms();
    bool success = !run->attempt.error.len;
    enum err e = job_settle(tx, &run->job, &run->attempt, run->state, run->due_at, now);
    if (e == ERR_NOT_FOUND) /* dropped meanwhile */
        return ERR_OK;
    if (!e && !success)
        return judge_failure(run, tx, now);
    return e ? e : webhook_set_working(tx, run->job.webhook_id);
}

static void on_written(struct job_write *w)
{
    struct delivery_run *run = CONTAINER_OF(w, struct delivery_run, write);
    if (w->write.err)
        log_event(LOG_WARN, "delivery_not_written", LOG_INT("job", run->job.id),
                  LOG_CSTR("error", err_code(w->write.err)),
                  LOG_CSTR("effect", "it is written down later"));
    else if (run->disable)
        log_event(LOG_WARN, "webhook_disabled", LOG_INT("webhook", run->job.webhook_id),
                  LOG_CSTR("reason", run->disable), LOG_STR("error", run->attempt.error),
                  LOG_CSTR("mend", "hudhud webhook enable, once it works"));
    job_lane_written(run, w->write.err);
}

void delivery_run_write(struct delivery_run *run)
{
    job_write_submit(run->jobs, &run->write);
}

/* --- what an answer means ----------------------------------------------------------------- */

static int64_t jittered(int64_t ms)
{
    int64_t span = ms * DELIVERY_JITTER / 100;
    return span <= 0 ? ms : ms - span + random_below((uint32_t)MIN(2 * span + 1, INT64_C(1) << 31));
}

/* When the next try is, after the failure of try number `position`; 0: there is none. */
static int64_t next_try(const struct delivery_run *run, int64_t position, int64_t now)
{
    const struct jobs_webhooks *o = &run->jobs->options.webhooks;
    if (position > (int64_t)o->n_pauses)
        return 0;
    int64_t pause_ms = jittered(o->pauses_ms[position - 1]);
    int64_t asked_ms = MIN(run->retry_after_s, (int64_t)DELIVERY_RETRY_AFTER_MAX_S) * 1000;
    return now + MAX(pause_ms, asked_ms);
}

/* Whoever says 2xx has it, also when the rest of the answer is of no use. Cut off before its end it
 * is a failure: the event may be sent twice, but is not lost. */
static struct str explain(struct delivery_run *run, const struct http_client_answer *a)
{
    bool answered = a->outcome == HTTP_CLIENT_OK || a->outcome == HTTP_CLIENT_UNUSABLE;
    if (answered && a->status >= 200 && a->status < 300)
        return STR("");
    if (a->outcome != HTTP_CLIENT_OK)
        return arena_dup(&run->arena,
                         str_make(a->why.ptr, MIN(a->why.len, (size_t)DELIVERY_ERROR_MAX)));
    const char *more = a->status >= 300 && a->status < 400 ? ": redirects are not followed" : "";
    return arena_printf(&run->arena, "HTTP %d%s", a->status, more);
}

static void judge(struct delivery_run *run, const struct http_client_answer *a)
{
    int64_t now = clock_now_ms();
    struct job_attempt *t = &run->attempt;
    *t = (struct job_attempt){
        .position = run->job.attempts + 1,
        .at = run->began_at,
        .us = a->us,
        .status = a->status,
        .error = explain(run, a),
        .answer = arena_dup(&run->arena, a->cut_off ? str_whole_utf8(a->body) : a->body)};
    if (!t->error.ptr)
        t->error = STR("it failed");
    if (!t->answer.ptr)
        t->answer = STR("");
    run->due_at = t->error.len ? next_try(run, t->position, now) : 0;
    run->state = !t->error.len                     ? JOB_DONE
                 : run->due_at && t->status != 410 ? JOB_WAITING
                                                   : JOB_DEAD;
}

static void count(struct jobs *j, const struct delivery_run *run)
{
    bool success = !run->attempt.error.len, again = strcmp(run->state, JOB_WAITING) == 0;
    enum delivery_outcome outcome = success ? DELIVERY_DONE
                                    : again ? DELIVERY_RETRIED
                                            : DELIVERY_DEAD;
    counter_add(&j->stats.deliveries[outcome], 1);
    int64_t us = (clock_now_ms() - run->job.created_at) * 1000;
    if (success)
        histogram_add(&j->stats.delivery_times, &histogram_times, (uint64_t)MAX(us, INT64_C(0)));
}

static void on_answer(void *arg, const struct http_client_answer *a)
{
    struct delivery_run *run = arg;
    struct jobs *j = run->jobs;
    if (a->outcome == HTTP_CLIENT_CANCELLED) { /* it waits still, for the next start */
        job_lane_answered(run, true, 0);
        job_lane_written(run, ERR_OK);
        return;
    }
    judge(run, a);
    count(j, run);
    run->write.write.apply = apply;
    run->write.done = on_written;
    job_lane_answered(run, !run->attempt.error.len, a->us);
    job_write_submit(j, &run->write);
}

/* Seconds, or a date (RFC 9110 §10.2.3). */
static void on_header(void *arg, struct str name, struct str value)
{
    struct delivery_run *run = arg;
    char text[64];
    struct tm tm = {0};
    if (!str_eq_nocase(name, STR("Retry-After")))
        return;
    if (str_is_digits(value)) {
        run->retry_after_s = DELIVERY_RETRY_AFTER_MAX_S;
        if (value.len < 9 && !str_to_i64(value, &run->retry_after_s))
            run->retry_after_s = 0;
        return;
    }
    if (value.len >= sizeof(text))
        return;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    if (strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        run->retry_after_s = MAX((int64_t)timegm(&tm) - clock_now_ms() / 1000, INT64_C(0));
}

void delivery_run_begin(struct jobs *j, struct delivery_run *run, const struct webhook *w,
                        const struct secret *secret, const struct secret *previous)
{
    run->jobs = j;
    run->url = arena_dup(&run->arena, w->url);
    run->began_at = clock_now_ms();
    run->began_us = clock_monotonic_us();
    const struct job_delivery d = {
        .url = w->url,
        .domain = w->workspace_domain,
        .event_uid = run->job.event_uid,
        .body = run->job.body,
        .secret = secret,
        .previous = previous,
        .timeout_ms = j->options.webhooks.timeout_ms,
        .answer_max = DELIVERY_ANSWER_MAX,
        .on_header = on_header,
        .done = on_answer,
        .arg = run,
    };
    job_deliver(j, &d);
}
