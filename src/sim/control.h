/* The control API under /_sim: looking at and changing what the simulated Meta knows, while it runs
 * (docs/simulator.md). JSON, without authentication: the simulator belongs on a loopback address.
 */
#pragma once

#include "sim/simulator.h"

/* Is this path the control API's? */
bool sim_control_owns(struct str path);
void sim_control_handle(struct sim *sim, struct http_request *request);
