/* The parameters of a Graph request, wherever they stand: query, form or JSON body (meta-graph.md
 * §0). A value that is an object or array in a JSON body is its text, as it would be in a query. */
#pragma once

#include "base/err.h"
#include "base/limits.h"

struct sim_param {
    struct str name, value;
};

struct sim_params {
    struct sim_param items[SIM_PARAMS_MAX];
    size_t n;
};

/* Names and values are in the arena. ERR_BAD_REQUEST with a message when one is malformed or there
 * are more than SIM_PARAMS_MAX. */
enum err sim_params_read(struct sim_params *params, struct str query, struct str content_type,
                         struct str body, struct arena *arena, struct error *error) MUST_USE;
/* The first one of that name; {NULL,0} when there is none. */
struct str sim_params_get(const struct sim_params *params, const char *name);
/* Does `value` stand among the values of a list parameter? "status=approved", "status[]=APPROVED",
 * "status[0]=..." and status=["APPROVED","PENDING"] are all understood, letters in any case. True
 * when the parameter is not there. */
bool sim_params_allow(const struct sim_params *params, const char *name, struct str value,
                      struct arena *arena);
