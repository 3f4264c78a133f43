/* A call that only the sum over all replicas can let pass or refuse (counters.h): it waits for the
 * next report to the table, and what comes back decides.
 *
 * Whoever has one fills it and hands it to the hub's queue `undecided`; until it is back in
 * `reply_to` it is saved_counts' own, on that one's thread. */
#pragma once

#include "base/queue.h"
#include "gate/counters.h"

struct undecided {
    struct list node;          /* first: what the queues link by */
    struct counters *counters; /* with a reference */
    size_t endpoint;
    struct limit limit;
    struct queue *reply_to; /* outlives it */
    size_t window;          /* saved_counts': its place in the report */
    /* ERR_OK: counted, it passes. ERR_RATE_LIMIT. ERR_UNAVAILABLE: nobody can tell now. */
    enum err err;
    struct limit_state state; /* of the first two */
};
