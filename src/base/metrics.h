/* Counting where things happen, for whoever shows the numbers: no lock, no allocation, and no
 * read-modify-write of the bus: each counter, gauge and histogram has one thread that writes it,
 * and any thread may read it. What several threads count has one of them each, and the reader adds
 * them up. */
#pragma once

#include "base/base.h"
#include <stdatomic.h>

struct counter { /* only grows */
    _Atomic uint64_t value;
};

static inline void counter_add(struct counter *c, uint64_t n)
{
    uint64_t before = atomic_load_explicit(&c->value, memory_order_relaxed);
    atomic_store_explicit(&c->value, before + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

struct gauge { /* goes up and down */
    _Atomic int64_t value;
};

static inline void gauge_set(struct gauge *g, int64_t value)
{
    atomic_store_explicit(&g->value, value, memory_order_relaxed);
}

static inline int64_t gauge_read(const struct gauge *g)
{
    return atomic_load_explicit(&g->value, memory_order_relaxed);
}

static inline void gauge_add(struct gauge *g, int64_t n)
{
    gauge_set(g, gauge_read(g) + n);
}

/* --- histograms --------------------------------------------------------------------------- */
#define HISTOGRAM_BOUNDS_MAX 17

/* The upper bounds of the buckets, ascending; above the last one is one bucket more. */
struct histogram_scale {
    size_t n;
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX];
    double unit; /* what 1 is in the base unit that is shown */
};
extern const struct histogram_scale histogram_times; /* microseconds: 50 us to 10 s */
extern const struct histogram_scale histogram_sizes; /* 1, 2, 4 .. 256 */

struct histogram {
    struct counter buckets[HISTOGRAM_BOUNDS_MAX + 1];
    struct counter sum;
};

void histogram_add(struct histogram *h, const struct histogram_scale *scale, uint64_t value);

/* What one or several histograms of one scale hold. */
struct histogram_values {
    uint64_t buckets[HISTOGRAM_BOUNDS_MAX + 1]; /* each by itself, not added up */
    uint64_t sum;
};
/* Adds to *to. */
void histogram_read(const struct histogram *h, struct histogram_values *to);
