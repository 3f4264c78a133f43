/* A signature that is still taken has no second effect. */
#include "unit/api/world.h"

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)

static enum err things_add(struct call *call)
{
    int64_t n;
    enum err e = tx_i64(call->tx,
                        "INSERT INTO settings (name, value) SELECT 'thing ' || count(*), '' "
                        "FROM settings RETURNING (SELECT count(*) FROM settings)",
                        NO_PARAMS, &n);
    if (e)
        return e;
    call_begin_message(call, "Thing added successfully");
    json_i64(&call->out, n);
    call_end(call);
    return ERR_OK;
}

static int64_t count_things(const struct api_world *w)
{
    return raw_i64(w->world->fixture->path, "SELECT count(*) FROM settings");
}

const struct route things[] = {
    {HTTP_POST, "/things", WRITE, LIMIT_WRITE, NULL, things_add, NULL, NULL},
    {0},
};

/* Twice within one second, so that the second is as old as the first. False when that did not
 * happen. */
static bool ask_twice(struct api_world *w, struct say say, int *ret_first, bool *ret_replayed)
{
    int64_t began = clock_now_ms() / 1000;
    *ret_first = ask(w, say)->status;
    *ret_replayed = header_of(ask(w, say), "Idempotent-Replayed") != NULL;
    return clock_now_ms() / 1000 == began;
}

/* The gate takes a timestamp to the end of its last second: so long its effect is remembered. */
static void test_in_the_last_second_of_the_longest_window(void **state)
{
    struct api_world *w = *state;
    char query[16] =
        ""; /* another one for each try, or a second one would be the first one's retry */
    const struct say say = {
        .method = "POST", .path = "/things", .query = query, .age_s = SIGN_WINDOW_MAX_S};
    int first;
    bool replayed;
    w->world->policy->sign_window_s = SIGN_WINDOW_MAX_S;
    int64_t before = count_things(w);
    for (int n = 1; !ask_twice(w, say, &first, &replayed); n++) {
        before = count_things(w);
        snprintf(query, sizeof(query), "?n=%d", n);
    }
    assert_int_equal(first, 200);
    assert_true(replayed);
    assert_int_equal(count_things(w), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_the_last_second_of_the_longest_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
