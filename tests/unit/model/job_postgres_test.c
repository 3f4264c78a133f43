/* job_tests.h once more, by PostgreSQL. */
#include "unit/model/job_tests.h"

static int setup(void **state)
{
    served_setup(state);
    take_step(&((struct served *)*state)->f, (struct step){.what = FILL});
    return 0;
}

static void test_random_lives(void **state)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct served *s;
        setup((void **)&s);
        random_life(&s->f, seed);
        served_teardown((void **)&s);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, served_teardown)
    const struct CMUnitTest tests[] = {JOB_TESTS(TEST)};
    return server_is_there() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
