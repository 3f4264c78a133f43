/* What Meta sent to us, byte for byte, and what became of it. The same body once more (Meta repeats
 * what it takes for lost, and sends to every app of an account) is one row still. */
#pragma once

#include "crypto/sha256.h"
#include "store/store.h"

#define INBOUND_APPLIED "applied" /* all of it that means anything to us has its effect */
#define INBOUND_KEPT    "kept"    /* some of it has not: `reasons` say why */

struct inbound {
    int64_t id;
    int64_t workspace_id;        /* of the address it came to; 0: everybody's */
    struct str workspace_domain; /* empty: the same */
    int64_t app_row_id;
    struct str app_id; /* Meta's; empty: the app was removed */
    struct str digest; /* SHA-256 of the body */
    struct str body;   /* of inbound_find alone */
    int64_t size;      /* of the body, in bytes */
    struct str state;
    int64_t changes, unapplied;
    struct str reasons; /* JSON: [{"change": 0, "field": "...", "reason": "..."}] */
    int64_t arrivals;
    int64_t received_at, arrived_at; /* ms; first and last */
};

/* What is known of a delivery that arrives. */
struct inbound_known {
    int64_t id;          /* 0: it has never come before */
    int64_t received_at; /* ms; when it came first */
    bool applied;
};
/* The row of the digest: it has arrived once more. */
enum err inbound_arrive(struct tx *tx, struct str digest, int64_t now,
                        struct inbound_known *ret) MUST_USE;
/* A new one, of which nothing is applied yet. */
enum err inbound_insert(struct tx *tx, const struct inbound *in, int64_t *ret_id) MUST_USE;
enum err inbound_set_outcome(struct tx *tx, int64_t id, struct str state, int64_t changes,
                             int64_t unapplied, struct str reasons) MUST_USE;

/* In the arena. ERR_NOT_FOUND. */
enum err inbound_find(struct tx *tx, int64_t id, struct arena *arena, struct inbound *ret) MUST_USE;
/* Newest first, without bodies, those before the id `before` (0: the newest); an empty state is
 * any. Text is valid during the callback. */
enum err inbound_each(struct tx *tx, struct str state, int64_t before, int64_t limit,
                      enum err (*each)(void *arg, const struct inbound *in), void *arg) MUST_USE;
/* Removes some that were applied and received before `applied_before`, and some that were kept and
 * received before `kept_before`; *ret_removed: of the kind of which more were. */
enum err inbound_sweep(struct tx *tx, int64_t applied_before, int64_t kept_before,
                       int64_t *ret_removed) MUST_USE;
