/* job_tests.h by SQLite; each write is undone once and made again. */
#define FIXTURE_REHEARSES true

#include "unit/model/job_tests.h"

static int setup(void **state)
{
    fixture_setup(state);
    take_step(*state, (struct step){.what = FILL});
    return 0;
}

static void test_random_lives(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture *f;
        setup((void **)&f);
        random_life(f, seed);
        fixture_teardown((void **)&f);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {JOB_TESTS(TEST)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
