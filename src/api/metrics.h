/* What the API counts of its calls. One a loop, written by the loop's thread; read by any. */
#pragma once

#include "base/err.h"
#include "base/metrics.h"

#define API_STATUSES_MAX 32 /* that this program answers; any other counts as the last one */

struct route;

struct api_route_metrics {
    struct counter answers[API_STATUSES_MAX]; /* by api_statuses */
    struct histogram times;
};

struct api_metrics {
    const struct route *routes; /* of the signed API */
    size_t n_routes, n_admin_routes, n_meta_routes;
    /* The routes of the signed API, those of the control socket, those of Meta, and one a method
     * for requests that no route took. */
    struct api_route_metrics *by_route;
    struct gauge in_flight;
    struct counter errors[ERR_COUNT];  /* answers of calls, by their error */
    struct counter refused[ERR_COUNT]; /* requests that never became a call */
    struct counter failures_limited;   /* of the ERR_RATE_LIMIT: for failed authentication */
};

void api_metrics_init(struct api_metrics *m, const struct route *routes);
void api_metrics_release(struct api_metrics *m);

/* How a call ended. */
struct api_outcome {
    const struct route *route; /* NULL: none took it */
    int method;                /* enum http_method */
    int status;
    enum err err;
    bool is_known; /* it is known who calls */
    int64_t us;
};

/* Each call that began ends once. */
void api_metrics_begin(struct api_metrics *m);
void api_metrics_end(struct api_metrics *m, const struct api_outcome *outcome);
void api_metrics_refuse(struct api_metrics *m, enum err e);

/* --- reading ------------------------------------------------------------------------------ */
/* What each column of `answers` counts; 0: another status than these. */
extern const int api_statuses[API_STATUSES_MAX];

/* How a row of by_route is called; rows 0 to api_metrics_rows() - 1. */
struct api_metrics_row {
    const char *pattern; /* "/waba-numbers/{id}"; "" where no route took the request */
    const char *method;
    const char *listener; /* "api", "control", "meta" or "none" */
};
size_t api_metrics_rows(const struct api_metrics *m);
struct api_metrics_row api_metrics_row(const struct api_metrics *m, size_t row);
