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
    int64_t requests; /* in a window, up to LIMIT_REQUESTS_MAX; 0: unlimited */
    int64_t window_s;
};

#define LIMIT_WINDOW_MAX_S 86400 /* "N/day" */

/* "500/min", "unlimited" */
bool limit_parse(struct str text, struct limit *ret) MUST_USE;
#define LIMIT_FORM     "N/s, N/min, N/h, N/day or unlimited, N from 1 to 16777215"
#define LIMIT_TEXT_MAX 48
void limit_format(const struct limit *l, char out[LIMIT_TEXT_MAX]);

/* What can be limited, in the order in which counters are kept: the routes, then the two for
 * requests that no route takes ("other reads", "other writes"). Made once from the route table. */
struct endpoint {
    struct str name; /* "GET /waba-numbers"; NUL-terminated */
    struct limit limit;
};
struct endpoints {
    const struct endpoint *list;
    size_t n;
};

/* Its place, or e->n. */
size_t endpoints_find(const struct endpoints *e, struct str name);

/* ret_limits[e->n]: the defaults where `json` says nothing (all of them when it is empty). Every
 * wrong member is named in the details; an unknown endpoint with the nearest one. The error's arena
 * holds the parsed text. */
enum err plan_parse(struct str json, const struct endpoints *e, struct limit *ret_limits,
                    struct error *error) MUST_USE;
/* The same, all from the default: what `hudhud plan example` prints. {NULL, 0} when out of memory.
 */
struct str plan_example(const struct endpoints *e, struct arena *arena);
