/* Ready-made changes, at least one for each field of Meta's (meta-graph.md §6.3 to §6.5). */
#pragma once

#include "sim/state.h"

struct sim_example {
    const char *name; /* "messages/text" */
    const char *field;
    const char *value; /* JSON with ' for ", in which $WORDS stand for what the account has */
};
/* NULL when there is none. */
const struct sim_example *sim_example(struct str name);
/* The i-th one; NULL behind the last. */
const struct sim_example *sim_example_at(size_t i);

/* The value as JSON, as of this account: $number_id, $phone and so on are those of `number`, or of
 * its first number and first template, and inventions where it has none. */
void sim_example_write(const struct sim_example *example, const struct sim_account *account,
                       const struct sim_node *number, struct buf *out);
