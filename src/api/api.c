#include "api/api.h"
#include "api/dispatch.h"
#include "api/respond.h"
#include "api/run.h"

/* --- back from other threads -------------------------------------------------------------- */

static struct call *written_call(struct list *node)
{
    struct store_write *w = CONTAINER_OF(node, struct store_write, node);
    return CONTAINER_OF(w, struct call, write);
}

static void go_on(struct api *api, struct call *call, enum err reloaded)
{
    enum err e = call->write.err;
    if (!e && call->changes_directory && reloaded)
        e = error_set(&call->error, reloaded,
                      "The change is saved, but not in force yet: restart the server");
    call->then(call, e);
    run_end_pending(api);
}

static void go_on_all(struct api *api, struct list *written, enum err reloaded)
{
    for (struct list *node; (node = list_take(written));)
        go_on(api, written_call(node), reloaded);
}

static bool changes_directory(const struct call *call)
{
    return !call->write.err && call->changes_directory;
}

static void start_reload(struct api *api);

/* On a thread of libuv's. */
static void on_reload(uv_work_t *work)
{
    struct api *api = CONTAINER_OF(work, struct api, reload.work);
    api->reload.err = directory_reload(api->shared->directory, api->reader);
}

static void on_reload_done(uv_work_t *work, int status)
{
    struct api *api = CONTAINER_OF(work, struct api, reload.work);
    struct list calls;
    list_init(&calls);
    list_move_all(&calls, &api->reload.calls);
    api->reload.runs = false;
    start_reload(api);
    go_on_all(api, &calls, api->reload.err);
}

static void start_reload(struct api *api)
{
    struct api_reload *r = &api->reload;
    if (r->runs || list_empty(&r->waiting))
        return;
    list_move_all(&r->calls, &r->waiting);
    r->runs = true;
    if (uv_queue_work(api->wake.loop, &r->work, on_reload, on_reload_done) != 0)
        die("cannot begin work");
}

/* Who may sign is loaded once for all writes of a turn, before any of them is answered. */
static void take_written(struct api *api)
{
    struct list written, changing;
    list_init(&written);
    list_init(&changing);
    queue_take_all(&api->writes, &written);
    list_for_each_safe (node, &written) {
        if (!changes_directory(written_call(node)))
            continue;
        list_remove(node);
        list_add(&changing, node);
    }
    if (!list_empty(&changing) && store_reads_inline(api->shared->store))
        go_on_all(api, &changing, directory_reload(api->shared->directory, api->reader));
    list_move_all(&api->reload.waiting, &changing);
    start_reload(api);
    go_on_all(api, &written, ERR_OK);
}

static void take_read(struct api *api)
{
    struct list done;
    list_init(&done);
    queue_take_all(&api->reads, &done);
    for (struct list *node; (node = list_take(&done));) {
        struct store_read *read = CONTAINER_OF(node, struct store_read, node);
        struct call *call = CONTAINER_OF(read, struct call, read);
        call->then(call, read->err);
        run_end_pending(api);
    }
}

static void take_decided(struct api *api)
{
    struct list decided;
    list_init(&decided);
    queue_take_all(&api->decided, &decided);
    for (struct list *node; (node = list_take(&decided));) {
        struct undecided *u = CONTAINER_OF(node, struct undecided, node);
        dispatch_decided(CONTAINER_OF(u, struct call, undecided));
        run_end_pending(api);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct api *api = wake->data;
    take_written(api);
    take_read(api);
    take_decided(api);
    struct list items;
    list_init(&items);
    queue_take_all(&api->tasks, &items);
    for (struct list *node; (node = list_take(&items));) {
        struct jobs_task *task = CONTAINER_OF(node, struct jobs_task, node);
        run_task_done(CONTAINER_OF(task, struct call, task));
        run_end_pending(api);
    }
    streams_wake(api);
}

/* --- the hooks ---------------------------------------------------------------------------- */

static void refuse(void *arg, struct http_request *r, enum err e, const char *why,
                   struct http_response *response)
{
    struct api *api = arg;
    api_metrics_refuse(&api->metrics, e);
    respond_refused(api, r, e, why, response);
}

static void refuse_without_call(struct api *api, struct http_request *r)
{
    struct http_response response = {.status = 503};
    respond_refused(api, r, ERR_UNAVAILABLE, "The server is out of memory", &response);
    api_metrics_end(&api->metrics, &(struct api_outcome){.method = (int)r->method,
                                                         .status = err_status(ERR_UNAVAILABLE),
                                                         .err = ERR_UNAVAILABLE});
    http_respond(r, &response);
}

static void handle(void *arg, struct http_request *r)
{
    struct api *api = arg;
    api_metrics_begin(&api->metrics);
    struct call *call = ARENA_NEW(&r->arena, struct call);
    if (!call) {
        refuse_without_call(api, r);
        return;
    }
    call->api = api;
    call->request = r;
    call->arena = &r->arena;
    buf_init(&call->reply, HTTP_OUT_MAX);
    call_start(call);
    dispatch(call);
}

static bool is_metas(struct str path)
{
    struct http_match match;
    return http_path_match("/webhooks/meta", path, &match) ||
           http_path_match("/webhooks/meta/{domain}", path, &match);
}

/* A GET or DELETE with a body is refused before the body is read (developer-api.md §1.2). */
static enum err accept_header(void *arg, struct http_request *r, size_t *body_max,
                              const char **ret_why)
{
    if (r->method == HTTP_POST && !r->from_unix && is_metas(r->path))
        *body_max = INBOUND_BODY_MAX;
    if (r->method != HTTP_GET && r->method != HTTP_DELETE)
        return ERR_OK;
    struct str length = http_header_get(r, STR("Content-Length"), NULL);
    bool has_body = http_header_get(r, STR("Transfer-Encoding"), NULL).ptr ||
                    (length.ptr && !str_eq(length, STR("0")));
    *ret_why = "A GET or DELETE must not have a body: the signed string has none for it";
    return has_body ? ERR_BAD_REQUEST : ERR_OK;
}

const struct http_hooks api_hooks = {accept_header, handle, refuse};

/* --- life --------------------------------------------------------------------------------- */

static void on_end_of_turn(uv_prepare_t *prepare)
{
    struct api *api = prepare->data;
    store_read_end(api->reader);
}

enum err api_open(struct api *api, uv_loop_t *loop, const struct api_shared *shared,
                  struct error *error)
{
    *api = (struct api){.shared = shared};
    enum err e = store_reader_open(shared->store, &api->reader, error);
    if (e)
        return e;
    if (uv_async_init(loop, &api->wake, on_wake) != 0)
        die("cannot make a wake-up");
    uv_prepare_init(loop, &api->end_of_turn);
    if (store_reads_inline(shared->store))
        uv_prepare_start(&api->end_of_turn, on_end_of_turn);
    api->wake.data = api->end_of_turn.data = api;
    queue_init(&api->writes, run_wake, &api->wake);
    queue_init(&api->reads, run_wake, &api->wake);
    queue_init(&api->tasks, run_wake, &api->wake);
    queue_init(&api->decided, run_wake, &api->wake);
    list_init(&api->reload.calls);
    list_init(&api->reload.waiting);
    answers_init(&api->answers);
    http_gzip_init(&api->gzip);
    streams_open(api, loop);
    api_metrics_init(&api->metrics, shared->routes);
    gate_init(&api->gate, shared->directory, shared->failures, shared->policy);
    return ERR_OK;
}

void api_close(struct api *api)
{
    streams_close(api);
    uv_close((uv_handle_t *)&api->wake, NULL);
    uv_close((uv_handle_t *)&api->end_of_turn, NULL);
}

void api_release(struct api *api)
{
    gate_release(&api->gate);
    http_gzip_release(&api->gzip);
    api_metrics_release(&api->metrics);
    store_reader_close(api->reader);
    answers_release(&api->answers);
    streams_release(api);
    queue_release(&api->writes);
    queue_release(&api->reads);
    queue_release(&api->tasks);
    queue_release(&api->decided);
}
