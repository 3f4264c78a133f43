#include "api/respond.h"
#include "api/answer.h"
#include "api/cors.h"
#include "api/docs.h"
#include "api/etag.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

#define JSON_TYPE STR("application/json; charset=utf-8")

/* An answer, with room for what its headers say. */
#define NUMBERS_MAX 4
#define NUMBER_SIZE 24
struct head {
    struct http_response response;
    char numbers[NUMBERS_MAX][NUMBER_SIZE];
    size_t n_numbers;
    char etag[ETAG_LEN], gzip_etag[ETAG_GZIP_LEN];
    struct buf packed; /* the body in gzip */
};

/* --- headers ------------------------------------------------------------------------------ */

static void add_number(struct head *h, struct str name, int64_t number)
{
    char *text = h->numbers[h->n_numbers++];
    int len = snprintf(text, NUMBER_SIZE, "%" PRId64, number);
    http_response_add(&h->response, name, str_make(text, (size_t)len));
}

/* developer-api.md §1.6 */
static void add_limit(struct head *h, const struct limit_state *limit)
{
    add_number(h, STR("X-RateLimit-Limit"), limit->limit);
    add_number(h, STR("X-RateLimit-Remaining"), limit->remaining);
    add_number(h, STR("X-RateLimit-Reset"), limit->reset_s);
}

static void add_error(struct head *h, const struct error *error)
{
    if (error->retry_after)
        add_number(h, STR("Retry-After"), error->retry_after);
    if (error->allow.len)
        http_response_add(&h->response, STR("Allow"), error->allow);
}

/* developer-api.md §1.1 */
static void add_deprecation(struct head *h, const struct deprecation *d, struct arena *arena)
{
    http_response_add(&h->response, STR("X-API-Deprecated"), STR("true"));
    http_response_add(&h->response, STR("X-API-Deprecation-Date"), str_from(d->since));
    http_response_add(&h->response, STR("X-API-Sunset-Date"), str_from(d->sunset));
    struct str warning =
        arena_printf(arena, "299 - \"This endpoint is deprecated. Use %s instead\"", d->instead);
    if (warning.ptr)
        http_response_add(&h->response, STR("Warning"), warning);
}

static void add_vary(struct http_response *response, bool coding, bool origin)
{
    if (coding && origin)
        http_response_add(response, STR("Vary"), STR("Accept-Encoding, Origin"));
    else if (coding || origin)
        http_response_add(response, STR("Vary"), coding ? STR("Accept-Encoding") : STR("Origin"));
}

/* --- the body, and its forms -------------------------------------------------------------- */

static void leave_out_body(struct http_response *response)
{
    response->status = 304;
    response->content_type = STR("");
    response->body = STR("");
}

static bool pack(struct call *call, struct head *h)
{
    if (!http_gzip_compress(&call->api->gzip, h->response.body, &h->packed))
        return false;
    http_response_add(&h->response, STR("Content-Encoding"), STR("gzip"));
    h->response.body = buf_str(&h->packed);
    return true;
}

static bool is_packable(const struct call *call, struct str body)
{
    return call->api->gate.policy->compression && !call->request->from_unix &&
           body.len >= HTTP_GZIP_MIN;
}

/* Each form of an answer has a tag of its own (RFC 9110 §8.8.3.3); who has either is told so, and
 * nothing is packed for it. */
static void add_body(struct call *call, struct head *h)
{
    const struct http_request *r = call->request;
    const struct policy *policy = call->api->gate.policy;
    bool packable = is_packable(call, h->response.body);
    bool gzip = packable && http_accepts_gzip(r);
    bool tagged = h->response.status == 200 && r->method == HTTP_GET;
    const struct str tags[] = {str_make(h->etag, ETAG_LEN), str_make(h->gzip_etag, ETAG_GZIP_LEN)};
    add_vary(&h->response, packable, !r->from_unix && cors_varies(policy));
    if (!tagged) {
        if (gzip)
            pack(call, h);
        return;
    }
    etag_make(h->response.body, h->etag);
    etag_make_gzip(h->etag, h->gzip_etag);
    struct str known = http_header_get(r, STR("If-None-Match"), NULL);
    if (etag_matches(known, tags[gzip]) || etag_matches(known, tags[!gzip])) {
        gzip = etag_matches(known, tags[gzip]) ? gzip : !gzip;
        leave_out_body(&h->response);
    } else if (gzip) {
        gzip = pack(call, h);
    }
    http_response_add(&h->response, STR("ETag"), tags[gzip]);
}

/* --- what is said of each answer ---------------------------------------------------------- */

static enum log_level level_of(const struct policy *policy, int status)
{
    if (policy->log_requests == POLICY_LOG_NONE)
        return LOG_DEBUG;
    if (status >= 500)
        return LOG_WARN;
    return policy->log_requests == POLICY_LOG_ALL ? LOG_INFO : LOG_DEBUG;
}

/* Neither the query nor a header or a body: secrets are in none of what is named here. `call` is
 * NULL when the request never became one. */
static void log_answer(const struct api *api, const struct http_request *r, const struct call *call,
                       const struct http_response *response)
{
    enum log_level level = level_of(api->gate.policy, response->status);
    if (!log_enabled(level))
        return;
    struct http_address address;
    char from[HTTP_ADDRESS_TEXT_MAX] = "control";
    if (!r->from_unix) {
        gate_client_address(&api->gate, r, &address);
        http_address_format(&address, from);
    }
    log_event(level, "request", LOG_STR("id", str_make(r->id, HTTP_REQUEST_ID_LEN)),
              LOG_CSTR("method", http_method_name(r->method)), LOG_STR("path", r->path),
              LOG_CSTR("route", call && call->route ? call->route->pattern : ""),
              LOG_STR("workspace", call ? call->caller.domain : STR("")), LOG_CSTR("address", from),
              LOG_INT("status", response->status),
              LOG_INT("us", clock_monotonic_us() - r->begun_us),
              LOG_INT("bytes", (int64_t)response->body.len));
}

static void count_answer(struct call *call, int status)
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

/* --- answering ---------------------------------------------------------------------------- */

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
    call->blank_len = 0;
    answer_write_error(&call->reply, &call->error,
                       str_make(call->request->id, HTTP_REQUEST_ID_LEN));
}

/* The call dies with its request, and the reply's bytes with the call's: those are returned. */
static struct buf leave(struct call *call, const struct head *h)
{
    log_answer(call->api, call->request, call, &h->response);
    count_answer(call, h->response.status);
    jobs_task_release(&call->task);
    if (call->release)
        call->release(call);
    return call->reply;
}

static void finish(struct call *call, struct head *h)
{
    struct buf reply = leave(call, h);
    http_respond(call->request, &h->response);
    buf_release(&reply);
    buf_release(&h->packed);
}

static void init_head(struct head *h, struct call *call)
{
    *h = (struct head){.response = {.status = call->status}};
    buf_init(&h->packed, HTTP_OUT_MAX);
    http_response_add(&h->response, STR("X-API-Version"), STR("v1"));
}

/* What is said of each answer of a call, whatever its body. */
static void add_facts(struct call *call, struct head *h)
{
    if (!call->request->from_unix)
        cors_add(call->api->gate.policy, call->request, &h->response);
    if (call->limit.limit)
        add_limit(h, &call->limit);
    if (call->route && call->route->deprecated)
        add_deprecation(h, call->route->deprecated, call->arena);
}

void respond(struct call *call, enum err e)
{
    struct head h;
    respond_compose(call, e);
    init_head(&h, call);
    h.response.content_type = e || !call->content_type.len ? JSON_TYPE : call->content_type;
    h.response.body = buf_str(&call->reply);
    add_facts(call, &h);
    if (call->status >= 400)
        add_error(&h, &call->error);
    if (call->once.replayed && !e)
        http_response_add(&h.response, STR("Idempotent-Replayed"), STR("true"));
    add_body(call, &h);
    finish(call, &h);
}

/* nginx would gather it, and hand it on once it has ended, but for the last field. */
struct http_stream *respond_stream(struct call *call, struct str type,
                                   const struct http_stream_hooks *hooks, void *arg)
{
    struct head h;
    init_head(&h, call);
    h.response.content_type = type;
    http_response_add(&h.response, STR("Cache-Control"), STR("no-store"));
    http_response_add(&h.response, STR("X-Accel-Buffering"), STR("no"));
    add_facts(call, &h);
    add_vary(&h.response, false, cors_varies(call->api->gate.policy));
    struct buf reply = leave(call, &h);
    struct http_stream *stream = http_stream_begin(call->request, &h.response, hooks, arg);
    buf_release(&reply);
    return stream;
}

void respond_preflight(struct call *call)
{
    struct head h;
    call->status = 204;
    init_head(&h, call);
    cors_add(call->api->gate.policy, call->request, &h.response);
    cors_add_preflight(&h.response);
    add_vary(&h.response, false, cors_varies(call->api->gate.policy));
    finish(call, &h);
}

void respond_page(struct call *call, const struct docs_page *page)
{
    struct head h;
    init_head(&h, call);
    docs_fill(page, call->request, &h.response);
    finish(call, &h);
}

void respond_refused(struct api *api, struct http_request *r, enum err e, const char *why,
                     struct http_response *response)
{
    struct error error;
    error_init(&error, &r->arena);
    error_set(&error, e, "%s", why);
    struct buf body;
    buf_init(&body, REQUEST_ARENA_MAX);
    answer_write_error(&body, &error, str_make(r->id, HTTP_REQUEST_ID_LEN));
    response->status = err_status(e);
    response->content_type = JSON_TYPE;
    response->body = arena_dup(&r->arena, buf_str(&body));
    buf_release(&body);
    http_response_add(response, STR("X-API-Version"), STR("v1"));
    if (response->status == 503)
        http_response_add(response, STR("Retry-After"), STR(TEXT_OF(RETRY_AFTER_S)));
    if (!r->from_unix) {
        cors_add(api->gate.policy, r, response);
        add_vary(response, false, cors_varies(api->gate.policy));
    }
    log_answer(api, r, NULL, response);
}
