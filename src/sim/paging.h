/* Lists with Meta's cursor paging (meta-graph.md §0). A cursor names the item it stands at, and its
 * place for the case that the item has gone meanwhile; to a client it is opaque. */
#pragma once

#include "sim/call.h"

/* Writes {"data":[...],"paging":{...}} onto call->json with the page that the request asks for,
 * and leaves the outer object open, so that a summary can follow. False: the call has failed. */
bool sim_paging_write(struct sim_call *call, enum sim_kind kind, struct sim_node *const *nodes,
                      size_t n) MUST_USE;

/* The nodes of a list as an array in the arena, those that `keep` keeps (NULL: all). NULL when the
 * arena is full. */
struct sim_node **sim_paging_collect(struct sim_call *call, const struct list *nodes,
                                     bool (*keep)(struct sim_call *call, struct sim_node *node),
                                     size_t *ret_n) MUST_USE;
