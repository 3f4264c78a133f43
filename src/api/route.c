#include "api/route.h"

#define NAME_SIZE 128 /* of an endpoint: a method and a pattern of ours */

/* developer-api.md §1.6 */
static struct limit default_of(enum route_limit limit)
{
    switch (limit) {
    case LIMIT_READ: return (struct limit){200, 60};
    case LIMIT_WRITE: return (struct limit){100, 60};
    case LIMIT_NONE: break;
    }
    return (struct limit){0};
}

size_t route_count(const struct route *routes)
{
    size_t n = 0;
    while (routes[n].pattern)
        n++;
    return n;
}

const struct route *route_find(const struct route *routes, enum http_method method, struct str path,
                               struct http_match *match)
{
    for (const struct route *route = routes; route->pattern; route++)
        if (route->method == method && http_path_match(route->pattern, path, match))
            return route;
    return NULL;
}

struct str route_resource(const struct route *route)
{
    struct str rest = str_skip(str_from(route->pattern), 1);
    return str_split(&rest, '/');
}

void route_list_methods(const struct route *routes, struct str path, struct buf *out)
{
    for (const struct route *route = routes; route->pattern; route++) {
        struct http_match match;
        if (http_path_match(route->pattern, path, &match))
            buf_printf(out, "%s%s", out->len ? ", " : "", http_method_name(route->method));
    }
}

/* --- endpoints ---------------------------------------------------------------------------- */

/* In one piece: the endpoints, their list, and the names. */
struct endpoints *route_endpoints_new(const struct route *routes)
{
    size_t n_routes = route_count(routes), n = n_routes + 2;
    struct endpoints *e = xcalloc(1, sizeof(*e) + n * (sizeof(*e->list) + NAME_SIZE));
    struct endpoint *list = (struct endpoint *)(e + 1);
    char(*names)[NAME_SIZE] = (char(*)[NAME_SIZE])(list + n);
    for (size_t i = 0; i < n_routes; i++) {
        snprintf(names[i], NAME_SIZE, "%s %s", http_method_name(routes[i].method),
                 routes[i].pattern);
        list[i] = (struct endpoint){str_from(names[i]), default_of(routes[i].limit)};
    }
    list[n_routes] = (struct endpoint){STR("other reads"), default_of(LIMIT_READ)};
    list[n_routes + 1] = (struct endpoint){STR("other writes"), default_of(LIMIT_WRITE)};
    *e = (struct endpoints){list, n};
    return e;
}

size_t route_endpoint(const struct route *routes, const struct route *route,
                      enum http_method method)
{
    if (route)
        return (size_t)(route - routes);
    bool reads = method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
    return route_count(routes) + (reads ? 0 : 1);
}
