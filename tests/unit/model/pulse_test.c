#include "model/pulse.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_every_id_has_a_place_of_its_own(void **state)
{
    static const int64_t ids[] = {0, 1, 1022, 1023, 1024, 1025, 3071, 3072, 100000, 1000000};
    struct pulse p;
    pulse_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_int_equal(pulse_get(&p, ids[i]), 0);
    for (int64_t id = 0; id < 5000; id++)
        pulse_raise(&p, id, id + 7);
    for (int64_t id = 0; id < 5000; id++)
        assert_int_equal(pulse_get(&p, id), id + 7);
    pulse_raise(&p, 1000000, 42);
    assert_int_equal(pulse_get(&p, 1000000), 42);
    assert_int_equal(pulse_get(&p, 999999), 0);
    pulse_raise(&p, 1000000, 41); /* never backwards */
    assert_int_equal(pulse_get(&p, 1000000), 42);
    pulse_raise(&p, -1, 9);
    assert_int_equal(pulse_get(&p, -1), 0);
    pulse_release(&p);
}

static void *read_on(void *arg)
{
    struct pulse *p = arg;
    int64_t seen = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t now = pulse_get(p, i % 4096);
        assert_true(now == 0 || now == i % 4096 + 1);
        seen += now;
    }
    return (void *)(intptr_t)(seen >= 0);
}

static void test_reading_while_it_is_written(void **state)
{
    struct pulse p;
    pthread_t readers[2];
    pulse_init(&p);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &p), 0);
    for (int64_t id = 0; id < 4096; id++)
        pulse_raise(&p, id, id + 1);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        pthread_join(readers[i], NULL);
    pulse_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_id_has_a_place_of_its_own),
        cmocka_unit_test(test_reading_while_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
