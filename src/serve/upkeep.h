/* What has to be done now and then, on the first loop: once a second the counts of the rate limits
 * are written down and the watchdog hears that the loop lives; every few seconds expired answers of
 * retries, and events, deliveries and inbound bodies that were kept long enough, are removed, in
 * small batches, and claims that could not be given back are. Where other
 * replicas count too, they hear more often what was counted here, and at once when a call waits for
 * it. Belongs to the loop's thread. */
#pragma once

#include "api/left_claims.h"
#include "gate/saved_counts.h"
#include <uv.h>

/* How long what is done stays on record, ms. */
struct upkeep_keep {
    int64_t events, inbound, unapplied;
};

struct upkeep_purge {
    struct store_write write;
    struct upkeep_keep keep;
    int64_t now_ms;
    int64_t n; /* rows of the kind of which most were removed */
};

struct upkeep {
    struct store *store;
    struct directory_hub *hub;
    struct saved_counts *counts;
    struct left_claims *claims;
    struct store_write *releasing; /* of them, under way; NULL: none */
    struct store_write *counting;  /* under way; NULL: none */
    bool counts_due;               /* once it is back */
    struct store_read *learning;   /* the same, of what others found */
    struct upkeep_keep keep;
    struct upkeep_purge purge;
    bool purging;          /* under way */
    struct queue returned; /* their way back */
    uv_async_t wake;
    uv_timer_t tick;
    uint64_t n_ticks, ticks_a_second;
    bool ending;
    void (*idle)(void *arg); /* called when the last write came back at the end */
    void *idle_arg;
};

/* What it is given outlives it. */
void upkeep_open(struct upkeep *u, uv_loop_t *loop, struct store *store, struct directory_hub *hub,
                 struct saved_counts *counts, struct left_claims *claims, struct upkeep_keep keep);
/* Begins nothing more, and refuses the calls that wait for their counts. False while a write is
 * under way: `idle` is called when it is back. */
bool upkeep_end(struct upkeep *u, void (*idle)(void *arg), void *arg);
/* After upkeep_end was true. Closes its handles: the loop turns once more. */
void upkeep_close(struct upkeep *u);
void upkeep_release(struct upkeep *u); /* after that turn */
