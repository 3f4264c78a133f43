#include "base/clock.h"
#include "base/log.h"
#include "jobs/runner.h"

void jobs_task_release(struct jobs_task *task)
{
    secret_release(&task->token);
    secret_release(&task->pin);
}

/* --- the thread --------------------------------------------------------------------------- */

static void run_task(struct jobs *j, struct jobs_task *task)
{
    if (j->stopping) {
        struct graph_answer cancelled = {.outcome = GRAPH_CANCELLED};
        job_task_answered(task, &cancelled);
        return;
    }
    switch (task->kind) {
    case JOBS_LINK: job_link(j, task); break;
    case JOBS_SYNC: job_sync_task(j, task); break;
    case JOBS_CHECK_ACCOUNT: job_check_account(j, task); break;
    case JOBS_CHECK_GRAPH: job_check_graph(j, task); break;
    case JOBS_WEBHOOK: job_webhook(j, task); break;
    case JOBS_RELOAD: job_task_done(task, job_accounts_reload(j)); break;
    case JOBS_REQUEST_CODE:
    case JOBS_VERIFY_CODE:
    case JOBS_REGISTER:
    case JOBS_DEREGISTER:
    case JOBS_SET_PIN:
    case JOBS_FETCH_PROFILE:
    case JOBS_CHANGE_PROFILE: job_number_call(j, task); break;
    }
}

static void take_all(struct jobs *j)
{
    struct list items;
    list_init(&items);
    queue_take_all(&j->writes, &items);
    for (struct list *node; (node = list_take(&items));) {
        struct store_write *write = CONTAINER_OF(node, struct store_write, node);
        struct job_write *w = CONTAINER_OF(write, struct job_write, write);
        w->done(w);
    }
    queue_take_all(&j->reads, &items);
    for (struct list *node; (node = list_take(&items));) {
        struct store_read *read = CONTAINER_OF(node, struct store_read, node);
        struct job_read *r = CONTAINER_OF(read, struct job_read, read);
        r->done(r);
    }
    queue_take_all(&j->inbox, &items);
    for (struct list *node; (node = list_take(&items));)
        run_task(j, CONTAINER_OF(node, struct jobs_task, node));
}

/* Stops in steps, each on a later turn: first Meta is let go of, then what was begun is written,
 * then the handles close and uv_run returns. */
static void stop_step(struct jobs *j)
{
    if (j->graph) {
        struct graph *g = j->graph;
        j->graph = NULL;
        graph_close(g);
        job_lanes_stop(j);
    }
    if (j->n_pending == 0 && !uv_is_closing((uv_handle_t *)&j->wake)) {
        uv_close((uv_handle_t *)&j->wake, NULL);
        uv_close((uv_handle_t *)&j->tick, NULL);
        uv_close((uv_handle_t *)&j->lanes.pace, NULL);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct jobs *j = wake->data;
    if (queue_is_closed(&j->inbox))
        j->stopping = true;
    take_all(j);
    if (atomic_exchange(&j->announced, false))
        job_lanes_look(j);
    if (j->stopping)
        stop_step(j);
}

static void on_tick(uv_timer_t *tick)
{
    struct jobs *j = tick->data;
    if (!j->stopping) {
        job_leases_tick(j);
        job_confirm_tick(j);
        job_sync_tick(j);
        job_lanes_tick(j);
        job_accounts_sweep(j);
    }
    job_accounts_show(j);
    job_lanes_show(j);
}

static void wake_loop(void *arg)
{
    uv_async_send(arg);
}

/* On a thread of the store's. */
static void on_announced(void *arg)
{
    struct jobs *j = arg;
    atomic_store(&j->announced, true);
    uv_async_send(&j->wake);
}

static void run_thread(void *arg)
{
    struct jobs *j = arg;
    uv_run(&j->loop, UV_RUN_DEFAULT);
}

void jobs_free(struct jobs *j)
{
    if (!j)
        return;
    store_unlisten(j->options.store, &j->listener);
    graph_close(j->graph);
    http_client_close(j->lanes.client);
    if (!uv_is_closing((uv_handle_t *)&j->wake)) {
        uv_close((uv_handle_t *)&j->wake, NULL);
        uv_close((uv_handle_t *)&j->tick, NULL);
        uv_close((uv_handle_t *)&j->lanes.pace, NULL);
    }
    uv_run(&j->loop, UV_RUN_DEFAULT); /* lets the closed handles go */
    job_accounts_release(j);
    job_lanes_release(j);
    store_reader_close(j->reader);
    uv_loop_close(&j->loop);
    queue_release(&j->inbox);
    queue_release(&j->writes);
    queue_release(&j->reads);
    free(j);
}

/* Where the store is shared, the accounts are claimed by the first ticks. */
static enum err start_syncing(struct jobs *j, struct error *error)
{
    enum err e = store_is_shared(j->options.store) ? ERR_OK : job_accounts_load(j);
    if (e)
        return error_set(error, e, "cannot read the linked accounts from the database");
    uv_timer_start(&j->tick, on_tick, 0, JOBS_TICK_MS);
    j->listener = (struct store_listener){.announced = on_announced, .arg = j};
    store_listen(j->options.store, &j->listener);
    return ERR_OK;
}

enum err jobs_start(const struct jobs_options *options, struct jobs **ret, struct error *error)
{
    struct jobs *j = xcalloc(1, sizeof(*j));
    j->options = *options;
    j->options.graph.stats = &j->stats.graph;
    list_init(&j->accounts);
    if (uv_loop_init(&j->loop) != 0 || uv_async_init(&j->loop, &j->wake, on_wake) != 0 ||
        uv_timer_init(&j->loop, &j->tick) != 0)
        die("cannot make an event loop");
    j->wake.data = j->tick.data = j;
    queue_init(&j->inbox, wake_loop, &j->wake);
    queue_init(&j->writes, wake_loop, &j->wake);
    queue_init(&j->reads, wake_loop, &j->wake);
    enum err e = job_lanes_open(j, error);
    if (!e && store_reads_inline(options->store))
        e = store_reader_open(options->store, &j->reader, error);
    if (!e)
        e = graph_open(&j->loop, &j->options.graph, &j->graph, error);
    if (!e && options->sync_interval_s)
        e = start_syncing(j, error);
    if (!e && uv_thread_create(&j->thread, run_thread, j) != 0)
        e = error_set(error, ERR_IO, "cannot start the jobs thread");
    if (e)
        jobs_free(j);
    else
        *ret = j;
    return e;
}

const struct jobs_stats *jobs_stats(const struct jobs *j)
{
    return &j->stats;
}

void jobs_submit(struct jobs *j, struct jobs_task *task)
{
    if (queue_push(&j->inbox, &task->node))
        return;
    struct graph_answer cancelled = {.outcome = GRAPH_CANCELLED};
    job_task_answered(task, &cancelled);
}

void jobs_reload(struct jobs *j)
{
    struct arena arena;
    struct queue done;
    struct list items;
    arena_init(&arena, ARENA_BLOCK_SIZE);
    queue_init(&done, NULL, NULL);
    list_init(&items);
    struct jobs_task task = {.kind = JOBS_RELOAD, .reply_to = &done, .arena = &arena};
    error_init(&task.error, &arena);
    jobs_submit(j, &task);
    if (!queue_wait(&done, &items) || task.err)
        log_event(LOG_WARN, "accounts_not_reloaded", LOG_CSTR("error", err_code(task.err)),
                  LOG_CSTR("effect", "accounts of the backup are synced after a restart"));
    queue_release(&done);
    arena_release(&arena);
}

/* --- the last write ----------------------------------------------------------------------- */

struct last_write {
    struct store_write write;
    struct jobs *jobs;
};

static enum err write_last(struct store_write *w, struct tx *tx)
{
    struct jobs *j = CONTAINER_OF(w, struct last_write, write)->jobs;
    enum err e = job_confirm_all(j, tx);
    if (!e && j->leases.replica)
        e = webhook_leave_all(tx, j->leases.replica);
    return !e && j->leases.replica ? lease_leave(tx, j->leases.replica) : e;
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    store_unlisten(j->options.store, &j->listener); /* the loop's handles are about to close */
    queue_close(&j->inbox);
    uv_thread_join(&j->thread);
    struct last_write w = {.write.apply = write_last, .jobs = j};
    if (store_write_now(j->options.store, &w.write))
        log_event(LOG_WARN, "pulse_not_written",
                  LOG_CSTR("effect", "confirmed_at is older than it was until the next sync"));
}
