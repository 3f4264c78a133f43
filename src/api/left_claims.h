/* Claims of requests that had no effect, and could not be given back because the store was away:
 * until they are, the same request sent again would hear that the first one is under way. They are
 * given back as soon as the store is there again; those of a process that dies end with it.
 *
 * Any thread adds; its driver, on one thread, once a second:
 *
 *   struct store_write *w = left_claims_begin(l);
 *   if (w) { w->reply_to = ...; submit it }       // NULL: nothing is left, or it is under way
 *   ... when it is back, or could not be submitted (w->err says so): left_claims_end(l); */
#pragma once

#include "base/limits.h"
#include "store/store.h"

struct left_claims {
    pthread_mutex_t mutex;         /* guards rows and n */
    int64_t rows[LEFT_CLAIMS_MAX]; /* ids of idempotency rows */
    size_t n;

    struct store_write write; /* of the first n_writing of them */
    bool under_way;
    int64_t writing[LEFT_CLAIMS_MAX];
    size_t n_writing;
};

void left_claims_init(struct left_claims *l);
void left_claims_release(struct left_claims *l);
/* Beyond LEFT_CLAIMS_MAX it ends by itself (IDEMPOTENCY_RUNNING_S). */
void left_claims_add(struct left_claims *l, int64_t row);
struct store_write *left_claims_begin(struct left_claims *l);
void left_claims_end(struct left_claims *l);
