/* What became of requests that may arrive twice (developer-api.md §1.3): a row a key, written in
 * the transaction of the request's effect.
 *
 *   running   somebody carries the request out; nothing of it is there yet
 *   applied   its effect is there, `result_id` says what it made; its answer is not kept yet
 *   done      its answer is kept
 *
 * A row counts until it expires. A running one counts for IDEMPOTENCY_RUNNING_S, and, of several
 * replicas, while the one that claimed it lives: then whoever claimed it is taken to be gone, and
 * the key may be claimed anew. Should the first come back after all, its row is not there any more,
 * and its effect is refused: ids are never given twice.
 *
 * Of what must not be done twice, whatever breaks, a running row has an answer already: what is to
 * be said should whoever claimed it be gone. Then it is as one that is done, and is never claimed
 * anew. */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct idempotency_key {
    int64_t client_id;      /* the row's: keys of different clients have nothing to do with each
                               other */
    struct str key;         /* 'key:' and the header's value, or the signature */
    struct str signature;   /* 'signature:' and its hex; a request that was carried out under this
                               and is sent again with a header added is the same request still */
    struct str fingerprint; /* of method, path, query and body */
    int64_t expires_at;
    int64_t replica; /* who claims it: store_replica */
    bool has_old;    /* find's: a row is there that counts no more, and makes room */
};

enum idempotency_state { IDEMPOTENCY_RUNNING, IDEMPOTENCY_APPLIED, IDEMPOTENCY_DONE };

struct idempotency {
    int64_t id;
    enum idempotency_state state;
    bool same;         /* as to the fingerprint */
    int64_t result_id; /* of applied */
    int status;        /* of done */
};

/* What counts for the key; the body of a kept answer goes onto `body`. ERR_NOT_FOUND. */
enum err idempotency_find(struct tx *tx, struct idempotency_key *key, int64_t now,
                          struct idempotency *ret, struct buf *body) MUST_USE;
/* The same in two halves, for who has other questions meanwhile: `read` closes what
 * `ask` opened. */
enum err idempotency_ask(struct tx *tx, const struct idempotency_key *key, int64_t now,
                         struct rows *ret) MUST_USE;
enum err idempotency_read(struct rows *rows, struct idempotency_key *key, struct idempotency *ret,
                          struct buf *body) MUST_USE;
/* Both in the transaction in which it was not found. ERR_CONFLICT when a row stands. */
enum err idempotency_claim(struct tx *tx, const struct idempotency_key *key, int64_t now,
                           int64_t *ret_id) MUST_USE;
/* The claim's answer for the case that nobody gives another. In the claim's transaction. */
enum err idempotency_set_last_word(struct tx *tx, int64_t id, int status, struct str body) MUST_USE;
enum err idempotency_keep(struct tx *tx, const struct idempotency_key *key, int64_t now, int status,
                          struct str body) MUST_USE;

/* In the transaction of the effect. ERR_IN_PROGRESS when the claim is not ours any more: the effect
 * must not be. */
enum err idempotency_set_applied(struct tx *tx, int64_t id, int64_t result_id) MUST_USE;
/* ERR_NOT_FOUND when the row is gone, or holds an answer already. */
enum err idempotency_set_done(struct tx *tx, int64_t id, int status, struct str body) MUST_USE;
/* The request had no effect, and may be tried again. Leaves a row that is not running. */
enum err idempotency_release(struct tx *tx, int64_t id) MUST_USE;

/* At start, where nobody else uses the store: what is running is of a process that died, before any
 * effect where the row has no answer. */
enum err idempotency_forget_running(struct tx *tx) MUST_USE;
/* Removes at most UPKEEP_PURGE_ROWS rows that expired; *ret_n of them. */
enum err idempotency_purge(struct tx *tx, int64_t now, int64_t *ret_n) MUST_USE;
