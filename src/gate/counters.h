/* How often each client called each endpoint in the running window: fixed windows, exact over all
 * loops, without a lock.
 *
 * A window begins with the first request that finds none running, so that clients do not all begin
 * anew at one instant, and a plan that changes keeps what was counted. The counters of a client are
 * one word an endpoint, window and count in one, moved by compare-and-swap. They hang on the
 * directory's client and move on to its next snapshot, so that their memory is a constant number of
 * bytes a client that exists, whatever it sends. */
#pragma once

#include "gate/plan.h"
#include <stdatomic.h>

struct counters {
    _Atomic int references;
    int64_t client_row_id;
    /* Those that changed since they were last taken from the list, so that saving them costs
     * nothing for the rest. A place in the list holds a reference. */
    struct counters_list *list;
    struct counters *next_changed;
    _Atomic bool changed; /* is in the list */
    uint64_t *saved;      /* the words as they were last written down; the saver's alone */
    size_t n;
    _Atomic uint64_t windows[]; /* start of the window in seconds << 24 | requests */
};

struct counters_list {
    _Atomic(struct counters *) first;
};

/* `list` outlives the counters. */
struct counters *counters_new(int64_t client_row_id, size_t n, struct counters_list *list);
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

/* --- for who saves them --------------------------------------------------------------------- */
int64_t counters_window_start(uint64_t word); /* Unix seconds */
int64_t counters_window_requests(uint64_t word);
/* What was saved before, put back; not listed as a change. */
void counters_restore(struct counters *c, size_t endpoint, int64_t start_s, int64_t requests);
/* Lists it as changed, unless it is listed. */
void counters_mark_changed(struct counters *c);
/* All that is listed, linked by next_changed, with the list's references; newest first. Each is
 * still marked: counters_unmark comes before its words are read. */
struct counters *counters_list_take_all(struct counters_list *list);
void counters_unmark(struct counters *c);
/* Gives the list's references back; nobody counts any more. */
void counters_list_release(struct counters_list *list);
