#include "base/metrics.h"

#include <pthread.h>

#include "unit/base/test.h"

static void test_counters(void **state)
{
    struct counter c = {0};
    struct gauge g = {0};
    counter_add(&c, 3);
    counter_add(&c, 4);
    assert_int_equal(counter_read(&c), 7);
    gauge_add(&g, 2);
    gauge_add(&g, -5);
    assert_int_equal(gauge_read(&g), -3);
    gauge_set(&g, 9);
    assert_int_equal(gauge_read(&g), 9);
}

/* A bound belongs to its own bucket. */
static void test_bounds(void **state)
{
    const struct histogram_scale *scales[] = {&histogram_times, &histogram_sizes};
    for (size_t s = 0; s < ARRAY_LEN(scales); s++) {
        for (size_t i = 0; i < scales[s]->n; i++) {
            struct histogram h = {0};
            struct histogram_values v = {0};
            assert_true(i == 0 || scales[s]->bounds[i] > scales[s]->bounds[i - 1]);
            histogram_add(&h, scales[s], scales[s]->bounds[i]);
            histogram_add(&h, scales[s], scales[s]->bounds[i] + 1);
            histogram_read(&h, &v);
            assert_int_equal(v.buckets[i], 1);
            assert_int_equal(v.buckets[i + 1], 1);
            assert_int_equal(v.sum, 2 * scales[s]->bounds[i] + 1);
        }
    }
}

static void test_reading_adds(void **state)
{
    struct histogram one = {0}, other = {0};
    struct histogram_values v = {0};
    histogram_add(&one, &histogram_times, 0);
    histogram_add(&other, &histogram_times, 7);
    histogram_add(&other, &histogram_times, UINT64_MAX - 6); /* the sum wraps, and nothing else */
    histogram_read(&one, &v);
    histogram_read(&other, &v);
    assert_int_equal(v.buckets[0], 2);
    assert_int_equal(v.buckets[histogram_times.n], 1);
    assert_int_equal(v.sum, 0);
}

/* --- one writes, another reads ------------------------------------------------------------ */

#define ROUNDS 200000

static struct histogram shared;

static void *count(void *arg)
{
    for (size_t i = 0; i < ROUNDS; i++)
        histogram_add(&shared, &histogram_sizes, 1);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t thread;
    uint64_t before = 0;
    assert_int_equal(pthread_create(&thread, NULL, count, NULL), 0);
    while (before < ROUNDS) {
        struct histogram_values v = {0};
        histogram_read(&shared, &v);
        assert_true(v.buckets[0] >= before);
        before = v.buckets[0];
    }
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reading_adds),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
