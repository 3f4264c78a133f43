#include "api/run.h"
#include "api/respond.h"
#include "api/streams.h"
#include "base/clock.h"
#include "model/directory_version.h"
#include "model/pulse.h"

/* --- in a snapshot, and on the store thread ------------------------------------------------- */

static enum err run_in_tx(struct call *call, call_fn *fn, struct tx *tx)
{
    call->tx = tx;
    enum err e = fn(call);
    call->tx = NULL;
    return e;
}

static enum err run_in_snapshot(struct call *call, call_fn *fn)
{
    struct tx *tx;
    enum err e = store_read_begin(call->api->reader, &tx);
    return e ? e : run_in_tx(call, fn, tx);
}

/* On a thread of the store's. */
static enum err read_on_store(struct store_read *r, struct tx *tx)
{
    struct call *call = CONTAINER_OF(r, struct call, read);
    return run_in_tx(call, call->on_store, tx);
}

/* `then` goes on with the call once fn has read what it needs. */
static void run_reading(struct call *call, call_fn *fn, void (*then)(struct call *, enum err))
{
    struct api *api = call->api;
    if (store_reads_inline(api->shared->store)) {
        then(call, run_in_snapshot(call, fn));
        return;
    }
    call->on_store = fn;
    call->then = then;
    call->read.run = read_on_store;
    call->read.reply_to = &api->reads;
    enum err e = store_submit_read(api->shared->store, &call->read);
    if (e)
        then(call, e);
    else
        api->n_pending++;
}

static enum err apply(struct store_write *w, struct tx *tx)
{
    struct call *call = CONTAINER_OF(w, struct call, write);
    enum err e = run_in_tx(call, call->on_store, tx);
    return !e && call->changes_directory ? directory_version_raise(tx) : e;
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

/* Meta was asked, and the true answer could not be kept: another one may be given for it later, so
 * it is given to nobody. */
static void answer_kept(struct call *call, enum err e)
{
    if (e && call->route->kind == LIVE_ONCE && call->once.stage != ONCE_NEW)
        e = error_set(&call->error, ERR_UPSTREAM, "%s: the outcome could not be kept",
                      JOBS_UNKNOWN);
    respond(call, e);
}

static void answer_released(struct call *call, enum err e)
{
    if (e)
        left_claims_add(call->api->shared->left_claims, call->once.row);
    respond(call, ERR_OK);
}

/* A 503 would say that Meta did nothing. */
static enum err explain_taken(struct call *call, enum err e)
{
    if (!e || err_status(e) < 500)
        return e;
    return error_set(&call->error, ERR_UPSTREAM,
                     "Meta has carried this out, but what became of it cannot be read now");
}

/* An answer that is to be given again and cannot be kept is not given at all, but 503: its client
 * would take a refusal for final, and one of its retries that is still under way might succeed. */
static void settle(struct call *call, enum err e)
{
    e = call->task.is_taken ? explain_taken(call, e) : e;
    switch (once_settle(call, e)) {
    case ONCE_ANSWER: respond(call, e); break;
    case ONCE_KEEP:
        respond_compose(call, e);
        error_init(&call->error, call->arena);
        run_on_store(call, call->once.stage == ONCE_NEW ? once_keep_refusal : once_keep,
                     answer_kept);
        break;
    case ONCE_RELEASE:
        respond_compose(call, e);
        run_on_store(call, once_release, answer_released);
        break;
    }
}

/* --- WRITE -------------------------------------------------------------------------------- */

static enum err write_effect(struct call *call)
{
    enum err e = call->route->run(call);
    return !e && !buf_ok(&call->reply) ? ERR_NO_MEMORY : e;
}

/* What is known of the request is asked for together with what its effect asks for, which saves a
 * way to the server and back. Where it was answered before, the effect is undone. */
static enum err write_once(struct call *call)
{
    call_start(call);
    if (!call->once.wanted)
        return write_effect(call);
    enum err e = once_ask(call);
    if (e)
        return e;
    e = write_effect(call);
    enum err known = once_read(call);
    if (known || call->once.replayed)
        return known ? known : ERR_CONFLICT;
    return e ? e : once_keep(call);
}

/* The effect is undone. The answer that was kept is given; a refusal that is final is kept. */
static enum err write_refusal(struct store_write *w, struct tx *tx)
{
    struct call *call = CONTAINER_OF(w, struct call, write);
    call->changes_directory = false;
    if (call->once.replayed)
        return ERR_OK;
    if (call->otherwise && w->err != ERR_UNAVAILABLE) {
        call_start(call);
        return run_in_tx(call, call->otherwise, tx);
    }
    call->once.stage = ONCE_NEW; /* what was kept with the effect is undone with it */
    if (once_settle(call, w->err) != ONCE_KEEP)
        return w->err;
    respond_compose(call, w->err);
    error_init(&call->error, call->arena);
    return run_in_tx(call, once_keep, tx);
}

static void write_and_respond(struct call *call)
{
    call->write.otherwise = write_refusal;
    run_on_store(call, write_once, respond);
}

/* Where a snapshot costs a question to a server, what is known of a request is asked for in its
 * write alone; but before a refusal, which may come behind an answer that was given. */
static void refuse_looked(struct call *call, enum err e)
{
    if (e || call->once.stage == ONCE_KEPT)
        respond(call, e);
    else
        settle(call, call->refused);
}

static void run_write(struct call *call)
{
    enum err e = call->route->check ? call->route->check(call) : ERR_OK;
    call->refused = e;
    if (!e)
        write_and_respond(call);
    else if (call->once.wanted && !store_reads_inline(call->api->shared->store))
        run_reading(call, once_look, refuse_looked);
    else
        settle(call, e);
}

/* --- LIVE --------------------------------------------------------------------------------- */

static void answer_live(struct call *call)
{
    run_reading(call, call->route->run, settle);
}

static void submit_task(struct call *call)
{
    call->api->n_pending++;
    jobs_submit(call->api->shared->jobs, &call->task);
}

static void run_claimed(struct call *call, enum err e)
{
    /* It may be there after all, and nobody works on it. */
    if (e == ERR_IN_DOUBT && call->once.stage == ONCE_CLAIMED)
        left_claims_add(call->api->shared->left_claims, call->once.row);
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

static enum err look_and_check(struct call *call)
{
    enum err e = call->once.wanted ? once_look(call) : ERR_OK;
    if (e || call->once.stage != ONCE_NEW)
        return e;
    return call->route->check ? call->route->check(call) : ERR_OK;
}

static void run_checked(struct call *call, enum err e)
{
    if (e)
        settle(call, e);
    else if (call->once.stage == ONCE_KEPT)
        respond(call, ERR_OK);
    else if (call->once.stage == ONCE_APPLIED)
        answer_live(call);
    else if (call->once.wanted)
        run_on_store(call, once_claim, run_claimed);
    else
        submit_task(call);
}

static void run_live(struct call *call)
{
    struct jobs_task *task = &call->task;
    task->arena = call->arena;
    task->reply_to = &call->api->tasks;
    error_init(&task->error, call->arena);
    run_reading(call, look_and_check, run_checked);
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

/* --- READ --------------------------------------------------------------------------------- */

static struct answer_key key_of(const struct call *call)
{
    const struct api_shared *shared = call->api->shared;
    return (struct answer_key){
        .client_row_id = call->caller.client_row_id,
        .path = call->path,
        .query = call->request->query,
        .generation = store_generation(shared->store),
        .directory = call->api->gate.view.version,
        .pulse = shared->pulse ? pulse_moves(shared->pulse) : 0,
        .at_us = clock_monotonic_us(),
    };
}

static void keep_and_respond(struct call *call, enum err e)
{
    if (!e && buf_ok(&call->reply) && call->status == 200)
        answers_keep(&call->api->answers, &call->asked, buf_str(&call->reply));
    respond(call, e);
}

/* Only the signed API's: an operator looks rarely, and wants to see what is. */
static void run_read(struct call *call)
{
    if (store_reads_inline(call->api->shared->store) || call->request->from_unix) {
        run_reading(call, call->route->run, respond);
        return;
    }
    call->asked = key_of(call);
    struct str body = answers_find(&call->api->answers, &call->asked);
    if (!body.ptr) {
        run_reading(call, call->route->run, keep_and_respond);
        return;
    }
    buf_add(&call->reply, body);
    respond(call, ERR_OK);
}

/* --- STREAM ------------------------------------------------------------------------------- */

static void stream_found(struct call *call, enum err e)
{
    if (e)
        respond(call, e);
    else
        streams_begin(call, call->input);
}

static void run_stream(struct call *call)
{
    enum err e = call->route->check(call);
    if (e)
        respond(call, e);
    else
        run_reading(call, call->route->run, stream_found);
}

/* --- all ---------------------------------------------------------------------------------- */

static void run_looked(struct call *call, enum err e)
{
    if (e || call->once.stage == ONCE_KEPT)
        respond(call, e);
    else
        run_write(call);
}

void run_call(struct call *call)
{
    bool looks_first = call->once.wanted && store_reads_inline(call->api->shared->store);
    switch (call->route->kind) {
    case LOCAL: respond(call, call->route->run(call)); break;
    case READ: run_read(call); break;
    case STREAM: run_stream(call); break;
    case WRITE:
        if (looks_first)
            run_reading(call, once_look, run_looked);
        else
            run_write(call);
        break;
    case LIVE:
    case LIVE_ONCE: run_live(call); break;
    case SLOW: run_slow(call); break;
    }
}

void run_wake(void *wake)
{
    uv_async_send(wake);
}

void run_end_pending(struct api *api)
{
    if (--api->n_pending == 0 && api->idle)
        api->idle(api->idle_arg);
}
