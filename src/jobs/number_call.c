/* Calls about one number: the steps of its registration, and its business profile. What changes
 * something at Meta reaches it at most once. Where that may have happened and no answer tells, the
 * task ends with ERR_UPSTREAM; with ERR_UNAVAILABLE nothing has happened. */
#include "base/log.h"
#include "jobs/runner.h"
#include "model/idempotency.h"

struct number_call {
    struct job_opening opening; /* first */
    struct job_write write;
    struct jobs *jobs;
    struct jobs_task *task;
};

/* --- the end ------------------------------------------------------------------------------ */

static struct jobs_task *leave(struct number_call *c)
{
    struct jobs_task *task = c->task;
    c->jobs->n_pending--;
    secret_release(&c->opening.token);
    free(c);
    return task;
}

static void refuse(struct number_call *c, enum err e)
{
    struct jobs_task *task = leave(c);
    const char *why = e == ERR_NOT_FOUND  ? "Number not found"
                      : e == ERR_INTERNAL ? "The account's token cannot be opened: link it again"
                                          : "The account cannot be read now";
    job_task_done(task, error_set(&task->error, e, "%s", why));
}

static void finish(struct number_call *c, const struct graph_answer *answer)
{
    job_task_answered(leave(c), answer);
}

/* Meta was asked, and what came back says neither yes nor no. */
static bool is_unknown(const struct graph_answer *a)
{
    switch (a->outcome) {
    case GRAPH_TRANSIENT: /* some of its errors came after the deed */
    case GRAPH_UNREACHABLE:
    case GRAPH_UNUSABLE:
    case GRAPH_CANCELLED: return a->was_sent;
    default: return false;
    }
}

static void fail(struct number_call *c, const struct graph_answer *answer)
{
    struct graph_answer why = *answer;
    if (is_unknown(&why)) {
        struct jobs_task *task = leave(c);
        job_task_done(task, error_set(&task->error, ERR_UPSTREAM, JOBS_UNKNOWN ": %.*s",
                                      STR_FMT(why.message)));
        return;
    }
    if (why.outcome == GRAPH_UNUSABLE) /* it was not even sent */
        why.outcome = GRAPH_UNREACHABLE;
    finish(c, &why);
}

/* --- after Meta's yes --------------------------------------------------------------------- */

static void on_profile(void *arg, const struct graph_answer *answer,
                       const struct graph_profile *profile)
{
    struct number_call *c = arg;
    if (profile) {
        c->task->profile = *profile;
        c->task->has_profile = true;
    }
    finish(c, answer);
}

/* What the number is now, as far as that can be learnt: it is in the answer, and no part of the
 * deed. */
static void look(struct number_call *c)
{
    static const struct graph_answer done = {.outcome = GRAPH_OK};
    struct jobs *j = c->jobs;
    struct jobs_task *task = c->task;
    bool is_profile = task->kind == JOBS_CHANGE_PROFILE;
    bool is_synced = task->kind == JOBS_VERIFY_CODE || task->kind == JOBS_REGISTER ||
                     task->kind == JOBS_DEREGISTER;
    if (!j->graph || (!is_profile && !is_synced)) {
        finish(c, &done);
    } else if (is_profile) {
        graph_fetch_profile(j->graph, task->phone_number_id, &c->opening.token, task->arena,
                            on_profile, c);
    } else {
        leave(c);
        job_sync_task(j, task);
    }
}

static enum err note_apply(struct store_write *w, struct tx *tx)
{
    const struct jobs_task *task = CONTAINER_OF(w, struct number_call, write.write)->task;
    return idempotency_set_applied(tx, task->idempotency_id, task->account_id);
}

static void on_noted(struct job_write *w)
{
    struct number_call *c = CONTAINER_OF(w, struct number_call, write);
    if (w->write.err) /* should the process die now, the outcome is not known; else it is kept */
        log_event(LOG_WARN, "number_call_not_noted",
                  LOG_STR("phone_number_id", c->task->phone_number_id),
                  LOG_CSTR("error", err_code(w->write.err)));
    look(c);
}

static void on_answer(void *arg, const struct graph_answer *answer)
{
    static const char *const names[JOBS_KINDS] = {
        [JOBS_REQUEST_CODE] = "request_code", [JOBS_VERIFY_CODE] = "verify_code",
        [JOBS_REGISTER] = "register",         [JOBS_DEREGISTER] = "deregister",
        [JOBS_SET_PIN] = "set_pin",           [JOBS_CHANGE_PROFILE] = "change_profile",
    };
    struct number_call *c = arg;
    struct jobs_task *task = c->task;
    log_event(LOG_INFO, "number_call", LOG_STR("phone_number_id", task->phone_number_id),
              LOG_CSTR("what", names[task->kind]),
              LOG_CSTR("outcome", graph_outcome_name(answer->outcome)),
              LOG_INT("meta_code", answer->code));
    if (answer->outcome != GRAPH_OK) {
        fail(c, answer);
        return;
    }
    task->is_taken = true;
    if (!task->idempotency_id) {
        look(c);
        return;
    }
    c->write.write.apply = note_apply;
    c->write.done = on_noted;
    job_write_submit(c->jobs, &c->write);
}

/* --- asking ------------------------------------------------------------------------------- */

static void ask(struct number_call *c, struct graph *g)
{
    struct jobs_task *task = c->task;
    struct str id = task->phone_number_id;
    const struct secret *token = &c->opening.token;
    const struct graph_registration how = {.pin = &task->pin, .region = task->region};
    switch (task->kind) {
    case JOBS_REQUEST_CODE:
        graph_request_code(g, id, task->method, task->language, token, task->arena, on_answer, c);
        break;
    case JOBS_VERIFY_CODE:
        graph_verify_code(g, id, &task->pin, token, task->arena, on_answer, c);
        break;
    case JOBS_REGISTER: graph_register(g, id, &how, token, task->arena, on_answer, c); break;
    case JOBS_DEREGISTER: graph_deregister(g, id, token, task->arena, on_answer, c); break;
    case JOBS_SET_PIN: graph_set_pin(g, id, &task->pin, token, task->arena, on_answer, c); break;
    case JOBS_CHANGE_PROFILE:
        graph_change_profile(g, id, &task->change, token, task->arena, on_answer, c);
        break;
    case JOBS_FETCH_PROFILE: graph_fetch_profile(g, id, token, task->arena, on_profile, c); break;
    default: die("this task is about no number");
    }
}

static void on_opened(struct job_opening *o, enum err e)
{
    static const struct graph_answer cancelled = {.outcome = GRAPH_CANCELLED};
    struct number_call *c = CONTAINER_OF(o, struct number_call, opening);
    if (e)
        refuse(c, e);
    else if (!c->jobs->graph)
        finish(c, &cancelled);
    else
        ask(c, c->jobs->graph);
}

void job_number_call(struct jobs *j, struct jobs_task *task)
{
    struct graph_answer throttled;
    if (job_account_is_throttled(j, task->account_id, &throttled)) {
        job_task_answered(task, &throttled);
        return;
    }
    struct number_call *c = xcalloc(1, sizeof(*c));
    c->jobs = j;
    c->task = task;
    c->opening.jobs = j;
    c->opening.account_id = task->account_id;
    c->opening.arena = task->arena;
    c->opening.done = on_opened;
    j->n_pending++;
    job_open_account(&c->opening);
}
