/* Fixed windows: exact over threads, whatever the clock does. */
#include "base/limits.h"
#include "gate/counters.h"
#include "unit/base/test.h"

#include <pthread.h>

#define START INT64_C(1704124800)

static const struct limit three = {3, 60};

struct taken {
    enum err err;
    struct limit_state state;
};

static struct taken take(struct counters *c, const struct limit *limit, int64_t now_s)
{
    struct taken t;
    t.err = counters_take(c, 0, limit, now_s, &t.state);
    return t;
}

static void assert_taken(struct taken t, int64_t remaining, int64_t reset_s)
{
    assert_int_equal(t.err, ERR_OK);
    assert_int_equal(t.state.remaining, remaining);
    assert_int_equal(t.state.reset_s, reset_s);
}

static void assert_refused(struct taken t, int64_t reset_s)
{
    assert_int_equal(t.err, ERR_RATE_LIMIT);
    assert_int_equal(t.state.remaining, 0);
    assert_int_equal(t.state.reset_s, reset_s);
}

static void test_a_window_and_the_next(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    assert_taken(take(c, &three, START), 2, START + 60);
    assert_taken(take(c, &three, START + 59), 1, START + 60);
    assert_taken(take(c, &three, START + 59), 0, START + 60);
    assert_refused(take(c, &three, START + 59), START + 60);
    assert_int_equal(take(c, &three, START + 59).state.limit, 3);
    assert_taken(take(c, &three, START + 61), 2, START + 121); /* began with this request */
    counters_release(c);
    counters_list_release(&list);
}

/* A refused request is not counted: who waits is not kept out by having asked. */
static void test_refusals_are_not_counted(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(c, &three, START).err, ERR_OK);
    for (int i = 0; i < 1000; i++)
        assert_refused(take(c, &three, START + 1), START + 60);
    assert_int_equal(counters_window_requests(atomic_load(&c->windows[0])), 3);
    assert_taken(take(c, &three, START + 60), 2, START + 120);
    counters_release(c);
    counters_list_release(&list);
}

static void test_the_clock_goes_backwards(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    assert_taken(take(c, &three, START), 2, START + 60);
    assert_taken(take(c, &three, START - 1), 1, START + 60); /* a loop that read it before */
    assert_taken(take(c, &three, START - 60), 0, START + 60);
    assert_refused(take(c, &three, START - 60), START + 60);
    assert_taken(take(c, &three, START - 61), 2, START - 1); /* set back for good */
    assert_taken(take(c, &three, -5), 2, 60);
    assert_taken(take(c, &three, INT64_MAX / 2), 2, (INT64_C(1) << 40) - 1 + 60);
    counters_release(c);
    counters_list_release(&list);
}

/* What was counted stays counted when an operator changes the plan. */
static void test_the_limit_changes_in_a_window(void **state)
{
    const struct limit none = {0}, two = {2, 60}, five = {5, 3600};
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(c, &three, START).err, ERR_OK);
    assert_refused(take(c, &two, START + 1), START + 60);
    assert_taken(take(c, &five, START + 1), 1, START + 3600);
    assert_true(take(c, &none, START + 1).state.unlimited);
    assert_taken(take(c, &five, START + 2), 0, START + 3600);
    assert_refused(take(c, &five, START + 3), START + 3600);
    counters_release(c);
    counters_list_release(&list);
}

static void test_the_largest_limit(void **state)
{
    const struct limit most = {LIMIT_REQUESTS_MAX, 86400};
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 2, &list);
    counters_restore(c, 0, START, LIMIT_REQUESTS_MAX - 1);
    assert_taken(take(c, &most, START), 0, START + 86400);
    assert_refused(take(c, &most, START), START + 86400); /* the start is not touched */
    assert_int_equal(atomic_load(&c->windows[1]), 0);
    counters_restore(c, 1, -1, 5); /* what no version of ours has written */
    counters_restore(c, 1, START, LIMIT_REQUESTS_MAX + INT64_C(1));
    counters_restore(c, 1, INT64_C(1) << 40, 1);
    assert_int_equal(atomic_load(&c->windows[1]), 0);
    counters_release(c);
    counters_list_release(&list);
}

/* --- threads ------------------------------------------------------------------------------ */

#define THREADS 8

struct crowd {
    struct counters *counters;
    struct limit limit;
    int64_t now_s;
    int tries;
    _Atomic int passed;
    pthread_barrier_t start; /* of the crowd that begins together */
};

static void *take_many(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < crowd->tries; i++)
        if (take(crowd->counters, &crowd->limit, crowd->now_s).err == ERR_OK)
            atomic_fetch_add(&crowd->passed, 1);
    return NULL;
}

static void *take_many_at_once(void *arg)
{
    struct crowd *crowd = arg;
    pthread_barrier_wait(&crowd->start);
    return take_many(arg);
}

static void run_crowd(struct crowd *crowd)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&crowd->start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many_at_once, crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crowd->start);
}

static void test_exact_over_threads(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(1, 1, &list);
    for (int64_t round = 0; round < 3; round++) {
        struct crowd crowd = {
            .counters = c, .limit = {200001, 60}, .now_s = START + round * 60, .tries = 50000};
        run_crowd(&crowd);
        assert_int_equal(crowd.passed, 200001);
    }
    counters_release(c);
    counters_list_release(&list);
}

/* Whoever saves sees every count in the end, and each counters once. */
static void test_changes_are_listed(void **state)
{
    struct counters_list list = {NULL};
    struct counters *c = counters_new(7, 1, &list);
    assert_null(counters_list_take_all(&list));
    struct crowd crowd = {
        .counters = c, .limit = {LIMIT_REQUESTS_MAX, 60}, .now_s = START, .tries = 2000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_many, &crowd), 0);
    int64_t seen = 0;
    while (seen < crowd.tries) {
        struct counters *changed = counters_list_take_all(&list);
        if (!changed)
            continue;
        assert_ptr_equal(changed, c);
        assert_null(changed->next_changed);
        counters_unmark(changed);
        int64_t now = counters_window_requests(atomic_load(&c->windows[0]));
        assert_true(now >= seen);
        seen = now;
        counters_release(changed);
    }
    pthread_join(thread, NULL);
    for (struct counters *left = counters_list_take_all(&list); left; left = NULL)
        counters_release(left);
    counters_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_and_the_next),
        cmocka_unit_test(test_refusals_are_not_counted),
        cmocka_unit_test(test_the_clock_goes_backwards),
        cmocka_unit_test(test_the_limit_changes_in_a_window),
        cmocka_unit_test(test_the_largest_limit),
        cmocka_unit_test(test_exact_over_threads),
        cmocka_unit_test(test_changes_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
