/* The schema, as a row of forward steps. Step i takes a database from version i to i + 1; a step
 * that has been released never changes. Engine-neutral: {id}, {int}, {text}, {blob} and {strict}
 * become what the engine calls them. */
#pragma once

#include "store/tx.h"

extern const char *const migrations[];
extern const size_t migrations_count;

/* Brings the database to version `n`, one transaction a step. `fresh`: it was made just now and has
 * no tables. Refuses a database that is not ours, or newer than `n`. `name` is for messages. */
enum err migrations_run(struct tx *tx, const char *const *steps, size_t n, bool fresh,
                        const char *name, struct error *error) MUST_USE;
