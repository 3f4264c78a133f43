/* "Did you mean ...?": the known word that is closest to what was typed. */
#pragma once

#include "base/str.h"

/* Insertions, deletions, substitutions and swaps of neighbours that turn a into b. Words longer
 * than NEAREST_WORD_MAX bytes are NEAREST_WORD_MAX + 1 apart from everything. */
size_t nearest_distance(struct str a, struct str b);

/* Collects candidates one by one; `best` stays NULL while none is near enough to be meant. */
struct nearest {
    struct str typed;
    const char *best;
    size_t bound; /* a better one is nearer than this */
};
void nearest_init(struct nearest *n, struct str typed);
void nearest_offer(struct nearest *n, const char *candidate);
