#include "http/ledger.h"

#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_address address(const char *text)
{
    struct http_address a;
    assert_true(http_address_parse(str_from(text), &a));
    return a;
}

static enum http_ledger_answer take(struct http_ledger *l, const char *text)
{
    struct http_address a = address(text);
    return http_ledger_take(l, &a, NULL);
}

static void give_back(struct http_ledger *l, const char *text)
{
    struct http_address a = address(text);
    http_ledger_give_back(l, &a);
}

static void test_in_all(void **state)
{
    struct http_ledger *l = http_ledger_new(&(struct http_ledger_limits){.connections = 3});
    for (int round = 0; round < 3; round++) {
        assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
        assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
        assert_int_equal(take(l, "2001:db8::1"), HTTP_LEDGER_TAKEN);
        assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_FULL);
        assert_int_equal(take(l, "1.2.3.5"), HTTP_LEDGER_FULL);
        assert_int_equal(http_ledger_stats(l).open, 3);
        give_back(l, "1.2.3.4");
        assert_int_equal(take(l, "1.2.3.5"), HTTP_LEDGER_TAKEN);
        give_back(l, "1.2.3.5");
        give_back(l, "1.2.3.4");
        give_back(l, "2001:db8::1");
        assert_int_equal(http_ledger_stats(l).open, 0);
    }
    assert_int_equal(http_ledger_stats(l).refused_full, 6);
    assert_int_equal(http_ledger_stats(l).refused_greedy, 0);
    http_ledger_free(l);
}

static void test_of_one_address(void **state)
{
    struct http_network proxy;
    assert_true(http_network_parse(STR("10.0.0.0/8"), &proxy));
    struct http_ledger *l = http_ledger_new(&(struct http_ledger_limits){
        .connections = 100, .per_address = 2, .exempt = &proxy, .n_exempt = 1});
    proxy = (struct http_network){.prefix = 0}; /* was copied */
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "::ffff:1.2.3.4"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_GREEDY);
    assert_int_equal(take(l, "1.2.3.5"), HTTP_LEDGER_TAKEN);
    /* an IPv6 network of 64 bits is one */
    assert_int_equal(take(l, "2001:db8::1"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "2001:db8::2"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "2001:db8::3"), HTTP_LEDGER_GREEDY);
    assert_int_equal(take(l, "2001:db8:0:1::3"), HTTP_LEDGER_TAKEN);
    give_back(l, "2001:db8::1");
    assert_int_equal(take(l, "2001:db8::3"), HTTP_LEDGER_TAKEN);
    for (int i = 0; i < 10; i++)
        assert_int_equal(take(l, "10.1.1.1"), HTTP_LEDGER_TAKEN);
    assert_int_equal(http_ledger_stats(l).refused_greedy, 2);
    http_ledger_free(l); /* with what is still open */
}

static void test_an_idle_one_makes_room(void **state)
{
    struct http_ledger *l =
        http_ledger_new(&(struct http_ledger_limits){.connections = 2, .per_address = 1});
    struct http_address one = address("1.1.1.1"), two = address("2.2.2.2"),
                        three = address("3.3.3.3");
    assert_int_equal(http_ledger_take(l, &one, NULL), HTTP_LEDGER_TAKEN);
    assert_int_equal(http_ledger_take(l, &two, &one), HTTP_LEDGER_TAKEN); /* there was room */
    assert_int_equal(http_ledger_take(l, &one, &two), HTTP_LEDGER_GREEDY);
    assert_int_equal(http_ledger_take(l, &three, NULL), HTTP_LEDGER_FULL);
    assert_int_equal(http_ledger_take(l, &three, &one), HTTP_LEDGER_REPLACED);
    assert_int_equal(http_ledger_take(l, &one, &two), HTTP_LEDGER_REPLACED);
    struct http_ledger_stats stats = http_ledger_stats(l);
    assert_int_equal(stats.open, 2);
    assert_int_equal(stats.evicted, 2);
    assert_int_equal(stats.refused_full, 1);
    assert_int_equal(stats.refused_greedy, 1);
    http_ledger_give_back(l, &one);
    http_ledger_give_back(l, &three);
    assert_int_equal(http_ledger_stats(l).open, 0);
    http_ledger_free(l);
}

static void test_new_limits(void **state)
{
    struct http_network proxy;
    assert_true(http_network_parse(STR("1.2.3.4"), &proxy));
    struct http_ledger_limits limits = {.connections = 2, .per_address = 1};
    struct http_ledger *l = http_ledger_new(&limits);
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_GREEDY);
    limits.exempt = &proxy;
    limits.n_exempt = 1;
    http_ledger_set_limits(l, &limits);
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_FULL);
    http_ledger_set_limits(l, &(struct http_ledger_limits){.connections = 3});
    assert_int_equal(take(l, "1.2.3.4"), HTTP_LEDGER_TAKEN);
    http_ledger_set_limits(l, &(struct http_ledger_limits){.connections = 1});
    give_back(l, "1.2.3.4");
    assert_int_equal(take(l, "1.2.3.5"), HTTP_LEDGER_FULL); /* 2 of 1 */
    give_back(l, "1.2.3.4");
    give_back(l, "1.2.3.4");
    assert_int_equal(take(l, "1.2.3.5"), HTTP_LEDGER_TAKEN);
    http_ledger_free(l);
    http_ledger_free(NULL);
}

/* More addresses than buckets, and back to nothing. */
static void test_many_addresses(void **state)
{
    struct http_ledger *l =
        http_ledger_new(&(struct http_ledger_limits){.connections = SIZE_MAX, .per_address = 1});
    struct http_address a = address("2001:db8::");
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 20000; i++) {
            memcpy(a.bytes + 4, &i, sizeof(i));
            assert_int_equal(http_ledger_take(l, &a, NULL), HTTP_LEDGER_TAKEN);
            assert_int_equal(http_ledger_take(l, &a, NULL), HTTP_LEDGER_GREEDY);
        }
        for (uint32_t i = 20000; i-- > 0;) {
            memcpy(a.bytes + 4, &i, sizeof(i));
            http_ledger_give_back(l, &a);
        }
        assert_int_equal(http_ledger_stats(l).open, 0);
    }
    http_ledger_free(l);
}

static void *come_and_go(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct http_address a = address("192.0.2.0");
        a.bytes[15] = (unsigned char)(i % 7);
        if (http_ledger_take(arg, &a, NULL) == HTTP_LEDGER_TAKEN)
            http_ledger_give_back(arg, &a);
    }
    return NULL;
}

static void test_from_all_loops(void **state)
{
    struct http_ledger *l =
        http_ledger_new(&(struct http_ledger_limits){.connections = 3, .per_address = 2});
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, l), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(http_ledger_stats(l).open, 0);
    http_ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_all),
        cmocka_unit_test(test_of_one_address),
        cmocka_unit_test(test_an_idle_one_makes_room),
        cmocka_unit_test(test_new_limits),
        cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_from_all_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
