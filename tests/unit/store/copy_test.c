/* Copies of a store in use, what they hold, and putting one into the place of everything. */
#include "base/file.h"
#include "store/copy.h"
#include "unit/store/fault_vfs.h"
#include "unit/store/load.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct world {
    struct fixture *f;
    char copy[128], safety[128];
};

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    void *fixture;
    assert_int_equal(fixture_setup(&fixture), 0);
    w->f = fixture;
    snprintf(w->copy, sizeof(w->copy), "%s/copy.db", w->f->folder);
    snprintf(w->safety, sizeof(w->safety), "%s/safety.db", w->f->folder);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *fixture = w->f;
    remove_database(w->copy);
    remove_database(w->safety);
    free(w);
    return fixture_teardown(&fixture);
}

static enum err copy_now(struct world *w, const char *path)
{
    struct store_copy copy = {.path = path};
    error_init(&w->f->error, &w->f->arena);
    return store_copy(w->f->store, &copy, &w->f->error);
}

static enum err replace_now(struct world *w)
{
    struct store_copy safety = {.path = w->safety};
    error_init(&w->f->error, &w->f->arena);
    return store_replace(w->f->store, w->copy, &safety, &w->f->error);
}

static void assert_says(struct world *w, const char *part)
{
    struct str says = w->f->error.message;
    if (!memmem(says.ptr, says.len, part, strlen(part)))
        fail_msg("'%.*s' does not say '%s'", STR_FMT(says), part);
}

static int64_t count_in(const char *path, const char *name)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM settings WHERE name LIKE '%s'", name);
    return raw_i64(path, sql);
}

static void test_a_copy(void **state)
{
    struct world *w = *state;
    assert_int_equal(put_now(w->f->store, "one", "1"), ERR_OK);
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    assert_int_equal(put_now(w->f->store, "two", "2"), ERR_OK);
    struct stat st;
    assert_int_equal(stat(w->copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(count_in(w->copy, "one"), 1);
    assert_int_equal(count_in(w->copy, "two"), 0);
    char beside[160];
    snprintf(beside, sizeof(beside), "%s-wal", w->copy); /* it needs nothing beside it */
    assert_int_equal(access(beside, F_OK), -1);
    assert_sound(w->copy);
    assert_int_equal(copy_now(w, w->copy), ERR_CONFLICT);

    struct store_facts facts;
    assert_int_equal(store_inspect(w->copy, &facts, &w->f->error), ERR_OK);
    assert_int_equal(facts.schema_version, store_schema_version());
    assert_true(facts.made_at > 0);
    const struct store_table *t = facts.tables;
    while (t && !str_eq(t->name, STR("settings")))
        t = t->next;
    assert_non_null(t);
    assert_int_equal(t->rows, 1);
}

static bool refuse(void *arg)
{
    return ++*(int *)arg < 2;
}

static void test_a_copy_that_is_ended(void **state)
{
    struct world *w = *state;
    char *big = xmalloc(20 * MIB + 1);
    memset(big, 'b', 20 * MIB);
    big[20 * MIB] = '\0';
    assert_int_equal(put_now(w->f->store, "big", big), ERR_OK);
    free(big);
    int asked = 0;
    struct store_copy copy = {.path = w->copy, .go_on = refuse, .arg = &asked};
    assert_int_equal(store_copy(w->f->store, &copy, &w->f->error), ERR_CLOSED);
    assert_int_equal(asked, 2);
    assert_int_equal(access(w->copy, F_OK), -1);
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    assert_int_equal(count_in(w->copy, "big"), 1);
}

static void test_damaged_files(void **state)
{
    struct world *w = *state;
    struct store_facts facts;
    assert_int_equal(put_now(w->f->store, "one", "1"), ERR_OK);
    assert_int_equal(store_inspect(w->copy, &facts, &w->f->error), ERR_IO); /* there is none */
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    assert_int_equal(truncate(w->copy, 3 * 4096), 0);
    assert_int_not_equal(store_inspect(w->copy, &facts, &w->f->error), ERR_OK);
    assert_says(w, "damaged");
    unlink(w->copy);
    assert_int_equal(
        file_create(w->copy, STR("a letter, and no database at all"), 0600, &w->f->error), ERR_OK);
    assert_int_not_equal(store_inspect(w->copy, &facts, &w->f->error), ERR_OK);
}

static void test_a_replacement(void **state)
{
    struct world *w = *state;
    struct store *s = w->f->store;
    struct store_reader *reader;
    struct tx *tx;
    char value[32];
    assert_int_equal(put_now(s, "one", "before"), ERR_OK);
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    assert_int_equal(put_now(s, "one", "after"), ERR_OK);
    assert_int_equal(put_now(s, "two", "after"), ERR_OK);
    assert_int_equal(store_reader_open(s, &reader, &w->f->error), ERR_OK);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "one", value, sizeof(value)).ptr, "after");
    uint64_t generation = store_generation(s);
    assert_int_equal(replace_now(w), ERR_OK);
    /* The reader's snapshot stays what it was, until it begins again. */
    assert_string_equal(get_setting(tx, "two", value, sizeof(value)).ptr, "after");
    assert_true(store_generation(s) > generation);
    assert_int_equal(store_read_begin(reader, &tx), ERR_OK);
    assert_string_equal(get_setting(tx, "one", value, sizeof(value)).ptr, "before");
    assert_string_equal(get_setting(tx, "two", value, sizeof(value)).ptr, "");
    store_reader_close(reader);
    assert_int_equal(count_in(w->safety, "two"), 1);
    assert_int_equal(put_now(s, "three", "on"), ERR_OK);
    fixture_close(w->f);
    fixture_open(w->f, false);
    assert_int_equal(count_in(w->f->path, "two"), 0);
    assert_int_equal(count_in(w->f->path, "three"), 1);
    assert_sound(w->f->path);
}

static enum err insert_workspace(struct store_write *write, struct tx *tx)
{
    return tx_exec(tx,
                   "INSERT INTO workspaces (domain, name, created_at, updated_at) "
                   "VALUES ('d' || (SELECT count(*) FROM workspaces), 'n', 1, 1)",
                   NO_PARAMS, NULL);
}

static void add_workspace(struct world *w)
{
    struct store_write write = {.apply = insert_workspace};
    assert_int_equal(store_write_now(w->f->store, &write), ERR_OK);
}

static void test_ids_are_never_given_out_again(void **state)
{
    struct world *w = *state;
    assert_int_equal(copy_now(w, w->copy), ERR_OK); /* the counter has no row yet */
    add_workspace(w);
    assert_int_equal(replace_now(w), ERR_OK);
    add_workspace(w);
    assert_int_equal(raw_i64(w->f->path, "SELECT max(id) FROM workspaces"), 2);
    remove_database(w->copy);
    remove_database(w->safety);
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    add_workspace(w);
    add_workspace(w);
    assert_int_equal(replace_now(w), ERR_OK);
    add_workspace(w);
    assert_int_equal(raw_i64(w->f->path, "SELECT max(id) FROM workspaces"), 5);
    assert_int_equal(raw_i64(w->f->path,
                             "SELECT count(*) FROM sqlite_sequence "
                             "WHERE name = 'workspaces'"),
                     1);
}

/* --- under load --------------------------------------------------------------------------- */

static void test_under_load(void **state)
{
    struct world *w = *state;
    struct load load = {0};
    load_start(&load, w->f->store);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(copy_now(w, w->copy), ERR_OK);
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
    assert_sound(w->f->path);
}

/* --- failing disks ------------------------------------------------------------------------ */

/* Whatever fails: all of the old is there, or all of the new, as the answer says; also in the files
 * as a crash would leave them, and after the next start. */
static bool replace_with_fault(enum fault fault, int at, bool lasting)
{
    void *state;
    setup(&state);
    struct world *w = state;
    assert_int_equal(put_now(w->f->store, "new", "1"), ERR_OK);
    assert_int_equal(copy_now(w, w->copy), ERR_OK);
    assert_int_equal(put_now(w->f->store, "old", "1"), ERR_OK);
    fault_arm(fault, at, lasting);
    enum err e = replace_now(w);
    bool fired = fault_disarm() > 0;
    int64_t old = e ? 1 : 0;
    assert_int_equal(count_in(w->f->path, "old"), old);
    assert_int_equal(put_now(w->f->store, "after", "1"), ERR_OK);
    assert_int_equal(count_in(w->f->path, "old"), old);
    fixture_close(w->f);
    fixture_open(w->f, false);
    assert_int_equal(count_in(w->f->path, "old"), old);
    assert_int_equal(count_in(w->f->path, "new"), 1);
    assert_int_equal(count_in(w->f->path, "after"), 1);
    assert_sound(w->f->path);
    teardown(&state);
    return fired;
}

static void test_writes_and_syncs_fail(void **state)
{
    static const struct {
        enum fault fault;
        bool lasting;
    } kinds[] = {{FAULT_WRITE, false}, {FAULT_SYNC, false}, {FAULT_FULL, true}, {FAULT_SYNC, true}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int lives = 0;
        for (int at = 1; replace_with_fault(kinds[i].fault, at, kinds[i].lasting); at += 1 + at / 8)
            lives++;
        assert_true(lives > 2);
    }
}

int main(void)
{
    fault_vfs_register();
    const struct CMUnitTest tests[] = {
        TEST(test_a_copy),
        TEST(test_a_copy_that_is_ended),
        TEST(test_damaged_files),
        TEST(test_a_replacement),
        TEST(test_ids_are_never_given_out_again),
        TEST(test_under_load),
        cmocka_unit_test(test_writes_and_syncs_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
