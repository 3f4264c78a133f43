#include "api/call.h"
#include "api/metrics.h"

#include "unit/base/test.h"

static struct api_metrics metrics;

static int setup(void **state)
{
    api_metrics_init(&metrics, api_routes);
    return 0;
}

static int teardown(void **state)
{
    api_metrics_release(&metrics);
    return 0;
}

static uint64_t answers(size_t row, int status)
{
    for (size_t i = 0; i < API_STATUSES_MAX; i++)
        if (api_statuses[i] == status)
            return counter_read(&metrics.by_route[row].answers[i]);
    return 0;
}

static void end(const struct route *route, enum http_method method, int status)
{
    api_metrics_begin(&metrics);
    const struct api_outcome o = {
        .route = route, .method = (int)method, .status = status, .us = 75};
    api_metrics_end(&metrics, &o);
}

/* Each route of the tables has a row of its own, and each method that no route took. */
static void test_rows(void **state)
{
    size_t row = 0;
    for (const struct route *r = api_routes; r->pattern; r++, row++) {
        end(r, r->method, 200);
        assert_int_equal(answers(row, 200), 1);
        assert_string_equal(api_metrics_row(&metrics, row).pattern, r->pattern);
        assert_string_equal(api_metrics_row(&metrics, row).listener, "api");
    }
    for (const struct route *r = admin_routes; r->pattern; r++, row++) {
        end(r, r->method, 201);
        assert_int_equal(answers(row, 201), 1);
        assert_string_equal(api_metrics_row(&metrics, row).listener, "control");
    }
    for (const struct route *r = meta_routes; r->pattern; r++, row++) {
        end(r, r->method, 403);
        assert_int_equal(answers(row, 403), 1);
        assert_string_equal(api_metrics_row(&metrics, row).pattern, r->pattern);
        assert_string_equal(api_metrics_row(&metrics, row).listener, "meta");
    }
    for (int method = 0; method < HTTP_METHOD_COUNT; method++, row++) {
        end(NULL, (enum http_method)method, 404);
        assert_int_equal(answers(row, 404), 1);
        assert_string_equal(api_metrics_row(&metrics, row).pattern, "");
        assert_string_equal(api_metrics_row(&metrics, row).method,
                            http_method_name((enum http_method)method));
    }
    assert_int_equal(row, api_metrics_rows(&metrics));
    assert_int_equal(gauge_read(&metrics.in_flight), 0);
    struct histogram_values v = {0};
    for (size_t i = 0; i < row; i++)
        histogram_read(&metrics.by_route[i].times, &v);
    assert_int_equal(v.buckets[1], row);
    assert_int_equal(v.sum, 75 * row);
}

/* Every status that an error of ours has is told by its own number. */
static void test_statuses(void **state)
{
    for (int e = 1; e < ERR_COUNT; e++) {
        end(api_routes, HTTP_GET, err_status((enum err)e));
        assert_int_equal(answers(0, err_status((enum err)e)), 1);
        teardown(state);
        setup(state);
    }
    end(api_routes, HTTP_GET, 299);
    end(api_routes, HTTP_GET, 600);
    assert_int_equal(answers(0, 0), 0); /* the first free column */
    assert_int_equal(counter_read(&metrics.by_route[0].answers[API_STATUSES_MAX - 1]), 2);
}

static void test_errors(void **state)
{
    api_metrics_begin(&metrics);
    api_metrics_end(&metrics, &(struct api_outcome){.status = 429, .err = ERR_RATE_LIMIT});
    api_metrics_begin(&metrics);
    assert_int_equal(gauge_read(&metrics.in_flight), 1);
    api_metrics_end(
        &metrics,
        &(struct api_outcome){.status = 429, .err = ERR_RATE_LIMIT, .is_known = true, .us = -5});
    api_metrics_refuse(&metrics, ERR_HEADERS_TOO_LARGE);
    assert_int_equal(counter_read(&metrics.errors[ERR_RATE_LIMIT]), 2);
    assert_int_equal(counter_read(&metrics.failures_limited), 1);
    assert_int_equal(counter_read(&metrics.refused[ERR_HEADERS_TOO_LARGE]), 1);
    assert_int_equal(counter_read(&metrics.errors[ERR_HEADERS_TOO_LARGE]), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rows),
        TEST(test_statuses),
        TEST(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
