/* The pages of one list (meta-graph.md §0). The end is the absence of paging.next, never a short
 * page. The text of `next` is not followed: it could lead anywhere, with our token; our own query
 * is asked again with the cursor. Internal to src/graph. */
#pragma once

#include "base/buf.h"
#include "graph/graph.h"

struct graph_cursor;

struct graph_pages {
    struct arena *arena;       /* the cursors live in it */
    struct graph_cursor *seen; /* newest first */
    size_t n;                  /* pages read */
};

void graph_pages_init(struct graph_pages *p, struct arena *arena);
/* After a page: *ret_more says whether there is another. The complaint is NULL, or what is wrong
 * with the list: a cursor that came before, or no end in sight. */
const char *graph_pages_turn(struct graph_pages *p, struct json answer, bool *ret_more) MUST_USE;
/* Adds "&after=<cursor>" to a query; nothing for the first page. */
void graph_pages_query(const struct graph_pages *p, struct buf *query);
