#include "api/dispatch.h"
#include "api/cors.h"
#include "api/docs.h"
#include "api/respond.h"
#include "api/run.h"
#include "base/clock.h"

/* --- where a call is meant for ------------------------------------------------------------ */

struct target {
    const struct route *routes; /* NULL: nothing of ours lies there */
    struct str path;            /* relative to the base URL */
    bool is_signed;
    bool is_metas; /* signed its own way, with a body of its own */
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
static struct target find_target(const struct call *call)
{
    const struct http_request *r = call->request;
    struct target t = {.routes = NULL};
    if (r->from_unix) {
        if (take_prefix(r->path, STR("/admin"), &t.path))
            t.routes = admin_routes;
    } else if (take_prefix(r->path, STR("/api/developer"), &t.path) ||
               take_prefix(r->path, STR("/api/v1/developer"), &t.path)) {
        t.routes = call->api->shared->routes;
        t.is_signed = true;
    } else if (take_prefix(r->path, STR("/webhooks"), &t.path)) {
        t.routes = meta_routes;
        t.is_metas = true;
    }
    return t;
}

static enum err explain_no_route(struct call *call, const struct target *t)
{
    _cleanup_(buf_release)
    struct buf allow;
    buf_init(&allow, ALLOW_MAX);
    route_list_methods(t->routes, t->path, &allow);
    if (allow.len == 0)
        return error_set(&call->error, ERR_NOT_FOUND, "There is nothing at this address");
    call->error.allow = arena_dup(call->arena, buf_str(&allow));
    return error_set(&call->error, ERR_METHOD_NOT_ALLOWED, "%s is not allowed here; %.*s %s",
                     http_method_name(call->request->method), STR_FMT(buf_str(&allow)),
                     str_find(buf_str(&allow), ',') < allow.len ? "are" : "is");
}

/* --- what every call must be -------------------------------------------------------------- */

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

/* --- dispatching -------------------------------------------------------------------------- */

/* Until other replicas have been heard. */
static enum err wait_for_limit(struct call *call, size_t endpoint)
{
    struct api *api = call->api;
    call->undecided.reply_to = &api->decided;
    enum err e = gate_wait(&api->gate, &call->caller, endpoint, &call->undecided);
    if (e)
        return e;
    api->n_pending++;
    return ERR_BUSY;
}

/* Who signed, and counted (developer-api.md §1.2, §1.6). ERR_BUSY: dispatch_decided goes on. */
static enum err admit(struct call *call)
{
    struct api *api = call->api;
    int64_t now = clock_now_ms();
    enum err e =
        gate_check(&api->gate, call->request, call->path, now, &call->caller, &call->error);
    if (e)
        return e;
    size_t endpoint = route_endpoint(api->shared->routes, call->route, call->request->method);
    e = gate_limit(&api->gate, &call->caller, endpoint, now, &call->limit, &call->error);
    return e == ERR_BUSY ? wait_for_limit(call, endpoint) : e;
}

static enum err find_call(struct call *call, const struct target *t)
{
    if (!t->routes)
        return error_set(&call->error, ERR_NOT_FOUND, "There is nothing at this address");
    enum err e = t->is_signed ? check_version(call) : ERR_OK;
    if (e)
        return e;
    call->route = route_find(t->routes, call->request->method, t->path, &call->match);
    return t->is_signed ? admit(call) : ERR_OK;
}

/* Permitted, and in the form that every call has. */
static enum err check_call(struct call *call, const struct target *t)
{
    const struct route *route = call->route;
    enum err e = ERR_OK;
    if (t->is_signed && route)
        e = permissions_check(call->caller.permissions, route_writes(route), route_resource(route),
                              &call->error);
    if (!e && !t->is_metas)
        e = check_body(call);
    if (e)
        return e;
    if (!route)
        return explain_no_route(call, t);
    return t->is_signed && route_writes(route) ? once_begin(call) : ERR_OK;
}

static void go_on(struct call *call, const struct target *t, enum err e)
{
    if (!e)
        e = check_call(call, t);
    if (e)
        respond(call, e);
    else
        run_call(call);
}

void dispatch_decided(struct call *call)
{
    struct target t = find_target(call);
    go_on(call, &t, gate_decided(&call->undecided, clock_now_ms(), &call->limit, &call->error));
}

/* The public pages, which need no signature. */
static const struct docs_page *find_page(const struct call *call)
{
    const struct docs *docs = call->api->shared->docs;
    return docs && !call->request->from_unix ? docs_find(docs, call->request->path) : NULL;
}

static void answer_page(struct call *call, const struct docs_page *page)
{
    enum http_method method = call->request->method;
    if (method == HTTP_GET || method == HTTP_HEAD) {
        respond_page(call, page);
        return;
    }
    call->error.allow = STR("GET, HEAD");
    respond(call, error_set(&call->error, ERR_METHOD_NOT_ALLOWED, "This page can only be read"));
}

static bool is_preflight(const struct call *call)
{
    return cors_is_preflight(call->api->gate.policy, call->request) && find_target(call).is_signed;
}

void dispatch(struct call *call)
{
    if (is_preflight(call)) {
        respond_preflight(call);
        return;
    }
    const struct docs_page *page = find_page(call);
    if (page) {
        answer_page(call, page);
        return;
    }
    struct target t = find_target(call);
    call->path = t.path;
    enum err e = find_call(call, &t);
    if (e != ERR_BUSY)
        go_on(call, &t, e);
}
