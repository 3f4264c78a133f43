/* What a sync writes, and what it does not: rows, history, times. */
#define FIXTURE_REHEARSES true

#include "model/account_sync.h"
#include "model/workspace.h"
#include "unit/store/fixture.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

#define T0 1704124800000

/* One write that runs a function of the test's. */
struct job {
    struct store_write write;
    struct arena arena;
    enum err (*run)(struct job *j, struct tx *tx);
    int64_t workspace_id, account_id, now;
    int64_t asked_at; /* 0: now */
    int64_t revision; /* of the row when it was asked; 0: as it stands */
    const char *source;
    bool linking;
    const struct number_facts *facts;
    size_t n_facts;
    int64_t templates;
    const char *refused;
    struct str why;
    struct account_outcome outcome;
};

static enum err job_apply(struct store_write *w, struct tx *tx)
{
    struct job *j = CONTAINER_OF(w, struct job, write);
    return j->run(j, tx);
}

static enum err job_run(struct fixture *f, struct job *j,
                        enum err (*run)(struct job *, struct tx *))
{
    j->run = run;
    j->write.apply = job_apply;
    arena_init(&j->arena, 8 * MIB);
    enum err e = store_write_now(f->store, &j->write);
    arena_release(&j->arena);
    return e;
}

static enum err make_account(struct job *j, struct tx *tx)
{
    enum err e = ERR_OK;
    if (j->why.len)
        e = workspace_insert(tx, j->why, STR("مكتبة"), T0, &j->workspace_id);
    return e ? e
             : account_insert(tx, j->workspace_id, str_from(j->source), STR("Books"), STR("sealed"),
                              T0, &j->account_id);
}

static enum err sync_account(struct job *j, struct tx *tx)
{
    struct account a;
    struct account_cause cause = {j->source, j->linking, j->asked_at ? j->asked_at : j->now, j->now,
                                  j->revision};
    struct account_facts facts = {STR("Books"), j->templates, j->facts, j->n_facts};
    enum err e = account_find(tx, j->account_id, &j->arena, &a);
    if (e)
        return e;
    if (!j->revision)
        cause.revision = a.revision;
    if (j->refused)
        return account_apply_refusal(tx, &a, j->refused, j->why, &cause, &j->arena, &j->outcome);
    return account_apply_facts(tx, &a, &facts, &cause, &j->arena, &j->outcome);
}

static enum err unlink_number(struct job *j, struct tx *tx)
{
    return number_unlink(tx, j->account_id, j->now);
}

static int setup(void **state)
{
    int status = fixture_setup(state);
    struct job a = {.why = STR("books"), .source = "100"};
    struct job b = {.why = STR("other"), .source = "300"};
    assert_int_equal(job_run(*state, &a, make_account), ERR_OK);
    assert_int_equal(a.account_id, 1);
    struct job second = {.workspace_id = a.workspace_id, .source = "200"};
    assert_int_equal(job_run(*state, &second, make_account), ERR_OK);
    assert_int_equal(job_run(*state, &b, make_account), ERR_OK);
    assert_int_equal(b.account_id, 3);
    return status;
}

static struct number_facts facts(const char *id, const char *quality, const char *status)
{
    return (struct number_facts){
        .phone_number_id = str_from(id),
        .phone_number = STR("96650000000"),
        .verified_name = STR("مكتبة الهدهد"),
        .quality_rating = str_from(quality),
        .meta_status = str_from(status),
        .reasons = STR("[]"),
    };
}

static struct account_outcome sync_now(struct fixture *f, int64_t account, int64_t now,
                                       struct number_facts *list, size_t n, bool linking)
{
    struct job j = {.account_id = account,
                    .now = now,
                    .source = linking ? "api" : "poll",
                    .linking = linking,
                    .facts = list,
                    .n_facts = n,
                    .templates = 3};
    account_facts_sort(list, n);
    assert_int_equal(job_run(f, &j, sync_account), ERR_OK);
    return j.outcome;
}

static int64_t count(struct fixture *f, const char *what)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
    return raw_i64(f->path, sql);
}

static int64_t value(struct fixture *f, const char *sql)
{
    return raw_i64(f->path, sql);
}

static void test_nothing_changed_nothing_written(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED"),
                                  facts("12", "YELLOW", "PENDING")};
    assert_int_equal(sync_now(f, 1, T0, list, 2, true).added, 2);
    uint64_t generation = store_generation(f->store);
    for (int i = 1; i <= 3; i++) {
        struct account_outcome o = sync_now(f, 1, T0 + i * 1000, list, 2, false);
        assert_int_equal(o.added + o.changed + o.vanished, 0);
    }
    assert_int_equal(store_generation(f->store), generation);
    assert_int_equal(count(f, "number_changes"), 0);
    assert_int_equal(value(f, "SELECT max(updated_at) FROM numbers"), T0);
}

static void test_each_change_has_its_row_of_history(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 1, true);
    list[0].quality_rating = STR("RED");
    list[0].meta_status = STR("BANNED");
    list[0].verified_name = STR("الهدهد");
    assert_int_equal(sync_now(f, 1, T0 + 5000, list, 1, false).changed, 1);
    assert_int_equal(count(f,
                           "number_changes WHERE field = 'quality_rating' AND "
                           "from_value = 'GREEN' AND to_value = 'RED' AND source = 'poll'"),
                     1);
    assert_int_equal(count(f,
                           "number_changes WHERE field = 'status' AND from_value = 'CONNECTED' "
                           "AND to_value = 'DISCONNECTED'"),
                     1);
    assert_int_equal(count(f,
                           "number_changes WHERE field = 'verified_name' AND "
                           "from_value = 'مكتبة الهدهد' AND to_value = 'الهدهد'"),
                     1);
    assert_int_equal(count(f, "number_changes WHERE field = 'meta_status'"), 1);
    assert_int_equal(count(f, "number_changes"), 4);
    assert_int_equal(count(f,
                           "numbers WHERE previous_quality_rating = 'GREEN' AND "
                           "quality_changed_at = updated_at"),
                     1);
    assert_int_equal(value(f, "SELECT updated_at FROM numbers"), T0 + 5000);
}

static void test_health_alone_leaves_updated_at(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 1, true);
    list[0].messaging_limit = STR("TIER_10K");
    assert_int_equal(sync_now(f, 1, T0 + 5000, list, 1, false).changed, 1);
    assert_int_equal(value(f, "SELECT updated_at FROM numbers"), T0);
    assert_int_equal(count(f,
                           "number_changes WHERE field = 'messaging_limit' AND "
                           "from_value IS NULL AND to_value = 'TIER_10K'"),
                     1);
}

static void test_a_template_count_moves_every_number(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED"),
                                  facts("12", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 2, true);
    struct job j = {.account_id = 1,
                    .now = T0 + 9000,
                    .source = "poll",
                    .facts = list,
                    .n_facts = 2,
                    .templates = 4};
    assert_int_equal(job_run(f, &j, sync_account), ERR_OK);
    assert_int_equal(
        count(f, "numbers WHERE message_template_count = 4 AND updated_at > created_at"), 2);
    assert_int_equal(value(f, "SELECT template_count FROM accounts WHERE id = 1"), 4);
}

static void test_a_number_that_vanished_is_disconnected_with_a_reason(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED"),
                                  facts("12", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 2, true);
    assert_int_equal(sync_now(f, 1, T0 + 1000, list, 1, false).vanished, 1);
    assert_int_equal(count(f,
                           "numbers WHERE phone_number_id = '12' AND status = 'DISCONNECTED' AND "
                           "reasons LIKE '%no longer lists%' AND unlinked_at IS NULL"),
                     1);
    assert_int_equal(count(f, "numbers WHERE phone_number_id = '11' AND status = 'CONNECTED'"), 1);
    assert_int_equal(sync_now(f, 1, T0 + 2000, list, 1, false).vanished, 0);
    sync_now(f, 1, T0 + 3000, list, 2, false);
    assert_int_equal(count(f, "numbers WHERE status = 'CONNECTED' AND reasons = '[]'"), 2);
    assert_int_equal(count(f, "number_changes WHERE field = 'status'"), 2);
}

static enum err refuse(struct fixture *f, int64_t now, const char *why)
{
    struct job j = {.account_id = 1,
                    .now = now,
                    .source = "poll",
                    .refused = ACCOUNT_TOKEN_REFUSED,
                    .why = str_from(why)};
    return job_run(f, &j, sync_account);
}

/* Meta's message tells the time of day, so it is another each time. */
static void test_a_refused_token_is_one_change(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 1, true);
    assert_int_equal(refuse(f, T0 + 1000, "expired; the time is 10:00"), ERR_OK);
    uint64_t generation = store_generation(f->store);
    assert_int_equal(refuse(f, T0 + 2000, "expired; the time is 10:15"), ERR_OK);
    assert_int_equal(store_generation(f->store), generation);
    assert_int_equal(
        count(f, "accounts WHERE state = 'token_refused' AND state_reason LIKE '%10:00'"), 1);
    assert_int_equal(count(f, "numbers WHERE status = 'DISCONNECTED' AND reasons LIKE '%190%'"), 1);
    sync_now(f, 1, T0 + 3000, list, 1, false);
    assert_int_equal(count(f, "accounts WHERE state = 'ok' AND state_reason IS NULL AND id = 1"),
                     1);
    assert_int_equal(count(f, "numbers WHERE status = 'CONNECTED' AND reasons = '[]'"), 1);
}

static void test_an_unlinked_number_stays_away_until_it_is_linked(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED"),
                                  facts("12", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 2, true);
    struct job j = {.account_id = 2 /* the number's id */, .now = T0 + 500};
    assert_int_equal(job_run(f, &j, unlink_number), ERR_OK);
    list[1].quality_rating = STR("RED");
    assert_int_equal(sync_now(f, 1, T0 + 1000, list, 2, false).added, 0);
    assert_int_equal(count(f, "numbers WHERE unlinked_at IS NULL"), 1);
    assert_int_equal(sync_now(f, 1, T0 + 2000, list, 2, true).added, 1);
    assert_int_equal(count(f, "numbers"), 2);
    assert_int_equal(count(f,
                           "numbers WHERE id = 2 AND unlinked_at IS NULL AND "
                           "quality_rating = 'RED' AND created_at = updated_at"),
                     1);
}

static void test_a_number_moves_between_accounts_of_its_workspace_only(void **state)
{
    struct fixture *f = *state;
    struct number_facts list[] = {facts("11", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, list, 1, true);
    struct account_outcome o = sync_now(f, 3, T0 + 1000, list, 1, true);
    assert_int_equal(o.elsewhere, 1);
    assert_int_equal(o.added, 0);
    assert_int_equal(value(f, "SELECT account_id FROM numbers"), 1);
    sync_now(f, 2, T0 + 2000, list, 1, false);
    assert_int_equal(value(f, "SELECT account_id FROM numbers"), 2);
    assert_int_equal(count(f, "numbers"), 1);
    /* The account that is left without numbers is unlinked, and its token forgotten. */
    assert_int_equal(count(f,
                           "accounts WHERE id = 1 AND unlinked_at IS NOT NULL AND "
                           "length(access_token) = 0"),
                     1);
    assert_int_equal(count(f, "accounts WHERE id = 2 AND unlinked_at IS NULL"), 1);
}

/* A question that was asked before a link is answered after it: what it knows is older. */
static void test_an_older_answer_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct number_facts old[] = {facts("11", "GREEN", "CONNECTED")};
    struct number_facts fresh[] = {facts("11", "RED", "CONNECTED"),
                                   facts("12", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, old, 1, true);
    sync_now(f, 1, T0 + 5000, fresh, 2, true);
    struct job late = {.account_id = 1,
                       .now = T0 + 6000,
                       .asked_at = T0 + 9000, /* as a clock tells that is ahead */
                       .revision = value(f, "SELECT revision FROM accounts WHERE id = 1") - 1,
                       .source = "poll",
                       .facts = old,
                       .n_facts = 1,
                       .templates = 3};
    assert_int_equal(job_run(f, &late, sync_account), ERR_OK);
    assert_true(late.outcome.superseded);
    late.refused = ACCOUNT_TOKEN_REFUSED;
    late.why = STR("expired");
    assert_int_equal(job_run(f, &late, sync_account), ERR_OK);
    assert_true(late.outcome.superseded);
    assert_int_equal(count(f, "numbers WHERE status = 'CONNECTED'"), 2);
    assert_int_equal(count(f, "numbers WHERE quality_rating = 'RED'"), 1);
    assert_int_equal(count(f, "number_changes"), 1);
    assert_int_equal(value(f, "SELECT confirmed_at FROM accounts WHERE id = 1"), T0 + 5000);
}

/* An answer about the account that a number was moved away from does not take it back. */
static void test_an_older_answer_takes_no_number_back(void **state)
{
    struct fixture *f = *state;
    struct number_facts both[] = {facts("11", "GREEN", "CONNECTED"),
                                  facts("12", "GREEN", "CONNECTED")};
    struct number_facts moved[] = {facts("12", "GREEN", "CONNECTED")};
    sync_now(f, 1, T0, both, 2, true);
    int64_t before = value(f, "SELECT revision FROM accounts WHERE id = 1");
    sync_now(f, 2, T0 + 1000, moved, 1, false);
    struct job late = {.account_id = 1,
                       .now = T0 + 2000,
                       .revision = before,
                       .source = "poll",
                       .facts = both,
                       .n_facts = 2,
                       .templates = 3};
    assert_int_equal(job_run(f, &late, sync_account), ERR_OK);
    assert_true(late.outcome.superseded);
    assert_int_equal(value(f, "SELECT account_id FROM numbers WHERE phone_number_id = '12'"), 2);
}

/* --- a property: whatever Meta says, in whatever order, the rows say the same and history is a
 * chain */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void test_rows_follow_meta_and_history_is_a_chain(void **state)
{
    static const char *const ids[] = {"11", "12", "13", "14", "15"};
    static const char *const qualities[] = {"GREEN", "YELLOW", "RED", "UNKNOWN"};
    static const char *const statuses[] = {"CONNECTED", "FLAGGED", "BANNED", "PENDING"};
    struct fixture *f = *state;
    uint64_t seed = 7;
    struct number_facts list[ARRAY_LEN(ids)];
    size_t n = 0;
    for (int round = 0; round < 120; round++) {
        n = 0;
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
            if (next_random(&seed) % 4)
                list[n++] = facts(ids[i], qualities[next_random(&seed) % 4],
                                  statuses[next_random(&seed) % 4]);
        sync_now(f, 1, T0 + round * 1000, list, n, false);
    }
    for (size_t i = 0; i < n; i++) {
        char where[256];
        snprintf(where, sizeof(where),
                 "numbers WHERE phone_number_id = '%.*s' AND quality_rating = '%.*s' AND "
                 "meta_status = '%.*s' AND status = '%.*s'",
                 STR_FMT(list[i].phone_number_id), STR_FMT(list[i].quality_rating),
                 STR_FMT(list[i].meta_status), STR_FMT(number_status(list[i].meta_status)));
        assert_int_equal(count(f, where), 1);
    }
    assert_int_equal(count(f,
                           "number_changes c JOIN number_changes p ON p.id = (SELECT max(id) FROM "
                           "number_changes q WHERE q.number_id = c.number_id AND "
                           "q.field = c.field AND q.id < c.id) "
                           "WHERE c.from_value IS NOT p.to_value"),
                     0);
    assert_int_equal(count(f, "number_changes WHERE from_value IS to_value"), 0);
    assert_true(count(f, "number_changes") > 100);
}

static void test_mapping_of_quality_and_status(void **state)
{
    static const char *const connected[] = {"CONNECTED", "FLAGGED", "RATE_LIMITED"};
    static const char *const others[] = {"PENDING", "DISCONNECTED", "UNVERIFIED",   "RESTRICTED",
                                         "BANNED",  "MIGRATED",     "DELETED",      "UNKNOWN",
                                         "",        "connected",    "SOMETHING_NEW"};
    for (size_t i = 0; i < ARRAY_LEN(connected); i++)
        assert_true(str_eq(number_status(str_from(connected[i])), STR("CONNECTED")));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_true(str_eq(number_status(str_from(others[i])), STR("DISCONNECTED")));
    assert_true(str_eq(number_quality(STR("GREEN")), STR("GREEN")));
    assert_true(str_eq(number_quality(STR("YELLOW")), STR("YELLOW")));
    assert_true(str_eq(number_quality(STR("RED")), STR("RED")));
    assert_true(str_eq(number_quality(STR("NA")), STR("UNKNOWN")));
    assert_true(str_eq(number_quality(STR("UNKNOWN")), STR("UNKNOWN")));
    assert_true(str_eq(number_quality(STR("")), STR("UNKNOWN")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping_of_quality_and_status),
        TEST(test_nothing_changed_nothing_written),
        TEST(test_each_change_has_its_row_of_history),
        TEST(test_health_alone_leaves_updated_at),
        TEST(test_a_template_count_moves_every_number),
        TEST(test_a_number_that_vanished_is_disconnected_with_a_reason),
        TEST(test_a_refused_token_is_one_change),
        TEST(test_an_unlinked_number_stays_away_until_it_is_linked),
        TEST(test_a_number_moves_between_accounts_of_its_workspace_only),
        TEST(test_an_older_answer_changes_nothing),
        TEST(test_an_older_answer_takes_no_number_back),
        TEST(test_rows_follow_meta_and_history_is_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
