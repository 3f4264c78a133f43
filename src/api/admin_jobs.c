/* /admin/jobs: what is to be done, and what became of it. */
#include "api/admin.h"
#include "api/handlers.h"
#include "api/webhooks.h"
#include "base/clock.h"
#include "model/webhook.h"

static void write_members(struct json_writer *w, const struct job *j)
{
    webhooks_write_delivery(w, j);
    json_member_str(w, "kind", j->kind);
    json_member_str(w, "workspace", j->workspace_domain);
    json_member_i64(w, "webhook_id", j->webhook_id);
    json_member_opt(w, "url", j->url);
    json_member_opt(w, "order_key", j->order_key);
}

static enum err list_one(void *arg, const struct job *j)
{
    json_open(arg, '{');
    write_members(arg, j);
    json_close(arg, '}');
    return ERR_OK;
}

static enum err read_workspace(struct call *call, struct job_filter *ret)
{
    struct str domain;
    struct workspace ws;
    enum err e = call_query(call, "workspace", &domain);
    if (e || !domain.len)
        return e;
    e = workspace_find(call->tx, domain, call->arena, &ws);
    if (e)
        return e == ERR_NOT_FOUND ? call_query_wrong(call, "workspace", "is no workspace's domain")
                                  : e;
    ret->workspace_id = ws.id;
    return ERR_OK;
}

/* Of the workspace, where one is named and known. */
static enum err read_webhook(struct call *call, struct job_filter *ret)
{
    struct str text;
    struct webhook webhook;
    enum err e = call_query(call, "webhook", &text);
    if (e || !text.len)
        return e;
    if (!str_to_i64(text, &ret->webhook_id))
        return call_query_wrong(call, "webhook", "must be the id of a webhook");
    if (!ret->workspace_id)
        return ERR_OK;
    e = webhook_find(call->tx, ret->workspace_id, ret->webhook_id, call->arena, &webhook);
    return e == ERR_NOT_FOUND ? call_query_wrong(call, "webhook", "is no webhook of this workspace")
                              : e;
}

/* What is wrong is told of all of them; an error of the store's ends it. */
static enum err read_query(struct call *call, struct job_filter *ret, struct older *ret_older)
{
    *ret = (struct job_filter){0};
    enum err workspace = read_workspace(call, ret);
    if (workspace && workspace != ERR_VALIDATION)
        return workspace;
    enum err webhook = read_webhook(call, ret);
    if (webhook && webhook != ERR_VALIDATION)
        return webhook;
    enum err state = webhooks_read_state(call, &ret->state);
    enum err older = call_older(call, OLDER_LIMIT_MAX, ret_older);
    return workspace ? workspace : webhook ? webhook : state ? state : older;
}

enum err jobs_list(struct call *call)
{
    struct job_filter filter;
    struct older older;
    enum err e = read_query(call, &filter, &older);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '[');
    e = job_each(call->tx, &filter, older.before, older.limit, list_one, &call->out);
    json_close(&call->out, ']');
    call_end(call);
    return e;
}

static enum err find_job(struct call *call, struct job *ret)
{
    int64_t id;
    enum err e = str_to_i64(call_param(call, 0), &id) ? job_find(call->tx, id, call->arena, ret)
                                                      : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? error_set(&call->error, e, "Job not found") : e;
}

enum err jobs_show(struct call *call)
{
    struct job j;
    enum err e = find_job(call, &j);
    if (e)
        return e;
    call_begin(call);
    json_open(&call->out, '{');
    write_members(&call->out, &j);
    e = webhooks_write_details(call, &j);
    json_close(&call->out, '}');
    call_end(call);
    return e;
}

static enum err answer_job(struct call *call, int64_t id, const char *message)
{
    struct job j;
    enum err e = job_find(call->tx, id, call->arena, &j);
    if (e)
        return e;
    call_begin_message(call, message);
    e = list_one(&call->out, &j);
    call_end(call);
    return e;
}

/* What is due for a disabled one would wait until it is enabled. */
static enum err check_webhook(struct call *call, const struct job *j)
{
    struct webhook w;
    enum err e = webhook_find(call->tx, j->workspace_id, j->webhook_id, call->arena, &w);
    if (e == ERR_NOT_FOUND)
        return error_set(&call->error, ERR_CONFLICT, "The job's webhook was deleted");
    if (!e && w.disabled_at)
        return error_set(&call->error, ERR_CONFLICT, "The webhook is disabled: enable it first");
    return e;
}

/* One that waits is due now; one that ended is made anew, and stays on record. */
enum err jobs_retry(struct call *call)
{
    struct job j = {0};
    int64_t id, now = clock_now_ms();
    enum err e = find_job(call, &j);
    if (!e)
        e = check_webhook(call, &j);
    if (e)
        return e;
    if (j.ended_at) {
        e = job_repeat(call->tx, &j, now, &id);
        return e ? e : answer_job(call, id, "The job is done again, as a new one");
    }
    e = job_hurry(call->tx, j.id);
    if (e == ERR_CONFLICT)
        return error_set(
            &call->error, e,
            "The job waits behind an earlier one of its order: retry or drop that one");
    return e ? e : answer_job(call, j.id, "The job is tried now");
}

enum err jobs_drop(struct call *call)
{
    struct job j;
    enum err e = find_job(call, &j);
    if (!e)
        e = job_drop(call->tx, &j, clock_now_ms());
    if (e == ERR_CONFLICT)
        return error_set(&call->error, e, "The job has ended already");
    return e ? e : answer_job(call, j.id, "The job is dropped");
}
