/* Meta's webhooks (meta-graph.md §6): a delivery that is known to be Meta's is kept byte for byte,
 * and what it says is applied, all in one write.
 *
 * Applied twice is applied once: the same body once more is known by its digest, and each change is
 * idempotent by itself. What is told late does not undo what is known to be newer. What cannot be
 * applied (an account that nobody linked, a field that this version does not know) is no error: it
 * is kept with its reason, and can be applied again later. */
#pragma once

#include "crypto/sha256.h"
#include "model/inbound.h"
#include "json/reader.h"

struct inbound_delivery {
    struct str body;      /* as it came: the caller's */
    int64_t app_row_id;   /* whose secret signed it */
    int64_t workspace_id; /* of the address, and then it speaks of this one's accounts alone; 0 */
    int64_t received_at;  /* ms; when it came first */
    int64_t now;          /* ms */
    unsigned char digest[SHA256_LEN];
    struct json json; /* absent when the body is none */
    const char *unreadable;
};
/* Digests and parses; the tree is the arena's. Any thread. A body that cannot be read is none of
 * the sender's mistakes to hear of: it is kept. */
void inbound_read(struct inbound_delivery *d, struct arena *arena);

struct inbound_outcome {
    int64_t id;
    bool known; /* it came before, and all of it was applied: nothing was done */
    bool kept;  /* some of it is not applied, or nothing of it can be read */
    int64_t changes, unapplied;
    int64_t changed; /* of the applied ones, those that were news */
};
/* In a write. Errors are the store's alone. */
enum err inbound_take(struct tx *tx, const struct inbound_delivery *d,
                      struct inbound_outcome *ret) MUST_USE;
/* What was kept, once more. ERR_NOT_FOUND. */
enum err inbound_reapply(struct tx *tx, int64_t id, int64_t now,
                         struct inbound_outcome *ret) MUST_USE;
/* ... and this alone of it: the delivery is there already, and could not be applied. */
enum err inbound_keep(struct tx *tx, const struct inbound_delivery *d, const char *why,
                      struct inbound_outcome *ret) MUST_USE;
