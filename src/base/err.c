#include "base/err.h"

#include <errno.h>
#include <string.h>

static const struct {
    int status;
    const char *code;
} table[ERR_COUNT] = {
    [ERR_OK] = {200, "ok"},
    [ERR_BAD_REQUEST] = {400, "bad_request"},
    [ERR_VALIDATION] = {400, "validation_failed"},
    [ERR_INVALID_PHONE_NUMBER] = {400, "invalid_phone_number"},
    [ERR_INVALID_JSON] = {400, "invalid_json"},
    [ERR_INVALID_FORM] = {400, "invalid_form"},
    [ERR_MISSING_HEADERS] = {400, "missing_headers"},
    [ERR_INVALID_HEADERS] = {400, "invalid_headers"},
    [ERR_UNSUPPORTED_VERSION] = {400, "unsupported_version"},
    [ERR_AUTHENTICATION] = {401, "authentication_failed"},
    [ERR_TIMESTAMP_EXPIRED] = {403, "timestamp_expired"},
    [ERR_PERMISSION_DENIED] = {403, "permission_denied"},
    [ERR_NOT_FOUND] = {404, "resource_not_found"},
    [ERR_METHOD_NOT_ALLOWED] = {405, "method_not_allowed"},
    [ERR_REQUEST_TIMEOUT] = {408, "request_timeout"},
    [ERR_CONFLICT] = {409, "conflict"},
    [ERR_IN_PROGRESS] = {409, "request_in_progress"},
    [ERR_TOO_LARGE] = {413, "payload_too_large"},
    [ERR_URI_TOO_LONG] = {414, "uri_too_long"},
    [ERR_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported_media_type"},
    [ERR_EXPECTATION_FAILED] = {417, "expectation_failed"},
    [ERR_MESSAGE_REJECTED] = {422, "message_rejected"},
    [ERR_KEY_REUSED] = {422, "idempotency_key_reused"},
    [ERR_RATE_LIMIT] = {429, "rate_limit_exceeded"},
    [ERR_HEADERS_TOO_LARGE] = {431, "headers_too_large"},
    [ERR_INTERNAL] = {500, "internal_error"},
    [ERR_NOT_IMPLEMENTED] = {501, "not_implemented"},
    [ERR_UPSTREAM] = {502, "upstream_error"},
    [ERR_UNAVAILABLE] = {503, "service_unavailable"},
    [ERR_IN_DOUBT] = {503, "service_unavailable"},
    [ERR_HTTP_VERSION] = {505, "http_version_not_supported"},
    [ERR_NO_MEMORY] = {503, "service_unavailable"},
    [ERR_IO] = {500, "internal_error"},
    [ERR_BUSY] = {503, "service_unavailable"},
    [ERR_PARSE] = {500, "internal_error"},
    [ERR_LIMIT] = {500, "internal_error"},
    [ERR_USAGE] = {500, "internal_error"},
    [ERR_CLOSED] = {503, "service_unavailable"},
};

int err_status(enum err e)
{
    return table[e].status;
}

const char *err_code(enum err e)
{
    return table[e].code;
}

void error_init(struct error *error, struct arena *arena)
{
    *error = (struct error){.arena = arena};
}

static enum err PRINTF_LIKE(3, 0)
    set(struct error *error, enum err e, const char *fmt, va_list args)
{
    error->err = e;
    error->message = arena_vprintf(error->arena, fmt, args);
    if (!error->message.ptr)
        error->message = STR("");
    return e;
}

enum err error_set(struct error *error, enum err e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set(error, e, fmt, args);
    va_end(args);
    return e;
}

enum err error_set_errno(struct error *error, enum err e, const char *fmt, ...)
{
    const char *why = strerror(errno);
    va_list args;
    va_start(args, fmt);
    set(error, e, fmt, args);
    va_end(args);
    struct str full = arena_printf(error->arena, "%.*s: %s", STR_FMT(error->message), why);
    if (full.ptr)
        error->message = full;
    return e;
}

static void append(struct error *error, struct str field, struct str problem)
{
    struct error_detail *detail = ARENA_NEW(error->arena, struct error_detail);
    if (!detail)
        return;
    detail->field = field;
    detail->problem = problem;
    if (error->last_detail)
        error->last_detail->next = detail;
    else
        error->details = detail;
    error->last_detail = detail;
}

void error_detail(struct error *error, const char *field, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str problem = arena_vprintf(error->arena, fmt, args);
    va_end(args);
    if (problem.ptr)
        append(error, str_from(field), problem);
}

void error_detail_opt(struct error *error, const char *field, struct str value)
{
    struct str problem = value.len ? arena_dup(error->arena, value) : (struct str){NULL, 0};
    if (problem.ptr || !value.len)
        append(error, str_from(field), problem);
}

void error_copy(struct error *to, const struct error *from)
{
    struct arena *arena = to->arena;
    *to = (struct error){.arena = arena, .err = from->err, .retry_after = from->retry_after};
    to->message = arena_dup(arena, from->message);
    to->allow = arena_dup(arena, from->allow);
    for (const struct error_detail *d = from->details; d; d = d->next) {
        struct str field = arena_dup(arena, d->field);
        struct str problem = d->problem.ptr ? arena_dup(arena, d->problem) : d->problem;
        if (field.ptr && (problem.ptr || !d->problem.ptr))
            append(to, field, problem);
    }
}
