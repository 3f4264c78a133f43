/* The text format of Prometheus, version 0.0.4: families of samples, onto a buf. */
#pragma once

#include "base/buf.h"
#include "base/metrics.h"

#define EXPOSITION_TYPE STR("text/plain; version=0.0.4; charset=utf-8")

struct label {
    const char *name;
    struct str value; /* any UTF-8; escaped here */
};
#define LABELS(...)                                                                                \
    (const struct label[]){__VA_ARGS__}, ARRAY_LEN(((const struct label[]){__VA_ARGS__}))
#define NO_LABELS NULL, 0

/* The head of a family; its samples follow, before the next head. `type` is "counter", "gauge" or
 * "histogram". */
void exposition_family(struct buf *out, const char *name, const char *type, const char *help);
void exposition_u64(struct buf *out, const char *name, const struct label *labels, size_t n,
                    uint64_t value);
void exposition_double(struct buf *out, const char *name, const struct label *labels, size_t n,
                       double value);
void exposition_histogram(struct buf *out, const char *name, const struct label *labels, size_t n,
                          const struct histogram_scale *scale,
                          const struct histogram_values *values);
