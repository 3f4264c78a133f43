/* A phone number: which fields we ask for, and what Meta's JSON becomes. Internal to src/graph. */
#pragma once

#include "base/buf.h"
#include "graph/graph.h"

/* The list for `fields=`, without those of which `dropped` has the bit. */
void graph_number_fields(uint32_t dropped, struct buf *out);

/* Is this Meta's refusal of a field that we can do without (meta-graph.md §0)? Then its bit is
 * set in *dropped, and true means: ask again. A field that was dropped before is none: false. */
bool graph_number_drop_field(const struct graph_answer *refusal, uint32_t *dropped) MUST_USE;

/* Liberal: unknown members are passed over, and what is absent or of a wrong type is empty. Only
 * the id must be there. All text is copied into the arena. NULL, and what is wrong, otherwise. */
struct graph_number *graph_number_read(struct json item, struct arena *arena,
                                       const char **ret_wrong) MUST_USE;
