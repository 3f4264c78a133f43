/* A claim that could not be given back is given back later, once. */
#define FIXTURE_REHEARSES true

#include "api/left_claims.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#define MANY 20

static enum err fill_apply(struct store_write *w, struct tx *tx)
{
    enum err e = tx_exec(tx,
                         "INSERT INTO workspaces (id, domain, name, created_at, updated_at) "
                         "VALUES (1, 'acme', 'Acme', 1, 1)",
                         NO_PARAMS, NULL);
    if (!e)
        e = tx_exec(tx,
                    "INSERT INTO clients (id, workspace_id, client_id, name, secret, created_at, "
                    "updated_at) VALUES (1, 1, 'cl_1', 'One', $1, 1, 1)",
                    PARAMS(p_blob(STR("sealed"))), NULL);
    for (int64_t i = 1; !e && i <= MANY; i++)
        e = tx_exec(
            tx,
            "INSERT INTO idempotency (id, client_id, key, fingerprint, state, created_at, "
            "expires_at) VALUES ($1, 1, 'key:' || $1, $2, $3, 1, 1)",
            PARAMS(p_i64(i), p_blob(STR("f")), p_text(i == 3 ? STR("done") : STR("running"))),
            NULL);
    return e;
}

static int64_t count_rows(const struct fixture *f)
{
    return raw_i64(f->path, "SELECT count(*) FROM idempotency");
}

static void test_a_claim_is_given_back_when_the_store_is_there(void **state)
{
    struct fixture *f = *state;
    struct store_write fill = {.apply = fill_apply};
    static struct left_claims left;
    left_claims_init(&left);
    assert_int_equal(store_write_now(f->store, &fill), ERR_OK);
    assert_null(left_claims_begin(&left));
    for (int64_t i = 1; i <= 5; i++)
        left_claims_add(&left, i);

    struct store_write *w = left_claims_begin(&left);
    assert_non_null(w);
    assert_null(left_claims_begin(&left)); /* one at a time */
    w->err = ERR_UNAVAILABLE;
    left_claims_end(&left);
    assert_int_equal(count_rows(f), MANY);

    w = left_claims_begin(&left);
    left_claims_add(&left, 6); /* while it is under way: of the next time */
    assert_int_equal(store_write_now(f->store, w), ERR_OK);
    left_claims_end(&left);
    assert_int_equal(count_rows(f), MANY - 4); /* the third has its answer, and keeps it */

    w = left_claims_begin(&left);
    assert_int_equal(store_write_now(f->store, w), ERR_OK);
    left_claims_end(&left);
    assert_int_equal(count_rows(f), MANY - 5);
    assert_null(left_claims_begin(&left));
    left_claims_release(&left);
}

static void test_more_than_there_is_room_for_end_by_themselves(void **state)
{
    static struct left_claims left;
    left_claims_init(&left);
    for (int64_t i = 1; i <= LEFT_CLAIMS_MAX + 5; i++)
        left_claims_add(&left, i);
    assert_int_equal(left.n, LEFT_CLAIMS_MAX);
    left_claims_release(&left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_claim_is_given_back_when_the_store_is_there),
        TEST(test_more_than_there_is_room_for_end_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
