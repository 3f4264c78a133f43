#include "base/nearest.h"

#include "base/limits.h"

static size_t min3(size_t a, size_t b, size_t c)
{
    return MIN(a, MIN(b, c));
}

/* Three rows of the usual table: this one, the one before, and the one before that for swaps. */
size_t nearest_distance(struct str a, struct str b)
{
    if (a.len > NEAREST_WORD_MAX || b.len > NEAREST_WORD_MAX)
        return NEAREST_WORD_MAX + 1;
    size_t rows[3][NEAREST_WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = a.ptr[i - 1] != b.ptr[j - 1];
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + change);
            bool swapped =
                i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            if (swapped)
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

void nearest_init(struct nearest *n, struct str typed)
{
    /* A third of the letters may be wrong, and one of a short word: "lst" means "list". A single
     * letter means nothing. */
    size_t allowed = typed.len < 2 ? 0 : MAX(typed.len / 3, (size_t)1);
    *n = (struct nearest){.typed = typed, .bound = allowed + (typed.len >= 2)};
}

void nearest_offer(struct nearest *n, const char *candidate)
{
    struct str c = str_from(candidate);
    size_t distance = nearest_distance(n->typed, c);
    /* The beginning of a word is meant as that word. */
    if (str_starts(c, n->typed))
        distance = MIN(distance, (size_t)1);
    if (distance < n->bound) {
        n->best = candidate;
        n->bound = distance;
    }
}
