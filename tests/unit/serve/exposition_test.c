#include "serve/exposition.h"

#include "unit/base/test.h"

static struct buf out;

static int setup(void **state)
{
    buf_init(&out, MIB);
    return 0;
}

static int teardown(void **state)
{
    buf_release(&out);
    return 0;
}

static void test_families(void **state)
{
    exposition_family(&out, "a_total", "counter", "Back\\slash, \"quote\"\nand line.");
    exposition_u64(&out, "a_total", NO_LABELS, UINT64_MAX);
    assert_str(buf_str(&out),
               "# HELP a_total Back\\\\slash, \"quote\"\\nand line.\n"
               "# TYPE a_total counter\n"
               "a_total 18446744073709551615\n");
}

static void test_labels(void **state)
{
    exposition_u64(&out, "a", LABELS({"x", STR("say \"\\\"\n")}, {"y", STR("")}), 1);
    exposition_double(&out, "b", LABELS({"z", STR("متجر {}")}), 0.25);
    assert_str(buf_str(&out),
               "a{x=\"say \\\"\\\\\\\"\\n\",y=\"\"} 1\n"
               "b{z=\"متجر {}\"} 0.25\n");
}

/* Buckets count what is below them too, and the last one is the count. */
static void test_histograms(void **state)
{
    static const struct histogram_scale scale = {.n = 2, .bounds = {50, 2500000}, .unit = 1e-6};
    struct histogram_values v = {.buckets = {1, 2, 4}, .sum = 10000000};
    exposition_histogram(&out, "t", NO_LABELS, &scale, &v);
    exposition_histogram(&out, "t", LABELS({"route", STR("/")}), &scale, &v);
    assert_str(buf_str(&out),
               "t_bucket{le=\"5e-05\"} 1\n"
               "t_bucket{le=\"2.5\"} 3\n"
               "t_bucket{le=\"+Inf\"} 7\n"
               "t_sum 10\n"
               "t_count 7\n"
               "t_bucket{route=\"/\",le=\"5e-05\"} 1\n"
               "t_bucket{route=\"/\",le=\"2.5\"} 3\n"
               "t_bucket{route=\"/\",le=\"+Inf\"} 7\n"
               "t_sum{route=\"/\"} 10\n"
               "t_count{route=\"/\"} 7\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_families), TEST(test_labels),
                                       TEST(test_histograms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
