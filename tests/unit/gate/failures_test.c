#include "base/limits.h"
#include "gate/failures.h"
#include "unit/base/test.h"

#define NOW INT64_C(1704124800)

static const struct limit three = {3, 60};

static struct http_address address(const char *text)
{
    struct http_address a;
    assert_true(http_address_parse(str_from(text), &a));
    return a;
}

static enum err count(struct failures *f, const char *text, int64_t now_s, int *ret_retry_after)
{
    struct http_address a = address(text), counted = http_address_counted(&a);
    return failures_count(f, &counted, &three, now_s, ret_retry_after);
}

static void test_a_window_and_the_next(void **state)
{
    struct failures *f = failures_new();
    int retry_after = -1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(count(f, "10.0.0.1", NOW + i, &retry_after), ERR_OK);
    assert_int_equal(retry_after, -1);
    assert_int_equal(count(f, "10.0.0.1", NOW + 10, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(retry_after, 50);
    assert_int_equal(count(f, "10.0.0.2", NOW + 10, &retry_after), ERR_OK); /* another */
    assert_int_equal(count(f, "10.0.0.1", NOW + 59, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(retry_after, 1);
    assert_int_equal(count(f, "10.0.0.1", NOW + 60, &retry_after), ERR_OK);
    failures_free(f);
}

static void test_the_clock_goes_backwards(void **state)
{
    struct failures *f = failures_new();
    int retry_after;
    for (int i = 0; i < 3; i++)
        assert_int_equal(count(f, "10.0.0.1", NOW, &retry_after), ERR_OK);
    assert_int_equal(count(f, "10.0.0.1", NOW - 30, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(retry_after, 90);
    assert_int_equal(count(f, "10.0.0.1", NOW - 100, &retry_after), ERR_OK);
    failures_free(f);
}

/* Who has an IPv6 network of 64 bits has one share of it. */
static void test_ipv6_networks_are_one(void **state)
{
    struct failures *f = failures_new();
    int retry_after;
    assert_int_equal(count(f, "2001:db8::1", NOW, &retry_after), ERR_OK);
    assert_int_equal(count(f, "2001:db8::ffff:ffff", NOW, &retry_after), ERR_OK);
    assert_int_equal(count(f, "2001:db8:0:0:8000::", NOW, &retry_after), ERR_OK);
    assert_int_equal(count(f, "2001:db8::2", NOW, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(count(f, "2001:db8:0:1::2", NOW, &retry_after), ERR_OK);
    failures_free(f);
}

static void test_unlimited(void **state)
{
    const struct limit none = {0};
    struct failures *f = failures_new();
    struct http_address a = address("10.0.0.1");
    int retry_after;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(failures_count(f, &a, &none, NOW, &retry_after), ERR_OK);
    failures_free(f);
}

/* A flood of addresses, far more than there are places, does not free the ones that are full. */
static void test_the_table_is_full(void **state)
{
    struct failures *f = failures_new();
    int retry_after;
    for (int i = 0; i < 4; i++)
        (void)count(f, "10.0.0.1", NOW, &retry_after);
    for (uint32_t i = 0; i < 20 * AUTH_FAILURE_ADDRESSES; i++) {
        struct http_address a = address("172.16.0.0");
        uint32_t mixed = i * 2654435761u;
        memcpy(a.bytes + 12, &mixed, sizeof(mixed));
        assert_int_equal(failures_count(f, &a, &three, NOW + 1, &retry_after), ERR_OK);
    }
    assert_int_equal(count(f, "10.0.0.1", NOW + 1, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(retry_after, 59);
    failures_free(f);
}

static void test_full_ones_are_saved_once_and_come_back(void **state)
{
    struct failures *f = failures_new(), *after = failures_new();
    struct failures_record records[4];
    int retry_after;
    assert_int_equal(count(f, "10.0.0.9", NOW, &retry_after), ERR_OK);
    for (int i = 0; i < 4; i++) {
        (void)count(f, "10.0.0.1", NOW, &retry_after);
        (void)count(f, "10.0.0.2", NOW, &retry_after);
    }
    assert_int_equal(failures_take_full(f, records, 1), 1);
    assert_int_equal(failures_take_full(f, records + 1, 3), 1);
    assert_int_equal(failures_take_full(f, records + 2, 2), 0);
    failures_ask_again(f, &records[0].address);
    assert_int_equal(failures_take_full(f, records + 2, 2), 1);
    assert_memory_equal(&records[0], &records[2], sizeof(records[0]));
    assert_int_equal(failures_window_s(f), 60);

    failures_restore(after, &records[0]);
    failures_restore(after, &records[1]);
    failures_restore(after, &(struct failures_record){address("10.0.0.3"), NOW, 0});
    failures_restore(after, &(struct failures_record){address("10.0.0.3"), NOW, INT64_MAX});
    assert_int_equal(count(after, "10.0.0.1", NOW + 20, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(retry_after, 40);
    assert_int_equal(count(after, "10.0.0.2", NOW + 20, &retry_after), ERR_RATE_LIMIT);
    assert_int_equal(count(after, "10.0.0.3", NOW + 20, &retry_after), ERR_OK);
    assert_int_equal(failures_take_full(after, records, 4), 0); /* it is in the database */
    failures_free(f);
    failures_free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_and_the_next),
        cmocka_unit_test(test_the_clock_goes_backwards),
        cmocka_unit_test(test_ipv6_networks_are_one),
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_the_table_is_full),
        cmocka_unit_test(test_full_ones_are_saved_once_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
