/* Faults on demand (docs/simulator.md): which one strikes a request, and what it makes of it. */
#pragma once

#include "sim/call.h"

/* The first fault that matches the request, NULL when none does: a copy, which the caller frees.
 * One that strikes for the last time leaves the list. */
struct sim_fault *sim_fault_strike(struct sim_state *state, struct str method, struct str path,
                                   struct str account);
void sim_fault_free(struct sim_fault *fault);

/* Faults that take the place of the answer: responds or cuts, and returns the status for the
 * journal (0: cut). -1: the fault is of another kind, nothing was done. */
int sim_fault_replace(struct sim_call *call);
