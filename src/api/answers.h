/* Answers of READ routes that may be given again, where reading means asking a server: the same
 * client asked the same, nothing is known to have changed since, and the answer is younger than
 * ANSWERS_AGE_MS. Commits of this process and what other replicas tell of theirs end an answer at
 * once; the age bounds what was not told.
 *
 * One a loop; belongs to its thread. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

struct answers {
    struct answer **slots; /* ANSWERS_SLOTS */
    size_t bytes;
};

/* What an answer was true for, and what it is found by. */
struct answer_key {
    int64_t client_row_id;
    struct str path, query;
    uint64_t generation; /* of the store, read before the snapshot was taken */
    uint64_t directory;  /* the version: permissions, and who may sign */
    uint64_t pulse;      /* confirmations so far: they are in the answers, and in no commit */
    int64_t at_us;       /* monotonic; read before the snapshot was taken */
};

void answers_init(struct answers *a);
void answers_release(struct answers *a);
/* The body of such an answer, valid until the next answers_keep. NULL: there is none. */
struct str answers_find(const struct answers *a, const struct answer_key *now);
void answers_keep(struct answers *a, const struct answer_key *key, struct str body);
