/* The windows of rate limits as they were last written down, so that a restart gives nobody a fresh
 * one, and several processes count in one: one row a client and endpoint that it called.
 * gate/saved_counts.c keeps them. */
#pragma once

#include "store/store.h"

struct rate_window {
    struct str client_id; /* what X-Client-ID says */
    struct str endpoint;  /* "GET /waba-numbers" */
    int64_t started_at;   /* ms */
    int64_t requests;
};

enum err rate_window_put(struct tx *tx, int64_t client_row_id, struct str endpoint,
                         int64_t started_at, int64_t requests) MUST_USE;
struct rate_window_key {
    int64_t client_row_id;
    struct str endpoint;
};
struct rate_window_count {
    int64_t started_at, requests; /* 0, 0: no row */
};
/* Of each of 1 to RATE_WINDOWS_READ keys. */
enum err rate_window_find(struct tx *tx, const struct rate_window_key *keys, size_t n,
                          struct rate_window_count *ret) MUST_USE;
/* Those that began at `since` or later. Text is valid during the callback; a callback's error ends
 * it and is returned. */
enum err rate_window_each(struct tx *tx, int64_t since,
                          enum err (*each)(void *arg, const struct rate_window *w),
                          void *arg) MUST_USE;
/* Removes those of the next SAVED_COUNTS_SWEEP clients behind *cursor that began before `before`,
 * and moves the cursor on: 0 once all clients were seen. */
enum err rate_window_sweep(struct tx *tx, int64_t before, int64_t *cursor) MUST_USE;
