/* How often each client called each endpoint in the running window: fixed windows, exact over all
 * loops, without a lock.
 *
 * The counters of a client are one word an endpoint, window and count in one, moved by
 * compare-and-swap. They hang on the directory's client and move on to its next snapshot, so that
 * their memory is a constant number of bytes a client that exists, whatever it sends. */
#pragma once

#include "gate/plan.h"
#include <stdatomic.h>

struct counters {
    _Atomic int references;
    _Atomic bool changed; /* since they were last written down */
    size_t n;
    _Atomic uint64_t windows[]; /* start of the window in seconds << 24 | requests */
};

struct counters *counters_new(size_t n);
struct counters *counters_retain(struct counters *c);
void counters_release(struct counters *c); /* NULL is fine */

/* What X-RateLimit-… say of one request. */
struct limit_state {
    int64_t limit, remaining;
    int64_t reset_s; /* Unix seconds at which the window ends */
    bool unlimited;  /* no header then */
};

/* Counts one request. ERR_RATE_LIMIT when the window was full: it is not counted then. */
enum err counters_take(struct counters *c, size_t endpoint, const struct limit *limit,
                       int64_t now_s, struct limit_state *ret) MUST_USE;
