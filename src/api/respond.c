#include "api/respond.h"
#include "api/answer.h"
#include "api/docs.h"
#include "api/etag.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

#define JSON_TYPE STR("application/json; charset=utf-8")

static void add_number(struct http_response *response, struct str name, int64_t value,
                       struct arena *arena)
{
    struct str text = arena_printf(arena, "%" PRId64, value);
    if (text.ptr)
        http_response_add(response, name, text);
}

static void add_headers(struct http_response *response, const struct error *error,
                        struct arena *arena)
{
    http_response_add(response, STR("X-API-Version"), STR("v1"));
    if (!error)
        return;
    if (error->retry_after)
        add_number(response, STR("Retry-After"), error->retry_after, arena);
    if (error->allow.len)
        http_response_add(response, STR("Allow"), error->allow);
}

/* developer-api.md §1.6 */
static void add_limit(struct http_response *response, const struct limit_state *s,
                      struct arena *arena)
{
    if (s->limit == 0)
        return;
    add_number(response, STR("X-RateLimit-Limit"), s->limit, arena);
    add_number(response, STR("X-RateLimit-Remaining"), s->remaining, arena);
    add_number(response, STR("X-RateLimit-Reset"), s->reset_s, arena);
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

static void count_call(struct call *call, int status)
{
    const struct api_outcome outcome = {
        .route = call->route,
        .method = (int)call->request->method,
        .status = status,
        .err = call->outcome,
        .is_known = call->caller.workspace_id != 0,
        .us = clock_monotonic_us() - call->request->begun_us,
    };
    api_metrics_end(&call->api->metrics, &outcome);
}

void respond_compose(struct call *call, enum err e)
{
    if (!e && !buf_ok(&call->reply))
        e = ERR_NO_MEMORY;
    if (!e)
        return;
    if (call->error.err != e)
        error_set(&call->error, e, "%s", answer_default_message(e));
    call->outcome = e;
    call->status = err_status(e);
    if (call->status == 503 && !call->error.retry_after)
        call->error.retry_after = RETRY_AFTER_S;
    buf_clear(&call->reply);
    answer_write_error(&call->reply, &call->error,
                       str_make(call->request->id, HTTP_REQUEST_ID_LEN));
}

void respond(struct call *call, enum err e)
{
    struct http_request *r = call->request;
    respond_compose(call, e);
    struct http_response response = {.status = call->status, .content_type = JSON_TYPE};
    response.body = buf_str(&call->reply);
    add_headers(&response, call->status >= 400 ? &call->error : NULL, call->arena);
    add_limit(&response, &call->limit, call->arena);
    if (call->once.replayed)
        http_response_add(&response, STR("Idempotent-Replayed"), STR("true"));
    if (call->route && call->route->deprecated)
        add_deprecation(&response, call->route->deprecated, call->arena);
    char etag[ETAG_LEN];
    if (call->status == 200 && r->method == HTTP_GET)
        add_etag(r, &response, etag);
    log_call(r, call, response.status);
    count_call(call, response.status);
    struct buf body = call->reply; /* the call dies with its request */
    jobs_task_release(&call->task);
    http_respond(r, &response);
    buf_release(&body);
}

void respond_page(struct call *call, const struct docs_page *page)
{
    struct http_response response = {0};
    add_headers(&response, NULL, call->arena);
    docs_fill(page, call->request, &response);
    log_call(call->request, call, response.status);
    count_call(call, response.status);
    http_respond(call->request, &response);
}

void respond_refused(struct api *api, struct http_request *r, enum err e, const char *why,
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
