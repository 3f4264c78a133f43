/* Who syncs which account: what is claimed and given back, and that replicas that follow their
 * plans come to fair shares, whoever joins, leaves or dies. */
#define FIXTURE_REHEARSES true

#include "jobs/runner.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

#define T0         1704124800000
#define ACCOUNTS   31
#define ROUNDS_MAX 20

/* A write that runs a function of the test's. */
struct step {
    struct store_write write;
    enum err (*run)(struct step *s, struct tx *tx);
    int64_t replica, account, n;
    int64_t changed;
};

static enum err step_apply(struct store_write *w, struct tx *tx)
{
    struct step *s = CONTAINER_OF(w, struct step, write);
    return s->run(s, tx);
}

static struct step do_step(struct fixture *f, enum err (*run)(struct step *, struct tx *),
                           int64_t replica, int64_t n)
{
    struct step s = {.write.apply = step_apply, .run = run, .replica = replica, .n = n};
    assert_int_equal(store_write_now(f->store, &s.write), ERR_OK);
    return s;
}

static enum err make_accounts(struct step *s, struct tx *tx)
{
    char waba[24];
    int64_t workspace;
    enum err e = workspace_insert(tx, STR("books"), STR("Books"), T0, &workspace);
    for (int64_t i = 0; !e && i < s->n; i++) {
        snprintf(waba, sizeof(waba), "%lld", (long long)(900 + i));
        e = account_insert(tx, workspace, str_from(waba), STR("Books"), STR("sealed"), T0,
                           &s->account);
    }
    return e;
}

static enum err make_replica(struct step *s, struct tx *tx)
{
    return tx_i64(tx,
                  "INSERT INTO replicas (name, beat, batch, started_at) "
                  "VALUES ('host', 0, 0, 0) RETURNING id",
                  NO_PARAMS, &s->replica);
}

static enum err remove_replica(struct step *s, struct tx *tx)
{
    return tx_exec(tx, "DELETE FROM replicas WHERE id = $1", PARAMS(p_i64(s->replica)), NULL);
}

static int setup(void **state)
{
    int status = fixture_setup(state);
    do_step(*state, make_accounts, 0, ACCOUNTS);
    return status;
}

static int64_t held(struct fixture *f, int64_t replica)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM accounts WHERE replica_id = %lld",
             (long long)replica);
    return raw_i64(f->path, sql);
}

/* --- one replica at a time ---------------------------------------------------------------- */

static enum err claim(struct step *s, struct tx *tx)
{
    return lease_claim(tx, s->replica, s->n, &s->changed);
}

static enum err give_back(struct step *s, struct tx *tx)
{
    return lease_give_back(tx, s->n, s->replica);
}

static enum err take(struct step *s, struct tx *tx)
{
    return lease_take(tx, s->n, s->replica);
}

static enum err leave(struct step *s, struct tx *tx)
{
    return lease_leave(tx, s->replica);
}

static enum err unlink_one(struct step *s, struct tx *tx)
{
    return account_unlink(tx, s->n, T0);
}

static void test_an_account_is_claimed_once(void **state)
{
    struct fixture *f = *state;
    int64_t a = do_step(f, make_replica, 0, 0).replica, b = do_step(f, make_replica, 0, 0).replica;
    do_step(f, unlink_one, 0, 3);
    assert_int_equal(do_step(f, claim, a, 5).changed, 5);
    assert_int_equal(raw_i64(f->path, "SELECT max(id) FROM accounts WHERE replica_id = 1"), 6);
    assert_int_equal(do_step(f, claim, b, 100).changed, ACCOUNTS - 6);
    assert_int_equal(do_step(f, claim, a, 100).changed, 0);
    do_step(f, give_back, b, 1); /* it is not b's */
    assert_int_equal(held(f, a), 5);
    do_step(f, give_back, a, 1);
    assert_int_equal(do_step(f, claim, b, 100).changed, 1);
}

static void test_a_link_takes_the_account_and_an_unlink_frees_it(void **state)
{
    struct fixture *f = *state;
    int64_t a = do_step(f, make_replica, 0, 0).replica, b = do_step(f, make_replica, 0, 0).replica;
    do_step(f, claim, a, 100);
    do_step(f, take, b, 7);
    assert_int_equal(held(f, a), ACCOUNTS - 1);
    assert_int_equal(held(f, b), 1);
    do_step(f, take, 99, 7); /* a replica that is gone */
    assert_int_equal(held(f, b), 0);
    do_step(f, take, 0, 8);
    do_step(f, unlink_one, 0, 9);
    assert_int_equal(held(f, a), ACCOUNTS - 3);
    assert_int_equal(do_step(f, claim, b, 100).changed, 2);
}

static void test_a_dead_replica_holds_nothing_and_claims_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t a = do_step(f, make_replica, 0, 0).replica, b = do_step(f, make_replica, 0, 0).replica;
    do_step(f, claim, a, 100);
    do_step(f, remove_replica, a, 0);
    struct step late = {.write.apply = step_apply, .run = claim, .replica = a, .n = 100};
    assert_int_equal(store_write_now(f->store, &late.write), ERR_CONFLICT);
    assert_int_equal(do_step(f, claim, b, 100).changed, ACCOUNTS);
    do_step(f, leave, b, 0);
    assert_int_equal(held(f, b), 0);
}

static enum err confirm(struct step *s, struct tx *tx)
{
    return account_write_confirmed(tx, s->account, s->n);
}

static void test_a_confirmation_never_goes_back(void **state)
{
    struct fixture *f = *state;
    struct step s = {.write.apply = step_apply, .run = confirm, .account = 1, .n = T0 + 5000};
    assert_int_equal(store_write_now(f->store, &s.write), ERR_OK);
    s.n = T0 + 4000;
    assert_int_equal(store_write_now(f->store, &s.write), ERR_OK);
    assert_int_equal(raw_i64(f->path,
                             "SELECT confirmed_at - 1704124800000 FROM accounts "
                             "WHERE id = 1"),
                     5000);
    do_step(f, unlink_one, 0, 1);
    s.n = T0 + 6000;
    assert_int_equal(store_write_now(f->store, &s.write), ERR_OK);
    assert_int_equal(raw_i64(f->path,
                             "SELECT confirmed_at - 1704124800000 FROM accounts "
                             "WHERE id = 1"),
                     5000);
}

/* --- many that follow their plans --------------------------------------------------------- */

struct give {
    int64_t replica, left;
    int64_t accounts[ACCOUNTS];
    size_t n;
};

static enum err choose(void *arg, int64_t account_id, int64_t confirmed_at)
{
    struct give *g = arg;
    if (g->left > 0) {
        g->accounts[g->n++] = account_id;
        g->left--;
    }
    return confirmed_at ? ERR_OK : ERR_INTERNAL;
}

/* What a look and its write do; s->changed: something was done. */
static enum err follow_plan(struct step *s, struct tx *tx)
{
    struct lease_view view = {0};
    int64_t linked, claimed;
    enum err e = lease_look(tx, s->replica, &view);
    if (!e)
        e = lease_count(tx, &linked);
    if (e)
        return e;
    struct job_lease_plan plan = job_leases_plan(&view, linked);
    struct give give = {.replica = s->replica, .left = plan.give};
    if (!view.joined)
        e = lease_join(tx, s->replica);
    if (!e && plan.claim)
        e = lease_claim(tx, s->replica, plan.claim, &claimed);
    if (!e && plan.give)
        e = lease_each(tx, s->replica, choose, &give);
    for (size_t i = 0; !e && i < give.n; i++)
        e = lease_give_back(tx, give.accounts[i], s->replica);
    s->changed = plan.claim || plan.give || !view.joined;
    return e;
}

static void settle(struct fixture *f, const int64_t *replicas, size_t n)
{
    bool changed = true;
    for (int round = 0; changed; round++) {
        assert_true(round < ROUNDS_MAX);
        changed = false;
        for (size_t i = 0; i < n; i++)
            changed = do_step(f, follow_plan, replicas[i], 0).changed || changed;
    }
    int64_t share = (ACCOUNTS + (int64_t)n - 1) / (int64_t)n, all = 0;
    for (size_t i = 0; i < n; i++) {
        all += held(f, replicas[i]);
        assert_in_range(held(f, replicas[i]), 1, share);
    }
    assert_int_equal(all, ACCOUNTS);
}

static void test_shares_are_fair_whoever_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    int64_t replicas[5];
    for (size_t n = 0; n < ARRAY_LEN(replicas); n++) {
        replicas[n] = do_step(f, make_replica, 0, 0).replica;
        settle(f, replicas, n + 1);
    }
    do_step(f, make_replica, 0, 0); /* one that syncs nothing, as a command is */
    settle(f, replicas, 5);
    do_step(f, remove_replica, replicas[4], 0);
    settle(f, replicas, 4);
    do_step(f, leave, replicas[3], 0);
    settle(f, replicas, 3);
}

static void test_nobody_writes_once_all_is_shared_out(void **state)
{
    struct fixture *f = *state;
    int64_t replicas[2];
    for (size_t i = 0; i < 2; i++)
        replicas[i] = do_step(f, make_replica, 0, 0).replica;
    settle(f, replicas, 2);
    uint64_t generation = store_generation(f->store);
    settle(f, replicas, 2);
    assert_int_equal(store_generation(f->store), generation);
}

static void test_many_are_claimed_in_steps(void **state)
{
    (void)state;
    struct lease_view view = {.held = 0, .unclaimed = true, .replicas = 0};
    assert_int_equal(job_leases_plan(&view, 10000).claim, JOBS_LEASES_AT_ONCE);
    view = (struct lease_view){.held = 10000, .replicas = 2, .joined = true};
    assert_int_equal(job_leases_plan(&view, 10000).give, JOBS_LEASES_AT_ONCE);
    view = (struct lease_view){.held = 0, .replicas = 3, .joined = true};
    assert_int_equal(job_leases_plan(&view, 0).claim, 0);
    assert_int_equal(job_leases_plan(&view, 0).give, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_account_is_claimed_once),
        TEST(test_a_link_takes_the_account_and_an_unlink_frees_it),
        TEST(test_a_dead_replica_holds_nothing_and_claims_nothing),
        TEST(test_a_confirmation_never_goes_back),
        TEST(test_shares_are_fair_whoever_comes_and_goes),
        TEST(test_nobody_writes_once_all_is_shared_out),
        cmocka_unit_test(test_many_are_claimed_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
