/* Plans: how often each endpoint may be called (developer-api.md §1.6). The default is in the route
 * table; a workspace may have others, as JSON:
 *
 *   {"limits": {"GET /waba-numbers": "500/min", "POST /waba-numbers": "10/h", "other reads":
 *   "200/min", "other writes": "unlimited"}}
 *
 * A limit is "N/s", "N/min", "N/h", "N/day" or "unlimited". An endpoint that is not named keeps its
 * default. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct limit {
    int64_t requests; /* in a window; 0: unlimited */
    int64_t window_s;
};

/* "500/min", "unlimited" */
bool limit_parse(struct str text, struct limit *ret) MUST_USE;

/* What can be limited, in the order in which counters are kept: the routes, then the two for
 * requests that no route takes ("other reads", "other writes"). Made once from the route table. */
struct endpoint {
    struct str name; /* "GET /waba-numbers" */
    struct limit limit;
};
struct endpoints {
    const struct endpoint *list;
    size_t n;
};

/* ret_limits[e->n]: the defaults where `json` says nothing (all of them when it is empty). Every
 * wrong member is named in the details; an unknown endpoint with the nearest one. */
enum err plan_parse(struct str json, const struct endpoints *e, struct limit *ret_limits,
                    struct error *error) MUST_USE;
/* "500/min" */
void plan_format_limit(const struct limit *l, char out[32]);
