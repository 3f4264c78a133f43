/* What the edges need of the transport beyond graph.h. Internal to src/graph. */
#pragma once

#include "base/limits.h"
#include "graph/graph.h"

/* What Meta taught us about itself, for the life of the graph. */
struct graph_learned {
    uint32_t dropped_fields; /* of phone numbers, see graph_number_fields */
    bool no_status_filter;   /* message_templates refused `status` */
};
struct graph_learned *graph_learned(struct graph *g);

/* "/<id>/<edge>", or "/<id>" when edge is "", written into `out`. Empty when the id is none of
 * Meta's; graph_request answers that with GRAPH_REFUSED. */
struct str graph_path(char out[GRAPH_PATH_MAX], struct str id, const char *edge);

/* A POST to an edge that says {"success": true} when it is done; a 200 with anything else promises
 * nothing, and is GRAPH_UNUSABLE. `what` names the edge in that message. With an empty `json` it
 * has no body. */
void graph_post_for_success(struct graph *g, struct str path, struct str json, const char *what,
                            const struct secret *token, struct arena *arena, graph_cb *cb,
                            void *arg);
