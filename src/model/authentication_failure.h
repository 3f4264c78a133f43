/* Addresses from which authentication failed as often as they may, so that a restart does not
 * forgive them. gate/saved_counts.c keeps them. */
#pragma once

#include "store/store.h"

struct authentication_failure {
    struct str address;
    int64_t started_at; /* ms; of the window */
    int64_t requests;
};

enum err authentication_failure_put(struct tx *tx, const struct authentication_failure *f) MUST_USE;
/* All. Text is valid during the callback; a callback's error ends it and is returned. */
enum err authentication_failure_each(struct tx *tx,
                                     enum err (*each)(void *arg,
                                                      const struct authentication_failure *f),
                                     void *arg) MUST_USE;
/* At most `max` of them behind the address `after`, in the addresses' order as text. */
enum err authentication_failure_after(struct tx *tx, struct str after, int64_t max,
                                      enum err (*each)(void *arg,
                                                       const struct authentication_failure *f),
                                      void *arg) MUST_USE;
/* Removes some of those whose window began before `before`. */
enum err authentication_failure_sweep(struct tx *tx, int64_t before) MUST_USE;
