/* Plans, counters and permissions as they hang on the directory; and that a restart keeps them. */
#include "gate/saved_counts.h"
#include "unit/gate/world.h"

#define ID "cl_1"

static enum err call(struct world *w, size_t endpoint, int64_t *ret_remaining)
{
    struct limit_state state = {0};
    enum err e = call_endpoint(w, ID, endpoint, NOW_MS, &state);
    *ret_remaining = state.unlimited ? -1 : state.remaining;
    return e;
}

static void assert_remaining(struct world *w, size_t endpoint, int64_t expected)
{
    int64_t remaining;
    assert_int_equal(call(w, endpoint, &remaining), ERR_OK);
    assert_int_equal(remaining, expected);
}

static void test_the_default_plan(void **state)
{
    struct world *w = *state;
    int64_t remaining;
    assert_remaining(w, 0, 2);
    assert_remaining(w, 1, -1); /* unlimited */
    assert_remaining(w, 0, 1);
    assert_remaining(w, 0, 0);
    assert_int_equal(call(w, 0, &remaining), ERR_RATE_LIMIT);
    assert_int_equal(remaining, 0);
    assert_remaining(w, 1, -1);
}

static void test_each_client_has_its_own(void **state)
{
    struct world *w = *state;
    struct limit_state s;
    add_client(w, (struct make){.client_id = "cl_2", .secret = "s"});
    assert_remaining(w, 0, 2);
    assert_int_equal(call_endpoint(w, "cl_2", 0, NOW_MS, &s), ERR_OK);
    assert_int_equal(s.remaining, 2);
}

static void test_a_plan_is_in_force_at_once_and_counts_on(void **state)
{
    struct world *w = *state;
    int64_t remaining;
    assert_remaining(w, 0, 2);
    change(w, (struct change){.plan = STR("{\"limits\":{\"GET /waba-numbers\":\"10/h\","
                                          "\"POST /waba-numbers\":\"1/s\"}}")});
    assert_remaining(w, 0, 8);
    assert_remaining(w, 1, 0);
    assert_int_equal(call(w, 1, &remaining), ERR_RATE_LIMIT);
    change(w, (struct change){.plan = STR("")});
    assert_remaining(w, 0, 0);
    assert_remaining(w, 1, -1);
}

/* Such as one that a later version wrote: the default holds, and nobody is shut out. */
static void test_a_plan_that_does_not_parse(void **state)
{
    struct world *w = *state;
    change(w, (struct change){.plan = STR("{\"limits\":{\"GET /elephants\":\"10/h\"}}")});
    assert_remaining(w, 0, 2);
    change(w, (struct change){.plan = STR("not JSON")});
    assert_remaining(w, 0, 1);
}

/* --- permissions -------------------------------------------------------------------------- */

static const struct directory_client *find(struct world *w)
{
    const struct directory_client *c = directory_find(&w->gate.view, STR(ID));
    assert_non_null(c);
    return c;
}

static void test_permissions_are_loaded(void **state)
{
    struct world *w = *state;
    assert_ptr_equal(find(w)->permissions, &permissions_everything);
    change(w, (struct change){.client_id = ID,
                              .permissions = STR("{\"access\":\"read\",\"numbers\":[4]}")});
    assert_true(find(w)->permissions->read_only);
    assert_true(permissions_have_number(find(w)->permissions, 4));
    assert_false(permissions_have_number(find(w)->permissions, 5));
    assert_true(find(w)->enabled);
}

/* They may have been meant to keep it out. */
static void test_permissions_that_do_not_parse_shut_the_client_out(void **state)
{
    struct world *w = *state;
    change(w, (struct change){.client_id = ID, .permissions = STR("{\"branches\":[4]}")});
    assert_false(find(w)->enabled);
    change(w, (struct change){.client_id = ID, .permissions = STR("")});
    assert_true(find(w)->enabled);
}

/* --- a restart ---------------------------------------------------------------------------- */

static struct saved_counts *open_saved(struct world *w)
{
    struct saved_counts *s = saved_counts_new(&w->hub, w->failures);
    assert_int_equal(saved_counts_load(s, w->reader, NOW_MS), ERR_OK);
    return s;
}

static void finish(struct world *w, struct saved_counts *s)
{
    assert_int_equal(saved_counts_finish(s, w->fixture->store, NOW_MS), ERR_OK);
    saved_counts_free(s);
}

/* A new directory and new failures, as after a restart. */
static void restart(struct world *w)
{
    gate_release(&w->gate);
    directory_hub_release(&w->hub);
    failures_free(w->failures);
    w->failures = failures_new();
    directory_hub_init(&w->hub, w->fixture->store, &w->keyring, &endpoints);
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
    gate_init(&w->gate, &w->hub, w->failures, w->policy);
}

static enum err count_failure_from(struct world *w, const char *text)
{
    const struct limit two = {2, 60};
    struct http_address a;
    int retry_after;
    assert_true(http_address_parse(str_from(text), &a));
    return failures_count(w->failures, &a, &two, NOW_S, &retry_after);
}

static void test_counts_outlive_a_restart(void **state)
{
    struct world *w = *state;
    int64_t remaining;
    struct saved_counts *s = open_saved(w);
    assert_null(saved_counts_begin(s, NOW_MS)); /* nothing to write */
    assert_remaining(w, 0, 2);
    assert_remaining(w, 0, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(count_failure_from(w, "2001:db8::"), ERR_OK);
    assert_int_equal(count_failure_from(w, "10.0.0.2"), ERR_OK);
    finish(w, s);
    restart(w);
    s = open_saved(w);
    assert_remaining(w, 0, 0);
    assert_int_equal(call(w, 0, &remaining), ERR_RATE_LIMIT);
    assert_int_equal(count_failure_from(w, "2001:db8::"), ERR_RATE_LIMIT);
    assert_int_equal(count_failure_from(w, "10.0.0.2"), ERR_OK); /* it had some left */
    assert_int_equal(count_failure_from(w, "10.0.0.2"), ERR_OK);
    finish(w, s);
}

static void test_only_what_changed_is_written(void **state)
{
    struct world *w = *state;
    struct saved_counts *s = open_saved(w);
    assert_remaining(w, 0, 2);
    struct store_write *write = saved_counts_begin(s, NOW_MS);
    assert_non_null(write);
    assert_null(saved_counts_begin(s, NOW_MS)); /* it is under way */
    assert_remaining(w, 0, 1);                  /* and meanwhile somebody counts */
    assert_int_equal(store_write_now(w->fixture->store, write), ERR_OK);
    saved_counts_end(s);
    write = saved_counts_begin(s, NOW_MS);
    assert_non_null(write);
    assert_int_equal(store_write_now(w->fixture->store, write), ERR_OK);
    saved_counts_end(s);
    assert_null(saved_counts_begin(s, NOW_MS));
    assert_int_equal(raw_i64(w->fixture->path, "SELECT requests FROM rate_windows"), 2);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT started_at FROM rate_windows"), NOW_MS);
    saved_counts_free(s);
}

static void test_what_could_not_be_written_is_written_later(void **state)
{
    struct world *w = *state;
    struct saved_counts *s = open_saved(w);
    assert_remaining(w, 0, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(count_failure_from(w, "10.0.0.1"), ERR_OK);
    struct store_write *write = saved_counts_begin(s, NOW_MS);
    assert_non_null(write);
    write->err = ERR_UNAVAILABLE; /* the store is full, or closing */
    saved_counts_end(s);
    finish(w, s);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT requests FROM rate_windows"), 1);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT requests FROM authentication_failures"), 2);
}

/* More than one write takes: the rest is in the next ones, and nothing is left. */
static void test_more_windows_than_one_write_takes(void **state)
{
    enum { CLIENTS = SAVED_COUNTS_MAX + 90 };
    struct world *w = *state;
    for (int i = 0; i < CLIENTS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "cl_n%d", i);
        struct make m = {.client_id = id, .secret = "s", .world = w, .write.apply = make_client};
        assert_int_equal(store_write_now(w->fixture->store, &m.write), ERR_OK);
    }
    assert_int_equal(directory_reload(&w->hub, w->reader), ERR_OK);
    struct saved_counts *s = open_saved(w);
    for (int i = 0; i < CLIENTS; i++) {
        char id[16];
        struct limit_state limit;
        snprintf(id, sizeof(id), "cl_n%d", i);
        assert_int_equal(call_endpoint(w, id, 0, NOW_MS, &limit), ERR_OK);
    }
    struct store_write *write = saved_counts_begin(s, NOW_MS);
    assert_int_equal(store_write_now(w->fixture->store, write), ERR_OK);
    saved_counts_end(s);
    int64_t first = raw_i64(w->fixture->path, "SELECT count(*) FROM rate_windows");
    assert_true(first > SAVED_COUNTS_MAX - (int64_t)endpoints.n && first <= SAVED_COUNTS_MAX);
    finish(w, s);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT count(*) FROM rate_windows"), CLIENTS);
}

/* Rows of windows that ended go, a few clients with each write, until none is left. */
static void test_ended_windows_are_removed(void **state)
{
    const int64_t later_ms = NOW_MS + 2 * 86400 * INT64_C(1000);
    struct world *w = *state;
    struct limit_state limit;
    add_client(w, (struct make){.client_id = "cl_2", .secret = "s"});
    struct saved_counts *s = open_saved(w);
    assert_remaining(w, 0, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(count_failure_from(w, "10.0.0.1"), ERR_OK);
    assert_int_equal(saved_counts_finish(s, w->fixture->store, NOW_MS), ERR_OK);
    assert_int_equal(call_endpoint(w, "cl_2", 0, later_ms, &limit), ERR_OK);
    assert_int_equal(saved_counts_finish(s, w->fixture->store, later_ms), ERR_OK);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT count(*) FROM rate_windows"), 1);
    assert_int_equal(raw_i64(w->fixture->path, "SELECT started_at FROM rate_windows"), later_ms);
    for (int i = 0; i < 2; i++)
        assert_int_equal(count_failure_from(w, "10.0.0.2"), ERR_OK);
    assert_int_equal(saved_counts_finish(s, w->fixture->store, later_ms), ERR_OK);
    assert_int_equal(raw_i64(w->fixture->path,
                             "SELECT count(*) FROM authentication_failures "
                             "WHERE address = '10.0.0.1'"),
                     0);
    saved_counts_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_default_plan),
        TEST(test_each_client_has_its_own),
        TEST(test_a_plan_is_in_force_at_once_and_counts_on),
        TEST(test_a_plan_that_does_not_parse),
        TEST(test_permissions_are_loaded),
        TEST(test_permissions_that_do_not_parse_shut_the_client_out),
        TEST(test_counts_outlive_a_restart),
        TEST(test_only_what_changed_is_written),
        TEST(test_what_could_not_be_written_is_written_later),
        TEST(test_more_windows_than_one_write_takes),
        TEST(test_ended_windows_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
