#include "jobs/runner.h"

struct check {
    struct jobs *jobs;
    struct jobs_task *task;
};

static void check_finish(struct check *c, const struct graph_answer *a)
{
    struct jobs_task *task = c->task;
    c->jobs->n_pending--;
    free(c);
    task->outcome = a->outcome;
    task->message = arena_dup(task->arena, a->message);
    job_task_done(task, a->outcome == GRAPH_CANCELLED ? ERR_UNAVAILABLE : ERR_OK);
}

static void on_answer(void *arg, const struct graph_answer *a)
{
    check_finish(arg, a);
}

/* Any answer at all means that Meta is there: without a token it is an error of Meta's. */
static void on_graph_answer(void *arg, const struct graph_answer *a)
{
    struct graph_answer seen = *a;
    if (a->http_status && a->outcome != GRAPH_CANCELLED)
        seen.outcome = GRAPH_OK;
    check_finish(arg, &seen);
}

static struct check *check_begin(struct jobs *j, struct jobs_task *task)
{
    struct check *c = xmalloc(sizeof(*c));
    *c = (struct check){j, task};
    j->n_pending++;
    return c;
}

void job_check_account(struct jobs *j, struct jobs_task *task)
{
    struct account account;
    _cleanup_(secret_release)
    struct secret token = {0};
    enum err e = job_open_account(j, task->account_id, task->arena, &account, &token);
    if (e) {
        job_task_done(task, error_set(&task->error, e,
                                      e == ERR_NOT_FOUND
                                          ? "Account not found"
                                          : "The account's token cannot be opened: link it again"));
        return;
    }
    struct str path = arena_printf(task->arena, "/%.*s", STR_FMT(account.waba_id));
    graph_request(j->graph, GRAPH_GET, path, STR("fields=id"), &token, task->arena, on_answer,
                  check_begin(j, task));
}

void job_check_graph(struct jobs *j, struct jobs_task *task)
{
    const struct secret none = {0};
    graph_request(j->graph, GRAPH_GET, STR("/me"), STR(""), &none, task->arena, on_graph_answer,
                  check_begin(j, task));
}
