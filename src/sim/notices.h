/* What Meta tells an app when something of an account changes (meta-graph.md §6.5): the webhooks
 * that follow from a change by the control API. */
#pragma once

#include "sim/simulator.h"

/* `before` is how the node was, NULL when it is new; `after` how it is, NULL when it goes. */
void sim_notice(struct sim *sim, const struct sim_node *before, const struct sim_node *after);
