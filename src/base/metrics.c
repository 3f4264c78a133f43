#include "base/metrics.h"

const struct histogram_scale histogram_times = {
    .n = 17,
    .bounds = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
               1000000, 2500000, 5000000, 10000000},
    .unit = 1e-6,
};

const struct histogram_scale histogram_sizes = {
    .n = 9,
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256},
    .unit = 1,
};

void histogram_add(struct histogram *h, const struct histogram_scale *scale, uint64_t value)
{
    size_t i = 0;
    while (i < scale->n && value > scale->bounds[i])
        i++;
    counter_add(&h->buckets[i], 1);
    counter_add(&h->sum, value);
}

void histogram_read(const struct histogram *h, struct histogram_values *to)
{
    for (size_t i = 0; i < ARRAY_LEN(to->buckets); i++)
        to->buckets[i] += counter_read(&h->buckets[i]);
    to->sum += counter_read(&h->sum);
}
