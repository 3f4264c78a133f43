/* The Graph API side of the simulator: one request from its path to its answer. */
#pragma once

#include "sim/simulator.h"

/* Leads to http_respond or http_cut, now or, when a fault delays it, later. */
void sim_graph_handle(struct sim *sim, struct http_request *request);
/* Cuts all requests that faults keep waiting: the simulator stops. */
void sim_graph_stop(struct sim *sim);
