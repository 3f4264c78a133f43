#include "jobs/runner.h"

struct check {
    struct job_opening opening; /* first */
    struct jobs *jobs;
    struct jobs_task *task;
};

static void check_free(struct check *c)
{
    c->jobs->n_pending--;
    secret_release(&c->opening.token);
    free(c);
}

static void check_finish(struct check *c, const struct graph_answer *a)
{
    struct jobs_task *task = c->task;
    check_free(c);
    task->outcome = a->outcome;
    task->message = arena_dup(task->arena, a->message);
    job_task_done(task, a->outcome == GRAPH_CANCELLED ? ERR_UNAVAILABLE : ERR_OK);
}

/* Whatever comes of it, the token is good. */
static void on_apps(void *arg, const struct graph_answer *a, const struct graph_apps *apps)
{
    struct check *c = arg;
    struct jobs_task *task = c->task;
    struct graph_answer seen = *a;
    task->has_apps = apps != NULL;
    if (apps)
        task->apps = *apps;
    else
        task->apps_message = arena_dup(task->arena, a->message);
    if (a->outcome != GRAPH_CANCELLED)
        seen = (struct graph_answer){.outcome = GRAPH_OK};
    check_finish(c, &seen);
}

static void on_account(void *arg, const struct graph_answer *a)
{
    struct check *c = arg;
    if (a->outcome == GRAPH_OK)
        graph_fetch_apps(c->jobs->graph, c->opening.account.waba_id, &c->opening.token,
                         c->task->arena, on_apps, c);
    else
        check_finish(c, a);
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
    struct check *c = xcalloc(1, sizeof(*c));
    c->jobs = j;
    c->task = task;
    j->n_pending++;
    return c;
}

static void refuse(struct check *c, enum err e)
{
    struct jobs_task *task = c->task;
    const char *why = e == ERR_NOT_FOUND  ? "Account not found"
                      : e == ERR_INTERNAL ? "The account's token cannot be opened: link it again"
                                          : "The account cannot be read now";
    check_free(c);
    job_task_done(task, error_set(&task->error, e, "%s", why));
}

static void on_opened(struct job_opening *o, enum err e)
{
    static const struct graph_answer cancelled = {.outcome = GRAPH_CANCELLED};
    struct check *c = CONTAINER_OF(o, struct check, opening);
    struct graph *graph = c->jobs->graph;
    if (e) {
        refuse(c, e);
        return;
    }
    if (!graph) {
        check_finish(c, &cancelled);
        return;
    }
    struct str path = arena_printf(o->arena, "/%.*s", STR_FMT(o->account.waba_id));
    graph_request(graph, GRAPH_GET, path, STR("fields=id"), &o->token, o->arena, on_account, c);
}

void job_check_account(struct jobs *j, struct jobs_task *task)
{
    struct check *c = check_begin(j, task);
    c->opening.jobs = j;
    c->opening.account_id = task->account_id;
    c->opening.arena = task->arena;
    c->opening.done = on_opened;
    job_open_account(&c->opening);
}

void job_check_graph(struct jobs *j, struct jobs_task *task)
{
    const struct secret none = {0};
    graph_request(j->graph, GRAPH_GET, STR("/me"), STR(""), &none, task->arena, on_graph_answer,
                  check_begin(j, task));
}
