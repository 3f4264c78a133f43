#include "api/metrics.h"
#include "api/call.h"

const int api_statuses[API_STATUSES_MAX] = {
    200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 411,
    413, 414, 415, 417, 422, 429, 431, 500, 501, 502, 503, 504, 505,
};

void api_metrics_init(struct api_metrics *m, const struct route *routes)
{
    *m = (struct api_metrics){.routes = routes};
    m->n_routes = route_count(routes);
    m->n_admin_routes = route_count(admin_routes);
    m->n_meta_routes = route_count(meta_routes);
    m->by_route = xcalloc(api_metrics_rows(m), sizeof(*m->by_route));
}

void api_metrics_release(struct api_metrics *m)
{
    free(m->by_route);
    m->by_route = NULL;
}

/* --- counting ----------------------------------------------------------------------------- */

/* Index of a route in its table; n when it is of another one. */
static size_t find_in(const struct route *table, size_t n, const struct route *route)
{
    uintptr_t at = (uintptr_t)route, begin = (uintptr_t)table;
    return at >= begin && at < begin + n * sizeof(*table) ? (at - begin) / sizeof(*table) : n;
}

static size_t row_of(const struct api_metrics *m, const struct api_outcome *o)
{
    size_t before = 0;
    const struct {
        const struct route *routes;
        size_t n;
    } tables[] = {{m->routes, m->n_routes},
                  {admin_routes, m->n_admin_routes},
                  {meta_routes, m->n_meta_routes}};
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        size_t i = o->route ? find_in(tables[t].routes, tables[t].n, o->route) : tables[t].n;
        if (i < tables[t].n)
            return before + i;
        before += tables[t].n;
    }
    return before + (size_t)o->method;
}

static size_t column_of(int status)
{
    size_t i = 0;
    while (i < API_STATUSES_MAX - 1 && api_statuses[i] != status)
        i++;
    return i;
}

void api_metrics_begin(struct api_metrics *m)
{
    gauge_add(&m->in_flight, 1);
}

void api_metrics_end(struct api_metrics *m, const struct api_outcome *o)
{
    struct api_route_metrics *row = &m->by_route[row_of(m, o)];
    gauge_add(&m->in_flight, -1);
    counter_add(&row->answers[column_of(o->status)], 1);
    histogram_add(&row->times, &histogram_times, (uint64_t)MAX(o->us, (int64_t)0));
    if (!o->err)
        return;
    counter_add(&m->errors[o->err], 1);
    if (o->err == ERR_RATE_LIMIT && !o->is_known)
        counter_add(&m->failures_limited, 1);
}

void api_metrics_refuse(struct api_metrics *m, enum err e)
{
    counter_add(&m->refused[e], 1);
}

/* --- reading ------------------------------------------------------------------------------ */

size_t api_metrics_rows(const struct api_metrics *m)
{
    return m->n_routes + m->n_admin_routes + m->n_meta_routes + HTTP_METHOD_COUNT;
}

struct api_metrics_row api_metrics_row(const struct api_metrics *m, size_t row)
{
    if (row < m->n_routes)
        return (struct api_metrics_row){m->routes[row].pattern,
                                        http_method_name(m->routes[row].method), "api"};
    row -= m->n_routes;
    if (row < m->n_admin_routes)
        return (struct api_metrics_row){admin_routes[row].pattern,
                                        http_method_name(admin_routes[row].method), "control"};
    row -= m->n_admin_routes;
    if (row < m->n_meta_routes)
        return (struct api_metrics_row){meta_routes[row].pattern,
                                        http_method_name(meta_routes[row].method), "meta"};
    row -= m->n_meta_routes;
    return (struct api_metrics_row){"", http_method_name((enum http_method)row), "none"};
}
