/* How often each client called each endpoint in the running window: fixed windows, exact over all
 * loops, without a lock.
 *
 * A window begins with the first request that finds none running, so that clients do not all begin
 * anew at one instant, and a plan that changes keeps what was counted. The counters of a client are
 * one word an endpoint, window and count in one, moved by compare-and-swap. They hang on the
 * directory's client and move on to its next snapshot, so that their memory is a constant number of
 * bytes a client that exists, whatever it sends.
 *
 * Several processes (replicas) count together through the table rate_windows, which holds the sum
 * of what each has reported. `known` is the table's row as this process saw it last; what a window
 * has beyond that was counted here since, and no other process knows of it. How far that may go
 * (the slack) bounds by how much all together can exceed a limit: see counters_take_shared. */
#pragma once

#include "gate/plan.h"
#include <stdatomic.h>

#define COUNTERS_START_MAX ((INT64_C(1) << 40) - 1) /* Unix seconds that a word can hold */

struct counters {
    _Atomic int references;
    int64_t client_row_id;
    /* Those that changed since they were last taken from the list, so that saving them costs
     * nothing for the rest. A place in the list holds a reference. */
    struct counters_list *list;
    struct counters *next_changed;
    _Atomic bool changed; /* is in the list */
    /* Of each endpoint, as `windows`. The saver's to write. */
    _Atomic uint64_t *known;
    _Atomic uint32_t *window_s; /* how long it was to last when it began */
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
/* The same where `n` processes count together; with n = 1 it is the same. ERR_BUSY: only the table
 * can tell, because the window is not known from there or this process's share of the slack is used
 * up. Then nothing is counted, and *ret is not set.
 *
 * A process passes at most slack / n requests that the table does not have yet, and none once it
 * has seen the window full. So all together pass fewer than the limit and the slack, and nobody is
 * refused before the limit is reached. */
enum err counters_take_shared(struct counters *c, size_t endpoint, const struct limit *limit,
                              int64_t n, int64_t now_s, struct limit_state *ret) MUST_USE;

/* --- for who saves them --------------------------------------------------------------------- */
int64_t counters_window_start(uint64_t word); /* Unix seconds */
int64_t counters_window_requests(uint64_t word);
/* How long the window lasts, where it did not begin here. */
void counters_set_length(struct counters *c, size_t endpoint, const struct limit *limit);
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

/* A window as all processes have counted it. */
struct counters_sum {
    int64_t start_s;
    int64_t requests; /* 0: there is none */
};

/* What one process brings to the sum of a window. */
struct counters_report {
    int64_t start_s;  /* of the window that it counted in */
    int64_t requests; /* that passed there and are not in the sum yet */
    int64_t window_s;
};
/* What `word`, which was read just now, has that the table does not. */
struct counters_report counters_make_report(const struct counters *c, size_t endpoint,
                                            uint64_t word);
void counters_add_report(struct counters_sum *sum, const struct counters_report *r, int64_t now_s);
/* How many of those that ask may pass, in the window that runs or a new one: they are counted. */
int64_t counters_grant(struct counters_sum *sum, const struct limit *limit, int64_t asking,
                       int64_t now_s);
/* The report that was made of `word` has arrived: the table's row is `sum` now, and so is the
 * window, with what was counted here meanwhile. */
void counters_merge(struct counters *c, size_t endpoint, uint64_t word,
                    const struct counters_sum *sum);
