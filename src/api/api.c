#include "api/api.h"
#include "api/answer.h"
#include "api/call.h"
#include "api/etag.h"
#include "base/clock.h"
#include "base/log.h"

#define JSON_TYPE STR("application/json; charset=utf-8")

/* --- answering ---------------------------------------------------------------------------- */

static void add_headers(struct http_response *response, const struct error *error,
                        struct arena *arena)
{
    http_response_add(response, STR("X-API-Version"), STR("v1"));
    if (!error)
        return;
    if (error->retry_after) {
        struct str seconds = arena_printf(arena, "%d", error->retry_after);
        if (seconds.ptr)
            http_response_add(response, STR("Retry-After"), seconds);
    }
    if (error->allow.len)
        http_response_add(response, STR("Allow"), error->allow);
}

/* developer-api.md §1.1 */
static void add_deprecation(struct http_response *response, const struct deprecation *d,
                            struct arena *arena)
{
    http_response_add(response, STR("X-API-Deprecated"), STR("true"));
    http_response_add(response, STR("X-API-Deprecation-Date"), str_from(d->since));
    http_response_add(response, STR("X-API-Sunset-Date"), str_from(d->sunset));
    struct str warning =
        arena_printf(arena, "299 - \"This endpoint is deprecated. Use %s instead\"", d->instead);
    if (warning.ptr)
        http_response_add(response, STR("Warning"), warning);
}

/* `etag` lives until the answer is written. What the client has already is not sent again. */
static void add_etag(const struct http_request *r, struct http_response *response,
                     char etag[ETAG_LEN])
{
    etag_make(response->body, etag);
    http_response_add(response, STR("ETag"), str_make(etag, ETAG_LEN));
    struct str known = http_header_get(r, STR("If-None-Match"), NULL);
    if (!known.ptr || !etag_matches(known, str_make(etag, ETAG_LEN)))
        return;
    response->status = 304;
    response->content_type = STR("");
    response->body = STR("");
}

static void log_call(const struct http_request *r, const struct call *call, int status)
{
    enum log_level level = status >= 500 ? LOG_WARN : LOG_DEBUG;
    log_event(level, "request", LOG_STR("id", str_make(r->id, HTTP_REQUEST_ID_LEN)),
              LOG_CSTR("method", http_method_name(r->method)), LOG_STR("path", r->path),
              LOG_STR("workspace", call ? call->caller.domain : STR("")), LOG_INT("status", status),
              LOG_INT("us", clock_monotonic_us() - r->begun_us));
}

static void answer_call(struct call *call, enum err e)
{
    struct http_request *r = call->request;
    struct http_response response = {.status = call->status, .content_type = JSON_TYPE};
    if (!e && !buf_ok(&call->reply))
        e = ERR_NO_MEMORY;
    if (e) {
        if (call->error.err != e)
            error_set(&call->error, e, "%s", answer_default_message(e));
        if (err_status(e) == 503 && !call->error.retry_after)
            call->error.retry_after = RETRY_AFTER_S;
        response.status = err_status(e);
        buf_clear(&call->reply);
        answer_write_error(&call->reply, &call->error, str_make(r->id, HTTP_REQUEST_ID_LEN));
    }
    response.body = buf_str(&call->reply);
    add_headers(&response, e ? &call->error : NULL, call->arena);
    if (call->route && call->route->deprecated)
        add_deprecation(&response, call->route->deprecated, call->arena);
    char etag[ETAG_LEN];
    if (!e && r->method == HTTP_GET)
        add_etag(r, &response, etag);
    log_call(r, call, response.status);
    struct buf body = call->reply; /* the call dies with its request */
    jobs_task_release(&call->task);
    http_respond(r, &response);
    buf_release(&body);
}

static void refuse(void *arg, struct http_request *r, enum err e, const char *why,
                   struct http_response *response)
{
    struct error error;
    error_init(&error, &r->arena);
    error_set(&error, e, "%s", why);
    if (err_status(e) == 503)
        error.retry_after = RETRY_AFTER_S;
    struct buf body;
    buf_init(&body, REQUEST_ARENA_MAX);
    answer_write_error(&body, &error, str_make(r->id, HTTP_REQUEST_ID_LEN));
    response->content_type = JSON_TYPE;
    response->body = arena_dup(&r->arena, buf_str(&body));
    buf_release(&body);
    add_headers(response, &error, &r->arena);
    log_call(r, NULL, err_status(e));
}

/* --- where a call is meant for ------------------------------------------------------------ */

struct target {
    const struct route *routes; /* NULL: nothing of ours lies there */
    struct str path;            /* relative to the base URL */
    bool is_signed;
};

static bool take_prefix(struct str path, struct str prefix, struct str *ret_rest)
{
    if (!str_starts(path, prefix))
        return false;
    struct str rest = str_skip(path, prefix.len);
    if (rest.len && rest.ptr[0] != '/')
        return false;
    *ret_rest = rest;
    return true;
}

/* Administration is reachable on the control socket alone, and the signed API on all others. */
static struct target find_target(const struct http_request *r)
{
    struct target t = {NULL, {NULL, 0}, false};
    if (r->from_unix) {
        if (take_prefix(r->path, STR("/admin"), &t.path))
            t.routes = admin_routes;
    } else if (take_prefix(r->path, STR("/api/developer"), &t.path) ||
               take_prefix(r->path, STR("/api/v1/developer"), &t.path)) {
        t.routes = api_routes;
        t.is_signed = true;
    }
    return t;
}

static const struct route *find_route(const struct route *routes, enum http_method method,
                                      struct str path, struct http_match *match)
{
    for (const struct route *route = routes; route->pattern; route++)
        if (route->method == method && http_path_match(route->pattern, path, match))
            return route;
    return NULL;
}

static enum err explain_no_route(struct call *call, const struct target *t)
{
    _cleanup_(buf_release)
    struct buf allow;
    buf_init(&allow, 256);
    for (const struct route *route = t->routes; route->pattern; route++) {
        struct http_match match;
        if (!http_path_match(route->pattern, t->path, &match))
            continue;
        buf_printf(&allow, "%s%s", allow.len ? ", " : "", http_method_name(route->method));
    }
    if (allow.len == 0)
        return error_set(&call->error, ERR_NOT_FOUND, "There is nothing at this address");
    call->error.allow = arena_dup(call->arena, buf_str(&allow));
    return error_set(&call->error, ERR_METHOD_NOT_ALLOWED, "%s is not allowed here; %.*s %s",
                     http_method_name(call->request->method), STR_FMT(buf_str(&allow)),
                     str_find(buf_str(&allow), ',') < allow.len ? "are" : "is");
}

/* --- running ------------------------------------------------------------------------------ */

/* A READ, and the last step of a LIVE call. */
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

static enum err begin_write(struct call *call)
{
    enum err e = call->route->check ? call->route->check(call) : ERR_OK;
    if (e)
        return e;
    call->write.apply = apply_write;
    call->write.reply_to = &call->api->writes;
    e = store_submit(call->api->shared->store, &call->write);
    if (!e)
        call->api->n_pending++;
    return e;
}

static enum err begin_live(struct call *call)
{
    struct jobs_task *task = &call->task;
    task->arena = call->arena;
    task->reply_to = &call->api->tasks;
    error_init(&task->error, call->arena);
    enum err e = call->route->check ? run_in_snapshot(call, call->route->check) : ERR_OK;
    if (e)
        return e;
    call->api->n_pending++;
    jobs_submit(call->api->shared->jobs, task);
    return ERR_OK;
}

static void end_pending(struct api *api)
{
    if (--api->n_pending == 0 && api->idle)
        api->idle(api->idle_arg);
}

static struct call *written_call(struct list *node)
{
    struct store_write *w = CONTAINER_OF(node, struct store_write, node);
    return CONTAINER_OF(w, struct call, write);
}

/* Who may sign is loaded once for all writes of a turn, before any of them is answered. */
static enum err reload_directory(struct api *api, struct list *written)
{
    bool changed = false;
    list_for_each (node, written) {
        struct call *call = written_call(node);
        changed = changed || (!call->write.err && call->changes_directory);
    }
    return changed ? directory_reload(api->shared->directory, api->reader) : ERR_OK;
}

static void take_written(struct api *api)
{
    struct list written;
    list_init(&written);
    queue_take_all(&api->writes, &written);
    enum err reloaded = reload_directory(api, &written);
    for (struct list *node; (node = list_take(&written));) {
        struct call *call = written_call(node);
        enum err e = call->write.err;
        if (!e && call->changes_directory && reloaded)
            e = error_set(&call->error, reloaded,
                          "The change is saved, but not in force yet: restart the server");
        answer_call(call, e);
        end_pending(api);
    }
}

static void on_task_done(struct call *call)
{
    struct api *api = call->api;
    enum err e = call->task.err;
    if (e)
        call->error = call->task.error;
    else
        e = run_in_snapshot(call, call->route->run);
    answer_call(call, e);
    end_pending(api);
}

static void on_wake(uv_async_t *wake)
{
    struct api *api = wake->data;
    take_written(api);
    struct list items;
    list_init(&items);
    queue_take_all(&api->tasks, &items);
    for (struct list *node; (node = list_take(&items));) {
        struct jobs_task *task = CONTAINER_OF(node, struct jobs_task, node);
        on_task_done(CONTAINER_OF(task, struct call, task));
    }
}

/* --- the hooks ---------------------------------------------------------------------------- */

/* Index of the first byte that is no white space of JSON's; 0 when there is none. */
static size_t first_byte(struct str body)
{
    for (size_t i = 0; i < body.len; i++)
        if (!strchr(" \t\r\n", body.ptr[i]))
            return i;
    return 0;
}

/* A body is empty or one JSON object: with no separators in the signed string, anything freer could
 * take over bytes of the timestamp (developer-api.md §1.2). */
static enum err check_body(struct call *call)
{
    struct http_request *r = call->request;
    if (r->body.len == 0)
        return ERR_OK;
    struct str type = http_header_get(r, STR("Content-Type"), NULL);
    struct str rest = type.ptr ? type : STR("application/json");
    struct str media = str_trim(str_split(&rest, ';'));
    if (!str_eq_nocase(media, STR("application/json")))
        return error_set(&call->error, ERR_UNSUPPORTED_MEDIA_TYPE,
                         "The body must be JSON: Content-Type: application/json");
    if (r->body.ptr[first_byte(r->body)] == '{')
        return ERR_OK;
    error_detail(&call->error, "offset", "%zu", first_byte(r->body));
    return error_set(&call->error, ERR_INVALID_JSON, "The body must be one JSON object");
}

static enum err check_version(struct call *call)
{
    struct str version = http_header_get(call->request, STR("X-API-Version"), NULL);
    if (!version.ptr || str_eq(version, STR("v1")))
        return ERR_OK;
    return error_set(&call->error, ERR_UNSUPPORTED_VERSION,
                     "This server speaks v1: send X-API-Version: v1, or leave it out");
}

static enum err dispatch(struct call *call, bool *ret_pending)
{
    struct target t = find_target(call->request);
    if (!t.routes)
        return error_set(&call->error, ERR_NOT_FOUND, "There is nothing at this address");
    enum err e = ERR_OK;
    if (t.is_signed) {
        e = check_version(call);
        if (!e)
            e = gate_check(&call->api->gate, call->request, t.path, clock_now_ms(), &call->caller,
                           &call->error);
    }
    if (!e)
        e = check_body(call);
    if (e)
        return e;
    call->route = find_route(t.routes, call->request->method, t.path, &call->match);
    if (!call->route)
        return explain_no_route(call, &t);
    switch (call->route->kind) {
    case READ: return run_in_snapshot(call, call->route->run);
    case WRITE: e = begin_write(call); break;
    case LIVE: e = begin_live(call); break;
    }
    *ret_pending = !e;
    return e;
}

static void refuse_without_call(struct http_request *r)
{
    struct http_response response = {.status = 503, .content_type = JSON_TYPE};
    refuse(NULL, r, ERR_UNAVAILABLE, "The server is out of memory", &response);
    http_respond(r, &response);
}

static void handle(void *arg, struct http_request *r)
{
    struct api *api = arg;
    struct call *call = ARENA_NEW(&r->arena, struct call);
    if (!call) {
        refuse_without_call(r);
        return;
    }
    call->api = api;
    call->request = r;
    call->arena = &r->arena;
    call->status = 200;
    error_init(&call->error, call->arena);
    buf_init(&call->reply, HTTP_OUT_MAX);
    json_writer_init(&call->out, &call->reply);
    bool pending = false;
    enum err e = dispatch(call, &pending);
    if (!pending)
        answer_call(call, e);
}

/* A GET or DELETE with a body is refused before the body is read (developer-api.md §1.2). */
static enum err accept_header(void *arg, struct http_request *r, size_t *body_max,
                              const char **ret_why)
{
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

static void wake_loop(void *arg)
{
    uv_async_send(arg);
}

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
    uv_prepare_start(&api->end_of_turn, on_end_of_turn);
    api->wake.data = api->end_of_turn.data = api;
    queue_init(&api->writes, wake_loop, &api->wake);
    queue_init(&api->tasks, wake_loop, &api->wake);
    gate_init(&api->gate, shared->directory, shared->sign_window_s);
    return ERR_OK;
}

void api_close(struct api *api)
{
    uv_close((uv_handle_t *)&api->wake, NULL);
    uv_close((uv_handle_t *)&api->end_of_turn, NULL);
}

void api_release(struct api *api)
{
    gate_release(&api->gate);
    store_reader_close(api->reader);
    queue_release(&api->writes);
    queue_release(&api->tasks);
}
