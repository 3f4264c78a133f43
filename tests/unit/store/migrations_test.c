/* Forward only, one transaction each, and never a database from a newer version. */
#include "store/migrations.h"
#include "unit/store/fixture.h"

static const char step_1[] =
    "CREATE TABLE schema_version (version {int} PRIMARY KEY,"
    " applied_at {int} NOT NULL) {strict};"
    "CREATE TABLE things (id {id}, bytes {blob} NOT NULL) {strict};";
static const char step_2[] = "ALTER TABLE things ADD COLUMN name text;";
static const char broken[] = "ALTER TABLE things ADD COLUMN other text; SELECT nonsense;";

static struct tx open_plain(struct fixture *f, bool create)
{
    struct store_options options = {.path = f->path, .create = create};
    struct connection *c;
    struct tx tx;
    assert_int_equal(sqlite_engine.open(&options, &c, &f->error), ERR_OK);
    tx_init(&tx, c);
    return tx;
}

static void test_steps_run_once_each_and_a_broken_one_leaves_nothing(void **state)
{
    static const char *const old[] = {step_1}, *const bad[] = {step_1, step_2, broken};
    struct fixture f;
    fixture_init(&f);
    struct tx tx = open_plain(&f, true);
    assert_int_equal(migrations_run(&tx, old, 1, true, f.path, &f.error), ERR_OK);
    assert_int_equal(migrations_run(&tx, old, 1, false, f.path, &f.error), ERR_OK);
    tx_release(&tx);
    tx = open_plain(&f, false);
    assert_int_equal(migrations_run(&tx, bad, 3, false, f.path, &f.error), ERR_INTERNAL);
    assert_true(str_starts(f.error.message, STR("cannot bring the database")));
    tx_release(&tx);
    assert_int_equal(raw_i64(f.path, "SELECT max(version) FROM schema_version"), 2);
    assert_int_equal(raw_i64(f.path, "SELECT count(*) FROM pragma_table_info('things')"), 3);
    fixture_release(&f);
}

static enum err from_the_future(struct store_write *w, struct tx *tx)
{
    return tx_exec(tx, "INSERT INTO schema_version (version, applied_at) VALUES (99, 1)", NO_PARAMS,
                   NULL);
}

static void test_a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_write write = {.apply = from_the_future};
    assert_int_equal(store_write_now(f->store, &write), ERR_OK);
    fixture_close(f);
    struct store_options options = {.path = f->path};
    assert_int_equal(store_open(&options, &f->store, &f->error), ERR_CONFLICT);
    char message[256], knows[32];
    snprintf(message, sizeof(message), "%.*s", STR_FMT(f->error.message));
    snprintf(knows, sizeof(knows), "knows version %zu,", migrations_count);
    assert_non_null(strstr(message, knows));
    assert_non_null(strstr(message, "is version 99: install the newer hudhud"));
}

static void test_the_list_of_numbers_comes_from_its_index(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(raw_i64(f->path, "SELECT max(version) FROM schema_version"), migrations_count);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "EXPLAIN QUERY PLAN SELECT * FROM numbers WHERE "
                                        "workspace_id = 1 AND unlinked_at IS NULL ORDER BY id",
                                        -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(st, 3), "USING INDEX numbers_listed"));
    assert_int_equal(sqlite3_step(st), SQLITE_DONE); /* no sorting */
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_run_once_each_and_a_broken_one_leaves_nothing),
        cmocka_unit_test_setup_teardown(test_a_newer_database_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_list_of_numbers_comes_from_its_index,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
