/* What every kind of job shares: handing a task back, writing, reading, and opening an account's
 * token. */
#include "base/log.h"
#include "jobs/runner.h"

void job_task_done(struct jobs_task *task, enum err e)
{
    task->err = task->is_taken ? ERR_OK : e;
    /* The queue is closed only after jobs_stop: a loop outlives the jobs it waits for. */
    if (!queue_push(task->reply_to, &task->node))
        die("a task came back to a loop that is gone");
}

static enum err explain(struct error *error, const struct graph_answer *a)
{
    switch (a->outcome) {
    case GRAPH_OK: return ERR_OK;
    case GRAPH_THROTTLED:
        error_set(error, ERR_UNAVAILABLE, "Meta limits the calls to this account; try again later");
        error->retry_after = a->usage.regain_minutes
                                 ? MIN(a->usage.regain_minutes, SYNC_REGAIN_MAX_MIN) * 60
                                 : RETRY_AFTER_THROTTLE_S;
        return ERR_UNAVAILABLE;
    case GRAPH_TRANSIENT:
    case GRAPH_UNREACHABLE:
        error_set(error, ERR_UNAVAILABLE, "Meta cannot be reached now: %.*s", STR_FMT(a->message));
        error->retry_after = RETRY_AFTER_META_S;
        return ERR_UNAVAILABLE;
    case GRAPH_UNUSABLE:
        return error_set(error, ERR_UPSTREAM, "Meta's answer cannot be used: %.*s",
                         STR_FMT(a->message));
    case GRAPH_CANCELLED:
        error_set(error, ERR_UNAVAILABLE, "The server is shutting down");
        error->retry_after = RETRY_AFTER_S;
        return ERR_UNAVAILABLE;
    case GRAPH_TOKEN_DEAD:
    case GRAPH_FORBIDDEN:
    case GRAPH_NOT_FOUND:
    case GRAPH_REFUSED: break;
    }
    error_set(error, ERR_MESSAGE_REJECTED, "Meta refused: %.*s", STR_FMT(a->message));
    error_detail(error, "meta_code", "%lld", (long long)a->code);
    error_detail_opt(error, "meta_title", a->title);
    error_detail_opt(error, "meta_details", a->details);
    error_detail_opt(error, "fbtrace_id", a->fbtrace_id);
    return ERR_MESSAGE_REJECTED;
}

void job_task_answered(struct jobs_task *task, const struct graph_answer *answer)
{
    job_task_done(task, explain(&task->error, answer));
}

void job_write_submit(struct jobs *j, struct job_write *w)
{
    w->write.reply_to = &j->writes;
    enum err e = store_submit(j->options.store, &w->write);
    if (!e)
        return;
    w->write.err = e;
    w->done(w);
}

void job_read_submit(struct jobs *j, struct job_read *r)
{
    struct store_read *read = &r->read;
    struct tx *tx;
    read->reply_to = &j->reads;
    if (!j->reader) {
        enum err e = store_submit_read(j->options.store, read);
        if (!e)
            return;
        read->err = e;
    } else {
        read->err = store_read_begin(j->reader, &tx);
        if (!read->err)
            read->err = read->run(read, tx);
        store_read_end(j->reader);
    }
    r->done(r);
}

/* --- opening an account ------------------------------------------------------------------- */

static enum err read_account(struct store_read *r, struct tx *tx)
{
    struct job_opening *o = CONTAINER_OF(r, struct job_opening, read.read);
    return account_find(tx, o->account_id, o->arena, &o->account);
}

static enum err open_token(struct job_opening *o)
{
    struct str waba_id = o->account.waba_id;
    struct str context = arena_printf(o->arena, ACCOUNT_SEAL_CONTEXT, STR_FMT(waba_id));
    if (seal_open(o->jobs->options.keyring, context, o->account.sealed_token, &o->token) == ERR_OK)
        return ERR_OK;
    log_event(LOG_ERROR, "account_token_unreadable", LOG_STR("waba_id", waba_id),
              LOG_CSTR("mend", "link the account again, or restore the key file"));
    return ERR_INTERNAL;
}

static void on_account_read(struct job_read *r)
{
    struct job_opening *o = CONTAINER_OF(r, struct job_opening, read);
    enum err e = r->read.err;
    o->done(o, e ? e : open_token(o));
}

void job_open_account(struct job_opening *o)
{
    o->read.read.run = read_account;
    o->read.done = on_account_read;
    job_read_submit(o->jobs, &o->read);
}
