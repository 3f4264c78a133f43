#include "api/run.h"
#include "api/respond.h"

/* --- on the loop's snapshot, and on the store thread -------------------------------------- */

static enum err run_in_snapshot(struct call *call, call_fn *fn)
{
    enum err e = store_read_begin(call->api->reader, &call->tx);
    if (!e)
        e = fn(call);
    call->tx = NULL;
    return e;
}

static enum err apply(struct store_write *w, struct tx *tx)
{
    struct call *call = CONTAINER_OF(w, struct call, write);
    call->tx = tx;
    enum err e = call->on_store(call);
    call->tx = NULL;
    return e;
}

/* `then` goes on with the call once fn's work is committed, or could not be. */
static void run_on_store(struct call *call, call_fn *fn, void (*then)(struct call *, enum err))
{
    call->on_store = fn;
    call->then = then;
    call->write.apply = apply;
    call->write.reply_to = &call->api->writes;
    enum err e = store_submit(call->api->shared->store, &call->write);
    if (e)
        then(call, e);
    else
        call->api->n_pending++;
}

/* --- the way to an answer ----------------------------------------------------------------- */

/* Should it have failed, the claim ends by itself (IDEMPOTENCY_RUNNING_S). */
static void answer_released(struct call *call, enum err e)
{
    respond(call, ERR_OK);
}

/* An answer that is to be given again and cannot be kept is not given at all, but 503: its client
 * would take a refusal for final, and one of its retries that is still under way might succeed. */
static void settle(struct call *call, enum err e)
{
    switch (once_settle(call, e)) {
    case ONCE_ANSWER: respond(call, e); break;
    case ONCE_KEEP:
        respond_compose(call, e);
        error_init(&call->error, call->arena);
        run_on_store(call, call->once.stage == ONCE_NEW ? once_keep_refusal : once_keep, respond);
        break;
    case ONCE_RELEASE:
        respond_compose(call, e);
        run_on_store(call, once_release, answer_released);
        break;
    }
}

/* --- WRITE -------------------------------------------------------------------------------- */

static enum err write_once(struct call *call)
{
    enum err e = call->once.wanted ? once_look(call) : ERR_OK;
    if (e || call->once.stage == ONCE_KEPT)
        return e;
    e = call->route->run(call);
    if (!e && !buf_ok(&call->reply))
        e = ERR_NO_MEMORY;
    return e || !call->once.wanted ? e : once_keep(call);
}

static void run_write(struct call *call)
{
    enum err e = call->route->check ? call->route->check(call) : ERR_OK;
    if (e)
        settle(call, e);
    else
        run_on_store(call, write_once, settle);
}

/* --- LIVE --------------------------------------------------------------------------------- */

static void answer_live(struct call *call)
{
    settle(call, run_in_snapshot(call, call->route->run));
}

static void submit_task(struct call *call)
{
    call->api->n_pending++;
    jobs_submit(call->api->shared->jobs, &call->task);
}

static void run_claimed(struct call *call, enum err e)
{
    if (e || call->once.stage == ONCE_KEPT) {
        respond(call, e);
        return;
    }
    if (call->once.stage == ONCE_APPLIED) {
        answer_live(call);
        return;
    }
    call->task.idempotency_id = call->once.row;
    submit_task(call);
}

static void run_live(struct call *call)
{
    struct jobs_task *task = &call->task;
    if (call->once.stage == ONCE_APPLIED) {
        answer_live(call);
        return;
    }
    task->arena = call->arena;
    task->reply_to = &call->api->tasks;
    error_init(&task->error, call->arena);
    enum err e = call->route->check ? run_in_snapshot(call, call->route->check) : ERR_OK;
    if (e)
        settle(call, e);
    else if (call->once.wanted)
        run_on_store(call, once_claim, run_claimed);
    else
        submit_task(call);
}

void run_task_done(struct call *call)
{
    if (!call->task.err) {
        answer_live(call);
        return;
    }
    call->error = call->task.error;
    settle(call, call->task.err);
}

/* --- SLOW --------------------------------------------------------------------------------- */

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

/* --- all ---------------------------------------------------------------------------------- */

void run_call(struct call *call)
{
    enum err e = call->once.wanted ? run_in_snapshot(call, once_look) : ERR_OK;
    if (e || call->once.stage == ONCE_KEPT) {
        respond(call, e);
        return;
    }
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
