/* Copies of a store on PostgreSQL, which are files of SQLite, and putting one into the place of
 * everything there. */
#include "store/copy.h"
#include "unit/store/load.h"
#include "unit/store/server.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct world {
    struct served *served;
    struct store *store;
    struct error *error;
    char folder[64], copy[128], safety[128];
};

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    void *served;
    served_setup(&served);
    w->served = served;
    w->store = w->served->f.store;
    w->error = &w->served->f.error;
    snprintf(w->folder, sizeof(w->folder), "/tmp/copy-test-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->copy, sizeof(w->copy), "%s/copy.db", w->folder);
    snprintf(w->safety, sizeof(w->safety), "%s/safety.db", w->folder);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *served = w->served;
    remove_database(w->copy);
    remove_database(w->safety);
    assert_int_equal(rmdir(w->folder), 0);
    free(w);
    return served_teardown(&served);
}

static enum err copy_now(struct world *w)
{
    struct store_copy copy = {.path = w->copy};
    error_init(w->error, w->error->arena);
    return store_copy(w->store, &copy, w->error);
}

static enum err replace_now(struct world *w)
{
    struct store_copy safety = {.path = w->safety};
    error_init(w->error, w->error->arena);
    return store_replace(w->store, w->copy, &safety, w->error);
}

static int64_t ask(struct world *w, const char *sql)
{
    return server_i64(w->served->url, sql);
}

static enum err insert_workspace(struct store_write *write, struct tx *tx)
{
    return tx_exec(tx,
                   "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                   "VALUES ('d' || (SELECT count(*) FROM workspaces), 'الهدهد', 1, 1)",
                   NO_PARAMS, NULL);
}

static void add_workspace(struct world *w)
{
    struct store_write write = {.apply = insert_workspace};
    assert_int_equal(store_write_now(w->store, &write), ERR_OK);
}

static void test_a_copy(void **state)
{
    struct world *w = *state;
    add_workspace(w);
    assert_int_equal(put_now(w->store, "one", "1"), ERR_OK);
    assert_int_equal(copy_now(w), ERR_OK);
    assert_int_equal(put_now(w->store, "two", "2"), ERR_OK);
    struct stat st;
    assert_int_equal(stat(w->copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    char beside[160];
    snprintf(beside, sizeof(beside), "%s-wal", w->copy); /* it needs nothing beside it */
    assert_int_equal(access(beside, F_OK), -1);
    assert_sound(w->copy);
    assert_int_equal(raw_i64(w->copy, "SELECT count(*) FROM settings"), 1);
    assert_int_equal(raw_i64(w->copy, "SELECT count(*) FROM workspaces WHERE name = 'الهدهد'"), 1);
    assert_int_equal(raw_i64(w->copy, "SELECT count(*) FROM replicas"), 0);
    assert_int_equal(raw_i64(w->copy, "SELECT count(*) FROM store_state"), 1);

    struct store_facts facts;
    assert_int_equal(store_inspect(w->copy, &facts, w->error), ERR_OK);
    assert_int_equal(facts.schema_version, store_schema_version());
    assert_int_equal(facts.made_at, ask(w, "SELECT min(applied_at) FROM schema_version"));
    assert_int_equal(copy_now(w), ERR_CONFLICT);
}

static bool refuse(void *arg)
{
    return false;
}

static void test_a_copy_that_is_ended(void **state)
{
    struct world *w = *state;
    struct store_copy copy = {.path = w->copy, .go_on = refuse};
    assert_int_equal(store_copy(w->store, &copy, w->error), ERR_CLOSED);
    assert_int_equal(access(w->copy, F_OK), -1);
    assert_int_equal(copy_now(w), ERR_OK);
}

static void test_a_replacement(void **state)
{
    struct world *w = *state;
    struct store *s = w->store;
    struct store_reader *reader;
    struct tx *tx;
    char value[32];
    add_workspace(w);
    assert_int_equal(put_now(s, "one", "before"), ERR_OK);
    assert_int_equal(copy_now(w), ERR_OK);
    add_workspace(w);
    assert_int_equal(put_now(s, "one", "after"), ERR_OK);
    assert_int_equal(put_now(s, "two", "after"), ERR_OK);
    assert_int_equal(store_reader_open(s, &reader, w->error), ERR_OK);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "one", value, sizeof(value)).ptr, "after");
    int64_t directory = ask(w, "SELECT directory FROM store_state");
    uint64_t generation = store_generation(s);
    if (replace_now(w))
        fail_msg("%.*s", STR_FMT(w->error->message));
    /* The reader's snapshot stays what it was, until it begins again. */
    assert_string_equal(get_setting(tx, "two", value, sizeof(value)).ptr, "after");
    assert_true(store_generation(s) > generation);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "one", value, sizeof(value)).ptr, "before");
    assert_string_equal(get_setting(tx, "two", value, sizeof(value)).ptr, "");
    store_reader_close(reader);
    assert_sound(w->safety);
    assert_int_equal(raw_i64(w->safety, "SELECT count(*) FROM settings"), 2);
    assert_true(ask(w, "SELECT directory FROM store_state") > directory);
    assert_int_equal(ask(w, "SELECT count(*) FROM replicas"), 1);
    add_workspace(w); /* ids that were given out stay used */
    assert_int_equal(ask(w, "SELECT max(id) FROM workspaces"), 3);
    assert_int_equal(ask(w, "SELECT count(*) FROM workspaces"), 2);
}

static void test_a_replacement_that_fails(void **state)
{
    struct world *w = *state;
    assert_int_equal(put_now(w->store, "one", "1"), ERR_OK);
    assert_int_not_equal(replace_now(w), ERR_OK); /* there is no file */
    remove_database(w->safety);
    assert_int_equal(copy_now(w), ERR_OK);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(w->copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                                  "VALUES ('d', CAST(x'FF' AS TEXT), 1, 1)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(put_now(w->store, "two", "2"), ERR_OK);
    assert_int_equal(replace_now(w), ERR_VALIDATION);
    assert_int_equal(ask(w, "SELECT count(*) FROM settings"), 2);
    assert_int_equal(put_now(w->store, "three", "3"), ERR_OK);
    assert_int_equal(ask(w, "SELECT count(*) FROM settings"), 3);
}

/* --- under load --------------------------------------------------------------------------- */

static void test_under_load(void **state)
{
    struct world *w = *state;
    struct load load = {0};
    load_start(&load, w->store);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(copy_now(w), ERR_OK);
        assert_sound(w->copy);
        assert_int_equal(raw_i64(w->copy,
                                 "SELECT count(DISTINCT value) <= 1 FROM settings "
                                 "WHERE name IN ('left', 'right')"),
                         1);
        assert_int_equal(replace_now(w), ERR_OK);
        assert_sound(w->safety);
        remove_database(w->copy);
        remove_database(w->safety);
    }
    load_stop(&load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_copy),        TEST(test_a_copy_that_is_ended),
        TEST(test_a_replacement), TEST(test_a_replacement_that_fails),
        TEST(test_under_load),
    };
    return server_is_there() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
