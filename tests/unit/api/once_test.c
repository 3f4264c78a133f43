/* A signature that is still taken has no second effect. */
#include "api/handlers.h"
#include "model/account.h"
#include "model/number.h"
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
    {HTTP_DELETE, "/workspaces/{domain}/waba-numbers/{id}", WRITE, LIMIT_WRITE, NULL,
     admin_numbers_unlink, NULL, NULL},
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

static enum err add_number(struct store_write *w, struct tx *tx)
{
    int64_t account, id;
    struct number n = {.workspace_id = 1,
                       .facts = {.phone_number_id = STR("70000"),
                                 .phone_number = STR("966500000000"),
                                 .verified_name = STR("متجر الهدهد"),
                                 .quality_rating = STR("GREEN"),
                                 .meta_status = STR("CONNECTED"),
                                 .reasons = STR("[]")},
                       .status = STR("CONNECTED"),
                       .created_at = NOW_MS};
    enum err e =
        account_insert(tx, 1, STR("9000"), STR("Account"), STR("sealed"), NOW_MS, &account);
    n.account_id = account;
    return e ? e : number_insert(tx, &n, &id);
}

/* The world runs each write twice: the second run finds the path as the first one did. */
static void test_what_is_run_again_is_the_same_call(void **state)
{
    struct api_world *w = *state;
    struct store_write add = {.apply = add_number};
    assert_int_equal(store_write_now(w->world->fixture->store, &add), ERR_OK);
    const struct say say = {.method = "DELETE", .path = "/workspaces/acme/waba-numbers/70000"};
    struct heard *h = ask(w, say);
    assert_int_equal(h->status, 200);
    assert_non_null(strstr(h->body.ptr, "\"phone_number_id\":\"70000\""));
    assert_int_equal(
        raw_i64(w->world->fixture->path, "SELECT count(*) FROM numbers WHERE unlinked_at IS NULL"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_the_last_second_of_the_longest_window),
        TEST(test_what_is_run_again_is_the_same_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
