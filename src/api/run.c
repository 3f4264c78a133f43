#include "api/run.h"
#include "api/respond.h"

/* A READ, and both steps of a LIVE call on the loop. */
static enum err run_in_snapshot(struct call *call, call_fn *fn)
{
    enum err e = store_read_begin(call->api->reader, &call->tx);
    if (!e)
        e = fn(call);
    call->tx = NULL;
    return e;
}

/* On the store thread. */
static enum err apply_write(struct store_write *w, struct tx *tx)
{
    struct call *call = CONTAINER_OF(w, struct call, write);
    call->tx = tx;
    enum err e = call->route->run(call);
    call->tx = NULL;
    if (!e && !buf_ok(&call->reply))
        e = ERR_NO_MEMORY;
    return e;
}

/* `then` goes on with the call once it is written, or could not be. */
static void submit_write(struct call *call, enum err (*apply)(struct store_write *w, struct tx *tx),
                         void (*then)(struct call *call, enum err e))
{
    call->then = then;
    call->write.apply = apply;
    call->write.reply_to = &call->api->writes;
    enum err e = store_submit(call->api->shared->store, &call->write);
    if (e)
        then(call, e);
    else
        call->api->n_pending++;
}

static void run_write(struct call *call)
{
    enum err e = call->route->check ? call->route->check(call) : ERR_OK;
    if (e)
        respond(call, e);
    else
        submit_write(call, apply_write, respond);
}

static void run_live(struct call *call)
{
    struct jobs_task *task = &call->task;
    task->arena = call->arena;
    task->reply_to = &call->api->tasks;
    error_init(&task->error, call->arena);
    enum err e = call->route->check ? run_in_snapshot(call, call->route->check) : ERR_OK;
    if (e) {
        respond(call, e);
        return;
    }
    call->api->n_pending++;
    jobs_submit(call->api->shared->jobs, task);
}

/* On a thread of libuv's. */
static void on_slow(uv_work_t *work)
{
    struct call *call = CONTAINER_OF(work, struct call, slow);
    call->slow_err = call->route->run(call);
}

static void on_slow_done(uv_work_t *work, int status)
{
    struct call *call = CONTAINER_OF(work, struct call, slow);
    struct api *api = call->api;
    respond(call, call->slow_err);
    run_end_pending(api);
}

static void run_slow(struct call *call)
{
    enum err e = call->route->check ? call->route->check(call) : ERR_OK;
    if (!e && uv_queue_work(call->api->wake.loop, &call->slow, on_slow, on_slow_done) != 0)
        e = ERR_UNAVAILABLE;
    if (e)
        respond(call, e);
    else
        call->api->n_pending++;
}

void run_call(struct call *call)
{
    switch (call->route->kind) {
    case READ: respond(call, run_in_snapshot(call, call->route->run)); break;
    case WRITE: run_write(call); break;
    case LIVE: run_live(call); break;
    case SLOW: run_slow(call); break;
    }
}

void run_end_pending(struct api *api)
{
    if (--api->n_pending == 0 && api->idle)
        api->idle(api->idle_arg);
}

void run_task_done(struct call *call)
{
    enum err e = call->task.err;
    if (e)
        call->error = call->task.error;
    else
        e = run_in_snapshot(call, call->route->run);
    respond(call, e);
}
