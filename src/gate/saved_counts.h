/* Rate limits outlive a restart: once a second what changed is written down, and it is read again
 * at the start. A crash loses the counts of the last second, or of a few when more than
 * SAVED_COUNTS_MAX windows change in one. A clean stop loses nothing.
 *
 * Of failed authentication only the addresses that used up their limit are kept.
 *
 * Belongs to one thread, but for the write while it is under way. Its driver, once a second:
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
/* What could not be written is among the next. */
void saved_counts_end(struct saved_counts *s);

/* Writes all that is left, and waits for it: at a clean stop, when nobody counts any more and no
 * write is under way. */
enum err saved_counts_finish(struct saved_counts *s, struct store *store, int64_t now_ms) MUST_USE;
