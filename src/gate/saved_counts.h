/* Rate limits outlive a restart, and hold over all replicas: what was counted is written down, once
 * a second where we are alone and more often where we are not, and it is read again at the start. A
 * crash loses what was not written: the counts of the last second, or of a few when more than
 * SAVED_COUNTS_MAX windows change in one. A clean stop loses nothing.
 *
 * What is written is no total but what was counted since the last time (a report); what comes back
 * is the sum over all replicas. Calls that wait for it (undecided.h) are answered then.
 *
 * Of failed authentication only the addresses that used up their limit are kept; the replicas learn
 * them from each other.
 *
 * Belongs to one thread, but for the write while it is under way. Its driver:
 *
 *   struct store_write *w = saved_counts_begin(s, clock_now_ms());
 *   if (w) { w->reply_to = ...; submit it }      // NULL: nothing to write, or still under way
 *   ... when it is back, or could not be submitted (w->err says so): saved_counts_end(s);
 */
#pragma once

#include "gate/directory.h"
#include "gate/failures.h"

struct saved_counts;

/* hub and failures outlive it. */
struct saved_counts *saved_counts_new(struct directory_hub *hub, struct failures *failures);
void saved_counts_free(struct saved_counts *s); /* NULL is fine; no write may be under way */

/* Puts back what was written down. After the hub's first reload, before anybody counts. */
enum err saved_counts_load(struct saved_counts *s, struct store_reader *reader,
                           int64_t now_ms) MUST_USE;

struct store_write *saved_counts_begin(struct saved_counts *s, int64_t now_ms);
/* Only of the windows that calls wait for: for when they wait and nothing else is due. */
struct store_write *saved_counts_begin_undecided(struct saved_counts *s, int64_t now_ms);
/* What could not be written is among the next; calls that waited for it are ERR_UNAVAILABLE. */
void saved_counts_end(struct saved_counts *s);

/* Takes calls that wait from the hub's queue, whose pushers call `wake`. Before anybody counts. */
void saved_counts_open(struct saved_counts *s, void (*wake)(void *arg), void *arg);
/* Refuses all that wait but those of a report under way, and all that come: ERR_UNAVAILABLE. */
void saved_counts_close(struct saved_counts *s);

/* Looks at the next SHARED_FAILURES_READ addresses that others may have saved: a read for the
 * store, to be submitted again once it is back. NULL: we are alone. */
struct store_read *saved_counts_learn(struct saved_counts *s, int64_t now_ms);

/* Writes all that is left, and waits for it: at a clean stop, when nobody counts any more and no
 * write is under way. */
enum err saved_counts_finish(struct saved_counts *s, struct store *store, int64_t now_ms) MUST_USE;
