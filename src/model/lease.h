/* Who asks Meta about which account, where several replicas share a store: each linked account is
 * one replica's at a time (accounts.replica_id). The lease has no end of its own: a replica that is
 * dead loses its row in `replicas` (store/replica.c), and with it every account.
 *
 * Where the store is not shared, nobody holds a lease and nothing of this is called. */
#pragma once

#include "store/store.h"

struct lease_view {
    int64_t held;     /* accounts: by us */
    bool unclaimed;   /* there is one that nobody holds */
    int64_t replicas; /* that take a share; with us once we have joined */
    bool joined;
};
enum err lease_look(struct tx *tx, int64_t replica, struct lease_view *ret) MUST_USE;
/* Linked accounts, whoever holds them: reads all of an index. */
enum err lease_count(struct tx *tx, int64_t *ret) MUST_USE;
/* What a replica holds, by account. */
enum err lease_each(struct tx *tx, int64_t replica,
                    enum err (*each)(void *arg, int64_t account_id, int64_t confirmed_at),
                    void *arg) MUST_USE;

/* From now on we take a share. */
enum err lease_join(struct tx *tx, int64_t replica) MUST_USE;
/* Up to `limit` accounts that nobody holds become the replica's. ERR_CONFLICT: it was taken for
 * dead. */
enum err lease_claim(struct tx *tx, int64_t replica, int64_t limit, int64_t *ret_claimed) MUST_USE;
/* The account becomes the replica's, whoever held it; 0, or one that was taken for dead: nobody's.
 */
enum err lease_take(struct tx *tx, int64_t account_id, int64_t replica) MUST_USE;
/* Fine when the replica does not hold it. */
enum err lease_give_back(struct tx *tx, int64_t account_id, int64_t replica) MUST_USE;
/* All are given back, and no share is taken any more. */
enum err lease_leave(struct tx *tx, int64_t replica) MUST_USE;
