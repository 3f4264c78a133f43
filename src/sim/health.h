/* `health_status`, computed from what a node says of itself (meta-graph.md §2), so that a number
 * whose status changes is at once as sick as Meta would call it. */
#pragma once

#include "sim/nodes.h"

void sim_health_of_number(const struct sim_node *number, struct json_writer *w);
void sim_health_of_account(const struct sim_node *account, struct json_writer *w);
void sim_health_of_template(const struct sim_node *tmpl, struct json_writer *w);
