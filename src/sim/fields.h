/* The `fields` parameter: "id,name,throughput{level}" as a tree (meta-graph.md §0). */
#pragma once

#include "base/err.h"

struct sim_selection {
    struct sim_selection *next; /* in the order asked for */
    struct str name;
    struct sim_selection *inner; /* what stands in braces behind the name; NULL: all of it */
};

/* The tree is in the arena. ERR_PARSE with a message in Meta's words when the text does not follow
 * the form, a name occurs twice, or braces nest deeper than SIM_SELECTION_DEPTH. Empty text is an
 * empty selection: *ret is NULL. */
enum err sim_selection_parse(struct str text, struct arena *arena, struct sim_selection **ret,
                             struct error *error) MUST_USE;
