/* The route table: one line an endpoint says what it is called, where it runs, which limit counts
 * it, how it is documented, and whether it will go. */
#pragma once

#include "gate/plan.h"
#include "http/http.h"

struct call;
struct doc;

/* call.h says where each runs. */
enum route_kind { LOCAL, READ, STREAM, WRITE, LIVE, LIVE_ONCE, SLOW };

/* Which of the rate limits of developer-api.md §1.6 counts a call. */
enum route_limit { LIMIT_NONE, LIMIT_READ, LIMIT_WRITE };

typedef enum err call_fn(struct call *call);

/* An endpoint that answers as before, and says that it will go (developer-api.md §1.1). */
struct deprecation {
    const char *since, *sunset; /* "2026-01-31" */
    const char *instead;        /* "POST /w/message/text" */
};

struct route {
    enum http_method method;
    const char *pattern;
    enum route_kind kind;
    enum route_limit limit;
    call_fn *check;                       /* all but LOCAL and READ; NULL: none, not of a STREAM */
    call_fn *run;                         /* apply of a WRITE */
    const struct doc *doc;                /* NULL: not in the OpenAPI document */
    const struct deprecation *deprecated; /* NULL: it is not */
};

/* The signed API, the administration of the control socket, and what Meta calls, below /webhooks;
 * each ends with a NULL pattern. */
extern const struct route api_routes[];
extern const struct route admin_routes[];
extern const struct route meta_routes[];

size_t route_count(const struct route *routes);
/* NULL when no route takes the request. */
const struct route *route_find(const struct route *routes, enum http_method method, struct str path,
                               struct http_match *match);
/* Does Meta have to be asked before it is answered? */
static inline bool route_is_live(const struct route *route)
{
    return route->kind == LIVE || route->kind == LIVE_ONCE;
}
/* Does it change anything? Not what merely asks Meta. */
static inline bool route_writes(const struct route *route)
{
    return route->kind != READ && route->kind != LOCAL && route->method != HTTP_GET;
}
/* What permissions name: "waba-numbers" of "/waba-numbers/{id}". */
struct str route_resource(const struct route *route);
/* "GET, POST": the methods with which routes take the path, onto `out`; nothing when none does. */
void route_list_methods(const struct route *routes, struct str path, struct buf *out);

/* What can be limited: each route by "METHOD /pattern", at its place in the table, and behind them
 * what no route takes. The caller's to free(). */
struct endpoints *route_endpoints_new(const struct route *routes) MUST_USE;
/* Of a request; `route` is NULL when none took it. */
size_t route_endpoint(const struct route *routes, const struct route *route,
                      enum http_method method);
